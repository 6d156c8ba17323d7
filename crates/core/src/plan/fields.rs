//! Field by field: what an account should become, given what the roster wants, what is there, and what `manage` lets
//! rosterd write.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::state::{AccountField, AccountState, Origin, Roles};
use super::value::Change;
use crate::config::{Manage, ManageConfig, TargetConfig};
use crate::mapping::{Account, Want, WantRoles};
use crate::model::{GroupPath, Username};

/// `[target.manage]` for accounts of one origin, overrides applied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Managed {
    group: Manage,
    note: Manage,
    phone: Manage,
    roles: Manage,
    pub(super) enabled: Manage,
    pub(super) auth: Manage,
    /// The dialect knows when an account ends.
    expiry: bool,
}

impl Managed {
    pub(super) fn of(target: &TargetConfig, origin: Origin) -> Self {
        // Taken apart by name, so that a new field does not compile until it is resolved.
        let ManageConfig { group, note, phone, roles, enabled, auth, adopted } = target.manage.clone();
        let pick = |own: Manage, other: Option<Manage>| match origin {
            Origin::Created => own,
            Origin::Adopted => other.unwrap_or(own),
        };
        Self {
            group: pick(group, adopted.group),
            note: pick(note, adopted.note),
            phone: pick(phone, adopted.phone),
            roles: pick(roles, adopted.roles),
            enabled: pick(enabled, adopted.enabled),
            auth: pick(auth, adopted.auth),
            expiry: target.dialect.capabilities().has_expiry,
        }
    }

    /// Whether an account is to be enabled for somebody who should have one.
    pub(super) fn enables(&self, enabled: bool, disabled_by_us: bool) -> bool {
        if enabled && !disabled_by_us {
            return false;
        }
        match self.enabled {
            Manage::Always => true,
            Manage::Own | Manage::Add => disabled_by_us,
            Manage::Create | Manage::Never => false,
        }
    }
}

/// The fields of a new account. The group was found by the caller, for without one there is no account.
pub(super) fn for_new(account: &Account, managed: &Managed, group: &GroupPath) -> AccountState {
    let unless_never = |manage: Manage, text: &Want<String>| match (manage, text.for_new()) {
        (Manage::Never, _) | (_, None) => String::new(),
        (_, Some(text)) => text.clone(),
    };
    AccountState {
        group: group.clone(),
        note: unless_never(managed.note, &account.note),
        phone: unless_never(managed.phone, &account.phone),
        roles: match managed.roles {
            Manage::Never => Roles::default(),
            _ => account.roles.for_new().clone(),
        },
        enabled: true,
        expires_on: account.expires_on.for_new().copied().flatten().filter(|_| managed.expiry),
    }
}

/// What of an existing account is to be written. Nothing is copied until something differs: most people never change.
#[derive(Debug, Default)]
pub(super) struct Delta {
    group: Option<GroupPath>,
    note: Option<String>,
    phone: Option<String>,
    roles: Option<Roles>,
    enabled: Option<bool>,
    expires_on: Option<Option<NaiveDate>>,
}

fn set<T: Clone + PartialEq>(manage: Manage, want: &Want<T>, is: &T) -> Option<T> {
    match (manage, want) {
        (Manage::Always, Want::Set(value)) if value != is => Some(value.clone()),
        _ => None,
    }
}

fn set_roles(manage: Manage, want: &WantRoles, is: &Roles) -> Option<Roles> {
    let exactly = match (manage, want) {
        (Manage::Always, WantRoles::Set(_)) => true,
        (Manage::Always | Manage::Add, _) => false,
        (Manage::Create | Manage::Never | Manage::Own, _) => return None,
    };
    let wanted = want.for_new();
    if exactly {
        (wanted != is).then(|| wanted.clone())
    } else {
        (!wanted.is_subset(is)).then(|| Arc::new(is.union(wanted).cloned().collect()))
    }
}

impl Delta {
    pub(super) fn of(state: &AccountState, account: &Account, managed: &Managed, enable: bool) -> Self {
        let expires_on = match &account.expires_on {
            Want::Set(day) if managed.expiry && *day != state.expires_on => Some(*day),
            _ => None,
        };
        Self {
            group: set(managed.group, &account.group, &state.group),
            note: set(managed.note, &account.note, &state.note),
            phone: set(managed.phone, &account.phone, &state.phone),
            roles: set_roles(managed.roles, &account.roles, &state.roles),
            enabled: enable.then_some(true),
            expires_on,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { group, note, phone, roles, enabled, expires_on } = self;
        group.is_none()
            && note.is_none()
            && phone.is_none()
            && roles.is_none()
            && enabled.is_none()
            && expires_on.is_none()
    }

    /// Whether it enables the account.
    pub(super) fn enables(&self) -> bool {
        self.enabled == Some(true)
    }

    pub(super) fn apply(self, state: &AccountState) -> AccountState {
        AccountState {
            group: self.group.unwrap_or_else(|| state.group.clone()),
            note: self.note.unwrap_or_else(|| state.note.clone()),
            phone: self.phone.unwrap_or_else(|| state.phone.clone()),
            roles: self.roles.unwrap_or_else(|| state.roles.clone()),
            enabled: self.enabled.unwrap_or(state.enabled),
            expires_on: self.expires_on.unwrap_or(state.expires_on),
        }
    }
}

/// The changes between two states, the user name included.
pub(super) fn changes(
    before: (&Username, &AccountState),
    after: (&Username, &AccountState),
) -> BTreeMap<AccountField, Change> {
    let fields = before.1.differing(after.1).map(|f| (f, (before.1.text(f), after.1.text(f))));
    let renamed = (before.0 != after.0)
        .then(|| (AccountField::Username, (Some(before.0.to_string()), Some(after.0.to_string()))));
    renamed.into_iter().chain(fields).collect()
}
