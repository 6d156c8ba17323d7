//! Whether files are, byte for byte, those of an earlier reading: names and sizes first, digests only where these are
//! the same, so that a roster that has changed is hardly ever read twice.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::RosterError;
use super::facts::RosterReport;
use super::find::Found;
use super::open::{Opened, Tally, Tap, check_sum};
use super::progress::Beat;
use super::rules::Rules;

/// One file of a reading, and what was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// The source.
    pub source: Arc<str>,
    /// The file's name, as reports show it.
    pub file: Arc<str>,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of its bytes, in hex.
    pub digest: String,
}

/// The marks of a reading. None where its bytes do not say it all: a directory was asked, or a source is frozen.
pub(super) fn of(report: &RosterReport) -> Option<Vec<FileMark>> {
    let all_files = report.sources.iter().all(|source| {
        source.frozen.is_none() && source.files.iter().all(|file| file.format != super::facts::LDAP_FORMAT)
    });
    if report.partial || !all_files {
        return None;
    }
    let files = report.sources.iter().flat_map(|source| source.files.iter().map(move |file| (source, file)));
    let mark = |(source, file): (&super::facts::SourceReport, &super::facts::FileReport)| FileMark {
        source: source.name.clone(),
        file: file.file.clone(),
        bytes: file.bytes,
        digest: file.digest.clone(),
    };
    Some(files.map(mark).collect())
}

/// Whether what was seen may be what the marks say: same sources, names and sizes.
pub(super) fn may_be(seen: &[(Rules, Vec<Found>)], marks: &[FileMark]) -> bool {
    let seen = seen.iter().flat_map(|(rules, files)| {
        files.iter().map(|file| (rules.name.as_ref(), file.name.as_ref(), file.stamp.size))
    });
    seen.eq(marks.iter().map(|mark| (mark.source.as_ref(), mark.file.as_ref(), mark.bytes)))
}

/// Whether the bytes are those of the marks. The files were compared with [`may_be`].
pub(super) fn are(
    seen: &[(Rules, Vec<Found>)],
    marks: &[FileMark],
    beat: &Arc<Beat>,
) -> Result<bool, RosterError> {
    let files = seen.iter().flat_map(|(rules, files)| files.iter().map(move |file| (rules, file)));
    for ((rules, found), mark) in files.zip(marks) {
        let opened = Opened::new(found)?;
        let (tap, tally) = Tap::new(opened.reader()?, !rules.checksum.is_empty(), beat.clone());
        let digest = digest(tap, &tally, found)?;
        opened.check_unchanged()?;
        check_sum(rules, found, &tally)?;
        if digest != mark.digest {
            return Ok(false);
        }
    }
    Ok(true)
}

fn digest(tap: Tap<impl io::Read>, tally: &Rc<RefCell<Tally>>, found: &Found) -> Result<String, RosterError> {
    let mut input = io::BufReader::with_capacity(1 << 20, tap);
    io::copy(&mut input, &mut io::sink())
        .map_err(|cause| RosterError::Unreadable { file: found.name.clone(), cause })?;
    Ok(tally.borrow().digest())
}
