//! What HR may send by mistake, through the whole program: none of it changes anything on a gateway, and each says in
//! both languages which file, which row, which column, which value, and what to do.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::cli_world::{Said, World};

const HEADER: &str = "工号,姓名,部门,岗位,手机,状态\n";
const FILES: [&str; 3] = ["hr/总部.csv", "hr/上海.csv", "hr/工厂.csv"];

/// Row `n` of a file.
fn row(file: usize, n: usize) -> String {
    format!("{}{n:04},张{n}号,/总公司/{}部,专员,138{:08},在职\n", file + 1, file + 1, file * 1000 + n)
}

fn text(file: usize, rows: std::ops::Range<usize>) -> String {
    let rows: String = rows.map(|n| row(file, n)).collect();
    format!("{HEADER}{rows}")
}

/// A company in three files, applied.
fn company() -> World {
    let world = World::with("max_invalid_percent = 20.0\n", "");
    for (number, file) in FILES.iter().enumerate() {
        world.write(file, &text(number, 0..20));
    }
    world.run(&["sync"]).expect(0);
    world
}

/// All that the gateway holds.
fn device(world: &World) -> Vec<u8> {
    fs::read(world.path("state/rosterd.db.hq.device")).unwrap()
}

fn sync(world: &World, lang: &str) -> (Said, Said) {
    let json = world.run(&["--lang", lang, "sync", "--output", "json"]);
    let table = world.run(&["--lang", lang, "sync"]);
    (json, table)
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// A world whose second file is this; the run must stop, change nothing, and say these things.
fn refused(name: &str, bytes: &[u8], kind: &str, says: &[&str]) {
    let world = company();
    let before = device(&world);
    fs::remove_file(world.path(FILES[1])).unwrap();
    fs::write(world.path(&format!("hr/{name}")), bytes).unwrap();
    let mut told = Vec::new();
    for lang in ["en", "zh"] {
        let (json, table) = sync(&world, lang);
        let error = json.expect(1).json()["error"].clone();
        assert_eq!(error["kind"], format!("roster_{kind}"), "{error}");
        let message = error["message"].as_str().unwrap().to_owned();
        for word in says.iter().chain(&[name]) {
            assert!(message.contains(word), "{message} lacks {word}");
        }
        let next = error["next"].as_str().unwrap();
        assert!(!next.is_empty() && !next.contains("roster.next"), "{next}");
        assert_eq!(is_chinese(next), lang == "zh", "{next}");
        assert!(table.expect(1).err.contains(&message));
        told.push(message);
    }
    assert_ne!(told[0], told[1], "said in two languages");
    assert_eq!(device(&world), before, "the gateway is as it was");
    // The right file again: there was nothing to put right.
    fs::remove_file(world.path(&format!("hr/{name}"))).unwrap();
    world.write(FILES[1], &text(1, 0..20));
    assert_eq!(sync(&world, "en").0.expect(0).json()["targets"][0]["outcome"], "no_changes");
}

#[test]
fn an_empty_file_and_a_bare_header() {
    refused("上海.csv", b"", "empty", &[]);
    refused("上海.csv", HEADER.as_bytes(), "header_only", &[]);
}

#[test]
fn a_file_cut_in_a_row_in_a_quote_and_in_a_character() {
    let whole = text(1, 0..20);
    let in_row = whole.find("20019,").unwrap() + "20019,张19号,/总".len();
    refused("上海.csv", &whole.as_bytes()[..in_row], "field_count", &["21", "3", "6"]);
    let quoted = whole.replace("张19号", "\"张19号\"");
    let in_quote = quoted.find("\"张19").unwrap() + "\"张".len();
    refused("上海.csv", &quoted.as_bytes()[..in_quote], "unclosed_quote", &["21"]);
    let in_character = whole.find("20019,").unwrap() + "20019,张".len() - 1;
    refused("上海.csv", &whole.as_bytes()[..in_character], "undecodable", &["21", "utf-8"]);
    let gbk = encoding_rs::GB18030.encode(&whole).0.into_owned();
    let last = gbk.windows(6).rposition(|w| w == b"20019,").unwrap() + 7;
    refused("上海.csv", &gbk[..last], "undecodable", &["21", "gb18030"]);
}

#[test]
fn another_kind_of_file_under_the_usual_name() {
    let page = "<!DOCTYPE html>\n<html><body><form action=\"/login\">登录</form></body></html>";
    refused("上海.csv", page.as_bytes(), "wrong_kind", &["XML"]);
    let mut xls = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    xls.resize(4096, 0);
    refused("上海.xlsx", &xls, "wrong_kind", &["xls"]);
}

#[test]
fn a_packed_file_that_was_cut() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text(1, 0..20).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    refused("上海.csv.gz", &gzip[..gzip.len() / 2], "compression", &[]);
    refused("上海.csv.gz", &gzip[..gzip.len() - 1], "compression", &[]);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&[b' '; 4096]).unwrap();
    let workbook = zip.finish().unwrap().into_inner();
    refused("上海.xlsx", &workbook[..workbook.len() / 2], "workbook", &[]);
}

#[test]
fn other_headers_and_a_column_that_comes_twice() {
    let renamed = text(1, 0..20).replacen("工号", "员工番号", 1);
    refused("上海.csv", renamed.as_bytes(), "no_header", &["employee_id", "员工番号", "岗位"]);
    let twice = text(1, 0..20).replacen("岗位", "姓 名", 1);
    refused("上海.csv", twice.as_bytes(), "same_header", &["姓名", "2", "4"]);
}

/// A world after `change`; it must be held by `guard` and say these things.
fn held(change: impl FnOnce(&World), guard: &str, says: &[&str]) {
    let world = company();
    let before = device(&world);
    change(&world);
    let mut told = Vec::new();
    for lang in ["en", "zh"] {
        let (json, table) = sync(&world, lang);
        let target = json.expect(4).json()["targets"][0].clone();
        assert_eq!((&target["outcome"], &target["calls"]["mutations"]), (&json!("held"), &json!(0)));
        let by: Vec<&str> =
            target["held_by"].as_array().unwrap().iter().map(|h| h["guard"].as_str().unwrap()).collect();
        assert!(by.contains(&guard), "{by:?}");
        let table = table.expect(4).out;
        for word in says.iter().chain(&[guard, "rosterd approve"]) {
            assert!(table.contains(word), "{table} lacks {word}");
        }
        told.push(table);
    }
    assert_ne!(told[0], told[1]);
    assert_eq!(device(&world), before, "the gateway is as it was");
}

#[test]
fn one_of_three_files_is_not_there() {
    held(|world| fs::remove_file(world.path(FILES[2])).unwrap(), "missing_file", &["工厂.csv"]);
}

#[test]
fn forty_percent_fewer_rows() {
    let fewer = |world: &World| {
        for (number, file) in FILES.iter().enumerate() {
            world.write(file, &text(number, 0..12));
        }
    };
    held(fewer, "max_shrink_percent", &["40", "20"]);
}

#[test]
fn a_column_that_suddenly_is_empty() {
    let emptied = |world: &World| {
        for (number, file) in FILES.iter().enumerate() {
            world.write(file, &text(number, 0..20).replace("专员", ""));
        }
    };
    held(emptied, "max_fill_drop_percent", &["position", "20"]);
}

#[test]
fn dated_names_succeed_each_other() {
    let world = World::new("");
    let write = |day: &str| {
        for (number, name) in ["总部", "上海"].iter().enumerate() {
            world.write(&format!("hr/{name}_{day}.csv"), &text(number, 0..20));
        }
    };
    write("20261120");
    world.run(&["sync"]).expect(0);
    fs::remove_dir_all(world.path("hr")).unwrap();
    write("20261121");
    assert_eq!(sync(&world, "en").0.expect(0).json()["targets"][0]["outcome"], "no_changes");
    fs::remove_file(world.path("hr/上海_20261121.csv")).unwrap();
    let lost = sync(&world, "en").0.expect(4).json();
    assert_eq!(lost["targets"][0]["held_by"][0]["guard"], "max_missing_percent", "{lost}");
}

/// Rows that concern one person each: that person is left alone, everybody else goes on.
#[test]
fn the_same_id_twice_with_different_names() {
    let world = company();
    let before = device(&world);
    let twice = text(1, 0..20) + "20003,别人,/总公司/2部,专员,13900000000,在职\n";
    world.write(FILES[1], &twice);
    for lang in ["en", "zh"] {
        let (json, table) = sync(&world, lang);
        let target = json.expect(0).json()["targets"][0].clone();
        assert_eq!((&target["outcome"], &target["calls"]["mutations"]), (&json!("no_changes"), &json!(0)));
        let blocked = &target["blocked"][0];
        assert_eq!(
            (&blocked["person"], &blocked["reason"], &blocked["file"], &blocked["line"]),
            (&json!("20003"), &json!("duplicate_key"), &json!("上海.csv"), &json!(5))
        );
        assert!(table.expect(0).out.contains("上海.csv:5"));
        let check = world.run(&["--lang", lang, "roster", "check"]).expect(0).out;
        assert!(check.contains("上海.csv:5") && check.contains("上海.csv:22"), "{check}");
    }
    assert_eq!(device(&world), before);
}

#[test]
fn what_one_cell_says_wrong_is_named_with_its_place_and_its_cure() {
    let world = company();
    let before = device(&world);
    let damaged = text(1, 0..20)
        .replace("13800001002", "1.38E+10")
        .replace("13800001003", "138****1003")
        .replace("张4号,/总公司/2部,专员,13800001004,在职", "张4号,/总公司/2部,专员,13800001004,停职")
        .replace("13800001005", "#N/A");
    world.write(FILES[1], &damaged);
    let target = sync(&world, "en").0.expect(0).json()["targets"][0].clone();
    assert_eq!((&target["calls"]["mutations"], &target["counts"]["blocked"]), (&json!(0), &json!(1)));
    let report = world.run(&["roster", "check", "--output", "json"]).expect(0).json();
    let file = report["sources"][0]["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["file"] == "上海.csv")
        .unwrap()
        .clone();
    let seen: Vec<(u64, &str, &str)> = file["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["line"].as_u64().unwrap(), p["column"].as_str().unwrap(), p["reason"].as_str().unwrap()))
        .collect();
    let wanted = [
        (4, "手机", "scientific"),
        (5, "手机", "masked"),
        (6, "状态", "unknown_status"),
        (7, "手机", "excel_error"),
    ];
    assert_eq!(seen, wanted);
    for (lang, cures) in [("en", "[roster.status]"), ("zh", "[roster.status]")] {
        let table = world.run(&["--lang", lang, "roster", "check"]).expect(0).out;
        for word in ["上海.csv:6", "状态", "停职", cures] {
            assert!(table.contains(word), "{table} lacks {word}");
        }
    }
    assert_eq!(device(&world), before);
}

/// Runs `roster check` in an address space of 1 GB.
fn in_little_memory(world: &World) -> (i32, String) {
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\""])
        .arg(crate::program::path())
        .args(["--config", "rosterd.toml", "roster", "check", "--output", "json"])
        .current_dir(world.path(""))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap_or(-1), answer["error"]["kind"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_line_of_a_gigabyte_and_a_zip_bomb_are_refused_in_little_memory() {
    let line = World::new("");
    line.write("hr/a.csv", HEADER);
    let mut file = fs::OpenOptions::new().append(true).open(line.path("hr/a.csv")).unwrap();
    let chunk = vec![b'a'; 1 << 20];
    for _ in 0..1100 {
        file.write_all(&chunk).unwrap();
    }
    drop(file);
    assert_eq!(in_little_memory(&line), (1, "roster_line_too_long".to_owned()));

    let bomb = World::new("");
    fs::create_dir(bomb.path("hr")).unwrap();
    let mut zip = zip::ZipWriter::new(fs::File::create(bomb.path("hr/a.xlsx")).unwrap());
    let packed =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for name in ["[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"] {
        zip.start_file(name, packed).unwrap();
        for _ in 0..400 {
            zip.write_all(&[b' '; 1 << 20]).unwrap();
        }
    }
    zip.finish().unwrap();
    assert!(fs::metadata(bomb.path("hr/a.xlsx")).unwrap().len() < 4 << 20);
    assert_eq!(in_little_memory(&bomb), (1, "roster_workbook".to_owned()));
}

#[test]
fn the_day_an_account_ends_reaches_the_gateway_and_takes_access_away() {
    let header = "工号,姓名,部门,到期日期\n";
    let world = World::new("dialect = \"openapi\"\n");
    world.write("hr/a.csv", &format!("{header}1,张三,/A,2099-12-31\n2,李四,/A,\n"));
    world.run(&["sync"]).expect(0);
    let held = String::from_utf8(device(&world)).unwrap();
    assert!(held.contains("2099-12-31"), "{held}");
    world.write("hr/a.csv", &format!("{header}1,张三,/A,2098-01-01\n2,李四,/A,\n"));
    let done = sync(&world, "en").0.expect(0).json()["targets"][0].clone();
    assert_eq!(done["changed_fields"], json!({ "expires_on": 1 }));
    assert!(String::from_utf8(device(&world)).unwrap().contains("2098-01-01"));

    // A device that knows no such day: the account is disabled when it is over.
    let world = World::new("");
    world.write("hr/a.csv", &format!("{header}1,张三,/A,2099-12-31\n2,李四,/A,\n"));
    world.run(&["sync"]).expect(0);
    world.write("hr/a.csv", &format!("{header}1,张三,/A,2026-01-01\n2,李四,/A,\n"));
    let done = sync(&world, "en").0.expect(0).json()["targets"][0].clone();
    assert_eq!((&done["counts"]["disable"], &done["counts"]["delete"]), (&json!(1), &json!(0)), "{done}");
}

#[test]
fn the_same_bytes_are_no_changes_and_the_trail_names_their_digest() {
    let world = World::new("");
    world.write("hr/a.csv", "工号,姓名,部门,离职日期\n1,张三,/A,2098-01-01\n2,李四,/A,\n");
    let first = sync(&world, "en").0.expect(0).json();
    assert_eq!(first["targets"][0]["counts"]["add"], 2);
    let again = sync(&world, "en").0.expect(0).json();
    assert_eq!(again["roster"]["digest"], first["roster"]["digest"]);
    let target = &again["targets"][0];
    assert_eq!((&target["outcome"], &target["calls"]["mutations"]), (&json!("no_changes"), &json!(0)));
    assert_eq!((&target["calls"]["queries"], &target["calls"]["commits"]), (&json!(0), &json!(0)));
    let digest = first["roster"]["digest"].as_str().unwrap();
    let trail = world.run(&["audit", "export"]).expect(0).out;
    assert!(trail.matches(digest).count() >= 2, "each run's record names the roster: {trail}");
}

#[test]
fn a_stale_file_stops_a_single_source() {
    let world = World::with("max_age = \"36h\"\n", "");
    world.write("hr/a.csv", &text(0, 0..3));
    world.run(&["sync"]).expect(0);
    let file = fs::File::options().write(true).open(world.path("hr/a.csv")).unwrap();
    let old = file.metadata().unwrap().modified().unwrap() - std::time::Duration::from_secs(3 * 86_400);
    file.set_modified(old).unwrap();
    for lang in ["en", "zh"] {
        let error = sync(&world, lang).0.expect(1).json()["error"].clone();
        assert_eq!(error["kind"], "roster_stale");
        assert!(error["message"].as_str().unwrap().contains("a.csv"));
    }
}
