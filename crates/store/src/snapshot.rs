//! Reading and writing the snapshot: entries, groups, versions. What an entry should become is the caller's decision.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt as _;
use serde_json::json;
use sqlx::FromRow;

use super::batch::{Batch, Question};
use super::columns::{MaybeMillis, MaybeWord, Word};
use super::ids::RunId;
use super::intent::OPEN_INTENTS;
use super::{Store, StoreError, json, millis, word};
use crate::model::{GroupPath, PersonKey, TargetName, Username};
use crate::plan::{AccountState, Entry, Origin, OwnDisable, Reason, Roles, Snapshot};

/// A change of the snapshot: a new entry, or none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// Who.
    pub person: PersonKey,
    /// What the gateway holds for them now, as an answer or a look confirmed; `None`: nothing of ours.
    pub entry: Option<Entry>,
}

/// An entry as it is stored.
#[derive(FromRow)]
struct EntryRow {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(try_from = "Word")]
    username: Username,
    #[sqlx(try_from = "Word")]
    origin: Origin,
    #[sqlx(try_from = "Word")]
    group_path: GroupPath,
    note: String,
    phone: String,
    #[sqlx(json)]
    roles: Roles,
    enabled: bool,
    #[sqlx(try_from = "MaybeWord")]
    expires_on: Option<NaiveDate>,
    gateway_id: Option<String>,
    #[sqlx(try_from = "MaybeWord")]
    disabled_reason: Option<Reason>,
    #[sqlx(try_from = "MaybeMillis")]
    disabled_at: Option<DateTime<Utc>>,
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        let state = AccountState {
            group: row.group_path,
            note: row.note,
            phone: row.phone,
            roles: row.roles,
            enabled: row.enabled,
            expires_on: row.expires_on,
        };
        let confirmed_at = row.disabled_at;
        Self {
            username: row.username,
            origin: row.origin,
            state,
            gateway_id: row.gateway_id,
            disabled: row.disabled_reason.map(|reason| OwnDisable { reason, confirmed_at }),
            unknown: false,
        }
    }
}

/// A group that is known to be there.
#[derive(FromRow)]
struct GroupRow {
    #[sqlx(try_from = "Word")]
    path: GroupPath,
}

const GROUPS: Question<GroupRow> = Question::new("SELECT path FROM groups WHERE target = ?");

impl Store {
    /// The snapshot of a target. Entries with an open intent are marked unknown; the accounts of people whose first
    /// add is unknown are in it too, as they were wanted.
    ///
    /// # Errors
    /// If the database fails or is damaged.
    pub async fn snapshot(&self, target: &TargetName) -> Result<Snapshot, StoreError> {
        let target = target.to_string();
        self.read("snapshot", |c| {
            Box::pin(async move {
                let mut entries: BTreeMap<PersonKey, Entry> = BTreeMap::new();
                // One by one: the rows of a large company together are several times what they say.
                let mut rows = sqlx::query_as::<_, EntryRow>("SELECT * FROM entries WHERE target = ?")
                    .bind(&target)
                    .fetch(&mut *c);
                while let Some(row) = rows.try_next().await? {
                    entries.insert(row.person.clone(), Entry::from(row));
                }
                drop(rows);
                let mut batch = Batch::default();
                let open = batch.ask(&OPEN_INTENTS).bind(target.as_str()).key();
                let paths = batch.ask(&GROUPS).bind(target.as_str()).key();
                let answers = batch.answers(c).await?;
                for intent in answers.all(&open)? {
                    if !intent.is_open() {
                        continue;
                    }
                    match (entries.get_mut(&intent.person), &intent.after) {
                        (Some(entry), _) => entry.unknown = true,
                        (None, Some(after)) => {
                            let entry = intent.entry_if_applied(after.clone(), None, true);
                            entries.insert(intent.person.clone(), entry);
                        }
                        (None, None) => {}
                    }
                }
                let groups = answers.all(&paths)?.into_iter().map(|group| group.path).collect();
                Ok(Snapshot { entries, groups })
            })
        })
        .await
    }

    /// Records which of the groups looked at are there.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_groups(
        &self,
        target: &TargetName,
        groups: BTreeMap<GroupPath, bool>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let add = |batch, (path, exists): (&GroupPath, &bool)| {
            note_group(batch, target.as_str(), path, *exists, now)
        };
        self.write_batch("note groups", groups.iter().fold(Batch::default(), add)).await
    }
}

/// What records whether a group is there.
pub fn note_group(batch: Batch, target: &str, path: &GroupPath, exists: bool, now: DateTime<Utc>) -> Batch {
    if exists {
        batch
            .and("INSERT OR REPLACE INTO groups (target, path, seen_at) VALUES (?, ?, ?)")
            .bind(target)
            .bind(path.as_str())
            .bind(millis(now))
    } else {
        batch.and("DELETE FROM groups WHERE target = ? AND path = ?").bind(target).bind(path.as_str())
    }
}

/// What writes one change of the snapshot, and its version.
///
/// # Errors
/// If a value cannot be written as text.
pub fn write_entry(
    batch: Batch,
    target: &str,
    run: RunId,
    change: &EntryChange,
    now: DateTime<Utc>,
) -> Result<Batch, StoreError> {
    let person = change.person.as_str();
    let batch = batch
        .and("UPDATE account_versions SET to_run = ?, to_at = ? WHERE target = ? AND person = ? AND to_run IS NULL")
        .bind(run.0)
        .bind(millis(now))
        .bind(target)
        .bind(person);
    let Some(entry) = &change.entry else {
        let gone = batch.and("DELETE FROM entries WHERE target = ? AND person = ?");
        return Ok(gone.bind(target).bind(person));
    };
    let s = &entry.state;
    let fields = json!({ "group": s.group, "note": s.note, "phone": s.phone, "roles": s.roles, "enabled": s.enabled,
                         "expires_on": s.expires_on, "origin": entry.origin, "gateway_id": entry.gateway_id,
                         "disabled": entry.disabled.as_ref().map(|d| d.reason) });
    Ok(batch
        .and(
            "INSERT INTO entries (target, person, username, origin, group_path, note, phone, roles, enabled, expires_on, \
             gateway_id, disabled_reason, disabled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (target, person) DO UPDATE SET username = excluded.username, origin = excluded.origin, \
             group_path = excluded.group_path, note = excluded.note, phone = excluded.phone, roles = excluded.roles, \
             enabled = excluded.enabled, expires_on = excluded.expires_on, gateway_id = excluded.gateway_id, \
             disabled_reason = excluded.disabled_reason, disabled_at = excluded.disabled_at",
        )
        .bind(target)
        .bind(person)
        .bind(entry.username.as_str())
        .bind(word(entry.origin)?)
        .bind(s.group.as_str())
        .bind(&*s.note)
        .bind(&*s.phone)
        .bind(json(&s.roles)?)
        .bind(s.enabled)
        .bind(s.expires_on.map(|d| d.to_string()))
        .bind(entry.gateway_id.as_deref())
        .bind(entry.disabled.as_ref().map(|d| word(d.reason)).transpose()?)
        .bind(entry.disabled.as_ref().and_then(|d| d.confirmed_at).map(millis))
        .and(
            "INSERT OR REPLACE INTO account_versions (target, person, from_run, from_at, username, fields) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(target)
        .bind(person)
        .bind(run.0)
        .bind(millis(now))
        .bind(entry.username.as_str())
        .bind(fields.to_string()))
}
