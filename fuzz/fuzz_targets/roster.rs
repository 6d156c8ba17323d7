//! Any bytes as a roster: read or refused, never a panic, never more rows accepted than met. The first byte chooses
//! what the file is called; a header is put in front of half of the inputs, so that rows are reached.
#![no_main]

use chrono::NaiveDate;
use libfuzzer_sys::fuzz_target;
use rosterd::config::RosterConfig;
use rosterd::roster::read_memory;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let name = ["a.csv", "a.csv.gz", "a.xlsx"][usize::from(choice >> 1) % 3];
    let mut bytes = Vec::new();
    if choice & 1 == 1 {
        bytes.extend("工号,姓名,部门,手机,状态,角色,备注\n".as_bytes());
    }
    bytes.extend(rest);
    let config = RosterConfig { max_invalid_percent: 100.0, ..RosterConfig::default() };
    if let Ok(reading) = read_memory(&config, &[(name, bytes)], NaiveDate::default()) {
        let report = reading.report;
        assert_eq!(report.rows, report.accepted + report.refused);
        assert!(report.people + report.blocked <= report.rows);
    }
});
