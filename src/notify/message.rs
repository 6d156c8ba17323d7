//! What is worth a message, and its words: from reports to messages, and which earlier ones they may end. Pure.

use std::collections::BTreeSet;

use rust_i18n::t;

use crate::config::Event;
use crate::plan::ActionKind;
use crate::reason::{BlockKind, Blocked, ErrorKind, Guard, HeldBy};
use crate::report::words;
use crate::report::{ErrorReport, RunOutcome, SyncReport, TargetReport, TargetState, table};
use crate::roster::RosterReport;

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Why.
    pub event: Event,
    /// What else it is about: whoever wants to hear of one of these gets it too.
    pub also: Vec<Event>,
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
    /// What it keeps being about until it is fixed, `run:hq` or `roster`; `None`: it happened, and that is all.
    pub topic: Option<String>,
    /// What is wrong, without durations and numbers of runs: the same cause is no news.
    pub cause: Vec<String>,
}

impl Message {
    /// Something that happened, about no target.
    pub fn new(event: Event, title: String, lines: Vec<String>) -> Self {
        Self {
            event,
            also: Vec::new(),
            title,
            cause: lines.iter().map(|line| steady(line)).collect(),
            lines,
            people: Vec::new(),
            target: None,
            run: None,
            topic: None,
        }
    }

    /// The same as a trouble that stands until a later look finds it gone.
    #[must_use]
    pub fn standing(self, topic: impl Into<String>) -> Self {
        Self { topic: Some(topic.into()), ..self }
    }
}

/// What there is to tell, and what was looked at to tell it: a trouble that was told, was looked at and is not told
/// again is fixed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// The messages.
    pub messages: Vec<Message>,
    /// Topics that were looked at.
    pub looked_at: BTreeSet<String>,
}

impl News {
    /// A message, with nothing else looked at.
    pub fn only(message: Message) -> Self {
        Self { messages: vec![message], looked_at: BTreeSet::new() }
    }

    /// These topics were looked at.
    #[must_use]
    pub fn looked_at<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.looked_at.extend(topics.into_iter().map(Into::into));
        self
    }
}

/// What a sync is worth telling. `whole`: it was over the whole roster and for everybody; any other says nothing about
/// whom it left out.
pub fn of_sync(report: &SyncReport, reading: Option<&RosterReport>, whole: bool) -> News {
    let mut news = News::default();
    if report.dry_run {
        return news;
    }
    if whole {
        news.looked_at.insert("roster".to_owned());
        for source in reading.iter().flat_map(|reading| &reading.sources) {
            let topic = format!("source:{}", source.name);
            if let Some(why) = &source.frozen {
                let title = t!("notify.source_late", source = source.name).into_owned();
                let late = Message::new(Event::RosterLate, title, vec![why.clone()]);
                news.messages.push(late.standing(topic.clone()));
            }
            news.looked_at.insert(topic);
        }
    }
    for target in &report.targets {
        of_target(target, whole, &mut news);
    }
    news
}

/// What a sync without a roster, or without a beginning, is worth telling.
pub fn of_error(error: &ErrorReport) -> News {
    let roster = matches!(error.kind, ErrorKind::Roster(_));
    let (event, title) = if error.kind.is_late_roster() {
        (Event::RosterLate, t!("notify.late"))
    } else {
        (Event::Failed, t!("notify.failed"))
    };
    let lines = vec![error.message.clone(), error.next.clone()];
    let message = Message::new(event, title.into_owned(), lines);
    let also = if roster && event == Event::Failed { vec![Event::RosterSuspect] } else { Vec::new() };
    News::only(Message { also, ..message }.standing(if roster { "roster" } else { "job" }))
}

/// What a look at the audit trail is worth telling: how many records are not as they were written.
pub fn of_trail(broken: usize) -> News {
    let news = News::default().looked_at(["audit"]);
    if broken == 0 {
        return news;
    }
    let title = t!("notify.audit_broken").into_owned();
    let line = t!("notify.audit_broken_line", count = broken).into_owned();
    let message = Message::new(Event::AuditBroken, title, vec![line]).standing("audit");
    News { messages: vec![message], ..news }
}

/// What a run on a target is worth telling.
fn of_target(report: &TargetReport, whole: bool, news: &mut News) {
    if matches!(report.outcome, RunOutcome::Locked | RunOutcome::Planned) {
        return;
    }
    let topic = |what: &str| format!("{what}:{}", report.target);
    news.looked_at.insert(topic("dirty"));
    let (outcome, dirty) = (of_outcome(report), of_state(report));
    // A run that was not carried out to its end because of what left it dirty is one thing to hear of, not two.
    let twice = dirty.is_some() && report.outcome == RunOutcome::Partial;
    news.messages.extend(outcome.filter(|_| !twice));
    news.messages.extend(dirty);
    news.messages.extend(loosened(report));
    news.messages.extend(access(report));
    if !whole {
        return;
    }
    news.looked_at.insert("job".to_owned());
    news.looked_at.insert(topic("run"));
    // A run that failed before it had a plan knows nothing of people.
    if report.plan.is_some() || report.same_as.is_some() {
        news.messages.extend(blocked(report));
        news.looked_at.extend([topic("blocked"), topic("access")]);
    }
}

fn of_outcome(report: &TargetReport) -> Option<Message> {
    let event = match report.outcome {
        RunOutcome::Held => Event::Held,
        RunOutcome::Failed => Event::Failed,
        RunOutcome::Partial => Event::Partial,
        RunOutcome::Applied => Event::Applied,
        RunOutcome::Unconfirmed | RunOutcome::NoChanges | RunOutcome::Planned | RunOutcome::Locked => {
            return None;
        }
    };
    let also = if event == Event::Held { held_for(report) } else { Vec::new() };
    let message = Message { also, ..of_run(report, event) };
    Some(if event == Event::Applied { message } else { message.standing(format!("run:{}", report.target)) })
}

/// What a held run is about besides being held.
fn held_for(report: &TargetReport) -> Vec<Event> {
    let by = |wanted: &dyn Fn(Guard) -> bool| report.held_by.iter().any(|held| wanted(held.guard));
    let removals = report.counts.disable + report.counts.delete > 0;
    [
        (by(&Guard::mistrusts_roster), Event::RosterSuspect),
        (by(&|guard| guard == Guard::TargetChanged), Event::DeviceChanged),
        (removals, Event::AccessAfterLeaving),
    ]
    .into_iter()
    .filter_map(|(holds, event)| holds.then_some(event))
    .collect()
}

/// A target on which what was written has not taken effect.
fn of_state(report: &TargetReport) -> Option<Message> {
    let after = match report.state {
        TargetState::Quarantined => t!("report.after.quarantined"),
        TargetState::Dirty => t!("report.after.dirty"),
        _ if report.outcome == RunOutcome::Unconfirmed => t!("report.after.dirty"),
        TargetState::Clean | TargetState::Paused => return None,
    };
    let mut message = of_run(report, Event::Unconfirmed);
    message.title = t!("notify.dirty", target = report.target).into_owned();
    message.lines.insert(0, after.into_owned());
    message.cause = vec![format!("{:?}", report.state)];
    Some(message.standing(format!("dirty:{}", report.target)))
}

fn of_run(report: &TargetReport, event: Event) -> Message {
    let title = t!("notify.run", target = report.target, outcome = words::outcome(report.outcome));
    let mut lines = vec![table::one_line(report)];
    lines.extend(report.held_by.iter().flat_map(|held| held_lines(held, &report.run_id)));
    if let Some(error) = &report.error {
        lines.extend([error.message.clone(), error.next.clone()]);
    }
    lines.extend(report.warnings.iter().cloned());
    let people =
        report.failures.iter().map(|f| format!("{} {}: {}", f.person, f.username, f.message)).collect();
    let cause = report.error.iter().map(|error| format!("{} {}", error.kind, steady(&error.message)));
    let cause = cause.chain(report.held_by.iter().map(|held| held.guard.to_string())).collect();
    Message { people, cause, ..about(report, event, title.into_owned(), lines) }
}

fn held_lines(held: &HeldBy, run: &str) -> Vec<String> {
    let text = anstream::adapter::strip_str(&table::held_lines(held, run)).to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Settings that guard less than at the last run.
fn loosened(report: &TargetReport) -> Option<Message> {
    if report.loosened.is_empty() {
        return None;
    }
    let title = t!("notify.loosened", target = report.target).into_owned();
    Some(about(report, Event::ConfigLoosened, title, report.loosened.clone()))
}

/// People whose removal failed: they can still log in.
fn access(report: &TargetReport) -> Option<Message> {
    let removal = |kind| matches!(kind, ActionKind::Disable | ActionKind::Delete);
    let failed: Vec<_> = report.failures.iter().filter(|failure| removal(failure.kind)).collect();
    if failed.is_empty() {
        return None;
    }
    let title = t!("notify.access", target = report.target, count = failed.len()).into_owned();
    let people = failed.iter().map(|f| format!("{} {}: {}", f.person, f.username, f.message)).collect();
    let cause = failed.iter().map(|f| f.person.to_string()).collect();
    let lines = vec![t!("notify.access_line").into_owned()];
    let message = about(report, Event::AccessAfterLeaving, title, lines);
    Some(Message { people, cause, ..message }.standing(format!("access:{}", report.target)))
}

/// People left alone.
fn blocked(report: &TargetReport) -> Option<Message> {
    if report.blocked.is_empty() {
        return None;
    }
    let title = t!("notify.blocked", target = report.target, count = report.blocked.len()).into_owned();
    let kinds: BTreeSet<BlockKind> = report.blocked.iter().map(|line| line.reason.kind()).collect();
    let count = |kind: BlockKind| report.blocked.iter().filter(|line| line.reason.kind() == kind).count();
    let lines =
        kinds.into_iter().map(|kind| format!("{}: {}", words::block_kind(kind), count(kind))).collect();
    let word = |line: &Blocked| format!("{} {}", line.person, line.reason.kind().as_str());
    let cause = report.blocked.iter().map(word).collect();
    let said = |line: &Blocked| format!("{}: {}", line.person, words::blocked(line));
    let people = report.blocked.iter().map(said).collect();
    let message = about(report, Event::Blocked, title, lines);
    Some(Message { people, cause, ..message }.standing(format!("blocked:{}", report.target)))
}

fn about(report: &TargetReport, event: Event, title: String, lines: Vec<String>) -> Message {
    let (target, run) = (Some(report.target.to_string()), Some(report.run_id.clone()));
    Message { target, run, ..Message::new(event, title, lines) }
}

/// A text without its figures: an age or a count that grows from night to night is no other cause.
fn steady(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::Counts;
    use crate::report::CallCounts;

    /// A report of target `hq`; `more` overrides keys.
    pub(in crate::notify) fn report(more: Value) -> TargetReport {
        let mut report: Value = json!({
            "target": "hq", "run_id": "7", "plan": { "id": "1", "digest": "d" }, "outcome": "no_changes",
            "exit_code": 0, "counts": Counts::default(), "changed_fields": {}, "calls": CallCounts::default(),
            "commit": "none", "state": "clean", "held_by": [], "approval": null, "failures": [],
            "duration_ms": 5, "groups": [], "blocked": [],
        });
        report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(report).unwrap()
    }

    /// What a run with such a report is worth telling.
    pub(in crate::notify) fn news(whole: bool, more: Value) -> News {
        let sync = json!({
            "version": 1, "dry_run": false, "as_of": "2026-11-27", "targets": [report(more)],
            "roster": { "sources": [], "rows": 0, "accepted": 0, "refused": 0, "digest": "" },
        });
        of_sync(&serde_json::from_value(sync).unwrap(), None, whole)
    }

    fn events(news: &News) -> Vec<(Event, Option<&str>)> {
        news.messages.iter().map(|message| (message.event, message.topic.as_deref())).collect()
    }

    fn held(guard: &str) -> Value {
        json!([{ "guard": guard, "limit": 0, "actual": 1.0, "detail": "waits" }])
    }

    fn failure(kind: &str) -> Value {
        json!([{ "person": "10023", "username": "zs", "kind": kind, "code": -9, "message": "no" }])
    }

    fn removals(count: u64) -> Value {
        json!(Counts { disable: count, ..Counts::default() })
    }

    #[test]
    fn each_outcome_has_its_event_and_stands_until_it_is_fixed() {
        assert_eq!(events(&news(true, json!({}))), []);
        let all = news(true, json!({ "outcome": "held", "held_by": held("max_rename") }));
        assert_eq!(events(&all), [(Event::Held, Some("run:hq"))]);
        assert!(all.messages[0].also.is_empty(), "a rename says nothing about the roster");
        let error = json!({ "kind": "gateway", "message": "refused", "next": "" });
        let all = news(true, json!({ "outcome": "failed", "exit_code": 1, "error": error, "plan": null }));
        assert_eq!(events(&all), [(Event::Failed, Some("run:hq"))]);
        assert!(!all.looked_at.contains("blocked:hq"), "a run without a plan knows nothing of people");
        assert_eq!(events(&news(true, json!({ "outcome": "applied" }))), [(Event::Applied, None)]);
        assert_eq!(events(&news(true, json!({ "outcome": "locked" }))), []);
        assert!(news(true, json!({ "outcome": "locked" })).looked_at.iter().all(|topic| topic == "roster"));
    }

    #[test]
    fn what_is_not_in_force_is_told_once() {
        let unconfirmed = Some("dirty:hq");
        let all = news(true, json!({ "outcome": "unconfirmed", "state": "dirty" }));
        assert_eq!(events(&all), [(Event::Unconfirmed, unconfirmed)]);
        let all = news(true, json!({ "outcome": "partial", "state": "quarantined" }));
        assert_eq!(events(&all), [(Event::Unconfirmed, unconfirmed)]);
        let all = news(true, json!({ "outcome": "no_changes", "state": "dirty" }));
        assert_eq!(events(&all), [(Event::Unconfirmed, unconfirmed)]);
        let all = news(true, json!({ "outcome": "failed", "state": "dirty" }));
        assert_eq!(events(&all), [(Event::Failed, Some("run:hq")), (Event::Unconfirmed, unconfirmed)]);
    }

    #[test]
    fn a_held_run_says_what_is_suspected() {
        let also = |guard: &str, counts: Value| {
            news(true, json!({ "outcome": "held", "held_by": held(guard), "counts": counts })).messages[0]
                .also
                .clone()
        };
        assert_eq!(also("max_shrink_percent", removals(0)), [Event::RosterSuspect]);
        assert_eq!(also("target_changed", removals(0)), [Event::DeviceChanged]);
        assert_eq!(also("max_missing", removals(3)), [Event::RosterSuspect, Event::AccessAfterLeaving]);
    }

    #[test]
    fn leavers_who_can_still_log_in_are_told_by_themselves() {
        let partial = |kind: &str| news(true, json!({ "outcome": "partial", "failures": failure(kind) }));
        let access = (Event::AccessAfterLeaving, Some("access:hq"));
        assert_eq!(events(&partial("disable")), [(Event::Partial, Some("run:hq")), access]);
        assert_eq!(events(&partial("update")), [(Event::Partial, Some("run:hq"))]);
        let told = partial("delete");
        assert!(told.messages[1].people[0].contains("10023") && !told.messages[1].lines[0].contains("10023"));
    }

    #[test]
    fn blocked_people_are_told_of_runs_over_everybody_only() {
        let line = |person: &str| {
            json!({ "person": person, "username": null, "reason": "duplicate_key", "detail": "twice",
                "file": null, "line": null, "since": "2026-11-19" })
        };
        let more = json!({ "blocked": [line("10044"), line("10045")] });
        let all = news(true, more.clone());
        assert_eq!(events(&all), [(Event::Blocked, Some("blocked:hq"))]);
        assert_eq!(all.messages[0].lines, ["ID twice: 2"]);
        assert_eq!(all.messages[0].people, ["10044: twice", "10045: twice"]);
        let some = news(false, more);
        assert_eq!((events(&some).len(), some.looked_at.contains("blocked:hq")), (0, false));
        assert!(some.looked_at.contains("dirty:hq") && !some.looked_at.contains("run:hq"));
    }

    #[test]
    fn a_roster_that_is_late_is_no_roster_that_is_suspect() {
        let error = |kind: &str| {
            let error =
                ErrorReport { kind: ErrorKind::of(kind), message: "27 hours".into(), next: "wait".into() };
            let message = of_error(&error).messages.remove(0);
            (message.event, message.also.clone(), message.topic.clone().unwrap(), message.cause[0].clone())
        };
        let cause = " hours".to_owned();
        assert_eq!(error("roster_stale"), (Event::RosterLate, vec![], "roster".into(), cause.clone()));
        let suspect = vec![Event::RosterSuspect];
        assert_eq!(error("roster_damaged"), (Event::Failed, suspect, "roster".into(), cause.clone()));
        assert_eq!(error("store"), (Event::Failed, vec![], "job".into(), cause));
    }

    #[test]
    fn a_trail_that_is_whole_ends_what_was_told_of_it() {
        assert_eq!(events(&of_trail(2)), [(Event::AuditBroken, Some("audit"))]);
        assert_eq!(of_trail(0), News::default().looked_at(["audit"]));
    }
}
