//! Servers that mean no good, or break at the worst moment: whatever they send, the client stays within bounds and never
//! takes for done, or for not sent, what it cannot know.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rosterd::clock::{Clock, SystemClock};
use rosterd::config::{Span, TargetConfig};
use rosterd::gateway::{Gateway, HttpGateway, Outcome, ReadError, Why, WhyKind};
use rosterd::secret::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::gateway_device::{add, name};

/// What a server does with one connection.
trait Manner: Fn(TcpStream, Arc<AtomicU64>) -> Self::Done + Send + Sync + 'static {
    type Done: Future<Output = ()> + Send;
}

impl<F, D> Manner for F
where
    F: Fn(TcpStream, Arc<AtomicU64>) -> D + Send + Sync + 'static,
    D: Future<Output = ()> + Send,
{
    type Done = D;
}

struct Hostile {
    address: String,
    /// Bytes that the server could get rid of.
    written: Arc<AtomicU64>,
}

async fn hostile(manner: impl Manner) -> Hostile {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let written = Arc::new(AtomicU64::new(0));
    let count = written.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            manner(stream, count.clone()).await;
        }
    });
    Hostile { address, written }
}

fn client(address: &str, timeout: Span) -> HttpGateway<SystemClock> {
    let url = format!("http://{address}");
    // No TLS here; reading the system's authorities for each client would only take time.
    let target = serde_json::json!({ "name": "hq", "url": url, "tls": { "insecure": true } });
    let mut target: TargetConfig = serde_json::from_value(target).unwrap();
    target.pace.timeout = timeout;
    HttpGateway::new(&target, Secret::new("hunter2".into()), Path::new("/"), SystemClock::new()).unwrap()
}

/// Asks and changes; both must end in an error of this kind.
async fn meets(server: &Hostile, timeout: Span, kind: WhyKind) {
    let client = client(&server.address, timeout);
    let check = |why: Why| {
        assert_eq!(why.kind, kind, "{}", why.detail);
        assert!(!why.detail.contains("hunter2") && !why.detail.contains("sinfor"), "{}", why.detail);
        assert!(why.detail.len() < 500, "{}", why.detail);
    };
    match client.user(&name("a")).await {
        Err(ReadError::Failed(why)) => check(why),
        other => panic!("{other:?}"),
    }
    match client.mutate(&add("a")).await {
        Outcome::Unknown(why) => check(why),
        other => panic!("{other:?}"),
    }
}

/// Reads the request's head and body, as far as they come in one piece.
async fn listen(stream: &mut TcpStream) {
    let mut request = vec![0; 16 * 1024];
    let _ = stream.read(&mut request).await;
}

/// Says `head`, then repeats `more` for ever.
async fn pour(mut stream: TcpStream, written: Arc<AtomicU64>, head: &[u8], more: &[u8]) {
    listen(&mut stream).await;
    if stream.write_all(head).await.is_err() {
        return;
    }
    while let Ok(n) = stream.write(more).await {
        written.fetch_add(n as u64, Ordering::Relaxed);
    }
}

const LONG: Span = Span::seconds(30);
/// What may be in the buffers of the system beside what the client took.
const SLACK: u64 = 16 << 20;

#[tokio::test]
async fn headers_without_end() {
    let server =
        hostile(async |stream, n| pour(stream, n, b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n").await)
            .await;
    meets(&server, LONG, WhyKind::Broken).await;
    assert!(server.written.load(Ordering::Relaxed) < SLACK);
    let server =
        hostile(async |stream, n| pour(stream, n, b"HTTP/1.1 200 OK\r\nx: ", &[b'x'; 4096]).await).await;
    meets(&server, LONG, WhyKind::Broken).await;
    assert!(server.written.load(Ordering::Relaxed) < SLACK);
}

#[tokio::test]
async fn bodies_of_ten_gigabytes() {
    for head in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n280000000\r\n",
    ] {
        let server = hostile(async move |stream, n| pour(stream, n, head, &[b' '; 65536]).await).await;
        meets(&server, LONG, WhyKind::Unusable).await;
        assert!(server.written.load(Ordering::Relaxed) < SLACK);
    }
}

#[tokio::test]
async fn answers_that_drip_or_never_come() {
    let brief = Span::try_from("300ms".to_owned()).unwrap();
    let drip = async |mut stream: TcpStream, _| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
        for byte in head.iter().chain(std::iter::repeat(&b' ')) {
            SystemClock::new().sleep(Duration::from_millis(10)).await;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    };
    meets(&hostile(drip).await, brief, WhyKind::Timeout).await;
    let go_on = async |stream, n| pour(stream, n, b"", b"HTTP/1.1 100 Continue\r\n\r\n").await;
    meets(&hostile(go_on).await, brief, WhyKind::Timeout).await;
    let silent = async |mut stream: TcpStream, _| {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    };
    meets(&hostile(silent).await, brief, WhyKind::Timeout).await;
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut all = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    all.extend(body);
    all
}

async fn saying(bytes: Vec<u8>) -> Hostile {
    let bytes: Arc<[u8]> = bytes.into();
    hostile(move |mut stream: TcpStream, _| {
        let bytes = bytes.clone();
        async move {
            listen(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

#[tokio::test]
async fn bodies_that_are_no_answer() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..8 {
        gzip.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    let deep = [vec![b'['; 400_000], vec![b']'; 400_000]].concat();
    let wide = format!("{{\"code\":0,\"success\":true,\"result\":[{}0]}}", "{},".repeat(100_000));
    for (head, body) in [
        ("200 OK\r\ncontent-encoding: gzip", bomb),
        ("200 OK", deep),
        ("200 OK", b"{\"code\":0,\"success\":true,\"message\":\"\xff\xfe\"}".to_vec()),
        ("200 OK", b"{\"code\":9223372036854775808000,\"success\":true}".to_vec()),
        ("200 OK", b"{\"code\":4,\"code\":0,\"success\":true}".to_vec()),
        ("200 OK", b"\x00\x00\x00".to_vec()),
        ("204 No Content", Vec::new()),
    ] {
        meets(&saying(answer(head, &body)).await, LONG, WhyKind::Unusable).await;
    }
    let server = saying(answer("200 OK", wide.as_bytes())).await;
    let read = client(&server.address, LONG).user(&name("a")).await;
    assert!(matches!(read, Err(ReadError::Failed(why)) if why.kind == WhyKind::Unusable));
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let elsewhere = hostile(async |_: TcpStream, reached: Arc<AtomicU64>| {
        reached.fetch_add(1, Ordering::Relaxed);
    })
    .await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let head = format!("{status}\r\nlocation: http://{}/", elsewhere.address);
        meets(&saying(answer(&head, b"")).await, LONG, WhyKind::Unusable).await;
    }
    assert_eq!(elsewhere.written.load(Ordering::Relaxed), 0);
}

const DONE: &[u8] = br#"{"code":0,"success":true,"message":"\u6210\u529f","readOnlyInfo":null}"#;

/// A connection that ends after any number of bytes of the answer: done only when all of it came.
#[tokio::test]
async fn an_answer_cut_off_anywhere_is_not_known() {
    let whole = answer("200 OK", DONE);
    for end in 0..=whole.len() {
        let server = saying(whole[..end].to_vec()).await;
        let outcome = client(&server.address, LONG).mutate(&add("a")).await;
        match outcome {
            Outcome::Applied => assert_eq!(end, whole.len()),
            Outcome::Unknown(_) => assert!(end < whole.len()),
            other => panic!("{other:?} after {end} bytes"),
        }
    }
}

/// A connection that ends after any number of bytes of the request: something may have arrived, so nothing is known.
#[tokio::test]
async fn a_request_cut_off_anywhere_is_not_known() {
    let step = |k: usize| if k < 64 { 1 } else { 37 };
    let mut k = 0;
    while k < 500 {
        let server = hostile(move |mut stream: TcpStream, _| async move {
            let mut taken = vec![0; k];
            let _ = stream.read_exact(&mut taken).await;
        })
        .await;
        match client(&server.address, LONG).mutate(&add("a")).await {
            Outcome::Unknown(why) => assert_eq!(why.kind, WhyKind::Broken, "{k}: {}", why.detail),
            other => panic!("{other:?} after {k} bytes"),
        }
        k += step(k);
    }
}

#[tokio::test]
async fn only_a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    match client(&address, LONG).mutate(&add("a")).await {
        Outcome::NotSent(why) => assert_eq!(why.kind, WhyKind::Connect),
        other => panic!("{other:?}"),
    }
}

/// A kept connection that the server closed while nothing was under way: the next call just makes a new one.
#[tokio::test]
async fn a_connection_closed_in_between_is_replaced() {
    let server = saying(answer("200 OK", DONE)).await;
    let client = client(&server.address, LONG);
    for _ in 0..20 {
        match client.mutate(&add("a")).await {
            Outcome::Applied => {}
            // The end of the connection and the next request crossed on the way.
            Outcome::Unknown(why) => assert_eq!(why.kind, WhyKind::Broken),
            other => panic!("{other:?}"),
        }
    }
}
