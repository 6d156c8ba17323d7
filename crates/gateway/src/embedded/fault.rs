//! What can go wrong on purpose: probabilities per call, drawn from a seed, so that the same calls meet the same faults.

use std::str::FromStr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::GatewayError;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing special.
    Served,
    /// The connection closes; nothing was done.
    DropBefore,
    /// It is done; the connection closes without an answer.
    DropAfter,
    /// Nothing was done, and no answer ever comes.
    TimeoutBefore,
    /// It is done, and no answer ever comes.
    TimeoutAfter,
    /// HTTP 500; nothing was done.
    Http500Before,
    /// HTTP 500; it is done.
    Http500After,
    /// An HTML page; nothing was done.
    HtmlBefore,
    /// An HTML page; it is done.
    HtmlAfter,
    /// It is done; the JSON ends in the middle.
    Truncated,
    /// It is done; the answer says `success: false` and has no code.
    NoCode,
    /// The token is refused.
    Token,
    /// The connection closes; it is done later.
    Late(Duration),
    /// Of a delete, the first half is done; the connection closes.
    Half,
    /// It is done; the answer comes late.
    Slow(Duration),
    /// The device restarts before the call and loads what was written.
    RestartLoad,
    /// The device restarts before the call and loses what was not committed.
    RestartDrop,
}

/// Which calls a fault concerns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Calls {
    #[default]
    All,
    Reads,
    Mutations,
    Commit,
    NotCommit,
}

/// One `--fault`: probabilities of fates, for some calls.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSpec {
    fates: Vec<(f64, Fate)>,
    calls: Calls,
    /// Seconds that the device's clock is ahead.
    pub skew: i64,
}

const NAMES: &str = "drop_before drop_after timeout http500 html truncate no_code token late half slow \
    restart_load restart_drop (probabilities), late_by slow_by (milliseconds), skew (seconds), \
    calls=all|reads|mutations|commit|not-commit";

impl FromStr for FaultSpec {
    type Err = GatewayError;

    fn from_str(spec: &str) -> Result<Self, GatewayError> {
        let bad = |part: &str| GatewayError::BadFault { spec: part.to_owned(), known: NAMES.to_owned() };
        let mut parsed = Self { fates: Vec::new(), calls: Calls::All, skew: 0 };
        let (mut late_by, mut slow_by) = (Duration::from_secs(2), Duration::from_secs(1));
        for part in spec.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| bad(part))?;
            let millis = || value.parse().map(Duration::from_millis).map_err(|_| bad(part));
            match name.trim() {
                "calls" => parsed.calls = Calls::named(value).ok_or_else(|| bad(part))?,
                "skew" => parsed.skew = value.parse().map_err(|_| bad(part))?,
                "late_by" => late_by = millis()?,
                "slow_by" => slow_by = millis()?,
                name => {
                    let p: f64 = value.parse().map_err(|_| bad(part))?;
                    let fates = fates(name).filter(|_| (0.0..=1.0).contains(&p)).ok_or_else(|| bad(part))?;
                    let share = p / f64::from(u32::try_from(fates.len()).unwrap_or(1));
                    parsed.fates.extend(fates.iter().map(|fate| (share, *fate)));
                }
            }
        }
        for (_, fate) in &mut parsed.fates {
            match fate {
                Fate::Late(by) => *by = late_by,
                Fate::Slow(by) => *by = slow_by,
                _ => {}
            }
        }
        let total: f64 = parsed.fates.iter().map(|(p, _)| p).sum();
        if total > 1.0 + 1e-9 { Err(bad(spec)) } else { Ok(parsed) }
    }
}

impl Calls {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "reads" => Self::Reads,
            "mutations" => Self::Mutations,
            "commit" => Self::Commit,
            "not-commit" => Self::NotCommit,
            _ => return None,
        })
    }

    fn concern(self, action: &str) -> bool {
        let commit = matches!(action, "UpdaterCloud" | "DataSyncCloud");
        let read = action.starts_with("Get") || action.starts_with("ExGet");
        match self {
            Self::All => true,
            Self::Reads => read,
            Self::Mutations => !read && !commit,
            Self::Commit => commit,
            Self::NotCommit => !commit,
        }
    }
}

/// The fates behind a name. Where it is open whether the call was carried out, both halves are as likely.
fn fates(name: &str) -> Option<&'static [Fate]> {
    Some(match name {
        "drop_before" => &[Fate::DropBefore],
        "drop_after" => &[Fate::DropAfter],
        "timeout" => &[Fate::TimeoutBefore, Fate::TimeoutAfter],
        "http500" => &[Fate::Http500Before, Fate::Http500After],
        "html" => &[Fate::HtmlBefore, Fate::HtmlAfter],
        "truncate" => &[Fate::Truncated],
        "no_code" => &[Fate::NoCode],
        "token" => &[Fate::Token],
        "late" => &[Fate::Late(Duration::ZERO)],
        "half" => &[Fate::Half],
        "slow" => &[Fate::Slow(Duration::ZERO)],
        "restart_load" => &[Fate::RestartLoad],
        "restart_drop" => &[Fate::RestartDrop],
        _ => return None,
    })
}

/// Draws fates.
#[derive(Debug)]
pub struct Dice {
    specs: Vec<FaultSpec>,
    rng: StdRng,
}

impl Dice {
    /// Dice for these faults.
    pub fn new(specs: Vec<FaultSpec>, seed: u64) -> Self {
        Self { specs, rng: StdRng::seed_from_u64(seed) }
    }

    /// The fate of the next call: the first fault that hits.
    pub fn roll(&mut self, action: &str) -> Fate {
        for spec in &self.specs {
            // Drawn for every call, so that leaving one kind of call alone does not move the others' fates.
            let mut left: f64 = self.rng.random();
            if !spec.calls.concern(action) {
                continue;
            }
            for (p, fate) in &spec.fates {
                if left < *p && (*fate != Fate::Half || action == "DelUserByNameCloud") {
                    return *fate;
                }
                left -= p;
            }
        }
        Fate::Served
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_read_or_refused() {
        for good in [
            "",
            "drop_before=0.1,drop_after=0.1",
            "timeout=1",
            "late=0.5, late_by=10,calls=mutations",
            "skew=-360",
        ] {
            assert!(good.parse::<FaultSpec>().is_ok(), "{good}");
        }
        for bad in [
            "drop_before",
            "drop_before=2",
            "drop_before=x",
            "unheard=0.1",
            "html=0.6,http500=0.6",
            "calls=some",
        ] {
            assert!(bad.parse::<FaultSpec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_fates() {
        let roll = |seed, calls: &str| {
            let spec = format!("drop_before=0.2,timeout=0.4,half=0.1,{calls}").parse().unwrap();
            let mut dice = Dice::new(vec![spec], seed);
            let actions = ["AddUserCloud", "ExGetUserInfo", "UpdaterCloud", "DelUserByNameCloud"];
            (0..400).map(|n| dice.roll(actions[n % 4])).collect::<Vec<_>>()
        };
        assert_eq!(roll(7, "calls=all"), roll(7, "calls=all"));
        assert_ne!(roll(7, "calls=all"), roll(8, "calls=all"));
        let (all, spared) = (roll(7, "calls=all"), roll(7, "calls=not-commit"));
        assert!(spared.iter().skip(2).step_by(4).all(|fate| *fate == Fate::Served));
        assert!((0..400).filter(|n| n % 4 != 2).all(|n| all[n] == spared[n]));
        let half: Vec<_> = (0..400).filter(|n| all[*n] == Fate::Half).collect();
        assert!(!half.is_empty() && half.iter().all(|n| n % 4 == 3));
    }
}
