//! Dates as HR writes them. What cannot be told for certain (which of two numbers is the month) is not guessed.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate};
use chrono_tz::Tz;

use super::cell::half_width;

/// What a date cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// This day.
    On(NaiveDate),
    /// No end: a far future, as systems write for "unlimited".
    Never,
}

/// From this year on a date means "unlimited".
const UNLIMITED_YEAR: i32 = 2200;
/// Dates before this year are damage: `1900-01-00` is what Excel makes of an empty cell.
const FIRST_YEAR: i32 = 1940;

/// Reads a date cell that is not empty; `None` when it is no date. A moment (a time with its offset from UTC) is the day
/// that it falls on in `zone`.
pub(super) fn day(text: &str, zone: Tz) -> Option<Day> {
    let (text, _) = half_width(text);
    let text = text.trim();
    if matches!(text, "长期" | "长期有效" | "永久" | "永久有效" | "无固定期限" | "長期") {
        return Some(Day::Never);
    }
    let date = match moment(text) {
        Some(moment) => moment.with_timezone(&zone).date_naive(),
        None => serial(text).or_else(|| numbers(text)).or_else(|| month_name(text))?,
    };
    match date.year() {
        UNLIMITED_YEAR.. => Some(Day::Never),
        ..FIRST_YEAR => None,
        // The zero of several systems' clocks.
        1970 if date.ordinal() == 1 => None,
        _ => Some(Day::On(date)),
    }
}

/// A time with an offset, as programs and directories write it.
fn moment(text: &str) -> Option<DateTime<FixedOffset>> {
    // The offset takes `Z`, and hours with or without minutes.
    const FORMS: [&str; 10] = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
        "%Y/%m/%d %H:%M:%S%.f%#z",
        "%Y%m%dT%H%M%S%.f%#z",
        "%Y%m%d%H%M%S%.f%#z",
        "%Y%m%d%H%M%#z",
        "%Y%m%d%H%#z",
        "%Y-%m-%dT%H%M%S%.f%#z",
    ];
    let named = ["UTC", "GMT"].iter().find_map(|zone| text.strip_suffix(zone));
    let short = named.map_or_else(|| text.to_owned(), |front| format!("{}Z", front.trim_end()));
    let parsed = FORMS.iter().find_map(|form| DateTime::parse_from_str(&short, form).ok());
    parsed.or_else(|| DateTime::parse_from_rfc2822(text).ok())
}

/// Excel's day number, as a sheet gives that was not told that the cell is a date.
fn serial(text: &str) -> Option<NaiveDate> {
    let number: u64 = text.strip_suffix(".0").unwrap_or(text).parse().ok()?;
    (text.len() >= 5 && (18_264..=109_574).contains(&number))
        .then(|| NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(number)))
        .flatten()
}

/// Year first, with any separator, or eight digits; a time behind it is left out, unless it names an offset: then the
/// day is not the one that is written there.
fn numbers(text: &str) -> Option<NaiveDate> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    if time.contains(['+', '-']) || time.ends_with(['Z', 'z']) {
        return None;
    }
    if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) {
        return NaiveDate::parse_from_str(date, "%Y%m%d").ok();
    }
    let date = date.strip_suffix('日').unwrap_or(date);
    let mut parts = date.split(['-', '/', '.', '年', '月']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// `2-Jan-2024`, `Jan 2, 2024`.
fn month_name(text: &str) -> Option<NaiveDate> {
    ["%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y"]
        .iter()
        .find_map(|form| NaiveDate::parse_from_str(text, form).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Day> {
        day(text, Tz::Asia__Shanghai)
    }

    #[test]
    fn dates_are_read_in_every_customary_form() {
        let expected = Day::On(NaiveDate::from_ymd_opt(2024, 1, 2).unwrap());
        for text in [
            "2024-01-02",
            "2024/1/2",
            "2024.1.2",
            "2024年1月2日",
            "20240102",
            "45293",
            "45293.0",
            "2024-01-02 00:00:00",
            "2024-01-02T08:00:00+08:00",
            "2-Jan-2024",
            "Jan 2, 2024",
            "２０２４／１／２",
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_moment_is_the_day_that_it_falls_on_here() {
        let on = |month, day| Some(Day::On(NaiveDate::from_ymd_opt(2026, month, day).unwrap()));
        for text in [
            "2026-11-26T16:00:00Z",
            "2026-11-26T16:00:00.000Z",
            "2026-11-26T16:00Z",
            "2026-11-26 16:00:00+00:00",
            "2026-11-26 16:00:00 +0000",
            "2026-11-26 16:00:00 UTC",
            "2026-11-27T00:00:00+08:00",
            "2026-11-26T08:00:00-08",
            "20261126160000Z",
            "20261126160000.0Z",
            "Thu, 26 Nov 2026 16:00:00 GMT",
        ] {
            assert_eq!(read(text), on(11, 27), "{text}");
            assert_eq!(day(text, Tz::UTC), on(11, 26), "{text}");
        }
        assert_eq!(read("2026-11-26 16:00:00"), on(11, 26), "without an offset it is the day as written");
        assert_eq!(read("2026-11-26 16:00 +8 hours"), None);
    }

    #[test]
    fn damage_and_doubt_are_no_dates() {
        for text in
            ["1900-01-00", "1900-01-01", "1970-01-01", "01/02/2024", "2024-13-01", "soon", "24-1-2", "1", "0"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("9999-12-31"), Some(Day::Never));
        assert_eq!(read("长期"), Some(Day::Never));
    }
}
