//! What a server presents, whoever it is: for `doctor`, which shows it, and never for a decision to trust. Nothing of
//! ours but the handshake is sent. A build with OpenSSL asks through it, since it understands the oldest devices.

use std::error::Error as StdError;

use chrono::{DateTime, Utc};
use tokio::net::TcpStream;
use x509_parser::oid_registry::{OidRegistry, asn1_rs::Oid};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::Pin;
#[cfg(feature = "openssl")]
use super::with_openssl::shake_hands;
#[cfg(not(feature = "openssl"))]
use super::with_rustls::shake_hands;

/// What a handshake showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// `TLSv1.2` and the like.
    pub protocol: String,
    /// The cipher in OpenSSL's spelling.
    pub cipher: String,
    /// The server's certificate.
    pub certificate: Certificate,
}

/// A certificate for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Pin of its public key.
    pub pin: Pin,
    /// Whom it names.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// First moment of validity, if it can be read.
    pub not_before: Option<DateTime<Utc>>,
    /// Last moment of validity, if it can be read.
    pub not_after: Option<DateTime<Utc>>,
    /// X.509 version, 1 to 3.
    pub version: u32,
    /// Sort and size of the key, `RSA 2048`.
    pub key: String,
    /// How the certificate is signed.
    pub signature: String,
}

/// What a library tells of a handshake; the certificate in DER.
pub(super) struct Shaken {
    pub(super) protocol: String,
    pub(super) cipher: String,
    pub(super) leaf: Vec<u8>,
}

/// Shakes hands with whoever answers on `tcp`, trusting nobody in particular.
pub async fn present(host: &str, tcp: TcpStream) -> Result<Presented, Box<dyn StdError + Send + Sync>> {
    let Shaken { protocol, cipher, leaf } = shake_hands(host, tcp).await?;
    Ok(Presented { protocol, cipher, certificate: describe(&leaf)? })
}

fn describe(der: &[u8]) -> Result<Certificate, Box<dyn StdError + Send + Sync>> {
    let (_, cert) = X509Certificate::from_der(der)?;
    let moment = |time: x509_parser::time::ASN1Time| DateTime::from_timestamp(time.timestamp(), 0);
    Ok(Certificate {
        pin: Pin::of_spki(cert.public_key().raw),
        subject: cert.subject().to_string(),
        issuer: cert.issuer().to_string(),
        not_before: moment(cert.validity().not_before),
        not_after: moment(cert.validity().not_after),
        version: cert.version().0 + 1,
        key: match cert.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
            Ok(PublicKey::EC(point)) => format!("EC {}", point.key_size()),
            Ok(PublicKey::DSA(key)) => format!("DSA {}", key.len() * 8),
            _ => name(&cert.public_key().algorithm.algorithm),
        },
        signature: name(&cert.signature_algorithm.algorithm),
    })
}

/// The usual name of an algorithm, or its number.
fn name(oid: &Oid<'_>) -> String {
    let known = OidRegistry::default().with_all_crypto();
    known.get(oid).map_or_else(|| oid.to_id_string(), |entry| entry.sn().to_owned())
}
