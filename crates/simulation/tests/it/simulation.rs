//! Seeded schedules of faults against the engine, judged from outside. `examples/simulate.rs` plays as many as asked.

use rosterd::gateway::Dialect;
use rosterd::sabotage::Flaw;
use rosterd_simulation::coverage::Coverage;
use rosterd_simulation::{CANARY, Lab, Played, Setting};

/// Seeds that every `cargo test` plays; `ROSTERD_SEEDS` asks for more.
fn seeds() -> u64 {
    std::env::var("ROSTERD_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000)
}

fn must_hold(played: &Played, what: &str) {
    assert!(played.violations.is_empty(), "{what}: {:#?}\n{}", played.violations, played.trace.join("\n"));
}

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    let each = seeds() / 2;
    let play = |processor: usize| {
        let mut lab = Lab::on_processor(processor).unwrap();
        let from = each * processor as u64;
        let mut coverage = Coverage::default();
        for seed in from..from + each {
            let played = lab.play(seed, Setting { trace: true, ..Setting::default() }).unwrap();
            must_hold(&played, &format!("seed {seed}"));
            coverage.merge(played.coverage);
        }
        coverage
    };
    let mut coverage = std::thread::scope(|scope| {
        let other = scope.spawn(|| play(0));
        let mut coverage = play(1);
        coverage.merge(other.join().unwrap());
        coverage
    });
    coverage.states.clear();
    assert!(coverage.faults.len() >= 22, "not every kind of fault was met: {coverage:#?}");
    assert!(coverage.crashes.len() >= 8, "not every kind of death was met: {coverage:#?}");
}

#[test]
fn a_seed_is_one_schedule_byte_for_byte() {
    let traced = Setting { trace: true, ..Setting::default() };
    let (mut lab, mut other) = (Lab::new().unwrap(), Lab::new().unwrap());
    for seed in 0..60 {
        let first = lab.play(seed, traced).unwrap();
        let elsewhere = other.play(seed, traced).unwrap();
        assert!(!first.trace.is_empty());
        assert_eq!(first.trace, elsewhere.trace, "seed {seed}");
    }
}

#[test]
fn the_canary_is_found_dead() {
    let played = Lab::new().unwrap().play(CANARY, Setting::default()).unwrap();
    assert!(!played.violations.is_empty(), "a world that somebody tampered with passes for right");
}

/// Every store operation of a run fails once, and every one begins a failure for good.
#[test]
fn whichever_store_operation_fails_the_next_run_puts_it_right() {
    let play = |for_good: bool| {
        let mut lab = Lab::on_processor(usize::from(for_good)).unwrap();
        let reached = (1..).find(|n| {
            let setting = Setting { trace: true, store_fails: Some((*n, for_good)), ..Setting::default() };
            let played = lab.play(3, setting).unwrap();
            must_hold(&played, &format!("operation {n} fails, for good: {for_good}"));
            !played.store_failed
        });
        assert!(reached > Some(30), "{reached:?}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| play(true));
        play(false);
    });
}

/// The beginning of the small world; `simulate --small` plays all of it.
#[test]
fn the_small_world_holds() {
    let mut lab = Lab::on_processor(0).unwrap();
    for dialect in [Dialect::UpdaterCloud, Dialect::Openapi] {
        let mut beginnings = std::collections::VecDeque::from([Vec::new()]);
        for _ in 0..200 {
            let Some(given) = beginnings.pop_front() else { break };
            let (played, branches) = lab.play_small(dialect, given.clone(), true).unwrap();
            must_hold(&played, &format!("{dialect:?} {given:?}"));
            beginnings.extend(branches);
        }
        assert!(beginnings.len() > 100, "the small world is too small");
    }
}

/// Flaws that show late, and a seed that shows them. Where the schedules have changed since, the first is looked for.
const SHOWN_BY: [(Flaw, u64); 5] = [
    (Flaw::NotUnknown, 172),
    (Flaw::AbsentDeleteFails, 125),
    (Flaw::DisableDisowned, 392),
    (Flaw::SecondName, 31),
    (Flaw::NameReusedEarly, 1720),
];

/// The harness itself: an engine that is broken in this way must be caught.
fn catches(lab: &mut Lab, flaw: Flaw) {
    let setting = Setting { flaw: Some(flaw), ..Setting::default() };
    let known = SHOWN_BY.iter().filter(|(of, _)| *of == flaw).map(|(_, seed)| *seed);
    let caught = known.chain(0..5000).find(|seed| !lab.play(*seed, setting).unwrap().violations.is_empty());
    assert!(caught.is_some(), "{} is not caught", flaw.as_str());
}

#[test]
fn every_engine_that_is_broken_on_purpose_is_caught() {
    let (some, others): (Vec<Flaw>, Vec<Flaw>) = Flaw::ALL
        .iter()
        .filter(|flaw| !flaw.is_about_people())
        .partition(|flaw| (**flaw as u8).is_multiple_of(2));
    let all_caught = |processor: usize, flaws: Vec<Flaw>| {
        let mut lab = Lab::on_processor(processor).unwrap();
        flaws.into_iter().for_each(|flaw| catches(&mut lab, flaw));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| all_caught(0, some));
        all_caught(1, others);
    });
}
