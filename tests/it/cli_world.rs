//! A sealed world for tests of the program: a folder with a configuration and a roster, an empty environment, and a
//! look at exit code, stdout and stderr.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// What a command answered.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// The one JSON object on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Fails the test unless the code is this one.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
}

/// The folder.
pub struct World {
    folder: TempDir,
}

/// The header of the rosters here.
const HEADER: &str = "工号,姓名,部门,岗位,手机,状态\n";

impl World {
    /// A world whose only target is the simulated gateway, with these lines added to its settings.
    pub fn new(target: &str) -> Self {
        Self::with("", target)
    }

    /// The same with these lines added to the settings of the roster, too.
    pub fn with(roster: &str, target: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let config = format!(
            "[roster]\npath = \"hr\"\nsettle = \"0s\"\n{roster}[state]\npath = \"state/rosterd.db\"\n\
             [audit]\nheads_file = \"state/heads\"\n[[target]]\nname = \"hq\"\nurl = \"embedded\"\n{target}"
        );
        world.write("rosterd.toml", &config);
        std::fs::create_dir(world.path("state")).unwrap();
        world
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the roster `hr/staff.csv`.
    pub fn roster(&self, rows: &[&str]) {
        let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
        self.write("hr/staff.csv", &format!("{HEADER}{rows}"));
    }

    /// Runs the program here, in English. An answer that nobody looks at is a mistake in the test.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[])
    }

    /// Runs the program here with these variables.
    pub fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        let mut command = Command::new(crate::program::path());
        command.env_clear().current_dir(self.folder.path()).args(["--config", "rosterd.toml"]).args(args);
        let output = command.envs(env.iter().copied()).output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.path("state/rosterd.db")
    }

    /// Replaces what differs from run to run, so that the columns of a snapshot stay readable.
    pub fn settings(&self) -> insta::Settings {
        let mut settings = insta::Settings::clone_current();
        let folder = self.folder.path().to_string_lossy().into_owned();
        settings.add_filter(&folder, "[FOLDER]");
        settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[MOMENT-OF-A-RUN...]");
        settings.add_filter(r"\d{4}-\d\d-\d\d", "[THE-DAY-]");
        settings.add_filter(r"\b\d+\.\d s\b", "[TIME]");
        settings.add_filter(r"\b[0-9a-f]{64}\b", "[DIGEST]");
        settings.add_filter(r"by (root|uid \d+|\w+), planned", "by [USER], planned");
        settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots"));
        settings
    }
}
