//! TLS through OpenSSL, for devices that rustls refuses: X.509 version 1, short RSA keys, SHA-1, RSA key exchange, CBC,
//! TLS 1.0 and 1.1. Trust is judged in the handshake's verify callback and once more when it is done, before anything is
//! sent. What stays forbidden: ciphers without a certificate or without encryption, RC4, renegotiation, resumption.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin as Pinned;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::{Scheme, Uri};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use openssl::error::ErrorStack;
use openssl::ssl::{
    self, Ssl, SslContext, SslMethod, SslOptions, SslRef, SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::{X509, X509Ref, X509StoreContextRef, X509VerifyResult};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tower_service::Service;

use super::presented::Shaken;
use super::{Pin, Trust, Verdict};
use crate::HttpError;

/// Nothing without a certificate, so that the verify callback is always asked.
const CIPHERS: &str = "ALL:!aNULL:!eNULL:!PSK:!SRP:!EXPORT:!LOW:!RC4:!MD5:@SECLEVEL=0";

/// `SSL_OP_LEGACY_SERVER_CONNECT`: devices from before 2010 do not know secure renegotiation. We never renegotiate.
const LEGACY_SERVER_CONNECT: SslOptions = SslOptions::from_bits_retain(0x4);

type BoxError = Box<dyn StdError + Send + Sync>;

/// What makes a certificate good.
#[derive(Debug)]
enum Rule {
    Pins(Vec<Pin>),
    /// A chain to a known authority, or one of these, byte for byte.
    Chain(Vec<Vec<u8>>),
    Anybody,
}

impl Rule {
    fn takes(&self, leaf: &X509Ref, chain_is_good: bool) -> bool {
        match self {
            Self::Pins(pins) => pin_of(leaf).is_some_and(|pin| pins.contains(&pin)),
            Self::Chain(exact) => {
                chain_is_good
                    || leaf.to_der().is_ok_and(|der| exact.iter().any(|known| known.as_slice() == der))
            }
            Self::Anybody => true,
        }
    }
}

fn pin_of(cert: &X509Ref) -> Option<Pin> {
    // From the certificate's own bytes: OpenSSL would write the key anew.
    cert.to_der().ok().and_then(|der| Pin::of_certificate(&der))
}

/// Settings of OpenSSL for a way to trust. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    context: SslContext,
    rule: Arc<Rule>,
}

impl Tls {
    pub(crate) fn new(trust: &Trust) -> Result<Self, HttpError> {
        let exact = match trust {
            Trust::CaFile(path) => super::read_certificates(path)?,
            Trust::Pins(pins) if pins.is_empty() => return Err(HttpError::NoPins),
            _ => Vec::new(),
        };
        let exact: Vec<Vec<u8>> = exact.iter().map(|cert| cert.to_vec()).collect();
        let context = context(trust, &exact).map_err(|e| HttpError::Setup { cause: e.to_string() })?;
        let rule = match trust {
            Trust::Pins(pins) => Rule::Pins(pins.clone()),
            Trust::System | Trust::CaFile(_) => Rule::Chain(exact),
            Trust::Insecure => Rule::Anybody,
        };
        Ok(Self { context, rule: Arc::new(rule) })
    }

    /// Shakes hands as a client of `host`. Nothing of ours is sent before the certificate has been judged.
    async fn handshake(&self, host: &str, tcp: TcpStream) -> Result<SslStream<TcpStream>, BoxError> {
        let seen = Arc::new(OnceLock::new());
        let mut stream = SslStream::new(self.prepare(host, &seen)?, tcp)?;
        if let Err(error) = Pinned::new(&mut stream).connect().await {
            return Err(self.sort(error, stream.ssl(), seen.get().copied()));
        }
        if !matches!(*self.rule, Rule::Anybody) {
            let leaf = stream.ssl().peer_certificate();
            let pin = leaf.as_deref().and_then(pin_of);
            let judged = pin.is_some() && pin == seen.get().copied();
            let taken = leaf.is_some_and(|leaf| self.rule.takes(&leaf, judged));
            if !judged || !taken {
                return Err(Verdict::untrusted("no certificate").into());
            }
        }
        Ok(stream)
    }

    fn prepare(&self, host: &str, seen: &Arc<OnceLock<Pin>>) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(ip) => ssl.param_mut().set_ip(ip)?,
            Err(_) => {
                ssl.set_hostname(host)?;
                ssl.param_mut().set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
                ssl.param_mut().set_host(host)?;
            }
        }
        let (rule, seen) = (self.rule.clone(), seen.clone());
        ssl.set_verify_callback(SslVerifyMode::PEER, move |good, store: &mut X509StoreContextRef| {
            // The chain under construction begins with the server's own certificate, whatever is being judged.
            let leaf = store.chain().and_then(|chain| chain.get(0));
            leaf.is_some_and(|leaf| {
                if let Some(pin) = pin_of(leaf) {
                    // Called once per certificate; the first word stands.
                    let _ = seen.set(pin);
                }
                rule.takes(leaf, good)
            })
        });
        Ok(ssl)
    }

    /// Why a handshake failed: a verdict of ours, or trouble with the connection.
    fn sort(&self, error: ssl::Error, ssl: &SslRef, seen: Option<Pin>) -> BoxError {
        let stack = match error.into_io_error() {
            Ok(io) => return io.into(),
            Err(error) => error,
        };
        let Some(errors) = stack.ssl_error() else {
            return io::Error::new(io::ErrorKind::UnexpectedEof, "TLS handshake cut off").into();
        };
        let reasons: Vec<&str> = errors.errors().iter().filter_map(|e| e.reason()).collect();
        let has = |words: &[&str]| reasons.iter().any(|r| words.iter().any(|w| r.contains(w)));
        let cause = reasons.last().copied().unwrap_or("TLS");
        match (&*self.rule, seen) {
            (Rule::Pins(pins), Some(pin)) if !pins.contains(&pin) => Verdict::wrong_pin(pin),
            _ if has(&["certificate verify failed"]) => Verdict::untrusted(reason(ssl.verify_result())),
            _ if has(&["unexpected eof"]) => {
                return io::Error::new(io::ErrorKind::UnexpectedEof, cause).into();
            }
            _ if seen.is_some() && has(&["signature", "padding", "data too", "block type"]) => {
                Verdict::bad_signature()
            }
            _ if has(&["wrong version number", "http request", "packet length", "record too"]) => {
                Verdict::not_tls(cause)
            }
            _ => Verdict(rust_i18n::t!("http.no_agreement_old", cause = cause).into_owned()),
        }
        .into()
    }
}

fn reason(result: X509VerifyResult) -> String {
    format!("{}, OpenSSL {}", result.error_string(), result.as_raw())
}

fn context(trust: &Trust, exact: &[Vec<u8>]) -> Result<SslContext, ErrorStack> {
    let mut builder = SslContext::builder(SslMethod::tls_client())?;
    builder.set_security_level(0);
    builder.set_min_proto_version(Some(SslVersion::TLS1))?;
    builder.set_cipher_list(CIPHERS)?;
    // An answer that is cut off without a good-bye is told by its JSON, and old devices never say good-bye.
    builder.set_options(
        SslOptions::NO_COMPRESSION
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_TICKET
            | SslOptions::IGNORE_UNEXPECTED_EOF
            | LEGACY_SERVER_CONNECT,
    );
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_verify(SslVerifyMode::PEER);
    match trust {
        // The same files as rustls, found in the same way: not OpenSSL's own folder beside the file that
        // `SSL_CERT_FILE` names, nor a folder of wherever this OpenSSL was built.
        Trust::System => {
            let system = rustls_native_certs::load_native_certs().certs;
            builder.set_cert_store(store(system.iter().filter_map(|der| X509::from_der(der).ok()))?);
        }
        Trust::CaFile(_) => {
            let file: Vec<X509> = exact.iter().map(|der| X509::from_der(der)).collect::<Result<_, _>>()?;
            builder.set_cert_store(store(file)?);
        }
        Trust::Pins(_) | Trust::Insecure => {}
    }
    Ok(builder.build())
}

fn store(certificates: impl IntoIterator<Item = X509>) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for certificate in certificates {
        store.add_cert(certificate)?;
    }
    Ok(store.build())
}

/// A handshake with whoever answers on `tcp`, for [`present`](super::present).
pub(super) async fn shake_hands(host: &str, tcp: TcpStream) -> Result<Shaken, BoxError> {
    let stream = Tls::new(&Trust::Insecure)?.handshake(host, tcp).await?;
    let ssl = stream.ssl();
    Ok(Shaken {
        protocol: ssl.version_str().to_owned(),
        cipher: ssl.current_cipher().map(|cipher| cipher.name().to_owned()).unwrap_or_default(),
        leaf: ssl.peer_certificate().ok_or("no certificate")?.to_der()?,
    })
}

/// Makes connections for the HTTP library.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: Tls,
    timeout: Duration,
}

impl Connector {
    pub(crate) fn new(trust: &Trust, timeout: Duration) -> Result<Self, HttpError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Ok(Self { tcp, tls: Tls::new(trust)?, timeout })
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = BoxError;
    type Future = Pinned<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (tls, timeout) = (self.tls.clone(), self.timeout);
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().unwrap_or_default().to_owned();
        let tcp = self.tcp.call(uri);
        Box::pin(async move {
            let connecting = async {
                let tcp = tcp.await.map_err(BoxError::from)?.into_inner();
                let stream: Box<dyn Io> =
                    if is_tls { Box::new(tls.handshake(&host, tcp).await?) } else { Box::new(tcp) };
                Ok(TokioIo::new(Stream(stream)))
            };
            match tokio::time::timeout(timeout, connecting).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection, with TLS or without.
pub(crate) struct Stream(Box<dyn Io>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pinned<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pinned<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pinned::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.0).poll_shutdown(cx)
    }
}
