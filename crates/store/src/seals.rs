//! What the audit trail says of a run's rows: digests that the chain covers, so that nobody changes afterwards who had
//! which account since when, or who wanted it. A run is sealed when it is over, and what became of its calls when none of
//! them can change any more. Whether the rows are still so is asked by `audit::verify`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use crate::model::TargetName;

/// Every column of a run's rows that is final once the run is over.
const ROWS: [&str; 5] = [
    "SELECT json_array(id, target, dry, trigger, actor, version, config_digest, started_at, as_of, roster_digest, plan_id, \
     ended_at, outcome, exit_code, commit_state, report) AS line FROM runs WHERE id = ?",
    "SELECT json_array(seq, kind, payload, attempts, first_sent_at, last_sent_at) AS line FROM calls WHERE run = ? ORDER BY seq",
    "SELECT json_array(seq, target, person, username, new_username, kind, reason, before, after, origin, source) AS line \
     FROM intents WHERE run = ? ORDER BY seq, person",
    "SELECT json_array(target, person, from_at, username, fields) AS line FROM account_versions WHERE from_run = ? \
     ORDER BY target, person, from_at",
    "SELECT json_array(target, person, from_run, from_at, to_at) AS line FROM account_versions WHERE to_run = ? \
     ORDER BY target, person, from_run, from_at",
];
/// What became of its calls: final once none is unsettled.
const OUTCOMES: [&str; 2] = [
    "SELECT json_array(seq, state, answered_at, code, message) AS line FROM calls WHERE run = ? ORDER BY seq",
    "SELECT json_array(seq, person, state, unsettled, settled_at) AS line FROM intents WHERE run = ? ORDER BY seq, person",
];

/// What a record says of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    /// Digest of the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// Digest of the outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<String>,
}

/// Run → what a record says of it.
pub(super) type Seals = BTreeMap<i64, Seal>;

#[derive(FromRow)]
struct Line {
    line: String,
}

async fn digest(
    c: &mut SqliteConnection,
    run: i64,
    salt: &str,
    parts: &'static [&'static str],
) -> Result<String, StoreError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt.as_bytes());
    for part in parts {
        hasher.update(b"\n\n");
        let mut lines = sqlx::query_as::<_, Line>(*part).bind(run).fetch(&mut *c);
        while let Some(Line { line }) = lines.try_next().await? {
            hasher.update(line.as_bytes());
            hasher.update(b"\n");
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn fresh_salt() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

/// Whether what became of a run's calls can still change.
async fn is_open(c: &mut SqliteConnection, run: i64) -> Result<bool, StoreError> {
    let open = "SELECT EXISTS (SELECT 1 FROM intents WHERE run = ? AND (unsettled = 1 OR state IN ('sending', 'unknown')))";
    Ok(sqlx::query_scalar(open).bind(run).fetch_one(c).await?)
}

async fn put(c: &mut SqliteConnection, run: i64, salt: &str, settled: bool) -> Result<(), StoreError> {
    let put = "INSERT INTO seals (run, salt, settled) VALUES (?1, ?2, ?3) \
               ON CONFLICT (run) DO UPDATE SET salt = ?2, settled = ?3";
    sqlx::query(put).bind(run).bind(salt).bind(settled).execute(c).await?;
    Ok(())
}

/// A run that is over and not wholly sealed yet.
#[derive(FromRow)]
struct Pending {
    id: i64,
    salt: Option<String>,
}

/// Seals what is over on a target: this run, those whose process died, and the outcomes of older ones that are settled by
/// now. What is sealed already is left alone, whatever it looks like: `audit verify` is to find it.
pub(super) async fn seal_ended(c: &mut SqliteConnection, target: &TargetName) -> Result<Seals, StoreError> {
    let pending: Vec<Pending> = sqlx::query_as(
        "SELECT r.id, s.salt FROM runs r LEFT JOIN seals s ON s.run = r.id \
         WHERE r.target = ? AND r.ended_at IS NOT NULL AND (s.run IS NULL OR s.settled = 0) ORDER BY r.id",
    )
    .bind(target.as_str())
    .fetch_all(&mut *c)
    .await?;
    let mut seals = Seals::new();
    for Pending { id, salt } in pending {
        let (new, open) = (salt.is_none(), is_open(c, id).await?);
        if !new && open {
            continue;
        }
        let salt = salt.unwrap_or_else(fresh_salt);
        let mut seal = Seal::default();
        if new {
            seal.rows = Some(digest(c, id, &salt, &ROWS).await?);
        }
        if !open {
            seal.outcomes = Some(digest(c, id, &salt, &OUTCOMES).await?);
        }
        put(c, id, &salt, !open).await?;
        seals.insert(id, seal);
    }
    Ok(seals)
}

/// What a run's salt is, and whether its outcomes are sealed.
#[derive(FromRow)]
struct Kept {
    salt: String,
    settled: bool,
}

async fn kept(c: &mut SqliteConnection, run: i64) -> Result<Option<Kept>, StoreError> {
    let kept = "SELECT salt, settled FROM seals WHERE run = ?";
    Ok(sqlx::query_as(kept).bind(run).fetch_optional(c).await?)
}

/// What a run's rows and outcomes are now, under its salt; nothing if it has none.
pub(super) async fn now(c: &mut SqliteConnection, run: i64) -> Result<Seal, StoreError> {
    let Some(Kept { salt, .. }) = kept(c, run).await? else { return Ok(Seal::default()) };
    Ok(Seal {
        rows: Some(digest(c, run, &salt, &ROWS).await?),
        outcomes: Some(digest(c, run, &salt, &OUTCOMES).await?),
    })
}

impl Seal {
    /// Adds what a later record says.
    pub(super) fn superseded_by(&mut self, later: Self) {
        self.rows = later.rows.or(self.rows.take());
        self.outcomes = later.outcomes.or(self.outcomes.take());
    }
}

/// A record that seals runs.
#[derive(FromRow)]
struct Sealing {
    #[sqlx(json)]
    seals: Seals,
}

/// Those of these runs whose rows are what the chain says of them: only they may be sealed anew when somebody's rows are
/// about to be changed on purpose. What was altered before stays found.
pub(super) async fn intact(
    c: &mut SqliteConnection,
    runs: BTreeSet<i64>,
) -> Result<BTreeSet<i64>, StoreError> {
    let said: Vec<Sealing> = sqlx::query_as(
        "SELECT body -> '$.seals' AS seals FROM audit WHERE body -> '$.seals' IS NOT NULL ORDER BY seq",
    )
    .fetch_all(&mut *c)
    .await?;
    let mut last = Seals::new();
    for (run, seal) in said.into_iter().flat_map(|sealing| sealing.seals) {
        last.entry(run).or_default().superseded_by(seal);
    }
    let mut intact = BTreeSet::new();
    for run in runs {
        let Some(seal) = last.get(&run) else { continue };
        let now = now(c, run).await?;
        if seal.rows == now.rows && (seal.outcomes.is_none() || seal.outcomes == now.outcomes) {
            intact.insert(run);
        }
    }
    Ok(intact)
}

/// Seals runs anew, with other salts: what was changed on purpose can no longer be guessed from the old digests.
pub(super) async fn renew(c: &mut SqliteConnection, runs: BTreeSet<i64>) -> Result<Seals, StoreError> {
    let mut seals = Seals::new();
    for run in runs {
        let Some(Kept { settled, .. }) = kept(c, run).await? else { continue };
        let salt = fresh_salt();
        let rows = Some(digest(c, run, &salt, &ROWS).await?);
        let outcomes = if settled { Some(digest(c, run, &salt, &OUTCOMES).await?) } else { None };
        put(c, run, &salt, settled).await?;
        seals.insert(run, Seal { rows, outcomes });
    }
    Ok(seals)
}
