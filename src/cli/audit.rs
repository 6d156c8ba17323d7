//! `rosterd audit`: verifies the trail, and writes it out.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand, ValueEnum};
use rust_i18n::t;
use serde_json::json;

use super::args::{self, Global, Moment};
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use crate::app::App;
use crate::notify;
use crate::reason::ErrorKind;
use crate::report::csv_safe;
use crate::report::grid::{Grid, Tone, strong};
use crate::store::Store;
use crate::store::audit::{Broken, Head, Verified, Written, parse_head};

/// Verify or export the audit trail
///
/// 核验或导出审计记录
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    Verify(AuditVerifyArgs),
    Export(AuditExportArgs),
}

/// Check that no record was altered, removed or reordered
///
/// 检查没有记录被改动、删除或调换
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// This head must be in the chain
    ///
    /// 链中必须有此链头
    #[arg(long, value_name = "HEX", conflicts_with = "heads")]
    pub head: Option<String>,
    /// Every head in this file must be in the chain
    ///
    /// 链中必须有此文件里的每个链头
    #[arg(long, value_name = "FILE")]
    pub heads: Option<PathBuf>,
}

/// Write the records out
///
/// 写出记录
#[derive(Debug, Args)]
pub struct AuditExportArgs {
    /// Form of the records
    ///
    /// 记录的形式
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub format: ExportFormat,
    /// Only records from this day or moment on
    ///
    /// 只要此日或此刻以后的记录
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    pub since: Option<Moment>,
    /// Write to this file instead of stdout
    ///
    /// 写入此文件，而不是标准输出
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Form of an audit export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Jsonl,
    Csv,
}

/// Carries out `audit verify` or `audit export`.
pub async fn run(command: &AuditCommand, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    match command {
        AuditCommand::Verify(args) => verify(args, global, &store, app).await,
        AuditCommand::Export(args) => export(args, &store, app).await,
    }
}

async fn verify(args: &AuditVerifyArgs, global: &Global, store: &Store, app: &App) -> anyhow::Result<Exit> {
    let heads = heads(args, app)?;
    let remembered = heads.len();
    let mut found = store.audit_verify(heads).await?;
    found.broken.extend(silent_witness(args, app, remembered, found.records));
    let whole = found.broken.is_empty();
    app.notifier().tell(store, notify::of_trail(found.broken.len())).await;
    let value = || {
        json!({
            "version": 1, "whole": whole, "heads": remembered, "records": found.records,
            "erased": found.erased, "head": found.head, "broken": found.broken,
        })
    };
    output::answer(global.output, value, || verdict(&found, remembered))?;
    Ok(if whole { Exit::Done } else { Exit::Failed })
}

/// The heads that must be in the chain: those given, or those of the configured `heads_file`.
fn heads(args: &AuditVerifyArgs, app: &App) -> anyhow::Result<Vec<Head>> {
    if let Some(hex) = &args.head {
        let head = parse_head(hex).ok_or_else(|| {
            Failure::usage(t!("cli.audit.not_a_head", value = hex), t!("cli.audit.not_a_head_next"))
        })?;
        return Ok(vec![head]);
    }
    match (&args.heads, app.heads_file()) {
        (Some(path), _) => read_heads(path),
        (None, Some(path)) if path.exists() => read_heads(path),
        (None, _) => Ok(Vec::new()),
    }
}

/// The configured witness, if it says nothing of a chain that has records: whoever rewrote the trail took it away, or it
/// was configured since the last record.
fn silent_witness(args: &AuditVerifyArgs, app: &App, heads: usize, records: u64) -> Option<Broken> {
    let asked = args.head.is_some() || args.heads.is_some();
    let path = app.heads_file().filter(|_| !asked && heads == 0 && records > 0)?;
    Some(Broken { seq: 0, what: "witness", row: Some(path.display().to_string()) })
}

fn read_heads(path: &Path) -> anyhow::Result<Vec<Head>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut heads = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{}:{}", path.display(), number + 1);
        heads.push(parse_head(line).ok_or_else(|| {
            Failure::new(
                ErrorKind::Heads,
                t!("cli.audit.bad_line", place = place),
                t!("cli.audit.not_a_head_next"),
            )
        })?);
    }
    Ok(heads)
}

fn verdict(found: &Verified, heads: usize) -> String {
    let mut text = String::new();
    let line = t!("cli.audit.counts", records = found.records, erased = found.erased, heads = heads);
    let head = t!("cli.audit.head", seq = found.head.seq, digest = found.head.digest);
    text.push_str(&format!("{line}\n{head}\n"));
    if found.broken.is_empty() {
        text.push_str(&format!("{}\n", strong(&Tone::Good.paint(&t!("cli.audit.whole")))));
        if heads == 0 {
            text.push_str(&format!("{}\n", t!("cli.audit.no_heads")));
        }
        return text;
    }
    let mut grid = Grid::new(3, output::width());
    for broken in &found.broken {
        let record = if broken.seq == 0 { String::new() } else { broken.seq.to_string() };
        let row = broken.row.clone().unwrap_or_default();
        grid.row(&[(record, Tone::Bad), (row, Tone::Plain), (what(broken.what).into_owned(), Tone::Plain)]);
    }
    let line = t!("cli.audit.broken", count = found.broken.len());
    text.push_str(&format!("{}\n{}", strong(&Tone::Bad.paint(&line)), grid.render()));
    text
}

/// What is wrong, in words.
fn what(word: &'static str) -> Cow<'static, str> {
    match word {
        "digest" => t!("cli.audit.broken.digest"),
        "order" => t!("cli.audit.broken.order"),
        "personal" => t!("cli.audit.broken.personal"),
        "journal" => t!("cli.audit.broken.journal"),
        "head" => t!("cli.audit.broken.head"),
        "witness" => t!("cli.audit.broken.witness"),
        "rows" => t!("cli.audit.broken.rows"),
        "outcomes" => t!("cli.audit.broken.outcomes"),
        "run" => t!("cli.audit.broken.run"),
        "entries" => t!("cli.audit.broken.entries"),
        "overrides" => t!("cli.audit.broken.overrides"),
        "approvals" => t!("cli.audit.broken.approvals"),
        "links" => t!("cli.audit.broken.links"),
        "plans" => t!("cli.audit.broken.plans"),
        other => other.into(),
    }
}

async fn export(args: &AuditExportArgs, store: &Store, app: &App) -> anyhow::Result<Exit> {
    let since = args.since.map(|moment| moment.in_zone(app.zone()));
    let mut sink: Box<dyn io::Write + Send> = match &args.out {
        Some(path) => Box::new(fs::File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(io::stdout()),
    };
    match write_all(&mut sink, args.format, since, store).await {
        Err(error) if is_closed_pipe(&error) => Ok(Exit::Done),
        other => other.map(|()| Exit::Done),
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(|e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Page by page: the trail of years need not fit in memory.
async fn write_all(
    sink: &mut (dyn io::Write + Send),
    format: ExportFormat,
    since: Option<DateTime<Utc>>,
    store: &Store,
) -> anyhow::Result<()> {
    let mut after = 0;
    let mut page = match format {
        ExportFormat::Csv => cells(&COLUMNS.map(ToOwned::to_owned))?,
        ExportFormat::Jsonl => Vec::new(),
    };
    loop {
        let records = store.audit_page(after).await?;
        for record in records.iter().filter(|r| since.is_none_or(|since| r.at >= since)) {
            match format {
                ExportFormat::Jsonl => {
                    serde_json::to_writer(&mut page, record)?;
                    page.push(b'\n');
                }
                ExportFormat::Csv => page.extend(cells(&csv_row(record))?),
            }
        }
        sink.write_all(&page)?;
        page.clear();
        match records.last() {
            Some(last) => after = last.seq,
            None => break,
        }
    }
    Ok(sink.flush()?)
}

const COLUMNS: [&str; 10] =
    ["seq", "at", "kind", "target", "run", "body", "personal", "erased", "prev", "digest"];

fn csv_row(record: &Written) -> [String; 10] {
    let Written { seq, at, kind, target, run, body, personal, erased, prev, digest } = record;
    [
        seq.to_string(),
        at.to_rfc3339_opts(SecondsFormat::Millis, true),
        kind.clone(),
        target.clone().unwrap_or_default(),
        run.map(|r| r.to_string()).unwrap_or_default(),
        body.to_string(),
        personal.as_ref().map(ToString::to_string).unwrap_or_default(),
        erased.to_string(),
        prev.clone(),
        digest.clone(),
    ]
}

fn cells(row: &[String; 10]) -> anyhow::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(row.iter().map(|cell| csv_safe(cell).into_owned()))?;
    Ok(csv.into_inner().map_err(|e| e.into_error())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_cannot_carry_a_formula_into_a_spreadsheet() {
        let record = Written {
            seq: 1,
            at: DateTime::UNIX_EPOCH,
            kind: "approved".into(),
            target: Some("=HYPERLINK(\"x\")".into()),
            run: None,
            body: json!({ "reason": "a\u{202e}b" }),
            personal: None,
            erased: false,
            prev: "@p".into(),
            digest: "d".into(),
        };
        let line = String::from_utf8(cells(&csv_row(&record)).unwrap()).unwrap();
        insta::assert_snapshot!(line.trim_end(), @r#"1,1970-01-01T00:00:00.000Z,approved,"'=HYPERLINK(""x"")",,"{""reason"":""a\u{202e}b""}",,false,'@p,d"#);
    }
}
