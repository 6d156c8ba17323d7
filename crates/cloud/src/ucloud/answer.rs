//! What `GetAuthConfig` answers, read tolerantly.

use serde::Deserialize;

use crate::secret::Secret;
use crate::tolerant;

/// The outer layer, without its lists.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "RetCode", deserialize_with = "tolerant::integer")]
    pub ret_code: i64,
    #[serde(default, rename = "Message", deserialize_with = "tolerant::text")]
    pub message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Body {
    #[serde(default, rename = "AuthConfigs")]
    pub auth_configs: Option<Vec<DomainAuth>>,
}

/// The authentication settings of one domain.
#[derive(Debug, Clone, Deserialize)]
pub struct DomainAuth {
    /// The domain.
    #[serde(rename = "Domain", deserialize_with = "tolerant::text")]
    pub domain: String,
    /// Its settings by type.
    #[serde(default, rename = "Config", deserialize_with = "list")]
    pub configs: Vec<TypeAuth>,
}

/// The keys of one type.
#[derive(Debug, Clone, Deserialize)]
pub struct TypeAuth {
    /// `pkey`, `ksc`, `typeA`; another one is kept as it is.
    #[serde(rename = "Type", deserialize_with = "tolerant::text")]
    pub kind: String,
    /// The keys in the service's order.
    #[serde(default, rename = "Keys", deserialize_with = "list")]
    pub keys: Vec<AuthKey>,
}

/// A key. Both parts are secrets; what `Iv` is for the service does not say.
#[derive(Debug, Clone, Deserialize)]
pub struct AuthKey {
    /// The key.
    #[serde(rename = "Key", deserialize_with = "tolerant::secret")]
    pub key: Secret,
    /// Its `Iv`.
    #[serde(default = "nothing", rename = "Iv", deserialize_with = "tolerant::secret")]
    pub iv: Secret,
}

fn nothing() -> Secret {
    Secret::new(String::new())
}

/// A list; `null` is an empty one.
fn list<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}
