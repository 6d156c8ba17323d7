//! `rosterd runs`: earlier runs, or one of them with its report.

use clap::Args;
use rust_i18n::t;
use serde_json::json;

use super::args::{Global, Output};
use super::exit::Exit;
use super::{output, show};
use crate::app::App;
use crate::report::grid::{Grid, Tone};
use crate::report::{Spoken, table};
use crate::store::journal::{IntentState, RunId};
use crate::store::query::{CallLine, RunLine};

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
    /// How many of the last runs to list
    ///
    /// 列出最近多少次运行
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
}

/// Calls shown at most.
const LONGEST: usize = 50;

/// Lists runs, or shows one.
pub async fn run(args: &RunsArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    match args.id {
        Some(id) => {
            let (run, calls) = (store.run(RunId(id)).await?, store.calls(RunId(id)).await?);
            one(&run, &calls, global.output, app)?;
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
            (show::actor(&run.actor), Tone::Faint),
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

fn one(run: &RunLine, calls: &[CallLine], form: Output, app: &App) -> anyhow::Result<()> {
    if form == Output::Json {
        return output::json(&json!({ "version": 1, "run": Spoken(run), "calls": calls }));
    }
    let mut text = format!(
        "{}\n",
        t!(
            "cli.runs.one",
            id = run.id,
            began = show::moment(run.started_at, app.zone()),
            sort = sort(run),
            by = show::actor(&run.actor),
            day = run.as_of
        )
    );
    match &run.report {
        Some(report) => {
            let view = table::View { full: true, width: output::width(), refused: Vec::new() };
            text.push_str(&table::render_target(report, &view));
        }
        None => text.push_str(&format!("{}\n", show::outcome(run.outcome.as_deref()))),
    }
    text.push_str(&journal(calls));
    output::text(&text)
}

/// The journal's calls that did not simply go well; all of them are in the JSON.
fn journal(calls: &[CallLine]) -> String {
    let word = |value: IntentState| {
        serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let odd: Vec<_> =
        calls.iter().filter(|c| c.state != IntentState::Applied || c.attempts > 1).take(LONGEST).collect();
    if odd.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(0, output::width());
    grid.header(&[
        t!("store.calls.seq"),
        t!("store.calls.kind"),
        t!("store.calls.people"),
        t!("store.calls.state"),
        t!("store.calls.message"),
    ]);
    for call in odd {
        let people: Vec<_> = call.people.iter().map(|p| p.username.as_str()).collect();
        grid.row(&[
            (call.seq.to_string(), Tone::Plain),
            (call.kind.clone(), Tone::Plain),
            (people.join(" "), Tone::Plain),
            (word(call.state), Tone::Notice),
            (call.message.clone().unwrap_or_default(), Tone::Faint),
        ]);
    }
    format!("\n{}\n{}", t!("store.calls.title"), grid.render())
}
