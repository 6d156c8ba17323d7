//! The validation report: what was read, how, and every row and cell that could not be used. Data only; tables and
//! HTML are made from it elsewhere. Personal values are left out here already, and phones masked.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::Field;
use crate::model::mask_phone;

/// How many problems of one file, and examples of one kind of note, are kept; the rest is counted.
pub const KEPT: usize = 10_000;

/// What reports call an answer of a directory.
pub(super) const LDAP_FORMAT: &str = "ldap";

/// What was read, for people and for `--output json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RosterReport {
    /// Version of this format: 1.
    pub version: u32,
    /// The day it was read for.
    pub as_of: NaiveDate,
    /// The roster's digest.
    pub digest: String,
    /// Data rows met.
    pub rows: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows refused.
    pub refused: u64,
    /// People with a usable row.
    pub people: u64,
    /// People whose rows cannot be used.
    pub blocked: u64,
    /// `--roster PATH` without `--authoritative`.
    pub partial: bool,
    /// What makes it doubtful as a whole, in words.
    pub doubts: Vec<String>,
    /// The sources, in configured order.
    pub sources: Vec<SourceReport>,
    /// People who work here, by main department.
    pub departments: BTreeMap<String, u64>,
}

/// What one source gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SourceReport {
    /// Its name.
    pub name: Arc<str>,
    /// The preset in use and whether the vendor documents what it relies on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<PresetUse>,
    /// Why it is frozen, if it is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// Its files, sorted.
    pub files: Vec<FileReport>,
    /// Share of filled cells per field, in percent.
    pub fill: BTreeMap<Field, f64>,
}

/// A preset in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PresetUse {
    /// Which.
    pub name: crate::config::Preset,
    /// Held against the vendor's documentation; otherwise against templates seen in public.
    pub verified: bool,
}

/// What one file gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FileReport {
    /// File name.
    pub file: Arc<str>,
    /// Size in bytes.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Option<DateTime<Utc>>,
    /// BLAKE3 of its bytes, in hex.
    pub digest: String,
    /// `csv`, `csv.gz`, `xlsx` or `ldap`.
    pub format: &'static str,
    /// Encoding, for text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<&'static str>,
    /// Delimiter, for text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Sheet, for a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Line of the header.
    pub header_line: u64,
    /// Header and field of each column, in order; no field: the column is not used.
    pub columns: Vec<ColumnUse>,
    /// Data rows met.
    pub rows: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows refused.
    pub refused: u64,
    /// How many problems there were, by reason; also those that are not listed.
    pub reasons: BTreeMap<Reason, u64>,
    /// The problems, by line; at most [`KEPT`].
    pub problems: Vec<Problem>,
    /// What was put right or left out, by kind.
    pub notes: Vec<Note>,
}

/// A column and what it is used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnUse {
    /// As in the file.
    pub header: String,
    /// The fields it holds; empty: not used.
    pub fields: Vec<Field>,
}

/// A row or cell that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Line of the file (of a workbook: the row).
    pub line: u64,
    /// The column's header, if it is about one.
    pub column: Option<String>,
    /// The field, if it is about one.
    pub field: Option<Field>,
    /// The value, unless it is personal; phones are masked.
    pub value: Option<String>,
    /// Why.
    pub reason: Reason,
    /// Whether the row was refused; otherwise only this cell is unknown.
    pub refused: bool,
    /// Another place that it is about, for example the other row of a duplicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

impl Problem {
    /// The problem in words, without the place.
    pub fn message(&self) -> String {
        let text = rust_i18n::t!(
            format!("roster.problem.{}", self.reason.word()),
            value = self.value.as_deref().unwrap_or("…"),
            other = self.other.as_deref().unwrap_or_default()
        );
        text.into_owned()
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        rust_i18n::t!(format!("roster.advice.{}", self.reason.word())).into_owned()
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "the words are explained in the translations")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Everything there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words! {
    /// Why a row or a cell cannot be used.
    Reason {
        EmptyKey => "empty_key",
        KeyLostZeros => "key_lost_zeros",
        KeyScientific => "key_scientific",
        KeyFloat => "key_float",
        KeyError => "key_error",
        KeyControl => "key_control",
        KeyTooLong => "key_too_long",
        KeyCut => "key_cut",
        UnknownStatus => "unknown_status",
        DuplicateKey => "duplicate_key",
        AmbiguousKey => "ambiguous_key",
        FrozenSource => "frozen_source",
        Identity => "identity",
        Control => "control",
        ExcelError => "excel_error",
        Scientific => "scientific",
        Masked => "masked",
        BadPhone => "bad_phone",
        BadDate => "bad_date",
        MaybeCut => "maybe_cut",
        DotDepartment => "dot_department",
        Contradiction => "contradiction",
    }
}

words! {
    /// What was put right, or left out, without harm.
    NoteKind {
        Invisible => "invisible",
        ExcelText => "excel_text",
        FloatTail => "float_tail",
        FullWidth => "full_width",
        Respelled => "respelled",
        Placeholder => "placeholder",
        MergedRow => "merged_row",
        FirstRowTaken => "first_row_taken",
        ColumnChosen => "column_chosen",
        LevelsIgnored => "levels_ignored",
        LoginIsId => "login_is_id",
        SecondHeader => "second_header",
        Preamble => "preamble",
        Footer => "footer",
        SampleRow => "sample_row",
        BlankRow => "blank_row",
        NoFinalNewline => "no_final_newline",
        MixedWidths => "mixed_widths",
        NumericKey => "numeric_key",
        NoLeaveDate => "no_leave_date",
        NotProven => "not_proven",
        UnmappedLineBreak => "unmapped_line_break",
        HiddenSheet => "hidden_sheet",
        SheetLeftOut => "sheet_left_out",
    }
}

/// One kind of note in one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What.
    pub kind: NoteKind,
    /// The column's header, if it is about one.
    pub column: Option<String>,
    /// How often.
    pub count: u64,
    /// Where first.
    pub line: u64,
    /// More, in words: the other column, the row's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Note {
    /// The note in words.
    pub fn message(&self) -> String {
        let text = rust_i18n::t!(
            format!("roster.note.{}", self.kind.word()),
            count = self.count,
            line = self.line,
            column = self.column.as_deref().unwrap_or_default(),
            detail = self.detail.as_deref().unwrap_or_default()
        );
        text.into_owned()
    }
}

impl FileReport {
    /// The header of the column that the person key is read from.
    pub(super) fn key_column(&self) -> Option<String> {
        let of = |field| self.columns.iter().find(|column| column.fields.contains(&field));
        of(Field::EmployeeId).or_else(|| of(Field::Login)).map(|column| column.header.clone())
    }

    /// Counts a problem and keeps it if there is room.
    pub(super) fn problem(&mut self, problem: Problem) {
        *self.reasons.entry(problem.reason).or_default() += 1;
        if self.problems.len() < KEPT {
            self.problems.push(problem);
        }
    }

    /// Counts a note; the first one says where.
    pub(super) fn note(&mut self, kind: NoteKind, column: Option<&str>, line: u64, detail: Option<String>) {
        let same = self.notes.iter_mut().find(|note| note.kind == kind && note.column.as_deref() == column);
        match same {
            Some(note) => note.count += 1,
            None => {
                let column = column.map(str::to_owned);
                self.notes.push(Note { kind, column, count: 1, line, detail });
            }
        }
    }
}

/// A value as people may see it: no personal data, phones masked, cut to a length that fits a line.
pub(super) fn visible(field: Field, value: &str) -> Option<String> {
    match field {
        Field::Name | Field::Email => None,
        Field::Phone => Some(mask_phone(value.trim())),
        _ => {
            let clean = value.chars().map(|c| if crate::model::is_deceptive(c) { '\u{fffd}' } else { c });
            Some(clean.take(60).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_text() {
        for reason in Reason::ALL {
            let word = reason.word();
            for key in [format!("roster.problem.{word}"), format!("roster.advice.{word}")] {
                assert_ne!(rust_i18n::t!(&key), key);
            }
        }
        for field in Field::ALL {
            assert!(!field.title().contains("roster.field"));
        }
        for kind in NoteKind::ALL {
            let key = format!("roster.note.{}", kind.word());
            assert_ne!(rust_i18n::t!(&key), key);
        }
    }
}
