//! For tests: a clock that moves when somebody waits, or when it is told to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;

/// The moment, and how long was waited each time.
type State = (DateTime<Utc>, Vec<Duration>);

/// A clock that stands still until somebody sleeps.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<State>>);

impl ManualClock {
    fn lock(&self) -> MutexGuard<'_, State> {
        // What a test that failed left behind is still a time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A clock at this moment.
    pub fn at(moment: &str) -> Self {
        match moment.parse() {
            Ok(moment) => Self(Arc::new(Mutex::new((moment, Vec::new())))),
            Err(error) => unreachable!("a test's own moment: {error}"),
        }
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        let mut inner = self.lock();
        inner.0 += by;
    }

    /// How long was waited, each time.
    pub fn slept(&self) -> Vec<Duration> {
        self.lock().1.clone()
    }
}

impl Default for ManualClock {
    /// A moment that most tests do not mind.
    fn default() -> Self {
        Self::at("2026-11-21T02:30:00Z")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.lock().0
    }

    fn monotonic(&self) -> Duration {
        (self.now() - DateTime::UNIX_EPOCH).to_std().unwrap_or_default()
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
        self.lock().1.push(pause);
        // Others get their turn, as they would while somebody really waits.
        tokio::task::yield_now().await;
    }
}
