//! Arguments, tracing, exit code.

use std::process::ExitCode;

use rosterd::cli::{self, exit::Exit};

fn main() -> ExitCode {
    cli::process::harden();
    let args: Vec<_> = std::env::args_os().collect();
    // The hook has told what happened; a script must see a documented code, not the language's own.
    let exit = std::panic::catch_unwind(|| cli::main(&args)).unwrap_or(Exit::Failed);
    exit.into()
}
