//! The cloud endpoints as a whole: `rosterd gateway --cloud` in a process of its own, the service with their schedules
//! beside it, and the messages that people get.

use std::process::{Child, Command, Stdio};

use rosterd::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::cli_gateway::{Gateway, KEY};
use crate::cli_world::World;

/// Both doors of a simulation that keeps its state in this world, with these lines at the end of the settings.
struct Doors {
    world: World,
    _gateway: Gateway,
}

const ENV: [(&str, &str); 2] = [("CLOUD_ID", "simulated"), ("CLOUD_KEY", KEY)];

impl Doors {
    fn new(oob: &str, ucloud: &str, more: &str) -> Self {
        let world = World::new("");
        let data = world.path("device.db");
        let gateway = Gateway::start(&["--cloud", "--data", data.to_str().unwrap()]);
        let url = &gateway.url;
        let settings = format!(
            "[state]\npath = \"state/r.db\"\n\
             [audit]\nheads_file = \"heads\"\n[oob]\nendpoint = \"{url}/v2/index.php\"\nregion = \"gz\"\nzone = 1000100003\nid = \"env:CLOUD_ID\"\n\
             key = \"env:CLOUD_KEY\"\nsink = \"file:oob.txt\"\nretries = 0\n{oob}\
             [ucloud]\nendpoint = \"{url}/\"\nregion = \"cn-bj2\"\nzone = \"cn-bj2-05\"\nid = \"env:CLOUD_ID\"\n\
             key = \"env:CLOUD_KEY\"\nretries = 0\n{ucloud}{more}"
        );
        world.write("rosterd.toml", &settings);
        Self { world, _gateway: gateway }
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.world.path("device.db.cloud.json")).unwrap()).unwrap()
    }

    fn password(&self) -> Option<String> {
        self.state()["tencent"]["vpn"]["password"].as_str().map(str::to_owned)
    }

    /// The console of the provider: somebody changes a key.
    fn change_a_key(&self) {
        let text = self.state().to_string();
        assert!(text.contains("c3RhdGljLWtleS0wMQ"));
        let changed = text.replace("c3RhdGljLWtleS0wMQ", "c3RhdGljLWtleS0wMg");
        self.world.write("device.db.cloud.json.new", &changed);
        let path = |name| self.world.path(name);
        std::fs::rename(path("device.db.cloud.json.new"), path("device.db.cloud.json")).unwrap();
    }

    fn sink(&self) -> Option<String> {
        std::fs::read_to_string(self.world.path("oob.txt")).ok().map(|text| text.trim_end().to_owned())
    }
}

#[test]
fn one_port_serves_the_device_and_both_clouds_and_remembers() {
    let doors = Doors::new("", "", "");
    let rotated = doors.world.run_with(&["oob", "rotate", "--output", "json"], &ENV).expect(0).json();
    assert_eq!((&rotated["outcome"], &rotated["mode"]), (&json!("rotated"), &json!("create")));
    assert_eq!(doors.password(), doors.sink());
    assert!(doors.sink().is_some());
    let heads = || std::fs::read_to_string(doors.world.path("heads")).unwrap().lines().count();
    assert_eq!(heads(), 1);
    let _ = doors.world.run_with(&["ucloud", "watch"], &ENV).expect(0);
    let after_first_look = heads();
    let _ = doors.world.run_with(&["ucloud", "watch"], &ENV).expect(0);
    assert_eq!(heads(), after_first_look, "nothing was recorded");
    let _ = doors.world.run_with(&["oob", "device", "cpm-an5a9wv4", "--reveal"], &ENV).expect(0);
    assert_eq!(heads(), after_first_look + 1);
    let _ = doors.world.run(&["audit", "verify"]).expect(0);
    let keys = doors.world.run_with(&["ucloud", "auth", "--output", "json"], &ENV).expect(0).json();
    assert!(keys["domains"].as_array().is_some_and(|domains| domains.len() > 1), "{keys}");
    let wrong = doors.world.run_with(&["oob", "vpn"], &[("CLOUD_ID", "simulated"), ("CLOUD_KEY", "wrong")]);
    assert!(!wrong.expect(1).err.contains(KEY));
}

/// A service; it ends with the test.
struct Service(Child);

impl Service {
    fn start(world: &World) -> Self {
        let mut command = Command::new(crate::program::path());
        command.env_clear().current_dir(world.path("")).envs(ENV).args([
            "--lang",
            "en",
            "--config",
            "rosterd.toml",
            "run",
        ]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks until something is so. The number of looks is limited only so that a failure ends.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..1500 {
        if so().await {
            return;
        }
        SystemClock::new().sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{what} does not happen");
}

/// Texts that a robot was sent.
async fn heard(robots: &MockServer, at: &str) -> Vec<String> {
    let requests = robots.received_requests().await.unwrap_or_default();
    let of_robot = requests.iter().filter(|request| request.url.path() == at);
    of_robot.map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect()
}

async fn robots() -> MockServer {
    let robots = MockServer::builder().start().await;
    let wecom = ResponseTemplate::new(200).set_body_json(json!({ "errcode": 0, "errmsg": "ok" }));
    Mock::given(method("POST")).and(path("/wecom")).respond_with(wecom).mount(&robots).await;
    Mock::given(method("POST"))
        .and(path("/hook"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&robots)
        .await;
    robots
}

fn receivers(world: &World, url: &str, more: &str) {
    for (name, place) in [("wecom.url", "wecom"), ("hook.url", "hook")] {
        world.write(name, &format!("{url}/{place}\n"));
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(world.path(name), private).unwrap();
    }
    let settings = std::fs::read_to_string(world.path("rosterd.toml")).unwrap();
    let receiver = |kind: &str, file: &str| {
        format!("\n[[notify]]\nkind = \"{kind}\"\nurl = \"file:{file}.url\"\n{more}")
    };
    world.write("rosterd.toml", &(settings + &receiver("wecom", "wecom") + &receiver("webhook", "hook")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_rotates_watches_and_tells() {
    let doors = Doors::new("rotate = \"* * * * * *\"\n", "watch = \"* * * * * *\"\n", "");
    let robots = robots().await;
    receivers(&doors.world, &robots.uri(), "");
    let service = Service::start(&doors.world);
    until("the first password", async || doors.sink().is_some()).await;
    let first = doors.sink();
    until("the second password", async || doors.sink() != first).await;
    let looked = || {
        doors.world.run_with(&["ucloud", "watch", "--output", "json"], &ENV).json()["first"] == json!(false)
    };
    until("a look at the keys", async || looked()).await;
    doors.change_a_key();
    until("a message", async || !heard(&robots, "/wecom").await.is_empty()).await;
    until("the same for programs", async || !heard(&robots, "/hook").await.is_empty()).await;
    drop(service);

    let told = heard(&robots, "/wecom").await;
    assert!(told[0].contains("static.example.com") && !told[0].contains("c3RhdGlj"), "{told:?}");
    let hook: Value = serde_json::from_str(&heard(&robots, "/hook").await[0]).unwrap();
    assert_eq!((&hook["event"], &hook["version"]), (&json!("ucloud_keys"), &json!(1)));
    // The service was killed, perhaps in the middle: the next rotation leaves both sides with the same password.
    let _ = doors.world.run_with(&["oob", "rotate"], &ENV).expect(0);
    assert_eq!(doors.password(), doors.sink());
    let trail = doors.world.run(&["audit", "export"]).expect(0).out;
    assert!(trail.contains("ucloud_keys") && trail.contains("oob_rotation"), "{trail}");
    let _ = doors.world.run(&["audit", "verify"]).expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_finishes_at_its_start_what_an_earlier_one_left() {
    let doors = Doors::new("rotate = \"0 0 3 1 * *\"\n", "", "");
    // A password is pending, as after a kill between writing and sending.
    doors.world.write("oob.txt.pending", "Pend1ng!passw0rd\n");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(doors.world.path("oob.txt.pending"), private).unwrap();
    let service = Service::start(&doors.world);
    until("the pending password is current", async || doors.sink().is_some()).await;
    assert_eq!(doors.password(), doors.sink());
    drop(service);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_tells_what_went_wrong_and_names_nobody_unless_asked() {
    let world = World::new("guard = { max_missing = 0 }\n");
    let robots = robots().await;
    receivers(&world, &robots.uri(), "");
    let person = |n: u32| format!("{n},员工{n},/总公司/销售部,销售,,在职");
    let rows: Vec<_> = (10001..10009).map(person).collect();
    world.roster(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let _ = world.run(&["sync"]).expect(0);
    assert_eq!(heard(&robots, "/wecom").await.len(), 0, "good news is no news");
    world.roster(&rows[1..].iter().map(String::as_str).collect::<Vec<_>>());
    let _ = world.run(&["sync", "--dry-run"]).expect(4);
    assert_eq!(heard(&robots, "/wecom").await.len(), 0, "a dry run is nobody's business");
    let _ = world.run(&["sync"]).expect(4);
    let told = heard(&robots, "/wecom").await;
    let text: Value = serde_json::from_str(&told[0]).unwrap();
    let text = text["text"]["content"].as_str().unwrap();
    assert!(text.starts_with("rosterd hq") && text.contains("rosterd approve 3"), "{text}");
    assert!(!text.contains("10001") && !text.contains("员工"), "{text}");

    std::fs::remove_dir_all(world.path("hr")).unwrap();
    let _ = world.run(&["sync"]).expect(1);
    let hooks = heard(&robots, "/hook").await;
    let last: Value = serde_json::from_str(hooks.last().unwrap()).unwrap();
    assert_eq!(last["event"], "failed");

    // Nobody listens: the run is what it is, and the address stays out of sight. It is another trouble: the same one
    // would not be told again today.
    world.write("hr/staff.csv", "工号,姓名,部门,状态\n10001,\"员工,/总公司/销售部,在职\n");
    drop(robots);
    let said = world.run(&["sync", "--output", "json"]).expect(1);
    assert!(said.err.contains("message not sent") && !said.err.contains("/wecom"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_roster_is_told_as_late_and_an_approved_run_is_told_too() {
    let world = World::with("max_age = \"36h\"\n", "guard = { max_missing = 0 }\n");
    let robots = robots().await;
    receivers(&world, &robots.uri(), "on = [\"roster_late\", \"applied\"]\n");
    let events = async || {
        let events = |body: &String| serde_json::from_str::<Value>(body).unwrap()["event"].clone();
        heard(&robots, "/hook").await.iter().map(events).collect::<Vec<_>>()
    };
    let person = |n: u32| format!("{n},员工{n},/总公司/销售部,销售,,在职");
    let rows: Vec<_> = (10001..10009).map(person).collect();
    let roster = |rows: &[String]| world.roster(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    roster(&rows);
    let _ = world.run(&["sync"]).expect(0);
    assert_eq!(events().await, ["applied"]);

    roster(&rows[1..]);
    let _ = world.run(&["sync"]).expect(4);
    let approve = ["approve", "2", "--reason", "left in June", "--now"];
    let _ = world.run(&approve).expect(0);
    assert_eq!(events().await, ["applied", "applied"], "a held plan was not asked for, its approval is told");

    let file = std::fs::File::options().write(true).open(world.path("hr/staff.csv")).unwrap();
    let old = file.metadata().unwrap().modified().unwrap() - std::time::Duration::from_secs(3 * 86_400);
    file.set_modified(old).unwrap();
    let _ = world.run(&["sync"]).expect(1);
    assert_eq!(events().await.last().unwrap(), "roster_late");

    // One of several sources is late: it is told, and the others go on.
    let settings = std::fs::read_to_string(world.path("rosterd.toml")).unwrap();
    let sources = "[[roster.source]]\nname = \"hr\"\npath = \"hr\"\non_stale = \"freeze\"\nmax_age = \"36h\"\n\
                   [[roster.source]]\nname = \"abroad\"\npath = \"abroad\"\n";
    let settings = settings.replace("path = \"hr\"\n", "").replace("max_age = \"36h\"\n", "") + sources;
    world.write("rosterd.toml", &settings);
    world.write("abroad/staff.csv", "工号,姓名,部门,状态\n20001,员工,/总公司/海外部,在职\n");
    let _ = world.run(&["sync", "--reason", "a second source"]).expect(0);
    let told = heard(&robots, "/wecom").await;
    let late = told.iter().rev().find(|text| text.contains("late")).unwrap();
    assert!(late.contains("source hr") && late.contains("staff.csv"), "{late}");
}

#[test]
fn receivers_that_cannot_be_told_are_refused() {
    let world = World::new("");
    let settings = std::fs::read_to_string(world.path("rosterd.toml")).unwrap();
    let refused = |lines: &str| {
        world.write("rosterd.toml", &format!("{settings}\n[[notify]]\n{lines}\n"));
        world.run(&["config", "check"]).expect(1).err
    };
    assert!(refused("url = \"env:ROBOT\"").contains("notify[0].kind"));
    assert!(refused("kind = \"wecom\"").contains("notify[0].url"));
    assert!(refused("kind = \"email\"").contains("notify[0].server"));
    let said = refused("kind = \"wecom\"\nurl = \"env:ROBOT\"\nsecret = \"env:SECRET\"");
    assert!(said.contains("notify[0].secret"), "{said}");
}
