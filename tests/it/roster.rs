//! The roster from files on disk to people: what is read, what is refused, and what never changes anything.

mod formats;
mod packed;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use rosterd::clock::{Clock, SystemClock};
use rosterd::config::{Env, RosterConfig, Span};
use rosterd::model::{Cell, PersonKey};
use rosterd::reason::BlockKind;
use rosterd::roster::{Employment, Field, ReadOptions, Reading, Roster, RosterError, RosterOverride, read};

pub fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
}

/// A configuration that reads `path` at once.
pub fn config(path: &Path) -> RosterConfig {
    RosterConfig { path: Some(path.to_owned()), settle: Span::seconds(0), ..RosterConfig::default() }
}

pub fn read_with(config: &RosterConfig) -> Result<Reading, RosterError> {
    let options = ReadOptions {
        config,
        base: Path::new("/"),
        over: None,
        env: &Env::default(),
        as_of: day(),
        zone: chrono_tz::Tz::Asia__Shanghai,
        progress: None,
    };
    runtime().block_on(read(options, &SystemClock::new()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Reads one file with this content.
pub fn read_bytes(name: &str, bytes: &[u8]) -> Result<Reading, RosterError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read_with(&config(&path))
}

pub fn key(text: &str) -> PersonKey {
    PersonKey::new(text).unwrap()
}

fn sample(which: &str) -> Reading {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(which);
    read_with(&config(&path)).unwrap()
}

fn people(reading: &Reading) -> usize {
    reading.roster.people.len()
}

#[test]
fn the_sample_company_is_read_and_its_bad_rows_are_named() {
    let reading = sample("sample");
    let report = &reading.report;
    assert_eq!((report.rows, report.people, report.blocked), (203, 199, 2));
    let encodings: Vec<_> =
        report.sources[0].files.iter().map(|file| (&*file.file, file.encoding.unwrap())).collect();
    assert_eq!(
        encodings,
        [("factory.csv", "utf-8"), ("headquarters.csv", "utf-8"), ("shanghai.csv", "gb18030")]
    );
    assert!(!reading.roster.sources[0].unreadable_key);
    let problems: Vec<_> = reading.roster.blocked.values().map(|blocked| blocked.reason.kind()).collect();
    assert!(problems.contains(&BlockKind::UnknownStatus) && problems.contains(&BlockKind::DuplicateKey));
    let unknown =
        |roster: &Roster| roster.people.values().filter(|person| person.phones == Cell::Unknown).count();
    assert_eq!(unknown(&reading.roster), 2);
    let left = reading.roster.people.values().filter(|person| person.employment == Employment::Left);
    assert_eq!(left.count(), 3);
    let merged = reading.roster.people.values().filter(|person| person.rows.len() == 2).count();
    assert_eq!(merged, 1);
}

#[test]
fn the_next_sample_differs_by_a_days_changes() {
    let (first, next) = (sample("sample").roster, sample("sample-next").roster);
    let joined = next.people.keys().filter(|key| !first.people.contains_key(*key)).count();
    let missing = first.people.keys().filter(|key| !next.people.contains_key(*key)).count();
    assert_eq!((joined, missing), (4, 1));
    let changed = first
        .people
        .iter()
        .filter_map(|(key, person)| Some((person, next.people.get(key)?)))
        .filter(|(before, after)| {
            (before.employment, &before.text, &before.departments, &before.roles, &before.phones)
                != (after.employment, &after.text, &after.departments, &after.roles, &after.phones)
        })
        .count();
    assert_eq!(changed, 10);
    assert_ne!(first.digest, next.digest);
}

#[test]
fn order_of_rows_and_files_and_their_encoding_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.csv", "工号,姓名,部门\n001,张三,/A\n002,李四,/B\n");
    write("b.csv", "工号,姓名,部门\n003,王五,/C\n001,张三,/A\n");
    let first = read_with(&config(folder.path())).unwrap();
    write("a.csv", "部门;姓名;工号\r\n/C;王五;003\r\n/A;张三;001\r\n");
    let gbk = encoding_rs::GB18030.encode("姓名\t工号\t部门\n张三\t001\t/A\n李四\t002\t/B\n").0.into_owned();
    fs::write(folder.path().join("b.csv"), gbk).unwrap();
    let second = read_with(&config(folder.path())).unwrap();
    assert_eq!(first.roster.digest, second.roster.digest);
    assert_eq!(people(&second), 3);
}

#[test]
fn a_folder_takes_roster_files_only_and_a_pattern_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let row = |id: &str| format!("工号,姓名\n{id},张三\n");
    for (name, id) in [
        ("a.csv", "1"),
        ("b.TSV", "2"),
        ("c.txt", "3"),
        ("~$a.csv", "4"),
        ("d.csv.part", "5"),
        (".e.csv", "6"),
    ] {
        fs::write(folder.path().join(name), row(id)).unwrap();
    }
    fs::write(folder.path().join("readme.md"), "hello").unwrap();
    assert_eq!(people(&read_with(&config(folder.path())).unwrap()), 3);
    assert_eq!(people(&read_with(&config(&folder.path().join("[ab].*"))).unwrap()), 2);
    let missing = read_with(&config(&folder.path().join("x*.csv"))).unwrap_err();
    assert_eq!(missing.kind(), "no_files");
}

#[test]
fn a_path_by_hand_is_partial_unless_it_is_authoritative() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("few.csv");
    fs::write(&path, "工号,姓名\n1,张三\n").unwrap();
    for authoritative in [false, true] {
        let config = RosterConfig { settle: Span::seconds(0), ..RosterConfig::default() };
        let over = Some(RosterOverride { path: path.clone(), authoritative });
        let options = ReadOptions {
            config: &config,
            base: Path::new("/"),
            over,
            env: &Env::default(),
            as_of: day(),
            zone: chrono_tz::Tz::Asia__Shanghai,
            progress: None,
        };
        let reading = runtime().block_on(read(options, &SystemClock::new())).unwrap();
        assert_eq!(reading.roster.partial, !authoritative);
    }
}

#[test]
fn duplicates_merge_when_equal_and_block_when_not() {
    let reading =
        read_bytes("a.csv", "工号,姓名\n1,张三\n2,李四\n2,李四\n3,王五\n3,赵六\n".as_bytes()).unwrap();
    assert_eq!(people(&reading), 2);
    assert_eq!(reading.roster.people[&key("2")].rows.len(), 2);
    let blocked = &reading.roster.blocked[&key("3")];
    assert_eq!((blocked.reason.kind(), blocked.rows.len()), (BlockKind::DuplicateKey, 2));
    assert_eq!((reading.report.accepted, reading.report.refused), (3, 2));
}

#[test]
fn keys_that_differ_only_in_case_or_width_block_each_other() {
    let reading = read_bytes("a.csv", "工号,姓名\nA1,张三\na1,李四\nB2,王五\n".as_bytes()).unwrap();
    assert_eq!(people(&reading), 1);
    assert!(reading.roster.blocked.values().all(|blocked| blocked.reason.kind() == BlockKind::AmbiguousKey));
    assert_eq!(reading.roster.blocked.len(), 2);
}

#[test]
fn an_unknown_status_blocks_and_a_broken_phone_does_not() {
    let text = "工号,姓名,状态,手机\n1,张三,停职,13800138000\n2,李四,离职,123\n3,王五,,13800138001\n\
                4,a,在职,\n5,b,在职,无\n";
    let config = |path: &Path| RosterConfig { max_invalid_percent: 50.0, ..config(path) };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), text).unwrap();
    let reading = read_with(&config(&folder.path().join("a.csv"))).unwrap();
    assert_eq!(reading.roster.blocked.len(), 2);
    let left = &reading.roster.people[&key("2")];
    assert_eq!((left.employment, &left.phones), (Employment::Left, &Cell::Unknown));
    assert_eq!(reading.roster.people[&key("4")].phones, Cell::Empty);
    assert_eq!(reading.roster.people[&key("5")].phones, Cell::Empty);
    assert_eq!(reading.roster.sources[0].fill[&Field::Phone], 40.0);
    fs::write(folder.path().join("b.csv"), text).unwrap();
    let strict = RosterConfig { max_invalid_percent: 5.0, ..config(&folder.path().join("b.csv")) };
    assert_eq!(read_with(&strict).unwrap_err().kind(), "too_many_invalid");
}

#[test]
fn an_unreadable_key_is_told_and_counted() {
    for id in ["", "1.38E+10", "1234.0", "#N/A", "12\u{0}34", "-"] {
        let rows: String = (0..40).map(|n| format!("E{n:03},张{n}\n")).collect();
        let text = format!("工号,姓名\n{rows}{id},赵六\n");
        let reading = read_bytes("a.csv", text.as_bytes()).unwrap();
        assert!(reading.roster.sources[0].unreadable_key, "{id:?}");
        assert_eq!((reading.report.refused, people(&reading)), (1, 40), "{id:?}");
    }
}

#[test]
fn an_id_that_lost_its_zeros_is_unreadable() {
    let rows: String = (0..40).map(|n| format!("{n:06},张{n}\n")).collect();
    let reading = read_bytes("a.csv", format!("工号,姓名\n{rows}1234,赵六\n").as_bytes()).unwrap();
    assert!(reading.roster.sources[0].unreadable_key);
    assert_eq!(people(&reading), 40);
    let mixed: String = (90..130).map(|n| format!("{n},张{n}\n")).collect();
    let reading = read_bytes("a.csv", format!("工号,姓名\n{mixed}").as_bytes()).unwrap();
    assert_eq!((people(&reading), reading.roster.sources[0].unreadable_key), (40, false));
}

#[test]
fn damage_stops_the_run_and_names_the_place() {
    let long = format!("工号,姓名\n1,{}\n", "x".repeat(5000));
    let cases: &[(&str, &[u8], &str)] = &[
        ("a.csv", b"", "empty"),
        ("a.csv", b"\xef\xbb\xbf\r\n", "empty"),
        ("a.csv", "工号,姓名\n".as_bytes(), "header_only"),
        ("a.csv", "工号,姓名".as_bytes(), "header_only"),
        ("a.csv", "甲,乙\n1,张三\n".as_bytes(), "no_header"),
        ("a.csv", "姓名,部门\n张三,/A\n".as_bytes(), "no_header"),
        ("a.csv", "工号,姓名,姓 名\n1,张三,李四\n".as_bytes(), "same_header"),
        ("a.csv", "工号,姓名\n1,张三\n2\n".as_bytes(), "field_count"),
        ("a.csv", "工号,姓名\n1,张三\n2,李四,x\n".as_bytes(), "field_count"),
        ("a.csv", "工号,姓名\n1,张\"三\n".as_bytes(), "stray_quote"),
        ("a.csv", "工号,姓名,备注\n1,张三,\"x\n".as_bytes(), "unclosed_quote"),
        ("a.csv", "工号,姓名\n1,\"张\n三\"\n".as_bytes(), "line_break"),
        ("a.csv", "工号,姓名\n1,张\r三\n".as_bytes(), "bare_return"),
        ("a.csv", "工号,姓名\n1,张三\n2,\u{fffd}\n".as_bytes(), "lost_character"),
        ("a.csv", b"employee_id,name\n1,\xe5\xbc\xa0\xe4\xb8\x89\n2,\xff\xe5\xbc\xa0\n", "undecodable"),
        ("a.csv", long.as_bytes(), "field_too_long"),
        ("a.csv", b"<!DOCTYPE html><html><body>login</body></html>", "wrong_kind"),
        ("a.csv", b"PK\x03\x04................", "wrong_kind"),
        ("a.xlsx", "工号,姓名\n1,张三\n".as_bytes(), "wrong_kind"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "wrong_kind"),
        ("a.csv.gz", "工号,姓名\n1,张三\n".as_bytes(), "wrong_kind"),
    ];
    for (name, bytes, kind) in cases {
        let error = read_bytes(name, bytes).unwrap_err();
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        assert_eq!(error.kind(), *kind, "{shown:?}: {error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(!error.next().contains("roster.next"), "{kind}");
    }
}

#[test]
fn links_pipes_and_empty_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read_with(&config(folder.path())).unwrap_err().kind(), "no_files");
    assert_eq!(read_with(&config(&folder.path().join("x.csv"))).unwrap_err().kind(), "not_there");
    fs::write(folder.path().join("data"), "工号,姓名\n1,张三\n").unwrap();
    std::os::unix::fs::symlink("data", folder.path().join("a.csv")).unwrap();
    assert_eq!(read_with(&config(folder.path())).unwrap_err().kind(), "not_regular");
}

/// A clock whose sleeps change a file, as somebody copying would.
struct Copying {
    path: PathBuf,
    rounds: std::sync::Mutex<Vec<&'static str>>,
}

impl Clock for Copying {
    fn now(&self) -> DateTime<Utc> {
        SystemClock::new().now()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _: Duration) {
        if let Some(text) = self.rounds.lock().unwrap().pop() {
            fs::write(&self.path, text).unwrap();
        }
    }
}

#[test]
fn a_file_that_grows_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "工号,姓名\n").unwrap();
    let config = RosterConfig { path: Some(path.clone()), ..RosterConfig::default() };
    let env = Env::default();
    let options = || ReadOptions {
        config: &config,
        base: Path::new("/"),
        over: None,
        env: &env,
        as_of: day(),
        zone: chrono_tz::Tz::Asia__Shanghai,
        progress: None,
    };
    let rounds = vec!["工号,姓名\n1,张三\n2,李四\n", "工号,姓名\n1,张三\n"];
    let clock = Copying { path: path.clone(), rounds: rounds.into() };
    let reading = runtime().block_on(read(options(), &clock)).unwrap();
    assert_eq!(people(&reading), 2);
    let endless =
        (0..20).map(|n| if n % 2 == 0 { "工号,姓名\n1,张三\n" } else { "工号,姓名\n" }).collect::<Vec<_>>();
    let clock = Copying { path, rounds: endless.into() };
    assert_eq!(runtime().block_on(read(options(), &clock)).unwrap_err().kind(), "not_settled");
}
