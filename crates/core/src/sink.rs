//! Where new passwords go, as the configuration names it. Writing there is the host crate's business.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A place for passwords, `file:PATH` or `age:RECIPIENT:PATH`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum SinkRef {
    /// In clear, mode 0600.
    File(PathBuf),
    /// Encrypted to an age recipient. Not even rosterd can read it back.
    Age {
        /// The recipient's public key, `age1…`.
        recipient: String,
        /// The file.
        path: PathBuf,
    },
}

impl TryFrom<String> for SinkRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("age", rest)) => match rest.split_once(':') {
                Some((recipient, path)) if !recipient.is_empty() && !path.is_empty() => {
                    Ok(Self::Age { recipient: recipient.into(), path: path.into() })
                }
                _ => Err(rust_i18n::t!("cloud.sink.form").into_owned()),
            },
            _ => Err(rust_i18n::t!("cloud.sink.form").into_owned()),
        }
    }
}

impl From<SinkRef> for String {
    fn from(sink: SinkRef) -> String {
        sink.to_string()
    }
}

impl fmt::Display for SinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Age { recipient, path } => write!(f, "age:{recipient}:{}", path.display()),
        }
    }
}

impl fmt::Debug for SinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SinkRef {
    /// The file, or the first of the files, that is written.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Age { path, .. } => path,
        }
    }

    /// Makes a relative path relative to `folder`.
    pub fn resolve(&mut self, folder: &Path) {
        match self {
            Self::File(path) | Self::Age { path, .. } => *path = folder.join(&path),
        }
    }
}
