//! `rosterd ucloud`: the authentication keys of UCloud's CDN.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use rust_i18n::t;
use serde_json::{Value, json};

use super::args::{Global, Output};
use super::doors::{self, Sheet};
use super::exit::Exit;
use super::output;
use crate::app::App;
use crate::cloud::jobs::KeyLine;
use crate::cloud::look::WatchReport;
use crate::cloud::watch::{ChangeKind, KeyChange};
use crate::config::Event;
use crate::daemon::Done;
use crate::notify::{Message, News};
use crate::store::Store;
use crate::store::journal::Trigger;

/// Look after the authentication keys of UCloud's CDN
///
/// 管理 UCloud CDN 的鉴权密钥
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "the arguments of each say what it is for")]
pub enum UcloudCommand {
    Auth(UcloudAuthArgs),
    Watch(UcloudWatchArgs),
}

/// Show domains, types and the fingerprints of their keys
///
/// 显示域名、类型及密钥指纹
#[derive(Debug, Args)]
pub struct UcloudAuthArgs {
    /// Only this domain
    ///
    /// 只看此域名
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Show the keys themselves; recorded in the audit trail
    ///
    /// 显示密钥本身；记入审计
    #[arg(long)]
    pub reveal: bool,
}

/// Tell which keys appeared, changed or vanished since the last look
///
/// 说明自上次查看以来哪些密钥新增、变更或消失
#[derive(Debug, Args)]
pub struct UcloudWatchArgs {
    /// Exit 10 when there are changes
    ///
    /// 有变化时以 10 退出
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Carries the command out.
pub async fn run(command: &UcloudCommand, global: &Global, app: &App) -> anyhow::Result<Exit> {
    match command {
        UcloudCommand::Auth(args) => auth(args, global, app).await,
        UcloudCommand::Watch(args) => watch(args, global, app).await,
    }
}

async fn auth(args: &UcloudAuthArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let doors = doors::of(app, Trigger::Cli);
    // Fingerprints are made with this database's own salt, so it must be the one that stays.
    let store = app.store().await?;
    let keys = doors.keys(&store, args.domain.as_deref(), args.reveal).await.map_err(doors::failure)?;
    if args.reveal && !keys.is_empty() {
        let names: std::collections::BTreeSet<_> = keys.iter().map(|k| k.domain.clone()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let noted = app.audited(&store, doors.note_revealed(&store, "ucloud_keys", &names)).await;
        noted.map_err(doors::failure)?;
    }
    let mut columns = vec![
        ("domain", t!("cloud.cli.cdn_domain")),
        ("type", t!("cloud.cli.type")),
        ("key_fingerprint", t!("cloud.cli.key_mark")),
        ("iv_fingerprint", t!("cloud.cli.iv_mark")),
    ];
    if args.reveal {
        columns.extend([("key", t!("cloud.cli.key")), ("iv", t!("cloud.cli.iv"))]);
    }
    let mut sheet = Sheet::new(&columns).exact("key").exact("iv");
    for line in &keys {
        let mut cells =
            vec![line.domain.clone(), line.kind.clone(), line.mark.key.clone(), line.mark.iv.clone()];
        if let Some(clear) = &line.clear {
            cells.extend([clear.key.clone(), clear.iv.clone()]);
        }
        sheet.row(cells);
    }
    let value = json!({ "version": 1, "revealed": args.reveal, "domains": by_domain(&keys) });
    if keys.is_empty() && global.output == Output::Table {
        output::text(&format!("{}\n", t!("cloud.cli.no_keys")))?;
    } else {
        sheet.show(global.output, &value)?;
    }
    Ok(Exit::Done)
}

/// Domains, their types, their keys.
fn by_domain(keys: &[KeyLine]) -> Value {
    let mut domains: BTreeMap<&str, BTreeMap<&str, Vec<Value>>> = BTreeMap::new();
    for line in keys {
        let mut key = json!({ "key_fingerprint": line.mark.key, "iv_fingerprint": line.mark.iv });
        if let Some(clear) = &line.clear {
            key["key"] = json!(clear.key);
            key["iv"] = json!(clear.iv);
        }
        domains.entry(&line.domain).or_default().entry(&line.kind).or_default().push(key);
    }
    let all = domains.into_iter().map(|(domain, types)| {
        let types: Vec<_> =
            types.into_iter().map(|(kind, keys)| json!({ "type": kind, "keys": keys })).collect();
        json!({ "domain": domain, "config": types })
    });
    Value::Array(all.collect())
}

async fn watch(args: &UcloudWatchArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let looked = app.audited(&store, doors::of(app, Trigger::Cli).watch(&store)).await;
    let report = looked.map_err(doors::failure)?;
    let mut sheet = Sheet::new(&[
        ("change", t!("cloud.cli.change")),
        ("domain", t!("cloud.cli.cdn_domain")),
        ("type", t!("cloud.cli.type")),
        ("key_before", t!("cloud.cli.key_before")),
        ("key_after", t!("cloud.cli.key_after")),
        ("iv_before", t!("cloud.cli.iv_before")),
        ("iv_after", t!("cloud.cli.iv_after")),
    ]);
    let form = global.output;
    report.changes.iter().for_each(|change| sheet.row(cells(change, form)));
    if form != Output::Table || !report.changes.is_empty() {
        sheet.show(form, &serde_json::to_value(&report)?)?;
    }
    if form == Output::Table {
        output::text(&format!("{}\n", summary(&report)))?;
    }
    app.notifier().tell(&store, news(&report)).await;
    let changed = args.detailed_exitcode && !report.changes.is_empty();
    Ok(if changed { Exit::Changes } else { Exit::Done })
}

fn cells(change: &KeyChange, form: Output) -> Vec<String> {
    let kind = match form {
        Output::Table => word(change.change),
        Output::Csv | Output::Json => change.change.as_str().to_owned(),
    };
    let mut cells = vec![kind, change.domain.clone(), change.kind.clone()];
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    cells.extend([
        before.map(|m| m.key.clone()).unwrap_or_default(),
        after.map(|m| m.key.clone()).unwrap_or_default(),
        before.map(|m| m.iv.clone()).unwrap_or_default(),
        after.map(|m| m.iv.clone()).unwrap_or_default(),
    ]);
    cells
}

fn word(kind: ChangeKind) -> String {
    match kind {
        ChangeKind::Appeared => t!("cloud.cli.appeared"),
        ChangeKind::Changed => t!("cloud.cli.changed"),
        ChangeKind::Vanished => t!("cloud.cli.vanished"),
    }
    .into_owned()
}

fn summary(report: &WatchReport) -> String {
    let (domains, keys) = (report.domains, report.keys);
    if report.first {
        return t!("cloud.cli.watch_first", domains = domains, keys = keys).into_owned();
    }
    if report.changes.is_empty() {
        return t!("cloud.cli.watch_same", domains = domains, keys = keys).into_owned();
    }
    t!(
        "cloud.cli.watch_changed",
        appeared = report.count(ChangeKind::Appeared),
        changed = report.count(ChangeKind::Changed),
        vanished = report.count(ChangeKind::Vanished)
    )
    .into_owned()
}

/// What messages about a failed look are about.
const TOPIC: &str = "ucloud";

/// What people are told of a look: which keys, never which fingerprints.
fn news(report: &WatchReport) -> News {
    let news = News::default().looked_at([TOPIC]);
    if report.changes.is_empty() {
        return news;
    }
    let line = |change: &KeyChange| format!("{} {} ({})", word(change.change), change.domain, change.kind);
    let lines = std::iter::once(summary(report)).chain(report.changes.iter().map(line)).collect();
    let message = Message::new(Event::UcloudKeys, t!("notify.ucloud").into_owned(), lines);
    News { messages: vec![message], ..news }
}

/// The scheduled look.
pub async fn scheduled(app: &App, store: &Store, trigger: Trigger) -> (Done, News) {
    match app.audited(store, doors::of(app, trigger).watch(store)).await {
        Ok(report) => {
            for change in &report.changes {
                let KeyChange { domain, kind, change, .. } = change;
                tracing::warn!(
                    domain,
                    r#type = kind,
                    change = change.as_str(),
                    "an authentication key is not as it was"
                );
            }
            tracing::info!(
                domains = report.domains,
                keys = report.keys,
                changes = report.changes.len(),
                "keys looked at"
            );
            let done = Done { exit_code: Exit::Done.code(), summary: summary(&report), complete: true };
            (done, news(&report))
        }
        Err(error) => {
            let title = (Event::UcloudKeys, TOPIC, t!("notify.ucloud_failed").into_owned());
            doors::failed("look at UCloud's keys failed", title, &error)
        }
    }
}
