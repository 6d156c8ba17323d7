//! Why something is not done, as values: a person who is left alone (`block`), and the exit code that follows from it
//! (`exit`). Reasons are stored and compared as they are here; what people read of them is made in `report::words`, in
//! the reader's language and nowhere else.

mod block;
pub mod exit;

pub use block::{
    BadGroup, BadUsername, Block, BlockKind, BlockReason, Blocked, NameInUse, Pending, StatusDoubt, UndoMoved,
};
pub use exit::Exit;
