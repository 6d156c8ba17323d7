//! Asking a device about users, at the target's pace: one page after the other where it has lists, name by name where it
//! has none. What was answered is kept at once, so that an attempt that is stopped goes on where it was.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::gateway::{Gateway, ReadError, Refusal, RefusalKind, UserRecord};
use crate::model::{TargetName, Username};
use crate::plan::Device;
use crate::store::Store;
use crate::sync::RunError;
use crate::sync::caller::Caller;
use crate::sync::recovery::{OutOfReach, Patience};

/// Users per page; over 5,000 rows at once the device's CPU climbs.
const PAGE: u64 = 500;
/// How many looks are kept in one go.
const BATCH: usize = 50;
/// How long a look that was kept is as good as a new one.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// Whom to ask, and who watches.
pub struct Asking<'a, G, C: Clock + Clone> {
    /// The device.
    pub caller: &'a Caller<'a, G, C>,
    /// Where answers are kept.
    pub store: &'a Store,
    /// The target.
    pub target: &'a TargetName,
    /// Address and dialect.
    pub device: &'a Device,
    /// Whether answers are kept, and those of an earlier attempt used: good for names that rosterd does not change.
    pub remember: bool,
    /// Told how many more names were asked.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// What a device said about names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Users by name; `None`: nobody of this name.
    pub users: BTreeMap<Username, Option<UserRecord>>,
    /// Names that got no usable answer.
    pub unanswered: BTreeSet<Username>,
    /// Names that were not asked, because somebody asked to stop.
    pub left: u64,
}

/// Everybody on the device, where it has a list. The list has neither phones nor authentication.
pub type Listed = Option<BTreeMap<String, UserRecord>>;

impl<G: Gateway, C: Clock + Clone> Asking<'_, G, C> {
    fn now(&self) -> DateTime<Utc> {
        self.caller.clock().now()
    }

    /// Lists everybody; `None` where the device has no list.
    ///
    /// # Errors
    /// When the device is out of reach.
    pub async fn list(&self) -> Result<Listed, OutOfReach> {
        if !self.caller.gateway().dialect().capabilities().lists_users {
            return Ok(None);
        }
        let (mut all, mut offset) = (BTreeMap::new(), 0);
        loop {
            let page = match self.caller.users(offset, PAGE).await {
                Ok(page) => page,
                Err(ReadError::Refused(Refusal { kind: RefusalKind::NoSuchCall, .. })) => return Ok(None),
                Err(ReadError::Refused(refusal)) => return Err(OutOfReach::Refused(refusal)),
                Err(ReadError::Failed(why)) => return Err(OutOfReach::Failed(why)),
            };
            let got = page.items.len() as u64;
            all.extend(page.items.into_iter().map(|record| (record.name.clone(), record)));
            offset += got;
            // A page that brings nothing ends the list, whatever the total says.
            if got == 0 || offset >= page.total || self.caller.must_end() {
                return Ok(Some(all));
            }
        }
    }

    /// Asks for each name, unless it is known from an earlier attempt, or not in the list.
    ///
    /// # Errors
    /// When the device is out of reach, or the database fails.
    pub async fn users(&self, names: &BTreeSet<Username>, listed: &Listed) -> Result<Found, RunError> {
        let known = match self.remember {
            true => self.store.kept_looks(self.target, self.device, self.now() - GOOD_FOR).await?,
            false => BTreeMap::new(),
        };
        let mut found = Found::default();
        let (mut fresh, mut patience) = (Vec::new(), Patience::default());
        for name in names {
            if let Some(looked) = known.get(name) {
                found.users.insert(name.clone(), looked.record.clone());
                continue;
            }
            if listed.as_ref().is_some_and(|all| !all.contains_key(name.as_str())) {
                found.users.insert(name.clone(), None);
                continue;
            }
            if self.caller.must_end() {
                found.left += 1;
                continue;
            }
            let answer = patience.take(self.caller.user(name).await);
            (self.progress)(1);
            match answer {
                Ok(Some(record)) => {
                    fresh.push((name.clone(), record.clone()));
                    found.users.insert(name.clone(), record);
                }
                Ok(None) => {
                    found.unanswered.insert(name.clone());
                }
                Err(why) => {
                    self.keep(&mut fresh).await?;
                    return Err(why.into());
                }
            }
            if fresh.len() >= BATCH {
                self.keep(&mut fresh).await?;
            }
        }
        self.keep(&mut fresh).await?;
        Ok(found)
    }

    async fn keep(&self, fresh: &mut Vec<(Username, Option<UserRecord>)>) -> Result<(), RunError> {
        let looks = std::mem::take(fresh);
        if self.remember && !looks.is_empty() {
            self.store.keep_looks(self.target, self.device, looks, self.now()).await?;
        }
        Ok(())
    }
}
