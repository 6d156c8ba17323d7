//! `[[target]]`: a gateway, what rosterd may do to it, and how. Types and defaults only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Limit, Span, When, values};
use crate::device::Dialect;
use crate::model::{AccountField, GroupPath, TargetName};
use crate::secret::SecretRef;
use crate::sink::SinkRef;

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

impl ManageConfig {
    /// When a field is written, for an account that was adopted or not. The user name and the expiry always are.
    pub fn of(&self, field: AccountField, adopted: bool) -> Manage {
        let other = &self.adopted;
        let (own, over) = match field {
            AccountField::Group => (self.group, other.group),
            AccountField::Note => (self.note, other.note),
            AccountField::Phone => (self.phone, other.phone),
            AccountField::Roles => (self.roles, other.roles),
            AccountField::Enabled => (self.enabled, other.enabled),
            AccountField::Username | AccountField::ExpiresOn => (Manage::Always, None),
        };
        over.filter(|_| adopted).unwrap_or(own)
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
    /// `None`: off, a disabled account stays.
    #[serde(with = "values::span_or_off")]
    #[schemars(with = "String")]
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
            delete_after: Some(Span::seconds(30 * 86_400)),
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "the keys are documented in the sample configuration and docs/configuration.md"
)]
pub struct InitialPasswordConfig {
    pub mode: InitialPasswordMode,
    pub sink: Option<SinkRef>,
    pub length: u8,
    pub classes: BTreeSet<PasswordClass>,
    pub template: Option<String>,
}

impl Default for InitialPasswordConfig {
    fn default() -> Self {
        let classes = [PasswordClass::Lower, PasswordClass::Upper, PasswordClass::Digit].into();
        Self { mode: InitialPasswordMode::None, sink: None, length: 16, classes, template: None }
    }
}

/// Characters of which a random password has at least one. Those that look like others (`0 O 1 l I`) are left away.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum PasswordClass {
    Lower,
    Upper,
    Digit,
    Symbol,
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
