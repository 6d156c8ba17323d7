//! Files that say who joins, who leaves and who is called what: readable by their owner only, whole or not there.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Writes a value as JSON that people can read.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    // A file left over from an earlier attempt could be readable by others.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(&text).and_then(|()| file.sync_all())?;
    fs::rename(&beside, path)
}
