//! `rosterd doctor`: named checks, each with a verdict, a text and what to do. They read and look, and change nothing: no
//! call that changes a gateway, no row in the database. What is here puts the checks in order; `local` looks at this
//! machine, `network` at the way to the device, `certificate` at what it presents, `device` asks it, `outside` looks at who is told of
//! runs, `work` weighs what the
//! next plan would need.

mod certificate;
mod device;
mod local;
mod network;
mod outside;
mod work;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::app::App;
use crate::config::TargetConfig;
use crate::gateway::client::EMBEDDED;
use crate::model::TargetName;
use crate::secret::SecretRef;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Good.
    Ok,
    /// Could not be made, because an earlier one failed or nothing is known.
    Skipped,
    /// Works, and deserves a look.
    Warn,
    /// A sync would fail.
    Fail,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's stable name.
    pub check: &'static str,
    /// The target, where it concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// How it ended.
    pub status: Mark,
    /// The verdict as a stable word.
    pub verdict: &'static str,
    /// What was found, in words.
    pub message: String,
    /// What to do; empty when nothing is.
    pub next: String,
    /// Lines for the configuration, if some would help.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// Facts, for people who asked and for scripts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<&'static str, String>,
}

impl Finding {
    fn new(check: &'static str, status: Mark, verdict: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            target: None,
            status,
            verdict,
            message: message.into(),
            next: String::new(),
            settings: Vec::new(),
            facts: BTreeMap::new(),
        }
    }

    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Mark::Ok, "ok", message)
    }

    fn next(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }

    fn settings(self, text: &str) -> Self {
        Self { settings: text.lines().map(str::to_owned).collect(), ..self }
    }
}

/// A configuration that cannot be used: the only check there is then.
pub fn no_configuration(message: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding::new("configuration", Mark::Fail, "unusable", message).next(next)
}

/// Makes all checks, for these targets or for all; with `key`, as if they were configured with that one.
pub async fn examine(app: &App, targets: &[TargetName], key: Option<&SecretRef>) -> Vec<Finding> {
    let mut found = local::configuration(app);
    let (store, finding) = local::database(app).await;
    found.push(finding);
    let (reading, finding) = local::roster(app).await;
    found.push(finding);
    found.extend(outside::examine(app).await);
    let wanted = |target: &&TargetConfig| targets.is_empty() || targets.contains(&target.name);
    for target in app.config().target.iter().filter(wanted) {
        let target = &TargetConfig { key: key.or(target.key.as_ref()).cloned(), ..target.clone() };
        let mut of_target = local::key(app, target);
        let plan = match (&store, &reading) {
            (Some(store), Some(reading)) => work::plan(app, target, store, &reading.roster).await,
            _ => None,
        };
        let way = match target.url.as_str() {
            EMBEDDED => Vec::new(),
            _ => network::examine(target, app.now()).await,
        };
        let reachable = way.iter().all(|finding| finding.status != Mark::Fail);
        of_target.extend(way);
        if reachable {
            of_target.extend(device::examine(app, target, plan.as_ref()).await);
        }
        of_target.extend(work::pace(target, plan.as_ref()));
        found.extend(of_target.into_iter().map(|f| Finding { target: Some(target.name.clone()), ..f }));
    }
    found
}
