//! Being asked to stop, in two stages: first finish the call in hand, commit and end; then end at once. What a signal
//! or a second Ctrl-C means is decided where signals are received; here is only the word passed on.

use tokio_util::sync::CancellationToken;

/// A request to stop, shared between whoever receives it and whoever must obey. Clones are the same request.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks: the first time to finish the call in hand and commit, the second time to end at once.
    pub fn ask(&self) {
        if self.soft.is_cancelled() {
            self.hard.cancel();
        }
        self.soft.cancel();
    }

    /// Whether to begin nothing new.
    pub fn requested(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Whether to end at once.
    pub fn now(&self) -> bool {
        self.hard.is_cancelled()
    }

    /// Waits until somebody asks for the first time.
    pub async fn when_requested(&self) {
        self.soft.cancelled().await;
    }

    /// Waits until somebody asks for the second time.
    pub async fn when_now(&self) {
        self.hard.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::Stop;

    #[test]
    fn the_second_request_is_the_hard_one() {
        let stop = Stop::new();
        let seen = stop.clone();
        assert!(!seen.requested() && !seen.now());
        stop.ask();
        assert!(seen.requested() && !seen.now());
        stop.ask();
        assert!(seen.now());
    }
}
