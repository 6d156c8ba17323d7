//! From rows to people: which rows are people's, whose row it is, which are refused, and what the report tells of it.
//! What the cells say is in `fields`. Knows one file at a time; rows of the same person meet in `merge`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use csv::StringRecord;

use super::budget;
use super::cell::{Cleaned, clean, float_tail, half_width};
use super::error::{Damage, RosterError};
use super::facts::{ColumnUse, FileReport, NoteKind, Problem, Reason, visible};
use super::header::Columns;
use super::rules::Rules;
use super::spellings::Spellings;
use super::status::Status;
use super::{Doubt, DoubtKind, Employment, Field, Person, Texts};
use crate::model::{Cell, PersonKey, RowRef};
use crate::reason::{BlockReason, StatusDoubt};

mod fields;
mod unused;

use unused::Unused;

/// The most different values of one column that are kept to be shared.
const SHARED: usize = 50_000;
/// The most status words of a file that are remembered.
const WORDS: usize = 1_000;

/// A row whose person is known and whose status is not, or contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockedRow {
    pub key: PersonKey,
    pub row: RowRef,
    /// Why nothing can be said of them.
    pub reason: BlockReason,
    pub id: String,
}

/// A last day further ahead than this, in days, contradicts a status that says *gone*: nearer ones are customary, where HR
/// writes the status when the papers are signed.
const AHEAD: i64 = 31;
/// A last day longer past than this, in days, contradicts a status that says *works here*: until then it has only not been
/// brought up to date, and after it whoever has the row has most likely come back.
const PAST: i64 = 90;

/// What the rows of one source come to, before they meet each other.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    pub people: Vec<Person>,
    pub blocked: Vec<BlockedRow>,
    pub unreadable_key: bool,
    /// Filled cells by field.
    pub filled: BTreeMap<Field, u64>,
    pub rows: u64,
    /// What makes it doubtful as a whole.
    pub doubts: BTreeSet<Doubt>,
    pub spellings: Spellings,
}

type Departments = Cell<Arc<[Vec<String>]>>;
type Roles = Cell<Arc<[String]>>;

/// Reads the rows of one file.
pub(super) struct RowReader<'a> {
    rules: &'a Rules,
    columns: Columns,
    sources: Arc<[Arc<str>]>,
    file: Arc<str>,
    pub report: FileReport,
    harvest: &'a mut Harvest,
    departments: BTreeMap<String, Departments>,
    roles: BTreeMap<String, Roles>,
    statuses: BTreeMap<String, Option<Status>>,
    /// Values met in the last column, to recognise one that the end of the file may have cut.
    last_values: BTreeSet<String>,
    key_widths: BTreeMap<usize, u64>,
    unused: Unused,
    /// What was kept since somebody asked, in bytes.
    kept: u64,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: u64,
    /// The column whose cell the end of the file may have cut.
    cut: Option<usize>,
}

impl<'a> RowReader<'a> {
    /// Rows below a header of `columns`.
    pub(super) fn new(
        rules: &'a Rules,
        columns: Columns,
        mut report: FileReport,
        harvest: &'a mut Harvest,
    ) -> Self {
        let line = report.header_line;
        for (_, chosen, others) in &columns.chosen {
            let others: Vec<String> = others.iter().map(|column| columns.title(*column)).collect();
            report.note(NoteKind::ColumnChosen, Some(&columns.title(*chosen)), line, Some(others.join(", ")));
        }
        if columns.login_is_id {
            report.note(
                NoteKind::LoginIsId,
                columns.of.get(&Field::Login).map(|c| columns.title(*c)).as_deref(),
                line,
                None,
            );
        }
        if let Some(department) = columns.of.get(&Field::Department).filter(|_| !columns.levels.is_empty()) {
            report.note(NoteKind::LevelsIgnored, Some(&columns.title(*department)), line, None);
        }
        report.columns = uses(&columns);
        Self {
            sources: Arc::from([rules.name.clone()]),
            unused: Unused::new(&columns, &rules.names),
            rules,
            file: report.file.clone(),
            columns,
            report,
            harvest,
            departments: BTreeMap::new(),
            roles: BTreeMap::new(),
            statuses: BTreeMap::new(),
            last_values: BTreeSet::new(),
            key_widths: BTreeMap::new(),
            kept: 0,
        }
    }

    /// The columns in use.
    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Takes one record in. `cut`: the file ends right behind it, without a line end.
    pub(super) fn record(&mut self, line: u64, record: &StringRecord, cut: bool) -> Result<(), RosterError> {
        if record.iter().all(|cell| matches!(clean(cell).cell, Cell::Empty) && cell.trim().is_empty()) {
            self.report.note(NoteKind::BlankRow, None, line, None);
            return Ok(());
        }
        let width = self.columns.headers.len();
        let fits = record.len() == width;
        if let Some(text) = footer(record, fits) {
            self.report.note(NoteKind::Footer, None, line, Some(text));
            return Ok(());
        }
        if !fits {
            let damage = Damage::FieldCount { found: record.len(), expected: width };
            return Err(RosterError::Damaged { file: self.file.clone(), line, column: None, damage });
        }
        if self
            .columns
            .repeats(&self.rules.names, self.key_field(), |column| record.get(column).unwrap_or_default())
        {
            self.report.note(NoteKind::SecondHeader, None, line, None);
            return Ok(());
        }
        if self.is_sample(record) {
            self.report.note(NoteKind::SampleRow, None, line, None);
            return Ok(());
        }
        self.report.rows += 1;
        self.harvest.rows += 1;
        let place = Place { line, cut: cut.then(|| width.saturating_sub(1)) };
        self.person(record, place);
        self.unused.record(record, &self.rules.statuses);
        if !cut {
            self.remember_last(record, width);
        }
        Ok(())
    }

    /// What was kept in memory since this was asked last, in bytes.
    pub(super) fn kept(&mut self) -> u64 {
        std::mem::take(&mut self.kept)
    }

    /// The report, when the file is at its end.
    pub(super) fn finish(self) -> FileReport {
        for column in self.unused.suspicious() {
            self.harvest.doubts.insert(Doubt {
                kind: DoubtKind::UnusedStatus,
                source: self.rules.name.clone(),
                what: self.columns.title(column),
                file: self.file.clone(),
            });
        }
        self.report
    }

    fn key_field(&self) -> Field {
        self.rules.id.fields().first().copied().unwrap_or(Field::EmployeeId)
    }

    fn is_sample(&self, record: &StringRecord) -> bool {
        let key = self
            .columns
            .of
            .get(&Field::EmployeeId)
            .and_then(|column| record.get(*column))
            .unwrap_or_default();
        ["示例", "样例", "例：", "例:", "填写示例"].iter().any(|word| key.trim().starts_with(word))
    }

    /// A shared value in the last column, such as a position, is whole when another row has it too.
    fn remember_last(&mut self, record: &StringRecord, width: usize) {
        let last = width.saturating_sub(1);
        let shared = [Field::Position, Field::EmployeeType, Field::DepartmentCode];
        if self.last_values.len() < WORDS
            && shared.iter().any(|field| self.columns.of.get(field) == Some(&last))
            && let Some(cell) = record.get(last)
            && !self.last_values.contains(cell)
        {
            self.last_values.insert(cell.to_owned());
        }
    }

    fn person(&mut self, record: &StringRecord, place: Place) {
        let key = match self.key(record, place) {
            Ok(key) => key,
            Err(problem) => {
                self.harvest.unreadable_key = true;
                self.report.refused += 1;
                self.report.problem(problem);
                return;
            }
        };
        let row = RowRef { file: self.file.clone(), line: place.line };
        let text = self.texts(record, place);
        let status = self.status(record, place);
        let phones = self.phones(record, place);
        let departments = self.departments(record, place);
        let roles = self.roles(record, place);
        let hire_date = self.date(Field::HireDate, record, place);
        let leave_date = self.date(Field::LeaveDate, record, place);
        let expires_on = self.date(Field::ExpiresOn, record, place);
        let said = |problem: &Problem| problem.value.clone().unwrap_or_default();
        let unknown = |problem: Problem| {
            let value = said(&problem);
            Box::new((BlockReason::UnknownStatus(StatusDoubt::Value { value }), problem))
        };
        let status = status.map_err(unknown).and_then(|status| {
            let (first, last) = (hire_date.value(), leave_date.value());
            match (self.contradiction(status, first, last, record, place), last) {
                (Some(problem), Some(last)) => Err(Box::new((
                    BlockReason::Contradiction { status: said(&problem), last: *last },
                    problem,
                ))),
                _ => Ok(status),
            }
        });
        let employment = match status {
            Ok(status) => {
                if status.until_a_date && leave_date.value().is_none() {
                    self.note(NoteKind::NoLeaveDate, Field::Status, place.line);
                }
                status.employment
            }
            Err(refused) => {
                let (reason, problem) = *refused;
                self.report.refused += 1;
                let id = self.id_text(&text);
                self.report.problem(problem);
                self.kept += size_of::<BlockedRow>() as u64 + budget::ROW + id.len() as u64;
                self.harvest.blocked.push(BlockedRow { key, row, reason, id });
                return;
            }
        };
        self.report.accepted += 1;
        let numbers =
            phones.value().map_or(0, |numbers| numbers.iter().map(|n| n.len() as u64 + budget::PART).sum());
        let texts = (text.bytes() + key.as_str().len()) as u64;
        self.kept += size_of::<Person>() as u64 + budget::ROW + texts + numbers;
        self.harvest.people.push(Person {
            key,
            sources: self.sources.clone(),
            rows: vec![row],
            employment,
            text,
            departments,
            roles,
            phones,
            hire_date,
            leave_date,
            expires_on,
        });
    }

    /// Whether a row contradicts itself: it says that somebody has left whose last day is long ahead, or works here whose
    /// last day is long past or before the first. Only a status that the row itself gives can do so.
    fn contradiction(
        &self,
        status: Status,
        first: Option<&NaiveDate>,
        last: Option<&NaiveDate>,
        record: &StringRecord,
        place: Place,
    ) -> Option<Problem> {
        let (column, raw) = self.raw(Field::Status, record)?;
        let last = *last?;
        let (today, ahead, past) = (self.rules.calendar.today, TimeDelta::days(AHEAD), TimeDelta::days(PAST));
        let contradicts = match status.employment {
            Employment::Left => last.signed_duration_since(today) > ahead,
            Employment::Active if status.until_a_date => false,
            Employment::Active => {
                today.signed_duration_since(last) > past || first.is_some_and(|first| *first > last)
            }
            Employment::Pending => false,
        };
        let problem = || self.problem(Field::Status, column, raw, place.line, Reason::Contradiction, true);
        contradicts.then(|| Problem { other: Some(last.to_string()), ..problem() })
    }

    fn id_text(&self, text: &Texts) -> String {
        self.rules
            .id
            .fields()
            .first()
            .and_then(|field| text.get(*field).value().copied())
            .unwrap_or_default()
            .to_owned()
    }

    fn key(&mut self, record: &StringRecord, place: Place) -> Result<PersonKey, Problem> {
        let mut parts: BTreeMap<Field, String> = BTreeMap::new();
        for field in self.rules.id.fields() {
            let Some(column) = self.columns.of.get(&field).copied() else { continue };
            let raw = record.get(column).unwrap_or_default();
            let refuse = |reason| self.problem(field, column, raw, place.line, reason, true);
            let (part, note) = key_part(raw).map_err(refuse)?;
            if place.cut == Some(column) && !self.is_usual_width(&part) {
                return Err(refuse(Reason::KeyCut));
            }
            if let Some(note) = note {
                self.note(note, field, place.line);
            }
            *self.key_widths.entry(part.len()).or_default() += 1;
            parts.insert(field, part);
        }
        let key = self.rules.id.fill(|field| parts.get(&field).map_or("", String::as_str));
        PersonKey::new(&key).map_err(|error| {
            let reason = match error {
                crate::model::NameError::TooLong { .. } => Reason::KeyTooLong,
                crate::model::NameError::Empty => Reason::EmptyKey,
                _ => Reason::KeyControl,
            };
            let field = self.rules.id.fields().first().copied().unwrap_or(Field::EmployeeId);
            self.problem(
                field,
                self.columns.of.get(&field).copied().unwrap_or_default(),
                &key,
                place.line,
                reason,
                true,
            )
        })
    }

    fn is_usual_width(&self, part: &str) -> bool {
        let mut widths = self.key_widths.iter();
        matches!((widths.next(), widths.next()), (Some((width, 2..)), None) if *width == part.len())
    }

    fn raw<'r>(&self, field: Field, record: &'r StringRecord) -> Option<(usize, &'r str)> {
        let column = *self.columns.of.get(&field)?;
        Some((column, record.get(column).unwrap_or_default()))
    }

    fn note(&mut self, kind: NoteKind, field: Field, line: u64) {
        let column = self.columns.of.get(&field).map(|column| self.columns.title(*column));
        self.report.note(kind, column.as_deref(), line, None);
    }

    fn fault(&mut self, field: Field, column: usize, raw: &str, line: u64, reason: Reason) {
        let problem = self.problem(field, column, raw, line, reason, false);
        self.report.problem(problem);
    }

    fn problem(
        &self,
        field: Field,
        column: usize,
        raw: &str,
        line: u64,
        reason: Reason,
        refused: bool,
    ) -> Problem {
        let value = visible(field, raw);
        Problem {
            line,
            column: Some(self.columns.title(column)),
            field: Some(field),
            value,
            reason,
            refused,
            other: None,
        }
    }
}

fn uses(columns: &Columns) -> Vec<ColumnUse> {
    let mut uses: Vec<ColumnUse> = columns
        .headers
        .iter()
        .map(|header| ColumnUse { header: header.clone(), fields: Vec::new() })
        .collect();
    let mut mark = |column: usize, field| {
        if let Some(column) = uses.get_mut(column) {
            column.fields.push(field);
        }
    };
    columns.of.iter().for_each(|(field, column)| mark(*column, *field));
    if !columns.of.contains_key(&Field::Department) {
        columns.levels.iter().for_each(|column| mark(*column, Field::DepartmentLevel));
    }
    if let Some((first, last)) = columns.name_pair {
        mark(first, Field::Name);
        mark(last, Field::Name);
    }
    uses
}

/// A part of the person key, or why it cannot be read.
fn key_part(raw: &str) -> Result<(String, Option<NoteKind>), Reason> {
    let Cleaned { cell, fault, note } = clean(raw);
    match (cell, fault) {
        (_, Some(Reason::Control)) => Err(Reason::KeyControl),
        (_, Some(Reason::Scientific)) => Err(Reason::KeyScientific),
        (_, Some(_)) => Err(Reason::KeyError),
        (Cell::Value(text), None) => {
            let (text, changed) = half_width(&text);
            if float_tail(text.trim()).is_some() {
                return Err(Reason::KeyFloat);
            }
            Ok((text.trim().to_owned(), if changed { Some(NoteKind::FullWidth) } else { note }))
        }
        _ => Err(Reason::EmptyKey),
    }
}

/// The text of a row that is a footer: totals, who made the list and when. Nobody is called so.
fn footer(record: &StringRecord, fits: bool) -> Option<String> {
    const WORDS: [&str; 20] = [
        "合计",
        "总计",
        "小计",
        "共计",
        "总人数",
        "合計",
        "總計",
        "小計",
        "制表人",
        "制表",
        "制表日期",
        "制单人",
        "审核人",
        "审核",
        "填表人",
        "打印时间",
        "导出时间",
        "导出人",
        "total",
        "grand total",
    ];
    let first = record.iter().map(str::trim).find(|cell| !cell.is_empty())?;
    let (word, tail) = first.split_once([':', '：']).unwrap_or((first, ""));
    let word = word.trim().to_lowercase();
    let said = WORDS.contains(&word.as_str())
        || !tail.is_empty() && matches!(word.as_str(), "说明" | "备注" | "注" | "note")
        || !fits
            && word
                .strip_prefix('共')
                .is_some_and(|rest| rest.trim().starts_with(|c: char| c.is_ascii_digit()));
    said.then(|| first.chars().take(40).collect())
}
