//! Whether the groups and roles that the drafted actions need are there: who waits for one, which groups are created,
//! and what has to be looked at to know.

use std::collections::{BTreeMap, BTreeSet};

use super::input::PlanInput;
use super::state::AccountField;
use super::value::{Action, ActionKind, GroupState, GroupUse};
use crate::config::OnAbsent;
use crate::model::GroupPath;
use crate::reason::{Block, BlockReason, Blocked};

/// What is known of groups: confirmed ones, what stands above them, and the looks at hand.
struct Groups<'a> {
    input: &'a PlanInput<'a>,
    above: BTreeSet<GroupPath>,
    judged: BTreeMap<GroupPath, GroupState>,
}

impl<'a> Groups<'a> {
    fn new(input: &'a PlanInput<'a>) -> Self {
        let there = input.looks.groups.iter().filter(|(_, there)| **there).map(|(path, _)| path);
        let mut above = BTreeSet::new();
        for path in input.snapshot.groups.iter().chain(there) {
            let mut parent = path.parent();
            while let Some(group) = parent {
                parent = group.parent();
                if !above.insert(group) {
                    break;
                }
            }
        }
        Self { input, above, judged: BTreeMap::new() }
    }

    /// Whether a group is there, as far as anything told so. A look at it wins over what was believed before.
    fn seen(&self, path: &GroupPath) -> Option<bool> {
        let looked = self.input.looks.groups.get(path).copied();
        let believed =
            path.as_str() == "/" || self.input.snapshot.groups.contains(path) || self.above.contains(path);
        looked.or_else(|| believed.then_some(true))
    }

    fn may_create(&self, path: &GroupPath) -> bool {
        let target = self.input.target;
        target.create_groups
            && target.dialect.capabilities().creates_groups
            && target.create_groups_below.iter().any(|base| path.is_within(base) && path != base)
    }

    /// The group's state; groups that must be created first are judged with it.
    fn state(&mut self, path: &GroupPath) -> GroupState {
        if let Some(known) = self.judged.get(path) {
            return *known;
        }
        let state = match self.seen(path) {
            Some(true) => GroupState::Exists,
            None => GroupState::Unchecked,
            Some(false) if self.may_create(path) => match path.parent().map(|parent| self.state(&parent)) {
                Some(GroupState::Exists | GroupState::Create) => GroupState::Create,
                _ => GroupState::Missing,
            },
            Some(false) => GroupState::Missing,
        };
        self.judged.insert(path.clone(), state);
        state
    }
}

/// The group that an action puts somebody into, if it does.
pub(super) fn placed(action: &Action) -> Option<&GroupPath> {
    let moves = action.kind == ActionKind::Add || action.changes.contains_key(&AccountField::Group);
    moves.then_some(&action.after.group)
}

/// The roles that an action gives.
pub(super) fn granted(action: &Action) -> impl Iterator<Item = &str> {
    let change = action.changes.get(&AccountField::Roles);
    let before = change.and_then(|(before, _)| before.as_deref()).unwrap_or_default();
    let gives = change.is_some() || action.kind == ActionKind::Add;
    let now = action.after.roles.iter().filter(move |_| gives).map(String::as_str);
    now.filter(move |role| !before.split(',').any(|had| had == *role))
}

/// The result: who can go on, who cannot, and the groups.
#[derive(Default)]
pub(super) struct Places {
    pub actions: Vec<Action>,
    pub blocked: Vec<Blocked>,
    pub create: Vec<GroupPath>,
    pub groups: Vec<GroupUse>,
    /// Groups that are missing under `on_missing_group = "stop"`.
    pub stopped_groups: BTreeSet<GroupPath>,
    /// Roles that are missing under `on_missing_role = "stop"`.
    pub stopped_roles: BTreeSet<String>,
}

/// Sorts out the actions whose group or role is not there.
pub(super) fn settle(input: &PlanInput<'_>, actions: Vec<Action>) -> Places {
    let mut groups = Groups::new(input);
    let mut out = Places { actions: Vec::with_capacity(actions.len()), ..Places::default() };
    let mut people: BTreeMap<GroupPath, u64> = BTreeMap::new();
    let mut create: BTreeSet<GroupPath> = BTreeSet::new();
    for action in actions {
        let mut state = None;
        if let Some(group) = placed(&action) {
            match people.get_mut(group) {
                Some(count) => *count += 1,
                None => drop(people.insert(group.clone(), 1)),
            }
            state = Some(groups.state(group));
        }
        let missing_role = input
            .looks
            .roles
            .as_ref()
            .and_then(|there| granted(&action).find(|role| !there.contains(*role)).map(str::to_owned));
        match (state, missing_role) {
            (Some(GroupState::Missing), _) => {
                if input.target.on_missing_group == OnAbsent::Stop {
                    out.stopped_groups.insert(action.after.group.clone());
                }
                let group = action.after.group.clone();
                let creatable = input.target.dialect.capabilities().creates_groups;
                out.blocked.push(block(input, &action, BlockReason::MissingGroup { group, creatable }));
            }
            (_, Some(role)) => {
                out.blocked.push(block(input, &action, BlockReason::MissingRole { role: role.clone() }));
                if input.target.on_missing_role == OnAbsent::Stop {
                    out.stopped_roles.insert(role);
                }
            }
            (Some(GroupState::Create), None) if action.withheld_by.is_none() => {
                if !create.contains(&action.after.group) {
                    create.insert(action.after.group.clone());
                }
                out.actions.push(action);
            }
            (_, None) => out.actions.push(action),
        }
    }
    for path in create {
        add_with_parents(&mut groups, path, &mut out.create);
    }
    out.create.sort();
    out.create.dedup();
    let uses = people.into_iter().map(|(path, people)| {
        let state = groups.state(&path);
        GroupUse { path, state, people }
    });
    out.groups = uses.collect();
    out
}

fn add_with_parents(groups: &mut Groups<'_>, path: GroupPath, out: &mut Vec<GroupPath>) {
    let mut next = Some(path);
    while let Some(path) = next {
        if groups.state(&path) != GroupState::Create {
            break;
        }
        next = path.parent();
        out.push(path);
    }
}

fn block(input: &PlanInput<'_>, action: &Action, reason: BlockReason) -> Blocked {
    let rows = action.source.iter().cloned().collect();
    input.blocked(&action.person, Block { reason, rows, username: Some(action.username.clone()) })
}

/// The groups to look at: those that nothing has told of. Where groups may be created, the ones above them are asked
/// for at once, so that one round of looks is enough.
pub(super) fn unconfirmed(input: &PlanInput<'_>, actions: &[Action]) -> BTreeSet<GroupPath> {
    let groups = Groups::new(input);
    let mut wanted = BTreeSet::new();
    for path in actions.iter().filter_map(placed) {
        if wanted.contains(path) {
            continue;
        }
        let mut next = Some(path.clone());
        while let Some(path) = next {
            if groups.seen(&path) == Some(true) {
                break;
            }
            next = path.parent().filter(|_| groups.may_create(&path));
            wanted.insert(path);
        }
    }
    wanted.retain(|path| groups.seen(path).is_none());
    wanted
}
