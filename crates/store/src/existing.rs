//! Users who were on a gateway before rosterd: looks that are kept between two attempts, and the change of ownership.
//! What to take over is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::batch::{Batch, Question};
use super::columns::Somebody;
use super::columns::{Millis, Word};
use super::journal::{Actor, RunId};
use super::snapshot::{EntryChange, write_entry};
use super::{Store, StoreError, audit, json, millis};
use crate::gateway::UserRecord;
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{Device, Entry};

/// What a look showed, and when.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Looked {
    /// When.
    #[sqlx(try_from = "Millis", rename = "seen_at")]
    pub at: DateTime<Utc>,
    /// The user; `None`: there is none of this name.
    #[sqlx(json(nullable))]
    pub record: Option<UserRecord>,
}

/// An account that becomes ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Whose.
    pub person: PersonKey,
    /// As a look showed it.
    pub entry: Entry,
    /// The name follows no template and is tied to the person.
    pub linked: bool,
}

/// A change of ownership, all or none.
#[derive(Debug, Clone)]
pub struct TakeOver {
    /// The accounts.
    pub taken: Vec<Taken>,
    /// The device on which they were looked at.
    pub device: Device,
    /// Why.
    pub reason: String,
    /// On whose behalf.
    pub actor: Actor,
}

fn device_text(device: &Device) -> String {
    format!("{} {}", device.dialect, device.url)
}

/// People whose account somebody changed by hand.
pub(super) const DRIFTED: Question<Somebody> = Question::new("SELECT person FROM drifted WHERE target = ?");

/// A look that is kept, and at whom.
#[derive(FromRow)]
struct KeptLook {
    #[sqlx(try_from = "Word")]
    username: Username,
    #[sqlx(flatten)]
    looked: Looked,
}

impl Store {
    /// Keeps what looks at a device showed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep_looks(
        &self,
        target: &TargetName,
        device: &Device,
        looks: Vec<(Username, Option<UserRecord>)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (target, device) = (target.to_string(), device_text(device));
        self.write("keep looks", move |c| {
            Box::pin(async move {
                for (name, record) in &looks {
                    sqlx::query(
                        "INSERT OR REPLACE INTO looks (target, username, device, seen_at, record) VALUES (?, ?, ?, ?, ?)",
                    )
                    .bind(&target)
                    .bind(name.as_str())
                    .bind(&device)
                    .bind(millis(now))
                    .bind(record.as_ref().map(json).transpose()?)
                    .execute(&mut *c)
                    .await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The looks at this device that are kept and were made after `since`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn kept_looks(
        &self,
        target: &TargetName,
        device: &Device,
        since: DateTime<Utc>,
    ) -> Result<BTreeMap<Username, Looked>, StoreError> {
        let (target, device) = (target.to_string(), device_text(device));
        self.read("kept looks", |c| {
            Box::pin(async move {
                let looks: Vec<KeptLook> = sqlx::query_as(
                    "SELECT username, seen_at, record FROM looks WHERE target = ? AND device = ? AND seen_at > ?",
                )
                .bind(&target)
                .bind(&device)
                .bind(millis(since))
                .fetch_all(c)
                .await?;
                Ok(looks.into_iter().map(|kept| (kept.username, kept.looked)).collect())
            })
        })
        .await
    }

    /// Records what a look at all accounts showed: the snapshot as it is now, and whose account was changed by hand.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_drift(
        &self,
        target: &TargetName,
        run: RunId,
        entries: Vec<EntryChange>,
        drifted: BTreeSet<PersonKey>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let target = target.clone();
        self.write("note drift", move |c| {
            Box::pin(async move {
                for change in &entries {
                    write_entry(Batch::default(), target.as_str(), run, change, now)?
                        .execute(&mut *c)
                        .await?;
                }
                for person in &drifted {
                    sqlx::query("INSERT OR REPLACE INTO drifted (target, person, seen_at) VALUES (?, ?, ?)")
                        .bind(target.as_str())
                        .bind(person.as_str())
                        .bind(millis(now))
                        .execute(&mut *c)
                        .await?;
                }
                let record = audit::Record::new("drift", now)
                    .on(&target, run)
                    .body(json!({ "drifted": drifted.len(), "learnt": entries.len() }))
                    .personal(json!({ "people": drifted }));
                audit::append(c, record).await
            })
        })
        .await
    }

    /// Gives an account up: ours no longer, with its link and an audit record.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release(
        &self,
        target: &TargetName,
        run: RunId,
        person: PersonKey,
        reason: String,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let target = target.clone();
        self.write("release", move |c| {
            Box::pin(async move {
                sqlx::query("DELETE FROM links WHERE target = ? AND person = ?")
                    .bind(target.as_str())
                    .bind(person.as_str())
                    .execute(&mut *c)
                    .await?;
                let record = audit::Record::new("released", now)
                    .on(&target, run)
                    .body(json!({ "actor": actor }))
                    .personal(json!({ "person": person, "reason": reason }));
                audit::append(c, record).await?;
                let gone = EntryChange { person, entry: None };
                write_entry(Batch::default(), target.as_str(), run, &gone, now)?.execute(c).await?;
                Ok(())
            })
        })
        .await
    }

    /// Makes accounts ours: entries, links and an audit record for each, all or none. The target belongs to the device
    /// that was looked at, its first contact is over, and the looks are forgotten.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_over(
        &self,
        target: &TargetName,
        run: RunId,
        what: TakeOver,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let target = target.clone();
        let TakeOver { taken, device, reason, actor } = what;
        self.write("take over", move |c| {
            Box::pin(async move {
                for one in taken {
                    let Taken { person, entry, linked } = one;
                    if linked {
                        sqlx::query("INSERT OR REPLACE INTO links (target, person, username) VALUES (?, ?, ?)")
                            .bind(target.as_str())
                            .bind(person.as_str())
                            .bind(entry.username.as_str())
                            .execute(&mut *c)
                            .await?;
                    }
                    let record = audit::Record::new("adopted", now)
                        .on(&target, run)
                        .body(json!({ "reason": reason, "actor": actor, "linked": linked }))
                        .personal(json!({ "person": person, "username": entry.username }));
                    audit::append(c, record).await?;
                    let change = EntryChange { person, entry: Some(entry) };
                    write_entry(Batch::default(), target.as_str(), run, &change, now)?.execute(&mut *c).await?;
                }
                sqlx::query(
                    "UPDATE targets SET contacted = 1, url = coalesce(url, ?), dialect = coalesce(dialect, ?) WHERE name = ?",
                )
                .bind(&device.url)
                .bind(&device.dialect)
                .bind(target.as_str())
                .execute(&mut *c)
                .await?;
                sqlx::query("DELETE FROM looks WHERE target = ?").bind(target.as_str()).execute(c).await?;
                Ok(())
            })
        })
        .await
    }
}
