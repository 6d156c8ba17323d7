//! The audit trail: records in a chain, each digest covering the one before, so that a changed, removed or reordered
//! record shows. What is personal lies beside its record under a salted hash and can be erased without breaking the
//! chain. A chain proves nothing about its tail: its head leaves the database with each run (`[audit] heads_file`).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::batch::Batch;
use super::journal::RunId;
use super::{Store, StoreError, millis, time};
use crate::model::TargetName;

/// What the first record's `prev` is.
const GENESIS: &str = "rosterd";

/// A record about to be written.
#[derive(Debug, Clone)]
pub struct Record {
    kind: &'static str,
    at: DateTime<Utc>,
    target: Option<String>,
    run: Option<RunId>,
    body: Value,
    personal: Option<Value>,
}

impl Record {
    /// A record of this kind (`run_started`, `approved`, `override`, …).
    pub fn new(kind: &'static str, at: DateTime<Utc>) -> Self {
        Self { kind, at, target: None, run: None, body: json!({}), personal: None }
    }

    /// About this run on this target.
    pub fn on(mut self, target: &TargetName, run: RunId) -> Self {
        self.target = Some(target.to_string());
        self.run = Some(run);
        self
    }

    /// About this target.
    pub fn target(mut self, target: &TargetName) -> Self {
        self.target = Some(target.to_string());
        self
    }

    /// What the chain covers in clear: nothing personal.
    pub fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    /// What the chain covers through a salted hash only.
    pub fn personal(mut self, personal: Value) -> Self {
        self.personal = Some(personal);
        self
    }
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last record; 0: none.
    pub seq: i64,
    /// Its digest.
    pub digest: String,
}

/// A record as it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Number.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Kind.
    pub kind: String,
    /// Target.
    pub target: Option<String>,
    /// Run.
    pub run: Option<i64>,
    /// In clear.
    pub body: Value,
    /// The personal part, unless there is none or it was erased.
    pub personal: Option<Value>,
    /// Whether there was a personal part that is erased.
    pub erased: bool,
    /// Digest of the record before.
    pub prev: String,
    /// Digest.
    pub digest: String,
}

/// What is wrong with the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The record.
    pub seq: i64,
    /// Stable word: `digest`, `order`, `personal`, `journal`, `head`.
    pub what: &'static str,
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

/// The digest of a record: over everything in it but the digest itself, the texts as they are stored.
fn digest_of(w: &Written, body: &str, personal_hash: Option<&str>) -> String {
    let line = json!([w.seq, millis(w.at), w.kind, w.target, w.run, body, personal_hash, w.prev]).to_string();
    blake3::hash(line.as_bytes()).to_hex().to_string()
}

fn personal_hash(salt: &str, body: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt.as_bytes());
    hasher.update(b"\0");
    hasher.update(body.as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// Asks for the chain's head.
pub(super) const HEAD: &str = "SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1";

/// The chain's head, as [`HEAD`] gives it.
pub(super) fn head_of(rows: &[SqliteRow]) -> Result<Head, StoreError> {
    match rows.first() {
        None => Ok(Head { seq: 0, digest: GENESIS.into() }),
        Some(row) => Ok(Head { seq: row.try_get("seq")?, digest: row.try_get("digest")? }),
    }
}

/// The chain's head.
pub async fn head(c: &mut SqliteConnection) -> Result<Head, StoreError> {
    head_of(&sqlx::query(HEAD).fetch_all(c).await?)
}

/// Appends a record, inside the caller's transaction.
pub async fn append(c: &mut SqliteConnection, record: Record) -> Result<(), StoreError> {
    let last = head(c).await?;
    let (batch, _) = append_to(Batch::default(), last, record);
    batch.execute(c).await?;
    Ok(())
}

/// What appends a record to this head of the chain, inside the transaction that read it; and the new head.
pub(super) fn append_to(batch: Batch, last: Head, record: Record) -> (Batch, Head) {
    let Head { seq, digest: prev } = last;
    let seq = seq + 1;
    let body = record.body.to_string();
    let personal = record.personal.map(|p| {
        let salt = hex::encode(rand::random::<[u8; 16]>());
        let text = p.to_string();
        (personal_hash(&salt, &text), salt, text)
    });
    let hash = personal.as_ref().map(|(hash, _, _)| hash.as_str());
    let mut written = Written {
        seq,
        at: record.at,
        kind: record.kind.to_owned(),
        target: record.target,
        run: record.run.map(|r| r.0),
        body: Value::Null,
        personal: None,
        erased: false,
        prev,
        digest: String::new(),
    };
    written.digest = digest_of(&written, &body, hash);
    let mut batch = batch.and(
        "INSERT INTO audit (seq, at, kind, target, run, body, personal_hash, prev, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(seq)
    .bind(millis(written.at))
    .bind(&*written.kind)
    .bind(written.target.as_deref())
    .bind(written.run)
    .bind(&*body)
    .bind(hash)
    .bind(&*written.prev)
    .bind(&*written.digest);
    if let Some((_, salt, text)) = &personal {
        batch = batch
            .and("INSERT INTO audit_personal (seq, salt, body) VALUES (?, ?, ?)")
            .bind(seq)
            .bind(&**salt)
            .bind(&**text);
    }
    (batch, Head { seq, digest: written.digest })
}

struct Raw {
    written: Written,
    body: String,
    hash: Option<String>,
    salt: Option<String>,
    personal: Option<String>,
}

fn raw(row: &SqliteRow) -> Result<Raw, StoreError> {
    let body: String = row.try_get("body")?;
    let hash: Option<String> = row.try_get("personal_hash")?;
    let personal: Option<String> = row.try_get("personal")?;
    let written = Written {
        seq: row.try_get("seq")?,
        at: time(row.try_get("at")?),
        kind: row.try_get("kind")?,
        target: row.try_get("target")?,
        run: row.try_get("run")?,
        // An unreadable text is shown as null here; `check` finds it by its digest.
        body: serde_json::from_str(&body).unwrap_or_default(),
        personal: personal.as_deref().map(|p| serde_json::from_str(p).unwrap_or_default()),
        erased: hash.is_some() && personal.is_none(),
        prev: row.try_get("prev")?,
        digest: row.try_get("digest")?,
    };
    Ok(Raw { written, body, hash, salt: row.try_get("salt")?, personal })
}

/// Records that are read at a time.
const PAGE: usize = 5000;

async fn page(c: &mut SqliteConnection, after: i64) -> Result<Vec<Raw>, StoreError> {
    let rows = sqlx::query(
        "SELECT a.*, p.salt, p.body AS personal FROM audit a LEFT JOIN audit_personal p ON p.seq = a.seq \
         WHERE a.seq > ? ORDER BY a.seq LIMIT ?",
    )
    .bind(after)
    .bind(PAGE as i64)
    .fetch_all(c)
    .await?;
    rows.iter().map(raw).collect()
}

/// Checks one record against the one before; what is wrong goes into `broken`.
fn check(raw: &Raw, last: &Head, broken: &mut Vec<Broken>) {
    let w = &raw.written;
    let mut wrong = |what| broken.push(Broken { seq: w.seq, what });
    if w.seq != last.seq + 1 || w.prev != last.digest {
        wrong("order");
    }
    if digest_of(w, &raw.body, raw.hash.as_deref()) != w.digest {
        wrong("digest");
    }
    match (&raw.hash, &raw.salt, &raw.personal) {
        (Some(hash), Some(salt), Some(text)) if personal_hash(salt, text) != *hash => wrong("personal"),
        (None, _, Some(_)) => wrong("personal"),
        _ => {}
    }
}

impl Store {
    /// Appends a record in a transaction of its own.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit(&self, record: Record) -> Result<(), StoreError> {
        self.write("audit", move |c| Box::pin(async move { append(c, record).await })).await
    }

    /// The chain's head.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_head(&self) -> Result<Head, StoreError> {
        self.read("audit head", |c| Box::pin(head(c))).await
    }

    /// Checks the whole chain, the personal parts that are still there, and every ended run's journal. `heads`: heads
    /// remembered outside the database; each must be a record of the chain.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_verify(&self, heads: Vec<Head>) -> Result<Verified, StoreError> {
        self.read("audit verify", |c| {
            Box::pin(async move {
                let mut found = Verified {
                    records: 0,
                    erased: 0,
                    head: Head { seq: 0, digest: GENESIS.into() },
                    broken: Vec::new(),
                };
                let mut waiting: Vec<Head> =
                    heads.into_iter().filter(|h| h.seq != 0 || h.digest != GENESIS).collect();
                loop {
                    let records = page(c, found.head.seq).await?;
                    let Some(last) = records.last() else { break };
                    let last = Head { seq: last.written.seq, digest: last.written.digest.clone() };
                    for raw in &records {
                        check(raw, &found.head, &mut found.broken);
                        check_journal(c, &raw.written, &mut found.broken).await?;
                        found.records += 1;
                        found.erased += u64::from(raw.written.erased);
                        found.head = Head { seq: raw.written.seq, digest: raw.written.digest.clone() };
                        waiting.retain(|h| h.digest != found.head.digest);
                    }
                    found.head = last;
                    if records.len() < PAGE {
                        break;
                    }
                }
                found.broken.extend(waiting.into_iter().map(|h| Broken { seq: h.seq, what: "head" }));
                Ok(found)
            })
        })
        .await
    }

    /// Records after `after`, at most 5,000, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_page(&self, after: i64) -> Result<Vec<Written>, StoreError> {
        self.read("audit export", |c| {
            Box::pin(async move { Ok(page(c, after).await?.into_iter().map(|r| r.written).collect()) })
        })
        .await
    }
}

/// The journal of an ended run must be what its last record says.
async fn check_journal(
    c: &mut SqliteConnection,
    written: &Written,
    broken: &mut Vec<Broken>,
) -> Result<(), StoreError> {
    let (Some(run), Some(Value::String(digest))) = (written.run, written.body.get("journal")) else {
        return Ok(());
    };
    let calls = sqlx::query(super::runs::CALLS).bind(run).fetch_all(c).await?;
    if super::runs::digest_of_calls(&calls)? != *digest {
        broken.push(Broken { seq: written.seq, what: "journal" });
    }
    Ok(())
}

/// A head as one line of `heads_file`.
pub fn head_line(head: &Head, at: DateTime<Utc>) -> String {
    format!("{} {} {}\n", at.to_rfc3339_opts(SecondsFormat::Secs, true), head.seq, head.digest)
}

/// Reads lines written by [`head_line`]; lines of another form are `None`.
pub fn parse_head(line: &str) -> Option<Head> {
    let mut words = line.split_whitespace().rev();
    let digest = words.next().filter(|d| d.len() == 64)?.to_owned();
    let seq = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    Some(Head { seq, digest })
}
