//! Who and what stands behind each guard that holds a plan: by kind and reason, counted, with the first names. Made from
//! the plan, which keeps everybody; not stored a second time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{PersonKey, Username};
use crate::plan::{ActionKind, GuardedItem, Plan, Reason};

/// How many of a group are named in a report; a stored plan has all of them.
pub const NAMED: usize = 50;

/// What stands behind one guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// The guard.
    pub guard: String,
    /// How many people and things.
    pub count: u64,
    /// These by kind and reason.
    pub groups: Vec<GuardedGroup>,
}

/// People or things of one kind and reason behind a guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedGroup {
    /// What would be done to them.
    pub kind: Option<ActionKind>,
    /// Why.
    pub reason: Option<Reason>,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<GuardedName>,
}

/// A person or a thing behind a guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedName {
    /// Who, if it is somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// Their user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// A column, a group path, a file name, a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

impl GuardedName {
    fn of(item: &GuardedItem) -> Self {
        let GuardedItem { person, username, kind: _, reason: _, what } = item;
        Self { person: person.clone(), username: username.clone(), what: what.clone() }
    }

    /// For people: the thing, or the user name with the person where they differ.
    pub fn text(&self) -> String {
        match (&self.what, &self.username, &self.person) {
            (Some(what), _, _) => what.clone(),
            (None, Some(name), Some(person)) if name.as_str() != person.as_str() => {
                format!("{name} ({person})")
            }
            (None, Some(name), _) => name.to_string(),
            (None, None, Some(person)) => person.to_string(),
            (None, None, None) => String::new(),
        }
    }
}

/// What stands behind each guard that holds this plan, in its order; at most `named` of a group are named.
pub fn behind(plan: &Plan, named: usize) -> Vec<Guarded> {
    let of = |held: &crate::plan::Held| {
        let mut groups: BTreeMap<(Option<ActionKind>, Option<Reason>), GuardedGroup> = BTreeMap::new();
        for item in &held.set {
            let (kind, reason) = (item.kind, item.reason);
            let group = groups.entry((kind, reason)).or_insert(GuardedGroup {
                kind,
                reason,
                count: 0,
                first: Vec::new(),
            });
            group.count += 1;
            if group.first.len() < named {
                group.first.push(GuardedName::of(item));
            }
        }
        Guarded {
            guard: held.by.guard.to_string(),
            count: held.set.len() as u64,
            groups: groups.into_values().collect(),
        }
    };
    plan.held_by.iter().map(of).filter(|guarded| guarded.count > 0).collect()
}
