//! For tests: a clock that moves when somebody waits, or when it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;

/// A clock that stands still until somebody sleeps.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<(DateTime<Utc>, Vec<Duration>)>>);

impl ManualClock {
    /// A clock at this moment.
    pub fn at(moment: &str) -> Self {
        Self(Arc::new(Mutex::new((moment.parse().unwrap(), Vec::new()))))
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        let mut inner = self.0.lock().unwrap();
        inner.0 += by;
    }

    /// How long was waited, each time.
    pub fn slept(&self) -> Vec<Duration> {
        self.0.lock().unwrap().1.clone()
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
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        (self.now() - DateTime::UNIX_EPOCH).to_std().unwrap()
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
        self.0.lock().unwrap().1.push(pause);
        // Others get their turn, as they would while somebody really waits.
        tokio::task::yield_now().await;
    }
}
