//! `rosterd plan`: shows what a sync would do, and can keep it for `sync --plan`.

use std::path::PathBuf;

use clap::Args;

use super::args::{self, Global, RosterArgs};
use super::exit::Exit;
use super::{output, signals, sync};
use crate::app::App;
use crate::app::plan_file::{GivenRoster, PlanFile};
use crate::app::sync::Request;
use crate::model::TargetName;
use crate::store::journal::Trigger;

/// Show what a sync would do, and change nothing
///
/// 显示同步会做什么，不作任何改动
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Write the plan to this file, for `sync --plan`
    ///
    /// 把计划写入此文件，供 sync --plan 使用
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit 10 when there are changes
    ///
    /// 有变更时以 10 退出
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Show every action, not only the first ones
    ///
    /// 显示全部操作，而不只是前面的
    #[arg(long)]
    pub full: bool,
    /// Ask the gateway nothing; what would be looked at is marked unchecked
    ///
    /// 不询问网关；本应查看的内容标为未核对
    #[arg(long)]
    pub offline: bool,
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
}

/// Plans and shows.
pub async fn run(args: &PlanArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let roster = sync::given(&args.roster)?;
    let request = Request {
        dry: true,
        offline: args.offline,
        targets: args.target.clone(),
        roster: roster.clone(),
        ..Request::all(Trigger::Cli, signals::stop()?)
    };
    let answer = sync::carry_out(request, global, app, &store).await?;
    sync::show(&answer, global.output, args.full)?;
    let exit = sync::exit(&answer);
    if let Some(path) = args.out.as_ref().filter(|_| answer.roster_error.is_none()) {
        let roster = roster.map(|given| GivenRoster { path: given.path, authoritative: given.authoritative });
        PlanFile::of(&answer.report, roster).write(path)?;
        output::note(&sync::wrote(path));
    }
    let changed = args.detailed_exitcode && exit == Exit::Done && sync::has_changes(&answer.report);
    Ok(if changed { Exit::Changes } else { exit })
}
