//! Why something is not done, as values: a person who is left alone (`block`), a plan, an action or a commit that is held
//! back (`guard`), something that failed (`error`), and the exit code that follows from each (`exit`). Reasons are stored and compared as they are
//! here; what people read of them is made in the root crate's `report::words`, in the reader's language and nowhere
//! else.

mod block;
mod error;
pub mod exit;
mod guard;

pub use block::{
    BadGroup, BadUsername, Block, BlockKind, BlockReason, Blocked, NameInUse, Pending, StatusDoubt, UndoMoved,
};
pub use error::ErrorKind;
pub use exit::Exit;
pub use guard::{Behind, Brake, Guard, HeldBy};
