//! `rosterd undo`: a plan that puts back what a run changed, and what no call can bring back.

use std::path::PathBuf;

use clap::Args;
use rust_i18n::t;
use serde::Serialize;
use serde_json::json;

use super::adopt::list;
use super::args::{Global, Output};
use super::exit::Exit;
use super::failure::Failure;
use super::{output, signals, sync};
use crate::app::App;
use crate::app::plan_file::PlanFile;
use crate::app::sync::Request;
use crate::model::{PersonKey, Username};
use crate::plan::{AccountField, Snapshot, Undo};
use crate::reason::ErrorKind;
use crate::report::Spoken;
use crate::report::words;
use crate::store::journal::{RunId, Trigger};

/// What belongs to a user and comes back with no call, in the order of reports.
const LOST: [&str; 4] = ["password", "certificate", "hardware_code", "virtual_ip"];

/// Plan to put back what a run changed
///
/// 计划恢复某次运行所作的改动
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The run to put back
    ///
    /// 要恢复的运行
    #[arg(value_name = "RUN")]
    pub run: i64,
    /// Write the plan to this file, for `sync --plan`
    ///
    /// 把计划写入此文件，供 sync --plan 使用
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show every action, not only the first ones
    ///
    /// 显示全部操作，而不只是前面的
    #[arg(long)]
    pub full: bool,
}

/// Somebody of whom something cannot be brought back.
#[derive(Debug, Serialize)]
struct Lost {
    person: PersonKey,
    username: Username,
    what: &'static [&'static str],
}

/// Somebody of whom something changed again since the run, which an undo leaves as it is.
#[derive(Debug, Serialize)]
struct Kept {
    person: PersonKey,
    username: Username,
    fields: Vec<AccountField>,
}

/// Plans and shows. Sends nothing: `sync --plan` does.
pub async fn run(args: &UndoArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let run = RunId(args.run);
    let target = store.run(run).await?.target;
    let undo = store.changes_of(run, &target).await?;
    if undo.people.is_empty() {
        let message = t!("cli.undo.nothing", run = run);
        return Err(Failure::new(ErrorKind::NothingToUndo, message, t!("cli.undo.nothing_next")).into());
    }
    let groups = store.groups_created_by(run).await?;
    let request = Request {
        dry: true,
        undo: Some(run),
        targets: vec![target.clone()],
        ..Request::all(Trigger::Cli, signals::stop()?)
    };
    let answer = sync::carry_out(request, global, app, &store).await?;
    let (lost, kept) = (lost(&undo), kept(&undo, &store.snapshot(&target).await?));
    match global.output {
        Output::Json if answer.roster_error.is_none() => output::json(&json!({
            "version": 1, "undo_of": run.to_string(), "lost": lost, "kept": kept,
            "groups_left": groups, "plan": Spoken(&answer.report),
        }))?,
        form => {
            sync::show(&answer, form, args.full)?;
            if form != Output::Json {
                output::text(&text(&lost, &kept, groups))?;
            }
        }
    }
    if let Some(path) = args.out.as_ref().filter(|_| answer.roster_error.is_none()) {
        PlanFile::of(&answer.report, None).write(path)?;
        output::note(&sync::wrote(path));
    }
    Ok(sync::exit(&answer))
}

/// Whoever was deleted comes back as another user of the same name.
fn lost(undo: &Undo) -> Vec<Lost> {
    let deleted = undo.people.iter().filter(|(_, restore)| restore.after.is_none());
    let lost = deleted.filter_map(|(person, restore)| {
        let username = restore.before.as_ref()?.username.clone();
        Some(Lost { person: person.clone(), username, what: &LOST })
    });
    lost.collect()
}

fn kept(undo: &Undo, snapshot: &Snapshot) -> Vec<Kept> {
    let there = undo.people.iter().filter_map(|(person, restore)| {
        let entry = snapshot.entries.get(person)?;
        let fields = restore.changed_since(entry);
        Some(Kept { person: person.clone(), username: entry.username.clone(), fields })
    });
    there.filter(|one| !one.fields.is_empty()).collect()
}

fn text(lost: &[Lost], kept: &[Kept], groups: u64) -> String {
    let mut text = String::new();
    let lines: Vec<_> = lost.iter().map(|one| format!("{} ({})", one.person, one.username)).collect();
    list(&mut text, &t!("cli.undo.lost"), &lines);
    let fields = |one: &Kept| {
        one.fields.iter().map(|field| words::field(field.as_str())).collect::<Vec<_>>().join(", ")
    };
    let lines: Vec<_> =
        kept.iter().map(|one| format!("{} ({}): {}", one.person, one.username, fields(one))).collect();
    list(&mut text, &t!("cli.undo.kept"), &lines);
    if groups > 0 {
        text.push_str(&format!("\n{}\n", t!("cli.undo.groups", count = groups)));
    }
    text.push_str(&format!("\n{}\n", t!("cli.undo.then")));
    text
}
