//! How access ends: whether somebody who should have no account (any more) is disabled, deleted, or is as gone as the
//! configuration wants them. Whether they should have one is decided in `people`.

use chrono::TimeDelta;

use super::input::{MissingSeen, PlanInput};
use super::state::{Entry, Origin};
use super::value::{ActionKind, Reason};
use crate::config::{LeaverAction, Span};
use crate::model::PersonKey;
use crate::reason::BlockReason;
use crate::sabotage::{Flaw, has};

pub(super) fn delta(span: Span) -> TimeDelta {
    TimeDelta::from_std(span.as_duration()).unwrap_or(TimeDelta::MAX)
}

/// What is to be done about an account that must not exist; `None`: nothing (more, or yet).
pub(super) fn removal(input: &PlanInput<'_>, entry: &Entry, reason: Reason) -> Option<ActionKind> {
    let leavers = &input.target.leavers;
    let only_disable = entry.origin == Origin::Adopted && leavers.adopted == LeaverAction::Disable;
    // An account that expires may be extended any day; where the device knows the day itself there is nothing to do.
    let expired = reason == Reason::Expired;
    if expired
        && input.target.dialect.capabilities().has_expiry
        && entry.state.expires_on.is_some_and(|last| last < input.as_of)
    {
        return None;
    }
    if leavers.action == LeaverAction::Delete && !only_disable && !expired {
        return Some(ActionKind::Delete);
    }
    if entry.state.enabled {
        return Some(ActionKind::Disable);
    }
    (!only_disable && waited_long_enough(input, entry)).then_some(ActionKind::Delete)
}

/// Whether `delete_after` is over since rosterd's own disable took effect.
fn waited_long_enough(input: &PlanInput<'_>, entry: &Entry) -> bool {
    let Some(span) = input.target.leavers.delete_after else { return false };
    let confirmed = entry.disabled.as_ref().and_then(|own| own.confirmed_at);
    confirmed.is_some_and(|at| input.now.signed_duration_since(at) >= delta(span))
}

/// Why a person who is only missing does not go yet: `missing_runs` and `missing_for` are not both over.
pub(super) fn still_waiting(input: &PlanInput<'_>, person: &PersonKey) -> Option<BlockReason> {
    let leavers = &input.target.leavers;
    let first = MissingSeen { since: input.now, rosters: 1 };
    let seen = input.past.missing.get(person).unwrap_or(&first);
    let waited = input.now.signed_duration_since(seen.since);
    let over = seen.rosters >= leavers.missing_runs && waited >= delta(leavers.missing_for);
    if over || has(Flaw::MissingAtOnce) {
        return None;
    }
    let (runs, span) = (leavers.missing_runs, leavers.missing_for);
    Some(BlockReason::MissingWaiting { rosters: seen.rosters, since: seen.since, runs, span })
}
