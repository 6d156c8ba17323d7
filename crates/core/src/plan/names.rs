//! Who has which name. The gateway knows people only by name, so two people must never meet in one: not two accounts,
//! not a joiner and somebody who still holds the name. Names are compared without case and width, because nobody knows
//! which of them a device tells apart.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::input::PlanInput;
use super::rules::TargetRules;
use crate::mapping::{Account, Verdict, Wanted};
use crate::model::{PersonKey, Username, fold};

fn folded(name: &str) -> Cow<'_, str> {
    // Nearly all names are digits and small letters; a million of them should not be copied to find that out.
    if name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(fold(name))
    }
}

/// The name that a person shall have: the one they are tied to, or the template's.
pub(super) fn wanted_name<'a>(
    input: &PlanInput<'a>,
    person: &PersonKey,
    account: &'a Account,
) -> &'a Username {
    match input.past.links.is_empty() {
        true => &account.username,
        false => input.past.links.get(person).unwrap_or(&account.username),
    }
}

/// An index of names.
pub(super) struct Names<'a> {
    /// Names of the snapshot, folded and sorted.
    taken: Vec<(Cow<'a, str>, &'a PersonKey)>,
    /// People whose wanted name somebody else wants too, and one of those.
    rivals: BTreeMap<&'a PersonKey, &'a PersonKey>,
}

impl<'a> Names<'a> {
    pub(super) fn new(input: &PlanInput<'a>, rules: &TargetRules) -> Self {
        let entries = input.snapshot.entries.iter();
        let mut taken: Vec<_> = entries.map(|(key, e)| (folded(e.username.as_str()), key)).collect();
        taken.sort();
        let mut wanted: Vec<_> = input
            .wanted
            .iter()
            .filter_map(|(key, wanted)| match wanted {
                Wanted::Account(account) if may_be_for(input, rules, key) => {
                    Some((folded(wanted_name(input, key, account).as_str()), key))
                }
                _ => None,
            })
            .collect();
        wanted.sort();
        let mut rivals = BTreeMap::new();
        for pair in wanted.windows(2) {
            if let [(one, a), (other, b)] = pair
                && one == other
            {
                rivals.entry(*a).or_insert(*b);
                rivals.insert(*b, *a);
            }
        }
        Self { taken, rivals }
    }

    /// Somebody else who wants the same name.
    pub(super) fn rival(&self, person: &PersonKey) -> Option<&'a PersonKey> {
        self.rivals.get(person).copied()
    }

    /// Somebody else to whom the snapshot gives this name.
    pub(super) fn holder(&self, name: &Username, person: &PersonKey) -> Option<&'a PersonKey> {
        let name = folded(name.as_str());
        let from = self.taken.partition_point(|(taken, _)| *taken < name);
        let same = self.taken.iter().skip(from).take_while(|(taken, _)| *taken == name);
        same.map(|(_, holder)| *holder).find(|holder| *holder != person)
    }
}

/// Whether the target may be for this person; who cannot be judged keeps their name all the same.
fn may_be_for(input: &PlanInput<'_>, rules: &TargetRules, key: &PersonKey) -> bool {
    rules.select.is_empty()
        || input.roster.people.get(key).is_none_or(|person| rules.select.judge(person) != Verdict::No)
}
