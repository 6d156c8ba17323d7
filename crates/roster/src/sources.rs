//! Several sources, one roster: who is believed about what. A source proves what it may (`proves`), gives the fields it
//! may (`provides`), and the first of equals wins. With a single source everything here is a walk-through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::rules::Rules;
use super::{Employment, Field, Person, Texts};
use crate::config::Proof;
use crate::model::{Cell, PersonKey, RowRef};
use crate::reason::{Block, BlockReason, StatusDoubt};

/// People and blocked people of one source, by key.
#[derive(Default)]
pub(super) struct Known {
    pub people: BTreeMap<PersonKey, Person>,
    pub blocked: BTreeMap<PersonKey, Block>,
}

/// What one source knows, and what it may say.
pub(super) struct Part {
    name: Arc<str>,
    provides: Vec<Field>,
    present: bool,
    left: bool,
    known: Known,
}

impl Part {
    /// The people of a source under its rules.
    pub(super) fn new(rules: &Rules, known: Known) -> Self {
        Self {
            name: rules.name.clone(),
            provides: rules.provides.clone(),
            present: rules.proves(Proof::Present),
            left: rules.proves(Proof::Left),
            known,
        }
    }

    /// Whether this source may say what it says of a person's job.
    fn proves(&self, person: &Person) -> bool {
        match person.employment {
            Employment::Active | Employment::Pending => self.present,
            Employment::Left => self.left,
        }
    }

    /// Order of belief for a field: sources that name it, then those that name nothing, then the rest.
    fn rank(&self, field: Field) -> u8 {
        match self.provides.as_slice() {
            [] => 1,
            named if named.contains(&field) => 0,
            _ => 2,
        }
    }
}

/// Joins the sources. Also the rows that alone prove nothing, by number of their source.
pub(super) fn combine(mut parts: Vec<Part>) -> (Known, Vec<(usize, RowRef)>) {
    if let [only] = parts.as_mut_slice()
        && only.present
        && only.left
    {
        return (std::mem::take(&mut only.known), Vec::new());
    }
    let keys: BTreeSet<PersonKey> = parts
        .iter()
        .flat_map(|part| part.known.people.keys().chain(part.known.blocked.keys()))
        .cloned()
        .collect();
    let mut all = Known::default();
    let mut unproven = Vec::new();
    for key in keys {
        match judge(&parts, &key) {
            Verdict::Person(person) => {
                all.people.insert(key, *person);
            }
            Verdict::Blocked(blocked) => {
                all.blocked.insert(key, blocked);
            }
            Verdict::Nothing(source, row) => unproven.push((source, row)),
        }
    }
    (all, unproven)
}

enum Verdict {
    Person(Box<Person>),
    Blocked(Block),
    Nothing(usize, RowRef),
}

/// The first source that may speak about the job decides; a source that only adds fields blocks nobody.
fn judge(parts: &[Part], key: &PersonKey) -> Verdict {
    let mut order: Vec<&Part> = parts.iter().collect();
    order.sort_by_key(|part| part.rank(Field::Status));
    for part in &order {
        if let Some(blocked) = part.known.blocked.get(key) {
            return Verdict::Blocked(blocked.clone());
        }
        if let Some(person) = part.known.people.get(key).filter(|person| part.proves(person)) {
            return Verdict::Person(Box::new(joined(parts, person)));
        }
    }
    // Nobody may speak: somebody who "left" is not believed and left alone, anybody else is nobody's yet.
    let claims = parts.iter().enumerate().filter_map(|(at, part)| Some((at, part.known.people.get(key)?)));
    let mut first = None;
    for (at, person) in claims {
        if person.employment == Employment::Left {
            let reason = BlockReason::UnknownStatus(StatusDoubt::Unproven);
            return Verdict::Blocked(Block { rows: person.rows.clone(), ..reason.into() });
        }
        first.get_or_insert((at, person.rows[0].clone()));
    }
    let (at, row) = first.unwrap_or((0, RowRef { file: "".into(), line: 0 }));
    Verdict::Nothing(at, row)
}

/// The person as all sources together describe them; the job as `base` says.
fn joined(parts: &[Part], base: &Person) -> Person {
    let having: Vec<(&Part, &Person)> =
        parts.iter().filter_map(|part| Some((part, part.known.people.get(&base.key)?))).collect();
    if having.len() == 1 {
        return base.clone();
    }
    let mut rows = base.rows.clone();
    having
        .iter()
        .filter(|(_, person)| person.rows != base.rows)
        .for_each(|(_, p)| rows.extend(p.rows.clone()));
    Person {
        key: base.key.clone(),
        sources: having.iter().map(|(part, _)| part.name.clone()).collect(),
        rows,
        employment: base.employment,
        text: texts(&having),
        departments: best(&having, Field::Department, |person| person.departments.clone()),
        roles: best(&having, Field::Roles, |person| person.roles.clone()),
        phones: best(&having, Field::Phone, |person| person.phones.clone()),
        hire_date: best(&having, Field::HireDate, |person| person.hire_date.clone()),
        leave_date: best(&having, Field::LeaveDate, |person| person.leave_date.clone()),
        expires_on: best(&having, Field::ExpiresOn, |person| person.expires_on.clone()),
    }
}

/// The first cell that is not unknown, in the order of belief.
fn best<T>(having: &[(&Part, &Person)], field: Field, cell: impl Fn(&Person) -> Cell<T>) -> Cell<T> {
    let mut order: Vec<&(&Part, &Person)> = having.iter().collect();
    order.sort_by_key(|(part, _)| part.rank(field));
    let cells = order.into_iter().map(|(_, person)| cell(person));
    cells.into_iter().find(|cell| !matches!(cell, Cell::Unknown)).unwrap_or(Cell::Unknown)
}

fn texts(having: &[(&Part, &Person)]) -> Texts {
    let fields: BTreeMap<Field, Cell<String>> = Field::ALL
        .into_iter()
        .filter(|field| field.is_text())
        .map(|field| {
            (field, best(having, field, |person| person.text.get(field).map(|text| (*text).to_owned())))
        })
        .collect();
    fields.into_iter().collect()
}
