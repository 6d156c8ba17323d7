//! What became of accounts behind our back: asking the gateway about everybody whom rosterd manages, and, for a repair,
//! believing what it said, so that the next plan puts it right.

use super::App;
use super::accept::AcceptError;
use super::existing::{same_device, store_failed};
use crate::existing::drift::{self, DriftReport};
use crate::model::TargetName;
use crate::report::TargetReport;
use crate::stop::Stop;
use crate::store::Store;
use crate::sync::lock::TargetLock;

/// What is asked for.
pub struct Wish<'a> {
    /// The target.
    pub target: &'a TargetName,
    /// Believe what the gateway says.
    pub repair: bool,
    /// Being asked to stop.
    pub stop: Stop,
    /// Told how many more names were asked.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

impl App {
    /// Compares the snapshot with the gateway. A repair makes the snapshot what the gateway said, as a run of its own
    /// that sends nothing; anything else records nothing.
    ///
    /// # Errors
    /// If there is no such target, it is busy or out of reach, or the database fails.
    pub async fn drift(&self, store: &Store, wish: Wish<'_>) -> Result<DriftReport, AcceptError> {
        let target = self.target(wish.target)?;
        let _lock = wish.repair.then(|| TargetLock::take(store.path(), &target.name)).transpose()?;
        same_device(store, target).await?;
        let snapshot = store.snapshot(&target.name).await.map_err(store_failed)?;
        let names = drift::names(&snapshot);
        let (listed, found, calls) = self.ask(store, target, &names, false, wish.stop, wish.progress).await?;
        let (report, seen) = drift::compare(target, &snapshot, &listed, &found);
        if wish.repair {
            let run = self.begin(store, &target.name).await.map_err(store_failed)?;
            let people = report.people();
            store.note_drift(&target.name, run, seen, people, self.now()).await.map_err(store_failed)?;
            let mut ended = TargetReport::empty(&target.name, run);
            ended.calls = calls;
            self.finish(store, &target.name, run, ended).await.map_err(store_failed)?;
        }
        Ok(report)
    }
}
