//! The command line: one file per command. Commands talk to people and decide nothing; what they show comes from
//! `report`, what they do from `sync`, `plan`, `roster` and `store`. Only here, in `daemon` and in `main` is there a
//! terminal, an environment or an exit code.

mod accounts;
pub mod adopt;
mod approve;
pub mod args;
mod audit;
mod completions;
mod config;
mod doctor;
pub mod doors;
pub mod drift;
mod explain;
pub mod failure;
mod gateway;
mod help;
mod history;
mod lang;
mod logging;
mod man;
pub mod oob;
pub mod output;
pub mod overrides;
mod person;
mod plan;
pub mod process;
mod progress;
mod roster;
mod runs;
mod service;
mod sheet;
mod show;
mod signals;
mod status;
mod sync;
mod target;
pub mod ucloud;
pub mod undo;

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _};
use rust_i18n::t;

use args::{Cli, Command, Global, Lang, Output};
use config::ConfigCommand;
use exit::Exit;
use failure::Failure;
use roster::RosterCommand;

pub use crate::reason::exit;

use crate::app::App;
use crate::config::Env;
use crate::plan::OverrideKind;

/// Parses `args`, program name first, and carries the command out.
pub fn main(args: &[OsString]) -> Exit {
    let lang = lang::choose(args);
    rust_i18n::set_locale(lang.as_str());
    let (cli, said) = match parse(args, lang) {
        Ok(parsed) => parsed,
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
    run(&cli, &said, lang).unwrap_or_else(|error| failure::tell(&error, cli.global.output == Output::Json))
}

/// The command in the chosen language.
fn command(lang: Lang) -> clap::Command {
    help::translate(Cli::command(), lang)
}

/// The command line, and what may be kept of it.
fn parse(args: &[OsString], lang: Lang) -> Result<(Cli, String), clap::Error> {
    let colors = match args.iter().any(|a| a == "--no-color") {
        true => clap::ColorChoice::Never,
        false => clap::ColorChoice::Auto,
    };
    let mut command = command(lang).color(colors);
    let mut matches = command.try_get_matches_from_mut(args)?;
    let said = said(&matches, &command);
    let cli = Cli::from_arg_matches_mut(&mut matches).map_err(|e| e.format(&mut command))?;
    Ok((cli, said))
}

/// The command and its options, with `…` for whatever was given to them: names of people and reasons are in there, and
/// the record of a run is kept for good. Options that every command takes are left out.
fn said(matches: &clap::ArgMatches, command: &clap::Command) -> String {
    let mut words = vec![command.get_name().to_owned()];
    let (mut matches, mut command) = (matches, command);
    loop {
        for arg in command.get_arguments().filter(|arg| !arg.is_global_set()) {
            let given = matches.try_contains_id(arg.get_id().as_str()).unwrap_or(false)
                && matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
            let value = if arg.get_action().takes_values() { Some("…") } else { None };
            let option = arg.get_long().map(|long| format!("--{long}"));
            if given {
                words.push(option.into_iter().chain(value.map(str::to_owned)).collect::<Vec<_>>().join(" "));
            }
        }
        let Some((name, below)) = matches.subcommand() else { break };
        let Some(found) = command.find_subcommand(name) else { break };
        words.push(name.to_owned());
        (matches, command) = (below, found);
    }
    words.join(" ")
}

fn run(cli: &Cli, said: &str, lang: Lang) -> anyhow::Result<Exit> {
    let global = &cli.global;
    if global.output == Output::Csv && !cli.command.has_rows() {
        return Err(Failure::usage(t!("cli.no_rows"), t!("cli.no_rows_next")).into());
    }
    match &cli.command {
        Command::Sync(args) => with_app(global, said, async |app| sync::run(args, global, &app).await),
        Command::Plan(args) => with_app(global, said, async |app| plan::run(args, global, &app).await),
        // It hands heads out as it goes.
        Command::Run => runtime()?.block_on(async { service::run(global, load(global, said)?).await }),
        Command::Status(args) => with_app(global, said, async |app| status::run(args, global, &app).await),
        Command::Runs(args) => with_app(global, said, async |app| runs::run(args, global, &app).await),
        Command::History(args) => with_app(global, said, async |app| history::run(args, global, &app).await),
        Command::Accounts(args) => {
            with_app(global, said, async |app| accounts::run(args, global, &app).await)
        }
        Command::Explain(args) => with_app(global, said, async |app| explain::run(args, global, &app).await),
        Command::Approve(args) => with_app(global, said, async |app| approve::run(args, global, &app).await),
        Command::Doctor(args) => doctor::run(args, global),
        Command::Adopt(args) => with_app(global, said, async |app| adopt::run(args, global, &app).await),
        Command::Person(args) => with_app(global, said, async |app| person::run(args, global, &app).await),
        Command::Drift(args) => with_app(global, said, async |app| drift::run(args, global, &app).await),
        Command::Undo(args) => with_app(global, said, async |app| undo::run(args, global, &app).await),
        Command::Suspend(args) => with_app(global, said, async |app| {
            overrides::say(OverrideKind::Suspend, args, global, &app).await
        }),
        Command::Hold(args) => {
            with_app(global, said, async |app| overrides::say(OverrideKind::Hold, args, global, &app).await)
        }
        Command::Resume(args) => {
            with_app(global, said, async |app| overrides::resume(args, global, &app).await)
        }
        Command::Release(args) => {
            with_app(global, said, async |app| overrides::release(args, global, &app).await)
        }
        Command::Target(command) => {
            with_app(global, said, async |app| target::run(command, global, &app).await)
        }
        Command::Roster(RosterCommand::Check(args)) => {
            with_app(global, said, async |app| roster::check(args, global, &app).await)
        }
        Command::Audit(command) => {
            with_app(global, said, async |app| audit::run(command, global, &app).await)
        }
        Command::Config(ConfigCommand::Check) => {
            with_app(global, said, async |app| config::check(global, &app))
        }
        Command::Config(ConfigCommand::Schema) => config::schema(),
        Command::Config(ConfigCommand::Init(args)) => config::init(args),
        Command::Oob(command) => with_app(global, said, async |app| oob::run(command, global, &app).await),
        Command::Ucloud(command) => {
            with_app(global, said, async |app| ucloud::run(command, global, &app).await)
        }
        Command::Gateway(args) => runtime()?.block_on(gateway::run(args)),
        Command::Help(args) => help::run(args, command(lang)),
        Command::Completions(args) => completions::run(args, command(lang)),
        Command::Man(args) => man::run(args, command(lang)),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Runs a command that needs the settings. Whatever it recorded, the chain's head is handed out behind it.
fn with_app(
    global: &Global,
    said: &str,
    command: impl AsyncFnOnce(App) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let app = load(global, said)?;
        let witness = app.witness().clone();
        let result = command(app).await;
        witness.hand_out().await;
        result
    })
}

/// The settings, and for which command they are. Their warnings go to stderr.
fn load(global: &Global, said: &str) -> anyhow::Result<App> {
    let mut app = App::load(global.config.as_deref(), global.state.as_deref(), Env::process())?;
    app.command = Some(said.to_owned());
    if !global.quiet {
        for warning in &app.loaded.warnings {
            output::note(&output::warning(warning));
        }
    }
    Ok(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_command_names_nobody() {
        let said = |line: &str| {
            let args: Vec<_> = line.split(' ').map(OsString::from).collect();
            parse(&args, Lang::En).unwrap().1
        };
        assert_eq!(said("rosterd sync"), "rosterd sync");
        assert_eq!(
            said("rosterd --lang zh sync --only 10023 --only 10024 --dry-run --reason whatever"),
            "rosterd sync --dry-run --only … --reason …"
        );
        assert_eq!(said("rosterd target accept hq --reason x"), "rosterd target accept … --reason …");
    }
}
