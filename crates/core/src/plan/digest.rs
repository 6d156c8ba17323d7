//! Digests: of a plan, so that the plan that was shown is the plan that runs, and of its inputs, so that a refusal can
//! say what has moved on. Both are BLAKE3 over values whose order is fixed.

use std::collections::BTreeSet;
use std::io;

use chrono::Datelike;
use serde::Serialize;

use super::input::PlanInput;
use super::state::{AccountState, Entry, Origin, OwnDisable};
use super::value::{Action, Held, InputDigests, Plan};
use crate::model::{GroupPath, PersonKey};
use crate::reason::{Blocked, HeldBy};

/// Feeds JSON to the hasher without holding it as a text: a snapshot may have a million entries.
struct Sink(blake3::Hasher);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes values one after the other, each on a line of its own.
struct Digest(io::BufWriter<Sink>);

impl Digest {
    fn new() -> Self {
        Self(io::BufWriter::with_capacity(64 * 1024, Sink(blake3::Hasher::new())))
    }

    fn add(&mut self, value: &impl Serialize) {
        // Neither the hasher nor these values can fail; were it otherwise, the mark makes the digest match nothing.
        if serde_json::to_writer(&mut self.0, value).is_err() {
            let _ = io::Write::write_all(&mut self.0, b"\x00unwritable");
        }
        let _ = io::Write::write_all(&mut self.0, b"\n");
    }

    /// Hashes an entry, field by field, each with its length. JSON would do as well and take several times as long,
    /// which shows with a million of them.
    fn add_entry(&mut self, person: &PersonKey, entry: &Entry) {
        // Taken apart by name, so that a new field does not compile until it is hashed.
        let Entry { username, origin, state, gateway_id, disabled, unknown } = entry;
        let AccountState { group, note, phone, roles, enabled, expires_on } = state;
        self.text(person.as_str());
        for text in
            [username.as_str(), group.as_str(), note, phone, gateway_id.as_deref().unwrap_or_default()]
        {
            self.text(text);
        }
        self.number(roles.len() as i64);
        roles.iter().for_each(|role| self.text(role));
        let adopted = *origin == Origin::Adopted;
        let flags = [adopted, *enabled, *unknown, gateway_id.is_some(), disabled.is_some()];
        flags.into_iter().for_each(|flag| self.number(flag.into()));
        self.number(expires_on.map_or(-1, |day| day.num_days_from_ce().into()));
        if let Some(OwnDisable { reason, confirmed_at }) = disabled {
            self.number(*reason as i64);
            self.number(confirmed_at.map_or(-1, |at| at.timestamp_millis()));
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        let _ = io::Write::write_all(&mut self.0, text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        let _ = io::Write::write_all(&mut self.0, &number.to_le_bytes());
    }

    fn end(mut self) -> String {
        let _ = io::Write::flush(&mut self.0);
        self.0.get_ref().0.finalize().to_hex().to_string()
    }
}

/// The digest of one value's JSON.
fn of(value: &impl Serialize) -> String {
    let mut digest = Digest::new();
    digest.add(value);
    digest.end()
}

/// Digests of everything that decides, but the day and the moment.
pub(super) fn inputs(input: &PlanInput<'_>) -> InputDigests {
    let mut snapshot = Digest::new();
    for (person, entry) in &input.snapshot.entries {
        snapshot.add_entry(person, entry);
    }
    let looked = input.looks.groups.iter().filter(|(_, there)| **there).map(|(path, _)| path);
    let groups: BTreeSet<&GroupPath> = input.snapshot.groups.iter().chain(looked).collect();
    snapshot.add(&groups);
    let past = input.past;
    InputDigests {
        roster: input.roster.digest.clone(),
        snapshot: snapshot.end(),
        config: of(&(input.target, input.account)),
        overrides: of(&(&past.overrides, &past.links, &past.paused)),
    }
}

impl Plan {
    /// BLAKE3 of what the plan would do, in hex. The day is not part of it, nor are words for people (they follow the
    /// reader's language), since when somebody is blocked, and the numbers of approvals.
    pub fn digest(&self) -> String {
        // Taken apart by name, so that a new field does not compile until it is thought about.
        let Self {
            target,
            as_of: _,
            undo_of,
            inputs,
            create_groups,
            actions,
            blocked,
            groups,
            held_by,
            allowed,
            counts,
            changed_fields,
        } = self;
        let held = |held: &Held| {
            let Held { by: HeldBy { guard, limit, actual, behind: _ }, hold, set } = held.clone();
            (guard, limit, actual, hold, guard.approvable(), set)
        };
        let left_alone = |blocked: &Blocked| {
            let Blocked { person, username, reason, file, line, since: _ } = blocked.clone();
            (person, username, reason.kind(), reason.by_gateway(), file, line)
        };
        let mut digest = Digest::new();
        digest.add(&(target, inputs, create_groups, groups, counts, changed_fields));
        undo_of.iter().for_each(|run| digest.add(&("undo", run)));
        actions.iter().for_each(|action: &Action| digest.add(action));
        blocked.iter().for_each(|blocked| digest.add(&left_alone(blocked)));
        held_by.iter().for_each(|brake| digest.add(&held(brake)));
        allowed.iter().for_each(|(brake, _)| digest.add(&("allowed", held(brake))));
        digest.end()
    }
}
