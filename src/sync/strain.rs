//! How hard a device finds it: whether to leave it time to breathe between two calls, and how long. Pure. The configured
//! pace is a ceiling; this is about a device that cannot keep up with it today.

use std::time::Duration;

/// A call that takes longer than this many times the usual is a sign of strain …
const SLOWER: u32 = 4;
/// … unless it is still quick.
const QUICK: Duration = Duration::from_millis(500);
/// The first breathing space.
const FIRST: Duration = Duration::from_millis(200);
/// The longest breathing space: a run must still come to its end.
const LONGEST: Duration = Duration::from_secs(5);
/// How much a new call counts for what is usual: one eighth.
const WEIGHT: u32 = 8;

/// What has been seen of a device in this run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strain {
    usual: Option<Duration>,
    space: Duration,
}

impl Strain {
    /// The pause to make before the next call.
    pub const fn space(&self) -> Duration {
        self.space
    }

    /// A call was answered after `took`.
    pub fn answered(&mut self, took: Duration) {
        let usual = self.usual.unwrap_or(took);
        if took > QUICK && took > usual * SLOWER {
            self.troubled();
        } else {
            // Half as long each time, so that a device that has recovered is back at its pace after some calls.
            self.space = if self.space > FIRST { self.space / 2 } else { Duration::ZERO };
        }
        // A slow call moves what is usual little: a device that grows slower and slower is not to be called usual.
        let seen = took.min(usual * SLOWER).max(Duration::from_millis(1));
        self.usual = Some((usual * (WEIGHT - 1) + seen) / WEIGHT);
    }

    /// A call was answered with 5xx, or not at all.
    pub fn troubled(&mut self) {
        self.space = if self.space.is_zero() { FIRST } else { (self.space * 2).min(LONGEST) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(figure: u64) -> Duration {
        Duration::from_millis(figure)
    }

    #[test]
    fn a_steady_device_is_never_spared() {
        let mut strain = Strain::default();
        for took in [80, 120, 100, 400, 60, 90, 300] {
            strain.answered(ms(took));
            assert_eq!(strain.space(), Duration::ZERO);
        }
        // However slow: it has always been like this.
        let mut slow = Strain::default();
        for _ in 0..20 {
            slow.answered(ms(3000));
            assert_eq!(slow.space(), Duration::ZERO);
        }
    }

    #[test]
    fn trouble_doubles_the_space_up_to_a_limit_and_good_answers_take_it_back() {
        let mut strain = Strain::default();
        strain.answered(ms(100));
        let spaces: Vec<_> = (0..7)
            .map(|_| {
                strain.troubled();
                strain.space().as_millis()
            })
            .collect();
        assert_eq!(spaces, [200, 400, 800, 1600, 3200, 5000, 5000]);
        let mut calls = 0;
        while !strain.space().is_zero() {
            strain.answered(ms(100));
            calls += 1;
        }
        assert_eq!(calls, 6);
    }

    #[test]
    fn a_device_that_slows_down_is_given_time() {
        let mut strain = Strain::default();
        for _ in 0..10 {
            strain.answered(ms(150));
        }
        strain.answered(ms(2000));
        assert_eq!(strain.space(), FIRST);
        strain.answered(ms(4000));
        assert_eq!(strain.space(), 2 * FIRST);
        // Being slow for long becomes usual in the end: then the pace is right.
        for _ in 0..60 {
            strain.answered(ms(4000));
        }
        assert_eq!(strain.space(), Duration::ZERO);
    }
}
