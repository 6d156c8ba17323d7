//! What reading gives: the roster, and what is to be said about how it was read.

use super::Roster;
use super::facts::RosterReport;
use super::marks::{self, FileMark};

/// A roster and what is to be said about how it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The people.
    pub roster: Roster,
    /// The validation report.
    pub report: RosterReport,
}

impl Reading {
    /// The files that were read, if their bytes say all there is to say.
    pub fn marks(&self) -> Option<Vec<FileMark>> {
        marks::of(&self.report)
    }
}
