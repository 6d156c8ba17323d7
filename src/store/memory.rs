//! What the database remembers besides the snapshot, for planning: the target's state, missing people, applied
//! rosters, who was blocked since when, who had an account before. Gathering only; judging is `plan`'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::journal::{Actor, RunId};
use super::{Store, StoreError, audit, existing, from_json, from_word, json, millis, named, time};
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{self, AppliedRoster, Device, MissingSeen, Override, Past, Snapshot};
use crate::roster::Roster;

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
    pub quarantined_by: Option<String>,
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

fn day(text: Option<&str>, what: &str) -> Result<Option<NaiveDate>, StoreError> {
    text.map(str::parse).transpose().map_err(|_| StoreError::Damaged { what: what.into() })
}

async fn target_row(c: &mut SqliteConnection, target: &str) -> Result<TargetRow, StoreError> {
    let Some(row) =
        sqlx::query("SELECT * FROM targets WHERE name = ?").bind(target).fetch_optional(c).await?
    else {
        return Ok(TargetRow::default());
    };
    let url: Option<String> = row.try_get("url")?;
    let dialect: Option<String> = row.try_get("dialect")?;
    let paused = match row.try_get::<Option<String>, _>("paused_reason")? {
        None => None,
        Some(reason) => Some(Pause {
            reason,
            until: day(row.try_get("paused_until")?, "targets.paused_until")?,
            by: row.try_get("paused_by")?,
        }),
    };
    Ok(TargetRow {
        device: url.zip(dialect).map(|(url, dialect)| Device { url, dialect }),
        generation: row.try_get("generation")?,
        dirty: row.try_get::<&str, _>("state")? != "clean",
        quarantined_by: row.try_get("quarantined_by")?,
        dirty_since: row.try_get::<Option<i64>, _>("dirty_since")?.map(time),
        committed_at: row.try_get::<Option<i64>, _>("committed_at")?.map(time),
        paused,
        update_checked: row.try_get("update_checked")?,
        contacted: row.try_get("contacted")?,
        config: row.try_get("config")?,
    })
}

pub(crate) async fn overrides(
    c: &mut SqliteConnection,
    as_of: NaiveDate,
) -> Result<BTreeMap<PersonKey, Override>, StoreError> {
    let rows = sqlx::query("SELECT person, kind, until, reason FROM overrides").fetch_all(c).await?;
    let mut all = BTreeMap::new();
    for row in &rows {
        let until = day(row.try_get("until")?, "overrides.until")?;
        if until.is_some_and(|until| until < as_of) {
            continue;
        }
        let kind = from_word(row.try_get("kind")?, "overrides.kind")?;
        let person = named(PersonKey::new(row.try_get("person")?), "overrides.person")?;
        all.insert(person, Override { kind, until, reason: row.try_get("reason")? });
    }
    Ok(all)
}

async fn missing(
    c: &mut SqliteConnection,
    target: &str,
    now: DateTime<Utc>,
    (digest, at_hand): (&str, &BTreeSet<PersonKey>),
) -> Result<BTreeMap<PersonKey, MissingSeen>, StoreError> {
    let rows = sqlx::query(
        "SELECT person, min(seen_at) AS since, count(*) AS rosters, max(roster_digest = ?) AS counted \
         FROM missing WHERE target = ? GROUP BY person",
    )
    .bind(digest)
    .bind(target)
    .fetch_all(c)
    .await?;
    let mut all = BTreeMap::new();
    for row in &rows {
        let person = named(PersonKey::new(row.try_get("person")?), "missing.person")?;
        if !at_hand.contains(&person) {
            continue;
        }
        let counted: bool = row.try_get("counted")?;
        let rosters: u32 = row.try_get("rosters")?;
        let seen = MissingSeen { since: time(row.try_get("since")?), rosters: rosters + u32::from(!counted) };
        all.insert(person, seen);
    }
    for person in at_hand {
        all.entry(person.clone()).or_insert(MissingSeen { since: now, rosters: 1 });
    }
    Ok(all)
}

/// Confirmed removals of the last 24 hours and of the last 7 days.
async fn removals(
    c: &mut SqliteConnection,
    target: &str,
    now: DateTime<Utc>,
) -> Result<(u64, u64), StoreError> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE settled_at >= ?2) AS day, count(*) AS week FROM intents WHERE target = ?1 \
         AND settled_at >= ?3 AND kind IN ('disable', 'delete') AND state IN ('applied', 'done')",
    )
    .bind(target)
    .bind(millis(now - TimeDelta::hours(24)))
    .bind(millis(now - TimeDelta::days(7)))
    .fetch_one(c)
    .await?;
    let (day, week): (i64, i64) = (row.try_get("day")?, row.try_get("week")?);
    Ok((day.unsigned_abs(), week.unsigned_abs()))
}

async fn returned(c: &mut SqliteConnection, target: &str) -> Result<BTreeSet<PersonKey>, StoreError> {
    let people: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT v.person FROM account_versions v WHERE v.target = ?1 AND NOT EXISTS \
         (SELECT 1 FROM entries e WHERE e.target = ?1 AND e.person = v.person)",
    )
    .bind(target)
    .fetch_all(c)
    .await?;
    people.iter().map(|p| named(PersonKey::new(p), "account_versions.person")).collect()
}

async fn links(c: &mut SqliteConnection, target: &str) -> Result<BTreeMap<PersonKey, Username>, StoreError> {
    let rows =
        sqlx::query("SELECT person, username FROM links WHERE target = ?").bind(target).fetch_all(c).await?;
    let mut all = BTreeMap::new();
    for row in &rows {
        all.insert(
            named(PersonKey::new(row.try_get("person")?), "links.person")?,
            named(Username::new(row.try_get("username")?), "links.username")?,
        );
    }
    Ok(all)
}

/// Names that were deleted or renamed away since the last confirmed commit: log-ins may still see them.
async fn uncommitted_names(
    c: &mut SqliteConnection,
    target: &str,
) -> Result<BTreeMap<Username, PersonKey>, StoreError> {
    let rows = sqlx::query(
        "SELECT i.username, i.person FROM intents i JOIN targets t ON t.name = i.target WHERE i.target = ? AND t.state <> 'clean' \
         AND i.kind IN ('delete', 'rename') AND i.state IN ('applied', 'done') \
         AND i.settled_at >= coalesce(t.committed_at, 0) ORDER BY i.run, i.seq",
    )
    .bind(target)
    .fetch_all(c)
    .await?;
    let mut names = BTreeMap::new();
    for row in &rows {
        names.insert(
            named(Username::new(row.try_get("username")?), "intents.username")?,
            named(PersonKey::new(row.try_get("person")?), "intents.person")?,
        );
    }
    Ok(names)
}

async fn sources(c: &mut SqliteConnection) -> Result<BTreeMap<PersonKey, BTreeSet<Arc<str>>>, StoreError> {
    let rows = sqlx::query("SELECT person, sources FROM people WHERE sources <> '[]'").fetch_all(c).await?;
    let mut all = BTreeMap::new();
    for row in &rows {
        let person = named(PersonKey::new(row.try_get("person")?), "people.person")?;
        all.insert(person, from_json(row.try_get("sources")?, "people.sources")?);
    }
    Ok(all)
}

async fn blocked_since(
    c: &mut SqliteConnection,
    target: &str,
) -> Result<BTreeMap<PersonKey, BTreeMap<String, NaiveDate>>, StoreError> {
    let rows = sqlx::query("SELECT person, reason, since FROM blocked WHERE target = ?")
        .bind(target)
        .fetch_all(c)
        .await?;
    let mut all: BTreeMap<PersonKey, BTreeMap<String, NaiveDate>> = BTreeMap::new();
    for row in &rows {
        let person = named(PersonKey::new(row.try_get("person")?), "blocked.person")?;
        if let Some(since) = day(row.try_get("since")?, "blocked.since")? {
            all.entry(person).or_default().insert(row.try_get("reason")?, since);
        }
    }
    Ok(all)
}

async fn applied(
    c: &mut SqliteConnection,
    target: &str,
    digest: &str,
) -> Result<(Option<AppliedRoster>, bool), StoreError> {
    let last: Option<String> =
        sqlx::query_scalar("SELECT facts FROM applied_rosters WHERE target = ? ORDER BY run DESC LIMIT 1")
            .bind(target)
            .fetch_optional(&mut *c)
            .await?;
    let last: Option<AppliedRoster> = last.map(|f| from_json(&f, "applied_rosters.facts")).transpose()?;
    let earlier: Option<i64> =
        sqlx::query_scalar("SELECT run FROM applied_rosters WHERE target = ? AND digest = ? LIMIT 1")
            .bind(target)
            .bind(digest)
            .fetch_optional(c)
            .await?;
    let replayed = earlier.is_some() && last.as_ref().is_some_and(|l| l.digest != digest);
    Ok((last, replayed))
}

impl Store {
    /// A target's row; the default if it was never used.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn target(&self, target: &TargetName) -> Result<TargetRow, StoreError> {
        let target = target.to_string();
        self.read("target", |c| Box::pin(async move { target_row(c, &target).await })).await
    }

    /// The sources that had each person when they were last seen.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sources(&self) -> Result<BTreeMap<PersonKey, BTreeSet<Arc<str>>>, StoreError> {
        self.read("sources", |c| Box::pin(sources(c))).await
    }

    /// Everything that planning needs to know of the past. Who is missing from the roster at hand is counted here, but
    /// not stored: see [`Self::note_missing`].
    ///
    /// # Errors
    /// If the database fails.
    pub async fn past(
        &self,
        target: &TargetName,
        snapshot: &Snapshot,
        roster: &Roster,
        as_of: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Past, StoreError> {
        let approvals = self.open_approvals(target, now).await?;
        let sources = self.sources().await?;
        let missing_now = plan::missing(snapshot, roster, &sources);
        let (name, digest) = (target.to_string(), roster.digest.clone());
        self.read("past", |c| {
            Box::pin(async move {
                let row = target_row(c, &name).await?;
                let (removals_24h, removals_7d) = removals(c, &name, now).await?;
                let (last_applied, replayed) = applied(c, &name, &digest).await?;
                let paused = row.paused.filter(|p| p.until.is_none_or(|until| until >= as_of));
                Ok(Past {
                    missing: missing(c, &name, now, (&digest, &missing_now)).await?,
                    removals_24h,
                    removals_7d,
                    last_applied,
                    replayed,
                    returned: returned(c, &name).await?,
                    undo: None,
                    drifted: existing::drifted(c, &name).await?,
                    device: row.device,
                    first_contact: !row.contacted,
                    links: links(c, &name).await?,
                    overrides: overrides(c, as_of).await?,
                    paused: paused.map(|p| p.reason),
                    blocked_since: blocked_since(c, &name).await?,
                    approvals,
                    sources,
                    in_flight: BTreeMap::new(),
                    uncommitted_names: uncommitted_names(c, &name).await?,
                })
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
        let (target, people) = (target.to_string(), json(&people)?);
        self.write("note missing", move |c| {
            Box::pin(async move {
                sqlx::query(
                    "DELETE FROM missing WHERE target = ? AND person NOT IN (SELECT value FROM json_each(?))",
                )
                .bind(&target)
                .bind(&people)
                .execute(&mut *c)
                .await?;
                sqlx::query(
                    "INSERT OR IGNORE INTO missing (target, person, roster_digest, seen_at) \
                     SELECT ?1, value, ?3, ?4 FROM json_each(?2)",
                )
                .bind(&target)
                .bind(&people)
                .bind(&roster_digest)
                .bind(millis(now))
                .execute(c)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Stores who is blocked now, keeping *since* for those who already were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_blocked(
        &self,
        target: &TargetName,
        run: RunId,
        blocked: Vec<(PersonKey, String, NaiveDate)>,
    ) -> Result<(), StoreError> {
        let (target, none, blocked) = (target.to_string(), blocked.is_empty(), json(&blocked)?);
        self.write("note blocked", move |c| {
            Box::pin(async move {
                if !none {
                    sqlx::query(
                        "INSERT INTO blocked (target, person, reason, since, run) \
                         SELECT ?1, value ->> 0, value ->> 1, value ->> 2, ?3 FROM json_each(?2) WHERE true \
                         ON CONFLICT (target, person, reason) DO UPDATE SET run = ?3",
                    )
                    .bind(&target)
                    .bind(&blocked)
                    .bind(run.0)
                    .execute(&mut *c)
                    .await?;
                }
                sqlx::query("DELETE FROM blocked WHERE target = ? AND run <> ?")
                    .bind(&target)
                    .bind(run.0)
                    .execute(c)
                    .await?;
                Ok(())
            })
        })
        .await
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
        let target = target.to_string();
        self.write("note applied roster", move |c| {
            Box::pin(async move {
                sqlx::query("INSERT OR REPLACE INTO applied_rosters (target, run, digest, at, facts) VALUES (?, ?, ?, ?, ?)")
                    .bind(&target)
                    .bind(run.0)
                    .bind(&facts.digest)
                    .bind(millis(now))
                    .bind(json(&facts)?)
                    .execute(&mut *c)
                    .await?;
                // Only the last one's facts are ever read; of the others the digest is enough.
                sqlx::query("UPDATE applied_rosters SET facts = '{}' WHERE target = ? AND run < ?")
                    .bind(&target)
                    .bind(run.0)
                    .execute(&mut *c)
                    .await?;
                // Whatever was changed by hand is put right, or left as the configuration wants it.
                sqlx::query("DELETE FROM drifted WHERE target = ?").bind(&target).execute(&mut *c).await?;
                sqlx::query("UPDATE targets SET contacted = 1 WHERE name = ?").bind(&target).execute(c).await?;
                Ok(())
            })
        })
        .await
    }

    /// Ties a target that has none yet to its device.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_device(&self, target: &TargetName, device: Device) -> Result<(), StoreError> {
        let target = target.to_string();
        self.write("note device", move |c| {
            Box::pin(async move {
                sqlx::query("UPDATE targets SET url = ?, dialect = ? WHERE name = ? AND url IS NULL")
                    .bind(&device.url)
                    .bind(&device.dialect)
                    .bind(&target)
                    .execute(c)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Remembers a target's configuration and returns the one remembered before, to say what was loosened.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_config(
        &self,
        target: &TargetName,
        config: String,
    ) -> Result<Option<String>, StoreError> {
        let target = target.to_string();
        self.write("note configuration", move |c| {
            Box::pin(async move {
                let before: Option<String> = sqlx::query_scalar("SELECT config FROM targets WHERE name = ?")
                    .bind(&target)
                    .fetch_optional(&mut *c)
                    .await?
                    .flatten();
                sqlx::query("UPDATE targets SET config = ? WHERE name = ?")
                    .bind(&config)
                    .bind(&target)
                    .execute(c)
                    .await?;
                Ok(before)
            })
        })
        .await
    }

    /// Remembers which sources had each person, for the day when none has.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_people(&self, roster: &Roster, now: DateTime<Utc>) -> Result<(), StoreError> {
        let people: Vec<_> = roster.people.values().map(|p| (&p.key, &p.sources)).collect();
        let people = json(&people)?;
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
        let target = target.to_string();
        self.write("note update check", move |c| {
            Box::pin(async move {
                sqlx::query("UPDATE targets SET update_checked = 1 WHERE name = ?")
                    .bind(&target)
                    .execute(c)
                    .await?;
                Ok(())
            })
        })
        .await
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
