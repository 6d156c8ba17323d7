//! `rosterd doctor` against real devices on loopback: every trouble that is met in the field has a verdict of its own.

use std::path::Path;

use rosterd::app::App;
use rosterd::clock::SystemClock;
use rosterd::config::Env;
use rosterd::doctor::{self, Finding, Mark};
use rosterd::gateway::Dialect;
use rosterd::gateway::embedded::{Furniture, Quirk, Server, ServerOptions};
use rosterd::model::GroupPath;
use rosterd::secret::{Secret, SecretRef};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tls_server::{self, Identity, Making};

const KEY: &str = "the-key-of-the-device";

struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new(url: &str, more: &str) -> Self {
        Self::with_key(url, more, KEY)
    }

    fn with_key(url: &str, more: &str, key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt;
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        write("key", key);
        write("roster.csv", "工号,姓名,部门,角色\n10001,张三,/总公司/销售部,CRM\n10002,李四,/总公司,CRM\n");
        write(
            "rosterd.toml",
            &format!(
                "[roster]\npath = \"roster.csv\"\nsettle = \"0s\"\n[state]\npath = \"r.db\"\n[[target]]\n\
                 name = \"hq\"\nurl = \"{url}\"\nkey = \"file:key\"\npace = {{ timeout = \"5s\" }}\n{more}\n"
            ),
        );
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn examine(&self) -> Vec<Finding> {
        let app = App::load(Some(&self.path().join("rosterd.toml")), None, Env::default()).unwrap();
        doctor::examine(&app, &[], None).await
    }
}

fn furniture() -> Furniture {
    let groups = ["/总公司", "/总公司/销售部"].map(|path| GroupPath::new(path).unwrap());
    Furniture { groups: groups.into(), roles: vec!["CRM".into()], ..Furniture::default() }
}

fn options(dialect: Dialect) -> ServerOptions {
    ServerOptions { furniture: furniture(), ..ServerOptions::new(dialect, Secret::new(KEY.into())) }
}

struct Device {
    url: String,
    _stop: DropGuard,
}

async fn device(options: ServerOptions) -> Device {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let server = Server::new(options, SystemClock::new()).unwrap();
    tokio::spawn(server.serve(listener, stop.clone()));
    Device { url, _stop: stop.drop_guard() }
}

fn of<'a>(found: &'a [Finding], check: &str) -> &'a Finding {
    found.iter().find(|f| f.check == check).unwrap_or_else(|| panic!("no {check}: {found:#?}"))
}

/// The only failure must be this one, with something to do, and nothing secret in it.
fn only_failure(found: &[Finding], check: &str, verdict: &str) {
    let failed: Vec<_> =
        found.iter().filter(|f| f.status == Mark::Fail).map(|f| (f.check, f.verdict)).collect();
    assert_eq!(failed, [(check, verdict)], "{found:#?}");
    assert!(!of(found, check).next.is_empty(), "{found:#?}");
    let text = serde_json::to_string(found).unwrap();
    assert!(!text.contains(KEY), "{text}");
}

const BOTH: [Dialect; 2] = [Dialect::UpdaterCloud, Dialect::Openapi];

#[tokio::test]
async fn all_is_well() {
    for dialect in BOTH {
        let device = device(options(dialect)).await;
        let site = Site::new(&device.url, &format!("dialect = \"{}\"", dialect.as_str()));
        let found = site.examine().await;
        assert!(found.iter().all(|f| f.status <= Mark::Skipped), "{found:#?}");
        for check in ["configuration", "key", "roster", "token", "dialect", "groups", "clock", "estimate"] {
            assert_eq!(of(&found, check).status, Mark::Ok, "{check}");
        }
        assert_eq!(of(&found, "database").verdict, "absent");
        assert!(!site.path().join("r.db").exists(), "a check must not make the database");
        // Two people to add, and the commit.
        assert_eq!(of(&found, "estimate").facts["calls"], "4");
    }
}

#[tokio::test]
async fn a_wrong_key() {
    let device = device(options(Dialect::Openapi)).await;
    let site = Site::with_key(&device.url, "dialect = \"openapi\"", "another-key");
    only_failure(&site.examine().await, "token", "wrong_key");
}

#[tokio::test]
async fn clocks_that_differ() {
    for (skew, verdict, mark) in [
        (0, "ok", Mark::Ok),
        (180, "off", Mark::Warn),
        (-180, "off", Mark::Warn),
        (360, "far_off", Mark::Fail),
    ] {
        let faults = vec![format!("skew={skew}").parse().unwrap()];
        let device = device(ServerOptions { faults, ..options(Dialect::Openapi) }).await;
        let found = Site::new(&device.url, "dialect = \"openapi\"").examine().await;
        let clock = of(&found, "clock");
        assert_eq!((clock.verdict, clock.status), (verdict, mark), "{skew}");
        // Six minutes off, good tokens are refused; the check says that it is not the key.
        let token = if skew == 360 { "clock" } else { "ok" };
        assert_eq!(of(&found, "token").verdict, token, "{skew}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    only_failure(&Site::new(&url, "").examine().await, "tcp", "refused");
}

#[tokio::test]
async fn plain_http_on_a_tls_port() {
    let device = device(options(Dialect::Openapi)).await;
    let url = device.url.replace("http:", "https:");
    only_failure(&Site::new(&url, "").examine().await, "tls", "plain_http_on_tls_port");
}

#[tokio::test]
async fn another_service_on_the_port() {
    let device = tls_server::plain(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    let url = format!("https://{}", device.address);
    only_failure(&Site::new(&url, "").examine().await, "tls", "not_tls");
}

#[tokio::test]
async fn a_page_instead_of_json() {
    let page = "HTTP/1.1 404 Not Found\r\n\r\n<html>404</html>";
    let identity = Identity::usual();
    let device = tls_server::rude(&identity, page.into()).await;
    let site = site_with_pin(&device, &identity);
    only_failure(&site.examine().await, "http", "html");
}

fn site_with_pin(device: &tls_server::Device, identity: &Identity) -> Site {
    let url = format!("https://{}", device.address);
    Site::new(&url, &format!("tls = {{ pin_sha256 = [\"{}\"] }}", identity.pin()))
}

#[tokio::test]
async fn the_other_dialect() {
    for (real, configured) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let device = device(options(real)).await;
        // The token is right, so that the dialect alone is wrong.
        let digest = if real == Dialect::Openapi { "sha256" } else { "md5" };
        let more = format!("dialect = \"{}\"\ntoken = {{ digest = \"{digest}\" }}", configured.as_str());
        let found = Site::new(&device.url, &more).examine().await;
        only_failure(&found, "dialect", "wrong_dialect");
        assert_eq!(of(&found, "dialect").settings, [format!("dialect = \"{}\"", real.as_str())]);
    }
}

#[tokio::test]
async fn the_other_digest() {
    for (quirk, dialect, digest) in
        [(Quirk::TokenMd5, Dialect::Openapi, "md5"), (Quirk::TokenSha256, Dialect::UpdaterCloud, "sha256")]
    {
        let device = device(ServerOptions { quirks: [quirk].into(), ..options(dialect) }).await;
        let more = format!("dialect = \"{}\"", dialect.as_str());
        let found = Site::new(&device.url, &more).examine().await;
        only_failure(&found, "token", "other_digest");
        let lines = &of(&found, "token").settings;
        assert_eq!(lines[0], "[target.token]");
        assert_eq!(lines[1], format!("digest = \"{digest}\""));
        assert_eq!(lines.len(), 4);
    }
}

#[tokio::test]
async fn a_timestamp_that_the_device_does_not_want() {
    let quirks = [Quirk::TokenNoTimestamp].into();
    let device = device(ServerOptions { quirks, ..options(Dialect::UpdaterCloud) }).await;
    let found = Site::new(&device.url, "").examine().await;
    only_failure(&found, "token", "other_timestamp");
    assert!(of(&found, "token").settings.contains(&"send_timestamp = false".to_owned()));
}

#[tokio::test]
async fn a_timestamp_that_is_missing() {
    let device = device(options(Dialect::Openapi)).await;
    let more = "dialect = \"openapi\"\ntoken = { send_timestamp = false }";
    let found = Site::new(&device.url, more).examine().await;
    only_failure(&found, "token", "other_timestamp");
    assert!(of(&found, "token").settings.contains(&"send_timestamp = true".to_owned()));
}

#[tokio::test]
async fn a_group_that_is_not_there() {
    let mut bare = options(Dialect::UpdaterCloud);
    bare.furniture.groups.pop();
    let device = device(bare).await;
    let found = Site::new(&device.url, "").examine().await;
    only_failure(&found, "groups", "missing_group");
    assert!(of(&found, "groups").message.contains("/总公司/销售部"));
}

#[tokio::test]
async fn a_role_that_is_not_there() {
    let mut bare = options(Dialect::Openapi);
    bare.furniture.roles = vec!["OA".into()];
    let device = device(bare).await;
    let found = Site::new(&device.url, "dialect = \"openapi\"").examine().await;
    only_failure(&found, "roles", "missing_role");
    assert!(of(&found, "roles").message.contains("CRM"));
}

#[tokio::test]
async fn an_address_that_the_device_refuses() {
    let device = tls_server::closing().await;
    let url = format!("https://{}", device.address);
    only_failure(&Site::new(&url, "").examine().await, "tls", "address_refused");
}

#[tokio::test]
async fn a_pin_of_yesterday() {
    let (old, new) = (Identity::usual(), Identity::usual());
    let device = tls_server::device(&new).await;
    let found = site_with_pin(&device, &old).examine().await;
    only_failure(&found, "trust", "wrong_pin");
    assert!(of(&found, "trust").next.contains(&new.pin().to_string()));
    assert_eq!(of(&found, "tls").facts["pin_sha256"], new.pin().to_string());
    assert_eq!(device.received(), "", "nothing may be sent to a stranger");
}

#[tokio::test]
async fn a_certificate_that_nobody_signed() {
    let identity = Identity::usual();
    let device = tls_server::device(&identity).await;
    let found = Site::new(&format!("https://{}", device.address), "").examine().await;
    only_failure(&found, "trust", "untrusted");
    assert!(of(&found, "trust").settings[1].contains(&identity.pin().to_string()));
    assert_eq!(device.received(), "");
}

#[cfg(feature = "openssl")]
#[tokio::test]
async fn a_device_that_only_openssl_speaks_to() {
    use crate::tls_old::{self, Making};
    let identity = tls_old::own(Making { v1: true, ..Making::new(1024) });
    let device = tls_old::openssl(&identity, |_| {}).await;
    let found = site_with_pin(&device, &identity).examine().await;
    only_failure(&found, "trust", "needs_openssl");
    assert_eq!(of(&found, "tls").facts["x509_version"], "1");
    assert_eq!(of(&found, "tls").facts["key"], "RSA 1024");
    let strength = of(&found, "strength");
    assert_eq!((strength.verdict, strength.status), ("weak", Mark::Warn));
    assert!(strength.facts["weak"].contains("X.509 v1, RSA 1024"), "{strength:?}");
}

/// What a device from before TLS 1.2 says to a client that is too new for it: fatal, protocol version.
#[cfg(not(feature = "openssl"))]
const PROTOCOL_VERSION: &[u8] = &[21, 3, 1, 0, 2, 2, 70];

#[cfg(not(feature = "openssl"))]
#[tokio::test]
async fn a_device_that_only_openssl_speaks_to_and_there_is_none() {
    let device = tls_server::plain(PROTOCOL_VERSION).await;
    let found = site_with_pin(&device, &Identity::usual()).examine().await;
    only_failure(&found, "tls", "needs_openssl");
    assert!(of(&found, "tls").next.contains("--features static-openssl"), "{found:#?}");
}

#[tokio::test]
async fn certificates_that_end() {
    for (days, verdict) in [(90, "ok"), (10, "expires_soon"), (-1, "expired")] {
        let identity = Identity::own(Making { valid: (-400, days), ..Making::new(tls_server::ec()) });
        let device = tls_server::device(&identity).await;
        let file = identity.file();
        let trusted = format!("tls = {{ ca_file = \"{}\" }}", file.path().display());
        let found = Site::new(&format!("https://{}", device.address), &trusted).examine().await;
        assert_eq!(of(&found, "expiry").verdict, verdict, "{found:#?}");
    }
    let identity = Identity::own(Making { valid: (-400, -1), ..Making::new(tls_server::ec()) });
    let device = tls_server::device(&identity).await;
    let found = site_with_pin(&device, &identity).examine().await;
    assert_eq!((of(&found, "expiry").status, of(&found, "trust").status), (Mark::Ok, Mark::Ok), "{found:#?}");
    assert_eq!(of(&found, "strength").verdict, "ok");
}

#[cfg(feature = "openssl")]
#[tokio::test]
async fn openssl_where_rustls_would_do() {
    let identity = Identity::usual();
    let device = tls_server::device(&identity).await;
    let tls = format!("tls = {{ pin_sha256 = [\"{}\"], backend = \"openssl\" }}", identity.pin());
    let found = Site::new(&format!("https://{}", device.address), &tls).examine().await;
    assert_eq!(of(&found, "trust").status, Mark::Ok);
    assert_eq!(of(&found, "strength").verdict, "rustls_is_enough");
}

#[tokio::test]
async fn a_key_that_is_to_be_tried() {
    let device = device(options(Dialect::UpdaterCloud)).await;
    let site = Site::with_key(&device.url, "", "the-old-key");
    std::fs::write(site.path().join("new-key"), KEY).unwrap();
    let app = App::load(Some(&site.path().join("rosterd.toml")), None, Env::default()).unwrap();
    let key = SecretRef::try_from("file:new-key".to_owned()).unwrap();
    let found = doctor::examine(&app, &[], Some(&key)).await;
    assert_eq!(of(&found, "token").status, Mark::Ok, "{found:#?}");
    only_failure(&site.examine().await, "token", "wrong_key");
}

#[tokio::test]
async fn what_this_machine_can_tell() {
    use std::os::unix::fs::PermissionsExt;
    let device = device(options(Dialect::UpdaterCloud)).await;
    let site = Site::new(&device.url, "pace = { concurrency = 4 }\nmax_duration = \"1s\"");
    // The table above has `pace` already: write it once, with another roster and looser modes.
    let config = site.path().join("rosterd.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("pace = { timeout = \"5s\" }\n", "");
    std::fs::write(&config, text).unwrap();
    let people: String = (1..50).map(|n| format!("{n:05},某人,/总公司,CRM\n")).collect();
    std::fs::write(site.path().join("roster.csv"), format!("工号,姓名,部门,角色\n{people}")).unwrap();
    std::fs::set_permissions(site.path().join("key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let found = site.examine().await;
    assert_eq!(of(&found, "key").verdict, "readable_by_others");
    assert_eq!(of(&found, "rate").verdict, "side_by_side");
    assert_eq!(of(&found, "estimate").verdict, "longer_than_allowed");
    std::fs::write(site.path().join("r.db"), b"this is no database, but as long as one begins").unwrap();
    std::fs::remove_file(site.path().join("key")).unwrap();
    std::fs::remove_file(site.path().join("roster.csv")).unwrap();
    let found = site.examine().await;
    assert_eq!((of(&found, "key").verdict, of(&found, "key").status), ("unreadable", Mark::Fail));
    assert_eq!((of(&found, "database").verdict, of(&found, "database").status), ("unusable", Mark::Fail));
    assert_eq!((of(&found, "roster").verdict, of(&found, "roster").status), ("unreadable", Mark::Fail));
}

fn rosterd(site: &Site, arguments: &[&str]) -> std::process::Output {
    let mut command = assert_cmd::Command::new(crate::program::path());
    command.arg("--config").arg(site.path().join("rosterd.toml")).args(["--lang", "en", "doctor"]);
    command.args(arguments).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_shows_the_pin_and_ends_with_0_or_1() {
    let good = device(options(Dialect::UpdaterCloud)).await;
    let site = Site::new(&good.url, "");
    let output = tokio::task::spawn_blocking(move || rosterd(&site, &[])).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    let identity = Identity::usual();
    let device = tls_server::device(&identity).await;
    let site = Site::new(&format!("https://{}", device.address), "");
    let (shown, json, nobody) = tokio::task::spawn_blocking(move || {
        let (shown, json) = (rosterd(&site, &["--show-pin"]), rosterd(&site, &["--output", "json"]));
        (shown, json, rosterd(&site, &["--target", "nobody"]))
    })
    .await
    .unwrap();
    assert_eq!(shown.status.code(), Some(1));
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains(&format!("pin_sha256 = {}", identity.pin())), "{text}");
    assert!(text.contains("openssl s_client"), "{text}");
    assert_eq!(json.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["version"], &json["exit_code"]), (&1.into(), &1.into()));
    let checks = json["checks"].as_array().unwrap();
    assert!(checks.iter().any(|c| c["check"] == "trust" && c["verdict"] == "untrusted"), "{json}");
    assert_eq!(nobody.status.code(), Some(2));
}
