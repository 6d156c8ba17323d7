//! TLS servers on loopback for tests: any certificate, any age, and a record of every byte that got through. Not a test
//! itself.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, PublicKeyData, RsaKeySize,
};
use rosterd::http::{Pin, Url};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::Digest as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A private key.
pub type Key = Arc<KeyPair>;

/// How a certificate is made.
#[derive(Clone)]
pub struct Making {
    pub key: Key,
    pub names: Vec<&'static str>,
    pub authority: bool,
    /// Another common name than the usual one. OpenSSL takes the first authority of a name for its only one.
    pub common: Option<&'static str>,
    /// Days from now.
    pub valid: (i64, i64),
}

impl Making {
    pub fn new(key: Key) -> Self {
        Self { key, names: vec!["127.0.0.1"], authority: false, common: None, valid: (-1, 30) }
    }

    fn params(&self) -> CertificateParams {
        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let usual = if self.authority { "Test CA" } else { "Sangfor SSL VPN" };
        let common = self.common.unwrap_or(usual);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common);
        params.is_ca =
            if self.authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        let now =
            std::time::SystemTime::from(rosterd::clock::Clock::now(&rosterd::clock::SystemClock::default()));
        let day = |days: i64| {
            let seconds = Duration::from_secs(days.unsigned_abs() * 86_400);
            (if days < 0 { now - seconds } else { now + seconds }).into()
        };
        (params.not_before, params.not_after) = (day(self.valid.0), day(self.valid.1));
        params
    }
}

/// A certificate and its key, in DER.
#[derive(Clone)]
pub struct Identity {
    pub cert: CertificateDer<'static>,
    /// PKCS #8.
    pub key: Vec<u8>,
    /// The public key.
    pub spki: Vec<u8>,
    making: Option<Making>,
}

/// A fresh P-256 key.
pub fn ec() -> Key {
    Arc::new(KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap())
}

/// A fresh RSA key of 2048 bits.
pub fn rsa() -> Key {
    Arc::new(KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
}

/// An RSA key of 2048 bits that all tests share: making one takes long.
pub fn rsa_2048() -> Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(rsa).clone()
}

impl Identity {
    /// What was made elsewhere.
    #[cfg(feature = "openssl")]
    pub fn from_der(cert: Vec<u8>, key: Vec<u8>, spki: Vec<u8>) -> Self {
        Self { cert: cert.into(), key, spki, making: None }
    }

    /// A self-signed certificate.
    pub fn own(making: Making) -> Self {
        let cert = making.params().self_signed(&*making.key).unwrap();
        Self::with(cert, making)
    }

    /// A certificate signed by `authority`.
    pub fn signed_by(authority: &Self, making: Making) -> Self {
        let ca = authority.making.as_ref().unwrap();
        let (params, key) = (ca.params(), &*ca.key);
        let issuer = rcgen::Issuer::from_params(&params, key);
        let cert = making.params().signed_by(&*making.key, &issuer).unwrap();
        Self::with(cert, making)
    }

    fn with(cert: rcgen::Certificate, making: Making) -> Self {
        let (key, spki) = (making.key.serialize_der(), making.key.subject_public_key_info());
        Self { cert: cert.der().clone(), key, spki, making: Some(making) }
    }

    /// An everyday certificate for 127.0.0.1.
    pub fn usual() -> Self {
        Self::own(Making::new(ec()))
    }

    /// The same certificate in the hands of somebody who does not have its key.
    pub fn stolen(&self, key: &Key) -> Self {
        Self { key: key.serialize_der(), ..self.clone() }
    }

    /// Pin of the key, computed without the code under test.
    pub fn pin(&self) -> Pin {
        use base64::Engine;
        Pin::parse(&base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(&self.spki))).unwrap()
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> String {
        use base64::Engine;
        let text = base64::prelude::BASE64_STANDARD.encode(&self.cert);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// The certificate in a PEM file.
    pub fn file(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.pem()).unwrap();
        file
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
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

/// An everyday server of TLS 1.2 and 1.3.
pub async fn device(identity: &Identity) -> Device {
    speaking(&[identity], identity, rustls::ALL_VERSIONS).await
}

/// rustls as a server that presents `shown` and signs with the key of `signer`.
pub async fn rustls(
    shown: &[&Identity],
    signer: &Identity,
    version: &'static rustls::SupportedProtocolVersion,
) -> Device {
    speaking(shown, signer, &[version]).await
}

async fn speaking(
    shown: &[&Identity],
    signer: &Identity,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Device {
    let acceptor = acceptor(shown, signer, versions);
    start(move |tcp| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(tcp).await.ok() }
    })
    .await
}

fn acceptor(
    shown: &[&Identity],
    signer: &Identity,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> tokio_rustls::TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = provider.key_provider.load_private_key(signer.key_der()).unwrap();
    let chain = shown.iter().map(|identity| identity.cert.clone()).collect();
    let resolver = Fixed(Arc::new(rustls::sign::CertifiedKey::new(chain, key)));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
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
    let acceptor = acceptor(&[identity], identity, rustls::ALL_VERSIONS);
    start(move |tcp| {
        let (acceptor, text) = (acceptor.clone(), text.clone());
        async move {
            let mut stream = acceptor.accept(tcp).await.ok()?;
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut chunk = [0; 4096];
                let n = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
                request.extend_from_slice(&chunk[..n]);
            }
            stream.write_all(text.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
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

/// Serves every connection that `accept` lets in.
pub async fn start<S, F, Fut>(accept: F) -> Device
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
