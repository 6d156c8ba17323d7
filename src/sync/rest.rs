//! Whether a run may rest on an earlier one that left nothing to do: the same bytes, settings and memory give the same
//! plan, unless a date has come. Pure. What changes the memory takes the record away in the database, see `store::quiet`;
//! whether the bytes are the same is the caller's to find out.

use chrono::{DateTime, TimeDelta, Utc};

use super::outcome;
use super::run::Order;
use crate::plan::{self, Plan, PlanInput};
use crate::reason::Exit;
use crate::report::{CommitState, RosterSummary, SameAs, TargetReport, TargetState};
use crate::roster::FileMark;
use crate::store::journal::RunId;
use crate::store::memory::TargetRow;
use crate::store::quiet::{Quiet, Rest};

/// How long a record is good at most: whatever it may have missed is found after that.
const AT_MOST: TimeDelta = TimeDelta::days(7);

/// Why a run does not rest on an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It only shows, is for some people only, puts something back, or lets guards pass.
    Order,
    /// The target is dirty, quarantined or paused.
    State,
    /// A call may still land, or an earlier run was cut short.
    Open,
    /// Another version of the program.
    Version,
    /// Other settings.
    Config,
    /// A date or the end of a wait has come.
    Due,
    /// The clock was set back.
    Clock,
    /// It is too long ago.
    Old,
}

/// What a run finds when it begins.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// What is asked.
    pub order: &'a Order,
    /// The target.
    pub row: &'a TargetRow,
    /// An intent is open or unsettled, or the run before this one never ended.
    pub open: bool,
    /// The moment.
    pub now: DateTime<Utc>,
}

/// Whether a run may rest on an earlier one, should the roster's bytes be the same.
///
/// # Errors
/// Why not.
pub fn may_rest(quiet: &Quiet, present: &Present<'_>) -> Result<(), Why> {
    let Present { order, row, open, now } = *present;
    let no = [
        (order.dry || order.offline || order.only.is_some(), Why::Order),
        (order.undo.is_some() || !order.allow_guards.is_empty(), Why::Order),
        (outcome::state(row, order.as_of) != TargetState::Clean, Why::State),
        (open, Why::Open),
        (quiet.version != env!("CARGO_PKG_VERSION"), Why::Version),
        (quiet.config != order.config_digest, Why::Config),
        (now < quiet.at || order.as_of < quiet.as_of, Why::Clock),
        (now - quiet.at >= AT_MOST, Why::Old),
        (quiet.due.has_come(order.as_of, now), Why::Due),
    ];
    no.into_iter().find(|(holds, _)| *holds).map_or(Ok(()), |(_, why)| Err(why))
}

/// What a run that ended leaves for later ones, if it left nothing to do. `again`: what a plan made now is.
pub fn quiet(
    input: &PlanInput<'_>,
    again: &Plan,
    report: &TargetReport,
    roster: (RosterSummary, Vec<FileMark>),
    config: &str,
) -> Option<Quiet> {
    let idle = again.actions.is_empty()
        && again.create_groups.is_empty()
        && again.held_by.is_empty()
        && again.allowed.is_empty()
        && again.blocked_exit() == Exit::Done
        && plan::needs(input).is_empty();
    let clean = report.exit_code == Exit::Done.code()
        && matches!(report.commit, CommitState::None | CommitState::Confirmed)
        && report.failures.is_empty()
        && report.held_by.is_empty()
        && input.past.paused.is_none()
        && input.past.in_flight.is_empty();
    let due = plan::due(input);
    let same = again.blocked == report.blocked;
    (idle && clean && same && !due.has_come(input.as_of, input.now)).then(|| Quiet {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config: config.to_owned(),
        files: roster.1,
        roster: roster.0,
        as_of: input.as_of,
        at: input.now,
        due,
        counts: again.counts,
    })
}

/// What a run says that rests on an earlier one.
pub fn report(target: &crate::model::TargetName, run: RunId, rest: &Rest) -> TargetReport {
    TargetReport {
        counts: rest.quiet.counts,
        blocked: rest.report.blocked.clone(),
        same_as: Some(SameAs { run_id: rest.run.to_string(), roster: rest.quiet.roster.digest.clone() }),
        ..TargetReport::empty(target, run)
    }
}

#[cfg(test)]
mod tests;
