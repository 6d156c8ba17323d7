//! `rosterd status`: each target's state, what is held and by what, who is blocked since when, and what comes next.

use chrono::{DateTime, Utc};
use rust_i18n::t;
use serde_json::{Value, json};

use super::args::{Output, StatusArgs};
use super::exit::Exit;
use super::{output, show};
use crate::app::App;
use crate::config::TargetConfig;
use crate::report::grid::{Grid, Tone, strong};
use crate::reason::HeldBy;
use crate::report::{Spoken, TargetState, words};
use crate::store::Store;
use crate::store::memory::TargetRow;
use crate::store::query::{BlockedSince, RunLine};
use crate::sync::outcome;

/// How many blocked people are listed.
const BLOCKED: usize = 20;

/// One target's state, gathered.
struct Found<'a> {
    target: &'a TargetConfig,
    row: TargetRow,
    last: Option<RunLine>,
    good: Option<DateTime<Utc>>,
    blocked: Vec<BlockedSince>,
    /// Its last good run is older than `--max-age`, or there is none.
    late: bool,
}

/// Shows the state.
pub async fn run(args: &StatusArgs, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    let mut all = Vec::new();
    for target in &app.config().target {
        all.push(gather(target, &store, args, app).await?);
    }
    let next = next_runs(args.next.unwrap_or(0), app);
    match args.output.output {
        Output::Json => output::json(&json!({
            "version": 1,
            "targets": all.iter().map(|f| f.json(app)).collect::<Vec<_>>(),
            "next": next,
        }))?,
        Output::Table => {
            let mut text: String = all.iter().map(|f| f.text(app) + "\n").collect();
            if args.next.is_some() {
                text.push_str(&upcoming(&next, app));
            }
            output::text(&text)?;
        }
    }
    Ok(if all.iter().any(|f| f.late) { Exit::Failed } else { Exit::Done })
}

async fn gather<'a>(
    target: &'a TargetConfig,
    store: &Store,
    args: &StatusArgs,
    app: &App,
) -> anyhow::Result<Found<'a>> {
    let good = store.last_success(&target.name).await?;
    let late = args.max_age.is_some_and(|age| {
        good.is_none_or(|at| (app.now() - at).to_std().is_ok_and(|passed| passed > age.as_duration()))
    });
    Ok(Found {
        target,
        row: store.target(&target.name).await?,
        last: store.last_run(&target.name).await?,
        good,
        blocked: store.blocked(&target.name).await?,
        late,
    })
}

fn next_runs(count: u32, app: &App) -> Vec<DateTime<Utc>> {
    let timetable = app.config().schedule.timetable();
    std::iter::successors(timetable.next(app.now()), |at| timetable.next(*at))
        .take(count.try_into().unwrap_or(usize::MAX))
        .collect()
}

fn upcoming(next: &[DateTime<Utc>], app: &App) -> String {
    let mut text = format!("{}\n", strong(&t!("cli.status.next", zone = app.zone())));
    for at in next {
        text.push_str(&format!("  {}\n", show::moment(*at, app.zone())));
    }
    text
}

impl Found<'_> {
    fn state(&self, app: &App) -> TargetState {
        outcome::state(&self.row, app.today())
    }

    /// What held the last run back; empty once a later run went through.
    fn held_by(&self) -> &[HeldBy] {
        self.last.as_ref().and_then(|run| run.report.as_ref()).map_or(&[], |report| &report.held_by)
    }

    fn json(&self, app: &App) -> Value {
        json!({
            "target": self.target.name,
            "url": self.target.url,
            "dialect": self.target.dialect,
            "state": self.state(app),
            "dirty_since": self.row.dirty_since,
            "quarantined_by": self.row.quarantined_by,
            "paused": self.row.paused.as_ref().map(|p| json!({ "reason": p.reason, "until": p.until })),
            "committed_at": self.row.committed_at,
            "last_success": self.good,
            "late": self.late,
            "last_run": self.last.as_ref().map(show::run),
            "held_by": self.held_by().iter().map(Spoken).collect::<Vec<_>>(),
            "blocked": self.blocked,
        })
    }

    fn text(&self, app: &App) -> String {
        let state = self.state(app);
        let tone = match state {
            TargetState::Clean => Tone::Good,
            TargetState::Paused => Tone::Notice,
            TargetState::Dirty | TargetState::Quarantined => Tone::Bad,
        };
        let title = t!("report.target", name = self.target.name);
        let mut text =
            format!("{}  {}  {}\n", strong(&title), self.target.url, tone.paint(&words::state(state)));
        let mut line = |said: &str| text.push_str(&format!("  {said}\n"));
        let when = |at: DateTime<Utc>| show::moment(at, app.zone());
        if let Some(since) = self.row.dirty_since {
            line(&t!("cli.status.dirty_since", since = when(since)));
        }
        if let Some(check) = self.row.quarantined_by {
            line(&t!("cli.status.quarantined_by", check = check));
        }
        if let Some(pause) = &self.row.paused {
            let until = pause.until.map_or_else(|| "–".to_owned(), |d| d.to_string());
            line(&t!("cli.status.paused", reason = pause.reason, until = until));
        }
        match &self.last {
            Some(run) => line(&t!(
                "cli.status.last_run",
                id = run.id,
                began = when(run.started_at),
                outcome = show::outcome(run.outcome.as_deref())
            )),
            None => line(&t!("cli.status.no_run")),
        }
        if let Some(good) = self.good {
            line(&t!("cli.status.last_good", at = when(good)));
        }
        if self.late {
            line(&Tone::Bad.paint(&t!("cli.status.late")));
        }
        text.push_str(&self.held_text());
        text.push_str(&self.blocked_text());
        text
    }

    fn held_text(&self) -> String {
        let Some(run) = &self.last else { return String::new() };
        let id = run.id.to_string();
        self.held_by().iter().map(|held| crate::report::table::held_lines(held, &id)).collect()
    }

    fn blocked_text(&self) -> String {
        if self.blocked.is_empty() {
            return String::new();
        }
        let mut grid = Grid::new(2, output::width());
        for blocked in self.blocked.iter().take(BLOCKED) {
            let since = t!("report.since", day = blocked.since);
            let kind = words::block_kind(blocked.reason);
            grid.row(&[
                (blocked.person.as_str(), Tone::Plain),
                (&kind, Tone::Notice),
                (&since, Tone::Faint),
            ]);
        }
        let rest = self.blocked.len().saturating_sub(BLOCKED);
        let rest = if rest == 0 { String::new() } else { format!("  {}\n", t!("cli.more", count = rest)) };
        format!("\n  {}\n{}{rest}", t!("report.blocked", count = self.blocked.len()), grid.render())
    }
}
