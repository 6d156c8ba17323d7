//! From inputs to a draft: everybody is judged, groups and roles are settled, and what the target does not allow is
//! marked. The guards then judge the draft as a whole.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;

use super::input::{Needs, PlanInput, Restore};
use super::people::{Decider, Decision, Known};
use super::places::{self, Places};
use super::rules::TargetRules;
use super::state::{AccountField, Entry};
use super::value::{Action, ActionKind};
use crate::config::{Allow, Existing, Switch};
use crate::mapping::Wanted;
use crate::model::PersonKey;
use crate::reason::{Block, BlockKind, Blocked, Brake};

/// How many names are looked at on first contact.
const FIRST_CONTACT_NAMES: usize = 50;

/// A plan before the guards.
pub(super) struct Draft {
    pub places: Places,
    pub blocked: Vec<Blocked>,
    pub unchanged: u64,
}

/// Walks three sorted maps side by side: one pass instead of millions of look-ups.
struct Everybody<'a> {
    wanted: Peekable<btree_map::Iter<'a, PersonKey, Wanted>>,
    blocked: Peekable<btree_map::Iter<'a, PersonKey, Block>>,
    entries: Peekable<btree_map::Iter<'a, PersonKey, Entry>>,
    undone: Peekable<btree_map::Iter<'a, PersonKey, Restore>>,
}

/// Nothing to undo.
static NOTHING: BTreeMap<PersonKey, Restore> = BTreeMap::new();

fn step<'a, T>(side: &mut Peekable<btree_map::Iter<'a, PersonKey, T>>, person: &PersonKey) -> Option<&'a T> {
    side.next_if(|(key, _)| *key == person).map(|(_, value)| value)
}

impl<'a> Iterator for Everybody<'a> {
    type Item = Known<'a>;

    fn next(&mut self) -> Option<Known<'a>> {
        let heads = [
            self.wanted.peek().map(|(key, _)| *key),
            self.blocked.peek().map(|(key, _)| *key),
            self.entries.peek().map(|(key, _)| *key),
            self.undone.peek().map(|(key, _)| *key),
        ];
        let person = heads.into_iter().flatten().min()?;
        step(&mut self.undone, person);
        Some(Known {
            person,
            wanted: step(&mut self.wanted, person),
            row_blocked: step(&mut self.blocked, person),
            entry: step(&mut self.entries, person),
        })
    }
}

fn everybody<'a>(input: &PlanInput<'a>) -> Everybody<'a> {
    Everybody {
        wanted: input.wanted.iter().peekable(),
        blocked: input.roster.blocked.iter().peekable(),
        entries: input.snapshot.entries.iter().peekable(),
        undone: input.past.undo.as_ref().map_or(&NOTHING, |undo| &undo.people).iter().peekable(),
    }
}

/// Judges everybody: the actions in order, before groups are looked for; who is blocked; how many stay as they are.
fn judge(input: &PlanInput<'_>, rules: &TargetRules) -> (Vec<Action>, Vec<Blocked>, u64) {
    let decider = Decider::new(input, rules);
    let (mut actions, mut blocked, mut unchanged) = (Vec::new(), Vec::new(), 0);
    for known in everybody(input) {
        match decider.decide(known) {
            Decision::Skip => {}
            Decision::Unchanged => unchanged += 1,
            Decision::Act(action) => actions.push(*action),
            Decision::Block(block) => blocked.push(input.blocked(known.person, block)),
        }
    }
    // Stable: within a kind people stay in order.
    actions.sort_by_key(|action| rank(action.kind));
    (actions, blocked, unchanged)
}

/// Where a kind stands in the order of a run. Adds before removals, so that a run that is cut short has given access
/// rather than taken it; deletes last, because they cannot be taken back.
pub(super) const fn rank(kind: ActionKind) -> u8 {
    match kind {
        ActionKind::Update => 0,
        ActionKind::Rename => 1,
        ActionKind::Enable => 2,
        ActionKind::Adopt => 3,
        ActionKind::Add => 4,
        ActionKind::Disable => 5,
        ActionKind::Delete => 6,
    }
}

/// What an action needs to be allowed: its kind, and what else it changes in the same call.
fn permissions(action: &Action) -> impl Iterator<Item = Allow> {
    let kind = match action.kind {
        ActionKind::Add | ActionKind::Adopt => Allow::Add,
        ActionKind::Update => Allow::Update,
        ActionKind::Rename => Allow::Rename,
        ActionKind::Enable => Allow::Enable,
        ActionKind::Disable => Allow::Disable,
        ActionKind::Delete => Allow::Delete,
    };
    let fields = action.changes.keys().filter(|_| action.kind != ActionKind::Add);
    let changed = fields.map(|field| match field {
        AccountField::Username => Allow::Rename,
        AccountField::Enabled if action.after.enabled => Allow::Enable,
        AccountField::Enabled => Allow::Disable,
        _ => Allow::Update,
    });
    std::iter::once(kind).chain(changed)
}

fn mark_not_allowed(input: &PlanInput<'_>, actions: &mut [Action]) {
    for action in actions.iter_mut().filter(|action| action.withheld_by.is_none()) {
        if permissions(action).any(|needed| !input.target.allow.contains(&needed)) {
            action.withheld_by = Some(Brake::Allow);
        }
    }
}

/// Drafts a plan.
pub(super) fn draft(input: &PlanInput<'_>, rules: &TargetRules) -> Draft {
    let (mut actions, mut blocked, unchanged) = judge(input, rules);
    mark_not_allowed(input, &mut actions);
    let mut places = places::settle(input, actions);
    blocked.append(&mut places.blocked);
    blocked.sort_by(|a, b| a.person.cmp(&b.person));
    Draft { places, blocked, unchanged }
}

/// What should be looked at before planning.
pub(super) fn needs(input: &PlanInput<'_>, rules: &TargetRules) -> Needs {
    if input.looks.offline {
        return Needs::default();
    }
    let (actions, _, _) = judge(input, rules);
    // The embedded device takes any role, so its list of those that were used says nothing.
    let roles = input.target.dialect.capabilities().lists_roles
        && input.target.url != crate::device::EMBEDDED
        && input.looks.roles.is_none()
        && actions.iter().any(|action| places::granted(action).next().is_some());
    Needs { groups: places::unconfirmed(input, &actions), users: names(input, &actions), roles }
}

/// New names to look at: all of them where existing users may be adopted, a sample spread over all on first contact.
fn names(input: &PlanInput<'_>, actions: &[Action]) -> std::collections::BTreeSet<crate::model::Username> {
    let adopting = input.target.existing == Existing::Adopt;
    let first = input.is_first_contact() && input.target.guard.first_contact == Switch::Hold;
    // Whom the gateway refused because the name was there already: sending the add again every night, with a commit
    // behind it, would help nobody.
    let existed = |action: &&Action| {
        let since = input.past.blocked_since.get(&action.person);
        since.is_some_and(|reasons| reasons.contains_key(&BlockKind::NameExists))
    };
    let mut again: std::collections::BTreeSet<_> = actions
        .iter()
        .filter(|a| a.kind == ActionKind::Add && !input.looks.users.contains_key(&a.username))
        .filter(existed)
        .map(|action| action.username.clone())
        .collect();
    if !adopting && !first {
        return again;
    }
    let new: Vec<_> =
        actions.iter().filter(|a| a.kind == ActionKind::Add).map(|action| &action.username).collect();
    let wanted = if adopting { new.len() } else { FIRST_CONTACT_NAMES.min(new.len()) };
    let looked_at = if adopting { 0 } else { input.looks.users.len() };
    let unseen = (0..wanted).filter_map(|i| new.get(i * new.len() / wanted.max(1)));
    let unseen = unseen.filter(|name| !input.looks.users.contains_key(**name));
    again.extend(unseen.take(wanted.saturating_sub(looked_at)).map(|name| (*name).clone()));
    again
}
