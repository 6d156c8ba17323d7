//! `rosterd status`: each target's state, what is held and by what, who is blocked since when, and what comes next.

use chrono::{DateTime, Utc};
use clap::Args;
use rust_i18n::t;

use super::args::{self, Global};
use super::exit::Exit;
use super::{output, show};
use crate::app::App;
use crate::app::status::TargetStatus;
use crate::config::Span;
use crate::report::grid::{Grid, Tone, strong};
use crate::report::{TargetState, table, words};

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
    output::answer(
        global.output,
        || &status,
        || {
            let mut text: String =
                status.targets.iter().map(|target| self::text(target, app) + "\n").collect();
            if args.next.is_some() {
                text.push_str(&upcoming(&status.next, app));
            }
            text
        },
    )?;
    Ok(if status.targets.iter().any(|target| target.late) { Exit::Failed } else { Exit::Done })
}

fn upcoming(next: &[DateTime<Utc>], app: &App) -> String {
    let mut text = format!("{}\n", strong(&t!("cli.status.next", zone = app.zone())));
    for at in next {
        text.push_str(&format!("  {}\n", show::moment(*at, app.zone())));
    }
    text
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
    if let Some(since) = status.dirty_since {
        line(&t!("cli.status.dirty_since", since = when(since)));
    }
    if let Some(check) = &status.quarantined_by {
        line(&t!("cli.status.quarantined_by", check = check));
    }
    if let Some(pause) = &status.paused {
        let until = pause.until.map_or_else(|| "–".to_owned(), |d| d.to_string());
        line(&t!("cli.status.paused", reason = pause.reason, until = until));
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
    if let Some(good) = status.last_success {
        line(&t!("cli.status.last_good", at = when(good)));
    }
    if status.late {
        line(&Tone::Bad.paint(&t!("cli.status.late")));
    }
    text.push_str(&held_text(status));
    text.push_str(&blocked_text(status));
    text
}

fn held_text(status: &TargetStatus) -> String {
    let Some(run) = &status.last_run else { return String::new() };
    let id = run.id.to_string();
    status.held_by.iter().map(|held| table::held_lines(held, &id)).collect()
}

fn blocked_text(status: &TargetStatus) -> String {
    if status.blocked.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(2, output::width());
    for blocked in status.blocked.iter().take(BLOCKED) {
        let since = t!("report.since", day = blocked.since);
        grid.row(&[
            (blocked.person.as_str(), Tone::Plain),
            (&words::block_kind(blocked.reason), Tone::Notice),
            (&since, Tone::Faint),
        ]);
    }
    let rest = status.blocked.len().saturating_sub(BLOCKED);
    let rest = if rest == 0 { String::new() } else { format!("  {}\n", t!("cli.more", count = rest)) };
    format!("\n  {}\n{}{rest}", t!("report.blocked", count = status.blocked.len()), grid.render())
}
