//! A gateway's users as values, and which of the vendor's two families of calls it speaks. What is asked of a device,
//! and how, is the gateway crate's business.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The address that stands for the simulated device within the program.
pub const EMBEDDED: &str = "embedded";

/// Which of the two families of calls a device speaks. Source: the vendor's two manuals.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// The customised package of old firmware: `UpdaterCloud`, an update erases what it leaves out.
    UpdaterCloud,
    /// The standardised interface from firmware M7.6.8R2 on: `DataSyncCloud`, `delay_flush`, lists, expiry.
    Openapi,
}

impl Dialect {
    /// The name as configuration and database write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UpdaterCloud => "updater-cloud",
            Self::Openapi => "openapi",
        }
    }

    /// Whether an update erases fields that it does not carry. A public client saw it on `openapi` too, against the
    /// manual, so both are treated so; only `updater-cloud` documents it.
    pub const fn documents_erasing(self) -> bool {
        matches!(self, Self::UpdaterCloud)
    }

    /// Whether accounts can expire on a date (`gqsj`, `ex_time`).
    pub const fn has_expiry(self) -> bool {
        matches!(self, Self::Openapi)
    }

    /// Whether the device can list users and roles (`GetSearchData`, `GetRoleListDataCloud`).
    pub const fn has_lists(self) -> bool {
        matches!(self, Self::Openapi)
    }
}

/// A user as the device shows it (`ExGetUserInfo`), decoded tolerantly. `None`: the answer did not have the field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UserRecord {
    /// The device's own number for the user. A user deleted and made again has another one.
    pub id: Option<String>,
    /// User name.
    pub name: String,
    /// Full group path (`parent_path`, or `grpname` on old firmware).
    pub group: Option<String>,
    /// Note.
    pub note: Option<String>,
    /// Phone numbers joined with `;`.
    pub phone: Option<String>,
    /// Role names.
    pub roles: Option<BTreeSet<String>>,
    /// Enabled; old firmware leaves it out of looks.
    pub enabled: Option<bool>,
    /// Whether the authentication settings are the group's.
    pub inherits_auth: Option<bool>,
    /// Whether the policy group is the group's.
    pub inherits_policy: Option<bool>,
    /// Number of the external authentication server; `None` for "0" or absent.
    pub ext_auth_id: Option<String>,
    /// Name of the external authentication server, where the answer has it.
    pub ext_auth_name: Option<String>,
    /// Day on which the account expires; `Some(None)`: never.
    pub expires_on: Option<Option<NaiveDate>>,
    /// BLAKE3 of the obfuscated `passwd` field: tells whether an update moved it, never what it is.
    pub password_mark: Option<String>,
    /// `pwd_last_change`, as text.
    pub password_changed: Option<String>,
    /// All other fields as text, without `passwd`, `sec_key` and `crypto_key`.
    pub other: BTreeMap<String, String>,
}

/// How a user proves who they are. Source: parameters of `AddUserCloud`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// As the group says (`b_inherit_auth=1`).
    Inherit,
    /// A local password (`b_inherit_auth=0 is_pwd=1`).
    Password,
    /// An external server (`b_inherit_auth=0 is_pwd=0 is_extauth=1 ext_auth_name=…`).
    External {
        /// The server's name on the device.
        server: String,
    },
}
