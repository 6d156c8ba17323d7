//! From what happened to what is said: outcome, exit code, report. Pure.

use chrono::NaiveDate;

use super::execute::Executed;
use super::send::Stopped;
use crate::model::TargetName;
use crate::plan::{Counts, Plan};
use crate::reason::Exit;
use crate::report::guarded;
use crate::report::{CommitState, ErrorReport, GroupLine, PlanRef, RunOutcome, TargetReport, TargetState};
use crate::sabotage::{Flaw, has};
use crate::store::journal::RunId;
use crate::store::memory::TargetRow;
use crate::store::plans::PlanId;

/// What the plan says, before anything is done.
pub fn report(target: &TargetName, run: RunId, plan: &Plan) -> TargetReport {
    let mut report = TargetReport::empty(target, run);
    report.counts = plan.counts;
    report.changed_fields = plan.changed_fields.iter().map(|(f, n)| (f.as_str().to_owned(), *n)).collect();
    report.held_by = plan.held_by.iter().map(|held| held.by.clone()).collect();
    report.behind = guarded::behind(plan, guarded::NAMED);
    report.groups = plan
        .groups
        .iter()
        .map(|g| GroupLine { path: g.path.clone(), state: g.state, people: g.people })
        .collect();
    report.blocked = plan.blocked.clone();
    report
}

/// A stored plan, as reports name it.
pub fn plan_ref(id: PlanId, digest: &str) -> PlanRef {
    PlanRef { id: id.0.to_string(), digest: digest.to_owned() }
}

/// Outcome and exit code of a run that only shows.
pub fn dry(report: &mut TargetReport, plan: &Plan) {
    report.actions = Some(crate::report::actions_for_report(plan));
    let (outcome, exit) = if plan.held_something_back() {
        (RunOutcome::Held, Exit::Held)
    } else {
        (if plan.has_work() { RunOutcome::Planned } else { RunOutcome::NoChanges }, plan.blocked_exit())
    };
    report.outcome = outcome;
    report.exit_code = exit.code();
}

/// Puts what was done in the place of what was planned. A plan that is held as a whole keeps showing its own figures.
pub fn merge(report: &mut TargetReport, executed: &Executed) {
    if !executed.ran && executed.stopped.is_none() {
        return;
    }
    let planned = report.counts;
    report.counts = Counts {
        unchanged: planned.unchanged,
        withheld: planned.withheld,
        blocked: planned.blocked + executed.blocked.len() as u64,
        failed: executed.failures.len() as u64,
        ..executed.counts
    };
    report.failures.clone_from(&executed.failures);
    report.blocked.extend(executed.blocked.iter().cloned());
    report.blocked.sort_by(|a, b| a.person.cmp(&b.person));
}

/// Outcome and exit code of a real run. `dirty`: the target is not clean after it.
pub fn judge(report: &mut TargetReport, plan: &Plan, executed: &Executed, dirty: bool) {
    let applied_any = counts_applied(report, plan);
    let blocked = executed.blocked.iter().map(|one| one.reason.exit()).fold(plan.blocked_exit(), Exit::and);
    let failed = !executed.failures.is_empty();
    let (mut outcome, mut exit) = match &executed.stopped {
        Some(Stopped::Refused(_) | Stopped::Unanswered(_) | Stopped::Store | Stopped::NoPasswords(_)) => {
            (if applied_any { RunOutcome::Partial } else { RunOutcome::Failed }, Exit::Failed)
        }
        Some(Stopped::Late | Stopped::Asked | Stopped::TooManyFailed | Stopped::PasswordErased(_)) => {
            (RunOutcome::Partial, Exit::Partial)
        }
        None if failed => (RunOutcome::Partial, Exit::Partial),
        None if applied_any => (RunOutcome::Applied, blocked),
        None => (RunOutcome::NoChanges, blocked),
    };
    if plan.held_something_back() && exit != Exit::Failed && !has(Flaw::HeldIsQuiet) {
        (outcome, exit) = (RunOutcome::Held, Exit::Held);
    }
    if report.commit == CommitState::Unconfirmed
        && matches!(outcome, RunOutcome::Applied | RunOutcome::NoChanges)
    {
        outcome = RunOutcome::Unconfirmed;
    }
    if dirty {
        exit = Exit::Unconfirmed;
    }
    report.outcome = outcome;
    report.exit_code = exit.code();
}

/// Whether anybody's account was changed by this run.
fn counts_applied(report: &TargetReport, plan: &Plan) -> bool {
    !plan.held_as_a_whole() && report.counts.acted_on() > 0
}

/// A run that could not plan or send.
pub fn failed(report: &mut TargetReport, error: ErrorReport, dirty: bool) {
    report.outcome = RunOutcome::Failed;
    report.exit_code = if dirty { Exit::Unconfirmed } else { Exit::Failed }.code();
    // What became of a commit that was sent stays said.
    if report.commit == CommitState::None && dirty {
        report.commit = CommitState::Withheld;
    }
    report.error = Some(error);
}

/// A run whose time was over, or that was asked to stop, before it had anything to send: nothing went wrong.
pub fn ended_early(report: &mut TargetReport) {
    report.outcome = RunOutcome::Partial;
    if report.exit_code == Exit::Failed.code() {
        report.exit_code = Exit::Partial.code();
    }
}

/// Whether the run's roster counts as applied: what later rosters are compared with.
pub fn counts_as_applied(report: &TargetReport, plan: &Plan) -> bool {
    matches!(report.outcome, RunOutcome::Applied | RunOutcome::NoChanges) && plan.held_by.is_empty()
}

/// The target's state, as reports show it: a pause shows only on a clean target.
pub fn state(row: &TargetRow, as_of: NaiveDate) -> TargetState {
    let paused = row.paused.as_ref().is_some_and(|p| p.until.is_none_or(|until| until >= as_of));
    match (row.dirty, row.quarantined_by.is_some(), paused) {
        (_, true, _) => TargetState::Quarantined,
        (true, _, _) => TargetState::Dirty,
        (_, _, true) => TargetState::Paused,
        _ => TargetState::Clean,
    }
}

/// Which inputs differ between a stored plan and the one that today's inputs give, in words.
pub fn what_moved(stored: &Plan, today: &Plan) -> String {
    let (a, b) = (&stored.inputs, &today.inputs);
    let parts = [
        (a.roster != b.roster, rust_i18n::t!("sync.input_roster")),
        (a.snapshot != b.snapshot, rust_i18n::t!("sync.input_snapshot")),
        (a.config != b.config, rust_i18n::t!("sync.input_config")),
        (a.overrides != b.overrides, rust_i18n::t!("sync.input_overrides")),
        (stored.as_of != today.as_of, rust_i18n::t!("sync.input_date")),
    ];
    let moved: Vec<_> =
        parts.into_iter().filter(|(differs, _)| *differs).map(|(_, word)| word.into_owned()).collect();
    if moved.is_empty() { rust_i18n::t!("sync.input_other").into_owned() } else { moved.join(", ") }
}
