//! What was said before, and what is therefore news: first, then "still" from time to time, then "fixed". Pure; the
//! database keeps what was said.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rust_i18n::t;

use super::message::{Message, News};
use crate::config::{Event, NotifyConfig};
use crate::store::told::Told;

/// A day is another day only after this: what is said at midnight is not said again at one.
const HALF_A_DAY: TimeDelta = TimeDelta::hours(12);

/// What is done for one receiver, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Say this; once it is said, remember it.
    Say(Message, Option<Told>),
    /// Say that this is fixed; once that is said, forget it.
    Fixed(Message, String),
    /// Forget it: it is fixed, and this receiver does not want to hear so.
    Forget(String),
}

/// What one receiver is told, given what it was told before by topic.
pub fn steps(
    news: &News,
    told: &BTreeMap<String, Told>,
    receiver: &NotifyConfig,
    now: DateTime<Utc>,
    zone: Tz,
) -> Vec<Step> {
    let wants = |event: &Event| receiver.on.contains(event);
    let mut steps = Vec::new();
    for message in &news.messages {
        if !wants(&message.event) && !message.also.iter().any(wants) {
            continue;
        }
        let Some(topic) = &message.topic else {
            steps.push(Step::Say(message.clone(), None));
            continue;
        };
        let cause = digest(message);
        let before = told.get(topic).filter(|told| told.cause == cause);
        if before.is_some_and(|told| !is_due(message.event, told.said_at, now, zone)) {
            continue;
        }
        let since = before.map_or(now, |told| told.since);
        let told = Told { topic: topic.clone(), cause, title: message.title.clone(), since, said_at: now };
        let message = match before {
            Some(_) => still(message, since, zone),
            None => message.clone(),
        };
        steps.push(Step::Say(message, Some(told)));
    }
    let stands = |topic: &String| news.messages.iter().any(|m| m.topic.as_ref() == Some(topic));
    for told in told.values().filter(|told| news.looked_at.contains(&told.topic) && !stands(&told.topic)) {
        steps.push(if wants(&Event::Fixed) {
            Step::Fixed(fixed(told, zone), told.topic.clone())
        } else {
            Step::Forget(told.topic.clone())
        });
    }
    steps
}

/// Whether what was said then is said again now: once a day, of blocked people once a week.
fn is_due(event: Event, said_at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> bool {
    let every = if event == Event::Blocked { 7 } else { 1 };
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let passed = (day(now) - day(said_at)).num_days();
    // A moment that is still to come was written while the clock was wrong.
    passed < -1 || (passed >= every && now - said_at >= HALF_A_DAY)
}

fn digest(message: &Message) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in std::iter::once(&format!("{:?}", message.event)).chain(&message.cause) {
        hasher.update(part.as_bytes()).update(b"\0");
    }
    hasher.finalize().to_hex().to_string()
}

fn still(message: &Message, since: DateTime<Utc>, zone: Tz) -> Message {
    let title = t!("notify.still", title = message.title, since = moment(since, zone)).into_owned();
    Message { title, ..message.clone() }
}

fn fixed(told: &Told, zone: Tz) -> Message {
    let title = t!("notify.fixed", title = told.title).into_owned();
    let line = t!("notify.fixed_line", since = moment(told.since, zone)).into_owned();
    Message::new(Event::Fixed, title, vec![line])
}

fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = Tz::Asia__Shanghai;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// One receiver that remembers what it was told.
    #[derive(Default)]
    struct Group {
        told: BTreeMap<String, Told>,
        receiver: NotifyConfig,
    }

    impl Group {
        fn hears(&mut self, news: &News, now: &str) -> Vec<String> {
            let steps = steps(news, &self.told, &self.receiver, at(now), ZONE);
            let said = |step| match step {
                Step::Say(message, told) => {
                    self.told.extend(told.map(|told| (told.topic.clone(), told)));
                    message.title
                }
                Step::Fixed(message, topic) => {
                    self.told.remove(&topic);
                    message.title
                }
                Step::Forget(topic) => {
                    self.told.remove(&topic);
                    "forgotten".to_owned()
                }
            };
            steps.into_iter().map(said).collect()
        }
    }

    fn trouble(event: Event, cause: &str) -> News {
        let message =
            Message { cause: vec![cause.into()], ..Message::new(event, "rosterd hq".into(), vec![]) };
        News::only(message.standing("run:hq")).looked_at(["run:hq"])
    }

    fn nothing() -> News {
        News::default().looked_at(["run:hq"])
    }

    #[test]
    fn first_then_once_a_day_then_fixed() {
        let (mut group, held) = (Group::default(), trouble(Event::Held, "max_missing"));
        assert_eq!(group.hears(&held, "2026-11-27T02:30:09+08:00"), ["rosterd hq"]);
        assert_eq!(group.hears(&held, "2026-11-27T02:31:00+08:00"), [""; 0]);
        assert_eq!(group.hears(&held, "2026-11-27T23:59:00+08:00"), [""; 0]);
        let still = "rosterd hq (still; since 2026-11-27 02:30)";
        assert_eq!(
            group.hears(&held, "2026-11-28T02:30:04+08:00"),
            [still],
            "a little early is the next day"
        );
        assert_eq!(group.hears(&held, "2026-11-28T02:31:00+08:00"), [""; 0]);
        assert_eq!(group.hears(&nothing(), "2026-11-28T09:00:00+08:00"), ["Fixed: rosterd hq"]);
        assert_eq!(group.hears(&nothing(), "2026-11-28T09:01:00+08:00"), [""; 0]);
        assert_eq!(group.hears(&held, "2026-11-28T10:00:00+08:00"), ["rosterd hq"], "it is back");
    }

    #[test]
    fn midnight_is_not_a_day_later() {
        let (mut group, held) = (Group::default(), trouble(Event::Held, "max_missing"));
        assert_eq!(group.hears(&held, "2026-11-27T23:55:00+08:00").len(), 1);
        assert_eq!(group.hears(&held, "2026-11-28T00:05:00+08:00").len(), 0);
        assert_eq!(group.hears(&held, "2026-11-28T11:55:00+08:00").len(), 1);
    }

    #[test]
    fn another_cause_is_told_at_once_and_another_outcome_too() {
        let mut group = Group::default();
        let now = "2026-11-27T02:30:00Z";
        assert_eq!(group.hears(&trouble(Event::Held, "max_missing"), now).len(), 1);
        assert_eq!(group.hears(&trouble(Event::Held, "max_deletes_24h"), now).len(), 1);
        assert_eq!(group.hears(&trouble(Event::Failed, "max_deletes_24h"), now).len(), 1);
        assert_eq!(group.hears(&trouble(Event::Failed, "max_deletes_24h"), now).len(), 0);
    }

    #[test]
    fn blocked_people_are_told_when_the_list_changes_and_once_a_week() {
        let (mut group, list) = (Group::default(), trouble(Event::Blocked, "10044 duplicate_key"));
        assert_eq!(group.hears(&list, "2026-11-20T02:30:00Z").len(), 1);
        assert_eq!(group.hears(&list, "2026-11-21T02:30:00Z").len(), 0);
        assert_eq!(group.hears(&list, "2026-11-26T02:30:00Z").len(), 0);
        assert_eq!(group.hears(&list, "2026-11-27T02:30:00Z").len(), 1);
        assert_eq!(
            group.hears(&trouble(Event::Blocked, "10045 duplicate_key"), "2026-11-28T02:30:00Z").len(),
            1
        );
    }

    #[test]
    fn what_happened_is_told_each_time_and_never_fixed() {
        let mut group = Group::default();
        let news = News::only(Message::new(Event::ConfigLoosened, "rosterd hq".into(), vec!["x".into()]));
        assert_eq!(group.hears(&news, "2026-11-27T02:30:00Z").len(), 1);
        assert_eq!(group.hears(&news, "2026-11-27T02:31:00Z").len(), 1);
        assert!(group.told.is_empty());
    }

    #[test]
    fn nothing_is_fixed_that_nobody_looked_at() {
        let (mut group, held) = (Group::default(), trouble(Event::Held, "max_missing"));
        assert_eq!(group.hears(&held, "2026-11-27T02:30:00Z").len(), 1);
        let elsewhere = News::default().looked_at(["run:lab"]);
        assert_eq!(group.hears(&elsewhere, "2026-11-27T02:31:00Z"), [""; 0]);
    }

    #[test]
    fn whoever_wants_no_event_hears_nothing_of_it() {
        let mut group = Group::default();
        group.receiver.on = [Event::RosterSuspect].into();
        let mut held = trouble(Event::Held, "max_shrink_percent");
        assert_eq!(group.hears(&held, "2026-11-27T02:30:00Z"), [""; 0]);
        held.messages[0].also = vec![Event::RosterSuspect];
        assert_eq!(group.hears(&held, "2026-11-27T02:30:00Z").len(), 1);
        assert_eq!(group.hears(&nothing(), "2026-11-27T02:31:00Z"), ["forgotten"]);
    }

    #[test]
    fn a_clock_that_was_wrong_silences_nobody() {
        let (mut group, held) = (Group::default(), trouble(Event::Held, "max_missing"));
        assert_eq!(group.hears(&held, "2036-01-01T00:00:00Z").len(), 1);
        assert_eq!(group.hears(&held, "2026-11-27T02:30:00Z").len(), 1);
        assert_eq!(group.hears(&held, "2026-11-27T01:30:00Z").len(), 0, "an hour back is no other day");
    }
}
