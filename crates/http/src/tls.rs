//! Whom the other end may be: the one way to trust a server, pins of public keys, and what a certificate says. The two
//! libraries that speak TLS are in `with_rustls` and, where it is built in, `with_openssl`; a pin replaces name and expiry in both, never the
//! handshake's own proof: whoever holds only a copy of the certificate fails.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::HttpError;

mod presented;
#[cfg(feature = "openssl")]
pub(super) mod with_openssl;
pub(super) mod with_rustls;

pub use presented::{Certificate, Presented, present};
pub use with_rustls::client_config;

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

    /// The pin of a certificate in DER; `None` if it cannot be read.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        use x509_parser::prelude::{FromDer, X509Certificate};
        let (_, cert) = X509Certificate::from_der(der).ok()?;
        Some(Self::of_spki(cert.public_key().raw))
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

/// The certificates of a PEM file; none is an error.
fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let unreadable =
        |cause: &dyn fmt::Display| HttpError::CaUnreadable { path: path.into(), cause: cause.to_string() };
    let pem = std::fs::read(path).map_err(|e| unreadable(&e))?;
    let all: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| unreadable(&e))?;
    if all.is_empty() {
        return Err(HttpError::CaEmpty { path: path.into() });
    }
    Ok(all)
}

/// A verdict of our own, in the user's words.
#[derive(Debug)]
struct Verdict(String);

impl Verdict {
    fn wrong_pin(pin: Pin) -> Self {
        Self(rust_i18n::t!("http.wrong_pin", pin = pin).into_owned())
    }

    fn untrusted(cause: impl fmt::Display) -> Self {
        Self(rust_i18n::t!("http.untrusted", cause = cause).into_owned())
    }

    fn bad_signature() -> Self {
        Self(rust_i18n::t!("http.bad_signature").into_owned())
    }

    fn not_tls(cause: impl fmt::Display) -> Self {
        Self(rust_i18n::t!("http.not_tls", cause = cause).into_owned())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Verdict {}

/// Nothing that both ends speak, as far as rustls can tell: an old device, which OpenSSL might understand. Only a build
/// [without OpenSSL](crate::HAS_OPENSSL) meets it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TooOld(String);

/// The words for a TLS failure somewhere in an error's chain; `None` when TLS is not the cause.
pub fn explain(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(e) = next {
        let inner = e.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if let Some(verdict) = e.downcast_ref::<Verdict>() {
            return Some(verdict.to_string());
        }
        if let Some(tls) = e.downcast_ref::<rustls::Error>().or_else(|| inner?.downcast_ref()) {
            return Some(with_rustls::words(tls));
        }
        next = match inner {
            Some(inner) => Some(inner),
            None => e.source(),
        };
    }
    None
}
