//! What became of accounts behind rosterd's back: what the snapshot believes against what looks showed, field by field,
//! for the fields that rosterd manages. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::looks::{Found, Listed};
use super::review::Stranger;
use crate::config::{Manage, TargetConfig};
use crate::gateway::UserRecord;
use crate::model::{PersonKey, Username, mask_phone};
use crate::plan::{AccountField, Change, Entry, Origin, Snapshot};
use crate::store::snapshot::EntryChange;
use crate::sync::recovery::{as_looked, same_user};

/// Somebody whose account is not as rosterd left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// Who.
    pub person: PersonKey,
    /// Name on the gateway.
    pub username: Username,
    /// Managed fields: what rosterd believes, and what there is; phones masked.
    pub changes: BTreeMap<String, Change>,
}

/// Everything found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DriftReport {
    /// Accounts looked at.
    pub looked_at: u64,
    /// As rosterd left them.
    pub same: u64,
    /// Changed by hand.
    pub changed: Vec<Drifted>,
    /// Removed by hand.
    pub removed: Vec<Drifted>,
    /// Removed and made again by hand, under the same name: another user, whom rosterd does not touch.
    pub replaced: Vec<Drifted>,
    /// Users who are not rosterd's; `None`: this dialect cannot list users.
    pub unmanaged: Option<Vec<Stranger>>,
    /// Got no usable answer, or were not asked.
    pub unanswered: u64,
    /// A call of an earlier run has no known outcome yet: the next sync looks at these.
    pub unsettled: u64,
}

impl DriftReport {
    /// Whether everything is as rosterd left it.
    pub const fn is_clean(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty() && self.replaced.is_empty()
    }

    /// Whom a repair concerns.
    pub fn people(&self) -> BTreeSet<PersonKey> {
        self.changed.iter().chain(&self.removed).map(|one| one.person.clone()).collect()
    }
}

/// The names to ask for.
pub fn names(snapshot: &Snapshot) -> BTreeSet<Username> {
    snapshot.entries.values().filter(|entry| !entry.unknown).map(|entry| entry.username.clone()).collect()
}

/// Compares. The changes make the snapshot what the looks showed: all fields of everybody who is still the same user.
pub fn compare(
    target: &TargetConfig,
    snapshot: &Snapshot,
    listed: &Listed,
    found: &Found,
) -> (DriftReport, Vec<EntryChange>) {
    let mut report = DriftReport {
        unanswered: found.unanswered.len() as u64 + found.left,
        unmanaged: unmanaged(snapshot, listed),
        ..DriftReport::default()
    };
    let mut seen = Vec::new();
    for (person, entry) in &snapshot.entries {
        if entry.unknown {
            report.unsettled += 1;
            continue;
        }
        let Some(look) = found.users.get(&entry.username) else { continue };
        report.looked_at += 1;
        let one = |changes| Drifted { person: person.clone(), username: entry.username.clone(), changes };
        let change = |now| EntryChange { person: person.clone(), entry: now };
        match look {
            None => {
                report.removed.push(one(BTreeMap::new()));
                seen.push(change(None));
            }
            Some(record) if !same_user(entry.gateway_id.as_ref(), record) => {
                report.replaced.push(one(BTreeMap::new()));
            }
            Some(record) => {
                let changes = differences(target, entry, record);
                if changes.is_empty() {
                    report.same += 1;
                } else {
                    report.changed.push(one(changes));
                }
                let now = as_looked(entry, record);
                if now != *entry {
                    seen.push(change(Some(now)));
                }
            }
        }
    }
    (report, seen)
}

fn differences(target: &TargetConfig, entry: &Entry, record: &UserRecord) -> BTreeMap<String, Change> {
    let now = as_looked(entry, record).state;
    let adopted = entry.origin == Origin::Adopted;
    let counts = |field: &AccountField| match target.manage.of(*field, adopted) {
        Manage::Always | Manage::Own => true,
        // Roles that somebody gave besides are none of our business; one that was taken away is.
        Manage::Add => !entry.state.roles.is_subset(&now.roles),
        Manage::Create | Manage::Never => false,
    };
    let text = |field: AccountField, text: Option<String>| match field {
        AccountField::Phone => text.as_deref().map(mask_phone),
        _ => text,
    };
    let differing = entry.state.differing(&now).filter(counts);
    differing
        .map(|field| {
            let (was, is) = (entry.state.text(field), now.text(field));
            (field.as_str().to_owned(), (text(field, was), text(field, is)))
        })
        .collect()
}

fn unmanaged(snapshot: &Snapshot, listed: &Listed) -> Option<Vec<Stranger>> {
    let ours: BTreeSet<&str> = snapshot.entries.values().map(|entry| entry.username.as_str()).collect();
    let strangers = listed.as_ref()?.values().filter(|record| !ours.contains(record.name.as_str()));
    Some(strangers.map(Stranger::of).collect())
}
