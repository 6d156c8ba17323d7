//! What the journal holds, as values: runs, calls, intents, their states and what is said of them. No query in here.

use chrono::NaiveDate;

use crate::model::{GroupPath, PersonKey, TargetName};
use crate::report::{CommitState, RunOutcome, TargetReport};
use crate::store::ids::{Actor, IntentState, RunId, Trigger};
use crate::store::intent::Intent;
use crate::store::snapshot::EntryChange;

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
