//! What became of calls whose answer never came: the judgement of a look (pure), and the looks at the start of a run.
//!
//! A look reads the layer that mutations write, and a late call may land after it. So an intent that ever was unknown
//! stays *unsettled* and is looked at again by every later run, until a look comes when its token can no longer live.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::caller::Caller;
use super::words;
use crate::clock::Clock;
use crate::gateway::{Gateway, ReadError, Refusal, RefusalKind, UserRecord, Why, WhyKind};
use crate::model::{GroupPath, PersonKey, Username};
use crate::plan::{AccountState, ActionKind, Entry, InFlight, Snapshot};
use crate::sabotage::{Flaw, has};
use crate::store::journal::{Intent, IntentState, Settlement};
use crate::store::snapshot::EntryChange;

/// How long after its last send a call may still land: the token's life of 5 minutes by the device's clock, as much
/// again for the two clocks' difference, and a minute between the journal's record and the signature.
pub const TOKEN_WINDOW: TimeDelta = TimeDelta::minutes(11);

/// Calls in a row without a usable answer after which a device counts as out of reach.
pub const OUT_OF_REACH_AFTER: u32 = 5;

/// The fields of an account as a look shows them; what the answer left out stays as it was.
pub fn state_of(record: &UserRecord, known: &AccountState) -> AccountState {
    AccountState {
        group: record
            .group
            .as_deref()
            .and_then(|g| GroupPath::new(g).ok())
            .unwrap_or_else(|| known.group.clone()),
        note: record.note.clone().unwrap_or_else(|| known.note.clone()),
        phone: record.phone.clone().unwrap_or_else(|| known.phone.clone()),
        roles: record.roles.clone().map_or_else(|| known.roles.clone(), Into::into),
        enabled: record.enabled.unwrap_or(known.enabled),
        expires_on: record.expires_on.unwrap_or(known.expires_on),
    }
}

/// The entry as a look shows it, the device's number for the user included: a look that gives none leaves none. Of our
/// disable a look that shows the user enabled leaves nothing.
pub fn as_looked(entry: &Entry, record: &UserRecord) -> Entry {
    let disabled = entry.disabled.clone().filter(|_| record.enabled != Some(true));
    Entry { state: state_of(record, &entry.state), disabled, gateway_id: record.id.clone(), ..entry.clone() }
}

/// The same on the device that the entry is of: its number is known from before, should this look not give it.
fn looked_again(entry: &Entry, record: &UserRecord) -> Entry {
    let seen = as_looked(entry, record);
    Entry { gateway_id: seen.gateway_id.or_else(|| entry.gateway_id.clone()), ..seen }
}

/// Whether two looks, or an entry and a look, are of the same user: a user made again has another number.
pub fn same_user(known: Option<&String>, record: &UserRecord) -> bool {
    match (known, &record.id) {
        (Some(a), Some(b)) => a == b || has(Flaw::NumberUnnoticed),
        _ => true,
    }
}

/// What a look says of an intent: whether it happened, and what the gateway holds for the person now. `taken`: a name
/// is that of somebody else's account, so a user who is found there is not this person's.
pub fn judge(
    intent: &Intent,
    looked: &BTreeMap<Username, Option<UserRecord>>,
    taken: &dyn Fn(&Username) -> bool,
) -> (IntentState, Option<Entry>) {
    let at = |name: &Username| looked.get(name).and_then(Option::as_ref);
    let known_id = intent.before.as_ref().and_then(|e| e.gateway_id.as_ref());
    let ours = |name: &Username| at(name).filter(|record| same_user(known_id, record));
    let Some(after) = &intent.after else {
        return match ours(&intent.username) {
            None if has(Flaw::AbsentDeleteFails) => (IntentState::Undone, intent.before.clone()),
            None => (IntentState::Done, None),
            Some(record) => (IntentState::Undone, still_there(intent, record)),
        };
    };
    let as_wanted = |record: &UserRecord| state_of(record, after) == *after;
    let done = |record: &UserRecord| {
        (IntentState::Done, Some(intent.entry_if_applied(after.clone(), record.id.clone(), false)))
    };
    match intent.kind {
        ActionKind::Add => match at(&intent.new_username) {
            Some(record) if as_wanted(record) && !taken(&intent.new_username) && !has(Flaw::NoFallback) => {
                done(record)
            }
            _ => (IntentState::Undone, None),
        },
        ActionKind::Rename => match (ours(&intent.username), at(&intent.new_username)) {
            (Some(record), _) => (IntentState::Undone, still_there(intent, record)),
            (None, Some(record))
                if as_wanted(record)
                    && (same_user(known_id, record) || has(Flaw::RenamedElsewhere))
                    && !taken(&intent.new_username) =>
            {
                done(record)
            }
            (None, _) => (IntentState::Undone, None),
        },
        _ => match ours(&intent.username) {
            // A look that does not show whether the user is enabled cannot confirm that this was changed.
            Some(record) if as_wanted(record) && shows_what_matters(intent, record) => done(record),
            Some(record) => (IntentState::Undone, still_there(intent, record)),
            None => (IntentState::Undone, None),
        },
    }
}

fn shows_what_matters(intent: &Intent, record: &UserRecord) -> bool {
    let was = intent.before.as_ref();
    let switched = was.map(|e| e.state.enabled) != intent.after.as_ref().map(|a| a.enabled)
        || was.is_some_and(Entry::is_maybe_disabled);
    record.enabled.is_some() || !switched
}

/// The entry of a user whom the intent did not change (yet), as looked at.
fn still_there(intent: &Intent, record: &UserRecord) -> Option<Entry> {
    let before = intent.before.as_ref()?;
    Some(Entry { unknown: false, ..looked_again(before, record) })
}

/// What a look says of a person whose intents are all settled but may still land: the entry as it is now.
fn recheck(
    entry: Option<&Entry>,
    intents: &[&Intent],
    looked: &BTreeMap<Username, Option<UserRecord>>,
    taken: &dyn Fn(&Username) -> bool,
) -> Option<Entry> {
    let at = |name: &Username| looked.get(name).and_then(Option::as_ref);
    if let Some(entry) = entry
        && let Some(record) = at(&entry.username).filter(|r| same_user(entry.gateway_id.as_ref(), r))
    {
        return Some(looked_again(entry, record));
    }
    landed(entry, intents, looked, taken)
}

/// Whom a late add or rename brought to where we did not look for them.
fn landed(
    entry: Option<&Entry>,
    intents: &[&Intent],
    looked: &BTreeMap<Username, Option<UserRecord>>,
    taken: &dyn Fn(&Username) -> bool,
) -> Option<Entry> {
    intents.iter().rev().find_map(|intent| {
        let after = intent.after.as_ref()?;
        let record = looked.get(&intent.new_username).and_then(Option::as_ref)?;
        // Whom an add makes is a new user, with a number of their own.
        let same =
            intent.kind == ActionKind::Add || same_user(entry.and_then(|e| e.gateway_id.as_ref()), record);
        let lands_here = state_of(record, after) == *after
            && same
            && !taken(&intent.new_username)
            && !has(Flaw::NoFallback);
        lands_here.then(|| intent.entry_if_applied(after.clone(), record.id.clone(), false))
    })
}

/// A disable of ours that lands late is still ours, whatever was believed meanwhile: else nobody would ever enable the
/// person again. Where the look did not show who is enabled, whatever may have landed counts: see
/// [`Entry::is_maybe_disabled`].
fn own_disable(entry: &mut Entry, intents: &[&Intent], looked: &BTreeMap<Username, Option<UserRecord>>) {
    if has(Flaw::DisableDisowned) {
        return;
    }
    let record = looked.get(&entry.username).and_then(Option::as_ref);
    let hidden = record.is_some_and(|record| record.enabled.is_none());
    let sent = || intents.iter().rev().filter_map(|i| i.after.as_ref().map(|after| (i, after)));
    entry.state.enabled |= hidden && sent().any(|(_, after)| after.enabled);
    if entry.disabled.is_none() && (hidden || !entry.state.enabled) {
        entry.disabled = sent()
            .filter(|(_, after)| !after.enabled)
            .find_map(|(i, after)| i.entry_if_applied(after.clone(), None, false).disabled);
    }
}

/// What the looks at the start of a run found.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Intents that a look settled.
    pub settled: Vec<Settlement>,
    /// Changes of the snapshot.
    pub entries: Vec<EntryChange>,
    /// Something is on the gateway that the snapshot did not say, or the snapshot was unknown.
    pub moved: bool,
    /// People whose outcome is still unknown, because the look gave nothing.
    pub unresolved: BTreeSet<PersonKey>,
    /// People with an intent that may still land, and what it names.
    pub in_flight: BTreeMap<PersonKey, InFlight>,
    /// For people.
    pub words: Vec<String>,
}

impl Recovery {
    /// Lays the changes over a snapshot, for a run that stores nothing.
    pub fn overlay(&self, snapshot: &mut Snapshot) {
        for change in &self.entries {
            match &change.entry {
                Some(entry) => snapshot.entries.insert(change.person.clone(), entry.clone()),
                None => snapshot.entries.remove(&change.person),
            };
        }
    }
}

/// Why a reading phase ended: nothing can be learnt from this device now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutOfReach {
    /// The run's time is over, or somebody asked to stop.
    Ended,
    /// It refuses us.
    Refused(Refusal),
    /// No usable answers.
    Failed(Why),
}

impl OutOfReach {
    /// What an answer that did not come means by itself: where nobody waited for it, nothing is wrong with the device.
    pub fn without_answer(why: Why) -> Self {
        if why.kind == WhyKind::GivenUp { Self::Ended } else { Self::Failed(why) }
    }
}

/// Counts unusable answers in a row, and says when to give up.
#[derive(Debug, Default)]
pub struct Patience {
    in_a_row: u32,
    last: Option<Why>,
}

impl Patience {
    /// Whether reading may go on: not when the run's time is over, or somebody asked to stop.
    ///
    /// # Errors
    /// Then; a gateway that did not answer until then is named as the reason.
    pub fn still_on<G: Gateway, C: Clock + Clone>(
        &self,
        caller: &Caller<'_, G, C>,
    ) -> Result<(), OutOfReach> {
        match (caller.must_end(), &self.last) {
            (false, _) => Ok(()),
            (true, Some(why)) => Err(OutOfReach::Failed(why.clone())),
            (true, None) => Err(OutOfReach::Ended),
        }
    }

    /// Takes a read's result: a value, nothing for this one name, or the end.
    pub fn take<T>(&mut self, result: Result<T, ReadError>) -> Result<Option<T>, OutOfReach> {
        match result {
            Ok(value) => {
                *self = Self::default();
                Ok(Some(value))
            }
            Err(ReadError::Refused(refusal)) => match refusal.kind {
                RefusalKind::Token | RefusalKind::NoSuchCall => Err(OutOfReach::Refused(refusal)),
                _ => Ok(None),
            },
            Err(ReadError::Failed(why)) => {
                self.in_a_row += 1;
                self.last = Some(why.clone());
                let hopeless = matches!(why.kind, WhyKind::Connect | WhyKind::Tls | WhyKind::GivenUp);
                match hopeless || self.in_a_row >= OUT_OF_REACH_AFTER {
                    true => Err(OutOfReach::without_answer(why)),
                    false => Ok(None),
                }
            }
        }
    }
}

/// Looks at everybody with an open or unsettled intent, and judges. Stores nothing.
///
/// # Errors
/// When the device is out of reach.
pub async fn recover<G: Gateway, C: Clock + Clone>(
    caller: &Caller<'_, G, C>,
    intents: &[Intent],
    snapshot: &Snapshot,
    now: DateTime<Utc>,
) -> Result<Recovery, OutOfReach> {
    let mut by_person: BTreeMap<&PersonKey, Vec<&Intent>> = BTreeMap::new();
    for intent in intents {
        by_person.entry(&intent.person).or_default().push(intent);
    }
    let mut found = Recovery::default();
    let mut patience = Patience::default();
    // Whose name is whose, as far as it is concluded: two people must never come to claim one user.
    let confirmed = |person: &PersonKey| match by_person.get(person) {
        Some(intents) => was_there(person, intents, snapshot),
        None => true,
    };
    let mut owners: BTreeMap<Username, PersonKey> = snapshot
        .entries
        .iter()
        .filter(|(person, _)| confirmed(person))
        .map(|(person, entry)| (entry.username.clone(), person.clone()))
        .collect();
    for (&person, intents) in &by_person {
        patience.still_on(caller)?;
        let entry = snapshot.entries.get(person).filter(|_| was_there(person, intents, snapshot));
        let names: BTreeSet<&Username> = intents
            .iter()
            .flat_map(|i| [&i.username, &i.new_username])
            .chain(entry.map(|e| &e.username))
            .collect();
        let mut looked = BTreeMap::new();
        for name in names {
            if let Some(record) = patience.take(caller.user(name).await)? {
                looked.insert(name.clone(), record);
            } else if has(Flaw::BlindIsAbsent) {
                looked.insert(name.clone(), None);
            } else {
                found.unresolved.insert(person.clone());
            }
        }
        if found.unresolved.contains(person) {
            for intent in intents {
                note_names(found.in_flight.entry(person.clone()).or_default(), intent);
            }
            found.words.push(words::still_unknown(person));
            continue;
        }
        let taken = |name: &Username| owners.get(name).is_some_and(|owner| owner != person);
        conclude(&mut found, person, entry, intents, &looked, &taken, now);
        if let Some(change) = found.entries.last().filter(|change| change.person == *person) {
            owners.retain(|_, owner| owner != person);
            if let Some(entry) = &change.entry {
                owners.insert(entry.username.clone(), person.clone());
            }
        }
    }
    Ok(found)
}

/// Whether the snapshot's entry is one that was confirmed, and not just the wish of an open add.
fn was_there(person: &PersonKey, intents: &[&Intent], snapshot: &Snapshot) -> bool {
    let unknown = snapshot.entries.get(person).is_some_and(|e| e.unknown);
    !unknown || intents.iter().any(|i| i.is_open() && i.before.is_some())
}

fn conclude(
    found: &mut Recovery,
    person: &PersonKey,
    entry: Option<&Entry>,
    intents: &[&Intent],
    looked: &BTreeMap<Username, Option<UserRecord>>,
    taken: &dyn Fn(&Username) -> bool,
    now: DateTime<Utc>,
) {
    let open = intents.iter().rfind(|i| i.is_open());
    // Where the last call did not happen, an earlier one may have landed meanwhile.
    let mut now_there = match open.map(|intent| judge(intent, looked, taken)) {
        // Removed; but an add that was sent before may have landed after that.
        Some((IntentState::Done, None)) => landed(entry, intents, looked, taken),
        Some((IntentState::Done, there) | (_, there @ Some(_))) => there,
        _ => recheck(entry, intents, looked, taken),
    };
    if let Some(entry) = &mut now_there {
        own_disable(entry, intents, looked);
    }
    if open.is_some() || now_there.as_ref() != entry {
        found.moved |= open.is_some() || differs(entry, now_there.as_ref());
        found.entries.push(EntryChange { person: person.clone(), entry: now_there });
    }
    found.moved |= may_hide_a_commit(intents, now);
    for intent in intents {
        let state = if intent.is_open() { judge(intent, looked, taken).0 } else { intent.state };
        let unsettled = may_land(intent, now) && !has(Flaw::NextLookIsFinal);
        if unsettled {
            note_names(found.in_flight.entry(person.clone()).or_default(), intent);
        }
        if intent.is_open() {
            found.words.push(words::settled(intent, state));
        }
        found.settled.push(Settlement {
            run: intent.run,
            seq: intent.seq,
            person: person.clone(),
            state,
            unsettled,
        });
    }
}

/// Whether a call may still take effect.
fn may_land(intent: &Intent, now: DateTime<Utc>) -> bool {
    now - intent.last_sent_at < TOKEN_WINDOW
}

/// Whether what takes effect may differ from what was written without any look showing it: of two calls that do different
/// things one may have landed before the last commit and the other after it, undoing the first. No call that was sent
/// later can do so alone. Asked when a call's time is over, so that one more commit ends it.
fn may_hide_a_commit(intents: &[&Intent], now: DateTime<Utc>) -> bool {
    let does = |intent: &Intent| (intent.new_username.clone(), intent.after.clone());
    let mut all = intents.iter().map(|intent| does(intent));
    let first = all.next();
    let differ = all.any(|other| Some(other) != first);
    differ && intents.iter().any(|intent| !may_land(intent, now))
}

fn note_names(calls: &mut InFlight, intent: &Intent) {
    calls.names.extend([intent.username.clone(), intent.new_username.clone()]);
    match intent.kind {
        ActionKind::Add => _ = calls.added.insert(intent.new_username.clone()),
        ActionKind::Rename => _ = calls.renamed.insert(intent.username.clone()),
        _ => {}
    }
}

/// Whether two beliefs differ in what a log-in could notice.
fn differs(a: Option<&Entry>, b: Option<&Entry>) -> bool {
    a.map(|e| (&e.username, &e.state)) != b.map(|e| (&e.username, &e.state))
}

#[cfg(test)]
mod tests;
