//! `rosterd sync`: brings the gateways in step with the roster, or shows what that would do.

use std::path::{Path, PathBuf};

use clap::Args;
use rust_i18n::t;

use super::args::{self, Global, Output, RosterArgs};
use super::exit::Exit;
use super::progress::{self, Bar};
use super::{failure, output, signals};
use crate::app::App;
use crate::app::plan_file::PlanFile;
use crate::app::sync::{Answer, Request};
use crate::model::{PersonKey, TargetName};
use crate::report::table::{self, RefusedRow, View};
use crate::report::{FailureReport, Spoken, SyncReport};
use crate::roster::{RosterOverride, RosterReport};
use crate::store::Store;
use crate::store::journal::Trigger;

/// Bring the gateways in step with the roster
///
/// 使网关与名单一致
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Plan and show, send nothing that changes anything
    ///
    /// 只计划并显示，不发送任何改动
    #[arg(long)]
    pub dry_run: bool,
    /// Carry out exactly this plan, written by `plan -o`, or refuse
    ///
    /// 严格按 plan -o 写出的计划执行，否则拒绝
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "only", "roster", "target"])]
    pub plan: Option<PathBuf>,
    /// Change only this person; may be repeated
    ///
    /// 只改动此人；可多次给出
    #[arg(long, value_name = "PERSON", value_parser = args::person)]
    pub only: Vec<PersonKey>,
    /// Only this target; may be repeated
    ///
    /// 只处理此目标；可多次给出
    #[arg(long, value_name = "NAME", value_parser = args::target)]
    pub target: Vec<TargetName>,
    /// Which roster.
    ///
    /// 改读此文件、文件夹或通配符；不会据此认定有人缺失
    #[command(flatten)]
    pub roster: RosterArgs,
    /// Let this guard pass in this run; may be repeated
    ///
    /// 本次放行此护栏；可多次给出
    #[arg(long, value_name = "NAME", requires = "reason")]
    pub allow_guard: Vec<String>,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: Option<String>,
    /// Show every action, not only the first ones
    ///
    /// 显示全部操作，而不只是前面的
    #[arg(long)]
    pub full: bool,
}

/// Carries out a sync, or shows it.
pub async fn run(args: &SyncArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let mut request = Request {
        dry: args.dry_run,
        only: args.only.iter().cloned().collect(),
        targets: args.target.clone(),
        roster: given(&args.roster)?,
        allow_guards: args.allow_guard.iter().cloned().collect(),
        reason: args.reason.clone().unwrap_or_default(),
        ..Request::all(Trigger::Cli, signals::stop()?)
    };
    if let Some(path) = &args.plan {
        take_plan(path, &mut request, &store).await?;
    }
    let answer = carry_out(request, global, app, &store).await?;
    show(&answer, global.output, args.full)?;
    if !args.dry_run {
        tell(&answer, app, &store).await;
    }
    Ok(exit(&answer))
}

/// Tells the configured receivers what a sync came to.
pub async fn tell(answer: &Answer, app: &App, store: &Store) {
    app.notifier().tell(store, answer.news()).await;
}

/// Takes over what a plan file asks for: its plans, and the roster it was made from.
async fn take_plan(path: &Path, request: &mut Request, store: &Store) -> anyhow::Result<()> {
    let file = PlanFile::read(path)?;
    request.expected = file.stored(path, store).await?;
    request.roster =
        file.roster.map(|given| RosterOverride { path: given.path, authoritative: given.authoritative });
    Ok(())
}

/// `--roster PATH [--authoritative]`. The path is made absolute, for a plan file may be used from another folder.
pub fn given(args: &RosterArgs) -> anyhow::Result<Option<RosterOverride>> {
    let Some(path) = &args.roster else { return Ok(None) };
    let path: PathBuf = std::path::absolute(path)?;
    Ok(Some(RosterOverride { path, authoritative: args.authoritative }))
}

/// Runs, with a progress bar where people watch.
pub async fn carry_out(
    request: Request,
    global: &Global,
    app: &App,
    store: &Store,
) -> anyhow::Result<Answer> {
    let bar = Bar::new(global);
    let acted = |more| bar.acted(more);
    let answer = app.sync(store, request, progress::watch(&bar, &acted)).await;
    bar.done();
    Ok(answer?)
}

/// Shows what a sync or a plan came to.
pub fn show(answer: &Answer, form: Output, full: bool) -> anyhow::Result<()> {
    if let Some(error) = &answer.roster_error {
        output::note(&failure::words(error));
        if form == Output::Json {
            let exit_code = exit(answer).code();
            let (error, targets) = (error.clone(), Vec::new());
            output::json(&FailureReport { version: 1, exit_code, error, targets })?;
        }
        return Ok(());
    }
    match form {
        Output::Json => output::json(&Spoken(&answer.report)),
        Output::Table | Output::Csv => {
            let refused = answer.reading.as_ref().map(refused).unwrap_or_default();
            output::text(&table::render(&answer.report, &View { full, width: output::width(), refused }))
        }
    }
}

/// The rows of the roster that were refused, as the report shows them.
fn refused(report: &RosterReport) -> Vec<RefusedRow> {
    let files = report.sources.iter().flat_map(|source| &source.files);
    files
        .flat_map(|file| {
            file.problems.iter().filter(|p| p.refused).map(|problem| RefusedRow {
                place: format!("{}:{}", file.file, problem.line),
                column: problem.column.clone(),
                problem: t!("cli.row_problem", problem = problem.message(), advice = problem.advice())
                    .into_owned(),
            })
        })
        .collect()
}

/// The exit code: without a roster at least 1, for even a run that never reached its target failed.
pub fn exit(answer: &Answer) -> Exit {
    let exit = answer.report.exit();
    if answer.roster_error.is_some() { exit.and(Exit::Failed) } else { exit }
}

/// Whether any target has something to do.
pub fn has_changes(report: &SyncReport) -> bool {
    let changes = |counts| crate::report::words::by_kind(counts).iter().any(|(_, count)| *count > 0);
    report.targets.iter().any(|target| changes(&target.counts))
}

/// Where a plan was written, for people.
pub fn wrote(path: &Path) -> String {
    t!("cli.plan.wrote", path = path.display()).into_owned()
}
