//! Whom rosterd talks to: every way to trust, on both TLS libraries, against real TLS servers on loopback. What counts
//! is that not one byte of a request reaches a server that is not trusted.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use rosterd::clock::SystemClock;
use rosterd::config::TargetConfig;
use rosterd::gateway::{Gateway, GatewayError, HttpGateway, Mutation, Outcome, WhyKind};
use rosterd::http::{
    Answer, Backend, Failure, FailureKind, HttpError, Options, Pin, Request, Transport, Trust, Url,
};
use rosterd::model::Username;
use rosterd::secret::Secret;
use rustls::version::{TLS12, TLS13};

use crate::tls_server::{self as server, ANSWER, Device, Identity, Making, ec};

/// Every library that this build has.
pub const BACKENDS: &[Backend] =
    if rosterd::http::HAS_OPENSSL { &[Backend::Rustls, Backend::Openssl] } else { &[Backend::Rustls] };

/// Their names in a configuration.
pub fn names() -> impl Iterator<Item = serde_json::Value> {
    BACKENDS.iter().map(|backend| serde_json::to_value(backend).unwrap())
}

pub fn transport(trust: Trust, backend: Backend) -> Transport {
    Transport::new(&Options { backend, ..Options::new(trust, Duration::from_secs(20)) }).unwrap()
}

async fn post(transport: &Transport, url: Url) -> Result<Answer, Failure> {
    transport.send(Request::post_form(url, Secret::new("token=hunter2".into()))).await
}

async fn ask(trust: &Trust, backend: Backend, device: &Device) -> Result<Answer, Failure> {
    post(&transport(trust.clone(), backend), device.url()).await
}

fn pins(identities: &[&Identity]) -> Trust {
    Trust::Pins(identities.iter().map(|identity| identity.pin()).collect())
}

async fn accepted(trust: &Trust, device: &Device) {
    for &backend in BACKENDS {
        let answer = ask(trust, backend, device).await;
        assert_eq!(answer.map(|a| a.status), Ok(200), "{trust:?} {backend:?}");
    }
    assert!(device.received().contains("token=hunter2"));
}

/// Refused in the handshake, with these words, before anything was sent.
async fn refused(trust: &Trust, device: &Device, words: &str) {
    let before = device.received().len();
    for &backend in BACKENDS {
        let answer = ask(trust, backend, device).await;
        let failure = answer.expect_err(&format!("{trust:?} {backend:?} wants: {words}"));
        assert_eq!(failure.kind, FailureKind::Tls, "{trust:?} {backend:?} {failure}");
        assert!(failure.not_sent());
        assert!(failure.detail.contains(words), "{trust:?} {backend:?}: {failure}");
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
    assert_eq!(device.received().len(), before, "{trust:?}: something was sent");
}

#[tokio::test]
async fn a_pin_stands_for_name_and_expiry() {
    let mut expired = Making::new(ec());
    expired.valid = (-300, -30);
    let mut future = Making::new(ec());
    future.valid = (30, 300);
    let mut other_name = Making::new(ec());
    other_name.names = vec!["vpn.example.com", "10.9.9.9"];
    let mut authority = Making::new(ec());
    authority.authority = true;
    for making in [expired, future, other_name, authority] {
        let identity = Identity::own(making);
        let device = server::device(&identity).await;
        accepted(&pins(&[&identity]), &device).await;
        let stranger = Identity::usual();
        accepted(&pins(&[&stranger, &identity]), &device).await;
        refused(&pins(&[&stranger]), &device, &identity.pin().to_string()).await;
    }
}

#[tokio::test]
async fn a_changed_certificate_is_refused_before_the_first_signed_byte() {
    let (old, new) = (Identity::usual(), Identity::usual());
    for &backend in BACKENDS {
        let client = transport(pins(&[&old]), backend);
        let before = server::device(&old).await;
        post(&client, before.url()).await.unwrap();
        let after = server::device(&new).await;
        let failure = post(&client, after.url()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Tls);
        assert_eq!(after.received(), "");
    }
}

#[tokio::test]
async fn a_mutation_to_a_changed_certificate_is_not_sent() {
    let device = server::device(&Identity::usual()).await;
    let old = Identity::usual().pin().to_string();
    for backend in names() {
        let tls = serde_json::json!({ "pin_sha256": [old], "backend": backend });
        let client = gateway(device.url().origin().ascii_serialization(), tls).unwrap();
        let mutation = Mutation::Delete(vec![Username::new("u").unwrap()]);
        match client.mutate(&mutation).await {
            Outcome::NotSent(why) => assert_eq!(why.kind, WhyKind::Tls),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(device.received(), "");
}

fn gateway(url: String, tls: serde_json::Value) -> Result<HttpGateway<SystemClock>, GatewayError> {
    let target: TargetConfig =
        serde_json::from_value(serde_json::json!({ "name": "hq", "url": url, "tls": tls })).unwrap();
    HttpGateway::new(&target, Secret::new("key".into()), Path::new("/"), SystemClock::new())
}

#[tokio::test]
async fn a_right_chain_with_a_wrong_pin_is_refused() {
    let mut ca = Making::new(ec());
    ca.authority = true;
    let ca = Identity::own(ca);
    let device_cert = Identity::signed_by(&ca, Making::new(ec()));
    let middle = Identity::signed_by(&ca, Making::new(ec()));
    let file = ca.file();
    let by_chain = Trust::CaFile(file.path().into());

    let honest = server::device(&device_cert).await;
    accepted(&by_chain, &honest).await;
    accepted(&pins(&[&device_cert]), &honest).await;

    // Whoever can make the authority sign for them has a valid certificate, and still not the pinned key.
    for version in [&TLS12, &TLS13] {
        let man = server::rustls(&[&middle, &ca], &middle, version).await;
        accepted(&by_chain, &man).await;
        refused(&pins(&[&device_cert]), &man, &middle.pin().to_string()).await;
    }
    // A pin is of the server's own key: the authority's, sent along, does not count.
    let man = server::rustls(&[&middle, &device_cert, &ca], &middle, &TLS13).await;
    refused(&pins(&[&device_cert]), &man, &middle.pin().to_string()).await;
    refused(&pins(&[&ca]), &man, &middle.pin().to_string()).await;
}

#[tokio::test]
async fn a_chain_is_checked_for_name_expiry_and_authority() {
    let mut ca = Making::new(ec());
    ca.authority = true;
    let (ca, other) = (Identity::own(ca.clone()), Identity::own(Making { key: ec(), ..ca }));
    let mut expired = Making::new(ec());
    expired.valid = (-300, -30);
    let mut name = Making::new(ec());
    name.names = vec!["vpn.example.com"];
    let file = ca.file();
    let trust = Trust::CaFile(file.path().into());
    for making in [expired, name] {
        let identity = Identity::signed_by(&ca, making);
        refused(&trust, &server::device(&identity).await, "not trusted").await;
    }
    let stranger = Identity::signed_by(&other, Making::new(ec()));
    refused(&trust, &server::device(&stranger).await, "not trusted").await;
    refused(&Trust::System, &server::device(&stranger).await, "not trusted").await;
}

#[tokio::test]
async fn names_are_checked_for_hosts_as_for_addresses() {
    let mut ca = Making::new(ec());
    ca.authority = true;
    let ca = Identity::own(ca);
    let mut making = Making::new(ec());
    making.names = vec!["localhost"];
    let identity = Identity::signed_by(&ca, making);
    let device = server::device(&identity).await;
    let file = ca.file();
    let trust = Trust::CaFile(file.path().into());
    for &backend in BACKENDS {
        let client = transport(trust.clone(), backend);
        assert_eq!(post(&client, device.url_as("localhost")).await.unwrap().status, 200);
        let failure = post(&client, device.url()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Tls, "{failure}");
    }
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_refused() {
    let real = Identity::usual();
    let thief = real.stolen(&ec());
    let file = real.file();
    for version in [&TLS12, &TLS13] {
        let device = server::rustls(&[&thief], &thief, version).await;
        refused(&pins(&[&real]), &device, "cannot sign").await;
        refused(&Trust::CaFile(file.path().into()), &device, "cannot sign").await;
    }
}

#[tokio::test]
async fn a_stolen_rsa_certificate_without_its_key_is_refused() {
    let real = Identity::own(Making::new(server::rsa_2048()));
    let thief = real.stolen(&server::rsa());
    for version in [&TLS12, &TLS13] {
        let device = server::rustls(&[&thief], &thief, version).await;
        refused(&pins(&[&real]), &device, "cannot sign").await;
    }
}

#[tokio::test]
async fn a_device_certificate_in_the_ca_file_is_trusted_as_it_is() {
    let mut making = Making::new(ec());
    making.valid = (-300, -30);
    making.names = vec!["vpn.example.com"];
    let identity = Identity::own(making.clone());
    let file = identity.file();
    let trust = Trust::CaFile(file.path().into());
    accepted(&trust, &server::device(&identity).await).await;
    // The same name and dates with another key are another device.
    let twin = Identity::own(Making { key: ec(), ..making.clone() });
    refused(&trust, &server::device(&twin).await, "not trusted").await;
    // A self-signed certificate that is no authority vouches for nobody else.
    let child = Identity::signed_by(&identity, Making::new(ec()));
    refused(&trust, &server::rustls(&[&child, &identity], &child, &TLS13).await, "not trusted").await;
}

#[tokio::test]
async fn insecure_trusts_anybody() {
    let mut making = Making::new(ec());
    making.valid = (-300, -30);
    accepted(&Trust::Insecure, &server::device(&Identity::own(making)).await).await;
}

#[test]
fn insecure_says_so_loudly_whenever_a_client_is_made() {
    #[derive(Clone, Default)]
    struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        for trust in [Trust::Insecure, pins(&[&Identity::usual()])] {
            for &backend in BACKENDS {
                drop(transport(trust.clone(), backend));
            }
        }
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("WARN").count(), BACKENDS.len(), "{text}");
    assert_eq!(text.matches("NOT verified").count(), BACKENDS.len(), "{text}");
}

#[test]
fn a_typo_in_a_pin_never_falls_back() {
    let good = Identity::usual().pin().to_string();
    let url = || "https://127.0.0.1:1".to_owned();
    for backend in names() {
        let make = |pins: &[&str]| {
            gateway(url(), serde_json::json!({ "pin_sha256": pins, "backend": backend })).map(|_| ())
        };
        assert_eq!(make(&[&good]), Ok(()));
        let of = |source| Err(GatewayError::Http { target: "hq".into(), source });
        assert_eq!(make(&[]), of(HttpError::NoPins));
        for bad in ["", &good[1..], "AAAA", &format!("{good}A"), &good.replace('=', "")] {
            assert_eq!(make(&[&good, bad]), of(HttpError::BadPin { pin: bad.into() }), "{bad}");
        }
        let both = serde_json::json!({ "pin_sha256": [good], "insecure": true, "backend": backend });
        assert!(matches!(gateway(url(), both), Err(GatewayError::TrustTwice { .. })));
    }
    for &backend in BACKENDS {
        let options = Options { backend, ..Options::new(Trust::Pins(vec![]), Duration::from_secs(1)) };
        assert_eq!(Transport::new(&options).map(|_| ()), Err(HttpError::NoPins));
    }
    assert_eq!(Pin::parse_all(std::slice::from_ref(&good)).map(|all| all[0].to_string()), Ok(good));
}

#[test]
fn plain_http_goes_to_loopback_only() {
    for url in ["http://10.0.0.1:4430", "http://example.com", "http://127.0.0.1.example.com"] {
        let made = gateway(url.into(), serde_json::json!({}));
        let refused = matches!(made, Err(GatewayError::Http { source: HttpError::BadUrl { .. }, .. }));
        assert!(refused, "{url}");
    }
    assert!(gateway("http://127.0.0.1:4430".into(), serde_json::json!({})).is_ok());
}

#[tokio::test]
async fn plain_http_works_under_both_backends() {
    let device = server::plain(b"").await;
    for &backend in BACKENDS {
        let client = transport(Trust::System, backend);
        let url = Url::parse(&format!("http://{}/", device.address)).unwrap();
        assert_eq!(post(&client, url).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let identity = Identity::usual();
    let device = server::device(&identity).await;
    for &backend in BACKENDS {
        let client = transport(pins(&[&identity]), backend);
        for _ in 0..3 {
            let answer = post(&client, device.url()).await.unwrap();
            assert_eq!(answer.body, ANSWER.rsplit("\r\n").next().unwrap().as_bytes());
        }
    }
    assert_eq!(device.connections(), BACKENDS.len());
    assert_eq!(device.received().matches("token=hunter2").count(), 3 * BACKENDS.len());
    assert_eq!(device.received().to_lowercase().matches("accept: */*").count(), 3 * BACKENDS.len());
}

/// Runs one test of this program again as a process of its own, with these variables.
fn again(test: &str, variables: &[(&str, &str)]) -> std::process::Output {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("tls::{test}"), "--nocapture"]);
    command.envs(variables.iter().copied()).env("ROSTERD_TEST_CHILD", "1").output().unwrap()
}

/// Not a test by itself: the other half of the tests below, which need an environment of their own.
#[tokio::test]
async fn child() {
    if std::env::var_os("ROSTERD_TEST_CHILD").is_none() {
        return;
    }
    let url = Url::parse(&std::env::var("TEST_URL").unwrap()).unwrap();
    for &backend in BACKENDS {
        let trust = match std::env::var("TEST_PIN") {
            Ok(pin) => Trust::Pins(vec![Pin::parse(&pin).unwrap()]),
            Err(_) => Trust::System,
        };
        let said = match post(&transport(trust, backend), url.clone()).await {
            Ok(answer) => answer.status.to_string(),
            Err(failure) => format!("{:?}", failure.kind),
        };
        writeln!(std::io::stdout(), "child: {said}").unwrap();
    }
}

async fn in_child(variables: Vec<(&'static str, String)>) -> Vec<String> {
    let output = tokio::task::spawn_blocking(move || {
        let variables: Vec<_> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
        again("child", &variables)
    });
    let output = output.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| Some(line.split_once("child: ")?.1.to_owned())).collect()
}

/// The same word from every library.
fn all(said: &str) -> Vec<String> {
    vec![said.to_owned(); BACKENDS.len()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_and_netrc_of_the_environment_are_ignored() {
    let identity = Identity::usual();
    let device = server::device(&identity).await;
    let proxy = server::plain(b"").await;
    let home = tempfile::tempdir().unwrap();
    let netrc = home.path().join(".netrc");
    std::fs::write(&netrc, "machine 127.0.0.1 login u password hunter3\n").unwrap();
    let mut variables = vec![
        ("TEST_URL", device.url().to_string()),
        ("TEST_PIN", identity.pin().to_string()),
        ("HOME", home.path().display().to_string()),
        ("NETRC", netrc.display().to_string()),
    ];
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"] {
        variables.push((name, format!("http://{}", proxy.address)));
    }
    assert_eq!(in_child(variables).await, all("200"));
    assert_eq!(proxy.connections(), 0);
    assert_eq!(device.received().matches("token=hunter2").count(), BACKENDS.len());
    assert!(!device.received().to_lowercase().contains("authorization"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_middle_man_whom_the_system_trusts_is_refused_under_a_pin() {
    let mut ca = Making::new(ec());
    ca.authority = true;
    let ca = Identity::own(ca);
    let middle = Identity::signed_by(&ca, Making::new(ec()));
    let device = server::device(&middle).await;
    let file = ca.file();
    let mut variables =
        vec![("TEST_URL", device.url().to_string()), ("SSL_CERT_FILE", file.path().display().to_string())];
    assert_eq!(in_child(variables.clone()).await, all("200"));
    let before = device.received().len();
    variables.push(("TEST_PIN", Identity::usual().pin().to_string()));
    assert_eq!(in_child(variables).await, all("Tls"));
    assert_eq!(device.received().len(), before);
}

/// What `SSL_CERT_FILE` and `SSL_CERT_DIR` name is all that the system trusts, whichever library asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_says_whom_the_system_trusts() {
    let mut ca = Making::new(ec());
    ca.authority = true;
    let (ca, stranger) =
        (Identity::own(ca.clone()), Identity::own(Making { key: ec(), common: Some("Another CA"), ..ca }));
    let device = server::device(&Identity::signed_by(&ca, Making::new(ec()))).await;
    let (file, strangers_file) = (ca.file(), stranger.file());
    // Not named as OpenSSL itself looks for files in a folder.
    let (folder, strangers_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("our-authority.pem"), ca.pem()).unwrap();
    std::fs::write(strangers_folder.path().join("other.pem"), stranger.pem()).unwrap();
    let said = async |variables: &[(&'static str, &Path)]| {
        let paths = variables.iter().map(|(name, path)| (*name, path.display().to_string()));
        in_child(paths.chain([("TEST_URL", device.url().to_string())]).collect()).await
    };
    assert_eq!(said(&[("SSL_CERT_FILE", file.path())]).await, all("200"));
    assert_eq!(said(&[("SSL_CERT_DIR", folder.path())]).await, all("200"));
    assert_eq!(said(&[("SSL_CERT_FILE", strangers_file.path())]).await, all("Tls"));
    assert_eq!(said(&[("SSL_CERT_DIR", strangers_folder.path())]).await, all("Tls"));
    let both = [("SSL_CERT_FILE", strangers_file.path()), ("SSL_CERT_DIR", folder.path())];
    assert_eq!(said(&both).await, all("200"));
}

/// A build without OpenSSL refuses to be asked for it, and says where to get it.
#[cfg(not(feature = "openssl"))]
#[test]
fn a_build_without_openssl_says_so() {
    let refused = gateway("https://127.0.0.1:1".into(), serde_json::json!({ "backend": "openssl" }));
    let error = refused.map(|_| ()).unwrap_err();
    assert_eq!(error, GatewayError::Http { target: "hq".into(), source: HttpError::NoOpenssl });
    assert!(error.to_string().contains("--features static-openssl"), "{error}");
}
