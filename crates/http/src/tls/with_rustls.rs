//! TLS through rustls: what reqwest is handed for each way to trust. Old devices need `with_openssl`.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

#[cfg(not(feature = "openssl"))]
use super::TooOld;
use super::{Pin, Trust, Verdict};
use crate::HttpError;

/// rustls settings for `trust`; `None` leaves the system's verifier in place.
pub fn client_config(trust: &Trust) -> Result<Option<ClientConfig>, HttpError> {
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

fn refuse(verdict: Verdict) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(verdict))))
}

/// A handshake that is signed with another key is something else than a chain that is, though rustls calls both the same.
fn no_proof(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => refuse(Verdict::bad_signature()),
        other => other,
    }
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
            return Err(refuse(Verdict(rust_i18n::t!("http.weak_key", bits = bits).into_owned())));
        }
        if self.old_version {
            return Err(refuse(Verdict(rust_i18n::t!("http.old_certificate").into_owned())));
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
            return Err(refuse(Verdict::wrong_pin(seen.pin)));
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
            .map_err(no_proof)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
            .map_err(no_proof)
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
        let exact = super::read_certificates(path)?;
        let mut roots = RootCertStore::empty();
        // A device's own certificate must not vouch for others, which rustls would let it.
        roots.add_parsable_certificates(exact.iter().filter(|cert| may_vouch(cert)).cloned());
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        Ok(Self { exact, chain: chain.ok(), provider: provider.clone() })
    }
}

/// Whether a certificate is an authority's. Version 1 has no field for that.
fn may_vouch(der: &[u8]) -> bool {
    use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
    X509Certificate::from_der(der).is_ok_and(|(_, cert)| cert.is_ca() || cert.version() != X509Version::V3)
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
            .map_err(no_proof)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
            .map_err(no_proof)
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

/// A handshake with whoever answers on `tcp`, for [`present`](super::present). Old devices fail it.
#[cfg(not(feature = "openssl"))]
pub(super) async fn shake_hands(
    host: &str,
    tcp: tokio::net::TcpStream,
) -> Result<super::presented::Shaken, Box<dyn std::error::Error + Send + Sync>> {
    let config = client_config(&Trust::Insecure)?.ok_or("no settings")?;
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(host.to_owned())?, tcp)
        .await
        .map_err(no_handshake)?;
    let (_, tls) = stream.get_ref();
    let leaf = tls.peer_certificates().and_then(<[_]>::first).ok_or("no certificate")?;
    let suite = tls.negotiated_cipher_suite().ok_or("no cipher")?;
    Ok(super::presented::Shaken {
        protocol: match suite.version().version {
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
            other => format!("{other:?}"),
        },
        cipher: openssl_spelling(&format!("{:?}", suite.suite())),
        leaf: leaf.to_vec(),
    })
}

/// Trouble with the connection, a device that is too old for rustls, or no TLS at all.
#[cfg(not(feature = "openssl"))]
fn no_handshake(error: std::io::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(tls @ (Error::AlertReceived(_) | Error::PeerIncompatible(_))) => TooOld(words(tls)).into(),
        Some(tls) => Verdict(words(tls)).into(),
        None => error.into(),
    }
}

/// A cipher's registered name as OpenSSL writes it, for the ciphers that rustls has.
#[cfg(not(feature = "openssl"))]
fn openssl_spelling(name: &str) -> String {
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => {
            let name = name.trim_start_matches("TLS_").replace("_WITH_", "-").replace("AES_", "AES");
            name.replace("POLY1305_SHA256", "POLY1305").replace('_', "-")
        }
    }
}

/// What rustls says, for people.
pub(super) fn words(error: &Error) -> String {
    use CertificateError as C;
    match error {
        Error::InvalidCertificate(C::Other(OtherError(verdict))) => verdict.to_string(),
        Error::InvalidMessage(_) => Verdict::not_tls(error).0,
        Error::AlertReceived(_) | Error::PeerIncompatible(_) => {
            rust_i18n::t!("http.no_agreement", cause = error).into_owned()
        }
        Error::InvalidCertificate(_) => Verdict::untrusted(error).0,
        _ => error.to_string(),
    }
}

#[cfg(all(test, not(feature = "openssl")))]
mod tests {
    use super::openssl_spelling;

    #[test]
    fn ciphers_are_written_as_openssl_writes_them() {
        for (registered, written) in [
            ("TLS13_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
            ("TLS13_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
            ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ] {
            assert_eq!(openssl_spelling(registered), written);
        }
    }
}
