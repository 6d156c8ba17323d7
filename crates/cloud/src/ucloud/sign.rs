//! UCloud's signature: plain SHA-1 over the sorted names and values without separators, the private key appended.

use sha1::{Digest, Sha1};

use crate::params::Params;
use crate::secret::Secret;

/// Lower-case hex of the digest. The key is fed to the digest by itself, so that no copy of it is made.
pub fn sign(key: &Secret, params: &Params) -> String {
    let mut pairs: Vec<(&str, &str)> = params.iter().filter(|(name, _)| *name != "Signature").collect();
    pairs.sort_unstable();
    let mut digest = Sha1::new();
    for (name, value) in pairs {
        digest.update(name);
        digest.update(value);
    }
    digest.update(key.expose());
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Secret {
        Secret::new("46f09bb9fab4f12dfc160dae12273d5332b5debe".into())
    }

    #[test]
    fn the_published_example_to_the_letter() {
        let params = Params::new()
            .with("Action", "DescribeUHostInstance")
            .with("Region", "cn-bj2")
            .with("Limit", 10)
            .with("PublicKey", "ucloudsomeone@example.com1296235120854146120");
        assert_eq!(sign(&key(), &params), "cba5cf5ec4d4233d206b1b54951e3787350a642f");
        assert_eq!(sign(&key(), &params.with("Signature", "x")), "cba5cf5ec4d4233d206b1b54951e3787350a642f");
    }

    #[test]
    fn odd_values_are_signed_raw_and_underscores_stay() {
        let params = Params::new()
            .with("b_c", "+/=&% 张三")
            .with("Zone", "cn-bj2-05")
            .with("Empty", "")
            .with("b.c", "true");
        let text = "EmptyZonecn-bj2-05b.ctrueb_c+/=&% 张三";
        let expected = hex::encode(Sha1::new().chain_update(text).chain_update(key().expose()).finalize());
        assert_eq!(sign(&key(), &params), expected);
        assert_eq!(expected, "2fc7ec8a27b25b5739897b3ba78c4d9356f9ba50");
    }

    proptest! {
        #[test]
        fn the_order_given_does_not_matter(
            pairs in prop::collection::btree_map("[A-Za-z_.0-9]{1,6}", ".{0,8}", 0..8),
        ) {
            let forward = pairs.iter().fold(Params::new(), |p, (n, v)| p.with(n, v));
            let backward = pairs.iter().rev().fold(Params::new(), |p, (n, v)| p.with(n, v));
            let text: String = pairs.iter().flat_map(|(n, v)| [n.as_str(), v.as_str()]).collect();
            let model = hex::encode(Sha1::digest(format!("{text}{}", key().expose())));
            prop_assert_eq!(&sign(&key(), &forward), &model);
            prop_assert_eq!(&sign(&key(), &backward), &model);
        }
    }
}
