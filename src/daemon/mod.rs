//! The service: when to work, and staying alive. One worker does one job at a time; what a job is, is its caller's
//! business. A tick of the scheduler only wakes the worker: which scheduled moment is due is told by the timetable and
//! by the last moment that was served, which the database remembers. So a tick that comes twice, late, an hour off or
//! not at all does no harm: the worker also looks by itself every half minute.

mod manager;
mod signals;
mod ticker;

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_i18n::t;
use sd_notify::NotifyState;
use tokio::sync::mpsc;

pub use manager::{ServiceManager, Systemd};
pub use signals::{listen, stop_on_signals};
pub use ticker::Ticker;

use crate::clock::Clock;
use crate::config::{Config, Span, Timetable};
use crate::stop::Stop;
use crate::store::journal::Trigger;
use crate::store::{Store, StoreError};

/// How often the worker looks at the timetable by itself.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// A moment served later than this was missed, and is said to be made up.
const LATE: Duration = Duration::from_secs(300);

/// The schedule of the roster sync.
pub const SYNC: &str = "sync";
/// The schedule of the out-of-band VPN's password.
pub const OOB_ROTATE: &str = "oob_rotate";
/// The schedule of the look at UCloud's keys.
pub const UCLOUD_WATCH: &str = "ucloud_watch";

/// One thing that is done on a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name in the database.
    pub name: &'static str,
    /// When.
    pub timetable: Timetable,
    /// Begin up to this much later, by chance.
    pub jitter: Span,
}

/// Everything on a schedule in a configuration.
pub fn schedules(config: &Config) -> Vec<Schedule> {
    let zone = config.schedule.timezone;
    let mut all = Vec::new();
    if !config.target.is_empty() {
        all.push(Schedule {
            name: SYNC,
            timetable: config.schedule.timetable(),
            jitter: config.schedule.jitter,
        });
    }
    let cloud = [
        (OOB_ROTATE, config.oob.as_ref().map(|oob| &oob.rotate)),
        (UCLOUD_WATCH, config.ucloud.as_ref().map(|ucloud| &ucloud.watch)),
    ];
    for (name, crons) in cloud {
        if let Some(crons) = crons.filter(|crons| !crons.is_empty()) {
            all.push(Schedule { name, timetable: Timetable::new(crons, zone), jitter: Span::seconds(0) });
        }
    }
    all
}

/// What wakes the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// A scheduler's tick: look at the timetable.
    Tick,
    /// Sync now, without a schedule.
    Now(Trigger),
    /// Read the configuration again.
    Reload,
}

/// A job to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which schedule: [`SYNC`] and its like.
    pub name: &'static str,
    /// What set it off.
    pub trigger: Trigger,
    /// The scheduled moment; `None` without a schedule.
    pub planned: Option<DateTime<Utc>>,
    /// The moment was missed and is made up.
    pub late: bool,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The exit code that the command would have given.
    pub exit_code: u8,
    /// One line for people: shown by `systemctl status`.
    pub summary: String,
    /// False when a stop cut it short: then it is made up at the next start.
    pub complete: bool,
}

/// Why the service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Asked to stop; nothing was left in hand.
    Stopped,
    /// Asked twice; a job may have been cut off, which recovery sorts out.
    Aborted,
    /// Asked to read the configuration again: call [`run`] with the new one.
    Reload,
}

/// Why the service could not begin.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The last served moments cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is on a schedule.
    #[error("{}", t!("daemon.nothing"))]
    NothingToDo,
    /// The scheduler does not start.
    #[error("{}", t!("daemon.scheduler", cause = cause))]
    Scheduler {
        /// What it says.
        cause: String,
    },
}

/// Where the last served moment of a schedule is kept.
pub trait TickStore {
    /// The last moment served.
    fn last_tick(&self, name: &str) -> impl Future<Output = Result<Option<DateTime<Utc>>, StoreError>>;
    /// This moment was served.
    fn note_tick(&self, name: &str, at: DateTime<Utc>) -> impl Future<Output = Result<(), StoreError>>;
}

impl TickStore for Store {
    async fn last_tick(&self, name: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.last_tick(name).await
    }

    async fn note_tick(&self, name: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.note_tick(name, at).await
    }
}

/// What the service needs of the world.
#[derive(Debug)]
pub struct Surroundings<C, S, M> {
    /// Time.
    pub clock: C,
    /// Memory of what was served.
    pub ticks: S,
    /// The service manager.
    pub manager: M,
    /// The request to stop.
    pub stop: Stop,
}

/// Runs until somebody asks to stop or to reload. `wakes` is where signals, a watch or a web page send to; the
/// scheduler sends there too. `job` is called for one thing at a time; it must end soon after `stop` is requested.
///
/// # Errors
/// If it cannot begin; nothing that happens later ends it.
pub async fn run<C: Clock, S: TickStore, M: ServiceManager>(
    schedules: &[Schedule],
    surroundings: &Surroundings<C, S, M>,
    wakes: (mpsc::Sender<Wake>, &mut mpsc::Receiver<Wake>),
    job: impl AsyncFnMut(Due) -> Done,
) -> Result<Ended, DaemonError> {
    let (wake, woken) = wakes;
    let ticker = Ticker::start(schedules, wake).await?;
    let ended = work(schedules, surroundings, woken, job).await;
    ticker.stop().await;
    ended
}

/// The worker, without the scheduler that wakes it.
///
/// # Errors
/// As [`run`].
pub async fn work<C: Clock, S: TickStore, M: ServiceManager>(
    schedules: &[Schedule],
    surroundings: &Surroundings<C, S, M>,
    woken: &mut mpsc::Receiver<Wake>,
    mut job: impl AsyncFnMut(Due) -> Done,
) -> Result<Ended, DaemonError> {
    let mut worker = Worker::begin(schedules, surroundings).await?;
    surroundings.manager.tell(&[NotifyState::Ready]);
    tracing::info!(schedules = schedules.len(), "service is ready");
    worker.show();
    let ended = loop {
        if surroundings.stop.requested() {
            break Ended::Stopped;
        }
        let due = match worker.due() {
            Some(due) => due,
            None => match worker.wait(woken).await {
                Some(Wake::Reload) => break Ended::Reload,
                Some(Wake::Now(_)) if !worker.syncs() => continue,
                Some(Wake::Now(trigger)) => Due { name: SYNC, trigger, planned: None, late: false },
                Some(Wake::Tick) | None => continue,
            },
        };
        if worker.jitter(due).await && !worker.carry_out(due, &mut job).await {
            break Ended::Aborted;
        }
    };
    match ended {
        Ended::Reload => surroundings.manager.tell(&[NotifyState::Status(&t!("daemon.reloading"))]),
        Ended::Stopped | Ended::Aborted => surroundings.manager.tell(&[NotifyState::Stopping]),
    }
    tracing::info!(?ended, "service ends");
    Ok(ended)
}

struct Worker<'a, C, S, M> {
    schedules: &'a [Schedule],
    around: &'a Surroundings<C, S, M>,
    /// Per schedule, the first moment that is not served yet; `None` if there is none ever.
    open: Vec<Option<DateTime<Utc>>>,
    /// How often to say that we are alive, and to look at the timetable.
    pulse: Duration,
    last: Option<Done>,
}

impl<'a, C: Clock, S: TickStore, M: ServiceManager> Worker<'a, C, S, M> {
    async fn begin(
        schedules: &'a [Schedule],
        around: &'a Surroundings<C, S, M>,
    ) -> Result<Self, DaemonError> {
        if schedules.is_empty() {
            return Err(DaemonError::NothingToDo);
        }
        let now = around.clock.now();
        let mut open = Vec::new();
        for schedule in schedules {
            let last = around.ticks.last_tick(schedule.name).await?;
            // The first start has missed nothing. And a moment in the future was written while the clock was wrong:
            // waiting for it to come again could take years.
            let last = match last.filter(|last| *last <= now) {
                Some(last) => last,
                None => {
                    around.ticks.note_tick(schedule.name, now).await?;
                    now
                }
            };
            open.push(schedule.timetable.next(last));
        }
        let pulse = around.manager.watchdog().map_or(HEARTBEAT, |limit| HEARTBEAT.min(limit / 3));
        Ok(Self { schedules, around, open, pulse, last: None })
    }

    /// The schedule whose moment has come, the one that has waited longest first. However many of its moments have
    /// passed, the last one stands for all of them.
    fn due(&self) -> Option<Due> {
        let now = self.around.clock.now();
        let due = self.schedules.iter().zip(&self.open).filter_map(|(schedule, open)| {
            let open = open.filter(|open| *open <= now)?;
            // Around a change of the clock looking back may miss what looking ahead had found.
            let planned = schedule.timetable.previous(now).map_or(open, |previous| previous.max(open));
            Some((planned, schedule.name))
        });
        let (planned, name) = due.min()?;
        let late = (now - planned).to_std().is_ok_and(|delay| delay > LATE);
        Some(Due { name, trigger: Trigger::Schedule, planned: Some(planned), late })
    }

    /// Whether there is a roster to sync at all, or only cloud endpoints to look after.
    fn syncs(&self) -> bool {
        self.schedules.iter().any(|schedule| schedule.name == SYNC)
    }

    /// Waits for a wake-up, at most one pulse.
    async fn wait(&self, woken: &mut mpsc::Receiver<Wake>) -> Option<Wake> {
        let around = self.around;
        let wake = tokio::select! {
            biased;
            () = around.stop.when_requested() => None,
            Some(wake) = woken.recv() => Some(wake),
            () = around.clock.sleep(self.pulse) => None,
        };
        around.manager.tell(&[NotifyState::Watchdog]);
        wake
    }

    /// Waits a random part of the jitter; false when asked to stop meanwhile.
    async fn jitter(&self, due: Due) -> bool {
        let schedule = self.schedules.iter().find(|schedule| schedule.name == due.name);
        let most = schedule.map_or(Duration::ZERO, |schedule| schedule.jitter.as_duration());
        // What was missed is late enough, and who asks for a run now does not want to wait.
        if due.late || due.planned.is_none() || most.is_zero() {
            return true;
        }
        let until = self.around.clock.monotonic() + most.mul_f64(rand::random());
        loop {
            let left = until.saturating_sub(self.around.clock.monotonic());
            if left.is_zero() {
                return true;
            }
            tokio::select! {
                biased;
                () = self.around.stop.when_requested() => return false,
                () = self.around.clock.sleep(left.min(self.pulse)) => {}
            }
            self.around.manager.tell(&[NotifyState::Watchdog]);
        }
    }

    /// Does one job; false when asked to end at once.
    async fn carry_out(&mut self, due: Due, job: &mut impl AsyncFnMut(Due) -> Done) -> bool {
        let Due { name, trigger, planned, late } = due;
        tracing::info!(name, ?trigger, planned = planned.map(|p| p.to_rfc3339()), late, "job begins");
        self.around.manager.tell(&[NotifyState::Status(&t!("daemon.working", name = name))]);
        let Some(done) = self.attend(job(due)).await else { return false };
        tracing::info!(name, exit_code = done.exit_code, complete = done.complete, "job ended");
        if let Some(planned) = planned {
            self.serve(name, planned, done.complete).await;
        }
        self.last = Some(done);
        self.show();
        true
    }

    /// Waits for a job, saying all the while that we are alive. `None`: asked to end at once.
    async fn attend(&self, job: impl Future<Output = Done>) -> Option<Done> {
        let around = self.around;
        let mut job = std::pin::pin!(job);
        let mut told = false;
        loop {
            tokio::select! {
                biased;
                done = &mut job => return Some(done),
                () = around.stop.when_now() => return None,
                () = around.stop.when_requested(), if !told => {
                    told = true;
                    around.manager.tell(&[NotifyState::Stopping, NotifyState::Status(&t!("daemon.finishing"))]);
                }
                () = around.clock.sleep(self.pulse) => {}
            }
            around.manager.tell(&[NotifyState::Watchdog]);
        }
    }

    /// A moment is served. In the database only if the job came to its end: what a stop or a crash cut short is made
    /// up at the next start.
    async fn serve(&mut self, name: &'static str, planned: DateTime<Utc>, complete: bool) {
        for (schedule, open) in self.schedules.iter().zip(&mut self.open) {
            if schedule.name == name {
                *open = schedule.timetable.next(planned);
            }
        }
        if !complete {
            return;
        }
        if let Err(error) = self.around.ticks.note_tick(name, planned).await {
            tracing::error!(name, %error, "cannot note the served moment: it may be served again after a restart");
        }
    }

    /// What `systemctl status` shows.
    fn show(&self) {
        let next = self.schedules.iter().zip(&self.open).filter_map(|(schedule, open)| {
            let open = (*open)?;
            Some((open, open.with_timezone(&schedule.timetable.timezone)))
        });
        let next = next.min_by_key(|(open, _)| *open);
        let next = next.map(|(_, local)| local.format("%Y-%m-%d %H:%M:%S %Z").to_string());
        let mut text = match next {
            Some(next) => t!("daemon.waiting", next = next).into_owned(),
            None => t!("daemon.never").into_owned(),
        };
        if let Some(done) = &self.last {
            text.push_str(&t!("daemon.last", summary = done.summary, exit_code = done.exit_code));
        }
        self.around.manager.tell(&[NotifyState::Status(&text)]);
    }
}

#[cfg(test)]
mod tests;
