//! `rosterd oob` and `rosterd ucloud` as people and scripts run them, against the simulated services on loopback.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rosterd::clock::SystemClock;
use rosterd::cloud::simulated::{CloudState, Fault, Simulated, router};
use serde_json::Value;

const KEY: &str = "Gu5t9xGARNpq86cd98joQYCN3Cozk1qA";
const DEVICE_PASSWORD: &str = "h4vBbEz9ocn8h8";

struct World {
    cloud: Simulated<SystemClock>,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl World {
    fn new() -> Self {
        Self::with("")
    }

    /// A configuration with both sections and `more` at its end.
    fn with(more: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let cloud = Simulated::new(CloudState::sample(KEY), SystemClock::new());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let server = listener.local_addr().unwrap();
        let app = router(cloud.clone());
        runtime.spawn(async move { axum::serve(listener, app).await });
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[state]\npath = \"rosterd.db\"\n\
             [oob]\nendpoint = \"http://{server}/v2/index.php\"\nregion = \"gz\"\nzone = 1000100003\n\
             id = \"env:CLOUD_ID\"\nkey = \"env:CLOUD_KEY\"\nsink = \"file:oob.txt\"\nretries = 0\n\
             [ucloud]\nendpoint = \"http://{server}/\"\nregion = \"cn-bj2\"\nzone = \"cn-bj2-05\"\n\
             id = \"env:CLOUD_ID\"\nkey = \"env:CLOUD_KEY\"\nretries = 0\n{more}"
        );
        std::fs::write(folder.path().join("rosterd.toml"), text).unwrap();
        Self { cloud, folder, _runtime: runtime }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Said {
        self.run_as(KEY, args)
    }

    fn run_as(&self, key: &str, args: &[&str]) -> Said {
        let Output { status, stdout, stderr } = Command::new(crate::program::path())
            .args(["--lang", "en", "--no-color", "--config"])
            .arg(self.path("rosterd.toml"))
            .args(args)
            .env("CLOUD_ID", "simulated")
            .env("CLOUD_KEY", key)
            .output()
            .unwrap();
        Said {
            code: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    fn json(&self, args: &[&str]) -> Value {
        let said = self.run(&[args, &["--output", "json"]].concat());
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    fn password(&self) -> Option<String> {
        self.cloud.with(|s| s.tencent.vpn.clone().unwrap().password)
    }

    fn sink(&self) -> String {
        std::fs::read_to_string(self.path("oob.txt")).unwrap().trim_end().to_owned()
    }

    /// Kinds and bodies of the audit trail.
    fn audit(&self) -> Vec<Value> {
        let said = self.run(&["audit", "export"]);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn the_vpn_from_its_zones_to_a_new_password() {
    let world = World::new();
    let zones = world.json(&["oob", "zones"]);
    assert_eq!(zones["zones"][0]["id"], 1_000_100_003);
    assert_eq!(zones["zones"][0]["region"], "ap-guangzhou");
    let vpn = world.json(&["oob", "vpn"]);
    assert_eq!((vpn["version"].as_u64(), vpn["user"].as_str()), (Some(1), Some("1251001002")));
    assert_eq!(vpn["be_first"], true);

    let preview = world.json(&["oob", "rotate", "--dry-run"]);
    assert_eq!((preview["outcome"].as_str(), preview["mode"].as_str()), (Some("planned"), Some("create")));
    assert_eq!(world.password(), None);
    assert!(!world.path("oob.txt").exists() && !world.path("rosterd.db").exists());

    let done = world.json(&["oob", "rotate"]);
    assert_eq!((done["outcome"].as_str(), done["mode"].as_str()), (Some("rotated"), Some("create")));
    assert_eq!(world.password(), Some(world.sink()));
    let first = world.sink();
    let said = world.run(&["oob", "rotate"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("1251001002") && said.out.contains("oob.txt"), "{}", said.out);
    assert_eq!(world.password(), Some(world.sink()));
    assert_ne!(first, world.sink());
    assert_eq!(world.run(&["oob", "vpn"]).out.lines().count(), 2);
    assert_eq!(world.run(&["audit", "verify"]).code, 0);
    let kinds: Vec<_> = world.audit().iter().map(|r| r["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["oob_rotation", "oob_rotation"]);
}

#[test]
fn a_doubtful_rotation_exits_6_and_the_next_one_finishes() {
    let world = World::new();
    world.cloud.fail_next("SetOutBandVPNAuthPwd", [Fault::LostAfter]);
    let said = world.run(&["oob", "rotate", "--output", "json"]);
    assert_eq!(said.code, 6, "{}", said.err);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["error"]["kind"], "unconfirmed");
    assert!(said.err.contains("oob.txt.pending"), "{}", said.err);
    let pending = std::fs::read_to_string(world.path("oob.txt.pending")).unwrap();
    assert_eq!(world.json(&["oob", "rotate"])["finishes_earlier"], true);
    assert_eq!(pending.trim_end(), world.sink());
    assert_eq!(world.password(), Some(world.sink()));
}

#[test]
fn devices_hide_their_passwords_until_asked_and_the_trail_remembers() {
    let world = World::new();
    let args = ["oob", "device", "cpm-an5a9wv4", "cpm-7d2k1m0q"];
    for form in ["table", "json", "csv"] {
        let said = world.run(&[&args[..], &["--output", form]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains("06BCYMX") && !said.out.contains(DEVICE_PASSWORD), "{}", said.out);
    }
    assert!(!world.path("rosterd.db").exists(), "nothing to record");
    let said = world.run(&[&args[..], &["--reveal", "--output", "csv"]].concat());
    let expected = "id,ip,serial,user,password\ncpm-an5a9wv4,100.68.134.36,06BCYMX,albert,h4vBbEz9ocn8h8\n\
                    cpm-7d2k1m0q,100.68.134.37,06BCYMY,albert,Zk3#tTq0)vLw2n\n";
    assert_eq!(said.out, expected);
    let trail = world.audit();
    assert_eq!(trail[0]["kind"], "revealed");
    assert_eq!(trail[0]["body"]["names"], serde_json::json!(["cpm-an5a9wv4", "cpm-7d2k1m0q"]));
    assert!(!serde_json::to_string(&trail).unwrap().contains(DEVICE_PASSWORD));

    let said = world.run(&["oob", "device", "cpm-an5a9wv4", "cpm-unknown", "--output", "json"]);
    assert_eq!(said.code, 3, "{}", said.err);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["devices"][1]["error"]["kind"], "no_device");
    assert_eq!(world.run(&["oob", "device", "cpm-unknown"]).code, 1);
    assert_eq!(world.run(&["oob", "device"]).code, 2);
}

#[test]
fn a_trail_that_cannot_be_written_reveals_nothing() {
    let world = World::new();
    std::fs::create_dir(world.path("rosterd.db")).unwrap();
    let said = world.run(&["oob", "device", "cpm-an5a9wv4", "--reveal"]);
    assert_eq!(said.code, 1);
    assert!(!said.out.contains(DEVICE_PASSWORD) && !said.err.contains(DEVICE_PASSWORD));
}

#[test]
fn keys_are_fingerprints_and_changes_are_told_once() {
    let world = World::new();
    let shown = world.json(&["ucloud", "auth"]);
    assert_eq!(shown["domains"][1]["config"][0]["type"], "ksc");
    assert!(!shown.to_string().contains("c3RhdGljLWtleS0wMQ"));
    let again = world.json(&["ucloud", "auth", "--domain", "static.example.com"]);
    assert_eq!(again["domains"][0], shown["domains"][0], "a fingerprint stays what it is");
    let clear = world.json(&["ucloud", "auth", "--domain", "static.example.com", "--reveal"]);
    assert_eq!(clear["domains"][0]["config"][0]["keys"][0]["key"], "c3RhdGljLWtleS0wMQ");

    let watch = ["ucloud", "watch", "--detailed-exitcode"];
    let first = world.run(&watch);
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(world.run(&watch).code, 0);
    world.cloud.with(|s| s.ucloud.domains[0].configs[0].1[0].0 = "999".into());
    let changed = world.run(&[&watch[..], &["--output", "json"]].concat());
    assert_eq!(changed.code, 10, "{}", changed.err);
    let told: Value = serde_json::from_str(&changed.out).unwrap();
    assert_eq!(told["changes"][0]["change"], "changed");
    assert_eq!(told["changes"][0]["domain"], "www.example.com");
    assert_eq!(world.run(&watch).code, 0, "told once");
    world.cloud.with(|s| s.ucloud.domains.clear());
    let gone = world.run(&["ucloud", "watch", "--output", "csv"]);
    assert_eq!((gone.code, gone.out.lines().count()), (0, 5), "{}", gone.out);
    let kinds: Vec<_> = world.audit().iter().map(|r| r["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["revealed", "ucloud_keys", "ucloud_keys", "ucloud_keys"]);
}

#[test]
fn refusals_say_what_to_do_and_exit_1() {
    let world = World::new();
    let said = world.run_as("another key", &["oob", "vpn", "--output", "json"]);
    assert_eq!(said.code, 1);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["error"]["kind"], "signature");
    assert!(!told["error"]["next"].as_str().unwrap().is_empty());
    world.cloud.with(|s| s.tencent.vpn = None);
    assert!(world.run(&["oob", "vpn"]).err.contains("10105"));
    let said = world.run(&["oob", "vpn", "--zone", "7"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("4000"), "{}", said.err);
    let said = world.run_as("", &["ucloud", "auth"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("ucloud.key"), "{}", said.err);
}

fn every_form(secret: &str) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    [secret.to_owned(), rosterd::http::percent_encode(secret), percent, hex, base64]
        .into_iter()
        .map(String::into_bytes)
        .collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    every_form(secret).iter().any(|form| bytes.windows(form.len()).any(|w| w == form))
}

#[test]
fn no_secret_is_in_any_output_log_or_database() {
    let world = World::new();
    let mut said = Vec::new();
    let mut passwords = Vec::new();
    for args in [
        &["oob", "rotate", "-vv"][..],
        &["oob", "rotate", "-vv", "--log-format", "json"],
        &["oob", "device", "cpm-an5a9wv4", "-vv"],
        &["ucloud", "auth", "-vv"],
        &["ucloud", "watch", "-vv"],
        &["audit", "export"],
    ] {
        let one = world.run(args);
        said.extend(one.out.into_bytes());
        said.extend(one.err.into_bytes());
        passwords.extend(world.password());
    }
    world.cloud.fail_next("SetOutBandVPNAuthPwd", [Fault::Code(4000)]);
    said.extend(world.run(&["oob", "rotate", "-vv"]).err.into_bytes());
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = file.unwrap().path();
        if !is_sink(&path) {
            said.extend(std::fs::read(path).unwrap());
        }
    }
    passwords.extend([KEY.to_owned(), DEVICE_PASSWORD.to_owned(), "c3RhdGljLWtleS0wMQ".to_owned()]);
    assert!(passwords.len() > 4);
    for secret in &passwords {
        assert!(!holds(&said, secret), "{secret} got out");
    }
}

fn is_sink(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("oob.txt"))
}
