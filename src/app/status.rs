//! The state of everything that is configured, gathered as plain values: each target's state, its last runs, what is
//! held and who is left alone since when, and when the schedule runs next. How it is shown is not known here.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::App;
use crate::config::{Span, TargetConfig};
use crate::gateway::Dialect;
use crate::model::{PersonKey, TargetName};
use crate::reason::{BlockKind, Blocked, Guard, HeldBy};
use crate::report::guarded::{self, Guarded};
use crate::report::{ErrorReport, TargetState, spoken};
use crate::roster::Seen;
use crate::store::journal::RunId;
use crate::store::present::{OverrideLine, PendingApproval};
use crate::store::query::{BlockedSince, RunLine};
use crate::store::{Store, StoreError};
use crate::sync::lock::TargetLock;
use crate::sync::outcome;

/// How many of the last runs are searched for what is known of people who are left alone.
const REMEMBERED: u32 = 5;

/// The whole answer of `status`.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Version of this format: 1.
    pub version: u32,
    /// The roster's files as they are now.
    pub roster: RosterStatus,
    /// One per configured target.
    pub targets: Vec<TargetStatus>,
    /// Approvals that wait to be used, of all targets.
    pub approvals: Vec<PendingApproval>,
    /// What somebody said of people and is in force.
    pub overrides: Vec<OverrideLine>,
    /// The next scheduled runs, as many as were asked for.
    pub next: Vec<DateTime<Utc>>,
}

/// The roster's files, seen and not read.
#[derive(Debug, Clone, Serialize)]
pub struct RosterStatus {
    /// The sources; empty where a run would stop.
    pub sources: Vec<Seen>,
    /// Why a run would stop.
    pub error: Option<ErrorReport>,
}

/// A run that is at work now.
#[derive(Debug, Clone, Serialize)]
pub struct Running {
    /// Its number; `None` before its record is begun.
    pub run: Option<i64>,
    /// When it began.
    pub since: Option<DateTime<Utc>>,
    /// By which command.
    pub command: Option<String>,
    /// Accounts whose call is in the journal.
    pub done: i64,
    /// Accounts that its plan changes; `None` before there is a plan.
    pub of: Option<i64>,
}

/// Somebody who is left alone.
#[derive(Debug, Clone, Serialize)]
pub struct BlockedNow {
    /// Who, why and since when, as the database has it.
    #[serde(flatten)]
    pub since: BlockedSince,
    /// What the last run that planned said of it: the row, the user name, and what is wrong.
    #[serde(serialize_with = "spoken::maybe")]
    pub line: Option<Blocked>,
}

/// One target.
#[derive(Debug, Clone, Serialize)]
pub struct TargetStatus {
    /// Its name.
    pub target: TargetName,
    /// Its address.
    pub url: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Its state.
    pub state: TargetState,
    /// Since when changes have not taken effect.
    pub dirty_since: Option<DateTime<Utc>>,
    /// The check that quarantined it.
    pub quarantined_by: Option<Guard>,
    /// A pause that is in force.
    pub paused: Option<Paused>,
    /// The last confirmed commit.
    pub committed_at: Option<DateTime<Utc>>,
    /// The last good run.
    pub last_success: Option<DateTime<Utc>>,
    /// The last good run is older than was asked for, or there is none.
    pub late: bool,
    /// The run that is at work now: another process holds the target's lock.
    pub running: Option<Running>,
    /// The last run that is over and was not dry.
    #[serde(serialize_with = "spoken::maybe")]
    pub last_run: Option<RunLine>,
    /// What held the last run back; empty once a later run went through.
    #[serde(serialize_with = "spoken::each")]
    pub held_by: Vec<HeldBy>,
    /// What is behind each of these guards, grouped.
    pub behind: Vec<Guarded>,
    /// The next run will commit what has not taken effect, as far as anybody can say now.
    pub next_run_commits: bool,
    /// Who is left alone, since when.
    pub blocked: Vec<BlockedNow>,
}

/// A pause of a target.
#[derive(Debug, Clone, Serialize)]
pub struct Paused {
    /// Why.
    pub reason: String,
    /// Until the end of this day.
    pub until: Option<NaiveDate>,
}

impl App {
    /// Gathers the state. A target whose last good run is older than `max_age` is late.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn status(
        &self,
        store: &Store,
        max_age: Option<Span>,
        next: usize,
    ) -> Result<Status, StoreError> {
        let (sources, error) = match self.glance().await {
            Ok(sources) => (sources, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let (mut targets, mut approvals) = (Vec::with_capacity(self.config().target.len()), Vec::new());
        for target in &self.config().target {
            let pending = store.pending_approvals(&target.name, self.now()).await?;
            targets.push(self.target_status(store, target, max_age, &pending).await?);
            approvals.extend(pending);
        }
        Ok(Status {
            version: 1,
            roster: RosterStatus { sources, error },
            targets,
            approvals,
            overrides: store.overrides(self.today()).await?,
            next: self.next_runs(next),
        })
    }

    async fn target_status(
        &self,
        store: &Store,
        target: &TargetConfig,
        max_age: Option<Span>,
        pending: &[PendingApproval],
    ) -> Result<TargetStatus, StoreError> {
        let row = store.target(&target.name).await?;
        let last_run = store.last_ended(&target.name).await?;
        let last_success = store.last_success(&target.name).await?;
        let older = |at: DateTime<Utc>, age: Span| {
            (self.now() - at).to_std().is_ok_and(|passed| passed > age.as_duration())
        };
        let report = last_run.as_ref().and_then(|run| run.report.as_ref());
        let held_by = report.map(|report| report.held_by.clone()).unwrap_or_default();
        let state = outcome::state(&row, self.today());
        let paused = row.paused.filter(|pause| pause.until.is_none_or(|until| until >= self.today()));
        let held = !held_by.is_empty() && pending.is_empty();
        let no_roster = report.is_some_and(|report| report.error.is_some());
        Ok(TargetStatus {
            target: target.name.clone(),
            url: target.url.to_string(),
            dialect: target.dialect,
            state,
            dirty_since: row.dirty_since,
            next_run_commits: state == TargetState::Dirty && paused.is_none() && !held && !no_roster,
            quarantined_by: row.quarantined_by,
            paused: paused.map(|pause| Paused { reason: pause.reason, until: pause.until }),
            committed_at: row.committed_at,
            last_success,
            late: max_age.is_some_and(|age| last_success.is_none_or(|at| older(at, age))),
            running: self.running(store, &target.name).await?,
            behind: match &last_run {
                Some(run) if !held_by.is_empty() => behind(store, RunId(run.id)).await?,
                _ => Vec::new(),
            },
            held_by,
            last_run,
            blocked: blocked(store, &target.name).await?,
        })
    }

    /// The run that is at work on a target, in whatever process.
    async fn running(&self, store: &Store, target: &TargetName) -> Result<Option<Running>, StoreError> {
        if !TargetLock::is_held(self.state(), target) {
            return Ok(None);
        }
        let begun = store.last_run(target).await?.filter(|run| run.ended_at.is_none());
        let (done, of) = match &begun {
            Some(run) => store.how_far(RunId(run.id)).await?,
            None => (0, None),
        };
        let (run, since) = (begun.as_ref().map(|run| run.id), begun.as_ref().map(|run| run.started_at));
        Ok(Some(Running { run, since, command: begun.and_then(|run| run.actor.command), done, of }))
    }

    fn next_runs(&self, count: usize) -> Vec<DateTime<Utc>> {
        let timetable = self.config().schedule.timetable();
        std::iter::successors(timetable.next(self.now()), |at| timetable.next(*at)).take(count).collect()
    }
}

/// Who and what is behind the guards that held a run, as its stored plan has it; nothing where the plan was erased.
///
/// # Errors
/// If the database fails.
pub async fn behind(store: &Store, run: RunId) -> Result<Vec<Guarded>, StoreError> {
    match store.plan_of_run(run).await {
        Ok((_, plan)) => Ok(guarded::behind(&plan, guarded::NAMED)),
        Err(StoreError::Absent { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Who is left alone since when, with what the last plans said of it.
async fn blocked(store: &Store, target: &TargetName) -> Result<Vec<BlockedNow>, StoreError> {
    let all = store.blocked(target).await?;
    let planned = if all.is_empty() { Vec::new() } else { store.last_planned(target, REMEMBERED).await? };
    let mut lines: BTreeMap<(PersonKey, BlockKind), Blocked> = BTreeMap::new();
    for line in planned.into_iter().rev().filter_map(|run| run.report).flat_map(|report| report.blocked) {
        lines.insert((line.person.clone(), line.reason.kind()), line);
    }
    let with_line = |since: BlockedSince| {
        let line = lines.get(&(since.person.clone(), since.reason)).cloned();
        BlockedNow { since, line }
    };
    Ok(all.into_iter().map(with_line).collect())
}
