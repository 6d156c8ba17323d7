//! What must hold for the people of a simulated company, judged from the truth, from the bytes that HR wrote, and from
//! what the device took. Shares no code with what decides: limits and waiting times are read from the settings, all
//! counting is done here.
//!
//! `eyes` is what is known of one night; here is what is remembered from night to night, rule by rule.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::eyes::Eyes;
use super::scene::{Did, Owner, Sent};
use rosterd::config::{Event, Limit, Manage, NotifyConfig, TargetConfig};
use rosterd::report::RunOutcome;

/// A share of fewer people than this is none.
const FEW: usize = 5;
/// What the documents promise of any 24 hours and any 7 days, in percent of the most accounts enabled within them.
const REMOVED_24H: f64 = 10.0;
const REMOVED_7D: f64 = 20.0;
/// Accounts that a run looks at in turn, at least.
const CANARY: usize = 3;

/// Something that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `H1` to `H7`, and which side of it.
    pub rule: &'static str,
    /// What had happened before.
    pub cause: &'static str,
    /// The company's day.
    pub day: u64,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// What it has in common with others.
    pub fn kind(&self) -> String {
        format!("{} | {}", self.rule, self.cause)
    }
}

/// How long somebody is missing from what HR writes.
#[derive(Debug, Clone)]
struct Absence {
    since: DateTime<Utc>,
    rosters: BTreeSet<String>,
}

/// What a held run showed to whoever approved it.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub run: i64,
    /// User name, kind, and the values after.
    pub items: BTreeSet<(String, &'static str, String)>,
}

/// Somebody lost access by rosterd's hand, and nobody had approved it.
#[derive(Debug, Clone)]
struct Lost {
    at: DateTime<Utc>,
    human: usize,
}

/// Who remembers.
#[derive(Debug, Default)]
pub(super) struct Checker {
    pub violations: Vec<Violation>,
    /// Checks made.
    pub checks: u64,
    said: BTreeSet<(&'static str, &'static str, Option<usize>)>,
    absent: BTreeMap<usize, Absence>,
    lost: Vec<Lost>,
    enabled: Vec<(DateTime<Utc>, usize)>,
    cut: BTreeMap<usize, u64>,
    /// Accounts that rosterd disabled, by the device's number.
    disabled: BTreeSet<u64>,
    /// Nights in a row on which somebody who left had access, or somebody who works there had not what is theirs, and
    /// nobody was told.
    silent: BTreeMap<(&'static str, usize), u64>,
    /// Approvals that were given, by number.
    pub shown: BTreeMap<i64, Shown>,
    used: BTreeMap<i64, i64>,
}

impl Checker {
    fn wrong(&mut self, rule: &'static str, human: Option<usize>, eyes: &Eyes<'_>, what: String) {
        self.blame(rule, eyes.marks.cause(rule, human), human, eyes, what);
    }

    fn blame(
        &mut self,
        rule: &'static str,
        cause: &'static str,
        human: Option<usize>,
        eyes: &Eyes<'_>,
        what: String,
    ) {
        if self.said.insert((rule, cause, human)) {
            self.violations.push(Violation { rule, cause, day: eyes.day, what });
        }
    }

    /// One night is over.
    pub(super) fn judge(&mut self, eyes: &Eyes<'_>) {
        self.count_absent(eyes);
        let approved = self.approvals(eyes);
        self.strangers(eyes);
        self.twins(eyes);
        self.losses(eyes, &approved);
        self.fields(eyes, &approved);
        self.silence(eyes);
    }

    /// A run that nobody holds for the roster's sake is one that counts.
    fn count_absent(&mut self, eyes: &Eyes<'_>) {
        if eyes.night.unread || eyes.night.report.exit_code == 1 {
            return;
        }
        for human in eyes.ours_of.keys() {
            if eyes.is_listed(*human) {
                self.absent.remove(human);
                continue;
            }
            let fresh = || Absence { since: eyes.at, rosters: BTreeSet::new() };
            let absence = self.absent.entry(*human).or_insert_with(fresh);
            absence.rosters.insert(eyes.digest.clone());
        }
    }

    /// Whether the files have left somebody out for as long as the settings ask.
    fn is_missing_long_enough(&self, human: usize, target: &TargetConfig, at: DateTime<Utc>) -> bool {
        let wait = TimeDelta::from_std(target.leavers.missing_for.as_duration()).unwrap_or(TimeDelta::MAX);
        self.absent.get(&human).is_some_and(|absence| {
            absence.rosters.len() as u64 >= u64::from(target.leavers.missing_runs)
                && at - absence.since >= wait
        })
    }

    /// H7. What was approved of what this run sent.
    fn approvals(&mut self, eyes: &Eyes<'_>) -> BTreeSet<usize> {
        let mut covered = BTreeSet::new();
        let Some(approval) = &eyes.night.report.approval else { return covered };
        let Some(id) = approval.id.as_ref().and_then(|id| id.parse::<i64>().ok()) else { return covered };
        let Some(shown) = self.shown.get(&id).cloned() else { return covered };
        self.checks += 1;
        if let Some(run) = self.used.insert(id, shown.run) {
            self.wrong("H7 used twice", None, eyes, format!("approval {id} of run {run} is used again"));
        }
        if self.used.iter().any(|(other, run)| *other != id && *run == shown.run) {
            let what =
                format!("what run {} showed is let through a second time, by approval {id}", shown.run);
            self.wrong("H7 let through twice", None, eyes, what);
        }
        let item = |sent: &Sent| (sent.name.clone(), sent.did.word(), values(sent));
        for (at, sent) in eyes.sent.iter().enumerate() {
            if shown.items.contains(&item(sent)) {
                covered.insert(at);
            }
        }
        let target = eyes.target;
        for guard in &approval.guards {
            let (counts, limit): (fn(Did) -> bool, Limit) = match guard.as_str() {
                "max_missing" => (Did::removes, target.guard.max_missing),
                "max_deletes_24h" => (Did::removes, target.guard.max_deletes_24h),
                "max_change_percent" => {
                    (|did| matches!(did, Did::Update | Did::Rename), target.guard.max_change_percent)
                }
                "max_missing_percent" => (Did::removes, target.guard.max_missing_percent),
                "max_left_percent" => (Did::removes, target.guard.max_left_percent),
                "max_rename" => (|did| did == Did::Rename, target.guard.max_rename),
                _ => continue,
            };
            let rest =
                eyes.sent.iter().enumerate().filter(|(at, s)| counts(s.did) && !covered.contains(at)).count();
            let Some(limit) = limit.figure() else { continue };
            let figure = if guard.is_percent() { share(rest, eyes.managed) } else { rest as f64 };
            if figure > limit && (rest > 3 || !guard.is_percent()) {
                let what = format!("{rest} that approval {id} never showed pass {guard} with it");
                self.wrong("H7 never shown", None, eyes, what);
            }
        }
        covered
    }

    /// H4: accounts by other hands.
    fn strangers(&mut self, eyes: &Eyes<'_>) {
        for sent in eyes.sent {
            self.checks += 1;
            if sent.did != Did::Add && sent.owner == Some(Owner::Hands) {
                let human = eyes.human_of(&sent.name);
                let what = format!("{} of {}, which somebody made by hand", sent.did.word(), sent.name);
                self.wrong("H4 a stranger's account", human, eyes, what);
            }
            self.unmanaged(sent, eyes);
        }
        self.checks += 1;
        if eyes.token_ignored {
            self.wrong("H4 after a refused token", None, eyes, "a change is asked for".into());
        }
    }

    /// What is not rosterd's to say is left as it is: whom hands disabled, and fields that are not managed.
    fn unmanaged(&mut self, sent: &Sent, eyes: &Eyes<'_>) {
        let (Some(before), Some(after)) = (&sent.before, &sent.after) else { return };
        match sent.did {
            Did::Disable => _ = self.disabled.insert(before.id),
            Did::Enable if !self.disabled.remove(&before.id) => {
                let what = format!("{} is enabled, whom hands disabled", sent.name);
                self.wrong("H4 enabled", eyes.owner_of(sent), eyes, what);
            }
            _ => {}
        }
        let free = matches!(eyes.target.manage.phone, Manage::Create | Manage::Never);
        if free && before.phone != after.phone {
            let what = format!("{}: the phone is not managed, and is changed", sent.name);
            self.wrong("H4 unmanaged", eyes.owner_of(sent), eyes, what);
        }
    }

    /// H3: two accounts of one human; one that is made again; one that goes to another human.
    fn twins(&mut self, eyes: &Eyes<'_>) {
        for sent in eyes.sent {
            let Some(Owner::Ours(Some(human))) = sent.owner else { continue };
            self.checks += 1;
            let works = eyes.works(human);
            if sent.did.removes() && works && eyes.is_listed_as_working(human) {
                self.cut.insert(human, eyes.day);
            }
            if matches!(sent.did, Did::Add | Did::Enable) && works && !eyes.has_two_jobs(human) {
                let all: Vec<&str> = eyes.enabled_after(human);
                if all.len() > 1 {
                    self.wrong("H3 two accounts", Some(human), eyes, format!("human {human} has {all:?}"));
                }
            }
            let meant = eyes.human_of(&sent.name).filter(|meant| *meant != human);
            let another = meant
                .filter(|_| matches!(sent.did, Did::Update | Did::Enable) && !eyes.has_two_rows(&sent.name));
            if let Some(other) = another.filter(|_| changed(sent)) {
                let what = format!("{} of human {human} goes to human {other}", sent.name);
                self.wrong("H3 goes to another", Some(other), eyes, what);
            }
        }
        for sent in eyes.sent.iter().filter(|sent| sent.did == Did::Add) {
            let Some(Owner::Ours(Some(human))) = sent.owner else { continue };
            let cut = self.cut.get(&human).is_some_and(|day| eyes.day - day <= 7);
            if cut && eyes.works(human) {
                let what = format!("the account of human {human} is removed and made again as {}", sent.name);
                self.wrong("H3 made again", Some(human), eyes, what);
            }
        }
    }

    /// H1 and H6: who loses access.
    fn losses(&mut self, eyes: &Eyes<'_>, covered: &BTreeSet<usize>) {
        let approved: BTreeSet<usize> = eyes
            .sent
            .iter()
            .enumerate()
            .filter(|(at, _)| covered.contains(at))
            .filter_map(|(_, sent)| eyes.owner_of(sent))
            .collect();
        let mut missing = 0;
        for human in eyes.lost() {
            self.checks += 1;
            if approved.contains(&human) {
                continue;
            }
            self.lost.push(Lost { at: eyes.at, human });
            let gone = eyes.is_listed_as_gone(human);
            let listed = eyes.is_listed(human);
            missing += usize::from(!listed);
            if !eyes.has_worked(human) || gone {
                continue;
            }
            if listed {
                let what = format!("human {human} works there, is listed, and loses access");
                self.wrong("H1 access", Some(human), eyes, what);
            } else if !self.is_missing_long_enough(human, eyes.target, eyes.at) {
                let what = format!("human {human} works there and is not missing for long enough");
                self.wrong("H1 access too soon", Some(human), eyes, what);
            }
        }
        self.limits(eyes, missing);
    }

    fn limits(&mut self, eyes: &Eyes<'_>, missing: usize) {
        let guard = &eyes.target.guard;
        let over = |limit: Limit, figure: f64| limit.figure().is_some_and(|limit| figure > limit);
        if over(guard.max_missing, missing as f64) {
            self.wrong("H6 missing", None, eyes, format!("{missing} people in one run"));
        }
        if missing > 3 && over(guard.max_missing_percent, share(missing, eyes.managed)) {
            self.wrong("H6 missing percent", None, eyes, format!("{missing} of {} in one run", eyes.managed));
        }
        self.enabled.push((eyes.at, eyes.enabled));
        let (day, week) = (eyes.at - TimeDelta::hours(24), eyes.at - TimeDelta::days(7));
        self.lost.retain(|lost| lost.at > week);
        self.enabled.retain(|(at, _)| *at > week);
        let within = |since: DateTime<Utc>| -> usize {
            let people: BTreeSet<usize> =
                self.lost.iter().filter(|l| l.at > since).map(|lost| lost.human).collect();
            people.len()
        };
        let (in_day, in_week) = (within(day), within(week));
        let most = self.enabled.iter().map(|(_, n)| *n).max().unwrap_or(0);
        self.checks += 4;
        if over(guard.max_deletes_24h, in_day as f64) || over(guard.max_deletes_7d, in_week as f64) {
            self.wrong("H6 count", None, eyes, format!("{in_day} in 24 h, {in_week} in 7 d"));
        }
        if in_day > FEW && share(in_day, most) > REMOVED_24H {
            self.wrong("H6 percent 24h", None, eyes, format!("{in_day} of {most} in 24 h"));
        }
        if in_week > FEW && share(in_week, most) > REMOVED_7D {
            self.wrong("H6 percent 7d", None, eyes, format!("{in_week} of {most} in 7 d"));
        }
    }

    /// H1: groups, roles and phones of people who work there.
    fn fields(&mut self, eyes: &Eyes<'_>, covered: &BTreeSet<usize>) {
        let mut wrong: BTreeMap<&'static str, usize> = BTreeMap::new();
        for (at, sent) in eyes.sent.iter().enumerate() {
            let Some(human) = eyes.owner_of(sent).filter(|human| eyes.has_worked(*human)) else { continue };
            let (Some(before), Some(after)) = (&sent.before, &sent.after) else { continue };
            if eyes.has_two_jobs(human) {
                continue;
            }
            let right = eyes.right(human);
            let free = matches!(eyes.target.manage.phone, Manage::Create | Manage::Never);
            for (field, was, is, should) in [
                ("group", &before.group, &after.group, &right.group),
                ("phone", &before.phone, &after.phone, &right.phone),
            ] {
                self.checks += 1;
                if was != should || is == should || (free && field == "phone") || covered.contains(&at) {
                    continue;
                }
                if eyes.files_say(human, field, is) {
                    *wrong.entry(field).or_default() += 1;
                } else {
                    let what = format!("human {human}: {field} becomes {is}, which no file says");
                    self.wrong("H1 field", Some(human), eyes, what);
                }
            }
        }
        for (field, people) in wrong {
            let limit = eyes.target.guard.max_change_percent.figure();
            if people > 3 && limit.is_some_and(|limit| share(people, eyes.managed) > limit) {
                self.wrong("H1 many fields", None, eyes, format!("{people} of {}: {field}", eyes.managed));
            }
        }
    }

    /// H2 and H5: whatever is not as it should be is told.
    fn silence(&mut self, eyes: &Eyes<'_>) {
        let report = &eyes.night.report;
        let on = NotifyConfig::default().on;
        let wanted = |event: &Event| on.contains(event) && *event != Event::Applied;
        let heard = eyes.night.messages.iter().any(|m| wanted(&m.event) || m.also.iter().any(wanted));
        if report.exit_code != 0 && !heard {
            let what = format!("exit {}, {:?}, and no message", report.exit_code, report.outcome);
            let cause = match (report.exit_code, report.outcome) {
                (3, RunOutcome::NoChanges) => "exit 3, nothing to send",
                (3, _) => "exit 3, something was sent",
                (6, RunOutcome::Applied) => "exit 6, applied",
                (6, _) => "exit 6",
                _ => "another exit",
            };
            self.blame("H5 no message", cause, None, eyes, what);
        }
        let patience = |human: usize| {
            1 + if eyes.marks.by_hand(human) { 2 + (eyes.managed.div_ceil(CANARY)) as u64 } else { 0 }
        };
        let told = report.exit_code != 0;
        for human in 0..eyes.truth.humans.len() {
            self.checks += 1;
            let gone = eyes.left(human)
                && (eyes.is_listed_as_gone(human)
                    || (!eyes.is_listed(human) && self.is_missing_long_enough(human, eyes.target, eyes.at)));
            let access = gone && !eyes.enabled_after(human).is_empty();
            self.night_of("H2 access after leaving", human, access, told, patience(human), eyes);
            let known = eyes.works(human) && !eyes.has_two_jobs(human) && eyes.files_are_right(human);
            let none = known && eyes.enabled_after(human).is_empty();
            self.night_of("H5 no account", human, none, told, patience(human), eyes);
            let other = known && !none && !eyes.is_as_it_should_be(human);
            self.night_of("H5 other values", human, other, told, patience(human), eyes);
        }
    }

    fn night_of(
        &mut self,
        rule: &'static str,
        human: usize,
        differs: bool,
        told: bool,
        patience: u64,
        eyes: &Eyes<'_>,
    ) {
        if !differs || told || eyes.names(human) {
            self.silent.remove(&(rule, human));
            return;
        }
        let nights = self.silent.entry((rule, human)).or_default();
        *nights += 1;
        if *nights == patience + 1 {
            let what = format!("human {human}, {} nights, exit 0: {}", *nights, eyes.account(human));
            self.wrong(rule, Some(human), eyes, what);
        }
    }
}

fn share(part: usize, of: usize) -> f64 {
    part as f64 * 100.0 / of.max(1) as f64
}

/// The values that a call leaves, as text.
fn values(sent: &Sent) -> String {
    match &sent.after {
        Some(after) if !sent.did.removes() => {
            let roles: Vec<&str> = after.roles.iter().map(String::as_str).collect();
            format!("{} {} {} {} {}", after.name, after.group, after.note, after.phone, roles.join(","))
        }
        _ => String::new(),
    }
}

fn changed(sent: &Sent) -> bool {
    match (&sent.before, &sent.after) {
        (Some(before), Some(after)) => {
            before.note != after.note || before.phone != after.phone || !before.enabled
        }
        _ => false,
    }
}
