//! The frame of a run in the database: its beginning, which closes runs whose process died, and its end, with the audit
//! records that say so. The calls in between are `journal`'s.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::audit::Head;
use super::batch::{Asked, Batch, Question};
use super::journal::{NewRun, RunEnd, RunId};
use super::seals::seal_ended;
use super::{Store, StoreError, audit, json, millis, word};
use crate::model::TargetName;
use crate::report::TargetReport;

/// A run's number.
#[derive(FromRow)]
struct Number {
    #[sqlx(try_from = "i64")]
    id: RunId,
}

/// Closes the runs of a target that never ended, for their process died.
const CLOSE_CRASHED: Question<Number> = Question::new(
    "UPDATE runs SET ended_at = ?, outcome = 'crashed' WHERE target = ? AND ended_at IS NULL AND dry = 0 RETURNING id",
);
const INSERT: Question<Number> = Question::new(
    "INSERT INTO runs (target, dry, trigger, actor, version, config_digest, started_at, as_of) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
);

/// Records a new run, and asks for its number.
fn insert_run(batch: &mut Batch, new: &NewRun, now: DateTime<Utc>) -> Result<Asked<Number>, StoreError> {
    let known = std::mem::take(batch).and("INSERT OR IGNORE INTO targets (name) VALUES (?)");
    *batch = known.bind(new.target.as_str());
    Ok(batch
        .ask(&INSERT)
        .bind(new.target.as_str())
        .bind(new.dry)
        .bind(word(new.trigger)?)
        .bind(json(&new.actor)?)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(&*new.config_digest)
        .bind(millis(now))
        .bind(new.as_of.to_string())
        .key())
}

/// A call as its run's digest covers it.
#[derive(FromRow)]
pub(super) struct JournalledCall {
    seq: i64,
    kind: String,
    payload: String,
    first_sent_at: i64,
}

/// A run's calls, as its digest covers them.
pub(super) const CALLS: &str =
    "SELECT seq, kind, payload, first_sent_at FROM calls WHERE run = ? ORDER BY seq";
const CALLS_QUESTION: Question<JournalledCall> = Question::new(CALLS);

/// BLAKE3 over a run's calls as journalled, which [`CALLS`] gives: the audit trail covers the journal with it.
pub(super) fn digest_of_calls(calls: &[JournalledCall]) -> String {
    let mut hasher = blake3::Hasher::new();
    for call in calls {
        let line = json!([call.seq, call.kind, call.payload, call.first_sent_at]);
        hasher.update(line.to_string().as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
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
        let mut first = Batch::default();
        // Only a run that is not dry holds the target's lock, and may say of another that it is over.
        let close =
            |first: &mut Batch| first.ask(&CLOSE_CRASHED).bind(millis(now)).bind(new.target.as_str()).key();
        let crashed = (!new.dry).then(|| close(&mut first));
        let run = insert_run(&mut first, &new, now)?;
        let head = Head::ask(&mut first);
        self.write_after("begin run", first, move |_, answers| {
            Box::pin(async move {
                let crashed = crashed.map(|asked| answers.all(&asked)).transpose()?.unwrap_or_default();
                let crashed: Vec<_> = crashed.iter().map(|run| run.id).collect();
                let run = answers.only(&run)?.id;
                let head = Head::of(&answers, &head)?;
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
    ) -> Result<(RunId, Head), StoreError> {
        let mut first = Batch::default();
        let run = insert_run(&mut first, &new, now)?;
        let head = Head::ask(&mut first);
        self.write_after("refuse run", first, move |c, answers| {
            Box::pin(async move {
                let run = answers.only(&run)?.id;
                Batch::new("UPDATE runs SET ended_at = ?, outcome = ?, exit_code = ?, commit_state = 'none' WHERE id = ?")
                    .bind(millis(now))
                    .bind(word(report.outcome)?)
                    .bind(i64::from(report.exit_code))
                    .bind(run.0)
                    .execute(&mut *c)
                    .await?;
                let seals = seal_ended(c, &new.target).await?;
                let body = json!({ "outcome": report.outcome, "exit_code": report.exit_code, "dry": new.dry,
                                   "trigger": new.trigger, "actor": new.actor, "config": new.config_digest, "seals": seals });
                let record = audit::Record::new("run_refused", now).on(&new.target, run).body(body);
                let (batch, head) = audit::append_to(Batch::default(), Head::of(&answers, &head)?, record);
                Ok(((run, head), batch))
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
    ) -> Result<Head, StoreError> {
        let target = target.clone();
        let mut stored = end.report;
        stored.actions = None;
        let mut ended = Batch::new(
            "UPDATE runs SET ended_at = ?, outcome = ?, exit_code = ?, commit_state = ?, report = ?, \
             roster_digest = coalesce(roster_digest, ?) WHERE id = ?",
        )
        .bind(millis(now))
        .bind(word(end.outcome)?)
        .bind(i64::from(end.exit_code))
        .bind(word(end.commit)?)
        .bind(json(&stored)?)
        .bind(stored.same_as.as_ref().map(|same| &*same.roster))
        .bind(run.0);
        let calls = ended.ask(&CALLS_QUESTION).bind(run.0).key();
        let head = Head::ask(&mut ended);
        self.write_after("end run", ended, move |c, answers| {
            Box::pin(async move {
                let seals = seal_ended(c, &target).await?;
                let (digest, last) = (digest_of_calls(&answers.all(&calls)?), Head::of(&answers, &head)?);
                let mut body = json!({
                    "outcome": end.outcome, "exit_code": end.exit_code, "commit": end.commit, "state": stored.state,
                    "counts": stored.counts, "calls": stored.calls, "plan": stored.plan,
                    "held_by": stored.held_by.iter().map(|h| &h.guard).collect::<Vec<_>>(),
                    "journal": digest, "seals": seals,
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
