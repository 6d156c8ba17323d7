//! Several sources: who is believed about what, and what a late or absent one does.

use std::path::Path;
use std::{fs, time::Duration};

use rosterd::config::{OnStale, Proof, RosterConfig, SecondRow, SourceConfig, Span};
use rosterd::model::Cell;
use rosterd::reason::BlockKind;
use rosterd::roster::{Employment, Field};

use super::{key, read_with};

fn config(folder: &Path, sources: Vec<SourceConfig>) -> RosterConfig {
    let source = sources
        .into_iter()
        .map(|source| SourceConfig { path: source.path.map(|path| folder.join(path)), ..source })
        .collect();
    RosterConfig { settle: Span::seconds(0), source, ..RosterConfig::default() }
}

fn source(name: &str, path: &str) -> SourceConfig {
    SourceConfig { name: name.into(), path: Some(path.into()), ..SourceConfig::default() }
}

#[test]
fn sources_join_on_the_key_and_prove_only_what_they_may() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("hr.csv", "工号,姓名,部门,状态\n1,张三,/A,在职\n2,李四,/A,离职\n");
    write(
        "im.csv",
        "工号,姓名,手机,状态\n1,zhang,13800138000,离职\n2,li,13900139000,在职\n3,王五,,在职\n4,x,,离职\n",
    );
    let im = SourceConfig { proves: vec![], provides: vec![Field::Phone], ..source("im", "im.csv") };
    let config =
        RosterConfig { max_invalid_percent: 50.0, ..config(folder.path(), vec![source("hr", "hr.csv"), im]) };
    let roster = read_with(&config).unwrap().roster;
    let one = &roster.people[&key("1")];
    assert_eq!((one.employment, one.text.get(Field::Name)), (Employment::Active, Cell::Value("张三")));
    assert_eq!(one.phones, Cell::Value(vec!["13800138000".into()]));
    assert_eq!(one.sources.len(), 2);
    assert_eq!(roster.people[&key("2")].employment, Employment::Left);
    assert!(!roster.people.contains_key(&key("3")));
    assert_eq!(roster.blocked[&key("4")].reason.kind(), BlockKind::UnknownStatus);
    assert!(roster.sources[0].proves_missing && !roster.sources[1].proves_missing);
}

#[test]
fn a_prefix_and_a_constant_keep_two_companies_apart() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.csv", "b.csv"] {
        fs::write(folder.path().join(name), "账号,姓名,部门\nzhang,张三,/销售\n").unwrap();
    }
    let b = SourceConfig {
        id: "B-{login}".into(),
        constant: [(Field::Department, "/子公司B".to_owned())].into(),
        proves: vec![Proof::Present],
        ..source("b", "b.csv")
    };
    let roster = read_with(&config(folder.path(), vec![source("a", "a.csv"), b])).unwrap().roster;
    assert_eq!(roster.people.len(), 2);
    let departments = roster.people[&key("B-zhang")].departments.value().unwrap().to_vec();
    assert_eq!(departments, [vec!["子公司B".to_owned(), "销售".to_owned()]]);
}

#[test]
fn a_late_or_absent_source_freezes_its_own_people_only() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hr.csv"), "工号,姓名\n1,张三\n").unwrap();
    fs::write(folder.path().join("old.csv"), "工号,姓名\n2,李四\n").unwrap();
    let old = fs::File::open(folder.path().join("old.csv")).unwrap();
    let modified = old.metadata().unwrap().modified().unwrap();
    old.set_modified(modified - Duration::from_secs(3 * 86_400)).unwrap();
    let late = SourceConfig { max_age: Some(Span::seconds(86_400)), ..source("old", "old.csv") };
    let absent = SourceConfig { required: false, ..source("gone", "gone.csv") };
    let all = config(folder.path(), vec![source("hr", "hr.csv"), late.clone(), absent]);
    let roster = read_with(&all).unwrap().roster;
    assert_eq!(roster.people.len(), 1);
    assert_eq!(roster.blocked[&key("2")].reason.kind(), BlockKind::FrozenSource);
    assert_eq!(roster.sources.iter().map(|source| source.frozen).collect::<Vec<_>>(), [false, true, true]);
    let stop = SourceConfig { on_stale: OnStale::Stop, ..late };
    assert_eq!(read_with(&config(folder.path(), vec![stop])).unwrap_err().kind(), "stale");
    assert_eq!(
        read_with(&config(folder.path(), vec![source("gone", "gone.csv")])).unwrap_err().kind(),
        "not_there"
    );
}

#[test]
fn markers_checksums_and_newest_are_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("hr_1.csv"), "工号,姓名\n1,张三\n").unwrap();
    fs::write(path("hr_2.csv"), "工号,姓名\n2,李四\n").unwrap();
    let first = fs::File::open(path("hr_1.csv")).unwrap();
    first.set_modified(first.metadata().unwrap().modified().unwrap() - Duration::from_secs(60)).unwrap();
    let newest = SourceConfig { pick: Some(rosterd::config::Pick::Newest), ..source("hr", "hr_*.csv") };
    let roster = read_with(&config(folder.path(), vec![newest])).unwrap().roster;
    assert!(roster.people.contains_key(&key("2")) && roster.people.len() == 1);
    let marked = SourceConfig { done_marker: "{file}.done".into(), ..source("hr", "hr_1.csv") };
    let marked = config(folder.path(), vec![marked]);
    assert_eq!(read_with(&marked).unwrap_err().kind(), "no_marker");
    fs::write(path("hr_1.csv.done"), "").unwrap();
    assert!(read_with(&marked).is_ok());
    let summed = SourceConfig { checksum: "{file}.sha256".into(), ..source("hr", "hr_1.csv") };
    let summed = config(folder.path(), vec![summed]);
    assert_eq!(read_with(&summed).unwrap_err().kind(), "checksum");
    use sha2::Digest as _;
    let digest = hex::encode(sha2::Sha256::digest(fs::read(path("hr_1.csv")).unwrap()));
    fs::write(path("hr_1.csv.sha256"), format!("{digest}  hr_1.csv\n")).unwrap();
    assert!(read_with(&summed).is_ok());
}

#[test]
fn a_newest_file_with_an_older_date_in_its_name_is_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("hr_20261126.csv"), "工号,姓名\n1,张三\n").unwrap();
    fs::write(path("hr_20261127.csv"), "工号,姓名\n1,张三\n2,李四\n").unwrap();
    let age = |name: &str, seconds| {
        let file = fs::File::open(path(name)).unwrap();
        file.set_modified(
            std::time::SystemTime::from(rosterd::clock::Clock::now(&rosterd::clock::SystemClock::default()))
                - Duration::from_secs(seconds),
        )
        .unwrap();
    };
    let newest = SourceConfig { pick: Some(rosterd::config::Pick::Newest), ..source("hr", "hr_*.csv") };
    let read = || read_with(&config(folder.path(), vec![newest.clone()])).unwrap().roster;
    age("hr_20261126.csv", 200);
    age("hr_20261127.csv", 100);
    let agreeing = read();
    assert_eq!((agreeing.doubts.len(), agreeing.people.len()), (0, 2));
    // Somebody opened the old export and saved it again.
    age("hr_20261126.csv", 10);
    age("hr_20261127.csv", 100);
    let doubts = read().doubts;
    assert_eq!(doubts.len(), 1);
    assert_eq!(doubts[0].kind, rosterd::roster::DoubtKind::NewestName);
    assert!(doubts[0].holds() && doubts[0].what.contains("hr_20261127.csv"), "{doubts:?}");
}

#[test]
fn a_folder_without_a_roster_says_what_it_saw() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("花名册.xls"), "x").unwrap();
    fs::write(folder.path().join(".hidden"), "x").unwrap();
    let error = read_with(&config(folder.path(), vec![source("hr", "")])).unwrap_err();
    assert_eq!(error.kind(), "no_files");
    let said = error.to_string();
    assert!(said.contains("花名册.xls") && !said.contains("hidden"), "{said}");
    assert!(error.next().contains(".xlsx"), "{}", error.next());
}

#[test]
fn a_second_job_adds_its_department_where_that_is_declared() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hr.csv"), "工号,姓名,部门\n1,张三,/A\n1,张三,/B\n").unwrap();
    let first = SourceConfig { second_row: SecondRow::First, ..source("hr", "hr.csv") };
    let roster = read_with(&config(folder.path(), vec![first])).unwrap().roster;
    assert_eq!(roster.people[&key("1")].departments.value().unwrap().len(), 2);
    let blocked =
        read_with(&RosterConfig { min_rows: 0, ..config(folder.path(), vec![source("hr", "hr.csv")]) });
    assert_eq!(blocked.unwrap().roster.blocked[&key("1")].reason.kind(), BlockKind::DuplicateKey);
}
