//! Whether the audit trail is whole, and whether the tables are what it says: the chain itself, what is personal beside
//! it, the heads that were handed out, the seals of runs. What single tables must say is compared in `derived`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;

use super::derived::Derived;
use super::{Head, PAGE, Raw, digest_of, page, personal_hash};
use crate::store::runs::{CALLS, digest_of_calls};
use crate::store::seals::{self, Seal};
use crate::store::{Store, StoreError};

/// What is wrong with the trail, or with a table that it speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The record that says otherwise; 0 where none speaks of the row.
    pub seq: i64,
    /// Stable word: `digest`, `order`, `personal`, `journal`, `head`; `rows`, `outcomes` and `run` for a run's rows;
    /// `entries`, `overrides`, `approvals`, `links`, `plans` for a row of that table.
    pub what: &'static str,
    /// The row, where it is about one: a run's number, a person, a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
}

impl Broken {
    pub(super) fn record(seq: i64, what: &'static str) -> Self {
        Self { seq, what, row: None }
    }

    pub(super) fn row(seq: i64, what: &'static str, row: impl ToString) -> Self {
        Self { seq, what, row: Some(row.to_string()) }
    }
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Records looked at.
    pub records: u64,
    /// Personal parts that were erased on purpose.
    pub erased: u64,
    /// The chain's head.
    pub head: Head,
    /// Everything wrong; empty: whole.
    pub broken: Vec<Broken>,
}

/// Checks one record against the one before; what is wrong goes into `broken`.
fn check(raw: &Raw, last: &Head, broken: &mut Vec<Broken>) {
    let mut wrong = |what| broken.push(Broken::record(raw.seq, what));
    if raw.seq != last.seq + 1 || raw.prev != last.digest {
        wrong("order");
    }
    if digest_of(raw) != raw.digest {
        wrong("digest");
    }
    // Exactly these are whole: nothing personal, all of it, or none of it any more (whether that was said is asked later).
    let whole = match (&raw.personal_hash, &raw.salt, &raw.personal) {
        (None, None, None) | (Some(_), None, None) => true,
        (Some(hash), Some(salt), Some(text)) => personal_hash(salt, text) == *hash,
        _ => false,
    };
    if !whole {
        wrong("personal");
    }
}

/// The journal of an ended run must be what its last record says.
async fn check_journal(
    c: &mut SqliteConnection,
    raw: &Raw,
    body: &Value,
    broken: &mut Vec<Broken>,
) -> Result<(), StoreError> {
    let (Some(run), Some(Value::String(digest))) = (raw.run, body.get("journal")) else {
        return Ok(());
    };
    let calls = sqlx::query_as(CALLS).bind(run).fetch_all(c).await?;
    if digest_of_calls(&calls) != *digest {
        broken.push(Broken::row(raw.seq, "journal", run));
    }
    Ok(())
}

/// What the chain says of runs.
#[derive(Default)]
struct Runs {
    /// Run → the record that sealed it last, and how.
    sealed: BTreeMap<i64, (i64, Seal)>,
    /// Runs that a record says began, or were refused.
    begun: BTreeSet<i64>,
    /// Target → the last run whose end sealed all that was over.
    sealer: BTreeMap<String, i64>,
}

impl Runs {
    fn note(&mut self, raw: &Raw, body: &Value) {
        if let ("run_started" | "run_refused", Some(run)) = (&*raw.kind, raw.run) {
            self.begun.insert(run);
        }
        let said: Option<seals::Seals> =
            body.get("seals").and_then(|said| serde_json::from_value(said.clone()).ok());
        for (run, seal) in said.unwrap_or_default() {
            let (seq, known) = self.sealed.entry(run).or_default();
            *seq = raw.seq;
            known.superseded_by(seal);
            if let ("run_ended", Some(target), Some(by)) = (&*raw.kind, &raw.target, raw.run) {
                self.sealer.insert(target.clone(), by);
            }
        }
    }

    /// Compares runs with their seals; and no run may be there of which the chain does not know.
    async fn check(&self, c: &mut SqliteConnection, broken: &mut Vec<Broken>) -> Result<(), StoreError> {
        for (run, (seq, seal)) in &self.sealed {
            let now = seals::now(c, *run).await?;
            for (what, said, now) in
                [("rows", &seal.rows, &now.rows), ("outcomes", &seal.outcomes, &now.outcomes)]
            {
                if said.is_some() && said != now {
                    broken.push(Broken::row(*seq, what, run));
                }
            }
        }
        let all: Vec<Known> =
            sqlx::query_as("SELECT id, target, ended_at IS NOT NULL AS ended FROM runs ORDER BY id")
                .fetch_all(&mut *c)
                .await?;
        for Known { id, target, ended } in all {
            let due = ended && self.sealer.get(&target).is_some_and(|last| id <= *last);
            if !self.begun.contains(&id) || (due && !self.sealed.contains_key(&id)) {
                broken.push(Broken::row(0, "run", id));
            }
        }
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct Known {
    id: i64,
    target: String,
    ended: bool,
}

/// Which personal parts are gone, and which of them somebody said were erased.
#[derive(Default)]
struct Erasures {
    gone: BTreeSet<i64>,
    said: BTreeSet<i64>,
    /// How many, where older versions only counted.
    counted: u64,
}

impl Erasures {
    fn note(&mut self, raw: &Raw, body: &Value) {
        if raw.is_erased() {
            self.gone.insert(raw.seq);
        }
        if raw.kind == "erased" {
            match body.get("records") {
                Some(Value::Array(records)) => self.said.extend(records.iter().filter_map(Value::as_i64)),
                _ => self.counted += body["erased"]["records"].as_u64().unwrap_or_default(),
            }
        }
    }

    /// Parts that nobody said were erased. Where it was only counted, as many are believed, the oldest.
    fn check(&self, broken: &mut Vec<Broken>) {
        let unsaid =
            self.gone.difference(&self.said).skip(usize::try_from(self.counted).unwrap_or(usize::MAX));
        broken.extend(unsaid.map(|seq| Broken::record(*seq, "personal")));
    }
}

impl Store {
    /// Checks the whole chain, the personal parts that are still there, and what the tables say of who had access, since
    /// when and by whom: runs, calls, intents, versions of accounts and reports by their seals; entries, overrides,
    /// approvals, links and plans by the records that made them. `heads`: heads remembered outside the database; each
    /// must be a record of the chain.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_verify(&self, heads: Vec<Head>) -> Result<Verified, StoreError> {
        // One moment is looked at, whoever writes meanwhile.
        self.read("audit verify", |c| {
            Box::pin(async move {
                let begun = sqlx::query("SAVEPOINT verify").execute(&mut *c).await;
                let found = verify(&mut *c, heads).await;
                if begun.is_ok() {
                    sqlx::query("RELEASE verify").execute(c).await?;
                }
                found
            })
        })
        .await
    }
}

async fn verify(c: &mut SqliteConnection, heads: Vec<Head>) -> Result<Verified, StoreError> {
    let mut found = Verified { records: 0, erased: 0, head: Head::genesis(), broken: Vec::new() };
    let mut waiting: Vec<Head> = heads.into_iter().filter(|h| *h != Head::genesis()).collect();
    let (mut runs, mut erasures, mut derived) = (Runs::default(), Erasures::default(), Derived::default());
    loop {
        let records = page(c, found.head.seq).await?;
        for raw in &records {
            let body: Value = serde_json::from_str(&raw.body).unwrap_or_default();
            check(raw, &found.head, &mut found.broken);
            check_journal(c, raw, &body, &mut found.broken).await?;
            runs.note(raw, &body);
            erasures.note(raw, &body);
            derived.note(raw, &body);
            found.records += 1;
            found.erased += u64::from(raw.is_erased());
            found.head = raw.head();
            waiting.retain(|h| h.digest != found.head.digest);
        }
        if records.len() < PAGE {
            break;
        }
    }
    runs.check(c, &mut found.broken).await?;
    erasures.check(&mut found.broken);
    derived.check(c, &mut found.broken).await?;
    found.broken.extend(waiting.into_iter().map(|h| Broken::record(h.seq, "head")));
    Ok(found)
}
