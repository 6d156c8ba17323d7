//! Checks that look at more than one value, or deeper than a type can: each has a name and says all it finds.
//! Pure: no file is opened and no name is looked up here.

mod account;
mod roster;
mod schedule;
mod target;

pub use target::limits;

use globset::GlobBuilder;
use leon::{Item, Template};
use rust_i18n::t;

use super::Config;
use super::Problem;
use super::nearest;
use crate::field::Field;

/// What the checks found.
#[derive(Debug, Default)]
pub struct Findings {
    /// What makes the configuration unusable.
    pub problems: Vec<Problem>,
    /// What is allowed but unwise.
    pub warnings: Vec<String>,
}

impl Findings {
    /// Something makes the configuration unusable.
    pub fn say(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { key: key.into(), variable: None, message: message.into() });
    }

    fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    fn say_if(&mut self, wrong: bool, key: impl Into<String>, message: impl Into<String>) {
        if wrong {
            self.say(key, message);
        }
    }
}

/// One check.
pub struct Check {
    /// Its name, for the log.
    pub name: &'static str,
    run: fn(&Config, &mut Findings),
}

/// All checks, in the order of the sections.
pub const CHECKS: &[Check] = &[
    Check { name: "one way to name the roster", run: roster::path_or_sources },
    Check { name: "source names are unique", run: roster::source_names },
    Check { name: "each source can be read", run: roster::sources },
    Check { name: "columns and statuses are told apart", run: roster::words },
    Check { name: "roster figures make sense", run: roster::figures },
    Check { name: "account templates can be filled in", run: account::templates },
    Check { name: "group and role maps", run: account::maps },
    Check { name: "rules match and do something", run: account::rules },
    Check { name: "there is a target and names are unique", run: target::names },
    Check { name: "addresses and keys", run: target::address },
    Check { name: "exactly one way to trust", run: target::trust },
    Check { name: "globs over user names and people", run: target::globs },
    Check { name: "guards that can hold", run: target::guards },
    Check { name: "pace, leavers and time limits", run: target::figures },
    Check { name: "token recipe", run: target::token },
    Check { name: "what is managed", run: target::manage },
    Check { name: "what a dialect cannot do", run: target::dialect },
    Check { name: "authentication and first passwords", run: target::auth },
    Check { name: "schedule", run: schedule::schedule },
    Check { name: "state", run: schedule::state },
    Check { name: "cloud sections", run: cloud },
    Check { name: "receivers of messages", run: notify },
    Check { name: "metrics, heartbeat and hooks", run: outside },
];

/// The sections of the cloud endpoints check themselves; their schedules are checked like ours.
fn cloud(config: &Config, findings: &mut Findings) {
    let oob = config.oob.iter().flat_map(|oob| oob.problems());
    let ucloud = config.ucloud.iter().flat_map(|ucloud| ucloud.problems());
    for problem in oob.chain(ucloud) {
        findings.say(problem.key, problem.message);
    }
    if let Some(oob) = &config.oob {
        schedule::crons("oob.rotate", &oob.rotate, findings);
    }
    if let Some(ucloud) = &config.ucloud {
        schedule::crons("ucloud.watch", &ucloud.watch, findings);
    }
}

/// Who is told must be reachable.
fn notify(config: &Config, findings: &mut Findings) {
    for (place, receiver) in config.notify.iter().enumerate() {
        for (key, message) in receiver.problems() {
            findings.say(format!("notify[{place}].{key}"), message);
        }
    }
}

/// The sections about the world outside check themselves.
fn outside(config: &Config, findings: &mut Findings) {
    let sections = [
        ("metrics", config.metrics.iter().flat_map(|metrics| metrics.problems()).collect::<Vec<_>>()),
        ("heartbeat", config.heartbeat.iter().flat_map(|heartbeat| heartbeat.problems()).collect()),
        ("hooks", config.hooks.iter().flat_map(|hooks| hooks.problems()).collect()),
    ];
    for (section, problems) in sections {
        for (key, message) in problems {
            findings.say(format!("{section}.{key}"), message);
        }
    }
}

/// Whether this configuration is for the cloud endpoints alone: then it needs no gateway and no roster.
pub fn only_cloud(config: &Config) -> bool {
    config.target.is_empty() && (config.oob.is_some() || config.ucloud.is_some())
}

/// Runs every check.
pub fn all(config: &Config, findings: &mut Findings) {
    for check in CHECKS {
        tracing::trace!(check = check.name, "checking the configuration");
        (check.run)(config, findings);
    }
}

/// A glob as `protect`, `select` and rules use it: `*` stays within a `/`, `**` crosses it.
fn glob(key: &str, text: &str, findings: &mut Findings) {
    if let Err(error) = GlobBuilder::new(text).literal_separator(true).build() {
        findings.say(key, t!("config.bad_glob", value = text, cause = error.kind()));
    }
}

/// A template over a person's fields; its fields come back, none if it cannot be read.
fn template(key: &str, text: &str, names: &[&str], findings: &mut Findings) -> Vec<String> {
    let parsed = match Template::parse(text) {
        Ok(parsed) => parsed,
        Err(_) => {
            findings.say(key, t!("config.bad_template", value = text));
            return vec![String::new()];
        }
    };
    let fields: Vec<String> = parsed
        .items
        .iter()
        .filter_map(|item| if let Item::Key(field) = item { Some((*field).to_owned()) } else { None })
        .collect();
    for field in fields.iter().filter(|field| !names.contains(&field.as_str())) {
        let near = nearest(field, names.iter().copied()).unwrap_or_default();
        findings.say(key, t!("config.unknown_field", field = field, nearest = near));
    }
    fields
}

/// The fields of a person, as templates name them.
fn field_names() -> Vec<&'static str> {
    Field::ALL.iter().map(|field| field.as_str()).collect()
}

fn percent(key: &str, figure: f64, findings: &mut Findings) {
    let wrong = !(0.0..=100.0).contains(&figure);
    findings.say_if(wrong, key, t!("config.not_a_percentage", value = figure));
}
