//! Checks of `[roster]`.

use std::collections::{BTreeMap, BTreeSet};

use rust_i18n::t;

use super::{Findings, field_names, glob, percent, template};
use crate::config::{Config, SourceConfig, SourceKind, StatusConfig};
use crate::field::Field;
use crate::model::fold;

pub(super) fn path_or_sources(config: &Config, findings: &mut Findings) {
    match (&config.roster.path, config.roster.source.is_empty()) {
        (None, true) if super::only_cloud(config) => {}
        (None, true) => findings.say("roster.path", t!("config.roster.none")),
        (Some(_), false) => findings.say("roster.path", t!("config.roster.both")),
        (Some(path), true) => path_glob("roster.path", path, findings),
        (None, false) => {}
    }
}

fn path_glob(key: &str, path: &std::path::Path, findings: &mut Findings) {
    let text = path.to_string_lossy();
    findings.say_if(text.trim().is_empty(), key, t!("config.empty"));
    if text.contains(['*', '?', '[', '{']) {
        glob(key, &text, findings);
    }
}

fn at(source: &SourceConfig, index: usize) -> String {
    let name = if source.name.is_empty() { index.to_string() } else { source.name.clone() };
    format!("roster.source[{name}]")
}

pub(super) fn source_names(config: &Config, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (index, source) in config.roster.source.iter().enumerate() {
        let key = format!("{}.name", at(source, index));
        findings.say_if(source.name.trim().is_empty(), &key, t!("config.roster.unnamed"));
        findings.say_if(
            !seen.insert(fold(&source.name)),
            &key,
            t!("config.roster.same_name", name = source.name),
        );
    }
}

pub(super) fn sources(config: &Config, findings: &mut Findings) {
    for (index, source) in config.roster.source.iter().enumerate() {
        let at = at(source, index);
        match source.kind {
            SourceKind::File => {
                match &source.path {
                    Some(path) => path_glob(&format!("{at}.path"), path, findings),
                    None => findings.say(format!("{at}.path"), t!("config.roster.no_path")),
                }
                findings.say_if(
                    source.ldap.is_some(),
                    format!("{at}.ldap"),
                    t!("config.roster.ldap_in_file"),
                );
            }
            SourceKind::Ldap => {
                findings.say_if(
                    source.path.is_some(),
                    format!("{at}.path"),
                    t!("config.roster.path_in_ldap"),
                );
                ldap(&at, source, findings);
            }
        }
        let key = format!("{at}.id");
        let fields = template(&key, &source.id, &field_names(), findings);
        findings.say_if(fields.is_empty(), &key, t!("config.template_constant"));
        findings.say_if(source.proves.is_empty(), format!("{at}.proves"), t!("config.roster.proves_nothing"));
        for (what, separators) in [
            ("department_separators", &source.department_separators),
            ("department_list_separators", &source.department_list_separators),
            ("list_separators", &source.list_separators),
        ] {
            findings.say_if(separators.as_deref() == Some(""), format!("{at}.{what}"), t!("config.empty"));
        }
        columns(&format!("{at}.columns"), &source.columns, findings);
        statuses(&format!("{at}.status"), &source.status, findings);
        for (what, name) in [("done_marker", &source.done_marker), ("checksum", &source.checksum)] {
            if !name.is_empty() {
                let key = format!("{at}.{what}");
                let fields = template(&key, name, &["file"], findings);
                findings.say_if(fields.is_empty(), key, t!("config.roster.no_file_field"));
            }
        }
    }
}

fn ldap(at: &str, source: &SourceConfig, findings: &mut Findings) {
    let Some(ldap) = &source.ldap else {
        findings.say(format!("{at}.ldap"), t!("config.roster.no_ldap"));
        return;
    };
    let scheme = ldap.url.split_once("://").map_or("", |(scheme, _)| scheme);
    findings.say_if(
        !matches!(scheme, "ldap" | "ldaps"),
        format!("{at}.ldap.url"),
        t!("config.roster.ldap_url"),
    );
    let readable = scheme == "ldap" && !ldap.start_tls;
    let elsewhere = crate::address::Url::parse(&ldap.url).is_ok_and(|url| !crate::address::is_loopback(&url));
    findings.say_if(
        readable && elsewhere,
        format!("{at}.ldap.start_tls"),
        t!("config.roster.ldap_cleartext"),
    );
    findings.say_if(ldap.base.is_empty(), format!("{at}.ldap.base"), t!("config.empty"));
    let half = ldap.bind_dn.is_empty() != ldap.password.is_none();
    findings.say_if(half, format!("{at}.ldap.password"), t!("config.roster.ldap_bind"));
}

pub(super) fn words(config: &Config, findings: &mut Findings) {
    columns("roster.columns", &config.roster.columns, findings);
    statuses("roster.status", &config.roster.status, findings);
}

/// The same header for two fields would make the meaning of a column a matter of luck.
fn columns(key: &str, columns: &BTreeMap<Field, Vec<String>>, findings: &mut Findings) {
    let mut owner: BTreeMap<String, Field> = BTreeMap::new();
    for (field, headers) in columns {
        let key = format!("{key}.{}", field.as_str());
        for header in headers {
            findings.say_if(header.trim().is_empty(), &key, t!("config.empty"));
            if let Some(other) = owner.insert(fold(header.trim()), *field).filter(|other| other != field) {
                findings.say(&key, t!("config.roster.same_header", header = header, other = other.as_str()));
            }
        }
    }
}

fn statuses(key: &str, status: &StatusConfig, findings: &mut Findings) {
    let mut owner: BTreeMap<String, &str> = BTreeMap::new();
    for (meaning, values) in
        [("active", &status.active), ("left", &status.left), ("pending", &status.pending)]
    {
        for value in values {
            if let Some(other) = owner.insert(fold(value.trim()), meaning).filter(|other| *other != meaning) {
                let key = format!("{key}.{meaning}");
                findings.say(key, t!("config.roster.same_status", value = value, other = other));
            }
        }
    }
}

pub(super) fn figures(config: &Config, findings: &mut Findings) {
    let roster = &config.roster;
    percent("roster.max_invalid_percent", roster.max_invalid_percent, findings);
    findings.say_if(roster.max_rows == 0, "roster.max_rows", t!("config.zero"));
    findings.say_if(
        roster.min_rows > roster.max_rows,
        "roster.min_rows",
        t!("config.roster.min_above_max", min = roster.min_rows, max = roster.max_rows),
    );
    for (key, separators) in [
        ("roster.department_separators", &roster.department_separators),
        ("roster.department_list_separators", &roster.department_list_separators),
        ("roster.list_separators", &roster.list_separators),
    ] {
        findings.say_if(separators.is_empty(), key, t!("config.empty"));
    }
    // Two of the fields must differ before anybody is taken for another human, so one alone could never speak.
    let distinct: BTreeSet<_> = roster.identity.iter().collect();
    let useless = distinct.len() == 1 || distinct.len() != roster.identity.len();
    findings.say_if(useless, "roster.identity", t!("config.roster.identity"));
}
