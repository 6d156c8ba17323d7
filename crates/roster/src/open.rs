//! Opening a file so that what was seen is what is read: relative to its folder, no link followed, regular files only,
//! once; and the reader that counts, limits and digests every byte on its way.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use sha2::Digest as _;

use super::budget;
use super::error::RosterError;
use super::find::{Found, Stamp, sidecar};
use super::progress::Beat;
use super::rules::Rules;

/// An open file, with the folder it was opened in.
pub(super) struct Opened {
    folder: OwnedFd,
    file: File,
    found: Found,
}

impl Opened {
    /// Opens what was found. An error when it is no regular file any more, or not the same one.
    pub(super) fn new(found: &Found) -> Result<Self, RosterError> {
        let unreadable = |cause: rustix::io::Errno| RosterError::Unreadable {
            file: found.name.clone(),
            cause: io::Error::from(cause),
        };
        let (Some(parent), Some(leaf)) = (found.path.parent(), found.path.file_name()) else {
            return Err(RosterError::NotRegular { file: found.name.clone() });
        };
        let parent = if parent.as_os_str().is_empty() { std::path::Path::new(".") } else { parent };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let folder =
            rustix::fs::open(parent, flags | OFlags::DIRECTORY, Mode::empty()).map_err(unreadable)?;
        // NONBLOCK: opening a pipe must not wait for its writer.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&folder, leaf, flags, Mode::empty()) {
            Err(rustix::io::Errno::LOOP) => return Err(RosterError::NotRegular { file: found.name.clone() }),
            other => File::from(other.map_err(unreadable)?),
        };
        let stat = rustix::fs::fstat(&file).map_err(unreadable)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(RosterError::NotRegular { file: found.name.clone() });
        }
        if stamp(&stat) != found.stamp {
            return Err(RosterError::Changed { file: found.name.clone() });
        }
        Ok(Self { folder, file, found: found.clone() })
    }

    /// A second handle of the same open file, for reading.
    pub(super) fn reader(&self) -> Result<File, RosterError> {
        let unreadable = |cause| RosterError::Unreadable { file: self.found.name.clone(), cause };
        self.file.try_clone().map_err(unreadable)
    }

    /// Whether file and name are still what they were before the first byte.
    pub(super) fn check_unchanged(&self) -> Result<(), RosterError> {
        let same = rustix::fs::fstat(&self.file).is_ok_and(|stat| stamp(&stat) == self.found.stamp)
            && self.found.path.file_name().is_some_and(|leaf| {
                rustix::fs::statat(&self.folder, leaf, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|stat| stamp(&stat) == self.found.stamp)
            });
        if same { Ok(()) } else { Err(RosterError::Changed { file: self.found.name.clone() }) }
    }
}

#[expect(clippy::unnecessary_cast, reason = "the widths of these fields differ between platforms")]
fn stamp(stat: &rustix::fs::Stat) -> Stamp {
    Stamp {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size: stat.st_size as u64,
        seconds: stat.st_mtime as i64,
        nanos: stat.st_mtime_nsec as i64,
    }
}

/// What is known of the bytes that went by.
#[derive(Default)]
pub(super) struct Tally {
    bytes: u64,
    blake3: blake3::Hasher,
    sha256: Option<sha2::Sha256>,
}

impl Tally {
    /// BLAKE3 of everything read, in hex.
    pub(super) fn digest(&self) -> String {
        self.blake3.finalize().to_hex().to_string()
    }

    /// SHA-256 of everything read, in hex, if it was asked for.
    pub(super) fn sha256(&self) -> Option<String> {
        self.sha256.clone().map(|hasher| hex::encode(hasher.finalize()))
    }
}

/// A reader that digests and counts what goes by, and stops at [`budget::FILE`].
pub(super) struct Tap<R> {
    input: R,
    tally: Rc<RefCell<Tally>>,
    beat: Arc<Beat>,
}

impl<R: Read> Tap<R> {
    /// Taps `input`; the tally is shared, so that it can be asked when the reader is gone.
    pub(super) fn new(input: R, sha256: bool, beat: Arc<Beat>) -> (Self, Rc<RefCell<Tally>>) {
        let tally = Tally { sha256: sha256.then(sha2::Sha256::default), ..Tally::default() };
        let tally = Rc::new(RefCell::new(tally));
        (Self { input, tally: tally.clone(), beat }, tally)
    }
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        let mut tally = self.tally.borrow_mut();
        tally.bytes += length as u64;
        if tally.bytes > budget::FILE {
            return Err(io::Error::other(TooBig));
        }
        tally.blake3.update(&buffer[..length]);
        if let Some(sha256) = &mut tally.sha256 {
            sha256.update(&buffer[..length]);
        }
        self.beat.bytes(length as u64);
        Ok(length)
    }
}

/// The limit of a file was reached.
#[derive(Debug, thiserror::Error)]
#[error("too big")]
pub(super) struct TooBig;

/// A reader that fails behind `left` bytes: for what comes out of a decompressor.
pub(super) struct Capped<R> {
    pub input: R,
    pub left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| io::Error::other(TooBig))?;
        Ok(length)
    }
}

/// Compares the file's digest with the one that stands beside it.
pub(super) fn check_sum(rules: &Rules, found: &Found, tally: &Rc<RefCell<Tally>>) -> Result<(), RosterError> {
    let Some(digest) = tally.borrow().sha256() else { return Ok(()) };
    let path = sidecar(found, &rules.checksum);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(4096).read_to_string(&mut text));
    let said = text.split_whitespace().next().unwrap_or_default();
    if read.is_ok() && said.eq_ignore_ascii_case(&digest) {
        return Ok(());
    }
    let sidecar = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Err(RosterError::Checksum { file: found.name.clone(), sidecar })
}
