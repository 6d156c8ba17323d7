//! One cell at a time: what Excel and copying do to values, undone where nothing is lost and named where something is.
//! Which field a cell belongs to, and what a fault means for its row, is decided in `person`.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::facts::{NoteKind, Reason};
use crate::model::{Cell, is_deceptive};

/// A cell after cleaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cleaned<'a> {
    /// What it says; unknown when `fault` is set.
    pub cell: Cell<Cow<'a, str>>,
    /// Why nothing can be said.
    pub fault: Option<Reason>,
    /// What was put right.
    pub note: Option<NoteKind>,
}

impl<'a> Cleaned<'a> {
    fn value(text: Cow<'a, str>, note: Option<NoteKind>) -> Self {
        if text.is_empty() {
            return Self { cell: Cell::Empty, fault: None, note };
        }
        Self { cell: Cell::Value(text), fault: None, note }
    }

    fn fault(reason: Reason) -> Self {
        Self { cell: Cell::Unknown, fault: Some(reason), note: None }
    }
}

/// Signs that copying leaves in cells and that mean nothing.
const fn is_residue(c: char) -> bool {
    matches!(
        c,
        '\u{feff}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{2060}'
            | '\u{202a}'
            | '\u{202c}'
            | '\u{202d}'
            | '\u{2068}'
            | '\u{2069}'
    )
}

const fn is_wide_blank(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{3000}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}')
}

/// Cleans a cell: residue, blanks around it, Excel's text tricks, placeholders, error values, lost digits.
pub(super) fn clean(raw: &str) -> Cleaned<'_> {
    let mut note = None;
    let mut text = Cow::Borrowed(raw);
    if raw.chars().any(|c| is_residue(c) || is_wide_blank(c)) {
        if raw.chars().any(is_residue) {
            note = Some(NoteKind::Invisible);
        }
        let rewritten =
            raw.chars().filter(|c| !is_residue(*c)).map(|c| if is_wide_blank(c) { ' ' } else { c });
        text = Cow::Owned(rewritten.collect());
    }
    text = trimmed(text);
    if let Some(inner) = untricked(&text) {
        note = Some(NoteKind::ExcelText);
        text = Cow::Owned(inner.trim().to_owned());
    }
    if text.chars().any(is_deceptive) {
        return Cleaned::fault(Reason::Control);
    }
    if is_error_value(&text) {
        return Cleaned::fault(Reason::ExcelError);
    }
    if is_scientific(&text) {
        return Cleaned::fault(Reason::Scientific);
    }
    if is_placeholder(&text) {
        return Cleaned { cell: Cell::Empty, fault: None, note: Some(NoteKind::Placeholder) };
    }
    Cleaned::value(text, note)
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// `="001234"` and `'001234`.
fn untricked(text: &str) -> Option<&str> {
    if let Some(inner) = text.strip_prefix("=\"") {
        return inner.strip_suffix('"').filter(|inner| !inner.contains('"'));
    }
    text.strip_prefix('\'').filter(|inner| !inner.is_empty() && !inner.ends_with('\''))
}

/// An error that a formula left: nothing is known, and that is not the same as empty.
fn is_error_value(text: &str) -> bool {
    const ERRORS: [&str; 9] =
        ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"];
    text.starts_with('#')
        && (ERRORS.iter().any(|error| text.eq_ignore_ascii_case(error)) || text.bytes().all(|b| b == b'#'))
}

/// `1.23457E+15`: the digits are gone. `12E3` is left alone, for it may be somebody's ID.
pub(super) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let signed = exponent.starts_with(['+', '-']);
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(exponent)
        && (signed || mantissa.contains('.'))
        && (fraction.is_empty() || digits(fraction))
}

fn is_placeholder(text: &str) -> bool {
    // `Na` is a name (娜); only what a database or a spreadsheet writes is not.
    matches!(
        text,
        "-" | "--" | "---" | "—" | "——" | "/" | "\\" | "无" | "暂无" | "無" | "空" | "未填写" | "NA"
    ) || ["n/a", "n.a.", "nil", "0000-00-00", "(空)", "（空）", "[空]"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
        || is_machine_blank(text)
}

/// What programs write where they have no value. Never a name, wherever it stands: also as a part of a path or a list.
pub(super) fn is_machine_blank(text: &str) -> bool {
    // `Nan` is a name (楠) and `Nat` too: only the spellings of programs count.
    const EXACT: [&str; 7] = ["nan", "NaN", "NAN", "-nan", "-NaN", "NaT", "\\N"];
    const ANY_CASE: [&str; 9] =
        ["<na>", "undefined", "(null)", "<null>", "[null]", "{null}", "null", "none", "(none)"];
    EXACT.contains(&text) || ANY_CASE.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// One spelling for what looks the same: composed characters (NFC), and one blank where there are several. Whether
/// anything changed.
pub(super) fn one_spelling(text: Cow<'_, str>) -> (Cow<'_, str>, bool) {
    let composed = text.is_ascii() || is_nfc(&text);
    if composed && !text.contains("  ") {
        return (text, false);
    }
    let mut spelled = String::with_capacity(text.len());
    for c in text.nfc() {
        if c != ' ' || !spelled.ends_with(' ') {
            spelled.push(c);
        }
    }
    (Cow::Owned(spelled), true)
}

/// Half width instead of full width; whether anything changed.
pub(super) fn half_width(text: &str) -> (Cow<'_, str>, bool) {
    if text.is_ascii() {
        return (Cow::Borrowed(text), false);
    }
    let folded: String = text.nfkc().collect();
    let changed = folded != text;
    (Cow::Owned(folded), changed)
}

/// `1234.0`: digits that were turned into a decimal number. The digits before the point.
pub(super) fn float_tail(text: &str) -> Option<&str> {
    let (whole, tail) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && !tail.is_empty() && tail.bytes().all(|b| b == b'0')).then_some(whole)
}

/// Splits at any of `marks`, trims, drops empty parts, what programs write for them, and repetitions. Marks count in both widths.
pub(super) fn split_list(text: &str, marks: &[char]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let filled = |part: &&str| !part.is_empty() && !is_machine_blank(part);
    for part in text.split(|c| is_mark(c, marks)).map(str::trim).filter(filled) {
        if !parts.iter().any(|known| known == part) {
            parts.push(part.to_owned());
        }
    }
    parts
}

/// Whether `c` is one of the marks, full-width forms of ASCII marks included.
pub(super) fn is_mark(c: char, marks: &[char]) -> bool {
    let folded = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    };
    marks.contains(&c) || marks.contains(&folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(raw: &str) -> Cell<String> {
        clean(raw).cell.map(|text| text.to_string())
    }

    #[test]
    fn what_copying_leaves_is_stripped() {
        for raw in
            ["\u{feff}A1", " A1\u{3000}", "\u{202a}A1\u{202c}", "\tA1\t", "=\"A1\"", "'A1", "A\u{200b}1"]
        {
            assert_eq!(value(raw), Cell::Value("A1".into()), "{raw:?}");
        }
        assert_eq!(value("张\u{a0}三"), Cell::Value("张 三".into()));
        assert_eq!(clean("A\u{200b}1").note, Some(NoteKind::Invisible));
    }

    #[test]
    fn other_invisible_signs_make_the_cell_unknown() {
        for raw in [
            "A\u{0}1",
            "A\u{202e}1",
            "A\u{7}1",
            "A\u{2066}1",
            "A\u{ad}1",
            "A\u{34f}1",
            "A\u{61c}1",
            "A\u{115f}1",
            "A\u{180e}1",
            "A\u{2028}1",
            "A\u{2029}1",
            "A\u{3164}1",
            "A\u{fe0f}1",
            "A\u{e0041}1",
        ] {
            assert_eq!(clean(raw).fault, Some(Reason::Control), "{raw:?}");
        }
    }

    #[test]
    fn placeholders_are_empty_and_errors_unknown() {
        for raw in [
            "",
            "  ",
            "无",
            "-",
            "--",
            "N/A",
            "null",
            "/",
            "nan",
            "NaN",
            "NaT",
            "<NA>",
            "undefined",
            "(null)",
            "\\N",
        ] {
            assert_eq!(value(raw), Cell::Empty, "{raw:?}");
        }
        for raw in ["#N/A", "#REF!", "######"] {
            assert_eq!(clean(raw).fault, Some(Reason::ExcelError), "{raw:?}");
        }
    }

    #[test]
    fn names_that_look_like_placeholders_are_names() {
        for raw in ["Nan", "Na", "Nat", "Null Island"] {
            assert_eq!(value(raw), Cell::Value(raw.into()));
        }
    }

    #[test]
    fn what_looks_the_same_is_spelled_in_one_way() {
        let spelled = |text: &str| one_spelling(text.to_owned().into()).0.into_owned();
        assert_eq!(spelled("Cafe\u{301}  Nord"), "Caf\u{e9} Nord");
        assert_eq!(spelled("研发  部"), "研发 部");
        assert!(!one_spelling("研发 部（一）".into()).1);
    }

    #[test]
    fn lost_digits_are_seen() {
        for raw in ["1.38E+10", "1.23457E+17", "1E+05", "1.0E05"] {
            assert_eq!(clean(raw).fault, Some(Reason::Scientific), "{raw:?}");
        }
        for raw in ["12E3", "E12", "1E", "R2E+D2"] {
            assert_eq!(value(raw), Cell::Value(raw.into()));
        }
        assert_eq!(float_tail("1234.0"), Some("1234"));
        assert_eq!(float_tail("1234.5"), None);
    }

    #[test]
    fn lists_split_in_both_widths() {
        assert_eq!(split_list("a； b;;c，a", &[';', ',']), ["a", "b", "c"]);
        assert_eq!(split_list("nan;OA;(null)", &[';']), ["OA"]);
    }
}
