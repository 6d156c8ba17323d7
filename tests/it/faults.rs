//! The program against gateways that lose calls, lose the commit, or never answer: how a run ends, and what the next
//! one does.

use std::net::TcpListener;

use crate::crash_world::{World, layer};

#[test]
fn a_run_of_a_thousand_over_a_line_that_drops_calls_ends_well_by_itself() {
    let faults = ["--fault", "drop_before=0.075,drop_after=0.075,calls=not-commit", "--seed", "7"];
    let world = World::new("updater-cloud", &faults, "[target.pace]\nretries = 6\nconcurrency = 24");
    let wanted = world.roster(1000, 0);
    let (code, report) = world.whole_run();
    let target = &report["targets"][0];
    assert_eq!(code, 0, "{:#}", target["failures"]);
    assert_eq!((&target["counts"]["add"], &target["calls"]["commits"]), (&1000.into(), &1.into()));
    assert!(target["calls"]["retries"].as_u64() > Some(50), "{:#}", target["calls"]);
    let state = world.state();
    assert_eq!(layer(&state, "effective"), wanted);
    assert_eq!(layer(&state, "database"), wanted);
}

#[test]
fn a_commit_without_an_answer_is_left_to_the_next_run_which_only_commits() {
    for (fault, done) in [("drop_before=1,calls=commit", 0), ("drop_after=1,calls=commit", 1)] {
        let mut world = World::new("openapi", &["--fault", fault], "");
        let wanted = world.roster(30, 0);
        let (code, report) = world.whole_run();
        let target = &report["targets"][0];
        assert_eq!(code, 6, "{report:#}");
        assert_eq!((&target["commit"], &target["state"]), (&"unconfirmed".into(), &"dirty".into()));
        assert_eq!(target["calls"]["commits"], 1);
        assert_eq!(world.state()["counters"]["commits"], done, "{fault}");
        world.restart_gateway(&[]);
        let (code, report) = world.whole_run();
        let calls = &report["targets"][0]["calls"];
        assert_eq!(code, 0, "{report:#}");
        assert_eq!((&calls["mutations"], &calls["commits"]), (&0.into(), &1.into()), "{report:#}");
        world.is_settled(&wanted, fault);
    }
}

const HASTY: &str = "max_duration = \"2s\"\n[target.pace]\ntimeout = \"1s\"\nretries = 4";

/// Long enough for a machine that does other things too, and far less than any wait without a limit.
const BOUND_MS: u64 = 15_000;

#[test]
fn a_gateway_that_takes_calls_and_never_answers_ends_the_run_in_time() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::before(&format!("http://{}", deaf.local_addr().unwrap()), HASTY);
    let _ = world.roster(50, 0);
    let (code, report) = world.whole_run();
    assert_eq!(code, 1, "{report:#}");
    assert!(report["targets"][0]["duration_ms"].as_u64() < Some(BOUND_MS), "{report:#}");
}

#[test]
fn a_gateway_that_stops_answering_ends_the_run_in_time() {
    for (fault, expected) in [("timeout=1,calls=mutations", 3), ("timeout=1,calls=commit", 6)] {
        let world = World::new("updater-cloud", &["--fault", fault], HASTY);
        let _ = world.roster(10, 0);
        let (code, report) = world.whole_run();
        assert_eq!(code, expected, "{fault}: {report:#}");
        assert!(report["targets"][0]["duration_ms"].as_u64() < Some(BOUND_MS), "{report:#}");
    }
}
