//! `rosterd completions`: a shell's completion script.

use clap::CommandFactory as _;

use super::args::{Cli, CompletionsArgs};
use super::exit::Exit;
use super::output;

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rosterd", &mut script);
    output::text(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}
