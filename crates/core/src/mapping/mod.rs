//! From person to account: what a gateway should hold for everybody in the roster. Pure: values in, values out; no
//! clock, file, network or database. What to *do* about the difference is `plan`'s business.
//!
//! Templates live in `template`, conditions and globs in `condition`, the whole of `[account]` made ready in `rules`; a
//! person becomes an account in `account`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::config::{AccountConfig, AuthMode};
use crate::model::{GroupPath, PersonKey, Roles, RowRef, Username};
use crate::people::{Person, Roster};
use crate::reason::{Block, BlockReason};

mod account;
mod condition;
mod error;
mod rules;
mod template;
#[cfg(test)]
mod tests;

pub use condition::{Condition, Globs, Verdict};
pub use error::MappingConfigError;
pub use rules::MappingRules;
pub use template::PersonTemplate;

/// What the roster wants for one field of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want<T> {
    /// This value.
    Set(T),
    /// A part of it is unknown: a new account gets what is known, an existing one keeps what it has.
    IfNew(T),
    /// Whatever is there: the cell is unknown, or empty under `on_empty = "keep"`. For a new account: the empty value.
    Keep,
}

impl<T> Want<T> {
    /// The value for a new account, if the roster gives one.
    pub fn for_new(&self) -> Option<&T> {
        match self {
            Self::Set(value) | Self::IfNew(value) => Some(value),
            Self::Keep => None,
        }
    }
}

/// What the roster wants for the roles of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WantRoles {
    /// Exactly these.
    Set(Roles),
    /// These at least: what the roster itself says of roles is unknown (or empty under `on_empty = "keep"`), so none
    /// may be taken away.
    AtLeast(Roles),
}

impl WantRoles {
    /// The roles for a new account.
    pub fn for_new(&self) -> &Roles {
        let (Self::Set(roles) | Self::AtLeast(roles)) = self;
        roles
    }
}

/// What a gateway should hold for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose it is.
    pub person: PersonKey,
    /// User name.
    pub username: Username,
    /// Group. `Keep` when the department is unknown or empty: a new account is then blocked.
    pub group: Want<GroupPath>,
    /// Note, cut to the device's limit.
    pub note: Want<String>,
    /// Phones joined with `;`: as many whole numbers as the device takes.
    pub phone: Want<String>,
    /// Phone numbers that did not fit.
    pub phones_dropped: u32,
    /// Roles, after mapping, default roles included.
    pub roles: WantRoles,
    /// Last day of the account, if it is limited (the earlier one of `expires_on` and the first rule that has one).
    pub expires_on: Want<Option<NaiveDate>>,
    /// Authentication mode that a rule gives instead of the target's. `Keep`: a rule's condition could not be judged,
    /// so a new account is blocked.
    pub auth: Want<Option<AuthMode>>,
    /// The row that says so.
    pub row: RowRef,
}

/// Why a person's account must not exist (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// The roster's status says so, or the last working day is over.
    Left,
    /// Their `expires_on` is over.
    Expired,
}

/// What the roster comes to for one person on `as_of`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// This account.
    Account(Account),
    /// No account; a row says so.
    Gone(Gone, RowRef),
    /// No account yet (pending, or hired in the future); one that exists is left alone.
    NotYet(RowRef),
    /// Cannot be told; their account stays as it is.
    Blocked(Block),
}

/// Maps everybody of the roster (blocked rows are not in the result: they are in `roster.blocked`).
///
/// The configuration is checked when it is loaded. Should it be unusable all the same, everybody is blocked: an empty
/// result would look like a company without people.
pub fn map_roster(roster: &Roster, config: &AccountConfig, as_of: NaiveDate) -> BTreeMap<PersonKey, Wanted> {
    match MappingRules::compile(config) {
        Ok(rules) => rules.map_roster(roster, as_of),
        Err(error) => {
            let block = |person| Wanted::Blocked(unusable(person, &error));
            roster.people.iter().map(|(key, person)| (key.clone(), block(person))).collect()
        }
    }
}

/// Maps one person, see [`map_roster`].
pub fn map_person(person: &Person, config: &AccountConfig, as_of: NaiveDate) -> Wanted {
    match MappingRules::compile(config) {
        Ok(rules) => rules.map_person(person, as_of),
        Err(error) => Wanted::Blocked(unusable(person, &error)),
    }
}

fn unusable(person: &Person, error: &MappingConfigError) -> Block {
    Block::from(BlockReason::BadTemplate { place: error.place().to_owned() }).row(&row_of(person))
}

/// The row that stands for a person.
fn row_of(person: &Person) -> RowRef {
    person.rows.first().cloned().unwrap_or_else(|| RowRef { file: "".into(), line: 0 })
}
