//! Rosters that used to be misread in silence, each with its right reading. Whole files through the reader; single cells
//! are tested where they are read.

use std::sync::Arc;

use chrono::NaiveDate;

use super::*;
use crate::config::RosterConfig;
use crate::model::{Cell, PersonKey};
use crate::reason::{BlockKind, BlockReason};

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

fn doubts(reading: &Reading) -> Vec<(DoubtKind, &str)> {
    reading.roster.doubts.iter().map(|doubt| (doubt.kind, doubt.what.as_str())).collect()
}

#[test]
fn a_status_column_with_an_unknown_header_is_seen() {
    let read_column = |header: &str, words: &[&str]| {
        let first = format!("工号,姓名,{header}");
        let rows: Vec<String> =
            words.iter().enumerate().map(|(n, word)| format!("{n},甲{n},{word}")).collect();
        let mut lines = vec![first.as_str()];
        lines.extend(rows.iter().map(String::as_str));
        let reading = read(&lines);
        assert_eq!(reading.roster.people.len(), words.len(), "nothing else of it is doubted");
        doubts(&reading).len()
    };
    assert_eq!(read_column("离职状态", &["在职", "在职", "", "已离职"]), 1);
    assert_eq!(read_column("Lifecycle", &["Active", "Terminated", "On Leave", "?", "Active"]), 1);
    assert_eq!(
        read_column("人员去向", &["在职", "停薪留职"]),
        1,
        "a word that needs a decision is no active one"
    );
    // Four of five are status words; of two of three nothing is said, nor where all of them work here.
    assert_eq!(read_column("说明", &["在职", "离职", "甲", "在职", "在职"]), 1);
    assert_eq!(read_column("说明", &["在职", "离职", "甲"]), 0);
    assert_eq!(read_column("阶段", &["在职", "试用"]), 0);
    // Yes and no say something only under a header that asks.
    assert_eq!(read_column("是否党员", &["是", "否", "否"]), 0);
    assert_eq!(read_column("是否已经离职", &["是", "否", "否"]), 1);
    assert_eq!(read_column("是否已经离职", &["否", "否"]), 0);
    assert_eq!(read_column("目前在职？是/否", &["是", "否"]), 1);
    // The state of an account is none of a job's.
    assert_eq!(read_column("激活状态", &["已激活", "禁用"]), 0);
    assert_eq!(read_column("禁用状态", &["停用", "禁用"]), 0);
}

#[test]
fn a_copy_beside_the_original_is_seen() {
    let config = RosterConfig::default();
    let all = ["工号,姓名", "1,甲", "2,乙", "3,丙", "4,丁", "5,戊", "6,己"];
    let kinds = |files: &[(&str, &[&str])]| doubts(&read_files(&config, files)).len();
    assert_eq!(kinds(&[("hr.csv", &all), ("副本 hr.csv", &all[..6])]), 1);
    assert_eq!(kinds(&[("a.csv", &all[..4]), ("b.csv", &["工号,姓名", "4,丁", "5,戊", "6,己"])]), 0);
    // A few of a subsidiary that the company lists too.
    assert_eq!(kinds(&[("a.csv", &all), ("b.csv", &all[..4])]), 0);
    let reading = read_files(&config, &[("hr.csv", &all), ("hr (1).csv", &all)]);
    assert_eq!(doubts(&reading), [(DoubtKind::CopiedFile, "hr (1).csv, hr.csv")]);
    assert!(reading.report.doubts[0].contains('6'), "{:?}", reading.report.doubts);
}

#[test]
fn names_that_differ_in_case_only_are_told() {
    let reading = read(&[
        "工号,部门,角色",
        "1,总公司/IT,VPN",
        "2,总公司/It,vpn",
        "3,总公司/研 发,OA",
        "4,总公司/研发,OA",
    ]);
    let told = doubts(&reading);
    assert_eq!(told.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [DoubtKind::Alike; 2]);
    assert!(
        told[0].1.contains("总公司/IT = 总公司/It") && told[0].1.contains("总公司/研 发 = 总公司/研发"),
        "{told:?}"
    );
    assert_eq!(told[1].1, "VPN = vpn");
    let levels = read(&["工号,一级部门,二级部门", "1,A,x", "2,a,x"]);
    assert_eq!(doubts(&levels).len(), 1);
    assert!(!reading.roster.doubts[0].holds());
}

#[test]
fn a_row_that_contradicts_itself_blocks_that_person() {
    // Today is 2026-11-27.
    for (row, problem) in [
        ("离职,,2027-02-27", Some(BlockKind::Contradiction)),
        ("离职,,2026-12-29", Some(BlockKind::Contradiction)),
        ("离职,,2026-12-28", None),
        ("离职,,2026-11-01", None),
        ("在职,,2024-05-31", Some(BlockKind::Contradiction)),
        ("在职,,2026-08-28", Some(BlockKind::Contradiction)),
        ("在职,,2026-08-29", None),
        ("在职,,2027-06-30", None),
        ("在职,2026-11-01,2026-10-01", Some(BlockKind::Contradiction)),
        ("待离职,,2024-05-31", None),
        ("在职,,", None),
    ] {
        let row = format!("1,{row}");
        let rows = ["工号,状态,入职日期,离职日期", row.as_str(), "2,在职,,", "3,在职,,"];
        let reading = read_files(
            &RosterConfig { max_invalid_percent: 0.0, ..RosterConfig::default() },
            &[("hr.csv", &rows)],
        );
        let key = PersonKey::new("1").unwrap();
        assert_eq!(reading.roster.blocked.get(&key).map(|blocked| blocked.reason.kind()), problem, "{row}");
        assert_eq!(reading.roster.people.contains_key(&key), problem.is_none(), "{row}");
        if problem.is_some() {
            let BlockReason::Contradiction { status, last } = &reading.roster.blocked[&key].reason else {
                panic!("{:?}", reading.roster.blocked)
            };
            assert!(row.contains(&format!("{status},")) && row.ends_with(&last.to_string()), "{row}");
        }
    }
    // Without a status column a last day that is long past says that somebody left, and nothing speaks against it.
    let silent = read(&["工号,离职日期", "1,2024-05-31", "2,"]);
    assert_eq!(silent.roster.people.len(), 2);
}

#[test]
fn people_of_many_parts_are_counted_and_refused() {
    // 40 rows of 4 KiB with a thousand roles each, no two rows the same: a hundred times what they take on disk.
    let row = |n: usize| format!("{n},{}\n", format!("{};", n + 10).repeat(4_000 / 3));
    let distinct =
        |n: usize| (0..700).map(|part| format!("{:x}", n * 700 + part)).collect::<Vec<_>>().join(";");
    let read = |rows: &dyn Fn(usize) -> String| {
        let text: String = (0..40).map(rows).collect();
        let bytes = format!("工号,角色\n{text}").into_bytes();
        let beat = Arc::new(progress::Beat::new(None));
        beat.row(&"before.csv".into(), u64::MAX, budget::PEOPLE - (1 << 20)).unwrap();
        let config = RosterConfig { path: Some("/".into()), ..RosterConfig::default() };
        let calendar = rules::Calendar { today: day(), zone: chrono_tz::Tz::UTC };
        let rules = rules::Rules::all(&config, None, calendar).unwrap().remove(0);
        let report =
            facts::FileReport { file: "hr.csv".into(), bytes: bytes.len() as u64, ..Default::default() };
        let mut harvest = person::Harvest::default();
        let read = read::read_content(&rules, report, std::io::Cursor::new(bytes), &mut harvest, &beat);
        read.map(|_| harvest.people.len()).map_err(|error| error.kind().to_owned())
    };
    assert_eq!(read(&row), Ok(40), "the same role many times is one");
    assert_eq!(read(&|n| format!("{n},{}\n", distinct(n + 16))), Err("too_much".to_owned()));
}

#[test]
fn a_text_of_blank_lines_ends_early() {
    let blank = |lines: usize| {
        let bytes = format!("工号,姓名\n1,甲\n{}2,乙\n", "\n".repeat(lines)).into_bytes();
        read_memory(&RosterConfig::default(), &[("hr.csv", bytes)], day())
    };
    assert_eq!(blank(1_000).unwrap().roster.people.len(), 2);
    assert_eq!(blank(1_100_000).unwrap_err().kind(), "blank_lines");
}

#[test]
fn above_the_limit_every_row_is_reported() {
    let rows: Vec<String> = (0..1_000).map(|n| format!("{n},停职")).collect();
    let mut lines = vec!["工号,状态"];
    lines.extend(rows.iter().map(String::as_str));
    let bytes = format!("{}\n", lines.join("\n")).into_bytes();
    let error = read_memory(&RosterConfig::default(), &[("hr.csv", bytes)], day()).unwrap_err();
    let RosterError::TooManyInvalid { report, refused, .. } = error else { panic!("{error}") };
    assert_eq!((refused, report.sources[0].files[0].problems.len()), (1_000, 1_000));
}
