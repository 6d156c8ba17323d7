//! Reading answers whose pages and practice disagree: numbers printed as texts, texts that are numbers, truth as text.
//! Nothing is guessed: what is neither form is an error.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// An integer, also when it is printed as a text.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct Integer;
    impl Visitor<'_> for Integer {
        type Value = i64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer")
        }
        fn visit_i64<E: Error>(self, v: i64) -> Result<i64, E> {
            Ok(v)
        }
        fn visit_u64<E: Error>(self, v: u64) -> Result<i64, E> {
            i64::try_from(v).map_err(|_| E::invalid_value(Unexpected::Unsigned(v), &self))
        }
        fn visit_str<E: Error>(self, v: &str) -> Result<i64, E> {
            v.trim().parse().map_err(|_| E::invalid_value(Unexpected::Other("a text"), &self))
        }
    }
    deserializer.deserialize_any(Integer)
}

/// `true`, `false`, `"true"` or `"false"`; anything else is an error.
pub fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Truth;
    impl Visitor<'_> for Truth {
        type Value = bool;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true or false")
        }
        fn visit_bool<E: Error>(self, v: bool) -> Result<bool, E> {
            Ok(v)
        }
        fn visit_str<E: Error>(self, v: &str) -> Result<bool, E> {
            match v {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(E::invalid_value(Unexpected::Other("another text"), &self)),
            }
        }
    }
    deserializer.deserialize_any(Truth)
}

/// A text; a number is taken as its digits, `null` as empty.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: Error>(self, v: &str) -> Result<String, E> {
            Ok(v.to_owned())
        }
        fn visit_string<E: Error>(self, v: String) -> Result<String, E> {
            Ok(v)
        }
        fn visit_i64<E: Error>(self, v: i64) -> Result<String, E> {
            Ok(v.to_string())
        }
        fn visit_u64<E: Error>(self, v: u64) -> Result<String, E> {
            Ok(v.to_string())
        }
        fn visit_unit<E: Error>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }
    deserializer.deserialize_any(Text)
}

/// A text that is a secret.
pub fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<crate::secret::Secret, D::Error> {
    text(deserializer).map(crate::secret::Secret::new)
}

/// Where in an answer something is wrong, without the answer's values.
pub fn place(error: &serde_json::Error) -> String {
    rust_i18n::t!("cloud.call.place", line = error.line(), column = error.column()).into_owned()
}
