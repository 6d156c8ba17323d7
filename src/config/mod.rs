//! The configuration: typed settings, read through the `config` crate and checked once. What is here is valid;
//! everything after it may rely on that. Loading lives in `load`, cross-field checks in `check`, small value types
//! (durations, limits) in `values`. No other module reads the environment or a configuration file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cloud::config::{OobConfig, UcloudConfig};
use crate::gateway::Dialect;
use crate::model::{GroupPath, TargetName};
use crate::plan::AccountField;
use crate::roster::Field;
use crate::secret::SecretRef;

pub mod values;

pub use values::{Limit, Span, When};

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
    /// The out-of-band VPN of Tencent's bare-metal servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oob: Option<OobConfig>,
    /// UCloud's authentication settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ucloud: Option<UcloudConfig>,
}

/// `[roster]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct RosterConfig {
    /// A file, a folder or a glob: short for one source.
    pub path: Option<PathBuf>,
    pub encoding: Encoding,
    /// `auto`, or one character (`\t` for a tab).
    pub delimiter: Delimiter,
    pub max_age: Option<Span>,
    pub min_rows: u64,
    pub settle: Span,
    pub pick: Pick,
    pub max_rows: u64,
    pub final_newline: FinalNewline,
    pub max_invalid_percent: f64,
    pub department_separators: String,
    pub department_list_separators: String,
    pub list_separators: String,
    pub strip_prefix: String,
    pub identity: Vec<Field>,
    /// Header names added to the built-in ones.
    pub columns: BTreeMap<Field, Vec<String>>,
    pub status: StatusConfig,
    /// Several sources, instead of `path`.
    pub source: Vec<SourceConfig>,
}

impl Default for RosterConfig {
    fn default() -> Self {
        Self {
            path: None,
            encoding: Encoding::Auto,
            delimiter: Delimiter::Auto,
            max_age: None,
            min_rows: 1,
            settle: Span::seconds(5),
            pick: Pick::All,
            max_rows: 5_000_000,
            final_newline: FinalNewline::Warn,
            max_invalid_percent: 5.0,
            department_separators: "/\\>|".into(),
            department_list_separators: ";；".into(),
            list_separators: ";；,，、".into(),
            strip_prefix: String::new(),
            identity: vec![Field::Name, Field::HireDate, Field::Phone],
            columns: BTreeMap::new(),
            status: StatusConfig::default(),
            source: Vec::new(),
        }
    }
}

/// How a file's bytes become text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Encoding {
    #[default]
    Auto,
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "gb18030", alias = "gbk", alias = "gb2312")]
    Gb18030,
    #[serde(rename = "big5")]
    Big5,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Delimiter {
    /// Found on the header line.
    #[default]
    Auto,
    /// This ASCII character.
    Char(u8),
}

/// Which of several matching files count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// All of them, together one roster.
    #[default]
    All,
    /// The newest only, for dated exports.
    Newest,
}

/// What a last line without a line end means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinalNewline {
    /// It is read if it has all its fields; the report says so.
    #[default]
    Warn,
    /// The file is refused as cut off.
    Require,
}

/// `[roster.status]`: added to the built-in values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatusConfig {
    /// Values that mean: works here.
    pub active: Vec<String>,
    /// Values that mean: has left.
    pub left: Vec<String>,
    /// Values that mean: not yet.
    pub pending: Vec<String>,
}

/// `[[roster.source]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct SourceConfig {
    pub name: String,
    pub path: Option<PathBuf>,
    pub pick: Option<Pick>,
    /// Template of the person key.
    pub id: String,
    pub constant: BTreeMap<Field, String>,
    pub proves: Vec<Proof>,
    /// Empty: all fields.
    pub provides: Vec<Field>,
    pub required: bool,
    pub on_stale: OnStale,
    pub kind: SourceKind,
    pub preset: Preset,
    pub second_row: SecondRow,
    pub done_marker: String,
    pub checksum: String,
    pub columns: BTreeMap<Field, Vec<String>>,
    pub status: StatusConfig,
    pub encoding: Option<Encoding>,
    pub delimiter: Option<Delimiter>,
    pub max_age: Option<Span>,
    pub min_rows: Option<u64>,
    pub department_separators: Option<String>,
    pub department_list_separators: Option<String>,
    pub list_separators: Option<String>,
    pub strip_prefix: Option<String>,
    pub ldap: Option<LdapConfig>,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            path: None,
            pick: None,
            id: "{employee_id}".into(),
            constant: BTreeMap::new(),
            proves: vec![Proof::Present, Proof::Left, Proof::Missing],
            provides: Vec::new(),
            required: true,
            on_stale: OnStale::Freeze,
            kind: SourceKind::File,
            preset: Preset::None,
            second_row: SecondRow::Block,
            done_marker: String::new(),
            checksum: String::new(),
            columns: BTreeMap::new(),
            status: StatusConfig::default(),
            encoding: None,
            delimiter: None,
            max_age: None,
            min_rows: None,
            department_separators: None,
            department_list_separators: None,
            list_separators: None,
            strip_prefix: None,
            ldap: None,
        }
    }
}

/// What a source may say of a person.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A row proves that somebody is here.
    Present,
    /// A status proves that somebody left.
    Left,
    /// An absent row counts as missing.
    Missing,
}

/// What a source that is older than `max_age`, or absent though not required, does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnStale {
    /// Its people are blocked, nobody else.
    #[default]
    Freeze,
    /// The run fails.
    Stop,
}

/// Sorts of sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Files.
    #[default]
    File,
    /// A directory server.
    Ldap,
}

/// Column names and separators of well-known exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "product names")]
pub enum Preset {
    #[default]
    #[serde(rename = "")]
    None,
    Wecom,
    Dingtalk,
    Feishu,
    Successfactors,
    Bamboohr,
}

/// A second row for the same person in one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondRow {
    /// The person is blocked, unless the rows are equal.
    #[default]
    Block,
    /// The first row counts; departments of the others follow its own.
    First,
}

/// `[roster.source.ldap]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct LdapConfig {
    pub url: String,
    pub base: String,
    pub filter: String,
    pub attributes: BTreeMap<Field, String>,
    pub start_tls: bool,
    pub bind_dn: String,
    pub password: Option<SecretRef>,
    pub ca_file: Option<PathBuf>,
}

/// `[account]`: templates hold `{field}`; `{key}` is the person key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct AccountConfig {
    pub username: String,
    pub note: String,
    pub group: String,
    pub roles: String,
    pub phone: String,
    pub on_empty: OnEmptyConfig,
    pub default_roles: Vec<String>,
    pub roster_roles: Vec<String>,
    /// Longest path prefix wins, the rest of the path is appended.
    pub group_map: BTreeMap<String, String>,
    /// Keys: a role, or a department path (begins with `/`).
    pub role_map: BTreeMap<String, Vec<String>>,
    pub rule: Vec<AccountRule>,
}

impl Default for AccountConfig {
    fn default() -> Self {
        Self {
            username: "{employee_id}".into(),
            note: "{name}-{position}".into(),
            group: "{department}".into(),
            roles: "{roles}".into(),
            phone: "{phone}".into(),
            on_empty: OnEmptyConfig::default(),
            default_roles: Vec::new(),
            roster_roles: vec!["*".into()],
            group_map: BTreeMap::new(),
            role_map: BTreeMap::new(),
            rule: Vec::new(),
        }
    }
}

/// What an empty cell does. An unknown one always keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEmpty {
    /// The field stays as it is.
    Keep,
    /// The field becomes empty.
    Set,
}

/// `on_empty` of `[account]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names of the fields concerned")]
pub struct OnEmptyConfig {
    pub phone: OnEmpty,
    pub roles: OnEmpty,
    pub note: OnEmpty,
}

impl Default for OnEmptyConfig {
    fn default() -> Self {
        Self { phone: OnEmpty::Keep, roles: OnEmpty::Set, note: OnEmpty::Set }
    }
}

/// `[[account.rule]]`: in order; the first that sets a field wins, `add_roles` add up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct AccountRule {
    /// Fields and globs (`**` crosses `/`); all must match.
    pub when: When,
    pub add_roles: Vec<String>,
    pub group: Option<GroupPath>,
    pub auth: Option<AuthMode>,
    pub expires_on: Option<chrono::NaiveDate>,
}

/// `[[target]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct TargetConfig {
    pub name: TargetName,
    /// `https://HOST:PORT`, `http://` to a loopback address, or `embedded`.
    pub url: String,
    #[serde(default = "values::default_dialect")]
    pub dialect: Dialect,
    #[serde(default)]
    pub key: Option<SecretRef>,
    #[serde(default = "values::allow_all")]
    pub allow: Vec<Allow>,
    /// Globs over user names: never touched.
    #[serde(default)]
    pub protect: Vec<String>,
    #[serde(default)]
    pub keep_tag: String,
    #[serde(default)]
    pub existing: Existing,
    #[serde(default)]
    pub on_missing_group: OnAbsent,
    #[serde(default)]
    pub on_missing_role: OnAbsent,
    #[serde(default)]
    pub create_groups: bool,
    #[serde(default = "values::root_only")]
    pub create_groups_below: Vec<GroupPath>,
    #[serde(default)]
    pub look: LookPolicy,
    #[serde(default)]
    pub verify: Verify,
    /// `None`: off.
    #[serde(default = "values::four_hours", with = "values::span_or_off")]
    #[schemars(with = "String")]
    pub max_duration: Option<Span>,
    #[serde(default)]
    pub select: When,
    #[serde(default)]
    pub manage: ManageConfig,
    #[serde(default)]
    pub token: TokenConfig,
    #[serde(default)]
    pub tls: TlsConfig,
    #[serde(default)]
    pub pace: PaceConfig,
    #[serde(default)]
    pub leavers: LeaversConfig,
    #[serde(default)]
    pub guard: GuardConfig,
    #[serde(default)]
    pub auth: AuthConfig,
    #[serde(default)]
    pub initial_password: InitialPasswordConfig,
}

/// What a target lets rosterd do. What is not allowed is planned and withheld.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the kinds of action")]
pub enum Allow {
    Add,
    Update,
    Rename,
    Enable,
    Disable,
    Delete,
}

/// A new person's name is already on the gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Blocked and named.
    #[default]
    Report,
    /// Planned as an adoption, after a look.
    Adopt,
}

/// A group or role that is needed is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnAbsent {
    /// The people concerned are blocked.
    #[default]
    Block,
    /// The run stops before anything is sent.
    Stop,
}

/// When the run looks at a user right before changing them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LookPolicy {
    /// Before an update where the dialect erases what is left out, and before every removal.
    #[default]
    Erasing,
    /// Before every update and removal.
    Always,
    /// Never.
    Never,
}

/// Whether what was written is looked at before the commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Verify {
    #[default]
    None,
    Sample,
    All,
}

/// When rosterd writes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Manage {
    /// Whenever it differs.
    Always,
    /// Only when the account is added.
    Create,
    /// Never; what a look shows is sent back.
    Never,
    /// Roles only: never take one away.
    Add,
    /// `enabled` only: enable only whom rosterd disabled.
    Own,
}

/// `[target.manage]`. `None` in `adopted`: as for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names of the fields concerned")]
pub struct ManageConfig {
    pub group: Manage,
    pub note: Manage,
    pub phone: Manage,
    pub roles: Manage,
    pub enabled: Manage,
    pub auth: Manage,
    pub adopted: ManageAdopted,
}

impl Default for ManageConfig {
    fn default() -> Self {
        Self {
            group: Manage::Always,
            note: Manage::Always,
            phone: Manage::Always,
            roles: Manage::Always,
            enabled: Manage::Own,
            auth: Manage::Create,
            adopted: ManageAdopted::default(),
        }
    }
}

/// `[target.manage.adopted]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names of the fields concerned")]
pub struct ManageAdopted {
    pub group: Option<Manage>,
    pub note: Option<Manage>,
    pub phone: Option<Manage>,
    pub roles: Option<Manage>,
    pub enabled: Option<Manage>,
    pub auth: Option<Manage>,
}

/// `[target.token]`; what is not given comes from the dialect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct TokenConfig {
    pub digest: Option<TokenDigest>,
    /// Holds `{params}`, `{timestamp}`, `{key}`.
    pub recipe: Option<String>,
    pub send_timestamp: Option<bool>,
}

/// Digest of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "names of algorithms")]
pub enum TokenDigest {
    Md5,
    Sha256,
}

/// `[target.tls]`: exactly one way to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct TlsConfig {
    /// `None`: not pinned. An empty list is refused.
    pub pin_sha256: Option<Vec<String>>,
    pub ca_file: Option<PathBuf>,
    pub system: bool,
    pub insecure: bool,
    pub backend: TlsBackend,
}

/// Which TLS library speaks to the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "names of libraries")]
pub enum TlsBackend {
    #[default]
    Rustls,
    Openssl,
}

/// `[target.pace]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct PaceConfig {
    pub concurrency: u32,
    /// 0: no limit.
    pub calls_per_minute: u32,
    pub timeout: Span,
    pub retries: u32,
    pub delete_batch: u32,
}

impl Default for PaceConfig {
    fn default() -> Self {
        Self { concurrency: 1, calls_per_minute: 0, timeout: Span::seconds(10), retries: 4, delete_batch: 50 }
    }
}

/// `[target.leavers]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct LeaversConfig {
    pub action: LeaverAction,
    pub delete_after: Option<Span>,
    pub adopted: LeaverAction,
    pub missing_runs: u32,
    pub missing_for: Span,
    pub kick_online: bool,
}

impl Default for LeaversConfig {
    fn default() -> Self {
        Self {
            action: LeaverAction::Delete,
            delete_after: None,
            adopted: LeaverAction::Disable,
            missing_runs: 1,
            missing_for: Span::seconds(0),
            kick_online: false,
        }
    }
}

/// What happens to a leaver's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum LeaverAction {
    Delete,
    Disable,
}

/// What a tripped guard holds back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardHold {
    /// Everything.
    #[default]
    All,
    /// Removals only; the rest goes on.
    Removals,
}

/// A guard without a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Switch {
    #[default]
    Hold,
    Off,
}

/// `[target.guard]`: trips when the figure is above the limit; 0 allows none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct GuardConfig {
    pub hold: GuardHold,
    pub max_missing: Limit,
    pub max_missing_percent: Limit,
    pub max_left_percent: Limit,
    pub max_deselected: Limit,
    pub max_add: Limit,
    pub max_change_percent: Limit,
    pub max_rename: Limit,
    pub max_new_groups: Limit,
    pub max_shrink_percent: Limit,
    pub max_fill_drop_percent: Limit,
    pub max_department_loss_percent: Limit,
    pub max_deletes_24h: Limit,
    pub max_deletes_7d: Limit,
    pub max_accounts: Limit,
    pub max_failed_percent: Limit,
    pub first_contact: Switch,
    pub target_changed: Switch,
    pub replayed_roster: Switch,
    pub missing_file: Switch,
    pub sensitive_roles: Vec<String>,
    pub max_sensitive_grants: Limit,
    pub fields: BTreeMap<AccountField, Limit>,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            hold: GuardHold::All,
            max_missing: Limit::at(50.0),
            max_missing_percent: Limit::at(5.0),
            max_left_percent: Limit::at(20.0),
            max_deselected: Limit::at(20.0),
            max_add: Limit::OFF,
            max_change_percent: Limit::at(50.0),
            max_rename: Limit::at(20.0),
            max_new_groups: Limit::at(10.0),
            max_shrink_percent: Limit::at(20.0),
            max_fill_drop_percent: Limit::at(20.0),
            max_department_loss_percent: Limit::at(50.0),
            max_deletes_24h: Limit::at(100.0),
            max_deletes_7d: Limit::at(300.0),
            max_accounts: Limit::OFF,
            max_failed_percent: Limit::at(20.0),
            first_contact: Switch::Hold,
            target_changed: Switch::Hold,
            replayed_roster: Switch::Hold,
            missing_file: Switch::Hold,
            sensitive_roles: Vec::new(),
            max_sensitive_grants: Limit::at(5.0),
            fields: BTreeMap::new(),
        }
    }
}

/// How new users authenticate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum AuthMode {
    #[default]
    Inherit,
    Password,
    External,
}

/// `[target.auth]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct AuthConfig {
    pub updates_erase_password: bool,
    pub mode: AuthMode,
    pub server: Option<String>,
    pub servers: BTreeMap<String, String>,
}

/// `[target.initial_password]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct InitialPasswordConfig {
    pub mode: InitialPasswordMode,
    pub sink: Option<String>,
    pub length: Option<u32>,
    pub template: Option<String>,
}

/// Where a new user's first password comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum InitialPasswordMode {
    #[default]
    None,
    Random,
    Template,
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
    #[schemars(with = "String")]
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
