//! Who may write a configuration or key file. Whoever can write one of them decides what rosterd does, so a file that
//! strangers may write, or own, is refused before it is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rust_i18n::t;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The system refuses.
    #[error("{}", t!("config.access.io", path = path.display(), cause = cause))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("{}", t!("config.access.not_a_file", path = path.display()))]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Its mode lets everybody write it.
    #[error("{}", t!("config.access.writable", path = path.display(), mode = format!("{:04o}", mode & 0o7777)))]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("{}", t!("config.access.owner", path = path.display(), owner = owner, user = user))]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Our user's number.
        user: u32,
    },
    /// A program that this user cannot run.
    #[error("{}", t!("config.access.not_executable", path = path.display()))]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// Longer than any such file can be.
    #[error("{}", t!("config.access.too_long", path = path.display(), limit = limit))]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
}

impl AccessError {
    /// Whether the file is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if cause.kind() == io::ErrorKind::NotFound)
    }
}

/// A file's content, and what its mode allows beyond what is good.
#[derive(Debug)]
pub struct Guarded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The group may write it.
    pub group_writable: bool,
    /// Everybody may read it.
    pub world_readable: bool,
}

/// Reads a file of at most `limit` bytes, after checking who may write it. The check is made on the open file: what
/// is checked is what is read.
pub fn read_guarded(path: &Path, limit: u64) -> Result<Guarded, AccessError> {
    let io = |cause| AccessError::Io { path: path.to_owned(), cause };
    // Asked before opening too, because opening a pipe would wait for its other end.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(AccessError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(io)?;
    let found = file.metadata().map_err(io)?;
    if !found.is_file() {
        return Err(AccessError::NotAFile { path: path.to_owned() });
    }
    judge(path, found.mode(), found.uid(), rustix::process::geteuid().as_raw())?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(AccessError::TooLong { path: path.to_owned(), limit });
    }
    Ok(Guarded {
        bytes,
        group_writable: found.mode() & 0o020 != 0,
        world_readable: found.mode() & 0o004 != 0,
    })
}

/// Checks who may write a program, as is done for a key, and that this user can run it.
pub fn check_program(path: &Path) -> Result<(), AccessError> {
    let found = std::fs::metadata(path).map_err(|cause| AccessError::Io { path: path.to_owned(), cause })?;
    if !found.is_file() {
        return Err(AccessError::NotAFile { path: path.to_owned() });
    }
    judge(path, found.mode(), found.uid(), rustix::process::geteuid().as_raw())?;
    match rustix::fs::access(path, rustix::fs::Access::EXEC_OK) {
        Ok(()) => Ok(()),
        Err(_) => Err(AccessError::NotExecutable { path: path.to_owned() }),
    }
}

fn judge(path: &Path, mode: u32, owner: u32, user: u32) -> Result<(), AccessError> {
    if owner != 0 && owner != user {
        return Err(AccessError::Owner { path: path.to_owned(), owner, user });
    }
    if mode & 0o002 != 0 {
        return Err(AccessError::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn owner_and_mode_decide() {
        let verdict = |mode, owner, user| judge(Path::new("f"), mode, owner, user);
        assert!(verdict(0o600, 1000, 1000).is_ok());
        assert!(verdict(0o644, 0, 1000).is_ok(), "root's files are trusted");
        assert!(verdict(0o660, 1000, 1000).is_ok(), "the group only warns");
        assert!(matches!(verdict(0o602, 1000, 1000), Err(AccessError::Writable { .. })));
        assert!(matches!(verdict(0o666, 0, 0), Err(AccessError::Writable { .. })));
        assert!(matches!(verdict(0o600, 1001, 1000), Err(AccessError::Owner { owner: 1001, .. })));
        assert!(
            matches!(verdict(0o600, 1000, 0), Err(AccessError::Owner { .. })),
            "root must not obey a file that a plain user owns"
        );
    }

    #[test]
    fn reads_what_may_be_read_and_says_what_is_loose() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "text").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o664)).unwrap();
        let read = read_guarded(&path, 4).unwrap();
        assert_eq!(read.bytes, b"text");
        assert!(read.group_writable && read.world_readable);
        assert!(matches!(read_guarded(&path, 3), Err(AccessError::TooLong { limit: 3, .. })));
        assert!(matches!(read_guarded(dir.path(), 9), Err(AccessError::NotAFile { .. })));
        assert!(read_guarded(&dir.path().join("absent"), 9).unwrap_err().is_not_found());
    }
}
