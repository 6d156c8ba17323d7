//! Numbers and plain words that everything in the store speaks of: runs, triggers, actors, the states of an intent.

use serde::{Deserialize, Serialize};

/// A run's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub i64);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What set a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Trigger {
    Cli,
    Schedule,
    Watch,
    Signal,
    Web,
}

/// On whose behalf something was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Effective user id.
    pub uid: u32,
    /// User id at log-in (survives `sudo`), if known.
    pub login_uid: Option<u32>,
    /// User name, if known.
    pub name: Option<String>,
    /// The command and its options, without what was given to them: that may be personal, and this is kept for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A state of an intent, or of a call. See `migrations/0001_init.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// Journalled; no answer recorded.
    Sending,
    /// The answer says yes.
    Applied,
    /// The answer says no.
    Refused,
    /// Not one byte left the process.
    NotSent,
    /// No usable answer.
    Unknown,
    /// A look says it happened.
    Done,
    /// A look says it did not happen.
    Undone,
}

impl Actor {
    /// The name, or a number where there is none.
    pub fn called(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("uid {}", self.login_uid.unwrap_or(self.uid)))
    }
}

impl IntentState {
    /// Nothing may be concluded yet.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Sending | Self::Unknown)
    }

    /// Whether a step from `self` to `next` makes sense. An answer comes once; a look may come after an answer that
    /// came after an unknown attempt, and may be corrected by a later look while the intent is unsettled.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Sending, Self::Sending) => false,
            (Self::Sending, _) => true,
            (Self::Unknown, Self::NotSent) => false,
            (Self::Unknown, _) => true,
            (Self::Applied | Self::Refused | Self::Done | Self::Undone, Self::Done | Self::Undone) => true,
            (Self::Undone, Self::Sending) => true,
            _ => false,
        }
    }
}
