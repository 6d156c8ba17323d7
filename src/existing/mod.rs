//! Users who are on a gateway by other hands than rosterd's: finding out who could be taken over and what that would
//! change (`review`, `suggest`), names that follow no template (`links`), and what became of accounts behind our back
//! (`drift`). `looks` asks the device, and only asks; the rest is pure. Taking over is a change of ownership in our
//! database and is done in `app`; what a later sync does about any of it is `plan`'s business.

pub mod drift;
pub mod links;
pub mod looks;
pub mod review;
pub mod suggest;

pub use looks::{Asking, Found, Listed};
pub use review::{Review, ReviewFile};
