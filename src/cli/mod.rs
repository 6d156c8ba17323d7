//! The command line: one file per command. Commands talk to people and decide nothing; what they show comes from
//! `report`, what they do from `sync`, `plan`, `roster` and `store`. Only here, in `daemon` and in `main` is there a
//! terminal, an environment or an exit code.

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
mod show;
mod signals;
mod status;
mod sync;
mod target;
pub mod ucloud;
pub mod undo;

use std::ffi::OsString;

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
    run(&cli, lang).unwrap_or_else(|error| failure::tell(&error, cli.global.output == Output::Json))
}

/// The command in the chosen language.
fn command(lang: Lang) -> clap::Command {
    help::translate(Cli::command(), lang)
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

fn run(cli: &Cli, lang: Lang) -> anyhow::Result<Exit> {
    let global = &cli.global;
    if global.output == Output::Csv && !cli.command.has_rows() {
        return Err(Failure::usage(t!("cli.no_rows"), t!("cli.no_rows_next")).into());
    }
    match &cli.command {
        Command::Sync(args) => with_app(global, async |app| sync::run(args, global, &app).await),
        Command::Plan(args) => with_app(global, async |app| plan::run(args, global, &app).await),
        // It hands heads out as it goes.
        Command::Run => runtime()?.block_on(async { service::run(global, load(global)?).await }),
        Command::Status(args) => with_app(global, async |app| status::run(args, global, &app).await),
        Command::Runs(args) => with_app(global, async |app| runs::run(args, global, &app).await),
        Command::History(args) => with_app(global, async |app| history::run(args, global, &app).await),
        Command::Explain(args) => with_app(global, async |app| explain::run(args, global, &app).await),
        Command::Approve(args) => with_app(global, async |app| approve::run(args, global, &app).await),
        Command::Doctor(args) => doctor::run(args, global),
        Command::Adopt(args) => with_app(global, async |app| adopt::run(args, global, &app).await),
        Command::Person(args) => with_app(global, async |app| person::run(args, global, &app).await),
        Command::Drift(args) => with_app(global, async |app| drift::run(args, global, &app).await),
        Command::Undo(args) => with_app(global, async |app| undo::run(args, global, &app).await),
        Command::Suspend(args) => {
            with_app(global, async |app| overrides::say(OverrideKind::Suspend, args, global, &app).await)
        }
        Command::Hold(args) => {
            with_app(global, async |app| overrides::say(OverrideKind::Hold, args, global, &app).await)
        }
        Command::Resume(args) => with_app(global, async |app| overrides::resume(args, global, &app).await),
        Command::Release(args) => with_app(global, async |app| overrides::release(args, global, &app).await),
        Command::Target(command) => with_app(global, async |app| target::run(command, global, &app).await),
        Command::Roster(RosterCommand::Check(args)) => {
            with_app(global, async |app| roster::check(args, global, &app).await)
        }
        Command::Audit(command) => with_app(global, async |app| audit::run(command, global, &app).await),
        Command::Config(ConfigCommand::Check) => with_app(global, async |app| config::check(global, &app)),
        Command::Config(ConfigCommand::Schema) => config::schema(),
        Command::Config(ConfigCommand::Init(args)) => config::init(args),
        Command::Oob(command) => with_app(global, async |app| oob::run(command, global, &app).await),
        Command::Ucloud(command) => with_app(global, async |app| ucloud::run(command, global, &app).await),
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
fn with_app(global: &Global, command: impl AsyncFnOnce(App) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let app = load(global)?;
        let witness = app.witness().clone();
        let result = command(app).await;
        witness.hand_out().await;
        result
    })
}

/// The settings. Their warnings go to stderr.
fn load(global: &Global) -> anyhow::Result<App> {
    let app = App::load(global.config.as_deref(), global.state.as_deref(), Env::process())?;
    if !global.quiet {
        for warning in &app.loaded.warnings {
            output::note(&output::warning(warning));
        }
    }
    Ok(app)
}
