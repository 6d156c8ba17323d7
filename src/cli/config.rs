//! `rosterd config`: checks the settings and says what they mean, prints their schema.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rust_i18n::t;
use serde_json::json;

use super::args::Global;
use super::exit::Exit;
use super::output;
use crate::app::App;
use crate::config::{self, Existing, LeaverAction, Origin, TargetConfig};
use crate::report::grid::{Grid, Tone, strong};
use crate::secret::ReadSecret as _;
use crate::secret::SecretRef;

/// Check, describe or write a configuration
///
/// 检查、说明或生成配置
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and say what it means
    ///
    /// 检查配置，并说明它的含义
    Check,
    /// Print the JSON Schema of the configuration, for editors
    ///
    /// 输出配置的 JSON Schema，供编辑器使用
    Schema,
    Init(ConfigInitArgs),
}

/// Print a careful production configuration to start from
///
/// 输出一份谨慎的生产配置作为起点
#[derive(Debug, Args)]
pub struct ConfigInitArgs {
    /// Where HR's files are
    ///
    /// 人事文件所在位置
    #[arg(long, value_name = "PATH")]
    pub roster: Option<PathBuf>,
    /// The gateway's address, for example https://10.1.1.1:4430
    ///
    /// 网关地址，例如 https://10.1.1.1:4430
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Prints the schema.
pub fn schema() -> anyhow::Result<Exit> {
    output::text(&format!("{}\n", serde_json::to_string_pretty(&config::schema())?))?;
    Ok(Exit::Done)
}

/// Prints a configuration to start from.
pub fn init(args: &ConfigInitArgs) -> anyhow::Result<Exit> {
    output::text(&config::init(args.roster.as_deref(), args.url.as_deref()))?;
    Ok(Exit::Done)
}

/// Says what the settings mean, and whether the keys that they name can be read. Errors were told when loading.
pub fn check(global: &Global, app: &App) -> anyhow::Result<Exit> {
    let keys: Vec<_> = app.config().target.iter().map(|target| key_problem(target, app)).collect();
    output::answer(global.output, || as_json(app, &keys), || as_text(app, &keys))?;
    Ok(if keys.iter().all(Option::is_none) { Exit::Done } else { Exit::Failed })
}

/// Why a target's key cannot be read; `None` if it can, or none is needed.
fn key_problem(target: &TargetConfig, app: &App) -> Option<(String, String)> {
    let key: &SecretRef = target.key.as_ref()?;
    let error = key.read(&app.loaded.base, &app.env).err()?;
    Some((error.to_string(), error.next()))
}

fn as_json(app: &App, keys: &[Option<(String, String)>]) -> serde_json::Value {
    let targets = app.config().target.iter().zip(keys).map(|(target, key)| {
        let problem = key.as_ref().map(|(message, next)| json!({ "message": message, "next": next }));
        json!({ "target": target.name, "url": target.url, "dialect": target.dialect, "key_problem": problem })
    });
    json!({
        "version": 1,
        "path": app.loaded.path,
        "digest": app.loaded.digest,
        "warnings": app.loaded.warnings,
        "settings": app.loaded.settings(),
        "targets": targets.collect::<Vec<_>>(),
    })
}

fn as_text(app: &App, keys: &[Option<(String, String)>]) -> String {
    let config = app.config();
    let mut text = format!("{}\n", t!("cli.config.file", path = app.loaded.path.display()));
    let roster = match &config.roster.path {
        Some(path) => app.loaded.resolve(path).display().to_string(),
        None => config.roster.source.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", "),
    };
    text.push_str(&format!("{}\n", t!("cli.config.roster", path = roster)));
    text.push_str(&format!("{}\n", t!("cli.config.state", path = app.state().display())));
    for (target, key) in config.target.iter().zip(keys) {
        text.push_str(&format!("\n{}\n", strong(&t!("report.target", name = target.name))));
        text.push_str(&meaning(target).render());
        if let Some((message, next)) = key {
            text.push_str(&format!("  {}\n  {next}\n", Tone::Bad.paint(message)));
        }
    }
    text.push_str(&format!("\n{}\n", strong(&t!("cli.config.settings"))));
    text.push_str(&settings(app).render());
    let whole = keys.iter().all(Option::is_none);
    let verdict = if whole {
        Tone::Good.paint(&t!("cli.config.good"))
    } else {
        Tone::Bad.paint(&t!("cli.config.keys"))
    };
    text.push_str(&format!("\n{}\n", strong(&verdict)));
    text
}

/// The settings that are not defaults, and who decided them.
fn settings(app: &App) -> Grid {
    let mut grid = Grid::new(2, output::width());
    for setting in app.loaded.settings() {
        if setting.origin != Origin::Default {
            let origin = match setting.origin {
                Origin::Env(name) => name,
                Origin::File | Origin::Default => String::new(),
            };
            grid.row(&[(setting.key, Tone::Faint), (setting.value, Tone::Plain), (origin, Tone::Notice)]);
        }
    }
    grid
}

/// The settings of a target that decide most, in words.
fn meaning(target: &TargetConfig) -> Grid {
    let mut grid = Grid::new(2, output::width());
    let mut row = |name: &str, value: String| grid.row(&[(name, Tone::Faint), (value.as_str(), Tone::Plain)]);
    row(&t!("cli.config.address"), format!("{} ({})", target.url, target.dialect.as_str()));
    let allowed: Vec<_> = target.allow.iter().filter_map(|a| serde_json::to_value(a).ok()).collect();
    let allowed: Vec<_> = allowed.iter().filter_map(|v| v.as_str()).collect();
    let allowed =
        if allowed.is_empty() { t!("cli.config.only_observes").into_owned() } else { allowed.join(", ") };
    row(&t!("cli.config.allow"), allowed);
    if !target.protect.is_empty() {
        row(&t!("cli.config.protect"), target.protect.join(", "));
    }
    row(&t!("cli.config.leavers"), leavers(target));
    let existing = match target.existing {
        Existing::Report => t!("cli.config.existing.report"),
        Existing::Adopt => t!("cli.config.existing.adopt"),
    };
    row(&t!("cli.config.existing"), existing.into_owned());
    if target.tls.insecure {
        row(&t!("cli.config.tls"), t!("cli.config.insecure").into_owned());
    }
    grid
}

fn leavers(target: &TargetConfig) -> String {
    let leavers = &target.leavers;
    let mut text = match leavers.action {
        LeaverAction::Delete => t!("cli.config.leavers.delete"),
        LeaverAction::Disable => t!("cli.config.leavers.disable"),
    }
    .into_owned();
    if let Some(after) = leavers.delete_after.filter(|_| leavers.action == LeaverAction::Disable) {
        text.push_str(&t!("cli.config.leavers.delete_after", after = after));
    }
    text.push_str(&t!("cli.config.leavers.missing", runs = leavers.missing_runs, time = leavers.missing_for));
    text
}
