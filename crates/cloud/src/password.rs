//! Passwords of the out-of-band VPN: the vendor's rule, and new ones that keep it.

use crate::randomness::{self, NoRandomness};
use crate::secret::Secret;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";
const SYMBOLS: &[u8] = b"!#$%&^*()";

/// Why a password cannot be sent. It says nothing of the password but its length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Not 8 to 16 characters.
    #[error("{}", rust_i18n::t!("cloud.password.length", length = length))]
    Length {
        /// How long it is, or should have become.
        length: usize,
    },
    /// A character that the vendor does not list.
    #[error("{}", rust_i18n::t!("cloud.password.character"))]
    Character,
    /// Only one of letters, digits and symbols.
    #[error("{}", rust_i18n::t!("cloud.password.classes"))]
    Classes,
    /// The operating system gave no random numbers.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The documented rule: 8 to 16 characters, at least two of letters, digits and `!#$%&^*()`. Whether the service
/// takes other characters is unknown, so none are sent.
pub fn check(password: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if !(8..=16).contains(&length) {
        return Err(PasswordError::Length { length });
    }
    let mut classes = [false; 3];
    for byte in password.bytes() {
        let class = [LETTERS, DIGITS, SYMBOLS].iter().position(|set| set.contains(&byte));
        classes[class.ok_or(PasswordError::Character)?] = true;
    }
    if classes.iter().filter(|seen| **seen).count() < 2 {
        return Err(PasswordError::Classes);
    }
    Ok(())
}

/// A new password of this length with letters, digits and symbols.
pub fn generate(length: u8) -> Result<Secret, PasswordError> {
    let length = usize::from(length);
    if !(8..=16).contains(&length) {
        return Err(PasswordError::Length { length });
    }
    Ok(randomness::password(length, &[LETTERS, DIGITS, SYMBOLS])?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rule_of_the_document() {
        for good in ["tencentV%89", "12345678a", "!#$%&^*(0", "abcdefg1", "abcdefghijklmno(", "Passw0rd"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check("a1!"), Err(PasswordError::Length { length: 3 }));
        assert_eq!(check("abcdefghijklmno12"), Err(PasswordError::Length { length: 17 }));
        for one_class in ["abcdefgh", "12345678", "!#$%&^*("] {
            assert_eq!(check(one_class), Err(PasswordError::Classes), "{one_class}");
        }
        for other in ["abc def1", "abcdef1@", "abcdefg1张", "abcdef1\n", "abcdef-1"] {
            assert_eq!(check(other), Err(PasswordError::Character), "{other}");
        }
    }

    #[test]
    fn new_ones_have_all_classes_and_differ() {
        let made: std::collections::BTreeSet<String> =
            (0..200).map(|i| generate(8 + i % 9).unwrap().expose().to_owned()).collect();
        assert_eq!(made.len(), 200);
        for password in &made {
            check(password).unwrap();
            for set in [LETTERS, DIGITS, SYMBOLS] {
                assert!(password.bytes().any(|b| set.contains(&b)), "{password}");
            }
        }
        assert_eq!(generate(7).unwrap_err(), PasswordError::Length { length: 7 });
        assert_eq!(generate(17).unwrap_err(), PasswordError::Length { length: 17 });
    }

    proptest! {
        #[test]
        fn what_passes_is_what_the_vendor_lists(text in "[a-zA-Z0-9!#$%&^*()@ -]{0,20}") {
            let classes = [LETTERS, DIGITS, SYMBOLS]
                .iter()
                .filter(|set| text.bytes().any(|b| set.contains(&b)))
                .count();
            let listed = text.bytes().all(|b| [LETTERS, DIGITS, SYMBOLS].concat().contains(&b));
            prop_assert_eq!(
                check(&text).is_ok(),
                (8..=16).contains(&text.len()) && listed && classes >= 2
            );
        }
    }
}
