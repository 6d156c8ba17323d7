//! The plan: what a run will do, as a value that is shown, stored, digested, checked, approved and carried out. Pure:
//! everything that decides is in [`PlanInput`]. Nothing here knows a clock, a file, the network or the database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::config::TargetConfig;
use crate::gateway::UserRecord;
use crate::mapping::Wanted;
use crate::model::{GroupPath, PersonKey, RowRef, TargetName, Username};
use crate::roster::{Field, Roster};

/// The managed fields of an account on a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// Group.
    pub group: GroupPath,
    /// Note.
    pub note: String,
    /// Phones joined with `;`.
    pub phone: String,
    /// Roles.
    pub roles: BTreeSet<String>,
    /// Enabled.
    pub enabled: bool,
    /// Expiry, on dialects that have one.
    pub expires_on: Option<NaiveDate>,
}

/// How an account came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// rosterd added it.
    Created,
    /// It was there; a person, or `existing = "adopt"`, made it ours.
    Adopted,
}

/// rosterd disabled this account, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDisable {
    /// The reason of the disable.
    pub reason: Reason,
    /// When the commit that made it take effect was confirmed; `None`: not yet.
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// What rosterd believes the gateway holds for a person: only what an answer or a look confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name on the gateway.
    pub username: Username,
    /// How it came to be ours.
    pub origin: Origin,
    /// Fields.
    pub state: AccountState,
    /// The device's number for the user, where a look showed it.
    pub gateway_id: Option<String>,
    /// Disabled by rosterd (and not enabled since).
    pub disabled: Option<OwnDisable>,
    /// An intent's outcome is not known: nothing may be concluded from `state`.
    pub unknown: bool,
}

/// The snapshot of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Managed accounts by person.
    pub entries: BTreeMap<PersonKey, Entry>,
    /// Groups that a look confirmed to exist.
    pub groups: BTreeSet<GroupPath>,
}

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

/// How often and since when a person has been missing, the roster at hand included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingSeen {
    /// First good roster without them.
    pub since: DateTime<Utc>,
    /// Different good rosters without them.
    pub rosters: u32,
}

/// What is remembered of a roster that was applied on this target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppliedRoster {
    /// Its digest.
    pub digest: String,
    /// Data rows accepted.
    pub rows: u64,
    /// Share of filled cells per column, percent.
    pub fill: BTreeMap<Field, f64>,
    /// People per department path (group of the account).
    pub departments: BTreeMap<String, u64>,
    /// File names.
    pub files: Vec<Arc<str>>,
    /// Source names.
    pub sources: Vec<Arc<str>>,
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

/// What the database remembers besides the snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// People missing, the roster at hand counted.
    pub missing: BTreeMap<PersonKey, MissingSeen>,
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
    pub blocked_since: BTreeMap<(PersonKey, String), NaiveDate>,
    /// Approvals that are not used up and not expired.
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
    pub allow_guards: &'a BTreeSet<String>,
}

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
    /// Changed fields: `username`, `group`, `note`, `phone`, `roles`, `enabled`, `expires_on`.
    pub changes: BTreeMap<String, Change>,
    /// The fields after the action; for a delete as they are.
    pub after: AccountState,
    /// Authentication for an add, and for updates under `manage.auth = "always"`.
    pub auth: Option<crate::gateway::Auth>,
    /// Held back, by what: a guard's name, `allow`, `unreadable_key`, `delete_window`.
    pub withheld_by: Option<String>,
}

/// Somebody who is left alone in this run, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// Who.
    pub person: PersonKey,
    /// Their name on the gateway, or the one they would get, if known.
    pub username: Option<Username>,
    /// Stable word: `duplicate_key`, `unknown_status`, `missing_group`, `name_exists`, `protected`, …
    pub reason: String,
    /// For people.
    pub detail: String,
    /// Whether the gateway's answer is behind it (exit 3) and not the person's own row (exit 0).
    pub by_gateway: bool,
    /// File.
    pub file: Option<Arc<str>>,
    /// Line.
    pub line: Option<u64>,
    /// First day blocked for this reason.
    pub since: NaiveDate,
}

/// A tripped guard, or another brake that holds the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The guard's name, as in the configuration; or `paused`, `freeze`.
    pub guard: String,
    /// The limit, for a numeric guard.
    pub limit: Option<f64>,
    /// The figure met, for a numeric guard.
    pub actual: Option<f64>,
    /// For people: what, how much, and how to go on.
    pub detail: String,
    /// Whether everything is held, or removals only.
    pub hold: crate::config::GuardHold,
    /// Whether an approval can lift it (`target_changed` and a pause cannot be approved).
    pub approvable: bool,
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
    /// Guard name → what was approved behind it.
    pub sets: BTreeMap<String, BTreeSet<GuardedItem>>,
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
    pub changed_fields: BTreeMap<String, u64>,
}
