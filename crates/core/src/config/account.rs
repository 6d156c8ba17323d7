//! `[account]`: from person to account. Types and defaults only; the mapping itself is `crate::mapping`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AuthMode, When};
use crate::model::GroupPath;

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
