//! Syslog: one line in the form of RFC 5424, as a datagram, or counted (RFC 6587) over TCP and TLS (RFC 5425). The line
//! has no structured data, so there is nothing to escape in it but control characters.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_i18n::t;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};
use tokio_rustls::TlsConnector;

use super::{Message, Roots};
use crate::config::{Event, SyslogServer};
use crate::model::cut_bytes;

/// Time limit of sending one line.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Every receiver takes 2048 bytes.
const MAX_LINE: usize = 2048;
/// Facility `daemon`.
const FACILITY: u8 = 3;

/// Sends a line.
///
/// # Errors
/// If it did not leave; over TCP and TLS also if the receiver did not take it to its end.
pub async fn send(server: &SyslogServer, line: &str, roots: &Roots) -> Result<(), String> {
    let sending = async {
        match server {
            SyslogServer::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.send_to(line.as_bytes(), path).await.map(drop)
            }
            SyslogServer::Udp(host, port) => {
                let to = first_address(host, *port).await?;
                let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
                socket.send_to(line.as_bytes(), to).await.map(drop)
            }
            SyslogServer::Tcp(host, port) => {
                counted(TcpStream::connect((host.as_str(), *port)).await?, line).await
            }
            SyslogServer::Tls(host, port) => counted(encrypted(host, *port, roots).await?, line).await,
        }
    };
    match tokio::time::timeout(TIMEOUT, sending).await {
        Ok(sent) => sent.map_err(|error| error.to_string()),
        Err(_) => Err(t!("http.timeout", seconds = TIMEOUT.as_secs()).into_owned()),
    }
}

/// Whether the receiver is there, as far as that can be seen without sending anything.
///
/// # Errors
/// If it is not.
pub async fn try_out(server: &SyslogServer, roots: &Roots) -> Result<(), String> {
    let trying = async {
        match server {
            SyslogServer::Unix(path) => UnixDatagram::unbound()?.connect(path),
            SyslogServer::Udp(host, port) => first_address(host, *port).await.map(drop),
            SyslogServer::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).await.map(drop),
            SyslogServer::Tls(host, port) => encrypted(host, *port, roots).await.map(drop),
        }
    };
    match tokio::time::timeout(TIMEOUT, trying).await {
        Ok(there) => there.map_err(|error| error.to_string()),
        Err(_) => Err(t!("http.timeout", seconds = TIMEOUT.as_secs()).into_owned()),
    }
}

async fn first_address(host: &str, port: u16) -> io::Result<std::net::SocketAddr> {
    tokio::net::lookup_host((host, port)).await?.next().ok_or_else(|| io::ErrorKind::NotFound.into())
}

async fn encrypted(
    host: &str,
    port: u16,
    roots: &Roots,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots.iter().cloned(), Arc::clone(&provider));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier.map_err(io::Error::other)?))
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let tcp = TcpStream::connect((host, port)).await?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// Sends a line and waits until the receiver has closed: only then was it taken.
async fn counted(mut stream: impl AsyncRead + AsyncWrite + Unpin, line: &str) -> io::Result<()> {
    stream.write_all(format!("{} {line}", line.len()).as_bytes()).await?;
    stream.shutdown().await?;
    match stream.read_to_end(&mut Vec::new()).await {
        // Many close without the good-bye of TLS.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(()),
    }
}

/// A message as a line.
pub fn line(message: &Message, text: &str, host: &str, pid: u32, now: DateTime<Utc>) -> String {
    let priority = FACILITY * 8 + severity(message.event);
    let at = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-" } else { &host };
    let event = serde_json::to_value(message.event).ok();
    let event = event.as_ref().and_then(serde_json::Value::as_str).unwrap_or("-");
    let text = text.replace('\n', "; ");
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // What is not ASCII begins with the mark of UTF-8.
    let line = format!("<{priority}>1 {at} {host} rosterd {pid} {event} - \u{feff}{text}");
    cut_bytes(&line, MAX_LINE).to_owned()
}

/// Error, warning, or notice.
const fn severity(event: Event) -> u8 {
    match event {
        Event::Failed | Event::Unconfirmed | Event::AuditBroken | Event::OobFailed => 3,
        Event::Held
        | Event::Partial
        | Event::RosterLate
        | Event::RosterSuspect
        | Event::Blocked
        | Event::DeviceChanged
        | Event::AccessAfterLeaving
        | Event::ConfigLoosened
        | Event::UcloudKeys => 4,
        Event::Fixed | Event::Applied => 5,
    }
}

/// This machine's name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
