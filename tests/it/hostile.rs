//! A server that means harm, or is broken: whatever it sends, a change is never called applied or refused without a
//! whole answer that says so, nothing is sent elsewhere, and memory and time stay within their limits.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rosterd::clock::SystemClock;
use rosterd::config::TargetConfig;
use rosterd::gateway::{Gateway, HttpGateway, Mutation, Outcome, ReadError, Why, WhyKind};
use rosterd::http::Backend;
use rosterd::model::Username;
use rosterd::secret::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const GOOD: &str = r#"{"code":0,"success":true,"message":"\u6210\u529f","readOnlyInfo":null,"result":null}"#;
const REFUSED: &str = r#"{"code":-13,"success":false,"message":"\u7ec4\u4e0d\u5b58\u5728","result":""}"#;
/// Every TLS library that this build has.
const BACKENDS: &[Backend] = crate::tls::BACKENDS;

/// A server and what it saw.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Bytes that it could get rid of.
    sent: Arc<AtomicU64>,
}

/// Serves every connection with `behave`.
async fn server<F, Fut>(behave: F) -> Server
where
    F: Fn(TcpStream, Arc<AtomicU64>) -> Fut + Send + 'static,
    Fut: Future<Output = Option<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    let (count, written) = (connections.clone(), sent.clone());
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(behave(tcp, written.clone()));
        }
    });
    Server { address, connections, sent }
}

/// Reads a request to its end.
async fn request(tcp: &mut TcpStream) -> Option<()> {
    let mut got = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let n = tcp.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        got.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&got);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1)?.lines().next()?.trim().parse().ok()?;
            if body.len() >= length {
                return Some(());
            }
        }
    }
}

/// A server that answers each connection's first request with these bytes and closes.
async fn saying(bytes: impl Into<Vec<u8>>) -> Server {
    let bytes: Arc<[u8]> = bytes.into().into();
    server(move |mut tcp, sent| {
        let bytes = bytes.clone();
        async move {
            request(&mut tcp).await?;
            tcp.write_all(&bytes).await.ok()?;
            sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            tcp.shutdown().await.ok()
        }
    })
    .await
}

/// A server that says `first` and then `again`, for ever.
async fn endless(first: &'static str, again: &'static str) -> Server {
    let block: Arc<[u8]> = again.as_bytes().repeat(65_536 / again.len() + 1).into();
    server(move |mut tcp, sent| {
        let block = block.clone();
        async move {
            request(&mut tcp).await?;
            tcp.write_all(first.as_bytes()).await.ok()?;
            loop {
                let n = tcp.write(&block).await.ok()?;
                sent.fetch_add(n as u64, Ordering::SeqCst);
            }
        }
    })
    .await
}

fn whole(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn client(address: SocketAddr, backend: Backend, timeout: &str) -> HttpGateway<SystemClock> {
    let target: TargetConfig = serde_json::from_value(serde_json::json!({
        "name": "hq", "url": format!("http://{address}"),
        // Says nothing for plain HTTP, and saves reading the system's authorities each time.
        "tls": { "backend": backend, "insecure": true }, "pace": { "timeout": timeout },
    }))
    .unwrap();
    HttpGateway::new(&target, Secret::new("hunter2".into()), Path::new("/"), SystemClock::new()).unwrap()
}

fn user() -> Username {
    Username::new("u").unwrap()
}

async fn delete(client: &HttpGateway<SystemClock>) -> Outcome {
    client.mutate(&Mutation::Delete(vec![user()])).await
}

/// What a change comes to, with each backend; all must see the same.
async fn change(server: &Server, timeout: &str) -> Outcome {
    let mut outcomes = Vec::new();
    for &backend in BACKENDS {
        outcomes.push(delete(&client(server.address, backend, timeout)).await);
    }
    let (one, other) = (outcomes.remove(0), outcomes.pop());
    let sort = |outcome: &Outcome| match outcome {
        Outcome::Unknown(why) | Outcome::NotSent(why) => Some(why.kind),
        Outcome::Applied | Outcome::Refused(_) => None,
    };
    if let Some(other) = &other {
        assert_eq!(sort(&one), sort(other), "{one:?} {other:?}");
        assert_eq!(std::mem::discriminant(&one), std::mem::discriminant(other), "{one:?} {other:?}");
    }
    assert!(!format!("{one:?}{other:?}").contains("hunter2"));
    one
}

/// A change's outcome must be unknown, for this sort of reason; a look must fail, and say something.
async fn unknown(server: &Server, kind: WhyKind) -> Why {
    unknown_within(server, kind, "20s").await
}

async fn unknown_within(server: &Server, kind: WhyKind, timeout: &str) -> Why {
    let why = match change(server, timeout).await {
        Outcome::Unknown(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why.kind, kind, "{why:?}");
    assert!(!why.detail.is_empty() && why.detail.len() < 600, "{why:?}");
    let look = client(server.address, Backend::Rustls, timeout).user(&user()).await;
    let Err(ReadError::Failed(looked)) = look else { panic!("{look:?}") };
    assert_eq!(looked.kind, kind);
    why
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for &backend in BACKENDS {
        let outcome = delete(&client(address, backend, "20s")).await;
        assert!(matches!(&outcome, Outcome::NotSent(why) if why.kind == WhyKind::Connect), "{outcome:?}");
    }
}

#[tokio::test]
async fn closed_or_reset_after_any_number_of_bytes_read() {
    for reset in [false, true] {
        for bytes in (0..64).chain([100, 150, 200, 250, 300]) {
            let server = server(move |mut tcp, _| async move {
                let mut seen = vec![0; bytes];
                tcp.read_exact(&mut seen).await.ok()?;
                if reset {
                    tcp.set_zero_linger().ok()?;
                }
                None
            })
            .await;
            let outcome = change(&server, "20s").await;
            assert!(
                matches!(&outcome, Outcome::Unknown(why) if why.kind == WhyKind::Broken),
                "{bytes} {outcome:?}"
            );
        }
    }
}

/// The three ways in which HTTP says where an answer ends.
fn framings(body: &str) -> [(String, usize); 3] {
    let (head, tail) = body.split_at(body.len() / 2);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{head}\r\n{:x}\r\n{tail}\r\n0\r\n\r\n",
        head.len(),
        tail.len()
    );
    let until_close = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    [whole("200 OK", body), until_close, chunked].map(|text| {
        let length = text.len();
        (text, length)
    })
}

#[tokio::test]
async fn an_answer_cut_off_anywhere_says_nothing() {
    for body in [GOOD, REFUSED] {
        for (text, length) in framings(body) {
            for cut in 0..=length {
                let server = saying(&text.as_bytes()[..cut]).await;
                let outcome = change(&server, "20s").await;
                match outcome {
                    Outcome::Unknown(_) if cut < length => {}
                    Outcome::Applied if cut == length && body == GOOD => {}
                    Outcome::Refused(refusal) if cut == length && body == REFUSED => {
                        assert_eq!(refusal.code, -13);
                    }
                    other => panic!("cut at {cut} of {text:?}: {other:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn json_cut_off_inside_a_whole_answer_says_nothing() {
    for body in [GOOD, REFUSED] {
        for cut in 0..body.len() {
            let server = saying(whole("200 OK", &body[..cut])).await;
            unknown(&server, WhyKind::Unusable).await;
        }
    }
}

#[tokio::test]
async fn bytes_that_never_end_are_not_kept() {
    const MOST: u64 = 32 << 20;
    let unusable = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "4\r\naaaa\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n", "a"),
    ];
    for (first, again) in unusable {
        let server = endless(first, again).await;
        unknown(&server, WhyKind::Unusable).await;
        assert!(server.sent.load(Ordering::SeqCst) < MOST, "{first}");
    }
    let broken = [
        ("HTTP/1.1 200 OK\r\n", "x-a: b\r\n"),
        ("HTTP/1.1 200 OK\r\nx-a: ", "b"),
        ("HTTP/1.1 200 ", "OK"),
        ("HTTP", "P"),
        ("", "\0"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", "a=b;"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x-a: b\r\n"),
    ];
    for (first, again) in broken {
        let server = endless(first, again).await;
        unknown(&server, WhyKind::Broken).await;
        assert!(server.sent.load(Ordering::SeqCst) < MOST, "{first}");
    }
}

#[tokio::test]
async fn words_without_end_that_need_no_memory_run_into_the_time_limit() {
    for (first, again) in [
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        // A size of nothing but leading zeros.
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "0"),
    ] {
        let server = endless(first, again).await;
        unknown_within(&server, WhyKind::Timeout, "300ms").await;
    }
}

#[tokio::test]
async fn one_byte_at_a_time_runs_into_the_time_limit() {
    for first in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"] {
        let server = server(move |mut tcp, _| async move {
            request(&mut tcp).await?;
            tcp.write_all(first.as_bytes()).await.ok()?;
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            let text = whole("200 OK", &" ".repeat(100_000));
            for byte in text.as_bytes() {
                tick.tick().await;
                tcp.write_all(&[*byte]).await.ok()?;
            }
            None
        })
        .await;
        let why = unknown_within(&server, WhyKind::Timeout, "300ms").await;
        assert!(why.detail.contains("0.3"), "{why:?}");
    }
}

#[tokio::test]
async fn silence_runs_into_the_time_limit() {
    let server = server(|mut tcp, _| async move {
        while tcp.read(&mut [0; 4096]).await.ok()? > 0 {}
        None
    })
    .await;
    unknown_within(&server, WhyKind::Timeout, "200ms").await;
    // Silence instead of a handshake is known to have come before the request.
    for &backend in BACKENDS {
        let target: TargetConfig = serde_json::from_value(serde_json::json!({
            "name": "hq", "url": format!("https://{}", server.address),
            "tls": { "backend": backend, "insecure": true }, "pace": { "timeout": "200ms" },
        }))
        .unwrap();
        let key = Secret::new("hunter2".into());
        let client = HttpGateway::new(&target, key, Path::new("/"), SystemClock::new()).unwrap();
        let outcome = delete(&client).await;
        assert!(matches!(&outcome, Outcome::NotSent(why) if why.kind == WhyKind::Connect), "{outcome:?}");
    }
}

#[tokio::test]
async fn texts_that_are_no_answer() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_inside = format!(r#"{{"code":0,"success":true,"result":{deep}}}"#);
    let objects = format!(r#"{{"code":0,"success":true,"result":{}"#, r#"{"a":"#.repeat(100_000));
    let list = [
        "",
        " ",
        "null",
        "0",
        "true",
        "[]",
        "{}",
        "\"ok\"",
        "<html>404</html>",
        "OK",
        GOOD.trim_end_matches('}'),
        &deep,
        &deep_inside,
        &objects,
        r#"{"code":0,"code":0,"success":true}"#,
        r#"{"code":4,"code":0,"success":true}"#,
        r#"{"code":0,"success":false,"success":true}"#,
        r#"{"code":0,"success":true,"result":{"a":1,"a":2}}"#,
        r#"{"code":99999999999999999999,"success":false}"#,
        r#"{"code":-99999999999999999999,"success":false}"#,
        r#"{"code":"99999999999999999999","success":false}"#,
        r#"{"code":1e400,"success":false}"#,
        r#"{"code":0.0,"success":true}"#,
        r#"{"code":0e0,"success":true}"#,
        r#"{"code":"0x0","success":true}"#,
        r#"{"code":null,"success":true}"#,
        r#"{"code":false,"success":true}"#,
        r#"{"code":[0],"success":true}"#,
        r#"{"code":0}"#,
        r#"{"code":0,"success":false}"#,
        r#"{"code":0,"success":null}"#,
        r#"{"code":0,"success":"yes"}"#,
        r#"{"code":-2,"success":true}"#,
        r#"{"success":true}"#,
        r#"{"success":false,"error":"busy"}"#,
        r#"{"code":0,"success":true}{"code":0,"success":true}"#,
        r#"{"code":0,"success":true} trailing"#,
        r#"{"code":0,"success":true,"message":"\ud800"}"#,
        r#"{"code":0,"success":true,"message":"\user"}"#,
        r#"{code:0,success:true}"#,
        "{\"code\":0,\"success\":true,\"message\":\"a\nb\"}",
        "\u{0}{\"code\":0,\"success\":true}",
    ];
    for body in list {
        let server = saying(whole("200 OK", body)).await;
        unknown(&server, WhyKind::Unusable).await;
    }
    let mut invalid = whole("200 OK", r#"{"code":0,"success":true,"message":"??"}"#).into_bytes();
    for byte in invalid.iter_mut().rev().filter(|byte| **byte == b'?').take(2) {
        *byte = 0xff;
    }
    unknown(&saying(invalid).await, WhyKind::Unusable).await;
}

#[tokio::test]
async fn the_status_line_counts_too() {
    for status in ["500 Oops", "502 Bad Gateway", "503 Busy", "504 Late"] {
        unknown(&saying(whole(status, GOOD)).await, WhyKind::ServerError).await;
    }
    for status in ["201 Created", "204 None", "301 Moved", "403 No", "404 Not Found", "999 What"] {
        let outcome = change(&saying(whole(status, GOOD)).await, "20s").await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{status} {outcome:?}");
    }
}

#[tokio::test]
async fn answers_that_contradict_themselves() {
    for text in [
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\ncontent-length: 5\r\n\r\n{GOOD}", GOOD.len()),
        format!("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{GOOD}"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{GOOD}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{GOOD}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{GOOD}"),
        format!("HTTP/9.9 200 OK\r\n\r\n{GOOD}"),
        format!("HTTP/1.1 20 OK\r\n\r\n{GOOD}"),
        format!("HTTP/1.1 200 OK\r\nbad header\r\n\r\n{GOOD}"),
        format!("HTTP/1.1 200 OK\r\nx: \0\r\n\r\n{GOOD}"),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
    ] {
        let outcome = change(&saying(text.clone()).await, "20s").await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{text} {outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = saying(whole("200 OK", GOOD)).await;
    for status in ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent", "300 Choose"] {
        for place in [format!("http://{}/", elsewhere.address), "/other".to_owned()] {
            let text = format!("HTTP/1.1 {status}\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n");
            let server = saying(text).await;
            unknown(&server, WhyKind::Unusable).await;
            assert_eq!(server.connections.load(Ordering::SeqCst), BACKENDS.len() + 1, "changes and a look");
        }
    }
    assert_eq!(elsewhere.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_compressed_bomb_is_not_unpacked() {
    let pack = |parts: &[&[u8]]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        parts.iter().for_each(|part| packer.write_all(part).unwrap());
        packer.finish().unwrap()
    };
    // The first would even be an answer, if anybody unpacked it.
    for packed in [pack(&[GOOD.as_bytes()]), pack(&[&[b' '; 1 << 20][..]; 8])] {
        let length = packed.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
        unknown(&saying([head.into_bytes(), packed].concat()).await, WhyKind::Unusable).await;
    }
}

/// Two answers to one request: the second must not be taken for the answer to the next request.
#[tokio::test]
async fn an_answer_too_many_is_not_kept_for_the_next_request() {
    for pause in [false, true] {
        let server = server(move |mut tcp, _| async move {
            request(&mut tcp).await?;
            let answer = whole("200 OK", GOOD);
            if pause {
                tcp.write_all(answer.as_bytes()).await.ok()?;
                tokio::task::yield_now().await;
                tcp.write_all(answer.as_bytes()).await.ok()?;
            } else {
                tcp.write_all(answer.repeat(2).as_bytes()).await.ok()?;
            }
            // The next request on this connection is swallowed.
            request(&mut tcp).await
        })
        .await;
        for &backend in BACKENDS {
            let client = client(server.address, backend, "20s");
            assert_eq!(delete(&client).await, Outcome::Applied);
            let before = server.connections.load(Ordering::SeqCst);
            // Either the left-over answer was noticed and a new connection made, or the outcome is unknown.
            match delete(&client).await {
                Outcome::Applied => assert_eq!(server.connections.load(Ordering::SeqCst), before + 1),
                Outcome::Unknown(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn the_largest_answer_that_is_taken() {
    let padding = |n: usize| format!("{GOOD}{}", " ".repeat(n - GOOD.len()));
    let fits = saying(whole("200 OK", &padding(rosterd::http::MAX_BODY))).await;
    assert_eq!(change(&fits, "20s").await, Outcome::Applied);
    let too_large = saying(whole("200 OK", &padding(rosterd::http::MAX_BODY + 1))).await;
    unknown(&too_large, WhyKind::Unusable).await;
}

/// Not a test by itself: a process of its own, so that the peak of its memory is that of hostile answers alone.
#[tokio::test]
async fn child() {
    let Ok(address) = std::env::var("ROSTERD_TEST_HOSTILE") else { return };
    let address: SocketAddr = address.parse().unwrap();
    let before = peak();
    for &backend in BACKENDS {
        for _ in 0..8 {
            let outcome = delete(&client(address, backend, "20s")).await;
            assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        }
    }
    writeln!(std::io::stdout(), "grown: {}", peak() - before).unwrap();
}

/// Peak of this process's memory in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_small_whatever_comes() {
    for (first, again) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\n", "x-a: b\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", "a=b;"),
    ] {
        let server = endless(first, again).await;
        let address = server.address.to_string();
        let output = tokio::task::spawn_blocking(move || {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "hostile::child", "--nocapture"]);
            command.env("ROSTERD_TEST_HOSTILE", address).output().unwrap()
        });
        let text = String::from_utf8(output.await.unwrap().stdout).unwrap();
        let grown =
            text.lines().find_map(|line| line.split_once("grown: ")).unwrap_or_else(|| panic!("{text}"));
        assert!(grown.1.parse::<u64>().unwrap() < 32 << 10, "{first:?}: {grown:?} KiB");
    }
}

/// Devices that end the TLS connection without a good-bye, and answers that end with the connection.
#[tokio::test]
async fn an_answer_that_ends_with_the_connection_is_whole_only_if_its_json_is() {
    use crate::tls_server::{self, Identity};
    let identity = Identity::usual();
    for cut in [GOOD.len(), GOOD.len() - 1, 10, 0] {
        let text = format!("HTTP/1.1 200 OK\r\n\r\n{}", &GOOD[..cut]);
        let device = tls_server::rude(&identity, text).await;
        for &backend in BACKENDS {
            let target: TargetConfig = serde_json::from_value(serde_json::json!({
                "name": "hq", "url": format!("https://{}", device.address),
                "tls": { "backend": backend, "pin_sha256": [identity.pin().to_string()] },
            }))
            .unwrap();
            let key = Secret::new("hunter2".into());
            let client = HttpGateway::new(&target, key, Path::new("/"), SystemClock::new()).unwrap();
            let outcome = delete(&client).await;
            let right = match outcome {
                Outcome::Applied => cut == GOOD.len(),
                Outcome::Unknown(_) => cut < GOOD.len(),
                _ => false,
            };
            assert!(right, "{backend:?} {cut} {outcome:?}");
        }
    }
}

/// What a device asks for with `Retry-After`, and only with the statuses that it goes with.
#[tokio::test]
async fn a_device_may_ask_to_be_left_alone() {
    let later = (rosterd::clock::Clock::now(&rosterd::clock::SystemClock::default())
        + chrono::TimeDelta::seconds(90))
    .format("%a, %d %b %Y %H:%M:%S GMT")
    .to_string();
    for (status, header, seconds) in [
        ("429 Too Many Requests", "7", Some(7..=7)),
        ("503 Service Unavailable", " 30 ", Some(30..=30)),
        ("503 Service Unavailable", later.as_str(), Some(30..=90)),
        ("429 Too Many Requests", "Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("429 Too Many Requests", "-5", None),
        ("429 Too Many Requests", "soon", None),
        ("429 Too Many Requests", "99999999999999999999999", None),
        ("200 OK", "7", None),
        ("500 Internal Server Error", "7", None),
    ] {
        let text = format!("HTTP/1.1 {status}\r\nretry-after: {header}\r\ncontent-length: 0\r\n\r\n");
        let server = saying(text).await;
        let client = client(server.address, Backend::Rustls, "20s");
        assert!(matches!(delete(&client).await, Outcome::Unknown(_)), "{status}");
        let asked = client.asked_to_wait();
        match seconds {
            Some(range) => {
                assert!(asked.is_some_and(|wait| range.contains(&wait.as_secs())), "{header}: {asked:?}")
            }
            None => assert_eq!(asked, None, "{status} {header}"),
        }
        assert_eq!(client.asked_to_wait(), None, "asked once");
    }
}
