//! A small company and its gateway, to change one thing in and look at the plan.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;

use crate::config::{AccountConfig, TargetConfig};
use crate::device::Dialect;
use crate::mapping::map_roster;
use crate::model::{Cell, PersonKey, RowRef};
use crate::people::{Employment, Field, Person, Roster, SourceFacts};
use crate::plan::*;
use crate::reason::{Block, BlockReason, Blocked, Guard, StatusDoubt};
pub(crate) use crate::samples::*;

pub(crate) fn source(name: &str) -> SourceFacts {
    SourceFacts::of_one_file(name, "a.csv", 0)
}

pub(crate) struct World {
    pub as_of: NaiveDate,
    pub now: DateTime<Utc>,
    pub target: TargetConfig,
    pub account: AccountConfig,
    pub roster: Roster,
    pub snapshot: Snapshot,
    pub looks: Looks,
    pub past: Past,
    pub only: Option<BTreeSet<PersonKey>>,
    pub allow_guards: BTreeSet<Guard>,
}

impl World {
    /// Nobody anywhere; the two departments' groups are known to be there.
    pub(crate) fn empty() -> Self {
        Self {
            as_of: day("2026-11-21"),
            now: moment("2026-11-21T02:30:00Z"),
            target: serde_json::from_value(json!({ "name": "hq", "url": "embedded" })).unwrap(),
            account: AccountConfig::default(),
            roster: Roster {
                people: BTreeMap::new(),
                blocked: BTreeMap::new(),
                sources: vec![source("hr")],
                digest: "d1".into(),
                partial: false,
                doubts: Vec::new(),
            },
            snapshot: Snapshot {
                entries: BTreeMap::new(),
                groups: [group("/总公司/销售部"), group("/总公司/信息部")].into(),
            },
            looks: Looks::default(),
            past: Past::default(),
            only: None,
            allow_guards: BTreeSet::new(),
        }
    }

    /// So many people, `10001` and on, all in step with the gateway.
    pub(crate) fn of(people: usize) -> Self {
        let mut world = Self::empty();
        for n in 0..people {
            world.hire(&format!("{}", 10_001 + n));
        }
        let _ = world.carry_out();
        world
    }

    pub(crate) fn openapi(mut self) -> Self {
        self.target.dialect = Dialect::Openapi;
        self
    }

    pub(crate) fn put(&mut self, person: Person) {
        self.roster.people.insert(person.key.clone(), person);
        self.recount();
    }

    pub(crate) fn hire(&mut self, id: &str) {
        self.put(person(id));
    }

    pub(crate) fn edit(&mut self, id: &str, change: impl FnOnce(&mut Person)) {
        change(self.roster.people.get_mut(&key(id)).unwrap());
    }

    pub(crate) fn leave(&mut self, id: &str) {
        self.edit(id, |p| p.employment = Employment::Left);
    }

    /// Takes the row out of the roster.
    pub(crate) fn lose(&mut self, id: &str) {
        self.roster.people.remove(&key(id));
        self.recount();
    }

    pub(crate) fn block_row(&mut self, id: &str, reason: BlockReason) {
        self.roster.people.remove(&key(id));
        let rows = vec![RowRef { file: "a.csv".into(), line: 9 }];
        self.roster.blocked.insert(key(id), Block { rows, ..reason.into() });
    }

    fn recount(&mut self) {
        self.roster.sources[0].accepted = self.roster.people.len() as u64;
    }

    pub(crate) fn entry(&mut self, id: &str) -> &mut Entry {
        self.snapshot.entries.get_mut(&key(id)).unwrap()
    }

    pub(crate) fn allow_all_guards(&mut self) {
        self.target.guard = serde_json::from_value(json!({
            "max_missing": "off", "max_missing_percent": "off", "max_left_percent": "off", "max_deselected": "off",
            "max_change_percent": "off", "max_rename": "off", "max_new_groups": "off", "max_shrink_percent": "off",
            "max_fill_drop_percent": "off", "max_department_loss_percent": "off", "max_deletes_24h": "off",
            "max_deletes_7d": "off"
        }))
        .unwrap();
    }

    pub(crate) fn with<T>(&self, f: impl FnOnce(&PlanInput<'_>) -> T) -> T {
        let wanted = map_roster(&self.roster, &self.account, self.as_of);
        f(&PlanInput {
            as_of: self.as_of,
            now: self.now,
            target: &self.target,
            account: &self.account,
            roster: &self.roster,
            wanted: &wanted,
            snapshot: &self.snapshot,
            looks: &self.looks,
            past: &self.past,
            only: self.only.as_ref(),
            allow_guards: &self.allow_guards,
        })
    }

    /// The plan, looked at by the independent checker.
    pub(crate) fn plan(&self) -> Plan {
        self.with(|input| {
            let plan = plan(input);
            assert_eq!(check(&plan, input), vec![], "the checker objects to {plan:#?}");
            plan
        })
    }

    pub(crate) fn needs(&self) -> Needs {
        self.with(needs)
    }

    /// Plans, and lets every call of the plan succeed and be committed.
    pub(crate) fn carry_out(&mut self) -> Plan {
        let plan = self.plan();
        self.snapshot = apply(&self.snapshot, &plan);
        for disabled in self.snapshot.entries.values_mut().filter_map(|entry| entry.disabled.as_mut()) {
            disabled.confirmed_at.get_or_insert(self.now);
        }
        plan
    }

    pub(crate) fn later(&mut self, span: TimeDelta) {
        self.now += span;
        self.as_of = self.now.date_naive();
    }
}

/// The plan's actions in a line each: `kind username reason`, with what withholds it.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let word = |action: &Action| serde_json::to_value(action.reason).unwrap().as_str().unwrap().to_owned();
    let line = |action: &Action| {
        let renamed = match action.username == action.new_username {
            true => action.username.to_string(),
            false => format!("{}>{}", action.username, action.new_username),
        };
        let held = action.withheld_by.map(|by| format!(" [{}]", by.as_str())).unwrap_or_default();
        format!("{} {renamed} {}{held}", action.kind.as_str(), word(action))
    };
    plan.actions.iter().map(line).collect()
}

/// The plan's blocked people: `person reason`, with a `!` where the gateway's answer is behind it.
pub(crate) fn blocked(plan: &Plan) -> Vec<String> {
    let line = |b: &Blocked| {
        let (word, mark) = (b.reason.kind().as_str(), if b.reason.by_gateway() { "!" } else { "" });
        format!("{} {word}{mark}", b.person)
    };
    plan.blocked.iter().map(line).collect()
}

/// A status that is in no list.
pub(crate) fn no_status() -> BlockReason {
    BlockReason::UnknownStatus(StatusDoubt::Value { value: String::new() })
}

/// The names of what holds the plan.
pub(crate) fn held(plan: &Plan) -> Vec<&str> {
    plan.held_by.iter().map(|held| held.by.guard.as_str()).collect()
}

/// Gives somebody another login.
pub(super) fn login(world: &mut World, id: &str, login: &str) {
    world.edit(id, |p| p.text.set(Field::EmployeeId, Cell::Value(login)));
}
