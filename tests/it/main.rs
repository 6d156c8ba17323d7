//! The integration tests: one program, one module per subject.

mod cli_help;
mod tidy;
