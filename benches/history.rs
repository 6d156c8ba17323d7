//! What a long history costs: `cargo bench --bench history`. One run of 100,000 additions; then a year of nights with
//! 20,000 people, of whom 100 join, leave or change every night, and how fast `status`, `runs` and `history` answer
//! afterwards. Other numbers: `-- ADDITIONS PEOPLE NIGHTS`. It is the program that runs, against the simulated gateway.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _, stdout};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rosterd::clock::{Clock as _, SystemClock};
use serde_json::Value;
use tempfile::TempDir;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rosterd");
/// What changes in a night: so many join, as many leave, and the rest get another position.
const JOIN: u64 = 20;
const CHANGES: u64 = 100;
const DEPARTMENTS: u64 = 40;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let count = |at: usize, usual: u64| args.get(at).map_or(Ok(usual), |text| text.parse());
    let (additions, people, nights) = (count(0, 100_000)?, count(1, 20_000)?, count(2, 365)?);

    let world = World::new()?;
    world.roster(0, additions)?;
    let first = world.sync()?;
    say(&format!("{additions} additions in one run: {}; the database has {}", first.text(), world.size()?))?;
    drop(world);

    let world = World::new()?;
    world.roster(0, people)?;
    say(&format!("{people} additions: {}", world.sync()?.text()))?;
    let mut month = Vec::new();
    for night in 1..=nights {
        world.roster(night, people)?;
        month.push(world.sync()?);
        if night % 30 == 0 || night == nights {
            month.sort_by_key(|run| run.took);
            let usual = &month[month.len() / 2];
            say(&format!("night {night}: {}; the database has {}", usual.text(), world.size()?))?;
            month.clear();
        }
    }
    let somebody = format!("{:06}", nights * JOIN + 7);
    for command in [&["status"][..], &["runs"], &["history", &somebody], &["audit", "verify"]] {
        let clock = SystemClock::new();
        let output = world.run(command)?;
        let took = clock.monotonic();
        say(&format!("{}: {} ms, {} lines", command.join(" "), took.as_millis(), output.lines().count()))?;
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(stdout().lock(), "{line}")?)
}

/// One run: how long the program took, and what it says it sent.
struct Run {
    took: Duration,
    mutations: u64,
}

impl Run {
    fn text(&self) -> String {
        let each = self.took.as_micros() as f64 / 1000.0 / self.mutations.max(1) as f64;
        let seconds = self.took.as_secs_f64();
        format!("{seconds:.1} s, {} calls, {each:.2} ms for each", self.mutations)
    }
}

/// A folder with a configuration and a roster, and a gateway in a process of its own.
struct World {
    folder: TempDir,
    gateway: Child,
}

impl World {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let groups: String = (0..DEPARTMENTS).map(|n| format!("/总公司/部门{n}\n")).collect();
        fs::write(folder.path().join("groups"), groups)?;
        let mut gateway = Command::new(PROGRAM)
            .args(["gateway", "--listen", "127.0.0.1:0", "--key", "secret", "--groups", "groups"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let said = gateway.stdout.take().ok_or("the gateway says nothing")?;
        let _ = BufReader::new(said).read_line(&mut url)?;
        let off = [
            "max_left_percent",
            "max_missing_percent",
            "max_deletes_24h",
            "max_deletes_7d",
            "max_change_percent",
        ];
        let guards: Vec<_> = off.iter().map(|guard| format!("{guard} = \"off\"")).collect();
        let settings = format!(
            "[roster]\npath = \"staff.csv\"\nsettle = \"0s\"\n[state]\npath = \"rosterd.db\"\n[[target]]\nname = \"hq\"\n\
             url = \"{}\"\nkey = \"env:KEY\"\nmax_duration = \"off\"\nlook = \"never\"\n[target.guard]\n{}\n",
            url.trim(),
            guards.join("\n")
        );
        fs::write(folder.path().join("rosterd.toml"), settings)?;
        Ok(Self { folder, gateway })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The roster of a night: the people move on by those who join, and some positions change.
    fn roster(&self, night: u64, people: u64) -> Result<()> {
        let mut text = String::from("工号,姓名,部门,岗位,手机,状态\n");
        let changed = night * (CHANGES - 2 * JOIN);
        for n in night * JOIN..night * JOIN + people {
            // A border goes round among the people: whom it passes gets another position.
            let rounds = (changed + people - 1 - n % people) / people;
            writeln!(text, "{n:06},员工{n},/总公司/部门{},岗位{rounds},13{n:09},在职", n % DEPARTMENTS)?;
        }
        Ok(fs::write(self.path("staff.csv"), text)?)
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(PROGRAM);
        let command = command.current_dir(self.folder.path()).env("KEY", "secret");
        let output = command.args(["--config", "rosterd.toml", "--lang", "en"]).args(args).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stdout).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn sync(&self) -> Result<Run> {
        let clock = SystemClock::new();
        let report: Value = serde_json::from_str(&self.run(&["sync", "--output", "json"])?)?;
        let mutations =
            report["targets"][0]["calls"]["mutations"].as_u64().ok_or("no calls in the report")?;
        Ok(Run { took: clock.monotonic(), mutations })
    }

    /// The database with its log.
    fn size(&self) -> Result<String> {
        let size = |name: &str| fs::metadata(self.path(name)).map_or(0, |file| file.len());
        Ok(format!("{:.1} MB", (size("rosterd.db") + size("rosterd.db-wal")) as f64 / 1e6))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.gateway.kill();
        let _ = self.gateway.wait();
    }
}
