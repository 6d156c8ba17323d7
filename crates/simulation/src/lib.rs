//! The engine against a hostile world, one seed at a time: a few runs in a storm (lost answers, late calls, crashes, a
//! failing database, a jumping clock), then a calm one that must put everything right, then one that must do nothing.
//!
//! The same seed gives the same schedule, byte for byte. `bench` is the world, `line` the gateway in it, `staff` the
//! company, `checker` the judge. Built only for tests and the `simulate` example.

pub mod bench;
pub mod checker;
pub mod company;
pub mod coverage;
pub mod dice;
pub mod faults;
pub mod line;
mod people;
pub mod power;
mod script;
pub mod small;
pub mod staff;
mod world;

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

use rustix::thread::CpuSet;

use bench::{Bench, Shared, Weather};
use checker::Witness;
use coverage::Coverage;
use dice::Dice;
use faults::Rates;
use line::Line;
use power::Disk;
use staff::Staff;
use world::World;

use rosterd::clock::Clock;
use rosterd::config::Span;
use rosterd::gateway::Mutation;
use rosterd::mapping;
use rosterd::model::Username;
use rosterd::report::TargetReport;
use rosterd::roster::Roster;
use rosterd::sabotage::{self, Flaw};
use rosterd::stop::Stop;
use rosterd::store::journal::{Actor, RunId, Trigger};
use rosterd::store::{Store, StoreError};
use rosterd::sync::{Ground, Order, Run};

/// Which engine, in which world.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setting {
    /// Break the engine in this way.
    pub flaw: Option<Flaw>,
    /// Late calls land at any time, also when their token should be dead.
    pub any_time: bool,
    /// A restarting device drops what was not committed.
    pub restart_drops: bool,
    /// Keep a trace.
    pub trace: bool,
    /// In the first run nothing happens but that this store operation fails, and if so said, all after it.
    pub store_fails: Option<(u64, bool)>,
}

/// The seed whose world somebody tampers with after all is settled: a harness that does not find it wrong is none.
pub const CANARY: u64 = u64::MAX;

/// What one seed came to.
#[derive(Debug, Default)]
pub struct Played {
    /// Everything that was wrong; empty: nothing.
    pub violations: Vec<String>,
    /// What happened.
    pub trace: Vec<String>,
    /// Figures.
    pub coverage: Coverage,
    /// The store operation that was to fail was reached.
    pub store_failed: bool,
}

/// A thread's simulator: one runtime and one database, emptied for each seed.
#[derive(Debug)]
pub struct Lab {
    runtime: tokio::runtime::Runtime,
    store: Option<Store>,
}

/// Why a simulation cannot be made, let alone judged.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No runtime, or no disk.
    #[error("no room for the simulation: {0}")]
    Runtime(#[from] std::io::Error),
    /// The database.
    #[error("the simulation's database: {0}")]
    Store(#[from] StoreError),
    /// The settings.
    #[error("the simulation's settings: {0}")]
    Settings(String),
}

fn wrong(error: impl std::fmt::Display) -> LabError {
    LabError::Settings(error.to_string())
}

/// One seed in so many plays on a disk whose power fails.
const POWER_CUTS: u64 = 16;

impl Lab {
    /// A simulator for this thread.
    ///
    /// # Errors
    /// If the system has no room for it.
    pub fn new() -> Result<Self, LabError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Self { runtime, store: None })
    }

    /// A simulator that keeps to one processor, the `n`-th that there is, with its database's thread: they take turns
    /// all the time, and waking a thread elsewhere takes much longer. Where that is not allowed it roams.
    ///
    /// # Errors
    /// If the system has no room for it.
    pub fn on_processor(n: usize) -> Result<Self, LabError> {
        if let Ok(all) = rustix::thread::sched_getaffinity(None) {
            let there: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).collect();
            let mut one = CpuSet::new();
            if let Some(cpu) = there.get(n % there.len().max(1)) {
                one.set(*cpu);
                let _ = rustix::thread::sched_setaffinity(None, &one);
            }
        }
        Self::new()
    }

    /// Plays one seed.
    ///
    /// # Errors
    /// If the simulation itself cannot be made.
    pub fn play(&mut self, seed: u64, setting: Setting) -> Result<Played, LabError> {
        let store = self.store.take();
        sabotage::set(setting.flaw);
        let played = self.runtime.block_on(play(seed, setting, store));
        sabotage::set(None);
        let (played, store) = played?;
        self.store = store;
        Ok(played)
    }
}

/// What empties every table, those that refer to others first. The same for all databases of this program.
static WIPE: OnceLock<String> = OnceLock::new();

/// Empties every table, which is cheaper than making them anew.
async fn empty_store(store: Option<Store>) -> Result<Store, StoreError> {
    let Some(store) = store else { return Store::in_memory(None).await };
    store
        .write("simulation: empty", |c| {
            Box::pin(async move {
                let wipe = match WIPE.get() {
                    Some(wipe) => wipe,
                    None => {
                        let tables: Vec<String> = sqlx::query_scalar(
                            "SELECT 'DELETE FROM ' || name FROM sqlite_master WHERE type = 'table' \
                             AND name NOT LIKE '\\_sqlx%' ESCAPE '\\' \
                             AND (name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence') ORDER BY rowid DESC",
                        )
                        .fetch_all(&mut *c)
                        .await?;
                        WIPE.get_or_init(|| tables.join(";"))
                    }
                };
                sqlx::query(wipe.as_str()).execute(c).await?;
                Ok(())
            })
        })
        .await?;
    Ok(store)
}

async fn play(
    seed: u64,
    setting: Setting,
    store: Option<Store>,
) -> Result<(Played, Option<Store>), LabError> {
    let mut dice = Dice::new(seed);
    let mut world = World::draw(&mut dice)?;
    world.rests = Dice::new(seed ^ 0x9E57).one_in(4);
    let disk = match dice.one_in(POWER_CUTS) {
        true => Some(Disk::new(Dice::new(seed ^ 0xD15C))?),
        false => None,
    };
    // A store in memory waits for the next seed.
    let (mut store, spare) = match &disk {
        Some(disk) => (disk.database().await?, store),
        None => (empty_store(store).await?, None),
    };
    let mut staff = match world.restless {
        true => Staff::restless(&mut dice, world.reuse),
        false => Staff::new(&mut dice, world.reuse),
    };
    if dice.one_in(6) {
        let name = if dice.one_in(2) { "walkin" } else { "svc-mail" };
        staff.collide(&mut dice, name);
    }
    let device = world.device()?;
    let witness = Witness::new(&device);
    let Setting { any_time, restart_drops, trace, store_fails, .. } = setting;
    let weather = Weather { any_time, restart_drops, trace };
    let shared = Shared::new(Bench::new(Dice::new(seed ^ 0xFA17), device, witness, weather));
    let on_disk = disk.is_some();
    if let Some(disk) = disk {
        shared.lock().on_mains(disk);
    }
    let storms = if store_fails.is_some() { 0 } else { dice.below(4) + u64::from(world.restless) };
    let pauses: &[u64] = if world.restless { &[1, 20, 60, 120] } else { &[1, 20, 120, 280, 700, 86_400] };
    let mut last = None;
    for _ in 0..=storms {
        let mut rates = if world.restless { Rates::late(&mut dice) } else { Rates::draw(&mut dice) };
        let mut dry = dice.one_in(8);
        if let Some((n, for_good)) = store_fails {
            (rates, dry) = (Rates::default(), false);
            shared.lock().fail_store_at(n, for_good);
        }
        let undo = last.filter(|_| store_fails.is_none() && dice.one_in(12));
        let turn = Turn { rates, dry, undo };
        let report;
        (store, report) = run(&world, &shared, store, &staff, turn).await?;
        last = report.and_then(|r| r.run_id.parse().ok()).map(RunId).or(last);
        let pause = dice.pick(pauses).unwrap_or(1);
        shared.lock().pass(Duration::from_secs(pause));
        staff.change(&mut dice);
        if world.restless && dice.one_in(2) {
            store = store.with_faults(None).await?;
            people::adopt(&world, &shared, &store, &mut staff, &mut dice).await?;
        }
    }
    // A call's life counts from when it was signed, by a clock that may have been an hour ahead.
    let calm = Duration::from_secs(if any_time { 400_000 } else { 3600 + 700 });
    world.target.max_duration = Some(Span::seconds(4 * 3600));
    let (played, store) = end(&world, &shared, store, &staff, seed, calm).await?;
    Ok((played, if on_disk { spare } else { Some(store) }))
}

/// The storm is over: a calm run puts everything right, and the one after it does nothing.
async fn end(
    world: &World,
    shared: &Shared,
    mut store: Store,
    staff: &Staff,
    seed: u64,
    calm: Duration,
) -> Result<(Played, Store), LabError> {
    shared.lock().spare_store();
    shared.lock().calm_down(calm);
    store = store.with_faults(None).await?;
    people::resume(shared, &store).await?;
    let mut staff = staff.clone();
    staff.repair();
    let mut report = None;
    // Somebody who takes a leaver's name gets it in the run after the one that freed it.
    for _ in 0..if world.reuse { 3 } else { 1 } {
        (store, report) = run(world, shared, store, &staff, Turn::default()).await?;
        let mut bench = shared.lock();
        bench.pass(Duration::from_secs(700));
        if bench.witness.sent() == (0, 0) {
            break;
        }
    }
    {
        let mut bench = shared.lock();
        let bench = &mut *bench;
        bench.witness.is_content(report.as_ref());
        if seed == CANARY {
            tamper(bench, &staff)?;
        }
        bench.witness.settles(&bench.device, &staff, world.deletes);
    }
    (store, report) = run(world, shared, store, &staff, Turn::default()).await?;
    let audit = store.audit_verify(Vec::new()).await?;
    let mut bench = shared.lock();
    let bench = &mut *bench;
    bench.witness.is_quiet(report.as_ref(), &staff);
    if !audit.broken.is_empty() {
        bench.witness.violations.push(format!("the audit trail is broken: {:?}", audit.broken));
    }
    bench.coverage.checks = bench.witness.checks;
    let played = Played {
        violations: std::mem::take(&mut bench.witness.violations),
        trace: std::mem::take(&mut bench.trace),
        coverage: std::mem::take(&mut bench.coverage),
        store_failed: bench.store_failed(),
    };
    Ok((played, store))
}

/// Deletes a member's account by hand.
fn tamper(bench: &mut Bench, staff: &Staff) -> Result<(), LabError> {
    let now = bench.true_time();
    for login in staff.joiners() {
        let name = Username::new(&login).map_err(wrong)?;
        let _ = bench.device.mutate(&Mutation::Delete(vec![name]), now);
    }
    let _ = bench.device.commit(now);
    Ok(())
}

/// What is particular to one run.
#[derive(Debug, Default)]
struct Turn {
    rates: Rates,
    dry: bool,
    /// Put back what this run changed.
    undo: Option<RunId>,
}

/// One process on the database: a run until its end, or its death.
async fn run(
    world: &World,
    shared: &Shared,
    store: Store,
    staff: &Staff,
    turn: Turn,
) -> Result<(Store, Option<TargetReport>), LabError> {
    let Turn { rates, dry, undo } = turn;
    let stop = Stop::new();
    let roster = staff.roster().map_err(wrong)?;
    let store = store.with_faults(Some(shared.hook())).await?;
    let order = {
        let mut bench = shared.lock();
        bench.begin(rates, stop.clone(), staff.joiners());
        bench.witness.begin(dry);
        bench.note(|| format!("run, {}, undo {undo:?}: {staff:?}", if dry { "dry" } else { "real" }));
        if undo.is_some() {
            bench.coverage.fault("a run undone");
        }
        Order {
            as_of: bench.wall().date_naive(),
            dry,
            offline: false,
            trigger: Trigger::Cli,
            actor: Actor::default(),
            config_digest: "simulated".into(),
            only: None,
            undo,
            allow_guards: std::collections::BTreeSet::default(),
            reason: String::new(),
            stop,
        }
    };
    let line = Line::new(shared.clone(), store.clone(), world.dialect);
    let result = until_death(shared, whole_run(world, shared, &store, &line, &order, &roster)).await;
    drop(line);
    // The dead process's writes fail; after this there are none.
    let mut store = store.with_faults(Some(shared.hook())).await?;
    let cut = shared.lock().after_power_cut();
    if let Some((mut disk, cut)) = cut {
        let what;
        (store, what) = disk.cut(store, cut).await?;
        let whole = store.is_whole().await?;
        let mut bench = shared.lock();
        bench.note(|| format!("the power fails: {what}"));
        if !whole {
            bench.witness.violations.push("the database is damaged after a power cut".into());
        }
        bench.on_mains(disk);
    }
    let report = result.and_then(Result::ok);
    let books = checker::read_books(&store).await;
    let mut bench = shared.lock();
    let bench = &mut *bench;
    let blind = bench.is_blind();
    let state = bench.witness.ends(&bench.device, books, report.as_ref(), blind);
    bench.coverage.states.insert(state);
    let end = match &report {
        Some(r) => format!("{:?}, exit {}", r.outcome, r.exit_code),
        None if bench.is_dead() => "died".to_owned(),
        None => "could not record its end".to_owned(),
    };
    *bench.coverage.outcomes.entry(end.clone()).or_default() += 1;
    bench.note(|| format!("run ends: {end}"));
    Ok((store, report))
}

/// What `sync` does on one target, without the lock.
async fn whole_run(
    world: &World,
    shared: &Shared,
    store: &Store,
    line: &Line,
    order: &Order,
    roster: &Roster,
) -> Result<TargetReport, StoreError> {
    let ground = Ground {
        store,
        target: &world.target,
        account: &world.account,
        gateway: Some(line),
        clock: shared.clone(),
        progress: &|_| (),
        gate: None,
    };
    let mut run = Run::begin(ground, order).await?;
    if let Err(error) = run.recover().await {
        return Ok(run.fail(&error).await.0);
    }
    if world.rests {
        run.look_for_rest().await;
        if run.rest().is_some_and(|rest| rest.quiet.roster.digest == roster.digest) {
            shared.lock().coverage.fault("rests on an earlier run");
            return Ok(run.end_resting().await.0);
        }
    }
    shared.sleep(Duration::from_millis(20)).await;
    let wanted = mapping::map_roster(roster, &world.account, order.as_of);
    let files = world.rests.then(Vec::new);
    Ok(run.read_from(files).carry_out(roster, &wanted, None).await.0)
}

/// Polls until the end, or until the process is dead: then the future is dropped where it stands.
async fn until_death<T>(shared: &Shared, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        if shared.lock().is_dead() {
            return Poll::Ready(None);
        }
        let polled = work.as_mut().poll(context);
        if shared.lock().is_dead() {
            return Poll::Ready(None);
        }
        polled.map(Some)
    })
    .await
}
