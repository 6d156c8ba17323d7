//! TLS servers on loopback for tests: any certificate, any age, and a record of every byte that got through. Not a test
//! itself.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use rosterd::http::{Pin, Url};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a certificate is made.
#[derive(Clone)]
pub struct Making {
    pub key: PKey<Private>,
    pub names: Vec<&'static str>,
    pub v1: bool,
    pub authority: bool,
    pub sha1: bool,
    /// Days from now.
    pub valid: (i64, i64),
}

impl Making {
    pub fn new(key: PKey<Private>) -> Self {
        Self { key, names: vec!["127.0.0.1"], v1: false, authority: false, sha1: false, valid: (-1, 30) }
    }
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    pub cert: X509,
    pub key: PKey<Private>,
}

/// A fresh P-256 key.
pub fn ec() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// A fresh RSA key.
pub fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

/// An RSA key of 2048 bits that all tests share: making one takes long.
pub fn rsa_2048() -> PKey<Private> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    KEY.get_or_init(|| rsa(2048)).clone()
}

impl Identity {
    /// A self-signed certificate.
    pub fn own(making: Making) -> Self {
        Self::make(making, None)
    }

    /// A certificate signed by `authority`.
    pub fn signed_by(authority: &Self, making: Making) -> Self {
        Self::make(making, Some(authority))
    }

    fn make(making: Making, authority: Option<&Self>) -> Self {
        let mut name = X509NameBuilder::new().unwrap();
        let common = if making.authority { "Test CA" } else { "Sangfor SSL VPN" };
        name.append_entry_by_text("CN", common).unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(if making.v1 { 0 } else { 2 }).unwrap();
        let serial = BigNum::from_u32(rand::random::<u32>() >> 1).unwrap().to_asn1_integer().unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(authority.map_or(&name, |ca| ca.cert.subject_name())).unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
        let day = |days: i64| Asn1Time::from_unix(now + days * 86_400).unwrap();
        builder.set_not_before(&day(making.valid.0)).unwrap();
        builder.set_not_after(&day(making.valid.1)).unwrap();
        builder.set_pubkey(&making.key).unwrap();
        if !making.v1 {
            let mut basic = BasicConstraints::new();
            basic.critical();
            if making.authority {
                basic.ca();
            }
            builder.append_extension(basic.build().unwrap()).unwrap();
            let mut names = SubjectAlternativeName::new();
            for name in &making.names {
                match name.parse::<std::net::IpAddr>() {
                    Ok(_) => names.ip(name),
                    Err(_) => names.dns(name),
                };
            }
            let names = names.build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(names).unwrap();
        }
        let digest = if making.sha1 { MessageDigest::sha1() } else { MessageDigest::sha256() };
        builder.sign(authority.map_or(&making.key, |ca| &ca.key), digest).unwrap();
        Self { cert: builder.build(), key: making.key }
    }

    /// An everyday certificate for 127.0.0.1.
    pub fn usual() -> Self {
        Self::own(Making::new(ec()))
    }

    /// Pin of the key, computed without the code under test.
    pub fn pin(&self) -> Pin {
        use base64::Engine;
        let digest = openssl::sha::sha256(&self.key.public_key_to_der().unwrap());
        Pin::parse(&base64::prelude::BASE64_STANDARD.encode(digest)).unwrap()
    }

    /// The certificate in a PEM file.
    pub fn file(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.cert.to_pem().unwrap()).unwrap();
        file
    }

    fn der(&self) -> CertificateDer<'static> {
        self.cert.to_der().unwrap().into()
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.private_key_to_pkcs8().unwrap()).unwrap()
    }
}

/// What a server says to every request.
pub const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n\
                          {\"code\":0,\"success\":true } ";

/// A running server.
pub struct Device {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
    connections: Arc<AtomicUsize>,
}

impl Device {
    pub fn url(&self) -> Url {
        self.url_as("127.0.0.1")
    }

    pub fn url_as(&self, host: &str) -> Url {
        Url::parse(&format!("https://{host}:{}/WebApi.php", self.address.port())).unwrap()
    }

    /// How many connections there were so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Everything that came through TLS so far.
    pub fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().unwrap()).into_owned()
    }
}

/// OpenSSL as a server: `adjust` makes it as old as wanted.
pub async fn openssl(identity: &Identity, adjust: impl FnOnce(&mut SslContextBuilder)) -> Device {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_security_level(0);
    builder.set_certificate(&identity.cert).unwrap();
    builder.set_private_key(&identity.key).unwrap();
    adjust(&mut builder);
    let context = builder.build();
    start(move |tcp| {
        let context = context.clone();
        async move {
            let mut stream = tokio_openssl::SslStream::new(Ssl::new(&context).unwrap(), tcp).unwrap();
            std::pin::Pin::new(&mut stream).accept().await.ok()?;
            Some(stream)
        }
    })
    .await
}

/// rustls as a server that presents `shown` and signs with the key of `signer`.
pub async fn rustls(
    shown: &[&Identity],
    signer: &Identity,
    version: &'static rustls::SupportedProtocolVersion,
) -> Device {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = provider.key_provider.load_private_key(signer.key_der()).unwrap();
    let chain = shown.iter().map(|identity| identity.der()).collect();
    let resolver = Fixed(Arc::new(rustls::sign::CertifiedKey::new(chain, key)));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    start(move |tcp| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(tcp).await.ok() }
    })
    .await
}

/// Hands out one certificate without asking whether the key fits.
#[derive(Debug)]
struct Fixed(Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Fixed {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Plain TCP that says `bytes` and reads what comes.
pub async fn plain(bytes: &'static [u8]) -> Device {
    start(move |mut tcp| async move {
        tcp.write_all(bytes).await.ok()?;
        Some(tcp)
    })
    .await
}

/// Answers with `text` and drops the connection without the good-bye of TLS.
pub async fn rude(identity: &Identity, text: String) -> Device {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_certificate(&identity.cert).unwrap();
    builder.set_private_key(&identity.key).unwrap();
    let context = builder.build();
    start(move |tcp| {
        let (context, text) = (context.clone(), text.clone());
        async move {
            let mut stream = tokio_openssl::SslStream::new(Ssl::new(&context).unwrap(), tcp).unwrap();
            std::pin::Pin::new(&mut stream).accept().await.ok()?;
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut chunk = [0; 4096];
                let n = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
                request.extend_from_slice(&chunk[..n]);
            }
            stream.write_all(text.as_bytes()).await.ok()?;
            None::<TcpStream>
        }
    })
    .await
}

/// Closes every connection as soon as the client has said something.
pub async fn closing() -> Device {
    start(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 16]).await;
        None::<TcpStream>
    })
    .await
}

async fn start<S, F, Fut>(accept: F) -> Device
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Option<S>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(Mutex::new(Vec::new()));
    let connections = Arc::new(AtomicUsize::new(0));
    let (record, count) = (received.clone(), connections.clone());
    let accept = Arc::new(accept);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let (accept, record) = (accept.clone(), record.clone());
            tokio::spawn(async move {
                if let Some(stream) = accept(tcp).await {
                    serve(stream, &record).await;
                }
            });
        }
    });
    Device { address, received, connections }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, record: &Mutex<Vec<u8>>) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut chunk).await {
        record.lock().unwrap().extend_from_slice(&chunk[..n]);
        request.extend_from_slice(&chunk[..n]);
        if is_whole(&request) {
            request.clear();
            if stream.write_all(ANSWER.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }
}

/// Whether head and body of a request are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    body.len() >= length.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}
