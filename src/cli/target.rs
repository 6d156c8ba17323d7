//! `rosterd target accept`: the gateway behind a target is another one now, and that is right.

use clap::{Args, Subcommand, ValueEnum};
use rust_i18n::t;
use serde_json::json;

use super::args::{self, Global};
use super::exit::Exit;
use super::{output, signals};
use crate::app::App;
use crate::model::{PersonKey, TargetName};
use crate::report::grid::{Tone, strong};
use crate::report::words;
use crate::sync::accept::{Rebased, Thoroughness};

/// Work with configured gateways
///
/// 处理已配置的网关
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    Accept(TargetAcceptArgs),
}

/// Accept that a target's address or dialect has changed
///
/// 确认某目标的地址或接口类型已更换
#[derive(Debug, Args)]
pub struct TargetAcceptArgs {
    /// The target
    ///
    /// 目标
    #[arg(value_name = "NAME", value_parser = args::target)]
    pub name: TargetName,
    /// How many accounts to look at on the gateway first
    ///
    /// 先在网关上查看多少账号
    #[arg(long, value_name = "SCOPE", default_value = "sample")]
    pub look: LookScope,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: String,
}

/// How many accounts are looked at when a changed gateway is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LookScope {
    Sample,
    All,
}

/// How many people are named.
const NAMED: usize = 20;

/// Carries out `target accept`.
pub async fn run(command: &TargetCommand, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let TargetCommand::Accept(args) = command;
    let thoroughness = match args.look {
        LookScope::Sample => Thoroughness::Sample,
        LookScope::All => Thoroughness::All,
    };
    let store = app.store().await?;
    let rebased = app.accept(&store, &args.name, thoroughness, args.reason.clone(), signals::stop()?).await?;
    let value = || json!({ "version": 1, "target": args.name, "looks": rebased });
    output::answer(global.output, value, || text(args, &rebased))?;
    Ok(if rebased.accepted { Exit::Done } else { Exit::Held })
}

fn text(args: &TargetAcceptArgs, rebased: &Rebased) -> String {
    let Rebased { looked_at, same, different, absent, unanswered, accepted } = rebased;
    let mut text = format!("{}\n", t!("cli.accept.looked", count = looked_at, same = same));
    for (people, line) in [
        (different, t!("cli.accept.different", people = names(different))),
        (absent, t!("cli.accept.absent", people = names(absent))),
        (unanswered, t!("cli.accept.unanswered", people = names(unanswered))),
    ] {
        if !people.is_empty() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    let verdict = match accepted {
        true => Tone::Good.paint(&t!("cli.accept.done", name = args.name)),
        false => Tone::Notice.paint(&t!("cli.accept.not_done", name = args.name)),
    };
    text.push_str(&format!("{}\n", strong(&verdict)));
    text
}

fn names(people: &[PersonKey]) -> String {
    let mut text = people.iter().take(NAMED).map(PersonKey::as_str).collect::<Vec<_>>().join(&words::comma());
    if people.len() > NAMED {
        text.push_str(&format!(" {}", t!("cli.more", count = people.len() - NAMED)));
    }
    text
}
