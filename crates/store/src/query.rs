//! Questions that people ask: runs, history, who is blocked, who had which account when. Reads only.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::journal::{Actor, IntentState, RunId, Trigger};
use super::{Store, StoreError, from_json, from_word, millis, named, time};
use crate::model::{PersonKey, RowRef, TargetName, mask_phone};
use crate::plan::{AccountState, ActionKind, Entry, Reason};
use crate::reason::BlockKind;
use crate::report::{CommitState, TargetReport};

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunLine {
    /// Number.
    pub id: i64,
    /// Target.
    pub target: TargetName,
    /// Whether it only showed.
    pub dry: bool,
    /// What set it off.
    pub trigger: Trigger,
    /// For whom.
    pub actor: Actor,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None`: still running, or its process died and no run came after.
    pub ended_at: Option<DateTime<Utc>>,
    /// Outcome's word, or `crashed`.
    pub outcome: Option<String>,
    /// Exit code.
    pub exit_code: Option<i64>,
    /// Commit.
    pub commit: Option<CommitState>,
    /// The day planned for.
    pub as_of: String,
    /// Digest of the roster.
    pub roster_digest: Option<String>,
    /// Stored plan.
    pub plan: Option<i64>,
    /// The whole report, without actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<TargetReport>,
}

/// One call of a run, as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallLine {
    /// Its number in the run.
    pub seq: i64,
    /// Sort of call.
    pub kind: String,
    /// What became of it.
    pub state: IntentState,
    /// How often it was sent.
    pub attempts: i64,
    /// When it was journalled.
    pub first_sent_at: DateTime<Utc>,
    /// When it was last sent.
    pub last_sent_at: DateTime<Utc>,
    /// When it was answered, or looked at.
    pub answered_at: Option<DateTime<Utc>>,
    /// The device's code.
    pub code: Option<i64>,
    /// What the device said, or what went wrong.
    pub message: Option<String>,
    /// What became of it for each person; nobody for groups and commits.
    pub people: Vec<CallPerson>,
}

/// A person in a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallPerson {
    /// Who.
    pub person: PersonKey,
    /// Name before.
    pub username: String,
    /// Name after.
    pub new_username: String,
    /// What.
    pub kind: ActionKind,
    /// What became of it.
    pub state: IntentState,
    /// It may still land, and is looked at again.
    pub unsettled: bool,
}

/// One thing that was done, or tried, to an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryLine {
    /// Run.
    pub run: i64,
    /// When the call was last sent.
    pub at: DateTime<Utc>,
    /// Target.
    pub target: TargetName,
    /// Who.
    pub person: PersonKey,
    /// Name before.
    pub username: String,
    /// Name after.
    pub new_username: String,
    /// What.
    pub kind: ActionKind,
    /// Why.
    pub reason: Reason,
    /// What became of it.
    pub state: IntentState,
    /// The device's code.
    pub code: Option<i64>,
    /// What the device said, or what went wrong.
    pub message: Option<String>,
    /// Fields before, phones masked.
    pub before: Option<AccountState>,
    /// Fields after, phones masked.
    pub after: Option<AccountState>,
    /// The roster's row.
    pub source: Option<RowRef>,
    /// What set the run off.
    pub trigger: Trigger,
    /// On whose behalf.
    pub actor: Actor,
}

/// An account as it was at some time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountLine {
    /// Target.
    pub target: String,
    /// Who.
    pub person: String,
    /// User name.
    pub username: String,
    /// Fields, phone masked.
    pub fields: serde_json::Value,
    /// Since when.
    pub from_at: DateTime<Utc>,
    /// The run that wrote it.
    pub from_run: i64,
    /// Until when; `None`: still so.
    pub to_at: Option<DateTime<Utc>>,
}

/// Somebody blocked, since when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockedSince {
    /// Who.
    pub person: PersonKey,
    /// Why.
    pub reason: BlockKind,
    /// Since when.
    pub since: NaiveDate,
    /// The last run that said so.
    pub run: i64,
}

fn run_line(row: &SqliteRow, with_report: bool) -> Result<RunLine, StoreError> {
    let report: Option<&str> = if with_report { row.try_get("report")? } else { None };
    Ok(RunLine {
        id: row.try_get("id")?,
        target: named(TargetName::new(row.try_get("target")?), "runs.target")?,
        dry: row.try_get("dry")?,
        trigger: from_word(row.try_get("trigger")?, "runs.trigger")?,
        actor: from_json(row.try_get("actor")?, "runs.actor")?,
        started_at: time(row.try_get("started_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(time),
        outcome: row.try_get("outcome")?,
        exit_code: row.try_get("exit_code")?,
        commit: row
            .try_get::<Option<&str>, _>("commit_state")?
            .map(|w| from_word(w, "runs.commit_state"))
            .transpose()?,
        as_of: row.try_get("as_of")?,
        roster_digest: row.try_get("roster_digest")?,
        plan: row.try_get("plan_id")?,
        report: report.map(|text| from_json(text, "runs.report")).transpose()?,
    })
}

fn masked(mut state: AccountState) -> AccountState {
    state.phone = mask_phone(&state.phone);
    state
}

fn history_line(row: &SqliteRow) -> Result<HistoryLine, StoreError> {
    let before: Option<Entry> =
        row.try_get::<Option<&str>, _>("before")?.map(|t| from_json(t, "intents.before")).transpose()?;
    let after: Option<AccountState> =
        row.try_get::<Option<&str>, _>("after")?.map(|t| from_json(t, "intents.after")).transpose()?;
    Ok(HistoryLine {
        run: row.try_get("run")?,
        at: time(row.try_get("last_sent_at")?),
        target: named(TargetName::new(row.try_get("target")?), "intents.target")?,
        person: named(PersonKey::new(row.try_get("person")?), "intents.person")?,
        username: row.try_get("username")?,
        new_username: row.try_get("new_username")?,
        kind: from_word(row.try_get("kind")?, "intents.kind")?,
        reason: from_word(row.try_get("reason")?, "intents.reason")?,
        state: from_word(row.try_get("state")?, "intents.state")?,
        code: row.try_get("code")?,
        message: row.try_get("message")?,
        before: before.map(|e| masked(e.state)),
        after: after.map(masked),
        source: row
            .try_get::<Option<&str>, _>("source")?
            .map(|t| from_json(t, "intents.source"))
            .transpose()?,
        trigger: from_word(row.try_get("trigger")?, "runs.trigger")?,
        actor: from_json(row.try_get("actor")?, "runs.actor")?,
    })
}

fn call_line(row: &SqliteRow) -> Result<CallLine, StoreError> {
    Ok(CallLine {
        seq: row.try_get("seq")?,
        kind: row.try_get("kind")?,
        state: from_word(row.try_get("state")?, "calls.state")?,
        attempts: row.try_get("attempts")?,
        first_sent_at: time(row.try_get("first_sent_at")?),
        last_sent_at: time(row.try_get("last_sent_at")?),
        answered_at: row.try_get::<Option<i64>, _>("answered_at")?.map(time),
        code: row.try_get("code")?,
        message: row.try_get("message")?,
        people: Vec::new(),
    })
}

fn call_person(row: &SqliteRow) -> Result<CallPerson, StoreError> {
    Ok(CallPerson {
        person: named(PersonKey::new(row.try_get("person")?), "intents.person")?,
        username: row.try_get("username")?,
        new_username: row.try_get("new_username")?,
        kind: from_word(row.try_get("kind")?, "intents.kind")?,
        state: from_word(row.try_get("state")?, "intents.state")?,
        unsettled: row.try_get("unsettled")?,
    })
}

fn account_line(row: &SqliteRow) -> Result<AccountLine, StoreError> {
    let mut fields: serde_json::Value = from_json(row.try_get("fields")?, "account_versions.fields")?;
    if let Some(serde_json::Value::String(phone)) = fields.get_mut("phone") {
        *phone = mask_phone(phone);
    }
    Ok(AccountLine {
        target: row.try_get("target")?,
        person: row.try_get("person")?,
        username: row.try_get("username")?,
        fields,
        from_at: time(row.try_get("from_at")?),
        from_run: row.try_get("from_run")?,
        to_at: row.try_get::<Option<i64>, _>("to_at")?.map(time),
    })
}

impl Store {
    /// The newest runs, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunLine>, StoreError> {
        self.read("runs", |c| {
            Box::pin(async move {
                let rows = sqlx::query("SELECT * FROM runs ORDER BY id DESC LIMIT ?")
                    .bind(limit)
                    .fetch_all(c)
                    .await?;
                rows.iter().map(|row| run_line(row, false)).collect()
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
                let row = sqlx::query("SELECT * FROM runs WHERE id = ?").bind(id.0).fetch_optional(c).await?;
                run_line(&row.ok_or_else(|| StoreError::Absent { what: format!("run {id}") })?, true)
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
                let rows = sqlx::query("SELECT * FROM calls WHERE run = ? ORDER BY seq")
                    .bind(run.0)
                    .fetch_all(&mut *c)
                    .await?;
                let mut calls = rows.iter().map(call_line).collect::<Result<Vec<_>, _>>()?;
                let rows = sqlx::query("SELECT * FROM intents WHERE run = ? ORDER BY seq, person")
                    .bind(run.0)
                    .fetch_all(c)
                    .await?;
                let mut at = 0;
                for row in &rows {
                    let seq: i64 = row.try_get("seq")?;
                    while calls.get(at).is_some_and(|call| call.seq < seq) {
                        at += 1;
                    }
                    if let Some(call) = calls.get_mut(at) {
                        call.people.push(call_person(row)?);
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
                let row =
                    sqlx::query("SELECT * FROM runs WHERE target = ? AND dry = 0 ORDER BY id DESC LIMIT 1")
                        .bind(&target)
                        .fetch_optional(c)
                        .await?;
                row.map(|row| run_line(&row, true)).transpose()
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
                let rows = sqlx::query(
                    "SELECT i.*, c.last_sent_at, c.code, c.message, r.trigger, r.actor FROM intents i \
                     JOIN calls c ON c.run = i.run AND c.seq = i.seq JOIN runs r ON r.id = i.run \
                     WHERE i.person = ?1 OR i.username = ?1 OR i.person IN \
                     (SELECT person FROM account_versions WHERE username = ?1) \
                     ORDER BY i.run DESC, i.seq DESC LIMIT ?2",
                )
                .bind(&who)
                .bind(limit)
                .fetch_all(c)
                .await?;
                rows.iter().map(history_line).collect()
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
                let rows = sqlx::query(
                    "SELECT * FROM account_versions WHERE from_at <= ?1 AND (to_at IS NULL OR to_at > ?1) \
                     AND (?2 IS NULL OR person = ?2) ORDER BY target, person",
                )
                .bind(millis(at))
                .bind(&person)
                .fetch_all(c)
                .await?;
                rows.iter().map(account_line).collect()
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
                let rows = sqlx::query("SELECT * FROM blocked WHERE target = ? ORDER BY since, person")
                    .bind(&target)
                    .fetch_all(c)
                    .await?;
                rows.iter()
                    .map(|row| {
                        Ok(BlockedSince {
                            person: named(PersonKey::new(row.try_get("person")?), "blocked.person")?,
                            reason: from_word(row.try_get("reason")?, "blocked.reason")?,
                            since: row
                                .try_get::<&str, _>("since")?
                                .parse()
                                .map_err(|_| StoreError::Damaged { what: "blocked.since".into() })?,
                            run: row.try_get("run")?,
                        })
                    })
                    .collect()
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
                let rows =
                    sqlx::query("SELECT target, person FROM entries WHERE person = ?1 OR username = ?1")
                        .bind(&who)
                        .fetch_all(c)
                        .await?;
                let mut all = BTreeMap::new();
                for row in &rows {
                    all.insert(
                        named(TargetName::new(row.try_get("target")?), "entries.target")?,
                        named(PersonKey::new(row.try_get("person")?), "entries.person")?,
                    );
                }
                Ok(all)
            })
        })
        .await
    }
}
