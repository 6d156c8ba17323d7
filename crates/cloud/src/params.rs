//! What a call carries: names and raw values, in the order given. Encodes a form body and reads one back; signing is
//! the providers' own. Values may be passwords, so nothing here prints them.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::http::encode_pairs;
use crate::secret::Secret;

/// Parameters of one request. `Debug` shows the names only.
#[derive(Clone, Default)]
pub struct Params(Vec<(String, Secret)>);

impl Params {
    /// No parameters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter with its raw value.
    #[must_use]
    pub fn with(self, name: &str, value: impl fmt::Display) -> Self {
        self.with_secret(name, &Secret::new(value.to_string()))
    }

    /// Adds a parameter whose value is a secret.
    #[must_use]
    pub fn with_secret(mut self, name: &str, value: &Secret) -> Self {
        self.0.push((name.to_owned(), value.clone()));
        self
    }

    /// Adds a parameter unless its value is empty: some services sign differently when an optional one is empty.
    #[must_use]
    pub fn with_some(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(name, value) }
    }

    /// Names and raw values in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(n, v)| (n == name).then_some(v))
    }

    /// The form body: every name and value percent-encoded exactly once.
    pub fn form(&self) -> Secret {
        Secret::new(encode_pairs(self.iter()))
    }

    /// Reads a form body or a query; `+` is a space. Bytes that are not UTF-8 are refused.
    pub fn parse(form: &str) -> Option<Self> {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(std::borrow::Cow::into_owned)
        };
        form.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(name)?, Secret::new(decode(value)?)))
            })
            .collect::<Option<_>>()
            .map(Self)
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodes_once_in_upper_case() {
        let params = Params::new()
            .with("password", "tencentV%89")
            .with("odd", "a b+c/d=e&f")
            .with("名", "张三~-_.")
            .with("empty", "");
        assert_eq!(
            params.form().expose(),
            "password=tencentV%2589&odd=a%20b%2Bc%2Fd%3De%26f&%E5%90%8D=%E5%BC%A0%E4%B8%89~-_.&empty="
        );
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", Params::new().with("password", "hunter22"));
        assert!(shown.contains("password") && !shown.contains("hunter22"), "{shown}");
    }

    #[test]
    fn reads_what_other_clients_send() {
        let params = Params::parse("&Action=A&x=a+b%20c&bare&y=%E5%BC%A0").unwrap();
        assert_eq!(params.get("x"), Some("a b c"));
        assert_eq!(params.get("bare"), Some(""));
        assert_eq!(params.get("y"), Some("张"));
        assert!(Params::parse("x=%FF").is_none());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(pairs in prop::collection::vec((".+", ".*"), 0..6)) {
            let params = pairs.iter().fold(Params::new(), |p, (n, v)| p.with(n, v));
            let form = params.form();
            prop_assert!(form.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%=&".contains(&b)));
            let back = Params::parse(form.expose()).unwrap();
            let back: Vec<_> = back.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(back, pairs);
        }
    }
}
