//! `rosterd doctor`: why it does not work, or that it would.

use clap::Args;
use rust_i18n::t;
use serde_json::json;

use super::args::{self, Global};
use super::exit::Exit;
use super::{failure, output};
use crate::app::App;
use crate::config::Env;
use crate::doctor::{self, Finding, Mark};
use crate::model::TargetName;
use crate::report::grid::{Tone, strong};
use crate::report::visible;
use crate::secret::SecretRef;

/// Check settings, files, network, device and token, and say what to do
///
/// 检查配置、文件、网络、设备与令牌，并说明如何处理
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Show the certificate and the pin that each device presents, and how to check them
    ///
    /// 显示每台设备出示的证书与公钥指纹，以及如何核对
    #[arg(long)]
    pub show_pin: bool,
    /// Try this key (env:NAME, file:PATH, credential:NAME) instead of the configured one
    ///
    /// 试用此密钥（env:NAME、file:PATH、credential:NAME），而非配置中的密钥
    #[arg(long, value_name = "SOURCE", value_parser = args::secret)]
    pub key: Option<SecretRef>,
    /// Only this target; may be repeated
    ///
    /// 只处理此目标；可多次给出
    #[arg(long, value_name = "NAME", value_parser = args::target)]
    pub target: Vec<TargetName>,
}

/// Examines and tells.
pub fn run(args: &DoctorArgs, global: &Global) -> anyhow::Result<Exit> {
    let app = match App::load(global.config.as_deref(), global.state.as_deref(), Env::process()) {
        Ok(app) => app,
        Err(error) => {
            let failed = failure::of(&error.into());
            let finding = doctor::no_configuration(failed.report.message, failed.report.next);
            return tell(args, global, &[finding]);
        }
    };
    for name in &args.target {
        app.target(name)?;
    }
    let found = super::runtime()?.block_on(doctor::examine(&app, &args.target, args.key.as_ref()));
    tell(args, global, &found)
}

fn tell(args: &DoctorArgs, global: &Global, found: &[Finding]) -> anyhow::Result<Exit> {
    let failed = found.iter().any(|finding| finding.status == Mark::Fail);
    let exit = if failed { Exit::Failed } else { Exit::Done };
    let value = || json!({ "version": 1, "exit_code": exit.code(), "checks": found });
    output::answer(global.output, value, || text(args, found))?;
    Ok(exit)
}

fn text(args: &DoctorArgs, found: &[Finding]) -> String {
    let mut text = String::new();
    let mut target = None;
    for finding in found {
        if finding.target != target {
            target = finding.target.clone();
            if let Some(name) = &target {
                text.push_str(&format!("\n{}\n", strong(&t!("report.target", name = name))));
            }
        }
        text.push_str(&line(finding));
        if args.show_pin && finding.facts.contains_key("pin_sha256") {
            text.push_str(&pin(finding));
        }
    }
    let count = |mark| found.iter().filter(|finding| finding.status == mark).count();
    let (warned, failed) = (count(Mark::Warn), count(Mark::Fail));
    let summary = t!("doctor.summary", failed = failed, warned = warned);
    let tone = match (failed, warned) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Notice,
        _ => Tone::Bad,
    };
    text.push_str(&format!("\n{}\n", strong(&tone.paint(&summary))));
    text
}

fn line(finding: &Finding) -> String {
    let (word, tone) = match finding.status {
        Mark::Ok => (t!("doctor.mark.ok"), Tone::Good),
        Mark::Skipped => (t!("doctor.mark.skipped"), Tone::Faint),
        Mark::Warn => (t!("doctor.mark.warn"), Tone::Notice),
        Mark::Fail => (t!("doctor.mark.fail"), Tone::Bad),
    };
    let verdict = if finding.verdict == "ok" { String::new() } else { format!(" [{}]", finding.verdict) };
    let mut text =
        format!("{} {}{verdict}: {}\n", tone.paint(&word), strong(finding.check), lines(&finding.message));
    if !finding.next.is_empty() {
        text.push_str(&format!("     {}\n", lines(&finding.next)));
    }
    for setting in &finding.settings {
        text.push_str(&format!("       {}\n", visible(setting)));
    }
    text
}

/// Texts of several lines keep them; nothing in them can play with the terminal.
fn lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n     ")
}

fn pin(finding: &Finding) -> String {
    let mut text = String::new();
    for (name, value) in &finding.facts {
        text.push_str(&format!("       {name} = {}\n", visible(value)));
    }
    text.push_str(&format!("     {}\n", lines(&t!("doctor.check_pin"))));
    text
}
