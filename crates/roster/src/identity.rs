//! Whether an employee ID still stands for the same human. What tells humans apart is remembered as keyed digests, never
//! in clear; two fields that changed, both old and new being known, block the person until somebody says what happened.
//! Changes within a month of each other count together, or an identity could be worn down night by night. Where it is
//! remembered is `store`'s business.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::facts::{Problem, Reason};
use super::reading::Reading;
use super::{Employment, Field, Person, Texts, digest};
use crate::model::{Cell, PersonKey, RowRef, fold};
use crate::reason::{Block, BlockReason};
use rosterd_core::sabotage::{Flaw, has};

/// How many fields must have changed before somebody is taken for another human.
const CHANGED: usize = 2;
/// Changes that lie less than so many days apart count as one.
const TOGETHER: i64 = 30;
/// Under this name a person who was retired by `person --different` stands in the roster.
const RETIRED: &str = "person --different";

/// What tells one human from another, as digests; a field with several values (phones) has several. Small, for there
/// may be millions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Identity {
    /// Sorted by field.
    marks: Box<[(Field, u64)]>,
    /// The day on which a field's value took the place of another, if that is not long ago.
    since: Box<[(Field, NaiveDate)]>,
    /// Somebody said that this key's human is gone and the key was given to another.
    retired: bool,
}

/// An identity as it is stored.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    marks: BTreeMap<Field, Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    since: BTreeMap<Field, NaiveDate>,
    retired: bool,
}

impl From<Stored> for Identity {
    fn from(stored: Stored) -> Self {
        let of_field = |(field, marks): (Field, Vec<String>)| {
            marks.into_iter().filter_map(move |text| Some((field, u64::from_str_radix(&text, 16).ok()?)))
        };
        Self {
            marks: stored.marks.into_iter().flat_map(of_field).collect(),
            since: stored.since.into_iter().collect(),
            retired: stored.retired,
        }
    }
}

impl From<Identity> for Stored {
    fn from(identity: Identity) -> Self {
        let mut marks: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for (field, mark) in identity.marks {
            marks.entry(field).or_default().push(format!("{mark:016x}"));
        }
        Self { marks, since: identity.since.into_iter().collect(), retired: identity.retired }
    }
}

impl Identity {
    /// The identity of a person by these fields. What is empty or unknown tells nothing.
    pub fn of(person: &Person, fields: &[Field], salt: &[u8; 32]) -> Self {
        let mark = |text: &str| {
            let digest = blake3::keyed_hash(salt, text.as_bytes());
            digest.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
        };
        let of_field = |field: &Field| {
            let field = *field;
            values(person, field).into_iter().map(move |text| (field, mark(&text)))
        };
        let mut marks: Vec<(Field, u64)> = fields.iter().flat_map(of_field).collect();
        marks.sort_unstable();
        Self { marks: marks.into(), ..Self::default() }
    }

    /// The identity of a key whose human is gone.
    pub fn gone() -> Self {
        Self { retired: true, ..Self::default() }
    }

    /// Whether the key's human is gone.
    pub const fn is_retired(&self) -> bool {
        self.retired
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && !self.retired
    }

    fn knows(&self, field: Field) -> bool {
        self.marks.iter().any(|(known, _)| *known == field)
    }

    /// The fields that are known on both sides and have no value in common.
    fn changed(&self, now: &Self) -> Vec<Field> {
        let mut changed: Vec<Field> = now.marks.iter().map(|(field, _)| *field).collect();
        changed.dedup();
        let common = |field: Field| now.marks.iter().any(|mark| mark.0 == field && self.marks.contains(mark));
        changed.retain(|field| self.knows(*field) && !common(*field));
        changed
    }

    /// The fields that changed not long before `today`, by the days that are remembered. One that lies ahead is of a clock
    /// that was put back, and counts too.
    fn recent(&self, today: NaiveDate) -> impl Iterator<Item = (Field, NaiveDate)> {
        let recent = move |day: NaiveDate| today.signed_duration_since(day).num_days() < TOGETHER;
        self.since.iter().copied().filter(move |(_, day)| recent(*day))
    }

    /// The same, with its recent changes as if they were of today.
    fn asked(&self, today: NaiveDate) -> Self {
        let since = self.recent(today).map(|(field, _)| (field, today)).collect();
        Self { since, ..self.clone() }
    }

    /// What is to be remembered: what is known now, and of the rest what was known before; and what changed when.
    fn renewed(&self, now: &Self, changed: &[Field], today: NaiveDate) -> Self {
        let before = self.marks.iter().filter(|(field, _)| !now.knows(*field));
        let mut marks: Vec<(Field, u64)> = before.chain(now.marks.iter()).copied().collect();
        marks.sort_unstable();
        let mut since: BTreeMap<Field, NaiveDate> = self.recent(today).collect();
        since.extend(changed.iter().map(|field| (*field, today)));
        Self { marks: marks.into(), since: since.into_iter().collect(), retired: false }
    }
}

/// The values of a field as they are compared: spelling, width, blanks and middle dots do not matter.
fn values(person: &Person, field: Field) -> Vec<String> {
    let folded = |text: &str| -> String {
        fold(text)
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '·' | '•' | '‧' | '・' | '.'))
            .collect()
    };
    let day = |cell: &Cell<NaiveDate>| cell.value().map(ToString::to_string).into_iter().collect();
    match field {
        Field::Phone => person.phones.value().cloned().unwrap_or_default(),
        Field::HireDate => day(&person.hire_date),
        Field::LeaveDate => day(&person.leave_date),
        Field::ExpiresOn => day(&person.expires_on),
        Field::Department | Field::DepartmentLevel => {
            let paths = person.departments.value().map(|paths| paths.iter().map(|path| path.join("/")));
            paths.into_iter().flatten().map(|path| folded(&path)).collect()
        }
        Field::Roles => person.roles.value().map(|roles| roles.to_vec()).unwrap_or_default(),
        Field::Status => Vec::new(),
        text => person.text.get(text).value().map(|text| folded(text)).into_iter().collect(),
    }
}

/// Compares a roster with what is remembered of people who have an account: whoever seems to be another human is
/// blocked, and retired keys that still have an account stand in it as people who left. Returns what there is to
/// remember anew.
pub fn judge(
    reading: &mut Reading,
    fields: &[Field],
    salt: &[u8; 32],
    remembered: &BTreeMap<PersonKey, Identity>,
) -> BTreeMap<PersonKey, Identity> {
    let today = reading.report.as_of;
    let mut news = BTreeMap::new();
    let mut others: Vec<(PersonKey, Vec<Field>)> = Vec::new();
    for (key, person) in &reading.roster.people {
        let now = Identity::of(person, fields, salt);
        let Some(before) = remembered.get(key).filter(|known| !known.retired) else {
            if !now.is_empty() {
                news.insert(key.clone(), now);
            }
            continue;
        };
        let changed = before.changed(&now);
        if !changed.is_empty() {
            let recent = before.recent(today).map(|(field, _)| field).filter(|field| fields.contains(field));
            let together: BTreeSet<Field> = changed.iter().copied().chain(recent).collect();
            if together.len() >= CHANGED && !has(Flaw::IdentityIgnored) {
                // The question stays open until it is answered: what is asked about grows no older meanwhile.
                let asked = before.asked(today);
                if asked != *before {
                    news.insert(key.clone(), asked);
                }
                others.push((key.clone(), together.into_iter().collect()));
                continue;
            }
        }
        let renewed = before.renewed(&now, &changed, today);
        if renewed != *before {
            news.insert(key.clone(), renewed);
        }
    }
    let mut moved = !others.is_empty();
    for (key, changed) in others {
        block(reading, key, changed);
    }
    for (key, _) in remembered.iter().filter(|(_, known)| known.retired && !has(Flaw::RetiredStays)) {
        moved = true;
        reading.roster.people.entry(key.clone()).or_insert_with(|| departed(key));
    }
    if moved {
        reading.roster.digest = digest::digest(&reading.roster);
        reading.report.digest.clone_from(&reading.roster.digest);
    }
    news
}

fn block(reading: &mut Reading, key: PersonKey, changed: Vec<Field>) {
    let Some(person) = reading.roster.people.remove(&key) else { return };
    let fields = changed.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ");
    let report = &mut reading.report;
    report.people -= 1;
    report.blocked += 1;
    let files = report.sources.iter_mut().flat_map(|source| &mut source.files);
    for (file, row) in files.flat_map(|file| person.rows.first().map(|row| (file, row))) {
        if file.file == row.file {
            let column = file.key_column();
            file.problem(Problem {
                line: row.line,
                column,
                field: None,
                value: Some(key.to_string()),
                reason: Reason::Identity,
                refused: true,
                other: Some(fields.clone()),
            });
            file.problems.sort();
            break;
        }
    }
    let reason = BlockReason::Identity { fields: changed };
    reading.roster.blocked.insert(key, Block { rows: person.rows, ..reason.into() });
}

/// Somebody who has left, on a person's word and not on a row's.
fn departed(key: &PersonKey) -> Person {
    Person {
        key: key.clone(),
        sources: std::sync::Arc::from([]),
        rows: vec![RowRef { file: RETIRED.into(), line: 0 }],
        employment: Employment::Left,
        text: Texts::default(),
        departments: Cell::Unknown,
        roles: Cell::Unknown,
        phones: Cell::Unknown,
        hire_date: Cell::Unknown,
        leave_date: Cell::Unknown,
        expires_on: Cell::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RosterConfig;
    use crate::roster::read_memory;

    const SALT: [u8; 32] = [7; 32];

    fn reading(rows: &str) -> Reading {
        reading_on(0, rows)
    }

    /// What is read so many days after the first.
    fn reading_on(day: u64, rows: &str) -> Reading {
        let csv = format!("工号,姓名,手机,入职日期\n{rows}");
        let day = NaiveDate::default() + chrono::Days::new(day);
        read_memory(&RosterConfig::default(), &[("a.csv", csv.into_bytes())], day).unwrap()
    }

    fn fields() -> Vec<Field> {
        RosterConfig::default().identity
    }

    fn key() -> PersonKey {
        PersonKey::new("1").unwrap()
    }

    /// The same key first with one row, then with another: whether the second is blocked.
    fn blocked(before: &str, after: &str) -> bool {
        let mut first = reading(before);
        let known = judge(&mut first, &fields(), &SALT, &BTreeMap::new());
        let mut second = reading(after);
        let digest = second.roster.digest.clone();
        judge(&mut second, &fields(), &SALT, &known);
        let blocked = second.roster.blocked.contains_key(&key());
        assert_eq!(blocked, second.roster.digest != digest);
        assert_ne!(blocked, second.roster.people.contains_key(&key()));
        assert_eq!(second.report.blocked, u64::from(blocked));
        blocked
    }

    #[test]
    fn two_changes_make_another_human_and_one_does_not() {
        let zhang = "1,张三,13800138000,2020-01-01\n";
        assert!(blocked(zhang, "1,李四,13900139000,2020-01-01\n"));
        assert!(blocked(zhang, "1,李四,13800138000,2026-01-01\n"));
        assert!(!blocked(zhang, "1,李四,13800138000,2020-01-01\n"));
        assert!(!blocked(zhang, "1,张 三,13900139000;13800138000,2020-01-01\n"));
        // What is empty or masked tells nothing.
        assert!(!blocked(zhang, "1,李四,138****8000,\n"));
        assert!(!blocked("1,张三,,\n", "1,李四,13900139000,2026-01-01\n"));
    }

    #[test]
    fn changes_that_lie_apart_are_followed() {
        let mut known = BTreeMap::new();
        for (day, row) in [
            (0, "1,张三,13800138000,\n"),
            (1, "1,张三,,\n"),
            (2, "1,张三丰,13800138000,\n"),
            (3, "1,张三疯,13800138000,\n"),
            (33, "1,张三疯,13900139000,\n"),
        ] {
            let mut reading = reading_on(day, row);
            known.extend(judge(&mut reading, &fields(), &SALT, &known));
            assert!(reading.roster.blocked.is_empty(), "{row}");
        }
    }

    #[test]
    fn an_identity_is_not_worn_down_night_by_night() {
        // Name, then phone; with an empty or masked cell between them; and in the other order.
        for nights in [
            ["1,李四,13800138000,\n", "1,李四,13800138000,\n", "1,李四,13900139000,\n"],
            ["1,李四,,\n", "1,李四,138****8000,\n", "1,李四,13900139000,\n"],
            ["1,张三,13900139000,\n", "1,,13900139000,\n", "1,李四,13900139000,\n"],
        ] {
            let mut first = reading("1,张三,13800138000,\n");
            let mut known = judge(&mut first, &fields(), &SALT, &BTreeMap::new());
            for (day, row) in
                [(1, nights[0]), (2, nights[1]), (29, nights[2]), (40, nights[2]), (65, nights[2])]
            {
                // What is remembered goes through the database each time.
                let stored = serde_json::to_string(&known).unwrap();
                known = serde_json::from_str(&stored).unwrap();
                let mut reading = reading_on(day, row);
                known.extend(judge(&mut reading, &fields(), &SALT, &known));
                // Blocked from the 29th day on, until somebody says what happened, however long that takes.
                assert_eq!(reading.roster.blocked.contains_key(&key()), day >= 29, "{day}: {row}");
            }
        }
    }

    #[test]
    fn what_was_remembered_before_changes_had_days_is_read() {
        let old = r#"{"marks":{"name":["00000000000000ff"]},"retired":false}"#;
        let identity: Identity = serde_json::from_str(old).unwrap();
        assert!(!identity.is_empty() && identity.recent(NaiveDate::default()).next().is_none());
        assert_eq!(serde_json::to_string(&identity).unwrap(), old);
    }

    #[test]
    fn nothing_is_remembered_in_clear_and_a_retired_key_has_left() {
        let mut first = reading("1,张三,13800138000,2020-01-01\n");
        let mut known = judge(&mut first, &fields(), &SALT, &BTreeMap::new());
        let text = serde_json::to_string(&known).unwrap();
        assert!(!text.contains("张三") && !text.contains("13800138000"), "{text}");
        let again = judge(&mut first, &fields(), &SALT, &known);
        assert!(again.is_empty(), "nothing new to remember");
        known.insert(PersonKey::new("1~2").unwrap(), Identity::gone());
        judge(&mut first, &fields(), &SALT, &known);
        assert_eq!(first.roster.people[&PersonKey::new("1~2").unwrap()].employment, Employment::Left);
    }
}
