//! Accepting that a target's address or dialect has changed: the looks of `sync::accept`, inside a run of their own so
//! that lock, journal and audit trail are those of every run.

use rust_i18n::t;

use super::sync::SyncError;
use super::{App, actor, gateways::Gateways};
use crate::model::TargetName;
use crate::plan::Device;
use crate::reason::Exit;
use crate::report::{CommitState, ErrorReport, RunOutcome, TargetReport};
use crate::stop::Stop;
use crate::store::Store;
use crate::store::journal::{NewRun, RunEnd, RunId, Trigger};
use crate::sync::accept::{self, Rebased, Thoroughness};
use crate::sync::caller::Caller;
use crate::sync::lock::{LockError, TargetLock};
use crate::sync::{RunError, outcome, words};

/// Why a target could not be accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// No such target, or the database.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// Another run is at it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The gateway cannot be asked.
    #[error("{}", .0.message)]
    Gateway(ErrorReport),
}

impl App {
    /// Looks at a target's accounts on the gateway that is configured now, and makes it the snapshot's own if that
    /// is right.
    ///
    /// # Errors
    /// If the target is not there, busy or out of reach, or the database fails.
    pub async fn accept(
        &self,
        store: &Store,
        name: &TargetName,
        thoroughness: Thoroughness,
        reason: String,
        stop: Stop,
    ) -> Result<Rebased, AcceptError> {
        let target = self.target(name)?;
        let gateways = Gateways::open(self, std::slice::from_ref(target), false).await;
        let gateway = gateways.of(name).map_err(AcceptError::Gateway)?;
        let Some(gateway) = gateway else { return Ok(Rebased::default()) };
        let _lock = TargetLock::take(store.path(), name)?;
        let new = NewRun {
            target: name.clone(),
            dry: false,
            trigger: Trigger::Cli,
            actor: actor::current(),
            config_digest: self.loaded.digest.clone(),
            as_of: self.today(),
        };
        let (run, _) = store.begin_run(new, self.now()).await.map_err(SyncError::from)?;
        let limit = target.max_duration.map(|d| d.as_duration());
        let caller = Caller::new(&gateway, self.clock, &target.pace, limit, stop, run.0.unsigned_abs());
        let device = Device { url: target.url.clone(), dialect: target.dialect.as_str().into() };
        let result =
            accept::accept(store, &caller, run, name, device, thoroughness, reason, actor::current()).await;
        let result = result.map_err(|error| match error {
            RunError::OutOfReach(why) => words::out_of_reach(name.as_str(), &target.url, &why),
            RunError::Store(error) => words::store_failed(&error.to_string()),
            RunError::PlanMoved(what) => words::plan_moved(&what),
        });
        self.end(store, name, run, &result, caller.counts()).await?;
        result.map_err(AcceptError::Gateway)
    }

    /// Ends the run's record. Nothing was sent, so the target's state is as it was.
    async fn end(
        &self,
        store: &Store,
        name: &TargetName,
        run: RunId,
        result: &Result<Rebased, ErrorReport>,
        calls: crate::report::CallCounts,
    ) -> Result<(), SyncError> {
        let row = store.target(name).await?;
        let mut report = TargetReport::empty(name, run);
        report.calls = calls;
        match result {
            Ok(rebased) if rebased.accepted => {}
            Ok(_) => {
                report.outcome = RunOutcome::Held;
                report.exit_code = Exit::Held.code();
                report.warnings.push(t!("app.accept.differs").into_owned());
            }
            Err(error) => outcome::failed(&mut report, error.clone(), row.dirty),
        }
        report.state = outcome::state(&row, self.today());
        let (outcome, exit_code) = (report.outcome, report.exit_code);
        let end = RunEnd { outcome, exit_code, commit: CommitState::None, report };
        let head = store.end_run(name, run, end, self.now()).await?;
        self.witness().keep(&head);
        Ok(())
    }
}
