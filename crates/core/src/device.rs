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

    /// Every dialect.
    pub const ALL: [Self; 2] = [Self::UpdaterCloud, Self::Openapi];

    /// What a device that speaks it can do.
    pub const fn capabilities(self) -> Capabilities {
        match self {
            Self::UpdaterCloud => Capabilities {
                lists_users: false,
                lists_roles: false,
                creates_groups: false,
                kicks: false,
                has_expiry: false,
                comma_in_names: true,
                update_may_erase_password: true,
            },
            Self::Openapi => Capabilities {
                lists_users: true,
                lists_roles: true,
                creates_groups: true,
                kicks: true,
                has_expiry: true,
                comma_in_names: false,
                update_may_erase_password: false,
            },
        }
    }
}

/// What a gateway can do: the one table. Whoever plans or carries out a plan asks here, and never which dialect is
/// spoken; only the gateway crate does that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// All users can be listed, page by page (`GetSearchData`).
    pub lists_users: bool,
    /// All roles can be listed, page by page (`GetRoleListDataCloud`).
    pub lists_roles: bool,
    /// Groups can be made (`AddGroupCloud`); elsewhere a person makes them in the console.
    pub creates_groups: bool,
    /// A user's sessions can be ended (`KillOnlineUserCloud`).
    pub kicks: bool,
    /// Accounts can expire on a date (`gqsj`, `ex_time`).
    pub has_expiry: bool,
    /// A user's name may hold a comma. Where a batch of deletes is one text with commas between the names, such a name
    /// would be two others.
    pub comma_in_names: bool,
    /// The manual gives an update's password the default *empty*, so that the first update is looked at before and after.
    pub update_may_erase_password: bool,
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
