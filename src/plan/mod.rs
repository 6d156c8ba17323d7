//! The plan: what a run will do, as a value that is shown, stored, digested, checked, approved and carried out. Pure:
//! everything that decides is in [`PlanInput`]. Nothing here knows a clock, a file, the network or the database.

mod input;
mod state;
mod value;

pub use input::{
    AppliedRoster, AppliedSource, Device, Looks, MissingSeen, Needs, Override, OverrideKind, Past, PlanInput,
    absent,
};
pub use state::{AccountField, AccountState, Entry, Origin, OwnDisable, Roles, Snapshot, apply};
pub use value::{
    Action, ActionKind, Approval, Blocked, Change, Counts, GroupState, GroupUse, GuardedItem, Held,
    InputDigests, Plan, Reason,
};
