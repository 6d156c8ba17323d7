//! Where results go: stdout, with colours only where they are wanted, and in peace when the reader has gone.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::args::Output;

/// Writes a result to stdout.
pub fn text(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    forgive_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes a result to stdout as one JSON object.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut body = serde_json::to_string(value)?;
    body.push('\n');
    let mut out = io::stdout().lock();
    forgive_closed_pipe(out.write_all(body.as_bytes()).and_then(|()| out.flush()))
}

/// Writes a result in the form that is wanted; each form is made only then.
pub fn answer<V: Serialize>(
    form: Output,
    value: impl FnOnce() -> V,
    table: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    match form {
        Output::Json => json(&value()),
        Output::Table | Output::Csv => text(&table()),
    }
}

/// Writes something for people beside the result to stderr. Nobody can be told if that fails.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// `rosterd runs | head` closes the pipe early; that is no failure of ours.
fn forgive_closed_pipe(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Columns of the terminal that results go to; `None` for a pipe or a file, where nothing is wrapped.
pub fn width() -> Option<u16> {
    comfy_table::Table::new().width()
}

/// Whether people watch stderr.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// A line that begins with the word for a warning.
pub fn warning(text: &str) -> String {
    use owo_colors::OwoColorize as _;
    let label = rust_i18n::t!("cli.warning");
    format!("{} {}", label.yellow().bold(), crate::report::visible(text))
}
