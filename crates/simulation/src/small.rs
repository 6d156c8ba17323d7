//! The small world: one to add, one to change, one to remove; every fate of every call of a run, and a death after every
//! write and every call of that run and of the next. Nothing is drawn: all schedules there are, each played once.
//!
//! A death before a write leaves what a death after the one before it leaves, so only the latter is played; and one after
//! a call that had no effect leaves what the one before the call left.

use std::time::Duration;

use super::bench::{Bench, Shared, Weather};
use super::checker::Witness;
use super::dice::Dice;
use super::faults::Fault;
use super::staff::Staff;
use super::world::World;
use super::{Lab, LabError, Played, Turn, empty_store, end, run};
use rosterd::gateway::{Dialect, WhyKind};

/// What can happen to a call here. A late one lands before the second run, or after it.
const FATES: [(Fault, Option<Duration>); 6] = [
    (Fault::None, None),
    (Fault::Before(WhyKind::Timeout), None),
    (Fault::After(WhyKind::Timeout), None),
    (Fault::Late, Some(SOON)),
    (Fault::Late, Some(LATE)),
    (Fault::Refused, None),
];

/// When calls of the first run land that do so before the second, counted from its beginning. No run takes so long.
const SOON: Duration = Duration::from_secs(200);
/// When the second run begins.
const SECOND: Duration = Duration::from_secs(210);
/// When those land that do so after the second run; their tokens still live.
const LATE: Duration = Duration::from_secs(290);

/// The choices of one schedule: a beginning that is given, then always the first.
#[derive(Debug, Clone, Default)]
pub struct Script {
    given: Vec<u8>,
    /// What was chosen, out of how many.
    taken: Vec<(u8, u8)>,
    faults: bool,
    deaths: bool,
    /// When the call in hand lands, if it is a late one, and whether it did or will do anything.
    lands: Option<Duration>,
    has_effect: bool,
    began: Duration,
}

impl Script {
    /// A script that begins so.
    pub fn beginning(given: Vec<u8>) -> Self {
        Self { given, ..Self::default() }
    }

    /// A run begins at this time, with these choices.
    pub const fn allow(&mut self, faults: bool, deaths: bool, began: Duration) {
        (self.faults, self.deaths, self.began) = (faults, deaths, began);
    }

    fn choose(&mut self, of: u8) -> u8 {
        let choice = self.given.get(self.taken.len()).copied().unwrap_or(0);
        self.taken.push((choice, of));
        choice
    }

    pub(super) fn dies(&mut self) -> bool {
        let dies = self.deaths && self.choose(2) == 1;
        self.deaths &= !dies;
        dies
    }

    /// Whether the process dies before the answer of the call in hand arrives.
    pub(super) fn dies_unanswered(&mut self) -> bool {
        self.has_effect && self.dies()
    }

    pub(super) fn fault(&mut self) -> Fault {
        let choice = if self.faults { self.choose(FATES.len() as u8) } else { 0 };
        let (fault, lands) = FATES.get(usize::from(choice)).copied().unwrap_or((Fault::None, None));
        self.lands = lands.map(|after| self.began + after);
        self.has_effect = !matches!(fault, Fault::Before(_) | Fault::Refused);
        fault
    }

    /// When the call in hand lands.
    pub(super) const fn lands(&self) -> Option<Duration> {
        self.lands
    }

    /// The beginnings of all schedules that leave this one where it was free to choose.
    pub fn branches(&self) -> Vec<Vec<u8>> {
        let chosen: Vec<u8> = self.taken.iter().map(|(choice, _)| *choice).collect();
        let mut all = Vec::new();
        for (at, (_, of)) in self.taken.iter().enumerate().skip(self.given.len()) {
            let before = chosen.get(..at).unwrap_or_default();
            all.extend((1..*of).map(|other| [before, &[other]].concat()));
        }
        all
    }
}

impl Lab {
    /// Plays the schedule that begins so, and says which others there are.
    ///
    /// # Errors
    /// If the simulation itself cannot be made.
    pub fn play_small(
        &mut self,
        dialect: Dialect,
        given: Vec<u8>,
        trace: bool,
    ) -> Result<(Played, Vec<Vec<u8>>), LabError> {
        let store = self.store.take();
        let (played, branches, store) = self.runtime.block_on(small(dialect, given, trace, store))?;
        self.store = Some(store);
        Ok((played, branches))
    }
}

async fn small(
    dialect: Dialect,
    given: Vec<u8>,
    trace: bool,
    store: Option<rosterd::store::Store>,
) -> Result<(Played, Vec<Vec<u8>>, rosterd::store::Store), LabError> {
    let mut store = empty_store(store).await?;
    let world = World::small(dialect)?;
    let mut staff = Staff::three();
    let device = world.device()?;
    let witness = Witness::new(&device);
    let weather = Weather { any_time: false, restart_drops: false, trace };
    let shared = Shared::new(Bench::new(Dice::new(0), device, witness, weather));
    store = run(&world, &shared, store, &staff, Turn::default()).await?.0;
    staff.turn_over();
    shared.lock().follow(Script::beginning(given));
    let began = shared.lock().since();
    for (faults, next) in [(true, SECOND), (false, LATE)] {
        let since = shared.lock().since();
        if let Some(script) = shared.lock().script() {
            script.allow(faults, true, since);
        }
        store = run(&world, &shared, store, &staff, Turn::default()).await?.0;
        let mut bench = shared.lock();
        let pause = (began + next).saturating_sub(bench.since());
        bench.pass(pause);
    }
    let branches = shared.lock().script().map(|script| {
        script.allow(false, false, Duration::ZERO);
        script.branches()
    });
    let (played, store) = end(&world, &shared, store, &staff, 0, Duration::from_secs(700)).await?;
    Ok((played, branches.unwrap_or_default(), store))
}
