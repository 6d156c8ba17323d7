//! What a run did, to be put back; what was written and is not committed yet; and what a person says about a person.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::journal::{Actor, RunId};
use super::past::{OVERRIDES, overrides};
use super::{Store, StoreError, audit, from_json, from_word, json, millis, named, word};
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{ActionKind, Entry, Origin, Override, OverrideKind, Restore, Undo};

/// The last thing that was written for a person and is not committed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Who.
    pub person: PersonKey,
    /// The name that was written to.
    pub username: Username,
    /// What was done.
    pub kind: ActionKind,
}

fn restore(row: &SqliteRow) -> Result<(PersonKey, Restore), StoreError> {
    let text = |column| row.try_get::<Option<&str>, _>(column);
    let before: Option<Entry> = text("before")?.map(|t| from_json(t, "intents.before")).transpose()?;
    let state = text("after")?.map(|t| from_json(t, "intents.after")).transpose()?;
    let name = named(Username::new(row.try_get("new_username")?), "intents.new_username")?;
    let origin: Origin = from_word(row.try_get("origin")?, "intents.origin")?;
    let kind: ActionKind = from_word(row.try_get("kind")?, "intents.kind")?;
    let restore = Restore {
        before,
        after: state.map(|state| (name, state)),
        adopted: kind == ActionKind::Adopt || origin == Origin::Adopted,
    };
    Ok((named(PersonKey::new(row.try_get("person")?), "intents.person")?, restore))
}

impl Store {
    /// What a run changed on its target, as answers or looks confirmed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn changes_of(&self, run: RunId, target: &TargetName) -> Result<Undo, StoreError> {
        let target = target.to_string();
        self.read("changes of a run", |c| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "SELECT * FROM intents WHERE run = ? AND target = ? AND state IN ('applied', 'done') ORDER BY seq",
                )
                .bind(run.0)
                .bind(&target)
                .fetch_all(c)
                .await?;
                let mut people: BTreeMap<PersonKey, Restore> = BTreeMap::new();
                for row in &rows {
                    let (person, new) = restore(row)?;
                    match people.get_mut(&person) {
                        // The first of its calls found what there was, the last left what there is.
                        Some(known) => known.after = new.after,
                        None => {
                            people.insert(person, new);
                        }
                    }
                }
                Ok(Undo { run: run.0, people })
            })
        })
        .await
    }

    /// How many groups a run created: nothing removes them again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn groups_created_by(&self, run: RunId) -> Result<u64, StoreError> {
        self.read("groups of a run", |c| {
            Box::pin(async move {
                let count: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM calls WHERE run = ? AND kind = 'add_group' AND state IN ('applied', 'done')",
                )
                .bind(run.0)
                .fetch_one(c)
                .await?;
                Ok(count.unsigned_abs())
            })
        })
        .await
    }

    /// What was written since the last confirmed commit, the last of each person; by person.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn uncommitted(&self, target: &TargetName) -> Result<Vec<Written>, StoreError> {
        let target = target.to_string();
        self.read("uncommitted", |c| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "SELECT i.person, i.new_username, i.kind FROM intents i JOIN targets t ON t.name = i.target \
                     WHERE i.target = ? AND i.state IN ('applied', 'done') \
                     AND i.settled_at >= coalesce(t.committed_at, 0) AND t.state <> 'clean' ORDER BY i.run, i.seq",
                )
                .bind(&target)
                .fetch_all(c)
                .await?;
                let mut last = BTreeMap::new();
                for row in &rows {
                    let person = named(PersonKey::new(row.try_get("person")?), "intents.person")?;
                    let written = Written {
                        person: person.clone(),
                        username: named(Username::new(row.try_get("new_username")?), "intents.new_username")?,
                        kind: from_word(row.try_get("kind")?, "intents.kind")?,
                    };
                    last.insert(person, written);
                }
                Ok(last.into_values().collect())
            })
        })
        .await
    }

    /// The number of a run's next call.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_call(&self, run: RunId) -> Result<i64, StoreError> {
        self.read("next call", |c| {
            Box::pin(async move {
                let last: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM calls WHERE run = ?")
                    .bind(run.0)
                    .fetch_one(c)
                    .await?;
                Ok(last.unwrap_or(0) + 1)
            })
        })
        .await
    }

    /// Records what a person said about people: `None` ends what was said before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn say(
        &self,
        people: Vec<PersonKey>,
        what: Option<(OverrideKind, Option<NaiveDate>)>,
        reason: String,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write("override", move |c| {
            Box::pin(async move {
                for person in &people {
                    match what {
                        Some((kind, until)) => {
                            sqlx::query(
                                "INSERT OR REPLACE INTO overrides (person, kind, until, reason, actor, created_at) \
                                 VALUES (?, ?, ?, ?, ?, ?)",
                            )
                            .bind(person.as_str())
                            .bind(word(kind)?)
                            .bind(until.map(|day| day.to_string()))
                            .bind(&reason)
                            .bind(json(&actor)?)
                            .bind(millis(now))
                            .execute(&mut *c)
                            .await?;
                        }
                        None => {
                            sqlx::query("DELETE FROM overrides WHERE person = ?")
                                .bind(person.as_str())
                                .execute(&mut *c)
                                .await?;
                        }
                    }
                    let (kind, until) = what.unzip();
                    let kind = kind.map(word).transpose()?.unwrap_or_else(|| "resume".to_owned());
                    let record = audit::Record::new("override", now)
                        .body(json!({ "kind": kind, "until": until.flatten(), "actor": actor }))
                        .personal(json!({ "person": person, "reason": reason }));
                    audit::append(c, record).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// What is said about everybody of whom something is said, on this day.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn said(&self, as_of: NaiveDate) -> Result<BTreeMap<PersonKey, Override>, StoreError> {
        self.read("overrides", |c| {
            Box::pin(async move { overrides(&sqlx::query(OVERRIDES).fetch_all(c).await?, as_of) })
        })
        .await
    }
}
