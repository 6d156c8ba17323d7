//! What people see of the command line itself: help in both languages, completions, manual, and wrong usage.

use assert_cmd::Command;

/// The program in an empty environment: no locale, no colours, nothing of the machine.
fn rosterd(args: &[&str]) -> Command {
    let mut command = Command::new(crate::program::path());
    command.env_clear().args(args);
    command
}

fn stdout(args: &[&str]) -> String {
    let output = rosterd(args).assert().success().get_output().clone();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_lists_every_command_in_both_languages() {
    insta::assert_snapshot!("help_en", stdout(&["--help"]));
    insta::assert_snapshot!("help_zh", stdout(&["--help", "--lang", "zh"]));
    insta::assert_snapshot!("help_sync_en", stdout(&["sync", "--help"]));
    insta::assert_snapshot!("help_sync_zh", stdout(&["--lang=zh", "sync", "-h"]));
}

#[test]
fn the_locale_chooses_the_language_and_the_option_wins() {
    let chinese = |locale: &str, args: &[&str]| {
        let output = rosterd(args).env("LC_ALL", locale).assert().success().get_output().clone();
        String::from_utf8(output.stdout).unwrap().contains("用法")
    };
    assert!(chinese("zh_CN.UTF-8", &["--help"]));
    assert!(!chinese("C", &["--help"]));
    assert!(!chinese("zh_CN.UTF-8", &["--help", "--lang", "en"]));
    assert!(chinese("en_US.UTF-8", &["--help", "--lang", "zh"]));
}

#[test]
fn wrong_usage_exits_two_and_says_what_is_missing() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["frobnicate"], "frobnicate"),
        (&["sync", "--allow-guard", "max_missing"], "--reason"),
        (&["sync", "--authoritative"], "--roster"),
        (&["sync", "--plan", "p.json", "--only", "10023"], "--only"),
        (&["approve", "7"], "--reason"),
        (&["approve", "7", "--reason", "  "], "say why"),
        (&["approve", "7", "--reason", "x", "--expires", "soon"], "soon"),
        (&["target", "accept", "hq"], "--reason"),
        (&["sync", "--only", " "], "empty"),
        (&["sync", "--output", "xml"], "json"),
        (&["gateway", "--key", "k", "--dialect", "telnet"], "updater-cloud, openapi"),
        (&["audit", "export", "--since", "yesterday"], "yesterday"),
        (&["status", "-v", "-q"], "--quiet"),
    ];
    for (args, said) in cases {
        rosterd(args).assert().code(2).stderr(predicates::str::contains(*said)).stdout("");
    }
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(stdout(&["completions", shell]).contains("allow-guard"), "{shell}");
    }
}

#[test]
fn the_manual_has_a_page_per_command() {
    assert!(stdout(&["man"]).contains(".TH rosterd 1"));
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().to_str().unwrap();
    stdout(&["man", "--dir", into]);
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(page("rosterd-sync.1").contains("allow\\-guard"));
    assert!(page("rosterd-audit-verify.1").contains("heads"));
    assert!(page("rosterd.1").contains("rosterd\\-sync(1)"));
}

#[test]
fn the_version_is_the_package_version() {
    assert_eq!(stdout(&["--version"]), concat!("rosterd ", env!("CARGO_PKG_VERSION"), "\n"));
}
