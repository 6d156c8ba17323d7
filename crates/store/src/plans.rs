//! Stored plans and approvals. A plan is never changed once it is stored.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::audit::Head;
use super::batch::{Batch, Question};
use super::columns::{Millis, Word};
use super::journal::{Actor, RunId};
use super::{Store, StoreError, audit, json, millis};
use crate::model::TargetName;
use crate::plan::{Approval, GuardedItem, Plan};
use crate::reason::Guard;
use crate::sabotage::{Flaw, has};

/// A stored plan's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanId(pub i64);

/// An approval as it was given.
#[derive(Debug, Clone)]
pub struct NewApproval {
    /// Target.
    pub target: TargetName,
    /// The held run.
    pub run: RunId,
    /// Guard → what stood behind it.
    pub sets: BTreeMap<Guard, BTreeSet<GuardedItem>>,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: Actor,
    /// Until when it may be used.
    pub expires_at: DateTime<Utc>,
}

/// Approvals that are not used up and not expired, oldest first.
pub(super) const OPEN_APPROVALS: Question<OpenApproval> = Question::new(
    "SELECT id, sets FROM approvals WHERE target = ? AND used_run IS NULL AND expires_at > ? ORDER BY id",
);

/// An approval as it is stored, as far as planning asks.
#[derive(FromRow)]
pub(super) struct OpenApproval {
    id: i64,
    #[sqlx(json)]
    sets: Vec<(Guard, BTreeSet<GuardedItem>)>,
}

pub(super) fn approvals(open: Vec<OpenApproval>) -> Vec<Approval> {
    open.into_iter().map(|row| Approval { id: row.id, sets: row.sets.into_iter().collect() }).collect()
}

/// The number of a plan that was just stored.
#[derive(FromRow)]
struct Stored {
    id: i64,
}

const INSERT: Question<Stored> =
    Question::new("INSERT INTO plans (target, digest, created_at, body) VALUES (?, ?, ?, ?) RETURNING id");

/// A plan as it is stored.
#[derive(FromRow)]
struct PlanRow {
    digest: String,
    #[sqlx(json)]
    body: Plan,
}

/// The target of a run and its plan's text.
#[derive(FromRow)]
struct PlanOfRun {
    #[sqlx(try_from = "Word")]
    target: TargetName,
    body: String,
}

/// Who gave an approval, and why.
#[derive(FromRow)]
struct Giver {
    #[sqlx(json)]
    actor: Actor,
    reason: String,
    #[sqlx(try_from = "Millis")]
    created_at: DateTime<Utc>,
}

impl Store {
    /// Stores a plan for a run and returns its number; the same digest on the same target is stored once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn store_plan(
        &self,
        run: RunId,
        plan: &Plan,
        digest: String,
        roster_digest: String,
        now: DateTime<Utc>,
    ) -> Result<PlanId, StoreError> {
        let (target, body) = (plan.target.clone(), json(plan)?);
        let held: Vec<Guard> = plan.held_by.iter().map(|held| held.by.guard).collect();
        let (counts, inputs) = (plan.counts, plan.inputs.clone());
        let text = blake3::hash(body.as_bytes()).to_hex().to_string();
        let mut batch = Batch::default();
        let stored =
            batch.ask(&INSERT).bind(target.as_str()).bind(&*digest).bind(millis(now)).bind(&*body).key();
        let mut batch = batch
            .and("UPDATE runs SET plan_id = last_insert_rowid(), roster_digest = ? WHERE id = ?")
            .bind(&*roster_digest)
            .bind(run.0);
        let head = Head::ask(&mut batch);
        self.write_after("store plan", batch, move |_, answers| {
            Box::pin(async move {
                let (id, last) = (answers.only(&stored)?.id, Head::of(&answers, &head)?);
                let body = json!({ "plan": id, "digest": digest, "inputs": inputs, "counts": counts, "held_by": held });
                // Beside the record: what is in the plan could be guessed from a digest that nothing is mixed into.
                let record =
                    audit::Record::new("planned", now).on(&target, run).body(body).personal(json!({ "body": text }));
                let (batch, _) = audit::append_to(Batch::default(), last, record);
                Ok((PlanId(id), batch))
            })
        })
        .await
    }

    /// A stored plan with its digest.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if this database has no such plan.
    pub async fn plan(&self, id: PlanId) -> Result<(Plan, String), StoreError> {
        self.read("plan", |c| {
            Box::pin(async move {
                let row: Option<PlanRow> = sqlx::query_as("SELECT digest, body FROM plans WHERE id = ?")
                    .bind(id.0)
                    .fetch_optional(c)
                    .await?;
                let row = row.ok_or_else(|| StoreError::Absent { what: format!("plan {}", id.0) })?;
                Ok((row.body, row.digest))
            })
        })
        .await
    }

    /// The plan that a run made, and the run's target.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is no such run or it made no plan.
    pub async fn plan_of_run(&self, run: RunId) -> Result<(TargetName, Plan), StoreError> {
        self.read("plan of run", |c| {
            Box::pin(async move {
                let row: Option<PlanOfRun> = sqlx::query_as(
                    "SELECT r.target, p.body FROM runs r JOIN plans p ON p.id = r.plan_id WHERE r.id = ?",
                )
                .bind(run.0)
                .fetch_optional(c)
                .await?;
                let row = row.ok_or_else(|| StoreError::Absent { what: format!("run {run}") })?;
                if row.body == super::people::ERASED_PLAN {
                    return Err(StoreError::Absent { what: format!("plan of run {run}") });
                }
                let plan = serde_json::from_str(&row.body)
                    .map_err(|e| StoreError::Damaged { what: format!("body: {e}") })?;
                Ok((row.target, plan))
            })
        })
        .await
    }

    /// Records an approval and returns its number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn approve(&self, new: NewApproval, now: DateTime<Utc>) -> Result<i64, StoreError> {
        self.write("approve", move |c| {
            Box::pin(async move {
                let id: i64 = sqlx::query_scalar(
                    "INSERT INTO approvals (target, run, sets, reason, actor, created_at, expires_at) \
                     VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                )
                .bind(new.target.as_str())
                .bind(new.run.0)
                .bind(json(&new.sets.iter().collect::<Vec<_>>())?)
                .bind(&new.reason)
                .bind(json(&new.actor)?)
                .bind(millis(now))
                .bind(millis(new.expires_at))
                .fetch_one(&mut *c)
                .await?;
                let guards: BTreeMap<_, _> = new.sets.iter().map(|(guard, set)| (guard, set.len())).collect();
                let record = audit::Record::new("approved", now)
                    .on(&new.target, new.run)
                    .body(json!({ "approval": id, "guards": guards, "reason": new.reason, "actor": new.actor,
                                  "expires_at": new.expires_at }))
                    .personal(json!({ "sets": new.sets.iter().collect::<Vec<_>>() }));
                audit::append(c, record).await?;
                Ok(id)
            })
        })
        .await
    }

    /// Approvals of a target that are neither used nor expired, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_approvals(
        &self,
        target: &TargetName,
        now: DateTime<Utc>,
    ) -> Result<Vec<Approval>, StoreError> {
        let target = target.to_string();
        self.read("approvals", |c| {
            Box::pin(async move {
                let mut batch = Batch::default();
                let open = batch.ask(&OPEN_APPROVALS).bind(target).bind(millis(now)).key();
                Ok(approvals(batch.answers(c).await?.all(&open)?))
            })
        })
        .await
    }

    /// Who gave an approval and why.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none with this number.
    pub async fn approval(&self, id: i64) -> Result<(Actor, String, DateTime<Utc>), StoreError> {
        self.read("approval", |c| {
            Box::pin(async move {
                let row: Option<Giver> =
                    sqlx::query_as("SELECT actor, reason, created_at FROM approvals WHERE id = ?")
                        .bind(id)
                        .fetch_optional(c)
                        .await?;
                let Giver { actor, reason, created_at } =
                    row.ok_or_else(|| StoreError::Absent { what: format!("approval {id}") })?;
                Ok((actor, reason, created_at))
            })
        })
        .await
    }

    /// Uses approvals up, for this run, and records guards that `--allow-guard` let pass. Before the first mutation.
    ///
    /// # Errors
    /// If the database fails: then nothing may be sent.
    pub async fn use_approvals(
        &self,
        target: &TargetName,
        run: RunId,
        approvals: BTreeSet<i64>,
        flagged: Option<(BTreeSet<Guard>, String, Actor)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let target = target.clone();
        let approvals = if has(Flaw::ApprovalStays) { BTreeSet::new() } else { approvals };
        self.write("use approvals", move |c| {
            Box::pin(async move {
                for id in &approvals {
                    sqlx::query("UPDATE approvals SET used_run = ?, used_at = ? WHERE id = ? AND used_run IS NULL")
                        .bind(run.0)
                        .bind(millis(now))
                        .bind(id)
                        .execute(&mut *c)
                        .await?;
                }
                if !approvals.is_empty() {
                    let record = audit::Record::new("approval_used", now).on(&target, run);
                    audit::append(c, record.body(json!({ "approvals": approvals }))).await?;
                }
                if let Some((guards, reason, actor)) = flagged {
                    let body = json!({ "guards": guards, "reason": reason, "actor": actor, "flag": "--allow-guard" });
                    audit::append(c, audit::Record::new("approved", now).on(&target, run).body(body)).await?;
                }
                Ok(())
            })
        })
        .await
    }
}
