//! The settings as types: what a configuration file can say, its defaults, and the checks that need nothing but the
//! values. Reading files and the environment lives in the program.

mod account;
pub mod check;
pub mod cloud;
mod loosened;
mod nearest;
mod notify;
mod outside;
mod problem;
mod roster;
pub mod schedule;
mod target;
pub mod values;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use account::*;
pub use check::limits;
pub use cloud::{OobConfig, UcloudConfig};
pub use loosened::loosened;
pub use nearest::nearest;
pub use notify::{Event, Mail, MailTls, NotifyConfig, NotifyKind, Receiver, RobotKind, SyslogServer};
pub use outside::{HeartbeatConfig, HeartbeatKind, HooksConfig, MetricsConfig};
pub use problem::Problem;
pub use roster::*;
pub use schedule::Timetable;
pub use target::*;
pub use values::{Limit, Span, When};

/// The JSON schema of a configuration file, for editors and `config schema`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

/// Everything that a configuration file can say. Field docs are in `DESIGN` order; defaults are in the `Default`s.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where HR's files are and how to read them.
    pub roster: RosterConfig,
    /// From person to account.
    pub account: AccountConfig,
    /// The gateways.
    pub target: Vec<TargetConfig>,
    /// When the daemon runs.
    pub schedule: ScheduleConfig,
    /// The database.
    pub state: StateConfig,
    /// The audit trail.
    pub audit: AuditConfig,
    /// Approvals.
    pub approval: ApprovalConfig,
    /// Who is told what happened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<NotifyConfig>,
    /// Figures for Prometheus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricsConfig>,
    /// Signs of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<HeartbeatConfig>,
    /// Programs around what a run sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<HooksConfig>,
    /// The out-of-band VPN of Tencent's bare-metal servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oob: Option<OobConfig>,
    /// UCloud's authentication settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ucloud: Option<UcloudConfig>,
}

/// `[schedule]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct ScheduleConfig {
    /// Five or six fields; one expression or a list.
    #[serde(deserialize_with = "values::one_or_many")]
    #[schemars(schema_with = "values::one_or_many_schema")]
    pub cron: Vec<String>,
    #[schemars(with = "String")]
    pub timezone: chrono_tz::Tz,
    pub jitter: Span,
    pub watch: bool,
    pub watch_poll: Span,
    pub wait_for_new_roster: Span,
    pub delete_window: String,
    pub freeze: Vec<String>,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            cron: vec!["0 30 2 * * *".into()],
            timezone: chrono_tz::Asia::Shanghai,
            jitter: Span::seconds(0),
            watch: false,
            watch_poll: Span::seconds(60),
            wait_for_new_roster: Span::seconds(0),
            delete_window: String::new(),
            freeze: Vec::new(),
        }
    }
}

/// `[state]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StateConfig {
    /// The database.
    pub path: PathBuf,
}

impl Default for StateConfig {
    fn default() -> Self {
        Self { path: "/var/lib/rosterd/rosterd.db".into() }
    }
}

/// `[audit]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Where the chain's head is appended after each run; empty: nowhere.
    pub heads_file: PathBuf,
}

/// `[approval]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalConfig {
    /// Whether `--allow-guard` may be used.
    pub allow_guard_flag: bool,
}

impl Default for ApprovalConfig {
    fn default() -> Self {
        Self { allow_guard_flag: true }
    }
}
