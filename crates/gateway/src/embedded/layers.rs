//! What the simulated device holds: users and groups in two layers, and the steps that change them. Plain values; what
//! changes them is in `device` and `calls`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The root group's number on every device.
pub(super) const ROOT: i64 = -100;
/// The group that takes those who have no other.
pub(super) const DEFAULT_GROUP: i64 = -1;
/// The group of the anonymous, into which nobody can be put.
pub(super) const ANONYMOUS: i64 = -2;

/// A user in one of the layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The device's number.
    pub id: u64,
    /// User name.
    pub name: String,
    /// Note.
    pub note: String,
    /// Phones joined with `;`.
    pub phone: String,
    /// Number of the group.
    pub group: i64,
    /// Role names.
    pub roles: BTreeSet<String>,
    /// Whether log-in is allowed.
    pub enabled: bool,
    /// Authentication as the group says.
    pub inherits_auth: bool,
    /// Policy as the group says.
    pub inherits_policy: bool,
    /// A local password is asked for.
    pub password_auth: bool,
    /// External authentication server.
    pub ext_auth: Option<String>,
    /// Last day.
    pub expires_on: Option<NaiveDate>,
    /// What is shown as `passwd`: empty without a password. The password itself is not kept.
    pub password_mark: String,
    /// When the password was last set, in seconds.
    pub password_changed: i64,
    /// When the user was made, in seconds.
    pub created: i64,
    /// Whatever else was sent, as it was sent.
    pub extra: BTreeMap<String, String>,
}

/// A group in one of the layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Name; empty for the root.
    pub name: String,
    /// Number of the parent; `None` for the root.
    pub parent: Option<i64>,
    /// Note.
    pub note: String,
}

/// Users and groups: there is one layer that calls write and one that log-ins are checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Users by name.
    pub users: BTreeMap<String, Arc<User>>,
    /// Groups.
    pub groups: Groups,
}

/// Groups by number, and by their place: the device finds a path without walking over all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<i64, Arc<Group>>", into = "BTreeMap<i64, Arc<Group>>")]
pub struct Groups {
    numbered: BTreeMap<i64, Arc<Group>>,
    /// Parent, then name, to number. What `numbered` says, the other way round.
    placed: BTreeMap<i64, BTreeMap<String, i64>>,
}

impl Groups {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbered.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbered.is_empty()
    }

    /// Their numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = i64> {
        self.numbered.keys().copied()
    }

    /// The group with a number.
    pub fn get(&self, id: i64) -> Option<&Arc<Group>> {
        work::step();
        self.numbered.get(&id)
    }

    /// Writes a group, in the place of the one that had its number.
    pub(super) fn insert(&mut self, id: i64, group: Arc<Group>) {
        let (parent, name) = (group.parent, group.name.clone());
        if let Some(Group { parent: Some(parent), name, .. }) = self.numbered.insert(id, group).as_deref()
            && let Some(names) = self.placed.get_mut(parent)
        {
            names.remove(name);
        }
        if let Some(parent) = parent {
            self.placed.entry(parent).or_default().insert(name, id);
        }
    }

    /// The number of the group below `parent` with this name.
    fn child(&self, parent: i64, name: &str) -> Option<i64> {
        work::step();
        self.placed.get(&parent)?.get(name).copied()
    }
}

impl From<BTreeMap<i64, Arc<Group>>> for Groups {
    fn from(numbered: BTreeMap<i64, Arc<Group>>) -> Self {
        let mut groups = Self::default();
        numbered.into_iter().for_each(|(id, group)| groups.insert(id, group));
        groups
    }
}

impl From<Groups> for BTreeMap<i64, Arc<Group>> {
    fn from(groups: Groups) -> Self {
        groups.numbered
    }
}

impl Layer {
    /// The full path of a group.
    pub fn path(&self, mut id: i64) -> String {
        let mut names = Vec::new();
        while let Some(group) = self.groups.get(id)
            && let Some(parent) = group.parent
            // A cycle cannot be made by calls, but a damaged file must not hang us.
            && names.len() <= self.groups.len()
        {
            names.push(group.name.as_str());
            id = parent;
        }
        if names.is_empty() {
            return "/".to_owned();
        }
        names.iter().rev().flat_map(|name| ["/", name]).collect()
    }

    /// The group below `parent` with this name.
    pub(super) fn child(&self, parent: i64, name: &str) -> Option<i64> {
        self.groups.child(parent, name)
    }

    /// The group at a path. Empty segments do not count.
    pub fn find(&self, path: &str) -> Option<i64> {
        if !path.starts_with('/') {
            return None;
        }
        path.split('/').filter(|s| !s.is_empty()).try_fold(ROOT, |at, name| self.child(at, name))
    }
}

/// A user with the group as a path, for tests, checkers and the state page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The device's number.
    pub id: u64,
    /// User name.
    pub name: String,
    /// Full path of the group.
    pub group: String,
    /// Note.
    pub note: String,
    /// Phones.
    pub phone: String,
    /// Roles.
    pub roles: BTreeSet<String>,
    /// Whether log-in is allowed.
    pub enabled: bool,
    /// Last day.
    pub expires_on: Option<NaiveDate>,
    /// Authentication as the group says.
    pub inherits_auth: bool,
    /// External authentication server.
    pub ext_auth: Option<String>,
    /// Whether there is a password.
    pub has_password: bool,
}

/// A step that changes what is stored; a file of them brings a device back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A user was written (`Some`) or removed.
    User(String, Option<Arc<User>>),
    /// A group was written.
    Group(i64, Arc<Group>),
    /// A role became known.
    Role(String, u64),
    /// An external server became known.
    Server(String, u64),
    /// The memory was made equal to the database.
    Commit,
    /// The database was made equal to the memory: a restart that lost what was not committed.
    Drop,
    /// The whole of it: where a compacted file begins.
    Whole(Box<Stored>),
}

/// Everything that survives a restart of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// What calls write and looks show.
    pub database: Arc<Layer>,
    /// What log-ins are checked against.
    pub memory: Arc<Layer>,
    /// Roles and their numbers.
    pub roles: BTreeMap<String, u64>,
    /// External servers and their numbers.
    pub servers: BTreeMap<String, u64>,
    /// The number that the next user or group gets.
    pub next_id: u64,
}

/// The users of a layer with their groups as paths.
pub(super) fn views(layer: &Layer) -> BTreeMap<String, UserView> {
    let view = |user: &User| UserView {
        id: user.id,
        name: user.name.clone(),
        group: layer.path(user.group),
        note: user.note.clone(),
        phone: user.phone.clone(),
        roles: user.roles.clone(),
        enabled: user.enabled,
        expires_on: user.expires_on,
        inherits_auth: user.inherits_auth,
        ext_auth: user.ext_auth.clone(),
        has_password: !user.password_mark.is_empty(),
    };
    layer.users.iter().map(|(name, user)| (name.clone(), view(user))).collect()
}

/// How many groups and users were read, in tests: what a call costs is counted there, not timed.
pub(super) mod work {
    #[cfg(test)]
    thread_local! {
        pub(in crate::gateway::embedded) static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    /// One group or user was read.
    #[inline]
    pub(super) fn step() {
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
    }
}
