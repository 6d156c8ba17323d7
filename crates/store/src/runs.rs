//! The frame of a run in the database: its beginning, which closes runs whose process died, and its end, with the audit
//! records that say so. The calls in between are `journal`'s.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::batch::{Batch, last_of, only};
use super::journal::{NewRun, RunEnd, RunId};
use super::{Store, StoreError, audit, json, millis, word};
use crate::model::TargetName;
use crate::report::TargetReport;

/// Closes the runs of a target that never ended, for their process died.
const CLOSE_CRASHED: &str = "UPDATE runs SET ended_at = ?, outcome = 'crashed' \
                             WHERE target = ? AND ended_at IS NULL AND dry = 0 RETURNING id";

/// What records a new run, and gives its number in the column `id`.
fn insert_run(batch: Batch, new: &NewRun, now: DateTime<Utc>) -> Result<Batch, StoreError> {
    Ok(batch
        .and("INSERT OR IGNORE INTO targets (name) VALUES (?)")
        .bind(new.target.as_str())
        .and(
            "INSERT INTO runs (target, dry, trigger, actor, version, config_digest, started_at, as_of) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(new.target.as_str())
        .bind(new.dry)
        .bind(word(new.trigger)?)
        .bind(json(&new.actor)?)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(&*new.config_digest)
        .bind(millis(now))
        .bind(new.as_of.to_string()))
}

/// The run in the column `id`.
fn run_id(row: &SqliteRow) -> Result<RunId, StoreError> {
    Ok(RunId(row.try_get("id")?))
}

/// A run's calls, as its digest covers them.
pub(super) const CALLS: &str =
    "SELECT seq, kind, payload, first_sent_at FROM calls WHERE run = ? ORDER BY seq";

/// BLAKE3 over a run's calls as journalled, which [`CALLS`] gives: the audit trail covers the journal with it.
pub(super) fn digest_of_calls(rows: &[SqliteRow]) -> Result<String, StoreError> {
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        let line = json!([
            row.try_get::<i64, _>("seq")?,
            row.try_get::<&str, _>("kind")?,
            row.try_get::<&str, _>("payload")?,
            row.try_get::<i64, _>("first_sent_at")?
        ]);
        hasher.update(line.to_string().as_bytes());
        hasher.update(b"\n");
    }
    Ok(hasher.finalize().to_hex().to_string())
}

impl Store {
    /// Begins a run and writes its first audit record. Runs of this target that never ended (their process died) are
    /// closed as `crashed`; the caller must hold the target's lock unless the run is dry.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begin_run(
        &self,
        new: NewRun,
        now: DateTime<Utc>,
    ) -> Result<(RunId, Vec<RunId>), StoreError> {
        // Only a run that is not dry holds the target's lock, and may say of another that it is over.
        let open = if new.dry { "SELECT id FROM runs WHERE false" } else { CLOSE_CRASHED };
        let mut first = Batch::new(open);
        if !new.dry {
            first = first.bind(millis(now)).bind(new.target.as_str());
        }
        let first = insert_run(first, &new, now)?.and(audit::HEAD);
        self.write_after("begin run", first, move |_, rows| {
            Box::pin(async move {
                let [crashed, _, run, head] = last_of(rows)?;
                let (crashed, head) =
                    (crashed.iter().map(run_id).collect::<Result<Vec<_>, _>>()?, audit::head_of(&head)?);
                let run = run_id(only(&run)?)?;
                let record = audit::Record::new("run_started", now).on(&new.target, run).body(json!({
                    "dry": new.dry, "trigger": new.trigger, "actor": new.actor, "as_of": new.as_of,
                    "version": env!("CARGO_PKG_VERSION"), "config": new.config_digest, "crashed": crashed,
                }));
                let (last, _) = audit::append_to(Batch::default(), head, record);
                Ok(((run, crashed), last))
            })
        })
        .await
    }

    /// Records a run that another one kept from beginning. Touches nothing of that other run.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn refuse_run(
        &self,
        new: NewRun,
        report: TargetReport,
        now: DateTime<Utc>,
    ) -> Result<(RunId, audit::Head), StoreError> {
        let first = insert_run(Batch::default(), &new, now)?.and(audit::HEAD);
        self.write_after("refuse run", first, move |_, rows| {
            Box::pin(async move {
                let [run, head] = last_of(rows)?;
                let run = run_id(only(&run)?)?;
                let body = json!({ "outcome": report.outcome, "exit_code": report.exit_code, "dry": new.dry,
                                   "trigger": new.trigger, "actor": new.actor, "config": new.config_digest });
                let record = audit::Record::new("run_refused", now).on(&new.target, run).body(body);
                let (batch, head) = audit::append_to(Batch::default(), audit::head_of(&head)?, record);
                let last = batch
                    .and("UPDATE runs SET ended_at = ?, outcome = ?, exit_code = ?, commit_state = 'none' WHERE id = ?")
                    .bind(millis(now))
                    .bind(word(report.outcome)?)
                    .bind(i64::from(report.exit_code))
                    .bind(run.0);
                Ok(((run, head), last))
            })
        })
        .await
    }

    /// Ends a run: its outcome, its report, its last audit record. Returns the head of the audit chain.
    ///
    /// # Errors
    /// If the database fails: the run then counts as crashed when the next one begins.
    pub async fn end_run(
        &self,
        target: &TargetName,
        run: RunId,
        end: RunEnd,
        now: DateTime<Utc>,
    ) -> Result<audit::Head, StoreError> {
        let target = target.clone();
        let mut stored = end.report;
        stored.actions = None;
        let ended = Batch::new(
            "UPDATE runs SET ended_at = ?, outcome = ?, exit_code = ?, commit_state = ?, report = ?, \
             roster_digest = coalesce(roster_digest, ?) WHERE id = ?",
        )
        .bind(millis(now))
        .bind(word(end.outcome)?)
        .bind(i64::from(end.exit_code))
        .bind(word(end.commit)?)
        .bind(json(&stored)?)
        .bind(stored.same_as.as_ref().map(|same| &*same.roster))
        .bind(run.0)
        .and(CALLS)
        .bind(run.0)
        .and(audit::HEAD);
        self.write_after("end run", ended, move |_, rows| {
            Box::pin(async move {
                let [calls, head] = last_of(rows)?;
                let (digest, last) = (digest_of_calls(&calls)?, audit::head_of(&head)?);
                let mut body = json!({
                    "outcome": end.outcome, "exit_code": end.exit_code, "commit": end.commit, "state": stored.state,
                    "counts": stored.counts, "calls": stored.calls, "plan": stored.plan,
                    "held_by": stored.held_by.iter().map(|h| &h.guard).collect::<Vec<_>>(),
                    "journal": digest,
                });
                if let Some(same) = &stored.same_as {
                    body["same_as"] = json!(same);
                }
                let record = audit::Record::new("run_ended", now).on(&target, run).body(body);
                let (batch, head) = audit::append_to(Batch::default(), last, record);
                Ok((head, batch))
            })
        })
        .await
    }
}
