//! What people who press Ctrl-C are told. What it means is the daemon's business, and the same for commands.

use rust_i18n::t;

use super::output;
use crate::daemon;
use crate::stop::Stop;

/// A request to stop that signals make: the first asks to finish the call in hand and to commit, the second to end at
/// once. Must be called inside the runtime.
pub fn stop() -> anyhow::Result<Stop> {
    let stop = Stop::new();
    daemon::stop_on_signals(stop.clone())?;
    let asked = stop.clone();
    tokio::spawn(async move {
        asked.when_requested().await;
        output::note(&t!("cli.stop.first"));
        asked.when_now().await;
        output::note(&t!("cli.stop.again"));
    });
    Ok(stop)
}
