//! SQLite through sqlx: what we believe, what we sent, what took effect. Knows no gateway and decides nothing.
//!
//! One connection, one writer. WAL with `synchronous=FULL`: an acknowledged journal row survives a power cut, which
//! `NORMAL` does not promise. A transaction runs to its end in a task of its own: a dropped future must not leave it
//! open whether it was committed. Queries for people live in `query`, the chain of audit records in `audit`.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use futures_util::future::BoxFuture;
use serde::Serialize;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use tokio::sync::Mutex;

use crate::clock::{Clock as _, SystemClock};
use batch::{Answers, Batch};

pub mod audit;
mod batch;
pub mod columns;
pub mod existing;
pub mod figures;
mod ids;
#[cfg(any(test, feature = "simulation"))]
mod inline;
mod intent;
pub mod journal;
pub mod memory;
mod past;
pub mod people;
mod place;
pub mod plans;
pub mod present;
pub mod query;
pub mod quiet;
mod runs;
mod seals;
pub mod snapshot;
pub mod told;
pub mod undo;
mod upgrade;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error("{}", rust_i18n::t!("store.open", path = path.display()))]
    Open {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// A newer rosterd made this database.
    #[error("{}", rust_i18n::t!("store.newer", path = path.display(), version = version))]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema version that this program does not know.
        version: i64,
    },
    /// The schema could not be brought up to date.
    #[error("{}", rust_i18n::t!("store.migrate", path = path.display()))]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// The schema must be brought up to date, and no copy of the database could be kept first.
    #[error("{}", rust_i18n::t!("store.copy", path = path.display()))]
    Copy {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The database belongs to another user.
    #[error("{}", rust_i18n::t!("store.foreign", path = path.display(), owner = owner))]
    Foreign {
        /// The database file.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// The file at its place is another one now, or none: it was deleted, moved or replaced since it was opened.
    #[error("{}", rust_i18n::t!("store.moved", path = path.display()))]
    Moved {
        /// The database file.
        path: PathBuf,
    },
    /// A head of the audit chain that was handed out is not in this database.
    #[error("{}", rust_i18n::t!("store.older", path = path.display(), seq = seq))]
    Older {
        /// The database file.
        path: PathBuf,
        /// Number of the record.
        seq: i64,
    },
    /// A read or write failed.
    #[error("{}", rust_i18n::t!("store.sql", doing = doing))]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A stored value is not what this program writes.
    #[error("{}", rust_i18n::t!("store.damaged", what = what))]
    Damaged {
        /// Table and column, or what was being read.
        what: String,
    },
    /// What was asked for is not there.
    #[error("{}", rust_i18n::t!("store.absent", what = what))]
    Absent {
        /// What.
        what: String,
    },
    /// A writing task was lost (the process is ending).
    #[error("{}", rust_i18n::t!("store.interrupted"))]
    Interrupted,
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match source {
            sqlx::Error::ColumnDecode { index, source } => {
                Self::Damaged { what: format!("{index}: {source}") }
            }
            source => Self::Sql { doing: "query", source },
        }
    }
}

/// A hook that a simulation gives to make store operations fail. Called once per operation, with its name, before the
/// transaction begins and again right before it is committed.
pub type FaultHook = Arc<dyn Fn(&'static str, FaultPoint) -> Result<(), sqlx::Error> + Send + Sync>;

/// Where in an operation a [`FaultHook`] is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPoint {
    /// Nothing has been written.
    Before,
    /// Everything is written, nothing committed.
    BeforeCommit,
    /// It is committed; an error now is an acknowledgement lost.
    AfterCommit,
}

struct Shared {
    connection: Mutex<Connected>,
    faults: Option<FaultHook>,
    broken: AtomicBool,
    /// Operations run to their end on the spot, see `inline`.
    #[cfg(any(test, feature = "simulation"))]
    inline: bool,
}

struct Connected {
    sqlite: SqliteConnection,
    /// A transaction was begun and not ended: its task was lost.
    open: bool,
}

/// The database. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    path: PathBuf,
    /// The file that was opened; `None` in memory.
    place: Option<place::FileId>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, creating file and folder where they are not there, and brings its schema up to date.
    ///
    /// # Errors
    /// Refuses a database that a newer program made, and one that belongs to another user (root may open any).
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        refuse_foreign(path)?;
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
            create_private_folder(folder)
                .map_err(|e| StoreError::Open { path: path.into(), source: sqlx::Error::Io(e) })?;
        }
        let io = |e| StoreError::Open { path: path.into(), source: sqlx::Error::Io(e) };
        create_private_file(path).map_err(io)?;
        let _alone = alone(path).await.map_err(io)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        Self::connect(options, path.into(), None).await
    }

    /// Opens a database like [`Self::open`], for a simulation of power cuts: its operations run to their end on the spot.
    ///
    /// # Errors
    /// As there.
    #[cfg(any(test, feature = "simulation"))]
    pub async fn open_inline(path: &Path) -> Result<Self, StoreError> {
        let Self { shared, path, place } = Self::open(path).await?;
        let alone = Arc::try_unwrap(shared).map_err(|_| StoreError::Interrupted)?;
        Ok(Self { shared: Arc::new(Shared { inline: true, ..alone }), path, place })
    }

    /// A database that lives in memory, for simulations and tests that are not about files.
    ///
    /// # Errors
    /// Only if SQLite itself fails.
    pub async fn in_memory(faults: Option<FaultHook>) -> Result<Self, StoreError> {
        // Every change of a page is a copy of it here: small ones are copied faster. No second connection comes to it,
        // and a cache made to be shared is locked at every step.
        let options = SqliteConnectOptions::from_str("sqlite::memory:")?
            .shared_cache(false)
            .foreign_keys(true)
            .page_size(1024);
        Self::connect(options, PathBuf::from(":memory:"), faults).await
    }

    #[cfg(any(test, feature = "simulation"))]
    fn is_inline(&self) -> bool {
        self.shared.inline
    }

    async fn connect(
        options: SqliteConnectOptions,
        path: PathBuf,
        faults: Option<FaultHook>,
    ) -> Result<Self, StoreError> {
        let options =
            options.log_statements(tracing::log::LevelFilter::Off).statement_cache_capacity(STATEMENTS);
        let mut connection =
            options.connect().await.map_err(|source| StoreError::Open { path: path.clone(), source })?;
        upgrade::keep_copy(&mut connection, &path).await?;
        MIGRATOR.run(&mut connection).await.map_err(|source| match source {
            sqlx::migrate::MigrateError::VersionMissing(version)
            | sqlx::migrate::MigrateError::VersionTooNew(version, _) => {
                StoreError::Newer { path: path.clone(), version }
            }
            source => StoreError::Migrate { path: path.clone(), source },
        })?;
        Ok(Self::of(connection, path, faults))
    }

    fn of(connection: SqliteConnection, path: PathBuf, faults: Option<FaultHook>) -> Self {
        let shared = Shared {
            connection: Mutex::new(Connected { sqlite: connection, open: false }),
            faults,
            broken: AtomicBool::new(false),
            #[cfg(any(test, feature = "simulation"))]
            inline: path == Path::new(":memory:"),
        };
        let place = place::FileId::of(&path);
        Self { shared: Arc::new(shared), path, place }
    }

    /// The same database with another fault hook, for simulations: what a process started anew would see. Waits for
    /// the writes of a process that died, which the death made fail.
    ///
    /// # Errors
    /// [`StoreError::Interrupted`] while another clone is kept.
    pub async fn with_faults(self, faults: Option<FaultHook>) -> Result<Self, StoreError> {
        let Self { mut shared, path, place } = self;
        for _ in 0..1000 {
            match Arc::try_unwrap(shared) {
                Ok(alone) => {
                    let shared = Shared { faults, broken: AtomicBool::new(false), ..alone };
                    return Ok(Self { shared: Arc::new(shared), path, place });
                }
                Err(held) => shared = held,
            }
            drop(shared.connection.lock().await);
            tokio::task::yield_now().await;
        }
        Err(StoreError::Interrupted)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a write has failed since the database was opened: what it would have recorded may be missing, so
    /// nothing more may be sent.
    pub fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Relaxed)
    }

    /// Runs `work` in one transaction, to its end even if the caller goes away.
    ///
    /// # Errors
    /// Those of `work`, or of the database; then nothing was written, except when the acknowledgement was lost.
    pub async fn write<T, F>(&self, doing: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.write_after(doing, Batch::default(), |c, _| {
            let work = work(c);
            Box::pin(async { Ok((work.await?, Batch::default())) })
        })
        .await
    }

    /// Carries out statements in one transaction, as [`Self::write`] does, and in one go.
    ///
    /// # Errors
    /// As there.
    async fn write_batch(&self, doing: &'static str, batch: Batch) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        self.to_the_end(doing, move |c| {
            Box::pin(async move {
                // SQLite is asked once, so this is the last moment before the commit.
                ask(&shared, doing, FaultPoint::BeforeCommit)?;
                Ok(batch.whole_transaction(c).await?)
            })
        })
        .await
    }

    /// Carries out statements, runs `work` with their answers, and carries out what that gives back, in one transaction.
    async fn write_after<T, F>(&self, doing: &'static str, first: Batch, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection, Answers) -> BoxFuture<'c, Result<(T, Batch), StoreError>>
            + Send
            + 'static,
    {
        let shared = Arc::clone(&self.shared);
        self.to_the_end(doing, move |c| {
            Box::pin(async move {
                let answers = first.answers_in_transaction(&mut *c).await?;
                let (value, last) = work(&mut *c, answers).await?;
                ask(&shared, doing, FaultPoint::BeforeCommit)?;
                last.and("COMMIT").execute(c).await?;
                Ok(value)
            })
        })
        .await
    }

    /// Carries a transaction through, whether its caller waits for it or not.
    async fn to_the_end<T, F>(&self, doing: &'static str, transaction: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let result = transact(&shared, doing, transaction).await;
            if result.is_err() {
                shared.broken.store(true, Ordering::Relaxed);
            }
            result
        };
        #[cfg(any(test, feature = "simulation"))]
        if self.is_inline() {
            return inline::to_the_end(work);
        }
        let task = tokio::spawn(work);
        task.await.map_err(|_| StoreError::Interrupted)?
    }

    /// Runs `work` on the connection, for reading.
    ///
    /// # Errors
    /// Those of `work`, or of the database.
    pub async fn read<T, F>(&self, doing: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
    {
        let work = async move {
            let mut connection = self.shared.connection.lock().await;
            ask(&self.shared, doing, FaultPoint::Before)?;
            work(&mut connection.sqlite).await.map_err(|e| name_it(e, doing))
        };
        #[cfg(any(test, feature = "simulation"))]
        if self.is_inline() {
            return inline::to_the_end(work);
        }
        work.await
    }

    /// `PRAGMA integrity_check`: whether SQLite itself finds the file whole.
    ///
    /// # Errors
    /// If it cannot be run.
    pub async fn is_whole(&self) -> Result<bool, StoreError> {
        self.read("integrity check", |c| {
            Box::pin(async move {
                let answer: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(c).await?;
                Ok(answer == "ok")
            })
        })
        .await
    }
}

fn ask(shared: &Shared, doing: &'static str, point: FaultPoint) -> Result<(), StoreError> {
    match &shared.faults {
        None => Ok(()),
        Some(hook) => hook(doing, point).map_err(|source| StoreError::Sql { doing, source }),
    }
}

fn name_it(error: StoreError, doing: &'static str) -> StoreError {
    match error {
        StoreError::Sql { doing: "query", source } => StoreError::Sql { doing, source },
        StoreError::Damaged { what } => StoreError::Damaged { what: format!("{doing}: {what}") },
        other => other,
    }
}

/// A transaction, from its BEGIN to its COMMIT; undone if it fails. Plain statements: sqlx's own transactions ask SQLite's
/// thread for a receipt of each end, which costs as much again.
async fn transact<T, F>(shared: &Shared, doing: &'static str, transaction: F) -> Result<T, StoreError>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>>,
{
    let mut connection = shared.connection.lock().await;
    ask(shared, doing, FaultPoint::Before)?;
    if connection.open {
        roll_back(&mut connection).await;
    }
    connection.open = true;
    let done = transaction(&mut connection.sqlite).await;
    match &done {
        Ok(_) => connection.open = false,
        Err(_) => roll_back(&mut connection).await,
    }
    let value = done.map_err(|e| name_it(e, doing))?;
    ask(shared, doing, FaultPoint::AfterCommit)?;
    Ok(value)
}

/// Undoes what a transaction wrote. That there is none is no trouble: SQLite ends it by itself after some failures.
async fn roll_back(connection: &mut Connected) {
    let _ = sqlx::query("ROLLBACK").execute(&mut connection.sqlite).await;
    connection.open = false;
}

/// Prepared statements that are kept: more than there are, so that none is prepared twice in a run.
const STATEMENTS: usize = 500;

/// How long another process may take to open the database, a change of its schema included.
const OPENING: Duration = Duration::from_secs(60);
/// Between two looks whether it has done so.
const OPENING_POLL: Duration = Duration::from_millis(20);

/// The right to make or change the schema: two processes that open a new database at once would both make its tables.
/// It is held while opening only, and dies with its process.
async fn alone(path: &Path) -> std::io::Result<std::fs::File> {
    let opening = beside(path, ".opening");
    create_private_file(&opening)?;
    let file = std::fs::OpenOptions::new().write(true).open(&opening)?;
    let clock = SystemClock::new();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if clock.monotonic() < OPENING => clock.sleep(OPENING_POLL).await,
            Err(TryLockError::WouldBlock) => return Err(std::io::ErrorKind::TimedOut.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The file beside a database whose name is the database's with this behind it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A connection to a file as it is: its schema is not looked at.
#[cfg(test)]
async fn plain(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new().filename(path).connect().await
}

fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    match std::fs::metadata(path) {
        Ok(meta) if meta.uid() != me && me != 0 => {
            Err(StoreError::Foreign { path: path.into(), owner: meta.uid() })
        }
        _ => Ok(()),
    }
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn create_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

/// Milliseconds since 1970 UTC, as stored.
pub fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// A stored time.
pub fn time(millis: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(millis).single().unwrap_or(DateTime::UNIX_EPOCH)
}

/// A value as JSON text.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Damaged { what: e.to_string() })
}

/// The word that serde writes for a plain enum value.
pub fn word<T: Serialize>(value: T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(StoreError::Damaged { what: format!("{other:?}") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each opening has its own file descriptor, so the lock keeps them apart as it does processes.
    #[tokio::test]
    async fn many_may_open_a_new_database_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/r.db");
        let openings = futures_util::future::join_all((0..8).map(|_| Store::open(&path))).await;
        for store in openings {
            assert!(store.unwrap().is_whole().await.unwrap());
        }
    }
}

use crate as store;
use rosterd_core::{device as gateway, model, plan, reason, report, sabotage};
use rosterd_host::clock;
use rosterd_roster as roster;

rosterd_words::speak!();
