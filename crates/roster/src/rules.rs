//! The rules of one source: its own settings over the roster's over its preset's over the built-in ones, worked out
//! once before any file is opened.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::error::RosterError;
use super::header::Names;
use super::status::Statuses;
use super::{Field, preset};
use crate::config::{
    Delimiter, Encoding, FinalNewline, LdapConfig, OnStale, Pick, Preset, Proof, RosterConfig, SecondRow,
    SourceConfig, SourceKind, Span,
};

/// The name of a source that has none: a single `path`.
const ONLY: &str = "hr";

/// The day it is, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calendar {
    pub today: NaiveDate,
    /// The zone whose days count where a file gives moments.
    pub zone: Tz,
}

/// Stands between the roles of a person whom a directory gave: group names may hold any mark that people type.
pub(super) const ROLE_MARK: char = '\u{e000}';

/// How to find, read and trust one source.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub name: Arc<str>,
    pub preset: Preset,
    pub path: PathBuf,
    pub pick: Pick,
    pub encoding: Encoding,
    /// The sheet of a workbook; none: the first visible one that has a header.
    pub sheet: Option<String>,
    pub delimiter: Delimiter,
    pub max_age: Option<Span>,
    pub min_rows: u64,
    pub max_rows: u64,
    pub final_newline: FinalNewline,
    pub names: Names,
    pub statuses: Statuses,
    pub id: IdTemplate,
    pub path_marks: Vec<char>,
    pub path_list_marks: Vec<char>,
    pub list_marks: Vec<char>,
    pub strip_prefix: Vec<String>,
    pub constant: BTreeMap<Field, String>,
    pub proves: Vec<Proof>,
    pub provides: Vec<Field>,
    pub required: bool,
    pub on_stale: OnStale,
    pub second_row: SecondRow,
    pub done_marker: String,
    pub checksum: String,
    /// A directory server instead of files.
    pub ldap: Option<LdapConfig>,
    pub calendar: Calendar,
}

impl Rules {
    /// The sources of a configuration, in order; `over` replaces their files by one path.
    pub(super) fn all(
        config: &RosterConfig,
        over: Option<&PathBuf>,
        calendar: Calendar,
    ) -> Result<Vec<Self>, RosterError> {
        if config.source.is_empty() {
            let path = over.or(config.path.as_ref()).ok_or(RosterError::NoSource)?.clone();
            let only = SourceConfig { path: Some(path), pick: Some(config.pick), ..SourceConfig::default() };
            return Ok(vec![Self {
                on_stale: OnStale::Stop,
                required: true,
                ..Self::one(config, &only, calendar)?
            }]);
        }
        let Some(path) = over else {
            return config.source.iter().map(|source| Self::one(config, source, calendar)).collect();
        };
        // A file given by hand is read with the settings of the source it replaces, where it is clear which.
        let base = match config.source.as_slice() {
            [only] => only.clone(),
            _ => SourceConfig::default(),
        };
        let source = SourceConfig { path: Some(path.clone()), kind: SourceKind::File, ..base };
        Ok(vec![Self { on_stale: OnStale::Stop, required: true, ..Self::one(config, &source, calendar)? }])
    }

    fn one(config: &RosterConfig, source: &SourceConfig, calendar: Calendar) -> Result<Self, RosterError> {
        let name: Arc<str> = if source.name.is_empty() { ONLY.into() } else { source.name.as_str().into() };
        let preset = preset::rules(source.preset);
        let marks = |own: &Option<String>, preset: Option<&str>, general: &String| -> Vec<char> {
            own.as_deref().or(preset).unwrap_or(general).chars().collect()
        };
        let path_marks =
            marks(&source.department_separators, preset.department_separators, &config.department_separators);
        let strip = source.strip_prefix.as_ref().unwrap_or(&config.strip_prefix);
        let directory = source.ldap.as_ref().filter(|_| source.kind == SourceKind::Ldap);
        let mut list_marks = marks(&source.list_separators, None, &config.list_separators);
        if directory.is_some() {
            // A directory gives each role by itself: what looks like a separator is part of its name.
            list_marks = source.list_separators.as_deref().unwrap_or_default().chars().collect();
            list_marks.push(ROLE_MARK);
        }
        let path = match (&source.path, source.kind) {
            (Some(path), _) => path.clone(),
            (None, SourceKind::Ldap) if directory.is_some() => PathBuf::new(),
            (None, _) => return Err(RosterError::NoSource),
        };
        Ok(Self {
            id: IdTemplate::parse(&source.id).ok_or_else(|| RosterError::BadId {
                source_name: name.clone(),
                template: source.id.clone(),
            })?,
            name,
            preset: source.preset,
            path,
            pick: source.pick.unwrap_or_default(),
            encoding: source.encoding.unwrap_or(config.encoding),
            sheet: source.sheet.clone().or_else(|| config.sheet.clone()).filter(|sheet| !sheet.is_empty()),
            delimiter: source.delimiter.unwrap_or(config.delimiter),
            max_age: source.max_age.or(config.max_age),
            min_rows: source.min_rows.unwrap_or(config.min_rows),
            max_rows: config.max_rows,
            final_newline: config.final_newline,
            names: Names::new(&[&source.columns, &config.columns, &preset.columns]),
            statuses: Statuses::new(&[&source.status, &config.status], preset.doubtful_status),
            strip_prefix: super::department::segments(strip, &path_marks),
            path_marks,
            path_list_marks: marks(
                &source.department_list_separators,
                preset.department_list_separators,
                &config.department_list_separators,
            ),
            list_marks,
            constant: source.constant.clone(),
            proves: source.proves.clone(),
            provides: source.provides.clone(),
            required: source.required,
            on_stale: source.on_stale,
            second_row: source.second_row,
            done_marker: source.done_marker.clone(),
            checksum: source.checksum.clone(),
            ldap: directory.cloned(),
            calendar,
        })
    }

    /// Whether this source may say `proof`.
    pub(super) fn proves(&self, proof: Proof) -> bool {
        self.proves.contains(&proof)
    }
}

/// The template of the person key: texts and fields in turn, for example `A-{login}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IdTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

impl IdTemplate {
    /// `None` when the template names no field, an unknown one, or one that is not a single text.
    fn parse(template: &str) -> Option<Self> {
        let parsed = leon::Template::parse(template).ok()?;
        let mut parts = Vec::new();
        for item in parsed.items.iter() {
            parts.push(match item {
                leon::Item::Text(text) => Part::Text((*text).to_owned()),
                leon::Item::Key(key) => Part::Field(usable(key.trim())?),
            });
        }
        parts.iter().any(|part| matches!(part, Part::Field(_))).then_some(Self { parts })
    }

    /// The fields it needs, which are the required columns of the source.
    pub(super) fn fields(&self) -> Vec<Field> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Field(field) => Some(*field),
                Part::Text(_) => None,
            })
            .collect()
    }

    /// Fills the template in.
    pub(super) fn fill<'a>(&self, value: impl Fn(Field) -> &'a str) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Field(field) => value(*field),
            })
            .collect()
    }
}

fn usable(name: &str) -> Option<Field> {
    Field::ALL.into_iter().filter(|field| field.is_text()).find(|field| field.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALENDAR: Calendar = Calendar { today: NaiveDate::MIN, zone: Tz::Asia__Shanghai };

    #[test]
    fn a_template_names_its_fields() {
        let template = IdTemplate::parse("A-{login}").unwrap();
        assert_eq!(template.fields(), [Field::Login]);
        assert_eq!(template.fill(|_| "zhang"), "A-zhang");
        for bad in ["A", "", "{phone}", "{nobody}", "{login"] {
            assert_eq!(IdTemplate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_path_by_hand_keeps_the_settings_of_the_only_source() {
        let config = RosterConfig {
            source: vec![SourceConfig {
                name: "hr".into(),
                path: Some("a".into()),
                id: "X{employee_id}".into(),
                ..SourceConfig::default()
            }],
            ..RosterConfig::default()
        };
        let rules = Rules::all(&config, Some(&"b".into()), CALENDAR).unwrap();
        assert_eq!(rules[0].path, PathBuf::from("b"));
        assert_eq!(rules[0].id.fill(|_| "1"), "X1");
        assert!(matches!(Rules::all(&RosterConfig::default(), None, CALENDAR), Err(RosterError::NoSource)));
    }
}
