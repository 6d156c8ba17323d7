//! What the next run would need of a device: its groups and roles, and how long it takes at the configured pace. Planned
//! as a run would plan, without asking the gateway and without recording anything.

use rust_i18n::t;

use super::{Finding, Mark};
use crate::app::App;
use crate::config::TargetConfig;
use crate::plan::{self, Looks, Plan};
use crate::report::Estimate;
use crate::roster::Roster;
use crate::store::Store;
use crate::sync::estimate;

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
    let Estimate { calls, seconds } = estimate::of(target, plan);
    let time = std::time::Duration::from_secs(seconds);
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
