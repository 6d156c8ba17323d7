//! Every call of a run goes through here: pace, counting, time left, and the repeats of calls that are safe to repeat.
//! What an answer means for people is `execute`'s and `recovery`'s business.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use backon::BackoffBuilder;
use futures_util::future::{Either, select};
use governor::clock::{Clock as _, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::strain::Strain;
use crate::clock::Clock;
use crate::config::PaceConfig;
use crate::gateway::{
    Gateway, GroupRecord, Mutation, Outcome, Page, ReadError, RoleRecord, UserRecord, Why, WhyKind,
};
use crate::model::{GroupPath, Username};
use crate::report::CallCounts;
use crate::stop::Stop;

/// First pause before a repeat; each further one doubles, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The longest that a device is left alone because it asked for it: a run must still come to its end.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Monotonic time as governor wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At(Duration);

impl std::ops::Add<Nanos> for At {
    type Output = Self;
    fn add(self, rest: Nanos) -> Self {
        Self(self.0 + Duration::from(rest))
    }
}

impl Reference for At {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }
    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.into()))
    }
}

/// Our clock as governor's.
#[derive(Debug, Clone)]
struct Monotonic<C>(C);

impl<C: Clock + Clone> governor::clock::Clock for Monotonic<C> {
    type Instant = At;
    fn now(&self) -> At {
        At(self.0.monotonic())
    }
}

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, Monotonic<C>, NoOpMiddleware<At>>;

/// The gateway, as one run uses it.
pub struct Caller<'a, G, C: Clock + Clone> {
    gateway: &'a G,
    clock: C,
    pace: &'a PaceConfig,
    limiter: Option<(Limiter<C>, Monotonic<C>)>,
    deadline: Option<Duration>,
    stop: Stop,
    seed: u64,
    counts: Mutex<CallCounts>,
    strain: Mutex<Strain>,
    /// Until when the device asked to be left alone.
    rest_until: Mutex<Duration>,
}

impl<'a, G: Gateway, C: Clock + Clone> Caller<'a, G, C> {
    /// A caller whose time ends `limit` from now. `seed` makes the pauses of this run differ from another's.
    pub fn new(
        gateway: &'a G,
        clock: C,
        pace: &'a PaceConfig,
        limit: Option<Duration>,
        stop: Stop,
        seed: u64,
    ) -> Self {
        let limiter = NonZeroU32::new(pace.calls_per_minute).map(|per_minute| {
            let one_by_one = Quota::per_minute(per_minute).allow_burst(NonZeroU32::MIN);
            let clock = Monotonic(clock.clone());
            (RateLimiter::direct_with_clock(one_by_one, clock.clone()), clock)
        });
        let deadline = limit.map(|limit| clock.monotonic() + limit);
        let (counts, strain, rest_until) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { gateway, clock, pace, limiter, deadline, stop, seed, counts, strain, rest_until }
    }

    /// Requests so far.
    pub fn counts(&self) -> CallCounts {
        *self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn count(&self, add: impl FnOnce(&mut CallCounts)) {
        add(&mut self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// The dialect.
    pub fn gateway(&self) -> &'a G {
        self.gateway
    }

    /// Whether the run's time is over.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.clock.monotonic() >= deadline)
    }

    /// Whether nothing new may begin: time is over, or somebody asked to stop.
    pub fn must_end(&self) -> bool {
        self.is_late() || self.stop.requested()
    }

    /// The pauses between the attempts of one call: as many as there may be repeats.
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<G, C> {
        backon::ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(self.pace.retries as usize)
            .with_jitter()
            .with_jitter_seed(self.seed)
            .build()
    }

    /// Waits out a pause and then for a turn, unless nothing new may begin. Returns whether to go on.
    pub async fn pause(&self, pause: Duration) -> bool {
        if self.must_end() {
            return false;
        }
        self.wait(pause).await;
        if !self.turn().await {
            return false;
        }
        self.count(|c| c.retries += 1);
        true
    }

    /// Waits until the target's pace, and what the device can bear, allow the next call. Returns whether it may begin:
    /// the time may be over by then, or somebody have asked to stop.
    pub async fn turn(&self) -> bool {
        let space = self.strain().space().max(self.rest());
        if !space.is_zero() {
            self.wait(space).await;
        }
        if let Some((limiter, clock)) = &self.limiter {
            while let Err(early) = limiter.check() {
                self.wait(early.wait_time_from(clock.now()).max(Duration::from_millis(1))).await;
                if self.must_end() {
                    return false;
                }
            }
        }
        !self.must_end()
    }

    /// The same for calls that a run owes at its end, and waits for however late it is.
    async fn owed_turn(&self) {
        let rest = self.rest();
        if !rest.is_zero() {
            select(pin!(self.clock.sleep(rest)), pin!(self.stop.when_now())).await;
        }
        let Some((limiter, clock)) = &self.limiter else { return };
        while let Err(early) = limiter.check() {
            self.clock.sleep(early.wait_time_from(clock.now()).max(Duration::from_millis(1))).await;
            if self.stop.now() {
                return;
            }
        }
    }

    /// Waits, but no longer than the run may last, and not when somebody asks to stop.
    async fn wait(&self, pause: Duration) {
        let left = self.deadline.map(|deadline| deadline.saturating_sub(self.clock.monotonic()));
        let pause = left.map_or(pause, |left| pause.min(left));
        select(pin!(self.clock.sleep(pause)), pin!(self.stop.when_requested())).await;
    }

    /// A call, unless somebody asks to stop at once: then nobody waits for its answer any more.
    async fn unless_stopped<T>(&self, call: impl Future<Output = T>, given_up: impl FnOnce(Why) -> T) -> T {
        match select(pin!(call), pin!(self.stop.when_now())).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => given_up(stopped_at_once()),
        }
    }

    /// How long the device still wants to be left alone.
    fn rest(&self) -> Duration {
        let mut until = self.rest_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = self.clock.monotonic();
        if let Some(wait) = self.gateway.asked_to_wait() {
            tracing::info!(?wait, "the device asked to be left alone");
            *until = (*until).max(now + wait.min(LONGEST_REST));
        }
        until.saturating_sub(now)
    }

    fn strain(&self) -> MutexGuard<'_, Strain> {
        self.strain.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A call, after which the device's strain is known better. `answered` tells whether the device had the time for a
    /// usable answer.
    async fn observed<T>(&self, call: impl Future<Output = T>, answered: impl FnOnce(&T) -> bool) -> T {
        let began = self.clock.monotonic();
        let answer = call.await;
        let took = self.clock.monotonic().saturating_sub(began);
        let spared = {
            let mut strain = self.strain();
            let before = strain.space();
            if answered(&answer) {
                strain.answered(took)
            } else {
                strain.troubled()
            }
            (strain.space() > before).then(|| strain.space())
        };
        if let Some(space) = spared {
            tracing::debug!(?took, ?space, "the device is under strain: calls are spaced out");
        }
        answer
    }

    async fn read<T, F, Fut>(&self, ask: F) -> Result<T, ReadError>
    where
        F: Fn() -> Fut + Send,
        Fut: Future<Output = Result<T, ReadError>> + Send,
        T: Send,
    {
        let mut pauses = self.pauses();
        self.owed_turn().await;
        loop {
            self.count(|c| c.queries += 1);
            let call = self.unless_stopped(ask(), |why| Err(ReadError::Failed(why)));
            let failed =
                match self.observed(call, |answer| !matches!(answer, Err(ReadError::Failed(_)))).await {
                    Err(ReadError::Failed(why)) if why.kind != WhyKind::Tls => why,
                    settled => return settled,
                };
            match pauses.next() {
                Some(pause) if self.pause(pause).await => {}
                _ => return Err(ReadError::Failed(failed)),
            }
        }
    }

    /// Looks at a user; repeated while there is no usable answer.
    pub async fn user(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        self.read(|| self.gateway.user(name)).await
    }

    /// Looks at a group; repeated while there is no usable answer.
    pub async fn group(&self, path: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        self.read(|| self.gateway.group(path)).await
    }

    /// One page of roles; repeated while there is no usable answer.
    pub async fn roles(&self, offset: u64, limit: u64) -> Result<Page<RoleRecord>, ReadError> {
        self.read(|| self.gateway.roles(offset, limit)).await
    }

    /// One page of users; repeated while there is no usable answer.
    pub async fn users(&self, offset: u64, limit: u64) -> Result<Page<UserRecord>, ReadError> {
        self.read(|| self.gateway.users(offset, limit)).await
    }

    /// Sends one change, at once: whoever journals it has waited for its [turn](Self::turn) before, so that the journal
    /// says when it was signed.
    pub async fn mutate(&self, mutation: &Mutation) -> Outcome {
        self.count(|c| c.mutations += 1);
        self.mutate_again(mutation).await
    }

    /// Sends one change that was sent before; counted as a repeat by [`Self::pause`].
    pub async fn mutate_again(&self, mutation: &Mutation) -> Outcome {
        let call = self.unless_stopped(self.gateway.mutate(mutation), Outcome::Unknown);
        self.observed(call, |outcome| !matches!(outcome, Outcome::Unknown(_) | Outcome::NotSent(_))).await
    }

    /// Sends the commit; repeated only while not one byte of it was written.
    pub async fn commit(&self) -> Outcome {
        let mut pauses = self.pauses();
        loop {
            self.owed_turn().await;
            if self.stop.now() {
                return Outcome::NotSent(stopped_at_once());
            }
            let outcome = self.unless_stopped(self.gateway.commit(), Outcome::Unknown).await;
            let Outcome::NotSent(Why { kind, .. }) = &outcome else {
                self.count(|c| c.commits += 1);
                return outcome;
            };
            match pauses.next() {
                Some(pause) if *kind != WhyKind::Tls && !self.is_late() && !self.stop.now() => {
                    select(pin!(self.clock.sleep(pause)), pin!(self.stop.when_now())).await;
                    self.count(|c| c.retries += 1);
                }
                _ => return outcome,
            }
        }
    }
}

fn stopped_at_once() -> Why {
    Why { kind: WhyKind::GivenUp, detail: rust_i18n::t!("sync.stopped_at_once").into_owned() }
}

#[cfg(test)]
mod tests;
