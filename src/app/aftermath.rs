//! What the world outside hears of a sync: signs of life, the hook after a commit, the file of metrics. People are told
//! elsewhere, and nothing here changes what a run came to.

use serde_json::json;

use super::App;
use super::metrics;
use super::sync::Answer;
use crate::heartbeat::Beat;
use crate::hooks::Hooks;
use crate::report::{CommitState, RunOutcome, SyncReport};
use crate::store::Store;
use crate::store::audit::{Head, Record};
use crate::store::journal::RunId;
use crate::sync;

/// The sign of life that a sync over everybody ends with; none where another run holds the target, which sends its own.
/// `None` for a sync that did not begin.
pub(super) fn beat(answer: Option<&Answer>) -> Option<Beat> {
    let Some(answer) = answer else { return Some(Beat::Bad(1)) };
    if answer.roster_error.is_some() {
        return Some(Beat::Bad(1));
    }
    let targets = &answer.report.targets;
    if targets.iter().any(|target| target.outcome == RunOutcome::Locked) {
        return None;
    }
    let code = sync::combined_exit(targets.iter().map(|target| target.exit_code));
    let held = targets.iter().any(|target| !target.held_by.is_empty());
    let good = matches!(code, 0 | 3) && !held && targets.iter().all(|target| target.error.is_none());
    Some(if good { Beat::Good } else { Beat::Bad(code) })
}

impl App {
    /// Tells the hook after each confirmed commit, and records how it ended. The head of the trail, if that moved it.
    pub(super) async fn tell_hooks(
        &self,
        store: &Store,
        hooks: &Hooks<'_>,
        report: &mut SyncReport,
    ) -> Option<Head> {
        let (mut recorded, shared) = (false, SyncReport { targets: Vec::new(), ..report.clone() });
        for target in report.targets.iter_mut().filter(|target| target.commit == CommitState::Confirmed) {
            let one = SyncReport { targets: vec![target.clone()], ..shared.clone() };
            let ended = hooks.after_commit(&one).await?;
            if !ended.is_good() {
                target.warnings.push(rust_i18n::t!("hooks.after", how = ended.words()).into_owned());
            }
            let Ok(run) = target.run_id.parse() else { continue };
            let body = json!({ "hook": "after_commit", "ended": ended });
            let record = Record::new("hook_ended", self.now()).on(&target.target, RunId(run)).body(body);
            match store.audit(record).await {
                Ok(()) => recorded = true,
                Err(error) => tracing::error!(%error, "how a hook ended could not be recorded"),
            }
        }
        if recorded { store.audit_head().await.ok() } else { None }
    }

    /// Writes the file of metrics, where one is configured.
    pub(super) async fn write_metrics(&self, store: &Store, answer: Option<&Answer>) {
        let Some(config) = &self.config().metrics else { return };
        if config.textfile.as_os_str().is_empty() {
            return;
        }
        let path = self.loaded.resolve(&config.textfile);
        let written = match metrics::render(self, store, answer).await {
            Ok(text) => metrics::write(&path, &text).map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "metrics could not be written");
        }
    }
}
