//! Whether the database is where it was and still the one it was; and opening one only to read, also where nothing can be
//! written. What is done about it is decided by whoever asks.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteLockingMode};

use super::audit::Head;
use super::{STATEMENTS, Store, StoreError, beside, upgrade};

/// A file, whatever it is called: its file system and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// The file at a place.
    pub(super) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|meta| Self(meta.dev(), meta.ino()))
    }
}

impl StoreError {
    /// Whether the next attempt to open the database may well succeed: a full disk, another process that is at it.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Copy { .. } | Self::Sql { .. })
    }
}

impl Store {
    /// Checks that the file which was opened is the one at its place: what is written to one that was deleted, moved or
    /// replaced is lost.
    ///
    /// # Errors
    /// [`StoreError::Moved`] if it is another one, or none.
    pub fn in_place(&self) -> Result<(), StoreError> {
        match self.place {
            Some(opened) if FileId::of(&self.path) != Some(opened) => {
                Err(StoreError::Moved { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Checks that a head which was handed out is in this database: an older copy that was put back lacks it.
    ///
    /// # Errors
    /// [`StoreError::Older`] if it is not, or if the database fails.
    pub async fn knows(&self, head: &Head) -> Result<(), StoreError> {
        let wanted = head.seq;
        let digest: Option<String> = self
            .read("audit head", move |c| {
                Box::pin(async move {
                    let digest = sqlx::query_scalar("SELECT digest FROM audit WHERE seq = ?");
                    Ok(digest.bind(wanted).fetch_optional(c).await?)
                })
            })
            .await?;
        match digest {
            Some(digest) if digest == head.digest => Ok(()),
            _ => Err(StoreError::Older { path: self.path.clone(), seq: wanted }),
        }
    }

    /// Opens a database for whoever only reads. Where it cannot be opened to write, because the disk is full or read-only,
    /// what is in it can be read all the same, as long as its schema is this program's.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        match Self::open(path).await {
            Err(error) if error.is_passing() && path.exists() => match readable(path).await {
                Some(connection) => {
                    tracing::warn!(%error, "the database can only be read");
                    Ok(Self::of(connection, path.into(), None))
                }
                None => Err(error),
            },
            other => other,
        }
    }
}

/// A connection for reading, without room for the index that SQLite keeps beside a log. Where a log is left, whoever holds
/// the file alone needs none; without a log, the file is all there is, and needs no lock either.
async fn readable(path: &Path) -> Option<SqliteConnection> {
    let logged = std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .log_statements(tracing::log::LevelFilter::Off)
        .statement_cache_capacity(STATEMENTS);
    let read_only = options.clone().read_only(true);
    let other = match logged {
        true => options.locking_mode(SqliteLockingMode::Exclusive),
        false => read_only.clone().immutable(true),
    };
    for options in [read_only, other] {
        if let Ok(mut connection) = options.connect().await
            && upgrade::is_current(&mut connection).await
        {
            return Some(connection);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::store::audit::Record;

    #[tokio::test]
    async fn a_database_that_was_moved_deleted_or_replaced_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("r.db"), folder.path().join("other.db"));
        let store = Store::open(&path).await.unwrap();
        store.in_place().unwrap();
        std::fs::rename(&path, &other).unwrap();
        assert!(matches!(store.in_place(), Err(StoreError::Moved { .. })));
        std::fs::copy(&other, &path).unwrap();
        assert!(matches!(store.in_place(), Err(StoreError::Moved { .. })), "a copy is another file");
        std::fs::rename(&other, &path).unwrap();
        store.in_place().unwrap();
        Store::in_memory(None).await.unwrap().in_place().unwrap();
    }

    #[tokio::test]
    async fn an_older_copy_lacks_a_head_that_was_handed_out() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("r.db"), folder.path().join("copy.db"));
        let record = || Record::new("override", DateTime::<Utc>::UNIX_EPOCH);
        let store = Store::open(&path).await.unwrap();
        store.audit(record()).await.unwrap();
        let first = store.audit_head().await.unwrap();
        let text = copy.to_str().unwrap().to_owned();
        let copied = store.read("copy", |c| {
            Box::pin(async move {
                sqlx::query("VACUUM INTO ?").bind(text).execute(c).await?;
                Ok(())
            })
        });
        copied.await.unwrap();
        store.audit(record()).await.unwrap();
        let second = store.audit_head().await.unwrap();
        store.knows(&second).await.unwrap();

        let older = Store::open(&copy).await.unwrap();
        older.knows(&first).await.unwrap();
        assert!(matches!(older.knows(&second).await, Err(StoreError::Older { seq: 2, .. })));
        // Another record of the same number is not the one that was handed out.
        let other = record().body(serde_json::json!({ "kind": "hold" }));
        older.audit(other).await.unwrap();
        assert!(older.knows(&second).await.is_err());
    }
}
