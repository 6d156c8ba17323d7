//! `rosterd roster check`: reads the roster and reports, file by file, what was found and what cannot be used.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rust_i18n::t;
use serde::Serialize;

use super::args::{Global, RosterArgs};
use super::exit::Exit;
use super::failure::{self, Failure};
use super::progress::Bar;
use super::{output, sync};
use crate::app::App;
use crate::app::sync::Checked;
use crate::reason::ErrorKind;
use crate::report::ErrorReport;
use crate::report::grid::{Grid, Tone, strong};
use crate::report::roster_html::{self, Head};
use crate::report::{visible, words};
use crate::roster::facts::{FileReport, Problem};
use crate::roster::{Reading, RosterReport};

/// Work with the roster
///
/// 处理名单
#[derive(Debug, Subcommand)]
pub enum RosterCommand {
    Check(RosterCheckArgs),
}

/// Read the roster and report what was found, file by file
///
/// 读取名单，并逐个文件报告读到了什么
#[derive(Debug, Args)]
pub struct RosterCheckArgs {
    /// Which roster.
    ///
    /// 改读此文件、文件夹或通配符；不会据此认定有人缺失
    #[command(flatten)]
    pub roster: RosterArgs,
    /// Also write the report as a page to mail to HR
    ///
    /// 同时把报告写成可发给人事的网页
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// How many problems of one reason are shown as examples.
const EXAMPLES: usize = 5;

/// The JSON object of `roster check`.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a RosterReport,
    /// People by group of their account, now and last time; absent when there is nothing to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a BTreeMap<String, Head>>,
    /// Why it cannot be used, if too many of its rows cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
}

/// Reads and reports.
pub async fn check(args: &RosterCheckArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let bar = Bar::new(global);
    let store = app.store_to_read().await?;
    let checked = app.check_roster(&store, sync::given(&args.roster)?, Some(bar.reading())).await;
    bar.done();
    let Reading { roster, report } = match checked {
        Ok(Checked::Read(reading)) => *reading,
        Ok(Checked::Refused(report, error)) => return refused(args, global, &report, &error),
        Err(error) => {
            if let Some(path) = &args.html {
                write(path, &roster_html::failure(&error))?;
            }
            return Err(Failure::from(error).into());
        }
    };
    let heads = app.heads(&store, &roster).await?;
    drop(roster);
    if let Some(path) = &args.html {
        write(path, &roster_html::html(&report, heads.as_ref(), None))?;
    }
    let value = || Answer { report: &report, groups: heads.as_ref(), error: None, exit_code: None };
    output::answer(global.output, value, || text(&report, heads.as_ref(), EXAMPLES))?;
    Ok(Exit::Done)
}

/// Reports a roster that a run would refuse: every row, for it is now that somebody must correct them.
fn refused(
    args: &RosterCheckArgs,
    global: &Global,
    report: &RosterReport,
    error: &ErrorReport,
) -> anyhow::Result<Exit> {
    if let Some(path) = &args.html {
        write(path, &roster_html::html(report, None, Some(error)))?;
    }
    let exit = Exit::Failed;
    let value = || Answer { report, groups: None, error: Some(error), exit_code: Some(exit.code()) };
    output::answer(global.output, value, || text(report, None, usize::MAX))?;
    output::note(&failure::words(error));
    Ok(exit)
}

/// Writes the page. It names employees, so only its writer may read it.
fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    let put = |mut file: std::fs::File| file.write_all(page.as_bytes()).and_then(|()| file.sync_all());
    let mut options = std::fs::OpenOptions::new();
    let written = options.write(true).create(true).truncate(true).mode(0o600).open(path).and_then(put);
    written.map_err(|error| {
        let message = t!("cli.roster.html_failed", path = path.display(), cause = error);
        Failure::new(ErrorKind::Html, message, t!("cli.roster.html_next"))
    })?;
    output::note(&t!("cli.roster.html_written", path = path.display()));
    Ok(())
}

/// The report as text, with at most so many examples of a reason.
fn text(report: &RosterReport, heads: Option<&BTreeMap<String, Head>>, examples: usize) -> String {
    let mut text = String::new();
    for doubt in &report.doubts {
        text.push_str(&format!("{}\n", Tone::Notice.paint(&visible(doubt))));
    }
    for source in &report.sources {
        if let Some(why) = &source.frozen {
            let line = t!("cli.roster.frozen", name = source.name, why = visible(why));
            text.push_str(&format!("{}\n", Tone::Notice.paint(&line)));
        }
        for file in &source.files {
            text.push_str(&file_text(file, examples));
            text.push('\n');
        }
    }
    let line = t!(
        "cli.roster.total",
        rows = report.rows,
        accepted = report.accepted,
        refused = report.refused,
        people = report.people,
        blocked = report.blocked
    );
    text.push_str(&format!("{}\n", strong(&line)));
    text.push_str(&losses(heads));
    text
}

/// The departments that lost most, so that one that vanished is seen.
fn losses(heads: Option<&BTreeMap<String, Head>>) -> String {
    let all = heads.into_iter().flat_map(BTreeMap::iter);
    let mut lost: Vec<_> = all.filter(|(_, head)| head.now < head.before).collect();
    if lost.is_empty() {
        return String::new();
    }
    lost.sort_by_key(|(_, head)| (head.now > 0, std::cmp::Reverse(head.before - head.now)));
    let mut grid = Grid::new(2, output::width());
    for (path, head) in lost.iter().take(EXAMPLES) {
        let tone = if head.vanished() { Tone::Bad } else { Tone::Plain };
        grid.row(&[(path.to_string(), tone), (format!("{} → {}", head.before, head.now), tone)]);
    }
    let mut text = format!("{}\n{}", strong(&t!("cli.roster.losses")), grid.render());
    if lost.len() > EXAMPLES {
        text.push_str(&format!("  {}\n", t!("cli.more", count = lost.len() - EXAMPLES)));
    }
    text
}

fn file_text(file: &FileReport, examples: usize) -> String {
    let mut text = format!("{}  {}\n", strong(&visible(&file.file)), form(file));
    let mut columns = Grid::new(2, output::width());
    for column in &file.columns {
        let fields: Vec<_> = column.fields.iter().map(|f| f.as_str()).collect();
        let (fields, tone) = match fields.is_empty() {
            true => (t!("cli.roster.unused").into_owned(), Tone::Faint),
            false => (fields.join(&words::comma()), Tone::Plain),
        };
        columns.row(&[(column.header.clone(), tone), (fields, tone)]);
    }
    text.push_str(&columns.render());
    let line = t!("cli.roster.rows", rows = file.rows, accepted = file.accepted, refused = file.refused);
    text.push_str(&format!("  {line}\n"));
    for note in &file.notes {
        text.push_str(&format!("  {}\n", Tone::Faint.paint(&visible(&note.message()))));
    }
    text.push_str(&problems(file, examples));
    text
}

/// Format, encoding, delimiter, sheet: how the file was read.
fn form(file: &FileReport) -> String {
    let mut parts = vec![file.format.to_owned()];
    parts.extend(file.encoding.map(ToOwned::to_owned));
    parts.extend(file.delimiter.map(|d| match d {
        '\t' => "TAB".to_owned(),
        other => format!("“{other}”"),
    }));
    parts.extend(file.sheet.as_deref().map(|s| visible(s).into_owned()));
    Tone::Faint.paint(&parts.join(&words::comma()))
}

/// The problems by reason, each with its first examples and one advice.
fn problems(file: &FileReport, examples: usize) -> String {
    let mut text = String::new();
    for (reason, count) in &file.reasons {
        let of_reason: Vec<&Problem> = file.problems.iter().filter(|p| p.reason == *reason).collect();
        let Some(first) = of_reason.first() else { continue };
        let line = format!("{} ({count})", reason.word());
        let tone = if first.refused { Tone::Bad } else { Tone::Notice };
        text.push_str(&format!("  {}  {}\n", tone.paint(&line), visible(&first.advice())));
        let mut grid = Grid::new(4, output::width());
        for problem in of_reason.iter().take(examples) {
            grid.row(&[
                (format!("{}:{}", file.file, problem.line), Tone::Faint),
                (problem.column.clone().unwrap_or_default(), Tone::Plain),
                (problem.message(), Tone::Plain),
            ]);
        }
        text.push_str(&grid.render());
        let rest =
            usize::try_from(*count).unwrap_or(usize::MAX).saturating_sub(of_reason.len().min(examples));
        if rest > 0 {
            text.push_str(&format!("    {}\n", t!("cli.more", count = rest)));
        }
    }
    text
}
