//! What the cells of a row say, field by field: texts, status, phones, departments, roles, dates. A fault makes a cell
//! unknown and an entry of the report; what becomes of the row is decided in `person`.

use std::sync::Arc;

use chrono::NaiveDate;
use csv::StringRecord;

use super::{Departments, Place, Roles, RowReader, SHARED, WORDS};
use crate::model::{Cell, is_dots};
use crate::roster::budget;
use crate::roster::cell::{Cleaned, clean, half_width, one_spelling, split_list};
use crate::roster::date::{Day, day};
use crate::roster::facts::{NoteKind, Problem, Reason};
use crate::roster::phone::{is_mobile, phones};
use crate::roster::status::Status;
use crate::roster::{Employment, Field, Texts, department};
use rosterd_core::sabotage::{Flaw, has};

impl RowReader<'_> {
    pub(super) fn texts(&mut self, record: &StringRecord, place: Place) -> Texts {
        let rules = self.rules;
        let mut cells: Vec<(Field, Cell<std::borrow::Cow<'_, str>>)> = Vec::with_capacity(6);
        for field in Field::ALL.into_iter().filter(|field| field.is_text()) {
            let Some(column) = self.columns.of.get(&field).copied() else {
                if field == Field::Name && self.columns.name_pair.is_some() {
                    cells.push((field, self.name_pair(record).map(|name| name.clone().into())));
                } else if let Some(value) = rules.constant.get(&field) {
                    cells.push((field, Cell::Value(value.as_str().into())));
                }
                continue;
            };
            let raw = record.get(column).unwrap_or_default();
            let cell = self.cell(field, column, raw, place);
            let cell = match cell {
                Cell::Value(text) if matches!(field, Field::EmployeeId | Field::Login | Field::Email) => {
                    Cell::Value(half_width(&text).0.into_owned().into())
                }
                other => other,
            };
            cells.push((field, cell));
        }
        for (field, cell) in &cells {
            self.count_filled(*field, cell);
        }
        Texts::pack(cells.iter().map(|(field, cell)| (*field, borrowed(cell))))
    }

    fn name_pair(&self, record: &StringRecord) -> Cell<String> {
        let Some((first, last)) = self.columns.name_pair else { return Cell::Unknown };
        let part = |column| {
            let cell = clean(record.get(column).unwrap_or_default()).cell;
            cell.map(|text| one_spelling(text.as_ref().into()).0.into_owned())
        };
        match (part(first), part(last)) {
            (Cell::Value(first), Cell::Value(last)) if last.is_ascii() => {
                Cell::Value(format!("{first} {last}"))
            }
            (Cell::Value(first), Cell::Value(last)) => Cell::Value(format!("{last}{first}")),
            (Cell::Value(one), Cell::Empty) | (Cell::Empty, Cell::Value(one)) => Cell::Value(one),
            (Cell::Empty, Cell::Empty) => Cell::Empty,
            _ => Cell::Unknown,
        }
    }

    /// A cell cleaned; faults become entries of the report, and a cell that may be cut off becomes unknown.
    fn cell<'r>(
        &mut self,
        field: Field,
        column: usize,
        raw: &'r str,
        place: Place,
    ) -> Cell<std::borrow::Cow<'r, str>> {
        let Cleaned { cell, fault, note } = clean(raw);
        if let Some(reason) = fault {
            self.fault(field, column, raw, place.line, reason);
            return Cell::Unknown;
        }
        if let Some(note) = note {
            self.note(note, field, place.line);
        }
        if place.cut == Some(column) && !self.is_surely_whole(field, raw) {
            self.fault(field, column, raw, place.line, Reason::MaybeCut);
            return Cell::Unknown;
        }
        if cell.value().is_some_and(|text| text.contains("**")) {
            self.fault(field, column, raw, place.line, Reason::Masked);
            return Cell::Unknown;
        }
        match cell {
            // These are folded further, by width.
            Cell::Value(_) if matches!(field, Field::EmployeeId | Field::Login) => cell,
            Cell::Value(text) => {
                let (text, changed) = one_spelling(text);
                if changed {
                    self.note(NoteKind::Respelled, field, place.line);
                }
                Cell::Value(text)
            }
            cell => cell,
        }
    }

    /// Whether the last cell of a file without a final line end can be trusted: what a cut would leave is known.
    fn is_surely_whole(&self, field: Field, raw: &str) -> bool {
        match field {
            Field::Department | Field::DepartmentLevel => self.departments.contains_key(raw),
            Field::Roles => self.roles.contains_key(raw),
            Field::Phone => is_mobile(raw.trim()),
            Field::HireDate | Field::LeaveDate | Field::ExpiresOn => {
                NaiveDate::parse_from_str(raw, "%Y-%m-%d").is_ok() && raw.len() == 10
            }
            Field::EmployeeId | Field::Login => self.is_usual_width(raw.trim()),
            Field::Status => true,
            _ => self.last_values.contains(raw),
        }
    }

    pub(super) fn status(&mut self, record: &StringRecord, place: Place) -> Result<Status, Problem> {
        let active = Status { employment: Employment::Active, until_a_date: false };
        let (column, raw) = match self.columns.of.get(&Field::Status).copied() {
            Some(column) => (column, record.get(column).unwrap_or_default()),
            None => match self.rules.constant.get(&Field::Status) {
                Some(word) => (0, word.as_str()),
                None => return Ok(active),
            },
        };
        let known = match self.statuses.get(raw) {
            Some(known) => *known,
            None => {
                let known = match clean(raw).cell {
                    Cell::Value(word) => self.rules.statuses.get(&word, self.columns.inverted_status),
                    Cell::Empty | Cell::Unknown => None,
                };
                if self.statuses.len() < WORDS {
                    self.statuses.insert(raw.to_owned(), known);
                }
                known
            }
        };
        *self.harvest.filled.entry(Field::Status).or_default() += u64::from(!raw.trim().is_empty());
        // The end of the file may have cut a longer word, if the file has such a word that means something else.
        let cut = place.cut == Some(column)
            && self.statuses.iter().any(|(other, status)| {
                other.len() > raw.len()
                    && other.starts_with(raw)
                    && status.map(|s| s.employment) != known.map(|s| s.employment)
            });
        match known {
            Some(status) if !cut => Ok(status),
            _ if has(Flaw::UnknownIsLeft) => Ok(Status { employment: Employment::Left, until_a_date: false }),
            _ => Err(self.problem(Field::Status, column, raw, place.line, Reason::UnknownStatus, true)),
        }
    }

    pub(super) fn phones(&mut self, record: &StringRecord, place: Place) -> Cell<Vec<String>> {
        let Some((column, raw)) = self.raw(Field::Phone, record) else { return self.constant_phones() };
        // Cut or not, marks that other cells may not have are customary around numbers.
        let stripped: String = raw.chars().filter(|c| !is_phone_residue(*c)).collect();
        if stripped.len() != raw.len() {
            self.note(NoteKind::Invisible, Field::Phone, place.line);
        }
        let Cleaned { cell, fault, note } = clean(&stripped);
        if let Some(note) = note {
            self.note(note, Field::Phone, place.line);
        }
        let whole = place.cut != Some(column) || self.is_surely_whole(Field::Phone, raw);
        let result = match (fault, cell) {
            (Some(reason), _) => Err(reason),
            (None, _) if !whole => Err(Reason::MaybeCut),
            (None, Cell::Value(text)) => phones(&text),
            (None, _) => return Cell::Empty,
        };
        match result {
            Ok((numbers, note)) => {
                if let Some(note) = note {
                    self.note(note, Field::Phone, place.line);
                }
                *self.harvest.filled.entry(Field::Phone).or_default() += 1;
                Cell::Value(numbers)
            }
            Err(reason) => {
                self.fault(Field::Phone, column, raw, place.line, reason);
                Cell::Unknown
            }
        }
    }

    fn constant_phones(&self) -> Cell<Vec<String>> {
        match self.rules.constant.get(&Field::Phone).map(|text| phones(text)) {
            Some(Ok((numbers, _))) => Cell::Value(numbers),
            _ => Cell::Unknown,
        }
    }

    pub(super) fn departments(&mut self, record: &StringRecord, place: Place) -> Departments {
        let front = self.rules.constant.get(&Field::Department).map(String::as_str);
        let prefix = front.map(|text| department::segments(text, &self.rules.path_marks)).unwrap_or_default();
        if let Some((column, raw)) = self.raw(Field::Department, record) {
            return self.department_cell(column, raw, &prefix, place);
        }
        if self.columns.levels.is_empty() {
            return if front.is_some() { Cell::Value(Arc::from([prefix])) } else { Cell::Unknown };
        }
        let mut path = Vec::new();
        for column in self.columns.levels.clone() {
            match self.cell(Field::DepartmentLevel, column, record.get(column).unwrap_or_default(), place) {
                Cell::Unknown => return Cell::Unknown,
                Cell::Empty => {}
                Cell::Value(level) => {
                    let parts = department::segments(&level, &self.rules.path_marks);
                    if parts.iter().any(|part| is_dots(part)) {
                        self.fault(Field::DepartmentLevel, column, &level, place.line, Reason::DotDepartment);
                        return Cell::Unknown;
                    }
                    path.extend(parts);
                }
            }
        }
        // No cell can look like this, so the levels of a row and a cell are never taken for each other.
        let raw = format!("\n{}", path.join("\n"));
        if let Some(known) = self.departments.get(&raw) {
            let known = known.clone();
            self.count_filled(Field::Department, &known);
            return known;
        }
        self.placed_once(&raw, if path.is_empty() { Vec::new() } else { vec![path] }, &prefix)
    }

    fn department_cell(&mut self, column: usize, raw: &str, prefix: &[String], place: Place) -> Departments {
        if let Some(known) = self.departments.get(raw) {
            let known = known.clone();
            self.count_filled(Field::Department, &known);
            return known;
        }
        let paths = match self.cell(Field::Department, column, raw, place) {
            Cell::Unknown => return Cell::Unknown,
            Cell::Empty => Vec::new(),
            Cell::Value(text) => {
                department::paths(&text, &self.rules.path_list_marks, &self.rules.path_marks, &[])
            }
        };
        if paths.iter().flatten().any(|part| is_dots(part)) {
            self.fault(Field::Department, column, raw, place.line, Reason::DotDepartment);
            return Cell::Unknown;
        }
        self.placed_once(raw, paths, prefix)
    }

    /// Shares what is the same in many rows, and looks at its spelling once.
    fn placed_once(&mut self, raw: &str, paths: Vec<Vec<String>>, prefix: &[String]) -> Departments {
        let cell = self.placed(paths, prefix);
        let paths = || cell.value().into_iter().flat_map(|paths| paths.iter());
        self.kept +=
            raw.len() as u64 + paths().flatten().map(|part| part.len() as u64 + budget::PART).sum::<u64>();
        if self.departments.len() < SHARED {
            for path in paths() {
                for depth in 1..=path.len().min(budget::SPELLED_DEPTH) {
                    self.harvest.spellings.note(Field::Department, &path[..depth].join("/"));
                }
            }
            self.departments.insert(raw.to_owned(), cell.clone());
        }
        cell
    }

    /// Takes the company off and puts the source's own prefix in front.
    fn placed(&mut self, paths: Vec<Vec<String>>, prefix: &[String]) -> Departments {
        let mut placed: Vec<Vec<String>> = Vec::with_capacity(paths.len());
        for path in paths {
            let mut whole = prefix.to_vec();
            whole.extend(department::strip(path, &self.rules.strip_prefix));
            if !placed.contains(&whole) {
                placed.push(whole);
            }
        }
        let cell: Departments = if placed.is_empty() { Cell::Empty } else { Cell::Value(placed.into()) };
        self.count_filled(Field::Department, &cell);
        cell
    }

    pub(super) fn roles(&mut self, record: &StringRecord, place: Place) -> Roles {
        let Some((column, raw)) = self.raw(Field::Roles, record) else {
            return match self.rules.constant.get(&Field::Roles) {
                Some(text) => Cell::Value(split_list(text, &self.rules.list_marks).into()),
                None => Cell::Unknown,
            };
        };
        if let Some(known) = self.roles.get(raw) {
            let known = known.clone();
            self.count_filled(Field::Roles, &known);
            return known;
        }
        let cell: Roles = match self.cell(Field::Roles, column, raw, place) {
            Cell::Unknown => return Cell::Unknown,
            Cell::Empty => Cell::Empty,
            Cell::Value(text) => match split_list(&text, &self.rules.list_marks) {
                roles if roles.is_empty() => Cell::Empty,
                roles => Cell::Value(roles.into()),
            },
        };
        self.count_filled(Field::Roles, &cell);
        let roles = || cell.value().into_iter().flat_map(|roles| roles.iter());
        self.kept += raw.len() as u64 + roles().map(|role| role.len() as u64 + budget::PART).sum::<u64>();
        if self.roles.len() < SHARED {
            for role in roles() {
                self.harvest.spellings.note(Field::Roles, role);
            }
            self.roles.insert(raw.to_owned(), cell.clone());
        }
        cell
    }

    pub(super) fn date(&mut self, field: Field, record: &StringRecord, place: Place) -> Cell<NaiveDate> {
        let Some((column, raw)) = self.raw(field, record) else {
            return match self.rules.constant.get(&field).and_then(|text| day(text, self.rules.calendar.zone))
            {
                Some(Day::On(date)) => Cell::Value(date),
                _ => Cell::Unknown,
            };
        };
        let cell = match self.cell(field, column, raw, place) {
            Cell::Unknown => return Cell::Unknown,
            Cell::Empty => return Cell::Empty,
            Cell::Value(text) => day(&text, self.rules.calendar.zone),
        };
        match cell {
            Some(Day::On(date)) => {
                *self.harvest.filled.entry(field).or_default() += 1;
                Cell::Value(date)
            }
            Some(Day::Never) => Cell::Empty,
            None => {
                self.fault(field, column, raw, place.line, Reason::BadDate);
                Cell::Unknown
            }
        }
    }

    fn count_filled<T>(&mut self, field: Field, cell: &Cell<T>) {
        if cell.value().is_some() {
            *self.harvest.filled.entry(field).or_default() += 1;
        }
    }
}

fn borrowed<'c>(cell: &'c Cell<std::borrow::Cow<'_, str>>) -> Cell<&'c str> {
    match cell {
        Cell::Unknown => Cell::Unknown,
        Cell::Empty => Cell::Empty,
        Cell::Value(text) => Cell::Value(text),
    }
}

/// Directional marks that phone books put around numbers.
const fn is_phone_residue(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
