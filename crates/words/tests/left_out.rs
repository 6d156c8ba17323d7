//! Says which tests were left out because a program that they need is not installed; where nothing may be left out, it
//! fails. It has no harness, so that its words are not captured, and stands in the crate whose tests `cargo test` runs
//! last, so that they are read.

use std::io::Write;

#[path = "../../../tests/it/needs.rs"]
mod needs;

fn main() {
    for needed in needs::ALL.into_iter().filter(|needed| needed.or_leave_out().is_none()) {
        let _ = writeln!(std::io::stdout(), "{}", needed.missing());
    }
}
