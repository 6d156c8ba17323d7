//! The simulated gateway over real HTTP on loopback: our client and other people's, quirks, faults, memory of a restart.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rosterd::clock::{Clock, SystemClock};
use rosterd::config::TargetConfig;
use rosterd::gateway::embedded::{FaultSpec, Furniture, Quirk, Server, ServerOptions, lock};
use rosterd::gateway::{Dialect, Gateway, HttpGateway, Mutation, Outcome, ReadError, RefusalKind, WhyKind};
use rosterd::secret::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::gateway_device::{DIALECTS, Manual, World, add, conforms, furniture, name};

const KEY: &str = "the-key";

struct Running {
    server: Server<Manual>,
    clock: Manual,
    address: String,
    _stop: DropGuard,
}

fn options(dialect: Dialect) -> ServerOptions {
    ServerOptions { furniture: furniture(), ..ServerOptions::new(dialect, Secret::new(KEY.into())) }
}

async fn run(options: ServerOptions) -> Running {
    let clock = Manual::new();
    let server = Server::new(options, clock.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    tokio::spawn(server.clone().serve(listener, stop.clone()));
    Running { server, clock, address, _stop: stop.drop_guard() }
}

fn target(address: &str, dialect: Dialect) -> TargetConfig {
    let url = format!("http://{address}");
    let tls = serde_json::json!({ "insecure": true });
    let target = serde_json::json!({ "name": "hq", "url": url, "dialect": dialect.as_str(), "tls": tls });
    serde_json::from_value(target).unwrap()
}

impl Running {
    fn client_with(&self, change: impl Fn(&mut TargetConfig)) -> HttpGateway<Manual> {
        let mut target = target(&self.address, lock(&self.server.device()).dialect());
        change(&mut target);
        HttpGateway::new(&target, Secret::new(KEY.into()), Path::new("/"), self.clock.clone()).unwrap()
    }

    fn client(&self) -> HttpGateway<Manual> {
        self.client_with(|_| ())
    }

    fn world(&self) -> World<HttpGateway<Manual>> {
        World { gateway: self.client(), device: self.server.device(), clock: self.clock.clone() }
    }

    /// Sends bytes as they are and gives what comes back, up to the end of the connection.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn the_device_behind_http_conforms() {
    for dialect in DIALECTS {
        conforms(&run(options(dialect)).await.world()).await;
    }
}

#[tokio::test]
async fn the_client_takes_every_way_of_writing() {
    use Quirk::{CodeAsString, GrpnameOnly, HtmlErrors, MissingIsEnable, NumbersAsInts, ResultAsString};
    let sets = [
        vec![NumbersAsInts, GrpnameOnly],
        vec![CodeAsString, ResultAsString, HtmlErrors],
        vec![NumbersAsInts, ResultAsString, MissingIsEnable],
    ];
    for dialect in DIALECTS {
        for quirks in &sets {
            let options = ServerOptions { quirks: quirks.iter().copied().collect(), ..options(dialect) };
            conforms(&run(options).await.world()).await;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_known() {
    let quirks = BTreeSet::from([Quirk::BadEscape, Quirk::NoCode]);
    let running = run(ServerOptions { quirks, ..options(Dialect::UpdaterCloud) }).await;
    let client = running.client();
    assert_eq!(client.mutate(&add("a")).await, Outcome::Applied);
    assert!(
        matches!(client.user(&name("a")).await, Err(ReadError::Failed(why)) if why.kind == WhyKind::Unusable)
    );
    assert!(matches!(client.mutate(&add("a")).await, Outcome::Unknown(why) if why.kind == WhyKind::Unusable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_take_one_connection() {
    let running = run(options(Dialect::UpdaterCloud)).await;
    let client = running.client();
    for n in 0..1000 {
        assert_eq!(client.mutate(&add(&format!("u{n}"))).await, Outcome::Applied);
    }
    assert_eq!(client.commit().await, Outcome::Applied);
    assert_eq!(running.server.connections(), 1);
    let device = running.server.device();
    let counters = lock(&device).counters().clone();
    assert_eq!((counters.mutations, counters.commits, counters.refused), (1000, 1, 0));
}

#[tokio::test]
async fn a_wrong_key_clock_or_recipe_is_told() {
    let running = run(options(Dialect::Openapi)).await;
    let device = running.server.device();
    let refused =
        |outcome| matches!(outcome, Outcome::Refused(refusal) if refusal.kind == RefusalKind::Token);
    let target = target(&running.address, Dialect::Openapi);
    let wrong = HttpGateway::new(&target, Secret::new("x".into()), Path::new("/"), running.clock.clone());
    assert!(refused(wrong.unwrap().commit().await));
    let md5 = running.client_with(|target| target.token.digest = Some(rosterd::config::TokenDigest::Md5));
    assert!(refused(md5.commit().await));
    let bare = running.client_with(|target| target.token.send_timestamp = Some(false));
    assert!(refused(bare.commit().await));
    lock(&device).set_clock_skew(400);
    assert!(refused(running.client().commit().await));
    lock(&device).set_clock_skew(0);
    assert_eq!(running.client().commit().await, Outcome::Applied);
    assert_eq!(lock(&device).counters().commits, 1);
}

#[tokio::test]
async fn an_old_device_takes_tokens_with_and_without_a_timestamp() {
    let running = run(options(Dialect::UpdaterCloud)).await;
    let bare = running.client_with(|target| target.token.send_timestamp = Some(false));
    assert_eq!(bare.mutate(&add("a")).await, Outcome::Applied);
    assert_eq!(running.client().mutate(&add("b")).await, Outcome::Applied);
}

/// Clients that others wrote: parameters in the query, in any order, with other headers, a token in capitals, spaces as
/// plus signs, keep-alive or not.
#[tokio::test]
async fn other_peoples_clients_are_served() {
    use sha2::Digest;
    let running = run(options(Dialect::Openapi)).await;
    let stamp = running.clock.now().timestamp().to_string();
    let token = |own: &str| {
        let mut all: Vec<_> = own.split('&').map(str::to_owned).collect();
        all.push(format!("timestamp={stamp}"));
        all.sort();
        hex::encode(sha2::Sha256::digest(format!("{}{stamp}{KEY}", all.join("&"))))
    };
    let path = "/cgi-bin/php-cgi/html/delegatemodule/WebApi.php";

    let signed = token("action=AddUserCloud&controler=User&name=a b&parent_group=/&delay_flush=1&note=张");
    let body = format!(
        "sinfor_apitoken={}&timestamp={stamp}&name=a+b&note=%E5%BC%A0&parent_group=/&delay_flush=1",
        signed.to_uppercase()
    );
    let answer = running
        .raw(&format!(
            "POST {path}?action=AddUserCloud&controler=User HTTP/1.1\r\nhost: x\r\nx-odd: 1\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
        .await;
    assert!(answer.contains(r#""code":0,"success":true"#), "{answer}");

    let signed = token("action=ExGetUserInfo&controler=User&username=a b");
    let query = format!(
        "controler=User&timestamp={stamp}&username=a%20b&sinfor_apitoken={signed}&action=ExGetUserInfo"
    );
    let answer =
        running.raw(&format!("POST {path}?{query} HTTP/1.0\r\nhost: x\r\ncontent-length: 0\r\n\r\n")).await;
    assert!(answer.contains(r#""name":"a b","note":"\u5f20""#), "{answer}");

    let everything = format!("{query}&unheard=of");
    let answer = running
        .raw(&format!(
            "POST {path} HTTP/1.0\r\nhost: x\r\ncontent-length: {}\r\n\r\n{everything}",
            everything.len()
        ))
        .await;
    assert!(answer.contains(r#""code":4,"success":false"#), "an unsigned parameter: {answer}");

    let signed = token("action=ExtSetUserEnable&controler=User&enable=0&type=1&username=a b");
    let body = format!("username=a+b&enable=0&timestamp={stamp}&sinfor_apitoken={signed}");
    let answer = running
        .raw(&format!(
            "POST {path}?controler=User&action=ExtSetUserEnable&type=1 HTTP/1.0\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    assert!(answer.contains(r#""code":0"#), "{answer}");
    let device = running.server.device();
    assert!(!lock(&device).effective_users()["a b"].enabled, "in effect at once");
}

#[tokio::test]
async fn wrong_addresses_are_told_apart() {
    let running = run(options(Dialect::UpdaterCloud)).await;
    let path = "/cgi-bin/php-cgi/html/delegatemodule/WebApi.php";
    let ask = async |target: &str| {
        running.raw(&format!("POST {target} HTTP/1.0\r\nhost: x\r\ncontent-length: 0\r\n\r\n")).await
    };
    assert!(ask("/").await.starts_with("HTTP/1.0 404"));
    assert!(ask(path).await.contains(r#""code":404"#));
    for query in [
        "controler=User&action=Nonsense",
        "controler=User&action=UpdaterCloud",
        "controler=Role&action=GetRoleListDataCloud",
    ] {
        assert!(ask(&format!("{path}?{query}")).await.contains(r#""code":1,"#), "{query}");
    }
    let quirks = BTreeSet::from([Quirk::HtmlErrors]);
    let running = run(ServerOptions { quirks, ..options(Dialect::UpdaterCloud) }).await;
    let answer = running
        .raw(&format!("POST {path}?controler=User&action=X HTTP/1.0\r\nhost: x\r\ncontent-length: 0\r\n\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.0 404") && answer.contains("<html>"), "{answer}");
}

/// What each fault does to the device and to us.
#[tokio::test]
async fn faults_do_what_they_say() {
    let meet = async |spec: &str| {
        let faults = vec![spec.parse::<FaultSpec>().unwrap()];
        let running = run(ServerOptions { faults, ..options(Dialect::UpdaterCloud) }).await;
        let client = running.client_with(|target| target.pace.timeout = rosterd::config::Span::seconds(5));
        let outcome = client.mutate(&add("a")).await;
        let done = lock(&running.server.device()).stored_users().contains_key("a");
        let kind = match outcome {
            Outcome::Unknown(why) => Some(why.kind),
            Outcome::Applied => None,
            other => panic!("{other:?}"),
        };
        (kind, done)
    };
    assert_eq!(meet("drop_before=1").await, (Some(WhyKind::Broken), false));
    assert_eq!(meet("drop_after=1").await, (Some(WhyKind::Broken), true));
    assert_eq!(meet("truncate=1").await, (Some(WhyKind::Unusable), true));
    assert_eq!(meet("no_code=1").await, (Some(WhyKind::Unusable), true));
    assert_eq!(meet("slow=1,slow_by=10").await, (None, true));
    assert_eq!(meet("drop_before=1,calls=reads").await, (None, true));
    for (spec, kind) in
        [("http500=1", WhyKind::ServerError), ("html=1", WhyKind::Unusable), ("timeout=1", WhyKind::Broken)]
    {
        assert_eq!(meet(spec).await.0, Some(kind), "{spec}");
    }
}

#[tokio::test]
async fn a_late_call_lands_after_its_connection_is_gone() {
    let faults = vec!["late=1,late_by=60000,calls=mutations".parse().unwrap()];
    let running = run(ServerOptions { faults, ..options(Dialect::UpdaterCloud) }).await;
    assert!(matches!(running.client().mutate(&add("a")).await, Outcome::Unknown(_)));
    let device = running.server.device();
    while lock(&device).log().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(lock(&device).stored_users().contains_key("a"));
}

#[tokio::test]
async fn half_of_a_delete_is_done() {
    for dialect in DIALECTS {
        let faults = vec!["half=1".parse().unwrap()];
        let running = run(ServerOptions { faults, ..options(dialect) }).await;
        let client = running.client();
        let all = ["a", "b", "c", "d"];
        for user in all {
            assert_eq!(client.mutate(&add(user)).await, Outcome::Applied);
        }
        let gone = Mutation::Delete(all.iter().map(|user| name(user)).collect());
        assert!(matches!(client.mutate(&gone).await, Outcome::Unknown(_)));
        let device = running.server.device();
        assert_eq!(lock(&device).stored_users().into_keys().collect::<Vec<_>>(), ["c", "d"]);
    }
}

#[tokio::test]
async fn latency_and_the_cost_of_a_commit_pass_on_the_clock() {
    let options = ServerOptions {
        latency: Duration::from_secs(2),
        commit_cost: Duration::from_secs(30),
        ..options(Dialect::UpdaterCloud)
    };
    let running = run(options).await;
    let client = running.client();
    let start = running.clock.now();
    assert_eq!(client.mutate(&add("a")).await, Outcome::Applied);
    assert_eq!((running.clock.now() - start).num_seconds(), 2);
    assert_eq!(client.commit().await, Outcome::Applied);
    assert_eq!((running.clock.now() - start).num_seconds(), 34);
}

#[tokio::test]
async fn the_state_page_shows_both_layers() {
    let running = run(options(Dialect::UpdaterCloud)).await;
    let client = running.client();
    assert_eq!(client.mutate(&add("a")).await, Outcome::Applied);
    let answer = running.raw("GET /__state HTTP/1.0\r\nhost: x\r\n\r\n").await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let state: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(state["database"]["users"]["a"]["group"], "/总公司/销售部");
    assert_eq!(state["effective"]["users"], serde_json::json!({}));
    assert_eq!(state["counters"]["mutations"], 1);
    assert_eq!(state["log"][0]["action"], "AddUserCloud");
    assert_eq!(state["dirty"], true);
}

#[tokio::test]
async fn an_embedded_target_needs_nothing_and_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hq.device");
    let mut target = target("", Dialect::UpdaterCloud);
    target.url = "embedded".into();
    for round in 0..2 {
        let client =
            HttpGateway::open(&target, None, Path::new("/"), &data, SystemClock::new()).await.unwrap();
        let expected = if round == 0 { Outcome::Applied } else { client.mutate(&add("a")).await };
        if round == 0 {
            assert_eq!(client.mutate(&add("a")).await, expected);
            assert_eq!(client.commit().await, Outcome::Applied);
        } else {
            assert!(matches!(expected, Outcome::Refused(refusal) if refusal.kind == RefusalKind::NameTaken));
        }
        let device = client.embedded_device().unwrap();
        assert!(lock(device).effective_users().contains_key("a"));
    }
}

#[test]
fn a_file_of_groups_is_read_with_its_line_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groups");
    std::fs::write(&file, "\u{feff}# groups\n/总公司/销售部\n\nrole CRM\nserver LDAP 总部\n").unwrap();
    let furniture = Furniture::read(&file).unwrap();
    assert_eq!(furniture.groups.len(), 1);
    assert_eq!((furniture.roles, furniture.servers), (vec!["CRM".to_owned()], vec!["LDAP 总部".to_owned()]));
    std::fs::write(&file, "/a\nb\n").unwrap();
    assert!(Furniture::read(&file).unwrap_err().to_string().contains("line 2"));
    assert!(Quirk::ALL.iter().all(|quirk| quirk.as_str().parse() == Ok(*quirk)));
    assert!("unheard-of".parse::<Quirk>().unwrap_err().to_string().contains("missing-is-enable"));
}

#[tokio::test]
async fn probes_find_the_recipe_the_clock_and_the_dialect() {
    use rosterd::config::TokenDigest::{Md5, Sha256};
    for (dialect, quirks, digest, stamped) in [
        (Dialect::Openapi, vec![], Sha256, true),
        (Dialect::Openapi, vec![Quirk::TokenMd5], Md5, true),
        (Dialect::UpdaterCloud, vec![], Md5, true),
        (Dialect::UpdaterCloud, vec![Quirk::TokenSha256, Quirk::TokenNoTimestamp], Sha256, false),
        (Dialect::UpdaterCloud, vec![Quirk::TokenNoTimestamp], Md5, false),
    ] {
        let running = run(ServerOptions { quirks: quirks.into_iter().collect(), ..options(dialect) }).await;
        let found = running.client().probe_recipes().await.unwrap().unwrap();
        let config = found.recipe.config();
        assert_eq!((config.digest, config.send_timestamp), (Some(digest), Some(stamped)), "{dialect:?}");
        assert!(!found.by_device_clock);
        let right = running.client_with(|target| target.token = config.clone());
        assert!(right.probe().await.unwrap().accepted);
        assert_eq!(right.probe_dialect().await, Ok(dialect));
        let counters = lock(&running.server.device()).counters().clone();
        assert_eq!((counters.mutations, counters.commits), (0, 0));
    }
}

#[tokio::test]
async fn probes_tell_a_wrong_clock_from_a_wrong_key() {
    let faults = vec!["skew=360".parse().unwrap()];
    let running = run(ServerOptions { faults, ..options(Dialect::Openapi) }).await;
    let probe = running.client().probe().await.unwrap();
    assert_eq!((probe.accepted, probe.clock_ahead().map(|a| a.num_seconds())), (false, Some(360)));
    let found = running.client().probe_recipes().await.unwrap().unwrap();
    assert!(found.by_device_clock);
    let target = target(&running.address, Dialect::Openapi);
    let wrong =
        HttpGateway::new(&target, Secret::new("x".into()), Path::new("/"), running.clock.clone()).unwrap();
    assert_eq!(wrong.probe_recipes().await, Ok(None));
}

#[tokio::test]
async fn what_a_server_presents_is_shown_and_nothing_is_sent() {
    use crate::tls_server::{self, Identity, Making, ec};
    use rosterd::gateway::probe::presented;
    let soon = Duration::from_secs(20);
    let usual = Identity::usual();
    let expired = Identity::own(Making { valid: (-300, -30), ..Making::new(ec()) });
    let devices = [(tls_server::device(&usual).await, usual), (tls_server::device(&expired).await, expired)];
    #[cfg(feature = "openssl")]
    let devices = {
        use crate::tls_old::{Making, openssl, own};
        let old = own(Making { v1: true, valid: (-300, -30), ..Making::new(1024) });
        devices.into_iter().chain([(openssl(&old, |_| {}).await, old)])
    };
    for (device, identity) in devices {
        let shown = presented(&device.url(), soon).await.unwrap();
        assert_eq!(shown.certificate.pin, identity.pin());
        assert!(shown.protocol.starts_with("TLSv1") && !shown.cipher.is_empty(), "{shown:?}");
        assert!(shown.certificate.subject.contains("Sangfor SSL VPN"), "{shown:?}");
        let (from, to) = (shown.certificate.not_before.unwrap(), shown.certificate.not_after.unwrap());
        assert!(from < to);
        assert_eq!(device.received(), "");
    }
    let plain = run(options(Dialect::Openapi)).await;
    let url = format!("https://{}", plain.address).parse().unwrap();
    assert_eq!(presented(&url, soon).await.unwrap_err().kind, WhyKind::Tls);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let silent = presented(&url, Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(silent.kind, WhyKind::Timeout);
    drop(listener);
    assert_eq!(presented(&url, soon).await.unwrap_err().kind, WhyKind::Connect);
}
