//! Everything that decides what a plan is: values that others gathered (the snapshot, looks, memory, the roster). They
//! are read here and nowhere changed; how they are stored is `store`'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::state::{AccountState, Entry, Snapshot};
use super::value::Approval;
use crate::config::{AccountConfig, TargetConfig};
use crate::device::UserRecord;
use crate::mapping::{Condition, Verdict, Want, Wanted};
use crate::model::{GroupPath, PersonKey, Username};
use crate::people::{Doubt, Field, Roster};
use crate::reason::{Block, BlockKind, Blocked, Guard};

/// What looks right before planning showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// Groups looked at: there or not.
    pub groups: BTreeMap<GroupPath, bool>,
    /// Names looked at: the user there, or `None`.
    pub users: BTreeMap<Username, Option<UserRecord>>,
    /// Role names the device has (openapi), if they were listed.
    pub roles: Option<BTreeSet<String>>,
    /// `plan --offline`: nothing was looked at; what would have been is marked unchecked.
    pub offline: bool,
}

/// What should be looked at before planning. Empty when the looks at hand already answer everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Groups that nothing has confirmed, parents first.
    pub groups: BTreeSet<GroupPath>,
    /// Names of new people.
    pub users: BTreeSet<Username>,
    /// The device's roles should be listed (openapi).
    pub roles: bool,
}

impl Needs {
    /// Whether nothing is left to look at.
    pub fn is_empty(&self) -> bool {
        let Self { groups, users, roles } = self;
        groups.is_empty() && users.is_empty() && !roles
    }
}

/// How often and since when a person has been missing, the roster at hand included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingSeen {
    /// First good roster without them.
    pub since: DateTime<Utc>,
    /// Different good rosters without them.
    pub rosters: u32,
}

/// What is remembered of one source of an applied roster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AppliedSource {
    /// Data rows accepted.
    pub rows: u64,
    /// Share of filled cells per column, percent.
    pub fill: BTreeMap<Field, f64>,
    /// File names.
    pub files: Vec<Arc<str>>,
}

/// What is remembered of a roster that was applied on this target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppliedRoster {
    /// Its digest.
    pub digest: String,
    /// Per source, because a source that is frozen today must not look like a loss.
    pub sources: BTreeMap<Arc<str>, AppliedSource>,
    /// People for whom the target is, per group of their account.
    pub departments: BTreeMap<String, u64>,
    /// The doubts about it, by their keys: applied all the same, so that they hold no later plan.
    pub doubts: BTreeSet<String>,
}

impl AppliedRoster {
    /// What to remember of a roster once it is applied on `target`.
    pub fn of(roster: &Roster, wanted: &BTreeMap<PersonKey, Wanted>, target: &TargetConfig) -> Self {
        let select = Condition::compile(&target.select, "select").ok();
        let selected = |person: &PersonKey| {
            let person = roster.people.get(person);
            select.as_ref().is_none_or(|s| person.is_none_or(|p| s.judge(p) != Verdict::No))
        };
        let sources = roster.sources.iter().filter(|s| !s.frozen).map(|s| {
            let facts = AppliedSource { rows: s.accepted, fill: s.fill.clone(), files: s.files.clone() };
            (s.name.clone(), facts)
        });
        let mut departments: BTreeMap<&str, u64> = BTreeMap::new();
        for (person, wanted) in wanted {
            if let Wanted::Account(account) = wanted
                && let Want::Set(group) = &account.group
                && selected(person)
            {
                *departments.entry(group.as_str()).or_default() += 1;
            }
        }
        Self {
            digest: roster.digest.clone(),
            sources: sources.collect(),
            departments: departments.into_iter().map(|(path, people)| (path.to_owned(), people)).collect(),
            doubts: roster.doubts.iter().map(Doubt::key).collect(),
        }
    }

    /// Rows accepted, all sources together.
    pub fn rows(&self) -> u64 {
        self.sources.values().map(|s| s.rows).sum()
    }
}

/// An override that a person gave: `suspend` or `hold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// What.
    pub kind: OverrideKind,
    /// Until the end of this day.
    pub until: Option<NaiveDate>,
    /// Why.
    pub reason: String,
}

/// Sorts of overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideKind {
    /// Disabled at once, whatever the roster says.
    Suspend,
    /// Left alone.
    Hold,
}

/// The device and dialect that a snapshot belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// URL.
    pub url: String,
    /// Dialect's name.
    pub dialect: String,
}

/// What a run changed, and is to be put back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The run.
    pub run: i64,
    /// What it did to each person.
    pub people: BTreeMap<PersonKey, Restore>,
}

/// What a run did to one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The entry before; `None`: there was none.
    pub before: Option<Entry>,
    /// Name and fields after; `None`: it was deleted.
    pub after: Option<(Username, AccountState)>,
    /// The user was on the gateway before and became ours by it.
    pub adopted: bool,
}

/// The names in calls that may still land, for one person. Nobody else may get one of them: the call would do to
/// that other user what was meant for this person's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// All of them.
    pub names: BTreeSet<Username>,
    /// Those that an add would bring to life. Under another name the person would have two users.
    pub added: BTreeSet<Username>,
    /// Those that a rename would take a user away from: also one that is made there now.
    pub renamed: BTreeSet<Username>,
}

/// What the database remembers besides the snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// People missing, the roster at hand counted.
    pub missing: BTreeMap<PersonKey, MissingSeen>,
    /// The database says of somebody that they were missing, be they so still or not.
    pub missing_before: bool,
    /// The sources that had a person when they were last seen. Needed only for people whom no source has now; who is
    /// not in here may have come from any source.
    pub sources: BTreeMap<PersonKey, BTreeSet<Arc<str>>>,
    /// Confirmed removals in the 24 hours before `now`.
    pub removals_24h: u64,
    /// Confirmed removals in the 7 days before `now`.
    pub removals_7d: u64,
    /// The last applied roster.
    pub last_applied: Option<AppliedRoster>,
    /// The roster at hand was applied earlier and is not the last applied one.
    pub replayed: bool,
    /// People who had an account of ours before and have none now.
    pub returned: BTreeSet<PersonKey>,
    /// Names that were deleted or renamed away, whose commit is not confirmed, and whose they were: nobody else may get
    /// them yet.
    pub uncommitted_names: BTreeMap<Username, PersonKey>,
    /// People of whom a call may still land, with the names in it.
    pub in_flight: BTreeMap<PersonKey, InFlight>,
    /// Put back what a run changed, instead of doing what the roster says.
    pub undo: Option<Undo>,
    /// People whose account somebody changed by hand, as a look showed: why a change of it is made.
    pub drifted: BTreeSet<PersonKey>,
    /// The device the snapshot belongs to; `None`: no run yet.
    pub device: Option<Device>,
    /// No run has ever been applied here and no account adopted.
    pub first_contact: bool,
    /// Names tied to people by `adopt --link` (or by an adopted account), before the template.
    pub links: BTreeMap<PersonKey, Username>,
    /// Overrides.
    pub overrides: BTreeMap<PersonKey, Override>,
    /// The target is paused: reason.
    pub paused: Option<String>,
    /// Since when each person has been blocked, per reason.
    pub blocked_since: BTreeMap<PersonKey, BTreeMap<BlockKind, NaiveDate>>,
    /// Approvals that are not used up and not expired, oldest first.
    pub approvals: Vec<Approval>,
}

/// Everything that decides.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The day.
    pub as_of: NaiveDate,
    /// The moment, for durations (`missing_for`, `delete_after`).
    pub now: DateTime<Utc>,
    /// Target configuration.
    pub target: &'a TargetConfig,
    /// The mapping's configuration: part of the plan's inputs, though only its result is read.
    pub account: &'a AccountConfig,
    /// The roster.
    pub roster: &'a Roster,
    /// The roster mapped, before `select`.
    pub wanted: &'a BTreeMap<PersonKey, Wanted>,
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Looks.
    pub looks: &'a Looks,
    /// Memory.
    pub past: &'a Past,
    /// `--only`: nobody else gets an action.
    pub only: Option<&'a BTreeSet<PersonKey>>,
    /// `--allow-guard`: these guards do not hold.
    pub allow_guards: &'a BTreeSet<Guard>,
}

impl PlanInput<'_> {
    /// Whether rosterd knows nothing of this gateway yet: no run was applied, and none that was cut short left anything.
    pub(super) fn is_first_contact(&self) -> bool {
        self.past.first_contact && self.snapshot.entries.is_empty()
    }

    /// Somebody who is left alone, since the day on which they were first blocked for this reason.
    pub(super) fn blocked(&self, person: &PersonKey, block: Block) -> Blocked {
        let known = self.past.blocked_since.get(person);
        let since = known.and_then(|all| all.get(&block.reason.kind())).copied();
        block.of(person, since.unwrap_or(self.as_of))
    }
}
