//! Servers on loopback that verify what they get: robots that check signatures, a mail server that wants TLS and a
//! password, logs. None of them takes what is wrong, and then nobody may believe that it was sent.

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::Sha256;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, UdpSocket, UnixDatagram};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::{Event, MailTls};

fn message() -> Message {
    let message = Message::new(Event::Held, "rosterd hq: held".into(), vec!["one".into(), "two".into()]);
    Message { people: vec!["10023 zs".into()], ..message }
}

async fn deliver(config: NotifyConfig, env: &Env, roots: Roots) -> Result<(), Undelivered> {
    let config = [config];
    let notifier = Notifier::new(&config, Path::new("."), env, ManualClock::default(), ZONE).trusting(roots);
    notifier.send(&config[0], &message()).await
}

// Robots.

fn signature(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Says what the robot of a vendor says to a request: each checks what that vendor checks.
fn robot(kind: NotifyKind, request: &Received, now: i64) -> Value {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let query = |name: &str| {
        request
            .url
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let is_now = |seconds: i64| (seconds - now).abs() < 3600;
    match kind {
        NotifyKind::Wecom if query("key") != "K" => {
            json!({ "errcode": 93000, "errmsg": "invalid webhook url" })
        }
        NotifyKind::Dingtalk => {
            let time = query("timestamp");
            let good = is_now(time.parse::<i64>().unwrap_or(0) / 1000)
                && query("sign") == signature("SECabc", &format!("{time}\nSECabc"));
            if good {
                json!({ "errcode": 0, "errmsg": "ok" })
            } else {
                json!({ "errcode": 310_000, "errmsg": "sign not match" })
            }
        }
        NotifyKind::Feishu => {
            let time = body["timestamp"].as_str().unwrap_or_default();
            let good = is_now(time.parse().unwrap_or(0))
                && body["sign"] == json!(signature(&format!("{time}\nSECabc"), ""));
            if good {
                json!({ "code": 0, "msg": "success" })
            } else {
                json!({ "code": 19021, "msg": "sign match fail" })
            }
        }
        _ => json!({ "errcode": 0, "errmsg": "ok" }),
    }
}

async fn told(kind: NotifyKind, query: &str, secret: Option<&str>) -> Result<(), Undelivered> {
    let server = MockServer::start().await;
    let now = ManualClock::default().now().timestamp();
    Mock::given(wiremock::matchers::method("POST"))
        .respond_with(move |request: &Received| {
            ResponseTemplate::new(200).set_body_json(robot(kind, request, now))
        })
        .mount(&server)
        .await;
    let env = Env::from_iter([
        ("URL", format!("{}/send{query}", server.uri())),
        ("SECRET", secret.unwrap_or_default().to_owned()),
    ]);
    let url = Some(SecretRef::Env("URL".into()));
    let secret = secret.map(|_| SecretRef::Env("SECRET".into()));
    deliver(NotifyConfig { kind: Some(kind), url, secret, ..NotifyConfig::default() }, &env, Vec::new()).await
}

#[tokio::test]
async fn robots_that_check_signatures_take_ours_and_no_other() {
    let refused = |said: &str| Err(Undelivered::Refused(said.into()));
    assert_eq!(told(NotifyKind::Dingtalk, "?access_token=T", Some("SECabc")).await, Ok(()));
    let wrong = told(NotifyKind::Dingtalk, "?access_token=T", Some("SECabd")).await;
    assert_eq!(wrong, refused("310000 sign not match"));
    let unsigned = told(NotifyKind::Dingtalk, "?access_token=T", None).await;
    assert_eq!(unsigned, refused("310000 sign not match"));
    assert_eq!(told(NotifyKind::Feishu, "", Some("SECabc")).await, Ok(()));
    assert_eq!(told(NotifyKind::Feishu, "", Some("SECabd")).await, refused("19021 sign match fail"));
    assert_eq!(told(NotifyKind::Feishu, "", None).await, refused("19021 sign match fail"));
    assert_eq!(told(NotifyKind::Wecom, "?key=K", None).await, Ok(()));
    assert!(matches!(told(NotifyKind::Wecom, "?key=L", None).await, Err(Undelivered::Away(_))));
}

// TLS.

/// A certificate for this machine, and who uses it.
fn identity() -> (CertificateDer<'static>, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let cert = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.clone()], key)
        .unwrap();
    (cert, TlsAcceptor::from(Arc::new(config)))
}

// Mail.

/// How a mail server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manners {
    /// Offers STARTTLS, and wants it.
    Starttls,
    /// Knows no TLS.
    Clear,
    /// Speaks TLS from the first byte.
    Wrapped,
}

/// Speaks SMTP until the other side goes, or wants TLS; then the stream comes back.
async fn converse<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    secure: bool,
    greet: bool,
    seen: &Mutex<Vec<String>>,
) -> Option<T> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut known) = (String::new(), !secure);
    if greet {
        stream.write_all(b"220 mx ESMTP\r\n").await.ok()?;
    }
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        seen.lock().unwrap().push(line.trim_end().to_owned());
        let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        let answer: &str = match word.as_str() {
            "EHLO" if secure => "250-mx\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "EHLO" => "250-mx\r\n250-STARTTLS\r\n250 8BITMIME",
            "STARTTLS" => {
                stream.write_all(b"220 go on\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            "AUTH" => {
                let right = format!("AUTH PLAIN {}", STANDARD.encode("\0rosterd\0geheim"));
                known = line.trim_end() == right;
                if known { "235 welcome" } else { "535 5.7.8 who are you" }
            }
            "MAIL" if !known => "530 5.7.0 log in first",
            "RCPT" if line.contains("nobody@") => "550 5.1.1 no such mailbox",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut data = Vec::new();
                while !data.ends_with(b"\r\n.\r\n") {
                    data.push(stream.read_u8().await.ok()?);
                }
                seen.lock().unwrap().push(String::from_utf8(data).unwrap());
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

struct MailServer {
    port: u16,
    cert: CertificateDer<'static>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    async fn start(manners: Manners) -> Self {
        let (cert, acceptor) = identity();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                if manners == Manners::Wrapped {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        converse(tls, true, true, &log).await;
                    }
                    continue;
                }
                let upgraded = converse(tcp, false, true, &log).await;
                if let Some(tcp) = upgraded.filter(|_| manners == Manners::Starttls)
                    && let Ok(tls) = acceptor.accept(tcp).await
                {
                    converse(tls, true, false, &log).await;
                }
            }
        });
        Self { port, cert, seen }
    }

    async fn deliver(
        &self,
        password: &str,
        change: impl FnOnce(&mut NotifyConfig),
    ) -> Result<(), Undelivered> {
        let mut config = NotifyConfig {
            kind: Some(NotifyKind::Email),
            server: Some(format!("127.0.0.1:{}", self.port)),
            from: Some("rosterd@example.com".into()),
            to: vec!["it@example.com".into(), "hr@example.com".into()],
            username: Some("rosterd".into()),
            password: Some(SecretRef::Env("PASSWORD".into())),
            ..NotifyConfig::default()
        };
        change(&mut config);
        let env = Env::from_iter([("PASSWORD", password)]);
        deliver(config, &env, vec![self.cert.clone()]).await
    }

    fn saw(&self, what: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|line| line.contains(what))
    }
}

#[tokio::test]
async fn mail_arrives_over_tls_at_a_server_that_knows_the_password() {
    for (manners, tls) in [(Manners::Starttls, MailTls::Starttls), (Manners::Wrapped, MailTls::Tls)] {
        let server = MailServer::start(manners).await;
        assert_eq!(server.deliver("geheim", |config| config.tls = Some(tls)).await, Ok(()));
        assert!(server.saw("Subject: rosterd hq: held\r\n"), "{:?}", server.seen);
        assert!(server.saw("RCPT TO:<it@example.com>") && server.saw("RCPT TO:<hr@example.com>"));
        assert!(
            server.saw("one\r\ntwo\r\n") && !server.saw("10023"),
            "people are named only where that is wanted"
        );
        let named = server.deliver("geheim", |config| (config.tls, config.names) = (Some(tls), true)).await;
        assert!(named.is_ok() && server.saw("10023 zs"));
    }
}

#[tokio::test]
async fn mail_that_a_server_does_not_take_was_not_sent() {
    let server = MailServer::start(Manners::Starttls).await;
    let wrong = server.deliver("falsch", |_| {}).await;
    assert!(matches!(&wrong, Err(Undelivered::Refused(said)) if said.contains("who are you")), "{wrong:?}");
    assert!(!server.saw("MAIL FROM"));
    let nobody = server.deliver("geheim", |config| config.to = vec!["nobody@example.com".into()]).await;
    assert!(
        matches!(&nobody, Err(Undelivered::Refused(said)) if said.contains("no such mailbox")),
        "{nobody:?}"
    );
    assert!(!server.saw("Subject:"));
}

#[tokio::test]
async fn no_password_and_no_mail_leave_in_the_clear_or_to_a_stranger() {
    let clear = MailServer::start(Manners::Clear).await;
    assert!(clear.deliver("geheim", |_| {}).await.is_err());
    assert!(!clear.saw("AUTH") && !clear.saw("MAIL"), "{:?}", clear.seen);
    let mut stranger = MailServer::start(Manners::Starttls).await;
    stranger.cert = identity().0;
    assert!(stranger.deliver("geheim", |_| {}).await.is_err());
    assert!(!stranger.saw("AUTH") && !stranger.saw("MAIL"), "{:?}", stranger.seen);
}

#[tokio::test]
async fn mail_on_this_machine_needs_neither() {
    let server = MailServer::start(Manners::Clear).await;
    let local = |config: &mut NotifyConfig| {
        (config.tls, config.username, config.password) = (Some(MailTls::None), None, None);
    };
    assert_eq!(server.deliver("", local).await, Ok(()));
    assert!(server.saw("Subject: rosterd hq: held\r\n"));
}

// Logs.

fn log(server: String) -> NotifyConfig {
    NotifyConfig { kind: Some(NotifyKind::Syslog), server: Some(server), ..NotifyConfig::default() }
}

/// Everything but the names of machine and process, which are this machine's.
fn is_line(line: &str) -> bool {
    let (head, text) = line.split_once(" - ").unwrap();
    let words: Vec<&str> = head.split(' ').collect();
    let at = ManualClock::default().now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    words[0] == "<28>1"
        && words[1] == at
        && words[3..] == ["rosterd", &std::process::id().to_string(), "held"]
        && text == "\u{feff}rosterd hq: held; one; two"
}

#[tokio::test]
async fn datagrams_reach_a_log() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = log(format!("udp:127.0.0.1:{}", udp.local_addr().unwrap().port()));
    assert_eq!(deliver(server, &Env::default(), Vec::new()).await, Ok(()));
    let mut bytes = [0; 4096];
    let count = udp.recv(&mut bytes).await.unwrap();
    assert!(is_line(std::str::from_utf8(&bytes[..count]).unwrap()));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let unix = UnixDatagram::bind(&path).unwrap();
    let server = log(format!("unix:{}", path.display()));
    assert_eq!(deliver(server.clone(), &Env::default(), Vec::new()).await, Ok(()));
    let count = unix.recv(&mut bytes).await.unwrap();
    assert!(is_line(std::str::from_utf8(&bytes[..count]).unwrap()));
    drop(unix);
    assert!(deliver(server, &Env::default(), Vec::new()).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn counted_lines_reach_a_log_over_tcp_and_tls() {
    let env = Env::default();
    let (cert, acceptor) = identity();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let is_counted = |bytes: &[u8]| {
        let (count, line) = std::str::from_utf8(bytes).unwrap().split_once(' ').unwrap();
        count == line.len().to_string() && is_line(line)
    };
    let mut bytes = Vec::new();
    let receive = async {
        listener.accept().await.unwrap().0.read_to_end(&mut bytes).await.unwrap();
    };
    let (sent, ()) = tokio::join!(deliver(log(format!("tcp:127.0.0.1:{port}")), &env, Vec::new()), receive);
    assert_eq!(sent, Ok(()));
    assert!(is_counted(&bytes));

    bytes.clear();
    let tls = log(format!("tls:127.0.0.1:{port}"));
    let receive = async {
        let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        stream.read_to_end(&mut bytes).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let (sent, ()) = tokio::join!(deliver(tls.clone(), &env, vec![cert]), receive);
    assert_eq!(sent, Ok(()));
    assert!(is_counted(&bytes));

    let strangers = async { assert!(acceptor.accept(listener.accept().await.unwrap().0).await.is_err()) };
    let (sent, ()) = tokio::join!(deliver(tls, &env, Vec::new()), strangers);
    assert!(sent.is_err(), "a log that cannot prove who it is gets nothing");
}

#[test]
fn a_line_has_the_form_of_rfc_5424() {
    let line = |event, text: &str, host| {
        let message = Message::new(event, "t".into(), Vec::new());
        syslog::line(&message, text, host, 42, "2026-11-27T02:30:09.5Z".parse().unwrap())
    };
    assert_eq!(
        line(Event::Failed, "rosterd：失败\n原因\u{1b}[2J", "jump host"),
        "<27>1 2026-11-27T02:30:09.500000Z jumphost rosterd 42 failed - \u{feff}rosterd：失败; 原因 [2J"
    );
    assert!(
        line(Event::Fixed, "x", "").starts_with("<29>1 2026-11-27T02:30:09.500000Z - rosterd 42 fixed - ")
    );
    let long = line(Event::Held, &"名".repeat(3000), "h");
    assert!(long.len() <= 2048 && long.ends_with('名'));
}
