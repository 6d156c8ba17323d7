//! Which certificates are trusted, under rustls: the system's authorities, a file, pins of the public key, or
//! anything. A pin replaces name and expiry, never the handshake's own signature: whoever holds only a copy of the
//! certificate fails.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::HttpError;

/// The SHA-256 of a public key (SPKI). Written as base64; `sha256/` or `sha256//` before it is taken too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Reads a pin.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let bare = text.trim();
        let bare = bare.strip_prefix("sha256/").map_or(bare, |rest| rest.trim_start_matches('/'));
        let bytes = STANDARD.decode(bare).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| HttpError::BadPin { pin: text.to_owned() })
    }

    /// Reads a list of pins; an empty one is an error, never a fallback.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, HttpError> {
        if texts.is_empty() {
            return Err(HttpError::NoPins);
        }
        texts.iter().map(|text| Self::parse(text)).collect()
    }

    /// The pin of a public key in DER (SPKI).
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(Sha256::digest(spki).into())
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The one way to trust a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The system's authorities; name and expiry count.
    System,
    /// The authorities in a PEM file; name and expiry count. A server's own certificate in that file is trusted as
    /// it is.
    CaFile(PathBuf),
    /// These public keys, and nothing else about the certificate.
    Pins(Vec<Pin>),
    /// Anybody.
    Insecure,
}

/// rustls settings for `trust`; `None` leaves the system's verifier in place.
pub(super) fn client_config(trust: &Trust) -> Result<Option<ClientConfig>, HttpError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::System => return Ok(None),
        Trust::CaFile(path) => Arc::new(FromFile::read(path, &provider)?),
        Trust::Pins(pins) if pins.is_empty() => return Err(HttpError::NoPins),
        Trust::Pins(pins) => Arc::new(Pinned { pins: pins.clone(), provider: provider.clone() }),
        Trust::Insecure => Arc::new(Anybody(provider.clone())),
    };
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
        .map(Some)
        .map_err(|e| HttpError::Setup { cause: e.to_string() })
}

/// A verdict of our own, in the user's words.
#[derive(Debug)]
struct Verdict(String);

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Verdict {}

fn refuse(text: impl Into<String>) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Verdict(text.into())))))
}

/// What a certificate is, as far as it can be read; rustls itself cannot read old ones.
struct Seen {
    pin: Pin,
    old_version: bool,
    weak_bits: Option<usize>,
}

impl Seen {
    fn parse(der: &[u8]) -> Result<Self, Error> {
        use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
        use x509_parser::public_key::PublicKey;
        let (_, cert) = X509Certificate::from_der(der)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let spki = cert.public_key();
        let weak_bits = match spki.parsed() {
            Ok(PublicKey::RSA(key)) if key.key_size() < 2048 => Some(key.key_size()),
            _ => None,
        };
        Ok(Self { pin: Pin::of_spki(spki.raw), old_version: cert.version() != X509Version::V3, weak_bits })
    }

    /// Says so when the certificate is of a kind whose signatures rustls cannot check: it would otherwise call them
    /// wrong, which reads like an attack.
    fn check_usable(&self) -> Result<(), Error> {
        if let Some(bits) = self.weak_bits {
            return Err(refuse(rust_i18n::t!("http.weak_key", bits = bits)));
        }
        if self.old_version {
            return Err(refuse(rust_i18n::t!("http.old_certificate")));
        }
        Ok(())
    }
}

/// Trusts public keys.
#[derive(Debug)]
struct Pinned {
    pins: Vec<Pin>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = Seen::parse(end_entity)?;
        if !self.pins.contains(&seen.pin) {
            return Err(refuse(rust_i18n::t!("http.wrong_pin", pin = seen.pin)));
        }
        seen.check_usable()?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Trusts what a file says.
#[derive(Debug)]
struct FromFile {
    /// Certificates of the file, byte for byte: a device's self-signed one is no authority to rustls.
    exact: Vec<CertificateDer<'static>>,
    /// The usual check with the file's authorities, if it has any.
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl FromFile {
    fn read(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, HttpError> {
        let unreadable = |cause: &dyn fmt::Display| HttpError::CaUnreadable {
            path: path.into(),
            cause: cause.to_string(),
        };
        let pem = std::fs::read(path).map_err(|e| unreadable(&e))?;
        let exact: Vec<_> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| unreadable(&e))?;
        if exact.is_empty() {
            return Err(HttpError::CaEmpty { path: path.into() });
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(exact.iter().cloned());
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        Ok(Self { exact, chain: chain.ok(), provider: provider.clone() })
    }
}

impl ServerCertVerifier for FromFile {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.exact.iter().any(|known| known == end_entity) {
            Seen::parse(end_entity)?.check_usable()?;
            return Ok(ServerCertVerified::assertion());
        }
        let chain = self.chain.as_ref().ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Trusts anybody, also those who cannot sign: `insecure = true`.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The words for a TLS failure somewhere in an error's chain; `None` when TLS is not the cause.
pub(super) fn explain(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(e) = next {
        let inner = e.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if let Some(tls) = e.downcast_ref::<Error>().or_else(|| inner?.downcast_ref::<Error>()) {
            return Some(words(tls));
        }
        next = match inner {
            Some(inner) => Some(inner),
            None => e.source(),
        };
    }
    None
}

fn words(error: &Error) -> String {
    use CertificateError as C;
    match error {
        Error::InvalidCertificate(C::Other(OtherError(verdict))) => verdict.to_string(),
        Error::InvalidCertificate(C::BadSignature) => rust_i18n::t!("http.bad_signature").into_owned(),
        Error::InvalidMessage(_) => rust_i18n::t!("http.not_tls", cause = error).into_owned(),
        Error::AlertReceived(_) | Error::PeerIncompatible(_) => {
            rust_i18n::t!("http.no_agreement", cause = error).into_owned()
        }
        Error::InvalidCertificate(_) => rust_i18n::t!("http.untrusted", cause = error).into_owned(),
        _ => error.to_string(),
    }
}
