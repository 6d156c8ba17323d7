//! Where a setting stands: a path through tables and lists, how it is written for people, and how it is found in a
//! tree of values.

use std::fmt;

use config::{Value, ValueKind};
use serde_json::Value as Json;

/// One step into a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// A path from the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(pub Vec<Step>);

impl KeyPath {
    /// This path and one step into a table.
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// This path and one step into a list.
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The last key, indexes left out.
    pub fn last_key(&self) -> &str {
        self.0
            .iter()
            .rev()
            .find_map(|s| if let Step::Key(k) = s { Some(k.as_str()) } else { None })
            .unwrap_or("")
    }

    /// Keys only, joined with dots: what all elements of a list share.
    pub fn pattern(&self) -> String {
        let keys = self.0.iter().filter_map(|s| if let Step::Key(k) = s { Some(k.as_str()) } else { None });
        keys.collect::<Vec<_>>().join(".")
    }

    /// For people: elements of lists by their `name` where they have one, odd keys in quotes as TOML wants them.
    pub fn label(&self, tree: &Json) -> String {
        let mut text = String::new();
        let mut here = Some(tree);
        for step in &self.0 {
            here = here.and_then(|v| child(v, step));
            match step {
                Step::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    let bare = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                    text.push_str(&if bare { key.clone() } else { format!("\"{key}\"") });
                }
                Step::Index(index) => {
                    let name =
                        here.and_then(|v| v.get("name")).and_then(Json::as_str).filter(|n| !n.is_empty());
                    let name = name.map_or_else(|| index.to_string(), str::to_owned);
                    text.push_str(&format!("[{name}]"));
                }
            }
        }
        text
    }

    /// The value here.
    pub fn find<'t>(&self, tree: &'t Json) -> Option<&'t Json> {
        self.0.iter().try_fold(tree, child)
    }

    /// Takes the value away. An element of a list takes its whole list with it: indexes of the others must not move.
    pub fn remove(&self, tree: &mut Value) {
        if let Some((table, key)) = self.entry(tree) {
            table.remove(key);
        }
    }

    /// Puts a text where there was nothing; false if there is no table to put it into.
    pub fn insert(&self, tree: &mut Value, text: String) -> bool {
        match self.entry(tree) {
            Some((table, key)) => table.insert(key.to_owned(), Value::from(text)).is_none(),
            None => false,
        }
    }

    /// The table that the last key is in, and that key.
    fn entry<'t>(&self, tree: &'t mut Value) -> Option<(&'t mut config::Map<String, Value>, &str)> {
        let keys = self.0.iter().rposition(|s| matches!(s, Step::Key(_)))?;
        let Some(Step::Key(last)) = self.0.get(keys) else { return None };
        let parent = self.0[..keys].iter().try_fold(tree, |value, step| match (&mut value.kind, step) {
            (ValueKind::Table(table), Step::Key(key)) => table.get_mut(key),
            (ValueKind::Array(list), Step::Index(index)) => list.get_mut(*index),
            _ => None,
        });
        match parent {
            Some(Value { kind: ValueKind::Table(table), .. }) => Some((table, last)),
            _ => None,
        }
    }

    /// Reads the path that the `config` crate writes into its errors. Keys may hold dots and brackets, so the tree
    /// says where one ends; steps that are not in the tree end the path.
    pub fn read(text: &str, tree: &Json) -> Self {
        let (mut path, mut here, mut rest) = (Self::default(), tree, text);
        loop {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let step = match here {
                Json::Object(table) => table
                    .keys()
                    .filter(|key| {
                        rest.strip_prefix(key.as_str())
                            .is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']))
                    })
                    .max_by_key(|key| key.len())
                    .map(|key| (Step::Key(key.clone()), key.len())),
                Json::Array(_) => rest
                    .strip_prefix('[')
                    .and_then(|r| r.split_once(']'))
                    .and_then(|(digits, _)| Some((Step::Index(digits.parse().ok()?), digits.len() + 2))),
                _ => None,
            };
            let Some((step, length)) = step else { break };
            let Some(next) = child(here, &step) else { break };
            (here, rest) = (next, &rest[length..]);
            path.0.push(step);
        }
        // A key that is missing is not in the tree: it is what is left.
        if !rest.is_empty() && matches!(here, Json::Object(_)) {
            path.0.push(Step::Key(rest.to_owned()));
        }
        path
    }
}

impl fmt::Display for KeyPath {
    /// As the `config` crate writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if n == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn child<'t>(value: &'t Json, step: &Step) -> Option<&'t Json> {
    match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_read_back_even_when_keys_hold_dots_and_brackets() {
        let tree =
            json!({"account": {"group_map": {"/a.b[1]": "/x", "/a": "/y"}}, "target": [{"name": "hq"}, {}]});
        let path = KeyPath::read("account.group_map./a.b[1]", &tree);
        assert_eq!(path, KeyPath::default().key("account").key("group_map").key("/a.b[1]"));
        let missing = KeyPath::read("target[1].name", &tree);
        assert_eq!(missing, KeyPath::default().key("target").index(1).key("name"));
        assert_eq!(missing.label(&tree), "target[1].name");
        assert_eq!(KeyPath::read("target[0].name", &tree).label(&tree), "target[hq].name");
        assert_eq!(missing.pattern(), "target.name");
    }

    #[test]
    fn removing_an_element_removes_its_list() {
        let mut tree = Value::new(None, ValueKind::from(vec![1i64, 2]));
        let mut table = config::Map::new();
        table.insert("list".to_owned(), tree.clone());
        tree = Value::new(None, ValueKind::Table(table));
        KeyPath::default().key("list").index(1).remove(&mut tree);
        assert_eq!(tree.into_table().unwrap().len(), 0);
    }
}
