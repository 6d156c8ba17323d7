//! A command that failed: what people and scripts are told. Every module's error is asked here for its kind, its
//! text and its next step; the texts themselves are the modules' own.

use rust_i18n::t;

use super::exit::Exit;
use super::output;
use crate::report::{ErrorReport, FailureReport};

/// A failure that a command words itself.
#[derive(Debug, thiserror::Error)]
#[error("{}", report.message)]
pub struct Failure {
    /// With which code to end.
    pub exit: Exit,
    /// What to tell.
    pub report: ErrorReport,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(kind: &str, message: impl Into<String>, next: impl Into<String>) -> Self {
        let report = ErrorReport { kind: kind.to_owned(), message: message.into(), next: next.into() };
        Self { exit: Exit::Failed, report }
    }

    /// A wrong usage that clap cannot see: exit code 2.
    pub fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new("usage", message, next) }
    }
}

/// Tells people on stderr, and scripts on stdout where they asked for JSON.
pub fn tell(error: &anyhow::Error, json: bool) -> Exit {
    let Failure { exit, report } = of(error);
    output::note(&words(&report));
    if json {
        let report = FailureReport { version: 1, exit_code: exit.code(), error: report, targets: Vec::new() };
        // If stdout is gone, stderr and the exit code have said it.
        let _ = output::json(&report);
    }
    exit
}

fn words(report: &ErrorReport) -> String {
    use owo_colors::OwoColorize as _;
    let label = t!("cli.error");
    let mut text = format!("{} {}", label.red().bold(), report.message);
    if !report.next.is_empty() {
        text.push_str("\n  ");
        text.push_str(&report.next);
    }
    text
}

/// What an error comes to.
fn of(error: &anyhow::Error) -> Failure {
    if let Some(Failure { exit, report }) = error.downcast_ref() {
        return Failure { exit: *exit, report: report.clone() };
    }
    let chain: Vec<_> = error.chain().map(ToString::to_string).collect();
    Failure::new("internal", chain.join(": "), String::new())
}
