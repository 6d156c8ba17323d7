//! The simulated surroundings of a run: time, faults, the device, calls on their way, and the moment the process dies.
//! Everything is drawn from the seed. What is right or wrong is the checker's business.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::checker::Witness;
use super::coverage::Coverage;
use super::dice::Dice;
use super::faults::{Fault, Rates};
use super::power::{Cut, Disk, log_length};
use super::script::Script;
use rosterd::clock::Clock;
use rosterd::gateway::embedded::Device;
use rosterd::gateway::{AddUser, Auth, Mutation, WhyKind};
use rosterd::model::{GroupPath, NameError, Username};
use rosterd::stop::Stop;
use rosterd::store::{FaultHook, FaultPoint};

/// A request that is still on its way.
#[derive(Debug)]
struct LateCall {
    due: Duration,
    signed: i64,
    /// `None`: a commit.
    mutation: Option<Mutation>,
}

/// What is held constant for one seed.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// A late call may land at any time, not only in its token's life.
    pub any_time: bool,
    /// A restart of the device drops what was not committed, instead of loading it.
    pub restart_drops: bool,
    /// Keep a trace.
    pub trace: bool,
}

/// Surroundings of one seed.
#[derive(Debug)]
pub struct Bench {
    /// Chance.
    pub dice: Dice,
    /// The device.
    pub device: Device,
    /// The checker's eyes.
    pub witness: Witness,
    /// What happened, line by line.
    pub trace: Vec<String>,
    /// Figures.
    pub coverage: Coverage,
    weather: Weather,
    rates: Rates,
    start: DateTime<Utc>,
    since: Duration,
    offset: TimeDelta,
    late: Vec<LateCall>,
    stop: Stop,
    store_broken: bool,
    blind: bool,
    dead: bool,
    /// Where the database is, if the power fails where a process dies.
    disk: Option<Disk>,
    cut: Option<Cut>,
    /// In the small world nothing is left to chance.
    script: Option<Script>,
    /// The latest time that any process took for the present.
    farthest: DateTime<Utc>,
    /// The store operation that fails, counted down, and whether all after it fail too.
    nth: Option<(u64, bool)>,
    nth_reached: bool,
    /// Names that somebody may make by hand before the engine does.
    joiners: Vec<String>,
}

/// The surroundings as several parties hold them.
#[derive(Debug, Clone)]
pub struct Shared(Arc<Mutex<Bench>>);

impl Shared {
    /// Shares surroundings.
    pub fn new(bench: Bench) -> Self {
        Self(Arc::new(Mutex::new(bench)))
    }

    /// The surroundings.
    pub fn lock(&self) -> MutexGuard<'_, Bench> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at which the process may die, somebody may ask it to stop, or the clock may jump. Never comes back from
    /// the dead.
    pub async fn point(&self, label: &'static str) {
        let dead = self.lock().point(label);
        if dead {
            std::future::pending::<()>().await;
        }
    }

    /// The hook for the store.
    pub fn hook(&self) -> FaultHook {
        let shared = self.clone();
        Arc::new(move |doing, point| shared.lock().store(doing, point))
    }
}

impl Clock for Shared {
    fn now(&self) -> DateTime<Utc> {
        self.lock().wall()
    }

    fn monotonic(&self) -> Duration {
        self.lock().since
    }

    async fn sleep(&self, pause: Duration) {
        self.lock().pass(pause);
        self.point("while waiting").await;
    }
}

impl Bench {
    /// Surroundings with a device.
    pub fn new(dice: Dice, device: Device, witness: Witness, weather: Weather) -> Self {
        Self {
            dice,
            device,
            witness,
            trace: Vec::new(),
            coverage: Coverage::default(),
            weather,
            rates: Rates::default(),
            start: DateTime::UNIX_EPOCH + TimeDelta::days(20_778),
            since: Duration::ZERO,
            offset: TimeDelta::zero(),
            late: Vec::new(),
            stop: Stop::new(),
            store_broken: false,
            blind: false,
            dead: false,
            disk: None,
            cut: None,
            script: None,
            farthest: DateTime::UNIX_EPOCH,
            nth: None,
            nth_reached: false,
            joiners: Vec::new(),
        }
    }

    /// The true time, which is the device's.
    pub fn true_time(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.since).unwrap_or_default()
    }

    /// Time since the beginning.
    pub const fn since(&self) -> Duration {
        self.since
    }

    /// The clock of the machine that rosterd runs on.
    pub fn wall(&self) -> DateTime<Utc> {
        self.true_time() + self.offset
    }

    /// Whether the process died.
    pub const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether the process could not read how its target stands: its database failed for good, or just then.
    pub const fn is_blind(&self) -> bool {
        self.blind
    }

    /// A new process, in this weather. Its clock is right again.
    pub fn begin(&mut self, rates: Rates, stop: Stop, joiners: Vec<String>) {
        self.joiners = joiners;
        self.farthest = self.farthest.max(self.wall());
        self.rates = rates;
        self.stop = stop;
        self.store_broken = false;
        self.blind = false;
        self.dead = false;
        self.cut = None;
        self.offset = TimeDelta::zero();
        self.coverage.runs += 1;
    }

    /// A line of the trace.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if self.weather.trace {
            let line = format!("{:>9.3}s {}", self.since.as_secs_f64(), what());
            self.trace.push(line);
        }
    }

    /// Wherever a process dies the power fails, and this is its disk.
    pub fn on_mains(&mut self, disk: Disk) {
        self.disk = Some(disk);
    }

    /// The disk, and where the power failed while it was written: if the process died, and with the power.
    pub fn after_power_cut(&mut self) -> Option<(Disk, Option<Cut>)> {
        let cut = self.cut.take();
        let disk = self.disk.take_if(|_| self.dead)?;
        self.coverage.fault(if cut.is_some() { "power cut in a commit" } else { "power cut" });
        Some((disk, cut))
    }

    /// Lets at least so much time pass that no call can land any more: one that was signed by a clock ahead of the time
    /// may do so until the time has come so far.
    pub fn calm_down(&mut self, calm: Duration) {
        let ahead = self.farthest.max(self.wall()) - self.true_time();
        self.pass(calm + ahead.to_std().unwrap_or_default());
    }

    /// Lets time pass; calls on their way land.
    pub fn pass(&mut self, time: Duration) {
        let until = self.since + time;
        loop {
            self.late.sort_by_key(|call| call.due);
            if self.late.first().is_none_or(|call| call.due > until) {
                break;
            }
            let call = self.late.remove(0);
            self.since = self.since.max(call.due);
            self.land(call);
        }
        self.since = until;
    }

    fn land(&mut self, call: LateCall) {
        let now = self.true_time();
        let signed = if self.weather.any_time { now.timestamp() } else { call.signed };
        let outcome = match &call.mutation {
            Some(mutation) => self.device.mutate_signed(mutation, signed, now),
            None => self.device.commit_signed(signed, now),
        };
        self.note(|| format!("late {:?} lands: {outcome:?}", call.mutation));
    }

    /// From now on what happens is what this script says.
    pub fn follow(&mut self, script: Script) {
        self.script = Some(script);
    }

    /// Whatever is left of the script.
    pub fn script(&mut self) -> Option<&mut Script> {
        self.script.as_mut()
    }

    /// The `n`-th store operation from now on fails, and if `for_good`, all after it.
    pub fn fail_store_at(&mut self, n: u64, for_good: bool) {
        self.nth = Some((n, for_good));
    }

    /// Whether that operation was reached.
    pub const fn store_failed(&self) -> bool {
        self.nth_reached
    }

    /// From now on no store operation fails by its number.
    pub const fn spare_store(&mut self) {
        self.nth = None;
    }

    fn point(&mut self, label: &'static str) -> bool {
        if self.dead {
            return true;
        }
        // Dying before a call is dying after whatever came before it.
        if let Some(script) = &mut self.script
            && label.contains("answer")
            && script.dies_unanswered()
        {
            self.die(label);
            return true;
        }
        if self.dice.permille(self.rates.crash) {
            self.die(label);
            return true;
        }
        if self.dice.permille(self.rates.stop) {
            self.stop.ask();
            self.coverage.fault("asked to stop");
            self.note(|| "somebody asks to stop".into());
        }
        if self.dice.permille(self.rates.jump) {
            let seconds = self.dice.pick(&[-3600, -240, -30, 0, 30, 240, 3600]).unwrap_or(0);
            self.offset = TimeDelta::seconds(seconds);
            self.coverage.fault("clock jumps");
            self.note(|| format!("the clock is {seconds} s off"));
        }
        if self.dice.permille(self.rates.restart) {
            if self.weather.restart_drops {
                self.device.restart_dropping()
            } else {
                self.device.restart_loading()
            }
            self.coverage.fault("device restarts");
            self.note(|| "the device restarts".into());
        }
        if self.dice.permille(self.rates.rival) {
            self.rival();
        }
        false
    }

    /// Somebody makes a user by hand whose name a joiner should have had, and commits.
    fn rival(&mut self) {
        let at = usize::try_from(self.dice.below(self.joiners.len() as u64)).unwrap_or(0);
        let Some(name) = self.joiners.get(at).cloned() else { return };
        let Ok(username) = Username::new(&name) else { return };
        let now = self.true_time();
        if self.witness.has_named(&name) || self.device.look(&username, now) != Ok(None) {
            return;
        }
        let Ok(by_hand) = by_hand(username) else { return };
        let _ = self.device.mutate(&by_hand, now);
        let _ = self.device.commit(now);
        self.witness.stranger(&name, &self.device);
        self.coverage.fault("a rival's user");
        self.note(|| format!("somebody makes {name} by hand, and commits"));
    }

    /// Somebody adopted this user.
    pub fn adopted(&mut self, name: &Username, number: u64) {
        self.coverage.fault("adopted by hand");
        self.note(|| format!("somebody adopts {name} for {number}"));
    }

    fn die(&mut self, label: &'static str) {
        self.dead = true;
        *self.coverage.crashes.entry(label).or_default() += 1;
        self.note(|| format!("dies {label}"));
    }

    fn store(&mut self, doing: &'static str, point: FaultPoint) -> Result<(), sqlx::Error> {
        if doing.starts_with("simulation") {
            return Ok(());
        }
        let label = match point {
            FaultPoint::Before => "before a store operation",
            FaultPoint::BeforeCommit => "before a store commit",
            FaultPoint::AfterCommit => "after a store commit",
        };
        let alive = !self.dead;
        let by_script =
            point == FaultPoint::AfterCommit && !self.dead && self.script.as_mut().is_some_and(Script::dies);
        if by_script || (!self.dead && self.dice.permille(self.rates.crash)) {
            self.die(label);
        }
        let nth = self.nth_fails();
        let fails = self.store_broken || nth || self.dice.permille(self.rates.store);
        if self.dead {
            // The power fails while this is being written: some of it may reach the disk.
            let writing = alive && !self.store_broken && point == FaultPoint::BeforeCommit;
            if let Some(disk) = self.disk.as_ref().filter(|_| writing) {
                self.cut = Some(Cut { synced: log_length(&disk.path()) });
                return Ok(());
            }
            return Err(sqlx::Error::PoolClosed);
        }
        if !fails {
            return Ok(());
        }
        self.store_broken |= self.rates.store_for_good;
        self.blind |= self.store_broken || doing == "target";
        self.coverage.fault(match (point, self.store_broken) {
            (_, true) => "store fails for good",
            (FaultPoint::Before, _) => "store fails before",
            (FaultPoint::BeforeCommit, _) => "store fails before its commit",
            (FaultPoint::AfterCommit, _) => "store's acknowledgement lost",
        });
        self.note(|| format!("store: {doing} fails {label}"));
        Err(sqlx::Error::Io(std::io::Error::other("simulated")))
    }

    fn nth_fails(&mut self) -> bool {
        match self.nth {
            Some((1, for_good)) => {
                (self.nth, self.nth_reached) = (None, true);
                self.store_broken = for_good;
                true
            }
            Some((n, for_good)) => {
                self.nth = Some((n - 1, for_good));
                false
            }
            None => false,
        }
    }

    /// What happens to the next request.
    pub fn draw(&mut self, read: bool, commit: bool) -> Fault {
        if let Some(script) = self.script.as_mut().filter(|_| !read) {
            let fault = script.fault();
            let slow = matches!(fault, Fault::Before(_) | Fault::After(_) | Fault::Late);
            self.pass(Duration::from_secs(if slow { 10 } else { 0 }));
            return fault;
        }
        let r = self.rates.clone();
        let kinds = [WhyKind::Broken, WhyKind::Timeout, WhyKind::ServerError, WhyKind::Unusable];
        let kind = self.dice.pick(&kinds).unwrap_or(WhyKind::Broken);
        let d = &mut self.dice;
        let fault = if d.permille(r.token) {
            Fault::Token
        } else if read {
            match (d.permille(r.reads), d.permille(r.refused / 2)) {
                (true, _) => Fault::Before(kind),
                (_, true) => Fault::Refused,
                _ => Fault::None,
            }
        } else if commit && d.permille(r.commit) {
            d.pick(&[Fault::Before(kind), Fault::After(kind), Fault::Late, Fault::Bad]).unwrap_or(Fault::None)
        } else if d.permille(r.refused) {
            Fault::Refused
        } else if d.permille(r.before) {
            Fault::Before(kind)
        } else if d.permille(r.after) {
            Fault::After(kind)
        } else if d.permille(r.late) {
            Fault::Late
        } else if !commit && d.permille(r.bad) {
            Fault::Bad
        } else if !commit && d.permille(r.half) {
            Fault::Half
        } else if d.permille(r.slow) {
            Fault::Slow
        } else {
            Fault::None
        };
        let usual = Duration::from_millis(5 + self.dice.below(50));
        let slow =
            matches!(fault, Fault::Before(WhyKind::Timeout) | Fault::After(WhyKind::Timeout) | Fault::Late);
        self.pass(match fault {
            Fault::Slow => Duration::from_millis(9_900),
            _ if slow => Duration::from_secs(10),
            _ => usual,
        });
        if fault != Fault::None {
            self.coverage.fault(fault.label());
        }
        self.coverage.requests += 1;
        fault
    }

    /// Puts a request on its long way. It was signed when it was sent, a time-out ago.
    pub fn delay(&mut self, mutation: Option<Mutation>) {
        let longest = if self.weather.any_time { 3 * 86_400 } else { 290 };
        let drawn = self.since + Duration::from_millis(1 + self.dice.below(longest * 1000));
        let due = self.script.as_ref().and_then(Script::lands).unwrap_or(drawn);
        let signed = (self.wall() - TimeDelta::seconds(10)).timestamp();
        self.late.push(LateCall { due, signed, mutation });
    }
}

/// The call with which somebody makes a user by hand.
///
/// # Errors
/// Never: the root is a good path.
pub fn by_hand(name: Username) -> Result<Mutation, NameError> {
    Ok(Mutation::Add(AddUser {
        name,
        group: GroupPath::new("/")?,
        note: "by hand".into(),
        phone: String::new(),
        roles: std::collections::BTreeSet::default(),
        auth: Auth::Inherit,
        expires_on: None,
        password: None,
    }))
}
