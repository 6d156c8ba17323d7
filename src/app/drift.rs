//! What became of accounts behind our back: asking the gateway about everybody whom rosterd manages, and, for a repair,
//! believing what it said, so that the next plan puts it right.

use super::App;
use super::accept::AcceptError;
use super::existing::{device_of, same_device, store_failed, worded};
use crate::config::TargetConfig;
use crate::existing::Asking;
use crate::existing::drift::{self, DriftReport};
use crate::model::TargetName;
use crate::plan::Snapshot;
use crate::report::CallCounts;
use crate::stop::Stop;
use crate::store::Store;
use crate::store::snapshot::EntryChange;
use crate::sync::caller::Caller;
use crate::sync::lock::TargetLock;
use crate::sync::outcome;

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
        let (report, seen, calls) = self.compare(store, target, &snapshot, &wish).await?;
        if wish.repair {
            let run = self.begin(store, &target.name).await.map_err(store_failed)?;
            let people = report.people();
            store.note_drift(&target.name, run, seen, people, self.now()).await.map_err(store_failed)?;
            let mut ended = outcome::empty(&target.name, run);
            ended.calls = calls;
            self.finish(store, &target.name, run, ended).await.map_err(store_failed)?;
        }
        Ok(report)
    }

    async fn compare(
        &self,
        store: &Store,
        target: &TargetConfig,
        snapshot: &Snapshot,
        wish: &Wish<'_>,
    ) -> Result<(DriftReport, Vec<EntryChange>, CallCounts), AcceptError> {
        let gateway = self.gateway(target).await.map_err(AcceptError::Gateway)?;
        let seed = self.now().timestamp().unsigned_abs();
        let caller = Caller::new(&gateway, self.clock, &target.pace, None, wish.stop.clone(), seed);
        let device = device_of(target);
        let asking = Asking {
            caller: &caller,
            store,
            target: &target.name,
            device: &device,
            remember: false,
            progress: wish.progress,
        };
        let asked = async {
            let listed = asking.list().await?;
            let found = asking.users(&drift::names(snapshot), &listed).await?;
            Ok((listed, found))
        };
        let (listed, found) = asked.await.map_err(|e| AcceptError::Gateway(worded(target, e)))?;
        let (report, seen) = drift::compare(target, snapshot, &listed, &found);
        Ok((report, seen, caller.counts()))
    }
}
