//! The configuration that `config init` writes: for production, careful, with the reason beside every choice.

use std::path::Path;

/// Stands in for the roster when none is named.
const EXAMPLE_ROSTER: &str = "/srv/hr/export";
/// Stands in for the gateway when none is named.
const EXAMPLE_URL: &str = "https://10.1.1.1:4430";

/// The text of a careful production configuration, with comments in the user's language. A relative `roster` is
/// made absolute: the file may be put anywhere.
pub fn init(roster: Option<&Path>, url: Option<&str>) -> String {
    let template = match &*rust_i18n::locale() {
        "zh" | "zh-CN" => include_str!("templates/zh.toml"),
        _ => include_str!("templates/en.toml"),
    };
    let roster = roster.unwrap_or(Path::new(EXAMPLE_ROSTER));
    let roster = std::path::absolute(roster).unwrap_or_else(|_| roster.to_owned());
    fill(template, &roster.to_string_lossy(), url.unwrap_or(EXAMPLE_URL))
}

fn fill(template: &str, roster: &str, url: &str) -> String {
    template.replacen("@ROSTER@", &quoted(roster), 1).replacen("@URL@", &quoted(url), 1)
}

/// A TOML text. JSON's escapes are a part of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Allow, Config, Env, LeaverAction, Span, parse};

    fn load(text: &str) -> Config {
        let (config, warnings) =
            parse(text, Path::new("x"), &Env::default()).unwrap_or_else(|e| panic!("{e}"));
        assert!(warnings.is_empty(), "{warnings:?}");
        config
    }

    #[test]
    fn what_init_writes_loads_and_is_careful_in_both_languages() {
        let en = load(&fill(include_str!("templates/en.toml"), "/srv/hr", "https://gw:4430"));
        let zh = load(&fill(include_str!("templates/zh.toml"), "/srv/hr", "https://gw:4430"));
        assert_eq!(en, zh);
        let target = &en.target[0];
        assert_eq!(target.leavers.action, LeaverAction::Disable);
        assert_eq!((target.leavers.missing_runs, target.leavers.missing_for), (3, Span::seconds(48 * 3600)));
        assert!(!target.allow.contains(&Allow::Delete));
        let defaults = crate::config::GuardConfig::default();
        for ((name, ours), (_, usual)) in
            crate::config::limits(&target.guard).iter().zip(crate::config::limits(&defaults))
        {
            let looser = match (ours.figure(), usual.figure()) {
                (Some(ours), Some(usual)) => ours > usual,
                (ours, usual) => ours.is_none() && usual.is_some(),
            };
            assert!(!looser, "{name} is looser than the default");
        }
    }

    #[test]
    fn what_is_named_is_taken_whatever_its_spelling() {
        let text = init(Some(Path::new("/srv/hr \"x\"\\人事\n")), Some("https://gw:1"));
        let config = load(&text);
        assert_eq!(config.roster.path.as_deref(), Some(Path::new("/srv/hr \"x\"\\人事\n")));
        assert_eq!(config.target[0].url, "https://gw:1");
        let relative = load(&init(Some(Path::new("hr")), None));
        assert!(relative.roster.path.is_some_and(|path| path.is_absolute()));
    }
}
