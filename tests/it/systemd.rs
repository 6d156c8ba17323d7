//! The shipped units: both equally hardened, complete, and as good as `systemd-analyze` says where it is installed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

const UNITS: [&str; 2] = ["rosterd.service", "rosterd-sync.service"];

fn path(unit: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("systemd").join(unit)
}

/// The settings of the `[Service]` section; several of a name are joined.
fn service(unit: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path(unit)).unwrap();
    let (_, rest) = text.split_once("[Service]").unwrap();
    let section = rest.split("\n[").next().unwrap();
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for line in section.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        let entry = settings.entry(key.to_owned()).or_default();
        entry.push_str(value);
        entry.push('\n');
    }
    settings
}

#[test]
fn both_units_are_hardened_alike() {
    let own = [
        "Type",
        "NotifyAccess",
        "ExecStart",
        "ExecReload",
        "WatchdogSec",
        "TimeoutStartSec",
        "Restart",
        "RestartSec",
        "RestartPreventExitStatus",
        "SuccessExitStatus",
    ];
    let strip = |unit: &str| {
        let mut settings = service(unit);
        settings.retain(|key, _| !own.contains(&key.as_str()));
        settings
    };
    let (daemon, once) = (strip(UNITS[0]), strip(UNITS[1]));
    assert_eq!(daemon, once);
    assert!(daemon.len() > 40);
}

/// The score does not move when one of these goes, so that it cannot guard them.
#[test]
fn what_the_score_does_not_see_is_there() {
    for unit in UNITS {
        let settings = service(unit);
        for (key, value) in [
            ("ProtectSystem", "strict"),
            ("UMask", "0077"),
            ("ProcSubset", "pid"),
            ("MemoryDenyWriteExecute", "yes"),
            ("LimitCORE", "0"),
            ("NoExecPaths", "/ /var/lib/rosterd /run/rosterd /tmp /var/tmp /dev/shm"),
            ("StateDirectoryMode", "0700"),
            ("User", "rosterd"),
        ] {
            assert_eq!(settings.get(key).map(|v| v.trim_end()), Some(value), "{unit}: {key}");
        }
        // What the program was seen to need: the lock of a target, a socket's mode, memory of SQLite's log.
        let calls = &settings["SystemCallFilter"];
        for call in ["flock", "ioctl", "mremap", "prctl", "prlimit64", "clone3"] {
            assert!(calls.split_whitespace().any(|word| word == call), "{unit}: {call}");
        }
        // The credential of `config init`, so that the two fit together as they are.
        assert!(settings["LoadCredential"].starts_with("sangfor-key:"));
        assert!(rosterd::config::init(None, None).contains("credential:sangfor-key"));
    }
}

#[test]
fn systemd_finds_nothing_wrong_and_little_exposed() {
    let offline = |unit: &str| {
        Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(path(unit))
            .output()
    };
    for unit in UNITS {
        // Not on every machine that runs the tests.
        let Ok(output) = offline(unit) else { return };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some(overall) = text.lines().find(|line| line.contains("Overall exposure level")) else { return };
        let score = overall.split_whitespace().find_map(|word| word.parse::<f64>().ok()).unwrap();
        assert!(score <= 1.0, "{unit}: {overall}");
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = crate::program::path();
    let names = [UNITS[0], UNITS[1], "rosterd-sync.timer"];
    for unit in names {
        let text = std::fs::read_to_string(path(unit))
            .unwrap()
            .replace("=/usr/bin/rosterd ", &format!("={} ", binary.display()));
        std::fs::write(folder.path().join(unit), text).unwrap();
    }
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(names.map(|unit| folder.path().join(unit)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verify.stderr);
    assert!(verify.status.success() && said.trim().is_empty(), "{said}");
}
