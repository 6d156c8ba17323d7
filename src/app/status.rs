//! The state of everything that is configured, gathered as plain values: each target's state, its last runs, what is
//! held and who is left alone since when, and when the schedule runs next. How it is shown is not known here.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::App;
use crate::config::{Span, TargetConfig};
use crate::gateway::Dialect;
use crate::model::TargetName;
use crate::reason::{Guard, HeldBy};
use crate::report::{TargetState, spoken};
use crate::store::query::{BlockedSince, RunLine};
use crate::store::{Store, StoreError};
use crate::sync::outcome;

/// The whole answer of `status`.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Version of this format: 1.
    pub version: u32,
    /// One per configured target.
    pub targets: Vec<TargetStatus>,
    /// The next scheduled runs, as many as were asked for.
    pub next: Vec<DateTime<Utc>>,
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
    /// The last run that was not dry.
    #[serde(serialize_with = "spoken::maybe")]
    pub last_run: Option<RunLine>,
    /// What held the last run back; empty once a later run went through.
    #[serde(serialize_with = "spoken::each")]
    pub held_by: Vec<HeldBy>,
    /// Who is left alone, since when.
    pub blocked: Vec<BlockedSince>,
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
        let mut targets = Vec::with_capacity(self.config().target.len());
        for target in &self.config().target {
            targets.push(self.target_status(store, target, max_age).await?);
        }
        Ok(Status { version: 1, targets, next: self.next_runs(next) })
    }

    async fn target_status(
        &self,
        store: &Store,
        target: &TargetConfig,
        max_age: Option<Span>,
    ) -> Result<TargetStatus, StoreError> {
        let row = store.target(&target.name).await?;
        let last_run = store.last_run(&target.name).await?;
        let last_success = store.last_success(&target.name).await?;
        let older = |at: DateTime<Utc>, age: Span| {
            (self.now() - at).to_std().is_ok_and(|passed| passed > age.as_duration())
        };
        let report = last_run.as_ref().and_then(|run| run.report.as_ref());
        Ok(TargetStatus {
            target: target.name.clone(),
            url: target.url.to_string(),
            dialect: target.dialect,
            state: outcome::state(&row, self.today()),
            dirty_since: row.dirty_since,
            quarantined_by: row.quarantined_by,
            paused: row.paused.map(|pause| Paused { reason: pause.reason, until: pause.until }),
            committed_at: row.committed_at,
            last_success,
            late: max_age.is_some_and(|age| last_success.is_none_or(|at| older(at, age))),
            held_by: report.map(|report| report.held_by.clone()).unwrap_or_default(),
            last_run,
            blocked: store.blocked(&target.name).await?,
        })
    }

    fn next_runs(&self, count: usize) -> Vec<DateTime<Utc>> {
        let timetable = self.config().schedule.timetable();
        std::iter::successors(timetable.next(self.now()), |at| timetable.next(*at)).take(count).collect()
    }
}
