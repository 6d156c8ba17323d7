//! What is to be said of the TLS that a device presents, beside whether it is trusted: how old it is, and how long it
//! lasts. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use rust_i18n::t;

use super::{Finding, Mark};
use crate::config::{TargetConfig, TlsBackend};
use crate::http::tls::Presented;

/// How long before its end a certificate deserves a word.
const SOON: TimeDelta = TimeDelta::days(30);
/// Keys of RSA below this can be broken by those who want to.
const SHORTEST_RSA: u32 = 2048;

/// Age and strength of what is presented, for this target.
pub(super) fn judge(target: &TargetConfig, presented: &Presented, now: DateTime<Utc>) -> Vec<Finding> {
    let expiry = expiry(target, presented, now);
    expiry.into_iter().chain([strength(target, presented)]).collect()
}

/// When the certificate ends. Under a pin it does not matter, and where it matters and is over, trust says so.
fn expiry(target: &TargetConfig, presented: &Presented, now: DateTime<Utc>) -> Option<Finding> {
    let until = presented.certificate.not_after?;
    let day = until.format("%Y-%m-%d").to_string();
    if target.tls.pin_sha256.is_some() || target.tls.insecure {
        let over = until < now;
        return over.then(|| Finding::ok("expiry", t!("doctor.expired_pinned", day = day)));
    }
    let message = t!("doctor.expiry", day = day, days = (until - now).num_days());
    Some(match until - now {
        left if left < TimeDelta::zero() => {
            let message = t!("doctor.expired", day = day);
            Finding::new("expiry", Mark::Fail, "expired", message).next(t!("doctor.expiry_next"))
        }
        left if left < SOON => {
            Finding::new("expiry", Mark::Warn, "expires_soon", message).next(t!("doctor.expiry_next"))
        }
        _ => Finding::ok("expiry", message),
    })
}

/// Whether protocol, cipher, key and signature are what is thought safe today.
fn strength(target: &TargetConfig, presented: &Presented) -> Finding {
    let weak = weaknesses(presented);
    if weak.is_empty() {
        return match target.tls.backend {
            TlsBackend::Rustls => Finding::ok("strength", t!("doctor.strong")),
            TlsBackend::Openssl => {
                Finding::new("strength", Mark::Warn, "rustls_is_enough", t!("doctor.rustls_enough"))
                    .next(t!("doctor.rustls_enough_next"))
                    .settings("[target.tls]\nbackend = \"rustls\"")
            }
        };
    }
    let message = t!("doctor.weak", list = weak.join(", "));
    let pinned = target.tls.pin_sha256.is_some();
    let next = if pinned { t!("doctor.weak_pinned_next") } else { t!("doctor.weak_next") };
    let mut finding = Finding::new("strength", Mark::Warn, "weak", message).next(next);
    finding.facts.insert("weak", weak.join(", "));
    finding
}

fn weaknesses(presented: &Presented) -> Vec<String> {
    let cert = &presented.certificate;
    let (protocol, cipher) = (presented.protocol.as_str(), presented.cipher.as_str());
    let old_protocol = !matches!(protocol, "TLSv1.2" | "TLSv1.3");
    // From TLS 1.3 on, every cipher is good, and none names a key exchange.
    let cipher_is_old = protocol != "TLSv1.3"
        && (!cipher.starts_with("ECDHE-") || !(cipher.contains("GCM") || cipher.contains("CHACHA20")));
    let short = cert.key.strip_prefix("RSA ").and_then(|bits| bits.parse().ok());
    let short = short.is_some_and(|bits: u32| bits < SHORTEST_RSA);
    let signature = cert.signature.to_ascii_lowercase();
    let old_signature = signature.contains("sha1") || signature.contains("md5");
    [
        (old_protocol, protocol.to_owned()),
        (cipher_is_old, cipher.to_owned()),
        (cert.version < 3, format!("X.509 v{}", cert.version)),
        (short, cert.key.clone()),
        (old_signature, cert.signature.clone()),
    ]
    .into_iter()
    .filter_map(|(weak, what)| weak.then_some(what))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Pin;
    use crate::http::tls::Certificate;

    fn presented(protocol: &str, cipher: &str, key: &str, signature: &str, version: u32) -> Presented {
        Presented {
            protocol: protocol.into(),
            cipher: cipher.into(),
            certificate: Certificate {
                pin: Pin::of_spki(b"key"),
                subject: "CN=x".into(),
                issuer: "CN=x".into(),
                not_before: None,
                not_after: None,
                version,
                key: key.into(),
                signature: signature.into(),
            },
        }
    }

    #[test]
    fn what_is_old_is_named_and_what_is_usual_today_is_not() {
        let modern = [
            presented("TLSv1.3", "TLS_AES_256_GCM_SHA384", "EC 256", "ecdsa-with-SHA256", 3),
            presented("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "RSA 2048", "sha256WithRSAEncryption", 3),
            presented("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", "EC 256", "ecdsa-with-SHA256", 3),
        ];
        for presented in &modern {
            assert_eq!(weaknesses(presented), Vec::<String>::new());
        }
        let old = presented("TLSv1", "AES256-SHA", "RSA 1024", "sha1WithRSAEncryption", 1);
        assert_eq!(
            weaknesses(&old),
            ["TLSv1", "AES256-SHA", "X.509 v1", "RSA 1024", "sha1WithRSAEncryption"]
        );
        let cbc = presented("TLSv1.2", "ECDHE-RSA-AES256-SHA384", "RSA 2048", "sha256WithRSAEncryption", 3);
        assert_eq!(weaknesses(&cbc), ["ECDHE-RSA-AES256-SHA384"]);
    }
}
