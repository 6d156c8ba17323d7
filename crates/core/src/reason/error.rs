//! What failed, by a stable word, and the exit code that follows from it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::Exit;

/// What failed. Scripts know it by its word.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr, EnumString,
)]
#[serde(from = "String", into = "String")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorKind {
    /// The command was not used as it is meant.
    Usage,
    /// Two configurations, and none was named.
    ConfigAmbiguous,
    /// No configuration.
    ConfigAbsent,
    /// The configuration cannot be read.
    ConfigUnreadable,
    /// The configuration is no TOML.
    ConfigSyntax,
    /// The configuration says something that cannot be.
    ConfigInvalid,
    /// A section of the configuration lacks something.
    Config,
    /// What was named is not there.
    Absent,
    /// The database.
    Store,
    /// Another run holds the target.
    Locked,
    /// It was sent, and whether it took effect is not known.
    Unconfirmed,
    /// A plan file, or a stored plan that fits no more.
    PlanFile,
    /// A file of `adopt`.
    Review,
    /// A file of links.
    Links,
    /// A file of audit heads.
    Heads,
    /// An HTML file.
    Html,
    /// A key of a target, or of the simulated gateway.
    Key,
    /// A key of a cloud endpoint.
    Secret,
    /// The gateway cannot be reached, or answers as no gateway does.
    Gateway,
    /// The settings of a gateway's connection.
    GatewaySettings,
    /// The gateway refuses the token.
    Token,
    /// The connection cannot be trusted.
    Tls,
    /// The run ended before it had begun its work.
    Stopped,
    /// What was to be handed out could not be written down.
    Sink,
    /// The HTTP client of a cloud endpoint.
    Http,
    /// Not the id of a machine.
    Instance,
    /// No password could be made.
    Password,
    /// The cloud keys are another account's.
    OtherAccount,
    /// A person without a row.
    NoRow,
    /// A person with a call that may still land.
    Unsettled,
    /// A person who has an account.
    HasAccount,
    /// A run that nothing holds, or that no approval can let pass.
    NotHeld,
    /// An account that is not rosterd's.
    NotOurs,
    /// A person of whom nothing was said.
    NotOverridden,
    /// A run that changed nothing.
    NothingToUndo,
    /// Nothing of the above: a mistake in the program.
    Internal,
    /// The roster cannot be used; with the reader's own word, before which `roster_` is written.
    #[strum(disabled)]
    Roster(Cow<'static, str>),
    /// A cloud endpoint refuses, or another word of a subsystem.
    #[strum(disabled)]
    Other(Cow<'static, str>),
}

impl ErrorKind {
    /// The kind with this word.
    pub fn of(word: &str) -> Self {
        match (word.parse(), word.strip_prefix("roster_")) {
            (Ok(known), _) => known,
            (Err(_), Some(word)) => Self::Roster(word.to_owned().into()),
            (Err(_), None) => Self::Other(word.to_owned().into()),
        }
    }

    /// The roster cannot be used, in the reader's word.
    pub const fn roster(word: &'static str) -> Self {
        Self::Roster(Cow::Borrowed(word))
    }

    /// With which code a command ends that failed so.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage | Self::ConfigAmbiguous => Exit::Usage,
            Self::Locked => Exit::Locked,
            Self::Unconfirmed => Exit::Unconfirmed,
            _ => Exit::Failed,
        }
    }

    /// Whether the roster is merely not there yet: nothing is wrong with what HR sent.
    pub fn is_late_roster(&self) -> bool {
        let late = ["stale", "no_files", "no_marker", "not_settled"];
        matches!(self, Self::Roster(word) if late.contains(&word.as_ref()))
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Roster(word) => write!(f, "roster_{word}"),
            Self::Other(word) => f.write_str(word),
            known => f.write_str(known.into()),
        }
    }
}

impl From<String> for ErrorKind {
    fn from(word: String) -> Self {
        Self::of(&word)
    }
}

impl From<ErrorKind> for String {
    fn from(kind: ErrorKind) -> Self {
        kind.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_its_word_and_the_word_is_its_kind() {
        for (kind, word) in [
            (ErrorKind::PlanFile, "plan_file"),
            (ErrorKind::ConfigAmbiguous, "config_ambiguous"),
            (ErrorKind::roster("no_files"), "roster_no_files"),
            (ErrorKind::Other("throttled".into()), "throttled"),
        ] {
            assert_eq!((kind.to_string().as_str(), ErrorKind::of(word)), (word, kind.clone()));
            assert_eq!(serde_json::to_value(&kind).unwrap(), word);
        }
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let code = |word: &str| ErrorKind::of(word).exit().code();
        assert_eq!((code("usage"), code("locked"), code("unconfirmed")), (2, 5, 6));
        assert_eq!((code("config_ambiguous"), code("config_invalid"), code("roster_stale")), (2, 1, 1));
        assert!(ErrorKind::of("roster_stale").is_late_roster());
        assert!(!ErrorKind::of("roster_damaged").is_late_roster());
    }
}
