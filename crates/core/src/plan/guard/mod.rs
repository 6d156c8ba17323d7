//! Guards: named counts over a drafted plan, each with a limit; above it the plan, or its removals, is held. One table,
//! one mechanism: every guard comes to a [`Held`], and what follows from that (approvals, withholding) is the same for
//! all of them. What the counts are is in `people` (actions), `roster` (the roster as a whole) and `departments`.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::input::PlanInput;
use super::rules::TargetRules;
use super::value::{Action, GuardedItem, Held};
use crate::config::{GuardHold, Limit};

mod departments;
mod people;
mod roster;
mod words;

/// The brake on removals while a key cannot be read.
pub(super) const UNREADABLE_KEY: &str = "unreadable_key";

/// The brake on a roster that may not be the one that was meant.
pub(super) const ROSTER_DOUBT: &str = "roster_doubt";

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

    /// A brake that is no number.
    fn brake(&self, guard: &str, approvable: bool, set: BTreeSet<GuardedItem>) -> Held {
        let detail = words::brake(self, guard, approvable, &set);
        Held {
            guard: guard.to_owned(),
            limit: None,
            actual: None,
            detail,
            hold: GuardHold::All,
            approvable,
            set,
        }
    }

    /// A figure above its limit, or nothing.
    fn above(&self, guard: &str, limit: Limit, figure: Figure, hold: GuardHold) -> Option<Held> {
        let limit = limit.figure()?;
        let enough = figure.people > FLOOR || figure.unit == Unit::Count;
        (figure.actual > limit && enough).then(|| Held {
            guard: guard.to_owned(),
            limit: Some(limit),
            actual: Some((figure.actual * 10.0).round() / 10.0),
            detail: words::above(self, guard, limit, &figure),
            hold,
            approvable: true,
            set: (figure.set)(),
        })
    }
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Count,
    Percent,
}

/// What a guard found. The guarded set is made only if it trips.
struct Figure<'a> {
    actual: f64,
    unit: Unit,
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
        let covers = |set: &BTreeSet<GuardedItem>| held.set.is_subset(set);
        let approval = input.past.approvals.iter().find(|a| a.sets.get(&held.guard).is_some_and(covers));
        match approval.map(|approval| approval.id) {
            _ if !held.approvable => verdict.held.push(held),
            Some(id) => verdict.allowed.push((held, Some(id))),
            None if input.allow_guards.contains(&held.guard) => verdict.allowed.push((held, None)),
            None => verdict.held.push(held),
        }
    }
    verdict
}

impl Held {
    /// Whether it holds back what stands behind it and no other removal.
    fn only_its_set(&self) -> bool {
        [departments::NAME, UNREADABLE_KEY].contains(&self.guard.as_str())
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
                action.withheld_by = Some(guard.guard.clone());
            }
        }
    }
}
