//! The one type that holds keys and passwords, and the names of the places where they are read from. A secret cannot be
//! printed, serialised or compared by accident; whoever needs its bytes must call [`Secret::expose`], which is easy to
//! search for. Reading one is the host crate's business.

use std::fmt;
use std::path::PathBuf;

use rust_i18n::t;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A key, token or password. `Debug` shows nothing, there is no `Display`, and memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text over as a secret.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The secret itself, for signing and sending only.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where a secret comes from. A literal in the configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum SecretRef {
    /// `env:NAME`: an environment variable.
    Env(String),
    /// `file:PATH`: the first line of a file that only its owner (root or the user) can write.
    File(PathBuf),
    /// `credential:NAME`: a file in `$CREDENTIALS_DIRECTORY` (systemd).
    Credential(String),
}

impl TryFrom<String> for SecretRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.into())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("credential", name)) if !name.is_empty() && !name.contains('/') && name != ".." => {
                Ok(Self::Credential(name.into()))
            }
            _ => Err(t!("secret.literal").into_owned()),
        }
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> String {
        match reference {
            SecretRef::Env(name) => format!("env:{name}"),
            SecretRef::File(path) => format!("file:{}", path.display()),
            SecretRef::Credential(name) => format!("credential:{name}"),
        }
    }
}
