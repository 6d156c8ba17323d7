//! The forms into which the fuzzer puts its bytes are forms that are read: else it would never get behind the door.

use rosterd::config::RosterConfig;
use rosterd::roster::read_memory;

use super::day;

#[path = "../../../fuzz/fuzz_targets/pack/mod.rs"]
mod pack;

#[test]
fn good_rows_in_the_forms_of_the_fuzzer_are_read() {
    let rows = "1,张三,/A,13800138000,在职,全员,x\n2,李四,/A,,离职,,\n";
    let whole = format!("{}\n{rows}", pack::HEADER);
    let read = |form: u8, bytes: &str| {
        let (name, bytes) = pack::pack(form, bytes.as_bytes());
        let config = RosterConfig { max_invalid_percent: 100.0, ..RosterConfig::default() };
        read_memory(&config, &[(name, bytes)], day()).map(|reading| reading.report.people)
    };
    assert_eq!(read(0, &whole).unwrap(), 2);
    for form in [1, 2, 4, 7] {
        assert_eq!(read(form, rows).unwrap(), 2, "form {form}");
    }
    for form in [3, 5] {
        assert!(read(form, rows).is_err(), "form {form} is the bare bytes");
    }
    let sheet = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>工号</t></is></c>\
                 <c r=\"B1\" t=\"inlineStr\"><is><t>姓名</t></is></c></row>\
                 <row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>7</t></is></c></row>";
    assert_eq!(read(6, sheet).unwrap(), 1);
    // Two rows of numbers, with the keys 0 and 1.
    assert_eq!(read(8, "aaaagggg").unwrap(), 2);
    assert!(pack::pack(pack::FORMS, b"x").1 == b"x", "beyond the last form is the first");
}
