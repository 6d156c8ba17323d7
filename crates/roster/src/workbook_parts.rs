//! The measure of a workbook before it is parsed: an .xlsx is a zip of XML parts, and a small one can unpack to
//! gigabytes or make its parser reserve them. Every part that will be parsed is unpacked once here, counted and thrown away.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::budget;

/// The most text between two marks, and in one cell: Excel itself allows 32,767 characters.
const MAX_TOKEN: u64 = 256 * 1024;
/// The most parts of a workbook.
const MAX_PARTS: usize = 10_000;
/// What a part that is kept in memory as a whole may unpack to, besides twice the size of the workbook.
const MAX_KEPT: u64 = 32 << 20;

/// What the parts hold, as far as it changes how they are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// A sheet has merged cells.
    pub merged: bool,
    /// A sheet has a formula without a stored result.
    pub uncalculated: bool,
}

/// Measures a workbook; `None` when the zip holds none. The error says what is wrong with it.
pub(super) fn measure(bytes: &[u8]) -> Result<Option<Parts>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    if archive.len() > MAX_PARTS {
        return Err(format!("{} parts", archive.len()));
    }
    let lower = |name: &str| name.replace('\\', "/").to_lowercase();
    let is_book = |name: &str| lower(name).ends_with("workbook.xml");
    if !archive.file_names().any(|name| name.is_ok_and(|name| is_book(&name))) {
        return Ok(None);
    }
    let mut parts = Parts::default();
    let mut left = budget::unpacked(bytes.len() as u64);
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|e| e.to_string())?;
        let name = lower(&part.name().map_err(|e| e.to_string())?);
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue;
        }
        let streamed = name.contains("worksheets/") && !name.ends_with("sharedstrings.xml");
        let limit = if streamed { left } else { left.min(MAX_KEPT + 2 * bytes.len() as u64) };
        let found = scan(&mut part, limit).map_err(|cause| format!("{name}: {cause}"))?;
        left = left.saturating_sub(found.bytes);
        if streamed {
            parts.merged |= found.merged;
            parts.uncalculated |= found.uncalculated;
        }
    }
    Ok(Some(parts))
}

/// The state of a walk over the bytes of one part.
#[derive(Debug, Default)]
struct Scan {
    bytes: u64,
    /// Bytes since the last `<`, and of text since the last cell or string began.
    token: u64,
    text: u64,
    /// Bytes of all text.
    text_bytes: u64,
    /// The name and attributes of the mark at hand, as far as needed.
    mark: Vec<u8>,
    in_mark: bool,
    formula: bool,
    value: bool,
    merged: bool,
    uncalculated: bool,
    /// How many strings the part says that it has, and how many there are.
    strings: u64,
    items: u64,
    rows: u64,
    regions: u64,
}

/// As much of a mark as is looked at.
const MARK: usize = 16 * 1024;

fn scan(part: &mut dyn Read, limit: u64) -> Result<Scan, String> {
    let mut scan = Scan::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = part.read(&mut buffer).map_err(|e| e.to_string())?;
        if length == 0 {
            break;
        }
        scan.bytes += length as u64;
        if scan.bytes > limit {
            return Err(format!("unpacks to more than {limit} bytes"));
        }
        for byte in &buffer[..length] {
            scan.byte(*byte)?;
        }
    }
    // The parser reserves memory for as many strings as the part says that it has.
    let strings = scan.strings.max(scan.items);
    let kept = strings.saturating_mul(budget::STRING).saturating_add(scan.text_bytes);
    if strings > 0 && kept > budget::STRINGS {
        return Err(format!("{strings} strings"));
    }
    Ok(scan)
}

impl Scan {
    fn byte(&mut self, byte: u8) -> Result<(), String> {
        self.token += 1;
        match byte {
            b'<' => {
                self.token = 0;
                self.in_mark = true;
                self.mark.clear();
            }
            b'>' if self.in_mark => {
                self.in_mark = false;
                self.mark_done()?;
            }
            _ if self.in_mark => {
                if self.mark.len() < MARK {
                    self.mark.push(byte);
                } else if self.mark.starts_with(b"sst") || self.mark.contains(&b':') {
                    return Err(format!("a mark of more than {MARK} bytes"));
                }
            }
            _ => {
                self.text += 1;
                self.text_bytes += 1;
                self.value = true;
            }
        }
        if self.token > MAX_TOKEN || self.text > MAX_TOKEN {
            return Err(format!("a text of more than {MAX_TOKEN} bytes"));
        }
        Ok(())
    }

    fn mark_done(&mut self) -> Result<(), String> {
        let name = self.mark.split(|b| b.is_ascii_whitespace()).next().unwrap_or_default();
        let local = name.rsplit(|b| *b == b':').next().unwrap_or_default();
        let closing = name.first() == Some(&b'/');
        let local = local.strip_prefix(b"/").unwrap_or(local);
        let local = local.strip_suffix(b"/").unwrap_or(local);
        match (local, closing) {
            (b"c" | b"si", false) => {
                self.items += u64::from(local == b"si");
                self.text = 0;
                self.formula = false;
                self.value = false;
            }
            (b"f", false) => self.formula = true,
            // What stood between the marks of a formula is no value.
            (b"f", true) => self.value = false,
            (b"c", true) => self.uncalculated |= self.formula && !self.value,
            (b"mergeCell", false) => {
                self.merged = true;
                self.regions += 1;
                if self.regions > budget::MERGED {
                    return Err(format!("more than {} merged regions", budget::MERGED));
                }
            }
            (b"row", false) => {
                self.rows += 1;
                if self.rows > budget::SHEET_ROWS {
                    return Err(format!("more than {} rows", budget::SHEET_ROWS));
                }
            }
            (b"sst", false) => self.strings = self.strings.max(unique_count(&self.mark)),
            _ => {}
        }
        Ok(())
    }
}

/// The number that a mark says of itself; the parser reserves memory for so many strings.
fn unique_count(mark: &[u8]) -> u64 {
    const NAME: &[u8] = b"uniqueCount";
    let Some(at) = mark.windows(NAME.len()).position(|window| window == NAME) else { return 0 };
    let rest = &mark[at + NAME.len()..];
    let digits = rest.iter().skip_while(|b| !b.is_ascii_digit()).take_while(|b| b.is_ascii_digit());
    digits.fold(0, |n: u64, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(part: &str) -> Option<String> {
        scan(&mut part.as_bytes(), u64::MAX).err()
    }

    #[test]
    fn what_a_part_would_take_is_counted_before_it_is_built() {
        // The parser would reserve 120 MB for these, of which not one is there.
        let promised = format!("<sst uniqueCount=\"5000000\">{}</sst>", "<x/>".repeat(1_250_000));
        assert!(refused(&promised).is_some_and(|cause| cause.contains("5000000 strings")));
        let tiny = format!("<sst uniqueCount=\"1\">{}</sst>", "<si/>".repeat(4_300_000));
        assert!(refused(&tiny).is_some_and(|cause| cause.contains("4300000 strings")));
        assert!(refused(&"<row/>".repeat(1_048_577)).is_some_and(|cause| cause.contains("rows")));
        assert_eq!(refused(&"<row/>".repeat(1_048_576)), None);
        assert!(refused(&"<mergeCell/>".repeat(100_001)).is_some_and(|cause| cause.contains("merged")));
        // Many generators give the number of uses for the number of strings.
        let usual = format!("<sst uniqueCount=\"300000\">{}</sst>", "<si><t>张三</t></si>".repeat(1_000));
        assert_eq!(refused(&usual), None);
    }
}
