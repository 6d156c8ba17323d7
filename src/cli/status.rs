//! `rosterd status`: each target's state, what is held and by what, who is blocked since when, and what comes next.

use chrono::{DateTime, Utc};
use clap::Args;
use rust_i18n::t;

use super::args::{self, Global};
use super::exit::Exit;
use super::{output, show};
use crate::app::App;
use crate::app::status::{BlockedNow, Running, Status, TargetStatus};
use crate::config::Span;
use crate::reason::HeldBy;
use crate::report::grid::{Grid, Tone, strong};
use crate::report::{TargetState, table, visible, words};
use crate::store::present::PendingApproval;

/// How many blocked people are listed.
const BLOCKED: usize = 20;

/// Show the state of each target, what is held, and the last runs
///
/// 显示每个目标的状态、被拦下的内容和最近的运行
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Also show the next N scheduled runs
    ///
    /// 同时显示接下来 N 次计划运行
    #[arg(long, value_name = "N")]
    pub next: Option<u32>,
    /// Exit 1 when a target's last good run is older than this
    ///
    /// 某目标最近一次成功运行早于此时长时以 1 退出
    #[arg(long, value_name = "DURATION", value_parser = args::span)]
    pub max_age: Option<Span>,
}

/// Shows the state.
pub async fn run(args: &StatusArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    let next = args.next.unwrap_or(0).try_into().unwrap_or(usize::MAX);
    let status = app.status(&store, args.max_age, next).await?;
    output::answer(global.output, || &status, || whole(&status, args.next.is_some(), app))?;
    Ok(if status.targets.iter().any(|target| target.late) { Exit::Failed } else { Exit::Done })
}

fn whole(status: &Status, with_next: bool, app: &App) -> String {
    let mut out = roster(status, app);
    for target in &status.targets {
        let approvals = status.approvals.iter().filter(|approval| approval.target == target.target);
        out.push_str(&text(target, app));
        out.push_str(&approvals.map(|approval| approved(approval, app)).collect::<String>());
        out.push_str(&blocked_text(target));
        out.push('\n');
    }
    out.push_str(&overrides(status));
    if with_next {
        out.push_str(&upcoming(&status.next, app));
    }
    out
}

/// The roster where something is wrong with it: what would stop a run, and what is frozen.
fn roster(status: &Status, app: &App) -> String {
    let mut out = String::new();
    if let Some(error) = &status.roster.error {
        let line = t!("cli.status.roster_error", message = visible(&error.message));
        out.push_str(&format!("{}\n  {}\n\n", Tone::Bad.paint(&line), visible(&error.next)));
    }
    for source in &status.roster.sources {
        if let Some(why) = &source.frozen {
            let line = t!("cli.roster.frozen", name = source.name, why = visible(why));
            out.push_str(&format!("{}\n", Tone::Notice.paint(&line)));
        } else if let Some(newest) = source.files.iter().map(|(_, at)| *at).max() {
            let (count, at) = (source.files.len(), show::moment(newest, app.zone()));
            out.push_str(&format!(
                "{}\n",
                t!("cli.status.roster", name = source.name, count = count, at = at)
            ));
        }
    }
    if out.is_empty() { out } else { format!("{}\n\n", out.trim_end()) }
}

fn overrides(status: &Status) -> String {
    if status.overrides.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(2, output::width());
    for said in &status.overrides {
        let until = said.until.map_or_else(|| t!("cli.override.open").into_owned(), |day| day.to_string());
        grid.row(&[
            (said.person.to_string(), Tone::Plain),
            (words::override_kind(said.kind).into_owned(), Tone::Notice),
            (until, Tone::Faint),
            (said.by.called(), Tone::Faint),
            (said.reason.clone(), Tone::Plain),
        ]);
    }
    let title = t!("cli.status.overrides", count = status.overrides.len());
    format!("{}\n{}\n", strong(&title), grid.render())
}

fn approved(approval: &PendingApproval, app: &App) -> String {
    let PendingApproval { n, run, guards, by, reason, expires, .. } = approval;
    let line = t!(
        "cli.status.approved",
        n = n,
        run = run,
        guards = guards.iter().map(ToString::to_string).collect::<Vec<_>>().join(&words::comma()),
        by = by.called(),
        until = show::moment(*expires, app.zone()),
        reason = visible(reason)
    );
    format!("  {}\n", Tone::Notice.paint(&line))
}

fn upcoming(next: &[DateTime<Utc>], app: &App) -> String {
    let mut text = format!("{}\n", strong(&t!("cli.status.next", zone = app.zone())));
    for at in next {
        text.push_str(&format!("  {}\n", show::moment(*at, app.zone())));
    }
    text
}

fn running(running: &Running, app: &App) -> String {
    let Some((run, since)) = running.run.zip(running.since) else {
        return t!("cli.status.running_unknown").into_owned();
    };
    let mut line = t!("cli.status.running", id = run, since = show::moment(since, app.zone())).into_owned();
    if let Some(of) = running.of {
        line.push_str(&t!("cli.status.running_far", done = running.done, of = of));
    }
    line
}

fn text(status: &TargetStatus, app: &App) -> String {
    let state = status.state;
    let tone = match state {
        TargetState::Clean => Tone::Good,
        TargetState::Paused => Tone::Notice,
        TargetState::Dirty | TargetState::Quarantined => Tone::Bad,
    };
    let title = t!("report.target", name = status.target);
    let mut text = format!("{}  {}  {}\n", strong(&title), status.url, tone.paint(&words::state(state)));
    let mut line = |said: &str| text.push_str(&format!("  {said}\n"));
    let when = |at: DateTime<Utc>| show::moment(at, app.zone());
    if let Some(now) = &status.running {
        line(&Tone::Good.paint(&running(now, app)));
    }
    if let Some(since) = status.dirty_since {
        line(&match status.next_run_commits {
            true => t!("cli.status.dirty_since", since = when(since)),
            false => t!("cli.status.dirty_stays", since = when(since)),
        });
    }
    if let Some(check) = &status.quarantined_by {
        line(&t!("cli.status.quarantined_by", check = check));
    }
    if let Some(pause) = &status.paused {
        let until = pause.until.map_or_else(|| t!("cli.override.open").into_owned(), |d| d.to_string());
        line(&t!("cli.status.paused", reason = visible(&pause.reason), until = until));
    }
    match &status.last_run {
        Some(run) => line(&t!(
            "cli.status.last_run",
            id = run.id,
            began = when(run.started_at),
            outcome = show::outcome(run.outcome.as_deref())
        )),
        None => line(&t!("cli.status.no_run")),
    }
    if let Some(error) = status.last_run.as_ref().and_then(|run| run.report.as_ref()?.error.as_ref()) {
        line(&format!("  {}", Tone::Bad.paint(&visible(&error.message))));
    }
    match status.last_success {
        Some(good) => line(&t!("cli.status.last_good", at = when(good))),
        None => line(&t!("cli.status.no_good")),
    }
    if status.late {
        line(&Tone::Bad.paint(&t!("cli.status.late")));
    }
    text.push_str(&held_text(status));
    text
}

fn held_text(status: &TargetStatus) -> String {
    let Some(run) = &status.last_run else { return String::new() };
    let id = run.id.to_string();
    let lines = |held: &HeldBy| {
        table::held_lines(held, &id) + &table::behind_lines(&status.behind, &held.guard.to_string(), false)
    };
    status.held_by.iter().map(lines).collect()
}

fn blocked_text(status: &TargetStatus) -> String {
    if status.blocked.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(2, output::width());
    for blocked in status.blocked.iter().take(BLOCKED) {
        let BlockedNow { since, line } = blocked;
        let day = t!("report.since", day = since.since);
        let why = line.as_ref().map(words::blocked).unwrap_or_default();
        grid.row(&[
            (since.person.as_str(), Tone::Plain),
            (&words::block_kind(since.reason), Tone::Notice),
            (&why, Tone::Plain),
            (&day, Tone::Faint),
        ]);
    }
    let rest = status.blocked.len().saturating_sub(BLOCKED);
    let rest = if rest == 0 { String::new() } else { format!("  {}\n", t!("cli.more", count = rest)) };
    format!("\n  {}\n{}{rest}", t!("report.blocked", count = status.blocked.len()), grid.render())
}
