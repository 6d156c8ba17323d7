//! The plan: what a run will do, as a value that is shown, stored, digested, checked, approved and carried out. Pure:
//! everything that decides is in [`PlanInput`]. Nothing here knows a clock, a file, the network or the database.
//!
//! The way through: [`needs`] says what to look at first; [`plan`] judges everybody (`people`, `removal`, `missing`,
//! `names`, `fields`), settles groups and roles (`places`), and lets the guards judge the whole (`guard`). [`check`] is
//! an independent opinion on the result.

use std::collections::BTreeMap;

mod check;
mod digest;
mod draft;
mod due;
mod fields;
mod guard;
mod input;
mod missing;
mod names;
mod people;
mod places;
mod removal;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod value;

pub use check::{Violation, check};
pub use due::{Due, due};
pub use input::{
    AppliedRoster, AppliedSource, Device, InFlight, Looks, MissingSeen, Needs, Override, OverrideKind, Past,
    PlanInput, Restore, Undo,
};
pub use missing::missing;
pub use rules::TargetRules;
pub use state::{AccountField, AccountState, Entry, Origin, OwnDisable, Roles, Snapshot, apply};
pub use value::{
    Action, ActionKind, Approval, Change, Counts, GroupState, GroupUse, GuardedItem, Held, InputDigests,
    Plan, Reason,
};

use crate::config::{GuardHold, TargetConfig};
use crate::mapping::MappingConfigError;
use crate::reason::{Behind, Guard, HeldBy};

/// What has to be looked at before this can be planned. Ask again with the looks in hand: it is empty in the end.
pub fn needs(input: &PlanInput<'_>) -> Needs {
    Planner::of(input.target).needs(input)
}

/// Makes the plan.
pub fn plan(input: &PlanInput<'_>) -> Plan {
    Planner::of(input.target).plan(input)
}

/// A target's globs, compiled once for all that a run plans.
#[derive(Debug)]
pub struct Planner(Result<TargetRules, MappingConfigError>);

impl Planner {
    /// For this target, and no other one.
    pub fn of(target: &TargetConfig) -> Self {
        Self(TargetRules::compile(target))
    }

    /// As [`needs`].
    pub fn needs(&self, input: &PlanInput<'_>) -> Needs {
        self.0.as_ref().map(|rules| draft::needs(input, rules)).unwrap_or_default()
    }

    /// As [`plan`].
    pub fn plan(&self, input: &PlanInput<'_>) -> Plan {
        match &self.0 {
            Ok(rules) => planned(input, rules),
            Err(error) => unusable(input, error.place()),
        }
    }
}

fn planned(input: &PlanInput<'_>, rules: &TargetRules) -> Plan {
    let mut draft = draft::draft(input, rules);
    let tripped = guard::tripped(&guard::Sight { input, rules, draft: &draft });
    let verdict = guard::lift(input, tripped);
    guard::withhold(&mut draft.places.actions, &verdict.held);
    let mut plan = Plan {
        target: input.target.name.clone(),
        as_of: input.as_of,
        undo_of: input.past.undo.as_ref().map(|undo| undo.run),
        inputs: digest::inputs(input),
        create_groups: draft.places.create,
        actions: draft.places.actions,
        blocked: draft.blocked,
        groups: draft.places.groups,
        held_by: verdict.held,
        allowed: verdict.allowed,
        counts: Counts { unchanged: draft.unchanged, ..Counts::default() },
        changed_fields: BTreeMap::new(),
    };
    count(&mut plan);
    plan
}

/// A configuration that was checked compiles. Should one not, the plan is held: without its globs nobody is protected.
fn unusable(input: &PlanInput<'_>, place: &str) -> Plan {
    let by = HeldBy::brake(Guard::Configuration, Behind::Setting { place: place.to_owned() });
    let held = Held { by, hold: GuardHold::All, set: Default::default() };
    Plan {
        target: input.target.name.clone(),
        as_of: input.as_of,
        undo_of: input.past.undo.as_ref().map(|undo| undo.run),
        inputs: digest::inputs(input),
        create_groups: Vec::new(),
        actions: Vec::new(),
        blocked: Vec::new(),
        groups: Vec::new(),
        held_by: vec![held],
        allowed: Vec::new(),
        counts: Counts::default(),
        changed_fields: BTreeMap::new(),
    }
}

fn count(plan: &mut Plan) {
    let counts = &mut plan.counts;
    counts.blocked = plan.blocked.len() as u64;
    for action in &plan.actions {
        if action.withheld_by.is_some() {
            counts.withheld += 1;
            continue;
        }
        *counts.of_mut(action.kind) += 1;
        if action.kind != ActionKind::Add && !action.kind.is_removal() {
            for field in action.changes.keys().filter(|f| **f != AccountField::Enabled) {
                *plan.changed_fields.entry(*field).or_default() += 1;
            }
        }
    }
}
