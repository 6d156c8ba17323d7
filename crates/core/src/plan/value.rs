//! The plan as a value: shown, stored, digested, checked, approved and carried out. How it comes about is in `draft`,
//! `people` and `guard`; nothing here decides.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::state::{AccountField, AccountState};
use crate::config::GuardHold;
use crate::model::{GroupPath, PersonKey, RowRef, TargetName, Username};
use crate::reason::{Blocked, Brake, Exit, Guard, HeldBy};

/// What an action does. The order is that of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum ActionKind {
    Add,
    Adopt,
    Update,
    Rename,
    Enable,
    Disable,
    Delete,
}

impl ActionKind {
    /// Whether this takes access away.
    pub const fn is_removal(self) -> bool {
        matches!(self, Self::Disable | Self::Delete)
    }

    /// Stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Rename => "rename",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }
}

/// Why an action is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Reason {
    Joined,
    Changed,
    Returned,
    Left,
    Missing,
    Expired,
    Deselected,
    Suspended,
    Drift,
    Undo,
}

/// One field's change: before and after, as text; roles joined with `,`. `None` before: there was no account.
pub type Change = (Option<String>, Option<String>);

/// One person's change on the gateway. One action is at most one call for that person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// Who.
    pub person: PersonKey,
    /// The name on the gateway now (for an add: the new name).
    pub username: Username,
    /// The name after a rename (which may come with other changes in the same call); otherwise as `username`.
    pub new_username: Username,
    /// Why.
    pub reason: Reason,
    /// The roster's row, if a row says so.
    pub source: Option<RowRef>,
    /// Changed fields. None for an add, whose fields are all in `after`, and for a delete.
    pub changes: BTreeMap<AccountField, Change>,
    /// The fields after the action; for a delete as they are.
    pub after: AccountState,
    /// Authentication for an add, and for updates under `manage.auth = "always"`.
    pub auth: Option<crate::device::Auth>,
    /// Held back, by what.
    pub withheld_by: Option<Brake>,
}

/// A tripped guard, or another brake that holds the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Which, its figures, and what people are told of it.
    #[serde(flatten)]
    pub by: HeldBy,
    /// Whether everything is held, or removals only.
    pub hold: GuardHold,
    /// What stands behind it; an approval covers it when its own set holds all of these.
    pub set: BTreeSet<GuardedItem>,
}

/// One thing behind a tripped guard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GuardedItem {
    /// Person, if it is about one.
    pub person: Option<PersonKey>,
    /// User name.
    pub username: Option<Username>,
    /// Kind of action.
    pub kind: Option<ActionKind>,
    /// Reason of the action.
    pub reason: Option<Reason>,
    /// What else: a column, a group path, a file name, a roster digest.
    pub what: Option<String>,
}

/// A person's leave to pass guards, for a guarded set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its number in the database.
    pub id: i64,
    /// Guard → what was approved behind it.
    pub sets: BTreeMap<Guard, BTreeSet<GuardedItem>>,
}

/// A group the plan needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUse {
    /// Path.
    pub path: GroupPath,
    /// Whether it is there.
    pub state: GroupState,
    /// People of this plan who go there.
    pub people: u64,
}

/// Whether a needed group is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum GroupState {
    Exists,
    Missing,
    /// Will be created before the users.
    Create,
    Unchecked,
}

/// People by what happens to them. Those withheld are counted in `withheld`, not under their kind, except where the
/// whole plan is held: then the kinds show what was planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Counts {
    pub add: u64,
    pub adopt: u64,
    pub update: u64,
    pub rename: u64,
    pub enable: u64,
    pub disable: u64,
    pub delete: u64,
    pub unchanged: u64,
    pub withheld: u64,
    pub blocked: u64,
    pub failed: u64,
}

impl Counts {
    /// The people of whom something is done.
    pub fn acted_on(&self) -> u64 {
        self.add + self.adopt + self.update + self.rename + self.enable + self.disable + self.delete
    }
}

/// Digests of everything that went in, to word what has moved on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputDigests {
    /// Of the roster's content.
    pub roster: String,
    /// Of the snapshot, as the looks showed it.
    pub snapshot: String,
    /// Of the target's and the account's configuration.
    pub config: String,
    /// Of overrides, links, pause.
    pub overrides: String,
}

/// What a run will do. `actions` are in the order in which they are carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Plan {
    /// For which gateway.
    pub target: TargetName,
    /// The day it was made for.
    pub as_of: NaiveDate,
    /// The run that it puts back, if that is what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<i64>,
    /// Digests of the inputs.
    pub inputs: InputDigests,
    /// Groups to create, parents first.
    pub create_groups: Vec<GroupPath>,
    /// Actions, in order: updates, renames, enables; adopts; adds; disables; deletes; within these by person.
    pub actions: Vec<Action>,
    /// Who is left alone and why, by person.
    pub blocked: Vec<Blocked>,
    /// Groups in use.
    pub groups: Vec<GroupUse>,
    /// What holds it, after approvals and `--allow-guard`.
    pub held_by: Vec<Held>,
    /// What would hold it but is approved: with the approval's number, or `None` for `--allow-guard`.
    pub allowed: Vec<(Held, Option<i64>)>,
    /// Counts.
    pub counts: Counts,
    /// Field → people whose field changes (updates, renames, adopts only).
    pub changed_fields: BTreeMap<AccountField, u64>,
}

impl Held {
    /// Whether this brake holds back all that could be sent (and not removals only).
    pub fn holds_all(&self) -> bool {
        self.hold == GuardHold::All
    }
}

impl Plan {
    /// Whether a brake holds the plan as a whole: then nothing at all may be sent.
    pub fn held_as_a_whole(&self) -> bool {
        self.held_by.iter().any(Held::holds_all)
    }

    /// The actions that nothing holds back one by one, in order. Ask [`Plan::held_as_a_whole`] first.
    pub fn to_send(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| action.withheld_by.is_none())
    }

    /// Whether there is anything to carry out, were it not held.
    pub fn has_work(&self) -> bool {
        !self.create_groups.is_empty() || self.to_send().next().is_some()
    }

    /// Whether a brake that counts as *held* (exit 4) kept something back. One that kept nothing back changes neither
    /// outcome nor exit code, though it stays in `held_by`, so that the roster does not count as applied.
    pub fn held_something_back(&self) -> bool {
        let withheld = || {
            let mut brakes = self.actions.iter().filter_map(|action| action.withheld_by);
            brakes.any(|brake| brake.exit() == Exit::Held)
        };
        (self.held_as_a_whole() && self.has_work()) || withheld()
    }

    /// What those who are left alone make of a run that goes well.
    pub fn blocked_exit(&self) -> Exit {
        self.blocked.iter().map(|blocked| blocked.reason.exit()).fold(Exit::Done, Exit::and)
    }
}

impl Counts {
    /// The count of one kind of action.
    pub fn of_mut(&mut self, kind: ActionKind) -> &mut u64 {
        match kind {
            ActionKind::Add => &mut self.add,
            ActionKind::Adopt => &mut self.adopt,
            ActionKind::Update => &mut self.update,
            ActionKind::Rename => &mut self.rename,
            ActionKind::Enable => &mut self.enable,
            ActionKind::Disable => &mut self.disable,
            ActionKind::Delete => &mut self.delete,
        }
    }
}
