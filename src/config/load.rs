//! From a file and the environment to checked settings. Everything that is wrong is reported at once, sorted by key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::{Config as Settings, FileFormat, Value};
use rust_i18n::t;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Config;
use super::check::{self, Findings};
use super::compiled::compiled;
use super::error::ConfigError;
use super::path::KeyPath;
use super::shape::{HIDDEN, Shape, show};
use super::{Env, OVERRIDE_PREFIX, Problem, nearest, read_guarded};

/// Where the configuration of a service lies.
pub const SYSTEM_PATH: &str = "/etc/rosterd/rosterd.toml";
/// Where the configuration of a working copy lies, relative to the current folder.
pub const LOCAL_PATH: &str = "config/rosterd.toml";
/// No configuration is longer.
const LONGEST: u64 = 4 << 20;

/// A checked configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file, absolute.
    pub path: PathBuf,
    /// Its folder: relative paths in the settings begin here.
    pub base: PathBuf,
    /// BLAKE3 over the settings in effect, in hex: comments, order and defaults written out do not matter.
    pub digest: String,
    /// What is allowed but unwise, for people.
    pub warnings: Vec<String>,
    pub(super) origins: Origins,
}

/// What the file and the environment said, to tell where a setting came from.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    pub(super) file: Json,
    pub(super) variables: Variables,
}

impl Loaded {
    /// A path of the settings, made absolute.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

/// Loads the file at `path`, or the one in the usual places; `env` overrides scalars.
pub fn load(path: Option<&Path>, env: &Env) -> Result<Loaded, ConfigError> {
    match path {
        Some(path) => load_file(path, env),
        None => load_file(&find(&[PathBuf::from(SYSTEM_PATH), PathBuf::from(LOCAL_PATH)])?, env),
    }
}

/// The one of these files that exists. Two would leave open which is obeyed, so two are refused.
fn find(places: &[PathBuf]) -> Result<PathBuf, ConfigError> {
    let mut there = places.iter().filter(|place| place.symlink_metadata().is_ok());
    match (there.next(), there.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(one), Some(other)) => Err(ConfigError::Ambiguous { one: one.clone(), other: other.clone() }),
        (None, _) => Err(ConfigError::Absent { places: places.to_vec() }),
    }
}

fn load_file(path: &Path, env: &Env) -> Result<Loaded, ConfigError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = read_guarded(&path, LONGEST)?;
    let text = String::from_utf8(found.bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count();
        ConfigError::NotText { path: path.clone(), line }
    })?;
    let (config, mut warnings, origins) = read(&text, &path, env)?;
    if found.group_writable {
        warnings.insert(0, t!("config.warn.group_writable", path = path.display()).into_owned());
    }
    let base = path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let digest = digest(&config);
    Ok(Loaded { config, path, base, digest, warnings, origins })
}

/// Reads settings from a text, and gives them with the warnings. `path` is only named in errors.
pub fn parse(text: &str, path: &Path, env: &Env) -> Result<(Config, Vec<String>), ConfigError> {
    read(text, path, env).map(|(config, warnings, _)| (config, warnings))
}

fn read(text: &str, path: &Path, env: &Env) -> Result<(Config, Vec<String>, Origins), ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = config::File::from_str(text, FileFormat::Toml);
    let settings = Settings::builder().add_source(file.clone()).build().map_err(|e| syntax(path, &e))?;
    let shape = Shape::new();
    let written = as_json(&settings.cache);
    let mut reader = Reader { shape: &shape, problems: Vec::new(), reported: BTreeSet::new(), tree: written };

    let mut faults = Vec::new();
    shape.check(&reader.tree, &mut faults);
    for (path, message) in &faults {
        reader.report(path, None, message.clone());
    }
    let (overrides, variables) = reader.overrides(env);
    let mut builder = Settings::builder().add_source(file);
    for (key, value) in overrides {
        builder = builder.set_override(key, value).map_err(|e| syntax(path, &e))?;
    }
    let mut values = builder.build().map_err(|e| syntax(path, &e))?.cache;
    for (path, _) in &faults {
        path.remove(&mut values);
    }
    let config = reader.typed(values, &variables);
    let mut findings = Findings::default();
    if let Some(config) = &config {
        check::all(config, &mut findings);
        compiled(config, &mut findings);
    }
    let mut problems = reader.problems;
    // A setting that could not even be read has its default in `config`; what follows from that is no news.
    let unread: BTreeSet<String> = problems.iter().map(|p| p.key.clone()).collect();
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let news = |p: &Problem| !unread.iter().any(|key| within(&p.key, key) || within(key, &p.key));
    problems.extend(findings.problems.into_iter().filter(news));
    problems.sort();
    match config {
        Some(config) if problems.is_empty() => {
            Ok((config, findings.warnings, Origins { file: reader.tree, variables }))
        }
        _ => Err(ConfigError::Invalid { path: path.to_owned(), problems }),
    }
}

/// Digest of settings.
pub fn digest(config: &Config) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    blake3::hash(&text).to_hex().to_string()
}

/// Environment variables by the setting that they override.
type Variables = std::collections::BTreeMap<KeyPath, String>;

struct Reader<'s> {
    shape: &'s Shape,
    problems: Vec<Problem>,
    reported: BTreeSet<KeyPath>,
    tree: Json,
}

impl Reader<'_> {
    fn report(&mut self, path: &KeyPath, variable: Option<&str>, message: String) {
        if self.reported.insert(path.clone()) {
            let key = path.label(&self.tree);
            self.problems.push(Problem { key, variable: variable.map(str::to_owned), message });
        }
    }

    /// The overrides that name a setting which one text can hold.
    fn overrides(&mut self, env: &Env) -> (Vec<(String, String)>, Variables) {
        let (mut set, mut variables) = (Vec::new(), Variables::new());
        for (name, value) in env.overrides() {
            match self.locate(name) {
                Ok(path) => {
                    set.push((path.to_string(), value.to_owned()));
                    variables.insert(path, name.to_owned());
                }
                Err(message) => {
                    self.problems.push(Problem {
                        key: String::new(),
                        variable: Some(name.to_owned()),
                        message,
                    });
                }
            }
        }
        (set, variables)
    }

    /// Which setting a variable means. Elements of a list are named by their number, from 0.
    fn locate(&self, name: &str) -> Result<KeyPath, String> {
        let mut path = KeyPath::default();
        for word in name.strip_prefix(OVERRIDE_PREFIX).unwrap_or(name).split("__") {
            let word = word.to_lowercase();
            let keys = self.shape.keys_at(&path);
            if keys.contains(&word.as_str()) {
                path = path.key(&word);
                continue;
            }
            if let (Ok(index), Some(Json::Array(list))) = (word.parse::<usize>(), path.find(&self.tree)) {
                if list.get(index).is_some_and(Json::is_object) {
                    path = path.index(index);
                    continue;
                }
                return Err(t!("config.env.index", key = path.pattern(), count = list.len()).into_owned());
            }
            return Err(match nearest(&word, keys) {
                Some(key) => {
                    let known =
                        path.key(key).to_string().replace(['.', '['], "__").replace(']', "").to_uppercase();
                    t!("config.env.unknown", nearest = format!("{OVERRIDE_PREFIX}{known}")).into_owned()
                }
                None => t!("config.env.not_scalar").into_owned(),
            });
        }
        match self.shape.at(&path) {
            Some(schema) if self.shape.is_scalar(schema) => Ok(path),
            _ => Err(t!("config.env.not_scalar").into_owned()),
        }
    }

    /// Reads the typed settings. A value that cannot be read is reported and taken away, and the rest is read again:
    /// so one run finds every such value.
    fn typed(&mut self, mut values: Value, variables: &Variables) -> Option<Config> {
        const MOST: usize = 1000;
        for _ in 0..MOST {
            let tree = as_json(&values);
            let error = match Config::deserialize(values.clone()) {
                Ok(config) => return Some(config),
                Err(error) => error,
            };
            let (key, message) = explain(&error);
            let path = KeyPath::read(&key, &tree);
            let variable = variables.get(&path).map(String::as_str);
            if matches!(innermost(&error), config::ConfigError::NotFound(_)) {
                self.report(&path, None, t!("config.required").into_owned());
                if !fill_in(&path, &mut values) {
                    return None;
                }
                continue;
            }
            let message = self.word(&path, path.find(&tree), message);
            self.report(&path, variable, message);
            if path.0.is_empty() {
                return None;
            }
            path.remove(&mut values);
        }
        None
    }

    fn word(&self, path: &KeyPath, value: Option<&Json>, message: Option<String>) -> String {
        let schema = self.shape.at(path).unwrap_or(&Json::Null);
        let shown = value.map(|v| show(path, v)).unwrap_or_default();
        let choices = self.shape.choices(schema);
        let text = value.and_then(Json::as_str).unwrap_or_default();
        let near = nearest(text, choices.iter().copied()).filter(|_| value.is_some_and(Json::is_string));
        if let Some(near) = near {
            let expected = self.shape.expected(schema);
            return t!("config.no_choice", value = shown, expected = expected, nearest = near).into_owned();
        }
        if path.pattern() == "schedule.timezone" {
            let near =
                nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name())).unwrap_or("Asia/Shanghai");
            return t!("config.no_timezone", value = shown, nearest = near).into_owned();
        }
        if schema.get("format").and_then(Json::as_str) == Some("date") {
            return t!("config.no_date", value = shown).into_owned();
        }
        // What is hidden must not come back inside another module's words.
        let hide = |message: String| {
            if shown == HIDDEN && !text.is_empty() { message.replace(text, HIDDEN) } else { message }
        };
        match message.map(hide) {
            Some(message) => t!("config.bad_value", value = shown, message = message).into_owned(),
            None => {
                let expected = self.shape.expected(schema);
                t!("config.wrong_type", value = shown, expected = expected).into_owned()
            }
        }
    }
}

/// A stand-in for a missing setting, only so that the rest can be checked too.
fn fill_in(path: &KeyPath, values: &mut Value) -> bool {
    let stand_in = match path.last_key() {
        "url" => "embedded".to_owned(),
        // The number that stands for the name in messages too.
        "name" => path.to_string().chars().filter(char::is_ascii_digit).collect(),
        _ => return false,
    };
    path.insert(values, stand_in)
}

fn innermost(error: &config::ConfigError) -> &config::ConfigError {
    match error {
        config::ConfigError::At { error, .. } => innermost(error),
        other => other,
    }
}

/// Key and message of an error of the `config` crate; no message where the type alone is wrong.
fn explain(error: &config::ConfigError) -> (String, Option<String>) {
    use config::ConfigError as E;
    match error {
        E::NotFound(key) => (key.clone(), None),
        E::Type { key, .. } => (key.clone().unwrap_or_default(), None),
        E::At { error, key, .. } => (
            key.clone().unwrap_or_default(),
            matches!(innermost(error), E::Message(_)).then(|| error.to_string()),
        ),
        other => (String::new(), Some(other.to_string())),
    }
}

/// The parser's error without the line that it quotes: that line could hold a key.
fn syntax(path: &Path, error: &config::ConfigError) -> ConfigError {
    let text = match error {
        config::ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let place = first.strip_prefix("TOML parse error at ").unwrap_or_default().to_owned();
    let cause = if place.is_empty() {
        first.to_owned()
    } else {
        // What follows the `^` under the quoted line.
        let after =
            lines.skip_while(|line| !line.trim_start().starts_with('|') || !line.contains('^')).skip(1);
        after.collect::<Vec<_>>().join("; ")
    };
    ConfigError::Syntax { path: path.to_owned(), place, cause }
}

fn as_json(value: &Value) -> Json {
    Json::deserialize(value.clone()).unwrap_or(Json::Null)
}
