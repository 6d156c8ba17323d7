//! Changes the out-of-band VPN's password so that the one that works is never lost: pending on disk, then sent, then
//! current, each step on disk before the next begins. Whoever is killed in between is followed by a run that finishes.
//!
//! Nobody can ask the service which password works, so doubt is met by sending the *same* password again, which does no
//! harm: with `create` as long as `be_first` is true, else with `update`. A password that might still come into force,
//! because a request went out and no answer came back, keeps a file of its own until such a request must be dead.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::call::{CallError, Patience, Post, pauses};
use super::refusal::Kind;
use super::store::{self, Order, Rotation, RotationState};
use super::tencent::{Client, Mode, Outcome, VpnInfo};
use super::{Call, CloudError, Provider, password};
use crate::clock::Clock;
use crate::secret::Secret;
use crate::sink::{Pending, Sink};
use rosterd_store::Store;

/// The steps of a rotation, in order. Each is over when it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The sink is locked and the service has told who logs in.
    Asked,
    /// What an earlier rotation left is cleared.
    Resumed,
    /// The rotation is in the database.
    Begun,
    /// The pending password is on disk.
    Written,
    /// The send is in the database.
    Noted,
    /// The request was sent, answered or not.
    Sent,
    /// A doubtful password has a file of its own.
    Kept,
    /// The pending password is the current one.
    Promoted,
    /// The database says so.
    Ended,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Asked,
        Self::Resumed,
        Self::Begun,
        Self::Written,
        Self::Noted,
        Self::Sent,
        Self::Kept,
        Self::Promoted,
        Self::Ended,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Resumed => "resumed",
            Self::Begun => "begun",
            Self::Written => "written",
            Self::Noted => "noted",
            Self::Sent => "sent",
            Self::Kept => "kept",
            Self::Promoted => "promoted",
            Self::Ended => "ended",
        }
    }
}

/// A hook that a test gives to end the work after a step: `false` stops it there, as a crash would.
pub type Checkpoint = Arc<dyn Fn(Step) -> bool + Send + Sync>;

/// Everything a rotation needs.
#[derive(Clone)]
pub struct Rotator<'a, P, C> {
    /// The service.
    pub client: &'a Client<P, C>,
    /// The database.
    pub store: &'a Store,
    /// Where the password goes.
    pub sink: &'a Sink,
    /// Time.
    pub clock: C,
    /// How often a send without an answer is repeated.
    pub patience: Patience,
    /// Length of a new password.
    pub length: u8,
    /// Who wants it.
    pub order: Order,
    /// For tests.
    pub checkpoint: Option<Checkpoint>,
}

/// What became of a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotateReport {
    /// Version of this format: 1.
    pub version: u32,
    /// Whether nothing was sent or written.
    pub dry_run: bool,
    /// `rotated` or `planned`.
    pub outcome: &'static str,
    /// `create` or `update`.
    pub mode: Mode,
    /// VPN user.
    pub user: String,
    /// What the VPN client calls domain.
    pub domain: String,
    /// VPN gateway.
    pub gateway: String,
    /// Where the password is.
    pub sink: String,
    /// Whether this finished (or would finish) what an earlier run had begun.
    pub finishes_earlier: bool,
    /// Passwords that might still come into force, one file each.
    pub kept: Vec<PathBuf>,
}

/// A password on its way.
struct InFlight {
    id: i64,
    password: Secret,
    /// A request with it may have left before, and nobody knows what became of it.
    doubtful: bool,
    earlier: bool,
}

impl<P: Post, C: Clock> Rotator<'_, P, C> {
    /// What [`rotate`](Self::rotate) would do. Takes no lock, writes and sends nothing.
    ///
    /// # Errors
    /// If the service cannot be asked, or the sink is not readable.
    pub async fn preview(&self, zone: u64) -> Result<RotateReport, CloudError> {
        let info = self.client.vpn_info(zone).await?;
        let finishes =
            matches!(self.sink.read_pending(|line| password::check(line).is_ok())?, Pending::Readable(_));
        let mut report = self.report(&info, Mode::for_first(info.be_first), finishes).await?;
        report.dry_run = true;
        report.outcome = "planned";
        Ok(report)
    }

    /// Finishes what an earlier rotation began, or else sets a new password.
    ///
    /// # Errors
    /// [`CloudError::Unconfirmed`] when it is not known whether the new password is in force; any other error means that
    /// the password did not change, or that the next call finishes the work.
    pub async fn rotate(&self, zone: u64) -> Result<RotateReport, CloudError> {
        let _lock = self.lock()?;
        let info = self.client.vpn_info(zone).await?;
        self.reached(Step::Asked)?;
        let resumed = self.resume(&info).await?;
        self.reached(Step::Resumed)?;
        let flight = match resumed {
            Some(flight) => flight,
            None => self.begin(&info).await?,
        };
        self.carry(zone, info, flight).await
    }

    /// Finishes what an earlier rotation began, if there is something. For the start of the daemon.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub async fn finish(&self, zone: u64) -> Result<Option<RotateReport>, CloudError> {
        let open = store::open_rotation(self.store, &self.sink_key()).await?;
        if open.is_none()
            && matches!(self.sink.read_pending(|line| password::check(line).is_ok())?, Pending::None)
        {
            return Ok(None);
        }
        let _lock = self.lock()?;
        let info = self.client.vpn_info(zone).await?;
        self.reached(Step::Asked)?;
        match self.resume(&info).await? {
            Some(flight) => self.carry(zone, info, flight).await.map(Some),
            None => Ok(None),
        }
    }

    fn lock(&self) -> Result<std::fs::File, CloudError> {
        self.sink.lock()?.ok_or_else(|| CloudError::Locked { path: self.sink.lock_path() })
    }

    fn reached(&self, step: Step) -> Result<(), CloudError> {
        match &self.checkpoint {
            Some(goes_on) if !goes_on(step) => Err(CloudError::Stopped(step.name())),
            _ => Ok(()),
        }
    }

    fn sink_key(&self) -> String {
        self.sink.path().display().to_string()
    }

    /// Clears what an earlier rotation left; gives back a password that must be sent (again).
    async fn resume(&self, info: &VpnInfo) -> Result<Option<InFlight>, CloudError> {
        let pending = self.sink.read_pending(|line| password::check(line).is_ok())?;
        let open = store::open_rotation(self.store, &self.sink_key()).await?;
        let rotation = match (open, &pending) {
            (None, Pending::None) => return Ok(None),
            (Some(rotation), _) => rotation,
            // The database was restored or replaced: whether this password was sent, nobody remembers.
            (None, _) => self.adopt(info).await?,
        };
        if rotation.account != info.user && !matches!(pending, Pending::None) {
            let path = self.sink.pending_path();
            return Err(CloudError::OtherAccount { path, account: rotation.account });
        }
        let was_sent = rotation.state == RotationState::Sent;
        match pending {
            Pending::Readable(password) => {
                if was_sent {
                    store::note_doubt(self.store, rotation.id).await?;
                }
                let doubtful = was_sent || rotation.doubtful_at.is_some();
                Ok(Some(InFlight { id: rotation.id, password, doubtful, earlier: true }))
            }
            Pending::Sealed => self.set_aside(&rotation).await.map(|()| None),
            Pending::None => self.close(&rotation).await.map(|()| None),
        }
    }

    async fn adopt(&self, info: &VpnInfo) -> Result<Rotation, CloudError> {
        let now = self.clock.now();
        let key = self.sink_key();
        let id = store::adopt_rotation(self.store, &info.user, &key, now).await?;
        let adopted = store::open_rotation(self.store, &key).await?;
        adopted.filter(|r| r.id == id).ok_or_else(|| {
            let what = format!("oob_rotations {id}");
            rosterd_store::StoreError::Absent { what }.into()
        })
    }

    /// An encrypted password cannot be sent again. If it was sent, it keeps a file; a new one takes its place.
    async fn set_aside(&self, rotation: &Rotation) -> Result<(), CloudError> {
        if rotation.state == RotationState::Sent {
            store::note_doubt(self.store, rotation.id).await?;
            self.sink.keep_pending(rotation.id)?;
        }
        self.sink.discard_pending()?;
        self.end(rotation.id, RotationState::Dropped).await
    }

    /// There is no pending password any more: it was promoted and the database did not hear of it, or it never was.
    async fn close(&self, rotation: &Rotation) -> Result<(), CloudError> {
        let promoted = rotation.file.is_some() && self.sink.current_mark()? == rotation.file;
        if promoted {
            return self.end(rotation.id, RotationState::Current).await;
        }
        if rotation.state == RotationState::Sent {
            let path = self.sink.pending_path();
            tracing::warn!(path = %path.display(), "a password that was sent is not in its file any more; setting a new one");
        }
        self.end(rotation.id, RotationState::Dropped).await
    }

    async fn end(&self, id: i64, state: RotationState) -> Result<(), CloudError> {
        Ok(store::end_rotation(self.store, id, state, self.clock.now(), &self.order).await?)
    }

    async fn begin(&self, info: &VpnInfo) -> Result<InFlight, CloudError> {
        let password = password::generate(self.length)?;
        let id = store::begin_rotation(self.store, &info.user, &self.sink_key(), self.clock.now()).await?;
        self.reached(Step::Begun)?;
        self.sink.write_pending(&password)?;
        self.reached(Step::Written)?;
        Ok(InFlight { id, password, doubtful: false, earlier: false })
    }

    /// Sends the password until it is in force, refused for good, or patience ends.
    async fn carry(
        &self,
        zone: u64,
        mut info: VpnInfo,
        mut flight: InFlight,
    ) -> Result<RotateReport, CloudError> {
        let mut pauses = pauses(self.patience);
        loop {
            let mode = Mode::for_first(info.be_first);
            self.note_sending(&flight, mode).await?;
            self.reached(Step::Noted)?;
            let outcome = self.client.set_password(&flight.password, mode).await;
            self.reached(Step::Sent)?;
            let error = match outcome {
                Outcome::Applied => {
                    self.promote(&flight).await?;
                    return self.report(&info, mode, flight.earlier).await;
                }
                Outcome::Unchanged(error) => return Err(self.refused(&flight, error).await?),
                Outcome::Unknown(error) => error,
            };
            flight.doubtful = true;
            store::note_doubt(self.store, flight.id).await?;
            let Some(pause) = pauses.next().filter(|_| may_help(&error)) else {
                return Err(self.unconfirmed(&flight, error).await?);
            };
            tracing::info!(
                mode = mode.as_str(),
                word = error.word(),
                ?pause,
                "sending the VPN password again"
            );
            self.clock.sleep(pause).await;
            // After a `create` without an answer the service must be asked whether the account exists by now.
            match self.client.vpn_info(zone).await {
                Ok(now) => info = now,
                Err(_) => return Err(self.unconfirmed(&flight, error).await?),
            }
        }
    }

    async fn note_sending(&self, flight: &InFlight, mode: Mode) -> Result<(), CloudError> {
        let path = self.sink.pending_path();
        let file = self.sink.pending_mark()?.ok_or(crate::sink::SinkError::OddPending { path })?;
        Ok(store::note_sending(self.store, flight.id, mode, file, self.clock.now()).await?)
    }

    async fn promote(&self, flight: &InFlight) -> Result<(), CloudError> {
        if flight.doubtful {
            self.sink.keep_pending(flight.id)?;
        }
        self.reached(Step::Kept)?;
        self.sink.promote()?;
        self.reached(Step::Promoted)?;
        self.end(flight.id, RotationState::Current).await?;
        self.reached(Step::Ended)?;
        for id in store::harmless(self.store, &self.sink_key()).await? {
            self.sink.discard_kept(id)?;
            store::note_settled(self.store, id).await?;
        }
        Ok(())
    }

    /// The service says no, and that nothing changed. If an earlier request is in doubt, its password stays pending.
    async fn refused(&self, flight: &InFlight, error: CallError) -> Result<CloudError, CloudError> {
        if flight.doubtful {
            return self.unconfirmed(flight, error).await;
        }
        self.sink.discard_pending()?;
        self.end(flight.id, RotationState::Refused).await?;
        Ok(CloudError::Call(call(error)))
    }

    async fn unconfirmed(&self, flight: &InFlight, error: CallError) -> Result<CloudError, CloudError> {
        store::audit_unconfirmed(self.store, flight.id, self.clock.now(), &self.order).await?;
        Ok(CloudError::Unconfirmed {
            cause: Box::new(call(error)),
            current: self.sink.path().to_owned(),
            pending: self.sink.pending_path(),
        })
    }

    async fn report(&self, info: &VpnInfo, mode: Mode, earlier: bool) -> Result<RotateReport, CloudError> {
        let unsettled = store::unsettled(self.store, &self.sink_key()).await?;
        let kept = unsettled.into_iter().map(|id| self.sink.kept_path(id)).filter(|p| p.exists()).collect();
        Ok(RotateReport {
            version: 1,
            dry_run: false,
            outcome: "rotated",
            mode,
            user: info.user.clone(),
            domain: info.domain.clone(),
            gateway: info.gateway.clone(),
            sink: self.sink.to_string(),
            finishes_earlier: earlier,
            kept,
        })
    }
}

/// Whether sending the same password again may bring an answer.
const fn may_help(error: &CallError) -> bool {
    match error {
        CallError::Refused(refusal) => matches!(refusal.kind, Kind::Server | Kind::Replay),
        CallError::Failed(_) => true,
        CallError::Unusable { passing, .. } => *passing,
    }
}

fn call(error: CallError) -> Call {
    Call { provider: Provider::Tencent, action: "SetOutBandVPNAuthPwd", attempts: 1, error }
}

#[cfg(test)]
mod tests;
