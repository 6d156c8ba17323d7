//! `rosterd run`: the service. When to work is the daemon's business; what a job is, is here: one sync of everything.

use rust_i18n::t;
use tokio::sync::mpsc;

use super::args::Global;
use super::exit::Exit;
use super::{doors, failure, oob, sync, ucloud};
use crate::app::App;
use crate::app::sync::{Request, Watcher};
use crate::config::Env;
use crate::daemon::{self, Done, Due, Ended, Surroundings, Systemd, Wake};
use crate::report::{TargetReport, table};
use crate::stop::Stop;
use crate::store::Store;

/// How many wishes may wait; a full queue has the same wish in it already.
const QUEUE: usize = 16;

/// Serves until asked to stop.
pub async fn run(global: &Global, app: App) -> anyhow::Result<Exit> {
    let stop = Stop::new();
    let (wake, mut woken) = mpsc::channel::<Wake>(QUEUE);
    let listening = daemon::listen(stop.clone(), wake.clone())?;
    let mut app = app;
    let ended = loop {
        let store = app.store().await?;
        let around =
            Surroundings { clock: app.clock, ticks: store.clone(), manager: Systemd, stop: stop.clone() };
        let schedules = daemon::schedules(app.config());
        let job = async |due: Due| work(due, &app, &store, &stop).await;
        let ended = daemon::run(&schedules, &around, (wake.clone(), &mut woken), job).await?;
        if ended != Ended::Reload {
            break ended;
        }
        app = reload(global, app);
    };
    listening.abort();
    Ok(match ended {
        Ended::Stopped | Ended::Reload => Exit::Done,
        Ended::Aborted => Exit::Failed,
    })
}

/// The settings anew. Those that cannot be used leave the old ones in force: a service must survive a slip of the pen.
fn reload(global: &Global, old: App) -> App {
    match App::load(global.config.as_deref(), global.state.as_deref(), Env::process()) {
        Ok(app) => {
            tracing::info!(path = %app.loaded.path.display(), digest = app.loaded.digest, "configuration read again");
            app
        }
        Err(error) => {
            tracing::error!(%error, "the configuration cannot be used; the old one stays in force");
            old
        }
    }
}

/// One job, told to the log.
async fn work(due: Due, app: &App, store: &Store, stop: &Stop) -> Done {
    match due.name {
        daemon::OOB_ROTATE => doors::until(stop, app, oob::scheduled(app, store, due.trigger)).await,
        daemon::UCLOUD_WATCH => doors::until(stop, app, ucloud::scheduled(app, store, due.trigger)).await,
        _ => sync_all(due, app, store, stop).await,
    }
}

/// One sync of everything.
async fn sync_all(due: Due, app: &App, store: &Store, stop: &Stop) -> Done {
    let request = Request::all(due.trigger, stop.clone());
    let watcher = Watcher { reading: None, actions: &|_| {} };
    match app.sync(store, request, watcher).await {
        Ok(answer) => {
            let exit = sync::exit(&answer);
            if let Some(error) = &answer.roster_error {
                tracing::error!(kind = error.kind, message = error.message, "roster failed");
            }
            let lines: Vec<_> = answer.report.targets.iter().map(table::one_line).collect();
            answer.report.targets.iter().for_each(log);
            let summary = match answer.roster_error {
                Some(error) => error.message,
                None => lines.join("; "),
            };
            Done { exit_code: exit.code(), summary, complete: !stop.requested() }
        }
        Err(error) => {
            let report = failure::of(&error.into()).report;
            tracing::error!(kind = report.kind, message = report.message, "sync failed");
            let summary = t!("cli.run.failed", message = report.message).into_owned();
            Done { exit_code: Exit::Failed.code(), summary, complete: true }
        }
    }
}

fn log(target: &TargetReport) {
    let TargetReport { target: name, run_id, outcome, exit_code, counts, calls, commit, duration_ms, .. } =
        target;
    tracing::info!(
        gateway = %name, run = run_id, ?outcome, exit_code, ?counts, ?calls, ?commit, duration_ms, "sync ended"
    );
    for warning in &target.warnings {
        tracing::warn!(gateway = %name, run = run_id, warning, "warning");
    }
    if let Some(error) = &target.error {
        tracing::error!(gateway = %name, run = run_id, kind = error.kind, message = error.message, "run failed");
    }
}
