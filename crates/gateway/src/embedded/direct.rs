//! The device without a wire: the [`Gateway`] trait straight over a [`Device`], for the simulation. Parameters and the
//! meaning of codes are the client's own; only percent-encoding, tokens and JSON are left out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::device::{Device, Reply, Shown};
use crate::clock::Clock;
use crate::gateway::wire::Form;
use crate::gateway::{
    Dialect, Gateway, GroupRecord, Mutation, Outcome, Page, ReadError, Refusal, RefusalKind, RoleRecord,
    UserRecord, Why, WhyKind, answer,
};
use crate::model::{GroupPath, Username};

/// A device that several parties hold: the gateway, the fault scheduler, the checker.
pub type SharedDevice = Arc<Mutex<Device>>;

/// Locks a device. A holder that panicked leaves it as it was: every call is whole or not at all.
pub fn lock(device: &SharedDevice) -> MutexGuard<'_, Device> {
    device.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    /// Carries out a form. `signed` is the signer's clock in seconds; the device refuses what is too old by its own.
    fn run(&mut self, form: &Form<'_>, signed: i64, now: DateTime<Utc>) -> Reply {
        let (_, action) = form.call.names(form.dialect);
        let params: Vec<(&str, &str)> = form.params.iter().map(|(k, v)| (*k, v.as_ref())).collect();
        if self.is_stale(signed, now) {
            let reply = Reply::refuse(4, "sinfor_apitoken接口认证错误");
            self.refused(action, &params, now, &reply);
            return reply;
        }
        self.call(action, &params, now)
    }

    fn change(&mut self, form: &Form<'_>, signed: i64, now: DateTime<Utc>) -> Outcome {
        let reply = self.run(form, signed, now);
        match reply.code {
            0 => Outcome::Applied,
            _ => Outcome::Refused(refusal(form, &reply)),
        }
    }

    fn show(&mut self, form: &Form<'_>, signed: i64, now: DateTime<Utc>) -> Result<Option<Shown>, ReadError> {
        let reply = self.run(form, signed, now);
        if reply.code != 0 {
            let refusal = refusal(form, &reply);
            return match refusal.kind {
                RefusalKind::NoSuchName => Ok(None),
                _ => Err(ReadError::Refused(refusal)),
            };
        }
        Ok(reply.result)
    }

    /// A change, signed now.
    pub fn mutate(&mut self, mutation: &Mutation, now: DateTime<Utc>) -> Outcome {
        self.mutate_signed(mutation, now.timestamp(), now)
    }

    /// A change that was signed at `signed` (seconds, the signer's clock) and arrives at `now`: a late one is refused.
    pub fn mutate_signed(&mut self, mutation: &Mutation, signed: i64, now: DateTime<Utc>) -> Outcome {
        match Form::mutation(self.dialect, mutation) {
            Ok(form) => self.change(&form, signed, now),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// A commit, signed now.
    pub fn commit(&mut self, now: DateTime<Utc>) -> Outcome {
        self.commit_signed(now.timestamp(), now)
    }

    /// A commit that was signed at `signed` and arrives at `now`.
    pub fn commit_signed(&mut self, signed: i64, now: DateTime<Utc>) -> Outcome {
        self.change(&Form::commit(self.dialect), signed, now)
    }

    /// A look at a user, signed now.
    pub fn look(&mut self, name: &Username, now: DateTime<Utc>) -> Result<Option<UserRecord>, ReadError> {
        match self.show(&Form::user(self.dialect, name), now.timestamp(), now)? {
            None => Ok(None),
            Some(Shown::One(fields)) => answer::record(fields).map(Some).ok_or_else(odd),
            Some(Shown::Page(..)) => Err(odd()),
        }
    }

    /// A look at a group, signed now.
    pub fn look_group(
        &mut self,
        path: &GroupPath,
        now: DateTime<Utc>,
    ) -> Result<Option<GroupRecord>, ReadError> {
        match self.show(&Form::group(self.dialect, path), now.timestamp(), now)? {
            None => Ok(None),
            Some(Shown::One(mut fields)) => {
                Ok(Some(GroupRecord { id: fields.remove("id"), path: path.clone() }))
            }
            Some(Shown::Page(..)) => Err(odd()),
        }
    }

    /// A page of users, signed now.
    pub fn list(
        &mut self,
        offset: u64,
        limit: u64,
        now: DateTime<Utc>,
    ) -> Result<Page<UserRecord>, ReadError> {
        match self.show(&Form::users(self.dialect, offset, limit), now.timestamp(), now)? {
            Some(Shown::Page(_, total, items)) => {
                let items = items.into_iter().map(answer::record).collect::<Option<_>>().ok_or_else(odd)?;
                Ok(Page { total, items })
            }
            _ => Err(odd()),
        }
    }

    /// A page of roles, signed now.
    pub fn roles(
        &mut self,
        start: u64,
        limit: u64,
        now: DateTime<Utc>,
    ) -> Result<Page<RoleRecord>, ReadError> {
        let role = |mut fields: std::collections::BTreeMap<String, String>| {
            Some(RoleRecord { id: fields.remove("_id"), name: fields.remove("name")? })
        };
        match self.show(&Form::roles(self.dialect, start, limit), now.timestamp(), now)? {
            Some(Shown::Page(_, total, items)) => {
                let items = items.into_iter().map(role).collect::<Option<_>>().ok_or_else(odd)?;
                Ok(Page { total, items })
            }
            _ => Err(odd()),
        }
    }
}

fn refusal(form: &Form<'_>, reply: &Reply) -> Refusal {
    Refusal { code: reply.code, kind: form.call.meaning(reply.code), message: reply.message.to_owned() }
}

fn odd() -> ReadError {
    ReadError::Failed(Why { kind: WhyKind::Unusable, detail: "not what was asked for".to_owned() })
}

/// A gateway in memory.
#[derive(Debug, Clone)]
pub struct DeviceGateway<C> {
    device: SharedDevice,
    clock: C,
}

impl<C: Clock> DeviceGateway<C> {
    /// The gateway that `device` is.
    pub const fn new(device: SharedDevice, clock: C) -> Self {
        Self { device, clock }
    }

    /// The device behind it.
    pub const fn device(&self) -> &SharedDevice {
        &self.device
    }
}

impl<C: Clock> Gateway for DeviceGateway<C> {
    fn dialect(&self) -> Dialect {
        lock(&self.device).dialect()
    }

    async fn user(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        lock(&self.device).look(name, self.clock.now())
    }

    async fn group(&self, path: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        lock(&self.device).look_group(path, self.clock.now())
    }

    async fn users(&self, offset: u64, limit: u64) -> Result<Page<UserRecord>, ReadError> {
        lock(&self.device).list(offset, limit, self.clock.now())
    }

    async fn roles(&self, offset: u64, limit: u64) -> Result<Page<RoleRecord>, ReadError> {
        lock(&self.device).roles(offset, limit, self.clock.now())
    }

    async fn mutate(&self, mutation: &Mutation) -> Outcome {
        lock(&self.device).mutate(mutation, self.clock.now())
    }

    async fn commit(&self) -> Outcome {
        lock(&self.device).commit(self.clock.now())
    }
}
