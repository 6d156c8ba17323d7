//! The small world: one to add, one to change, one to remove; every fate of every call of a run, and a death after every
//! write and every call of that run and of the next. Nothing is drawn: all schedules there are, each played once.
//!
//! A death before a write leaves what a death after the one before it leaves, so only the latter is played; and one after
//! a call that had no effect leaves what the one before the call left.

use std::time::Duration;

use super::bench::{Bench, Shared, Weather};
use super::checker::Witness;
use super::dice::Dice;
use super::script::{LATE, Script};
use super::staff::Staff;
use super::world::World;
use super::{Lab, LabError, Played, Turn, empty_store, end, run};
use rosterd::gateway::Dialect;

/// When the second run begins.
const SECOND: Duration = Duration::from_secs(210);

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
