//! Users who are on a gateway before rosterd: asking about them and making the review, and applying a review, which
//! changes ownership in our database and sends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rust_i18n::t;

use super::accept::AcceptError;
use super::{App, actor, private_file};
use crate::config::TargetConfig;
use crate::existing::review::{self, KIND, Review, ReviewError, ReviewFile, adopting, linked};
use crate::existing::{Asking, Found, Listed};
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::{self, Device, Looks};
use crate::reason::ErrorKind;
use crate::report::{CallCounts, CommitState, ErrorReport, RunOutcome, TargetReport};
use crate::stop::Stop;
use crate::store::existing::{TakeOver, Taken};
use crate::store::journal::{NewRun, RunEnd, RunId, Trigger};
use crate::store::{Store, StoreError};
use crate::sync::caller::Caller;
use crate::sync::lock::TargetLock;
use crate::sync::{RunError, outcome, words};

/// No review of a million people is longer.
const LONGEST: u64 = 2 << 30;
/// How old a look may be that a review is applied on: people need days to read one, and things move.
const GOOD_FOR: chrono::TimeDelta = chrono::TimeDelta::days(7);

/// What is asked for.
pub struct Wish<'a> {
    /// The target.
    pub target: &'a TargetName,
    /// Names that follow no template.
    pub links: BTreeMap<PersonKey, Username>,
    /// Suggest a `group_map` too.
    pub with_groups: bool,
    /// Being asked to stop.
    pub stop: Stop,
    /// Told how many more names were asked.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// The review, and what it took.
#[derive(Debug)]
pub struct Reviewed {
    /// What may be written to a file.
    pub file: ReviewFile,
    /// Requests.
    pub calls: CallCounts,
    /// Names that were not asked because somebody asked to stop; the next attempt goes on there.
    pub left: u64,
}

/// The device that a target's configuration names.
pub(super) fn device_of(target: &TargetConfig) -> Device {
    Device { url: target.url.clone(), dialect: target.dialect.as_str().into() }
}

/// Refuses where the snapshot belongs to another device: what is asked here says nothing about it.
pub(super) async fn same_device(store: &Store, target: &TargetConfig) -> Result<(), AcceptError> {
    let row = store.target(&target.name).await.map_err(store_failed)?;
    if row.device.is_some_and(|known| known != device_of(target)) {
        let words = t!("existing.device_changed", target = target.name);
        return Err(failure(words, t!("existing.device_changed_next", target = target.name)));
    }
    Ok(())
}

/// A reading phase that failed, in words.
pub(super) fn worded(target: &TargetConfig, error: RunError) -> ErrorReport {
    match error {
        RunError::OutOfReach(why) => words::out_of_reach(target.name.as_str(), &target.url, &why),
        RunError::Store(error) => words::store_failed(&error.to_string()),
        RunError::PlanMoved(what) => words::plan_moved(&what),
    }
}

impl App {
    /// Asks the gateway who is there, and lays out whom rosterd could take over. Sends nothing that changes anything.
    ///
    /// # Errors
    /// If there is no such target or roster, the gateway is out of reach, or the database fails.
    pub async fn review(&self, store: &Store, wish: Wish<'_>) -> Result<Reviewed, AcceptError> {
        let target = self.target(wish.target)?;
        let reading = self.read(None, None).await.map_err(AcceptError::Gateway)?;
        let mut prospect = self.prospect(store, &target.name, &reading.roster).await.map_err(store_failed)?;
        prospect.past = linked(&prospect.past, &wish.links);
        let adopting = adopting(target);
        let nothing = Looks::default();
        let input = prospect.input(&adopting, &reading.roster, &nothing);
        let names: BTreeSet<Username> = plan::needs(&input).users;
        // As long as it takes: what was asked is kept, and a stop is obeyed.
        let (listed, found, calls) = self.ask(store, target, &names, true, wish.stop, wish.progress).await?;
        let device = device_of(target);
        let review = review::review(&input, &wish.links, &listed, &found, wish.with_groups);
        let file = ReviewFile {
            kind: KIND.into(),
            version: 1,
            target: target.name.clone(),
            url: device.url,
            dialect: device.dialect,
            made_at: self.now(),
            roster: reading.roster.digest.clone(),
            review,
        };
        Ok(Reviewed { file, calls, left: found.left })
    }

    /// Asks the gateway who is there, and about these names. `remember`: as [`Asking`] has it.
    pub(super) async fn ask(
        &self,
        store: &Store,
        target: &TargetConfig,
        names: &BTreeSet<Username>,
        remember: bool,
        stop: Stop,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(Listed, Found, CallCounts), AcceptError> {
        let gateway = self.gateway(target).await.map_err(AcceptError::Gateway)?;
        let seed = self.now().timestamp().unsigned_abs();
        let caller = Caller::new(&gateway, self.clock, &target.pace, None, stop, seed);
        let device = device_of(target);
        let asking =
            Asking { caller: &caller, store, target: &target.name, device: &device, remember, progress };
        let asked = async {
            let listed = asking.list().await?;
            let found = asking.users(names, &listed).await?;
            Ok((listed, found))
        };
        let (listed, found) = asked.await.map_err(|e| AcceptError::Gateway(worded(target, e)))?;
        Ok((listed, found, caller.counts()))
    }

    /// Makes the people of a review ours, all or none, as a run of its own. Sends nothing.
    ///
    /// # Errors
    /// If the review does not fit any more, the target is busy, or the database fails.
    pub async fn take_over(
        &self,
        store: &Store,
        path: &Path,
        reason: &str,
    ) -> Result<(TargetReport, u64), AcceptError> {
        let file = read(path).map_err(AcceptError::Gateway)?;
        let target = self.target(&file.target)?;
        let device = device_of(target);
        let _lock = TargetLock::take(store.path(), &target.name)?;
        same_device(store, target).await?;
        let snapshot = store.snapshot(&target.name).await.map_err(store_failed)?;
        let since = self.now() - GOOD_FOR;
        let looks = store.kept_looks(&target.name, &device, since).await.map_err(store_failed)?;
        let open = store.open_intents(&target.name).await.map_err(store_failed)?;
        let may_land = review::may_land(&open);
        let taken = review::taken(&file, &device, &snapshot, &looks, &may_land).map_err(|e| unfit(&e))?;
        let count = taken.len() as u64;
        let report = self.own(store, target, taken, device, reason).await.map_err(store_failed)?;
        Ok((report, count))
    }

    async fn own(
        &self,
        store: &Store,
        target: &TargetConfig,
        taken: Vec<Taken>,
        device: Device,
        reason: &str,
    ) -> Result<TargetReport, StoreError> {
        let run = self.begin(store, &target.name).await?;
        let mut report = TargetReport::empty(&target.name, run);
        report.counts.adopt = taken.len() as u64;
        report.outcome = if taken.is_empty() { RunOutcome::NoChanges } else { RunOutcome::Applied };
        let what = TakeOver { taken, device, reason: reason.to_owned(), actor: actor::current() };
        store.take_over(&target.name, run, what, self.now()).await?;
        self.finish(store, &target.name, run, report).await
    }

    /// Gives a person's account up, on this target: it stays on the gateway, and rosterd touches it no more. Gives back
    /// its name there; `None`: there is none of ours.
    ///
    /// # Errors
    /// If the target is busy, or the database fails.
    pub async fn release(
        &self,
        store: &Store,
        target: &TargetName,
        person: &PersonKey,
        reason: &str,
    ) -> Result<Option<Username>, AcceptError> {
        let target = self.target(target)?;
        let _lock = TargetLock::take(store.path(), &target.name)?;
        let snapshot = store.snapshot(&target.name).await.map_err(store_failed)?;
        let Some(entry) = snapshot.entries.get(person) else { return Ok(None) };
        if entry.unknown {
            return Err(failure(
                t!("existing.release_unknown", person = person),
                t!("existing.release_unknown_next"),
            ));
        }
        let released = async {
            let run = self.begin(store, &target.name).await?;
            let (reason, actor) = (reason.to_owned(), actor::current());
            store.release(&target.name, run, person.clone(), reason, actor, self.now()).await?;
            self.finish(store, &target.name, run, TargetReport::empty(&target.name, run)).await
        };
        released.await.map_err(store_failed)?;
        Ok(Some(entry.username.clone()))
    }

    /// Begins a run that sends nothing.
    pub(super) async fn begin(&self, store: &Store, target: &TargetName) -> Result<RunId, StoreError> {
        let new = NewRun {
            target: target.clone(),
            dry: false,
            trigger: Trigger::Cli,
            actor: actor::current(),
            config_digest: self.loaded.digest.clone(),
            as_of: self.today(),
        };
        Ok(store.begin_run(new, self.now()).await?.0)
    }

    /// Ends it. The target's state is as it was.
    pub(super) async fn finish(
        &self,
        store: &Store,
        target: &TargetName,
        run: RunId,
        mut report: TargetReport,
    ) -> Result<TargetReport, StoreError> {
        report.state = outcome::state(&store.target(target).await?, self.today());
        let end = RunEnd {
            outcome: report.outcome,
            exit_code: report.exit_code,
            commit: CommitState::None,
            report: report.clone(),
        };
        let head = store.end_run(target, run, end, self.now()).await?;
        report.warnings.extend(self.witness().keep(&head));
        Ok(report)
    }
}

impl ReviewFile {
    /// Writes the review, readable by its owner only.
    ///
    /// # Errors
    /// If it cannot be written, in words.
    pub fn write(&self, path: &Path) -> Result<(), ErrorReport> {
        private_file::write(path, self).map_err(|cause| io(path, &cause))
    }

    /// What it says.
    pub const fn review(&self) -> &Review {
        &self.review
    }
}

fn read(path: &Path) -> Result<ReviewFile, ErrorReport> {
    let length = std::fs::metadata(path).map_err(|e| io(path, &e))?.len();
    let not_one = |cause: String| ErrorReport {
        kind: ErrorKind::Review,
        message: t!("existing.not_a_review", path = path.display(), cause = cause).into_owned(),
        next: t!("existing.review_next").into_owned(),
    };
    if length > LONGEST {
        return Err(not_one(t!("app.plan_file.too_long", bytes = length).into_owned()));
    }
    let text = std::fs::read(path).map_err(|e| io(path, &e))?;
    let file: ReviewFile = serde_json::from_slice(&text).map_err(|e| not_one(e.to_string()))?;
    if file.kind != KIND || file.version != 1 {
        return Err(not_one(t!("app.plan_file.version", version = file.version).into_owned()));
    }
    Ok(file)
}

fn io(path: &Path, cause: &std::io::Error) -> ErrorReport {
    let path: PathBuf = path.to_owned();
    ErrorReport {
        kind: ErrorKind::Review,
        message: t!("existing.io", path = path.display(), cause = cause).into_owned(),
        next: t!("cli.next.file").into_owned(),
    }
}

fn unfit(error: &ReviewError) -> AcceptError {
    failure(error.to_string(), t!("existing.review_next"))
}

pub(super) fn failure(message: impl Into<String>, next: impl Into<String>) -> AcceptError {
    AcceptError::Gateway(ErrorReport { kind: ErrorKind::Review, message: message.into(), next: next.into() })
}

pub(super) fn store_failed(error: StoreError) -> AcceptError {
    AcceptError::Sync(error.into())
}
