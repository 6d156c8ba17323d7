//! `rosterd approve`: lets what a guard held back pass, for exactly the people behind it.

use chrono::{DateTime, Utc};
use clap::Args;
use rust_i18n::t;
use serde_json::{Value, json};

use super::args::{self, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::{output, show, signals, sync};
use crate::app::sync::Request;
use crate::app::{App, actor};
use crate::config::Span;
use crate::model::TargetName;
use crate::reason::{ErrorKind, Guard};
use crate::report::grid::strong;
use crate::store::journal::{RunId, Trigger};
use crate::store::plans::NewApproval;
use crate::sync::approve;

/// Let a held run's guarded set pass
///
/// 放行某次被拦下的运行所涉及的内容
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The held run
    ///
    /// 被拦下的运行
    #[arg(value_name = "RUN")]
    pub run: i64,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: String,
    /// How long the approval is good
    ///
    /// 批准的有效时长
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = args::span)]
    pub expires: Span,
    /// Sync at once
    ///
    /// 立即同步
    #[arg(long)]
    pub now: bool,
}

/// Records the approval.
pub async fn run(args: &ApproveArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    let run = RunId(args.run);
    let (target, plan) = store.plan_of_run(run).await?;
    // A quarantine stands behind the last run only: an older one cannot answer for what was written since.
    let last = store.last_run(&target).await?.is_some_and(|line| line.id == run.0);
    let quarantine = store.target(&target).await?.quarantined_by.filter(|_| last);
    let sets = approve::sets(&plan, quarantine)
        .map_err(|e| Failure::new(ErrorKind::NotHeld, e.to_string(), t!("cli.approve.next")))?;
    let now = app.now();
    let lasts = chrono::TimeDelta::from_std(args.expires.as_duration())?;
    let expires_at = now.checked_add_signed(lasts).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let guards = sets.iter().map(|(guard, set)| (*guard, set.len())).collect();
    let new = NewApproval {
        target: target.clone(),
        run,
        sets,
        reason: args.reason.clone(),
        actor: actor::current(),
        expires_at,
    };
    let id = app.audited(&store, store.approve(new, now)).await?;
    let approved = Approved { id, guards, until: expires_at };
    if args.now {
        output::note(&approved.text(&target, app));
        let request = Request { targets: vec![target], ..Request::all(Trigger::Cli, signals::stop()?) };
        let answer = sync::carry_out(request, global, app, &store).await?;
        sync::show(&answer, global.output, false)?;
        sync::tell(&answer, app, &store).await;
        return Ok(sync::exit(&answer));
    }
    let text = || format!("{}\n", approved.text(&target, app));
    output::answer(global.output, || approved.json(&target, run), text)?;
    Ok(Exit::Done)
}

/// What was approved.
struct Approved {
    id: i64,
    /// Guard → how many things stand behind it.
    guards: Vec<(Guard, usize)>,
    until: DateTime<Utc>,
}

impl Approved {
    fn json(&self, target: &TargetName, run: RunId) -> Value {
        let guards: serde_json::Map<_, _> =
            self.guards.iter().map(|(guard, n)| (guard.to_string(), json!(n))).collect();
        json!({
            "version": 1, "approval": self.id.to_string(), "target": target, "run_id": run.to_string(),
            "guards": guards, "expires_at": self.until,
        })
    }

    fn text(&self, target: &TargetName, app: &App) -> String {
        let until = show::moment(self.until, app.zone());
        let mut lines = vec![strong(&t!("cli.approve.done", id = self.id, target = target, until = until))];
        let guards = self.guards.iter();
        lines.extend(guards.map(|(g, n)| format!("  {}", t!("cli.approve.guard", guard = g, count = n))));
        lines.join("\n")
    }
}
