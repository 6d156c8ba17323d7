//! The people of a roster as values: what HR says of somebody, who is left alone because of their rows, and what
//! planning has to know of the sources. How files become people is the roster crate's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use crate::doubt::{Doubt, DoubtKind};
pub use crate::field::Field;
use crate::model::{Cell, PersonKey, RowRef};
use crate::reason::Block;

mod texts;
pub use texts::Texts;

/// What the roster says of somebody's job. Dates are compared with the plan's `as_of` in `mapping`, not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Employment {
    /// Works here (or will, see `hire_date`; or until `leave_date`).
    Active,
    /// Not yet: no account until the status changes.
    Pending,
    /// Has left.
    Left,
}

/// One person, as all accepted rows together say. Cells are cleaned but otherwise as in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who it is.
    pub key: PersonKey,
    /// Every source that has this person, first source first. Never empty.
    pub sources: Arc<[Arc<str>]>,
    /// The row that says so; further rows that were merged in follow.
    pub rows: Vec<RowRef>,
    /// Status.
    pub employment: Employment,
    /// Single-valued text fields for templates (not departments, roles, phones, dates).
    pub text: Texts,
    /// Department paths in file order, each as cleaned segments; the first is the main one.
    pub departments: Cell<Arc<[Vec<String>]>>,
    /// Role names as in the file.
    pub roles: Cell<Arc<[String]>>,
    /// Phone numbers, normalised.
    pub phones: Cell<Vec<String>>,
    /// First day.
    pub hire_date: Cell<NaiveDate>,
    /// Last working day: the account is good on it, and gone on the day after.
    pub leave_date: Cell<NaiveDate>,
    /// Last day of a limited account.
    pub expires_on: Cell<NaiveDate>,
}

/// What rows say of a person, wherever they stand: two that say the same are one, and a roster's digest is over this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// Status.
    pub employment: Employment,
    /// Texts.
    pub text: &'a Texts,
    /// Departments.
    pub departments: &'a Cell<Arc<[Vec<String>]>>,
    /// Roles.
    pub roles: &'a Cell<Arc<[String]>>,
    /// Phones.
    pub phones: &'a Cell<Vec<String>>,
    /// First day, last day, end of a limited account.
    pub dates: [&'a Cell<NaiveDate>; 3],
}

impl Person {
    /// What the rows say of this person, without where they stand.
    pub fn content(&self) -> Content<'_> {
        // Taken apart by name, so that a new field does not compile until somebody has thought of it.
        let Self {
            key: _,
            sources: _,
            rows: _,
            employment,
            text,
            departments,
            roles,
            phones,
            hire_date,
            leave_date,
            expires_on,
        } = self;
        Content {
            employment: *employment,
            text,
            departments,
            roles,
            phones,
            dates: [hire_date, leave_date, expires_on],
        }
    }
}

/// What one source gave, as far as planning needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// The source's name; `hr` for a single one.
    pub name: Arc<str>,
    /// File names, sorted.
    pub files: Vec<Arc<str>>,
    /// Data rows met.
    pub rows: u64,
    /// Rows accepted (merged duplicates included).
    pub accepted: u64,
    /// Rows refused.
    pub refused: u64,
    /// A row whose key cannot be read: nobody counts as missing from this source.
    pub unreadable_key: bool,
    /// Late or absent: its people are blocked, nobody of them is missing.
    pub frozen: bool,
    /// Whether an absent row of this source may be taken for a person who is gone (`proves`).
    pub proves_missing: bool,
    /// Share of filled cells per mapped column, in percent.
    pub fill: BTreeMap<Field, f64>,
}

impl SourceFacts {
    /// A source of one file whose rows were all accepted.
    pub fn of_one_file(name: &str, file: &str, rows: u64) -> Self {
        Self {
            name: name.into(),
            files: vec![file.into()],
            rows,
            accepted: rows,
            refused: 0,
            unreadable_key: false,
            frozen: false,
            proves_missing: true,
            fill: BTreeMap::new(),
        }
    }
}

/// The roster: people by key, who is blocked, and what was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    /// Everybody with a usable row, by key.
    pub people: BTreeMap<PersonKey, Person>,
    /// Everybody whose rows cannot be used, by key.
    pub blocked: BTreeMap<PersonKey, Block>,
    /// The sources, in configured order.
    pub sources: Vec<SourceFacts>,
    /// BLAKE3 over what was understood (people, blocked people, unreadable keys, frozen sources), in hex. The order of
    /// files and rows does not matter, nor do file names.
    pub digest: String,
    /// `--roster PATH` without `--authoritative`: nobody counts as missing.
    pub partial: bool,
    /// What makes it doubtful as a whole, sorted.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
}
