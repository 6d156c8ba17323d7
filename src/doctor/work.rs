//! What the next run would need of a device: its groups and roles, and how long it takes at the configured pace. Planned
//! as a run would plan, without asking the gateway and without recording anything.

use std::time::Duration;

use rust_i18n::t;

use super::{Finding, Mark};
use crate::app::App;
use crate::config::{LookPolicy, PaceConfig, TargetConfig};
use crate::plan::{self, ActionKind, Looks, Plan};
use crate::roster::Roster;
use crate::store::Store;

/// What a call is reckoned to take where no limit decides: an everyday answer of such a device.
const USUAL_CALL: Duration = Duration::from_millis(200);

/// The plan that the next run would make; `None` when the database fails, which another check tells.
pub(super) async fn plan(app: &App, target: &TargetConfig, store: &Store, roster: &Roster) -> Option<Plan> {
    let prospect = app.prospect(store, &target.name, roster).await.ok()?;
    let looks = Looks { offline: true, ..Looks::default() };
    Some(plan::plan(&prospect.input(target, roster, &looks)))
}

/// Whether calls come one after another, and how long the next run takes.
pub(super) fn pace(target: &TargetConfig, plan: Option<&Plan>) -> Vec<Finding> {
    let pace = &target.pace;
    let rate = if pace.concurrency > 1 {
        let message = t!("doctor.concurrent", count = pace.concurrency);
        Finding::new("rate", Mark::Warn, "side_by_side", message).next(t!("doctor.concurrent_next"))
    } else if pace.calls_per_minute == 0 {
        Finding::ok("rate", t!("doctor.rate_unlimited"))
    } else {
        Finding::ok("rate", t!("doctor.rate", rate = pace.calls_per_minute))
    };
    let Some(plan) = plan else { return vec![rate] };
    let calls = calls(target, plan);
    let time = duration(pace, calls);
    let shown = humantime::format_duration(time);
    let message = t!("doctor.estimate", calls = calls, time = shown);
    let mut estimate = match target.max_duration.map(|limit| limit.as_duration()) {
        Some(limit) if time > limit => Finding::new("estimate", Mark::Warn, "longer_than_allowed", message)
            .next(t!("doctor.estimate_next", limit = humantime::format_duration(limit))),
        _ => Finding::ok("estimate", message),
    };
    estimate.facts.extend([("calls", calls.to_string()), ("seconds", time.as_secs().to_string())]);
    vec![rate, estimate]
}

/// Requests of a run with this plan: changes, looks before them, and the commit.
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
    if sent == 0 { 0 } else { sent + looks + 1 }
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
