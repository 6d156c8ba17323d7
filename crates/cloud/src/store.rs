//! What the database remembers of the other doors: rotations of the VPN's password, and marks of UCloud's keys. Tables
//! in `migrations/0002_cloud.sql`. No password and no key ever comes here.

use chrono::{DateTime, Duration, Utc};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::tencent::Mode;
use super::watch::{KeyMark, Marks, Salt};
use crate::sink::FileMark;
use rosterd_store::audit::{self, Record};
use rosterd_store::columns::{MaybeMillis, Word};
use rosterd_store::journal::{Actor, Trigger};
use rosterd_store::{Store, StoreError, millis, time};

/// How long after its send a request can still come into force: the service takes time stamps up to two hours old, and
/// our own clock may be two hours ahead of it. Some more costs nothing.
pub const LATE_CALLS: Duration = Duration::hours(5);

/// Who wants something, and what set it off. For the audit trail.
#[derive(Debug, Clone)]
pub struct Order {
    /// Who.
    pub actor: Actor,
    /// What set it off.
    pub trigger: Trigger,
}

/// Where a rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationState {
    /// Nothing was sent.
    Pending,
    /// A request may have left.
    Sent,
    /// In force, and the sink says so.
    Current,
    /// It never came into force.
    Refused,
    /// Given up.
    Dropped,
}

impl RotationState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Current => "current",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
        }
    }
}

impl TryFrom<Word> for RotationState {
    type Error = serde::de::value::Error;

    fn try_from(word: Word) -> Result<Self, Self::Error> {
        Self::deserialize(word.0.into_deserializer())
    }
}

/// The pending file, as the column holds it; a text that is no mark is none.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub struct FileColumn(Option<String>);

impl From<FileColumn> for Option<FileMark> {
    fn from(column: FileColumn) -> Self {
        column.0.as_deref().and_then(FileMark::parse)
    }
}

/// A rotation as remembered.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Rotation {
    /// Number.
    pub id: i64,
    /// The VPN account.
    pub account: String,
    /// Where it stands.
    #[sqlx(try_from = "Word")]
    pub state: RotationState,
    /// Requests sent.
    pub attempts: u32,
    /// When the last send began.
    #[sqlx(try_from = "MaybeMillis")]
    pub sent_at: Option<DateTime<Utc>>,
    /// When the last send without a usable answer began.
    #[sqlx(try_from = "MaybeMillis")]
    pub doubtful_at: Option<DateTime<Utc>>,
    /// The pending file.
    #[sqlx(try_from = "FileColumn")]
    pub file: Option<FileMark>,
}

/// What the audit trail says of a rotation.
#[derive(FromRow)]
struct Told {
    account: String,
    sink: String,
    mode: Option<String>,
    attempts: u32,
}

/// The marks of a key, and where it is used.
#[derive(FromRow)]
struct MarkRow {
    domain: String,
    r#type: String,
    key_mark: String,
    iv_mark: String,
}

/// The rotation of this sink that has not ended.
pub async fn open_rotation(store: &Store, sink: &str) -> Result<Option<Rotation>, StoreError> {
    let sink = sink.to_owned();
    store
        .read("open rotation", move |c| {
            Box::pin(async move {
                let open = sqlx::query_as("SELECT * FROM oob_rotations WHERE sink = ? AND ended_at IS NULL");
                Ok(open.bind(sink).fetch_optional(c).await?)
            })
        })
        .await
}

/// Remembers that a rotation begins: nothing is written or sent yet.
pub async fn begin_rotation(
    store: &Store,
    account: &str,
    sink: &str,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    insert(store, account, sink, now, false).await
}

/// Remembers a pending password that the database does not know: it may have been sent, as late as now.
pub async fn adopt_rotation(
    store: &Store,
    account: &str,
    sink: &str,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    insert(store, account, sink, now, true).await
}

async fn insert(
    store: &Store,
    account: &str,
    sink: &str,
    now: DateTime<Utc>,
    maybe_sent: bool,
) -> Result<i64, StoreError> {
    let (account, sink, now) = (account.to_owned(), sink.to_owned(), millis(now));
    let state = if maybe_sent { RotationState::Sent } else { RotationState::Pending };
    let sent = maybe_sent.then_some(now);
    store
        .write("begin rotation", move |c| {
            Box::pin(async move {
                let id = sqlx::query_scalar(
                    "INSERT INTO oob_rotations (account, sink, state, created_at, sent_at, doubtful_at, unsettled) \
                     VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                )
                .bind(account)
                .bind(sink)
                .bind(state.as_str())
                .bind(now)
                .bind(sent)
                .bind(sent)
                .bind(maybe_sent)
                .fetch_one(c)
                .await?;
                Ok(id)
            })
        })
        .await
}

/// Remembers, before the first byte leaves, that the pending password is being sent.
pub async fn note_sending(
    store: &Store,
    id: i64,
    mode: Mode,
    file: FileMark,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    store
        .write("note sending", move |c| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE oob_rotations SET state = 'sent', mode = ?, file = ?, sent_at = ?, attempts = attempts + 1 \
                     WHERE id = ? AND ended_at IS NULL",
                )
                .bind(mode.as_str())
                .bind(file.to_string())
                .bind(millis(now))
                .bind(id)
                .execute(c)
                .await?;
                Ok(())
            })
        })
        .await
}

/// Remembers that the last send had no usable answer: it may come into force, or come late.
pub async fn note_doubt(store: &Store, id: i64) -> Result<(), StoreError> {
    store
        .write("note doubt", move |c| {
            Box::pin(async move {
                sqlx::query("UPDATE oob_rotations SET doubtful_at = sent_at, unsettled = 1 WHERE id = ?")
                    .bind(id)
                    .execute(c)
                    .await?;
                Ok(())
            })
        })
        .await
}

/// Ends a rotation, with its audit record in the same transaction.
pub async fn end_rotation(
    store: &Store,
    id: i64,
    state: RotationState,
    now: DateTime<Utc>,
    order: &Order,
) -> Result<(), StoreError> {
    let order = order.clone();
    store
        .write("end rotation", move |c| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE oob_rotations SET state = ?, ended_at = ? WHERE id = ? AND ended_at IS NULL",
                )
                .bind(state.as_str())
                .bind(millis(now))
                .bind(id)
                .execute(&mut *c)
                .await?;
                append_rotation(c, id, state.as_str(), now, &order).await
            })
        })
        .await
}

/// Writes an audit record about a rotation whose outcome stays unknown for now.
pub async fn audit_unconfirmed(
    store: &Store,
    id: i64,
    now: DateTime<Utc>,
    order: &Order,
) -> Result<(), StoreError> {
    let order = order.clone();
    store
        .write("audit rotation", move |c| {
            Box::pin(async move { append_rotation(c, id, "unconfirmed", now, &order).await })
        })
        .await
}

async fn append_rotation(
    c: &mut SqliteConnection,
    id: i64,
    outcome: &str,
    now: DateTime<Utc>,
    order: &Order,
) -> Result<(), StoreError> {
    let Told { account, sink, mode, attempts } =
        sqlx::query_as("SELECT account, sink, mode, attempts FROM oob_rotations WHERE id = ?")
            .bind(id)
            .fetch_one(&mut *c)
            .await?;
    let body = json!({ "rotation": id, "outcome": outcome, "account": account, "sink": sink, "mode": mode,
                       "attempts": attempts, "actor": order.actor, "trigger": order.trigger });
    audit::append(c, Record::new("oob_rotation", now).body(body)).await
}

/// Rotations of this sink whose password might still come into force.
pub async fn unsettled(store: &Store, sink: &str) -> Result<Vec<i64>, StoreError> {
    let sink = sink.to_owned();
    ids(store, "SELECT id FROM oob_rotations WHERE sink = ? AND unsettled = 1 ORDER BY id", sink, None).await
}

/// Those of them that cannot: a confirmed send of the same account began after their last doubtful request was dead.
pub async fn harmless(store: &Store, sink: &str) -> Result<Vec<i64>, StoreError> {
    let query = "SELECT id FROM oob_rotations r WHERE sink = ? AND unsettled = 1 AND EXISTS (\
                   SELECT 1 FROM oob_rotations n WHERE n.sink = r.sink AND n.account = r.account AND n.state = 'current' \
                   AND n.sent_at >= r.doubtful_at + ?) ORDER BY id";
    ids(store, query, sink.to_owned(), Some(LATE_CALLS.num_milliseconds())).await
}

async fn ids(
    store: &Store,
    query: &'static str,
    sink: String,
    more: Option<i64>,
) -> Result<Vec<i64>, StoreError> {
    store
        .read("unsettled rotations", move |c| {
            Box::pin(async move {
                let mut query = sqlx::query_scalar(query).bind(sink);
                if let Some(more) = more {
                    query = query.bind(more);
                }
                Ok(query.fetch_all(c).await?)
            })
        })
        .await
}

/// Remembers that a rotation's password cannot come into force any more.
pub async fn note_settled(store: &Store, id: i64) -> Result<(), StoreError> {
    store
        .write("settle rotation", move |c| {
            Box::pin(async move {
                sqlx::query("UPDATE oob_rotations SET unsettled = 0 WHERE id = ?")
                    .bind(id)
                    .execute(c)
                    .await?;
                Ok(())
            })
        })
        .await
}

/// The last rotation of a sink that ended well: when the password in force was sent.
pub async fn last_rotation(store: &Store, sink: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    let sink = sink.to_owned();
    store
        .read("last rotation", move |c| {
            Box::pin(async move {
                let at: Option<i64> = sqlx::query_scalar(
                    "SELECT max(sent_at) FROM oob_rotations WHERE sink = ? AND state = 'current'",
                )
                .bind(sink)
                .fetch_one(c)
                .await?;
                Ok(at.map(time))
            })
        })
        .await
}

/// Writes the audit record of secrets that are about to be shown. They must not be shown if this fails.
pub async fn audit_revealed(
    store: &Store,
    what: &'static str,
    names: &[String],
    now: DateTime<Utc>,
    order: &Order,
) -> Result<(), StoreError> {
    let body = json!({ "what": what, "names": names, "actor": order.actor, "trigger": order.trigger });
    store.audit(Record::new("revealed", now).body(body)).await
}

/// The salt of this database's marks; made when first asked for.
pub async fn salt(store: &Store) -> Result<Salt, StoreError> {
    let fresh = hex::encode(rand::random::<[u8; 32]>());
    let text: String = store
        .write("salt", move |c| {
            Box::pin(async move {
                sqlx::query("INSERT OR IGNORE INTO meta (name, value) VALUES ('cloud_salt', ?)")
                    .bind(fresh)
                    .execute(&mut *c)
                    .await?;
                Ok(sqlx::query_scalar("SELECT value FROM meta WHERE name = 'cloud_salt'")
                    .fetch_one(c)
                    .await?)
            })
        })
        .await?;
    let bytes = hex::decode(text).ok().and_then(|b| b.try_into().ok());
    bytes.map(Salt).ok_or_else(|| StoreError::Damaged { what: "meta.cloud_salt".into() })
}

/// The marks of the last look at this scope; `None` before the first.
pub async fn last_marks(store: &Store, scope: &str) -> Result<Option<Marks>, StoreError> {
    let scope = scope.to_owned();
    store
        .read("key marks", move |c| {
            Box::pin(async move {
                let seen: Option<i64> = sqlx::query_scalar("SELECT seen_at FROM ucloud_scopes WHERE scope = ?")
                    .bind(&scope)
                    .fetch_optional(&mut *c)
                    .await?;
                if seen.is_none() {
                    return Ok(None);
                }
                let rows: Vec<MarkRow> = sqlx::query_as(
                    "SELECT domain, type, key_mark, iv_mark FROM ucloud_keys WHERE scope = ? ORDER BY domain, type, position",
                )
                .bind(scope)
                .fetch_all(c)
                .await?;
                let mut marks = Marks::default();
                for row in rows {
                    let mark = KeyMark { key: row.key_mark, iv: row.iv_mark };
                    marks.0.entry((row.domain, row.r#type)).or_default().push(mark);
                }
                Ok(Some(marks))
            })
        })
        .await
}

/// Replaces the marks of a scope; if there is something to tell, with an audit record in the same transaction.
pub async fn remember_marks(
    store: &Store,
    scope: &str,
    marks: Marks,
    changes: Option<Value>,
    now: DateTime<Utc>,
    order: &Order,
) -> Result<(), StoreError> {
    let scope = scope.to_owned();
    let record = changes.map(|changes| {
        Record::new("ucloud_keys", now)
            .body(json!({ "scope": scope, "keys": marks.keys(), "changes": changes,
                                                     "actor": order.actor, "trigger": order.trigger }))
    });
    store
        .write("remember key marks", move |c| {
            Box::pin(async move {
                sqlx::query("INSERT INTO ucloud_scopes (scope, seen_at) VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET seen_at = excluded.seen_at")
                    .bind(&scope)
                    .bind(millis(now))
                    .execute(&mut *c)
                    .await?;
                sqlx::query("DELETE FROM ucloud_keys WHERE scope = ?").bind(&scope).execute(&mut *c).await?;
                insert_marks(c, &scope, &marks).await?;
                match record {
                    Some(record) => audit::append(c, record).await,
                    None => Ok(()),
                }
            })
        })
        .await
}

async fn insert_marks(c: &mut SqliteConnection, scope: &str, marks: &Marks) -> Result<(), StoreError> {
    for ((domain, kind), keys) in &marks.0 {
        for (position, mark) in keys.iter().enumerate() {
            sqlx::query(
                "INSERT INTO ucloud_keys (scope, domain, type, position, key_mark, iv_mark) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(scope)
            .bind(domain)
            .bind(kind)
            .bind(i64::try_from(position).unwrap_or(i64::MAX))
            .bind(&mark.key)
            .bind(&mark.iv)
            .execute(&mut *c)
            .await?;
        }
    }
    Ok(())
}
