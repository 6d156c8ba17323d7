//! The texts that people read, in English and Chinese, in one table. Every crate that has something to say calls
//! [`speak!`] at its root; `rust_i18n::t!` then finds the table. Keys and texts are in `locales/`.

use std::borrow::Cow;

use rust_i18n::Backend;

/// The translations, embedded at compile time.
#[expect(clippy::disallowed_types, reason = "the generated look-up table is a HashMap; nothing walks it")]
mod table {
    rust_i18n::i18n!("locales", fallback = "en");
}

#[doc(hidden)]
pub use rust_i18n;

/// The table as a source of texts for other crates.
#[derive(Debug, Clone, Copy)]
pub struct Texts;

impl Backend for Texts {
    fn available_locales(&self) -> Vec<Cow<'_, str>> {
        table::_rust_i18n_backend().available_locales()
    }

    fn translate(&self, locale: &str, key: &str) -> Option<Cow<'_, str>> {
        table::_rust_i18n_backend().translate(locale, key)
    }

    fn messages_for_locale(&self, locale: &str) -> Option<Vec<(Cow<'_, str>, Cow<'_, str>)>> {
        table::_rust_i18n_backend().messages_for_locale(locale)
    }
}

/// Lets `rust_i18n::t!` find the texts from anywhere in the crate at whose root this stands.
#[macro_export]
macro_rules! speak {
    () => {
        #[expect(
            clippy::disallowed_types,
            reason = "the generated look-up table is a HashMap; nothing walks it"
        )]
        mod translations {
            rust_i18n::i18n!("no-texts-of-its-own", fallback = "en", backend = $crate::Texts);
        }
        use translations::*;
    };
}
