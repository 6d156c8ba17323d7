//! Stored plans and approvals. A plan is never changed once it is stored.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::batch::{Batch, last_of, only};
use super::journal::{Actor, RunId};
use super::{Store, StoreError, audit, from_json, json, millis, named, time};
use crate::model::TargetName;
use crate::plan::{Approval, GuardedItem, Plan};
use crate::reason::Guard;

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
pub(super) const OPEN_APPROVALS: &str =
    "SELECT id, sets FROM approvals WHERE target = ? AND used_run IS NULL AND expires_at > ? ORDER BY id";

pub(super) fn approvals(rows: &[SqliteRow]) -> Result<Vec<Approval>, StoreError> {
    let approval = |row: &SqliteRow| {
        let sets: Vec<(Guard, BTreeSet<GuardedItem>)> = from_json(row.try_get("sets")?, "approvals.sets")?;
        Ok(Approval { id: row.try_get("id")?, sets: sets.into_iter().collect() })
    };
    rows.iter().map(approval).collect()
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
        let stored = Batch::new(
            "INSERT INTO plans (target, digest, created_at, body) VALUES (?, ?, ?, ?) RETURNING id",
        )
        .bind(target.as_str())
        .bind(&*digest)
        .bind(millis(now))
        .bind(&*body)
        .and("UPDATE runs SET plan_id = last_insert_rowid(), roster_digest = ? WHERE id = ?")
        .bind(&*roster_digest)
        .bind(run.0)
        .and(audit::HEAD);
        self.write_after("store plan", stored, move |_, rows| {
            Box::pin(async move {
                let [stored, _, head] = last_of(rows)?;
                let (id, last): (i64, _) = (only(&stored)?.try_get("id")?, audit::head_of(&head)?);
                let body = json!({ "plan": id, "digest": digest, "inputs": inputs, "counts": counts, "held_by": held });
                let record = audit::Record::new("planned", now).on(&target, run).body(body);
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
                let row = sqlx::query("SELECT digest, body FROM plans WHERE id = ?")
                    .bind(id.0)
                    .fetch_optional(c)
                    .await?;
                let row = row.ok_or_else(|| StoreError::Absent { what: format!("plan {}", id.0) })?;
                Ok((from_json(row.try_get("body")?, "plans.body")?, row.try_get("digest")?))
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
                let row = sqlx::query(
                    "SELECT r.target, p.body FROM runs r JOIN plans p ON p.id = r.plan_id WHERE r.id = ?",
                )
                .bind(run.0)
                .fetch_optional(c)
                .await?;
                let row = row.ok_or_else(|| StoreError::Absent { what: format!("run {run}") })?;
                let target = named(TargetName::new(row.try_get("target")?), "runs.target")?;
                let body: &str = row.try_get("body")?;
                if body == super::people::ERASED_PLAN {
                    return Err(StoreError::Absent { what: format!("plan of run {run}") });
                }
                Ok((target, from_json(body, "plans.body")?))
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
                let asked = sqlx::query(OPEN_APPROVALS).bind(target).bind(millis(now));
                approvals(&asked.fetch_all(c).await?)
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
                let row = sqlx::query("SELECT actor, reason, created_at FROM approvals WHERE id = ?")
                    .bind(id)
                    .fetch_optional(c)
                    .await?
                    .ok_or_else(|| StoreError::Absent { what: format!("approval {id}") })?;
                let actor = from_json(row.try_get("actor")?, "approvals.actor")?;
                Ok((actor, row.try_get("reason")?, time(row.try_get("created_at")?)))
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
