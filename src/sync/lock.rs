//! One run per target at a time, across processes: a lock file beside the database. The lock dies with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::model::TargetName;

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
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { target: target.clone(), path }),
            Err(TryLockError::Error(source)) => Err(LockError::File { path, source }),
        }
    }
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
    fn only_one_holds_a_target_and_others_are_free() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("r.db");
        let name = |n: &str| TargetName::new(n).unwrap();
        let held = TargetLock::take(&database, &name("总部/a")).unwrap();
        assert!(matches!(TargetLock::take(&database, &name("总部/a")), Err(LockError::Held { .. })));
        TargetLock::take(&database, &name("b")).unwrap();
        drop(held);
        TargetLock::take(&database, &name("总部/a")).unwrap();
    }
}
