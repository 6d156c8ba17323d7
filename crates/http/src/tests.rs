//! Tests of the foundation: encoding, addresses, pins, limits. TLS on real sockets is tested in `tests/it/tls`.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[test]
fn only_unreserved_characters_stay() {
    assert_eq!(percent_encode("Az09-_.~"), "Az09-_.~");
    assert_eq!(percent_encode("a b+c&d=e%f"), "a%20b%2Bc%26d%3De%25f");
    assert_eq!(percent_encode("张"), "%E5%BC%A0");
    assert_eq!(encode_pairs([("a", "1 2"), ("b", "")]), "a=1%202&b=");
}

proptest! {
    #[test]
    fn encoding_survives_any_decoder(pairs in proptest::collection::vec(("\\PC{1,8}", ".{0,16}"), 0..5)) {
        let text = encode_pairs(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let url = Url::parse(&format!("http://localhost/?{text}")).unwrap();
        let back: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        prop_assert_eq!(back, pairs);
    }
}

#[test]
fn addresses_are_checked() {
    for good in ["https://10.1.1.1:4430", "http://127.0.0.1:80", "http://[::1]:9/x", "http://localhost"] {
        assert!(check_url(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "10.1.1.1",
        "http://10.1.1.1",
        "http://localhost.example",
        "ftp://h",
        "https://u:p@h",
        "https://h#x",
    ] {
        assert!(check_url(bad).is_err(), "{bad}");
    }
    let text = check_url("http://u:hunter2@10.0.0.1/?key=hunter3").unwrap_err().to_string();
    assert!(!text.contains("hunter"), "{text}");
}

#[test]
fn pins_are_read_strictly() {
    let pin = Pin::of_spki(b"key");
    for text in [pin.to_string(), format!("sha256/{pin}"), format!("sha256//{pin}"), format!(" {pin} ")] {
        assert_eq!(Pin::parse(&text), Ok(pin));
    }
    for bad in ["", "AAAA", "sha256//", "zz", &pin.to_string()[1..], "sha1/AAAA"] {
        assert!(Pin::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Pin::parse_all(&[]), Err(HttpError::NoPins));
}

#[test]
fn trust_never_falls_back() {
    let make = |trust| Transport::new(&Options::new(trust, Duration::from_secs(1))).map(|_| ());
    assert_eq!(make(Trust::Pins(vec![])), Err(HttpError::NoPins));
    assert!(matches!(make(Trust::CaFile("/nonexistent.pem".into())), Err(HttpError::CaUnreadable { .. })));
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(make(Trust::CaFile(empty.path().into())), Err(HttpError::CaEmpty { .. })));
    assert_eq!(make(Trust::System), Ok(()));
}

/// Answers one connection with these bytes and closes it.
async fn answering(bytes: &'static [u8]) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/path?secret=hunter2", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 2048];
        let _ = socket.read(&mut request).await;
        let _ = socket.write_all(bytes).await;
    });
    url
}

fn transport(max_body: usize) -> Transport {
    let options = Options { max_body, ..Options::new(Trust::System, Duration::from_secs(5)) };
    Transport::new(&options).unwrap()
}

#[tokio::test]
async fn redirects_are_answers() {
    let url =
        answering(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let answer = transport(10).send(Request::get(url)).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://127.0.0.1:1/")));
}

#[tokio::test]
async fn bodies_are_capped_with_and_without_a_length() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n12345678901"[..],
        b"HTTP/1.1 200 OK\r\n\r\n12345678901",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n",
    ] {
        let url = answering(bytes).await;
        let failure = transport(10).send(Request::get(url.clone())).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::TooLarge);
        assert!(!failure.not_sent());
        let url = answering(bytes).await;
        assert_eq!(transport(11).send(Request::get(url)).await.unwrap().body, b"12345678901");
    }
}

#[tokio::test]
async fn nobody_there_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/?secret=hunter2", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let failure =
        transport(10).send(Request::post_form(url, Secret::new("passwd=hunter2".into()))).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Connect);
    assert!(failure.not_sent());
    assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
}

#[tokio::test]
async fn a_broken_answer_is_not_known() {
    for bytes in [&b""[..], b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n123"] {
        let failure = transport(10).send(Request::get(answering(bytes).await)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Broken, "{failure}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}
