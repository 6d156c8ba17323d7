//! What people were told, by receiver and topic: so that a run that a timer starts knows what the one before it said.
//! What follows from it is decided elsewhere.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::Row as _;

use super::batch::Batch;
use super::{Store, StoreError, millis, time};

/// A trouble that a receiver was told of and that was not fixed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it is about, for example `run:hq`.
    pub topic: String,
    /// Digest of what is wrong.
    pub cause: String,
    /// The title of the message.
    pub title: String,
    /// When this cause was first told.
    pub since: DateTime<Utc>,
    /// When it was last told.
    pub said_at: DateTime<Utc>,
}

impl Store {
    /// What every receiver was told, by its digest and by topic.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn told(&self) -> Result<BTreeMap<String, BTreeMap<String, Told>>, StoreError> {
        self.read("told", |c| {
            Box::pin(async move {
                let rows = sqlx::query("SELECT * FROM told ORDER BY receiver, topic").fetch_all(c).await?;
                let mut all: BTreeMap<String, BTreeMap<String, Told>> = BTreeMap::new();
                for row in rows {
                    let topic: String = row.try_get("topic")?;
                    let told = Told {
                        topic: topic.clone(),
                        cause: row.try_get("cause")?,
                        title: row.try_get("title")?,
                        since: time(row.try_get("since")?),
                        said_at: time(row.try_get("said_at")?),
                    };
                    all.entry(row.try_get("receiver")?).or_default().insert(topic, told);
                }
                Ok(all)
            })
        })
        .await
    }

    /// Remembers what a receiver was told.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_told(&self, receiver: &str, told: &Told) -> Result<(), StoreError> {
        let noted = Batch::new(
            "INSERT OR REPLACE INTO told (receiver, topic, cause, title, since, said_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(receiver)
        .bind(&*told.topic)
        .bind(&*told.cause)
        .bind(&*told.title)
        .bind(millis(told.since))
        .bind(millis(told.said_at));
        self.write_batch("note told", noted).await
    }

    /// Forgets what a receiver was told of a topic, because it is fixed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_told(&self, receiver: &str, topic: &str) -> Result<(), StoreError> {
        let gone = Batch::new("DELETE FROM told WHERE receiver = ? AND topic = ?").bind(receiver).bind(topic);
        self.write_batch("forget told", gone).await
    }

    /// Forgets a receiver that is no longer configured.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_receiver(&self, receiver: &str) -> Result<(), StoreError> {
        let gone = Batch::new("DELETE FROM told WHERE receiver = ?").bind(receiver);
        self.write_batch("forget receiver", gone).await
    }
}
