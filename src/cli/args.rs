//! The command line: every command and option, as clap reads them. Words and combinations are checked here; what a
//! command does is in its own file. The doc comments are the English help; the Chinese help is in `help_zh`.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::adopt::AdoptArgs;
use super::drift::DriftArgs;
use super::oob::OobCommand;
use super::overrides::{OverrideArgs, ReleaseArgs, ResumeArgs};
use super::ucloud::UcloudCommand;
use super::undo::UndoArgs;
use crate::config::Span;
use crate::gateway::Dialect;
use crate::model::{PersonKey, TargetName};
use crate::secret::SecretRef;

/// Keeps the users of a Sangfor SSL VPN gateway in step with the company's HR roster
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
    /// Configuration file [default: /etc/rosterd/rosterd.toml or config/rosterd.toml]
    #[arg(long, global = true, value_name = "FILE", display_order = 900)]
    pub config: Option<PathBuf>,
    /// Database, instead of the configured one
    #[arg(long, global = true, value_name = "FILE", display_order = 901)]
    pub state: Option<PathBuf>,
    /// Language of what people read [default: from the locale]
    #[arg(long, global = true, value_name = "LANG", display_order = 902)]
    pub lang: Option<Lang>,
    /// Form of the log on stderr
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", display_order = 903)]
    pub log_format: LogFormat,
    /// Log more; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 904)]
    pub verbose: u8,
    /// Log errors only, and no progress
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 905)]
    pub quiet: bool,
    /// No colours; the environment variable NO_COLOR does the same
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
}

/// Form of an audit export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names are the documentation, and clap would print more")]
pub enum ExportFormat {
    Jsonl,
    Csv,
}

/// How many accounts are looked at when a changed gateway is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names are the documentation, and clap would print more")]
pub enum LookScope {
    Sample,
    All,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the gateways in step with the roster
    Sync(SyncArgs),
    /// Show what a sync would do, and change nothing
    Plan(PlanArgs),
    /// Run as a service: sync on schedule until stopped
    Run,
    /// Show the state of each target, what is held, and the last runs
    Status(StatusArgs),
    /// List runs, or show one
    Runs(RunsArgs),
    /// Show every version of a person's account
    History(HistoryArgs),
    /// Tell everything about one person: row, mapping, snapshot, plan and why
    Explain(ExplainArgs),
    /// Let a held run's guarded set pass
    Approve(ApproveArgs),
    /// Check settings, files, network, device and token, and say what to do
    Doctor(DoctorArgs),
    /// Find out who was on a gateway before rosterd, for review, and take them over
    Adopt(AdoptArgs),
    /// Say whether an employee ID still stands for the same human, or forget somebody
    Person(PersonArgs),
    /// Compare what rosterd manages with what the gateway holds
    Drift(DriftArgs),
    /// Plan to put back what a run changed
    Undo(UndoArgs),
    /// Disable a person's accounts, whatever the roster says
    Suspend(OverrideArgs),
    /// Leave a person's accounts alone, whatever the roster says
    Hold(OverrideArgs),
    /// End a suspension or a hold: the roster decides again
    Resume(ResumeArgs),
    /// Give a person's accounts up: they stay on the gateway, and rosterd touches them no more
    Release(ReleaseArgs),
    /// Work with configured gateways
    #[command(subcommand)]
    Target(TargetCommand),
    /// Work with the roster
    #[command(subcommand)]
    Roster(RosterCommand),
    /// Verify or export the audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check, describe or write a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Serve a simulated gateway
    Gateway(GatewayArgs),
    /// Look after the out-of-band VPN of Tencent's bare-metal servers
    #[command(subcommand)]
    Oob(OobCommand),
    /// Look after the authentication keys of UCloud's CDN
    #[command(subcommand)]
    Ucloud(UcloudCommand),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one page per command into a folder
    Man(ManArgs),
}

/// `--output`
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table", display_order = 800)]
    pub output: Output,
}

/// `--roster`, `--authoritative`
#[derive(Debug, Args)]
pub struct RosterArgs {
    /// Read this file, folder or glob instead of the configured roster; nobody counts as missing from it
    #[arg(long, value_name = "PATH")]
    pub roster: Option<PathBuf>,
    /// The given roster is complete: whoever is not in it is missing
    #[arg(long, requires = "roster")]
    pub authoritative: bool,
}

/// `rosterd sync`
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Plan and show, send nothing that changes anything
    #[arg(long)]
    pub dry_run: bool,
    /// Carry out exactly this plan, written by `plan -o`, or refuse
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "only", "roster", "target"])]
    pub plan: Option<PathBuf>,
    /// Change only this person; may be repeated
    #[arg(long, value_name = "PERSON", value_parser = person)]
    pub only: Vec<PersonKey>,
    /// Only this target; may be repeated
    #[arg(long, value_name = "NAME", value_parser = target)]
    pub target: Vec<TargetName>,
    /// Which roster.
    #[command(flatten)]
    pub roster: RosterArgs,
    /// Let this guard pass in this run; may be repeated
    #[arg(long, value_name = "NAME", requires = "reason")]
    pub allow_guard: Vec<String>,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
    /// Show every action, not only the first ones
    #[arg(long)]
    pub full: bool,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Write the plan to this file, for `sync --plan`
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit 10 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Show every action, not only the first ones
    #[arg(long)]
    pub full: bool,
    /// Ask the gateway nothing; what would be looked at is marked unchecked
    #[arg(long)]
    pub offline: bool,
    /// Only this target; may be repeated
    #[arg(long, value_name = "NAME", value_parser = target)]
    pub target: Vec<TargetName>,
    /// Which roster.
    #[command(flatten)]
    pub roster: RosterArgs,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Also show the next N scheduled runs
    #[arg(long, value_name = "N")]
    pub next: Option<u32>,
    /// Exit 1 when a target's last good run is older than this
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub max_age: Option<Span>,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd runs`
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Show this run
    #[arg(value_name = "ID")]
    pub id: Option<i64>,
    /// How many of the last runs to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd history`
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Person key or user name
    #[arg(value_name = "PERSON|USERNAME")]
    pub who: String,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Person key
    #[arg(value_name = "PERSON", value_parser = person)]
    pub person: PersonKey,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd approve`
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The held run
    #[arg(value_name = "RUN")]
    pub run: i64,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// How long the approval is good
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = span)]
    pub expires: Span,
    /// Sync at once
    #[arg(long)]
    pub now: bool,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Show the certificate and the pin that each device presents, and how to check them
    #[arg(long)]
    pub show_pin: bool,
    /// Try this key (env:NAME, file:PATH, credential:NAME) instead of the configured one
    #[arg(long, value_name = "SOURCE", value_parser = secret)]
    pub key: Option<SecretRef>,
    /// Only this target; may be repeated
    #[arg(long, value_name = "NAME", value_parser = target)]
    pub target: Vec<TargetName>,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd person`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("said").required(true))]
pub struct PersonArgs {
    /// Person key; may be several
    #[arg(value_name = "PERSON", value_parser = person, required = true)]
    pub person: Vec<PersonKey>,
    /// Still the same human: take what the roster says now
    #[arg(long, group = "said")]
    pub same: bool,
    /// Another human has this key now: the former one's account goes, theirs is new
    #[arg(long, group = "said")]
    pub different: bool,
    /// Forget somebody who has no account any more; the audit trail stays whole
    #[arg(long, group = "said")]
    pub erase: bool,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd target`
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Accept that a target's address or dialect has changed
    Accept(TargetAcceptArgs),
}

/// `rosterd target accept`
#[derive(Debug, Args)]
pub struct TargetAcceptArgs {
    /// The target
    #[arg(value_name = "NAME", value_parser = target)]
    pub name: TargetName,
    /// How many accounts to look at on the gateway first
    #[arg(long, value_name = "SCOPE", default_value = "sample")]
    pub look: LookScope,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd roster`
#[derive(Debug, Subcommand)]
pub enum RosterCommand {
    /// Read the roster and report what was found, file by file
    Check(RosterCheckArgs),
}

/// `rosterd roster check`
#[derive(Debug, Args)]
pub struct RosterCheckArgs {
    /// Which roster.
    #[command(flatten)]
    pub roster: RosterArgs,
    /// Also write the report as a page to mail to HR
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd audit`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no record was altered, removed or reordered
    Verify(AuditVerifyArgs),
    /// Write the records out
    Export(AuditExportArgs),
}

/// `rosterd audit verify`
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// This head must be in the chain
    #[arg(long, value_name = "HEX", conflicts_with = "heads")]
    pub head: Option<String>,
    /// Every head in this file must be in the chain
    #[arg(long, value_name = "FILE")]
    pub heads: Option<PathBuf>,
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd audit export`
#[derive(Debug, Args)]
pub struct AuditExportArgs {
    /// Form of the records
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub format: ExportFormat,
    /// Only records from this day or moment on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Moment>,
    /// Write to this file instead of stdout
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `rosterd config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and say what it means
    Check(ConfigCheckArgs),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print a careful production configuration to start from
    Init(ConfigInitArgs),
}

/// `rosterd config check`
#[derive(Debug, Args)]
pub struct ConfigCheckArgs {
    /// Form of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rosterd config init`
#[derive(Debug, Args)]
pub struct ConfigInitArgs {
    /// Where HR's files are
    #[arg(long, value_name = "PATH")]
    pub roster: Option<PathBuf>,
    /// The gateway's address, for example https://10.1.1.1:4430
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// `rosterd gateway`
#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4430")]
    pub listen: SocketAddr,
    /// Dialect to speak
    #[arg(long, value_name = "DIALECT", default_value = "updater-cloud", value_parser = dialect)]
    pub dialect: Dialect,
    /// Key that tokens are checked with: env:NAME, file:PATH, or the key itself
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// Keep the state in this file
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Groups to begin with, one path per line; `role NAME` and `server NAME` lines too
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,
    /// Milliseconds that each call takes
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Milliseconds that a commit takes
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub commit_cost: u64,
    /// Behave as some devices do; may be repeated
    #[arg(long, value_name = "NAME")]
    pub quirk: Vec<String>,
    /// Let calls go wrong; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub fault: Vec<String>,
    /// Where chance begins, for faults that can be repeated exactly
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Serve the cloud endpoints too, signed with the same key: /v2/index.php is Tencent, / is UCloud
    #[arg(long)]
    pub cloud: bool,
}

/// `rosterd completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `rosterd man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page per command into this folder
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
}

pub(super) fn person(text: &str) -> Result<PersonKey, String> {
    PersonKey::new(text).map_err(|e| e.to_string())
}

pub(super) fn target(text: &str) -> Result<TargetName, String> {
    TargetName::new(text).map_err(|e| e.to_string())
}

fn secret(text: &str) -> Result<SecretRef, String> {
    let reference = SecretRef::try_from(text.to_owned())?;
    // What is typed begins where it is typed, not at the configuration.
    match reference {
        SecretRef::File(path) => std::path::absolute(path).map(SecretRef::File).map_err(|e| e.to_string()),
        other => Ok(other),
    }
}

fn span(text: &str) -> Result<Span, String> {
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

fn dialect(text: &str) -> Result<Dialect, String> {
    let all = [Dialect::UpdaterCloud, Dialect::Openapi];
    all.into_iter().find(|d| d.as_str() == text).ok_or_else(|| {
        let known = all.map(Dialect::as_str).join(", ");
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

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(moment.to_utc()));
    }
    text.parse().map(Moment::Day).map_err(|_| rust_i18n::t!("cli.not_a_moment", value = text).into_owned())
}
