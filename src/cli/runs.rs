//! `rosterd runs`: earlier runs, or one of them with its report.

use clap::Args;
use rust_i18n::t;
use serde_json::json;

use super::args::{Global, Output};
use super::exit::Exit;
use super::{history, output, show};
use crate::app::App;
use crate::app::run_shown::OneRun;
use crate::report::grid::{Grid, Tone, strong};
use crate::report::{TargetReport, table, visible, words};
use crate::store::journal::{IntentState, RunId};
use crate::store::query::{CallLine, HistoryLine, RunLine};

/// List runs, or show one
///
/// 列出运行，或显示其中一次
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Show this run
    ///
    /// 显示这次运行
    #[arg(value_name = "ID")]
    pub id: Option<i64>,
    /// Show every change and every call, not only the first ones
    ///
    /// 显示全部变更和全部调用，而不只是前面的
    #[arg(long, requires = "id")]
    pub full: bool,
    /// How many of the last runs to list
    ///
    /// 列出最近多少次运行
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
}

/// Changes and calls shown unless everything is asked for.
const LONGEST: usize = 50;

/// Lists runs, or shows one.
pub async fn run(args: &RunsArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    match args.id {
        Some(id) => {
            let one = app.one_run(&store, RunId(id)).await?;
            output::answer(global.output, || &one, || self::one(&one, args.full, app))?;
        }
        None => list(&store.runs(args.limit).await?, global.output, app)?,
    }
    Ok(Exit::Done)
}

fn list(runs: &[RunLine], form: Output, app: &App) -> anyhow::Result<()> {
    if form == Output::Json {
        return output::json(&json!({ "version": 1, "runs": runs }));
    }
    if runs.is_empty() {
        return output::text(&format!("{}\n", t!("cli.runs.none")));
    }
    let mut grid = Grid::new(0, output::width());
    grid.header(&[
        t!("cli.runs.id"),
        t!("cli.runs.began"),
        t!("cli.runs.target"),
        t!("cli.runs.sort"),
        t!("cli.runs.by"),
        t!("cli.runs.outcome"),
        t!("cli.runs.exit"),
    ]);
    for run in runs {
        grid.row(&[
            (run.id.to_string(), Tone::Plain),
            (show::moment(run.started_at, app.zone()), Tone::Plain),
            (run.target.to_string(), Tone::Plain),
            (sort(run), Tone::Faint),
            (run.actor.called(), Tone::Faint),
            (show::outcome(run.outcome.as_deref()).into_owned(), tone(run)),
            (run.exit_code.map(|c| c.to_string()).unwrap_or_default(), Tone::Plain),
        ]);
    }
    output::text(&grid.render())
}

/// What set it off, and whether it only showed.
fn sort(run: &RunLine) -> String {
    let trigger = super::show::trigger(run.trigger);
    if run.dry { t!("cli.runs.dry", trigger = trigger).into_owned() } else { trigger.into_owned() }
}

fn tone(run: &RunLine) -> Tone {
    match run.exit_code {
        Some(0) => Tone::Good,
        Some(3..=5) => Tone::Notice,
        Some(_) => Tone::Bad,
        None => Tone::Notice,
    }
}

fn one(one: &OneRun, full: bool, app: &App) -> String {
    let run = &one.run;
    let mut text = format!(
        "{}\n",
        t!(
            "cli.runs.one",
            id = run.id,
            began = show::moment(run.started_at, app.zone()),
            sort = sort(run),
            by = run.actor.called(),
            day = run.as_of
        )
    );
    if let Some(command) = &run.actor.command {
        text.push_str(&format!("{}\n", t!("cli.runs.command", command = visible(command))));
    }
    match &run.report {
        Some(report) => {
            let view = table::View { full, width: output::width(), refused: Vec::new() };
            let report = TargetReport { behind: one.behind.clone(), ..report.clone() };
            text.push_str(&table::render_target(&report, &view));
        }
        None => text.push_str(&format!("{}\n", show::outcome(run.outcome.as_deref()))),
    }
    text.push_str(&changes(&one.changes, full));
    text.push_str(&journal(&one.calls, full, app));
    text
}

/// Who, what, which fields from what to what, by which call, with which result.
fn changes(all: &[HistoryLine], full: bool) -> String {
    if all.is_empty() {
        return String::new();
    }
    let shown = if full { all.len() } else { all.len().min(LONGEST) };
    let mut grid = Grid::new(2, output::width());
    for line in &all[..shown] {
        let (result, tone) = history::result(line);
        grid.row(&[
            (format!("{} {}", words::sign(line.kind), words::kind(line.kind)), Tone::Plain),
            (who(line), Tone::Plain),
            (words::reason(line.reason).into_owned(), Tone::Faint),
            (history::changes(line), Tone::Plain),
            (t!("cli.runs.call", seq = line.seq).into_owned(), Tone::Faint),
            (result, tone),
        ]);
    }
    let title = strong(&t!("cli.runs.changes", count = all.len()));
    format!("\n{title}\n{}{}", grid.render(), more(all.len() - shown))
}

fn who(line: &HistoryLine) -> String {
    match line.person.as_str() == line.username {
        true => line.username.clone(),
        false => format!("{} ({})", line.username, line.person),
    }
}

fn more(hidden: usize) -> String {
    if hidden == 0 { String::new() } else { format!("  {}\n", t!("report.more", count = hidden)) }
}

/// The journal's calls; unless everything is asked for, those that did not simply go well.
fn journal(calls: &[CallLine], full: bool, app: &App) -> String {
    let odd = |call: &&CallLine| full || call.state != IntentState::Applied || call.attempts > 1;
    let all: Vec<_> = calls.iter().filter(odd).collect();
    if all.is_empty() {
        return String::new();
    }
    let shown = if full { all.len() } else { all.len().min(LONGEST) };
    let mut grid = Grid::new(2, output::width());
    grid.header(&[
        t!("store.calls.seq"),
        t!("cli.history.at"),
        t!("store.calls.kind"),
        t!("store.calls.people"),
        t!("store.calls.state"),
        t!("store.calls.message"),
    ]);
    for call in &all[..shown] {
        let people: Vec<_> = call.people.iter().map(|p| p.username.as_str()).collect();
        let (state, tone) = history::state(call.state);
        let code = call.code.map(|code| t!("report.code", code = code).into_owned());
        let answer = code.into_iter().chain(call.message.clone()).collect::<Vec<_>>().join(&words::comma());
        grid.row(&[
            (call.seq.to_string(), Tone::Plain),
            (show::moment(call.last_sent_at, app.zone()), Tone::Faint),
            (show::call(&call.kind).into_owned(), Tone::Plain),
            (people.join(" "), Tone::Plain),
            (state.into_owned(), tone),
            (answer, Tone::Faint),
        ]);
    }
    let title = if full { t!("cli.runs.calls", count = all.len()) } else { t!("store.calls.title") };
    format!("\n{}\n{}{}", strong(&title), grid.render(), more(all.len() - shown))
}
