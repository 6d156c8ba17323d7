//! What the world outside sees of a run of the program: metrics, heartbeat, hooks; and that the alert rules and the
//! dashboard in `docs/` ask only for metrics that there are.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rosterd::app::metrics;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::cli_world::World;

const STAFF: [&str; 2] =
    ["10001,张三,总公司/销售部,销售,13800138001,在职", "10002,李四,总公司/销售部,销售,13800138002,在职"];

fn script(world: &World, name: &str, text: &str) {
    world.write(name, &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(world.path(name), PermissionsExt::from_mode(0o755)).unwrap();
}

/// Names of ours in a text.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !word(c)).filter(|name| name.starts_with("rosterd_"));
    words.map(str::to_owned).collect()
}

fn known() -> BTreeSet<String> {
    metrics::ALL.iter().map(|metric| metric.name.to_owned()).collect()
}

/// promtool, with its verdict on standard output. Without it the test says that this part was left out; CI has it.
fn promtool(arguments: &[&str], folder: &Path, input: &str) {
    let mut command = Command::new("promtool");
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "promtool: {error}");
            let _ = writeln!(
                std::io::stderr(),
                "left out: promtool is not installed ({error}; apt-get install prometheus)"
            );
            return;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}

#[test]
fn a_run_leaves_metrics_that_promtool_finds_good() {
    let world = World::new("[metrics]\ntextfile = \"rosterd.prom\"\n");
    world.roster(&STAFF);
    world.run(&["sync", "--dry-run"]).expect(0);
    assert!(!world.path("rosterd.prom").exists(), "a dry run says nothing");
    world.run(&["sync"]).expect(0);
    let text = std::fs::read_to_string(world.path("rosterd.prom")).unwrap();
    for line in [
        "rosterd_last_run_actions{kind=\"add\",outcome=\"done\",target=\"hq\"} 2\n",
        "rosterd_last_run_exit_code{target=\"hq\"} 0\n",
        "rosterd_last_run_requests{kind=\"commit\",target=\"hq\"} 1\n",
        "rosterd_accounts{state=\"enabled\",target=\"hq\"} 2\n",
        "rosterd_target_dirty{target=\"hq\"} 0\n",
        "rosterd_roster_readable 1\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(names(&text).is_subset(&known()) && !text.contains("张三") && !text.contains("10001"), "{text}");
    promtool(&["check", "metrics"], &world.path("."), &text);

    let success = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("rosterd_last_success_timestamp_seconds{"))
            .unwrap()
            .to_owned()
    };
    std::fs::remove_dir_all(world.path("hr")).unwrap();
    world.run(&["sync"]).expect(1);
    let failed = std::fs::read_to_string(world.path("rosterd.prom")).unwrap();
    assert!(
        failed.contains("rosterd_roster_readable 0\n")
            && failed.contains("rosterd_last_run_success{target=\"hq\"} 0\n")
    );
    assert_eq!(success(&failed), success(&text), "a failed run does not move it");
    promtool(&["check", "metrics"], &world.path("."), &failed);
}

#[test]
fn rules_and_dashboard_ask_only_for_what_there_is() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).unwrap();
    let mut asked = BTreeSet::new();
    for name in
        ["prometheus/rosterd.rules.yml", "prometheus/rosterd.rules.test.yml", "prometheus/grafana.json"]
    {
        let found = names(&read(name));
        assert!(found.len() > 3 && found.is_subset(&known()), "{name}: {found:?}");
        asked.extend(found);
    }
    for name in ["metrics.md", "metrics.zh-CN.md"] {
        assert_eq!(names(&read(name)), known(), "{name}");
    }
    let _: serde_json::Value = serde_json::from_str(&read("prometheus/grafana.json")).unwrap();
    promtool(&["check", "rules", "rosterd.rules.yml"], &docs.join("prometheus"), "");
    promtool(&["test", "rules", "rosterd.rules.test.yml"], &docs.join("prometheus"), "");
}

#[test]
fn hooks_hold_a_run_or_hear_of_its_commit() {
    let world = World::new(
        "[hooks]\nbefore_apply = [\"./before\"]\nafter_commit = [\"./after\"]\ntimeout = \"20s\"\n",
    );
    world.roster(&STAFF);
    script(&world, "before", "cat >before.json; echo 'not on a Friday' >&2; exit 7");
    script(&world, "after", "cat >after.json; exit 9");
    world.run(&["sync", "--dry-run"]).expect(0);
    assert!(!world.path("before.json").exists());
    let held = world.run(&["sync", "--output", "json"]).expect(4).json();
    assert_eq!(held["targets"][0]["held_by"][0]["guard"], "hook");
    assert!(held["targets"][0]["held_by"][0]["detail"].as_str().unwrap().contains("not on a Friday"));
    let shown = std::fs::read_to_string(world.path("before.json")).unwrap();
    assert!(
        shown.contains("10001") && shown.contains("138******01") && !shown.contains("13800138001"),
        "{shown}"
    );
    assert!(!world.path("after.json").exists());

    script(&world, "before", "exit 0");
    let applied = world.run(&["sync", "--output", "json"]).expect(0).json();
    assert_eq!(applied["targets"][0]["outcome"], "applied");
    let told: serde_json::Value =
        serde_json::from_slice(&std::fs::read(world.path("after.json")).unwrap()).unwrap();
    assert_eq!(
        (&told["targets"][0]["outcome"], &told["targets"][0]["commit"]),
        (&"applied".into(), &"confirmed".into())
    );
    let trail = world.run(&["audit", "export"]).expect(0).out;
    let ended: Vec<_> = trail.lines().filter(|line| line.contains("hook_ended")).collect();
    assert_eq!(ended.len(), 3, "{trail}");
    assert!(ended[0].contains("before_apply") && ended[2].contains("after_commit") && ended[2].contains('9'));
    world.run(&["audit", "verify"]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_sent_for_runs_over_everybody_only() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::method("GET"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let url = format!("{}/ping/abc", server.uri());
    let beats = async |args: &'static [&'static str], code: i32, world: &std::sync::Arc<World>| {
        server.reset().await;
        Mock::given(wiremock::matchers::method("GET"))
            .respond_with(ResponseTemplate::new(200))
            .mount(&server)
            .await;
        let (world, url) = (std::sync::Arc::clone(world), url.clone());
        tokio::task::spawn_blocking(move || world.run_with(args, &[("BEAT", &url)]).expect(code))
            .await
            .unwrap();
        let all = server.received_requests().await.unwrap();
        all.iter().map(|request| request.url.path().to_owned()).collect::<Vec<_>>()
    };
    let world = std::sync::Arc::new(World::new("[heartbeat]\nurl = \"env:BEAT\"\n"));
    world.roster(&STAFF);
    assert_eq!(beats(&["sync", "--dry-run"], 0, &world).await, [""; 0]);
    assert_eq!(beats(&["sync", "--only", "10001"], 0, &world).await, [""; 0]);
    assert_eq!(beats(&["sync"], 0, &world).await, ["/ping/abc/start", "/ping/abc"]);
    std::fs::remove_dir_all(world.path("hr")).unwrap();
    assert_eq!(beats(&["sync"], 1, &world).await, ["/ping/abc/start", "/ping/abc/1"]);
}

#[test]
fn doctor_looks_whether_they_could_be_told_and_run_and_does_neither() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = World::new(
        "[[notify]]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n[[notify]]\nkind = \"syslog\"\nserver = \"unix:/nowhere\"\n\
         [heartbeat]\nurl = \"env:HOOK\"\n[hooks]\nbefore_apply = [\"./before\"]\nafter_commit = [\"./absent\"]\n",
    );
    world.roster(&STAFF);
    script(&world, "before", "echo >ran");
    let said = world
        .run_with(&["doctor", "--output", "json"], &[("HOOK", &format!("http://127.0.0.1:{port}/secret"))]);
    let json = said.expect(1).json();
    let found: Vec<_> = json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|check| {
            let name = check["check"].as_str().unwrap();
            ["notify", "heartbeat", "hook"]
                .contains(&name)
                .then(|| (name.to_owned(), check["status"].as_str().unwrap().to_owned()))
        })
        .collect();
    let expected =
        [("notify", "ok"), ("notify", "warn"), ("heartbeat", "ok"), ("hook", "ok"), ("hook", "fail")];
    assert_eq!(found, expected.map(|(name, status)| (name.to_owned(), status.to_owned())));
    assert!(!world.path("ran").exists() && !json.to_string().contains("secret"), "{json}");
    let mut sent = Vec::new();
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nonblocking(false).unwrap();
        std::io::Read::read_to_end(&mut stream, &mut sent).unwrap();
    }
    assert!(sent.is_empty(), "a call would be a message");
}
