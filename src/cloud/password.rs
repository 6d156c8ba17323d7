//! Passwords of the out-of-band VPN: the vendor's rule, and new ones from the operating system's randomness.

use rand::TryRngCore as _;
use rand::rngs::OsRng;

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
    #[error("{}", rust_i18n::t!("cloud.password.randomness"))]
    Randomness,
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
    generate_from(length, &mut || {
        let mut byte = [0_u8];
        OsRng.try_fill_bytes(&mut byte).map_err(|_| PasswordError::Randomness)?;
        Ok(byte[0])
    })
}

type Bytes<'a> = &'a mut dyn FnMut() -> Result<u8, PasswordError>;

/// Draws whole passwords until one has all three classes: every allowed password is equally likely that way.
fn generate_from(length: u8, random: Bytes<'_>) -> Result<Secret, PasswordError> {
    let length = usize::from(length);
    if !(8..=16).contains(&length) {
        return Err(PasswordError::Length { length });
    }
    let all = [LETTERS, DIGITS, SYMBOLS].concat();
    // Even a bad source ends: 8 characters miss a class in about every second draw.
    for _ in 0..1000 {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            text.push(char::from(draw(&all, random)?));
        }
        let has = |set: &[u8]| text.bytes().any(|b| set.contains(&b));
        if has(LETTERS) && has(DIGITS) && has(SYMBOLS) {
            return Ok(Secret::new(text));
        }
        drop(Secret::new(text));
    }
    Err(PasswordError::Randomness)
}

/// One of `set`, each equally likely: bytes beyond the last full round are drawn again.
fn draw(set: &[u8], random: Bytes<'_>) -> Result<u8, PasswordError> {
    let fair = 256 - 256 % set.len();
    for _ in 0..1000 {
        let byte = usize::from(random()?);
        if byte < fair {
            return Ok(set[byte % set.len()]);
        }
    }
    Err(PasswordError::Randomness)
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

    #[test]
    fn every_character_is_equally_likely() {
        let set = [LETTERS, DIGITS, SYMBOLS].concat();
        let mut next = 0_u8;
        let mut counts = std::collections::BTreeMap::new();
        // 256 consecutive bytes hold every value once: three full rounds of the set.
        let mut source = || {
            let byte = next;
            next = next.wrapping_add(1);
            Ok(byte)
        };
        for _ in 0..3 * set.len() {
            *counts.entry(draw(&set, &mut source).unwrap()).or_insert(0) += 1;
        }
        assert!(counts.values().all(|n| *n == 3) && counts.len() == set.len());
    }

    #[test]
    fn a_dead_source_is_an_error_and_no_loop() {
        assert_eq!(generate_from(16, &mut || Ok(255)).unwrap_err(), PasswordError::Randomness);
        assert_eq!(generate_from(16, &mut || Ok(0)).unwrap_err(), PasswordError::Randomness);
        let failing = &mut || Err(PasswordError::Randomness);
        assert_eq!(generate_from(16, failing).unwrap_err(), PasswordError::Randomness);
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
