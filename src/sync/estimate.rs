//! How many requests a plan costs and how long they take at the configured pace. Pure.

use std::time::Duration;

use super::verify;
use crate::config::{LookPolicy, PaceConfig, TargetConfig};
use crate::plan::{ActionKind, Plan};
use crate::report::Estimate;

/// What a call is reckoned to take where no limit decides: an everyday answer of such a device.
const USUAL_CALL: Duration = Duration::from_millis(200);

/// What this plan costs on this target.
pub fn of(target: &TargetConfig, plan: &Plan) -> Estimate {
    let calls = calls(target, plan);
    Estimate { calls, seconds: duration(&target.pace, calls).as_secs() }
}

/// Requests of a run with this plan: changes, looks before and after them, the commit, and sessions that are ended. What planning itself asks, above all at
/// a first contact, is over when there is a plan.
fn calls(target: &TargetConfig, plan: &Plan) -> u64 {
    let count = |kinds: &[ActionKind]| plan.to_send().filter(|a| kinds.contains(&a.kind)).count() as u64;
    let (adds, deletes) = (count(&[ActionKind::Add]), count(&[ActionKind::Delete]));
    let updates = plan.to_send().count() as u64 - adds - deletes;
    let looks = match target.look {
        LookPolicy::Never => 0,
        // Both dialects have been seen to erase, so an update is looked at before in both.
        LookPolicy::Always | LookPolicy::Erasing => updates + deletes,
    };
    let batches = u64::div_ceil(deletes, u64::from(target.pace.delete_batch.max(1)));
    let groups = plan.create_groups.len() as u64;
    let sent = adds + updates + batches + groups;
    let proof = verify::looks(target.verify, plan.to_send().count()) as u64;
    let removals = plan.to_send().filter(|action| action.kind.is_removal()).count() as u64;
    let kicks = if target.leavers.kick_online { removals } else { 0 };
    // A run begins with a read, whatever it is, and ends with the commit.
    if sent == 0 { 0 } else { sent + looks.max(1) + proof + 1 + kicks }
}

fn duration(pace: &PaceConfig, calls: u64) -> Duration {
    let side_by_side = u64::from(pace.concurrency.max(1));
    let by_answers = USUAL_CALL.as_millis() as u64 * calls.div_ceil(side_by_side);
    let by_limit = match pace.calls_per_minute {
        0 => 0,
        rate => calls * 60_000 / u64::from(rate),
    };
    Duration::from_secs(by_answers.max(by_limit).div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_decides_how_long_it_takes() {
        let mut pace = PaceConfig { calls_per_minute: 15, ..PaceConfig::default() };
        assert_eq!(duration(&pace, 20_000), Duration::from_secs(80_000));
        pace.calls_per_minute = 0;
        assert_eq!(duration(&pace, 1000), Duration::from_secs(200));
        pace.concurrency = 4;
        assert_eq!(duration(&pace, 1000), Duration::from_secs(50));
        assert_eq!(duration(&pace, 0), Duration::ZERO);
    }
}
