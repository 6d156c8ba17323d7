//! What can be wrong with a configuration, as values: for people (in their language) and for the JSON answer.

use std::path::PathBuf;

use rust_i18n::t;

use crate::reason::ErrorKind;

use rosterd_core::config::Problem;
use rosterd_host::access::AccessError;

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Both usual places have one: which is meant?
    #[error("{}", t!("config.both", one = one.display(), other = other.display()))]
    Ambiguous {
        /// The first.
        one: PathBuf,
        /// The second.
        other: PathBuf,
    },
    /// Neither usual place has one.
    #[error("{}", t!("config.none", places = list(places)))]
    Absent {
        /// Where was looked.
        places: Vec<PathBuf>,
    },
    /// The file cannot or may not be read.
    #[error("{0}")]
    Unreadable(#[from] AccessError),
    /// The file is not UTF-8.
    #[error("{}", t!("config.not_utf8", path = path.display(), line = line))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line with the first byte that is not.
        line: usize,
    },
    /// The file is not TOML.
    #[error("{}", t!("config.syntax", path = path.display(), place = place, cause = cause))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line and column.
        place: String,
        /// What the parser says. Never the line itself: it could hold a key.
        cause: String,
    },
    /// Settings are wrong: all of them, by key.
    #[error("{}", many(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<Problem>,
    },
}

impl ConfigError {
    /// Stable word for the JSON answer.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Ambiguous { .. } => ErrorKind::ConfigAmbiguous,
            Self::Absent { .. } => ErrorKind::ConfigAbsent,
            Self::Unreadable(_) => ErrorKind::ConfigUnreadable,
            Self::NotText { .. } | Self::Syntax { .. } => ErrorKind::ConfigSyntax,
            Self::Invalid { .. } => ErrorKind::ConfigInvalid,
        }
    }

    /// What to do now.
    pub fn next(&self) -> String {
        match self {
            Self::Ambiguous { one, .. } => t!("config.next.both", one = one.display()),
            Self::Absent { .. } => t!("config.next.none"),
            Self::Unreadable(_) => t!("config.next.unreadable"),
            Self::NotText { .. } => t!("config.next.not_utf8"),
            Self::Syntax { .. } | Self::Invalid { .. } => t!("config.next.invalid"),
        }
        .into_owned()
    }
}

fn list(places: &[PathBuf]) -> String {
    places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn many(path: &std::path::Path, problems: &[Problem]) -> String {
    let mut text = t!("config.invalid", path = path.display(), count = problems.len()).into_owned();
    for problem in problems {
        text.push_str("\n  - ");
        text.push_str(&problem.to_string());
    }
    text
}
