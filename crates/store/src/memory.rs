//! What the database remembers besides the snapshot: the target's state, missing people, applied rosters, who is blocked
//! since when. How planning asks for it is `past`'s business, and what follows from it `plan`'s.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::batch::{Batch, Question};
use super::columns::{MaybeMillis, MaybeWord};
use super::journal::{Actor, RunId};
use super::{Store, StoreError, audit, json, millis, time};
use crate::model::{PersonKey, TargetName};
use crate::plan::{AppliedRoster, Device};
use crate::reason::{BlockKind, Guard};

/// A target as the database knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetRow {
    /// The device the snapshot belongs to.
    pub device: Option<Device>,
    /// Counts the changes of the snapshot.
    pub generation: i64,
    /// Dirty or quarantined.
    pub dirty: bool,
    /// The check that quarantined it.
    pub quarantined_by: Option<Guard>,
    /// Since when.
    pub dirty_since: Option<DateTime<Utc>>,
    /// Last confirmed commit.
    pub committed_at: Option<DateTime<Utc>>,
    /// A person paused it.
    pub paused: Option<Pause>,
    /// A first update was looked at before and after.
    pub update_checked: bool,
    /// First contact is over.
    pub contacted: bool,
    /// The configuration of the last run.
    pub config: Option<String>,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Why.
    pub reason: String,
    /// Until the end of this day.
    pub until: Option<NaiveDate>,
    /// By whom (JSON of an [`Actor`]).
    pub by: String,
}

pub(super) const TARGET: Question<TargetColumns> = Question::new("SELECT * FROM targets WHERE name = ?");

/// A target as it is stored.
#[derive(FromRow)]
pub(super) struct TargetColumns {
    url: Option<String>,
    dialect: Option<String>,
    generation: i64,
    state: String,
    #[sqlx(try_from = "MaybeWord")]
    quarantined_by: Option<Guard>,
    #[sqlx(try_from = "MaybeMillis")]
    dirty_since: Option<DateTime<Utc>>,
    #[sqlx(try_from = "MaybeMillis")]
    committed_at: Option<DateTime<Utc>>,
    paused_reason: Option<String>,
    #[sqlx(try_from = "MaybeWord")]
    paused_until: Option<NaiveDate>,
    paused_by: Option<String>,
    update_checked: bool,
    contacted: bool,
    config: Option<String>,
}

impl From<TargetColumns> for TargetRow {
    fn from(row: TargetColumns) -> Self {
        let until = row.paused_until;
        Self {
            device: row.url.zip(row.dialect).map(|(url, dialect)| Device { url, dialect }),
            generation: row.generation,
            dirty: row.state != "clean",
            quarantined_by: row.quarantined_by,
            dirty_since: row.dirty_since,
            committed_at: row.committed_at,
            paused: row.paused_reason.zip(row.paused_by).map(|(reason, by)| Pause { reason, until, by }),
            update_checked: row.update_checked,
            contacted: row.contacted,
            config: row.config,
        }
    }
}

impl Store {
    /// A target's row; the default if it was never used.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn target(&self, target: &TargetName) -> Result<TargetRow, StoreError> {
        let target = target.to_string();
        self.read("target", |c| {
            Box::pin(async move {
                let mut batch = Batch::default();
                let row = batch.ask(&TARGET).bind(target).key();
                Ok(batch.answers(c).await?.first(&row)?.map(TargetRow::from).unwrap_or_default())
            })
        })
        .await
    }

    /// Stores who is missing from a good roster; whoever is back is forgotten.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_missing(
        &self,
        target: &TargetName,
        roster_digest: String,
        people: BTreeSet<PersonKey>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let people = json(&people)?;
        let noted = Batch::new(
            "DELETE FROM missing WHERE target = ? AND person NOT IN (SELECT value FROM json_each(?))",
        )
        .bind(target.as_str())
        .bind(&*people)
        .and(
            "INSERT OR IGNORE INTO missing (target, person, roster_digest, seen_at) \
             SELECT ?, value, ?, ? FROM json_each(?)",
        )
        .bind(target.as_str())
        .bind(&*roster_digest)
        .bind(millis(now))
        .bind(&*people);
        self.write_batch("note missing", noted).await
    }

    /// Stores who is blocked now, keeping *since* for those who already were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_blocked(
        &self,
        target: &TargetName,
        run: RunId,
        blocked: Vec<(PersonKey, BlockKind, NaiveDate)>,
    ) -> Result<(), StoreError> {
        // Whoever was blocked before keeps their day.
        let noted = Batch::new(
            "INSERT INTO blocked (target, person, reason, since, run) \
             SELECT ?, value ->> 0, value ->> 1, value ->> 2, ? FROM json_each(?) WHERE true \
             ON CONFLICT (target, person, reason) DO UPDATE SET run = excluded.run",
        )
        .bind(target.as_str())
        .bind(run.0)
        .bind(&*json(&blocked)?)
        .and("DELETE FROM blocked WHERE target = ? AND run <> ?")
        .bind(target.as_str())
        .bind(run.0);
        self.write_batch("note blocked", noted).await
    }

    /// Records the roster that this run applied; first contact is over then.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_applied(
        &self,
        target: &TargetName,
        run: RunId,
        facts: AppliedRoster,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let noted = Batch::new(
            "INSERT OR REPLACE INTO applied_rosters (target, run, digest, at, facts) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(target.as_str())
        .bind(run.0)
        .bind(&*facts.digest)
        .bind(millis(now))
        .bind(json(&facts)?)
        // Only the last one's facts are ever read; of the others the digest is enough.
        .and("UPDATE applied_rosters SET facts = '{}' WHERE target = ? AND run < ? AND facts <> '{}'")
        .bind(target.as_str())
        .bind(run.0)
        // Whatever was changed by hand is put right, or left as the configuration wants it.
        .and("DELETE FROM drifted WHERE target = ?")
        .bind(target.as_str())
        .and("UPDATE targets SET contacted = 1 WHERE name = ?")
        .bind(target.as_str());
        self.write_batch("note applied roster", noted).await
    }

    /// Ties a target that has none yet to its device.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_device(&self, target: &TargetName, device: Device) -> Result<(), StoreError> {
        let noted = Batch::new("UPDATE targets SET url = ?, dialect = ? WHERE name = ? AND url IS NULL")
            .bind(&*device.url)
            .bind(&*device.dialect)
            .bind(target.as_str());
        self.write_batch("note device", noted).await
    }

    /// Remembers a target's configuration, so that the next run can say what was loosened.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_config(&self, target: &TargetName, config: &str) -> Result<(), StoreError> {
        let noted =
            Batch::new("UPDATE targets SET config = ? WHERE name = ?").bind(config).bind(target.as_str());
        self.write_batch("note configuration", noted).await
    }

    /// Remembers which sources had each person, for the day when none has.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_people(
        &self,
        people: impl Iterator<Item = (&PersonKey, &Arc<[Arc<str>]>)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let people = json(&people.collect::<Vec<_>>())?;
        self.write("note people", move |c| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO people (person, sources, seen_at) \
                     SELECT value ->> 0, value -> 1, ?2 FROM json_each(?1) WHERE true \
                     ON CONFLICT (person) DO UPDATE SET sources = excluded.sources, seen_at = ?2 \
                     WHERE sources <> excluded.sources",
                )
                .bind(&people)
                .bind(millis(now))
                .execute(c)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Makes another device the one that the snapshot belongs to. Known groups and the check of the first update are
    /// forgotten, for they were the other device's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn accept_device(
        &self,
        target: &TargetName,
        device: Device,
        reason: String,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let target = target.clone();
        self.write("accept target", move |c| {
            Box::pin(async move {
                sqlx::query("UPDATE targets SET url = ?, dialect = ?, update_checked = 0 WHERE name = ?")
                    .bind(&device.url)
                    .bind(&device.dialect)
                    .bind(target.as_str())
                    .execute(&mut *c)
                    .await?;
                sqlx::query("DELETE FROM groups WHERE target = ?")
                    .bind(target.as_str())
                    .execute(&mut *c)
                    .await?;
                let body =
                    json!({ "url": device.url, "dialect": device.dialect, "reason": reason, "actor": actor });
                audit::append(c, audit::Record::new("target_accepted", now).target(&target).body(body)).await
            })
        })
        .await
    }

    /// Remembers that this device's updates were looked at before and after, and did no harm.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_update_checked(&self, target: &TargetName) -> Result<(), StoreError> {
        let noted = Batch::new("UPDATE targets SET update_checked = 1 WHERE name = ?").bind(target.as_str());
        self.write_batch("note update check", noted).await
    }

    /// When a schedule was last served.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_tick(&self, name: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let name = name.to_owned();
        self.read("last tick", |c| {
            Box::pin(async move {
                let at: Option<i64> = sqlx::query_scalar("SELECT served_at FROM ticks WHERE name = ?")
                    .bind(&name)
                    .fetch_optional(c)
                    .await?;
                Ok(at.map(time))
            })
        })
        .await
    }

    /// Records that a schedule was served.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_tick(&self, name: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write("note tick", move |c| {
            Box::pin(async move {
                sqlx::query("INSERT OR REPLACE INTO ticks (name, served_at) VALUES (?, ?)")
                    .bind(&name)
                    .bind(millis(at))
                    .execute(c)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}
