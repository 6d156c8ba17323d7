//! `rosterd roster check`: reads the roster and reports, file by file, what was found and what cannot be used.

use rust_i18n::t;

use super::args::{Output, RosterCheckArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Bar;
use super::{args::Global, output, sync};
use crate::app::App;
use crate::report::grid::{Grid, Tone, strong};
use crate::report::{visible, words};
use crate::roster::RosterReport;
use crate::roster::facts::{FileReport, Problem};

/// How many problems of one reason are shown as examples.
const EXAMPLES: usize = 5;

/// Reads and reports.
pub async fn check(args: &RosterCheckArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let bar = Bar::new(global);
    let reading = app.read(sync::given(&args.roster)?, Some(bar.reading())).await;
    bar.done();
    let report = reading.map_err(Failure::from)?.report;
    match args.output.output {
        Output::Json => output::json(&report)?,
        Output::Table => output::text(&text(&report))?,
    }
    Ok(Exit::Done)
}

fn text(report: &RosterReport) -> String {
    let mut text = String::new();
    for source in &report.sources {
        if let Some(why) = &source.frozen {
            let line = t!("cli.roster.frozen", name = source.name, why = visible(why));
            text.push_str(&format!("{}\n", Tone::Notice.paint(&line)));
        }
        for file in &source.files {
            text.push_str(&file_text(file));
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
    text
}

fn file_text(file: &FileReport) -> String {
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
    text.push_str(&problems(file));
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
fn problems(file: &FileReport) -> String {
    let mut text = String::new();
    for (reason, count) in &file.reasons {
        let of_reason: Vec<&Problem> = file.problems.iter().filter(|p| p.reason == *reason).collect();
        let Some(first) = of_reason.first() else { continue };
        let line = format!("{} ({count})", reason.word());
        let tone = if first.refused { Tone::Bad } else { Tone::Notice };
        text.push_str(&format!("  {}  {}\n", tone.paint(&line), visible(&first.advice())));
        let mut grid = Grid::new(4, output::width());
        for problem in of_reason.iter().take(EXAMPLES) {
            grid.row(&[
                (format!("{}:{}", file.file, problem.line), Tone::Faint),
                (problem.column.clone().unwrap_or_default(), Tone::Plain),
                (problem.message(), Tone::Plain),
            ]);
        }
        text.push_str(&grid.render());
        let rest = usize::try_from(*count).unwrap_or(usize::MAX).saturating_sub(EXAMPLES);
        if rest > 0 {
            text.push_str(&format!("    {}\n", t!("cli.more", count = rest)));
        }
    }
    text
}
