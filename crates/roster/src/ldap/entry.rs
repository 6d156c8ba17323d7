//! What an entry of a directory says: which attribute holds which field, how several values become one cell, and what
//! the flags of accounts mean. Rows made of it are read like those of a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use csv::StringRecord;
use ldap3::SearchEntry;

use crate::config::LdapConfig;
use crate::roster::Field;
use crate::roster::error::RosterError;
use crate::roster::facts::FileReport;
use crate::roster::header::Columns;
use crate::roster::ldap_fault::LdapFault;
use crate::roster::person::{Harvest, RowReader};
use crate::roster::progress::Beat;
use crate::roster::rules::{ROLE_MARK, Rules};

/// A value that cannot be read: a sign that makes a cell unknown, and a key unreadable.
const UNREADABLE: &str = "\u{0}";
/// The attribute that stands for the entry's place in the tree.
const DN: &str = "dn";
/// Active Directory's flags of an account; 2 is "disabled".
const FLAGS: &str = "userAccountControl";
const DISABLED: i64 = 2;
/// OpenLDAP's lock. Locked for good is disabled; any other time is somebody who mistyped a password.
const LOCKED: &str = "pwdAccountLockedTime";
const FOR_GOOD: &str = "000001010000Z";
/// What stands in the status column: words that every source knows.
const ACTIVE: &str = "active";
const GONE: &str = "terminated";

/// The attributes in which directories customarily keep a field, best first.
const CUSTOMARY: &[(Field, &[&str])] = &[
    (Field::EmployeeId, &["employeeID", "employeeNumber"]),
    (Field::Login, &["sAMAccountName", "uid"]),
    (Field::Name, &["displayName", "cn"]),
    (Field::Department, &["department", "ou"]),
    (Field::Position, &["title"]),
    (Field::Phone, &["mobile"]),
    (Field::Roles, &["memberOf"]),
    (Field::Status, &[FLAGS, LOCKED]),
    (Field::Email, &["mail"]),
    (Field::ExpiresOn, &["accountExpires"]),
    (Field::EmployeeType, &["employeeType"]),
];

/// Which attributes are asked for, and what for.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    /// Field and attribute, in order of preference within a field.
    pairs: Vec<(Field, String)>,
    /// The status has an attribute that somebody configured.
    own_status: bool,
}

impl Attributes {
    /// The configured attributes, and the customary ones for the fields that have none.
    pub(super) fn new(config: &LdapConfig) -> Self {
        let own = &config.attributes;
        let mut pairs: Vec<_> = own.iter().map(|(field, name)| (*field, name.clone())).collect();
        for (field, names) in CUSTOMARY.iter().filter(|(field, _)| !own.contains_key(field)) {
            pairs.extend(names.iter().map(|name| (*field, (*name).to_owned())));
        }
        Self { pairs, own_status: own.contains_key(&Field::Status) }
    }

    /// What to ask the server for.
    pub(super) fn wanted(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .pairs
            .iter()
            .map(|(_, name)| name.clone())
            .filter(|name| !name.eq_ignore_ascii_case(DN))
            .collect();
        names.sort();
        names.dedup();
        // An empty list would mean all of them.
        if names.is_empty() {
            names.push("1.1".to_owned());
        }
        names
    }
}

/// The entries that were found, as far as they matter.
#[derive(Debug)]
pub(super) struct Entries {
    attributes: Attributes,
    base: String,
    /// Per entry one cell for each pair; `None`: the entry has no such attribute.
    rows: Vec<Box<[Option<Box<str>>]>>,
    kept: u64,
    kept_limit: u64,
    /// Bytes that arrived.
    pub bytes: u64,
}

impl Entries {
    pub(super) fn new(attributes: Attributes, base: &str, kept_limit: u64) -> Self {
        Self { attributes, base: base.to_owned(), rows: Vec::new(), kept: 0, kept_limit, bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes an entry in.
    pub(super) fn take(&mut self, entry: SearchEntry, rules: &Rules) -> Result<(), LdapFault> {
        let values = values(entry.attrs, entry.bin_attrs.into_keys());
        let key = rules.id.fields();
        let cells = self.attributes.pairs.iter().map(|(field, name)| {
            if name.eq_ignore_ascii_case(DN) {
                return Some(place(&entry.dn, &self.base, rules).into_boxed_str());
            }
            let values = values.get(&name.to_lowercase())?;
            Some(cell(*field, name, values, key.contains(field), rules).into_boxed_str())
        });
        let row: Box<[Option<Box<str>>]> = cells.collect();
        self.kept +=
            row.iter().map(|cell| 16 + cell.as_ref().map_or(0, |text| text.len() as u64)).sum::<u64>();
        if self.kept > self.kept_limit {
            return Err(LdapFault::TooBig { megabytes: self.kept_limit >> 20 });
        }
        self.rows.push(row);
        Ok(())
    }

    /// The attribute of each field: the first of its own that any entry has. A configured status counts even if none
    /// has it: with a mistake in its name, nobody would ever leave.
    fn chosen(&self) -> BTreeMap<Field, usize> {
        let mut chosen = BTreeMap::new();
        for (at, (field, _)) in self.attributes.pairs.iter().enumerate() {
            let there = || self.rows.iter().any(|row| row.get(at).is_some_and(Option::is_some));
            let always = *field == Field::Status && self.attributes.own_status;
            if !chosen.contains_key(field) && (always || there()) {
                chosen.insert(*field, at);
            }
        }
        chosen
    }

    /// Reads the entries as rows.
    pub(super) fn rows(
        self,
        rules: &Rules,
        mut report: FileReport,
        harvest: &mut Harvest,
        beat: &Arc<Beat>,
        fail: impl Fn(LdapFault) -> RosterError,
    ) -> Result<FileReport, RosterError> {
        let mut chosen = self.chosen();
        let login_is_id = !chosen.contains_key(&Field::EmployeeId) && chosen.contains_key(&Field::Login);
        // An entry without a lock is not locked, so the lock's column says something even where no entry has one.
        let locks =
            self.attributes.pairs.iter().position(|(f, name)| *f == Field::Status && same(name, LOCKED));
        if let Some(at) = locks.filter(|_| !chosen.contains_key(&Field::Status)) {
            chosen.insert(Field::Status, at);
        }
        let mut columns = Columns { login_is_id, ..Columns::default() };
        for (field, at) in &chosen {
            columns.of.insert(*field, columns.headers.len());
            columns.headers.push(self.attributes.pairs[*at].1.clone());
        }
        if login_is_id && let Some(login) = columns.of.get(&Field::Login).copied() {
            columns.of.insert(Field::EmployeeId, login);
        }
        if let Some(field) = rules.id.fields().into_iter().find(|field| !columns.of.contains_key(field)) {
            return Err(fail(LdapFault::NoKey { field: field.as_str(), seen: columns.headers.join(", ") }));
        }
        report.header_line = 0;
        let file = report.file.clone();
        let mut digest = blake3::Hasher::new();
        let mut reader = RowReader::new(rules, columns, report, harvest);
        for (index, row) in self.rows.into_iter().enumerate() {
            let mut record = StringRecord::new();
            for (field, at) in &chosen {
                let text = row.get(*at).and_then(Option::as_deref);
                let attribute = self.attributes.pairs[*at].1.as_str();
                let status = || if same(attribute, LOCKED) { ACTIVE } else { "" };
                let text = text.unwrap_or_else(|| if *field == Field::Status { status() } else { "" });
                digest.update(text.as_bytes());
                digest.update(&[0xff]);
                record.push_field(text);
            }
            reader.record(index as u64 + 1, &record, false)?;
            beat.row(&file, rules.max_rows, reader.kept())?;
        }
        let mut report = reader.finish();
        report.digest = digest.finalize().to_hex().to_string();
        Ok(report)
    }
}

/// The values of each attribute by its plain name. Of several forms (`cn`, `cn;lang-en`) the one without options counts, or
/// else the first by name, whatever order the server gives them in; where it gave only a part of the values
/// (`member;range=0-1499`), or bytes that are no text, nothing is known.
fn values(
    texts: impl IntoIterator<Item = (String, Vec<String>)>,
    bytes: impl IntoIterator<Item = String>,
) -> BTreeMap<String, Vec<String>> {
    let unreadable = || vec![UNREADABLE.to_owned()];
    let bytes = bytes.into_iter().map(|name| (name, unreadable()));
    // An untagged name is the shortest of its forms, and so the first.
    let forms: BTreeMap<String, Vec<String>> =
        texts.into_iter().chain(bytes).map(|(name, all)| (name.to_lowercase(), all)).collect();
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, all) in forms {
        if is_part(&name) {
            values.insert(plain(&name), unreadable());
        } else if !all.is_empty() {
            values.entry(plain(&name)).or_insert(all);
        }
    }
    values
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The name of an attribute without its options (`cn;lang-zh`), folded.
fn plain(name: &str) -> String {
    name.split(';').next().unwrap_or_default().to_lowercase()
}

/// Whether the server gave only the first of many values.
fn is_part(name: &str) -> bool {
    name.split(';').skip(1).any(|option| option.to_ascii_lowercase().starts_with("range="))
}

/// The values of an attribute as one cell.
fn cell(field: Field, attribute: &str, values: &[String], is_key: bool, rules: &Rules) -> String {
    let first = || values.first().cloned().unwrap_or_default();
    let joined = |mark: char| values.join(&mark.to_string());
    match field {
        _ if values.iter().any(|value| value == UNREADABLE) => UNREADABLE.to_owned(),
        _ if is_key && values.len() > 1 => UNREADABLE.to_owned(),
        Field::Status if same(attribute, FLAGS) => match first().trim().parse::<i64>() {
            Ok(flags) => if flags & DISABLED == 0 { ACTIVE } else { GONE }.to_owned(),
            Err(_) => UNREADABLE.to_owned(),
        },
        Field::Status if same(attribute, LOCKED) => {
            if values.iter().any(|value| value == FOR_GOOD) { GONE } else { ACTIVE }.to_owned()
        }
        Field::Roles => {
            let names: Vec<String> = values.iter().map(|value| common_name(value)).collect();
            names.join(&ROLE_MARK.to_string())
        }
        Field::Phone => joined(';'),
        Field::Department => joined(rules.path_list_marks.first().copied().unwrap_or(';')),
        Field::HireDate | Field::LeaveDate | Field::ExpiresOn => date(&first()),
        _ => first(),
    }
}

/// A day as directories count it: Windows' ticks since 1601 become a moment. Anything else, generalised time too, is left as
/// it is, for dates are read in many forms.
fn date(value: &str) -> String {
    let value = value.trim();
    // Eight digits are a day already; "never" is 0 or the largest number.
    match value.parse::<i64>() {
        Ok(0 | i64::MAX) => String::new(),
        Ok(ticks) if value.len() > 14 => {
            last_moment(ticks).map_or_else(|| value.to_owned(), |moment| moment.to_rfc3339())
        }
        _ => value.to_owned(),
    }
}

/// The last moment of an account that ends at this one, which is customarily the midnight after its last day.
fn last_moment(ticks: i64) -> Option<DateTime<Utc>> {
    const TO_UNIX: i64 = 11_644_473_600;
    DateTime::from_timestamp(ticks / 10_000_000 - TO_UNIX - 1, 0)
}

/// The parts of a distinguished name, unescaped: attribute and value, the entry's own first.
fn parts(dn: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let (mut name, mut value, mut in_value) = (String::new(), Vec::new(), false);
    let mut bytes = dn.bytes().peekable();
    let mut end = |name: &mut String, value: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(value).trim().to_owned();
        parts.push((std::mem::take(name).trim().to_lowercase(), text));
        value.clear();
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_value => {
                let hex = |b: u8| char::from(b).to_digit(16);
                let Some(first) = bytes.next() else { break };
                match (hex(first), bytes.peek().copied().and_then(hex)) {
                    (Some(high), Some(low)) => {
                        bytes.next();
                        value.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                    }
                    _ => value.push(first),
                }
            }
            b'=' if !in_value => in_value = true,
            b',' | b'+' => {
                end(&mut name, &mut value);
                in_value = false;
            }
            byte if in_value => value.push(byte),
            byte => name.push(char::from(byte)),
        }
    }
    end(&mut name, &mut value);
    parts
}

/// A group's name: the first part of its distinguished name, or the value itself where it is none.
fn common_name(value: &str) -> String {
    match parts(value).into_iter().next() {
        Some((name, text)) if value.contains('=') && matches!(name.as_str(), "cn" | "ou" | "uid") => text,
        _ => value.to_owned(),
    }
}

/// The organisational units above an entry, from the base downwards, as a path.
fn place(dn: &str, base: &str, rules: &Rules) -> String {
    let mark = rules.path_marks.first().copied().unwrap_or('/');
    let (all, below) = (parts(dn), parts(base).len());
    let own = all.len().saturating_sub(below);
    let units = all[..own].iter().filter(|(name, _)| name == "ou").map(|(_, unit)| unit.as_str());
    // A unit whose name holds the mark would become two; nobody can say where that person belongs.
    let units: Vec<&str> = units.rev().collect();
    if units.iter().any(|unit| rules.path_marks.iter().any(|mark| unit.contains(*mark))) {
        return UNREADABLE.to_owned();
    }
    units.join(&mark.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_with_their_escapes() {
        assert_eq!(
            parts(r"CN=Zhang\, San,OU=\e9\94\80\e5\94\ae,DC=corp"),
            [("cn".into(), "Zhang, San".into()), ("ou".into(), "销售".into()), ("dc".into(), "corp".into())]
        );
        assert_eq!(common_name(r"CN=VPN \+ 用户,OU=Groups,DC=corp"), "VPN + 用户");
        assert_eq!(common_name("plain"), "plain");
        for odd in ["", "=", ",", "\\", "CN=\\", "CN=a\\4", "=,=,"] {
            let _ = common_name(odd);
        }
    }

    #[test]
    fn one_form_of_an_attribute_counts_and_a_part_of_it_none() {
        let read = |attributes: &[(&str, &[&str])]| {
            let texts = attributes.iter().map(|(name, all)| {
                ((*name).to_owned(), all.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
            });
            values(texts, ["mail".to_owned()])
        };
        let orders: [&[(&str, &[&str])]; 2] = [
            &[
                ("displayName;lang-en", &["Wang Fang"]),
                ("displayName", &["王芳"]),
                ("cn;lang-zh", &["芳"]),
                ("CN;lang-en", &["F"]),
            ],
            &[
                ("CN;lang-en", &["F"]),
                ("cn;lang-zh", &["芳"]),
                ("displayName", &["王芳"]),
                ("displayName;lang-en", &["Wang Fang"]),
            ],
        ];
        for order in orders {
            let values = read(order);
            assert_eq!(values["displayname"], ["王芳"]);
            assert_eq!(values["cn"], ["F"]);
            assert_eq!(values["mail"], [UNREADABLE]);
        }
        let ranged: [&[(&str, &[&str])]; 2] = [
            &[("memberOf", &[]), ("memberOf;range=0-1", &["CN=a", "CN=b"])],
            &[("memberOf;range=0-1", &["CN=a", "CN=b"]), ("memberOf", &["CN=a"])],
        ];
        for order in ranged {
            assert_eq!(read(order)["memberof"], [UNREADABLE]);
        }
    }

    #[test]
    fn days_of_directories_become_days() {
        assert_eq!(date("20261130160000Z"), "20261130160000Z");
        assert_eq!(date("0"), "");
        assert_eq!(date("9223372036854775807"), "");
        // 2026-12-01 00:00 UTC, as Windows counts.
        assert_eq!(date("134405568000000000"), "2026-11-30T23:59:59+00:00");
        assert_eq!(date("2026-11-30"), "2026-11-30");
    }
}
