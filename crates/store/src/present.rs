//! What stands now and people ask for: approvals that wait to be used, what was said of people, who is known, and what
//! the last plans found. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};
use sqlx::FromRow;

use super::columns::{MaybeWord, Millis, Word};
use super::journal::{Actor, RunId};
use super::query::RunLine;
use super::{Store, StoreError, millis};
use rosterd_core::model::{PersonKey, TargetName};
use rosterd_core::plan::{GuardedItem, OverrideKind};
use rosterd_core::reason::Guard;

/// An approval that is neither used nor expired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PendingApproval {
    /// Its number.
    pub n: i64,
    /// For which target.
    pub target: TargetName,
    /// The held run that it is for.
    pub run: i64,
    /// The guards that it lets pass.
    pub guards: Vec<Guard>,
    /// Who gave it.
    #[serde(serialize_with = "by_name")]
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When it was given.
    pub given: DateTime<Utc>,
    /// Until when it may be used.
    pub expires: DateTime<Utc>,
}

/// What somebody said about a person.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct OverrideLine {
    /// Who.
    #[sqlx(try_from = "Word")]
    pub person: PersonKey,
    /// What.
    #[sqlx(try_from = "Word")]
    pub kind: OverrideKind,
    /// Who said so.
    #[serde(serialize_with = "by_name")]
    #[sqlx(json, rename = "actor")]
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When it was said.
    #[sqlx(try_from = "Millis", rename = "created_at")]
    pub since: DateTime<Utc>,
    /// Until the end of this day.
    #[sqlx(try_from = "MaybeWord")]
    pub until: Option<NaiveDate>,
}

#[derive(FromRow)]
struct ApprovalRow {
    id: i64,
    run: i64,
    #[sqlx(json)]
    sets: Vec<(Guard, BTreeSet<GuardedItem>)>,
    reason: String,
    #[sqlx(json)]
    actor: Actor,
    #[sqlx(try_from = "Millis")]
    created_at: DateTime<Utc>,
    #[sqlx(try_from = "Millis")]
    expires_at: DateTime<Utc>,
}

fn by_name<S: Serializer>(actor: &Actor, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&actor.called())
}

impl ApprovalRow {
    fn pending(self, target: TargetName) -> PendingApproval {
        let row = self;
        PendingApproval {
            n: row.id,
            target,
            run: row.run,
            guards: row.sets.into_iter().map(|(guard, _)| guard).collect(),
            by: row.actor,
            reason: row.reason,
            given: row.created_at,
            expires: row.expires_at,
        }
    }
}

impl Store {
    /// Approvals of a target that are neither used nor expired, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn pending_approvals(
        &self,
        target: &TargetName,
        now: DateTime<Utc>,
    ) -> Result<Vec<PendingApproval>, StoreError> {
        let target = target.clone();
        self.read("pending approvals", |c| {
            Box::pin(async move {
                let rows: Vec<ApprovalRow> = sqlx::query_as(
                    "SELECT id, run, sets, reason, actor, created_at, expires_at FROM approvals \
                     WHERE target = ? AND used_run IS NULL AND expires_at > ? ORDER BY id",
                )
                .bind(target.as_str())
                .bind(millis(now))
                .fetch_all(c)
                .await?;
                Ok(rows.into_iter().map(|row| row.pending(target.clone())).collect())
            })
        })
        .await
    }

    /// What is said of people on a day, by person.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn overrides(&self, as_of: NaiveDate) -> Result<Vec<OverrideLine>, StoreError> {
        self.read("overrides", |c| {
            Box::pin(async move {
                let said = sqlx::query_as(
                    "SELECT person, kind, actor, reason, created_at, until FROM overrides \
                     WHERE until IS NULL OR until >= ? ORDER BY person",
                );
                Ok(said.bind(as_of.to_string()).fetch_all(c).await?)
            })
        })
        .await
    }

    /// Everybody whom a roster ever showed or who ever had an account, with the user names that they had.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn known_people(&self) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
        self.read("known people", |c| {
            Box::pin(async move {
                let rows: Vec<(String, Option<String>)> = sqlx::query_as(
                    "SELECT person, username FROM entries UNION SELECT person, username FROM account_versions \
                     UNION SELECT person, username FROM intents UNION SELECT person, NULL FROM people",
                )
                .fetch_all(c)
                .await?;
                let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
                for (person, username) in rows {
                    known.entry(person).or_default().extend(username);
                }
                Ok(known)
            })
        })
        .await
    }

    /// Whether a roster ever showed this person, or they ever had an account or a call.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn knows_person(&self, person: &PersonKey) -> Result<bool, StoreError> {
        let person = person.to_string();
        self.read("knows person", |c| {
            Box::pin(async move {
                let known = sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM people WHERE person = ?1) OR EXISTS (SELECT 1 FROM entries \
                     WHERE person = ?1) OR EXISTS (SELECT 1 FROM intents WHERE person = ?1) \
                     OR EXISTS (SELECT 1 FROM account_versions WHERE person = ?1)",
                );
                Ok(known.bind(person).fetch_one(c).await?)
            })
        })
        .await
    }

    /// The run whose number is nearest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn nearest_run(&self, run: RunId) -> Result<Option<RunId>, StoreError> {
        self.read("nearest run", |c| {
            Box::pin(async move {
                let nearest = sqlx::query_scalar("SELECT id FROM runs ORDER BY abs(id - ?), id LIMIT 1");
                Ok(nearest.bind(run.0).fetch_optional(c).await?.map(RunId))
            })
        })
        .await
    }

    /// How far a run is: the changes of accounts that it journalled, and those that its plan has.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn how_far(&self, run: RunId) -> Result<(i64, Option<i64>), StoreError> {
        self.read("how far", |c| {
            Box::pin(async move {
                let counted = sqlx::query_as(
                    "SELECT (SELECT count(*) FROM intents WHERE run = ?1), (SELECT json_array_length(p.body, '$.actions') \
                     FROM runs r JOIN plans p ON p.id = r.plan_id WHERE r.id = ?1)",
                );
                Ok(counted.bind(run.0).fetch_one(c).await?)
            })
        })
        .await
    }

    /// The last runs of a target that made a plan, dry ones too, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_planned(&self, target: &TargetName, limit: u32) -> Result<Vec<RunLine>, StoreError> {
        let target = target.to_string();
        self.read("last planned", |c| {
            Box::pin(async move {
                let runs = sqlx::query_as(
                    "SELECT * FROM runs WHERE target = ? AND plan_id IS NOT NULL AND report IS NOT NULL \
                     ORDER BY id DESC LIMIT ?",
                );
                Ok(runs.bind(target).bind(limit).fetch_all(c).await?)
            })
        })
        .await
    }

    /// The last run of a target that is over and was no dry run, with its report.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_ended(&self, target: &TargetName) -> Result<Option<RunLine>, StoreError> {
        let target = target.to_string();
        self.read("last ended", |c| {
            Box::pin(async move {
                let run = sqlx::query_as(
                    "SELECT * FROM runs WHERE target = ? AND dry = 0 AND ended_at IS NOT NULL \
                     ORDER BY id DESC LIMIT 1",
                );
                Ok(run.bind(target).fetch_optional(c).await?)
            })
        })
        .await
    }
}
