//! One run per target at a time, across processes: a lock file beside the database. The lock dies with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::model::TargetName;

/// How often a lock is asked for again while only watchers are at its file.
const WATCHED: usize = 100_000;

/// The right to run on a target. Given back when dropped.
#[derive(Debug)]
pub struct TargetLock {
    _file: File,
}

/// Why a target cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("{}", rust_i18n::t!("sync.locked", target = target, path = path.display()))]
    Held {
        /// Target.
        target: TargetName,
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be made.
    #[error("{}", rust_i18n::t!("sync.lock_file", path = path.display()))]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl TargetLock {
    /// Takes the lock of a target, or says at once that somebody else has it.
    ///
    /// # Errors
    /// [`LockError::Held`] while another run, of this process or another, is at it.
    pub fn take(database: &Path, target: &TargetName) -> Result<Self, LockError> {
        let path = lock_path(database, target);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| LockError::File { path: path.clone(), source })?;
        for _ in 0..WATCHED {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if only_watched(&file) => std::thread::yield_now(),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(source)) => return Err(LockError::File { path, source }),
            }
        }
        Err(LockError::Held { target: target.clone(), path })
    }

    /// Whether a run holds the target now. Makes no file, and keeps no run from beginning.
    pub fn is_held(database: &Path, target: &TargetName) -> bool {
        File::open(lock_path(database, target)).is_ok_and(|file| !only_watched(&file))
    }
}

/// Whether nobody but watchers is at the file: they share it, and only for the moment of their question.
fn only_watched(file: &File) -> bool {
    file.try_lock_shared().and_then(|()| file.unlock().map_err(TryLockError::Error)).is_ok()
}

fn lock_path(database: &Path, target: &TargetName) -> PathBuf {
    let name = percent_encoding::utf8_percent_encode(target.as_str(), percent_encoding::NON_ALPHANUMERIC);
    let mut path = database.as_os_str().to_owned();
    path.push(format!(".{name}.lock"));
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_looks_on_keeps_no_run_from_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let (database, hq) = (folder.path().join("r.db"), TargetName::new("hq").unwrap());
        drop(TargetLock::take(&database, &hq).unwrap());
        let looking = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while looking.load(std::sync::atomic::Ordering::Relaxed) {
                    TargetLock::is_held(&database, &hq);
                }
            });
            for _ in 0..2_000 {
                drop(TargetLock::take(&database, &hq).unwrap());
            }
            looking.store(false, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn only_one_holds_a_target_and_others_are_free() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("r.db");
        let name = |n: &str| TargetName::new(n).unwrap();
        let held = TargetLock::take(&database, &name("总部/a")).unwrap();
        assert!(matches!(TargetLock::take(&database, &name("总部/a")), Err(LockError::Held { .. })));
        TargetLock::take(&database, &name("b")).unwrap();
        assert!(TargetLock::is_held(&database, &name("总部/a")));
        drop(held);
        assert!(!TargetLock::is_held(&database, &name("总部/a")));
        assert!(!TargetLock::is_held(&database, &name("never")));
        assert!(!lock_path(&database, &name("never")).exists());
        TargetLock::take(&database, &name("总部/a")).unwrap();
    }
}
