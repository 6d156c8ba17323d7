//! Both cloud APIs over real HTTP on loopback: what is on the wire, what other clients may send, and what is logged.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rosterd::clock::{Clock, SystemClock};
use rosterd::cloud::open::{self, Place};
use rosterd::cloud::params::Params;
use rosterd::cloud::simulated::{CloudState, Fault, Simulated, router};
use rosterd::cloud::tencent::{Mode, Outcome, sign};
use rosterd::cloud::ucloud;
use rosterd::config::Env;
use rosterd::config::cloud::{OobConfig, SignatureMethod, UcloudConfig};
use rosterd::secret::Secret;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The machine's time, but nobody waits.
#[derive(Clone)]
struct Quick(SystemClock);

impl Clock for Quick {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
    async fn sleep(&self, _pause: Duration) {}
}

fn clock() -> Quick {
    Quick(SystemClock::new())
}

const KEY: &str = "Gu5t9xGARNpq86cd98joQYCN3Cozk1qA";
const ZONE: u64 = 1_000_100_003;

/// The simulated providers on a port of their own.
async fn serve() -> (Simulated<Quick>, String) {
    let cloud = Simulated::new(CloudState::sample(KEY), clock());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = router(cloud.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (cloud, format!("http://{address}"))
}

fn env() -> Env {
    [("CLOUD_ID", "simulated"), ("CLOUD_KEY", KEY)].into_iter().collect()
}

fn place(env: &Env) -> Place<'_> {
    Place { base: Path::new("/"), env }
}

fn oob(server: &str, more: &serde_json::Value) -> OobConfig {
    let mut settings = serde_json::json!({
        "endpoint": format!("{server}/v2/index.php"), "region": "ap-guangzhou", "zone": ZONE,
        "id": "env:CLOUD_ID", "key": "env:CLOUD_KEY", "retries": 1,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    serde_json::from_value(settings).unwrap()
}

fn ucloud_config(server: &str) -> UcloudConfig {
    serde_json::from_value(serde_json::json!({
        "endpoint": format!("{server}/"), "region": "cn-bj2", "zone": "cn-bj2-05",
        "id": "env:CLOUD_ID", "key": "env:CLOUD_KEY", "retries": 1,
    }))
    .unwrap()
}

#[tokio::test]
async fn every_call_works_over_http_with_both_digests_and_either_host() {
    let (cloud, server) = serve().await;
    let env = env();
    for more in [
        serde_json::json!({}),
        serde_json::json!({ "signature": "HmacSHA1" }),
        serde_json::json!({ "sign_host": "bm.api.qcloud.com" }),
    ] {
        let client = open::oob(&oob(&server, &more), place(&env), clock()).unwrap();
        assert_eq!(client.vpn_info(ZONE).await.unwrap().user, "1251001002", "{more}");
        assert_eq!(client.device("cpm-an5a9wv4").await.unwrap().serial, "06BCYMX");
        assert_eq!(client.zones().await.unwrap().len(), 2);
    }
    let client = open::oob(&oob(&server, &serde_json::json!({})), place(&env), clock()).unwrap();
    let password = Secret::new("tencentV%89".into());
    assert_eq!(client.set_password(&password, Mode::Create).await, Outcome::Applied);
    assert_eq!(cloud.with(|s| s.tencent.vpn.clone().unwrap().password.unwrap()), "tencentV%89");
    let client = open::ucloud(&ucloud_config(&server), place(&env), clock()).unwrap();
    assert_eq!(client.auth_configs(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_broken_connection_leaves_the_outcome_unknown() {
    let (cloud, server) = serve().await;
    let env = env();
    let client = open::oob(&oob(&server, &serde_json::json!({})), place(&env), clock()).unwrap();
    cloud.fail_next("SetOutBandVPNAuthPwd", [Fault::LostAfter]);
    let outcome = client.set_password(&Secret::new("tencentV%89".into()), Mode::Create).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    assert!(!client.vpn_info(ZONE).await.unwrap().be_first, "it had happened");
}

#[tokio::test]
async fn a_request_is_a_post_whose_secrets_are_in_the_body_only() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v2/index.php"))
        .and(header("content-type", "application/x-www-form-urlencoded; charset=UTF-8"))
        .respond_with(ResponseTemplate::new(200).set_body_string(r#"{"code":0,"data":null}"#))
        .expect(1)
        .mount(&server)
        .await;
    let env = env();
    let config = oob(&server.uri(), &serde_json::json!({ "sign_host": "bm.api.qcloud.com" }));
    let client = open::oob(&config, place(&env), clock()).unwrap();
    let password = Secret::new("tencentV%89".into());
    assert_eq!(client.set_password(&password, Mode::Update).await, Outcome::Applied);

    let requests = server.received_requests().await.unwrap();
    let request = &requests[0];
    assert_eq!(request.url.query(), None);
    assert!(!request.headers.iter().any(|(name, value)| {
        name == "referer" || value.to_str().is_ok_and(|v| v.contains("tencentV") || v.contains(KEY))
    }));
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert!(body.contains("password=tencentV%2589&createOrUpdate=update"), "{body}");
    assert!(!body.contains(KEY), "the key signs and is never sent");
    let params = Params::parse(&body).unwrap();
    let names: Vec<_> = params.iter().map(|(name, _)| name.to_owned()).collect();
    let expected = [
        "Action",
        "Region",
        "Timestamp",
        "Nonce",
        "SecretId",
        "SignatureMethod",
        "password",
        "createOrUpdate",
        "Signature",
    ];
    assert_eq!(names, expected);
    let scope = sign::Scope { method: "POST", host: "bm.api.qcloud.com", path: "/v2/index.php" };
    let signature = sign::sign(SignatureMethod::HmacSha256, &Secret::new(KEY.into()), scope, &params);
    assert_eq!(params.get("Signature"), Some(signature.as_str()));
}

#[tokio::test]
async fn ucloud_is_asked_by_post_and_sends_no_empty_parameter() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/"))
        .respond_with(ResponseTemplate::new(200).set_body_string(r#"{"RetCode":0}"#))
        .mount(&server)
        .await;
    let env = env();
    let client = open::ucloud(&ucloud_config(&server.uri()), place(&env), clock()).unwrap();
    assert!(client.auth_configs(Some("www.example.com")).await.unwrap().is_empty());
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].url.query(), None);
    let params = Params::parse(std::str::from_utf8(&requests[0].body).unwrap()).unwrap();
    let names: Vec<_> = params.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["Action", "PublicKey", "Region", "Zone", "Domain", "Signature"]);
    let signature = ucloud::sign::sign(&Secret::new(KEY.into()), &params);
    assert_eq!(params.get("Signature"), Some(signature.as_str()));
}

#[tokio::test]
async fn other_clients_may_use_get_and_json() {
    let (_, server) = serve().await;
    let http = reqwest::Client::new();
    // As the vendor's SDK for Python sends it: a GET, blanks as `+`, no SignatureMethod.
    let params = Params::new()
        .with("Action", "DescribeRegions")
        .with("SecretId", "simulated")
        .with("Nonce", 35342)
        .with("Timestamp", clock().now().timestamp())
        .with("note", "a b");
    let scope = sign::Scope { method: "GET", host: "bm.api.qcloud.com", path: "/v2/index.php" };
    let signature = sign::sign(SignatureMethod::HmacSha1, &Secret::new(KEY.into()), scope, &params);
    let query = params.with("Signature", signature).form().expose().replace("%20", "+");
    let answer =
        http.get(format!("{server}/v2/index.php?&{query}")).send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("ap-guangzhou"), "{answer}");

    let params = Params::new()
        .with("Action", "GetAuthConfig")
        .with("PublicKey", "simulated")
        .with("Region", "cn-bj2")
        .with("Zone", "cn-bj2-05")
        .with("Limit", 10);
    let signature = ucloud::sign::sign(&Secret::new(KEY.into()), &params);
    let body = serde_json::json!({ "Action": "GetAuthConfig", "PublicKey": "simulated", "Region": "cn-bj2",
                                   "Zone": "cn-bj2-05", "Limit": 10, "Signature": signature });
    let answer = http
        .post(format!("{server}/"))
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.headers().contains_key("x-ucloud-request-uuid"));
    assert!(answer.text().await.unwrap().contains("www.example.com"));
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_at_any_level_shows_a_secret() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let (cloud, server) = serve().await;
    let env = env();
    let client = open::oob(&oob(&server, &serde_json::json!({})), place(&env), clock()).unwrap();
    cloud.fail_next("SetOutBandVPNAuthPwd", [Fault::Code(4400), Fault::Code(4000)]);
    let password = Secret::new("tencentV%89".into());
    cloud.fail_next("GetDeviceOutBandInfo", [Fault::Code(9001)]);
    client.device("cpm-an5a9wv4").await.unwrap();
    let refused = client.set_password(&password, Mode::Create).await;
    assert!(matches!(refused, Outcome::Unchanged(_)), "{refused:?}");
    assert_eq!(client.set_password(&password, Mode::Create).await, Outcome::Applied);
    let domains = open::ucloud(&ucloud_config(&server), place(&env), clock()).unwrap();
    domains.auth_configs(None).await.unwrap();
    drop(guard);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("GetDeviceOutBandInfo"), "the log is there: {log}");
    let hex: String = KEY.bytes().map(|b| format!("{b:02x}")).collect();
    for secret in
        [KEY, &hex, "tencentV%89", "tencentV%2589", "h4vBbEz9ocn8h8", "c3RhdGljLWtleS0wMQ", "aXYtMDE"]
    {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
