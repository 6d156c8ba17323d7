//! What makes a roster doubtful although every row of it can be read: it may be another list than the one that was meant.
//! Found while files are looked for, read and joined; what follows (a held plan, a warning) is decided in `plan`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Sorts of doubts. The serialised word is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtKind {
    /// A column that holds no field reads like statuses, some of which say that people are gone.
    UnusedStatus,
    /// Several sheets of a workbook list people, and only the first is read.
    SeveralSheets,
    /// By its name, the sheet that is read lists people who have left.
    LeaverSheet,
    /// The newest file by its time is not the newest by the date in its name.
    NewestName,
    /// Two files of one source list mostly the same people: one may be a copy, or an earlier export.
    CopiedFile,
    /// Departments or roles that differ only in case, width or blanks.
    Alike,
}

impl DoubtKind {
    const fn word(self) -> &'static str {
        match self {
            Self::UnusedStatus => "unused_status",
            Self::SeveralSheets => "several_sheets",
            Self::LeaverSheet => "leaver_sheet",
            Self::NewestName => "newest_name",
            Self::CopiedFile => "copied_file",
            Self::Alike => "alike",
        }
    }
}

/// One doubt about a roster. `Display` says it to people, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Doubt {
    /// What.
    pub kind: DoubtKind,
    /// The source.
    pub source: Arc<str>,
    /// What it is about: a header, sheets, file names, spellings.
    pub what: String,
    /// The file, where it is about one whose name does not matter.
    pub file: Arc<str>,
}

impl Doubt {
    /// Whether a plan is held for it where it is new. Otherwise it is only told.
    pub const fn holds(&self) -> bool {
        !matches!(self.kind, DoubtKind::Alike)
    }

    /// What makes it the same doubt tomorrow, when the file has another name.
    pub fn key(&self) -> String {
        format!("{} ({}, {})", self.what, self.kind.word(), self.source)
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = format!("roster.doubt.{}", self.kind.word());
        f.write_str(&rust_i18n::t!(&key, source = self.source, what = self.what, file = self.file))
    }
}
