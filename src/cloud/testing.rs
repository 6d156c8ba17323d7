//! For the tests of this module only: a clock that moves when somebody waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;

/// A clock that stands still until somebody sleeps.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<(DateTime<Utc>, Vec<Duration>)>>);

impl ManualClock {
    pub fn new() -> Self {
        let start = DateTime::parse_from_rfc3339("2026-11-21T03:00:00Z").unwrap().to_utc();
        Self(Arc::new(Mutex::new((start, Vec::new()))))
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

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        (self.now() - DateTime::UNIX_EPOCH).to_std().unwrap()
    }

    async fn sleep(&self, pause: Duration) {
        let mut inner = self.0.lock().unwrap();
        inner.0 += pause;
        inner.1.push(pause);
    }
}
