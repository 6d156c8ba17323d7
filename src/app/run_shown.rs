//! One run with everything that is known of it, gathered as plain values: its report, who and what held it, what it did
//! to whom, and its calls with their answers.

use serde::{Serialize, Serializer};

use super::App;
use super::names::NameError;
use super::status::behind;
use crate::report::Spoken;
use crate::report::guarded::Guarded;
use crate::store::Store;
use crate::store::journal::RunId;
use crate::store::query::{CallLine, HistoryLine, RunLine};

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct OneRun {
    /// Version of this format: 1.
    pub version: u32,
    /// The run, with its report.
    #[serde(serialize_with = "one")]
    pub run: RunLine,
    /// Who and what is behind the guards that held it.
    pub behind: Vec<Guarded>,
    /// What it did, or tried to do, to accounts, in the order of its calls.
    pub changes: Vec<HistoryLine>,
    /// Its calls.
    pub calls: Vec<CallLine>,
}

fn one<S: Serializer>(run: &RunLine, to: S) -> Result<S::Ok, S::Error> {
    Spoken(run).serialize(to)
}

impl App {
    /// Gathers what is known of a run.
    ///
    /// # Errors
    /// If there is no such run, or the database fails.
    pub async fn one_run(&self, store: &Store, id: RunId) -> Result<OneRun, NameError> {
        let run = self.run_of(store, id).await?;
        let held = run.report.as_ref().is_some_and(|report| !report.held_by.is_empty());
        let behind = if held { behind(store, id).await? } else { Vec::new() };
        let (changes, calls) = (store.done_in(id).await?, store.calls(id).await?);
        Ok(OneRun { version: 1, run, behind, changes, calls })
    }
}
