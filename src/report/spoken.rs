//! Reports as JSON for whoever asked: the stored values, and beside each reason what it says in the reader's language.
//! What is stored has no words, so it is serialised directly and never through here.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::*;
use crate::model::TargetName;
use crate::plan::Counts;
use crate::reason::{Behind, BlockReason, Blocked, HeldBy};
use crate::store::query::RunLine;

/// A value with its words.
#[derive(Debug, Clone, Copy)]
pub struct Spoken<T>(pub T);

/// A value and beside it what it says.
#[derive(Serialize)]
struct Worded<'a, T> {
    #[serde(flatten)]
    value: &'a T,
    /// Not there where the value has its words from an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<words::Word>,
}

impl Serialize for Spoken<&Blocked> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = matches!(self.0.reason, BlockReason::Told { .. });
        Worded { value: self.0, detail: (!told).then(|| words::blocked(self.0)) }.serialize(serializer)
    }
}

impl Serialize for Spoken<&HeldBy> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = matches!(self.0.behind, Behind::Told { .. });
        Worded { value: self.0, detail: (!told).then(|| words::held(self.0).into()) }.serialize(serializer)
    }
}

impl Serialize for Spoken<&RunLine> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(self.0).map_err(S::Error::custom)?;
        if let (Some(report), Some(shown)) = (&self.0.report, value.get_mut("report")) {
            *shown = serde_json::to_value(Spoken(report)).map_err(S::Error::custom)?;
        }
        value.serialize(serializer)
    }
}

impl Serialize for Spoken<&TargetReport> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SpokenTarget::serialize(self.0, serializer)
    }
}

impl Serialize for Spoken<&SyncReport> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SpokenSync::serialize(self.0, serializer)
    }
}

/// Serialises everything with its words.
pub fn each<T, S: Serializer>(all: &[T], serializer: S) -> Result<S::Ok, S::Error>
where
    for<'a> Spoken<&'a T>: Serialize,
{
    serializer.collect_seq(all.iter().map(Spoken))
}

/// Serialises what may be there with its words.
pub fn maybe<T, S: Serializer>(one: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
where
    for<'a> Spoken<&'a T>: Serialize,
{
    one.as_ref().map(Spoken).serialize(serializer)
}

#[derive(Serialize)]
#[serde(remote = "SyncReport")]
struct SpokenSync {
    version: u32,
    dry_run: bool,
    as_of: NaiveDate,
    roster: RosterSummary,
    #[serde(serialize_with = "each")]
    targets: Vec<TargetReport>,
}

#[derive(Serialize)]
#[serde(remote = "TargetReport")]
struct SpokenTarget {
    target: TargetName,
    run_id: String,
    plan: Option<PlanRef>,
    outcome: RunOutcome,
    exit_code: u8,
    counts: Counts,
    changed_fields: BTreeMap<String, u64>,
    calls: CallCounts,
    commit: CommitState,
    state: TargetState,
    #[serde(serialize_with = "each")]
    held_by: Vec<HeldBy>,
    approval: Option<ApprovalRef>,
    failures: Vec<Failure>,
    duration_ms: u64,
    groups: Vec<GroupLine>,
    #[serde(serialize_with = "each")]
    blocked: Vec<Blocked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<SameAs>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovered: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loosened: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<ActionLine>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PersonKey;
    use crate::reason::Guard;

    #[test]
    fn the_words_are_an_addition_and_nothing_else() {
        let mut report = TargetReport::empty(&TargetName::new("hq").unwrap(), "1".to_owned());
        let person = PersonKey::new("10023").unwrap();
        let day = "2026-11-21".parse().unwrap();
        report.held_by = vec![HeldBy::brake(Guard::ReplayedRoster, Behind::Nothing)];
        report.blocked = vec![crate::reason::Block::from(BlockReason::NoGroup).of(&person, day)];
        let stored = serde_json::to_value(&report).unwrap();
        let mut spoken = serde_json::to_value(Spoken(&report)).unwrap();
        assert_ne!(stored, spoken);
        for list in ["blocked", "held_by"] {
            spoken[list][0].as_object_mut().unwrap().remove("detail").unwrap();
        }
        assert_eq!(stored, spoken);
    }
}
