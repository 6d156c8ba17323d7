//! What a device answers: whether it is trusted, speaks JSON, takes our token, which clock and dialect it has, and whether
//! the groups and roles that the next plan would use are there. Every question only reads.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use rust_i18n::t;

use super::{Finding, Mark};
use crate::app::App;
use crate::clock::SystemClock;
use crate::config::{TargetConfig, TlsBackend, TokenConfig};
use crate::gateway::probe::{Probe, RecipeFound, presented};
use crate::gateway::token::Recipe;
use crate::gateway::{Dialect, Gateway, HttpGateway, ReadError, Why, WhyKind};
use crate::http::{HAS_OPENSSL, Pin, check_url};
use crate::plan::Plan;

/// Above this the clocks deserve a look; above the other, tokens are refused.
const CLOCK_WARNS: TimeDelta = TimeDelta::seconds(120);
const CLOCK_FAILS: TimeDelta = TimeDelta::seconds(300);
/// Most groups that are asked for: a check must end, too, where a plan has thousands.
const MOST_GROUPS: usize = 500;
/// How many names a message holds.
const NAMED: usize = 10;
/// Roles per page, as the manual has it.
const PAGE: u64 = 25;

type Client = HttpGateway<SystemClock>;

pub(super) async fn examine(app: &App, target: &TargetConfig, plan: Option<&Plan>) -> Vec<Finding> {
    let client = match app.gateway(target).await {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::new("trust", Mark::Fail, "settings", error.message).next(error.next)];
        }
    };
    let mut found = Vec::new();
    let body = match client.probe_answer().await {
        Ok(answer) => {
            found.push(trusted(target));
            answer
        }
        Err(ReadError::Failed(why)) if why.kind == WhyKind::Tls => {
            found.push(untrusted(app, target, &why).await);
            return found;
        }
        Err(error) => {
            found.push(no_answer(&error));
            return found;
        }
    };
    let speech = speech(body.status, &body.body);
    let understood = speech.status == Mark::Ok;
    found.push(speech);
    if understood {
        found.extend(converse(target, client, plan).await);
    }
    found
}

fn trusted(target: &TargetConfig) -> Finding {
    if target.tls.insecure {
        return Finding::new("trust", Mark::Warn, "insecure", t!("doctor.insecure"))
            .next(t!("doctor.insecure_next"));
    }
    Finding::ok("trust", t!("doctor.trusted"))
}

/// Why a certificate is not trusted, and what would help.
async fn untrusted(app: &App, target: &TargetConfig, why: &Why) -> Finding {
    let fail = |verdict| Finding::new("trust", Mark::Fail, verdict, why.detail.clone());
    let limit = target.pace.timeout.as_duration();
    let shown = match check_url(&target.url) {
        Ok(url) => presented(&url, limit).await.ok(),
        Err(_) => None,
    };
    let pin = shown.map(|shown| shown.certificate.pin);
    let pinned = target.tls.pin_sha256.as_deref().and_then(|pins| Pin::parse_all(pins).ok());
    if let (Some(pins), Some(pin)) = (&pinned, pin)
        && !pins.contains(&pin)
    {
        return fail("wrong_pin").next(t!("doctor.pin_next", pin = pin));
    }
    if target.tls.backend == TlsBackend::Rustls {
        let mut old = target.clone();
        old.tls.backend = TlsBackend::Openssl;
        let works = match app.gateway(&old).await {
            Ok(client) => client.probe_answer().await.is_ok(),
            Err(_) => false,
        };
        if works {
            return fail("needs_openssl")
                .next(t!("doctor.openssl_next"))
                .settings("[target.tls]\nbackend = \"openssl\"");
        }
    }
    // The pin is right, so rustls has something against the certificate, or the handshake, itself.
    if !HAS_OPENSSL && (pin.is_none() || pinned.is_some()) {
        return fail("needs_openssl").next(t!("doctor.openssl_build_next"));
    }
    match pin {
        Some(pin) => fail("untrusted")
            .next(t!("doctor.pin_next", pin = pin))
            .settings(&format!("[target.tls]\npin_sha256 = [\"{pin}\"]")),
        None => fail("untrusted"),
    }
}

/// No answer to a signed question that needs no TLS verdict.
fn no_answer(error: &ReadError) -> Finding {
    match error {
        ReadError::Failed(why) if why.kind == WhyKind::Broken => {
            Finding::new("http", Mark::Fail, "address_refused", t!("doctor.reset", cause = why.detail))
                .next(t!("doctor.reset_next"))
        }
        ReadError::Failed(why) if why.kind == WhyKind::Timeout => {
            Finding::new("http", Mark::Fail, "timeout", why.detail.clone()).next(t!("doctor.slow_next"))
        }
        ReadError::Failed(why) => Finding::new("http", Mark::Fail, "no_answer", why.detail.clone()),
        ReadError::Refused(refusal) => Finding::new("http", Mark::Fail, "no_answer", refusal.message.clone()),
    }
}

/// Whether an answer is the interface's.
fn speech(status: u16, body: &[u8]) -> Finding {
    let fail = |verdict, message: String| {
        Finding::new("http", Mark::Fail, verdict, message).next(t!("doctor.wrong_port_next"))
    };
    if body.trim_ascii_start().starts_with(b"<") {
        return fail("html", t!("doctor.html", status = status).into_owned());
    }
    if (300..400).contains(&status) {
        return fail("redirect", t!("doctor.redirect", status = status).into_owned());
    }
    if status >= 500 {
        let message = t!("doctor.server_error", status = status);
        return Finding::new("http", Mark::Fail, "server_error", message).next(t!("doctor.slow_next"));
    }
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) if value.is_object() => Finding::ok("http", t!("doctor.http", status = status)),
        _ => fail("not_json", t!("doctor.not_json", status = status).into_owned()),
    }
}

/// Everything that needs a device which answers.
async fn converse(target: &TargetConfig, client: Client, plan: Option<&Plan>) -> Vec<Finding> {
    let probe = match client.probe().await {
        Ok(probe) => probe,
        Err(error) => return vec![no_answer(&error)],
    };
    let mut found = vec![clock(&probe)];
    let usable = if probe.accepted {
        found.push(Finding::ok("token", t!("doctor.token")));
        Some(client.clone())
    } else {
        match client.probe_recipes().await {
            Ok(Some(recipe)) if !recipe.by_device_clock => {
                let other = client.with_recipe(recipe.recipe.clone());
                found.push(other_recipe(target, &recipe));
                Some(other)
            }
            Ok(Some(_)) => {
                let finding = Finding::new("token", Mark::Fail, "clock", t!("doctor.token_clock"));
                found.push(finding.next(t!("doctor.clock_next")));
                None
            }
            Ok(None) => {
                let finding = Finding::new("token", Mark::Fail, "wrong_key", t!("doctor.wrong_key"));
                found.push(finding.next(t!("doctor.wrong_key_next")));
                None
            }
            Err(error) => {
                found.push(no_answer(&error));
                None
            }
        }
    };
    let Some(client) = usable else { return found };
    let told = dialect(target, &client).await;
    let same = told.status != Mark::Fail;
    found.push(told);
    if let Some(plan) = plan.filter(|_| same) {
        found.push(groups(&client, plan).await);
        if target.dialect.capabilities().lists_roles {
            found.push(roles(&client, plan).await);
        }
    }
    found
}

fn clock(probe: &Probe) -> Finding {
    let Some(ahead) = probe.clock_ahead() else {
        return Finding::new("clock", Mark::Skipped, "unknown", t!("doctor.clock_unknown"));
    };
    let mut finding = match ahead.abs() {
        far if far > CLOCK_FAILS => Finding::new(
            "clock",
            Mark::Fail,
            "far_off",
            t!("doctor.clock_off", seconds = ahead.num_seconds()),
        )
        .next(t!("doctor.clock_next")),
        near if near > CLOCK_WARNS => {
            Finding::new("clock", Mark::Warn, "off", t!("doctor.clock_off", seconds = ahead.num_seconds()))
                .next(t!("doctor.clock_next"))
        }
        _ => Finding::ok("clock", t!("doctor.clock", seconds = ahead.num_seconds())),
    };
    finding.facts.insert("seconds_ahead", ahead.num_seconds().to_string());
    finding
}

/// The device takes the key, in another recipe than the configured one.
fn other_recipe(target: &TargetConfig, found: &RecipeFound) -> Finding {
    let wanted = Recipe::new(&target.token, target.dialect).map(|recipe| recipe.config()).unwrap_or_default();
    let takes = found.recipe.config();
    let verdict = if takes.send_timestamp != wanted.send_timestamp {
        "other_timestamp"
    } else if takes.digest != wanted.digest {
        "other_digest"
    } else {
        "other_recipe"
    };
    let finding = Finding::new("token", Mark::Fail, verdict, t!("doctor.other_recipe"));
    // Where the dialect alone decides the recipe, the other dialect's habit points to the dialect.
    let habit = |dialect: &Dialect| {
        Recipe::new(&TokenConfig::default(), *dialect).is_ok_and(|recipe| recipe == found.recipe)
    };
    let other = Dialect::ALL.into_iter().filter(|dialect| *dialect != target.dialect).find(habit);
    let next = match other.filter(|_| target.token == TokenConfig::default()) {
        Some(other) => t!("doctor.other_recipe_dialect", dialect = other.as_str()),
        None => t!("doctor.other_recipe_next"),
    };
    finding.next(next).settings(&format!("[target.token]\n{}", found.recipe.config_lines()))
}

async fn dialect(target: &TargetConfig, client: &Client) -> Finding {
    match client.probe_dialect().await {
        Ok(dialect) if dialect == target.dialect => {
            Finding::ok("dialect", t!("doctor.dialect", dialect = dialect.as_str()))
        }
        Ok(dialect) => {
            let message =
                t!("doctor.wrong_dialect", dialect = dialect.as_str(), configured = target.dialect.as_str());
            Finding::new("dialect", Mark::Fail, "wrong_dialect", message)
                .next(t!("doctor.wrong_dialect_next"))
                .settings(&format!("dialect = \"{}\"", dialect.as_str()))
        }
        Err(error) => {
            let Finding { message, .. } = no_answer(&error);
            Finding::new("dialect", Mark::Skipped, "unknown", message)
        }
    }
}

/// Every group that the plan would put somebody into.
async fn groups(client: &Client, plan: &Plan) -> Finding {
    let created: BTreeSet<_> = plan.create_groups.iter().collect();
    let used = plan.groups.iter().filter(|group| !created.contains(&group.path));
    let (mut there, mut missing) = (0_usize, Vec::new());
    for group in used.take(MOST_GROUPS) {
        match client.group(&group.path).await {
            Ok(Some(_)) => there += 1,
            Ok(None) => missing.push(group.path.to_string()),
            Err(error) => {
                let Finding { message, .. } = no_answer(&error);
                return Finding::new("groups", Mark::Fail, "no_answer", message);
            }
        }
    }
    if missing.is_empty() {
        return Finding::ok("groups", t!("doctor.groups", count = there));
    }
    let message = t!("doctor.groups_missing", count = missing.len(), names = some(&missing));
    Finding::new("groups", Mark::Fail, "missing_group", message).next(t!("doctor.groups_next"))
}

/// Every role that the plan would give.
async fn roles(client: &Client, plan: &Plan) -> Finding {
    let given: BTreeSet<&str> =
        plan.actions.iter().flat_map(|a| a.after.roles.iter()).map(String::as_str).collect();
    let mut there = BTreeSet::new();
    loop {
        let page = match client.roles(there.len() as u64, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                let Finding { message, .. } = no_answer(&error);
                return Finding::new("roles", Mark::Fail, "no_answer", message);
            }
        };
        let before = there.len();
        there.extend(page.items.into_iter().map(|role| role.name));
        // A page that brings nothing new ends the list, whatever the total says.
        if there.len() == before || there.len() as u64 >= page.total {
            break;
        }
    }
    let missing: Vec<_> = given.iter().filter(|r| !there.contains(**r)).map(ToString::to_string).collect();
    if missing.is_empty() {
        return Finding::ok("roles", t!("doctor.roles", count = given.len()));
    }
    let message = t!("doctor.roles_missing", count = missing.len(), names = some(&missing));
    Finding::new("roles", Mark::Fail, "missing_role", message).next(t!("doctor.roles_next"))
}

fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown}, …") } else { shown }
}
