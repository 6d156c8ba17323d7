//! What the service manager is told: systemd's notification socket, or nobody.

use std::time::Duration;

use sd_notify::NotifyState;

/// Somebody who wants to know how we are.
pub trait ServiceManager {
    /// Tells.
    fn tell(&self, state: &[NotifyState<'_>]);
    /// Within which time it wants a sign of life.
    fn watchdog(&self) -> Option<Duration>;
}

/// systemd, if it started us; otherwise nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Systemd;

impl ServiceManager for Systemd {
    fn tell(&self, state: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(state) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }

    fn watchdog(&self) -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }
}
