//! What the last run that left nothing to do stood on. Whoever changes something that planning reads takes the record
//! away by that: the schema's triggers see to it. Whether a run may rest on it is decided in `sync`.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::batch::Batch;
use super::journal::RunId;
use super::{Store, StoreError, json};
use crate::model::TargetName;
use crate::plan::{Counts, Due};
use crate::report::{RosterSummary, TargetReport};
use crate::roster::FileMark;

/// What a run that left nothing to do stood on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quiet {
    /// The program's version.
    pub version: String,
    /// Digest of the configuration.
    pub config: String,
    /// The roster's files, by source and name.
    pub files: Vec<FileMark>,
    /// What was read of them.
    pub roster: RosterSummary,
    /// The day that was planned for.
    pub as_of: NaiveDate,
    /// The moment.
    pub at: DateTime<Utc>,
    /// When the plan may differ by time alone.
    pub due: Due,
    /// What a plan made then would have counted.
    pub counts: Counts,
}

/// The record with the run that left it, and what that run said.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Rest {
    /// The run.
    #[sqlx(try_from = "i64")]
    pub run: RunId,
    /// What it stood on.
    #[sqlx(json, rename = "body")]
    pub quiet: Quiet,
    /// What it said.
    #[sqlx(json)]
    pub report: TargetReport,
}

impl Store {
    /// What the last run that left nothing to do stood on, if nothing has changed since.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn rest(&self, target: &TargetName) -> Result<Option<Rest>, StoreError> {
        let target = target.to_string();
        self.read("quiet", |c| {
            Box::pin(async move {
                let rest = sqlx::query_as(
                    "SELECT q.run, q.body, r.report FROM quiet q JOIN runs r ON r.id = q.run \
                     WHERE q.target = ? AND r.report IS NOT NULL",
                );
                Ok(rest.bind(&target).fetch_optional(c).await?)
            })
        })
        .await
    }

    /// Remembers what a run that left nothing to do stood on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_quiet(&self, target: &TargetName, run: RunId, quiet: Quiet) -> Result<(), StoreError> {
        let noted = Batch::new("INSERT OR REPLACE INTO quiet (target, run, body) VALUES (?, ?, ?)")
            .bind(target.as_str())
            .bind(run.0)
            .bind(json(&quiet)?);
        self.write_batch("note quiet", noted).await
    }
}
