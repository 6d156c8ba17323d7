//! Any bytes put into the forms that rosters come in, so that a fuzzer gets behind the first look at each: a header, a
//! compressor's frame, a workbook's parts. An ordinary test makes sure that good rows in each form are read.

use std::io::{Cursor, Write};

/// The header that rows stand below.
pub const HEADER: &str = "工号,姓名,部门,手机,状态,角色,备注";

/// How many forms there are.
pub const FORMS: u8 = 9;

/// The name and the content of a file that holds `bytes` in a form.
pub fn pack(form: u8, bytes: &[u8]) -> (&'static str, Vec<u8>) {
    match form % FORMS {
        0 => ("a.csv", bytes.to_vec()),
        1 => ("a.csv", below_header(bytes)),
        2 => ("a.csv", in_gb18030(bytes)),
        3 => ("a.csv.gz", bytes.to_vec()),
        4 => ("a.csv.gz", gzip(&below_header(bytes))),
        5 => ("a.xlsx", bytes.to_vec()),
        6 => ("a.xlsx", workbook(&String::from_utf8_lossy(bytes), "")),
        7 => ("a.xlsx", workbook(&sheet(&below_header(bytes)), "")),
        _ => ("a.xlsx", workbook(&shared(bytes), &String::from_utf8_lossy(bytes))),
    }
}

fn below_header(bytes: &[u8]) -> Vec<u8> {
    [HEADER.as_bytes(), b"\n", bytes].concat()
}

fn in_gb18030(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    encoding_rs::GB18030.encode(&format!("{HEADER}\n{text}")).0.into_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = out.write_all(bytes);
    out.finish().unwrap_or_default()
}

/// Lines as rows, commas between cells.
fn sheet(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let rows = text.lines().zip(1..).map(|(line, row)| {
        let cells = line.split(',').take(26).zip(b'A'..=b'Z').map(|(cell, column)| {
            let cell = cell.replace('&', "&amp;").replace('<', "&lt;");
            let column = char::from(column);
            format!("<c r=\"{column}{row}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>")
        });
        format!("<row r=\"{row}\">{}</row>", cells.collect::<String>())
    });
    rows.collect()
}

/// A header, and one row for every four bytes: numbers, dates, errors and texts from the table of shared ones.
fn shared(bytes: &[u8]) -> String {
    let mut rows = sheet(HEADER.as_bytes());
    for (cells, row) in bytes.chunks(4).take(200).zip(2..) {
        let cells = cells.iter().zip(b'A'..).map(|(byte, column)| {
            let kind = ["s", "n", "b", "e", "str", "d"][usize::from(byte % 6)];
            format!(
                "<c r=\"{}{row}\" s=\"{}\" t=\"{kind}\"><v>{}</v></c>",
                char::from(column),
                byte % 3,
                byte / 6 % 2
            )
        });
        let status = format!("<c r=\"E{row}\" t=\"inlineStr\"><is><t>在职</t></is></c>");
        rows.push_str(&format!("<row r=\"{row}\">{}{status}</row>", cells.collect::<String>()));
    }
    rows
}

fn workbook(rows: &str, strings: &str) -> Vec<u8> {
    const HEAD: &str = "<?xml version=\"1.0\"?>";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let parts = [
        (
            "_rels/.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"A\" sheetId=\"1\" \
                 r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/worksheet\" \
                 Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"{OFFICE}/sharedStrings\" \
                 Target=\"sharedStrings.xml\"/></Relationships>"
            ),
        ),
        ("xl/sharedStrings.xml", format!("{HEAD}<sst xmlns=\"{MAIN}\"><si><t>1</t></si>{strings}</sst>")),
        (
            "xl/worksheets/sheet1.xml",
            format!("{HEAD}<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ];
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        let _ = zip.start_file(name, zip::write::SimpleFileOptions::default());
        let _ = zip.write_all(text.as_bytes());
    }
    zip.finish().map(Cursor::into_inner).unwrap_or_default()
}
