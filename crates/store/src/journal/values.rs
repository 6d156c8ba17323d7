//! What the journal holds, as values: runs, calls, intents, their states and what is said of them. No query in here.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{GroupPath, PersonKey, RowRef, TargetName, Username};
use crate::plan::{AccountState, ActionKind, Entry, Origin, OwnDisable, Reason};
use crate::report::{CommitState, RunOutcome, TargetReport};
use crate::store::columns::{Millis, Word};
use crate::store::snapshot::EntryChange;

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
}

/// A run about to begin.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// On which target.
    pub target: TargetName,
    /// Whether it may send anything.
    pub dry: bool,
    /// What set it off.
    pub trigger: Trigger,
    /// For whom.
    pub actor: Actor,
    /// Digest of the configuration.
    pub config_digest: String,
    /// The day planned for.
    pub as_of: NaiveDate,
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

/// What one call means to do to one account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Intent {
    /// The run that journalled it.
    #[sqlx(try_from = "i64")]
    pub run: RunId,
    /// The call's number in that run.
    pub seq: i64,
    /// Who.
    #[sqlx(try_from = "Word")]
    pub person: PersonKey,
    /// The name before.
    #[sqlx(try_from = "Word")]
    pub username: Username,
    /// The name after.
    #[sqlx(try_from = "Word")]
    pub new_username: Username,
    /// What.
    #[sqlx(try_from = "Word")]
    pub kind: ActionKind,
    /// Why.
    #[sqlx(try_from = "Word")]
    pub reason: Reason,
    /// The entry before, if there was one.
    #[sqlx(json(nullable))]
    pub before: Option<Entry>,
    /// The fields after; `None` for a delete.
    #[sqlx(json(nullable))]
    pub after: Option<AccountState>,
    /// How the account is or would be ours.
    #[sqlx(try_from = "Word")]
    pub origin: Origin,
    /// The roster's row.
    #[sqlx(json(nullable))]
    pub source: Option<RowRef>,
    /// State.
    #[sqlx(try_from = "Word")]
    pub state: IntentState,
    /// It ever was unknown, and may still land.
    pub unsettled: bool,
    /// When the call was last sent.
    #[sqlx(try_from = "Millis")]
    pub last_sent_at: DateTime<Utc>,
}

impl Intent {
    /// Nothing may be concluded about the account yet.
    pub const fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// The entry that the snapshot has once this intent is confirmed, with the given fields and device number.
    pub fn entry_if_applied(&self, state: AccountState, gateway_id: Option<String>, unknown: bool) -> Entry {
        let known = self.before.as_ref();
        let disabled = match (self.kind, state.enabled) {
            (_, true) => None,
            (ActionKind::Disable, false) => Some(OwnDisable { reason: self.reason, confirmed_at: None }),
            (_, false) => known.and_then(|e| e.disabled.clone()),
        };
        Entry {
            username: self.new_username.clone(),
            origin: self.origin,
            state,
            gateway_id: gateway_id.or_else(|| known.and_then(|e| e.gateway_id.clone())),
            disabled,
            unknown,
        }
    }
}

/// A call about to be sent, with what it means for each person.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// Run.
    pub run: RunId,
    /// Number within the run, from 1.
    pub seq: i64,
    /// Sort of call: `add update delete add_group kick commit`.
    pub kind: &'static str,
    /// BLAKE3 of what is sent, in hex, password left out.
    pub payload: String,
    /// The people concerned; none for groups and commits.
    pub intents: Vec<Intent>,
}

/// What is known of a call once it was answered or looked at.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The run that journalled the call.
    pub run: RunId,
    /// The call's number there.
    pub seq: i64,
    /// State.
    pub state: IntentState,
    /// The device's code.
    pub code: Option<i64>,
    /// What it said, or what went wrong, for people.
    pub message: Option<String>,
    /// Per person, where it differs from the call's state (a batch looked at name by name).
    pub people: Vec<(PersonKey, IntentState)>,
    /// The snapshot's changes that this confirms.
    pub entries: Vec<EntryChange>,
    /// Groups that are there now.
    pub groups: Vec<GroupPath>,
}

/// What recovery found out about one intent.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Run that journalled it.
    pub run: RunId,
    /// Call.
    pub seq: i64,
    /// Who.
    pub person: PersonKey,
    /// What a look showed.
    pub state: IntentState,
    /// Whether a later look is still due.
    pub unsettled: bool,
}

/// What is stored of a run when it ends.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// Outcome.
    pub outcome: RunOutcome,
    /// Exit code.
    pub exit_code: u8,
    /// Commit.
    pub commit: CommitState,
    /// The whole report.
    pub report: TargetReport,
}
