//! A command that failed: what people and scripts are told. Every module's error is asked here for its kind, its
//! text and its next step; the texts themselves are the modules' own.

use rust_i18n::t;

use super::exit::Exit;
use super::output;
use crate::app::accept::AcceptError;
use crate::app::plan_file::PlanFileError;
use crate::app::sync::SyncError;
use crate::config::ConfigError;
use crate::reason::ErrorKind;
use crate::report::{ErrorReport, FailureReport};
use crate::store::StoreError;
use crate::sync::lock::LockError;

/// A failure that a command words itself.
#[derive(Debug, thiserror::Error)]
#[error("{}", report.message)]
pub struct Failure {
    /// What to tell; its kind has the code to end with.
    pub report: ErrorReport,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { report: ErrorReport { kind, message: message.into(), next: next.into() } }
    }

    /// With which code to end.
    pub const fn exit(&self) -> Exit {
        self.report.kind.exit()
    }

    /// A wrong usage that clap cannot see: exit code 2.
    pub fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message, next)
    }
}

impl From<ErrorReport> for Failure {
    fn from(report: ErrorReport) -> Self {
        Self { report }
    }
}

/// Tells people on stderr, and scripts on stdout where they asked for JSON.
pub fn tell(error: &anyhow::Error, json: bool) -> Exit {
    let failure = of(error);
    let (exit, report) = (failure.exit(), failure.report);
    output::note(&words(&report));
    if json {
        let report = FailureReport { version: 1, exit_code: exit.code(), error: report, targets: Vec::new() };
        // If stdout is gone, stderr and the exit code have said it.
        let _ = output::json(&report);
    }
    exit
}

/// A failure as people read it.
pub fn words(report: &ErrorReport) -> String {
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
pub fn of(error: &anyhow::Error) -> Failure {
    if let Some(Failure { report }) = error.downcast_ref() {
        return report.clone().into();
    }
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return Failure::new(error.kind(), error.to_string(), error.next());
    }
    let text = chain(error);
    if let Some(error) = error.downcast_ref() {
        return sync(error, text);
    }
    match error.downcast_ref() {
        Some(AcceptError::Sync(error)) => return sync(error, text),
        Some(AcceptError::Gateway(report)) => return report.clone().into(),
        Some(AcceptError::Lock(error)) => {
            let held = matches!(error, LockError::Held { .. });
            let kind = if held { ErrorKind::Locked } else { ErrorKind::Store };
            let next = if held { t!("sync.locked_next") } else { t!("sync.store_next") };
            return Failure::new(kind, text, next);
        }
        None => {}
    }
    match error.downcast_ref() {
        Some(PlanFileError::Store(error)) => return store(error, text),
        Some(PlanFileError::Io { .. }) => {
            return Failure::new(ErrorKind::PlanFile, text, t!("cli.next.file"));
        }
        Some(_) => return Failure::new(ErrorKind::PlanFile, text, t!("cli.next.plan_file")),
        None => {}
    }
    match error.downcast_ref::<StoreError>() {
        Some(error) => store(error, text),
        None => Failure::new(ErrorKind::Internal, text, String::new()),
    }
}

fn sync(error: &SyncError, text: String) -> Failure {
    match error {
        SyncError::UnknownTarget { .. } => Failure::usage(text, t!("cli.next.target")),
        SyncError::GuardFlagOff => Failure::usage(text, t!("cli.next.guard_flag")),
        SyncError::Store(error) => store(error, text),
    }
}

fn store(error: &StoreError, text: String) -> Failure {
    match error {
        StoreError::Absent { .. } => Failure::new(ErrorKind::Absent, text, t!("cli.next.absent")),
        _ => Failure::new(ErrorKind::Store, text, t!("cli.next.store")),
    }
}

/// The error and its causes, each said once: some errors name their cause themselves.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
