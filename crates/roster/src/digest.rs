//! The roster's digest: over everything that was understood and can decide, in the order of keys, so that reordered
//! rows, files with other names and other encodings of the same content are the same roster.

use blake3::Hasher;

use rosterd_core::people::Content;

use super::{Person, Roster, SourceFacts};
use crate::model::Cell;

/// BLAKE3 over people, blocked people and what limits the sources, in hex.
pub(super) fn digest(roster: &Roster) -> String {
    let mut hasher = Hasher::new();
    for SourceFacts { name, unreadable_key, frozen, proves_missing, .. } in &roster.sources {
        put(&mut hasher, name);
        hasher.update(&[u8::from(*unreadable_key), u8::from(*frozen), u8::from(*proves_missing)]);
    }
    hasher.update(&(roster.people.len() as u64).to_le_bytes());
    roster.people.values().for_each(|person| put_person(&mut hasher, person));
    for (key, blocked) in &roster.blocked {
        put(&mut hasher, key.as_str());
        hasher.update(&[blocked.reason.kind() as u8]);
    }
    hasher.update(&[u8::from(roster.partial)]);
    roster.doubts.iter().filter(|doubt| doubt.holds()).for_each(|doubt| put(&mut hasher, &doubt.key()));
    hasher.finalize().to_hex().to_string()
}

fn put_person(hasher: &mut Hasher, person: &Person) {
    let Content { employment, text, departments, roles, phones, dates } = person.content();
    put(hasher, person.key.as_str());
    put_all(hasher, person.sources.iter());
    hasher.update(&[employment as u8]);
    for (field, cell) in text.iter() {
        hasher.update(&[field as u8]);
        put_cell(hasher, &cell, |hasher, text| put(hasher, text));
    }
    hasher.update(&[u8::MAX]);
    put_cell(hasher, departments, |hasher, paths| {
        hasher.update(&(paths.len() as u64).to_le_bytes());
        paths.iter().for_each(|path| put_all(hasher, path.iter()));
    });
    put_cell(hasher, roles, |hasher, roles| put_all(hasher, roles.iter()));
    put_cell(hasher, phones, |hasher, phones| put_all(hasher, phones.iter()));
    for date in dates {
        put_cell(hasher, date, |hasher, date| put(hasher, &date.to_string()));
    }
}

/// Lengths keep the borders between values: `ab`, `c` is not `a`, `bc`.
fn put(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn put_all<'a>(hasher: &mut Hasher, texts: impl ExactSizeIterator<Item = &'a (impl AsRef<str> + 'a)>) {
    hasher.update(&(texts.len() as u64).to_le_bytes());
    texts.for_each(|text| put(hasher, text.as_ref()));
}

fn put_cell<T>(hasher: &mut Hasher, cell: &Cell<T>, value: impl Fn(&mut Hasher, &T)) {
    match cell {
        Cell::Unknown => {
            hasher.update(&[0]);
        }
        Cell::Empty => {
            hasher.update(&[1]);
        }
        Cell::Value(inner) => {
            hasher.update(&[2]);
            value(hasher, inner);
        }
    }
}
