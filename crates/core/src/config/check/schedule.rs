//! Checks of `[schedule]`, `[state]` and `[audit]`.

use rust_i18n::t;

use super::Findings;
use crate::config::Config;
use crate::config::schedule::{DateRange, WeekWindow, parse_cron};

pub(super) fn schedule(config: &Config, findings: &mut Findings) {
    let schedule = &config.schedule;
    findings.say_if(schedule.cron.is_empty(), "schedule.cron", t!("config.empty"));
    crons("schedule.cron", &schedule.cron, findings);
    for range in &schedule.freeze {
        if range.parse::<DateRange>().is_err() {
            findings.say("schedule.freeze", t!("config.schedule.freeze", value = range));
        }
    }
    let window = &schedule.delete_window;
    let wrong = !window.is_empty() && window.parse::<WeekWindow>().is_err();
    findings.say_if(wrong, "schedule.delete_window", t!("config.schedule.window", value = window));
    let idle = schedule.watch_poll.as_duration().is_zero();
    findings.say_if(idle, "schedule.watch_poll", t!("config.zero"));
}

pub(super) fn crons(key: &str, expressions: &[String], findings: &mut Findings) {
    for expression in expressions {
        if let Err(fault) = parse_cron(expression) {
            let message = t!("config.bad_value", value = format!("{expression:?}"), message = fault);
            findings.say(key, message);
        }
    }
}

pub(super) fn state(config: &Config, findings: &mut Findings) {
    findings.say_if(config.state.path.as_os_str().is_empty(), "state.path", t!("config.empty"));
    let heads = &config.audit.heads_file;
    let same = !heads.as_os_str().is_empty() && *heads == config.state.path;
    findings.say_if(same, "audit.heads_file", t!("config.heads_in_state"));
}
