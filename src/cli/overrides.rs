//! `rosterd suspend`, `hold`, `resume`, `release`: what a person says about a person, over whatever the roster says.

use chrono::NaiveDate;
use clap::Args;
use rust_i18n::t;
use serde_json::json;

use super::args::{Global, Output};
use super::exit::Exit;
use super::failure::Failure;
use super::{args, output};
use crate::app::{App, actor};
use crate::model::{PersonKey, TargetName, Username};
use crate::plan::OverrideKind;
use crate::reason::ErrorKind;
use crate::report::grid::strong;

/// `rosterd suspend`, `rosterd hold`
#[derive(Debug, Args)]
pub struct OverrideArgs {
    /// Person key
    ///
    /// 人员标识
    #[arg(value_name = "PERSON", value_parser = args::person)]
    pub person: PersonKey,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: String,
    /// Until the end of this day; without it until `resume`
    ///
    /// 到这一天结束为止；不给出则到 resume 为止
    #[arg(long, value_name = "DATE")]
    pub until: Option<NaiveDate>,
}

/// End a suspension or a hold: the roster decides again
///
/// 结束停用或搁置：重新以名单为准
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Person key
    ///
    /// 人员标识
    #[arg(value_name = "PERSON", value_parser = args::person)]
    pub person: PersonKey,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: String,
}

/// Give a person's accounts up: they stay on the gateway, and rosterd touches them no more
///
/// 放弃管理某人的账号：账号留在网关上，rosterd 不再触碰
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// Person key
    ///
    /// 人员标识
    #[arg(value_name = "PERSON", value_parser = args::person)]
    pub person: PersonKey,
    /// Only on this target; otherwise on all
    ///
    /// 只在此目标上；否则在所有目标上
    #[arg(long, value_name = "NAME", value_parser = args::target)]
    pub target: Option<TargetName>,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: String,
}

/// Gives a person's accounts up.
pub async fn release(args: &ReleaseArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let targets: Vec<TargetName> = match &args.target {
        Some(name) => vec![app.target(name)?.name.clone()],
        None => app.config().target.iter().map(|target| target.name.clone()).collect(),
    };
    let mut released = Vec::new();
    for target in targets {
        let name = app.release(&store, &target, &args.person, &args.reason).await?;
        released.extend(name.map(|name| (target, name)));
    }
    if released.is_empty() {
        let message = t!("cli.override.not_ours", person = args.person);
        return Err(Failure::new(ErrorKind::NotOurs, message, t!("cli.override.nothing_next")).into());
    }
    let value = || {
        let all = released.iter().map(|(target, name)| json!({ "target": target, "username": name }));
        json!({ "version": 1, "person": args.person, "released": all.collect::<Vec<_>>() })
    };
    output::answer(global.output, value, || {
        let line = |(target, name): &(TargetName, Username)| {
            let line = t!("cli.override.released", person = args.person, name = name, target = target);
            format!("{}\n", strong(&line))
        };
        let lines: String = released.iter().map(line).collect();
        format!("{lines}  {}\n", t!("cli.override.released_next"))
    })?;
    Ok(Exit::Done)
}

/// Says that somebody is suspended or held.
pub async fn say(
    kind: OverrideKind,
    args: &OverrideArgs,
    global: &Global,
    app: &App,
) -> anyhow::Result<Exit> {
    if args.until.is_some_and(|until| until < app.today()) {
        return Err(Failure::usage(t!("cli.override.past"), t!("cli.override.past_next")).into());
    }
    let store = app.store().await?;
    let (people, what) = (vec![args.person.clone()], Some((kind, args.until)));
    store.say(people, what, args.reason.clone(), actor::current(), app.now()).await?;
    let until = args.until.map_or_else(|| t!("cli.override.open").into_owned(), |day| day.to_string());
    let (word, line) = match kind {
        OverrideKind::Suspend => {
            ("suspend", t!("cli.override.suspended", person = args.person, until = until))
        }
        OverrideKind::Hold => ("hold", t!("cli.override.held", person = args.person, until = until)),
    };
    tell(global.output, &args.person, word, &line)
}

/// Ends what was said before.
pub async fn resume(args: &ResumeArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    if !store.said(app.today()).await?.contains_key(&args.person) {
        let message = t!("cli.override.nothing", person = args.person);
        return Err(Failure::new(ErrorKind::NotOverridden, message, t!("cli.override.nothing_next")).into());
    }
    store.say(vec![args.person.clone()], None, args.reason.clone(), actor::current(), app.now()).await?;
    tell(global.output, &args.person, "resume", &t!("cli.override.resumed", person = args.person))
}

fn tell(form: Output, person: &PersonKey, what: &str, line: &str) -> anyhow::Result<Exit> {
    let value = || json!({ "version": 1, "person": person, "override": what });
    output::answer(form, value, || format!("{}\n  {}\n", strong(line), t!("cli.override.next")))?;
    Ok(Exit::Done)
}
