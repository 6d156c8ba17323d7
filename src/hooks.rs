//! `[hooks]`: programs around what a run sends. They are run without a shell, with a bare environment, in a process group
//! of their own that ends with them. Before a change one can hold the run; after the commit its outcome is only recorded.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::config::{Env, HooksConfig, check_program};
use crate::report::SyncReport;
use crate::report::words::hook_ended;

/// What the environment of a hook is taken over from ours: nothing that could be a key.
const TAKEN_OVER: [&str; 5] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ"];
/// How much of what a hook says on standard error is kept.
const MAX_SAID: u64 = 2048;

/// How a hook ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Its exit code; `None`: it was killed, or could not be started.
    pub code: Option<i32>,
    /// It ran longer than it may.
    pub late: bool,
    /// The first line that it said on standard error, or why it could not be run.
    pub said: String,
}

impl Ended {
    /// Whether it ended with 0.
    pub fn is_good(&self) -> bool {
        self.code == Some(0) && !self.late
    }

    fn unable(why: impl Into<String>) -> Self {
        Self { code: None, late: false, said: why.into() }
    }

    /// In words.
    pub fn words(&self) -> String {
        hook_ended(self.late, self.code, &self.said)
    }
}

/// Whoever is asked before the first change of a run.
pub trait Gate: Sync {
    /// How the one asked ended; `None` if nobody is asked. `plan` has phones masked.
    fn ask<'a>(&'a self, plan: &'a SyncReport) -> BoxFuture<'a, Option<Ended>>;
}

/// The hooks of a configuration.
#[derive(Debug)]
pub struct Hooks<'a> {
    config: &'a HooksConfig,
    base: &'a Path,
    env: &'a Env,
}

impl<'a> Hooks<'a> {
    /// `base` is the configuration's folder.
    pub const fn new(config: &'a HooksConfig, base: &'a Path, env: &'a Env) -> Self {
        Self { config, base, env }
    }

    /// The programs, each with whether it may be run, for `doctor`.
    pub fn programs(&self) -> Vec<(PathBuf, Result<(), String>)> {
        let commands = [&self.config.before_apply, &self.config.after_commit];
        let programs = commands.into_iter().filter_map(|command| Some(self.base.join(command.first()?)));
        programs.map(|path| (path.clone(), check_program(&path).map_err(|e| e.to_string()))).collect()
    }

    /// Tells the hook after the commit; `None` if there is none.
    pub async fn after_commit(&self, report: &SyncReport) -> Option<Ended> {
        self.call(&self.config.after_commit, report).await
    }

    async fn call(&self, command: &[String], input: &SyncReport) -> Option<Ended> {
        let (program, arguments) = command.split_first()?;
        let program = self.base.join(program);
        // Whoever can change the program decides what rosterd does, as with a key.
        if let Err(error) = check_program(&program) {
            return Some(Ended::unable(error.to_string()));
        }
        let input = match serde_json::to_vec(input) {
            Ok(input) => input,
            Err(error) => return Some(Ended::unable(error.to_string())),
        };
        let mut command = Command::new(&program);
        command.args(arguments).env_clear().current_dir(self.base).process_group(0).kill_on_drop(true);
        command.envs(TAKEN_OVER.into_iter().filter_map(|name| Some((name, self.env.get(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        Some(match command.spawn() {
            Ok(child) => attend(child, input, self.config.timeout.as_duration()).await,
            Err(error) => Ended::unable(format!("{}: {error}", program.display())),
        })
    }
}

impl Gate for Hooks<'_> {
    fn ask<'a>(&'a self, plan: &'a SyncReport) -> BoxFuture<'a, Option<Ended>> {
        Box::pin(self.call(&self.config.before_apply, plan))
    }
}

/// Feeds a program, waits for it, and ends whatever it left in its process group.
async fn attend(mut child: Child, input: Vec<u8>, limit: Duration) -> Ended {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let feeding = async {
        if let Some(mut stdin) = stdin {
            // A hook that reads nothing is no trouble: its exit code is what counts.
            let _ = stdin.write_all(&input).await;
        }
    };
    let listening = async {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = (&mut stderr).take(MAX_SAID).read_to_end(&mut said).await;
            // The rest is read all the same: a full pipe would stop the program.
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
        said
    };
    let waiting = async {
        let ended = tokio::time::timeout(limit, child.wait()).await;
        if let Some(group) = group {
            // Also after a good end: what the program left behind would keep our pipes open. That nobody is left is
            // the usual answer.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        match ended {
            Ok(ended) => (ended, false),
            Err(_) => (child.wait().await, true),
        }
    };
    let ((), said, (ended, late)) = tokio::join!(feeding, listening, waiting);
    let code = ended.as_ref().ok().and_then(ExitStatus::code);
    let said = String::from_utf8_lossy(&said);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    Ended { code, late, said: said.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::{Value, json};

    use super::*;
    use crate::config::Span;

    struct World {
        folder: tempfile::TempDir,
        config: HooksConfig,
        env: Env,
    }

    impl World {
        /// A hook with this script.
        fn with(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("hook");
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
            let before_apply = vec!["./hook".to_owned(), "one; two".to_owned()];
            let config = HooksConfig { before_apply, timeout: Span::seconds(20), ..HooksConfig::default() };
            let env = Env::from_iter([("PATH", "/usr/bin:/bin"), ("SANGFOR_KEY", "geheim")]);
            Self { folder, config, env }
        }

        fn file(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        async fn ask(&self) -> Ended {
            let report: SyncReport = serde_json::from_value(json!({
                "version": 1, "dry_run": false, "as_of": "2026-11-27", "targets": [],
                "roster": { "sources": [], "rows": 7, "accepted": 7, "refused": 0, "digest": "" },
            }))
            .unwrap();
            Hooks::new(&self.config, self.folder.path(), &self.env).ask(&report).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_hook_gets_json_its_arguments_and_no_key() {
        let world = World::with(r#"cat >input; printf '%s|%s' "$1" "$SANGFOR_KEY" >seen"#);
        let ended = world.ask().await;
        assert_eq!(ended, Ended { code: Some(0), late: false, said: String::new() });
        assert!(ended.is_good());
        let input: Value = serde_json::from_slice(&std::fs::read(world.file("input")).unwrap()).unwrap();
        assert_eq!((&input["version"], &input["roster"]["rows"]), (&json!(1), &json!(7)));
        assert_eq!(std::fs::read_to_string(world.file("seen")).unwrap(), "one; two|", "no shell splits it");
    }

    #[tokio::test]
    async fn another_exit_code_is_told_with_what_the_hook_said() {
        let world = World::with("echo ignored; echo >&2; echo 'too many on a Friday' >&2; exit 3");
        let ended = world.ask().await;
        assert_eq!(ended, Ended { code: Some(3), late: false, said: "too many on a Friday".into() });
        assert_eq!(ended.words(), "exit code 3: too many on a Friday");
    }

    #[tokio::test]
    async fn at_the_limit_the_whole_group_is_killed() {
        let mut world = World::with("sleep 600 & echo $! >child; echo started >&2; wait");
        world.config.timeout = Span::seconds(1);
        let ended = world.ask().await;
        assert_eq!(ended, Ended { code: None, late: true, said: "started".into() });
        assert!(!ended.is_good());
        assert!(is_gone(&world.file("child")));
    }

    #[tokio::test]
    async fn what_a_good_hook_leaves_behind_ends_with_it() {
        let world = World::with("sleep 600 & echo $! >child");
        assert!(world.ask().await.is_good());
        assert!(is_gone(&world.file("child")));
    }

    /// A killed process is gone, or waits for its parent to notice.
    fn is_gone(pid: &Path) -> bool {
        let pid = std::fs::read_to_string(pid).unwrap();
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        // Its files are closed a moment before it counts as dead.
        (0..1_000_000).any(|_| {
            std::thread::yield_now();
            stat().map_or(true, |stat| {
                stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
            })
        })
    }

    #[tokio::test]
    async fn a_program_that_others_may_write_is_not_run() {
        let world = World::with("echo >ran");
        std::fs::set_permissions(world.file("hook"), PermissionsExt::from_mode(0o757)).unwrap();
        let ended = world.ask().await;
        assert!(!ended.is_good() && ended.code.is_none(), "{ended:?}");
        assert!(!world.file("ran").exists());
        std::fs::set_permissions(world.file("hook"), PermissionsExt::from_mode(0o644)).unwrap();
        assert!(world.ask().await.said.contains("hook"), "it cannot be run");
        std::fs::remove_file(world.file("hook")).unwrap();
        assert!(!world.ask().await.is_good());
    }

    #[tokio::test]
    async fn a_hook_that_reads_nothing_and_one_that_says_much_end_all_the_same() {
        assert!(World::with("exit 0").ask().await.is_good());
        let ended = World::with("head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; exit 4").ask().await;
        assert_eq!((ended.code, ended.said.len() as u64), (Some(4), MAX_SAID));
    }
}
