//! UCloud's keys by their marks: what appeared, changed or vanished since last time. Pure; where marks are kept is in
//! `store`.
//!
//! A mark is a keyed hash. Its salt is random and lives in the database, so marks tell keys apart only inside one
//! database, and a table of common keys does not reveal one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ucloud::{AuthKey, DomainAuth};
use crate::secret::Secret;

/// The salt of this database's marks.
#[derive(Clone, Copy)]
pub struct Salt(pub [u8; 32]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[salt]")
    }
}

/// A key's marks: of the key, and of its `Iv`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct KeyMark {
    /// Of the key.
    pub key: String,
    /// Of the `Iv`.
    pub iv: String,
}

impl KeyMark {
    /// The marks of a key.
    pub fn of(salt: Salt, key: &AuthKey) -> Self {
        Self { key: mark(salt, "key", &key.key), iv: mark(salt, "iv", &key.iv) }
    }
}

fn mark(salt: Salt, part: &str, secret: &Secret) -> String {
    let mut hasher = blake3::Hasher::new_keyed(&salt.0);
    hasher.update(part.as_bytes());
    hasher.update(b"\0");
    hasher.update(secret.expose().as_bytes());
    hex::encode(&hasher.finalize().as_bytes()[..8])
}

/// All keys by domain and type, in the service's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(pub BTreeMap<(String, String), Vec<KeyMark>>);

impl Marks {
    /// The marks of an answer.
    pub fn of(salt: Salt, domains: &[DomainAuth]) -> Self {
        let mut all: BTreeMap<_, Vec<KeyMark>> = BTreeMap::new();
        for domain in domains {
            for config in &domain.configs {
                let keys = config.keys.iter().map(|key| KeyMark::of(salt, key));
                all.entry((domain.domain.clone(), config.kind.clone())).or_default().extend(keys);
            }
        }
        all.retain(|_, keys| !keys.is_empty());
        Self(all)
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    Appeared,
    /// Another key stands in its place, or its `Iv` is another one.
    Changed,
    /// It is not there any more.
    Vanished,
}

impl ChangeKind {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Changed => "changed",
            Self::Vanished => "vanished",
        }
    }
}

/// A key that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// Domain.
    pub domain: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened.
    pub change: ChangeKind,
    /// Marks before.
    pub before: Option<KeyMark>,
    /// Marks now.
    pub after: Option<KeyMark>,
}

/// Compares two looks. A changed order is no change.
pub fn compare(before: &Marks, after: &Marks) -> Vec<KeyChange> {
    let places: std::collections::BTreeSet<_> = before.0.keys().chain(after.0.keys()).collect();
    let none = Vec::new();
    places
        .into_iter()
        .flat_map(|place| {
            let old = before.0.get(place).unwrap_or(&none);
            let new = after.0.get(place).unwrap_or(&none);
            pairs(old, new).into_iter().map(|(before, after)| KeyChange {
                domain: place.0.clone(),
                kind: place.1.clone(),
                change: match (&before, &after) {
                    (None, _) => ChangeKind::Appeared,
                    (Some(_), Some(_)) => ChangeKind::Changed,
                    (Some(_), None) => ChangeKind::Vanished,
                },
                before,
                after,
            })
        })
        .collect()
}

type Pair = (Option<KeyMark>, Option<KeyMark>);

/// What is left when equal keys are taken out of both lists: first the same key with another `Iv`, then in order.
fn pairs(old: &[KeyMark], new: &[KeyMark]) -> Vec<Pair> {
    let mut old = old.to_vec();
    let mut new = new.to_vec();
    let mut found = take_out(&mut old, &mut new, |a, b| a == b);
    found.clear();
    found.extend(take_out(&mut old, &mut new, |a, b| a.key == b.key));
    let common = old.len().min(new.len());
    let (old_rest, new_rest) = (old.split_off(common), new.split_off(common));
    found.extend(old.into_iter().zip(new).map(|(a, b)| (Some(a), Some(b))));
    found.extend(old_rest.into_iter().map(|a| (Some(a), None)));
    found.extend(new_rest.into_iter().map(|b| (None, Some(b))));
    found
}

fn take_out(
    old: &mut Vec<KeyMark>,
    new: &mut Vec<KeyMark>,
    same: impl Fn(&KeyMark, &KeyMark) -> bool,
) -> Vec<Pair> {
    let mut found = Vec::new();
    old.retain(|a| match new.iter().position(|b| same(a, b)) {
        Some(at) => {
            found.push((Some(a.clone()), Some(new.remove(at))));
            false
        }
        None => true,
    });
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks(keys: &[(&str, &str)]) -> Marks {
        let keys: Vec<KeyMark> =
            keys.iter().map(|(k, iv)| KeyMark { key: (*k).into(), iv: (*iv).into() }).collect();
        let mut all = Marks([(("www".to_owned(), "ksc".to_owned()), keys)].into());
        all.0.retain(|_, keys| !keys.is_empty());
        all
    }

    fn kinds(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<ChangeKind> {
        compare(&marks(before), &marks(after)).into_iter().map(|c| c.change).collect()
    }

    #[test]
    fn tells_what_happened_to_each_key() {
        use ChangeKind::{Appeared, Changed, Vanished};
        assert_eq!(kinds(&[("a", "1"), ("b", "2")], &[("b", "2"), ("a", "1")]), [], "order is no change");
        assert_eq!(kinds(&[("a", "1")], &[("a", "1"), ("b", "2")]), [Appeared]);
        assert_eq!(kinds(&[("a", "1"), ("b", "2")], &[("b", "2")]), [Vanished]);
        assert_eq!(kinds(&[("a", "1"), ("b", "2")], &[("c", "3"), ("b", "2")]), [Changed]);
        assert_eq!(kinds(&[("a", "1")], &[("a", "9")]), [Changed], "another iv");
        assert_eq!(kinds(&[], &[("a", "1")]), [Appeared]);
        assert_eq!(kinds(&[("a", "1"), ("a", "1")], &[("a", "1")]), [Vanished], "a key twice is two keys");
        let change = &compare(&marks(&[("a", "1"), ("b", "2")]), &marks(&[("c", "3"), ("a", "9")]))[0];
        assert_eq!((change.before.as_ref().unwrap().key.as_str(), change.change), ("a", Changed));
    }

    #[test]
    fn marks_reveal_nothing_and_depend_on_the_salt() {
        let key = AuthKey { key: Secret::new("same".into()), iv: Secret::new("same".into()) };
        let one = KeyMark::of(Salt([1; 32]), &key);
        assert_ne!(one.key, one.iv, "a key and an iv of the same text have different marks");
        assert_ne!(one, KeyMark::of(Salt([2; 32]), &key));
        assert_eq!(one, KeyMark::of(Salt([1; 32]), &key));
        assert_eq!(one.key.len(), 16);
    }

    proptest! {
        #[test]
        fn nothing_changed_is_no_change_and_counts_add_up(
            before in prop::collection::vec(("[ab]", "[12]"), 0..6),
            after in prop::collection::vec(("[ab]", "[12]"), 0..6),
        ) {
            let list = |v: &[(String, String)]| {
                v.iter().map(|(k, iv)| KeyMark { key: k.clone(), iv: iv.clone() }).collect::<Vec<_>>()
            };
            let (old, new) = (list(&before), list(&after));
            prop_assert!(pairs(&old, &old).is_empty());
            let changes = pairs(&old, &new);
            let appeared = changes.iter().filter(|(a, _)| a.is_none()).count();
            let vanished = changes.iter().filter(|(_, b)| b.is_none()).count();
            prop_assert_eq!(old.len() + appeared, new.len() + vanished);
            prop_assert!(appeared == 0 || vanished == 0, "what could be a change is one");
        }
    }
}
