//! The one door to time. Everything that reads a clock or waits takes a [`Clock`]; the simulation brings its own.
//!
//! Wall time signs tokens and names days; order and durations come from the monotonic reading only, because a wall
//! clock may jump.

#[cfg(any(test, feature = "simulation"))]
pub mod manual;

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// A source of wall time, monotonic time and waiting.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock. May jump either way.
    fn now(&self) -> DateTime<Utc>;
    /// Time since an arbitrary fixed moment. Never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits for `pause`.
    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading starts at zero now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

impl<C: Clock> Clock for std::sync::Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        self.as_ref().now()
    }

    fn monotonic(&self) -> Duration {
        self.as_ref().monotonic()
    }

    async fn sleep(&self, pause: Duration) {
        self.as_ref().sleep(pause).await;
    }
}
