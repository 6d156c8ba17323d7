//! A directory that means harm, or is unwell: raw bytes over loopback. A real server is asked in the integration tests.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{RosterConfig, SourceConfig, SourceKind};
use crate::roster::rules::Calendar;

const CALENDAR: Calendar = Calendar { today: chrono::NaiveDate::MIN, zone: chrono_tz::Tz::Asia__Shanghai };

fn source(url: &str) -> SourceConfig {
    let ldap = LdapConfig { url: url.into(), base: "dc=corp".into(), ..LdapConfig::default() };
    SourceConfig { name: "ad".into(), kind: SourceKind::Ldap, ldap: Some(ldap), ..SourceConfig::default() }
}

fn rules(source: SourceConfig) -> Rules {
    let config = RosterConfig { source: vec![source], ..RosterConfig::default() };
    Rules::all(&config, None, CALENDAR).unwrap().into_iter().next().unwrap()
}

fn directory(url: &str) -> Result<(Rules, Directory), RosterError> {
    let rules = rules(source(url));
    let config = rules.ldap.clone().unwrap();
    Directory::new(&rules, &config, Path::new("/"), &Env::default()).map(|directory| (rules, directory))
}

const SMALL: Limits = Limits {
    connect: Duration::from_secs(5),
    answer: Duration::from_millis(100),
    whole: Duration::from_secs(10),
    page_bytes: 1 << 20,
    all_bytes: 4 << 20,
    kept_bytes: 1 << 20,
};

/// What reading comes to when a server answers the first request like this.
fn read_from(answer: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        answer(stream);
    });
    let (rules, mut directory) = directory(&url).unwrap();
    directory.limits = SMALL;
    let read = directory.read(&rules, &mut Harvest::default(), &Arc::new(Beat::new(None)));
    server.join().unwrap();
    read.unwrap_err().kind().to_owned()
}

/// Sends until nobody takes it any more.
fn flood(mut stream: TcpStream, start: &[u8], again: &[u8]) {
    let mut sent = stream.write_all(start);
    while sent.is_ok() {
        sent = stream.write_all(again);
    }
}

#[test]
fn a_message_without_end_is_given_up_early() {
    // An octet string of 2 GiB.
    let start = b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01\x64\x84\x7f\xff\xff\xf0\x04\x84\x7f\xff\xff\x00";
    assert_eq!(read_from(|stream| flood(stream, start, &[b'a'; 4096])), "ldap_too_big");
}

#[test]
fn entries_without_end_are_given_up_early() {
    let entry = b"\x30\x1d\x02\x01\x01\x64\x18\x04\x01x\x30\x13\x30\x11\x04\x03uid\x31\x0a\x04\x08aaaaaaaa";
    assert_eq!(read_from(|stream| flood(stream, entry, &entry.repeat(100))), "ldap_too_big");
}

#[test]
fn silence_rubbish_and_a_closed_door_are_told_apart() {
    assert_eq!(
        read_from(|mut stream| {
            // Waits until the other side has given up.
            let _ = stream.read(&mut [0; 16]);
        }),
        "ldap_too_slow"
    );
    assert_eq!(read_from(drop), "ldap_dropped");
    let web = |mut stream: TcpStream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    assert_eq!(read_from(web), "ldap_dropped");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (rules, closed) = directory(&format!("ldap://{free}")).unwrap();
    let error = closed.read(&rules, &mut Harvest::default(), &Arc::new(Beat::new(None))).unwrap_err();
    assert_eq!(error.kind(), "ldap_unreachable");
    assert!(error.is_absence() && error.to_string().contains(&free.to_string()));
}

#[test]
fn nothing_readable_goes_to_another_machine() {
    for url in ["ldap://dc1.example.com", "ldap://192.0.2.7:389", "ldap://127.0.0.1.example.com"] {
        assert_eq!(directory(url).unwrap_err().kind(), "ldap_cleartext", "{url}");
    }
    for url in ["ldap://127.0.0.1:1", "ldap://[::1]", "ldap://localhost", "ldaps://dc1.example.com"] {
        assert!(directory(url).is_ok(), "{url}");
    }
    for url in ["", "http://127.0.0.1", "ldap://", "ldapi://%2ftmp%2fx"] {
        assert_eq!(directory(url).unwrap_err().kind(), "ldap_setup", "{url}");
    }
}
