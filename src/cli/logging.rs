//! Log lines: always on stderr, always in English, as text or JSON.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use super::args::{Command, Global, LogFormat};

/// Starts logging. `RUST_LOG` says what to log; without it `-v` and `-q` do.
pub fn start(global: &Global, command: &Command) {
    let level = level(global, matches!(command, Command::Run | Command::Gateway(_)));
    let wanted = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    // Other crates may log requests with their bodies, and a body carries tokens and phone numbers: whatever RUST_LOG
    // says, only their warnings are heard.
    let ours = Targets::new().with_target("rosterd", LevelFilter::TRACE).with_default(LevelFilter::WARN);
    let layer = fmt::layer().with_writer(std::io::stderr);
    // journald writes its own time and takes no colours.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let ansi = !journal && !global.no_color && no_color_unset() && std::io::stderr().is_terminal();
    let layer = match global.log_format {
        LogFormat::Json => layer.json().boxed(),
        LogFormat::Text if journal => layer.with_ansi(false).without_time().boxed(),
        LogFormat::Text => layer.with_ansi(ansi).boxed(),
    };
    // A second start, which only tests could ask for, changes nothing.
    let _ = tracing_subscriber::registry().with(layer.with_filter(wanted).with_filter(ours)).try_init();
}

fn no_color_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// A service tells what it does; a command that people wait for tells only what is wrong.
const fn level(global: &Global, service: bool) -> LevelFilter {
    match (global.quiet, global.verbose, service) {
        (true, _, _) => LevelFilter::ERROR,
        (false, 0, false) => LevelFilter::WARN,
        (false, 0, true) | (false, 1, false) => LevelFilter::INFO,
        (false, 1, true) | (false, 2, false) => LevelFilter::DEBUG,
        (false, _, _) => LevelFilter::TRACE,
    }
}
