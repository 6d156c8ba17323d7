//! The program and `rosterd gateway` as two processes, for tests that kill, starve and interrupt the first of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "a key for tests";
const HEADER: &str = "工号,姓名,部门,岗位,手机,状态\n";
/// Guards that a company of a few people, of which many leave, would trip.
const OFF: &[&str] = &[
    "max_missing",
    "max_missing_percent",
    "max_left_percent",
    "max_change_percent",
    "max_shrink_percent",
    "max_fill_drop_percent",
    "max_department_loss_percent",
    "max_deletes_24h",
    "max_deletes_7d",
    "max_failed_percent",
    "first_contact",
    "replayed_roster",
];

/// User name → note and group.
pub type Layer = BTreeMap<String, (String, String)>;

/// A process that is gone when the test is.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

/// The program with nothing in its environment but the key.
pub fn program() -> Command {
    let mut command = Command::new(crate::program::path());
    command.env_clear().env("ROSTERD_TEST_KEY", KEY).env("LANG", "C");
    command
}

#[expect(clippy::disallowed_methods, reason = "the moment of a kill is a moment of the real clock")]
pub fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

/// A folder with a configuration, a database and a roster, and a gateway beside it.
pub struct World {
    folder: TempDir,
    url: String,
    dialect: String,
    gateway: Option<Running>,
    chance: u64,
}

impl World {
    /// A world with a gateway that was given these arguments too, and a target with these settings too.
    pub fn new(dialect: &str, gateway: &[&str], target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("groups"), "/总公司\n/总公司/销售部\n/总公司/研发部\n").unwrap();
        std::fs::create_dir(path.join("hr")).unwrap();
        let mut world =
            Self { folder, url: String::new(), dialect: dialect.into(), gateway: None, chance: 0x9E37_79B9 };
        world.start_gateway("127.0.0.1:0", gateway);
        let url = world.url.clone();
        world.configure(&url, target);
        world
    }

    /// A world whose gateway is somebody else at this address.
    pub fn before(url: &str, target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("hr")).unwrap();
        let world =
            Self { folder, url: url.into(), dialect: "updater-cloud".into(), gateway: None, chance: 1 };
        world.configure(url, target);
        world
    }

    fn configure(&self, url: &str, target: &str) {
        let off: String = OFF.iter().map(|guard| format!("{guard} = \"off\"\n")).collect();
        let config = format!(
            "[roster]\npath = \"hr\"\nsettle = \"0s\"\n[state]\npath = \"rosterd.db\"\n\
             [audit]\nheads_file = \"heads\"\n[[target]]\nname = \"hq\"\nurl = \"{url}\"\ndialect = \"{}\"\n\
             key = \"env:ROSTERD_TEST_KEY\"\n{target}\n[target.guard]\n{off}",
            self.dialect
        );
        std::fs::write(self.path("rosterd.toml"), config).unwrap();
    }

    fn start_gateway(&mut self, listen: &str, arguments: &[&str]) {
        let mut child = program()
            .args(["gateway", "--listen", listen, "--dialect", &self.dialect, "--data", "device.json"])
            .args(["--key", "env:ROSTERD_TEST_KEY", "--groups", "groups"])
            .args(arguments)
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim().clone_into(&mut self.url);
        self.gateway = Some(Running(child));
    }

    /// The same gateway, started anew with other arguments.
    pub fn restart_gateway(&mut self, arguments: &[&str]) {
        let address = self.url.trim_start_matches("http://").to_owned();
        let old = self.gateway.take().unwrap();
        old.signal(rustix::process::Signal::TERM);
        let mut old = old;
        old.0.wait().unwrap();
        self.start_gateway(&address, arguments);
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A number below `below`; the same ones in every test run.
    pub fn chance(&mut self, below: u64) -> u64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % below
    }

    /// Another export of so many people: some have moved, some have left. Returns what the gateway must hold.
    pub fn roster(&self, people: u64, round: u64) -> Layer {
        let mut text = HEADER.to_owned();
        let mut wanted = BTreeMap::new();
        for number in 0..people {
            let id = 10_000 + number;
            let department = if (round + number).is_multiple_of(3) { "研发部" } else { "销售部" };
            let left = round > 0 && (round + number).is_multiple_of(7);
            let post = format!("岗{}", (round * 5 + number) % 4);
            let status = if left { "离职" } else { "在职" };
            text += &format!("{id},员工{number},总公司/{department},{post},13800138000,{status}\n");
            if !left {
                wanted.insert(
                    id.to_string(),
                    (format!("员工{number}-{post}"), format!("/总公司/{department}")),
                );
            }
        }
        std::fs::write(self.path("hr/staff.csv"), text).unwrap();
        wanted
    }

    /// A sync, not started yet.
    pub fn sync(&self) -> Command {
        let mut command = program();
        command.current_dir(self.folder.path());
        command.args(["--config", "rosterd.toml", "sync", "--output", "json"]);
        command
    }

    /// A sync, to its end.
    pub fn whole_run(&self) -> (i32, Value) {
        answer(&mut self.sync())
    }

    /// What the gateway holds and was asked.
    pub fn state(&self) -> Value {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        stream.write_all(b"GET /__state HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let body = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        serde_json::from_slice(&answer[body..]).unwrap()
    }

    /// Both layers are what they must be, and the next run sends nothing.
    pub fn is_settled(&self, wanted: &Layer, note: &str) {
        let state = self.state();
        assert_eq!(layer(&state, "database"), *wanted, "{note}");
        assert_eq!(layer(&state, "effective"), *wanted, "{note}");
        let (code, report) = self.whole_run();
        let target = &report["targets"][0];
        assert_eq!((code, &target["outcome"]), (0, &"no_changes".into()), "{note}: {report:#}");
        assert_eq!((&target["calls"]["mutations"], &target["calls"]["commits"]), (&0.into(), &0.into()));
    }

    /// The database is whole, the chain of the audit trail too, and no run sent two commits.
    pub async fn books_are_right(&self) {
        let mut verify = program();
        verify.current_dir(self.folder()).args(["--config", "rosterd.toml", "audit", "verify"]);
        let verified = verify.output().unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
        let store = rosterd::store::Store::open(&self.path("rosterd.db")).await.unwrap();
        assert!(store.is_whole().await.unwrap());
        assert!(self.number(&store, MOST_COMMITS).await <= 1, "two commits in one run");
    }

    /// The number that a query gives.
    pub async fn number(&self, store: &rosterd::store::Store, sql: &'static str) -> i64 {
        store
            .read("test", |c| Box::pin(async move { Ok(sqlx::query_scalar(sql).fetch_one(c).await?) }))
            .await
            .unwrap()
    }
}

const MOST_COMMITS: &str =
    "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM calls WHERE kind = 'commit' GROUP BY run)";

/// Runs a sync to its end: exit code and report.
pub fn answer(command: &mut Command) -> (i32, Value) {
    let output = command.output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// A layer of the gateway.
pub fn layer(state: &Value, name: &str) -> Layer {
    let users = state[name]["users"].as_object().unwrap_or_else(|| panic!("no {name}: {state}"));
    let text = |user: &Value, field: &str| user[field].as_str().unwrap_or_default().to_owned();
    users.iter().map(|(name, user)| (name.clone(), (text(user, "note"), text(user, "group")))).collect()
}
