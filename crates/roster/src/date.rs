//! Dates as HR writes them. What cannot be told for certain (which of two numbers is the month) is not guessed.

use chrono::{Datelike, Days, NaiveDate};

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

/// Reads a date cell that is not empty; `None` when it is no date.
pub(super) fn day(text: &str) -> Option<Day> {
    let (text, _) = half_width(text);
    let text = text.trim();
    if matches!(text, "长期" | "长期有效" | "永久" | "永久有效" | "无固定期限" | "長期") {
        return Some(Day::Never);
    }
    let date = serial(text).or_else(|| numbers(text)).or_else(|| month_name(text))?;
    match date.year() {
        UNLIMITED_YEAR.. => Some(Day::Never),
        ..FIRST_YEAR => None,
        // The zero of several systems' clocks.
        1970 if date.ordinal() == 1 => None,
        _ => Some(Day::On(date)),
    }
}

/// Excel's day number, as a sheet gives that was not told that the cell is a date.
fn serial(text: &str) -> Option<NaiveDate> {
    let number: u64 = text.strip_suffix(".0").unwrap_or(text).parse().ok()?;
    (text.len() >= 5 && (18_264..=109_574).contains(&number))
        .then(|| NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(number)))
        .flatten()
}

/// Year first, with any separator, or eight digits; a time behind it is left out.
fn numbers(text: &str) -> Option<NaiveDate> {
    let date = text.split([' ', 'T']).next().unwrap_or_default();
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
            assert_eq!(day(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn damage_and_doubt_are_no_dates() {
        for text in
            ["1900-01-00", "1900-01-01", "1970-01-01", "01/02/2024", "2024-13-01", "soon", "24-1-2", "1", "0"]
        {
            assert_eq!(day(text), None, "{text}");
        }
        assert_eq!(day("9999-12-31"), Some(Day::Never));
        assert_eq!(day("长期"), Some(Day::Never));
    }
}
