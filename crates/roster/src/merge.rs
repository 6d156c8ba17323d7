//! Rows meet: duplicates within a source, keys that lost their zeros, people whom several sources have, keys that look
//! alike. What comes out depends on the rows alone, not on the order of rows or files.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::digest::digest;
use super::error::RosterError;
use super::facts::{FileReport, NoteKind, PresetUse, Problem, Reason, RosterReport, SourceReport};
use super::person::{BlockedRow, Harvest};
use super::reading::Reading;
use super::rules::Rules;
use super::sources::{self, Known, Part};
use super::spellings::Spellings;
use super::{Doubt, DoubtKind, Employment, Field, Person, Roster, SourceFacts, preset};
use crate::config::{Preset, Proof, SecondRow};
use crate::model::{Cell, PersonKey, RowRef};
use crate::pieces;
use crate::reason::{Block, BlockKind, BlockReason, StatusDoubt};

/// What one source gave, row by row.
pub(super) struct SourceRows {
    pub rules: Rules,
    pub harvest: Harvest,
    pub files: Vec<FileReport>,
    /// Why it is late or absent, if it is.
    pub frozen: Option<String>,
}

/// What holds for the whole reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub as_of: NaiveDate,
    pub partial: bool,
    pub max_invalid: f64,
}

/// So many people in two files are no sign that one is a copy of the other.
const FEW: u64 = 3;

/// Joins all sources into the roster.
pub(super) fn join(sources: Vec<SourceRows>, frame: Frame) -> Result<Reading, RosterError> {
    let mut parts = Vec::new();
    let mut facts = Vec::new();
    let mut reports = Vec::new();
    let (mut rows, mut refused_for_values) = (0, 0);
    let mut few = None;
    let (mut doubts, mut spellings) = (BTreeSet::new(), Spellings::default());
    for mut source in sources {
        lost_zeros(&mut source);
        copies(&mut source);
        doubts.append(&mut source.harvest.doubts);
        spellings.join(std::mem::take(&mut source.harvest.spellings));
        rows += source.harvest.rows;
        // A row that contradicts itself was read: it is no sign that the file is not what it should be.
        let contradicting = |row: &&BlockedRow| row.reason.kind() == BlockKind::Contradiction;
        let contradicting = source.harvest.blocked.iter().filter(contradicting).count() as u64;
        refused_for_values += source.files.iter().map(|file| file.refused).sum::<u64>() - contradicting;
        let mut known = group(&mut source);
        freeze(&source, &mut known);
        ambiguous_rows(&mut known, &mut source.files);
        few = few.or(check_min_rows(&source).err());
        facts.push(source_facts(&source));
        parts.push(Part::new(&source.rules, known));
        reports.push(SourceReport {
            name: source.rules.name.clone(),
            preset: (source.rules.preset != Preset::None).then_some(PresetUse {
                name: source.rules.preset,
                verified: preset::is_verified(source.rules.preset),
            }),
            frozen: source.frozen.clone(),
            fill: facts.last().map(|facts| facts.fill.clone()).unwrap_or_default(),
            files: source.files,
        });
    }
    let (mut all, unproven) = sources::combine(parts);
    for (source, row) in unproven {
        if let Some(file) = reports[source].files.iter_mut().find(|file| file.file == row.file) {
            file.note(NoteKind::NotProven, None, row.line, None);
        }
    }
    ambiguous_across(&mut all);
    let mut roster = Roster {
        people: all.people,
        blocked: all.blocked,
        sources: facts,
        digest: String::new(),
        partial: frame.partial,
        doubts: doubts.into_iter().chain(spellings.doubts()).collect(),
    };
    roster.digest = digest(&roster);
    for file in reports.iter_mut().flat_map(|source| &mut source.files) {
        file.problems.sort();
        file.notes.sort_by_key(|note| (note.line, note.kind));
    }
    let report = report(&roster, reports, frame);
    // What is wrong with the rows comes first: it is why there are so few.
    let report = check_invalid(rows, refused_for_values, frame.max_invalid, report)?;
    match few {
        Some(error) => Err(error),
        None => Ok(Reading { roster, report }),
    }
}

fn report(roster: &Roster, sources: Vec<SourceReport>, frame: Frame) -> RosterReport {
    let sum = |count: fn(&SourceFacts) -> u64| roster.sources.iter().map(count).sum();
    RosterReport {
        version: 1,
        as_of: frame.as_of,
        digest: roster.digest.clone(),
        rows: sum(|source| source.rows),
        accepted: sum(|source| source.accepted),
        refused: sum(|source| source.refused),
        people: roster.people.len() as u64,
        blocked: roster.blocked.len() as u64,
        partial: frame.partial,
        departments: departments(roster, frame.as_of),
        doubts: roster.doubts.iter().map(ToString::to_string).collect(),
        sources,
    }
}

/// People who work here, by main department.
fn departments(roster: &Roster, as_of: NaiveDate) -> BTreeMap<String, u64> {
    let mut departments: BTreeMap<String, u64> = BTreeMap::new();
    for person in roster.people.values() {
        let over = person.leave_date.value().is_some_and(|last| *last < as_of);
        if person.employment != Employment::Active || over {
            continue;
        }
        if let Some(main) = person.departments.value().and_then(|paths| paths.first()) {
            *departments.entry(format!("/{}", main.join("/"))).or_default() += 1;
        }
    }
    departments
}

fn source_facts(source: &SourceRows) -> SourceFacts {
    let sum = |count: fn(&FileReport) -> u64| source.files.iter().map(count).sum();
    let rows: u64 = sum(|file| file.rows);
    let share = |filled: u64| if rows == 0 { 0.0 } else { filled as f64 * 100.0 / rows as f64 };
    let mapped: BTreeSet<Field> = source
        .files
        .iter()
        .flat_map(|file| &file.columns)
        .flat_map(|column| column.fields.iter().copied())
        .collect();
    let filled = |field: &Field| source.harvest.filled.get(field).copied().unwrap_or_default();
    SourceFacts {
        name: source.rules.name.clone(),
        files: source.files.iter().map(|file| file.file.clone()).collect(),
        rows,
        accepted: sum(|file| file.accepted),
        refused: sum(|file| file.refused),
        unreadable_key: source.harvest.unreadable_key,
        frozen: source.frozen.is_some(),
        proves_missing: source.rules.proves(Proof::Missing),
        fill: mapped
            .iter()
            .filter(|field| **field != Field::DepartmentLevel)
            .map(|f| (*f, share(filled(f))))
            .collect(),
    }
}

fn check_min_rows(source: &SourceRows) -> Result<(), RosterError> {
    let accepted: u64 = source.files.iter().map(|file| file.accepted).sum();
    if accepted >= source.rules.min_rows || source.files.is_empty() {
        return Ok(());
    }
    let (source_name, limit) = (source.rules.name.clone(), source.rules.min_rows);
    Err(RosterError::TooFewRows { source_name, rows: accepted, limit })
}

/// The run stops when too many rows were refused for what they say.
fn check_invalid(
    rows: u64,
    refused: u64,
    limit: f64,
    report: RosterReport,
) -> Result<RosterReport, RosterError> {
    if rows == 0 || refused as f64 * 100.0 <= limit * rows as f64 {
        return Ok(report);
    }
    let examples: Vec<String> = report
        .sources
        .iter()
        .flat_map(|source| &source.files)
        .flat_map(|file| file.problems.iter().filter(|problem| problem.refused).map(move |p| (file, p)))
        .take(3)
        .map(|(file, problem)| format!("{}:{} {}", file.file, problem.line, problem.message()))
        .collect();
    let (examples, report) = (examples.join("; "), Box::new(report));
    Err(RosterError::TooManyInvalid { refused, rows, limit, examples, report })
}

/// IDs that are shorter than all others and digits only have lost their zeros: whose they are cannot be told.
fn lost_zeros(source: &mut SourceRows) {
    let Some(field) = source.rules.id.fields().first().copied() else { return };
    let id = |person: &Person| person.text.get(field).value().map_or("", |id| *id).to_owned();
    let mut widths: BTreeMap<usize, (u64, bool, bool)> = BTreeMap::new();
    let mut count = |id: &str| {
        let entry = widths.entry(id.chars().count()).or_insert((0, false, true));
        entry.0 += 1;
        entry.1 |= id.starts_with('0');
        entry.2 &= id.bytes().all(|b| b.is_ascii_digit());
    };
    source.harvest.people.iter().for_each(|person| count(&id(person)));
    source.harvest.blocked.iter().for_each(|row| count(&row.id));
    let total: u64 = widths.values().map(|(n, ..)| n).sum();
    let Some((full, (usual, zeros, _))) = widths.iter().max_by_key(|(width, (n, ..))| (*n, **width)) else {
        return;
    };
    let (full, usual, zeros) = (*full, *usual, *zeros);
    let short = total - usual;
    if short == 0 {
        return;
    }
    let all_short_digits =
        widths.iter().all(|(width, (.., digits))| *width == full || *width < full && *digits);
    let proven = zeros && usual > short || short == 1 && usual >= 2;
    if !(all_short_digits && proven) {
        if zeros && let Some(file) = source.files.first_mut() {
            file.note(NoteKind::MixedWidths, None, file.header_line, None);
        }
        return;
    }
    source.harvest.unreadable_key = true;
    let mut refuse = |row: &RowRef, id: &str, accepted: bool| {
        if let Some(file) = source.files.iter_mut().find(|file| file.file == row.file) {
            file.accepted -= u64::from(accepted);
            file.refused += u64::from(accepted);
            let column = file.columns.iter().find(|c| c.fields.contains(&field)).map(|c| c.header.clone());
            file.problem(Problem {
                line: row.line,
                column,
                field: Some(field),
                value: Some(id.to_owned()),
                reason: Reason::KeyLostZeros,
                refused: true,
                other: None,
            });
        }
    };
    source.harvest.people.retain(|person| {
        let id = id(person);
        let keep = id.chars().count() == full;
        if !keep {
            person.rows.iter().for_each(|row| refuse(row, &id, true));
        }
        keep
    });
    source.harvest.blocked.retain(|row| {
        let keep = row.id.chars().count() == full;
        if !keep {
            refuse(&row.row, &row.id, false);
        }
        keep
    });
}

/// Two files that list mostly the same people: a copy beside the original, or an earlier export. Whoever left since is
/// still in the older one, so that nobody would ever leave.
fn copies(source: &mut SourceRows) {
    // Where second rows are expected, files may well share their people.
    if source.files.len() < 2 || source.rules.second_row == SecondRow::First {
        return;
    }
    let mut places: Vec<(&str, &str)> = Vec::with_capacity(source.harvest.people.len());
    for person in &source.harvest.people {
        places.extend(person.rows.first().map(|row| (person.key.as_str(), row.file.as_ref())));
    }
    places.extend(source.harvest.blocked.iter().map(|row| (row.key.as_str(), row.row.file.as_ref())));
    places.sort_unstable();
    places.dedup();
    let mut of_file: BTreeMap<&str, u64> = BTreeMap::new();
    let mut shared: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for same in places.chunk_by(|a, b| a.0 == b.0) {
        for (at, (_, file)) in same.iter().enumerate() {
            *of_file.entry(file).or_default() += 1;
            same[at + 1..].iter().for_each(|(_, other)| *shared.entry((file, other)).or_default() += 1);
        }
    }
    let doubts: Vec<Doubt> = shared
        .into_iter()
        .filter(|((one, other), both)| {
            let fewer = of_file.get(one).min(of_file.get(other)).copied().unwrap_or_default();
            *both > FEW && both * 2 > fewer
        })
        .map(|((one, other), both)| Doubt {
            kind: DoubtKind::CopiedFile,
            source: source.rules.name.clone(),
            what: format!("{one}, {other}"),
            file: both.to_string().into(),
        })
        .collect();
    source.harvest.doubts.extend(doubts);
}

/// One row of a key, readable or not.
enum Row {
    Usable(Person),
    Blocked(BlockedRow),
}

impl Row {
    fn place(&self) -> &RowRef {
        match self {
            Self::Usable(person) => &person.rows[0],
            Self::Blocked(row) => &row.row,
        }
    }
}

/// Brings the rows of each key together.
fn group(source: &mut SourceRows) -> Known {
    let mut people = std::mem::take(&mut source.harvest.people);
    // Backwards: what is taken off the end comes in order, and its memory is free for the map.
    people.sort_unstable_by(|a, b| b.key.cmp(&a.key).then_with(|| b.rows.cmp(&a.rows)));
    let mut blocked: BTreeMap<PersonKey, Vec<BlockedRow>> = BTreeMap::new();
    for row in std::mem::take(&mut source.harvest.blocked) {
        blocked.entry(row.key.clone()).or_default().push(row);
    }
    let mut known = Known::default();
    while !people.is_empty() {
        let piece = pieces::take_last(&mut people, |a, b| a.key == b.key);
        group_piece(source, piece, &mut blocked, &mut known);
    }
    for (key, rows) in blocked {
        several(source, key, rows.into_iter().map(Row::Blocked).collect(), &mut known);
    }
    known
}

fn group_piece(
    source: &mut SourceRows,
    people: Vec<Person>,
    blocked: &mut BTreeMap<PersonKey, Vec<BlockedRow>>,
    known: &mut Known,
) {
    let mut singles: Vec<(PersonKey, Person)> = Vec::with_capacity(people.len());
    let mut people = people.into_iter().peekable();
    while let Some(first) = people.next() {
        let more = people.peek().is_some_and(|next| next.key == first.key);
        if !more && !blocked.contains_key(&first.key) {
            singles.push((first.key.clone(), first));
            continue;
        }
        let key = first.key.clone();
        let mut rows = vec![Row::Usable(first)];
        while let Some(next) = people.next_if(|next| next.key == key) {
            rows.push(Row::Usable(next));
        }
        rows.extend(blocked.remove(&key).unwrap_or_default().into_iter().map(Row::Blocked));
        several(source, key, rows, known);
    }
    known.people.append(&mut singles.into_iter().collect());
}

/// Decides about a key with several rows, or with one that is blocked.
fn several(source: &mut SourceRows, key: PersonKey, mut rows: Vec<Row>, known: &mut Known) {
    rows.sort_by(|a, b| a.place().cmp(b.place()));
    let places: Vec<RowRef> = rows.iter().map(|row| row.place().clone()).collect();
    if source.rules.second_row == SecondRow::First {
        rows = first_row(source, rows);
    }
    let all_blocked = rows.iter().all(|row| matches!(row, Row::Blocked(_)));
    let usable: Vec<&Person> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Usable(person) => Some(person),
            Row::Blocked(_) => None,
        })
        .collect();
    if let ([first, others @ ..], true) = (usable.as_slice(), usable.len() == rows.len())
        && others.iter().all(|other| first.content() == other.content())
    {
        if !others.is_empty() {
            places.iter().skip(1).for_each(|place| note(source, place, NoteKind::MergedRow, &places[0]));
        }
        let person = Person { rows: places, ..(*first).clone() };
        known.people.insert(key, person);
        return;
    }
    if all_blocked {
        let reason = rows.iter().find_map(|row| match row {
            Row::Blocked(row) => Some(row.reason.clone()),
            Row::Usable(_) => None,
        });
        let nothing_said = || BlockReason::UnknownStatus(StatusDoubt::Value { value: String::new() });
        known.blocked.insert(key, blocked(reason.unwrap_or_else(nothing_said), places));
        return;
    }
    for row in &rows {
        let other = places.iter().find(|place| *place != row.place()).map(ToString::to_string);
        refuse(
            &mut source.files,
            row.place(),
            &key,
            Reason::DuplicateKey,
            other,
            matches!(row, Row::Usable(_)),
        );
    }
    known.blocked.insert(key, blocked(BlockReason::DuplicateKey { rows: places.clone() }, places));
}

/// Somebody whose rows cannot be used.
fn blocked(reason: BlockReason, rows: Vec<RowRef>) -> Block {
    Block { rows, ..reason.into() }
}

/// `second_row = "first"`: the first row counts, and the departments of the others follow its own.
fn first_row(source: &mut SourceRows, mut rows: Vec<Row>) -> Vec<Row> {
    let others = rows.split_off(1);
    let Some(Row::Usable(first)) = rows.first_mut() else { return rows };
    let own = first.rows[0].clone();
    let mut paths: Vec<Vec<String>> = first.departments.value().map(|own| own.to_vec()).unwrap_or_default();
    let count = paths.len();
    for other in &others {
        if let Row::Usable(other) = other {
            for path in other.departments.value().into_iter().flat_map(|paths| paths.iter()) {
                if !paths.contains(path) {
                    paths.push(path.clone());
                }
            }
        }
        note(source, other.place(), NoteKind::FirstRowTaken, &own);
    }
    if paths.len() > count {
        first.departments = Cell::Value(paths.into());
    }
    rows
}

fn note(source: &mut SourceRows, place: &RowRef, kind: NoteKind, other: &RowRef) {
    if let Some(file) = source.files.iter_mut().find(|file| file.file == place.file) {
        file.note(kind, None, place.line, Some(other.to_string()));
    }
}

/// Moves an accepted row to the refused ones, and says why.
fn refuse(
    files: &mut [FileReport],
    place: &RowRef,
    key: &PersonKey,
    reason: Reason,
    other: Option<String>,
    accepted: bool,
) {
    if let Some(file) = files.iter_mut().find(|file| file.file == place.file) {
        file.accepted -= u64::from(accepted);
        file.refused += u64::from(accepted);
        let value = Some(key.to_string());
        file.problem(Problem {
            line: place.line,
            column: file.key_column(),
            field: None,
            value,
            reason,
            refused: true,
            other,
        });
    }
}

/// A frozen source says nothing: its people are blocked.
fn freeze(source: &SourceRows, known: &mut Known) {
    if source.frozen.is_none() {
        return;
    }
    for (key, person) in std::mem::take(&mut known.people) {
        let reason = BlockReason::FrozenSource { source: source.rules.name.clone() };
        known.blocked.insert(key, blocked(reason, person.rows));
    }
}

/// Keys of one source that differ only in case or width: nobody can say which one is meant.
fn ambiguous_rows(known: &mut Known, files: &mut [FileReport]) {
    for alike in alike(known) {
        let spelled = alike.iter().map(PersonKey::as_str).collect::<Vec<_>>().join(", ");
        for key in alike.clone() {
            let Some(person) = known.people.remove(&key) else { continue };
            for row in &person.rows {
                refuse(files, row, &key, Reason::AmbiguousKey, Some(spelled.clone()), true);
            }
            known.blocked.insert(key, ambiguous(person.rows, &alike));
        }
    }
}

/// The same across sources.
fn ambiguous_across(all: &mut Known) {
    for alike in alike(all) {
        for key in alike.clone() {
            if let Some(person) = all.people.remove(&key) {
                all.blocked.insert(key, ambiguous(person.rows, &alike));
            }
        }
    }
}

fn ambiguous(rows: Vec<RowRef>, keys: &[PersonKey]) -> Block {
    blocked(BlockReason::AmbiguousKey { keys: keys.to_vec() }, rows)
}

/// Sets of keys that are equal after folding. By a digest of the folded key, for there may be millions.
fn alike(known: &Known) -> Vec<Vec<PersonKey>> {
    let keys = || known.people.keys().chain(known.blocked.keys());
    let mut folded: Vec<u64> = keys().map(|key| short_digest(&key.folded())).collect();
    folded.sort_unstable();
    let twice: std::collections::BTreeSet<u64> =
        folded.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    if twice.is_empty() {
        return Vec::new();
    }
    let mut sets: BTreeMap<String, Vec<PersonKey>> = BTreeMap::new();
    for key in keys().filter(|key| twice.contains(&short_digest(&key.folded()))) {
        sets.entry(key.folded()).or_default().push(key.clone());
    }
    sets.into_values().filter(|keys| keys.len() > 1).collect()
}

fn short_digest(text: &str) -> u64 {
    let digest = blake3::hash(text.as_bytes());
    digest.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
