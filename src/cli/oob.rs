//! `rosterd oob`: the out-of-band VPN of Tencent's bare-metal servers.

use std::convert::Infallible;

use clap::{Args, Subcommand};
use rust_i18n::t;
use serde_json::{Value, json};

use super::args::{Global, Output};
use super::doors::{self, Sheet};
use super::exit::Exit;
use super::output;
use crate::app::App;
use crate::cloud::CloudError;
use crate::cloud::jobs::DeviceLine;
use crate::cloud::rotate::RotateReport;
use crate::config::Event;
use crate::daemon::Done;
use crate::notify::News;
use crate::report::grid::strong;
use crate::store::Store;
use crate::store::journal::Trigger;

/// Look after the out-of-band VPN of Tencent's bare-metal servers
///
/// 管理腾讯云黑石物理服务器的带外 VPN
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "the arguments of each say what it is for")]
pub enum OobCommand {
    /// List regions and zones with their numbers
    ///
    /// 列出地域和可用区及其编号
    Zones,
    Vpn(OobVpnArgs),
    Rotate(OobRotateArgs),
    Device(OobDeviceArgs),
}

/// Show who logs in to the VPN, and where
///
/// 显示谁登录 VPN、登录到哪里
#[derive(Debug, Args)]
pub struct OobVpnArgs {
    /// Zone, instead of the configured one
    ///
    /// 使用此可用区，代替配置中的
    #[arg(long, value_name = "ID")]
    pub zone: Option<u64>,
}

/// Set a new VPN password, or finish what an earlier run began
///
/// 设置新的 VPN 密码，或完成之前未完成的更换
#[derive(Debug, Args)]
pub struct OobRotateArgs {
    /// Zone, instead of the configured one
    ///
    /// 使用此可用区，代替配置中的
    #[arg(long, value_name = "ID")]
    pub zone: Option<u64>,
    /// Show what would be done, and change nothing
    ///
    /// 只显示会做什么，不作任何改动
    #[arg(long)]
    pub dry_run: bool,
}

/// Show the management interface of servers
///
/// 显示服务器的带外管理接口
#[derive(Debug, Args)]
pub struct OobDeviceArgs {
    /// Instance ids, for example cpm-an5a9wv4
    ///
    /// 实例 ID，例如 cpm-an5a9wv4
    #[arg(value_name = "ID", required = true)]
    pub id: Vec<String>,
    /// Show passwords too; recorded in the audit trail
    ///
    /// 同时显示密码；记入审计
    #[arg(long)]
    pub reveal: bool,
}

/// Carries the command out.
pub async fn run(command: &OobCommand, global: &Global, app: &App) -> anyhow::Result<Exit> {
    match command {
        OobCommand::Zones => zones(global, app).await,
        OobCommand::Vpn(args) => vpn(args, global, app).await,
        OobCommand::Rotate(args) => rotate(args, global, app).await,
        OobCommand::Device(args) => device(args, global, app).await,
    }
}

async fn zones(global: &Global, app: &App) -> anyhow::Result<Exit> {
    let found = doors::of(app, Trigger::Cli).zones().await.map_err(doors::failure)?;
    let mut sheet = Sheet::new(&[
        ("zone", t!("cloud.cli.zone")),
        ("name", t!("cloud.cli.name")),
        ("english", t!("cloud.cli.english")),
        ("region", t!("cloud.cli.region")),
        ("region_name", t!("cloud.cli.region_name")),
    ]);
    for z in &found {
        sheet.row([
            z.id.to_string(),
            z.name.clone(),
            z.english.clone(),
            z.region.clone(),
            z.region_name.clone(),
        ]);
    }
    sheet.show(global.output, &json!({ "version": 1, "zones": found }))?;
    Ok(Exit::Done)
}

async fn vpn(args: &OobVpnArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let info = doors::of(app, Trigger::Cli).vpn(args.zone).await.map_err(doors::failure)?;
    let mut sheet = Sheet::new(&[
        ("gateway", t!("cloud.cli.gateway")),
        ("user", t!("cloud.cli.user")),
        ("domain", t!("cloud.cli.domain")),
        ("be_first", t!("cloud.cli.be_first")),
    ]);
    let first = match global.output {
        Output::Table if info.be_first => t!("cloud.cli.never_set").into_owned(),
        Output::Table => t!("cloud.cli.set_before").into_owned(),
        _ => info.be_first.to_string(),
    };
    sheet.row([info.gateway.clone(), info.user.clone(), info.domain.clone(), first]);
    let mut value = json!({ "version": 1 });
    doors::merge(&mut value, &info)?;
    sheet.show(global.output, &value)?;
    Ok(Exit::Done)
}

async fn rotate(args: &OobRotateArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let doors = doors::of(app, Trigger::Cli);
    let report = if args.dry_run {
        // Looking must not make a database that would belong to whoever looked first.
        doors.preview(&app.store_to_read().await?, args.zone).await
    } else {
        let store = app.store().await?;
        app.audited(&store, doors.rotate(&store, args.zone)).await
    };
    let report = report.map_err(doors::failure)?;
    if global.output == Output::Table {
        output::text(&words(&report))?;
        return Ok(Exit::Done);
    }
    let mut sheet = Sheet::new(&[
        ("outcome", "outcome".into()),
        ("mode", "mode".into()),
        ("user", "user".into()),
        ("domain", "domain".into()),
        ("gateway", "gateway".into()),
        ("sink", "sink".into()),
        ("finishes_earlier", "finishes_earlier".into()),
    ]);
    sheet.row([
        report.outcome.to_owned(),
        report.mode.as_str().to_owned(),
        report.user.clone(),
        report.domain.clone(),
        report.gateway.clone(),
        report.sink.clone(),
        report.finishes_earlier.to_string(),
    ]);
    sheet.show(global.output, &serde_json::to_value(&report)?)?;
    Ok(Exit::Done)
}

fn words(report: &RotateReport) -> String {
    let head = match (report.dry_run, report.finishes_earlier) {
        (true, true) => t!("cloud.cli.would_finish", user = report.user, mode = report.mode.as_str()),
        (true, false) => t!("cloud.cli.would_rotate", user = report.user, mode = report.mode.as_str()),
        (false, true) => t!("cloud.cli.finished", user = report.user),
        (false, false) => t!("cloud.cli.rotated", user = report.user),
    };
    let mut text = format!("{}\n", strong(&head));
    for (name, value) in [
        (t!("cloud.cli.gateway"), &report.gateway),
        (t!("cloud.cli.domain"), &report.domain),
        (t!("cloud.cli.sink"), &report.sink),
    ] {
        text.push_str(&format!("  {name}: {}\n", crate::report::visible(value)));
    }
    for path in &report.kept {
        text.push_str(&format!("  {}\n", t!("cloud.cli.kept", path = path.display())));
    }
    text
}

async fn device(args: &OobDeviceArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let doors = doors::of(app, Trigger::Cli);
    let lines = doors.devices(&args.id).await.map_err(doors::failure)?;
    let known: Vec<String> = lines.iter().filter(|l| l.found.is_ok()).map(|l| l.id.clone()).collect();
    if args.reveal && !known.is_empty() {
        let store = app.store().await?;
        let noted = app.audited(&store, doors.note_revealed(&store, "oob_device", &known)).await;
        noted.map_err(doors::failure)?;
    }
    let mut columns = vec![
        ("id", t!("cloud.cli.id")),
        ("ip", t!("cloud.cli.ip")),
        ("serial", t!("cloud.cli.serial")),
        ("user", t!("cloud.cli.user")),
    ];
    if args.reveal {
        columns.push(("password", t!("cloud.cli.password")));
    }
    columns.push(("error", t!("cloud.cli.error")));
    let mut sheet = Sheet::new(&columns).exact("password");
    lines.iter().for_each(|line| sheet.row(cells(line, args.reveal)));
    let devices: Vec<Value> = lines.iter().map(|line| as_json(line, args.reveal)).collect();
    sheet
        .without_empty_last()
        .show(global.output, &json!({ "version": 1, "revealed": args.reveal, "devices": devices }))?;
    Ok(match known.len() {
        n if n == lines.len() => Exit::Done,
        0 => Exit::Failed,
        _ => Exit::Partial,
    })
}

fn cells(line: &DeviceLine, reveal: bool) -> Vec<String> {
    let mut cells = vec![line.id.clone()];
    match &line.found {
        Ok(info) => {
            cells.extend([info.ip.clone(), info.serial.clone(), info.user.clone()]);
            if reveal {
                cells.push(info.password.expose().to_owned());
            }
            cells.push(String::new());
        }
        Err(error) => {
            cells.resize(if reveal { 5 } else { 4 }, String::new());
            cells.push(format!("{error}; {}", error.next()));
        }
    }
    cells
}

fn as_json(line: &DeviceLine, reveal: bool) -> Value {
    match &line.found {
        Ok(info) => {
            let mut value = json!({ "id": line.id, "ip": info.ip, "serial": info.serial, "user": info.user });
            if reveal {
                value["password"] = json!(info.password.expose());
            }
            value
        }
        Err(error) => json!({ "id": line.id, "error": doors::report(error) }),
    }
}

/// What messages about a failed rotation are about.
const TOPIC: &str = "oob";

/// The scheduled change of the password.
pub async fn scheduled(app: &App, store: &Store, trigger: Trigger) -> (Done, News) {
    let result: Result<_, CloudError> = app.audited(store, doors::of(app, trigger).rotate(store, None)).await;
    match result {
        Ok(report) => {
            log(&report);
            let summary = t!("cloud.cli.rotated", user = report.user).into_owned();
            (
                Done { exit_code: Exit::Done.code(), summary, complete: true },
                News::default().looked_at([TOPIC]),
            )
        }
        Err(error) => {
            let title = (Event::OobFailed, TOPIC, t!("notify.oob_failed").into_owned());
            doors::failed("VPN password rotation failed", title, &error)
        }
    }
}

/// Finishes a change that an earlier process began and left, so that it does not wait a month for the next one. Then
/// there is nothing more to do.
pub async fn finish(app: &App, store: &Store) -> Infallible {
    if app.config().oob.is_some() {
        match app.audited(store, doors::of(app, Trigger::Schedule).finish(store)).await {
            Ok(Some(report)) => log(&report),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(kind = error.kind(), %error, "an earlier rotation cannot be finished")
            }
        }
    }
    std::future::pending().await
}

fn log(report: &RotateReport) {
    let RotateReport { mode, user, sink, finishes_earlier, .. } = report;
    tracing::info!(mode = mode.as_str(), user, sink, finishes_earlier, "VPN password rotated");
    for path in &report.kept {
        tracing::warn!(path = %path.display(), "a password that might still come into force is kept");
    }
}
