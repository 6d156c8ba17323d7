//! Who is told of runs, and what is run around them: whether they could be, without telling or running anything.

use rust_i18n::t;

use super::{Finding, Mark};
use crate::app::App;
use crate::notify;

pub(super) async fn examine(app: &App) -> Vec<Finding> {
    let mut found = Vec::new();
    for (place, result) in app.notifier().try_out().await.into_iter().enumerate() {
        found.push(match result {
            Ok(()) => Finding::ok("notify", t!("doctor.notify", place = place)),
            Err(cause) => {
                warn("notify", "unreachable", t!("doctor.notify_unreachable", place = place, cause = cause))
                    .next(t!("doctor.notify_next"))
            }
        });
    }
    if let Some(heartbeat) = app.heartbeat() {
        let reached = match heartbeat.address() {
            Ok(url) => notify::reachable(&url).await,
            Err(cause) => Err(cause),
        };
        found.push(match reached {
            Ok(()) => Finding::ok("heartbeat", t!("doctor.heartbeat")),
            Err(cause) => warn("heartbeat", "unreachable", t!("doctor.heartbeat_unreachable", cause = cause))
                .next(t!("doctor.notify_next")),
        });
    }
    for (path, result) in app.hooks().iter().flat_map(|hooks| hooks.programs()) {
        found.push(match result {
            Ok(()) => Finding::ok("hook", t!("doctor.hook", path = path.display())),
            Err(cause) => Finding::new("hook", Mark::Fail, "unusable", cause).next(t!("doctor.hook_next")),
        });
    }
    found
}

/// A sync would go on without it.
fn warn(check: &'static str, verdict: &'static str, message: impl Into<String>) -> Finding {
    Finding::new(check, Mark::Warn, verdict, message)
}
