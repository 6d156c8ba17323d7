//! What a number of schedules has been through, for people: faults by kind, crash points, states of the database.

use std::collections::{BTreeMap, BTreeSet};

/// Counts by label, and the states met.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Faults that were injected.
    pub faults: BTreeMap<&'static str, u64>,
    /// Places at which the process died.
    pub crashes: BTreeMap<&'static str, u64>,
    /// How runs ended.
    pub outcomes: BTreeMap<String, u64>,
    /// Distinct states of journal, target and device after a run (hashed).
    pub states: BTreeSet<u64>,
    /// Runs begun.
    pub runs: u64,
    /// Requests that the device saw.
    pub requests: u64,
    /// Checks made.
    pub checks: u64,
}

impl Coverage {
    /// One more of a fault.
    pub fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// Adds another's figures.
    pub fn merge(&mut self, other: Self) {
        for (mine, theirs) in [(&mut self.faults, other.faults), (&mut self.crashes, other.crashes)] {
            for (label, count) in theirs {
                *mine.entry(label).or_default() += count;
            }
        }
        for (label, count) in other.outcomes {
            *self.outcomes.entry(label).or_default() += count;
        }
        self.states.extend(other.states);
        self.runs += other.runs;
        self.requests += other.requests;
        self.checks += other.checks;
    }
}
