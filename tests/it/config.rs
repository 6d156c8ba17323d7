//! The configuration files and documents that are shipped: they load, and they say everything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rosterd::config::{self, Env};
use serde_json::Value;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

#[test]
fn the_repository_s_own_configuration_needs_nothing_else() {
    let path = repository().join("config/rosterd.toml");
    let (config, warnings) = config::parse(&text("config/rosterd.toml"), &path, &Env::default()).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(config.roster.path.as_deref(), Some(Path::new("sample")));
    assert_eq!(config.target.len(), 1);
    assert_eq!((config.target[0].url.as_str(), config.target[0].key.as_ref()), ("embedded", None));
    // The simulated gateway and the database live where git does not look.
    assert!(config.state.path.starts_with("state"));
    assert!(text(".gitignore").lines().any(|line| line == "/config/state/"));
}

#[test]
fn its_settings_are_the_defaults() {
    let minimal = "roster.path = \"sample\"\n[[target]]\nname = \"demo\"\nurl = \"embedded\"\n\
                   [state]\npath = \"state/rosterd.db\"\n";
    let read = |text: &str| config::parse(text, Path::new("x"), &Env::default()).unwrap().0;
    assert_eq!(
        read(&text("config/rosterd.toml")),
        read(minimal),
        "what it spells out, it spells out truthfully"
    );
}

/// Every key that the schema names, with its section.
fn keys(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema.clone()];
    while let Some(value) = open.pop() {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            found.extend(properties.keys().cloned());
        }
        match value {
            Value::Object(table) => {
                open.extend(table.into_iter().filter(|(k, _)| k != "default").map(|(_, v)| v))
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    found
}

#[test]
fn the_documents_explain_every_setting() {
    let keys = keys(&config::schema());
    assert!(keys.len() > 100, "{}", keys.len());
    for document in ["docs/configuration.md", "docs/configuration.zh-CN.md"] {
        let text = text(document);
        let missing: Vec<_> = keys
            .iter()
            .filter(|key| {
                // In a table cell, as part of a section's name, as a template field, or with its section in front.
                ![
                    format!("`{key}`"),
                    format!("[{key}]"),
                    format!(".{key}]"),
                    format!("{{{key}}}"),
                    format!(".{key}`"),
                ]
                .iter()
                .any(|written| text.contains(written.as_str()))
            })
            .collect();
        assert_eq!(missing, Vec::<&String>::new(), "not in {document}");
    }
}

#[test]
fn the_documents_name_the_defaults_of_the_guards() {
    let guards = serde_json::to_value(config::GuardConfig::default()).unwrap();
    for document in ["docs/configuration.md", "docs/configuration.zh-CN.md"] {
        let document_text = text(document);
        for (key, value) in guards.as_object().unwrap() {
            let row = document_text
                .lines()
                .find(|line| line.starts_with(&format!("| `{key}` |")))
                .unwrap_or_else(|| panic!("{key}"));
            let written = row.split('|').nth(2).unwrap().trim().trim_matches('`');
            let text = value.to_string();
            let same = match value.as_f64() {
                Some(figure) => written.parse() == Ok(figure),
                None => written == text,
            };
            assert!(same, "{document}: {key} is {value}, not {written}");
        }
    }
}
