//! What planning needs to know of the past, asked at once. What follows from it is decided in `plan`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::FromRow;

use super::batch::{Batch, Question};
use super::columns::{MaybeWord, Millis, Somebody, Word};
use super::memory::{TARGET, TargetRow};
use super::{Store, StoreError, existing, millis, plans};
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{AppliedRoster, MissingSeen, Override, OverrideKind, Past};
use crate::reason::BlockKind;

/// The sources that had each person when they were last seen.
pub type Sources = BTreeMap<PersonKey, BTreeSet<Arc<str>>>;

pub(super) const OVERRIDES: Question<Said> =
    Question::new("SELECT person, kind, until, reason FROM overrides");

/// What somebody said about a person.
#[derive(FromRow)]
pub(super) struct Said {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(try_from = "Word")]
    kind: OverrideKind,
    #[sqlx(try_from = "MaybeWord")]
    until: Option<NaiveDate>,
    reason: String,
}

/// What is said of people on this day.
pub(super) fn overrides(said: Vec<Said>, as_of: NaiveDate) -> BTreeMap<PersonKey, Override> {
    let lasting = said.into_iter().filter(|said| said.until.is_none_or(|until| until >= as_of));
    lasting.map(|Said { person, kind, until, reason }| (person, Override { kind, until, reason })).collect()
}

const MISSING: Question<Missed> = Question::new(
    "SELECT person, min(seen_at) AS since, count(*) AS rosters, max(roster_digest = ?) AS counted \
     FROM missing WHERE target = ? GROUP BY person",
);

/// Somebody who was missing from good rosters.
#[derive(FromRow)]
struct Missed {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(try_from = "Millis")]
    since: DateTime<Utc>,
    rosters: u32,
    /// The roster at hand is one of them.
    counted: bool,
}

fn missing(
    missed: Vec<Missed>,
    at_hand: BTreeSet<PersonKey>,
    now: DateTime<Utc>,
) -> BTreeMap<PersonKey, MissingSeen> {
    let seen =
        |m: Missed| (m.person, MissingSeen { since: m.since, rosters: m.rosters + u32::from(!m.counted) });
    let mut all: BTreeMap<_, _> =
        missed.into_iter().filter(|m| at_hand.contains(&m.person)).map(seen).collect();
    for person in at_hand {
        all.entry(person).or_insert(MissingSeen { since: now, rosters: 1 });
    }
    all
}

/// Confirmed removals of the last 24 hours and of the last 7 days.
const REMOVALS: Question<Removals> = Question::new(
    "SELECT count(*) FILTER (WHERE settled_at >= ?) AS day, count(*) AS week FROM intents WHERE target = ? \
     AND settled_at >= ? AND kind IN ('disable', 'delete') AND state IN ('applied', 'done')",
);

#[derive(FromRow)]
struct Removals {
    day: i64,
    week: i64,
}

const RETURNED: Question<Somebody> = Question::new(
    "SELECT DISTINCT v.person FROM account_versions v WHERE v.target = ? AND NOT EXISTS \
     (SELECT 1 FROM entries e WHERE e.target = v.target AND e.person = v.person)",
);

fn people(rows: Vec<Somebody>) -> BTreeSet<PersonKey> {
    rows.into_iter().map(|row| row.person).collect()
}

const LINKS: Question<Named> = Question::new("SELECT person, username FROM links WHERE target = ?");

/// Names that were deleted or renamed away since the last confirmed commit: log-ins may still see them.
const UNCOMMITTED: Question<Named> = Question::new(
    "SELECT i.username, i.person FROM intents i JOIN targets t ON t.name = i.target WHERE i.target = ? \
     AND t.state <> 'clean' AND i.kind IN ('delete', 'rename') AND i.state IN ('applied', 'done') \
     AND i.settled_at >= coalesce(t.committed_at, 0) ORDER BY i.run, i.seq",
);

/// A person and a user name.
#[derive(FromRow)]
struct Named {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(try_from = "Word")]
    username: Username,
}

const SOURCES: Question<SourcesOf> =
    Question::new("SELECT person, sources FROM people WHERE sources <> '[]'");

#[derive(FromRow)]
struct SourcesOf {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(json)]
    sources: BTreeSet<Arc<str>>,
}

fn sources(rows: Vec<SourcesOf>) -> Sources {
    rows.into_iter().map(|row| (row.person, row.sources)).collect()
}

const BLOCKED: Question<BlockedRow> =
    Question::new("SELECT person, reason, since FROM blocked WHERE target = ?");

#[derive(FromRow)]
struct BlockedRow {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(try_from = "Word")]
    reason: BlockKind,
    #[sqlx(try_from = "Word")]
    since: NaiveDate,
}

fn blocked_since(rows: Vec<BlockedRow>) -> BTreeMap<PersonKey, BTreeMap<BlockKind, NaiveDate>> {
    let mut all: BTreeMap<PersonKey, BTreeMap<BlockKind, NaiveDate>> = BTreeMap::new();
    for BlockedRow { person, reason, since } in rows {
        all.entry(person).or_default().insert(reason, since);
    }
    all
}

const LAST_APPLIED: Question<Applied> =
    Question::new("SELECT facts FROM applied_rosters WHERE target = ? ORDER BY run DESC LIMIT 1");
const APPLIED_BEFORE: Question<AppliedBefore> =
    Question::new("SELECT EXISTS (SELECT 1 FROM applied_rosters WHERE target = ? AND digest = ?) AS before");

#[derive(FromRow)]
struct Applied {
    #[sqlx(json)]
    facts: AppliedRoster,
}

#[derive(FromRow)]
struct AppliedBefore {
    before: bool,
}

impl Store {
    /// The sources that had each person when they were last seen.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sources(&self) -> Result<Sources, StoreError> {
        let mut batch = Batch::default();
        let asked = batch.ask(&SOURCES).key();
        let answers = self.read("sources", |c| Box::pin(async move { Ok(batch.answers(c).await?) })).await?;
        Ok(sources(answers.all(&asked)?))
    }

    /// Everything that planning needs to know of the past, with the roster of this digest at hand. Who is missing from
    /// it, which `missing_from_it` says, is counted here, but not stored: see [`Self::note_missing`].
    ///
    /// # Errors
    /// If the database fails.
    pub async fn past(
        &self,
        target: &TargetName,
        roster_digest: &str,
        missing_from_it: impl FnOnce(&Sources) -> BTreeSet<PersonKey>,
        as_of: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Past, StoreError> {
        let (name, day_ago, week_ago) =
            (target.as_str(), millis(now - TimeDelta::hours(24)), millis(now - TimeDelta::days(7)));
        let mut batch = Batch::default();
        let row = batch.ask(&TARGET).bind(name).key();
        let removed = batch.ask(&REMOVALS).bind(day_ago).bind(name).bind(week_ago).key();
        let applied = batch.ask(&LAST_APPLIED).bind(name).key();
        let applied_before = batch.ask(&APPLIED_BEFORE).bind(name).bind(roster_digest).key();
        let missed = batch.ask(&MISSING).bind(roster_digest).bind(name).key();
        let had_one = batch.ask(&RETURNED).bind(name).key();
        let changed = batch.ask(&existing::DRIFTED).bind(name).key();
        let linked = batch.ask(&LINKS).bind(name).key();
        let said = batch.ask(&OVERRIDES).key();
        let blocked = batch.ask(&BLOCKED).bind(name).key();
        let uncommitted = batch.ask(&UNCOMMITTED).bind(name).key();
        let from = batch.ask(&SOURCES).key();
        let approved = batch.ask(&plans::OPEN_APPROVALS).bind(name).bind(millis(now)).key();
        let answers = self.read("past", |c| Box::pin(async move { Ok(batch.answers(c).await?) })).await?;

        let row = answers.first(&row)?.map(TargetRow::from).unwrap_or_default();
        let removed = answers.only(&removed)?;
        let last_applied = answers.first(&applied)?.map(|applied| applied.facts);
        let other = last_applied.as_ref().is_some_and(|last| last.digest != roster_digest);
        let sources = sources(answers.all(&from)?);
        let missed = answers.all(&missed)?;
        let paused = row.paused.filter(|p| p.until.is_none_or(|until| until >= as_of));
        Ok(Past {
            missing_before: !missed.is_empty(),
            missing: missing(missed, missing_from_it(&sources), now),
            removals_24h: removed.day.unsigned_abs(),
            removals_7d: removed.week.unsigned_abs(),
            last_applied,
            replayed: other && answers.only(&applied_before)?.before,
            returned: people(answers.all(&had_one)?),
            undo: None,
            drifted: people(answers.all(&changed)?),
            device: row.device,
            first_contact: !row.contacted,
            links: answers.all(&linked)?.into_iter().map(|row| (row.person, row.username)).collect(),
            overrides: overrides(answers.all(&said)?, as_of),
            paused: paused.map(|p| p.reason),
            blocked_since: blocked_since(answers.all(&blocked)?),
            approvals: plans::approvals(answers.all(&approved)?),
            sources,
            in_flight: BTreeMap::new(),
            uncommitted_names: answers
                .all(&uncommitted)?
                .into_iter()
                .map(|row| (row.username, row.person))
                .collect(),
        })
    }
}
