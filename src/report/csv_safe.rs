//! Text that cannot act: cells that no spreadsheet takes for a formula, and lines that no terminal takes for a command.

use std::borrow::Cow;

use rosterd_core::model::visible;

/// What makes a spreadsheet read a cell as a formula; Chinese keyboards type the full-width ones.
const TRIGGERS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The text as a CSV cell that cannot carry a formula into a spreadsheet: what could be one gets a leading `'`, and
/// deceptive characters are [shown](visible). Blanks before the sign do not help, because some programs trim them.
pub fn csv_safe(text: &str) -> Cow<'_, str> {
    let acts = text.trim_start().starts_with(TRIGGERS) || text.starts_with(['\t', '\r']);
    let shown = visible(text);
    if acts { Cow::Owned(format!("'{shown}")) } else { shown }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use rosterd_core::model::is_deceptive;

    use super::*;

    #[test]
    fn formulas_are_disarmed_and_the_rest_is_left_alone() {
        let cases = [
            ("=1+1", "'=1+1"),
            ("+86 138", "'+86 138"),
            ("-9", "'-9"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝cmd", "'＝cmd"),
            ("\t=1", "'\\u{9}=1"),
            ("  =1", "'  =1"),
            ("\u{202e}=1", "\\u{202e}=1"),
            ("张三-销售", "张三-销售"),
            ("a=b", "a=b"),
            ("", ""),
        ];
        for (text, cell) in cases {
            assert_eq!(csv_safe(text), cell, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_cell_starts_with_a_trigger_and_none_hides_a_character(text in r"[ \t\r\n=+\-@＝＋－＠'\u{feff}\u{202e}\u{3000}a张]{0,8}") {
            let mut file = Vec::new();
            let mut csv = csv::Writer::from_writer(&mut file);
            csv.write_record([csv_safe(&text).as_ref(), "end"]).unwrap();
            csv.flush().unwrap();
            drop(csv);
            let mut back = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_slice());
            let record = back.records().next().unwrap().unwrap();
            let cell = &record[0];
            prop_assert!(!cell.trim_start().starts_with(TRIGGERS));
            prop_assert!(!cell.chars().any(is_deceptive));
        }
    }
}
