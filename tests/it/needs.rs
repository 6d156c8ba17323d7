//! The programs of others that some tests need. A newcomer has not got all of them: those tests are then left out, and
//! the last thing that `cargo test` runs says which and why (`crates/words/tests/left_out.rs`). Where `CI=true` nothing
//! may be left out.

use std::path::PathBuf;
use std::process::Command;

/// A program that a test needs.
pub struct Needed {
    pub program: &'static str,
    /// The Debian package that holds it.
    pub package: &'static str,
    /// Which tests are left out without it.
    pub tests: &'static str,
    /// Arguments with which it succeeds where it may do its work; none: that it is there is enough.
    try_with: &'static [&'static str],
}

/// A real directory server.
pub const SLAPD: Needed = Needed {
    program: "slapd",
    package: "slapd",
    tests: "a directory server as a source of the roster",
    try_with: &[],
};

/// Shows what a process asks of the system, and in which order. In some containers it is there and may not.
pub const STRACE: Needed = Needed {
    program: "strace",
    package: "strace",
    tests: "each call is on disk before it is sent",
    try_with: &["-f", "-o", "/dev/null", "true"],
};

/// All of them.
pub const ALL: [&Needed; 2] = [&SLAPD, &STRACE];

impl Needed {
    /// Where the program is, if it is installed and works.
    fn find(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let system = ["/usr/sbin", "/usr/lib/openldap", "/usr/libexec"].map(PathBuf::from);
        let folders = std::env::split_paths(&path).chain(system);
        let found = folders.map(|folder| folder.join(self.program)).find(|file| file.is_file())?;
        let works = self.try_with.is_empty()
            || Command::new(&found).args(self.try_with).output().is_ok_and(|output| output.status.success());
        works.then_some(found)
    }

    /// What is to be said where it is missing.
    pub fn missing(&self) -> String {
        let Self { program, package, tests, .. } = self;
        format!("left out: {tests}; {program} is not here, or may not work here (apt-get install {package})")
    }

    /// The program, for a test that is left out without it.
    pub fn or_leave_out(&self) -> Option<PathBuf> {
        assert!(ALL.iter().any(|one| one.program == self.program), "{} is not told of", self.program);
        let found = self.find();
        assert!(found.is_some() || !is_ci(), "{}", self.missing());
        found
    }
}

/// Whether nothing may be left out.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}
