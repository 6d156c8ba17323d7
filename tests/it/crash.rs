//! The program itself, killed at random moments of its runs or asked to stop: afterwards one run puts everything right,
//! the next sends nothing, and the audit trail is whole.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::crash_world::{Running, World, layer, wait};

/// Kills per dialect; `ROSTERD_KILLS` asks for more.
fn kills() -> u64 {
    std::env::var("ROSTERD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10)
}

/// A run that is killed after a random time; tells whether it was still running.
fn killed_run(world: &mut World, longest: Duration) -> bool {
    let mut child = Running(world.sync().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let micros = u64::try_from(longest.as_micros()).unwrap();
    wait(Duration::from_micros(world.chance(micros)));
    let running = child.0.try_wait().unwrap().is_none();
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    running
}

/// What a power cut may leave behind the last synced commit: the torn beginning of a write that never was.
fn tear_the_log(world: &mut World) {
    let garbage: Vec<u8> = (0..world.chance(9000)).map(|_| world.chance(256) as u8).collect();
    let log = std::fs::OpenOptions::new().append(true).open(world.path("rosterd.db-wal"));
    if let Ok(mut log) = log {
        log.write_all(&garbage).unwrap();
    }
}

async fn survives(dialect: &str) {
    let mut world = World::new(dialect, &["--latency", "2"], "");
    let mut longest = Duration::from_millis(300);
    let (mut hit, mut in_flight) = (0, 0);
    for round in 0..kills() {
        let wanted = world.roster(20, round);
        let before = world.state()["counters"]["mutations"].as_u64();
        if killed_run(&mut world, longest) {
            hit += 1;
            in_flight += u64::from(world.state()["counters"]["mutations"].as_u64() > before);
            longest = longest.mul_f64(1.05);
        } else {
            longest = longest.mul_f64(0.8);
        }
        if world.chance(2) == 0 {
            tear_the_log(&mut world);
        }
        if world.chance(3) == 0 {
            continue;
        }
        let (code, report) = world.whole_run();
        assert_eq!(code, 0, "round {round}: {report:#}");
        world.is_settled(&wanted, &format!("round {round}"));
    }
    assert!(hit > 0, "no run was killed");
    world.books_are_right().await;
    if kills() > 100 {
        assert!(in_flight * 4 > kills(), "only {in_flight} of {} kills met a run that had sent", kills());
    }
}

#[tokio::test]
async fn old_firmware_survives_kills() {
    survives("updater-cloud").await;
}

#[tokio::test]
async fn new_firmware_survives_kills() {
    survives("openapi").await;
}

/// A run over slow calls, interrupted once the gateway's counters say that it is time: its exit code and report.
fn interrupted(world: &World, it_is_time: fn(&Value) -> bool, times: usize) -> (i32, Value) {
    let child = world.sync().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let running = Running(child);
    while !it_is_time(&world.state()["counters"]) {
        wait(Duration::from_millis(10));
    }
    for _ in 0..times {
        running.signal(Signal::INT);
        wait(Duration::from_millis(30));
    }
    let mut running = running;
    let mut stdout = String::new();
    std::io::Read::read_to_string(&mut running.0.stdout.take().unwrap(), &mut stdout).unwrap();
    let code = running.0.wait().unwrap().code();
    let report = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"));
    (code.unwrap(), report)
}

fn has_changed_three(counters: &Value) -> bool {
    counters["mutations"].as_u64() >= Some(3)
}

fn has_looked_twice(counters: &Value) -> bool {
    counters["calls"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>() >= 2
}

#[test]
fn interrupted_once_it_finishes_the_call_commits_and_says_so() {
    let world = World::new("updater-cloud", &["--latency", "40"], "");
    let wanted = world.roster(40, 0);
    let (code, report) = interrupted(&world, has_changed_three, 1);
    let target = &report["targets"][0];
    assert_eq!(code, 3, "{report:#}");
    assert_eq!((&target["outcome"], &target["commit"]), (&"partial".into(), &"confirmed".into()));
    let state = world.state();
    let effective = layer(&state, "effective");
    assert_eq!(effective, layer(&state, "database"));
    assert_eq!(target["counts"]["add"].as_u64(), Some(effective.len() as u64));
    assert!(effective.len() < 40, "nothing was left to do");
    let left = format!("{} of 40 planned actions were not begun", 40 - effective.len());
    assert!(target["warnings"].as_array().unwrap().contains(&left.into()), "{report:#}");
    let (code, report) = world.whole_run();
    assert_eq!(code, 0, "{report:#}");
    world.is_settled(&wanted, "after an interruption");
}

#[test]
fn interrupted_twice_it_stops_at_once_and_the_next_run_repairs() {
    let world = World::new("openapi", &["--latency", "700"], "");
    let wanted = world.roster(6, 0);
    let (code, report) = interrupted(&world, has_changed_three, 2);
    assert_eq!(code, 6, "{report:#}");
    assert_eq!(report["targets"][0]["commit"], "withheld");
    assert_eq!(world.state()["counters"]["commits"], 0);
    let mut world = world;
    world.restart_gateway(&[]);
    let (code, report) = world.whole_run();
    assert_eq!(code, 0, "{report:#}");
    world.is_settled(&wanted, "after two interruptions");
}

#[test]
fn interrupted_twice_while_it_looks_it_blames_nobody() {
    let world = World::new("updater-cloud", &["--latency", "700"], "");
    world.roster(6, 0);
    let (code, report) = interrupted(&world, has_looked_twice, 2);
    let target = &report["targets"][0];
    assert_eq!(code, 3, "{report:#}");
    assert_eq!((&target["outcome"], &target["error"]["kind"]), (&"partial".into(), &"stopped".into()));
    assert_eq!((&target["state"], &target["calls"]["mutations"]), (&"clean".into(), &0.into()));
}
