//! Guards over the roster as a whole, against the one that was applied last; and the brakes that are no numbers: a
//! pause, another device, a first contact that meets our names, an unreadable key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Figure, Sight, brake, item, thing};
use crate::config::{Existing, GuardHold, Switch};
use crate::people::{Doubt, Field, SourceFacts};
use crate::plan::input::{AppliedSource, Device};
use crate::plan::value::{GuardedItem, Held};
use crate::reason::{Behind, BlockKind, Blocked, Guard, HeldBy};

/// Brakes without a figure.
pub(super) fn brakes(sight: &Sight<'_>, held: &mut Vec<Held>) {
    let (input, places) = (sight.input, &sight.draft.places);
    let config = &input.target.guard;
    if let Some(reason) = &input.past.paused {
        held.push(whole(
            Guard::Paused,
            Behind::Pause { target: input.target.name.clone(), reason: reason.clone() },
        ));
    }
    let moved =
        |device: &&Device| device.url != input.target.url || device.dialect != input.target.dialect.as_str();
    if config.target_changed == Switch::Hold
        && let Some(Device { url, dialect }) = input.past.device.as_ref().filter(moved)
    {
        let (target, url, dialect) = (input.target.name.clone(), url.clone(), dialect.clone());
        let was = Behind::Device { target, url, dialect };
        held.push(whole(Guard::TargetChanged, was));
    }
    let ours = already_there(sight);
    if config.first_contact == Switch::Hold && !ours.is_empty() {
        held.push(brake(Guard::FirstContact, ours));
    }
    if config.replayed_roster == Switch::Hold && input.past.replayed {
        let set = BTreeSet::from([thing(input.roster.digest.clone())]);
        held.push(Held { set, ..whole(Guard::ReplayedRoster, Behind::Nothing) });
    }
    if !places.stopped_groups.is_empty() {
        let set = places.stopped_groups.iter().map(|path| thing(path.as_str())).collect();
        held.push(brake(Guard::OnMissingGroup, set));
    }
    if !places.stopped_roles.is_empty() {
        let set = places.stopped_roles.iter().map(thing).collect();
        held.push(brake(Guard::OnMissingRole, set));
    }
    doubts(sight, held);
    unreadable_key(sight, held);
}

/// A brake on everything, behind which stand no people.
fn whole(guard: Guard, behind: Behind) -> Held {
    Held { by: HeldBy::brake(guard, behind), hold: GuardHold::All, set: BTreeSet::new() }
}

/// What makes the roster doubtful as a whole, and was not so when one was applied last. An undo puts back what a run
/// changed, whatever the roster says.
fn doubts(sight: &Sight<'_>, held: &mut Vec<Held>) {
    let past = &sight.input.past;
    let known =
        |doubt: &Doubt| past.last_applied.as_ref().is_some_and(|last| last.doubts.contains(&doubt.key()));
    let new: Vec<Doubt> =
        sight.input.roster.doubts.iter().filter(|doubt| doubt.holds() && !known(doubt)).cloned().collect();
    if new.is_empty() || past.undo.is_some() {
        return;
    }
    let set = new.iter().map(|doubt| thing(doubt.key())).collect();
    held.push(Held { set, ..whole(Guard::RosterDoubt, Behind::Doubts { doubts: new }) });
}

/// Names of ours that a first contact found on the gateway, whose owners were blocked for it.
fn already_there(sight: &Sight<'_>) -> BTreeSet<GuardedItem> {
    let input = sight.input;
    if !input.is_first_contact() || input.target.existing == Existing::Adopt {
        return BTreeSet::new();
    }
    let met = sight.draft.blocked.iter().filter(|blocked| blocked.reason.kind() == BlockKind::NameExists);
    let item = |blocked: &Blocked| GuardedItem {
        person: Some(blocked.person.clone()),
        username: blocked.username.clone(),
        kind: None,
        reason: None,
        what: None,
    };
    met.map(item).collect()
}

/// Removals of people who may be the ones behind a key that cannot be read. The draft has marked them already.
fn unreadable_key(sight: &Sight<'_>, held: &mut Vec<Held>) {
    let marked = |action: &&crate::plan::Action| action.withheld_by == Some(Guard::UnreadableKey.into());
    let set: BTreeSet<_> = sight.draft.places.actions.iter().filter(marked).map(item).collect();
    if !set.is_empty() {
        held.push(Held { hold: GuardHold::Removals, ..brake(Guard::UnreadableKey, set) });
    }
}

/// The sources of the roster at hand beside what was applied of them last.
fn pairs<'a>(sight: &Sight<'a>) -> Vec<(&'a SourceFacts, &'a AppliedSource)> {
    let Some(last) = &sight.input.past.last_applied else { return Vec::new() };
    // A part of a roster has fewer rows and files on purpose; a frozen source was not read.
    if sight.input.roster.partial {
        return Vec::new();
    }
    let read = sight.input.roster.sources.iter().filter(|source| !source.frozen);
    read.filter_map(|source| last.sources.get(&source.name).map(|before| (source, before))).collect()
}

/// The roster against the one applied last.
pub(super) fn comparisons(sight: &Sight<'_>, held: &mut Vec<Held>) {
    let config = &sight.input.target.guard;
    let pairs = pairs(sight);
    held.extend(shrunken(sight, &pairs));
    held.extend(emptied(sight, &pairs));
    let lost: BTreeSet<_> = pairs.iter().flat_map(|(now, before)| lost_files(now, before)).collect();
    if config.missing_file == Switch::Hold && !lost.is_empty() {
        held.push(brake(Guard::MissingFile, lost));
    }
}

fn shrunken(sight: &Sight<'_>, pairs: &[(&SourceFacts, &AppliedSource)]) -> Option<Held> {
    let before: u64 = pairs.iter().map(|(_, before)| before.rows).sum();
    let now: u64 = pairs.iter().map(|(now, _)| now.accepted).sum();
    let lost = before.saturating_sub(now);
    if lost == 0 {
        return None;
    }
    // What stands behind it are our people without a row: the same or fewer of them tomorrow is the same shrinkage.
    let set =
        Box::new(|| {
            let roster = sight.input.roster;
            let without =
                sight.input.snapshot.entries.iter().filter(|(key, _)| {
                    !roster.people.contains_key(*key) && !roster.blocked.contains_key(*key)
                });
            let item = |(key, entry): (&crate::model::PersonKey, &crate::plan::Entry)| GuardedItem {
                person: Some(key.clone()),
                username: Some(entry.username.clone()),
                kind: None,
                reason: None,
                what: None,
            };
            without.map(item).collect()
        });
    let actual = lost as f64 * 100.0 / before as f64;
    let figure = Figure { actual, people: lost, set };
    let config = &sight.input.target.guard;
    sight.above(Guard::MaxShrinkPercent, config.max_shrink_percent, figure, config.hold)
}

/// How far a column's share of filled cells fell, as a percentage of what it was; and how many cells that is.
fn fall(now: &SourceFacts, before: &AppliedSource, field: Field, was: f64) -> (f64, u64) {
    let is = now.fill.get(&field).copied().unwrap_or(0.0);
    if was <= is {
        return (0.0, 0);
    }
    let cells = (was - is) / 100.0 * now.accepted.min(before.rows) as f64;
    ((was - is) * 100.0 / was, cells.round() as u64)
}

fn emptied(sight: &Sight<'_>, pairs: &[(&SourceFacts, &AppliedSource)]) -> Option<Held> {
    let limit = sight.input.target.guard.max_fill_drop_percent;
    let figure = limit.figure()?;
    let falls = pairs.iter().flat_map(|(now, before)| {
        before.fill.iter().map(|(field, was)| (now.name.clone(), *field, fall(now, before, *field, *was)))
    });
    let tripped: Vec<(Arc<str>, Field, (f64, u64))> =
        falls.filter(|(_, _, (percent, cells))| *percent > figure && *cells > super::FLOOR).collect();
    let (_, _, (worst, cells)) = tripped.iter().max_by(|a, b| a.2.0.total_cmp(&b.2.0))?.clone();
    let set = Box::new(move || {
        tripped.iter().map(|(source, field, _)| thing(format!("{source}/{}", field.as_str()))).collect()
    });
    let figure = Figure { actual: worst, people: cells, set };
    sight.above(Guard::MaxFillDropPercent, limit, figure, GuardHold::All)
}

fn without_digits(name: &str) -> String {
    name.chars().filter(|c| !c.is_numeric()).collect()
}

/// The files of last time that have no successor. Dated exports follow each other, so names are compared without
/// digits, and counted: of three numbered files two are one too few.
fn lost_files(now: &SourceFacts, before: &AppliedSource) -> BTreeSet<GuardedItem> {
    let mut left: BTreeMap<String, u64> = BTreeMap::new();
    for file in &now.files {
        *left.entry(without_digits(file)).or_default() += 1;
    }
    let mut lost = BTreeSet::new();
    for file in &before.files {
        match left.get_mut(&without_digits(file)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => drop(lost.insert(without_digits(file))),
        }
    }
    // Which one of several numbered files is not there shows only in the whole names.
    let gone = before.files.iter().filter(|f| lost.contains(&without_digits(f)) && !now.files.contains(f));
    gone.map(|file| thing(format!("{}: {file}", now.name))).collect()
}
