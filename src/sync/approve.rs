//! What an approval of a held run covers. Pure; who may approve, and for how long, is the caller's business.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{GuardedItem, Plan};
use crate::reason::Guard;

/// Why a run cannot be approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApprovable {
    /// Nothing holds it.
    #[error("{}", rust_i18n::t!("sync.approve_not_held"))]
    NotHeld,
    /// What holds it is not for an approval to lift.
    #[error("{}", rust_i18n::t!("sync.approve_never", guards = crate::report::words::guards(.0)))]
    Never(Vec<Guard>),
}

/// The guarded sets behind a held plan, and the check that quarantined its run, if one did. A brake that no approval
/// can lift (another device, a pause) stays; the others are covered.
///
/// # Errors
/// If nothing is left that an approval could cover.
pub fn sets(
    plan: &Plan,
    quarantined_by: Option<Guard>,
) -> Result<BTreeMap<Guard, BTreeSet<GuardedItem>>, NotApprovable> {
    let approvable =
        plan.held_by.iter().filter(|h| h.by.guard.approvable()).map(|h| (h.by.guard, h.set.clone()));
    let mut sets: BTreeMap<_, _> = approvable.collect();
    sets.extend(quarantined_by.map(|check| (check, BTreeSet::new())));
    if !sets.is_empty() {
        return Ok(sets);
    }
    let never: Vec<Guard> = plan.held_by.iter().map(|held| held.by.guard).collect();
    Err(if never.is_empty() { NotApprovable::NotHeld } else { NotApprovable::Never(never) })
}
