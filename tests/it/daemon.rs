//! The service with the real scheduler, the real clock and real signals.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rosterd::clock::{Clock, SystemClock};
use rosterd::config::{Span, Timetable};
use rosterd::daemon::{self, Done, Ended, Schedule, ServiceManager, Surroundings, TickStore, Wake};
use rosterd::gateway::Dialect;
use rosterd::gateway::embedded::{Furniture, Server, ServerOptions, lock};
use rosterd::secret::Secret;
use rosterd::stop::Stop;
use rosterd::store::StoreError;
use rosterd::store::journal::Trigger;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

#[derive(Default)]
struct Ticks(RefCell<Option<DateTime<Utc>>>);

impl TickStore for Ticks {
    async fn last_tick(&self, _: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(*self.0.borrow())
    }

    async fn note_tick(&self, _: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.0.replace(Some(at));
        Ok(())
    }
}

struct Nobody;

impl ServiceManager for Nobody {
    fn tell(&self, _: &[sd_notify::NotifyState<'_>]) {}

    fn watchdog(&self) -> Option<Duration> {
        None
    }
}

fn every_second() -> Vec<Schedule> {
    let timetable = Timetable::new(&["* * * * * *".to_owned()], chrono_tz::Asia::Shanghai);
    vec![Schedule { name: daemon::SYNC, timetable, jitter: Span::seconds(0) }]
}

/// The worker looks at the timetable by itself only every half minute: what comes sooner, the scheduler woke it for.
#[tokio::test]
async fn a_schedule_of_every_second_ticks_and_jobs_never_overlap() {
    let stop = Stop::new();
    let around = Surroundings {
        clock: SystemClock::new(),
        ticks: Ticks::default(),
        manager: Nobody,
        stop: stop.clone(),
    };
    let (wake, mut woken) = mpsc::channel(16);
    let (running, seen) = (Cell::new(0), RefCell::new(Vec::new()));
    let ended = daemon::run(&every_second(), &around, (wake, &mut woken), async |due| {
        assert_eq!(running.replace(1), 0, "two jobs at once");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        seen.borrow_mut().push(due.planned.unwrap());
        if seen.borrow().len() == 2 {
            stop.ask();
        }
        running.set(0);
        Done { exit_code: 0, summary: String::new(), complete: true }
    })
    .await
    .unwrap();
    assert_eq!(ended, Ended::Stopped);
    let seen = seen.into_inner();
    assert!(seen[0] < seen[1], "{seen:?}");
    assert_eq!(*around.ticks.0.borrow(), Some(seen[1]));
}

#[tokio::test]
async fn signals_mean_what_the_manual_says() {
    let stop = Stop::new();
    let (wake, mut woken) = mpsc::channel(16);
    let listener = daemon::listen(stop.clone(), wake).unwrap();
    let raise = |signal| kill_process(getpid(), signal).unwrap();
    raise(Signal::HUP);
    assert_eq!(woken.recv().await, Some(Wake::Reload));
    raise(Signal::USR1);
    assert_eq!(woken.recv().await, Some(Wake::Now(Trigger::Signal)));
    raise(Signal::TERM);
    stop.when_requested().await;
    assert!(!stop.now());
    raise(Signal::INT);
    stop.when_now().await;
    listener.abort();
}

const KEY: &str = "the-key";

/// A service as systemd would start it: told things through the notification socket.
struct Service {
    process: std::process::Child,
    socket: std::os::unix::net::UnixDatagram,
    folder: tempfile::TempDir,
}

impl Service {
    /// Serves every second; `target` are the lines that say where the gateway is.
    fn start(target: &str, roster: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), target, roster)
    }

    fn settings(target: &str, state: &str) -> String {
        format!(
            "[roster]\npath = \"hr\"\nsettle = \"0s\"\n[[target]]\nname = \"hq\"\n{target}\n\
             [schedule]\ncron = \"* * * * * *\"\n[state]\npath = \"{state}\"\n"
        )
    }

    fn start_in(folder: tempfile::TempDir, target: &str, roster: &str) -> Self {
        std::fs::create_dir(folder.path().join("hr")).unwrap();
        std::fs::write(folder.path().join("r.toml"), Self::settings(target, "state/r.db")).unwrap();
        let address = folder.path().join("notify");
        let socket = std::os::unix::net::UnixDatagram::bind(&address).unwrap();
        // Only so that a broken service fails the test instead of hanging it.
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write_roster(folder.path(), roster);
        let process = Self::command(&folder)
            .arg("run")
            .env("NOTIFY_SOCKET", &address)
            .env("WATCHDOG_USEC", "3000000")
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Self { process, socket, folder }
    }

    fn command(folder: &tempfile::TempDir) -> std::process::Command {
        let mut command = std::process::Command::new(crate::program::path());
        command
            .env("ROSTERD_TEST_KEY", KEY)
            .args(["--lang", "en", "--config"])
            .arg(folder.path().join("r.toml"));
        command
    }

    /// Waits until the service says something with this in it, for a hundred things that it says.
    fn wait_for(&self, part: &str) -> String {
        let mut buffer = [0; 4096];
        let mut heard = String::new();
        for _ in 0..100 {
            let length = match self.socket.recv(&mut buffer) {
                Ok(length) => length,
                // Other tests of this process send signals.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("{part}: {error}"),
            };
            let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if said.contains(part) {
                return said;
            }
            heard.push_str(&said);
        }
        panic!("{part:?} is not in\n{heard}")
    }

    fn terminate(&self) {
        kill_process(rustix::process::Pid::from_child(&self.process), Signal::TERM).unwrap();
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = Self::command(&self.folder).args(arguments).args(["--output", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Already gone when the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write_roster(folder: &std::path::Path, rows: &str) {
    let (written, name) = (folder.join("hr/.written"), folder.join("hr/all.csv"));
    std::fs::write(&written, format!("工号,姓名,部门,状态\n{rows}")).unwrap();
    std::fs::rename(written, name).unwrap();
}

#[test]
fn a_service_follows_the_roster_and_ends_in_order() {
    let mut service = Service::start(
        "url = \"embedded\"",
        "1001,张三,/总公司/销售部,在职\n1002,李四,/总公司/销售部,在职\n",
    );
    service.wait_for("READY=1");
    service.wait_for("2 added");
    service.wait_for("No changes");
    write_roster(
        service.folder.path(),
        "1001,张三,/总公司/研发部,在职\n1003,王五,/总公司/研发部,在职\n1002,李四,/,离职\n",
    );
    service.wait_for("1 added, 1 updated, 1 deleted");
    // In the middle of a job, or right before it: both must be orderly.
    service.wait_for("working");
    service.terminate();
    service.wait_for("STOPPING=1");
    assert!(service.process.wait().unwrap().success());

    let runs = service.json(&["runs"]);
    let runs = runs["runs"].as_array().unwrap_or_else(|| panic!("{runs}")).clone();
    assert!(runs.len() >= 3 && runs.iter().all(|run| run["trigger"] == "schedule"), "{runs:#?}");
    let changed = runs.iter().filter(|run| run["outcome"] == "applied").count();
    assert_eq!(changed, 2, "{runs:#?}");
    // What the service left is the truth: there is nothing to do.
    let plan = service.json(&["plan"]);
    assert_eq!(plan["targets"][0]["outcome"], "no_changes", "{plan}");
    assert_eq!(plan["targets"][0]["counts"]["unchanged"], 2);
}

/// What a service does while its database is not there is lost: it does nothing then, and says why. Settings whose database
/// cannot be opened are not taken over.
#[test]
fn a_service_notices_that_its_database_is_gone_and_keeps_it_where_there_is_no_better() {
    let mut service = Service::start("url = \"embedded\"", "1001,张三,/总公司/销售部,在职\n");
    service.wait_for("No changes");
    let (path, away) = (service.folder.path().join("state/r.db"), service.folder.path().join("state/away"));
    std::fs::rename(&path, &away).unwrap();
    service.wait_for("not the file that was opened");
    std::fs::copy(&away, &path).unwrap();
    service.wait_for("working");
    service.wait_for("not the file that was opened");
    std::fs::rename(&away, &path).unwrap();
    service.wait_for("No changes");

    let unusable = Service::settings("url = \"embedded\"", "r.toml/r.db");
    std::fs::write(service.folder.path().join("r.toml"), unusable).unwrap();
    kill_process(rustix::process::Pid::from_child(&service.process), Signal::HUP).unwrap();
    service.wait_for("READY=1");
    service.wait_for("No changes");
    service.terminate();
    service.wait_for("STOPPING=1");
    assert!(service.process.wait().unwrap().success());
}

/// Something stands where the database's folder must be made, and is taken away by and by.
#[test]
fn a_service_waits_for_a_database_that_cannot_be_opened_yet() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::write(&state, "").unwrap();
    let mut service = Service::start_in(folder, "url = \"embedded\"", "1001,张三,/总公司/销售部,在职\n");
    service.wait_for("EXTEND_TIMEOUT_USEC");
    std::fs::remove_file(&state).unwrap();
    service.wait_for("READY=1");
    service.wait_for("1 added");
    service.terminate();
    assert!(service.process.wait().unwrap().success());
}

/// A device on which every call takes long enough to be met in the middle.
async fn slow_device() -> (Server<SystemClock>, String, DropGuard) {
    let furniture = Furniture { any_group: true, ..Furniture::default() };
    let latency = Duration::from_millis(20);
    let options = ServerOptions {
        furniture,
        latency,
        ..ServerOptions::new(Dialect::UpdaterCloud, Secret::new(KEY.into()))
    };
    let server = Server::new(options, SystemClock::new()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("url = \"http://{}\"\nkey = \"env:ROSTERD_TEST_KEY\"", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(server.clone().serve(listener, stop.clone()));
    (server, url, stop.drop_guard())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_stopped_in_the_middle_commits_what_it_sent_and_the_next_goes_on() {
    const PEOPLE: usize = 150;
    let (server, target, _serving) = slow_device().await;
    let roster: String = (0..PEOPLE).map(|n| format!("{},员工{n},/总公司,在职\n", 1000 + n)).collect();
    let mut service = Service::start(&target, &roster);
    let calls = |action: &str| {
        lock(&server.device()).log().iter().filter(|a| a.action == action && a.applied).count()
    };
    let clock = SystemClock::new();
    while calls("AddUserCloud") < 5 {
        assert!(clock.monotonic() < Duration::from_secs(60), "the service sent nothing");
        clock.sleep(Duration::from_millis(5)).await;
    }
    service.terminate();
    assert!(service.process.wait().unwrap().success());

    let added = calls("AddUserCloud");
    assert!((5..PEOPLE).contains(&added), "{added} of {PEOPLE}: not in the middle");
    assert_eq!(calls("UpdaterCloud"), 1);
    let effective = || lock(&server.device()).effective_users().len();
    assert_eq!(effective(), added, "what was sent took effect");
    let runs = service.json(&["runs"]);
    let run = &runs["runs"][0];
    assert_eq!((run["outcome"].as_str(), run["exit_code"].as_i64()), (Some("partial"), Some(3)), "{runs:#}");
    assert_eq!(run["commit"], "confirmed");
    assert_eq!(service.json(&["status"])["targets"][0]["state"], "clean");

    let rest = service.json(&["sync"]);
    let target = &rest["targets"][0];
    assert_eq!(target["counts"]["add"], PEOPLE - added, "{rest:#}");
    assert_eq!((effective(), calls("UpdaterCloud")), (PEOPLE, 2));
    assert_eq!(calls("AddUserCloud"), PEOPLE, "nobody twice");
}

#[test]
fn a_service_without_anything_to_do_says_so() {
    let world = crate::cli_world::World::new("");
    world.write("rosterd.toml", "[roster]\npath = \"hr\"\n[state]\npath = \"state/rosterd.db\"\n");
    let said = world.run(&["run"]).expect(1);
    assert!(!said.err.is_empty());
}
