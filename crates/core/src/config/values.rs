//! Small value types of the configuration: durations, limits, conditions, and how they are written.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Allow, Delimiter};
use crate::device::Dialect;
use crate::field::Field;
use crate::model::GroupPath;

/// A duration written `30s`, `5m`, `36h`, `30d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Span(Duration);

impl Span {
    /// A whole number of seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library's duration.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        // humantime takes `M` for a month and more besides; a file takes only these units, so that a slip of
        // the shift key does not turn five minutes into five months.
        let units = text.split(|c: char| c.is_ascii_digit()).filter(|unit| !unit.is_empty());
        let known = text.starts_with(|c: char| c.is_ascii_digit())
            && units.into_iter().all(|unit| matches!(unit, "ms" | "s" | "m" | "h" | "d"));
        let parsed = known.then(|| humantime::parse_duration(&text).ok()).flatten();
        parsed.map(Self).ok_or_else(|| rust_i18n::t!("config.not_a_duration", value = text).into_owned())
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0.as_secs();
        if self.0.subsec_millis() != 0 {
            return write!(f, "{}ms", self.0.as_millis());
        }
        match s {
            0 => f.write_str("0s"),
            s if s % 86_400 == 0 => write!(f, "{}d", s / 86_400),
            s if s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A guard's limit: a figure, or `"off"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit(Option<f64>);

impl schemars::JsonSchema for Limit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "const": "off" }] })
    }
}

impl Limit {
    /// No limit.
    pub const OFF: Self = Self(None);

    /// A limit at this figure.
    pub const fn at(figure: f64) -> Self {
        Self(Some(figure))
    }

    /// The figure, unless off.
    pub const fn figure(self) -> Option<f64> {
        self.0
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(figure) => serializer.serialize_f64(figure),
            None => serializer.serialize_str("off"),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Limit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of 0 or more, or \"off\"")
            }
            fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Limit, E> {
                self.visit_f64(v as f64)
            }
            fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Limit, E> {
                self.visit_f64(v as f64)
            }
            fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Limit, E> {
                if v.is_finite() && v >= 0.0 {
                    Ok(Limit::at(v))
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Float(v), &self))
                }
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Limit, E> {
                if v == "off" {
                    return Ok(Limit::OFF);
                }
                match v.parse() {
                    Ok(figure) => self.visit_f64(figure),
                    Err(_) => Err(E::invalid_value(serde::de::Unexpected::Str(v), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A condition over a person's fields: globs, all of which must match. `**` crosses `/`, `*` does not. Empty: always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct When(pub BTreeMap<Field, String>);

impl TryFrom<String> for Delimiter {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_bytes() {
            b"auto" => Ok(Self::Auto),
            b"\\t" | b"tab" => Ok(Self::Char(b'\t')),
            [c] if c.is_ascii() && *c != b'"' && *c != b'\n' && *c != b'\r' => Ok(Self::Char(*c)),
            _ => Err(rust_i18n::t!("config.not_a_delimiter", value = text).into_owned()),
        }
    }
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> String {
        match delimiter {
            Delimiter::Auto => "auto".into(),
            Delimiter::Char(c) => char::from(c).to_string(),
        }
    }
}

/// `updater-cloud`: the dialect of old firmware.
pub const fn default_dialect() -> Dialect {
    Dialect::UpdaterCloud
}

/// Everything is allowed.
pub fn allow_all() -> Vec<Allow> {
    vec![Allow::Add, Allow::Update, Allow::Rename, Allow::Enable, Allow::Disable, Allow::Delete]
}

/// Groups may be created anywhere below the root.
pub fn root_only() -> Vec<GroupPath> {
    GroupPath::new("/").into_iter().collect()
}

/// The default `max_duration`.
pub const fn four_hours() -> Option<Span> {
    Some(Span::seconds(4 * 3600))
}

/// A duration or `"off"`.
pub mod span_or_off {
    use super::{Deserialize, Deserializer, Serializer, Span};

    /// Writes `off` for none.
    pub fn serialize<S: Serializer>(span: &Option<Span>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&span.map_or_else(|| "off".to_owned(), String::from))
    }

    /// Reads `off` as none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(None);
        }
        Span::try_from(text).map(Some).map_err(serde::de::Error::custom)
    }
}

/// The schema of [`one_or_many`].
pub fn one_or_many_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
}

/// One text or a list of them.
pub fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }
        fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Vec<String>, E> {
            Ok(vec![v.to_owned()])
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
            let mut all = Vec::new();
            while let Some(text) = seq.next_element()? {
                all.push(text);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_any(Visitor)
}
