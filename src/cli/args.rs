//! The command line: its commands, the options that every command takes, and words that several commands read in the
//! same way. The options of a command are in the command's own file. A doc comment is the help: its first paragraph in
//! English, its second in Chinese; see `help`.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::accounts::AccountsArgs;
use super::adopt::AdoptArgs;
use super::approve::ApproveArgs;
use super::audit::AuditCommand;
use super::completions::CompletionsArgs;
use super::config::ConfigCommand;
use super::doctor::DoctorArgs;
use super::drift::DriftArgs;
use super::explain::ExplainArgs;
use super::gateway::GatewayArgs;
use super::help::HelpArgs;
use super::history::HistoryArgs;
use super::man::ManArgs;
use super::oob::OobCommand;
use super::overrides::{OverrideArgs, ReleaseArgs, ResumeArgs};
use super::person::PersonArgs;
use super::plan::PlanArgs;
use super::roster::RosterCommand;
use super::runs::RunsArgs;
use super::status::StatusArgs;
use super::sync::SyncArgs;
use super::target::TargetCommand;
use super::ucloud::UcloudCommand;
use super::undo::UndoArgs;
use crate::config::Span;
use crate::gateway::Dialect;
use crate::model::{PersonKey, TargetName};
use crate::secret::SecretRef;

/// Keeps the users of a Sangfor SSL VPN gateway in step with the company's HR roster
///
/// 让深信服 SSL VPN 网关的用户与公司人事名单保持一致
#[derive(Debug, Parser)]
#[command(name = "rosterd", version, disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Form of the result; csv only where it is rows
    ///
    /// 结果的形式；csv 仅用于成行的结果
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table", display_order = 899)]
    pub output: Output,
    /// Configuration file [default: /etc/rosterd/rosterd.toml or config/rosterd.toml]
    ///
    /// 配置文件 [默认：/etc/rosterd/rosterd.toml 或 config/rosterd.toml]
    #[arg(long, global = true, value_name = "FILE", display_order = 900)]
    pub config: Option<PathBuf>,
    /// Database, instead of the configured one
    ///
    /// 数据库，代替配置中的路径
    #[arg(long, global = true, value_name = "FILE", display_order = 901)]
    pub state: Option<PathBuf>,
    /// Language of what people read [default: from the locale]
    ///
    /// 显示语言 [默认：取自系统区域设置]
    #[arg(long, global = true, value_name = "LANG", display_order = 902)]
    pub lang: Option<Lang>,
    /// Form of the log on stderr
    ///
    /// 标准错误上日志的形式
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", display_order = 903)]
    pub log_format: LogFormat,
    /// Log more; twice for details
    ///
    /// 更多日志；给两次显示细节
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 904)]
    pub verbose: u8,
    /// Log errors only, and no progress
    ///
    /// 只记录错误，不显示进度
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 905)]
    pub quiet: bool,
    /// No colours; the environment variable NO_COLOR does the same
    ///
    /// 不用颜色；环境变量 NO_COLOR 作用相同
    #[arg(long, global = true, display_order = 906)]
    pub no_color: bool,
}

/// A language that people can read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names are the documentation, and clap would print more")]
pub enum Lang {
    Zh,
    En,
}

impl Lang {
    /// The name under which the translations are kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names are the documentation, and clap would print more")]
pub enum LogFormat {
    Text,
    Json,
}

/// Form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names are the documentation, and clap would print more")]
pub enum Output {
    Table,
    Json,
    Csv,
}

/// The commands. What one is for is said where its arguments are, except for those that have none of their own.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "the arguments of each say what it is for")]
pub enum Command {
    Sync(SyncArgs),
    Plan(PlanArgs),
    /// Run as a service: sync on schedule until stopped
    ///
    /// 作为服务运行：按计划时间同步，直到被停止
    Run,
    Status(StatusArgs),
    Runs(RunsArgs),
    History(HistoryArgs),
    Accounts(AccountsArgs),
    Explain(ExplainArgs),
    Approve(ApproveArgs),
    Doctor(DoctorArgs),
    Adopt(AdoptArgs),
    Person(PersonArgs),
    Drift(DriftArgs),
    Undo(UndoArgs),
    /// Disable a person's accounts, whatever the roster says
    ///
    /// 无论名单怎么说，停用某人的账号
    Suspend(OverrideArgs),
    /// Leave a person's accounts alone, whatever the roster says
    ///
    /// 无论名单怎么说，不处理某人的账号
    Hold(OverrideArgs),
    Resume(ResumeArgs),
    Release(ReleaseArgs),
    #[command(subcommand)]
    Target(TargetCommand),
    #[command(subcommand)]
    Roster(RosterCommand),
    #[command(subcommand)]
    Audit(AuditCommand),
    #[command(subcommand)]
    Config(ConfigCommand),
    Gateway(GatewayArgs),
    #[command(subcommand)]
    Oob(OobCommand),
    #[command(subcommand)]
    Ucloud(UcloudCommand),
    Help(HelpArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

impl Command {
    /// Whether the result is rows, which can be written as CSV.
    pub const fn has_rows(&self) -> bool {
        matches!(self, Self::Accounts(_) | Self::Oob(_) | Self::Ucloud(_))
    }
}

/// `--roster`, `--authoritative`
#[derive(Debug, Args)]
pub struct RosterArgs {
    /// Read this file, folder or glob instead of the configured roster; nobody counts as missing from it
    ///
    /// 改读此文件、文件夹或通配符；不会据此认定有人缺失
    #[arg(long, value_name = "PATH")]
    pub roster: Option<PathBuf>,
    /// The given roster is complete: whoever is not in it is missing
    ///
    /// 给出的名单是完整的：不在其中的人即为缺失
    #[arg(long, requires = "roster")]
    pub authoritative: bool,
}

pub(super) fn person(text: &str) -> Result<PersonKey, String> {
    PersonKey::new(text).map_err(|e| e.to_string())
}

pub(super) fn target(text: &str) -> Result<TargetName, String> {
    TargetName::new(text).map_err(|e| e.to_string())
}

pub(super) fn secret(text: &str) -> Result<SecretRef, String> {
    let reference = SecretRef::try_from(text.to_owned())?;
    // What is typed begins where it is typed, not at the configuration.
    match reference {
        SecretRef::File(path) => std::path::absolute(path).map(SecretRef::File).map_err(|e| e.to_string()),
        other => Ok(other),
    }
}

pub(super) fn span(text: &str) -> Result<Span, String> {
    Span::try_from(text.to_owned())
}

/// A reason that says nothing is none: the audit trail asks for words.
pub(super) fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(rust_i18n::t!("cli.reason_empty").into_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn dialect(text: &str) -> Result<Dialect, String> {
    Dialect::ALL.into_iter().find(|d| d.as_str() == text).ok_or_else(|| {
        let known = Dialect::ALL.map(Dialect::as_str).join(", ");
        rust_i18n::t!("cli.not_a_dialect", value = text, known = known).into_owned()
    })
}

/// A moment as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With date, time and offset (RFC 3339).
    At(DateTime<Utc>),
    /// A day: its first moment in the configured zone.
    Day(NaiveDate),
}

impl Moment {
    /// The moment meant, where a day begins as it does in `zone`.
    pub fn in_zone(self, zone: chrono_tz::Tz) -> DateTime<Utc> {
        match self {
            Self::At(moment) => moment,
            Self::Day(day) => {
                let midnight = day.and_time(chrono::NaiveTime::MIN);
                // A zone that skips midnight on this day (summer time) has no earliest moment: UTC is near enough.
                midnight
                    .and_local_timezone(zone)
                    .earliest()
                    .map_or_else(|| midnight.and_utc(), |t| t.to_utc())
            }
        }
    }
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(moment.to_utc()));
    }
    text.parse().map(Moment::Day).map_err(|_| rust_i18n::t!("cli.not_a_moment", value = text).into_owned())
}
