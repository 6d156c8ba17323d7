//! The small world: one to add, one to change, one to remove; every fault of every call of a run, and a death after every
//! write and every call of that run and of the next. Nothing is drawn: all schedules there are, each played once.
//!
//! A death before a write leaves what a death after the one before it leaves, so only the latter is played.

use std::time::Duration;

use super::bench::{Bench, Fault, Rates, Shared, Weather};
use super::checker::Witness;
use super::dice::Dice;
use super::staff::Staff;
use super::{Lab, LabError, Played, World, empty_store, end, run};
use crate::gateway::{Dialect, WhyKind};

/// What can happen to a call here.
const FAULTS: [Fault; 5] = [
    Fault::None,
    Fault::Before(WhyKind::Timeout),
    Fault::After(WhyKind::Timeout),
    Fault::Late,
    Fault::Refused,
];

/// The choices of one schedule: a beginning that is given, then always the first.
#[derive(Debug, Clone, Default)]
pub struct Script {
    given: Vec<u8>,
    /// What was chosen, out of how many.
    taken: Vec<(u8, u8)>,
    faults: bool,
    deaths: bool,
}

impl Script {
    /// A script that begins so.
    pub fn beginning(given: Vec<u8>) -> Self {
        Self { given, ..Self::default() }
    }

    /// Which choices there are from now on.
    pub const fn allow(&mut self, faults: bool, deaths: bool) {
        (self.faults, self.deaths) = (faults, deaths);
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

    pub(super) fn fault(&mut self) -> Fault {
        let choice = if self.faults { self.choose(FAULTS.len() as u8) } else { 0 };
        FAULTS.get(usize::from(choice)).copied().unwrap_or(Fault::None)
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
    pub fn play_small(&mut self, given: Vec<u8>, trace: bool) -> Result<(Played, Vec<Vec<u8>>), LabError> {
        let store = self.store.take();
        let (played, branches, store) = self.runtime.block_on(small(given, trace, store))?;
        self.store = Some(store);
        Ok((played, branches))
    }
}

async fn small(
    given: Vec<u8>,
    trace: bool,
    store: Option<crate::store::Store>,
) -> Result<(Played, Vec<Vec<u8>>, crate::store::Store), LabError> {
    let mut store = empty_store(store).await?;
    let world = World::small(Dialect::UpdaterCloud)?;
    let mut staff = Staff::three();
    let device = world.device()?;
    let witness = Witness::new(&device);
    let weather = Weather { any_time: false, restart_drops: false, trace };
    let shared = Shared::new(Bench::new(Dice::new(0), device, witness, weather));
    store = run(&world, &shared, store, &staff, Rates::default(), false).await?.0;
    staff.turn_over();
    shared.lock().follow(Script::beginning(given));
    for faults in [true, false] {
        if let Some(script) = shared.lock().script() {
            script.allow(faults, true);
        }
        store = run(&world, &shared, store, &staff, Rates::default(), false).await?.0;
        shared.lock().pass(Duration::from_secs(1));
    }
    let branches = shared.lock().script().map(|script| {
        script.allow(false, false);
        script.branches()
    });
    let (played, store) = end(&world, &shared, store, &staff, 0, Duration::from_secs(700)).await?;
    Ok((played, branches.unwrap_or_default(), store))
}
