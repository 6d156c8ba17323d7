//! Questions that people ask: runs, history, who is blocked, who had which account when. Reads only.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::FromRow;

use super::columns::{MaybeMillis, MaybeWord, Millis, Word};
use super::journal::{Actor, IntentState, RunId, Trigger};
use super::{Store, StoreError, millis, time};
use crate::model::{PersonKey, RowRef, TargetName, mask_phone};
use crate::plan::{AccountState, ActionKind, Reason};
use crate::reason::BlockKind;
use crate::report::{CommitState, TargetReport};

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct RunLine {
    /// Number.
    pub id: i64,
    /// Target.
    #[sqlx(try_from = "Word")]
    pub target: TargetName,
    /// Whether it only showed.
    pub dry: bool,
    /// What set it off.
    #[sqlx(try_from = "Word")]
    pub trigger: Trigger,
    /// For whom.
    #[sqlx(json)]
    pub actor: Actor,
    /// When it began.
    #[sqlx(try_from = "Millis")]
    pub started_at: DateTime<Utc>,
    /// When it ended; `None`: still running, or its process died and no run came after.
    #[sqlx(try_from = "MaybeMillis")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Outcome's word, or `crashed`.
    pub outcome: Option<String>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// Commit.
    #[sqlx(try_from = "MaybeWord", rename = "commit_state")]
    pub commit: Option<CommitState>,
    /// The day planned for.
    pub as_of: String,
    /// Digest of the roster.
    pub roster_digest: Option<String>,
    /// Stored plan.
    #[sqlx(rename = "plan_id")]
    pub plan: Option<i64>,
    /// The whole report, without actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[sqlx(json(nullable))]
    pub report: Option<TargetReport>,
}

/// One call of a run, as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct CallLine {
    /// Its number in the run.
    pub seq: i64,
    /// Sort of call.
    pub kind: String,
    /// What became of it.
    #[sqlx(try_from = "Word")]
    pub state: IntentState,
    /// How often it was sent.
    pub attempts: i64,
    /// When it was journalled.
    #[sqlx(try_from = "Millis")]
    pub first_sent_at: DateTime<Utc>,
    /// When it was last sent.
    #[sqlx(try_from = "Millis")]
    pub last_sent_at: DateTime<Utc>,
    /// When it was answered, or looked at.
    #[sqlx(try_from = "MaybeMillis")]
    pub answered_at: Option<DateTime<Utc>>,
    /// The device's code.
    pub code: Option<i64>,
    /// What the device said, or what went wrong.
    pub message: Option<String>,
    /// What became of it for each person; nobody for groups and commits.
    #[sqlx(skip)]
    pub people: Vec<CallPerson>,
}

/// A person in a call.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct CallPerson {
    /// Who.
    #[sqlx(try_from = "Word")]
    pub person: PersonKey,
    /// Name before.
    pub username: String,
    /// Name after.
    pub new_username: String,
    /// What.
    #[sqlx(try_from = "Word")]
    pub kind: ActionKind,
    /// What became of it.
    #[sqlx(try_from = "Word")]
    pub state: IntentState,
    /// It may still land, and is looked at again.
    pub unsettled: bool,
}

/// One thing that was done, or tried, to an account.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct HistoryLine {
    /// Run.
    pub run: i64,
    /// When the call was last sent.
    #[sqlx(try_from = "Millis", rename = "last_sent_at")]
    pub at: DateTime<Utc>,
    /// Target.
    #[sqlx(try_from = "Word")]
    pub target: TargetName,
    /// Who.
    #[sqlx(try_from = "Word")]
    pub person: PersonKey,
    /// Name before.
    pub username: String,
    /// Name after.
    pub new_username: String,
    /// What.
    #[sqlx(try_from = "Word")]
    pub kind: ActionKind,
    /// Why.
    #[sqlx(try_from = "Word")]
    pub reason: Reason,
    /// What became of it.
    #[sqlx(try_from = "Word")]
    pub state: IntentState,
    /// The device's code.
    pub code: Option<i64>,
    /// What the device said, or what went wrong.
    pub message: Option<String>,
    /// Fields before, phones masked.
    #[sqlx(json(nullable))]
    pub before: Option<AccountState>,
    /// Fields after, phones masked.
    #[sqlx(json(nullable))]
    pub after: Option<AccountState>,
    /// The roster's row.
    #[sqlx(json(nullable))]
    pub source: Option<RowRef>,
    /// What set the run off.
    #[sqlx(try_from = "Word")]
    pub trigger: Trigger,
    /// On whose behalf.
    #[sqlx(json)]
    pub actor: Actor,
}

/// An account as it was at some time.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct AccountLine {
    /// Target.
    pub target: String,
    /// Who.
    pub person: String,
    /// User name.
    pub username: String,
    /// Fields, phone masked.
    #[sqlx(json)]
    pub fields: serde_json::Value,
    /// Since when.
    #[sqlx(try_from = "Millis")]
    pub from_at: DateTime<Utc>,
    /// The run that wrote it.
    pub from_run: i64,
    /// Until when; `None`: still so.
    #[sqlx(try_from = "MaybeMillis")]
    pub to_at: Option<DateTime<Utc>>,
}

/// Somebody blocked, since when.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
pub struct BlockedSince {
    /// Who.
    #[sqlx(try_from = "Word")]
    pub person: PersonKey,
    /// Why.
    #[sqlx(try_from = "Word")]
    pub reason: BlockKind,
    /// Since when.
    #[sqlx(try_from = "Word")]
    pub since: NaiveDate,
    /// The last run that said so.
    pub run: i64,
}

/// Somebody in a call, and in which.
#[derive(FromRow)]
struct InCall {
    seq: i64,
    #[sqlx(flatten)]
    person: CallPerson,
}

/// Whose account there is on a target.
#[derive(FromRow)]
struct Owner {
    #[sqlx(try_from = "Word")]
    target: TargetName,
    #[sqlx(try_from = "Word")]
    person: PersonKey,
}

impl HistoryLine {
    /// The same with its phones masked, as people may see it.
    fn masked(mut self) -> Self {
        for state in [&mut self.before, &mut self.after].into_iter().flatten() {
            state.phone = mask_phone(&state.phone);
        }
        self
    }
}

impl AccountLine {
    /// The same with its phone masked, as people may see it.
    fn masked(mut self) -> Self {
        if let Some(serde_json::Value::String(phone)) = self.fields.get_mut("phone") {
            *phone = mask_phone(phone);
        }
        self
    }
}

impl Store {
    /// The newest runs, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunLine>, StoreError> {
        self.read("runs", |c| {
            Box::pin(async move {
                // Without their reports: each may be larger than all the rest.
                let runs = sqlx::query_as(
                    "SELECT id, target, dry, trigger, actor, started_at, ended_at, outcome, exit_code, commit_state, as_of, \
                     roster_digest, plan_id, NULL AS report FROM runs ORDER BY id DESC LIMIT ?",
                );
                Ok(runs.bind(limit).fetch_all(c).await?)
            })
        })
        .await
    }

    /// One run with its report.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if there is none with this number.
    pub async fn run(&self, id: RunId) -> Result<RunLine, StoreError> {
        self.read("run", |c| {
            Box::pin(async move {
                let run =
                    sqlx::query_as("SELECT * FROM runs WHERE id = ?").bind(id.0).fetch_optional(c).await?;
                run.ok_or_else(|| StoreError::Absent { what: format!("run {id}") })
            })
        })
        .await
    }

    /// A run's calls in order, with their people: the journal itself, which also a run has whose process died.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn calls(&self, run: RunId) -> Result<Vec<CallLine>, StoreError> {
        self.read("calls", |c| {
            Box::pin(async move {
                let mut calls: Vec<CallLine> =
                    sqlx::query_as("SELECT * FROM calls WHERE run = ? ORDER BY seq")
                        .bind(run.0)
                        .fetch_all(&mut *c)
                        .await?;
                let people: Vec<InCall> =
                    sqlx::query_as("SELECT * FROM intents WHERE run = ? ORDER BY seq, person")
                        .bind(run.0)
                        .fetch_all(c)
                        .await?;
                let mut at = 0;
                for InCall { seq, person } in people {
                    while calls.get(at).is_some_and(|call| call.seq < seq) {
                        at += 1;
                    }
                    if let Some(call) = calls.get_mut(at) {
                        call.people.push(person);
                    }
                }
                Ok(calls)
            })
        })
        .await
    }

    /// The newest run of a target, dry ones left out; and the newest that was not refused because of a lock.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_run(&self, target: &TargetName) -> Result<Option<RunLine>, StoreError> {
        let target = target.to_string();
        self.read("last run", |c| {
            Box::pin(async move {
                let last = sqlx::query_as(
                    "SELECT * FROM runs WHERE target = ? AND dry = 0 ORDER BY id DESC LIMIT 1",
                );
                Ok(last.bind(&target).fetch_optional(c).await?)
            })
        })
        .await
    }

    /// When a run on this target last ended well: with exit code 0 or 3, and not before anything was planned.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_success(&self, target: &TargetName) -> Result<Option<DateTime<Utc>>, StoreError> {
        let target = target.to_string();
        self.read("last success", |c| {
            Box::pin(async move {
                let at: Option<i64> = sqlx::query_scalar(
                    "SELECT ended_at FROM runs WHERE target = ? AND dry = 0 AND exit_code IN (0, 3) \
                     AND json_extract(report, '$.error') IS NULL ORDER BY id DESC LIMIT 1",
                )
                .bind(&target)
                .fetch_optional(c)
                .await?
                .flatten();
                Ok(at.map(time))
            })
        })
        .await
    }

    /// Everything that was done to a person, or to whoever had a user name, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn history(&self, who: &str, limit: u32) -> Result<Vec<HistoryLine>, StoreError> {
        let who = who.to_owned();
        self.read("history", |c| {
            Box::pin(async move {
                let lines: Vec<HistoryLine> = sqlx::query_as(
                    "SELECT i.run, c.last_sent_at, i.target, i.person, i.username, i.new_username, i.kind, i.reason, i.state, \
                     c.code, c.message, i.before -> '$.state' AS before, i.after, i.source, r.trigger, r.actor FROM intents i \
                     JOIN calls c ON c.run = i.run AND c.seq = i.seq JOIN runs r ON r.id = i.run \
                     WHERE i.person = ?1 OR i.username = ?1 OR i.person IN \
                     (SELECT person FROM account_versions WHERE username = ?1) \
                     ORDER BY i.run DESC, i.seq DESC LIMIT ?2",
                )
                .bind(&who)
                .bind(limit)
                .fetch_all(c)
                .await?;
                Ok(lines.into_iter().map(HistoryLine::masked).collect())
            })
        })
        .await
    }

    /// The accounts that were in the snapshot at a time (those of one person, if given), by target and person.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn accounts_at(
        &self,
        at: DateTime<Utc>,
        person: Option<&PersonKey>,
    ) -> Result<Vec<AccountLine>, StoreError> {
        let person = person.map(ToString::to_string);
        self.read("accounts", |c| {
            Box::pin(async move {
                let accounts: Vec<AccountLine> = sqlx::query_as(
                    "SELECT * FROM account_versions WHERE from_at <= ?1 AND (to_at IS NULL OR to_at > ?1) \
                     AND (?2 IS NULL OR person = ?2) ORDER BY target, person",
                )
                .bind(millis(at))
                .bind(&person)
                .fetch_all(c)
                .await?;
                Ok(accounts.into_iter().map(AccountLine::masked).collect())
            })
        })
        .await
    }

    /// Who is blocked on a target, since when.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn blocked(&self, target: &TargetName) -> Result<Vec<BlockedSince>, StoreError> {
        let target = target.to_string();
        self.read("blocked", |c| {
            Box::pin(async move {
                let blocked = sqlx::query_as("SELECT * FROM blocked WHERE target = ? ORDER BY since, person");
                Ok(blocked.bind(&target).fetch_all(c).await?)
            })
        })
        .await
    }

    /// The person who has a user name on some target now, or this very person.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn whose(&self, who: &str) -> Result<BTreeMap<TargetName, PersonKey>, StoreError> {
        let who = who.to_owned();
        self.read("whose", |c| {
            Box::pin(async move {
                let owners: Vec<Owner> =
                    sqlx::query_as("SELECT target, person FROM entries WHERE person = ?1 OR username = ?1")
                        .bind(&who)
                        .fetch_all(c)
                        .await?;
                Ok(owners.into_iter().map(|owner| (owner.target, owner.person)).collect())
            })
        })
        .await
    }
}
