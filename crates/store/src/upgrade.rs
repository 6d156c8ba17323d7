//! Before a new program changes the schema of an older database, a whole copy of it is laid beside it: with that copy the
//! older program can be put back. What each change of the schema does is said in `migrations/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::{MIGRATOR, StoreError, beside, create_private_file};

/// A change of the schema that was made.
#[derive(FromRow)]
struct Made {
    version: i64,
}

/// The first change of the schema that this database lacks and this program has. `None`: it is new and has nothing to be
/// kept, or up to date, or a newer program's, which is refused later.
async fn first_pending(c: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut *c).await? == 0 {
        return Ok(None);
    }
    let made: Vec<Made> = sqlx::query_as("SELECT version FROM _sqlx_migrations").fetch_all(c).await?;
    let known = |version: i64| MIGRATOR.iter().any(|m| m.version == version);
    if made.is_empty() || made.iter().any(|m| !known(m.version)) {
        return Ok(None);
    }
    let lacking = |version: &i64| made.iter().all(|m| m.version != *version);
    Ok(MIGRATOR.iter().map(|m| m.version).filter(lacking).min())
}

/// Whether the schema is the one that this program works with.
pub(super) async fn is_current(c: &mut SqliteConnection) -> bool {
    let made = sqlx::query_as("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(c).await;
    let made: Vec<i64> = made.unwrap_or_default().iter().map(|made: &Made| made.version).collect();
    made.len() == MIGRATOR.iter().count() && MIGRATOR.iter().all(|m| made.contains(&m.version))
}

/// The copy that is kept of a database before this change of its schema.
fn copy_of(path: &Path, version: i64) -> PathBuf {
    beside(path, &format!(".before-{version}"))
}

/// Keeps a copy of the database beside it if its schema is about to be changed, readable by its owner only, and says so in
/// the log. A copy of an earlier attempt at the same change is replaced, once the new one is whole and on disk.
///
/// # Errors
/// If the copy cannot be made: then the schema must not be changed.
pub(super) async fn keep_copy(c: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let Some(version) = first_pending(c).await? else { return Ok(()) };
    let copy = copy_of(path, version);
    let unfinished = beside(&copy, &format!(".{}", hex::encode(rand::random::<[u8; 6]>())));
    let made = write_copy(c, &unfinished, &copy).await;
    if made.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    made.map_err(|source| StoreError::Copy { path: copy.clone(), source })?;
    tracing::info!(copy = %copy.display(), schema = version, "database_copied");
    Ok(())
}

async fn write_copy(c: &mut SqliteConnection, unfinished: &Path, copy: &Path) -> Result<(), sqlx::Error> {
    let text = unfinished.to_str().ok_or(io::Error::from(io::ErrorKind::InvalidFilename))?;
    create_private_file(unfinished)?;
    // SQLite writes into an empty file, whose mode stays.
    sqlx::query("VACUUM INTO ?").bind(text).execute(c).await?;
    fs::File::open(unfinished)?.sync_all()?;
    fs::rename(unfinished, copy)?;
    if let Some(folder) = copy.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::store::Store;

    /// The database forgets that its first tables were made; making them again fails.
    async fn forget_the_first(path: &Path) -> i64 {
        let store = Store::open(path).await.unwrap();
        let forget = "DELETE FROM _sqlx_migrations WHERE version = (SELECT min(version) FROM _sqlx_migrations) \
                      RETURNING version";
        store
            .write("forget", move |c| {
                Box::pin(async move { Ok(sqlx::query_scalar(forget).fetch_one(c).await?) })
            })
            .await
            .unwrap()
    }

    fn copies(folder: &Path) -> Vec<PathBuf> {
        let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.to_string_lossy().contains(".before-")).collect()
    }

    /// The change cannot be made, for its tables are there already: that is when the copy is needed.
    #[tokio::test]
    async fn a_copy_stays_when_the_schema_cannot_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.db");
        let version = forget_the_first(&path).await;
        assert_eq!(copies(folder.path()), Vec::<PathBuf>::new(), "a new database has nothing to keep");
        for _ in 0..2 {
            assert!(matches!(Store::open(&path).await, Err(StoreError::Migrate { .. })));
            assert_eq!(copies(folder.path()), [copy_of(&path, version)]);
        }
        let copy = copy_of(&path, version);
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        let mut c = crate::store::plain(&copy).await.unwrap();
        assert_eq!(first_pending(&mut c).await.unwrap(), Some(version));
    }

    #[tokio::test]
    async fn without_a_copy_the_schema_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.db");
        let version = forget_the_first(&path).await;
        // Nothing can be put in its place.
        fs::create_dir(copy_of(&path, version)).unwrap();
        assert!(matches!(Store::open(&path).await, Err(StoreError::Copy { .. })));
        let mut c = crate::store::plain(&path).await.unwrap();
        assert_eq!(first_pending(&mut c).await.unwrap(), Some(version));
        assert_eq!(copies(folder.path()).len(), 1, "what was not finished is taken away");
    }
}
