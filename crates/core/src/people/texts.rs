//! The single-valued texts of one person, packed into one allocation: a roster of a million people is held in memory,
//! and a map per person would cost more than the file itself. Nothing here knows what the texts mean.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Field;
use crate::model::Cell;

/// Text cells by field. A field that was never set is [`Cell::Unknown`].
///
/// Packed as `<field letter><length>:<text>`, the length left out for an empty cell; unknown cells are not stored.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Texts(Box<str>);

impl Texts {
    /// The cell of one field.
    pub fn get(&self, field: Field) -> Cell<&str> {
        self.iter().find(|(f, _)| *f == field).map_or(Cell::Unknown, |(_, cell)| cell)
    }

    /// The stored cells in field order; unknown ones are left out.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Cell<&str>)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (field, tail) = (Field::ALL.get(letter_index(rest)?)?, rest.get(1..)?);
            let (length, tail) = tail.split_once(':')?;
            if length.is_empty() {
                rest = tail;
                return Some((*field, Cell::Empty));
            }
            let (text, tail) = tail.split_at_checked(length.parse().ok()?)?;
            rest = tail;
            Some((*field, Cell::Value(text)))
        })
    }

    /// What it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Sets one cell. Costs a copy of everything: meant for joining sources and for tests.
    pub fn set(&mut self, field: Field, cell: Cell<&str>) {
        let mut cells: BTreeMap<Field, Cell<&str>> = self.iter().collect();
        cells.insert(field, cell);
        *self = Self::pack(cells);
    }

    /// Packs cells; of a field that comes twice the last counts.
    pub fn pack<'a>(cells: impl IntoIterator<Item = (Field, Cell<&'a str>)>) -> Self {
        let sorted: BTreeMap<Field, Cell<&str>> = cells.into_iter().collect();
        let mut packed = String::new();
        for (field, cell) in sorted {
            let letter = char::from(b'a'.saturating_add(field as u8));
            match cell {
                Cell::Unknown => {}
                Cell::Empty => packed.extend([letter, ':']),
                Cell::Value(text) => {
                    packed.push(letter);
                    packed.push_str(&text.len().to_string());
                    packed.push(':');
                    packed.push_str(text);
                }
            }
        }
        Self(packed.into_boxed_str())
    }
}

fn borrowed(cell: &Cell<String>) -> Cell<&str> {
    match cell {
        Cell::Unknown => Cell::Unknown,
        Cell::Empty => Cell::Empty,
        Cell::Value(text) => Cell::Value(text),
    }
}

fn letter_index(rest: &str) -> Option<usize> {
    rest.bytes().next()?.checked_sub(b'a').map(usize::from)
}

impl FromIterator<(Field, Cell<String>)> for Texts {
    fn from_iter<I: IntoIterator<Item = (Field, Cell<String>)>>(cells: I) -> Self {
        let cells: BTreeMap<Field, Cell<String>> = cells.into_iter().collect();
        Self::pack(cells.iter().map(|(field, cell)| (*field, borrowed(cell))))
    }
}

impl<const N: usize> From<[(Field, Cell<String>); N]> for Texts {
    fn from(cells: [(Field, Cell<String>); N]) -> Self {
        cells.into_iter().collect()
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<Field, Cell<String>>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell<String>> {
        prop_oneof![Just(Cell::Unknown), Just(Cell::Empty), "[a-z0-9:张]{0,6}".prop_map(Cell::Value)]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(cells in proptest::collection::btree_map(0..Field::ALL.len(), cell(), 0..8)) {
            let texts: Texts = cells.iter().map(|(i, cell)| (Field::ALL[*i], cell.clone())).collect();
            for (i, field) in Field::ALL.into_iter().enumerate() {
                let expected = cells.get(&i).cloned().unwrap_or_default();
                prop_assert_eq!(texts.get(field).map(|text| (*text).to_owned()), expected);
            }
            let json = serde_json::to_string(&texts).unwrap();
            prop_assert_eq!(serde_json::from_str::<Texts>(&json).unwrap(), texts);
        }
    }

    #[test]
    fn set_replaces_one_cell() {
        let mut texts =
            Texts::from([(Field::Name, Cell::Value("张三".into())), (Field::Position, Cell::Empty)]);
        texts.set(Field::Name, Cell::Value("李四"));
        assert_eq!(texts.get(Field::Name), Cell::Value("李四"));
        assert_eq!(texts.get(Field::Position), Cell::Empty);
        assert_eq!(texts.get(Field::Email), Cell::Unknown);
    }
}
