//! What people see of a run or a plan, in snapshots, and that the JSON keeps its contract.

use std::collections::BTreeMap;

use serde_json::json;

use super::table::{RefusedRow, View, render};
use super::*;
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{ActionKind, Counts};
use crate::reason::{Behind, BlockReason, Blocked, Guard, HeldBy};

/// A dry run as the contract's example has it, with one of everything that a table can show.
fn example() -> SyncReport {
    serde_json::from_value(json!({
        "version": 1, "dry_run": true, "as_of": "2026-11-21",
        "roster": {
            "sources": [{"name": "hr", "files": ["a.csv", "b.csv"], "rows": 1000, "accepted": 998, "refused": 2}],
            "rows": 1000, "accepted": 998, "refused": 2, "digest": "d1"
        },
        "targets": [{
            "target": "hq", "run_id": "7", "plan": {"id": "3", "digest": "d2"}, "outcome": "planned", "exit_code": 0,
            "counts": {"add": 1, "adopt": 0, "update": 1, "rename": 1, "enable": 0, "disable": 0, "delete": 1,
                       "unchanged": 992, "withheld": 1, "blocked": 2, "failed": 0},
            "changed_fields": {"note": 2, "group": 1},
            "calls": {"mutations": 0, "queries": 1, "commits": 0, "retries": 0},
            "commit": "none", "state": "clean", "held_by": [], "approval": null, "failures": [], "duration_ms": 812,
            "groups": [{"path": "/总公司/销售部", "state": "exists", "people": 3},
                       {"path": "/总公司/新部门", "state": "missing", "people": 1},
                       {"path": "/总公司", "state": "exists", "people": 0}],
            "blocked": [
                {"person": "10044", "username": "10044", "reason": "duplicate_key",
                 "data": {"rows": [{"file": "b.csv", "line": 17}, {"file": "b.csv", "line": 30}]}, "file": "b.csv", "line": 17, "since": "2026-11-19"},
                {"person": "10045", "username": null, "reason": "missing_group",
                 "data": {"group": "/总公司/新部门", "creatable": false}, "file": null, "line": null, "since": "2026-11-21"}],
            "actions": [
                {"kind": "update", "person": "10044", "username": "zhangsan", "reason": "changed",
                 "source": {"file": "b.csv", "line": 3},
                 "changes": {"note": ["张三-销售", "张三-销售经理"], "phone": ["138******00", ""]},
                 "withheld_by": null},
                {"kind": "rename", "person": "10050", "username": "10050", "reason": "changed", "source": null,
                 "changes": {"username": ["10050", "lisi"]}, "withheld_by": null},
                {"kind": "add", "person": "10023", "username": "10023", "reason": "joined",
                 "source": {"file": "a.csv", "line": 12},
                 "changes": {"group": [null, "/总公司/销售部"], "note": [null, "王五-\u{202e}销售"], "phone": [null, ""]},
                 "withheld_by": null},
                {"kind": "delete", "person": "10060", "username": "10060", "reason": "left",
                 "source": {"file": "a.csv", "line": 99}, "changes": {}, "withheld_by": null},
                {"kind": "delete", "person": "10061", "username": "10061", "reason": "missing", "source": null,
                 "changes": {}, "withheld_by": "unreadable_key"}]
        }]
    }))
    .unwrap()
}

fn shown(report: &SyncReport, view: &View) -> String {
    anstream::adapter::strip_str(&render(report, view)).to_string()
}

#[test]
fn a_plan_reads_from_summary_to_numbers() {
    let refused = vec![RefusedRow {
        place: "b.csv:18".into(),
        column: Some("状态".into()),
        problem: "the status 请假中 is in no list".into(),
    }];
    insta::assert_snapshot!(shown(&example(), &View { refused, ..View::default() }));
}

#[test]
fn a_narrow_terminal_wraps_inside_the_columns() {
    insta::assert_snapshot!(shown(&example(), &View { width: Some(80), ..View::default() }));
}

#[test]
fn a_run_says_what_was_done_and_what_it_means() {
    let mut report = example();
    report.dry_run = false;
    let target = &mut report.targets[0];
    target.outcome = RunOutcome::Unconfirmed;
    target.commit = CommitState::Unconfirmed;
    target.state = TargetState::Dirty;
    target.calls = CallCounts { mutations: 4, queries: 2, commits: 1, retries: 3 };
    target.actions = None;
    target.blocked.clear();
    target.groups.clear();
    target.recovered = vec!["run 6 had left one add open: 10022 is there".into()];
    target.warnings = vec!["the clock of the gateway is 2 minutes behind".into()];
    target.failures = vec![Failure {
        person: PersonKey::new("10023").unwrap(),
        username: Username::new("10023").unwrap(),
        kind: ActionKind::Add,
        code: Some(-9),
        message: "the name is taken".into(),
    }];
    insta::assert_snapshot!(shown(&report, &View::default()));
}

#[test]
fn a_commit_that_was_not_sent_is_not_counted() {
    let mut report = example();
    let target = &mut report.targets[0];
    target.outcome = RunOutcome::Partial;
    target.commit = CommitState::Withheld;
    target.calls = CallCounts { mutations: 1, ..CallCounts::default() };
    assert!(shown(&report, &View::default()).contains("; 1 call, commit withheld, 0.8 s"));
}

#[test]
fn where_not_everybody_is_listed_the_reasons_are_counted() {
    let mut report = example();
    let one = report.targets[0].blocked[0].clone();
    let duplicate = || BlockReason::DuplicateKey { rows: Vec::new() };
    let many = (0..60)
        .map(|n| Blocked { reason: if n < 50 { BlockReason::NoGroup } else { duplicate() }, ..one.clone() });
    report.targets[0].blocked = many.collect();
    assert!(shown(&report, &View::default()).contains("By reason: ID twice 10, no department 50"));
    let full = View { full: true, ..View::default() };
    assert!(!shown(&report, &full).contains("By reason"));
}

#[test]
fn a_held_plan_says_by_what_and_how_to_go_on() {
    let mut report = example();
    let target = &mut report.targets[0];
    target.outcome = RunOutcome::Held;
    target.actions = None;
    target.groups.clear();
    target.blocked.clear();
    target.held_by = vec![
        HeldBy::figure(
            Guard::MaxMissingPercent,
            5.0,
            41.2,
            Behind::People { count: 412, keys_changed: false },
        ),
        HeldBy::brake(
            Guard::FirstContact,
            Behind::Things { first: vec!["zhangsan".into(), "lisi".into()], count: 3, people: 0 },
        ),
    ];
    let mut second = target.clone();
    second.target = TargetName::new("branch").unwrap();
    second.held_by.clear();
    second.outcome = RunOutcome::NoChanges;
    second.counts = Counts { unchanged: 5, ..Counts::default() };
    second.changed_fields = BTreeMap::new();
    report.targets.push(second);
    insta::assert_snapshot!(shown(&report, &View::default()));
}

#[test]
fn long_lists_are_cut_unless_everything_is_asked_for() {
    let mut report = example();
    let actions = report.targets[0].actions.as_mut().unwrap();
    let one = actions[2].clone();
    actions.extend(std::iter::repeat_n(one, 60));
    let cut = shown(&report, &View::default());
    assert!(cut.contains("… and 25 more"), "{cut}");
    let full = shown(&report, &View { full: true, ..View::default() });
    assert!(!full.contains("more ("));
    assert_eq!(full.lines().filter(|l| l.contains("+ add") && l.contains("a.csv:12")).count(), 61);
}

#[test]
fn no_text_from_outside_reaches_the_terminal_as_a_command() {
    let mut report = example();
    report.targets[0].blocked[0].reason = BlockReason::Hold { reason: "\u{1b}]0;owned\u{7}".into() };
    report.targets[0].actions.as_mut().unwrap()[0]
        .changes
        .insert("note".into(), (None, Some("a\u{1b}[31mb".into())));
    let text = render(&report, &View { full: true, ..View::default() });
    assert!(!text.contains("\u{1b}]0") && !text.contains("\u{7}") && !text.contains("a\u{1b}[31mb"));
    assert!(text.contains("\\u{1b}]0;owned\\u{7}"));
}

#[test]
fn the_json_keeps_its_keys() {
    insta::assert_json_snapshot!(example());
}

#[test]
fn a_failure_has_an_empty_list_of_targets() {
    let error = ErrorReport {
        kind: crate::reason::ErrorKind::of("roster"),
        message: "no file".into(),
        next: "look".into(),
    };
    let report = FailureReport { version: 1, exit_code: 1, error, targets: Vec::new() };
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({"version": 1, "exit_code": 1, "targets": [],
               "error": {"kind": "roster", "message": "no file", "next": "look"}})
    );
}
