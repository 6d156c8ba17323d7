//! Where a simulated company's runs happen: time, the device, the way to it, and what was sent over it, noted down with
//! whose account it was. Judging is `check`'s business.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::dice::Dice;
use rosterd::clock::Clock;
use rosterd::gateway::embedded::layers::{Change, User};
use rosterd::gateway::embedded::{Device, UserView};
use rosterd::gateway::{
    Dialect, Gateway, GroupRecord, Mutation, Outcome, Page, ReadError, Refusal, RefusalKind, RoleRecord,
    UserRecord, Why, WhyKind,
};
use rosterd::model::{GroupPath, Username};

/// Whose an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// rosterd made it, for this human; nobody: for a row that is nobody's.
    Ours(Option<usize>),
    /// Somebody made it by hand.
    Hands,
}

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    Add,
    Update,
    Rename,
    Enable,
    Disable,
    Delete,
}

impl Did {
    /// The word of plans.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Rename => "rename",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    /// Whether it takes access away.
    pub(super) const fn removes(self) -> bool {
        matches!(self, Self::Disable | Self::Delete)
    }
}

/// One account that a call changed.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub did: Did,
    /// Whose account it was before, or is now.
    pub owner: Option<Owner>,
    pub before: Option<UserView>,
    pub after: Option<UserView>,
    /// What the call carried is more than what changed: the name of the account.
    pub name: String,
}

/// Everything around a run.
#[derive(Debug)]
pub(super) struct Scene {
    pub device: Device,
    pub owners: BTreeMap<u64, Owner>,
    /// For whom rosterd last made an account of this name.
    pub made: BTreeMap<String, Option<usize>>,
    /// Today's user names, as the files spell them, and whose rows these are.
    pub meant: BTreeMap<String, Option<usize>>,
    /// What the run at hand has changed.
    pub sent: Vec<Sent>,
    /// Looks and calls of the run at hand.
    pub calls: u64,
    /// The device is switched off.
    pub off: bool,
    /// A commit takes longer than anybody waits; it is carried out.
    pub slow_commit: bool,
    /// Some answers are lost, and hands are at it at the same time.
    pub lossy: Option<Dice>,
    /// The device refused the token in this run, and a change was asked for after that.
    pub refused: (bool, bool),
    /// How often somebody made an account again while it was renamed.
    pub crossed: u64,
    /// How far the clock of rosterd's machine is ahead.
    pub offset: TimeDelta,
    start: DateTime<Utc>,
    since: Duration,
}

/// The surroundings as run and company hold them.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Scene>>);

impl Shared {
    pub(super) fn new(scene: Scene) -> Self {
        Self(Arc::new(Mutex::new(scene)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Scene> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Shared {
    fn now(&self) -> DateTime<Utc> {
        self.lock().wall()
    }

    fn monotonic(&self) -> Duration {
        self.lock().since
    }

    async fn sleep(&self, pause: Duration) {
        self.lock().since += pause;
    }
}

impl Scene {
    pub(super) fn new(device: Device, start: DateTime<Utc>) -> Self {
        Self {
            device,
            owners: BTreeMap::new(),
            made: BTreeMap::new(),
            meant: BTreeMap::new(),
            sent: Vec::new(),
            calls: 0,
            off: false,
            slow_commit: false,
            lossy: None,
            refused: (false, false),
            crossed: 0,
            offset: TimeDelta::zero(),
            start,
            since: Duration::ZERO,
        }
    }

    /// The true time, which is the device's.
    pub(super) fn true_time(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.since).unwrap_or_default()
    }

    /// The clock of the machine that rosterd runs on.
    pub(super) fn wall(&self) -> DateTime<Utc> {
        self.true_time() + self.offset
    }

    /// Lets time pass until then; never back.
    pub(super) fn wait_until(&mut self, then: DateTime<Utc>) {
        self.since += (then - self.true_time()).to_std().unwrap_or_default();
    }

    /// A user in the layer that calls write.
    pub(super) fn user(&self, name: &str) -> Option<Arc<User>> {
        self.device.holds().database.users.get(name).cloned()
    }

    fn view(&self, name: &str) -> Option<UserView> {
        let stored = self.device.holds();
        let user = stored.database.users.get(name)?;
        Some(UserView {
            id: user.id,
            name: user.name.clone(),
            group: stored.database.path(user.group),
            note: user.note.clone(),
            phone: user.phone.clone(),
            roles: user.roles.clone(),
            enabled: user.enabled,
            expires_on: user.expires_on,
            inherits_auth: user.inherits_auth,
            ext_auth: user.ext_auth.clone(),
            has_password: !user.password_mark.is_empty(),
        })
    }

    /// Whose an account of this number is.
    pub(super) fn owner(&self, id: u64) -> Option<Owner> {
        self.owners.get(&id).copied()
    }

    fn ask<T>(
        &mut self,
        look: impl FnOnce(&mut Device, DateTime<Utc>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.calls += 1;
        if self.off {
            return Err(ReadError::Failed(unreachable_device()));
        }
        let now = self.true_time();
        if self.device.is_stale(self.wall().timestamp(), now) {
            self.refused.0 = true;
            return Err(ReadError::Refused(token()));
        }
        look(&mut self.device, now)
    }

    fn change(&mut self, mutation: &Mutation) -> Outcome {
        self.calls += 1;
        if self.off {
            return Outcome::NotSent(unreachable_device());
        }
        let (signed, now) = (self.wall().timestamp(), self.true_time());
        self.refused.1 |= self.refused.0;
        if self.device.is_stale(signed, now) {
            self.refused.0 = true;
        }
        let lost = self.lossy.as_mut().is_some_and(|dice| dice.one_in(4));
        if lost && self.lossy.as_mut().is_some_and(|dice| dice.one_in(2)) {
            self.cross(mutation);
            return Outcome::Unknown(unanswered());
        }
        let names: Vec<(String, String)> = match mutation {
            Mutation::Add(a) => vec![(a.name.to_string(), a.name.to_string())],
            Mutation::Update(u) => vec![(u.old_name.to_string(), u.new_name.to_string())],
            Mutation::Delete(names) => names.iter().map(|n| (n.to_string(), n.to_string())).collect(),
            Mutation::AddGroup(_) | Mutation::Kick(_) => Vec::new(),
        };
        let before: Vec<_> = names.iter().map(|(old, _)| self.view(old)).collect();
        let outcome = self.device.mutate_signed(mutation, signed, now);
        if outcome != Outcome::Applied {
            return outcome;
        }
        for ((old, new), before) in names.into_iter().zip(before) {
            let after = if matches!(mutation, Mutation::Delete(_)) { None } else { self.view(&new) };
            self.note(old, before, after);
        }
        if lost { Outcome::Unknown(unanswered()) } else { outcome }
    }

    /// A rename is lost, and somebody makes the account again under the new name at the same moment.
    fn cross(&mut self, mutation: &Mutation) {
        let Mutation::Update(update) = mutation else { return };
        let Some(old) = self.user(update.old_name.as_str()).filter(|_| update.old_name != update.new_name)
        else {
            return;
        };
        let id = self.device.holds().next_id;
        let group = self.device.holds().database.find(update.group.as_str()).unwrap_or(old.group);
        let again = User {
            id,
            group,
            name: update.new_name.to_string(),
            note: update.note.clone(),
            phone: update.phone.clone(),
            roles: update.roles.clone(),
            enabled: update.enabled,
            ..old.as_ref().clone()
        };
        self.owners.insert(id, Owner::Hands);
        self.device.replay(Change::User(update.old_name.to_string(), None));
        self.device.replay(Change::User(again.name.clone(), Some(Arc::new(again))));
        self.device.replay(Change::Commit);
        self.crossed += 1;
    }

    fn note(&mut self, name: String, before: Option<UserView>, after: Option<UserView>) {
        let did = match (&before, &after) {
            (None, None) => return,
            (None, Some(_)) => Did::Add,
            (Some(_), None) => Did::Delete,
            (Some(b), Some(a)) if b.enabled && !a.enabled => Did::Disable,
            (Some(b), Some(a)) if !b.enabled && a.enabled => Did::Enable,
            (Some(b), Some(a)) if b.name != a.name => Did::Rename,
            _ => Did::Update,
        };
        if let (Did::Add, Some(user)) = (did, &after) {
            let meant = self.meant.get(&user.name.to_lowercase()).copied().flatten();
            self.owners.insert(user.id, Owner::Ours(meant));
            self.made.insert(user.name.clone(), meant);
        }
        if let (Did::Rename, Some(user)) = (did, &after)
            && let Some(whose) = self.made.remove(&name)
        {
            self.made.insert(user.name.clone(), whose);
        }
        let owner = before.as_ref().or(after.as_ref()).and_then(|user| self.owner(user.id));
        self.sent.push(Sent { did, owner, before, after, name });
    }

    fn publish(&mut self) -> Outcome {
        self.calls += 1;
        if self.off {
            return Outcome::NotSent(unreachable_device());
        }
        let outcome = self.device.commit_signed(self.wall().timestamp(), self.true_time());
        if self.slow_commit && outcome == Outcome::Applied {
            self.since += Duration::from_secs(20);
            return Outcome::Unknown(Why {
                kind: WhyKind::Timeout,
                detail: "simulated: a slow commit".into(),
            });
        }
        outcome
    }
}

fn unanswered() -> Why {
    Why { kind: WhyKind::Timeout, detail: "simulated: an answer lost".into() }
}

fn unreachable_device() -> Why {
    Why { kind: WhyKind::Connect, detail: "simulated: switched off".into() }
}

fn token() -> Refusal {
    Refusal { code: 4, kind: RefusalKind::Token, message: "sinfor_apitoken接口认证错误".into() }
}

/// The gateway as a run sees it.
#[derive(Debug)]
pub(super) struct Wire {
    shared: Shared,
    dialect: Dialect,
}

impl Wire {
    pub(super) const fn new(shared: Shared, dialect: Dialect) -> Self {
        Self { shared, dialect }
    }
}

impl Gateway for Wire {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    async fn user(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        self.shared.lock().ask(|device, now| device.look(name, now))
    }

    async fn group(&self, path: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        self.shared.lock().ask(|device, now| device.look_group(path, now))
    }

    async fn users(&self, offset: u64, limit: u64) -> Result<Page<UserRecord>, ReadError> {
        self.shared.lock().ask(|device, now| device.list(offset, limit, now))
    }

    async fn roles(&self, offset: u64, limit: u64) -> Result<Page<RoleRecord>, ReadError> {
        self.shared.lock().ask(|device, now| device.roles(offset, limit, now))
    }

    async fn mutate(&self, mutation: &Mutation) -> Outcome {
        self.shared.lock().change(mutation)
    }

    async fn commit(&self) -> Outcome {
        self.shared.lock().publish()
    }
}
