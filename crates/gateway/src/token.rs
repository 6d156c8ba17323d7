//! The token (`sinfor_apitoken`) that a call is signed with, by a recipe: which digest over which pieces. The key is
//! fed to the digest piece by piece, so that no text with the key in it ever exists.

use leon::{Item, Template};
use sha2::digest::{Digest, Output};

use super::{Dialect, GatewayError};
use crate::config::{TokenConfig, TokenDigest};
use crate::secret::Secret;

/// The recipe of the vendor's manual.
const DEFAULT: &str = "{params}{timestamp}{key}";
/// The same for a device that is sent no timestamp.
const WITHOUT_TIMESTAMP: &str = "{params}{key}";

/// A part of what is digested.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Params,
    Timestamp,
    Key,
}

/// How a token is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    digest: TokenDigest,
    text: String,
    pieces: Vec<Piece>,
    send_timestamp: bool,
}

impl Recipe {
    /// The configured recipe; what is not configured comes from the dialect.
    pub fn new(config: &TokenConfig, dialect: Dialect) -> Result<Self, GatewayError> {
        let digest = config.digest.unwrap_or(match dialect {
            Dialect::UpdaterCloud => TokenDigest::Md5,
            Dialect::Openapi => TokenDigest::Sha256,
        });
        let send_timestamp = config.send_timestamp.unwrap_or(true);
        let text =
            config.recipe.as_deref().unwrap_or(if send_timestamp { DEFAULT } else { WITHOUT_TIMESTAMP });
        Self::parse(digest, text, send_timestamp)
    }

    fn parse(digest: TokenDigest, text: &str, send_timestamp: bool) -> Result<Self, GatewayError> {
        let refuse = |cause: String| GatewayError::BadRecipe { recipe: text.to_owned(), cause };
        let template = Template::parse(text).map_err(|e| refuse(e.to_string()))?;
        let mut pieces = Vec::new();
        for item in template.items.iter() {
            pieces.push(match item {
                Item::Text(text) => Piece::Text((*text).to_owned()),
                Item::Key("params") => Piece::Params,
                Item::Key("timestamp") => Piece::Timestamp,
                Item::Key("key") => Piece::Key,
                Item::Key(other) => {
                    return Err(refuse(rust_i18n::t!("gateway.recipe_word", word = other).into_owned()));
                }
            });
        }
        if !pieces.contains(&Piece::Key) {
            return Err(refuse(rust_i18n::t!("gateway.recipe_no_key").into_owned()));
        }
        if pieces.contains(&Piece::Timestamp) && !send_timestamp {
            return Err(refuse(rust_i18n::t!("gateway.recipe_timestamp").into_owned()));
        }
        Ok(Self { digest, text: text.to_owned(), pieces, send_timestamp })
    }

    /// Every recipe that a device may be asked about, the likely ones first.
    pub fn known() -> Vec<Self> {
        let texts = [DEFAULT, WITHOUT_TIMESTAMP, "{key}{params}{timestamp}", "{key}{params}"];
        let digests = [TokenDigest::Sha256, TokenDigest::Md5];
        let mut all: Vec<Self> = Vec::new();
        for text in texts {
            for digest in digests {
                all.extend(Self::parse(digest, text, text.contains("{timestamp}")));
            }
        }
        all
    }

    /// Whether the `timestamp` parameter is sent.
    pub const fn sends_timestamp(&self) -> bool {
        self.send_timestamp
    }

    /// The recipe as configuration.
    pub fn config(&self) -> TokenConfig {
        TokenConfig {
            digest: Some(self.digest),
            recipe: Some(self.text.clone()),
            send_timestamp: Some(self.send_timestamp),
        }
    }

    /// The three lines that put this recipe into `[target.token]`.
    pub fn config_lines(&self) -> String {
        let digest = match self.digest {
            TokenDigest::Md5 => "md5",
            TokenDigest::Sha256 => "sha256",
        };
        format!("digest = \"{digest}\"\nrecipe = \"{}\"\nsend_timestamp = {}", self.text, self.send_timestamp)
    }

    /// Signs parameters: all of the query's and the body's, raw, without the token itself. `timestamp` is the value of
    /// the parameter of that name, empty if it is not sent.
    pub fn sign<'a>(
        &self,
        params: impl IntoIterator<Item = (&'a str, &'a str)>,
        timestamp: &str,
        key: &Secret,
    ) -> Secret {
        let params = Canonical(Secret::new(canonical(params)));
        let token = match self.digest {
            TokenDigest::Md5 => hex::encode(self.run::<md5::Md5>(&params, timestamp, key)),
            TokenDigest::Sha256 => hex::encode(self.run::<sha2::Sha256>(&params, timestamp, key)),
        };
        Secret::new(token)
    }

    fn run<D: Digest>(&self, params: &Canonical, timestamp: &str, key: &Secret) -> Output<D> {
        let mut digest = D::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => digest.update(text),
                Piece::Params => digest.update(params.0.expose()),
                Piece::Timestamp => digest.update(timestamp),
                Piece::Key => digest.update(key.expose()),
            }
        }
        digest.finalize()
    }
}

/// The canonical text. It is a secret: an add's holds the initial password.
struct Canonical(Secret);

/// Parameters sorted by name, joined `k=v` with `&`, values raw: to be made a [`Secret`] at once.
fn canonical<'a>(params: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut params: Vec<_> = params.into_iter().collect();
    params.sort_by_key(|(name, _)| *name);
    let length: usize = params.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    // Of the exact size: a text that grows or shrinks leaves copies behind.
    let mut text = String::with_capacity(length.saturating_sub(1));
    for (name, value) in params {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn recipe(dialect: Dialect) -> Recipe {
        Recipe::new(&TokenConfig::default(), dialect).unwrap()
    }

    const WORKED: [(&str, &str); 4] = [
        ("username", "zsan"),
        ("timestamp", "1574308869"),
        ("controler", "User"),
        ("action", "ExGetUserInfo"),
    ];

    #[test]
    fn the_manuals_worked_form() {
        assert_eq!(
            canonical(WORKED),
            "action=ExGetUserInfo&controler=User&timestamp=1574308869&username=zsan"
        );
        let token = recipe(Dialect::Openapi).sign(WORKED, "1574308869", &key("my-key"));
        assert_eq!(token.expose(), "0d86d5867140f153aa642a0149c7f4c0fbc1d80cbea48130b3c04bc3557cd8c9");
        let token = recipe(Dialect::UpdaterCloud).sign(WORKED, "1574308869", &key("my-key"));
        assert_eq!(token.expose(), "a285f8fa729cf5fffa237550baa89f6a");
    }

    #[test]
    fn values_are_raw() {
        let params = [
            ("timestamp", "1"),
            ("note", "张三-销售"),
            ("name", "a b&c=d+e%f"),
            ("controler", "User"),
            ("action", "UpdateUserCloud"),
        ];
        assert_eq!(
            recipe(Dialect::Openapi).sign(params, "1", &key("k")).expose(),
            "ab20f23b62dfd8480b445e007a25570814dc43ed728b0145222ca75a4ad3d659"
        );
    }

    #[test]
    fn without_a_timestamp() {
        let config = TokenConfig { send_timestamp: Some(false), ..TokenConfig::default() };
        let recipe = Recipe::new(&config, Dialect::UpdaterCloud).unwrap();
        let token = recipe.sign([("controler", "Updater"), ("action", "UpdaterCloud")], "", &key("k"));
        assert_eq!(token.expose(), "c8d72dbfae94adbb355c82caeff6c5a1");
    }

    #[test]
    fn recipes_are_checked() {
        let parse = |text: &str, send| Recipe::parse(TokenDigest::Md5, text, send);
        for good in ["{params}{timestamp}{key}", "{key}", "api:{key}|{params}", "{key}{params}{key}"] {
            assert!(parse(good, true).is_ok(), "{good}");
        }
        for bad in ["", "{params}", "{params}{secret}", "{key", "{}", "{params}{timestamp}"] {
            assert!(parse(bad, true).is_err(), "{bad}");
        }
        assert!(parse("{params}{timestamp}{key}", false).is_err());
    }

    #[test]
    fn known_recipes_come_back_from_their_configuration() {
        let all = Recipe::known();
        assert_eq!(all.len(), 8);
        assert!(all.contains(&recipe(Dialect::Openapi)) && all.contains(&recipe(Dialect::UpdaterCloud)));
        for recipe in all {
            assert_eq!(Recipe::new(&recipe.config(), Dialect::Openapi), Ok(recipe));
        }
    }

    #[test]
    fn a_recipe_is_shown_as_configuration() {
        for recipe in Recipe::known() {
            let lines = ::config::File::from_str(&recipe.config_lines(), ::config::FileFormat::Toml);
            let shown = ::config::Config::builder().add_source(lines).build().unwrap();
            assert_eq!(shown.try_deserialize::<TokenConfig>().unwrap(), recipe.config());
        }
    }

    #[test]
    fn the_canonical_text_is_made_in_one_piece() {
        for params in [&WORKED[..], &WORKED[..1], &[("note", ""), ("a", "张三")], &[]] {
            let text = canonical(params.iter().copied());
            assert_eq!(text.capacity(), text.len(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_of_parameters_does_not_matter(
            params in proptest::collection::btree_map("[a-z_]{1,6}", ".{0,8}", 0..6), stamp in "[0-9]{0,10}",
        ) {
            let forth: Vec<_> = params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let back: Vec<_> = forth.iter().rev().copied().collect();
            for recipe in Recipe::known() {
                let (a, b) = (recipe.sign(forth.clone(), &stamp, &key("k")), recipe.sign(back.clone(), &stamp, &key("k")));
                prop_assert_eq!(a.expose(), b.expose());
                let other = recipe.sign(forth.clone(), &stamp, &key("K"));
                prop_assert_ne!(a.expose(), other.expose());
            }
        }
    }
}
