//! The command line: one file per command. Commands talk to people and decide nothing; what they show comes from
//! `report`, what they do from `sync`, `plan`, `roster` and `store`. Only here, in `daemon` and in `main` is there a
//! terminal, an environment or an exit code.

pub mod args;
mod completions;
pub mod exit;
pub mod failure;
mod help_zh;
mod lang;
mod logging;
mod man;
pub mod output;
pub mod process;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command, Lang};
use exit::Exit;

/// Parses `args`, program name first, and carries the command out.
pub fn main(args: &[OsString]) -> Exit {
    let lang = lang::choose(args);
    rust_i18n::set_locale(lang.as_str());
    let cli = match parse(args, lang) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; they are no error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    if cli.global.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    logging::start(&cli.global, &cli.command);
    let json = wants_json(&cli.command);
    run(cli, lang).unwrap_or_else(|error| failure::tell(&error, json))
}

/// The command in the chosen language.
fn command(lang: Lang) -> clap::Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Zh => help_zh::apply(Cli::command()),
    }
}

fn parse(args: &[OsString], lang: Lang) -> Result<Cli, clap::Error> {
    let colors = match args.iter().any(|a| a == "--no-color") {
        true => clap::ColorChoice::Never,
        false => clap::ColorChoice::Auto,
    };
    let mut command = command(lang).color(colors);
    let mut matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|e| e.format(&mut command))
}

fn run(cli: Cli, lang: Lang) -> anyhow::Result<Exit> {
    match &cli.command {
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args, command(lang)),
        _ => Err(failure::Failure::new("internal", "not wired yet", "").into()),
    }
}

/// Whether a failure must be told as JSON too.
const fn wants_json(_command: &Command) -> bool {
    false
}
