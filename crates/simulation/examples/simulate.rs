//! Plays seeded schedules of faults against the engine, on all cores, and says what was met and what went wrong.
//!
//! `cargo run --release -p rosterd-simulation --example simulate -- --seeds 100000`; one seed with its trace: `--seed 7`; an engine broken on
//! purpose: `--broken NAME` (`--broken list` names them).

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use rosterd::clock::{Clock, SystemClock};
use rosterd::gateway::Dialect;
use rosterd::sabotage::Flaw;
use rosterd_simulation::coverage::Coverage;
use rosterd_simulation::{Lab, Setting};

/// Plays seeded schedules of faults against rosterd's engine.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds; 10,000 if not given, and all schedules of the small world.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Play this one seed and print its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// Break the engine on purpose; `list` names the ways, `all` tries each until it is caught.
    #[arg(long)]
    broken: Option<String>,
    /// Late calls land at any time, also after their token's life.
    #[arg(long)]
    any_time: bool,
    /// A restarting device drops what was not committed, instead of loading it.
    #[arg(long)]
    restart_drops: bool,
    /// Play the small world: all its schedules, or as many as `--seeds` says if that is given.
    #[arg(long)]
    small: bool,
    /// Threads; all cores if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Stop at this many seeds that went wrong.
    #[arg(long, default_value_t = 20)]
    stop_at: usize,
}

/// Every seed of which this is a divisor is played twice more: the traces must be equal byte for byte.
const TWICE: u64 = 10_000;

/// What a number of seeds came to.
#[derive(Default)]
struct Total {
    coverage: Coverage,
    wrong: Vec<(u64, String)>,
    played: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut out = anstream::stdout();
    let setting = Setting {
        any_time: arguments.any_time,
        restart_drops: arguments.restart_drops,
        ..Setting::default()
    };
    let flaw = match arguments.broken.as_deref() {
        Some("list") => {
            for flaw in Flaw::ALL {
                writeln!(out, "{}", flaw.as_str())?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        Some("all") => return try_all(&arguments, setting, &mut out),
        Some(name) => Some(name.parse::<Flaw>().map_err(anyhow::Error::msg)?),
        None => None,
    };
    let setting = Setting { flaw, ..setting };
    if let Some(seed) = arguments.seed {
        let played = Lab::new()?.play(seed, Setting { trace: true, ..setting })?;
        for line in &played.trace {
            writeln!(out, "{line}")?;
        }
        for violation in &played.violations {
            writeln!(out, "VIOLATION: {violation}")?;
        }
        return Ok(if played.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let clock = SystemClock::new();
    let total =
        if arguments.small { small(&arguments)? } else { play(&arguments, setting, arguments.stop_at)? };
    let seconds = clock.monotonic().as_secs_f64();
    show(&mut out, &total, seconds)?;
    writeln!(out, "{} of {} seeds went wrong", total.wrong.len(), total.played)?;
    Ok(if total.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each broken engine, until it is caught.
fn try_all(arguments: &Arguments, setting: Setting, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut missed = Vec::new();
    for flaw in Flaw::ALL.iter().filter(|flaw| !flaw.is_about_people()) {
        let setting = Setting { flaw: Some(*flaw), ..setting };
        let total = play(arguments, setting, usize::MAX)?;
        let share = total.wrong.len() as f64 * 100.0 / total.played.max(1) as f64;
        let first = total.wrong.iter().min();
        writeln!(
            out,
            "{:<26} {:>6} of {} ({share:.2} %), first: {}",
            flaw.as_str(),
            total.wrong.len(),
            total.played,
            first.map_or_else(|| "none".to_owned(), |(seed, what)| format!("{seed}: {}", short(what)))
        )?;
        if total.wrong.is_empty() {
            missed.push(flaw.as_str());
        }
    }
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "not caught: {}", missed.join(", "))?;
    Ok(ExitCode::FAILURE)
}

fn short(text: &str) -> String {
    text.chars().take(160).collect()
}

/// One worker for each core, or as many as asked for.
fn on_all(
    arguments: &Arguments,
    worker: &(impl Fn(usize) -> anyhow::Result<()> + Sync),
) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.unwrap_or(cores))
            .map(|number| scope.spawn(move || worker(number)))
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a simulation panicked"))??;
        }
        Ok(())
    })
}

fn play(arguments: &Arguments, setting: Setting, stop_at: usize) -> anyhow::Result<Total> {
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from + arguments.seeds.unwrap_or(10_000);
    let total = Mutex::new(Total::default());
    let worker = |number: usize| -> anyhow::Result<()> {
        let mut lab = Lab::on_processor(number)?;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(());
            }
            let mut played = lab.play(seed, setting)?;
            if seed.is_multiple_of(TWICE) {
                let traced = Setting { trace: true, ..setting };
                if lab.play(seed, traced)?.trace != lab.play(seed, traced)?.trace {
                    played.violations.push("played twice, it is two schedules".into());
                }
            }
            let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            total.played += 1;
            total.coverage.merge(played.coverage);
            if let Some(what) = played.violations.into_iter().next() {
                total.wrong.push((seed, what));
                total.wrong.sort();
            }
            if total.wrong.len() >= stop_at {
                next.store(end, Ordering::Relaxed);
            }
        }
    };
    on_all(arguments, &worker)?;
    Ok(total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// All schedules of the small world. Each names those that leave it, so that a stack of beginnings reaches all of them.
fn small(arguments: &Arguments) -> anyhow::Result<Total> {
    let both = [Dialect::UpdaterCloud, Dialect::Openapi];
    let stack = Mutex::new((both.map(|dialect| (dialect, Vec::new())).to_vec(), 0_usize));
    let total = Mutex::new(Total::default());
    let worker = |number: usize| -> anyhow::Result<()> {
        let mut lab = Lab::on_processor(number)?;
        loop {
            let next = {
                let mut stack = stack.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let next = stack.0.pop();
                stack.1 += usize::from(next.is_some());
                next.ok_or(stack.1)
            };
            let (dialect, given) = match next {
                Ok(next) => next,
                Err(0) => return Ok(()),
                Err(_) => {
                    std::thread::yield_now();
                    continue;
                }
            };
            let name = format!("{} {given:?}", dialect.as_str());
            let (played, branches) = lab.play_small(dialect, given, false)?;
            let mut stack = stack.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            stack.0.extend(branches.into_iter().map(|given| (dialect, given)));
            stack.1 -= 1;
            let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            total.played += 1;
            total.coverage.merge(played.coverage);
            if let Some(what) = played.violations.into_iter().next() {
                let number = total.played;
                total.wrong.push((number, format!("{name}: {what}")));
            }
            if total.wrong.len() >= arguments.stop_at
                || arguments.seeds.is_some_and(|most| total.played >= most)
            {
                stack.0.clear();
            }
        }
    };
    on_all(arguments, &worker)?;
    Ok(total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn show(out: &mut impl Write, total: &Total, seconds: f64) -> anyhow::Result<()> {
    let coverage = &total.coverage;
    writeln!(
        out,
        "{} seeds in {seconds:.1} s ({:.0}/s): {} runs, {} requests, {} checks, {} distinct states",
        total.played,
        total.played as f64 / seconds,
        coverage.runs,
        coverage.requests,
        coverage.checks,
        coverage.states.len()
    )?;
    for (title, counts) in [("faults", &coverage.faults), ("deaths", &coverage.crashes)] {
        writeln!(out, "{title}:")?;
        for (label, count) in counts {
            writeln!(out, "  {count:>9} {label}")?;
        }
    }
    writeln!(out, "ends of runs:")?;
    for (label, count) in &coverage.outcomes {
        writeln!(out, "  {count:>9} {label}")?;
    }
    for (seed, what) in total.wrong.iter().take(30) {
        writeln!(out, "seed {seed}: {}", short(what))?;
    }
    Ok(())
}
