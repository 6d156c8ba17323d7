//! What planning needs to know of the past, asked at once. What follows from it is decided in `plan`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::batch::{Batch, last_of, only};
use super::memory::{TARGET, day, target_row};
use super::{Store, StoreError, existing, from_json, from_word, millis, named, plans, time};
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{self, AppliedRoster, MissingSeen, Override, Past, Snapshot};
use crate::reason::BlockKind;
use crate::roster::Roster;

pub const OVERRIDES: &str = "SELECT person, kind, until, reason FROM overrides";

pub fn overrides(rows: &[SqliteRow], as_of: NaiveDate) -> Result<BTreeMap<PersonKey, Override>, StoreError> {
    let mut all = BTreeMap::new();
    for row in rows {
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

const MISSING: &str = "SELECT person, min(seen_at) AS since, count(*) AS rosters, max(roster_digest = ?) AS counted \
                       FROM missing WHERE target = ? GROUP BY person";

fn missing(
    rows: &[SqliteRow],
    at_hand: &BTreeSet<PersonKey>,
    now: DateTime<Utc>,
) -> Result<BTreeMap<PersonKey, MissingSeen>, StoreError> {
    let mut all = BTreeMap::new();
    for row in rows {
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
const REMOVALS: &str = "SELECT count(*) FILTER (WHERE settled_at >= ?) AS day, count(*) AS week FROM intents WHERE target = ? \
                        AND settled_at >= ? AND kind IN ('disable', 'delete') AND state IN ('applied', 'done')";

fn removals(rows: &[SqliteRow]) -> Result<(u64, u64), StoreError> {
    let row = only(rows)?;
    let (day, week): (i64, i64) = (row.try_get("day")?, row.try_get("week")?);
    Ok((day.unsigned_abs(), week.unsigned_abs()))
}

const RETURNED: &str = "SELECT DISTINCT v.person FROM account_versions v WHERE v.target = ? AND NOT EXISTS \
                        (SELECT 1 FROM entries e WHERE e.target = v.target AND e.person = v.person)";

/// The people in the column `person`, `place` of a table.
pub fn people(rows: &[SqliteRow], place: &str) -> Result<BTreeSet<PersonKey>, StoreError> {
    rows.iter().map(|row| named(PersonKey::new(row.try_get("person")?), place)).collect()
}

const LINKS: &str = "SELECT person, username FROM links WHERE target = ?";

fn links(rows: &[SqliteRow]) -> Result<BTreeMap<PersonKey, Username>, StoreError> {
    let mut all = BTreeMap::new();
    for row in rows {
        all.insert(
            named(PersonKey::new(row.try_get("person")?), "links.person")?,
            named(Username::new(row.try_get("username")?), "links.username")?,
        );
    }
    Ok(all)
}

/// Names that were deleted or renamed away since the last confirmed commit: log-ins may still see them.
const UNCOMMITTED: &str = "SELECT i.username, i.person FROM intents i JOIN targets t ON t.name = i.target WHERE i.target = ? \
                           AND t.state <> 'clean' AND i.kind IN ('delete', 'rename') AND i.state IN ('applied', 'done') \
                           AND i.settled_at >= coalesce(t.committed_at, 0) ORDER BY i.run, i.seq";

fn uncommitted_names(rows: &[SqliteRow]) -> Result<BTreeMap<Username, PersonKey>, StoreError> {
    let mut names = BTreeMap::new();
    for row in rows {
        names.insert(
            named(Username::new(row.try_get("username")?), "intents.username")?,
            named(PersonKey::new(row.try_get("person")?), "intents.person")?,
        );
    }
    Ok(names)
}

const SOURCES: &str = "SELECT person, sources FROM people WHERE sources <> '[]'";

fn sources(rows: &[SqliteRow]) -> Result<BTreeMap<PersonKey, BTreeSet<Arc<str>>>, StoreError> {
    let mut all = BTreeMap::new();
    for row in rows {
        let person = named(PersonKey::new(row.try_get("person")?), "people.person")?;
        all.insert(person, from_json(row.try_get("sources")?, "people.sources")?);
    }
    Ok(all)
}

const BLOCKED: &str = "SELECT person, reason, since FROM blocked WHERE target = ?";

fn blocked_since(rows: &[SqliteRow]) -> Result<BTreeMap<PersonKey, BTreeMap<BlockKind, NaiveDate>>, StoreError> {
    let mut all: BTreeMap<PersonKey, BTreeMap<BlockKind, NaiveDate>> = BTreeMap::new();
    for row in rows {
        let person = named(PersonKey::new(row.try_get("person")?), "blocked.person")?;
        if let Some(since) = day(row.try_get("since")?, "blocked.since")? {
            all.entry(person).or_default().insert(from_word(row.try_get("reason")?, "blocked.reason")?, since);
        }
    }
    Ok(all)
}

const LAST_APPLIED: &str = "SELECT facts FROM applied_rosters WHERE target = ? ORDER BY run DESC LIMIT 1";
const APPLIED_BEFORE: &str = "SELECT run FROM applied_rosters WHERE target = ? AND digest = ? LIMIT 1";

fn last_applied(rows: &[SqliteRow]) -> Result<Option<AppliedRoster>, StoreError> {
    let Some(row) = rows.first() else { return Ok(None) };
    from_json(row.try_get("facts")?, "applied_rosters.facts").map(Some)
}

impl Store {
    /// The sources that had each person when they were last seen.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sources(&self) -> Result<BTreeMap<PersonKey, BTreeSet<Arc<str>>>, StoreError> {
        self.read("sources", |c| Box::pin(async move { sources(&sqlx::query(SOURCES).fetch_all(c).await?) }))
            .await
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
        let (name, day_ago) = (target.as_str(), millis(now - TimeDelta::hours(24)));
        let asked = Batch::new(TARGET)
            .bind(name)
            .and(REMOVALS)
            .bind(day_ago)
            .bind(name)
            .bind(millis(now - TimeDelta::days(7)))
            .and(LAST_APPLIED)
            .bind(name)
            .and(APPLIED_BEFORE)
            .bind(name)
            .bind(&*roster.digest)
            .and(MISSING)
            .bind(&*roster.digest)
            .bind(name)
            .and(RETURNED)
            .bind(name)
            .and(existing::DRIFTED)
            .bind(name)
            .and(LINKS)
            .bind(name)
            .and(OVERRIDES)
            .and(BLOCKED)
            .bind(name)
            .and(UNCOMMITTED)
            .bind(name)
            .and(SOURCES)
            .and(plans::OPEN_APPROVALS)
            .bind(name)
            .bind(millis(now));
        let rows = self.read("past", |c| Box::pin(async move { Ok(asked.rows(c).await?) })).await?;
        let [
            row,
            removed,
            applied,
            applied_before,
            missed,
            had_one,
            changed,
            linked,
            said,
            blocked,
            uncommitted,
            from,
            approved,
        ] = last_of(rows)?;
        let row = target_row(&row)?;
        let (removals_24h, removals_7d) = removals(&removed)?;
        let last_applied = last_applied(&applied)?;
        let other = last_applied.as_ref().is_some_and(|last| last.digest != roster.digest);
        let sources = sources(&from)?;
        let missing = missing(&missed, &plan::missing(snapshot, roster, &sources), now)?;
        let paused = row.paused.filter(|p| p.until.is_none_or(|until| until >= as_of));
        Ok(Past {
            missing,
            missing_before: !missed.is_empty(),
            removals_24h,
            removals_7d,
            last_applied,
            replayed: other && !applied_before.is_empty(),
            returned: people(&had_one, "account_versions.person")?,
            undo: None,
            drifted: people(&changed, "drifted.person")?,
            device: row.device,
            first_contact: !row.contacted,
            links: links(&linked)?,
            overrides: overrides(&said, as_of)?,
            paused: paused.map(|p| p.reason),
            blocked_since: blocked_since(&blocked)?,
            approvals: plans::approvals(&approved)?,
            sources,
            in_flight: BTreeMap::new(),
            uncommitted_names: uncommitted_names(&uncommitted)?,
        })
    }
}
