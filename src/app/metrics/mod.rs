//! Metrics in the text format of Prometheus: which there are, gathering their values, and the file for node_exporter. No
//! value names a person. A page can show the same text.

mod textfile;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use prometheus::{GaugeVec, Opts, Registry, TextEncoder};

use crate::app::App;
use crate::app::sync::Answer;
use crate::config::TargetConfig;
use crate::plan::{ActionKind, Counts};
use crate::report::{TargetReport, words};
use crate::store::figures::Figures;
use crate::store::memory::TargetRow;
use crate::store::query::RunLine;
use crate::store::{Store, StoreError};

pub use textfile::write;

/// One metric: everything that is not its values.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $labels:expr, $help:literal;)*) => {
        $(const $constant: Metric = Metric { name: $name, help: $help, labels: &$labels };)*
        /// Every metric there is.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    BUILD = "rosterd_build_info", ["version"], "The program that wrote this; always 1.";
    LAST_RUN = "rosterd_last_run_timestamp_seconds", ["target"], "When the last run ended.";
    LAST_SUCCESS = "rosterd_last_success_timestamp_seconds", ["target"], "When the last good run ended.";
    DURATION = "rosterd_last_run_duration_seconds", ["target"], "How long the last run took.";
    EXIT = "rosterd_last_run_exit_code", ["target"], "Exit code of the last run.";
    SUCCESS = "rosterd_last_run_success", ["target"], "Whether the last run was good (exit 0 or 3).";
    HELD = "rosterd_last_run_held", ["target"], "Guards and other brakes that held the last run.";
    ACTIONS = "rosterd_last_run_actions", ["target", "kind", "outcome"],
        "People by what the last run did: done, failed, or planned and held.";
    PEOPLE = "rosterd_last_run_people", ["target", "state"], "People whom the last run left as they were, and why.";
    REQUESTS = "rosterd_last_run_requests", ["target", "kind"], "Requests of the last run.";
    COMMIT = "rosterd_last_commit_timestamp_seconds", ["target"], "When the last commit was confirmed.";
    DIRTY = "rosterd_target_dirty", ["target"], "Whether something was written that no confirmed commit covers.";
    QUARANTINED = "rosterd_target_quarantined", ["target"], "Whether what was written must not take effect yet.";
    PAUSED = "rosterd_target_paused", ["target"], "Whether a person paused the target.";
    UNSETTLED = "rosterd_unsettled_intents", ["target"], "Calls for people whose outcome is not settled for good.";
    BLOCKED = "rosterd_blocked_people", ["target"], "People left alone.";
    APPROVALS = "rosterd_pending_approvals", ["target"], "Approvals that wait for their run.";
    ACCOUNTS = "rosterd_accounts", ["target", "state"], "Accounts that rosterd keeps, enabled and disabled.";
    ACCOUNTS_LIMIT = "rosterd_accounts_limit", ["target"], "Licensed accounts (guard max_accounts).";
    ROSTER_READABLE = "rosterd_roster_readable", [], "Whether the last run could read the roster.";
    ROSTER_ROWS = "rosterd_roster_rows", ["source", "state"], "Rows of a source of the roster, accepted and refused.";
    ROSTER_TIME = "rosterd_roster_timestamp_seconds", ["source"], "When the oldest file of a source was written.";
}

/// Values under way to their text.
#[derive(Default)]
struct Sheet(BTreeMap<&'static str, (Option<GaugeVec>, Registry)>);

impl Sheet {
    fn set(&mut self, metric: &Metric, labels: &[&str], value: f64) -> Result<(), prometheus::Error> {
        let (vec, registry) = self.0.entry(metric.name).or_default();
        let vec = match vec {
            Some(vec) => vec,
            None => {
                let new = GaugeVec::new(Opts::new(metric.name, metric.help), metric.labels)?;
                registry.register(Box::new(new.clone()))?;
                vec.insert(new)
            }
        };
        vec.get_metric_with_label_values(labels)?.set(value);
        Ok(())
    }

    fn when(
        &mut self,
        metric: &Metric,
        label: &str,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), prometheus::Error> {
        at.map_or(Ok(()), |at| self.set(metric, &[label], seconds(at)))
    }

    fn text(&self) -> Result<String, prometheus::Error> {
        let families: Vec<_> = self.0.values().flat_map(|(_, registry)| registry.gather()).collect();
        TextEncoder::new().encode_to_string(&families)
    }
}

/// Everything that is known, as text.
///
/// # Errors
/// If the database cannot be read, or a value cannot be written.
pub async fn render(app: &App, store: &Store, answer: Option<&Answer>) -> anyhow::Result<String> {
    let mut sheet = Sheet::default();
    sheet.set(&BUILD, &[env!("CARGO_PKG_VERSION")], 1.0)?;
    for target in &app.config().target {
        let facts = Facts::gather(target, store, app).await?;
        facts.put(&mut sheet)?;
    }
    if let Some(answer) = answer {
        roster(answer, &mut sheet)?;
    }
    Ok(sheet.text()?)
}

/// What is known of a target.
struct Facts<'a> {
    target: &'a TargetConfig,
    last: Option<RunLine>,
    good: Option<DateTime<Utc>>,
    row: TargetRow,
    figures: Figures,
    paused: bool,
}

impl<'a> Facts<'a> {
    async fn gather(target: &'a TargetConfig, store: &Store, app: &App) -> Result<Self, StoreError> {
        let row = store.target(&target.name).await?;
        let today = app.today();
        Ok(Self {
            target,
            last: store.last_run(&target.name).await?.filter(|run| run.ended_at.is_some()),
            good: store.last_success(&target.name).await?,
            paused: row.paused.as_ref().is_some_and(|p| p.until.is_none_or(|until| until >= today)),
            row,
            figures: store.figures(&target.name, app.now()).await?,
        })
    }

    fn put(&self, sheet: &mut Sheet) -> Result<(), prometheus::Error> {
        let name = self.target.name.as_str();
        if let Some(run) = &self.last {
            sheet.when(&LAST_RUN, name, run.ended_at)?;
            if let Some(code) = run.exit_code {
                sheet.set(&EXIT, &[name], code as f64)?;
                sheet.set(&SUCCESS, &[name], flag(matches!(code, 0 | 3)))?;
            }
            if let Some(report) = &run.report {
                of_run(report, name, sheet)?;
            }
        }
        sheet.when(&LAST_SUCCESS, name, self.good)?;
        sheet.when(&COMMIT, name, self.row.committed_at)?;
        sheet.set(&DIRTY, &[name], flag(self.row.dirty))?;
        sheet.set(&QUARANTINED, &[name], flag(self.row.quarantined_by.is_some()))?;
        sheet.set(&PAUSED, &[name], flag(self.paused))?;
        let Figures { enabled, disabled, unsettled, blocked, approvals } = self.figures;
        sheet.set(&UNSETTLED, &[name], unsettled as f64)?;
        sheet.set(&BLOCKED, &[name], blocked as f64)?;
        sheet.set(&APPROVALS, &[name], approvals as f64)?;
        sheet.set(&ACCOUNTS, &[name, "enabled"], enabled as f64)?;
        sheet.set(&ACCOUNTS, &[name, "disabled"], disabled as f64)?;
        if let Some(limit) = self.target.guard.max_accounts.figure() {
            sheet.set(&ACCOUNTS_LIMIT, &[name], limit)?;
        }
        Ok(())
    }
}

fn of_run(report: &TargetReport, name: &str, sheet: &mut Sheet) -> Result<(), prometheus::Error> {
    sheet.set(&DURATION, &[name], report.duration_ms as f64 / 1000.0)?;
    sheet.set(&HELD, &[name], report.held_by.len() as f64)?;
    // A plan that is held as a whole keeps showing its own figures.
    let held = !report.held_by.is_empty() && report.calls.mutations == 0;
    let outcome = if held { "planned" } else { "done" };
    for (kind, count) in words::by_kind(&report.counts) {
        sheet.set(&ACTIONS, &[name, word(kind), outcome], count as f64)?;
    }
    for failure in &report.failures {
        let failed = report.failures.iter().filter(|other| other.kind == failure.kind).count();
        sheet.set(&ACTIONS, &[name, word(failure.kind), "failed"], failed as f64)?;
    }
    let Counts { unchanged, withheld, blocked, .. } = report.counts;
    for (state, count) in [("unchanged", unchanged), ("withheld", withheld), ("blocked", blocked)] {
        sheet.set(&PEOPLE, &[name, state], count as f64)?;
    }
    let calls = &report.calls;
    let sorts = [
        ("mutation", calls.mutations),
        ("query", calls.queries),
        ("commit", calls.commits),
        ("retry", calls.retries),
    ];
    sorts.into_iter().try_for_each(|(kind, count)| sheet.set(&REQUESTS, &[name, kind], count as f64))
}

fn roster(answer: &Answer, sheet: &mut Sheet) -> Result<(), prometheus::Error> {
    sheet.set(&ROSTER_READABLE, &[], flag(answer.roster_error.is_none()))?;
    for source in &answer.report.roster.sources {
        sheet.set(&ROSTER_ROWS, &[&source.name, "accepted"], source.accepted as f64)?;
        sheet.set(&ROSTER_ROWS, &[&source.name, "refused"], source.refused as f64)?;
    }
    for source in answer.reading.iter().flat_map(|reading| &reading.sources) {
        let oldest = source.files.iter().filter_map(|file| file.modified).min();
        sheet.when(&ROSTER_TIME, &source.name, oldest)?;
    }
    Ok(())
}

const fn word(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Add => "add",
        ActionKind::Adopt => "adopt",
        ActionKind::Update => "update",
        ActionKind::Rename => "rename",
        ActionKind::Enable => "enable",
        ActionKind::Disable => "disable",
        ActionKind::Delete => "delete",
    }
}

const fn flag(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_are_there_once() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        for Metric { name, help, labels } in ALL {
            assert!(name.starts_with("rosterd_") && plain(name) && !name.ends_with("_total"), "{name}");
            assert!(help.ends_with('.') && labels.iter().all(|label| plain(label)), "{name}");
            assert!(!labels.iter().any(|label| ["person", "username"].contains(label)), "{name}");
        }
    }

    #[test]
    fn the_same_values_are_the_same_bytes_in_whatever_order_they_came() {
        let text = |order: [&str; 2]| {
            let mut sheet = Sheet::default();
            for target in order {
                sheet.set(&DIRTY, &[target], 1.0).unwrap();
                sheet.set(&ACCOUNTS, &[target, "enabled"], 2.5).unwrap();
            }
            sheet.text().unwrap()
        };
        assert_eq!(text(["hq", "lab\"\n"]), text(["lab\"\n", "hq"]));
        assert!(text(["hq", "lab\"\n"]).contains("rosterd_target_dirty{target=\"lab\\\"\\n\"} 1\n"));
        assert!(text(["hq", "lab"]).ends_with('\n'));
    }

    #[test]
    fn a_wrong_number_of_labels_is_an_error_and_no_panic() {
        assert!(Sheet::default().set(&DIRTY, &[], 1.0).is_err());
    }
}
