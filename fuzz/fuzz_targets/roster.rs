//! Any bytes as a roster: read or refused, never a panic, never more rows accepted than met. The first byte chooses the
//! form that the others are put into: text, gzip or workbook, bare or below a header.
#![no_main]

mod pack;

use chrono::NaiveDate;
use libfuzzer_sys::fuzz_target;
use rosterd::config::RosterConfig;
use rosterd::roster::read_memory;

fuzz_target!(|data: &[u8]| {
    let Some((form, rest)) = data.split_first() else { return };
    let (name, bytes) = pack::pack(*form, rest);
    let config = RosterConfig { max_invalid_percent: 100.0, ..RosterConfig::default() };
    if let Ok(reading) = read_memory(&config, &[(name, bytes)], NaiveDate::default()) {
        let report = reading.report;
        assert_eq!(report.rows, report.accepted + report.refused);
        assert!(report.people + report.blocked <= report.rows);
    }
});
