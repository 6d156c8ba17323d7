//! `rosterd run`: the service. When to work is the daemon's business; what a job is, is here: one sync of everything.

use std::time::Duration;

use rust_i18n::t;
use sd_notify::NotifyState;
use tokio::sync::mpsc;

use super::args::Global;
use super::exit::Exit;
use super::failure::{self, Failure};
use super::{doors, oob, sync, ucloud};
use crate::app::App;
use crate::app::sync::{Request, Watcher};
use crate::clock::Clock as _;
use crate::config::Env;
use crate::daemon::{self, Done, Due, Ended, ServiceManager as _, Surroundings, Systemd, Wake};
use crate::notify::{self, News};
use crate::report::{TargetReport, table};
use crate::stop::Stop;
use crate::store::Store;

/// How many wishes may wait; a full queue has the same wish in it already.
const QUEUE: usize = 16;

/// How long is waited at first, and at most, for a database that cannot be opened at the start.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Serves until asked to stop.
pub async fn run(global: &Global, app: App) -> anyhow::Result<Exit> {
    let stop = Stop::new();
    let (wake, mut woken) = mpsc::channel::<Wake>(QUEUE);
    let listening = daemon::listen(stop.clone(), wake.clone())?;
    let mut app = app;
    let Some(mut store) = first_store(&app, &stop).await? else { return Ok(Exit::Done) };
    let ended = loop {
        let around =
            Surroundings { clock: app.clock, ticks: store.clone(), manager: Systemd, stop: stop.clone() };
        let schedules = daemon::schedules(app.config());
        let notifier = app.notifier();
        let job = async |due: Due| {
            let (done, news) = work(due, &app, &store, &stop).await;
            notifier.tell(&store, news).await;
            done
        };
        let serving = daemon::run(&schedules, &around, (wake.clone(), &mut woken), job);
        // Work that an earlier process left is finished beside; it may be dropped anywhere.
        let ended = tokio::select! {
            biased;
            ended = serving => ended?,
            never = oob::finish(&app, &store) => match never {},
        };
        if ended != Ended::Reload {
            break ended;
        }
        if let Some(anew) = reload(global, app.command.clone()).await {
            (app, store) = anew;
        }
    };
    listening.abort();
    Ok(match ended {
        Ended::Stopped | Ended::Reload => Exit::Done,
        Ended::Aborted => Exit::Failed,
    })
}

/// The database, at the start of the service. Trouble that may pass, such as a full disk, is waited out. `None`: asked to
/// stop meanwhile.
async fn first_store(app: &App, stop: &Stop) -> anyhow::Result<Option<Store>> {
    let mut wait = FIRST_WAIT;
    loop {
        let error = match app.store().await {
            Ok(store) => return Ok(Some(store)),
            Err(error) if error.is_passing() => error,
            Err(error) => return Err(error.into()),
        };
        tracing::error!(%error, seconds = wait.as_secs(), "the database cannot be opened; tried again");
        // The manager of services waits for as long as we do, and some more.
        let patience = u32::try_from(wait.as_micros()).unwrap_or(u32::MAX).saturating_mul(2);
        Systemd.tell(&[NotifyState::ExtendTimeoutUsec(patience)]);
        tokio::select! {
            () = stop.when_requested() => return Ok(None),
            () = app.clock.sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The settings anew, with their database. Where one of the two cannot be used, the old ones stay in force: a service must
/// survive a slip of the pen.
async fn reload(global: &Global, command: Option<String>) -> Option<(App, Store)> {
    let kept = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the configuration cannot be used; the old one stays in force");
    };
    let mut app = App::load(global.config.as_deref(), global.state.as_deref(), Env::process())
        .inspect_err(|error| kept(error))
        .ok()?;
    app.command = command;
    let store = app.store().await.inspect_err(|error| kept(error)).ok()?;
    tracing::info!(path = %app.loaded.path.display(), digest = app.loaded.digest, "configuration read again");
    Some((app, store))
}

/// One job, told to the log, and what people should be told of it.
async fn work(due: Due, app: &App, store: &Store, stop: &Stop) -> (Done, News) {
    match due.name {
        daemon::OOB_ROTATE => doors::until(stop, app, oob::scheduled(app, store, due.trigger)).await,
        daemon::UCLOUD_WATCH => doors::until(stop, app, ucloud::scheduled(app, store, due.trigger)).await,
        _ => sync_all(due, app, store, stop).await,
    }
}

fn failed(error: anyhow::Error) -> (Done, News) {
    let Failure { report } = failure::of(&error);
    tracing::error!(kind = %report.kind, message = report.message, "job failed");
    let summary = t!("cli.run.failed", message = report.message).into_owned();
    (Done { exit_code: report.kind.exit().code(), summary, complete: true }, notify::of_error(&report))
}

/// One sync of everything.
async fn sync_all(due: Due, app: &App, store: &Store, stop: &Stop) -> (Done, News) {
    let request = Request::all(due.trigger, stop.clone());
    let watcher = Watcher { reading: None, actions: &|_| {} };
    let answer = match app.sync(store, request, watcher).await {
        Ok(answer) => answer,
        Err(error) => return failed(error.into()),
    };
    answer.report.targets.iter().for_each(log);
    let exit_code = sync::exit(&answer).code();
    // A run that a stop cut short is made up at the next start; one that was through anyway is not.
    let complete = exit_code == Exit::Done.code() || !stop.requested();
    let news = answer.news();
    let summary = match answer.roster_error {
        Some(error) => {
            tracing::error!(kind = %error.kind, message = error.message, "roster failed");
            error.message
        }
        None => answer.report.targets.iter().map(table::one_line).collect::<Vec<_>>().join("; "),
    };
    (Done { exit_code, summary, complete }, news)
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
        tracing::error!(gateway = %name, run = run_id, kind = %error.kind, message = error.message, "run failed");
    }
}
