//! What a server presents, whoever it is: for `doctor`, which shows it, and never for a decision to trust. Nothing of
//! ours but the handshake is sent.

use std::error::Error as StdError;

use chrono::{DateTime, Utc};
use openssl::x509::X509Ref;
use tokio::net::TcpStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::with_openssl::Tls;
use super::{Pin, Trust};

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

/// Shakes hands with whoever answers on `tcp`, trusting nobody in particular.
pub async fn present(host: &str, tcp: TcpStream) -> Result<Presented, Box<dyn StdError + Send + Sync>> {
    let stream = Tls::new(&Trust::Insecure)?.handshake(host, tcp).await?;
    let ssl = stream.ssl();
    let leaf = ssl.peer_certificate().ok_or("no certificate")?;
    Ok(Presented {
        protocol: ssl.version_str().to_owned(),
        cipher: ssl.current_cipher().map(|cipher| cipher.name().to_owned()).unwrap_or_default(),
        certificate: describe(&leaf)?,
    })
}

fn describe(leaf: &X509Ref) -> Result<Certificate, Box<dyn StdError + Send + Sync>> {
    let der = leaf.to_der()?;
    let (_, cert) = X509Certificate::from_der(&der)?;
    let key = leaf.public_key()?;
    let sort = match key.id() {
        openssl::pkey::Id::RSA => "RSA",
        openssl::pkey::Id::EC => "EC",
        openssl::pkey::Id::DSA => "DSA",
        _ => "key",
    };
    let moment = |time: x509_parser::time::ASN1Time| DateTime::from_timestamp(time.timestamp(), 0);
    Ok(Certificate {
        pin: Pin::of_spki(cert.public_key().raw),
        subject: cert.subject().to_string(),
        issuer: cert.issuer().to_string(),
        not_before: moment(cert.validity().not_before),
        not_after: moment(cert.validity().not_after),
        version: cert.version().0 + 1,
        key: format!("{sort} {}", key.bits()),
        signature: leaf.signature_algorithm().object().to_string(),
    })
}
