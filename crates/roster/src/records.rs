//! From lines to records: the rules that stand before the CSV parser. The parser itself is lenient: it would take a
//! stray quote for text and swallow rows. So every record is checked and measured here first, then handed to it whole.

use std::io::{self, Read};

use csv::StringRecord;

use super::budget;
use super::encoding::{LineEnd, LineFault, Lines, MAX_LINE, Text};
use super::error::Damage;

/// The longest cell, in bytes of UTF-8.
pub(super) const MAX_FIELD: usize = 4 * 1024;

/// Damage at a line, in a column counted from 0 where one is known.
#[derive(Debug)]
pub(super) struct Broken {
    pub line: u64,
    pub column: Option<usize>,
    pub fault: LineFault,
}

/// What is demanded of a record once the header is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Strict {
    /// Number of columns.
    pub width: usize,
    /// Whether each column holds a field.
    pub mapped: Vec<bool>,
}

/// One record's way through the quoting rules, line by line.
#[derive(Debug, Clone, Copy, Default)]
struct Scan {
    in_quotes: bool,
    /// A quote was just seen inside quotes: closing, or the first of two.
    maybe_closed: bool,
    /// Columns finished so far.
    column: usize,
    /// Bytes of the cell so far.
    length: usize,
    /// The cell is quoted.
    quoted: bool,
    /// The cell begins with `="`, as Excel's text trick does: 1 for `=`, 2 for `="`, 3 when closed.
    trick: u8,
}

impl Scan {
    /// Takes one line in. An error is the fault in the current column.
    fn line(&mut self, line: &str, delimiter: u8, strict: bool) -> Result<(), Damage> {
        for byte in line.bytes() {
            self.byte(byte, delimiter, strict)?;
        }
        if self.maybe_closed {
            self.in_quotes = false;
            self.maybe_closed = false;
        }
        if !self.in_quotes && self.trick == 2 && strict {
            return Err(Damage::StrayQuote);
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, delimiter: u8, strict: bool) -> Result<(), Damage> {
        if self.in_quotes {
            if self.maybe_closed {
                self.maybe_closed = false;
                if byte != b'"' {
                    self.in_quotes = false;
                    if byte == delimiter {
                        self.next_cell();
                        return Ok(());
                    }
                    return if strict { Err(Damage::StrayQuote) } else { Ok(()) };
                }
            } else if byte == b'"' {
                self.maybe_closed = true;
                return Ok(());
            }
        } else if byte == delimiter {
            if strict && self.trick == 2 {
                return Err(Damage::StrayQuote);
            }
            self.next_cell();
            return Ok(());
        } else if byte == b'"' {
            if self.length == 0 && !self.quoted {
                self.in_quotes = true;
                self.quoted = true;
                return Ok(());
            }
            self.trick = match (self.trick, self.length) {
                (1, 1) => 2,
                (2, _) => 3,
                _ if strict => return Err(Damage::StrayQuote),
                (trick, _) => trick,
            };
        } else if strict && self.trick == 3 {
            return Err(Damage::StrayQuote);
        } else if byte == b'=' && self.length == 0 {
            self.trick = 1;
        }
        self.length += 1;
        if self.length > MAX_FIELD { Err(Damage::FieldTooLong { limit: MAX_FIELD }) } else { Ok(()) }
    }

    fn next_cell(&mut self) {
        *self = Self { column: self.column + 1, ..Self::default() };
    }
}

/// Hands checked records to the CSV parser, one per `read`, so that the line numbers here are always the parser's.
struct Feed<R> {
    lines: Lines<R>,
    delimiter: u8,
    strict: Option<Strict>,
    record: String,
    served: usize,
    /// The line on which the record at hand begins.
    first_line: u64,
    terminated: bool,
    last_quoted: bool,
    inner_breaks: u64,
    blank: u64,
    broken: Option<Broken>,
}

impl<R: Read> Feed<R> {
    /// Reads lines until a record is complete. `false` at the end.
    fn load(&mut self) -> Result<bool, Broken> {
        self.record.clear();
        self.served = 0;
        let mut scan = Scan::default();
        loop {
            let line_start = self.record.len();
            let end = self.lines.next_line(&mut self.record).map_err(|fault| Broken {
                line: self.lines.number(),
                column: None,
                fault,
            })?;
            let Some(end) = end else {
                return if scan.in_quotes {
                    Err(self.damage(&scan, Damage::UnclosedQuote))
                } else {
                    Ok(false)
                };
            };
            let line = &self.record[line_start..];
            if !scan.in_quotes {
                if line.trim().is_empty() {
                    self.blank += 1;
                    if self.blank > budget::BLANK_LINES {
                        return Err(self.damage(&scan, Damage::BlankLines { limit: budget::BLANK_LINES }));
                    }
                    self.record.clear();
                    continue;
                }
                self.first_line = self.lines.number();
            }
            let inside = scan.in_quotes;
            self.check_line(&mut scan, line_start, end, inside)?;
            self.record.push('\n');
            if !scan.in_quotes {
                self.terminated = end.terminated;
                self.last_quoted = scan.quoted;
                return Ok(true);
            }
            if self.record.len() > MAX_LINE {
                return Err(self.damage(&scan, Damage::UnclosedQuote));
            }
        }
    }

    fn check_line(
        &mut self,
        scan: &mut Scan,
        start: usize,
        end: LineEnd,
        inside: bool,
    ) -> Result<(), Broken> {
        let line = &self.record[start..];
        if inside && let Some(strict) = &self.strict {
            let cells = line.bytes().filter(|byte| *byte == self.delimiter).count() + 1;
            if cells >= strict.width && strict.width > 1 {
                return Err(self.damage(scan, Damage::SwallowedRow));
            }
        }
        if let Err(damage) = scan.line(line, self.delimiter, self.strict.is_some()) {
            return Err(self.damage(scan, damage));
        }
        if end.bare_return && self.strict.is_some() {
            return Err(Broken {
                line: self.lines.number(),
                column: None,
                fault: LineFault::Damage(Damage::BareReturn),
            });
        }
        if scan.in_quotes
            && let Some(strict) = &self.strict
        {
            // The file ends here: it was cut, and nobody typed a line break.
            if !end.terminated {
                return Err(self.damage(scan, Damage::UnclosedQuote));
            }
            self.inner_breaks += 1;
            if strict.mapped.get(scan.column).copied().unwrap_or(true) {
                return Err(self.damage(scan, Damage::LineBreak));
            }
            scan.length += 1;
        }
        Ok(())
    }

    fn damage(&self, scan: &Scan, damage: Damage) -> Broken {
        let line = match damage {
            Damage::UnclosedQuote | Damage::LineBreak | Damage::SwallowedRow => self.first_line,
            _ => self.lines.number(),
        };
        Broken { line, column: Some(scan.column), fault: LineFault::Damage(damage) }
    }
}

impl<R: Read> Read for Feed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.served == self.record.len() {
            match self.load() {
                Ok(true) => {}
                Ok(false) => {
                    self.record.clear();
                    self.served = 0;
                    return Ok(0);
                }
                Err(broken) => {
                    self.broken = Some(broken);
                    return Err(io::Error::other("damaged"));
                }
            }
        }
        let rest = &self.record.as_bytes()[self.served..];
        let length = buffer.len().min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.served += length;
        Ok(length)
    }
}

/// The records of a delimited text. Lenient until [`Records::expect`] says what the header is.
pub(super) struct Records<R> {
    parser: csv::Reader<Feed<R>>,
}

impl<R: Read> Records<R> {
    /// Records of `lines` with cells between `delimiter`s.
    pub(super) fn new(lines: Lines<R>, delimiter: u8) -> Self {
        let feed = Feed {
            lines,
            delimiter,
            strict: None,
            record: String::new(),
            served: 0,
            first_line: 0,
            terminated: true,
            last_quoted: false,
            inner_breaks: 0,
            blank: 0,
            broken: None,
        };
        let parser = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            // The number of cells is checked by the caller: only there a footer can be told from a damaged row.
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(16 * 1024)
            .from_reader(feed);
        Self { parser }
    }

    /// From now on records must obey the header.
    pub(super) fn expect(&mut self, strict: Strict) {
        self.parser.get_mut().strict = Some(strict);
    }

    /// Reads the next record; `false` at the end.
    pub(super) fn next(&mut self, record: &mut StringRecord) -> Result<bool, Broken> {
        match self.parser.read_record(record) {
            Ok(more) => Ok(more),
            Err(error) => {
                let line = self.line();
                let feed = self.parser.get_mut();
                Err(feed.broken.take().unwrap_or_else(|| Broken {
                    line,
                    column: None,
                    fault: LineFault::Io(io::Error::other(error)),
                }))
            }
        }
    }

    /// The line on which the record read last begins.
    pub(super) fn line(&self) -> u64 {
        self.parser.get_ref().first_line
    }

    /// Whether the record read last ended with a line end.
    pub(super) fn terminated(&self) -> bool {
        self.parser.get_ref().terminated
    }

    /// Whether the last cell of the record read last was quoted, and so is certainly whole.
    pub(super) fn last_quoted(&self) -> bool {
        self.parser.get_ref().last_quoted
    }

    /// Blank lines met so far.
    pub(super) fn blank(&self) -> u64 {
        self.parser.get_ref().blank
    }

    /// Line breaks inside cells met so far, all in columns that hold no field.
    pub(super) fn inner_breaks(&self) -> u64 {
        self.parser.get_ref().inner_breaks
    }

    /// The encoding, as far as it is known by now.
    pub(super) fn text(&self) -> Text {
        self.parser.get_ref().lines.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(u64, Vec<String>)>;

    fn read(text: &str, strict: Option<Strict>) -> Result<Rows, (u64, Damage)> {
        let mut records = Records::new(Lines::new(text.as_bytes(), Text::Known(encoding_rs::UTF_8)), b',');
        if let Some(strict) = strict {
            records.expect(strict);
        }
        let mut record = StringRecord::new();
        let mut rows = Rows::new();
        loop {
            match records.next(&mut record) {
                Ok(true) => rows.push((records.line(), record.iter().map(str::to_owned).collect())),
                Ok(false) => return Ok(rows),
                Err(Broken { line, fault: LineFault::Damage(damage), .. }) => return Err((line, damage)),
                Err(broken) => panic!("{broken:?}"),
            }
        }
    }

    fn strict(mapped: &[bool]) -> Option<Strict> {
        Some(Strict { width: mapped.len(), mapped: mapped.to_vec() })
    }

    #[test]
    fn lines_are_numbered_across_blank_lines_and_inner_breaks() {
        let text = "a,b\r\n\r\n1,\"x\ny\"\n  \n2,\"q\"\"\"\r\r\n3,=\"007\"";
        let rows = read(text, strict(&[true, false])).unwrap();
        let lines: Vec<u64> = rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 3, 6, 7]);
        assert_eq!(rows[1].1, ["1", "x\ny"]);
        assert_eq!(rows[2].1, ["2", "q\""]);
        assert_eq!(rows[3].1, ["3", "=\"007\""]);
    }

    #[test]
    fn damage_is_refused_where_it_stands() {
        for (text, line, damage) in [
            ("1,a\"b\n", 1, Damage::StrayQuote),
            ("1,\"a\"b\n", 1, Damage::StrayQuote),
            ("0,a\n1,\"a\n2,b\n", 2, Damage::SwallowedRow),
            ("0,a\n1,\"a\nb", 2, Damage::UnclosedQuote),
            ("\"1\n2\",b\n", 1, Damage::LineBreak),
            ("1,a\rb\n", 1, Damage::BareReturn),
            ("1,=\"7\n", 1, Damage::StrayQuote),
            ("1,=\"7\"x\n", 1, Damage::StrayQuote),
        ] {
            assert_eq!(read(text, strict(&[true, false])).unwrap_err(), (line, damage), "{text:?}");
        }
    }

    #[test]
    fn a_long_cell_and_an_endless_quote_are_refused() {
        let long = format!("1,{}\n", "x".repeat(MAX_FIELD + 1));
        assert_eq!(read(&long, None).unwrap_err().1, Damage::FieldTooLong { limit: MAX_FIELD });
        let endless = format!("1,\"{}", "x\n".repeat(MAX_FIELD));
        assert!(read(&endless, strict(&[true, false])).is_err());
    }

    #[test]
    fn before_the_header_loose_quotes_are_text() {
        let rows = read("note: write \"active\" only\n\"a\"b,c\nid,name\n", None).unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[2], (3, vec!["id".into(), "name".into()]));
    }
}
