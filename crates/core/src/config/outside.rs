//! `[heartbeat]`, `[hooks]` and `[metrics]`: what a run tells the programs and machines around it. What is done with
//! these settings lives beside the runs; addresses are read then.

use std::path::PathBuf;
use std::time::Duration;

use rust_i18n::t;
use serde::{Deserialize, Serialize};

use super::Span;
use crate::secret::SecretRef;

/// `[heartbeat]`: who waits for signs of life, so that silence is noticed elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeartbeatConfig {
    /// The address to call, which is a secret: whoever knows it can say that all is well. Must be given.
    pub url: Option<SecretRef>,
    /// Whose form it has.
    pub kind: HeartbeatKind,
}

/// Forms of heartbeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeartbeatKind {
    /// healthchecks.io and its likes: the address itself, `/start`, `/fail` and `/EXIT` behind it.
    #[default]
    Healthchecks,
    /// A push monitor of Uptime Kuma: `?status=up|down&msg=`.
    UptimeKuma,
}

/// `[hooks]`: programs that are run around what a run sends. Each is a program and its arguments; no shell reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HooksConfig {
    /// Gets the plan as JSON before the first change; anything but 0 holds the run. Empty: none.
    pub before_apply: Vec<String>,
    /// Gets the report as JSON after a confirmed commit. Empty: none.
    pub after_commit: Vec<String>,
    /// How long each may take; then its whole process group is killed.
    pub timeout: Span,
}

impl Default for HooksConfig {
    fn default() -> Self {
        Self { before_apply: Vec::new(), after_commit: Vec::new(), timeout: Span::seconds(30) }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// The file for node_exporter's textfile collector, written anew after each run; empty: none.
    pub textfile: PathBuf,
}

impl HeartbeatConfig {
    /// What is wrong with it: key and words.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let missing = self.url.is_none().then(|| ("url", t!("config.heartbeat_url").into_owned()));
        missing.into_iter().collect()
    }
}

impl HooksConfig {
    /// What is wrong with it: key and words.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (key, command) in [("before_apply", &self.before_apply), ("after_commit", &self.after_commit)] {
            if command.first().is_some_and(|program| !program.contains('/')) {
                problems.push((key, t!("config.hook_path").into_owned()));
            }
        }
        if self.timeout.as_duration() < Duration::from_secs(1) {
            problems.push(("timeout", t!("config.hook_timeout").into_owned()));
        }
        problems
    }
}

impl MetricsConfig {
    /// What is wrong with it: key and words.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let named =
            self.textfile.as_os_str().is_empty() || self.textfile.extension() == Some("prom".as_ref());
        let wrong = (!named).then(|| ("textfile", t!("config.textfile").into_owned()));
        wrong.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said_by_key() {
        let hooks = |program: &str, seconds| HooksConfig {
            before_apply: vec![program.into(), "-v".into()],
            timeout: Span::seconds(seconds),
            ..HooksConfig::default()
        };
        let keys =
            |problems: Vec<(&'static str, String)>| problems.into_iter().map(|p| p.0).collect::<Vec<_>>();
        assert_eq!(keys(hooks("/usr/bin/check", 30).problems()), [""; 0]);
        assert_eq!(keys(hooks("hooks/check", 30).problems()), [""; 0]);
        assert_eq!(keys(hooks("check", 0).problems()), ["before_apply", "timeout"]);
        assert_eq!(keys(HeartbeatConfig::default().problems()), ["url"]);
        let textfile = |path: &str| keys(MetricsConfig { textfile: path.into() }.problems());
        assert_eq!((textfile("/x/rosterd.prom"), textfile("")), (vec![], vec![]));
        assert_eq!(textfile("/x/rosterd.txt"), ["textfile"]);
    }
}
