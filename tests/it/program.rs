//! Which program the end-to-end tests start. `cargo test` builds one beside the tests; with `ROSTERD_PROGRAM` it is the
//! one named there: the gate names one that was built as it is released, without anything that only tests have.

use std::path::PathBuf;

/// The program under test.
pub fn path() -> PathBuf {
    std::env::var_os("ROSTERD_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_rosterd").into(), PathBuf::from)
}
