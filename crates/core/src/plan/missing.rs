//! What it means that no row names a person: only some sources can prove that somebody is gone, and only when they were
//! read whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::state::Snapshot;
use crate::model::PersonKey;
use crate::people::Roster;

/// What the absence of a row says about a person with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence<'a> {
    /// A part of a roster: nothing.
    Partial,
    /// A source that had them is late or not there: they are blocked.
    Frozen(&'a str),
    /// The sources that had them are no proof of anybody's going.
    NotProven,
    /// The sources that had them are configured no more: they are deselected.
    SourceGone,
    /// A source has a row whose key cannot be read, which may be theirs.
    UnreadableKey,
    /// They are missing.
    Proven,
}

/// Judges an absence. `had` are the sources that had the person last; unknown means that it may be any of them.
pub(super) fn absence<'a>(roster: &'a Roster, had: Option<&BTreeSet<Arc<str>>>) -> Absence<'a> {
    if roster.partial {
        return Absence::Partial;
    }
    let had = had.filter(|sources| !sources.is_empty());
    let concerned = || roster.sources.iter().filter(|s| had.is_none_or(|had| had.contains(&s.name)));
    if concerned().next().is_none() {
        return if had.is_some() { Absence::SourceGone } else { Absence::NotProven };
    }
    if let Some(frozen) = concerned().find(|s| s.frozen) {
        return Absence::Frozen(&frozen.name);
    }
    if !concerned().any(|s| s.proves_missing) {
        return Absence::NotProven;
    }
    match concerned().any(|s| s.unreadable_key) {
        true => Absence::UnreadableKey,
        false => Absence::Proven,
    }
}

/// The people with an account here who are missing from a good roster: those to be counted for `missing_runs`.
pub fn missing(
    snapshot: &Snapshot,
    roster: &Roster,
    sources: &BTreeMap<PersonKey, BTreeSet<Arc<str>>>,
) -> BTreeSet<PersonKey> {
    let absent =
        |person: &&PersonKey| !roster.people.contains_key(*person) && !roster.blocked.contains_key(*person);
    let proven = |person: &&PersonKey| absence(roster, sources.get(*person)) == Absence::Proven;
    snapshot.entries.keys().filter(absent).filter(proven).cloned().collect()
}
