//! Small things that several commands show in the same way: moments in the configured zone, people, digests.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::plan::{AccountField, AccountState};
use crate::report::words;
use crate::store::journal::{Actor, Trigger};

/// `2026-11-21 02:30:05`, in the zone of the schedule.
pub fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A name, or a number where there is none.
pub fn actor(actor: &Actor) -> String {
    actor.name.clone().unwrap_or_else(|| format!("uid {}", actor.login_uid.unwrap_or(actor.uid)))
}

/// `note: before → after`.
pub fn change(field: &str, before: Option<&str>, after: Option<&str>) -> String {
    format!("{}: {} → {}", words::field(field), words::value(before), words::value(after))
}

/// The fields of an account that hold something, `note: …`. Phones are shown as they are: mask them before.
pub fn fields(state: &AccountState) -> Vec<String> {
    let said = |field: AccountField| match state.text(field)?.as_str() {
        "" => None,
        "true" | "false" => {
            Some(format!("{}: {}", words::field(field.as_str()), words::yes_no(state.enabled)))
        }
        text => Some(format!("{}: {text}", words::field(field.as_str()))),
    };
    AccountField::ALL.into_iter().filter_map(said).collect()
}

/// An outcome's word in the chosen language; `crashed` and what is still running too.
pub fn outcome(word: Option<&str>) -> words::Word {
    let Some(word) = word else { return rust_i18n::t!("cli.runs.open") };
    match serde_json::from_value(serde_json::Value::String(word.to_owned())) {
        Ok(outcome) => words::outcome(outcome),
        Err(_) => rust_i18n::t!("cli.runs.crashed"),
    }
}

/// What set a run off.
pub fn trigger(trigger: Trigger) -> words::Word {
    match trigger {
        Trigger::Cli => rust_i18n::t!("cli.trigger.cli"),
        Trigger::Schedule => rust_i18n::t!("cli.trigger.schedule"),
        Trigger::Watch => rust_i18n::t!("cli.trigger.watch"),
        Trigger::Signal => rust_i18n::t!("cli.trigger.signal"),
        Trigger::Web => rust_i18n::t!("cli.trigger.web"),
    }
}
