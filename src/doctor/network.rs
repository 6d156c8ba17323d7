//! The way to a device, before anything is signed: name, connection, TLS as it is presented. Whether it is trusted is
//! judged where it counts, in the handshake of a real call.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_i18n::t;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{Finding, Mark, certificate};
use crate::config::TargetConfig;
use crate::http::tls::{Presented, TooOld, present};
use crate::http::{Url, check_url};

/// Name, connection, and what TLS shows.
pub(super) async fn examine(target: &TargetConfig, now: DateTime<Utc>) -> Vec<Finding> {
    let limit = target.pace.timeout.as_duration();
    let url = match check_url(&target.url) {
        Ok(url) => url,
        Err(error) => return vec![Finding::new("dns", Mark::Fail, "bad_address", error.to_string())],
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses: Vec<_> = match timeout(limit, lookup_host((host.as_str(), port))).await {
        Ok(Ok(found)) => found.collect(),
        _ => Vec::new(),
    };
    let Some(first) = addresses.first().copied() else {
        let finding = Finding::new("dns", Mark::Fail, "no_such_name", t!("doctor.dns_none", host = host));
        return vec![finding.next(t!("doctor.dns_next"))];
    };
    let mut found = vec![Finding::ok("dns", t!("doctor.dns", host = host, address = first.ip()))];
    match connect(&addresses, limit).await {
        Ok(stream) => {
            found.push(Finding::ok("tcp", t!("doctor.tcp", port = port)));
            match tls(&url, &host, first, stream, limit).await {
                Ok(presented) => {
                    found.push(shown(&presented));
                    found.extend(certificate::judge(target, &presented, now));
                }
                Err(finding) => found.push(finding),
            }
        }
        Err(error) => found.push(no_connection(&error, port)),
    }
    found
}

async fn connect(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    match timeout(limit, TcpStream::connect(addresses)).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

fn no_connection(error: &io::Error, port: u16) -> Finding {
    let (verdict, next) = match error.kind() {
        io::ErrorKind::ConnectionRefused => ("refused", t!("doctor.tcp_refused_next", port = port)),
        io::ErrorKind::ConnectionReset => ("address_refused", t!("doctor.reset_next")),
        io::ErrorKind::TimedOut => ("timeout", t!("doctor.tcp_timeout_next", port = port)),
        _ => ("unreachable", t!("doctor.tcp_timeout_next", port = port)),
    };
    Finding::new("tcp", Mark::Fail, verdict, t!("doctor.tcp_none", port = port, cause = error)).next(next)
}

/// What is presented, or why nothing is.
async fn tls(
    url: &Url,
    host: &str,
    address: SocketAddr,
    stream: TcpStream,
    limit: Duration,
) -> Result<Presented, Finding> {
    if url.scheme() == "http" {
        return Err(Finding::new("tls", Mark::Skipped, "plain_http", t!("doctor.plain_http")));
    }
    let error = match timeout(limit, present(host, stream)).await {
        Ok(Ok(presented)) => return Ok(presented),
        Ok(Err(error)) => error,
        Err(_) => io::Error::from(io::ErrorKind::TimedOut).into(),
    };
    let fail = |verdict, message: String| Finding::new("tls", Mark::Fail, verdict, message);
    if speaks_http(address, limit).await {
        return Err(fail("plain_http_on_tls_port", t!("doctor.http_on_tls").into_owned())
            .next(t!("doctor.wrong_port_next")));
    }
    if error.is::<TooOld>() {
        return Err(fail("needs_openssl", error.to_string()).next(t!("doctor.openssl_build_next")));
    }
    Err(match error.downcast_ref::<io::Error>() {
        Some(e) if e.kind() == io::ErrorKind::TimedOut => {
            fail("timeout", t!("doctor.tls_timeout").into_owned()).next(t!("doctor.wrong_port_next"))
        }
        Some(e) => {
            fail("address_refused", t!("doctor.reset", cause = e).into_owned()).next(t!("doctor.reset_next"))
        }
        None => fail("not_tls", error.to_string()).next(t!("doctor.wrong_port_next")),
    })
}

/// Whether whoever answers speaks HTTP without TLS. The question holds nothing secret.
async fn speaks_http(address: SocketAddr, limit: Duration) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(&answer == b"HTTP/")
    };
    matches!(timeout(limit, asked).await, Ok(Ok(true)))
}

/// Facts of what is presented. No verdict on trust.
fn shown(presented: &Presented) -> Finding {
    let cert = &presented.certificate;
    let until = cert.not_after.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let message = t!(
        "doctor.tls",
        protocol = presented.protocol,
        cipher = presented.cipher,
        subject = cert.subject,
        until = until
    );
    let mut finding = Finding::ok("tls", message);
    finding.facts.extend([
        ("protocol", presented.protocol.clone()),
        ("cipher", presented.cipher.clone()),
        ("subject", cert.subject.clone()),
        ("issuer", cert.issuer.clone()),
        ("not_after", cert.not_after.map(|at| at.to_rfc3339()).unwrap_or_default()),
        ("x509_version", cert.version.to_string()),
        ("key", cert.key.clone()),
        ("signature", cert.signature.clone()),
        ("pin_sha256", cert.pin.to_string()),
    ]);
    finding
}
