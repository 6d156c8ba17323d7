//! `rosterd doctor`: why it does not work, or that it would.

use rust_i18n::t;
use serde_json::json;

use super::args::{DoctorArgs, Global, Output};
use super::exit::Exit;
use super::{failure, output};
use crate::app::App;
use crate::config::Env;
use crate::doctor::{self, Finding, Mark};
use crate::report::grid::{Tone, strong};
use crate::report::visible;

/// Examines and tells.
pub fn run(args: &DoctorArgs, global: &Global) -> anyhow::Result<Exit> {
    let app = match App::load(global.config.as_deref(), global.state.as_deref(), Env::process()) {
        Ok(app) => app,
        Err(error) => {
            let failed = failure::of(&error.into());
            let finding = doctor::no_configuration(failed.report.message, failed.report.next);
            return tell(args, &[finding]);
        }
    };
    for name in &args.target {
        app.target(name)?;
    }
    let found = super::runtime()?.block_on(doctor::examine(&app, &args.target, args.key.as_ref()));
    tell(args, &found)
}

fn tell(args: &DoctorArgs, found: &[Finding]) -> anyhow::Result<Exit> {
    let failed = found.iter().any(|finding| finding.status == Mark::Fail);
    let exit = if failed { Exit::Failed } else { Exit::Done };
    match args.output.output {
        Output::Json => output::json(&json!({ "version": 1, "exit_code": exit.code(), "checks": found }))?,
        Output::Table => output::text(&text(args, found))?,
    }
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
