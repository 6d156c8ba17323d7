//! The same people in every format, encoding, delimiter, quoting and line ending; and the same file damaged at every
//! byte. What is read is either the same or refused, and never fewer people in silence.

use std::io::Write;

use encoding_rs::{BIG5, GB18030};
use proptest::prelude::*;
use rosterd::config::{Encoding, RosterConfig};
use rosterd::model::Cell;
use rosterd::roster::{DoubtKind, Employment, Field, Person, Reading, RosterError, read_memory};

use super::{day, key};

/// What HR knows of somebody.
#[derive(Debug, Clone, PartialEq)]
struct Employee {
    id: String,
    name: String,
    departments: Vec<Vec<String>>,
    phone: Option<String>,
    status: &'static str,
    roles: Vec<String>,
}

const HEADERS: [&str; 6] = ["工號", "姓名", "部門", "手機", "狀態", "角色"];

/// Not one of the words with which programs write that there is nothing, and spelled as it will be read: blanks in a row
/// become one.
fn is_said(text: &String) -> bool {
    !["NULL", "NIL", "NONE", "NAN", "NAT"].contains(&text.to_uppercase().as_str())
        && text != "NA"
        && !text.contains("  ")
}

fn employee() -> impl Strategy<Value = Employee> {
    let word = "[王林陳張明a-zA-Z]{1,4}".prop_filter("says nothing", is_said);
    let name = "[王林陳明a-z]([王林a-z ,|\"·]{0,4}[張明a-z])?".prop_filter("says nothing", is_said);
    let role = "[A-Z]{2,5}".prop_filter("says nothing", is_said);
    let path = proptest::collection::vec(word, 1..4);
    (
        name,
        proptest::collection::vec(path, 1..3),
        proptest::option::of("1[3-9][0-9]{9}"),
        prop_oneof![Just("在職"), Just("離職"), Just("active")],
        proptest::collection::vec(role, 0..3),
    )
        .prop_map(|(name, mut departments, phone, status, mut roles)| {
            departments.dedup();
            roles.sort();
            roles.dedup();
            Employee { id: String::new(), name, departments, phone, status, roles }
        })
}

fn employees() -> impl Strategy<Value = Vec<Employee>> {
    proptest::collection::vec(employee(), 1..12).prop_map(|mut all| {
        for (n, employee) in all.iter_mut().enumerate() {
            employee.id = format!("{:06}", n * 37 + 5);
        }
        all
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Text {
        encoding: &'static str,
        delimiter: char,
        quote_all: bool,
        line_end: &'static str,
        last: bool,
        gzip: bool,
    },
    Workbook {
        shared: bool,
    },
}

fn form() -> impl Strategy<Value = Form> {
    let encodings =
        ["utf-8", "utf-8-bom", "gb18030", "big5", "utf-16le", "utf-16be", "utf-16le-bom", "utf-16be-bom"];
    let text = (
        proptest::sample::select(encodings.to_vec()),
        proptest::sample::select(vec![',', '\t', ';', '|']),
        any::<bool>(),
        proptest::sample::select(vec!["\n", "\r\n", "\r\r\n"]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(encoding, delimiter, quote_all, line_end, last, gzip)| Form::Text {
            encoding,
            delimiter,
            quote_all,
            line_end,
            last,
            gzip,
        });
    prop_oneof![4 => text, 1 => any::<bool>().prop_map(|shared| Form::Workbook { shared })]
}

fn table(employees: &[Employee], order: &[usize]) -> Vec<Vec<String>> {
    let cells = |e: &Employee| {
        let departments: Vec<String> =
            e.departments.iter().map(|path| format!("/{}", path.join("/"))).collect();
        [
            e.id.clone(),
            e.name.clone(),
            departments.join(";"),
            e.phone.clone().unwrap_or_default(),
            e.status.to_owned(),
            e.roles.join(";"),
        ]
    };
    let header = HEADERS.map(str::to_owned);
    std::iter::once(header)
        .chain(employees.iter().map(cells))
        .map(|row| order.iter().map(|column| row[*column].clone()).collect())
        .collect()
}

fn delimited(table: &[Vec<String>], delimiter: char, quote_all: bool, line_end: &str, last: bool) -> String {
    let quoted = |cell: &String| {
        if quote_all || cell.contains([delimiter, '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    };
    let lines: Vec<String> = table
        .iter()
        .map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(&delimiter.to_string()))
        .collect();
    let mut text = lines.join(line_end);
    if last {
        text.push_str(line_end);
    }
    text
}

fn encode(text: &str, encoding: &str) -> Vec<u8> {
    let utf16 = |big: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    match encoding {
        "utf-8" => text.as_bytes().to_vec(),
        "utf-8-bom" => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        "gb18030" => GB18030.encode(text).0.into_owned(),
        "big5" => BIG5.encode(text).0.into_owned(),
        "utf-16le" => utf16(false),
        "utf-16be" => utf16(true),
        "utf-16le-bom" => [vec![0xff, 0xfe], utf16(false)].concat(),
        _ => [vec![0xfe, 0xff], utf16(true)].concat(),
    }
}

/// A workbook as small as Excel opens: every cell a string, shared or inline.
pub fn workbook(sheets: &[(&str, &str, String)], shared: &[String]) -> Vec<u8> {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let mut part = |name: &str, text: &str| {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    part(
        "[Content_Types].xml",
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>",
    );
    part(
        "_rels/.rels",
        &format!(
            "<Relationships xmlns=\"{package}\"><Relationship Id=\"r1\" Type=\"{rel}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    let list: String = sheets
        .iter()
        .enumerate()
        .map(|(n, (name, state, _))| {
            format!("<sheet name=\"{name}\" sheetId=\"{}\" state=\"{state}\" r:id=\"r{}\"/>", n + 1, n + 1)
        })
        .collect();
    part(
        "xl/workbook.xml",
        &format!("<workbook xmlns=\"{main}\" xmlns:r=\"{rel}\"><sheets>{list}</sheets></workbook>"),
    );
    let relations: String = (1..=sheets.len())
        .map(|n| {
            format!("<Relationship Id=\"r{n}\" Type=\"{rel}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>")
        })
        .collect();
    part(
        "xl/_rels/workbook.xml.rels",
        &format!("<Relationships xmlns=\"{package}\">{relations}</Relationships>"),
    );
    let strings: String = shared
        .iter()
        .map(|text| format!("<si><t xml:space=\"preserve\">{}</t></si>", escape(text)))
        .collect();
    part(
        "xl/sharedStrings.xml",
        &format!("<sst xmlns=\"{main}\" count=\"9999999\" uniqueCount=\"{}\">{strings}</sst>", shared.len()),
    );
    for (n, (_, _, data)) in sheets.iter().enumerate() {
        part(
            &format!("xl/worksheets/sheet{}.xml", n + 1),
            &format!("<worksheet xmlns=\"{main}\">{data}</worksheet>"),
        );
    }
    zip.finish().unwrap().into_inner()
}

/// The cells of a sheet as XML; with `shared`, strings go there.
pub fn sheet(table: &[Vec<String>], mut shared: Option<&mut Vec<String>>) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let mut rows = String::new();
    for (r, row) in table.iter().enumerate() {
        rows.push_str(&format!("<row r=\"{}\">", r + 1));
        for (c, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let place = format!("{}{}", char::from(b'A' + c as u8), r + 1);
            match shared.as_deref_mut() {
                Some(shared) => {
                    rows.push_str(&format!("<c r=\"{place}\" t=\"s\"><v>{}</v></c>", shared.len()));
                    shared.push(cell.clone());
                }
                None => rows.push_str(&format!(
                    "<c r=\"{place}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>",
                    escape(cell)
                )),
            }
        }
        rows.push_str("</row>");
    }
    format!("<sheetData>{rows}</sheetData>")
}

/// Name and bytes of the employees in a form.
fn write(employees: &[Employee], order: &[usize], form: Form) -> (String, Vec<u8>) {
    let table = table(employees, order);
    match form {
        Form::Text { encoding, delimiter, quote_all, line_end, last, gzip } => {
            let bytes = encode(&delimited(&table, delimiter, quote_all, line_end, last), encoding);
            if !gzip {
                return ("roster.csv".into(), bytes);
            }
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(&bytes).unwrap();
            ("roster.csv.gz".into(), packer.finish().unwrap())
        }
        Form::Workbook { shared } => {
            let mut strings = Vec::new();
            let data = sheet(&table, shared.then_some(&mut strings));
            ("roster.xlsx".into(), workbook(&[("人员", "visible", data)], &strings))
        }
    }
}

fn read(name: &str, bytes: Vec<u8>) -> Result<Reading, RosterError> {
    read_memory(&RosterConfig::default(), &[(name, bytes)], day())
}

fn says(person: &Person, employee: &Employee) -> bool {
    let list =
        |cell: &Cell<std::sync::Arc<[String]>>| cell.value().map(|list| list.to_vec()).unwrap_or_default();
    person.text.get(Field::EmployeeId) == Cell::Value(employee.id.as_str())
        && person.text.get(Field::Name) == Cell::Value(employee.name.as_str())
        && person.departments.value().map(|paths| paths.to_vec()) == Some(employee.departments.clone())
        && person.phones.value().map(|numbers| numbers.join(";")) == employee.phone
        && list(&person.roles) == employee.roles
        && (person.employment == Employment::Left) == (employee.status == "離職")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_the_form_the_people_are_the_same(
        employees in employees(),
        form in form(),
        // The key goes last now and then; the last cell of a file without a final line end is a case of its own.
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        // The key of an only row, at the very end of a file, may be cut: that file is refused.
        prop_assume!(employees.len() > 2 || !matches!(form, Form::Text { last: false, .. }));
        let (name, bytes) = write(&employees, &order, form);
        let reading = read(&name, bytes).map_err(|e| TestCaseError::fail(format!("{form:?}: {e}")))?;
        let open_end = matches!(form, Form::Text { last: false, quote_all: false, .. });
        let sure = employees.len() - usize::from(open_end);
        for employee in &employees[..sure] {
            let person = reading.roster.people.get(&key(&employee.id));
            prop_assert!(person.is_some_and(|person| says(person, employee)), "{:?} {:?}", person, employee);
        }
        prop_assert_eq!(reading.report.rows as usize, employees.len());
        prop_assert!(reading.roster.people.len() >= sure);
    }

    #[test]
    fn garbage_is_refused_or_read_but_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for name in ["a.csv", "a.csv.gz", "a.xlsx"] {
            let _ = read(name, bytes.clone());
        }
        let mut text = "工号,姓名\n".as_bytes().to_vec();
        text.extend(&bytes);
        let _ = read("a.csv", text);
    }
}

fn some() -> Vec<Employee> {
    (0..6)
        .map(|n| Employee {
            id: format!("{:05}", 17 * n + 3),
            name: ["陳明", "林,王", "O\"Hara", "張三", "王明", "Li Lin"][n].to_owned(),
            departments: vec![vec!["總部".into(), ["研發", "銷售"][n % 2].into()]],
            phone: Some(format!("1380013800{n}")),
            status: ["在職", "active", "離職"][n % 3],
            roles: vec!["OA".into()],
        })
        .collect()
}

/// Six ways to write a file, with its last column in turn.
fn variants() -> Vec<(Vec<u8>, Vec<usize>, Encoding)> {
    let orders = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 5, 4], [1, 0, 4, 5, 3, 2]];
    let mut all = Vec::new();
    for (n, (encoding, delimiter, quote_all, line_end)) in [
        ("utf-8", ',', false, "\n"),
        ("utf-8-bom", ';', true, "\r\n"),
        ("gb18030", ',', false, "\r\n"),
        ("gb18030", '\t', true, "\n"),
        ("utf-16le-bom", '\t', false, "\r\n"),
        ("big5", ',', false, "\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let order = orders[n % orders.len()].to_vec();
        let text = delimited(&table(&some(), &order), delimiter, quote_all, line_end, true);
        all.push((encode(&text, encoding), order, Encoding::Auto));
    }
    all
}

#[test]
fn a_file_cut_at_any_byte_is_refused_or_says_nothing_wrong() {
    let employees = some();
    for (bytes, order, _) in variants() {
        let whole = read("a.csv", bytes.clone()).unwrap();
        assert_eq!(whole.roster.people.len(), employees.len());
        for end in 0..bytes.len() {
            let Ok(reading) = read("a.csv", bytes[..end].to_vec()) else { continue };
            for (key, person) in &reading.roster.people {
                let full = whole.roster.people.get(key).unwrap_or_else(|| panic!("{end}: nobody is {key}"));
                assert_eq!(person.employment, full.employment, "cut at {end}: {key}");
                assert!(narrows(person, full), "cut at {end}, last column {:?}: {person:?}", order.last());
            }
        }
    }
}

/// Whether `part` says the same as `full`, or less.
fn narrows(part: &Person, full: &Person) -> bool {
    fn cell<T: PartialEq>(part: &Cell<T>, full: &Cell<T>) -> bool {
        *part == Cell::Unknown || part == full
    }
    Field::ALL.iter().all(|field| cell(&part.text.get(*field), &full.text.get(*field)))
        && cell(&part.departments, &full.departments)
        && cell(&part.roles, &full.roles)
        && cell(&part.phones, &full.phones)
}

/// `ROSTERD_EVERY_BYTE=1` tries every byte at every position of every variant, which takes far longer than everything else.
#[test]
fn a_stray_byte_anywhere_swallows_no_row() {
    let employees = some();
    let every_byte = std::env::var_os("ROSTERD_EVERY_BYTE").is_some();
    for (variant, (bytes, ..)) in
        variants().into_iter().take(if every_byte { usize::MAX } else { 4 }).enumerate()
    {
        let whole = read("a.csv", bytes.clone()).unwrap();
        for at in 0..=bytes.len() {
            // Every position, and over the variants every sign at most of them.
            let some = [[b'"', 0, b'\r'][(at + variant) % 3]];
            let all: Vec<u8> = (0..=u8::MAX).collect();
            for stray in if every_byte { &all[..] } else { &some[..] }.iter().copied() {
                let mut damaged = bytes.clone();
                damaged.insert(at, stray);
                let Ok(reading) = read("a.csv", damaged) else { continue };
                assert_eq!(reading.report.rows as usize, employees.len(), "{stray:#x} at {at}");
                let changed = whole.roster.people.iter().filter(|(key, person)| {
                    !reading.roster.people.get(*key).is_some_and(|now| {
                        (&now.text, now.employment, &now.departments)
                            == (&person.text, person.employment, &person.departments)
                    })
                });
                // A header that is known no more takes its column away from everybody, which is told and guarded.
                let in_header = bytes[..at].iter().all(|byte| *byte != b'\n');
                let concerned = if in_header { employees.len() } else { 1 };
                assert!(changed.count() <= concerned, "{stray:#x} at {at} of variant {variant}");
            }
        }
    }
}

fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
}

#[test]
fn a_workbook_is_searched_for_its_sheet_and_header() {
    let title = sheet(&rows(&[&["说明"], &["请勿修改"]]), None);
    let hidden = sheet(&rows(&[&["工号", "姓名"], &["9", "隐藏"]]), None);
    let data = sheet(
        &rows(&[
            &["二〇二六年花名册", "", ""],
            &["*工号 （必填）", "姓名\n（与身份证一致）", "部门"],
            &["001", "张三", "/A\n/B"],
            &["", "", ""],
            &["002", "李四", "/A"],
            &["合计", "2", ""],
        ]),
        None,
    );
    let spare = sheet(&rows(&[&["工号", "姓名"], &["7", "别处"]]), None);
    let bytes = workbook(
        &[
            ("说明", "visible", title),
            ("旧", "hidden", hidden),
            ("花名册", "visible", data),
            ("备份", "visible", spare),
        ],
        &[],
    );
    let reading = read("a.xlsx", bytes).unwrap();
    let file = &reading.report.sources[0].files[0];
    assert_eq!((file.sheet.as_deref(), file.header_line, file.rows), (Some("花名册"), 2, 2));
    let notes: Vec<_> = file.notes.iter().map(|note| note.kind.word()).collect();
    for kind in ["hidden_sheet", "sheet_left_out", "preamble", "footer"] {
        assert!(notes.contains(&kind), "{notes:?}");
    }
    let departments = reading.roster.people[&key("001")].departments.value().unwrap().to_vec();
    assert_eq!(departments, [vec!["A".to_owned()], vec!["B".to_owned()]]);
    assert_eq!(reading.roster.doubts[0].what, "花名册 (备份)");
}

#[test]
fn which_sheet_is_meant_is_asked_and_can_be_said() {
    let people = |id: &str| sheet(&rows(&[&["工号", "姓名", "离职去向"], &[id, "张三", "已离职"]]), None);
    let both = workbook(&[("离职人员", "visible", people("1")), ("在职人员", "visible", people("2"))], &[]);
    let read = |sheet: Option<&str>, bytes: &[u8]| {
        let config = RosterConfig { sheet: sheet.map(str::to_owned), ..RosterConfig::default() };
        read_memory(&config, &[("a.xlsx", bytes.to_vec())], day())
    };
    let kinds = |reading: &Reading| reading.roster.doubts.iter().map(|doubt| doubt.kind).collect::<Vec<_>>();
    let asked = read(None, &both).unwrap();
    assert_eq!(kinds(&asked), [DoubtKind::UnusedStatus, DoubtKind::SeveralSheets]);
    assert!(asked.report.doubts[1].contains("sheet = "), "{:?}", asked.report.doubts);
    let said = read(Some("在职人员 "), &both).unwrap();
    assert_eq!(kinds(&said), [DoubtKind::UnusedStatus]);
    assert!(said.roster.people.contains_key(&key("2")));
    let alone = workbook(
        &[("2026年离职", "visible", people("1")), ("说明", "visible", sheet(&rows(&[&["x"]]), None))],
        &[],
    );
    assert_eq!(kinds(&read(None, &alone).unwrap()), [DoubtKind::UnusedStatus, DoubtKind::LeaverSheet]);
    let error = read(Some("花名册"), &both).unwrap_err();
    assert_eq!(error.kind(), "no_sheet");
    assert!(error.to_string().contains("在职人员"), "{error}");
}

#[test]
fn cells_of_a_workbook_keep_what_they_mean() {
    let data = "<sheetData>\
        <row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>工号</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>手机</t></is></c>\
        <c r=\"C1\" t=\"inlineStr\"><is><t>部门</t></is></c><c r=\"D1\" t=\"inlineStr\"><is><t>入职日期</t></is></c></row>\
        <row r=\"2\"><c r=\"A2\"><v>10001</v></c><c r=\"B2\"><v>13800138000</v></c>\
        <c r=\"C2\" t=\"inlineStr\"><is><t>/研发</t></is></c><c r=\"D2\"><v>45293</v></c></row>\
        <row r=\"3\"><c r=\"A3\"><v>10002</v></c><c r=\"B3\"><v>1.38001380001380E+17</v></c></row>\
        <row r=\"4\"><c r=\"A4\"><v>10003</v></c><c r=\"B4\" t=\"e\"><v>#N/A</v></c></row>\
        <row r=\"5\"><c r=\"A5\"><v>12345678901234567890</v></c></row>\
        </sheetData><mergeCells count=\"1\"><mergeCell ref=\"C2:C4\"/></mergeCells>";
    let config = RosterConfig { max_invalid_percent: 50.0, ..RosterConfig::default() };
    let bytes = workbook(&[("a", "visible", data.into())], &[]);
    let reading = read_memory(&config, &[("a.xlsx", bytes)], day()).unwrap();
    let person = |id: &str| &reading.roster.people[&key(id)];
    assert_eq!(person("10001").phones, Cell::Value(vec!["13800138000".into()]));
    assert_eq!(person("10001").hire_date.value().unwrap().to_string(), "2024-01-02");
    assert_eq!((&person("10002").phones, &person("10003").phones), (&Cell::Unknown, &Cell::Unknown));
    let merged = ["10001", "10002", "10003"].map(|id| person(id).departments.value().unwrap().to_vec());
    assert!(merged.iter().all(|paths| *paths == [vec!["研发".to_owned()]]));
    assert!(reading.roster.sources[0].unreadable_key);
}

#[test]
fn a_formula_that_was_never_calculated_is_unknown_not_empty() {
    let cell =
        |place: &str, text: &str| format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let header = format!("{}{}{}", cell("A1", "工号"), cell("B1", "角色"), cell("C1", "姓名"));
    let row = |formula: &str| {
        format!("{}<c r=\"B2\"><f>VLOOKUP(A2,X,2)</f>{formula}</c>{}", cell("A2", "001"), cell("C2", "张三"))
    };
    for (stored, unknown) in [("<v></v>", true), ("<v/>", true), ("", true), ("<v>7</v>", false)] {
        let data =
            format!("<sheetData><row r=\"1\">{header}</row><row r=\"2\">{}</row></sheetData>", row(stored));
        let reading = read("a.xlsx", workbook(&[("a", "visible", data)], &[])).unwrap();
        let roles = &reading.roster.people[&key("001")].roles;
        assert_eq!(*roles == Cell::Unknown, unknown, "{stored}");
    }
}

#[test]
fn workbooks_that_would_fill_the_memory_are_refused() {
    let row = "<row><c t=\"inlineStr\"><is><t>工号</t></is></c></row>";
    let long = format!(
        "<sheetData>{row}<row><c t=\"inlineStr\"><is><t>{}</t></is></c></row></sheetData>",
        "x".repeat(1 << 20)
    );
    let bomb = workbook(&[("a", "visible", long)], &[]);
    assert!(bomb.len() < 10_000);
    assert_eq!(read("a.xlsx", bomb).unwrap_err().kind(), "workbook");
    let strings: Vec<String> = (0..3_000_000).map(|_| "0123456789".to_owned()).collect();
    let many = workbook(&[("a", "visible", format!("<sheetData>{row}</sheetData>"))], &strings);
    assert_eq!(read("a.xlsx", many).unwrap_err().kind(), "workbook");
    let mut lie = workbook(&[("a", "visible", format!("<sheetData>{row}</sheetData>"))], &[]);
    lie.truncate(lie.len() / 2);
    assert_eq!(read("a.xlsx", lie).unwrap_err().kind(), "workbook");
}

#[test]
fn a_gzip_bomb_and_a_cut_gzip_are_refused() {
    let pack = |text: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    };
    let mut bomb = "工号,姓名\n".as_bytes().to_vec();
    bomb.resize(30 << 20, b'0');
    assert_eq!(read("a.csv.gz", pack(&bomb)).unwrap_err().kind(), "line_too_long");
    let whole = pack("工号,姓名\n1,张三\n2,李四\n".as_bytes());
    assert!(read("a.csv.gz", whole.clone()).is_ok());
    for end in 12..whole.len() {
        assert_eq!(read("a.csv.gz", whole[..end].to_vec()).unwrap_err().kind(), "compression", "{end}");
    }
}
