//! The simulated device: two layers, what is in them, and what has been asked of it. A plain value: no clock, file,
//! network or chance in here; the time is an argument, the same calls give the same answers, and a clone costs little.
//! What it holds is in `layers`; what each call does is in `calls` and `groups`; how an answer looks on the wire is in `render`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::layers::{
    ANONYMOUS, Change, DEFAULT_GROUP, Group, Groups, Layer, ROOT, Stored, User, UserView, views,
};
use super::quirk::Quirk;
use crate::gateway::Dialect;
use crate::model::GroupPath;

/// One call that reached the device, for a checker to read. Passwords are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Order of arrival, from 1.
    pub seq: u64,
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
    /// `action`
    pub action: String,
    /// The call's own parameters; a password's value is replaced.
    pub params: BTreeMap<String, String>,
    /// The answer's code.
    pub code: i64,
    /// Whether a layer was written or the layers were brought together.
    pub applied: bool,
}

/// How much has been asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls by action.
    pub calls: BTreeMap<String, u64>,
    /// Calls that changed the database.
    pub mutations: u64,
    /// Commit calls that were carried out.
    pub commits: u64,
    /// Times the layers were brought together at once, because a change did not ask for delay.
    pub immediate_syncs: u64,
    /// Calls that were refused.
    pub refused: u64,
}

/// What a device has to begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Furniture {
    /// Groups beside the three that every device has, parents first or not.
    pub groups: Vec<GroupPath>,
    /// Every path exists: a group is made when it is first named.
    pub any_group: bool,
    /// The roles there are; empty: every role exists.
    pub roles: Vec<String>,
    /// The external servers there are; empty: every server exists.
    pub servers: Vec<String>,
}

/// The simulated device.
#[derive(Debug, Clone)]
pub struct Device {
    pub(super) dialect: Dialect,
    pub(super) quirks: BTreeSet<Quirk>,
    pub(super) any_group: bool,
    pub(super) any_role: bool,
    pub(super) any_server: bool,
    pub(super) stored: Stored,
    pub(super) online: BTreeSet<String>,
    skew: i64,
    counters: Counters,
    log: Vec<Arc<Asked>>,
    /// Steps since they were last taken; `None`: nobody wants them.
    unsaved: Option<Vec<Change>>,
}

/// What a call is answered with, before it is put on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 0 for success.
    pub code: i64,
    /// In the vendor's language.
    pub message: &'static str,
    /// What was asked for.
    pub result: Option<Shown>,
    /// The layers were brought together: what the vendor calls costly.
    pub synced: bool,
}

/// Results. Values are text, as the device writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// One user or group.
    One(BTreeMap<String, String>),
    /// A page: the total's name, the total, the items.
    Page(&'static str, u64, Vec<BTreeMap<String, String>>),
}

impl Reply {
    pub(super) const fn done(message: &'static str) -> Self {
        Self { code: 0, message, result: None, synced: false }
    }

    pub(super) const fn shows(result: Shown) -> Self {
        Self { code: 0, message: "操作成功", result: Some(result), synced: false }
    }

    /// A refusal.
    pub const fn refuse(code: i64, message: &'static str) -> Self {
        Self { code, message, result: None, synced: false }
    }
}

impl Device {
    /// A device with nobody on it.
    pub fn new(dialect: Dialect, quirks: BTreeSet<Quirk>, furniture: &Furniture) -> Self {
        let group = |name: &str, parent| Arc::new(Group { name: name.into(), parent, note: String::new() });
        let groups = Groups::from(BTreeMap::from([
            (ROOT, group("", None)),
            (DEFAULT_GROUP, group("默认用户组", Some(ROOT))),
            (ANONYMOUS, group("匿名用户组", Some(ROOT))),
        ]));
        let layer = Arc::new(Layer { users: BTreeMap::new(), groups });
        let numbered = |names: &[String]| (1..).zip(names).map(|(n, name)| (name.clone(), n)).collect();
        let stored = Stored {
            database: layer.clone(),
            memory: layer,
            roles: numbered(&furniture.roles),
            servers: numbered(&furniture.servers),
            next_id: 1,
        };
        let mut device = Self {
            dialect,
            quirks,
            any_group: furniture.any_group,
            any_role: furniture.roles.is_empty(),
            any_server: furniture.servers.is_empty(),
            stored,
            online: BTreeSet::new(),
            skew: 0,
            counters: Counters::default(),
            log: Vec::new(),
            unsaved: None,
        };
        for path in &furniture.groups {
            device.ensure_group(path.as_str());
        }
        device.stored.memory = device.stored.database.clone();
        device
    }

    /// Both layers, and what goes with them.
    pub const fn holds(&self) -> &Stored {
        &self.stored
    }

    /// The dialect spoken.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether a quirk is switched on.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Sets how many seconds the device's clock is ahead of the true time.
    pub const fn set_clock_skew(&mut self, seconds: i64) {
        self.skew = seconds;
    }

    /// The device's clock, when the true time is `now`.
    pub fn clock(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + chrono::TimeDelta::seconds(self.skew)
    }

    /// Whether a token signed at `signed` is too old, or from too far in the future.
    pub fn is_stale(&self, signed: i64, now: DateTime<Utc>) -> bool {
        (self.clock(now).timestamp() - signed).abs() > 300
    }

    /// Carries out one call that was let in, and remembers that it was asked.
    pub fn call(&mut self, action: &str, params: &[(&str, &str)], now: DateTime<Utc>) -> Reply {
        let at = self.clock(now);
        let mut reply = self.perform(action, params, at);
        let done = reply.code == 0;
        let changes = done && writes(action);
        self.counters.mutations += u64::from(changes);
        self.counters.commits += u64::from(reply.synced);
        let deferred = self.dialect == Dialect::UpdaterCloud || params.contains(&("delay_flush", "1"));
        if changes && !deferred {
            self.sync_layers();
            self.counters.immediate_syncs += 1;
            reply.synced = true;
        }
        self.record(action, params, at, &reply, changes || reply.synced);
        reply
    }

    /// Remembers a call that was refused before it was carried out.
    pub fn refused(&mut self, action: &str, params: &[(&str, &str)], now: DateTime<Utc>, reply: &Reply) {
        let at = self.clock(now);
        self.record(action, params, at, reply, false);
    }

    fn record(
        &mut self,
        action: &str,
        params: &[(&str, &str)],
        at: DateTime<Utc>,
        reply: &Reply,
        applied: bool,
    ) {
        *self.counters.calls.entry(action.to_owned()).or_default() += 1;
        self.counters.refused += u64::from(reply.code != 0);
        let shown = |(name, value): &(&str, &str)| {
            let value = if *name == "passwd" && !value.is_empty() { "[secret]" } else { value };
            ((*name).to_owned(), value.to_owned())
        };
        self.log.push(Arc::new(Asked {
            seq: self.log.last().map_or(1, |last| last.seq + 1),
            at,
            action: action.to_owned(),
            params: params.iter().map(shown).collect(),
            code: reply.code,
            applied,
        }));
    }

    /// Every call so far, oldest first.
    pub fn log(&self) -> &[Arc<Asked>] {
        &self.log
    }

    /// Forgets all but the last `keep` calls; the counters stay.
    pub fn trim_log(&mut self, keep: usize) {
        let excess = self.log.len().saturating_sub(keep);
        self.log.drain(..excess);
    }

    /// How much has been asked.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The users that a look shows: what was written last.
    pub fn stored_users(&self) -> BTreeMap<String, UserView> {
        views(&self.stored.database)
    }

    /// The users that log-ins are checked against: what was committed last.
    pub fn effective_users(&self) -> BTreeMap<String, UserView> {
        views(&self.stored.memory)
    }

    /// The paths of the groups in the database.
    pub fn stored_groups(&self) -> BTreeSet<String> {
        let layer = &self.stored.database;
        layer.groups.numbers().map(|id| layer.path(id)).collect()
    }

    /// How many users and groups are in the database.
    pub fn stored_size(&self) -> usize {
        self.stored.database.users.len() + self.stored.database.groups.len()
    }

    /// Whether something is written and not committed.
    pub fn is_dirty(&self) -> bool {
        self.stored.database != self.stored.memory
    }

    /// Whether this user can log in on a day.
    pub fn can_log_in(&self, name: &str, day: NaiveDate) -> bool {
        let user = self.stored.memory.users.get(name);
        user.is_some_and(|user| user.enabled && user.expires_on.is_none_or(|last| day <= last))
    }

    /// A user logs in: there is a session until it is ended.
    pub fn log_in(&mut self, name: &str, day: NaiveDate) -> bool {
        let may = self.can_log_in(name, day);
        if may {
            self.online.insert(name.to_owned());
        }
        may
    }

    /// Who has a session.
    pub const fn online(&self) -> &BTreeSet<String> {
        &self.online
    }

    /// The device restarts and loads its database: what was written takes effect without a commit.
    pub fn restart_loading(&mut self) {
        self.online.clear();
        self.sync_layers();
    }

    /// The device restarts and loses what was not committed.
    pub fn restart_dropping(&mut self) {
        self.online.clear();
        self.stored.database = self.stored.memory.clone();
        self.note(Change::Drop);
    }

    pub(super) fn sync_layers(&mut self) {
        self.stored.memory = self.stored.database.clone();
        self.note(Change::Commit);
    }

    /// From now on, steps are kept for [`Device::take_changes`].
    pub fn keep_changes(&mut self) {
        self.unsaved.get_or_insert_default();
    }

    /// The steps since the last time.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.unsaved.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Everything that survives a restart of the program, as one step.
    pub fn whole(&self) -> Change {
        Change::Whole(Box::new(self.stored.clone()))
    }

    /// Carries out a step from a file.
    pub fn replay(&mut self, change: Change) {
        let database = Arc::make_mut(&mut self.stored.database);
        match change {
            Change::User(name, Some(user)) => {
                self.stored.next_id = self.stored.next_id.max(user.id + 1);
                database.users.insert(name, user);
            }
            Change::User(name, None) => {
                database.users.remove(&name);
            }
            Change::Group(id, group) => {
                self.stored.next_id = self.stored.next_id.max(id.unsigned_abs() + 1);
                database.groups.insert(id, group);
            }
            Change::Role(name, id) => {
                self.stored.roles.insert(name, id);
            }
            Change::Server(name, id) => {
                self.stored.servers.insert(name, id);
            }
            Change::Commit => self.stored.memory = self.stored.database.clone(),
            Change::Drop => self.stored.database = self.stored.memory.clone(),
            Change::Whole(stored) => self.stored = *stored,
        }
    }

    fn note(&mut self, change: Change) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.push(change);
        }
    }

    pub(super) fn put_user(&mut self, user: User) {
        let (name, user) = (user.name.clone(), Arc::new(user));
        Arc::make_mut(&mut self.stored.database).users.insert(name.clone(), user.clone());
        self.note(Change::User(name, Some(user)));
    }

    pub(super) fn remove_user(&mut self, name: &str) {
        if Arc::make_mut(&mut self.stored.database).users.remove(name).is_some() {
            self.note(Change::User(name.to_owned(), None));
        }
    }

    pub(super) fn put_group(&mut self, id: i64, group: Group) {
        let group = Arc::new(group);
        Arc::make_mut(&mut self.stored.database).groups.insert(id, group.clone());
        self.note(Change::Group(id, group));
    }

    pub(super) fn put_role(&mut self, name: &str) {
        if !self.stored.roles.contains_key(name) {
            let id = self.stored.roles.len() as u64 + 1;
            self.stored.roles.insert(name.to_owned(), id);
            self.note(Change::Role(name.to_owned(), id));
        }
    }

    pub(super) fn put_server(&mut self, name: &str) {
        if !self.stored.servers.contains_key(name) {
            let id = self.stored.servers.len() as u64 + 1;
            self.stored.servers.insert(name.to_owned(), id);
            self.note(Change::Server(name.to_owned(), id));
        }
    }

    pub(super) const fn next_id(&mut self) -> u64 {
        let id = self.stored.next_id;
        self.stored.next_id += 1;
        id
    }
}

/// Whether a call writes to the database.
fn writes(action: &str) -> bool {
    matches!(
        action,
        "AddUserCloud"
            | "UpdateUserCloud"
            | "DelUserByNameCloud"
            | "ExtSetUserEnable"
            | "AddGroupCloud"
            | "MoveGrpUserCloud"
    )
}
