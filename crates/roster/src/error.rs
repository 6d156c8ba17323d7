//! What can go wrong with a roster as a whole. Every error names the file, the place, the cause and the next step;
//! rows that are refused for their values are no errors but entries of the report (`facts`).

use std::io;
use std::sync::Arc;

use super::Field;
use super::facts::RosterReport;
use super::ldap_fault::LdapFault;

/// Why a roster cannot be used. Nothing has been planned then, and nothing changes on any gateway.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the values that the message names")]
pub enum RosterError {
    /// Neither `path` nor a source is configured.
    #[error("{}", rust_i18n::t!("roster.error.no_source"))]
    NoSource,
    /// The template of the person key cannot be used.
    #[error("{}", rust_i18n::t!("roster.error.bad_id", source = source_name, template = template))]
    BadId { source_name: Arc<str>, template: String },
    /// The path is no usable pattern.
    #[error("{}", rust_i18n::t!("roster.error.bad_pattern", path = path))]
    BadPattern {
        path: String,
        #[source]
        cause: globset::Error,
    },
    /// There is nothing at the path.
    #[error("{}", rust_i18n::t!("roster.error.not_there", path = path))]
    NotThere { path: String },
    /// A folder or pattern without a single file that could be a roster.
    #[error("{}", no_files(path, seen))]
    NoFiles {
        path: String,
        /// What lies there instead.
        seen: String,
    },
    /// The marker that says "complete" is not beside the file.
    #[error("{}", rust_i18n::t!("roster.error.no_marker", file = file, marker = marker))]
    NoMarker { file: Arc<str>, marker: String },
    /// The operating system says no.
    #[error("{}", rust_i18n::t!("roster.error.unreadable", file = file, cause = cause))]
    Unreadable {
        file: Arc<str>,
        #[source]
        cause: io::Error,
    },
    /// A link, folder, pipe or device where a file should be.
    #[error("{}", rust_i18n::t!("roster.error.not_regular", file = file))]
    NotRegular { file: Arc<str> },
    /// Size, time or identity changed between the first and the last byte.
    #[error("{}", rust_i18n::t!("roster.error.changed", file = file))]
    Changed { file: Arc<str> },
    /// Still growing after ten times `settle`.
    #[error("{}", rust_i18n::t!("roster.error.not_settled", path = path, waited = waited))]
    NotSettled { path: String, waited: String },
    /// No byte came for a long time.
    #[error("{}", rust_i18n::t!("roster.error.stalled", path = path, seconds = seconds))]
    Stalled { path: String, seconds: u64 },
    /// Older than `max_age`.
    #[error("{}", rust_i18n::t!("roster.error.stale", file = file, age = age, limit = limit))]
    Stale { file: Arc<str>, age: String, limit: String },
    /// The sidecar's digest is not there, or not that of the file.
    #[error("{}", rust_i18n::t!("roster.error.checksum", file = file, sidecar = sidecar))]
    Checksum { file: Arc<str>, sidecar: String },
    /// Not one byte.
    #[error("{}", rust_i18n::t!("roster.error.empty", file = file))]
    Empty { file: Arc<str> },
    /// A header and nothing below it.
    #[error("{}", rust_i18n::t!("roster.error.header_only", file = file))]
    HeaderOnly { file: Arc<str> },
    /// Something else than its name says.
    #[error("{}", rust_i18n::t!("roster.error.wrong_kind", file = file, found = found.to_string()))]
    WrongKind { file: Arc<str>, found: FileKind },
    /// Cannot be read as what it is; stops the run at any figure.
    #[error("{}", damaged(file, *line, column.as_deref(), damage))]
    Damaged { file: Arc<str>, line: u64, column: Option<String>, damage: Damage },
    /// No row of the first ones is a header.
    #[error("{}", rust_i18n::t!("roster.error.no_header", file = file, field = field.as_str(), seen = seen, near = near))]
    NoHeader { file: Arc<str>, field: Field, seen: String, near: String },
    /// The workbook has no sheet of the configured name.
    #[error("{}", rust_i18n::t!("roster.error.no_sheet", file = file, sheet = sheet, seen = seen))]
    NoSheet { file: Arc<str>, sheet: String, seen: String },
    /// Two columns of the same name.
    #[error("{}", rust_i18n::t!("roster.error.same_header", file = file, header = header, first = first, second = second))]
    SameHeader { file: Arc<str>, header: String, first: usize, second: usize },
    /// More bytes than a roster can have.
    #[error("{}", rust_i18n::t!("roster.error.too_big", file = file, limit = limit))]
    TooBig { file: Arc<str>, limit: u64 },
    /// People who take more memory than a run may use for them.
    #[error("{}", rust_i18n::t!("roster.error.too_much", file = file, limit = limit >> 20))]
    TooMuch { file: Arc<str>, limit: u64 },
    /// More rows than `max_rows`.
    #[error("{}", rust_i18n::t!("roster.error.too_many_rows", file = file, limit = limit))]
    TooManyRows { file: Arc<str>, limit: u64 },
    /// Fewer accepted rows than `min_rows`.
    #[error("{}", rust_i18n::t!("roster.error.too_few_rows", source = source_name, rows = rows, limit = limit))]
    TooFewRows { source_name: Arc<str>, rows: u64, limit: u64 },
    /// More than `max_invalid_percent` of the rows refused for their values.
    #[error("{}", rust_i18n::t!("roster.error.too_many_invalid", refused = refused, rows = rows, limit = limit, examples = examples))]
    TooManyInvalid {
        refused: u64,
        rows: u64,
        limit: f64,
        examples: String,
        /// Every one of them.
        report: Box<RosterReport>,
    },
    /// A directory server cannot be used.
    #[error("{}", rust_i18n::t!("roster.error.ldap", source = source_name, server = server, what = fault.to_string()))]
    Ldap { source_name: Arc<str>, server: String, fault: LdapFault },
    /// The reading thread ended without an answer.
    #[error("{}", rust_i18n::t!("roster.error.internal"))]
    Internal,
}

impl RosterError {
    /// The stable word of this error.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoSource => "no_source",
            Self::BadId { .. } => "bad_id",
            Self::BadPattern { .. } => "bad_pattern",
            Self::NotThere { .. } => "not_there",
            Self::NoFiles { .. } => "no_files",
            Self::NoMarker { .. } => "no_marker",
            Self::Unreadable { .. } => "unreadable",
            Self::NotRegular { .. } => "not_regular",
            Self::Changed { .. } => "changed",
            Self::NotSettled { .. } => "not_settled",
            Self::Stalled { .. } => "stalled",
            Self::Stale { .. } => "stale",
            Self::Checksum { .. } => "checksum",
            Self::Empty { .. } => "empty",
            Self::HeaderOnly { .. } => "header_only",
            Self::WrongKind { .. } => "wrong_kind",
            Self::Damaged { damage, .. } => damage.word(),
            Self::NoHeader { .. } => "no_header",
            Self::NoSheet { .. } => "no_sheet",
            Self::SameHeader { .. } => "same_header",
            Self::TooBig { .. } => "too_big",
            Self::TooMuch { .. } => "too_much",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::TooFewRows { .. } => "too_few_rows",
            Self::TooManyInvalid { .. } => "too_many_invalid",
            Self::Ldap { fault, .. } => fault.word(),
            Self::Internal => "internal",
        }
    }

    /// What to do about it.
    pub fn next(&self) -> String {
        rust_i18n::t!(format!("roster.next.{}", self.kind())).into_owned()
    }

    /// Whether the source is merely not there (yet), so that a source that is not required may be frozen instead.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::NotThere { .. }
                | Self::NoFiles { .. }
                | Self::NoMarker { .. }
                | Self::Ldap { fault: LdapFault::Unreachable { .. }, .. }
        )
    }
}

fn no_files(path: &str, seen: &str) -> String {
    let text = rust_i18n::t!("roster.error.no_files", path = path);
    if seen.is_empty() {
        return text.into_owned();
    }
    format!("{text}{}", rust_i18n::t!("roster.error.files_seen", seen = seen))
}

fn damaged(file: &str, line: u64, column: Option<&str>, damage: &Damage) -> String {
    let what = damage.to_string();
    match column {
        Some(column) => {
            rust_i18n::t!("roster.error.damaged_at", file = file, line = line, column = column, what = what)
        }
        None => rust_i18n::t!("roster.error.damaged", file = file, line = line, what = what),
    }
    .into_owned()
}

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum FileKind {
    Text,
    Workbook,
    Zip,
    OldWorkbook,
    Markup,
    Gzip,
    Pdf,
}

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&match self {
            Self::Text => rust_i18n::t!("roster.kind.text"),
            Self::Workbook => rust_i18n::t!("roster.kind.workbook"),
            Self::Zip => rust_i18n::t!("roster.kind.zip"),
            Self::OldWorkbook => rust_i18n::t!("roster.kind.old_workbook"),
            Self::Markup => rust_i18n::t!("roster.kind.markup"),
            Self::Gzip => rust_i18n::t!("roster.kind.gzip"),
            Self::Pdf => rust_i18n::t!("roster.kind.pdf"),
        })
    }
}

/// Damage of a file. Any of it stops the run: a damaged file may hide people who are still here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the values that the message names")]
pub enum Damage {
    /// Bytes that are no text in the file's encoding.
    Undecodable { encoding: &'static str, offset: u64 },
    /// Too little text to tell the encoding, or two that fit.
    UnclearEncoding { first: &'static str, second: &'static str },
    /// A line in another encoding than the rest.
    MixedEncodings { encoding: &'static str },
    /// U+FFFD: somebody's export has lost a character already.
    LostCharacter,
    /// Another number of cells than the header has.
    FieldCount { found: usize, expected: usize },
    /// A quote where none can be.
    StrayQuote,
    /// A quote that is never closed.
    UnclosedQuote,
    /// A line break inside a cell that matters.
    LineBreak,
    /// Inside a quoted cell stands what looks like a whole row.
    SwallowedRow,
    /// A carriage return without a line feed.
    BareReturn,
    /// A line, or a cell over several lines, that is too long.
    LineTooLong { limit: usize },
    /// A cell that is too long.
    FieldTooLong { limit: usize },
    /// The last line has no line end, and `final_newline = "require"`.
    NoFinalNewline,
    /// More blank lines than any roster has.
    BlankLines { limit: u64 },
    /// Compressed data that does not unpack.
    Compression { cause: String },
    /// A workbook that cannot be read.
    Workbook { cause: String },
}

impl Damage {
    /// The stable word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Undecodable { .. } => "undecodable",
            Self::UnclearEncoding { .. } => "unclear_encoding",
            Self::MixedEncodings { .. } => "mixed_encodings",
            Self::LostCharacter => "lost_character",
            Self::FieldCount { .. } => "field_count",
            Self::StrayQuote => "stray_quote",
            Self::UnclosedQuote => "unclosed_quote",
            Self::LineBreak => "line_break",
            Self::SwallowedRow => "swallowed_row",
            Self::BareReturn => "bare_return",
            Self::LineTooLong { .. } => "line_too_long",
            Self::FieldTooLong { .. } => "field_too_long",
            Self::NoFinalNewline => "no_final_newline",
            Self::BlankLines { .. } => "blank_lines",
            Self::Compression { .. } => "compression",
            Self::Workbook { .. } => "workbook",
        }
    }
}

impl std::error::Error for Damage {}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use rust_i18n::t;
        f.write_str(&match self {
            Self::Undecodable { encoding, offset } => {
                t!("roster.damage.undecodable", encoding = encoding, offset = offset)
            }
            Self::UnclearEncoding { first, second } => {
                t!("roster.damage.unclear_encoding", first = first, second = second)
            }
            Self::MixedEncodings { encoding } => t!("roster.damage.mixed_encodings", encoding = encoding),
            Self::LostCharacter => t!("roster.damage.lost_character"),
            Self::FieldCount { found, expected } => {
                t!("roster.damage.field_count", found = found, expected = expected)
            }
            Self::StrayQuote => t!("roster.damage.stray_quote"),
            Self::UnclosedQuote => t!("roster.damage.unclosed_quote"),
            Self::LineBreak => t!("roster.damage.line_break"),
            Self::SwallowedRow => t!("roster.damage.swallowed_row"),
            Self::BareReturn => t!("roster.damage.bare_return"),
            Self::LineTooLong { limit } => t!("roster.damage.line_too_long", limit = limit),
            Self::FieldTooLong { limit } => t!("roster.damage.field_too_long", limit = limit),
            Self::NoFinalNewline => t!("roster.damage.no_final_newline"),
            Self::BlankLines { limit } => t!("roster.damage.blank_lines", limit = limit),
            Self::Compression { cause } => t!("roster.damage.compression", cause = cause),
            Self::Workbook { cause } => t!("roster.damage.workbook", cause = cause),
        })
    }
}
