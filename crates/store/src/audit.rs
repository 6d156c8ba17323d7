//! The audit trail: records in a chain, each digest covering the one before, so that a changed, removed or reordered
//! record shows. What is personal lies beside its record under a salted hash and can be erased without breaking the
//! chain. A chain proves nothing about its tail: its head leaves the host with each command that records (`[audit] heads_file`).
//! Whether trail and tables are whole is `verify`'s business.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::batch::{Answers, Asked, Batch, Question};
use super::columns::Millis;
use super::ids::RunId;
use super::{Store, StoreError, millis};
use crate::model::TargetName;

mod derived;
mod verify;

pub use verify::{Broken, Verified};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
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

/// The digest of a record: over everything in it but the digest itself, the texts as they are stored.
fn digest_of(r: &Raw) -> String {
    let line =
        json!([r.seq, millis(r.at), r.kind, r.target, r.run, r.body, r.personal_hash, r.prev]).to_string();
    blake3::hash(line.as_bytes()).to_hex().to_string()
}

fn personal_hash(salt: &str, body: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt.as_bytes());
    hasher.update(b"\0");
    hasher.update(body.as_bytes());
    hasher.finalize().to_hex().to_string()
}

const HEAD: &str = "SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1";
const HEAD_QUESTION: Question<Head> = Question::new(HEAD);

impl Head {
    /// The head of a chain without records.
    fn genesis() -> Self {
        Self { seq: 0, digest: GENESIS.into() }
    }

    /// Asks for the chain's head.
    pub(super) fn ask(batch: &mut Batch) -> Asked<Self> {
        batch.ask(&HEAD_QUESTION).key()
    }

    /// The chain's head, as the answer says.
    pub(super) fn of(answers: &Answers, asked: &Asked<Self>) -> Result<Self, StoreError> {
        Ok(answers.first(asked)?.unwrap_or_else(Self::genesis))
    }
}

/// The chain's head.
pub async fn head(c: &mut SqliteConnection) -> Result<Head, StoreError> {
    Ok(sqlx::query_as(HEAD).fetch_optional(c).await?.unwrap_or_else(Head::genesis))
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
    let mut raw = Raw {
        seq: seq + 1,
        at: record.at,
        kind: record.kind.to_owned(),
        target: record.target,
        run: record.run.map(|r| r.0),
        body: record.body.to_string(),
        personal_hash: None,
        salt: None,
        personal: record.personal.map(|p| p.to_string()),
        prev,
        digest: String::new(),
    };
    if let Some(text) = &raw.personal {
        let salt = hex::encode(rand::random::<[u8; 16]>());
        raw.personal_hash = Some(personal_hash(&salt, text));
        raw.salt = Some(salt);
    }
    raw.digest = digest_of(&raw);
    let mut batch = batch.and(
        "INSERT INTO audit (seq, at, kind, target, run, body, personal_hash, prev, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(raw.seq)
    .bind(millis(raw.at))
    .bind(&*raw.kind)
    .bind(raw.target.as_deref())
    .bind(raw.run)
    .bind(&*raw.body)
    .bind(raw.personal_hash.as_deref())
    .bind(&*raw.prev)
    .bind(&*raw.digest);
    if let Some((salt, text)) = raw.salt.as_deref().zip(raw.personal.as_deref()) {
        batch = batch
            .and("INSERT INTO audit_personal (seq, salt, body) VALUES (?, ?, ?)")
            .bind(raw.seq)
            .bind(salt)
            .bind(text);
    }
    (batch, raw.head())
}

/// A record as it is stored.
#[derive(FromRow)]
struct Raw {
    seq: i64,
    #[sqlx(try_from = "Millis")]
    at: DateTime<Utc>,
    kind: String,
    target: Option<String>,
    run: Option<i64>,
    body: String,
    personal_hash: Option<String>,
    salt: Option<String>,
    personal: Option<String>,
    prev: String,
    digest: String,
}

impl Raw {
    fn head(&self) -> Head {
        Head { seq: self.seq, digest: self.digest.clone() }
    }

    fn is_erased(&self) -> bool {
        self.personal_hash.is_some() && self.personal.is_none()
    }
}

impl From<Raw> for Written {
    fn from(raw: Raw) -> Self {
        Self {
            erased: raw.is_erased(),
            seq: raw.seq,
            at: raw.at,
            kind: raw.kind,
            target: raw.target,
            run: raw.run,
            // An unreadable text is shown as null here; `check` finds it by its digest.
            body: serde_json::from_str(&raw.body).unwrap_or_default(),
            personal: raw.personal.map(|text| serde_json::from_str(&text).unwrap_or_default()),
            prev: raw.prev,
            digest: raw.digest,
        }
    }
}

/// Records that are read at a time.
const PAGE: usize = 5000;

async fn page(c: &mut SqliteConnection, after: i64) -> Result<Vec<Raw>, StoreError> {
    let page = sqlx::query_as(
        "SELECT a.*, p.salt, p.body AS personal FROM audit a LEFT JOIN audit_personal p ON p.seq = a.seq \
         WHERE a.seq > ? ORDER BY a.seq LIMIT ?",
    );
    Ok(page.bind(after).bind(PAGE as i64).fetch_all(c).await?)
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

    /// Records after `after`, at most 5,000, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_page(&self, after: i64) -> Result<Vec<Written>, StoreError> {
        self.read("audit export", |c| {
            Box::pin(async move { Ok(page(c, after).await?.into_iter().map(Written::from).collect()) })
        })
        .await
    }
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
