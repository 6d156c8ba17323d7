//! The settings in effect, one by one, with where each came from: what `config check` shows. Secrets are references
//! in the configuration and stay so here.

use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;

use super::load::Loaded;
use super::path::KeyPath;
use super::shape::show;

/// Who decided a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    /// The configuration file.
    File,
    /// This environment variable.
    Env(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Env(name) => name,
        })
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Its full path.
    pub key: String,
    /// Its value, as TOML writes it.
    pub value: String,
    /// Who decided it.
    pub origin: Origin,
}

impl Loaded {
    /// Every setting that has a value, in effect after defaults, file and environment.
    pub fn settings(&self) -> Vec<Setting> {
        let tree = serde_json::to_value(&self.config).unwrap_or(Json::Null);
        let mut settings = Vec::new();
        self.collect(&tree, &tree, &KeyPath::default(), &mut settings);
        settings
    }

    fn collect(&self, tree: &Json, value: &Json, path: &KeyPath, settings: &mut Vec<Setting>) {
        match value {
            Json::Null => {}
            Json::Object(table) if !table.is_empty() => {
                for (key, value) in table {
                    self.collect(tree, value, &path.key(key), settings);
                }
            }
            Json::Array(list) if list.iter().any(Json::is_object) => {
                for (n, value) in list.iter().enumerate() {
                    self.collect(tree, value, &path.index(n), settings);
                }
            }
            _ => {
                let value = match value.as_str().map(|text| text.split_once(':')) {
                    // A reference says where a key is, not what it is.
                    Some(Some(("env" | "file" | "credential", _))) => value.to_string(),
                    _ => show(path, value),
                };
                settings.push(Setting { key: path.label(tree), value, origin: self.origin(path) });
            }
        }
    }

    fn origin(&self, path: &KeyPath) -> Origin {
        match self.origins.variables.get(path) {
            Some(name) => Origin::Env(name.clone()),
            None if path.find(&self.origins.file).is_some() => Origin::File,
            None => Origin::Default,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Env, load};

    #[test]
    fn settings_say_where_they_come_from_and_hide_nothing_but_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.toml");
        let text = "roster.path = \"hr\"\n[[target]]\nname = \"hq\"\nurl = \"https://h:1\"\nkey = \"env:KEY\"\n\
                    [account.group_map]\n\"/a.b\" = \"/c\"\n";
        std::fs::write(&path, text).unwrap();
        let env: Env = [("ROSTERD__TARGET__0__PACE__RETRIES", "2"), ("KEY", "hunter2")].into_iter().collect();
        let settings = load(Some(&path), &env).unwrap().settings();
        let find = |key: &str| {
            let found =
                settings.iter().find(|s| s.key == key).unwrap_or_else(|| panic!("{key}: {settings:#?}"));
            (found.value.as_str(), found.origin.to_string())
        };
        assert_eq!(find("roster.path"), ("\"hr\"", "file".into()));
        assert_eq!(find("target[hq].pace.retries"), ("2", "ROSTERD__TARGET__0__PACE__RETRIES".into()));
        assert_eq!(find("target[hq].pace.timeout"), ("\"10s\"", "default".into()));
        assert_eq!(find("target[hq].key"), ("\"env:KEY\"", "file".into()));
        assert_eq!(find("account.group_map.\"/a.b\""), ("\"/c\"", "file".into()));
        assert_eq!(find("target[hq].guard.max_add"), ("\"off\"", "default".into()));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
