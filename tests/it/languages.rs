//! Whoever reads a run reads it in their own language, whatever the language of the process that made it; and what is
//! stored of it has no sentence in any.

use std::collections::BTreeSet;
use std::path::Path;

use rosterd::app::plan_file::PlanFile;
use rosterd::plan::{GuardedItem, Plan};
use rosterd::reason::{BlockKind, BlockReason, Exit, Guard};
use rosterd::report::{TargetReport, table};
use rosterd::store::Store;
use rosterd::store::journal::RunId;
use serde_json::Value;

use crate::cli_world::World;

/// Values in one alphabet only, so that a text in the other language shows.
const ROSTER: [&str; 4] = [
    "10023,Ann,/HQ/Sales,Clerk,,在职",
    "10030,Bob,/HQ/Sales,Clerk,,在职",
    "10031,Cid,/HQ/Sales,Clerk,,在职",
    "10040,Dan,/HQ/Sales,Clerk,,mumble",
];

/// A run that a guard holds, with somebody left alone, made in one language.
fn held(made_in: &str) -> (World, String) {
    let world = World::with("max_invalid_percent = 100.0\n", "[target.guard]\nmax_missing = 1\n");
    world.roster(&ROSTER[..3]);
    world.run(&["--lang", made_in, "sync"]).expect(0);
    world.roster(&[ROSTER[0], ROSTER[3]]);
    let said = world.run(&["--lang", made_in, "--output", "json", "sync"]).expect(4).json();
    let run = said["targets"][0]["run_id"].as_str().unwrap().to_owned();
    (world, run)
}

/// The longest row of English words in a text. Options, names with a sign in them and figures end a row.
fn words_in_a_row(text: &str) -> usize {
    let is_word = |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.split_whitespace()
        .collect::<Vec<_>>()
        .split(|word| !is_word(word))
        .map(<[_]>::len)
        .max()
        .unwrap_or_default()
}

fn has_chinese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3000}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}'))
}

#[test]
fn a_run_reads_in_the_language_of_its_reader_whoever_made_it() {
    for (made_in, read_in) in [("en", "zh"), ("zh", "en")] {
        let (world, run) = held(made_in);
        for command in [vec!["runs", &run], vec!["status"], vec!["explain", "10040"]] {
            let said = world.run(&[&["--lang", read_in], command.as_slice()].concat()).expect(0).out;
            match read_in {
                "zh" => assert!(has_chinese(&said) && words_in_a_row(&said) < 3, "{command:?}: {said}"),
                _ => assert!(!has_chinese(&said) && words_in_a_row(&said) >= 3, "{command:?}: {said}"),
            }
        }
        // The JSON has the words beside the values, in the reader's language too.
        let said = world.run(&["--lang", read_in, "--output", "json", "runs", &run]).expect(0).json();
        let report = &said["run"]["report"];
        for told in [&report["held_by"][0], &report["blocked"][0]] {
            assert_eq!(has_chinese(told["detail"].as_str().unwrap()), read_in == "zh", "{told}");
        }
    }
}

/// Every text in a value.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(all) => all.iter().for_each(|one| texts(one, found)),
        Value::Object(all) => all.values().for_each(|one| texts(one, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_of_a_held_run_has_no_sentence() {
    for made_in in ["en", "zh"] {
        let (world, run) = held(made_in);
        let store = Store::open(&world.path("state/rosterd.db")).await.unwrap();
        let run = RunId(run.parse().unwrap());
        let report = store.run(run).await.unwrap().report.unwrap();
        let (_, plan) = store.plan_of_run(run).await.unwrap();
        assert!(matches!(plan.blocked[0].reason, BlockReason::UnknownStatus(_)) && !plan.held_by.is_empty());
        for stored in [serde_json::to_value(report).unwrap(), serde_json::to_value(plan).unwrap()] {
            let mut found = Vec::new();
            texts(&stored, &mut found);
            for text in found {
                assert!(!has_chinese(text) && words_in_a_row(text) < 3, "{text}");
            }
        }
    }
}

/// As version 0.1.0 stored them when it still worded what it stored: a held run, its plan, and the approval of it.
const OLD: [&str; 4] = [
    include_str!("data/held/plan.json"),
    include_str!("data/held/report.json"),
    include_str!("data/held/approval.json"),
    include_str!("data/held/plan-file.json"),
];

#[test]
fn what_an_earlier_version_stored_in_words_is_read_as_it_was() {
    let [plan, report, approval, file] = OLD;
    let plan: Plan = serde_json::from_str(plan).unwrap();
    // The plan is still the one that was approved, and the one that its file names.
    assert_eq!(plan.digest(), "0778abdde073d2d1228e60646f0968f5da007a2ffa7b88840f437dbfb938baa5");
    assert_eq!(plan.held_by[0].by.guard, Guard::MaxMissing);
    assert!(plan.held_something_back() && plan.blocked_exit() == Exit::Done);
    let sets: Vec<(Guard, BTreeSet<GuardedItem>)> = serde_json::from_str(approval).unwrap();
    assert_eq!(sets, [(Guard::MaxMissing, plan.held_by[0].set.clone())]);
    PlanFile::parse(file.as_bytes(), Path::new("plan.json")).unwrap();

    let report: TargetReport = serde_json::from_str(report).unwrap();
    let kinds: Vec<_> = report.blocked.iter().map(|one| one.reason.kind()).collect();
    assert_eq!(kinds, [BlockKind::UnknownStatus, BlockKind::NoGroup]);
    let shown = table::render_target(&report, &table::View::default());
    for said in ["2 people who are no longer in the roster", "the department is empty", "on-leave"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}
