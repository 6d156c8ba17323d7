//! Delimited text: encoding, delimiter and header are found on the first stretch, then the rows are streamed. What a
//! row says is `person`'s business.

use std::io::{self, Cursor, Read};

use csv::StringRecord;
use encoding_rs::{Encoding as Charset, UTF_8};

use super::budget;
use super::encoding::{self, FromUtf16, LineFault, Lines, SNIFF, Text};
use super::error::{Damage, RosterError};
use super::facts::{FileReport, NoteKind};
use super::header::{Columns, SameHeader};
use super::open::TooBig;
use super::person::{Harvest, RowReader};
use super::progress::Beat;
use super::records::{Broken, Records, Strict};
use super::rules::Rules;
use crate::config::{Delimiter, FinalNewline};

/// How many records are searched for the header.
pub(super) const HEADER_ROWS: usize = 20;
/// The delimiters that are tried, best first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Reads a delimited text to its end.
pub(super) fn read(
    rules: &Rules,
    mut report: FileReport,
    mut input: Box<dyn Read>,
    harvest: &mut Harvest,
    beat: &Beat,
) -> Result<FileReport, RosterError> {
    let at = |error| fault(&report, Broken { line: 1, column: None, fault: error });
    let (head, at_end) = head(&mut input).map_err(at)?;
    let (marked, skip) = mark(rules, &head);
    if head.iter().skip(skip).all(|byte| byte.is_ascii_whitespace() || *byte == 0) && at_end {
        return Err(RosterError::Empty { file: report.file });
    }
    let (head, input, text, name) = match marked {
        Some(charset) if charset != UTF_8 && charset.name().starts_with("UTF-16") => {
            let body = Cursor::new(head).chain(input);
            let mut input: Box<dyn Read> =
                Box::new(FromUtf16::new(Skip { input: body, left: skip }, charset));
            let (head, _) = self::head(&mut input).map_err(at)?;
            (head, input, Text::Known(UTF_8), Some(Text::Known(charset).name()))
        }
        Some(charset) => (head[skip..].to_vec(), input, Text::Known(charset), None),
        None => {
            let fits = |charset: &'static Charset| {
                search(rules, &head, Text::Known(charset)).map_or(0, |found| found.columns.mapped().len())
            };
            let text =
                encoding::decide(&head, at_end, fits).map_err(|damage| at(LineFault::Damage(damage)))?;
            (head, input, text, None)
        }
    };
    let found = search(rules, &head, text).map_err(|miss| miss.error(rules, &report))?;
    report.delimiter = Some(char::from(found.delimiter));
    report.header_line = found.line;
    if found.index > 0 {
        report.note(NoteKind::Preamble, None, 1, Some(found.index.to_string()));
    }
    let mut records = Records::new(Lines::new(Cursor::new(head).chain(input), text), found.delimiter);
    let mut record = StringRecord::new();
    for index in 0..=found.index {
        if index == found.index {
            // The header itself must be sound, or a column is lost in silence. It may hold line breaks.
            records.expect(Strict { width: usize::MAX, mapped: vec![false; found.columns.headers.len()] });
        }
        match records.next(&mut record) {
            Ok(true) => {}
            Ok(false) => return Err(RosterError::HeaderOnly { file: report.file }),
            Err(broken) => return Err(fault(&report, broken)),
        }
    }
    let mut rows = RowReader::new(rules, found.columns, report, harvest);
    records.expect(strict(rows.columns()));
    rows_of(rules, &mut records, &mut rows, beat)?;
    let mut report = rows.finish();
    report.encoding = Some(name.unwrap_or_else(|| records.text().name()));
    let line = report.header_line;
    for (kind, count) in
        [(NoteKind::UnmappedLineBreak, records.inner_breaks()), (NoteKind::BlankRow, records.blank())]
    {
        (0..count.min(1)).for_each(|_| report.note(kind, None, line, None));
        if let Some(note) = report.notes.iter_mut().find(|note| note.kind == kind) {
            note.count += count.saturating_sub(1);
        }
    }
    Ok(report)
}

fn rows_of<R: Read>(
    rules: &Rules,
    records: &mut Records<R>,
    rows: &mut RowReader<'_>,
    beat: &Beat,
) -> Result<(), RosterError> {
    let mut record = StringRecord::new();
    loop {
        match records.next(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(broken) => {
                let column = broken.column.map(|column| rows.columns().title(column));
                let mut error = fault(&rows.report, broken);
                if let RosterError::Damaged { column: place, .. } = &mut error {
                    *place = column;
                }
                return Err(error);
            }
        }
        let line = records.line();
        let cut = !records.terminated() && !records.last_quoted();
        if !records.terminated() {
            if rules.final_newline == FinalNewline::Require {
                let (file, damage) = (rows.report.file.clone(), Damage::NoFinalNewline);
                return Err(RosterError::Damaged { file, line, column: None, damage });
            }
            rows.report.note(NoteKind::NoFinalNewline, None, line, None);
        }
        rows.record(line, &record, cut)?;
        let kept = rows.kept();
        beat.row(&rows.report.file, rules.max_rows, kept)?;
    }
}

fn strict(columns: &Columns) -> Strict {
    let mut mapped = vec![false; columns.headers.len()];
    for column in columns.mapped() {
        if let Some(slot) = mapped.get_mut(column) {
            *slot = true;
        }
    }
    Strict { width: mapped.len(), mapped }
}

/// The first stretch of a text, and whether it is all of it.
fn head(input: &mut dyn Read) -> Result<(Vec<u8>, bool), LineFault> {
    let mut head = Vec::new();
    match input.take(SNIFF as u64).read_to_end(&mut head) {
        Ok(length) => Ok((head, length < SNIFF)),
        Err(e) => Err(match e.downcast::<Damage>() {
            Ok(damage) => LineFault::Damage(damage),
            Err(e) => LineFault::Io(e),
        }),
    }
}

/// The encoding that is configured, marked or plain to see, and the length of the mark.
fn mark(rules: &Rules, head: &[u8]) -> (Option<&'static Charset>, usize) {
    let marked = encoding::byte_order_mark(head);
    match (encoding::configured(rules.encoding), marked) {
        (Some(charset), Some((same, skip))) if same == charset => (Some(charset), skip),
        (Some(charset), _) => (Some(charset), 0),
        (None, Some((charset, skip))) => (Some(charset), skip),
        (None, None) => (encoding::unmarked_utf16(&head[..head.len().min(4096)]), 0),
    }
}

/// A reader without its first bytes.
struct Skip<R> {
    input: R,
    left: usize,
}

impl<R: Read> Read for Skip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left > 0 {
            let mut mark = [0; 4];
            let length = self.left.min(mark.len());
            self.input.read_exact(&mut mark[..length])?;
            self.left -= length;
        }
        self.input.read(buffer)
    }
}

/// A header that was found.
struct FoundHeader {
    delimiter: u8,
    columns: Columns,
    line: u64,
    /// Records before it.
    index: usize,
}

/// Why none was found.
#[derive(Default)]
struct Miss {
    /// The row that came nearest to a header.
    best: Option<(usize, Columns)>,
    same: Option<(SameHeader, u64)>,
    broken: Option<Broken>,
}

impl Miss {
    fn error(self, rules: &Rules, report: &FileReport) -> RosterError {
        let file = report.file.clone();
        if let Some((same, _)) = self.same {
            let SameHeader { header, first, second, .. } = same;
            return RosterError::SameHeader { file, header, first: first + 1, second: second + 1 };
        }
        match (self.best, self.broken) {
            (None, Some(broken)) => fault(report, broken),
            (Some((_, columns)), Some(broken)) if columns.mapped().is_empty() => fault(report, broken),
            (best, _) => no_header(rules, file, best.map(|(_, columns)| columns)),
        }
    }
}

/// The error for a table without a usable header: what was there, and what may have been meant.
pub(super) fn no_header(rules: &Rules, file: std::sync::Arc<str>, best: Option<Columns>) -> RosterError {
    let columns = best.unwrap_or_default();
    let wanted = rules.id.fields();
    let field = wanted
        .iter()
        .copied()
        .find(|field| !columns.of.contains_key(field))
        .unwrap_or(super::Field::EmployeeId);
    let headers: Vec<String> =
        columns.headers.into_iter().filter(|header| !header.is_empty()).take(40).collect();
    let near = rules.names.nearest(&headers, field).unwrap_or_else(|| "?".into());
    RosterError::NoHeader { file, field, seen: headers.join(", "), near }
}

fn search(rules: &Rules, head: &[u8], text: Text) -> Result<FoundHeader, Box<Miss>> {
    let delimiters = match rules.delimiter {
        Delimiter::Char(one) => vec![one],
        Delimiter::Auto => DELIMITERS.to_vec(),
    };
    let mut best: Option<FoundHeader> = None;
    let mut miss = Miss::default();
    for delimiter in delimiters {
        if let Some(found) = search_with(rules, head, text, delimiter, &mut miss)
            && best.as_ref().is_none_or(|best| found.columns.mapped().len() > best.columns.mapped().len())
        {
            best = Some(found);
        }
    }
    match (best, &miss.same) {
        (Some(found), None) => Ok(found),
        (Some(found), Some((_, line))) if found.line < *line => Ok(found),
        _ => Err(Box::new(miss)),
    }
}

fn search_with(
    rules: &Rules,
    head: &[u8],
    text: Text,
    delimiter: u8,
    miss: &mut Miss,
) -> Option<FoundHeader> {
    let mut records = Records::new(Lines::new(head, text), delimiter);
    let mut record = StringRecord::new();
    let key = rules.id.fields();
    for index in 0..HEADER_ROWS {
        match records.next(&mut record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(broken) => {
                miss.broken = Some(broken);
                return None;
            }
        }
        let line = records.line();
        match Columns::find(&rules.names, record.iter()) {
            Ok(columns) if columns.is_header(&key) => {
                return Some(FoundHeader { delimiter, columns, line, index });
            }
            Ok(columns) => {
                let score = columns.mapped().len() * 100 + columns.headers.len();
                if miss.best.as_ref().is_none_or(|(best, ..)| score > *best) {
                    miss.best = Some((score, columns));
                }
            }
            Err(same) => {
                miss.same.get_or_insert((same, line));
                return None;
            }
        }
    }
    None
}

/// Puts a fault into words, with its place.
pub(super) fn fault(report: &FileReport, broken: Broken) -> RosterError {
    let file = report.file.clone();
    let Broken { line, fault, .. } = broken;
    let line = line.max(1);
    match fault {
        LineFault::Damage(damage) => RosterError::Damaged { file, line, column: None, damage },
        LineFault::Io(cause) => {
            let too_big = cause.get_ref().is_some_and(|inner| inner.is::<TooBig>());
            let unpacking = matches!(
                cause.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
            );
            match () {
                () if too_big => {
                    let packed = report.format == "csv.gz";
                    let limit = if packed { budget::unpacked(report.bytes) } else { budget::FILE };
                    RosterError::TooBig { file, limit }
                }
                () if unpacking => {
                    let damage = Damage::Compression { cause: cause.to_string() };
                    RosterError::Damaged { file, line, column: None, damage }
                }
                () => RosterError::Unreadable { file, cause },
            }
        }
    }
}
