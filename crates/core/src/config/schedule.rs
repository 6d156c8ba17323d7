//! When things happen: cron expressions, days without changes, hours for removals. Pure: the moment is an argument.

use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Utc, Weekday};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use rust_i18n::t;

use super::ScheduleConfig;

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    /// Neither five nor six fields.
    #[error("{}", t!("config.schedule.fields"))]
    Fields,
    /// Sets both a day of the month and a day of the week: crontab means *or*, others *and*.
    #[error("{}", t!("config.schedule.both_days"))]
    BothDays,
    /// No such day ever comes.
    #[error("{}", t!("config.schedule.never"))]
    Never,
    /// A field cannot be read.
    #[error("{0}")]
    Syntax(String),
}

/// A cron expression as six fields, seconds first; five get seconds `0`, `@daily` and its like are spelt out.
pub fn six_fields(text: &str) -> String {
    let text = text.trim();
    let spelt = match text.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => text,
    };
    match spelt.split_whitespace().count() {
        5 => format!("0 {spelt}"),
        _ => spelt.to_owned(),
    }
}

/// Reads a cron expression of five or six fields.
pub fn parse_cron(text: &str) -> Result<Cron, CronFault> {
    let text = six_fields(text);
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [_, _, _, day, _, weekday] = fields.as_slice() else { return Err(CronFault::Fields) };
    let open = |field: &str| matches!(field, "*" | "?");
    if !open(day) && !open(weekday) {
        return Err(CronFault::BothDays);
    }
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
    let cron = parser.parse(&text).map_err(|e| CronFault::Syntax(e.to_string()))?;
    // Any fixed moment will do: a leap year's first day shows whether there is such a day at all.
    let start = DateTime::<Utc>::from_timestamp(1_704_067_200, 0).unwrap_or_default();
    cron.find_next_occurrence(&start, true).map_err(|_| CronFault::Never)?;
    Ok(cron)
}

/// Days, both ends included: `2027-02-05..2027-02-12`, or one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    from: NaiveDate,
    to: NaiveDate,
}

impl DateRange {
    /// Whether `day` is one of them.
    pub fn contains(self, day: NaiveDate) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

impl FromStr for DateRange {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let day = |text: &str| NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(drop);
        let (from, to) = (day(from)?, day(to)?);
        if from <= to { Ok(Self { from, to }) } else { Err(()) }
    }
}

/// Hours of a week: `Mon-Fri 09:00-18:00`, `Sat,Sun 22:00-06:00` (into the next day), or hours alone for every day.
/// Several are joined with `;`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekWindow(Vec<Hours>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hours {
    days: Vec<Weekday>,
    from: NaiveTime,
    to: NaiveTime,
}

impl WeekWindow {
    /// Whether this local time is inside.
    pub fn contains(&self, local: NaiveDateTime) -> bool {
        let (today, time) = (local.weekday(), local.time());
        self.0.iter().any(|hours| {
            let on = |day: Weekday| hours.days.contains(&day);
            if hours.from < hours.to {
                return on(today) && (hours.from..hours.to).contains(&time);
            }
            (on(today) && time >= hours.from) || (on(today.pred()) && time < hours.to)
        })
    }
}

impl FromStr for WeekWindow {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        text.split(';').map(str::parse).collect::<Result<_, ()>>().map(Self)
    }
}

impl FromStr for Hours {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, hours) = match words.as_slice() {
            [hours] => ("Mon-Sun", *hours),
            [days, hours] => (*days, *hours),
            _ => return Err(()),
        };
        let (from, to) = hours.split_once('-').ok_or(())?;
        let (from, to) = (clock_time(from)?, clock_time(to)?);
        if from == to { Err(()) } else { Ok(Self { days: weekdays(days)?, from, to }) }
    }
}

fn clock_time(text: &str) -> Result<NaiveTime, ()> {
    if text == "24:00" {
        return Ok(NaiveTime::MIN);
    }
    NaiveTime::parse_from_str(text, "%H:%M").map_err(drop)
}

fn weekdays(text: &str) -> Result<Vec<Weekday>, ()> {
    let mut days = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last): (Weekday, Weekday) = (from.parse().map_err(drop)?, to.parse().map_err(drop)?);
        days.push(day);
        while day != last {
            day = day.succ();
            days.push(day);
        }
    }
    Ok(days)
}

impl ScheduleConfig {
    /// The day it is at `now` in the configured zone.
    pub fn day(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.timezone).date_naive()
    }

    /// The freeze that `day` falls into.
    pub fn frozen(&self, day: NaiveDate) -> Option<&str> {
        let inside = |range: &&String| range.parse::<DateRange>().is_ok_and(|range| range.contains(day));
        self.freeze.iter().find(inside).map(String::as_str)
    }

    /// Whether removals may be sent at `now`. Without a window: always.
    pub fn may_remove(&self, now: DateTime<Utc>) -> bool {
        let local = now.with_timezone(&self.timezone).naive_local();
        self.delete_window.is_empty()
            || self.delete_window.parse().is_ok_and(|w: WeekWindow| w.contains(local))
    }

    /// When `rosterd run` syncs.
    pub fn timetable(&self) -> Timetable {
        Timetable::new(&self.cron, self.timezone)
    }
}

/// Cron expressions in a time zone, read. What cannot be read is left out: the checks have refused it before.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    crons: Vec<Cron>,
    /// The expressions with six fields.
    pub expressions: Vec<String>,
    /// Whose clock they mean.
    pub timezone: Tz,
}

impl Timetable {
    /// Reads expressions of five or six fields.
    pub fn new(expressions: &[String], timezone: Tz) -> Self {
        let read = expressions.iter().filter_map(|text| Some((parse_cron(text).ok()?, six_fields(text))));
        let (crons, expressions) = read.unzip();
        Self { crons, expressions, timezone }
    }

    /// The first scheduled moment after `moment`.
    pub fn next(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.second(moment);
        let found = self.crons.iter().filter_map(|cron| cron.find_next_occurrence(&local, false).ok());
        found.map(|time| time.to_utc()).filter(|time| *time > moment).min()
    }

    /// Local time without the fraction, which would otherwise stay in what is found: moments are whole seconds.
    fn second(&self, moment: DateTime<Utc>) -> DateTime<Tz> {
        moment.trunc_subsecs(0).with_timezone(&self.timezone)
    }

    /// The last scheduled moment at or before `moment`.
    pub fn previous(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.second(moment);
        let found = self.crons.iter().filter_map(|cron| cron.find_previous_occurrence(&local, true).ok());
        found.map(|time| time.to_utc()).filter(|time| *time <= moment).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn schedule(cron: &[&str], timezone: &str) -> ScheduleConfig {
        ScheduleConfig {
            cron: cron.iter().map(|c| (*c).to_owned()).collect(),
            timezone: timezone.parse().unwrap(),
            ..ScheduleConfig::default()
        }
    }

    fn timetable(cron: &[&str], timezone: &str) -> Timetable {
        schedule(cron, timezone).timetable()
    }

    #[test]
    fn five_and_six_fields_and_nicknames_are_read() {
        for text in
            ["30 2 * * *", "0 30 2 * * *", " @daily ", "0 0 3 ? * MON-FRI", "*/5 * * * * *", "0 0 1 L * *"]
        {
            assert!(parse_cron(text).is_ok(), "{text}: {:?}", parse_cron(text));
        }
    }

    #[test]
    fn bad_expressions_say_why() {
        assert_eq!(parse_cron("0 0 3 13 * FRI"), Err(CronFault::BothDays));
        assert_eq!(parse_cron("0 3 */2 * 1"), Err(CronFault::BothDays));
        assert_eq!(parse_cron("0 0 3 * * * 2027"), Err(CronFault::Fields));
        assert_eq!(parse_cron("every day"), Err(CronFault::Fields));
        assert_eq!(parse_cron(""), Err(CronFault::Fields));
        assert_eq!(parse_cron("0 0 31 2 *"), Err(CronFault::Never));
        assert!(matches!(parse_cron("0 61 * * * *"), Err(CronFault::Syntax(_))));
        assert!(matches!(parse_cron("a b c d * *"), Err(CronFault::Syntax(_))));
    }

    #[test]
    fn occurrences_are_those_of_the_configured_zone() {
        let shanghai = timetable(&["30 2 * * *"], "Asia/Shanghai");
        assert_eq!(shanghai.next(utc("2026-11-21T00:00:00Z")), Some(utc("2026-11-21T18:30:00Z")));
        assert_eq!(shanghai.previous(utc("2026-11-21T18:30:00Z")), Some(utc("2026-11-21T18:30:00Z")));
        assert_eq!(shanghai.previous(utc("2026-11-21T18:29:59Z")), Some(utc("2026-11-20T18:30:00Z")));
        assert_eq!(shanghai.next(utc("2026-11-21T18:30:00Z")), Some(utc("2026-11-22T18:30:00Z")));
        let within = utc("2026-11-21T18:30:00.700Z");
        assert_eq!(shanghai.previous(within), Some(utc("2026-11-21T18:30:00Z")), "moments are whole seconds");
        assert_eq!(shanghai.next(within), Some(utc("2026-11-22T18:30:00Z")));
        let two = timetable(&["0 3 * * *", "0 15 * * *"], "UTC");
        assert_eq!(two.next(utc("2026-11-21T04:00:00Z")), Some(utc("2026-11-21T15:00:00Z")));
        assert_eq!(two.previous(utc("2026-11-21T04:00:00Z")), Some(utc("2026-11-21T03:00:00Z")));
    }

    #[test]
    fn a_change_of_the_clock_moves_the_moment_not_the_hour() {
        let berlin = timetable(&["30 4 * * *"], "Europe/Berlin");
        assert_eq!(berlin.next(utc("2026-10-24T00:00:00Z")), Some(utc("2026-10-24T02:30:00Z")));
        assert_eq!(berlin.next(utc("2026-10-24T12:00:00Z")), Some(utc("2026-10-25T03:30:00Z")));
    }

    #[test]
    fn freezes_include_both_ends() {
        let schedule = ScheduleConfig {
            freeze: vec!["2027-02-05..2027-02-12".into(), "2027-10-01".into()],
            ..Default::default()
        };
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(schedule.frozen(day("2027-02-04")), None);
        assert_eq!(schedule.frozen(day("2027-02-05")), Some("2027-02-05..2027-02-12"));
        assert_eq!(schedule.frozen(day("2027-02-12")), Some("2027-02-05..2027-02-12"));
        assert_eq!(schedule.frozen(day("2027-02-13")), None);
        assert_eq!(schedule.frozen(day("2027-10-01")), Some("2027-10-01"));
        assert!("2027-02-12..2027-02-05".parse::<DateRange>().is_err());
        assert!("soon".parse::<DateRange>().is_err());
    }

    #[test]
    fn windows_are_local_and_may_cross_midnight() {
        let mut schedule = schedule(&["0 3 * * *"], "Asia/Shanghai");
        assert!(schedule.may_remove(utc("2026-11-21T00:00:00Z")), "no window: always");
        schedule.delete_window = "Mon-Fri 09:00-18:00".into();
        assert!(schedule.may_remove(utc("2026-11-20T01:00:00Z")), "Friday 09:00 in Shanghai");
        assert!(!schedule.may_remove(utc("2026-11-20T10:00:00Z")), "18:00 is over");
        assert!(!schedule.may_remove(utc("2026-11-21T02:00:00Z")), "Saturday");
        schedule.delete_window = "Fri 22:00-06:00; Sun 08:00-24:00".into();
        assert!(schedule.may_remove(utc("2026-11-20T21:30:00Z")), "Saturday 05:30 belongs to Friday's night");
        assert!(!schedule.may_remove(utc("2026-11-21T21:30:00Z")), "Sunday 05:30 does not");
        assert!(schedule.may_remove(utc("2026-11-22T15:59:00Z")), "Sunday 23:59");
        for bad in ["Mon-Fri", "Mon 9-18", "Xyz 09:00-10:00", "Mon 09:00-09:00", "Mon Tue 09:00-10:00"] {
            assert!(bad.parse::<WeekWindow>().is_err(), "{bad}");
        }
    }
}
