//! What hands do on the device behind rosterd's back, and how they put it right again once they are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::marks::Marks;
use super::scene::{Owner, Scene};
use crate::dice::Dice;
use rosterd::gateway::embedded::layers::{Change, User};
use rosterd::gateway::embedded::{Device, Furniture};

/// A slip that can be put right: the account as it was.
#[derive(Debug, Clone)]
struct Slip {
    day: u64,
    was: Arc<User>,
    /// The name that it has now, if it is still there.
    now: Option<String>,
}

/// A user that somebody makes by hand for a joiner.
#[derive(Debug)]
pub(super) struct Rival {
    pub name: String,
    /// Group, note, phone and roles, if they are as rosterd would have them.
    pub values: Option<(String, String, String, Vec<String>)>,
}

/// The hands.
#[derive(Debug, Default)]
pub(super) struct Hands {
    slips: Vec<Slip>,
    backups: Vec<(Device, BTreeMap<u64, Owner>)>,
    /// The device is not the one that rosterd left: as a whole, since that day.
    pub turned: Option<u64>,
}

impl Hands {
    /// One day. Gives back nothing: it is the device that changes.
    pub(super) fn act(
        &mut self,
        dice: &mut Dice,
        scene: &mut Scene,
        day: u64,
        leaving: &dyn Fn(usize) -> bool,
        marks: &mut Marks,
    ) {
        if day.is_multiple_of(3) {
            self.backups.push((scene.device.clone(), scene.owners.clone()));
            if self.backups.len() > 4 {
                self.backups.remove(0);
            }
        }
        if day < 4 || !dice.one_in(6) {
            return;
        }
        let stored = scene.device.holds().clone();
        let ours: Vec<Arc<User>> = stored
            .database
            .users
            .values()
            .filter(|user| matches!(scene.owner(user.id), Some(Owner::Ours(Some(_)))))
            .cloned()
            .collect();
        // Every fourth time it is somebody who has an account no more, or soon.
        let leavers = |user: &&Arc<User>| !user.enabled || owner_leaves(scene.owner(user.id), leaving);
        let about: Vec<Arc<User>> = match dice.one_in(3) {
            true => ours.iter().filter(leavers).cloned().collect(),
            false => ours,
        };
        let at = usize::try_from(dice.below(about.len() as u64)).unwrap_or(0);
        let Some(user) = about.get(at).cloned() else { return };
        let Some(Owner::Ours(Some(human))) = scene.owner(user.id) else { return };
        let changed = |change: &dyn Fn(&mut User)| {
            let mut copy = user.as_ref().clone();
            change(&mut copy);
            copy
        };
        let (what, put) = match dice.below(26) {
            0..3 => ("hands: a phone edited", Some(changed(&|u| "13100000000".clone_into(&mut u.phone)))),
            3..5 => ("hands: a note edited", Some(changed(&|u| u.note.push_str(" (IT)")))),
            5..7 => ("hands: moved to the root group", Some(changed(&|u| u.group = -100))),
            7..10 => ("hands: an account disabled", Some(changed(&|u| u.enabled = false))),
            10..12 => ("hands: a leaver's account enabled", Some(changed(&|u| u.enabled = true))),
            12..15 => ("hands: an account deleted", None),
            15..18 => {
                let id = stored.next_id;
                scene.owners.insert(id, Owner::Hands);
                let again = |u: &mut User| {
                    u.id = id;
                    "临时账号".clone_into(&mut u.note);
                    u.phone.clear();
                };
                ("hands: an account made again", Some(changed(&again)))
            }
            18..20 => ("hands: an account renamed", Some(changed(&|u| u.name.push_str("-old")))),
            24.. => {
                marks.slip(human, "hands: an account deleted without a commit");
                self.slips.push(Slip { day, was: user.clone(), now: None });
                scene.device.replay(Change::User(user.name.clone(), None));
                return;
            }
            20 => return self.restore(dice, scene, day, marks),
            21 => return self.replace(scene, day, marks),
            22 => {
                scene.off = true;
                return marks.time("hands: the device switched off for a night");
            }
            _ => {
                let now = scene.true_time();
                let _ = scene.device.commit(now);
                return marks.count("hands: a commit");
            }
        };
        if what.contains("leaver") == user.enabled {
            return;
        }
        marks.slip(human, what);
        let now = put.as_ref().map(|user| user.name.clone());
        self.slips.push(Slip { day, was: user.clone(), now });
        Self::put(scene, &user.name, put);
    }

    /// Writes a user in place of another, and lets it take effect.
    fn put(scene: &mut Scene, old: &str, new: Option<User>) {
        scene.device.replay(Change::User(old.to_owned(), None));
        if let Some(new) = new {
            scene.device.replay(Change::User(new.name.clone(), Some(Arc::new(new))));
        }
        scene.device.replay(Change::Commit);
    }

    /// Somebody makes a user by hand, with a name that rosterd may want; with the very values, or with others.
    pub(super) fn rival(&mut self, scene: &mut Scene, rival: &Rival, human: usize, marks: &mut Marks) {
        let name = rival.name.as_str();
        if scene.user(name).is_some() {
            return;
        }
        let stored = scene.device.holds().clone();
        let Some(like) = stored.database.users.values().next() else { return };
        let mut user = like.as_ref().clone();
        (user.id, user.name, user.enabled) = (stored.next_id, name.to_owned(), true);
        "手工".clone_into(&mut user.note);
        if let Some((group, note, phone, roles)) = &rival.values {
            let Some(group) = stored.database.find(group) else { return };
            (user.group, user.note, user.phone) = (group, note.clone(), phone.clone());
            user.roles = roles.iter().cloned().collect();
        }
        scene.owners.insert(user.id, Owner::Hands);
        marks.slip(human, "hands: an account with a joiner's name");
        Self::put(scene, name, Some(user));
    }

    fn restore(&mut self, dice: &mut Dice, scene: &mut Scene, day: u64, marks: &mut Marks) {
        let at = usize::try_from(dice.below(self.backups.len() as u64)).unwrap_or(0);
        let Some((device, owners)) = self.backups.get(at).cloned() else { return };
        (scene.device, scene.owners) = (device, owners);
        self.slips.clear();
        self.turned = Some(day);
        marks.device("hands: a backup restored");
    }

    fn replace(&mut self, scene: &mut Scene, day: u64, marks: &mut Marks) {
        let dialect = scene.device.dialect();
        scene.device = Device::new(dialect, Default::default(), &furniture());
        scene.owners.clear();
        self.slips.clear();
        self.backups.clear();
        self.turned = Some(day);
        marks.device("hands: an empty device in its place");
    }

    /// Somebody was told, or found it out: slips that are older than so many days are put right.
    pub(super) fn put_right(&mut self, scene: &mut Scene, before: u64, marks: &mut Marks) {
        let (old, young) = std::mem::take(&mut self.slips).into_iter().partition(|slip| slip.day < before);
        self.slips = young;
        let old: Vec<Slip> = old;
        for slip in old {
            if let Some(now) = &slip.now
                && scene
                    .user(now)
                    .is_some_and(|user| user.id == slip.was.id || scene.owner(user.id) == Some(Owner::Hands))
            {
                scene.device.replay(Change::User(now.clone(), None));
            }
            if scene.user(&slip.was.name).is_none() {
                scene.device.replay(Change::User(slip.was.name.clone(), Some(slip.was.clone())));
            }
            scene.device.replay(Change::Commit);
            marks.count("hands: a slip put right");
        }
        let rivals: Vec<String> = scene
            .device
            .holds()
            .database
            .users
            .values()
            .filter(|user| scene.owner(user.id) == Some(Owner::Hands) && user.note == "手工")
            .map(|user| user.name.clone())
            .collect();
        for name in rivals {
            Self::put(scene, &name, None);
        }
    }

    /// Leavers that a turned device has again are taken off by hand.
    pub(super) fn clear(&mut self, scene: &mut Scene, gone: &dyn Fn(usize) -> bool, marks: &mut Marks) {
        let names: Vec<String> = scene
            .device
            .holds()
            .database
            .users
            .values()
            .filter(|user| user.enabled)
            .filter(|user| matches!(scene.owner(user.id), Some(Owner::Ours(Some(human))) if gone(human)))
            .map(|user| user.name.clone())
            .collect();
        for name in names {
            Self::put(scene, &name, None);
            marks.count("hands: a leaver's account taken off");
        }
    }
}

fn owner_leaves(owner: Option<Owner>, leaving: &dyn Fn(usize) -> bool) -> bool {
    matches!(owner, Some(Owner::Ours(Some(human))) if leaving(human))
}

/// What every device of the company has.
pub(super) fn furniture() -> Furniture {
    let roles = ["全员", "R0", "R1", "R2"].map(str::to_owned).to_vec();
    Furniture { any_group: true, roles, ..Furniture::default() }
}
