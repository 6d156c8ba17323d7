//! Months of simulated companies, judged by what happens to people. `examples/company.rs` plays as many as asked.
#![expect(clippy::print_stdout, reason = "figures, and what is known and open, are to be seen")]

use std::collections::{BTreeMap, BTreeSet};

use rosterd::sabotage::Flaw;
use rosterd_simulation::Lab;
use rosterd_simulation::company::{Played, Setting, Settings};

/// Kinds of violation that are known and not mended yet, by rule and what was behind it (or how that begins): this list
/// may only become shorter. Whatever breaks a rule and is not in it fails the test, and how often each came is printed.
const OPEN: &[&str] = &[
    // The same human under another key is not compared with the accounts that are there.
    "H3 two accounts | ",
    "H3 made again | ",
    "H1 access | changes the employee number",
    "H1 access | HR: IDs",
    "H1 access | HR: a few IDs are written otherwise",
    // A row that contradicts itself is believed in its worse half.
    "H1 access | HR: active, with a last day long past",
    "H1 access | HR: gone, with a last day in the future",
    // The number on the device is not known before the first look, and nobody looks on quiet nights.
    "H4 a stranger's account | hands:",
    "H5 no account | hands:",
    "H5 other values | hands:",
    "H2 access after leaving | hands:",
    // An approval covers who, and not what; and there is no rolling share.
    "H7 ",
    "H6 percent ",
];

/// The entry of the list that covers a kind.
fn known(kind: &str) -> Option<&'static str> {
    OPEN.iter().copied().find(|open| kind.starts_with(open))
}

/// Companies that every `cargo test` plays; `ROSTERD_COMPANIES` asks for more.
fn companies() -> u64 {
    std::env::var("ROSTERD_COMPANIES").ok().and_then(|n| n.parse().ok()).unwrap_or(45)
}

fn setting(seed: u64, flaw: Option<Flaw>) -> Setting {
    Setting { settings: Settings::in_turn(seed), days: 60, people: None, flaw, trace: false }
}

/// Everything that two threads find: figures, and each kind of violation with its count and first seed.
fn play(seeds: u64) -> (Played, BTreeMap<String, (u64, u64, String)>) {
    let half = |processor: u64| {
        let mut lab = Lab::on_processor(processor as usize).unwrap();
        let (mut all, mut wrong) = (Played::default(), Vec::new());
        for seed in (processor..seeds).step_by(2) {
            let mut played = lab.play_company(seed, setting(seed, None)).unwrap();
            wrong.extend(std::mem::take(&mut played.violations).into_iter().map(|v| (seed, v)));
            all.merge(played);
        }
        (all, wrong)
    };
    let (mut all, wrong) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let (mut all, mut wrong) = half(0);
        let (more, found) = other.join().unwrap();
        all.merge(more);
        wrong.extend(found);
        (all, wrong)
    });
    let mut kinds = BTreeMap::new();
    for (seed, violation) in wrong {
        let what = format!("day {}: {}", violation.day, violation.what);
        let (count, first, text) = kinds.entry(violation.kind()).or_insert((0, seed, what.clone()));
        *count += 1;
        if seed < *first {
            (*first, *text) = (seed, what);
        }
    }
    all.violations.clear();
    (all, kinds)
}

#[test]
fn nobody_is_harmed_in_months_of_a_company() {
    let (all, kinds) = play(companies());
    println!(
        "{} days, {} checks, {} of {} quiet nights held",
        all.days, all.checks, all.quiet.1, all.quiet.0
    );
    for (event, count) in &all.events {
        println!("{count:>7} {event}");
    }
    for (end, count) in &all.nights {
        println!("{count:>7} {end}");
    }
    for open in OPEN {
        let met: u64 = kinds.iter().filter(|(kind, _)| known(kind) == Some(open)).map(|(_, (n, ..))| n).sum();
        println!("known and open, met {met} times: {open}");
    }
    let news: Vec<_> = kinds.iter().filter(|(kind, _)| known(kind).is_none()).collect();
    assert!(news.is_empty(), "{news:#?}");
    assert!(all.events.len() >= 60, "not every kind of event was met: {:#?}", all.events);
}

#[test]
fn a_company_lives_the_same_months_again() {
    let traced = |seed| Setting { trace: true, days: 30, ..setting(seed, None) };
    let (mut lab, mut other) = (Lab::new().unwrap(), Lab::new().unwrap());
    for seed in 0..4 {
        let (first, second) =
            (lab.play_company(seed, traced(seed)).unwrap(), other.play_company(seed, traced(seed)).unwrap());
        assert!(first.trace.len() > 30);
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.violations, second.violations, "seed {seed}");
    }
}

/// Flaws, and a seed that shows each. Where the months have changed since, the first that does is looked for.
const SHOWN_BY: &[(Flaw, u64)] = &[
    (Flaw::UnmanagedSent, 10),
    (Flaw::IdentityIgnored, 4),
    (Flaw::UnknownIsLeft, 20),
    (Flaw::MissingAtOnce, 12),
    (Flaw::LeaverStays, 1),
    (Flaw::LastDayIsGone, 4),
];

/// An engine or planner that is broken in this way must break a rule that is kept in the same months without it.
fn catches(lab: &mut Lab, flaw: Flaw, known: u64) {
    let mut rules = |seed, flaw| -> BTreeSet<&'static str> {
        let played = lab.play_company(seed, setting(seed, flaw)).unwrap();
        played.violations.iter().map(|violation| violation.rule).collect()
    };
    let mut shows = |seed: u64| !rules(seed, Some(flaw)).is_subset(&rules(seed, None));
    let caught = std::iter::once(known).chain(0..60).find(|seed| shows(*seed));
    assert!(caught.is_some(), "{} is not caught", flaw.as_str());
}

#[test]
fn ways_of_being_broken_about_people_are_caught() {
    let (some, others) = SHOWN_BY.split_at(SHOWN_BY.len() / 2);
    let all_caught = |processor: usize, flaws: &[(Flaw, u64)]| {
        let mut lab = Lab::on_processor(processor).unwrap();
        flaws.iter().for_each(|(flaw, seed)| catches(&mut lab, *flaw, *seed));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| all_caught(0, some));
        all_caught(1, others);
    });
}
