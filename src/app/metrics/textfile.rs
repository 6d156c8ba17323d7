//! The file for node_exporter's textfile collector: there as a whole, or not at all.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Writes `text` in the place of `path`. Whoever reads it sees the old text or the new one; node_exporter takes only
/// `*.prom`, so never the draft. Everybody may read it: nothing in it is secret, and the collector is another user.
///
/// # Errors
/// If the system refuses.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = OsString::from(path);
    draft.push(".tmp");
    let written = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&draft);
    let done = written
        .and_then(|mut file| {
            // The process lets nobody else read what it makes.
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, path));
    if done.is_err() {
        // There may be none.
        let _ = fs::remove_file(&draft);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_text_takes_the_place_of_the_old_one_and_no_draft_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rosterd.prom");
        write(&path, "old 1\n").unwrap();
        let mut reader = fs::File::open(&path).unwrap();
        write(&path, "new 2\n").unwrap();
        let mut seen = String::new();
        io::Read::read_to_string(&mut reader, &mut seen).unwrap();
        assert_eq!(seen, "old 1\n", "whoever was reading sees the old text to its end");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new 2\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::create_dir(folder.path().join("taken.prom")).unwrap();
        assert!(write(&folder.path().join("taken.prom"), "x\n").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a draft that is of no use is removed");
    }
}
