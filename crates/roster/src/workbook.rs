//! Excel workbooks (.xlsx): which sheet, which row is the header, and cells as text. The parts were measured before
//! (`workbook_parts`), so that what is parsed here is bounded. What a row says is `person`'s business.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{CellErrorType, DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use csv::StringRecord;

use super::budget;
use super::error::{Damage, FileKind, RosterError};
use super::facts::{FileReport, NoteKind};
use super::header::Columns;
use super::person::{Harvest, RowReader};
use super::progress::Beat;
use super::records::MAX_FIELD;
use super::rules::Rules;
use super::text_file::{HEADER_ROWS, no_header};
use super::workbook_parts::{self, Parts};
use super::{Doubt, DoubtKind, Field};
use crate::model::fold;

/// The largest number that a sheet keeps every digit of.
const EXACT: f64 = 1e15;
/// Days from Excel's epoch beyond which a number is no date.
const LAST_DAY: f64 = 2_958_466.0;

/// What is kept of a cell that holds no field, in bytes.
const UNUSED: usize = 60;

type Book<'a> = Xlsx<Cursor<&'a [u8]>>;

/// Reads a workbook that lies in memory as a whole.
pub(super) fn read(
    rules: &Rules,
    report: FileReport,
    bytes: &[u8],
    harvest: &mut Harvest,
    beat: &Beat,
) -> Result<FileReport, RosterError> {
    let file = report.file.clone();
    let damaged = |cause: String| RosterError::Damaged {
        file: file.clone(),
        line: 1,
        column: None,
        damage: Damage::Workbook { cause },
    };
    let parts = match workbook_parts::measure(bytes) {
        Ok(Some(parts)) => parts,
        Ok(None) => return Err(RosterError::WrongKind { file, found: FileKind::Zip }),
        Err(cause) => return Err(damaged(cause)),
    };
    // The parser is known to panic on some malformed workbooks; that is damage of the file, not of this program.
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let mut book = Book::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
        sheets(rules, report, &mut book, parts, harvest, beat)
    }));
    answer.unwrap_or_else(|_| Err(damaged("unreadable".to_owned())))
}

/// Reads the first visible sheet that has a header; names the others that have one too.
fn sheets(
    rules: &Rules,
    mut report: FileReport,
    book: &mut Book<'_>,
    parts: Parts,
    harvest: &mut Harvest,
    beat: &Beat,
) -> Result<FileReport, RosterError> {
    let (visible, hidden): (Vec<_>, Vec<_>) =
        book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).cloned().partition(
            |sheet| match &rules.sheet {
                Some(name) => same_sheet(&sheet.name, name),
                None => sheet.visible == SheetVisible::Visible,
            },
        );
    if let Some(sheet) = rules.sheet.clone().filter(|_| visible.is_empty()) {
        let seen = hidden.iter().map(|sheet| sheet.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(RosterError::NoSheet { file: report.file, sheet, seen });
    }
    let hidden = if rules.sheet.is_some() { Vec::new() } else { hidden };
    if !hidden.is_empty() {
        let names: Vec<&str> = hidden.iter().map(|sheet| sheet.name.as_str()).collect();
        report.note(NoteKind::HiddenSheet, None, 1, Some(names.join(", ")));
    }
    let mut best: Option<Columns> = None;
    let mut with_header: Vec<(String, Header)> = Vec::new();
    for sheet in &visible {
        match header(rules, &report, book, &sheet.name)? {
            Found::Header(header) => with_header.push((sheet.name.clone(), *header)),
            Found::Nothing(columns) => {
                let better = |best: &Columns| columns.mapped().len() > best.mapped().len();
                if best.as_ref().is_none_or(better) {
                    best = Some(*columns);
                }
            }
        }
    }
    let mut with_header = with_header.into_iter();
    let Some((name, header)) = with_header.next() else {
        return Err(no_header(rules, report.file, best));
    };
    let others: Vec<String> = with_header.map(|(name, _)| name).collect();
    if !others.is_empty() {
        report.note(NoteKind::SheetLeftOut, None, 1, Some(others.join(", ")));
    }
    let doubt = match () {
        () if rules.sheet.is_some() => None,
        () if !others.is_empty() => {
            Some((DoubtKind::SeveralSheets, format!("{name} ({})", others.join(", "))))
        }
        () => lists_leavers(&name).then(|| (DoubtKind::LeaverSheet, name.clone())),
    };
    harvest.doubts.extend(doubt.map(|(kind, what)| Doubt {
        kind,
        source: rules.name.clone(),
        what,
        file: report.file.clone(),
    }));
    report.sheet = Some(name.clone());
    report.header_line = u64::from(header.row) + 1;
    if header.before > 0 {
        report.note(NoteKind::Preamble, None, 1, Some(header.before.to_string()));
    }
    let merged = if parts.merged { merged(&report, book, &name, header.row)? } else { Vec::new() };
    let reader = RowReader::new(rules, header.columns, report, harvest);
    rows(rules, reader, book, &name, header.row, merged, parts.uncalculated, beat)
}

fn same_sheet(one: &str, other: &str) -> bool {
    fold(one.trim()) == fold(other.trim())
}

/// Whether a sheet is named after people who are not here any more.
fn lists_leavers(name: &str) -> bool {
    const WORDS: [&str; 10] =
        ["离职", "離職", "离退", "退休", "leaver", "terminat", "resign", "former", "departed", "ex-employee"];
    let folded = fold(name);
    WORDS.iter().any(|word| folded.contains(word))
}

/// A header row of a sheet.
struct Header {
    row: u32,
    columns: Columns,
    /// Filled rows above it.
    before: usize,
}

enum Found {
    Header(Box<Header>),
    Nothing(Box<Columns>),
}

fn header(
    rules: &Rules,
    report: &FileReport,
    book: &mut Book<'_>,
    sheet: &str,
) -> Result<Found, RosterError> {
    let key = rules.id.fields();
    let mut best = Columns::default();
    let mut rows = SheetRows::new(report, book, sheet)?;
    for before in 0..HEADER_ROWS {
        let Some((row, cells)) = rows.next()? else { break };
        let width = cells.keys().next_back().map_or(0, |last| *last as usize + 1);
        let texts =
            (0..width).map(|column| cells.get(&(column as u32)).map_or("", |cell| cell.text.as_str()));
        match Columns::find(&rules.names, texts) {
            Ok(columns) if columns.is_header(&key) => {
                return Ok(Found::Header(Box::new(Header { row, columns, before })));
            }
            Ok(columns) => {
                if columns.mapped().len() > best.mapped().len() || best.headers.is_empty() {
                    best = columns;
                }
            }
            Err(same) => {
                let (file, header) = (report.file.clone(), same.header);
                let (first, second) = (same.first + 1, same.second + 1);
                return Err(RosterError::SameHeader { file, header, first, second });
            }
        }
    }
    Ok(Found::Nothing(Box::new(best)))
}

/// A region of merged cells below the header: what its first cell says holds for every row of it.
struct Merged {
    first: u32,
    last: u32,
    column: u32,
    cell: Option<SheetCell>,
}

fn merged(
    report: &FileReport,
    book: &mut Book<'_>,
    sheet: &str,
    header: u32,
) -> Result<Vec<Merged>, RosterError> {
    let regions = book.merge_cells_by_sheet_name(sheet).map_err(|e| broken(report, 1, &e))?;
    let mut merged: Vec<Merged> = regions
        .into_iter()
        .filter(|region| region.start.0 > header && region.end.0 > region.start.0)
        .map(|region| Merged {
            first: region.start.0,
            last: region.end.0,
            column: region.start.1,
            cell: None,
        })
        .collect();
    merged.sort_by_key(|region| (region.first, region.column));
    Ok(merged)
}

#[expect(clippy::too_many_arguments, reason = "one private step with everything that was found out before")]
fn rows(
    rules: &Rules,
    mut reader: RowReader<'_>,
    book: &mut Book<'_>,
    sheet: &str,
    header: u32,
    merged: Vec<Merged>,
    uncalculated: bool,
    beat: &Beat,
) -> Result<FileReport, RosterError> {
    let layout = Layout::new(rules, reader.columns());
    let used = |region: &Merged| layout.mapped.contains(&(region.column as usize));
    let mut merged = merged.into_iter().filter(used).peekable();
    let mut open: Vec<Merged> = Vec::new();
    let report = reader.report.clone();
    let mut rows = SheetRows::new(&report, book, sheet)?;
    let mut record = StringRecord::new();
    while let Some((row, mut cells)) = rows.next()? {
        if row <= header {
            continue;
        }
        open.retain(|region| region.last >= row);
        while let Some(region) = merged.next_if(|region| region.first <= row) {
            // Regions do not overlap: of those of a column one is open at a time.
            open.retain(|other| other.column != region.column);
            open.push(region);
        }
        for region in &mut open {
            match (cells.get(&region.column), &region.cell) {
                (Some(cell), _) if region.first == row => region.cell = Some(cell.clone()),
                (None, Some(cell)) => {
                    cells.insert(region.column, cell.clone());
                }
                _ => {}
            }
        }
        let line = u64::from(row) + 1;
        layout.fill(&mut record, cells, uncalculated, line, &mut reader)?;
        reader.record(line, &record, false)?;
        beat.row(&report.file, rules.max_rows, reader.kept())?;
    }
    Ok(reader.finish())
}

/// How the cells of a row become a record below the header.
struct Layout {
    width: u32,
    mapped: Vec<usize>,
    /// Columns in which a line break separates values.
    lists: Vec<usize>,
    keys: Vec<usize>,
}

impl Layout {
    fn new(rules: &Rules, columns: &Columns) -> Self {
        let of = |field| columns.of.get(&field).copied();
        Self {
            width: u32::try_from(columns.headers.len()).unwrap_or(u32::MAX),
            mapped: columns.mapped(),
            lists: [Field::Department, Field::Roles, Field::Phone].into_iter().filter_map(of).collect(),
            keys: rules.id.fields().into_iter().filter_map(of).collect(),
        }
    }

    fn fill(
        &self,
        record: &mut StringRecord,
        mut cells: BTreeMap<u32, SheetCell>,
        uncalculated: bool,
        line: u64,
        reader: &mut RowReader<'_>,
    ) -> Result<(), RosterError> {
        record.clear();
        let blank = cells.values().all(|cell| cell.text.trim().is_empty());
        for column in 0..self.width {
            let place = column as usize;
            let cell = cells.remove(&column).unwrap_or_default();
            if !self.mapped.contains(&place) {
                // Only short words matter there.
                let word = cell.text.len() <= UNUSED && !cell.text.contains(['\n', '\r']);
                record.push_field(if word { &cell.text } else { "…" });
                continue;
            }
            if cell.text.len() > MAX_FIELD {
                let damage = Damage::FieldTooLong { limit: MAX_FIELD };
                let (file, column) = (reader.report.file.clone(), Some(reader.columns().title(place)));
                return Err(RosterError::Damaged { file, line, column, damage });
            }
            if cell.number && self.keys.contains(&place) {
                let title = reader.columns().title(place);
                reader.report.note(NoteKind::NumericKey, Some(&title), line, None);
            }
            if cell.text.is_empty() && uncalculated && !blank {
                // A formula without a stored result reads as empty; where there are such, nothing is known of it.
                record.push_field("#CALC!");
            } else if cell.text.contains(['\n', '\r']) {
                let mark = if self.lists.contains(&place) { ";" } else { " " };
                let lines: Vec<&str> =
                    cell.text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).collect();
                record.push_field(&lines.join(mark));
            } else {
                record.push_field(&cell.text);
            }
        }
        Ok(())
    }
}

/// A cell as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct SheetCell {
    text: String,
    /// It is a number in the sheet.
    number: bool,
}

/// A row's number from 0, and its filled cells by column.
type SheetRow = (u32, BTreeMap<u32, SheetCell>);

/// The filled rows of a sheet, in order.
struct SheetRows<'r, 'b, 'd> {
    report: &'r FileReport,
    cells: calamine::XlsxCellReader<'b, Cursor<&'d [u8]>>,
    ahead: Option<(u32, u32, SheetCell)>,
    row: u32,
    ended: bool,
}

impl<'r, 'b, 'd> SheetRows<'r, 'b, 'd> {
    fn new(report: &'r FileReport, book: &'b mut Book<'d>, sheet: &str) -> Result<Self, RosterError> {
        let cells = book.worksheet_cells_reader(sheet).map_err(|e| broken(report, 1, &e))?;
        Ok(Self { report, cells, ahead: None, row: 0, ended: false })
    }

    fn next(&mut self) -> Result<Option<SheetRow>, RosterError> {
        let mut cells = BTreeMap::new();
        let mut row = None;
        let mut bytes = 0;
        loop {
            let (at, column, cell) = match self.ahead.take() {
                Some(ahead) => ahead,
                None if self.ended => return Ok(None),
                None => match self.cells.next_cell().map_err(|e| broken(self.report, self.row, &e))? {
                    None => {
                        self.ended = true;
                        return Ok(row.map(|row| (row, cells)));
                    }
                    Some(cell) => {
                        let (at, column) = cell.get_position();
                        (at, column, text(cell.get_value()))
                    }
                },
            };
            if at < self.row {
                let cause = "rows out of order".to_owned();
                let (file, line) = (self.report.file.clone(), u64::from(at) + 1);
                return Err(RosterError::Damaged {
                    file,
                    line,
                    column: None,
                    damage: Damage::Workbook { cause },
                });
            }
            if cell.text.is_empty() {
                continue;
            }
            bytes += cell.text.len();
            if column >= budget::SHEET_COLUMNS || bytes > budget::SHEET_ROW {
                let damage = Damage::LineTooLong { limit: budget::SHEET_ROW };
                let (file, line) = (self.report.file.clone(), u64::from(at) + 1);
                return Err(RosterError::Damaged { file, line, column: None, damage });
            }
            if *row.get_or_insert(at) != at {
                self.ahead = Some((at, column, cell));
                return Ok(row.map(|row| (row, cells)));
            }
            self.row = at;
            cells.insert(column, cell);
        }
    }
}

fn broken(report: &FileReport, row: u32, error: &XlsxError) -> RosterError {
    RosterError::Damaged {
        file: report.file.clone(),
        line: u64::from(row) + 1,
        column: None,
        damage: Damage::Workbook { cause: error.to_string() },
    }
}

fn text(value: &DataRef<'_>) -> SheetCell {
    let plain = |text: String| SheetCell { text, number: false };
    match value {
        DataRef::Int(number) => SheetCell { text: number.to_string(), number: true },
        DataRef::Float(number) => SheetCell { text: float(*number), number: true },
        DataRef::String(text) => plain(text.clone()),
        DataRef::SharedString(text) => plain((*text).to_owned()),
        DataRef::Bool(yes) => plain(if *yes { "true" } else { "false" }.to_owned()),
        DataRef::DateTime(date) => plain(date_text(date)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => plain(text.clone()),
        DataRef::Error(error) => plain(error_text(error).to_owned()),
        DataRef::Empty => SheetCell::default(),
    }
}

/// A number as its digits; beyond 15 of them as what it is, so that nobody takes the zeros at its end for digits.
fn float(number: f64) -> String {
    if number.abs() >= EXACT { format!("{number:e}").replace('e', "E+") } else { number.to_string() }
}

fn date_text(date: &ExcelDateTime) -> String {
    let in_range = (0.0..LAST_DAY).contains(&date.as_f64()) && date.is_datetime();
    match in_range.then(|| date.as_datetime()).flatten() {
        Some(moment) => moment.date().to_string(),
        None => date.as_f64().to_string(),
    }
}

const fn error_text(error: &CellErrorType) -> &'static str {
    match error {
        CellErrorType::Div0 => "#DIV/0!",
        CellErrorType::NA => "#N/A",
        CellErrorType::Name => "#NAME?",
        CellErrorType::Null => "#NULL!",
        CellErrorType::Num => "#NUM!",
        CellErrorType::Ref => "#REF!",
        CellErrorType::Value => "#VALUE!",
        _ => "#N/A",
    }
}
