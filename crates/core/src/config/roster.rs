//! `[roster]`: where HR's files are and how to read them. Types and defaults only; the reading is `crate::roster`'s.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Span;
use crate::field::Field;
use crate::secret::SecretRef;

/// `[roster]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct RosterConfig {
    /// A file, a folder or a glob: short for one source.
    pub path: Option<PathBuf>,
    pub encoding: Encoding,
    /// The sheet of a workbook; none: the first visible one that has a header.
    pub sheet: Option<String>,
    /// `auto`, or one character (`\t` for a tab).
    pub delimiter: Delimiter,
    pub max_age: Option<Span>,
    pub min_rows: u64,
    pub settle: Span,
    pub pick: Pick,
    pub max_rows: u64,
    pub final_newline: FinalNewline,
    pub max_invalid_percent: f64,
    pub department_separators: String,
    pub department_list_separators: String,
    pub list_separators: String,
    pub strip_prefix: String,
    pub identity: Vec<Field>,
    /// Header names added to the built-in ones.
    pub columns: BTreeMap<Field, Vec<String>>,
    pub status: StatusConfig,
    /// Several sources, instead of `path`.
    pub source: Vec<SourceConfig>,
}

impl Default for RosterConfig {
    fn default() -> Self {
        Self {
            path: None,
            encoding: Encoding::Auto,
            sheet: None,
            delimiter: Delimiter::Auto,
            max_age: None,
            min_rows: 1,
            settle: Span::seconds(5),
            pick: Pick::All,
            max_rows: 5_000_000,
            final_newline: FinalNewline::Warn,
            max_invalid_percent: 5.0,
            department_separators: "/\\>|".into(),
            department_list_separators: ";；".into(),
            list_separators: ";；,，、".into(),
            strip_prefix: String::new(),
            identity: vec![Field::Name, Field::HireDate, Field::Phone],
            columns: BTreeMap::new(),
            status: StatusConfig::default(),
            source: Vec::new(),
        }
    }
}

/// How a file's bytes become text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Encoding {
    #[default]
    Auto,
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "gb18030", alias = "gbk", alias = "gb2312")]
    Gb18030,
    #[serde(rename = "big5")]
    Big5,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Delimiter {
    /// Found on the header line.
    #[default]
    Auto,
    /// This ASCII character.
    Char(u8),
}

/// Which of several matching files count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// All of them, together one roster.
    #[default]
    All,
    /// The newest only, for dated exports.
    Newest,
}

/// What a last line without a line end means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinalNewline {
    /// It is read if it has all its fields; the report says so.
    #[default]
    Warn,
    /// The file is refused as cut off.
    Require,
}

/// `[roster.status]`: added to the built-in values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatusConfig {
    /// Values that mean: works here.
    pub active: Vec<String>,
    /// Values that mean: has left.
    pub left: Vec<String>,
    /// Values that mean: not yet.
    pub pending: Vec<String>,
}

/// `[[roster.source]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct SourceConfig {
    pub name: String,
    pub path: Option<PathBuf>,
    pub pick: Option<Pick>,
    /// Template of the person key.
    pub id: String,
    pub constant: BTreeMap<Field, String>,
    pub proves: Vec<Proof>,
    /// Empty: all fields.
    pub provides: Vec<Field>,
    pub required: bool,
    pub on_stale: OnStale,
    pub kind: SourceKind,
    pub preset: Preset,
    pub second_row: SecondRow,
    pub done_marker: String,
    pub checksum: String,
    pub columns: BTreeMap<Field, Vec<String>>,
    pub status: StatusConfig,
    pub encoding: Option<Encoding>,
    pub sheet: Option<String>,
    pub delimiter: Option<Delimiter>,
    pub max_age: Option<Span>,
    pub min_rows: Option<u64>,
    pub department_separators: Option<String>,
    pub department_list_separators: Option<String>,
    pub list_separators: Option<String>,
    pub strip_prefix: Option<String>,
    pub ldap: Option<LdapConfig>,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            path: None,
            pick: None,
            id: "{employee_id}".into(),
            constant: BTreeMap::new(),
            proves: vec![Proof::Present, Proof::Left, Proof::Missing],
            provides: Vec::new(),
            required: true,
            on_stale: OnStale::Freeze,
            kind: SourceKind::File,
            preset: Preset::None,
            second_row: SecondRow::Block,
            done_marker: String::new(),
            checksum: String::new(),
            columns: BTreeMap::new(),
            status: StatusConfig::default(),
            encoding: None,
            sheet: None,
            delimiter: None,
            max_age: None,
            min_rows: None,
            department_separators: None,
            department_list_separators: None,
            list_separators: None,
            strip_prefix: None,
            ldap: None,
        }
    }
}

/// What a source may say of a person.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A row proves that somebody is here.
    Present,
    /// A status proves that somebody left.
    Left,
    /// An absent row counts as missing.
    Missing,
}

/// What a source that is older than `max_age`, or absent though not required, does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnStale {
    /// Its people are blocked, nobody else.
    #[default]
    Freeze,
    /// The run fails.
    Stop,
}

/// Sorts of sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Files.
    #[default]
    File,
    /// A directory server.
    Ldap,
}

/// Column names and separators of well-known exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "product names")]
pub enum Preset {
    #[default]
    #[serde(rename = "")]
    None,
    Wecom,
    Dingtalk,
    Feishu,
    Successfactors,
    Bamboohr,
}

impl Preset {
    /// As in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Wecom => "wecom",
            Self::Dingtalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::Successfactors => "successfactors",
            Self::Bamboohr => "bamboohr",
        }
    }
}

/// A second row for the same person in one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondRow {
    /// The person is blocked, unless the rows are equal.
    #[default]
    Block,
    /// The first row counts; departments of the others follow its own.
    First,
}

/// `[roster.source.ldap]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct LdapConfig {
    pub url: String,
    pub base: String,
    pub filter: String,
    pub attributes: BTreeMap<Field, String>,
    pub start_tls: bool,
    pub bind_dn: String,
    pub password: Option<SecretRef>,
    pub ca_file: Option<PathBuf>,
}
