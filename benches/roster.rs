//! How long a large roster takes and how much memory: `cargo bench --bench roster`. Writes 1,000,000 rows of CSV and
//! 100,000 rows of XLSX (or as many as are given: `-- CSV XLSX`), and reads, checks, judges and maps each in a process
//! of its own, so that the peak is that file's alone.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write, stdout};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chrono::NaiveDate;
use rosterd::clock::{Clock as _, SystemClock};
use rosterd::config::{AccountConfig, Env, RosterConfig, Span};
use rosterd::mapping::map_roster;
use rosterd::roster::{ReadOptions, identity, read};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [mode, path] = args.as_slice()
        && mode == "read"
    {
        return measure(Path::new(path));
    }
    let count = |at: usize, usual: u64| args.get(at).map_or(Ok(usual), |text| text.parse());
    let (csv_rows, xlsx_rows) = (count(0, 1_000_000)?, count(1, 100_000)?);
    let folder = tempfile::tempdir()?;
    let (csv, xlsx) = (folder.path().join("staff.csv"), folder.path().join("staff.xlsx"));
    write_csv(&csv, csv_rows)?;
    write_xlsx(&xlsx, xlsx_rows)?;
    let mut out = stdout().lock();
    for path in [csv, xlsx] {
        for _ in 0..3 {
            let said = Command::new(std::env::current_exe()?).arg("read").arg(&path).output()?;
            out.write_all(&said.stdout)?;
            out.write_all(&said.stderr)?;
        }
    }
    Ok(())
}

const HEADER: [&str; 8] = ["工号", "姓名", "部门", "岗位", "手机", "状态", "角色", "入职日期"];

fn cells(n: u64) -> [String; 8] {
    [
        format!("{n:07}"),
        format!("张{}明", n % 9973),
        format!("/总公司/事业部{}/部门{}", n % 12, n % 400),
        format!("岗位{}", n % 60),
        format!("13{:09}", n),
        if n.is_multiple_of(50) { "离职" } else { "在职" }.to_owned(),
        format!("角色{};全员", n % 7),
        format!("20{:02}-{:02}-{:02}", n % 26, n % 12 + 1, n % 28 + 1),
    ]
}

fn write_csv(path: &Path, rows: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "{}", HEADER.join(","))?;
    for n in 1..=rows {
        writeln!(out, "{}", cells(n).join(","))?;
    }
    Ok(out.flush()?)
}

/// A workbook as Excel writes it: texts in a table of their own, cells that point there.
fn write_xlsx(path: &Path, rows: u64) -> Result<()> {
    let mut strings: BTreeMap<String, usize> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut zip = zip::ZipWriter::new(BufWriter::new(File::create(path)?));
    let packed =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, text) in [
        ("[Content_Types].xml", CONTENT_TYPES),
        ("_rels/.rels", RELS),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", WORKBOOK_RELS),
    ] {
        zip.start_file(name, packed)?;
        zip.write_all(text.as_bytes())?;
    }
    zip.start_file("xl/worksheets/sheet1.xml", packed)?;
    zip.write_all(SHEET.as_bytes())?;
    for n in 0..=rows {
        let row = if n == 0 { HEADER.map(str::to_owned) } else { cells(n) };
        let mut line = format!("<row r=\"{}\">", n + 1);
        for (column, text) in row.into_iter().enumerate() {
            let next = strings.len();
            let at = *strings.entry(text.clone()).or_insert_with(|| {
                order.push(text);
                next
            });
            let letter = char::from(b'A' + u8::try_from(column)?);
            line.push_str(&format!("<c r=\"{letter}{}\" t=\"s\"><v>{at}</v></c>", n + 1));
        }
        zip.write_all(line.as_bytes())?;
        zip.write_all(b"</row>")?;
    }
    zip.write_all(b"</sheetData></worksheet>")?;
    zip.start_file("xl/sharedStrings.xml", packed)?;
    zip.write_all(STRINGS.as_bytes())?;
    for text in order {
        zip.write_all(format!("<si><t>{text}</t></si>").as_bytes())?;
    }
    zip.write_all(b"</sst>")?;
    zip.finish()?.flush()?;
    Ok(())
}

const CONTENT_TYPES: &str = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>"#;
const RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &str = r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const WORKBOOK_RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;
const SHEET: &str = r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#;
const STRINGS: &str =
    r#"<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">"#;

fn measure(path: &Path) -> Result<()> {
    let clock = SystemClock::new();
    let config =
        RosterConfig { path: Some(path.to_owned()), settle: Span::seconds(0), ..RosterConfig::default() };
    let zone = chrono_tz::Tz::Asia__Shanghai;
    let (env, as_of) = (Env::default(), NaiveDate::from_ymd_opt(2026, 11, 21).unwrap_or_default());
    let options = ReadOptions {
        config: &config,
        base: Path::new("/"),
        over: None,
        env: &env,
        as_of,
        zone,
        progress: None,
    };
    let began = clock.monotonic();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut reading = runtime.block_on(read(options, &clock))?;
    let (read_in, read_peak) = (clock.monotonic() - began, peak()?);
    let began = clock.monotonic();
    let known = identity::judge(&mut reading, &config.identity, &[7; 32], &BTreeMap::new());
    identity::judge(&mut reading, &config.identity, &[7; 32], &known);
    let judged_in = (clock.monotonic() - began) / 2;
    drop(known);
    let began = clock.monotonic();
    let wanted = map_roster(&reading.roster, &AccountConfig::default(), as_of);
    let mapped_in = clock.monotonic() - began;
    let ms = |time: Duration| time.as_millis();
    let mut out = stdout().lock();
    writeln!(
        out,
        "{}: {} rows, {} MB: read and checked in {} ms (peak {read_peak} MB), judged in {} ms, {} mapped in {} ms (peak {} MB)",
        path.extension().unwrap_or_default().display(),
        reading.report.rows,
        fs::metadata(path)?.len() >> 20,
        ms(read_in),
        ms(judged_in),
        wanted.len(),
        ms(mapped_in),
        peak()?,
    )?;
    Ok(())
}

/// The most memory this process ever held, in MB.
fn peak() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|text| text.split_whitespace().next()).unwrap_or("0");
    Ok(kilobytes.parse::<u64>()? >> 10)
}
