//! One thing that is wrong with the settings, as a value.

use std::fmt;

/// One thing that is wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The setting's full path, for example `target[hq].tls.pin_sha256`.
    pub key: String,
    /// The environment variable that says so, if it is not the file.
    pub variable: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) if !self.key.is_empty() => {
                write!(f, "{variable} ({}): {}", self.key, self.message)
            }
            Some(variable) => write!(f, "{variable}: {}", self.message),
            None => write!(f, "{}: {}", self.key, self.message),
        }
    }
}
