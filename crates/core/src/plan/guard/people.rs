//! Guards that count people: what the draft would do to how many, against a limit of its own each.

use std::collections::BTreeSet;

use super::{Figure, Sight, item, thing};
use crate::config::{GuardConfig, GuardHold, Limit};
use crate::plan::input::Past;
use crate::plan::places::granted;
use crate::plan::state::AccountField;
use crate::plan::value::{Action, ActionKind, GuardedItem, Held, Reason};
use crate::reason::Guard;
use crate::sabotage::{Flaw, has};

/// A guard that counts actions.
struct Counting {
    guard: Guard,
    limit: fn(&GuardConfig) -> Limit,
    counts: fn(&Action) -> bool,
    /// What happened before this plan and counts too.
    before: fn(&Past) -> u64,
    /// Whether it speaks of removals, so that `hold = "removals"` is enough.
    removals: bool,
}

const fn nothing(_: &Past) -> u64 {
    0
}

/// The guards that count actions. The names are the configuration's keys.
const COUNTING: &[Counting] = &[
    Counting {
        guard: Guard::MaxMissing,
        limit: |c| c.max_missing,
        counts: |a| a.reason == Reason::Missing,
        before: nothing,
        removals: true,
    },
    Counting {
        guard: Guard::MaxMissingPercent,
        limit: |c| c.max_missing_percent,
        counts: |a| a.reason == Reason::Missing,
        before: nothing,
        removals: true,
    },
    Counting {
        guard: Guard::MaxLeftPercent,
        limit: |c| c.max_left_percent,
        counts: |a| a.reason == Reason::Left,
        before: nothing,
        removals: true,
    },
    Counting {
        guard: Guard::MaxDeselected,
        limit: |c| c.max_deselected,
        counts: |a| a.reason == Reason::Deselected,
        before: nothing,
        removals: true,
    },
    Counting {
        guard: Guard::MaxAdd,
        limit: |c| c.max_add,
        counts: |a| a.kind == ActionKind::Add,
        before: nothing,
        removals: false,
    },
    Counting {
        guard: Guard::MaxChangePercent,
        limit: |c| c.max_change_percent,
        counts: |a| matches!(a.kind, ActionKind::Update | ActionKind::Rename),
        before: nothing,
        removals: false,
    },
    Counting {
        guard: Guard::MaxRename,
        limit: |c| c.max_rename,
        counts: |a| a.kind == ActionKind::Rename,
        before: nothing,
        removals: false,
    },
    Counting {
        guard: Guard::MaxDeletes24h,
        limit: |c| c.max_deletes_24h,
        counts: |a| a.kind.is_removal(),
        before: |past| past.removals_24h,
        removals: true,
    },
    Counting {
        guard: Guard::MaxDeletes7d,
        limit: |c| c.max_deletes_7d,
        counts: |a| a.kind.is_removal(),
        before: |past| past.removals_7d,
        removals: true,
    },
];

/// All guards that count people (and the groups they need).
pub(super) fn counts(sight: &Sight<'_>, held: &mut Vec<Held>) {
    let config = &sight.input.target.guard;
    if has(Flaw::GuardsAsleep) {
        return;
    }
    held.extend(COUNTING.iter().filter_map(|guard| counting(sight, guard)));
    held.extend(accounts(sight, config.max_accounts));
    held.extend(new_groups(sight, config.max_new_groups));
    held.extend(sensitive(sight, config.max_sensitive_grants));
    held.extend(config.fields.iter().filter_map(|(field, limit)| changed(sight, *field, *limit)));
}

fn counting(sight: &Sight<'_>, guard: &Counting) -> Option<Held> {
    let config = &sight.input.target.guard;
    let picked = || sight.sent().filter(|action| (guard.counts)(action));
    let people = picked().count() as u64;
    if people == 0 {
        return None;
    }
    let count = (people + (guard.before)(sight.input.past)) as f64;
    let actual = match guard.guard.is_percent() {
        false => count,
        // Of nothing there is no share: the first accounts of an empty target are no landslide.
        true if sight.managed() == 0 => return None,
        true => count * 100.0 / sight.managed() as f64,
    };
    let hold = if guard.removals { config.hold } else { GuardHold::All };
    let figure = Figure { actual, people, set: Box::new(move || picked().map(item).collect()) };
    sight.above(guard.guard, (guard.limit)(config), figure, hold)
}

fn accounts(sight: &Sight<'_>, limit: Limit) -> Option<Held> {
    let joins = |a: &&Action| matches!(a.kind, ActionKind::Add | ActionKind::Adopt);
    let joining = sight.sent().filter(joins).count() as u64;
    let going = sight.sent().filter(|a| a.kind == ActionKind::Delete).count() as u64;
    let actual = (sight.managed() + joining).saturating_sub(going) as f64;
    let set = Box::new(move || sight.sent().filter(joins).map(item).collect());
    let figure = Figure { actual, people: joining, set };
    (joining > 0).then(|| sight.above(Guard::MaxAccounts, limit, figure, GuardHold::All)).flatten()
}

fn new_groups(sight: &Sight<'_>, limit: Limit) -> Option<Held> {
    let groups = &sight.draft.places.create;
    let set = Box::new(move || groups.iter().map(|path| thing(path.as_str())).collect());
    let figure = Figure { actual: groups.len() as f64, people: 0, set };
    sight.above(Guard::MaxNewGroups, limit, figure, GuardHold::All)
}

fn sensitive(sight: &Sight<'_>, limit: Limit) -> Option<Held> {
    if sight.rules.sensitive.is_empty() {
        return None;
    }
    let grants = || {
        sight.sent().flat_map(|action| {
            let roles = granted(action).filter(|role| sight.rules.sensitive.matches(role));
            roles.map(move |role| GuardedItem { what: Some(role.to_owned()), ..item(action) })
        })
    };
    let people = grants().map(|item| item.person).collect::<BTreeSet<_>>().len() as u64;
    let figure = Figure { actual: people as f64, people, set: Box::new(move || grants().collect()) };
    sight.above(Guard::MaxSensitiveGrants, limit, figure, GuardHold::All)
}

/// `guard.fields`: how many people's field changes. New accounts change nothing.
fn changed(sight: &Sight<'_>, field: AccountField, limit: Limit) -> Option<Held> {
    let picked = move || {
        let changes = sight.sent().filter(|a| a.kind != ActionKind::Add && !a.kind.is_removal());
        changes.filter(move |action| action.changes.contains_key(&field))
    };
    let people = picked().count() as u64;
    let set = Box::new(move || {
        let what = || Some(field.as_str().to_owned());
        picked().map(|action| GuardedItem { what: what(), ..item(action) }).collect()
    });
    let figure = Figure { actual: people as f64, people, set };
    sight.above(Guard::of_field(field), limit, figure, GuardHold::All)
}
