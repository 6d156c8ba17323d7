//! The guard of single departments: a department that loses most of its people is a lost file or a cut-off branch more
//! often than a dissolved one. It withholds that branch's removals and lets the rest go on.

use std::collections::{BTreeMap, BTreeSet};

use super::{FLOOR, Sight, TOLD, item};
use crate::config::GuardHold;
use crate::model::GroupPath;
use crate::plan::value::{Action, Held, Reason};
use crate::reason::{Behind, Guard, HeldBy};

/// A department that is smaller is not judged.
const SMALLEST: u64 = 10;

/// A branch: people with access now, and how many of them would lose it.
#[derive(Default, Clone, Copy)]
struct Branch {
    people: u64,
    losses: u64,
}

/// Adds up a count per group over all groups above it; the root is no department.
fn with_branches(counts: BTreeMap<&GroupPath, Branch>) -> BTreeMap<GroupPath, Branch> {
    let mut sums: BTreeMap<GroupPath, Branch> = BTreeMap::new();
    for (group, count) in counts {
        let mut next = Some(group.clone());
        while let Some(path) = next.filter(|path| path.as_str() != "/") {
            next = path.parent();
            let sum = sums.entry(path).or_default();
            sum.people += count.people;
            sum.losses += count.losses;
        }
    }
    sums
}

/// Whether an action takes somebody out of their department. A suspension is one person's doing, no loss.
fn leaves(action: &Action) -> bool {
    action.kind.is_removal() && action.reason != Reason::Suspended
}

pub(super) fn loss(sight: &Sight<'_>, held: &mut Vec<Held>) {
    let Some(limit) = sight.input.target.guard.max_department_loss_percent.figure() else { return };
    if sight.sent().filter(|a| leaves(a)).count() as u64 <= FLOOR {
        return;
    }
    let mut counts: BTreeMap<&GroupPath, Branch> = BTreeMap::new();
    for entry in sight.input.snapshot.entries.values().filter(|entry| entry.state.enabled) {
        counts.entry(&entry.state.group).or_default().people += 1;
    }
    for action in sight.sent().filter(|a| leaves(a)) {
        // Somebody disabled earlier whose account is deleted now was lost then.
        let entry = sight.input.snapshot.entries.get(&action.person).filter(|entry| entry.state.enabled);
        if let Some(count) = entry.and_then(|entry| counts.get_mut(&entry.state.group)) {
            count.losses += 1;
        }
    }
    let share = |branch: &Branch| branch.losses as f64 * 100.0 / branch.people as f64;
    let lost: BTreeMap<GroupPath, Branch> = with_branches(counts)
        .into_iter()
        .filter(|(_, b)| b.people >= SMALLEST && b.losses > FLOOR && share(b) > limit)
        .collect();
    let Some(worst) = lost.values().map(share).max_by(f64::total_cmp) else { return };
    let within = |action: &&Action| {
        let group = sight.input.snapshot.entries.get(&action.person).map(|entry| &entry.state.group);
        group.is_some_and(|group| lost.keys().any(|branch| group.is_within(branch)))
    };
    let set: BTreeSet<_> = sight.sent().filter(|a| leaves(a)).filter(within).map(item).collect();
    let first = lost.keys().take(TOLD).map(ToString::to_string).collect();
    let behind = Behind::Things { first, count: lost.len() as u64, people: set.len() as u64 };
    let by = HeldBy::figure(Guard::MaxDepartmentLossPercent, limit, worst, behind);
    held.push(Held { by, hold: GuardHold::Removals, set });
}
