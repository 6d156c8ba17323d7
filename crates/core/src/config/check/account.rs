//! Checks of `[account]`.

use rust_i18n::t;

use super::{Findings, field_names, glob, template};
use crate::config::Config;
use crate::model::GroupPath;

pub(super) fn templates(config: &Config, findings: &mut Findings) {
    let account = &config.account;
    let mut names = field_names();
    names.push("key");
    let username = template("account.username", &account.username, &names, findings);
    findings.say_if(username.is_empty(), "account.username", t!("config.template_constant"));
    for (key, text) in [
        ("account.note", &account.note),
        ("account.roles", &account.roles),
        ("account.phone", &account.phone),
    ] {
        template(key, text, &names, findings);
    }
    let group = template("account.group", &account.group, &names, findings);
    let constant = group.is_empty() && GroupPath::new(&account.group).is_err();
    findings.say_if(constant, "account.group", t!("config.account.group"));
}

pub(super) fn maps(config: &Config, findings: &mut Findings) {
    for (from, to) in &config.account.group_map {
        let key = format!("account.group_map.\"{from}\"");
        for path in [from, to] {
            if let Err(error) = GroupPath::new(path) {
                findings.say(&key, t!("config.bad_value", value = format!("{path:?}"), message = error));
            }
        }
    }
    for (from, roles) in &config.account.role_map {
        let key = format!("account.role_map.\"{from}\"");
        let path_error = from.starts_with('/').then(|| GroupPath::new(from).err()).flatten();
        if let Some(error) = path_error {
            findings.say(&key, t!("config.bad_value", value = format!("{from:?}"), message = error));
        }
        findings.say_if(from.trim().is_empty(), &key, t!("config.empty"));
        roles_named(&key, roles, findings);
    }
    roles_named("account.default_roles", &config.account.default_roles, findings);
    for (n, pattern) in config.account.roster_roles.iter().enumerate() {
        glob(&format!("account.roster_roles[{n}]"), pattern, findings);
    }
}

fn roles_named(key: &str, roles: &[String], findings: &mut Findings) {
    findings.say_if(roles.iter().any(|role| role.trim().is_empty()), key, t!("config.empty"));
    // Role names travel joined with commas.
    findings.say_if(roles.iter().any(|role| role.contains(',')), key, t!("config.account.comma"));
}

pub(super) fn rules(config: &Config, findings: &mut Findings) {
    for (n, rule) in config.account.rule.iter().enumerate() {
        for (field, pattern) in &rule.when.0 {
            glob(&format!("account.rule[{n}].when.{}", field.as_str()), pattern, findings);
        }
        let idle = rule.add_roles.is_empty()
            && rule.group.is_none()
            && rule.auth.is_none()
            && rule.expires_on.is_none();
        findings.say_if(idle, format!("account.rule[{n}]"), t!("config.account.idle_rule"));
        roles_named(&format!("account.rule[{n}].add_roles"), &rule.add_roles, findings);
    }
}
