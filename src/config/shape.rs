//! The shape of a configuration file: which keys exist and what sort of value each takes. The JSON schema that the
//! types give is the one description of it; here a file is held against it, so that *all* unknown keys and wrong
//! sorts of values are found at once, with their nearest known names.

use rust_i18n::t;
use serde_json::Value as Json;

use super::nearest;
use super::path::{KeyPath, Step};
use super::support::{NOT_YET, UNBUILT_GUARDS};

/// The schema of [`super::Config`].
pub struct Shape {
    root: Json,
}

/// Whether a value under this key may be a secret that somebody wrote into the file: it is never shown.
pub fn is_secret(path: &KeyPath) -> bool {
    matches!(path.last_key(), "key" | "id" | "password" | "secret" | "token")
}

/// Stands for a value that is not shown.
pub const HIDDEN: &str = "…";

/// A value for people: cut, and hidden where it could be a secret.
pub fn show(path: &KeyPath, value: &Json) -> String {
    const LONGEST: usize = 80;
    // People paste addresses with passwords in them.
    let address = value.as_str().is_some_and(|text| text.contains("://") && text.contains('@'));
    if is_secret(path) || address {
        return HIDDEN.to_owned();
    }
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

impl Shape {
    /// The schema as the types give it.
    pub fn new() -> Self {
        Self { root: super::schema() }
    }

    /// Holds a file's tree against the schema. `found` gets every offending path and why.
    pub fn check(&self, tree: &Json, found: &mut Vec<(KeyPath, String)>) {
        self.walk(&self.root, tree, &KeyPath::default(), found);
    }

    fn walk(&self, schema: &Json, value: &Json, path: &KeyPath, found: &mut Vec<(KeyPath, String)>) {
        let forms = self.forms(schema);
        let Some(form) = forms.iter().copied().find(|form| accepts(form, value)) else {
            let expected = self.expected(schema);
            found.push((
                path.clone(),
                t!("config.wrong_type", value = show(path, value), expected = expected).into_owned(),
            ));
            return;
        };
        if let Some(message) = not_yet(path, value).filter(|_| self.is_choice(schema, value)) {
            found.push((path.clone(), message));
            return;
        }
        match value {
            Json::Object(table) => {
                for (key, value) in table {
                    let path = path.key(key);
                    match member(form, key) {
                        Some(schema) => self.walk(schema, value, &path, found),
                        None => {
                            let message = not_yet(&path, value).unwrap_or_else(|| self.unknown(form, &path));
                            found.push((path, message));
                        }
                    }
                }
                let required = form.get("required").and_then(Json::as_array).into_iter().flatten();
                for key in required.filter_map(Json::as_str).filter(|key| !table.contains_key(*key)) {
                    found.push((path.key(key), t!("config.required").into_owned()));
                }
            }
            Json::Array(list) => {
                for (n, value) in list.iter().enumerate() {
                    self.walk(form.get("items").unwrap_or(&Json::Null), value, &path.index(n), found);
                }
            }
            _ => {}
        }
    }

    /// The schema of the value at `path`, if there can be one.
    pub fn at(&self, path: &KeyPath) -> Option<&Json> {
        path.0.iter().try_fold(&self.root, |schema, step| {
            self.forms(schema).into_iter().find_map(|form| match step {
                Step::Key(key) => member(form, key),
                Step::Index(_) => form.get("items"),
            })
        })
    }

    /// Names that may stand in the table at `path`.
    pub fn keys_at(&self, path: &KeyPath) -> Vec<&str> {
        self.at(path)
            .map(|schema| self.forms(schema))
            .unwrap_or_default()
            .into_iter()
            .flat_map(keys)
            .collect()
    }

    /// Whether a value here can be written as one text, so that the environment may override it.
    pub fn is_scalar(&self, schema: &Json) -> bool {
        self.forms(schema).iter().any(|form| !matches!(kind(form), "object" | "array"))
    }

    /// The words that a choice allows; empty when it is not one.
    pub fn choices<'s>(&'s self, schema: &'s Json) -> Vec<&'s str> {
        let words = self.forms(schema).into_iter().flat_map(|form| {
            let listed = form.get("enum").and_then(Json::as_array).into_iter().flatten();
            listed.chain(form.get("const")).filter_map(Json::as_str)
        });
        words.collect()
    }

    /// Whether a text is one of the words that are allowed here. Other values, and free texts, are.
    fn is_choice(&self, schema: &Json, value: &Json) -> bool {
        let choices = self.choices(schema);
        choices.is_empty() || value.as_str().is_none_or(|text| choices.contains(&text))
    }

    /// What is wanted here, for people.
    pub fn expected(&self, schema: &Json) -> String {
        let forms = self.forms(schema);
        let mut words: Vec<String> = Vec::new();
        for form in forms.iter().filter(|form| form.get("const").is_none()) {
            let word = match kind(form) {
                "boolean" => t!("config.kind.boolean"),
                "integer" => t!("config.kind.integer"),
                "number" => t!("config.kind.number"),
                "array" => t!("config.kind.array"),
                "object" => t!("config.kind.object"),
                _ => t!("config.kind.string"),
            };
            if form.get("enum").is_none() && !words.contains(&word.to_string()) {
                words.push(word.into_owned());
            }
        }
        let choices: Vec<String> =
            self.choices(schema).into_iter().map(|choice| format!("\"{choice}\"")).collect();
        if !choices.is_empty() {
            words.push(choices.join(", "));
        }
        words.join(&t!("config.kind.or"))
    }

    /// References and alternatives resolved; "nothing" (an option) left out, for a file cannot say it.
    fn forms<'s>(&'s self, schema: &'s Json) -> Vec<&'s Json> {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map(|schema| self.forms(schema)).unwrap_or_default();
        }
        match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            Some(all) => {
                all.iter().flat_map(|one| self.forms(one)).filter(|one| kind(one) != "null").collect()
            }
            None => vec![schema],
        }
    }

    fn unknown(&self, form: &Json, path: &KeyPath) -> String {
        let key = path.last_key();
        // The same name in another section beats a similar one in this: keys are more often misplaced than misspelt.
        if let Some(elsewhere) = self.sections_with(key).first() {
            return t!("config.unknown_elsewhere", place = elsewhere).into_owned();
        }
        match nearest(key, keys(form)) {
            Some(name) => {
                let mut known = path.0.clone();
                known.pop();
                let known = KeyPath(known).key(name).pattern();
                t!("config.unknown", nearest = known).into_owned()
            }
            None => t!("config.unknown_bare").into_owned(),
        }
    }

    fn sections_with(&self, key: &str) -> Vec<String> {
        let mut sections = Vec::new();
        self.visit(&mut |path| {
            if path.last_key() == key {
                sections.push(path.pattern());
            }
        });
        sections
    }

    /// Calls `visit` for every key that the schema names.
    pub fn visit(&self, visit: &mut impl FnMut(&KeyPath)) {
        self.collect(&self.root, &KeyPath::default(), visit);
    }

    fn collect(&self, schema: &Json, path: &KeyPath, visit: &mut impl FnMut(&KeyPath)) {
        for form in self.forms(schema) {
            if let Some(items) = form.get("items") {
                self.collect(items, path, visit);
            }
            for (key, schema) in form.get("properties").and_then(Json::as_object).into_iter().flatten() {
                let path = path.key(key);
                visit(&path);
                self.collect(schema, &path, visit);
            }
        }
    }
}

fn keys(form: &Json) -> impl Iterator<Item = &str> {
    form.get("properties").and_then(Json::as_object).into_iter().flatten().map(|(key, _)| key.as_str())
}

fn member<'s>(form: &'s Json, key: &str) -> Option<&'s Json> {
    form.get("properties")
        .and_then(|p| p.get(key))
        .or_else(|| form.get("additionalProperties").filter(|schema| schema.is_object()))
}

/// A form's type; for an optional value the one that is not "null".
fn kind(form: &Json) -> &str {
    match form.get("type") {
        Some(Json::String(kind)) => kind,
        Some(Json::Array(kinds)) => {
            kinds.iter().filter_map(Json::as_str).find(|k| *k != "null").unwrap_or("null")
        }
        _ => "string",
    }
}

fn accepts(form: &Json, value: &Json) -> bool {
    match kind(form) {
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || (value.is_i64() && form.get("minimum").is_none()),
        "number" => value.as_f64().is_some_and(|figure| {
            form.get("minimum").and_then(Json::as_f64).is_none_or(|least| figure >= least)
        }),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_string(),
    }
}

/// Why this setting cannot be used yet, if it cannot.
fn not_yet(path: &KeyPath, value: &Json) -> Option<String> {
    let pattern = path.pattern();
    let ends_in_key = matches!(path.0.last(), Some(Step::Key(_)));
    if let Some(guard) =
        pattern.strip_prefix("target.guard.").filter(|g| ends_in_key && UNBUILT_GUARDS.contains(g))
    {
        let off = match value {
            Json::String(text) => text == "off",
            Json::Array(list) => list.is_empty(),
            Json::Object(table) => table.values().all(|limit| limit == "off"),
            _ => false,
        };
        return (!off).then(|| t!("config.guard_not_yet", guard = guard).into_owned());
    }
    let entry = NOT_YET.iter().find(|entry| entry.key == pattern && ends_in_key)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (!entry.fine.contains(&text.as_str())).then(|| match entry.fine.first() {
        Some(fine) if !fine.is_empty() => {
            t!("config.not_yet_value", value = show(path, value), fine = fine).into_owned()
        }
        _ => t!("config.not_yet").into_owned(),
    })
}
