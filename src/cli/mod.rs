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
mod help_zh;
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

use args::{Cli, Command, ConfigCommand, Global, Lang, Output, RosterCommand};

pub use crate::reason::exit;
use exit::Exit;

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
    let json = wants_json(&cli.command);
    run(&cli, lang).unwrap_or_else(|error| failure::tell(&error, json))
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

fn run(cli: &Cli, lang: Lang) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        Command::Sync(args) => with_app(global, async |app| sync::run(args, global, &app).await),
        Command::Plan(args) => with_app(global, async |app| plan::run(args, global, &app).await),
        Command::Run => with_app(global, async |app| service::run(global, app).await),
        Command::Status(args) => with_app(global, async |app| status::run(args, &app).await),
        Command::Runs(args) => with_app(global, async |app| runs::run(args, &app).await),
        Command::History(args) => with_app(global, async |app| history::run(args, &app).await),
        Command::Explain(args) => with_app(global, async |app| explain::run(args, &app).await),
        Command::Approve(args) => with_app(global, async |app| approve::run(args, global, &app).await),
        Command::Doctor(args) => doctor::run(args, global),
        Command::Adopt(args) => with_app(global, async |app| adopt::run(args, global, &app).await),
        Command::Person(args) => with_app(global, async |app| person::run(args, &app).await),
        Command::Drift(args) => with_app(global, async |app| drift::run(args, global, &app).await),
        Command::Undo(args) => with_app(global, async |app| undo::run(args, global, &app).await),
        Command::Suspend(args) => {
            with_app(global, async |app| overrides::say(OverrideKind::Suspend, args, &app).await)
        }
        Command::Hold(args) => {
            with_app(global, async |app| overrides::say(OverrideKind::Hold, args, &app).await)
        }
        Command::Resume(args) => with_app(global, async |app| overrides::resume(args, &app).await),
        Command::Release(args) => with_app(global, async |app| overrides::release(args, &app).await),
        Command::Target(command) => with_app(global, async |app| target::run(command, &app).await),
        Command::Roster(RosterCommand::Check(args)) => {
            with_app(global, async |app| roster::check(args, global, &app).await)
        }
        Command::Audit(command) => with_app(global, async |app| audit::run(command, &app).await),
        Command::Config(ConfigCommand::Check(args)) => {
            with_app(global, async |app| config::check(args, &app))
        }
        Command::Config(ConfigCommand::Schema) => config::schema(),
        Command::Config(ConfigCommand::Init(args)) => config::init(args),
        Command::Oob(command) => with_app(global, async |app| oob::run(command, &app).await),
        Command::Ucloud(command) => with_app(global, async |app| ucloud::run(command, &app).await),
        Command::Gateway(args) => runtime()?.block_on(gateway::run(args)),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args, command(lang)),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Runs a command that needs the settings.
fn with_app(global: &Global, command: impl AsyncFnOnce(App) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    runtime()?.block_on(async { command(load(global)?).await })
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

/// Whether a failure must be told as JSON too.
fn wants_json(command: &Command) -> bool {
    let output = match command {
        Command::Sync(args) => &args.output,
        Command::Plan(args) => &args.output,
        Command::Status(args) => &args.output,
        Command::Runs(args) => &args.output,
        Command::History(args) => &args.output,
        Command::Explain(args) => &args.output,
        Command::Approve(args) => &args.output,
        Command::Doctor(args) => &args.output,
        Command::Adopt(args) => &args.output,
        Command::Person(args) => &args.output,
        Command::Drift(args) => &args.output,
        Command::Undo(args) => &args.output,
        Command::Suspend(args) | Command::Hold(args) => &args.output,
        Command::Resume(args) => &args.output,
        Command::Release(args) => &args.output,
        Command::Target(args::TargetCommand::Accept(args)) => &args.output,
        Command::Roster(RosterCommand::Check(args)) => &args.output,
        Command::Audit(args::AuditCommand::Verify(args)) => &args.output,
        Command::Config(ConfigCommand::Check(args)) => &args.output,
        Command::Oob(command) => return command.form() == doors::Form::Json,
        Command::Ucloud(command) => return command.form() == doors::Form::Json,
        Command::Run
        | Command::Audit(args::AuditCommand::Export(_))
        | Command::Config(ConfigCommand::Schema | ConfigCommand::Init(_))
        | Command::Gateway(_)
        | Command::Completions(_)
        | Command::Man(_) => return false,
    };
    output.output == Output::Json
}
