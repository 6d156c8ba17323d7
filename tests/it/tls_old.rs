//! TLS servers as old as wanted, through OpenSSL: certificates and ciphers that no other library makes any more. Not a
//! test itself, and only there in a build with OpenSSL.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod};
use openssl::x509::{X509, X509NameBuilder};

use crate::tls_server::{self, Device, Identity};

/// How an old certificate is made.
#[derive(Clone)]
pub struct Making {
    /// Bits of the RSA key.
    pub bits: u32,
    pub v1: bool,
    pub sha1: bool,
    /// Days from now.
    pub valid: (i64, i64),
}

impl Making {
    pub fn new(bits: u32) -> Self {
        Self { bits, v1: false, sha1: false, valid: (-1, 30) }
    }
}

/// A self-signed certificate.
pub fn own(making: Making) -> Identity {
    let key = PKey::from_rsa(Rsa::generate(making.bits).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "Sangfor SSL VPN").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(if making.v1 { 0 } else { 2 }).unwrap();
    let serial = BigNum::from_u32(rand::random::<u32>() >> 1).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    let day = |days: i64| Asn1Time::from_unix(now + days * 86_400).unwrap();
    builder.set_not_before(&day(making.valid.0)).unwrap();
    builder.set_not_after(&day(making.valid.1)).unwrap();
    builder.set_pubkey(&key).unwrap();
    let digest = if making.sha1 { MessageDigest::sha1() } else { MessageDigest::sha256() };
    builder.sign(&key, digest).unwrap();
    let pkcs8 = key.private_key_to_pkcs8().unwrap();
    Identity::from_der(builder.build().to_der().unwrap(), pkcs8, key.public_key_to_der().unwrap())
}

/// A server that presents `identity`; `adjust` makes it as old as wanted.
pub async fn openssl(identity: &Identity, adjust: impl FnOnce(&mut SslContextBuilder)) -> Device {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_security_level(0);
    builder.set_certificate(&X509::from_der(&identity.cert).unwrap()).unwrap();
    let key: PKey<Private> = PKey::private_key_from_pkcs8(&identity.key).unwrap();
    builder.set_private_key(&key).unwrap();
    adjust(&mut builder);
    let context = builder.build();
    tls_server::start(move |tcp| {
        let context = context.clone();
        async move {
            let mut stream = tokio_openssl::SslStream::new(Ssl::new(&context).unwrap(), tcp).unwrap();
            std::pin::Pin::new(&mut stream).accept().await.ok()?;
            Some(stream)
        }
    })
    .await
}
