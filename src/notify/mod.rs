//! Telling people what happened, through the robots of their groups and through webhooks. What is worth a message is
//! decided here from reports; a message that does not arrive is logged and changes nothing else.

mod robot;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rust_i18n::t;

use crate::clock::Clock;
use crate::config::{Env, Event, NotifyConfig};
use crate::http::{Options, Request, Transport, Trust, check_url};
use crate::report::words;
use crate::report::{ErrorReport, RunOutcome, SyncReport, TargetReport, table};
use crate::roster::RosterReport;
use crate::secret::ReadSecret as _;

/// Time limit of one attempt.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the one repeat.
const PAUSE: Duration = Duration::from_secs(1);
/// Largest answer that is read.
const MAX_ANSWER: usize = 64 << 10;
/// The same thing is not told twice within this time: a service that runs every minute says once an hour that a plan
/// is still held.
const SILENCE: Duration = Duration::from_secs(3600);

/// What a message is about; two of the same subject say the same.
type Subject = (Event, String, Option<String>, Vec<String>);

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Why.
    pub event: Event,
    /// One line; it has the word `rosterd` in it, for robots that take only messages with a certain word.
    pub title: String,
    /// More lines, without anybody's name.
    pub lines: Vec<String>,
    /// Lines that name people.
    pub people: Vec<String>,
    /// The target it is about.
    pub target: Option<String>,
    /// The run it is about.
    pub run: Option<String>,
    /// What makes it the same as an earlier message: what is wrong, without durations and numbers of runs.
    cause: Vec<String>,
}

impl Message {
    /// A message about no target.
    pub fn new(event: Event, title: String, lines: Vec<String>) -> Self {
        Self { event, title, cause: lines.clone(), lines, people: Vec::new(), target: None, run: None }
    }

    fn subject(&self) -> Subject {
        (self.event, self.title.clone(), self.target.clone(), self.cause.clone())
    }
}

/// What a sync is worth telling.
pub fn of_sync(report: &SyncReport, reading: Option<&RosterReport>) -> Vec<Message> {
    let sources = reading.iter().flat_map(|reading| &reading.sources);
    let late = sources.filter_map(|source| {
        let title = t!("notify.source_late", source = source.name).into_owned();
        Some(Message::new(Event::RosterLate, title, vec![source.frozen.clone()?]))
    });
    late.chain(report.targets.iter().flat_map(of_target)).collect()
}

/// What a sync without a roster, or without a beginning, is worth telling.
pub fn of_error(error: &ErrorReport) -> Message {
    // Nothing is wrong with what HR sent: it is not there yet.
    let late = ["roster_stale", "roster_no_files", "roster_no_marker", "roster_not_settled"];
    let (event, title) = if late.contains(&error.kind.as_str()) {
        (Event::RosterLate, t!("notify.late"))
    } else {
        (Event::Failed, t!("notify.failed"))
    };
    Message::new(event, title.into_owned(), vec![error.message.clone(), error.next.clone()])
}

/// What a run on a target is worth telling.
fn of_target(report: &TargetReport) -> Vec<Message> {
    let event = match report.outcome {
        RunOutcome::Held => Event::Held,
        RunOutcome::Failed => Event::Failed,
        RunOutcome::Partial => Event::Partial,
        RunOutcome::Unconfirmed => Event::Unconfirmed,
        RunOutcome::Applied => Event::Applied,
        RunOutcome::NoChanges | RunOutcome::Planned | RunOutcome::Locked => return loosened(report),
    };
    let title = t!("notify.run", target = report.target, outcome = words::outcome(report.outcome));
    let mut lines = vec![table::one_line(report)];
    lines.extend(report.held_by.iter().flat_map(|held| held_lines(held, &report.run_id)));
    if let Some(error) = &report.error {
        lines.extend([error.message.clone(), error.next.clone()]);
    }
    lines.extend(report.warnings.iter().cloned());
    let people =
        report.failures.iter().map(|f| format!("{} {}: {}", f.person, f.username, f.message)).collect();
    let cause = report.error.iter().map(|error| error.message.clone());
    let cause = cause.chain(report.held_by.iter().map(|held| held.guard.to_string())).collect();
    let message = Message { people, cause, ..about(report, event, title.into_owned(), lines) };
    std::iter::once(message).chain(loosened(report)).collect()
}

fn held_lines(held: &crate::reason::HeldBy, run: &str) -> Vec<String> {
    let text = anstream::adapter::strip_str(&table::held_lines(held, run)).to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Settings that guard less than at the last run.
fn loosened(report: &TargetReport) -> Vec<Message> {
    if report.loosened.is_empty() {
        return Vec::new();
    }
    let title = t!("notify.loosened", target = report.target).into_owned();
    vec![about(report, Event::ConfigLoosened, title, report.loosened.clone())]
}

fn about(report: &TargetReport, event: Event, title: String, lines: Vec<String>) -> Message {
    let (target, run) = (Some(report.target.to_string()), Some(report.run_id.clone()));
    Message { target, run, ..Message::new(event, title, lines) }
}

/// The receivers of a configuration.
#[derive(Debug)]
pub struct Notifier<'a, C> {
    config: &'a [NotifyConfig],
    base: &'a std::path::Path,
    env: &'a Env,
    clock: C,
    told: Mutex<Vec<(Subject, Duration)>>,
}

impl<'a, C: Clock> Notifier<'a, C> {
    /// `base` is the configuration's folder.
    pub const fn new(config: &'a [NotifyConfig], base: &'a std::path::Path, env: &'a Env, clock: C) -> Self {
        Self { config, base, env, clock, told: Mutex::new(Vec::new()) }
    }

    /// Tells everybody who wants to know. Takes some seconds at most; never fails.
    pub async fn tell(&self, messages: Vec<Message>) {
        for message in messages {
            if !self.is_news(&message) {
                continue;
            }
            for (place, receiver) in self.config.iter().enumerate() {
                if !receiver.on.contains(&message.event) {
                    continue;
                }
                match self.send(receiver, &message).await {
                    Ok(()) => tracing::info!(receiver = place, event = ?message.event, "message sent"),
                    Err(cause) => {
                        tracing::warn!(receiver = place, event = ?message.event, cause, "message not sent");
                    }
                }
            }
        }
    }

    /// Whether this was not said a short while ago. That something was changed is always news.
    fn is_news(&self, message: &Message) -> bool {
        let now = self.clock.monotonic();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(_, at)| now.saturating_sub(*at) < SILENCE);
        let subject = message.subject();
        let news = message.event == Event::Applied || !told.iter().any(|(old, _)| *old == subject);
        if news {
            told.push((subject, now));
        }
        news
    }

    async fn send(&self, receiver: &NotifyConfig, message: &Message) -> Result<(), String> {
        let (Some(kind), Some(url)) = (receiver.kind, &receiver.url) else { return Ok(()) };
        let read = |reference: &crate::secret::SecretRef| {
            reference.read(self.base, self.env).map_err(|error| error.to_string())
        };
        let url = read(url)?;
        let secret = receiver.secret.as_ref().map(read).transpose()?;
        let letter = robot::letter(kind, &url, secret.as_ref(), message, receiver.names, self.clock.now());
        // The address is the secret, so no error may quote it.
        let url = check_url(letter.url.expose()).map_err(|_| t!("notify.bad_url").into_owned())?;
        let options = Options { max_body: MAX_ANSWER, ..Options::new(Trust::System, TIMEOUT) };
        let transport = Transport::new(&options).map_err(|error| error.to_string())?;
        let mut again = true;
        loop {
            let cause = match transport.send(Request::post_json(url.clone(), letter.body.clone())).await {
                Ok(answer) if answer.status < 500 => return robot::taken(kind, answer.status, &answer.body),
                Ok(answer) => format!("HTTP {}", answer.status),
                Err(failure) => failure.detail,
            };
            if !std::mem::take(&mut again) {
                return Err(cause);
            }
            self.clock.sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::manual::ManualClock;
    use crate::plan::Counts;
    use crate::report::CallCounts;

    fn run(outcome: &str, took: u64, held_by: &[&str], error: Option<&str>) -> Message {
        let held = |guard: &&str| json!({ "guard": guard, "limit": 0, "actual": took, "detail": "waits" });
        let error = error.map(|message| json!({ "kind": "gateway", "message": message, "next": "look" }));
        let report: Value = json!({
            "target": "hq", "run_id": took.to_string(), "plan": null, "outcome": outcome, "exit_code": 3,
            "counts": Counts::default(), "changed_fields": {}, "calls": CallCounts::default(),
            "commit": "none", "state": "clean", "held_by": held_by.iter().map(held).collect::<Vec<_>>(),
            "approval": null, "failures": [], "duration_ms": took, "groups": [], "blocked": [], "error": error,
        });
        of_target(&serde_json::from_value(report).unwrap()).remove(0)
    }

    #[test]
    fn the_same_trouble_is_told_once_an_hour_and_other_trouble_at_once() {
        let clock = ManualClock::default();
        let (base, env) = (std::path::Path::new("."), Env::default());
        let notifier = Notifier::new(&[], base, &env, clock.clone());
        let news = |message: Message| notifier.is_news(&message);

        assert!(news(run("partial", 1, &[], None)));
        assert!(!news(run("partial", 2, &[], None)), "only the duration differs");
        assert!(news(run("failed", 3, &[], Some("refused"))));
        assert!(!news(run("failed", 4, &[], Some("refused"))));
        assert!(news(run("failed", 5, &[], Some("timed out"))), "another cause");
        assert!(news(run("held", 6, &["max_missing"], None)));
        assert!(!news(run("held", 7, &["max_missing"], None)));
        assert!(news(run("held", 8, &["max_deletes_24h"], None)), "another guard");
        assert!(news(run("applied", 9, &[], None)) && news(run("applied", 9, &[], None)));
        let watch = |line: &str| Message::new(Event::UcloudKeys, "rosterd".to_owned(), vec![line.to_owned()]);
        assert!(news(watch("a key is new")) && !news(watch("a key is new")) && news(watch("a key is gone")));

        clock.advance(SILENCE);
        assert!(news(run("partial", 10, &[], None)), "an hour later it is told again");
    }
}
