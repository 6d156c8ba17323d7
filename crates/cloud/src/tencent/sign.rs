//! The signature of Tencent Cloud API 2.0: HMAC over method, host, path and the sorted raw parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};

use crate::params::Params;
use crate::secret::Secret;
use rosterd_core::config::cloud::SignatureMethod;

/// What is signed besides the parameters.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Host as the service knows itself: lower case, no scheme, no port.
    pub host: &'a str,
    /// Path, `/v2/index.php`.
    pub path: &'a str,
}

/// The text that is signed. It holds every raw value, so it is a secret.
///
/// `_` in a *name* becomes `.` before sorting, as the vendor's page describes; on the wire the name keeps its `_`.
pub fn string_to_sign(scope: Scope<'_>, params: &Params) -> Secret {
    let mut pairs: Vec<(String, &str)> = params
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| (name.replace('_', "."), value))
        .collect();
    pairs.sort();
    let mut text = format!("{}{}{}?", scope.method, scope.host, scope.path);
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    Secret::new(text)
}

/// Standard Base64 of the HMAC, not yet percent-encoded.
pub fn sign(method: SignatureMethod, key: &Secret, scope: Scope<'_>, params: &Params) -> String {
    let text = string_to_sign(scope, params);
    match method {
        SignatureMethod::HmacSha1 => mac::<Hmac<sha1::Sha1>>(key, &text),
        SignatureMethod::HmacSha256 => mac::<Hmac<sha2::Sha256>>(key, &text),
    }
}

fn mac<M: Mac + KeyInit>(key: &Secret, text: &Secret) -> String {
    // HMAC takes keys of every length; the error exists for other MACs.
    <M as KeyInit>::new_from_slice(key.expose().as_bytes())
        .map(|mut mac| {
            mac.update(text.expose().as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        })
        .unwrap_or_default()
}

/// The value of `SignatureMethod` on the wire. Anything but exactly `HmacSHA256` means SHA-1 to the service.
pub const fn method_name(method: SignatureMethod) -> &'static str {
    match method {
        SignatureMethod::HmacSha1 => "HmacSHA1",
        SignatureMethod::HmacSha256 => "HmacSHA256",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCOPE: Scope<'static> = Scope { method: "GET", host: "cvm.api.qcloud.com", path: "/v2/index.php" };

    fn key() -> Secret {
        Secret::new("Gu5t9xGARNpq86cd98joQYCN3Cozk1qA".into())
    }

    fn published() -> Params {
        Params::new()
            .with("Action", "DescribeInstances")
            .with("InstanceIds.0", "ins-09dx96dg")
            .with("Nonce", 11886)
            .with("Region", "ap-guangzhou")
            .with("SecretId", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA")
            .with("SignatureMethod", "HmacSHA256")
            .with("Timestamp", 1_465_185_768)
    }

    #[test]
    fn the_published_example_to_the_letter() {
        assert_eq!(
            string_to_sign(SCOPE, &published()).expose(),
            "GETcvm.api.qcloud.com/v2/index.php?Action=DescribeInstances&InstanceIds.0=ins-09dx96dg&Nonce=11886\
             &Region=ap-guangzhou&SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA&SignatureMethod=HmacSHA256\
             &Timestamp=1465185768"
        );
        let signature = sign(SignatureMethod::HmacSha256, &key(), SCOPE, &published());
        assert_eq!(signature, "0EEm/HtGRr/VJXTAD9tYMth1Bzm3lLHz5RCDv1GdM8s=");
        let wire = published().with("Signature", &signature).form();
        assert!(
            wire.expose().ends_with("&Signature=0EEm%2FHtGRr%2FVJXTAD9tYMth1Bzm3lLHz5RCDv1GdM8s%3D"),
            "{}",
            wire.expose()
        );
    }

    #[test]
    fn a_signature_parameter_is_not_signed() {
        let again = published().with("Signature", "whatever");
        assert_eq!(string_to_sign(SCOPE, &again).expose(), string_to_sign(SCOPE, &published()).expose());
    }

    #[test]
    fn odd_names_and_values_are_signed_raw() {
        let params = Params::new()
            .with("x.10", "ten")
            .with("x.2", "two")
            .with("zoneId", "1")
            .with("Placement_Zone", "CN_GUANGZHOU")
            .with("password", "a b+c/d=e&f%89")
            .with("empty", "")
            .with("名字", "张三")
            .with("Action", "A");
        assert_eq!(
            string_to_sign(
                Scope { method: "POST", host: "bm.api.qcloud.com", path: "/v2/index.php" },
                &params
            )
            .expose(),
            "POSTbm.api.qcloud.com/v2/index.php?Action=A&Placement.Zone=CN_GUANGZHOU&empty=\
             &password=a b+c/d=e&f%89&x.10=ten&x.2=two&zoneId=1&名字=张三"
        );
        assert!(params.form().expose().contains("Placement_Zone=CN_GUANGZHOU"), "the wire keeps the name");
    }

    /// Computed once with Python's `hmac`, for what the vendor does not publish: SHA-1, POST and odd values.
    #[test]
    fn agrees_with_a_second_implementation() {
        let scope = Scope { method: "POST", host: "bm.api.qcloud.com", path: "/v2/index.php" };
        let params = Params::new()
            .with("Action", "SetOutBandVPNAuthPwd")
            .with("Nonce", 52684)
            .with("Region", "gz")
            .with("SecretId", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA")
            .with("Timestamp", 1_508_212_392)
            .with("password", "tencentV%89")
            .with("createOrUpdate", "update")
            .with("note_a", "张三 + / = & %")
            .with("empty", "");
        assert_eq!(sign(SignatureMethod::HmacSha1, &key(), scope, &params), "ufdboF2CM5iHY7uurAQIG4/kzA0=");
        assert_eq!(
            sign(SignatureMethod::HmacSha256, &key(), scope, &params),
            "07zaFTEhYfI0H96wgnFEpn5qDZGptqdhcj1+fc7uPdI="
        );
    }

    proptest! {
        #[test]
        fn the_order_given_does_not_matter(
            pairs in prop::collection::btree_map("[A-Za-z.0-9]{1,6}", ".{0,8}", 0..8),
            seed in any::<u64>(),
        ) {
            let forward = pairs.iter().fold(Params::new(), |p, (n, v)| p.with(n, v));
            let mut shuffled: Vec<_> = pairs.iter().collect();
            shuffled.rotate_left(usize::try_from(seed % 8).unwrap() % pairs.len().max(1));
            let other = shuffled.into_iter().fold(Params::new(), |p, (n, v)| p.with(n, v));
            prop_assert_eq!(
                sign(SignatureMethod::HmacSha1, &key(), SCOPE, &forward),
                sign(SignatureMethod::HmacSha1, &key(), SCOPE, &other)
            );
        }

        #[test]
        fn every_part_counts(value in ".{0,12}", other in ".{0,12}") {
            prop_assume!(value != other);
            let a = sign(SignatureMethod::HmacSha256, &key(), SCOPE, &Params::new().with("v", &value));
            let b = sign(SignatureMethod::HmacSha256, &key(), SCOPE, &Params::new().with("v", &other));
            prop_assert_ne!(&a, &b);
            let post = Scope { method: "POST", ..SCOPE };
            prop_assert_ne!(a, sign(SignatureMethod::HmacSha256, &key(), post, &Params::new().with("v", &value)));
        }
    }
}
