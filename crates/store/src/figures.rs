//! Figures of a target for metrics: how many of what. Reads only, and counts in the database: no row comes out.

use chrono::{DateTime, Utc};

use super::{Store, StoreError, millis};
use crate::model::TargetName;

/// How many of what a target has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Figures {
    /// Accounts of ours that are enabled, as far as is known.
    pub enabled: i64,
    /// Accounts of ours that are disabled.
    pub disabled: i64,
    /// Calls for people whose outcome is not settled for good.
    pub unsettled: i64,
    /// People left alone.
    pub blocked: i64,
    /// Approvals that wait for their run.
    pub approvals: i64,
}

impl Store {
    /// The figures of a target.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn figures(&self, target: &TargetName, now: DateTime<Utc>) -> Result<Figures, StoreError> {
        let target = target.to_string();
        self.read("figures", |c| {
            Box::pin(async move {
                let figures = sqlx::query_as(
                    "SELECT (SELECT count(*) FROM entries WHERE target = ?1 AND enabled = 1) AS enabled, \
                     (SELECT count(*) FROM entries WHERE target = ?1 AND enabled = 0) AS disabled, \
                     (SELECT count(*) FROM intents WHERE target = ?1 \
                      AND (state IN ('sending', 'unknown') OR unsettled = 1)) AS unsettled, \
                     (SELECT count(DISTINCT person) FROM blocked WHERE target = ?1) AS blocked, \
                     (SELECT count(*) FROM approvals WHERE target = ?1 AND used_run IS NULL AND expires_at > ?2) AS approvals",
                );
                Ok(figures.bind(target).bind(millis(now)).fetch_one(c).await?)
            })
        })
        .await
    }
}
