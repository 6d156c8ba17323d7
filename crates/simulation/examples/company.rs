//! Plays months of simulated companies against rosterd, on all cores, and says what was met and what went wrong.
//!
//! `cargo run --release -p rosterd-simulation --example company -- --seeds 1000 --days 100`; one seed with its days: `--seed 7`; broken on
//! purpose: `--broken NAME` (`--broken list` names the ways, `--broken all` tries each until it is caught).

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use rosterd::clock::{Clock, SystemClock};
use rosterd::sabotage::Flaw;
use rosterd_simulation::Lab;
use rosterd_simulation::company::{Played, Setting, Settings};

/// Plays months of simulated companies against rosterd.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many companies.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Play this one company and print its days.
    #[arg(long)]
    seed: Option<u64>,
    /// Days of each company.
    #[arg(long, default_value_t = 90)]
    days: u64,
    /// People of each company; 20 to 60, and now and then 500, if not given.
    #[arg(long)]
    people: Option<u64>,
    /// What rosterd is told: init, defaults, drawn; in turn if not given.
    #[arg(long)]
    settings: Option<Settings>,
    /// Break engine or planner on purpose.
    #[arg(long)]
    broken: Option<String>,
    /// Threads; all cores if not given.
    #[arg(long)]
    threads: Option<usize>,
}

/// What a number of companies came to.
#[derive(Default)]
struct Total {
    played: Played,
    companies: u64,
    /// Kind → how many companies, and the first of them.
    wrong: BTreeMap<String, (u64, u64, String)>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut out = anstream::stdout();
    match arguments.broken.as_deref() {
        Some("list") => {
            for flaw in Flaw::ALL {
                writeln!(out, "{}", flaw.as_str())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some("all") => try_all(&arguments, &mut out),
        Some(name) => play(&arguments, Some(name.parse::<Flaw>().map_err(anyhow::Error::msg)?), &mut out),
        None => play(&arguments, None, &mut out),
    }
}

fn play(arguments: &Arguments, flaw: Option<Flaw>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if let Some(seed) = arguments.seed {
        let setting = Setting { trace: true, ..setting(arguments, seed, flaw) };
        let played = Lab::new()?.play_company(seed, setting)?;
        for line in &played.trace {
            writeln!(out, "{line}")?;
        }
        for violation in &played.violations {
            writeln!(out, "VIOLATION on day {}: {}: {}", violation.day, violation.kind(), violation.what)?;
        }
        return Ok(if played.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let clock = SystemClock::new();
    let total = total(arguments, flaw)?;
    show(out, &total, clock.monotonic().as_secs_f64())?;
    Ok(if total.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each way of being broken about people: the first seed in which a rule is broken that is kept there without it.
fn try_all(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut lab = Lab::new()?;
    let mut missed = false;
    let rules = |played: &Played| -> std::collections::BTreeSet<&'static str> {
        played.violations.iter().map(|violation| violation.rule).collect()
    };
    for flaw in Flaw::ALL.iter().copied().filter(|flaw| flaw.is_about_people()) {
        let mut shown = None;
        for seed in arguments.from..arguments.from + arguments.seeds {
            let broken = lab.play_company(seed, setting(arguments, seed, Some(flaw)))?;
            let sound = lab.play_company(seed, setting(arguments, seed, None))?;
            shown =
                rules(&broken).difference(&rules(&sound)).next().map(|rule| format!("seed {seed}: {rule}"));
            if shown.is_some() {
                break;
            }
        }
        writeln!(out, "{:<26} {}", flaw.as_str(), shown.as_deref().unwrap_or("not caught"))?;
        missed |= shown.is_none();
    }
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn setting(arguments: &Arguments, seed: u64, flaw: Option<Flaw>) -> Setting {
    Setting {
        settings: arguments.settings.unwrap_or(Settings::in_turn(seed)),
        days: arguments.days,
        people: arguments.people,
        flaw,
        trace: false,
    }
}

fn total(arguments: &Arguments, flaw: Option<Flaw>) -> anyhow::Result<Total> {
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from + arguments.seeds;
    let total = Mutex::new(Total::default());
    let worker = |number: usize| -> anyhow::Result<()> {
        let mut lab = Lab::on_processor(number)?;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(());
            }
            let mut played = lab.play_company(seed, setting(arguments, seed, flaw))?;
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            total.companies += 1;
            let mut seen = std::collections::BTreeSet::new();
            for violation in std::mem::take(&mut played.violations) {
                let kind = violation.kind();
                let what = format!("day {}: {}", violation.day, violation.what);
                let (companies, first, text) =
                    total.wrong.entry(kind.clone()).or_insert((0, seed, what.clone()));
                *companies += u64::from(seen.insert(kind));
                if seed < *first {
                    (*first, *text) = (seed, what);
                }
            }
            total.played.merge(played);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.unwrap_or(cores))
            .map(|number| {
                scope.spawn({
                    let worker = &worker;
                    move || worker(number)
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a simulation panicked"))??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn show(out: &mut impl Write, total: &Total, seconds: f64) -> anyhow::Result<()> {
    let played = &total.played;
    let (quiet, held) = played.quiet;
    writeln!(
        out,
        "{} companies, {} days in {seconds:.1} s ({:.0} days/s), {} checks",
        total.companies,
        played.days,
        played.days as f64 / seconds,
        played.checks
    )?;
    writeln!(out, "{held} of {quiet} quiet nights were held")?;
    for (title, counts) in [("events", &named(&played.events)), ("ends of nights", &played.nights)] {
        writeln!(out, "{title}:")?;
        for (label, count) in counts {
            writeln!(out, "  {count:>9} {label}")?;
        }
    }
    writeln!(out, "{} kinds of violation (companies, first seed):", total.wrong.len())?;
    for (kind, (companies, first, what)) in &total.wrong {
        writeln!(out, "  {companies:>5} {first:>6}  {kind}: {what}")?;
    }
    Ok(())
}

fn named(counts: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
}
