//! `rosterd drift`: what somebody changed on the gateway behind rosterd's back, and a plan that puts it right.

use std::path::PathBuf;

use clap::Args;
use rust_i18n::t;
use serde_json::json;

use super::adopt::{list, only_target};
use super::args::{Global, Output};
use super::exit::Exit;
use super::progress::Bar;
use super::{args, output, show, signals, sync};
use crate::app::App;
use crate::app::drift::Wish;
use crate::app::plan_file::PlanFile;
use crate::app::sync::{Answer, Request};
use crate::existing::drift::{DriftReport, Drifted};
use crate::model::TargetName;
use crate::report::grid::{Tone, strong};
use crate::report::{Spoken, words};
use crate::store::journal::Trigger;

/// Compare what rosterd manages with what the gateway holds
///
/// 比较 rosterd 管理的内容与网关现有内容
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// The target; needed where there are several
    ///
    /// 目标；有多个时必须给出
    #[arg(long, value_name = "NAME", value_parser = args::target)]
    pub target: Option<TargetName>,
    /// Remember what the gateway holds, and plan to put it right; sync --plan or the next sync does it
    ///
    /// 记住网关现状，并计划恢复原状；由 sync --plan 或下一次同步执行
    #[arg(long)]
    pub repair: bool,
    /// Write the plan of the repair to this file, for `sync --plan`
    ///
    /// 把恢复计划写入此文件，供 sync --plan 使用
    #[arg(short, long = "out", value_name = "FILE", requires = "repair")]
    pub out: Option<PathBuf>,
}

/// Compares; with `--repair`, plans too.
pub async fn run(args: &DriftArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let target = only_target(args.target.as_ref(), app)?;
    let store = if args.repair { app.store().await? } else { app.store_to_read().await? };
    let stop = signals::stop()?;
    let bar = Bar::new(global);
    let asked = |more| bar.asked(more);
    let wish = Wish { target: &target, repair: args.repair, stop: stop.clone(), progress: &asked };
    let report = app.drift(&store, wish).await;
    bar.done();
    let report = report?;
    let planned = match args.repair {
        true => {
            let request =
                Request { dry: true, targets: vec![target.clone()], ..Request::all(Trigger::Cli, stop) };
            Some(sync::carry_out(request, global, app, &store).await?)
        }
        false => None,
    };
    tell(global.output, &target, &report, planned.as_ref())?;
    let Some(answer) = planned else {
        return Ok(if report.unanswered > 0 { Exit::Partial } else { Exit::Done });
    };
    if let Some(path) = args.out.as_ref().filter(|_| answer.roster_error.is_none()) {
        PlanFile::of(&answer.report, None).write(path)?;
        output::note(&sync::wrote(path));
    }
    Ok(sync::exit(&answer))
}

fn tell(
    form: Output,
    target: &TargetName,
    report: &DriftReport,
    planned: Option<&Answer>,
) -> anyhow::Result<()> {
    match form {
        Output::Json => {
            let plan = planned.map(|answer| Spoken(&answer.report));
            output::json(&json!({ "version": 1, "target": target, "drift": report, "plan": plan }))
        }
        Output::Table | Output::Csv => {
            output::text(&text(target, report))?;
            match planned {
                Some(answer) => sync::show(answer, Output::Table, false),
                None => Ok(()),
            }
        }
    }
}

fn text(target: &TargetName, report: &DriftReport) -> String {
    let mut text = format!("{}\n", strong(&t!("report.target", name = target)));
    let line = t!("cli.drift.looked", count = report.looked_at, same = report.same);
    text.push_str(&format!("  {line}\n"));
    for (count, line) in [
        (report.unanswered, t!("cli.drift.unanswered", count = report.unanswered)),
        (report.unsettled, t!("cli.drift.unsettled", count = report.unsettled)),
    ] {
        if count > 0 {
            text.push_str(&format!("  {}\n", Tone::Notice.paint(&line)));
        }
    }
    if let Some(unmanaged) = &report.unmanaged {
        text.push_str(&format!("  {}\n", t!("cli.drift.unmanaged", count = unmanaged.len())));
    }
    let changed: Vec<_> = report.changed.iter().map(changed).collect();
    list(&mut text, &t!("cli.drift.changed", count = changed.len()), &changed);
    let named = |all: &[Drifted]| -> Vec<_> {
        all.iter().map(|one| format!("{} ({})", one.person, one.username)).collect()
    };
    list(&mut text, &t!("cli.drift.removed", count = report.removed.len()), &named(&report.removed));
    list(&mut text, &t!("cli.drift.replaced", count = report.replaced.len()), &named(&report.replaced));
    if report.is_clean() {
        text.push_str(&format!("\n{}\n", strong(&Tone::Good.paint(&t!("cli.drift.none")))));
    }
    text
}

fn changed(one: &Drifted) -> String {
    let change = |(field, (before, after)): (&String, &(Option<String>, Option<String>))| {
        show::change(field, before.as_deref(), after.as_deref())
    };
    let changes = one.changes.iter().map(change).collect::<Vec<_>>().join(&words::comma());
    format!("{} ({}) {changes}", one.person, one.username)
}
