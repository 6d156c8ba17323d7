//! `[oob]` and `[ucloud]` of the configuration: typed, with the checks that need no other section. Loading lives in
//! `crate::config`; secrets are read when a command or a scheduled job begins, not here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::{Url, check_url};
use crate::config::{Span, values};
use crate::secret::SecretRef;
use crate::sink::SinkRef;

/// Where Tencent's old API answers. The host is part of what is signed.
pub const TENCENT_ENDPOINT: &str = "https://bm.api.qcloud.com/v2/index.php";
/// Where UCloud's international site answers. A site's keys are its own.
pub const UCLOUD_ENDPOINT: &str = "https://api.ucloud-global.com/";

/// `[oob]`: the out-of-band VPN of Tencent's bare-metal servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OobConfig {
    /// The API's address.
    pub endpoint: Endpoint,
    /// The host name that is signed, when requests go somewhere else (a proxy, a test). Empty: the endpoint's.
    pub sign_host: String,
    /// Region, `ap-guangzhou` or short `gz`.
    pub region: String,
    /// Zone id, a number from `rosterd oob zones`.
    pub zone: Option<u64>,
    /// How requests are signed.
    pub signature: SignatureMethod,
    /// SecretId.
    pub id: Option<SecretRef>,
    /// SecretKey.
    pub key: Option<SecretRef>,
    /// Token of temporary keys.
    pub token: Option<SecretRef>,
    /// Where a new VPN password goes.
    pub sink: Option<SinkRef>,
    /// When the daemon changes the VPN password: cron expressions, none by default.
    #[serde(deserialize_with = "values::one_or_many")]
    #[schemars(schema_with = "values::one_or_many_schema")]
    pub rotate: Vec<String>,
    /// Length of a new password: 8 to 16.
    pub password_length: u8,
    /// Time limit of one request.
    pub timeout: Span,
    /// How often a request that is safe to repeat is repeated.
    pub retries: u32,
}

impl Default for OobConfig {
    fn default() -> Self {
        Self {
            endpoint: Endpoint(TENCENT_ENDPOINT.into()),
            sign_host: String::new(),
            region: String::new(),
            zone: None,
            signature: SignatureMethod::HmacSha256,
            id: None,
            key: None,
            token: None,
            sink: None,
            rotate: Vec::new(),
            password_length: 16,
            timeout: Span::seconds(10),
            retries: 4,
        }
    }
}

/// `[ucloud]`: the authentication settings of UCloud's CDN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UcloudConfig {
    /// The API's address.
    pub endpoint: Endpoint,
    /// Region, `cn-bj2`.
    pub region: String,
    /// Availability zone, `cn-bj2-05`.
    pub zone: String,
    /// Project (`org-…`); a sub-account must name it.
    pub project: String,
    /// PublicKey.
    pub id: Option<SecretRef>,
    /// PrivateKey.
    pub key: Option<SecretRef>,
    /// Token of temporary keys.
    pub token: Option<SecretRef>,
    /// When the daemon compares the keys with last time: cron expressions, none by default.
    #[serde(deserialize_with = "values::one_or_many")]
    #[schemars(schema_with = "values::one_or_many_schema")]
    pub watch: Vec<String>,
    /// Time limit of one request.
    pub timeout: Span,
    /// How often a request is repeated.
    pub retries: u32,
}

impl Default for UcloudConfig {
    fn default() -> Self {
        Self {
            endpoint: Endpoint(UCLOUD_ENDPOINT.into()),
            region: String::new(),
            zone: String::new(),
            project: String::new(),
            id: None,
            key: None,
            token: None,
            watch: Vec::new(),
            timeout: Span::seconds(10),
            retries: 4,
        }
    }
}

/// Digest of Tencent's signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum SignatureMethod {
    /// The vendor's default, older.
    #[serde(rename = "HmacSHA1", alias = "hmac-sha1")]
    HmacSha1,
    /// Newer; every request says so.
    #[default]
    #[serde(rename = "HmacSHA256", alias = "hmac-sha256")]
    HmacSha256,
}

/// What is wrong with a section: the key, and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, `oob.region`.
    pub key: &'static str,
    /// What is wrong and what to write, in the user's language.
    pub message: String,
}

impl Problem {
    /// A setting that is needed and not given.
    pub fn missing(key: &'static str) -> Self {
        Self { key, message: rust_i18n::t!("cloud.config.missing", key = key).into_owned() }
    }
}

impl OobConfig {
    /// What every command of this section needs and does not find.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.region.is_empty() {
            found.push(Problem::missing("oob.region"));
        }
        if self.id.is_none() {
            found.push(Problem::missing("oob.id"));
        }
        if self.key.is_none() {
            found.push(Problem::missing("oob.key"));
        }
        if !(8..=16).contains(&self.password_length) {
            let message = rust_i18n::t!("cloud.config.password_length", length = self.password_length);
            found.push(Problem { key: "oob.password_length", message: message.into_owned() });
        }
        if !self.rotate.is_empty() && self.sink.is_none() {
            found.push(Problem::missing("oob.sink"));
        }
        if !self.rotate.is_empty() && self.zone.is_none() {
            found.push(Problem::missing("oob.zone"));
        }
        if !self.sign_host.is_empty() && !is_host_name(&self.sign_host) {
            let message = rust_i18n::t!("cloud.config.sign_host", value = self.sign_host);
            found.push(Problem { key: "oob.sign_host", message: message.into_owned() });
        }
        found
    }

    /// The host that is signed: lower case, no scheme, no port.
    pub fn host_to_sign(&self) -> String {
        if self.sign_host.is_empty() { self.endpoint.host() } else { self.sign_host.to_ascii_lowercase() }
    }
}

impl UcloudConfig {
    /// What every command of this section needs and does not find.
    pub fn problems(&self) -> Vec<Problem> {
        [
            ("ucloud.region", self.region.is_empty()),
            ("ucloud.zone", self.zone.is_empty()),
            ("ucloud.id", self.id.is_none()),
            ("ucloud.key", self.key.is_none()),
        ]
        .into_iter()
        .filter(|(_, absent)| *absent)
        .map(|(key, _)| Problem::missing(key))
        .collect()
    }
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// An API's address: `https://`, or `http://` to a loopback address; no user, no query.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Endpoint(String);

impl Endpoint {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn url(&self) -> Option<Url> {
        check_url(&self.0).ok()
    }

    /// Host name without port, lower case.
    pub fn host(&self) -> String {
        self.url().and_then(|u| u.host_str().map(str::to_ascii_lowercase)).unwrap_or_default()
    }

    /// Path, at least `/`.
    pub fn path(&self) -> String {
        self.url().map_or_else(|| "/".into(), |u| u.path().to_owned())
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let url = check_url(&text).map_err(|e| e.to_string())?;
        if url.query().is_some() {
            return Err(rust_i18n::t!("cloud.config.query").into_owned());
        }
        Ok(Self(url.into()))
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> String {
        endpoint.0
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<Endpoint, String> {
        Endpoint::try_from(text.to_owned())
    }

    #[test]
    fn only_https_or_loopback() {
        for good in [
            TENCENT_ENDPOINT,
            UCLOUD_ENDPOINT,
            "http://127.0.0.1:8089/v2/index.php",
            "http://[::1]:8089/",
            "http://localhost:1/",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "http://bm.api.qcloud.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "https://user:word@bm.api.qcloud.com/",
            "https://bm.api.qcloud.com/?a=b",
            "ftp://bm.api.qcloud.com/",
            "bm.api.qcloud.com",
            "",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_signed_host_is_lower_case_and_has_no_port() {
        let mut config = OobConfig {
            endpoint: endpoint("http://127.0.0.1:8089/v2/index.php").unwrap(),
            ..OobConfig::default()
        };
        assert_eq!(config.host_to_sign(), "127.0.0.1");
        config.sign_host = "BM.api.qcloud.com".into();
        assert_eq!(config.host_to_sign(), "bm.api.qcloud.com");
        assert_eq!(config.endpoint.path(), "/v2/index.php");
    }

    #[test]
    fn reads_the_sections_and_refuses_literal_keys() {
        let config: OobConfig = serde_json::from_value(serde_json::json!({
            "region": "ap-guangzhou", "zone": 1_000_100_003_u64, "signature": "HmacSHA1",
            "id": "env:ID", "key": "credential:oob", "sink": "file:oob.txt", "rotate": "0 0 3 1 * *",
        }))
        .unwrap();
        assert_eq!(config.signature, SignatureMethod::HmacSha1);
        assert_eq!(config.rotate, ["0 0 3 1 * *"]);
        assert!(config.problems().is_empty());
        let literal = serde_json::json!({ "key": "Gu5t9xGARNpq86cd98joQYCN3Cozk1qA" });
        let message = serde_json::from_value::<OobConfig>(literal).unwrap_err().to_string();
        assert!(!message.contains("Gu5t9xGARNpq86cd98joQYCN3Cozk1qA"), "{message}");
    }

    #[test]
    fn says_what_is_missing() {
        let keys: Vec<_> =
            OobConfig { rotate: vec!["@daily".into()], password_length: 7, ..OobConfig::default() }
                .problems()
                .into_iter()
                .map(|p| p.key)
                .collect();
        assert_eq!(keys, ["oob.region", "oob.id", "oob.key", "oob.password_length", "oob.sink", "oob.zone"]);
        assert_eq!(UcloudConfig::default().problems().len(), 4);
    }
}
