//! Reading and writing the snapshot: entries, groups, versions. What an entry should become is the caller's decision.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt as _;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Store, StoreError, from_json, from_word, json, millis, named, time, word};
use crate::model::{GroupPath, PersonKey, TargetName, Username};
use crate::plan::{AccountState, Entry, OwnDisable, Snapshot};
use crate::store::journal::RunId;

/// A change of the snapshot: a new entry, or none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// Who.
    pub person: PersonKey,
    /// What the gateway holds for them now, as an answer or a look confirmed; `None`: nothing of ours.
    pub entry: Option<Entry>,
}

fn entry(row: &SqliteRow) -> Result<(PersonKey, Entry), StoreError> {
    let person = named(PersonKey::new(row.try_get("person")?), "entries.person")?;
    let username: String = row.try_get("username")?;
    let reason: Option<String> = row.try_get("disabled_reason")?;
    let disabled = match reason {
        None => None,
        Some(reason) => Some(OwnDisable {
            reason: from_word(&reason, "entries.disabled_reason")?,
            confirmed_at: row.try_get::<Option<i64>, _>("disabled_at")?.map(time),
        }),
    };
    let state = AccountState {
        group: named(GroupPath::new(row.try_get("group_path")?), "entries.group_path")?,
        note: row.try_get("note")?,
        phone: row.try_get("phone")?,
        roles: from_json(row.try_get("roles")?, "entries.roles")?,
        enabled: row.try_get("enabled")?,
        expires_on: row
            .try_get::<Option<&str>, _>("expires_on")?
            .map(|d| d.parse::<NaiveDate>())
            .transpose()
            .map_err(|_| StoreError::Damaged { what: "entries.expires_on".into() })?,
    };
    let entry = Entry {
        username: named(Username::new(&username), "entries.username")?,
        origin: from_word(row.try_get("origin")?, "entries.origin")?,
        state,
        gateway_id: row.try_get("gateway_id")?,
        disabled,
        unknown: false,
    };
    Ok((person, entry))
}

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
                let mut entries = BTreeMap::new();
                // One by one: the rows of a large company together are several times what they say.
                let mut rows =
                    sqlx::query("SELECT * FROM entries WHERE target = ?").bind(&target).fetch(&mut *c);
                while let Some(row) = rows.try_next().await? {
                    let (person, entry) = entry(&row)?;
                    entries.insert(person, entry);
                }
                drop(rows);
                for intent in super::journal::open_intents(c, &target).await? {
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
                let paths: Vec<String> = sqlx::query_scalar("SELECT path FROM groups WHERE target = ?")
                    .bind(&target)
                    .fetch_all(c)
                    .await?;
                let groups = paths.iter().map(|p| named(GroupPath::new(p), "groups.path")).collect::<Result<
                    BTreeSet<_>,
                    _,
                >>(
                )?;
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
        let target = target.to_string();
        self.write("note groups", move |c| {
            Box::pin(async move {
                for (path, exists) in groups {
                    note_group(c, &target, &path, exists, now).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// Records whether a group is there.
pub(crate) async fn note_group(
    c: &mut SqliteConnection,
    target: &str,
    path: &GroupPath,
    exists: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let query = if exists {
        sqlx::query("INSERT OR REPLACE INTO groups (target, path, seen_at) VALUES (?, ?, ?)")
            .bind(target)
            .bind(path.as_str())
            .bind(millis(now))
    } else {
        sqlx::query("DELETE FROM groups WHERE target = ? AND path = ?").bind(target).bind(path.as_str())
    };
    query.execute(c).await?;
    Ok(())
}

/// Writes one change of the snapshot, and its version.
pub(crate) async fn write_entry(
    c: &mut SqliteConnection,
    target: &str,
    run: RunId,
    change: &EntryChange,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let person = change.person.as_str();
    sqlx::query("UPDATE account_versions SET to_run = ?, to_at = ? WHERE target = ? AND person = ? AND to_run IS NULL")
        .bind(run.0)
        .bind(millis(now))
        .bind(target)
        .bind(person)
        .execute(&mut *c)
        .await?;
    let Some(entry) = &change.entry else {
        sqlx::query("DELETE FROM entries WHERE target = ? AND person = ?")
            .bind(target)
            .bind(person)
            .execute(c)
            .await?;
        return Ok(());
    };
    let s = &entry.state;
    let roles = json(&s.roles)?;
    sqlx::query(
        "INSERT INTO entries (target, person, username, origin, group_path, note, phone, roles, enabled, expires_on, \
         gateway_id, disabled_reason, disabled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
         ON CONFLICT (target, person) DO UPDATE SET username = ?3, origin = ?4, group_path = ?5, note = ?6, phone = ?7, \
         roles = ?8, enabled = ?9, expires_on = ?10, gateway_id = ?11, disabled_reason = ?12, disabled_at = ?13",
    )
    .bind(target)
    .bind(person)
    .bind(entry.username.as_str())
    .bind(word(entry.origin)?)
    .bind(s.group.as_str())
    .bind(&s.note)
    .bind(&s.phone)
    .bind(&roles)
    .bind(s.enabled)
    .bind(s.expires_on.map(|d| d.to_string()))
    .bind(&entry.gateway_id)
    .bind(entry.disabled.as_ref().map(|d| word(d.reason)).transpose()?)
    .bind(entry.disabled.as_ref().and_then(|d| d.confirmed_at).map(millis))
    .execute(&mut *c)
    .await?;
    let fields = json!({ "group": s.group, "note": s.note, "phone": s.phone, "roles": s.roles, "enabled": s.enabled,
                         "expires_on": s.expires_on, "origin": entry.origin });
    sqlx::query(
        "INSERT OR REPLACE INTO account_versions (target, person, from_run, from_at, username, fields) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(target)
    .bind(person)
    .bind(run.0)
    .bind(millis(now))
    .bind(entry.username.as_str())
    .bind(fields.to_string())
    .execute(c)
    .await?;
    Ok(())
}
