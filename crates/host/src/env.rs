//! The environment as a value. It is taken once, at the start of the process, and handed on: tests bring their own,
//! and nothing else in the program reads it.

use std::collections::BTreeMap;
use std::fmt;

/// Prefix of the variables that override the configuration: `ROSTERD__SECTION__KEY`.
pub const OVERRIDE_PREFIX: &str = "ROSTERD__";

/// Environment variables by name. `Debug` shows names only: values may be keys.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process. What is not Unicode is left out: no setting of ours can be.
    pub fn process() -> Self {
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect()
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variables that override settings: full name and value, by name.
    pub fn overrides(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|(name, _)| name.starts_with(OVERRIDE_PREFIX))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
