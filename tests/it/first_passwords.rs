//! First passwords from the settings to the device and to whoever hands them out, and to nobody else.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use wiremock::matchers::{any, query_param};
use wiremock::{Mock, MockServer};

use crate::cli_world::World;
use crate::secrets::{answer, every_form, holds};

const ENV: [(&str, &str); 2] = [("KEY", "the-key"), ("RUST_LOG", "trace")];

async fn device() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(query_param("action", "ExGetUserInfo")).respond_with(answer(-10)).mount(&server).await;
    Mock::given(any()).respond_with(answer(0)).mount(&server).await;
    server
}

fn world(server: &MockServer, settings: &str) -> World {
    let world = World::new("");
    let config = format!(
        "[roster]\npath = \"hr\"\nsettle = \"0s\"\n[state]\npath = \"state/r.db\"\n[[target]]\nname = \"hq\"\n\
         url = \"{}\"\nkey = \"env:KEY\"\nauth = {{ mode = \"password\" }}\n[target.initial_password]\n{settings}",
        server.uri()
    );
    world.write("rosterd.toml", &config);
    world.roster(&["10023,张三,/总公司/销售部,销售,,在职", "10024,李四,/总公司/销售部,销售,,在职"]);
    world
}

/// User name → password, as the device was told; and how the user logs in.
async fn sent(server: &MockServer) -> BTreeMap<String, (String, String)> {
    let requests = server.received_requests().await.unwrap();
    let adds = requests.iter().filter(|request| {
        request.url.query_pairs().any(|(name, value)| name == "action" && value == "AddUserCloud")
    });
    adds.map(|request| {
        let body = String::from_utf8_lossy(&request.body);
        let form = rosterd::http::Url::parse(&format!("form:?{body}")).unwrap();
        let fields: BTreeMap<_, _> = form.query_pairs().into_owned().collect();
        let methods = format!("{}{}{}", fields["b_inherit_auth"], fields["is_pwd"], fields["is_extauth"]);
        (fields["name"].clone(), (fields["passwd"].clone(), methods))
    })
    .collect()
}

fn handed_out(text: &str) -> BTreeMap<String, String> {
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    rows.records().map(|row| row.unwrap()).map(|row| (row[0].to_owned(), row[3].to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_newcomer_gets_a_password_that_only_the_device_and_the_file_know() {
    let server = device().await;
    let world = world(&server, "mode = \"random\"\nlength = 20\nsink = \"file:first.csv\"\n");
    let _ = world.run_with(&["sync", "--dry-run"], &ENV).expect(0);
    assert!(!world.path("first-1.csv").exists(), "a dry run makes nothing");
    let said = world.run_with(&["-vv", "sync"], &ENV).expect(0);
    assert!(said.out.contains("first-2.csv"), "{}", said.out);

    let path = world.path("first-2.csv");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let handed = handed_out(&std::fs::read_to_string(&path).unwrap());
    let sent = sent(&server).await;
    assert_eq!(handed.len(), 2);
    for (name, (password, methods)) in &sent {
        assert_eq!((&handed[name], password.len(), methods.as_str()), (password, 20, "010"));
    }

    let mut left = [said.out, said.err].concat().into_bytes();
    for args in [
        &["runs", "2", "--output", "json"][..],
        &["history", "10023"],
        &["audit", "export"],
        &["explain", "10023"],
    ] {
        let said = world.run_with(args, &ENV);
        left.extend([said.out, said.err].concat().into_bytes());
    }
    for file in std::fs::read_dir(world.path("state")).unwrap().map(Result::unwrap) {
        left.extend(std::fs::read(file.path()).unwrap());
    }
    assert!(holds(&left, "passwords_issued"));
    for form in handed.values().flat_map(|password| every_form(password)) {
        assert!(!holds(&left, &form), "{form} was left behind");
    }
    // Nobody new: nothing to hand out.
    let _ = world.run_with(&["sync"], &ENV).expect(0);
    assert_eq!(
        std::fs::read_dir(world.path(""))
            .unwrap()
            .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().starts_with("first-"))
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_added_when_the_file_cannot_be_written() {
    let server = device().await;
    let world = world(&server, "mode = \"random\"\nsink = \"file:absent/first.csv\"\n");
    let said = world.run_with(&["sync", "--output", "json"], &ENV).expect(1).json();
    let target = &said["targets"][0];
    assert_eq!(
        (target["outcome"].as_str(), target["error"]["kind"].as_str()),
        (Some("failed"), Some("sink"))
    );
    assert_eq!(target["commit"], "none");
    assert!(sent(&server).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_filled_in_or_its_person_waits() {
    let server = device().await;
    let identity = age::x25519::Identity::generate();
    let sink = format!("age:{}:first.age", identity.to_public());
    let world =
        world(&server, &format!("mode = \"template\"\ntemplate = \"Vpn@{{phone}}\"\nsink = \"{sink}\"\n"));
    world
        .roster(&["10023,张三,/总公司/销售部,销售,13800001111,在职", "10024,李四,/总公司/销售部,销售,,在职"]);
    let said = world.run_with(&["sync", "--output", "json"], &ENV).expect(0).json();
    let target = &said["targets"][0];
    assert_eq!(
        (&target["blocked"][0]["person"], &target["blocked"][0]["reason"]),
        (&"10024".into(), &"no_password".into())
    );
    let sent = sent(&server).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent["10023"].0, "Vpn@13800001111");
    let file = age::decrypt(&identity, &std::fs::read(world.path("first-1.age")).unwrap()).unwrap();
    assert_eq!(handed_out(&String::from_utf8(file).unwrap())["10023"], "Vpn@13800001111");
}

#[test]
fn settings_that_hand_nothing_out_are_refused() {
    let world = World::new("");
    let settings = std::fs::read_to_string(world.path("rosterd.toml")).unwrap();
    for (lines, key) in [
        ("mode = \"random\"", "sink"),
        ("mode = \"random\"\nsink = \"first.csv\"", "sink"),
        ("mode = \"random\"\nsink = \"age:age1:first.csv\"", "sink"),
        ("mode = \"template\"\nsink = \"file:f\"", "template"),
        ("mode = \"template\"\nsink = \"file:f\"\ntemplate = \"{nobody}\"", "template"),
        ("mode = \"random\"\nsink = \"file:f\"\nlength = 7", "length"),
        ("mode = \"random\"\nsink = \"file:f\"\nclasses = []", "classes"),
    ] {
        world.write("rosterd.toml", &format!("{settings}[target.initial_password]\n{lines}\n"));
        let said = world.run(&["config", "check"]).expect(1);
        assert!(said.err.contains(&format!("initial_password.{key}")), "{lines}: {}", said.err);
    }
}
