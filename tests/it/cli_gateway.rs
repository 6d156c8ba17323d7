//! `rosterd gateway` as a process of its own, and rosterd against it: keys, refused tokens, a gateway that is down, and
//! a gateway that is another one than before.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::cli_world::World;

pub const KEY: &str = "canary-key-5d1f";

/// A simulated gateway in a process of its own; it ends with the test.
pub struct Gateway {
    process: Child,
    /// Its address.
    pub url: String,
}

impl Gateway {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(crate::program::path());
        command.env_clear().args(["gateway", "--listen", "127.0.0.1:0", "--key", KEY]).args(args);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, url: line.trim().to_owned() }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A world whose target is at `url`.
fn world(url: &str) -> World {
    let world = World::new("");
    point(&world, "embedded", url);
    world.write("groups.txt", "/总公司\n/总公司/销售部\n");
    world.roster(&["10023,张三,/总公司/销售部,销售,13800001111,在职", "10024,李四,/总公司/没有,销售,,在职"]);
    world
}

fn point(world: &World, from: &str, to: &str) {
    let config = std::fs::read_to_string(world.path("rosterd.toml")).unwrap();
    let key = if config.contains("key = ") { "" } else { "\nkey = \"env:KEY\"" };
    let line = |url: &str| format!("url = \"{url}\"");
    world.write("rosterd.toml", &config.replace(&line(from), &(line(to) + key)));
}

#[test]
fn a_sync_goes_to_a_gateway_elsewhere_and_a_missing_group_is_named() {
    let seed = World::new("");
    seed.write("groups.txt", "/总公司\n/总公司/销售部\n");
    let groups = seed.path("groups.txt");
    let gateway = Gateway::start(&["--groups", groups.to_str().unwrap()]);
    let world = world(&gateway.url);
    let report = world.run_with(&["sync", "--output", "json"], &[("KEY", KEY)]).expect(3).json();
    let target = &report["targets"][0];
    assert_eq!((&target["outcome"], &target["counts"]["add"]), (&json!("applied"), &json!(1)));
    assert_eq!(target["blocked"][0]["reason"], "missing_group");
    assert_eq!(target["blocked"][0]["person"], "10024");
}

#[test]
fn a_refused_token_ends_the_run_after_one_call_and_names_the_usual_causes() {
    let gateway = Gateway::start(&[]);
    let world = world(&gateway.url);
    let refused = world.run_with(&["sync", "--output", "json"], &[("KEY", "wrong")]).expect(1).json();
    let target = &refused["targets"][0];
    assert_eq!((&target["outcome"], &target["error"]["kind"]), (&json!("failed"), &json!("token")));
    assert_eq!((&target["calls"]["queries"], &target["calls"]["mutations"]), (&json!(1), &json!(0)));
    let next = target["error"]["next"].as_str().unwrap();
    for cause in ["key", "clock", "allow list"] {
        assert!(next.contains(cause), "{next}");
    }
}

#[test]
fn a_key_that_cannot_be_read_and_a_gateway_that_is_down_end_the_run() {
    let gateway = Gateway::start(&[]);
    let world = world(&gateway.url);
    let no_key = world.run(&["sync", "--output", "json"]).expect(1).json();
    assert_eq!(no_key["targets"][0]["error"]["kind"], "key");
    drop(gateway);
    let config = std::fs::read_to_string(world.path("rosterd.toml")).unwrap();
    world.write("rosterd.toml", &config.replace("key =", "pace = { retries = 0, timeout = \"2s\" }\nkey ="));
    let down = world.run_with(&["sync", "--output", "json"], &[("KEY", KEY)]).expect(1).json();
    assert_eq!(down["targets"][0]["error"]["kind"], "gateway");
}

#[test]
fn another_gateway_holds_every_run_until_somebody_accepts_it() {
    let seed = World::new("");
    seed.write("groups.txt", "/总公司\n/总公司/销售部\n/总公司/没有\n");
    let groups = seed.path("groups.txt");
    let args = ["--groups", groups.to_str().unwrap()];
    let (old, new) = (Gateway::start(&args), Gateway::start(&args));
    let world = world(&old.url);
    let key = [("KEY", KEY)];
    let _ = world.run_with(&["sync"], &key).expect(0);
    point(&world, &old.url, &new.url);
    world
        .roster(&["10023,张三丰,/总公司/销售部,销售,13800001111,在职", "10024,李四,/总公司/没有,销售,,在职"]);
    let held = world.run_with(&["sync", "--output", "json"], &key).expect(4).json();
    assert_eq!(held["targets"][0]["held_by"][0]["guard"], "target_changed");

    // The new one is empty: nobody of the snapshot is there.
    let accept = |look: &str| {
        let reason = ["--reason", "the device was replaced", "--output", "json"];
        world.run_with(&[&["target", "accept", "hq", "--look", look], &reason[..]].concat(), &key)
    };
    let sample = accept("sample").expect(4).json();
    assert_eq!((&sample["looks"]["accepted"], &sample["looks"]["same"]), (&json!(false), &json!(0)));
    assert_eq!(sample["looks"]["absent"], json!(["10023", "10024"]));
    let all = accept("all").expect(0).json();
    assert_eq!(all["looks"]["accepted"], true);
    let _ = world.run_with(&["sync", "--dry-run"], &key);
    let trail = world.run(&["audit", "export"]).expect(0).out;
    assert!(trail.lines().any(|l| l.contains("target_accepted") && l.contains("the device was replaced")));
}

#[test]
fn quirks_and_faults_that_nobody_knows_are_wrong_usage() {
    let world = World::new("");
    let said = world.run(&["gateway", "--key", "k", "--quirk", "telepathy"]).expect(2);
    assert!(said.err.contains("telepathy"), "{}", said.err);
    let _ = world.run(&["gateway", "--key", "k", "--fault", "sometimes"]).expect(2);
    let _ = world.run(&["gateway", "--key", "env:NOT_THERE"]).expect(1);
}

#[test]
fn the_embedded_device_takes_any_role_on_both_dialects() {
    for dialect in ["updater-cloud", "openapi"] {
        let world = World::new(&format!("dialect = \"{dialect}\"\n"));
        std::fs::create_dir_all(world.path("hr")).unwrap();
        world.write("hr/all.csv", "工号,姓名,部门,角色,状态\n10023,张三,/总公司/销售部,CRM,在职\n");
        let report = world.run(&["sync", "--output", "json"]).expect(0).json();
        assert_eq!(report["targets"][0]["counts"]["add"], 1, "{dialect}: {report}");
        let again = world.run(&["sync", "--output", "json"]).expect(0).json();
        assert_eq!(again["targets"][0]["outcome"], "no_changes", "{dialect}: {again}");
    }
}

/// What `rosterd gateway` says when it does not begin; it is not waited for if it does.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("rosterd"));
    let output = command.env_clear().args(["--lang", "en", "gateway"]).args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn other_machines_are_let_in_only_knowingly_and_with_a_key_from_a_source() {
    for address in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0", "192.0.2.1:0"] {
        let (code, said) = refused(&["--listen", address, "--key", "env:KEY"]);
        assert_eq!(code, Some(2), "{address}: {said}");
        assert!(said.contains("--allow-remote"), "{address}: {said}");
        let (code, said) = refused(&["--listen", address, "--allow-remote", "--key", KEY]);
        assert_eq!(code, Some(2), "{address}: {said}");
        assert!(said.contains("env:NAME") && !said.contains(KEY), "{address}: {said}");
    }
    // Past both questions: this machine has no such address, so nothing is let in here either.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), KEY).unwrap();
    let key = format!("file:{}", file.path().display());
    let (code, said) = refused(&["--listen", "192.0.2.1:0", "--allow-remote", "--key", &key]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("192.0.2.1"), "{said}");
}
