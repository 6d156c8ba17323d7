//! From person to account: what a gateway should hold for everybody in the roster. Pure: values in, values out; no
//! clock, file, network or database. What to *do* about the difference is `plan`'s business.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::config::{AccountConfig, AuthMode};
use crate::model::{GroupPath, PersonKey, RowRef, Username};
use crate::roster::{Person, Roster};

/// What the roster wants for one field of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want<T> {
    /// This value.
    Set(T),
    /// Whatever is there: the cell is unknown, or empty under `on_empty = "keep"`. For a new account: the empty value.
    Keep,
}

/// What a gateway should hold for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose it is.
    pub person: PersonKey,
    /// User name.
    pub username: Username,
    /// Group. `Keep` when the department is unknown: a new account is then blocked.
    pub group: Want<GroupPath>,
    /// Note, cut to the device's limit.
    pub note: Want<String>,
    /// Phones joined with `;`.
    pub phone: Want<String>,
    /// Roles, after mapping, default roles included.
    pub roles: Want<BTreeSet<String>>,
    /// Last day of the account, if it is limited (from `expires_on` and rules).
    pub expires_on: Want<Option<NaiveDate>>,
    /// Authentication mode that a rule gives, instead of the target's.
    pub auth: Option<AuthMode>,
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

/// Why a person cannot be mapped. Their account stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapBlock {
    /// Stable word, for example `bad_username`, `no_group`, `bad_group`, `role_not_allowed`, `bad_role`,
    /// `phone_too_long`, `bad_template`.
    pub reason: String,
    /// The value concerned and what is wrong with it, for people; phones masked.
    pub detail: String,
    /// The row.
    pub row: RowRef,
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
    /// Cannot be told.
    Blocked(MapBlock),
}

/// Maps everybody of the roster (blocked rows are not in the result: they are in `roster.blocked`).
pub fn map_roster(
    _roster: &Roster,
    _config: &AccountConfig,
    _as_of: NaiveDate,
) -> BTreeMap<PersonKey, Wanted> {
    BTreeMap::new()
}

/// Maps one person.
pub fn map_person(person: &Person, _config: &AccountConfig, _as_of: NaiveDate) -> Wanted {
    Wanted::NotYet(person.rows[0].clone())
}
