//! What holds a plan, an action or a commit back: guards and the other brakes by name, and what stands behind a tripped
//! one as far as people are told of it. When one trips is `plan::guard`'s business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::Exit;
use crate::doubt::Doubt;
use crate::model::{AccountField, TargetName};

/// A guard, or another brake, by its stable name: the configuration's key where there is one.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the configuration's documentation explains its keys")]
pub enum Guard {
    MaxMissing,
    MaxMissingPercent,
    MaxLeftPercent,
    MaxDeselected,
    MaxAdd,
    MaxChangePercent,
    MaxRename,
    #[serde(rename = "max_deletes_24h")]
    #[strum(serialize = "max_deletes_24h")]
    MaxDeletes24h,
    #[serde(rename = "max_deletes_7d")]
    #[strum(serialize = "max_deletes_7d")]
    MaxDeletes7d,
    MaxAccounts,
    MaxNewGroups,
    MaxSensitiveGrants,
    MaxShrinkPercent,
    MaxFillDropPercent,
    MaxDepartmentLossPercent,
    FirstContact,
    TargetChanged,
    ReplayedRoster,
    MissingFile,
    /// The roster may be another list than the one that was meant.
    RosterDoubt,
    /// A person paused the target.
    Paused,
    /// Whoever is asked before the first change did not let the plan pass.
    Hook,
    OnMissingGroup,
    OnMissingRole,
    /// A row whose key cannot be read may be anybody's.
    UnreadableKey,
    /// The target's settings cannot be used.
    Configuration,
    #[serde(rename = "fields.username")]
    #[strum(serialize = "fields.username")]
    FieldUsername,
    #[serde(rename = "fields.group")]
    #[strum(serialize = "fields.group")]
    FieldGroup,
    #[serde(rename = "fields.note")]
    #[strum(serialize = "fields.note")]
    FieldNote,
    #[serde(rename = "fields.phone")]
    #[strum(serialize = "fields.phone")]
    FieldPhone,
    #[serde(rename = "fields.roles")]
    #[strum(serialize = "fields.roles")]
    FieldRoles,
    #[serde(rename = "fields.enabled")]
    #[strum(serialize = "fields.enabled")]
    FieldEnabled,
    #[serde(rename = "fields.expires_on")]
    #[strum(serialize = "fields.expires_on")]
    FieldExpiresOn,
    /// Too much of a run failed: what it wrote is quarantined.
    MaxFailedPercent,
    /// An update erased a password: what the run wrote is quarantined.
    UpdatesErasePassword,
    /// Something is not as it was written: what the run wrote is quarantined.
    Verify,
}

impl Guard {
    /// All of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name itself.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The guard on changes of a field.
    pub const fn of_field(field: AccountField) -> Self {
        match field {
            AccountField::Username => Self::FieldUsername,
            AccountField::Group => Self::FieldGroup,
            AccountField::Note => Self::FieldNote,
            AccountField::Phone => Self::FieldPhone,
            AccountField::Roles => Self::FieldRoles,
            AccountField::Enabled => Self::FieldEnabled,
            AccountField::ExpiresOn => Self::FieldExpiresOn,
        }
    }

    /// The field whose changes it counts, if it counts a field's.
    pub const fn field(self) -> Option<AccountField> {
        match self {
            Self::FieldUsername => Some(AccountField::Username),
            Self::FieldGroup => Some(AccountField::Group),
            Self::FieldNote => Some(AccountField::Note),
            Self::FieldPhone => Some(AccountField::Phone),
            Self::FieldRoles => Some(AccountField::Roles),
            Self::FieldEnabled => Some(AccountField::Enabled),
            Self::FieldExpiresOn => Some(AccountField::ExpiresOn),
            _ => None,
        }
    }

    /// Whether its figure and its limit are percentages.
    pub const fn is_percent(self) -> bool {
        matches!(
            self,
            Self::MaxMissingPercent
                | Self::MaxLeftPercent
                | Self::MaxChangePercent
                | Self::MaxShrinkPercent
                | Self::MaxFillDropPercent
                | Self::MaxDepartmentLossPercent
                | Self::MaxFailedPercent
        )
    }

    /// Whether an approval can lift it. Another device wants `target accept`, a pause `unpause`, and what is wrong with
    /// a row, a group, a role or the settings wants to be put right.
    pub const fn approvable(self) -> bool {
        !matches!(
            self,
            Self::Paused
                | Self::Hook
                | Self::TargetChanged
                | Self::UnreadableKey
                | Self::OnMissingGroup
                | Self::OnMissingRole
                | Self::Configuration
        )
    }

    /// Whether it mistrusts the roster itself, and not only what the plan would do.
    pub const fn mistrusts_roster(self) -> bool {
        matches!(
            self,
            Self::MaxMissing
                | Self::MaxMissingPercent
                | Self::MaxShrinkPercent
                | Self::MaxFillDropPercent
                | Self::MissingFile
                | Self::ReplayedRoster
                | Self::RosterDoubt
        )
    }

    /// What it makes of a run that it held something back in: a guard on a plan [`Exit::Held`], a check of what was
    /// written [`Exit::Unconfirmed`], because the commit is withheld.
    pub const fn exit(self) -> Exit {
        match self {
            Self::MaxFailedPercent | Self::UpdatesErasePassword | Self::Verify => Exit::Unconfirmed,
            _ => Exit::Held,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What holds an action back, or a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Brake {
    /// The target's `allow` does not name what the action does.
    Allow,
    /// Somebody asked to stop: a commit's brake.
    Stop,
    /// The gateway is out of reach: a commit's brake.
    Gateway,
    /// A guard.
    Guard(Guard),
}

impl Brake {
    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Stop => "stop",
            Self::Gateway => "gateway",
            Self::Guard(guard) => guard.as_str(),
        }
    }

    /// What it makes of a run that it held something back in.
    pub const fn exit(self) -> Exit {
        match self {
            Self::Allow => Exit::Done,
            Self::Stop | Self::Gateway => Exit::Unconfirmed,
            Self::Guard(guard) => guard.exit(),
        }
    }
}

impl From<Guard> for Brake {
    fn from(guard: Guard) -> Self {
        Self::Guard(guard)
    }
}

impl From<Brake> for String {
    fn from(brake: Brake) -> Self {
        brake.as_str().to_owned()
    }
}

impl TryFrom<String> for Brake {
    type Error = strum::ParseError;
    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl FromStr for Brake {
    type Err = strum::ParseError;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "allow" => Ok(Self::Allow),
            "stop" => Ok(Self::Stop),
            "gateway" => Ok(Self::Gateway),
            guard => guard.parse().map(Self::Guard),
        }
    }
}

/// What stands behind a tripped guard, as far as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behind {
    /// Nothing more than its name says.
    Nothing,
    /// People (or rows).
    People {
        /// How many.
        count: u64,
        /// Most are missing and as many are new: it is the key column that changed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keys_changed: bool,
    },
    /// Names: of users, files, columns, groups, roles or departments.
    Things {
        /// The first few.
        first: Vec<String>,
        /// How many there are.
        count: u64,
        /// People (or cells) behind them.
        #[serde(default)]
        people: u64,
    },
    /// Doubts about the roster.
    Doubts {
        /// All of them.
        doubts: Vec<Doubt>,
    },
    /// A pause.
    Pause {
        /// The target.
        target: TargetName,
        /// Why, in the words of whoever paused.
        reason: String,
    },
    /// How a hook ended.
    Hook {
        /// It ran longer than it may.
        late: bool,
        /// Its exit code; none: it was killed, or could not be started.
        code: Option<i32>,
        /// The first line that it said.
        said: String,
    },
    /// Another device.
    Device {
        /// The target.
        target: TargetName,
        /// Address of the one that the snapshot belongs to.
        url: String,
        /// What that one speaks.
        dialect: String,
    },
    /// Settings that cannot be used.
    Setting {
        /// The key.
        place: String,
    },
    /// Only read, never made: what an earlier version stored in words.
    #[serde(skip)]
    Told {
        /// Those words.
        detail: String,
    },
}

/// A tripped guard, or another brake that holds the plan.
///
/// Serialised as `{"guard", "limit", "actual", "data"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct HeldBy {
    /// Which.
    pub guard: Guard,
    /// The limit, for a numeric guard.
    pub limit: Option<f64>,
    /// The figure met, for a numeric guard.
    pub actual: Option<f64>,
    /// What stands behind it.
    pub behind: Behind,
}

impl HeldBy {
    /// A brake that is no number.
    pub const fn brake(guard: Guard, behind: Behind) -> Self {
        Self { guard, limit: None, actual: None, behind }
    }

    /// A figure above its limit; the figure is rounded to one decimal.
    pub fn figure(guard: Guard, limit: f64, actual: f64, behind: Behind) -> Self {
        let actual = (actual * 10.0).round() / 10.0;
        Self { guard, limit: Some(limit), actual: Some(actual), behind }
    }
}

/// A tripped guard as it is stored. Earlier versions stored words and no data.
#[derive(Serialize, Deserialize)]
struct Stored {
    guard: Guard,
    limit: Option<f64>,
    actual: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Behind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl From<Stored> for HeldBy {
    fn from(stored: Stored) -> Self {
        let Stored { guard, limit, actual, data, detail } = stored;
        let behind = match (data, detail) {
            (Some(behind), _) => behind,
            (None, Some(detail)) => Behind::Told { detail },
            (None, None) => Behind::Nothing,
        };
        Self { guard, limit, actual, behind }
    }
}

impl From<HeldBy> for Stored {
    fn from(held: HeldBy) -> Self {
        let HeldBy { guard, limit, actual, behind } = held;
        let (data, detail) = match behind {
            Behind::Told { detail } => (None, Some(detail)),
            Behind::Nothing => (None, None),
            behind => (Some(behind), None),
        };
        Self { guard, limit, actual, data, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_the_one_that_serde_and_the_command_line_use() {
        for guard in Guard::ALL {
            assert_eq!(serde_json::to_value(guard).unwrap(), guard.as_str());
            assert_eq!(guard.as_str().parse::<Brake>().unwrap(), Brake::Guard(*guard));
            assert_eq!(guard.field().map(Guard::of_field), guard.field().map(|_| *guard));
        }
        for brake in [Brake::Allow, Brake::Stop, Brake::Gateway] {
            assert_eq!(brake.as_str().parse::<Brake>().unwrap(), brake);
        }
    }

    #[test]
    fn every_limit_of_the_configuration_has_its_guard() {
        let config = serde_json::to_value(crate::config::GuardConfig::default()).unwrap();
        let settings = ["hold", "fields", "sensitive_roles"];
        for key in config.as_object().unwrap().keys().filter(|key| !settings.contains(&key.as_str())) {
            assert!(key.parse::<Guard>().is_ok(), "{key}");
        }
        assert!(
            AccountField::ALL
                .iter()
                .all(|field| { Guard::of_field(*field).as_str() == format!("fields.{}", field.as_str()) })
        );
    }

    #[test]
    fn what_an_earlier_version_stored_in_words_comes_back_byte_for_byte() {
        let text = r#"{"guard":"max_missing","limit":1.0,"actual":2.0,"detail":"2 people are missing"}"#;
        let read: HeldBy = serde_json::from_str(text).unwrap();
        assert_eq!(read.behind, Behind::Told { detail: "2 people are missing".into() });
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
