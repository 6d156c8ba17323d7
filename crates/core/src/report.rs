//! What a run or a plan says, as data: the one JSON object of `sync` and `plan --output json`. Keys are a contract:
//! stable, new ones may be added. Tables, HTML, messages and metrics are made from these values elsewhere.

mod actions;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::model::{GroupPath, PersonKey, TargetName, Username};
use crate::plan::{ActionKind, Change, Counts, GroupState, Reason};
use crate::reason::{Blocked, Brake, ErrorKind, Exit, Guard, HeldBy};
pub use actions::{actions_for_report, masked_changes};

/// The whole answer of `sync` or `plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncReport {
    /// Version of this format: 1.
    pub version: u32,
    /// Whether anything may have been sent.
    pub dry_run: bool,
    /// The day planned for.
    pub as_of: NaiveDate,
    /// What was read.
    pub roster: RosterSummary,
    /// One per target.
    pub targets: Vec<TargetReport>,
}

impl SyncReport {
    /// The targets' exit codes combined.
    pub fn exit(&self) -> Exit {
        self.targets.iter().map(|target| Exit::from_code(target.exit_code)).fold(Exit::Done, Exit::and)
    }
}

/// What was read of the roster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RosterSummary {
    /// The sources.
    pub sources: Vec<SourceSummary>,
    /// Data rows in all.
    pub rows: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows refused.
    pub refused: u64,
    /// BLAKE3 of what was read.
    pub digest: String,
}

/// What was read of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSummary {
    /// Its name.
    pub name: Arc<str>,
    /// Its files.
    pub files: Vec<Arc<str>>,
    /// Data rows.
    pub rows: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows refused.
    pub refused: u64,
}

/// What became of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Its name.
    pub target: TargetName,
    /// The run's number, as text.
    pub run_id: String,
    /// The stored plan, if one was made.
    pub plan: Option<PlanRef>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// This target's own exit code.
    pub exit_code: u8,
    /// People by what was done (a plan: what would be).
    pub counts: Counts,
    /// Field → people whose field changes.
    pub changed_fields: BTreeMap<String, u64>,
    /// Requests.
    pub calls: CallCounts,
    /// The commit.
    pub commit: CommitState,
    /// The target now.
    pub state: TargetState,
    /// Tripped guards and other brakes.
    pub held_by: Vec<HeldBy>,
    /// The approval that let guards pass.
    pub approval: Option<ApprovalRef>,
    /// Accounts that failed.
    pub failures: Vec<Failure>,
    /// Milliseconds, monotonic.
    pub duration_ms: u64,
    /// Groups in use.
    pub groups: Vec<GroupLine>,
    /// People left alone.
    pub blocked: Vec<Blocked>,
    /// The run that this one rests on: no row was read, nothing planned or asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<SameAs>,
    /// What an earlier run had left open, and what this one found and did about it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<String>,
    /// Warnings, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Settings that guard less than at the last run, by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loosened: Vec<String>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
    /// What the plan costs; only for `plan` and dry runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The actions; only for `plan` and dry runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<ActionLine>>,
}

impl TargetReport {
    /// A report of this run that says nothing yet.
    pub fn empty(target: &TargetName, run: impl std::fmt::Display) -> Self {
        Self {
            target: target.clone(),
            run_id: run.to_string(),
            plan: None,
            outcome: RunOutcome::NoChanges,
            exit_code: 0,
            counts: Counts::default(),
            changed_fields: BTreeMap::new(),
            calls: CallCounts::default(),
            commit: CommitState::None,
            state: TargetState::Clean,
            held_by: Vec::new(),
            approval: None,
            failures: Vec::new(),
            duration_ms: 0,
            groups: Vec::new(),
            blocked: Vec::new(),
            same_as: None,
            recovered: Vec::new(),
            warnings: Vec::new(),
            loosened: Vec::new(),
            error: None,
            estimate: None,
            actions: None,
        }
    }
}

/// What a plan costs on its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Requests: changes, the looks before them, and the commit.
    pub calls: u64,
    /// Seconds at the configured pace.
    pub seconds: u64,
}

/// A stored plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRef {
    /// Number, as text.
    pub id: String,
    /// Digest of the plan.
    pub digest: String,
}

/// An earlier run that read the same bytes, since when nothing has changed and no date has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameAs {
    /// Its number, as text.
    pub run_id: String,
    /// The digest of the roster that it read.
    pub roster: String,
}

/// An approval that was used, or `--allow-guard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRef {
    /// Number, as text; `None` for `--allow-guard`.
    pub id: Option<String>,
    /// The guards that were let pass.
    pub guards: Vec<Guard>,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum RunOutcome {
    NoChanges,
    Planned,
    Applied,
    Partial,
    Held,
    Failed,
    Locked,
    Unconfirmed,
}

/// What became of the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitState {
    /// None was due.
    None,
    /// The gateway said yes.
    Confirmed,
    /// Sent, without a usable yes.
    Unconfirmed,
    /// Due, and held back.
    Withheld,
}

/// The target's state after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Everything that was sent took effect.
    Clean,
    /// Something was sent, and no later commit is confirmed.
    Dirty,
    /// Dirty, and must not take effect yet.
    Quarantined,
    /// Clean, and a person paused it.
    Paused,
}

/// Requests by sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Requests that change the gateway, groups and repeats included, the commit not.
    pub mutations: u64,
    /// Reads.
    pub queries: u64,
    /// Commits.
    pub commits: u64,
    /// Requests sent again.
    pub retries: u64,
}

/// An account that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Who.
    pub person: PersonKey,
    /// Name on the gateway.
    pub username: Username,
    /// What was tried.
    pub kind: ActionKind,
    /// The gateway's code, if it gave one.
    pub code: Option<i64>,
    /// In words.
    pub message: String,
}

/// A group in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLine {
    /// Path.
    pub path: GroupPath,
    /// Whether it is there.
    pub state: GroupState,
    /// People.
    pub people: u64,
}

/// An action, phones masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionLine {
    /// What.
    pub kind: ActionKind,
    /// Who.
    pub person: PersonKey,
    /// Name on the gateway.
    pub username: Username,
    /// Why.
    pub reason: Reason,
    /// The roster's row.
    pub source: Option<crate::model::RowRef>,
    /// Changes.
    pub changes: BTreeMap<String, Change>,
    /// Held back, by what.
    pub withheld_by: Option<Brake>,
}

/// Something that failed, for people and for scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// What it is.
    pub kind: ErrorKind,
    /// What, where and why.
    pub message: String,
    /// What to do next.
    pub next: String,
}

/// The answer when configuration or roster fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailureReport {
    /// Version of this format: 1.
    pub version: u32,
    /// Exit code.
    pub exit_code: u8,
    /// What failed.
    pub error: ErrorReport,
    /// Always empty.
    pub targets: Vec<TargetReport>,
}
