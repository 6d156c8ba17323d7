//! The audit chain's head, handed to witnesses outside the database: the file that is configured, and the system's log,
//! which may stand on another host. What a head proves is `store::audit`'s business.

use std::fs;
use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rust_i18n::t;

use super::App;
use crate::clock::{Clock as _, SystemClock};
use crate::store::audit::{Head, head_line, parse_head};
use crate::store::{Store, StoreError};

/// Where programs hand lines to the system's log (the journal, syslog).
const LOG: &str = "/dev/log";
/// Facility `authpriv`, severity `info`: what auditors keep.
const PRIORITY: u8 = 10 * 8 + 6;
/// A line of a heads file is shorter.
const LINE: u64 = 200;

/// The database that a command opened first, and the chain's head then.
type Opened = Arc<Mutex<Option<(Store, Head)>>>;

/// Hands heads out, whatever became of the command that recorded something.
#[derive(Debug, Clone)]
pub struct Witness {
    path: Option<PathBuf>,
    clock: SystemClock,
    opened: Opened,
}

impl Witness {
    /// The witness of this file, if one is configured, and of the system's log.
    pub(super) fn new(path: Option<PathBuf>, clock: SystemClock) -> Self {
        Self { path, clock, opened: Arc::default() }
    }

    /// The file, if one is configured.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Remembers where the chain stood when the command opened the database.
    ///
    /// # Errors
    /// If the head cannot be read.
    pub(super) async fn remember(&self, store: &Store) -> Result<(), StoreError> {
        let head = store.audit_head().await?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.get_or_insert_with(|| (store.clone(), head));
        Ok(())
    }

    /// Hands the head out if the command recorded anything and nobody handed it out since.
    pub async fn hand_out(&self) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((store, before)) = opened else { return };
        match store.audit_head().await {
            Ok(head) if head == before => {}
            Ok(head) if self.path.as_deref().and_then(last_head).as_ref() == Some(&head) => {}
            Ok(head) => drop(self.keep(&head)),
            Err(error) => tracing::error!(%error, "the head of the audit chain could not be read"),
        }
    }

    /// Checks that the database is the one that was opened, and that the last head which was handed out is in it. Asked before
    /// anything is sent.
    ///
    /// # Errors
    /// If it was deleted, moved or replaced since, or an older copy was put back.
    pub(super) async fn check(&self, store: &Store) -> Result<(), StoreError> {
        store.in_place()?;
        match self.path.as_deref().and_then(last_head) {
            Some(head) => store.knows(&head).await,
            None => Ok(()),
        }
    }

    /// Keeps a head outside the database. One that cannot be kept makes what was recorded no worse, but an auditor must
    /// hear of it: the warning is returned.
    pub fn keep(&self, head: &Head) -> Option<String> {
        let line = head_line(head, self.clock.now());
        to_system_log(&line);
        tracing::info!(seq = head.seq, digest = %head.digest, "audit_head");
        let path = self.path.as_deref()?;
        let error = append(path, &line).err()?;
        tracing::error!(path = %path.display(), %error, "the head of the audit chain could not be kept");
        Some(t!("app.heads_file", path = path.display(), cause = error).into_owned())
    }
}

impl App {
    /// Carries out a job that may add audit records, and hands the chain's head out if it did.
    pub async fn audited<T>(&self, store: &Store, job: impl Future<Output = T>) -> T {
        let before = store.audit_head().await.ok();
        let result = job.await;
        match store.audit_head().await {
            Ok(head) if before.as_ref() == Some(&head) => {}
            Ok(head) => drop(self.witness().keep(&head)),
            Err(error) => tracing::error!(%error, "the head of the audit chain could not be read"),
        }
        result
    }
}

/// The last head in a file of them.
fn last_head(path: &Path) -> Option<Head> {
    let mut file = fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LINE))).ok()?;
    let mut tail = Vec::new();
    file.take(LINE).read_to_end(&mut tail).ok()?;
    String::from_utf8_lossy(&tail).lines().last().and_then(parse_head)
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

/// A machine without a log keeps none: the configured file is the witness then.
fn to_system_log(line: &str) {
    let told = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        let text = format!("<{PRIORITY}>rosterd[{}]: audit_head {}", std::process::id(), line.trim_end());
        socket.send_to(text.as_bytes(), LOG)
    });
    if let Err(error) = told {
        tracing::debug!(%error, "no system log took the head of the audit chain");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_head_of_a_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads");
        assert_eq!(last_head(&path), None);
        let witness = Witness::new(Some(path.clone()), SystemClock::new());
        for seq in 1..5 {
            let head = Head { seq, digest: format!("{seq:064}") };
            assert_eq!(witness.keep(&head), None);
            assert_eq!(last_head(&path), Some(head));
        }
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 4);
    }

    #[test]
    fn a_head_that_cannot_be_kept_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::new(Some(folder.path().to_owned()), SystemClock::new());
        assert!(witness.keep(&Head { seq: 1, digest: "0".repeat(64) }).is_some());
    }
}
