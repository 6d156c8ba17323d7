//! The snapshot: what rosterd believes a gateway holds, and how a confirmed action changes that belief. What should be
//! there is `mapping`'s business; what to do about the difference is decided in `people`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::value::{Action, ActionKind, Plan, Reason};
use crate::device::UserRecord;
pub use crate::model::{AccountField, Roles};
use crate::model::{GroupPath, PersonKey, Username};

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
    pub roles: Roles,
    /// Enabled.
    pub enabled: bool,
    /// Expiry, on dialects that have one.
    pub expires_on: Option<NaiveDate>,
}

impl AccountState {
    /// What a look showed. `None` when the answer has no usable group: then nothing can be sent back either. Fields
    /// that old firmware leaves out of its answers take the values that an absent field has there.
    pub fn from_record(record: &UserRecord) -> Option<Self> {
        Some(Self {
            group: GroupPath::new(record.group.as_deref()?).ok()?,
            note: record.note.clone().unwrap_or_default(),
            phone: record.phone.clone().unwrap_or_default(),
            roles: Arc::new(record.roles.clone().unwrap_or_default()),
            enabled: record.enabled.unwrap_or(true),
            expires_on: record.expires_on.flatten(),
        })
    }

    /// One field as text; `None` for the user name, which is not part of the state.
    pub fn text(&self, field: AccountField) -> Option<String> {
        // Taken apart by name, so that a new field does not compile until it is shown.
        let Self { group, note, phone, roles, enabled, expires_on } = self;
        Some(match field {
            AccountField::Username => return None,
            AccountField::Group => group.to_string(),
            AccountField::Note => note.clone(),
            AccountField::Phone => phone.clone(),
            AccountField::Roles => roles.iter().map(String::as_str).collect::<Vec<_>>().join(","),
            AccountField::Enabled => enabled.to_string(),
            AccountField::ExpiresOn => expires_on.map(|day| day.to_string()).unwrap_or_default(),
        })
    }

    /// The fields in which `other` differs, in order.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = AccountField> + 'a {
        let Self { group, note, phone, roles, enabled, expires_on } = self;
        [
            (AccountField::Group, *group != other.group),
            (AccountField::Note, *note != other.note),
            (AccountField::Phone, *phone != other.phone),
            (AccountField::Roles, *roles != other.roles),
            (AccountField::Enabled, *enabled != other.enabled),
            (AccountField::ExpiresOn, *expires_on != other.expires_on),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
    }
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
    /// Disabled by rosterd (and not enabled since), or perhaps so: see [`Self::is_maybe_disabled`].
    pub disabled: Option<OwnDisable>,
    /// An intent's outcome is not known: nothing may be concluded from `state`.
    pub unknown: bool,
}

impl Entry {
    /// The last look did not show whether the account is enabled, and a disable of ours may have landed since it was.
    pub const fn is_maybe_disabled(&self) -> bool {
        self.state.enabled && self.disabled.is_some()
    }
}

/// The snapshot of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Managed accounts by person.
    pub entries: BTreeMap<PersonKey, Entry>,
    /// Groups that a look confirmed to exist.
    pub groups: BTreeSet<GroupPath>,
}

impl Snapshot {
    /// Believes that one action took place as planned.
    pub fn apply(&mut self, action: &Action) {
        let before = match action.kind {
            ActionKind::Delete => {
                self.entries.remove(&action.person);
                return;
            }
            _ => self.entries.remove(&action.person),
        };
        let origin = match (&before, action.kind) {
            (Some(entry), _) => entry.origin,
            (None, ActionKind::Adopt) => Origin::Adopted,
            (None, _) => Origin::Created,
        };
        let (gateway_id, known) = before.map(|e| (e.gateway_id, e.disabled)).unwrap_or_default();
        let disabled = match (action.kind, action.after.enabled) {
            (_, true) => None,
            (ActionKind::Disable, false) => Some(OwnDisable { reason: action.reason, confirmed_at: None }),
            (_, false) => known,
        };
        let entry = Entry {
            username: action.new_username.clone(),
            origin,
            state: action.after.clone(),
            gateway_id,
            disabled,
            unknown: false,
        };
        self.entries.insert(action.person.clone(), entry);
    }
}

/// The snapshot after a run in which every call of the plan was confirmed. A plan that is held as a whole changes nothing.
pub fn apply(snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    let mut after = snapshot.clone();
    if !plan.held_as_a_whole() {
        after.groups.extend(plan.create_groups.iter().cloned());
        plan.to_send().for_each(|action| after.apply(action));
    }
    after
}
