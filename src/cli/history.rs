//! `rosterd history`: everything that was done to one person's accounts, and which account they had when.

use clap::Args;
use rust_i18n::t;
use serde_json::json;

use super::args::Global;
use super::exit::Exit;
use super::{output, show};
use crate::app::App;
use crate::report::grid::{Grid, Tone};
use crate::report::words;
use crate::store::journal::IntentState;
use crate::store::query::HistoryLine;

/// Show every version of a person's account
///
/// 显示某人账号的每个版本
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Person key or user name
    ///
    /// 人员标识或用户名
    #[arg(value_name = "PERSON|USERNAME")]
    pub who: String,
}

/// How many entries are read; nobody has more.
const LIMIT: u32 = 10_000;

/// Shows the history of a person, or of whoever had a user name.
pub async fn run(args: &HistoryArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    let lines = store.history(&args.who, LIMIT).await?;
    let value = || json!({ "version": 1, "who": args.who, "history": lines });
    output::answer(global.output, value, || match lines.as_slice() {
        [] => format!("{}\n", t!("cli.history.none", who = args.who)),
        lines => grid(lines, app).render(),
    })?;
    Ok(Exit::Done)
}

/// The entries as rows, newest first.
pub fn grid(lines: &[HistoryLine], app: &App) -> Grid {
    let mut grid = Grid::new(0, output::width());
    grid.header(&[
        t!("cli.history.at"),
        t!("cli.runs.id"),
        t!("cli.runs.target"),
        t!("cli.history.person"),
        t!("cli.history.what"),
        t!("cli.history.why"),
        t!("cli.history.result"),
        t!("cli.history.changes"),
    ]);
    for line in lines {
        let (result, tone) = result(line);
        grid.row(&[
            (show::moment(line.at, app.zone()), Tone::Faint),
            (line.run.to_string(), Tone::Faint),
            (line.target.to_string(), Tone::Plain),
            (line.person.to_string(), Tone::Plain),
            (format!("{} {}", words::sign(line.kind), words::kind(line.kind)), Tone::Plain),
            (words::reason(line.reason).into_owned(), Tone::Plain),
            (result, tone),
            (changes(line), Tone::Plain),
        ]);
    }
    grid
}

fn result(line: &HistoryLine) -> (String, Tone) {
    let (word, tone) = match line.state {
        IntentState::Applied | IntentState::Done => (t!("cli.history.done"), Tone::Good),
        IntentState::Refused => (t!("cli.history.refused"), Tone::Bad),
        IntentState::NotSent => (t!("cli.history.not_sent"), Tone::Notice),
        IntentState::Sending | IntentState::Unknown => (t!("cli.history.unknown"), Tone::Bad),
        IntentState::Undone => (t!("cli.history.undone"), Tone::Notice),
    };
    let code = line.code.filter(|c| *c != 0).map(|c| format!(" ({})", t!("report.code", code = c)));
    (format!("{word}{}", code.unwrap_or_default()), tone)
}

/// One line per field that differs between before and after.
fn changes(line: &HistoryLine) -> String {
    let mut lines = Vec::new();
    if line.username != line.new_username {
        lines.push(show::change("username", Some(&line.username), Some(&line.new_username)));
    }
    match (&line.before, &line.after) {
        (Some(before), Some(after)) => {
            for field in before.differing(after) {
                let (old, new) = (before.text(field), after.text(field));
                lines.push(show::change(field.as_str(), old.as_deref(), new.as_deref()));
            }
        }
        (None, Some(after)) => lines.extend(show::fields(after)),
        (_, None) => {}
    }
    lines.join("\n")
}
