//! Rosters that used to be misread in silence, each with its right reading. Whole files through the reader; single cells
//! are tested where they are read.

use chrono::NaiveDate;

use super::*;
use crate::config::RosterConfig;
use crate::model::{Cell, PersonKey};

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 27).unwrap()
}

fn read(rows: &[&str]) -> Reading {
    read_files(&RosterConfig::default(), &[("hr.csv", rows)])
}

fn read_files(config: &RosterConfig, files: &[(&str, &[&str])]) -> Reading {
    let bytes = |rows: &[&str]| format!("{}\n", rows.join("\n")).into_bytes();
    let files: Vec<_> = files.iter().map(|(name, rows)| (*name, bytes(rows))).collect();
    read_memory(config, &files, day()).unwrap()
}

fn person<'r>(reading: &'r Reading, key: &str) -> &'r Person {
    &reading.roster.people[&PersonKey::new(key).unwrap()]
}

fn paths(reading: &Reading, key: &str) -> Vec<String> {
    let paths = person(reading, key).departments.value().map(|paths| paths.to_vec()).unwrap_or_default();
    paths.iter().map(|path| path.join("/")).collect()
}

#[test]
fn what_looks_the_same_is_one_department() {
    let reading = read(&[
        "工号,部门,角色",
        "1,/总公司/Cafe\u{301},Re\u{301}ception  A",
        "2,/总公司/Caf\u{e9},R\u{e9}ception A",
        "3,/总公司/研发  部,",
        "4,/总公司/研发\u{3000} 部,",
    ]);
    assert_eq!(paths(&reading, "1"), paths(&reading, "2"));
    assert_eq!(person(&reading, "1").roles, person(&reading, "2").roles);
    assert_eq!(paths(&reading, "3"), ["总公司/研发 部"]);
    assert_eq!(paths(&reading, "3"), paths(&reading, "4"));
}

#[test]
fn what_programs_write_for_nothing_is_no_department_and_no_role() {
    let rows = ["nan", "NaT", "<NA>", "undefined", "(null)", "总公司/nan", "/undefined/总公司/(null)"];
    let rows: Vec<String> = rows.iter().enumerate().map(|(n, cell)| format!("{n},{cell},{cell}")).collect();
    let mut lines = vec!["工号,部门,角色"];
    lines.extend(rows.iter().map(String::as_str));
    let reading = read(&lines);
    for key in ["0", "1", "2", "3", "4"] {
        assert_eq!(person(&reading, key).departments, Cell::Empty);
        assert_eq!(person(&reading, key).roles, Cell::Empty);
    }
    assert_eq!(paths(&reading, "5"), ["总公司"]);
    assert_eq!(paths(&reading, "6"), ["总公司"]);
}

#[test]
fn dots_are_no_department() {
    for path in ["/总公司/../VIP", "/总公司/./VIP", "/总公司/．．/VIP", "/总公司/…"] {
        let row = format!("1,{path}");
        let reading = read(&["工号,部门", &row]);
        assert_eq!(person(&reading, "1").departments, Cell::Unknown, "{path}");
        assert_eq!(reading.report.sources[0].files[0].reasons[&facts::Reason::DotDepartment], 1);
    }
    let levels = read(&["工号,一级部门,二级部门", "1,总公司,.."]);
    assert_eq!(person(&levels, "1").departments, Cell::Unknown);
}

#[test]
fn nothing_invisible_is_part_of_a_role_or_a_name() {
    for sign in [
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{180e}',
        '\u{2028}',
        '\u{2029}',
        '\u{e0041}',
    ] {
        let row = format!("1,ad{sign}min,ER{sign}P,/总公司/I{sign}T");
        let reading = read(&["工号,账号,角色,部门", &row]);
        let person = person(&reading, "1");
        assert_eq!(person.text.get(Field::Login), Cell::Unknown, "{sign:?}");
        assert_eq!((&person.roles, &person.departments), (&Cell::Unknown, &Cell::Unknown), "{sign:?}");
    }
}

#[test]
fn a_last_day_given_as_a_moment_is_the_local_day() {
    let reading = read(&["工号,状态,离职日期", "1,待离职,2026-11-26T16:00:00Z", "2,待离职,2026-11-26"]);
    let last = |key| person(&reading, key).leave_date.value().copied();
    assert_eq!(last("1"), NaiveDate::from_ymd_opt(2026, 11, 27));
    assert_eq!(last("2"), NaiveDate::from_ymd_opt(2026, 11, 26));
}

#[test]
fn the_usual_words_for_a_job_are_known() {
    let words = ["probation", "leave", "ON_LEAVE", "试用中", "产假", "Full-time", "借调"];
    let rows: Vec<String> = words.iter().enumerate().map(|(n, word)| format!("{n},{word}")).collect();
    let mut lines = vec!["工号,状态"];
    lines.extend(rows.iter().map(String::as_str));
    lines.extend(["8,suspended", "9,停薪留职"]);
    let reading = read_files(
        &RosterConfig { max_invalid_percent: 100.0, ..RosterConfig::default() },
        &[("hr.csv", &lines)],
    );
    assert_eq!(reading.roster.people.len(), words.len());
    assert!(reading.roster.people.values().all(|person| person.employment == Employment::Active));
    assert_eq!(reading.roster.blocked.len(), 2, "what needs a decision is left alone");
}
