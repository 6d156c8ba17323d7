//! Guards: named counts over a drafted plan, each with a limit; above it the plan, or its removals, is held. One table,
//! one mechanism: every guard comes to a [`Held`], and what follows from that (approvals, withholding) is the same for
//! all of them. What the counts are is in `people` (actions), `roster` (the roster as a whole) and `departments`.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::input::PlanInput;
use super::rules::TargetRules;
use super::value::{Action, ActionKind, GuardedItem, Held, Reason};
use crate::config::{GuardHold, Limit};
use crate::reason::{Behind, Guard, HeldBy};
use crate::sabotage::{Flaw, has};

mod departments;
mod people;
mod roster;

/// How many names are told of what stands behind a guard.
const TOLD: usize = 5;

/// A percentage trips only when more people than this are concerned: one of three is no landslide.
const FLOOR: u64 = 3;

/// What the guards look at.
pub(super) struct Sight<'a> {
    pub input: &'a PlanInput<'a>,
    pub rules: &'a TargetRules,
    pub draft: &'a Draft,
}

impl Sight<'_> {
    /// Accounts that rosterd manages on this target: what percentages are of.
    fn managed(&self) -> u64 {
        self.input.snapshot.entries.len() as u64
    }

    /// The actions that would be sent if no guard held them.
    fn sent(&self) -> impl Iterator<Item = &Action> {
        self.draft.places.actions.iter().filter(|action| action.withheld_by.is_none())
    }

    /// A figure above its limit, or nothing.
    fn above(&self, guard: Guard, limit: Limit, figure: Figure, hold: GuardHold) -> Option<Held> {
        let limit = limit.figure()?;
        let enough = figure.people > FLOOR || !guard.is_percent();
        (figure.actual > limit && enough).then(|| {
            let set = (figure.set)();
            let behind = match guard {
                Guard::MaxFillDropPercent => things(&set, figure.people),
                Guard::MaxMissing | Guard::MaxMissingPercent => {
                    Behind::People { count: figure.people, keys_changed: self.keys_changed() }
                }
                _ => Behind::People { count: figure.people, keys_changed: false },
            };
            Held { by: HeldBy::figure(guard, limit, figure.actual, behind), hold, set }
        })
    }

    /// Everybody missing and as many new: then it is the key column that changed, not the people.
    fn keys_changed(&self) -> bool {
        let missing = self.sent().filter(|a| a.reason == Reason::Missing).count() as u64;
        let added = self.sent().filter(|a| a.kind == ActionKind::Add).count() as u64;
        missing * 2 > self.managed() && added * 2 > missing
    }
}

/// A brake that is no number, and names what stands behind it.
fn brake(guard: Guard, set: BTreeSet<GuardedItem>) -> Held {
    let behind = if set.is_empty() { Behind::Nothing } else { things(&set, 0) };
    Held { by: HeldBy::brake(guard, behind), hold: GuardHold::All, set }
}

/// The first few names of a guarded set.
fn things(set: &BTreeSet<GuardedItem>, people: u64) -> Behind {
    let name = |item: &GuardedItem| {
        let username = || item.username.as_ref().map(ToString::to_string);
        item.what.clone().or_else(username).unwrap_or_default()
    };
    Behind::Things { first: set.iter().take(TOLD).map(name).collect(), count: set.len() as u64, people }
}

/// What a guard found. The guarded set is made only if it trips.
struct Figure<'a> {
    actual: f64,
    people: u64,
    set: Box<dyn Fn() -> BTreeSet<GuardedItem> + 'a>,
}

/// One action behind a guard.
fn item(action: &Action) -> GuardedItem {
    GuardedItem {
        person: Some(action.person.clone()),
        username: Some(action.username.clone()),
        kind: Some(action.kind),
        reason: Some(action.reason),
        what: None,
    }
}

/// Something behind a guard that is no person.
fn thing(what: impl Into<String>) -> GuardedItem {
    GuardedItem { person: None, username: None, kind: None, reason: None, what: Some(what.into()) }
}

/// Every guard and brake that this draft trips, before approvals, in a fixed order.
pub(super) fn tripped(sight: &Sight<'_>) -> Vec<Held> {
    let mut held = Vec::new();
    roster::brakes(sight, &mut held);
    people::counts(sight, &mut held);
    departments::loss(sight, &mut held);
    roster::comparisons(sight, &mut held);
    held
}

/// What became of the tripped guards.
pub(super) struct Verdict {
    pub held: Vec<Held>,
    pub allowed: Vec<(Held, Option<i64>)>,
}

/// Lifts what is approved: by `--allow-guard`, or by an approval whose set holds everything that stands behind it now.
pub(super) fn lift(input: &PlanInput<'_>, tripped: Vec<Held>) -> Verdict {
    let mut verdict = Verdict { held: Vec::new(), allowed: Vec::new() };
    for held in tripped {
        let covers = |set: &BTreeSet<GuardedItem>| held.set.is_subset(set) || has(Flaw::ApprovesAnything);
        let approval = input.past.approvals.iter().find(|a| a.sets.get(&held.by.guard).is_some_and(covers));
        match approval.map(|approval| approval.id) {
            _ if !held.by.guard.approvable() => verdict.held.push(held),
            Some(id) => verdict.allowed.push((held, Some(id))),
            None if input.allow_guards.contains(&held.by.guard) => verdict.allowed.push((held, None)),
            None => verdict.held.push(held),
        }
    }
    verdict
}

impl Held {
    /// Whether it holds back what stands behind it and no other removal.
    fn only_its_set(&self) -> bool {
        [Guard::MaxDepartmentLossPercent, Guard::UnreadableKey].contains(&self.by.guard)
    }
}

/// Marks the removals that guards hold back one by one. Under a guard that holds everything nothing is marked: the plan
/// then shows what was meant.
pub(super) fn withhold(actions: &mut [Action], held: &[Held]) {
    if held.iter().any(Held::holds_all) {
        return;
    }
    for guard in held {
        let removals = actions.iter_mut().filter(|a| a.kind.is_removal() && a.withheld_by.is_none());
        for action in removals {
            if !guard.only_its_set() || guard.set.contains(&item(action)) {
                action.withheld_by = Some(guard.by.guard.into());
            }
        }
    }
}
