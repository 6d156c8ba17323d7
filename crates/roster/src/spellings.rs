//! Names in several spellings: what the gateway takes for several departments or roles, and people for one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Doubt, DoubtKind, Field, budget};

/// How names are written, to find those that are one name in several spellings.
#[derive(Debug, Default)]
pub(super) struct Spellings(BTreeMap<(Field, String), BTreeSet<String>>);

/// The most groups of spellings that a doubt names.
const NAMED: usize = 5;

impl Spellings {
    /// Takes a name in.
    pub(super) fn note(&mut self, field: Field, name: &str) {
        if self.0.len() >= budget::SPELLED || name.len() > budget::SPELLED_BYTES {
            return;
        }
        let folded = crate::model::fold(name).chars().filter(|c| !c.is_whitespace()).collect();
        let known = self.0.entry((field, folded)).or_default();
        if !known.contains(name) {
            known.insert(name.to_owned());
        }
    }

    /// Takes those of another source in.
    pub(super) fn join(&mut self, other: Self) {
        for (key, names) in other.0 {
            self.0.entry(key).or_default().extend(names);
        }
    }

    /// A doubt for each field whose names come in several spellings.
    pub(super) fn doubts(self) -> Vec<Doubt> {
        let mut of_field: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for ((field, _), names) in self.0.into_iter().filter(|(_, names)| names.len() > 1) {
            of_field.entry(field).or_default().push(names.into_iter().collect::<Vec<_>>().join(" = "));
        }
        let doubt = |(field, mut sets): (Field, Vec<String>)| {
            let more = sets.len() > NAMED;
            sets.truncate(NAMED);
            let mut what = sets.join("; ");
            if more {
                what.push_str("; …");
            }
            Doubt { kind: DoubtKind::Alike, source: field.title().into(), what, file: "".into() }
        };
        of_field.into_iter().map(doubt).collect()
    }
}
