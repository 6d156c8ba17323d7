//! Checks of `[[target]]`.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rust_i18n::t;

use super::{Findings, field_names, glob, percent, template};
use crate::address::{Url, is_loopback};
use crate::config::{AuthMode, Config, InitialPasswordMode, Limit, Manage, TargetConfig};
use crate::device::EMBEDDED;

fn each(config: &Config) -> impl Iterator<Item = (&TargetConfig, String)> {
    config.target.iter().map(|target| (target, format!("target[{}]", target.name)))
}

pub(super) fn names(config: &Config, findings: &mut Findings) {
    let none = config.target.is_empty() && !super::only_cloud(config);
    findings.say_if(none, "target", t!("config.target.none"));
    let mut seen = BTreeSet::new();
    let mut devices: BTreeMap<&str, &str> = BTreeMap::new();
    for (target, at) in each(config) {
        let twice = !seen.insert(target.name.folded());
        findings.say_if(twice, format!("{at}.name"), t!("config.target.same_name", name = target.name));
        let url = target.url.trim_end_matches('/');
        if url != EMBEDDED
            && let Some(other) = devices.insert(url, target.name.as_str())
        {
            findings.warn(t!("config.warn.same_device", one = other, other = target.name, url = url));
        }
    }
}

pub(super) fn address(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        if target.url == EMBEDDED {
            continue;
        }
        if let Some(message) = bad_url(&target.url) {
            findings.say(format!("{at}.url"), message);
        }
        findings.say_if(target.key.is_none(), format!("{at}.key"), t!("config.target.no_key"));
    }
}

/// What is wrong with an address. It is not repeated: people paste addresses with passwords in them.
fn bad_url(text: &str) -> Option<String> {
    let Ok(url) = Url::parse(text) else { return Some(t!("config.target.url").into_owned()) };
    let plain = url.username().is_empty() && url.password().is_none();
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    match url.scheme() {
        _ if !plain || !bare => Some(t!("config.target.url_bare").into_owned()),
        "https" => None,
        "http" if is_loopback(&url) => None,
        "http" => Some(t!("config.target.url_plain").into_owned()),
        _ => Some(t!("config.target.url").into_owned()),
    }
}

pub(super) fn trust(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        let tls = &target.tls;
        let ways = [tls.pin_sha256.is_some(), tls.ca_file.is_some(), tls.system, tls.insecure];
        let ways = ways.into_iter().filter(|way| *way).count();
        findings.say_if(ways > 1, format!("{at}.tls"), t!("config.target.trust"));
        if let Some(pins) = &tls.pin_sha256 {
            let key = format!("{at}.tls.pin_sha256");
            findings.say_if(pins.is_empty(), &key, t!("config.target.no_pins"));
            let bad =
                pins.iter().find(|pin| BASE64_STANDARD.decode(pin).map_or(true, |bytes| bytes.len() != 32));
            if let Some(pin) = bad {
                findings.say(&key, t!("config.target.pin", value = pin));
            }
        }
        let empty = tls.ca_file.as_ref().is_some_and(|file| file.as_os_str().is_empty());
        findings.say_if(empty, format!("{at}.tls.ca_file"), t!("config.empty"));
        if tls.insecure {
            findings.warn(t!("config.warn.insecure", target = target.name));
        }
        if ways > 0 && !target.url.starts_with("https:") {
            findings.warn(t!("config.warn.tls_unused", target = target.name));
        }
    }
}

pub(super) fn globs(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        for (n, pattern) in target.protect.iter().enumerate() {
            glob(&format!("{at}.protect[{n}]"), pattern, findings);
        }
        for (field, pattern) in &target.select.0 {
            glob(&format!("{at}.select.{}", field.as_str()), pattern, findings);
        }
    }
}

/// Every guard with a figure, by name.
pub fn limits(guard: &crate::config::GuardConfig) -> [(&'static str, Limit); 16] {
    [
        ("max_missing", guard.max_missing),
        ("max_missing_percent", guard.max_missing_percent),
        ("max_left_percent", guard.max_left_percent),
        ("max_deselected", guard.max_deselected),
        ("max_add", guard.max_add),
        ("max_change_percent", guard.max_change_percent),
        ("max_rename", guard.max_rename),
        ("max_new_groups", guard.max_new_groups),
        ("max_shrink_percent", guard.max_shrink_percent),
        ("max_fill_drop_percent", guard.max_fill_drop_percent),
        ("max_department_loss_percent", guard.max_department_loss_percent),
        ("max_deletes_24h", guard.max_deletes_24h),
        ("max_deletes_7d", guard.max_deletes_7d),
        ("max_accounts", guard.max_accounts),
        ("max_failed_percent", guard.max_failed_percent),
        ("max_sensitive_grants", guard.max_sensitive_grants),
    ]
}

pub(super) fn guards(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        for (name, limit) in limits(&target.guard) {
            let key = format!("{at}.guard.{name}");
            match limit.figure() {
                Some(figure) if name.ends_with("_percent") => percent(&key, figure, findings),
                Some(figure) => whole(&key, figure, findings),
                None => {}
            }
        }
        for (field, limit) in &target.guard.fields {
            if let Some(figure) = limit.figure() {
                whole(&format!("{at}.guard.fields.{}", field.as_str()), figure, findings);
            }
        }
    }
}

fn whole(key: &str, figure: f64, findings: &mut Findings) {
    findings.say_if(figure.fract() != 0.0, key, t!("config.not_whole", value = figure));
}

pub(super) fn figures(config: &Config, findings: &mut Findings) {
    const MOST_AT_ONCE: u32 = 64;
    const LARGEST_BATCH: u32 = 1000;
    const MOST_RETRIES: u32 = 20;
    for (target, at) in each(config) {
        let pace = &target.pace;
        for (key, value, range) in [
            ("pace.concurrency", pace.concurrency, 1..=MOST_AT_ONCE),
            ("pace.delete_batch", pace.delete_batch, 1..=LARGEST_BATCH),
            ("pace.retries", pace.retries, 0..=MOST_RETRIES),
            ("leavers.missing_runs", target.leavers.missing_runs, 1..=u32::MAX),
        ] {
            let message = t!("config.range", value = value, least = range.start(), most = range.end());
            findings.say_if(!range.contains(&value), format!("{at}.{key}"), message);
        }
        findings.say_if(
            pace.timeout.as_duration().is_zero(),
            format!("{at}.pace.timeout"),
            t!("config.zero"),
        );
        let instant = target.max_duration.is_some_and(|span| span.as_duration().is_zero());
        findings.say_if(instant, format!("{at}.max_duration"), t!("config.zero_or_off"));
    }
}

pub(super) fn token(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        let Some(recipe) = &target.token.recipe else { continue };
        let key = format!("{at}.token.recipe");
        let fields = template(&key, recipe, &["params", "timestamp", "key"], findings);
        let has = |name: &str| fields.iter().any(|field| field == name);
        findings.say_if(!has("key") || !has("params"), &key, t!("config.target.recipe"));
        let unsent = has("timestamp") && target.token.send_timestamp == Some(false);
        findings.say_if(unsent, format!("{at}.token.send_timestamp"), t!("config.target.timestamp"));
    }
}

pub(super) fn manage(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        let (m, a) = (&target.manage, &target.manage.adopted);
        for (field, value, adopted) in [
            ("group", m.group, a.group),
            ("note", m.note, a.note),
            ("phone", m.phone, a.phone),
            ("roles", m.roles, a.roles),
            ("enabled", m.enabled, a.enabled),
            ("auth", m.auth, a.auth),
        ] {
            for (section, value) in [("manage", Some(value)), ("manage.adopted", adopted)] {
                let wrong = match value {
                    Some(Manage::Add) => field != "roles",
                    Some(Manage::Own) => field != "enabled",
                    _ => false,
                };
                findings.say_if(wrong, format!("{at}.{section}.{field}"), t!("config.target.manage"));
            }
        }
    }
}

pub(super) fn dialect(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        let can = target.dialect.capabilities();
        let message = || t!("config.target.openapi_only");
        let creates = target.create_groups && !can.creates_groups;
        findings.say_if(creates, format!("{at}.create_groups"), message());
        let kicks = target.leavers.kick_online && !can.kicks;
        findings.say_if(kicks, format!("{at}.leavers.kick_online"), message());
    }
}

pub(super) fn auth(config: &Config, findings: &mut Findings) {
    for (target, at) in each(config) {
        let auth = &target.auth;
        let external = auth.mode == AuthMode::External;
        let named = auth.server.as_ref().is_some_and(|server| !server.is_empty());
        findings.say_if(external && !named, format!("{at}.auth.server"), t!("config.target.server"));
        findings.say_if(!external && named, format!("{at}.auth.server"), t!("config.target.server_unused"));
        if auth.updates_erase_password {
            findings.warn(t!("config.warn.erases_password", target = target.name));
        }
        let first = &target.initial_password;
        let at = format!("{at}.initial_password");
        if first.mode == InitialPasswordMode::None {
            continue;
        }
        findings.say_if(first.sink.is_none(), format!("{at}.sink"), t!("config.target.no_sink"));
        let templated = first.mode == InitialPasswordMode::Template;
        let wrong = templated != first.template.is_some();
        findings.say_if(wrong, format!("{at}.template"), t!("config.target.template"));
        if let Some(text) = &first.template {
            template(&format!("{at}.template"), text, &field_names(), findings);
        }
        let odd = !(8..=48).contains(&first.length);
        findings.say_if(odd, format!("{at}.length"), t!("config.target.length"));
        findings.say_if(first.classes.is_empty(), format!("{at}.classes"), t!("config.target.classes"));
    }
}
