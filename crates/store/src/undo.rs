//! What a run did, to be put back; what was written and is not committed yet; and what a person says about a person.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::FromRow;

use super::batch::Batch;
use super::columns::Word;
use super::journal::{Actor, RunId};
use super::past::{OVERRIDES, overrides};
use super::{Store, StoreError, audit, json, millis, word};
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{AccountState, ActionKind, Entry, Origin, Override, OverrideKind, Restore, Undo};

/// The last thing that was written for a person and is not committed yet.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Written {
    /// Who.
    #[sqlx(try_from = "Word")]
    pub person: PersonKey,
    /// The name that was written to.
    #[sqlx(try_from = "Word", rename = "new_username")]
    pub username: Username,
    /// What was done.
    #[sqlx(try_from = "Word")]
    pub kind: ActionKind,
}

/// One thing that a run did to somebody.
#[derive(FromRow)]
struct Done {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(try_from = "Word")]
    new_username: Username,
    #[sqlx(try_from = "Word")]
    kind: ActionKind,
    #[sqlx(try_from = "Word")]
    origin: Origin,
    #[sqlx(json(nullable))]
    before: Option<Entry>,
    #[sqlx(json(nullable))]
    after: Option<AccountState>,
}

impl From<Done> for Restore {
    fn from(done: Done) -> Self {
        let name = done.new_username;
        Self {
            before: done.before,
            after: done.after.map(|state| (name, state)),
            adopted: done.kind == ActionKind::Adopt || done.origin == Origin::Adopted,
        }
    }
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
                let all: Vec<Done> = sqlx::query_as(
                    "SELECT * FROM intents WHERE run = ? AND target = ? AND state IN ('applied', 'done') ORDER BY seq",
                )
                .bind(run.0)
                .bind(&target)
                .fetch_all(c)
                .await?;
                let mut people: BTreeMap<PersonKey, Restore> = BTreeMap::new();
                for done in all {
                    let (person, new) = (done.person.clone(), Restore::from(done));
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
                let all: Vec<Written> = sqlx::query_as(
                    "SELECT i.person, i.new_username, i.kind FROM intents i JOIN targets t ON t.name = i.target \
                     WHERE i.target = ? AND i.state IN ('applied', 'done') \
                     AND i.settled_at >= coalesce(t.committed_at, 0) AND t.state <> 'clean' ORDER BY i.run, i.seq",
                )
                .bind(&target)
                .fetch_all(c)
                .await?;
                let last: BTreeMap<_, _> =
                    all.into_iter().map(|written| (written.person.clone(), written)).collect();
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
            Box::pin(async move {
                let mut batch = Batch::default();
                let said = batch.ask(&OVERRIDES).key();
                Ok(overrides(batch.answers(c).await?.all(&said)?, as_of))
            })
        })
        .await
    }
}
