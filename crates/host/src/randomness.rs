//! Passwords from the operating system's generator: characters of given classes, every allowed password equally likely.
//! Which classes and lengths a service takes is its client's business.

use rand::TryRngCore as _;
use rand::rngs::OsRng;

use rosterd_core::secret::Secret;

/// The operating system gave no random numbers, or numbers that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", rust_i18n::t!("cloud.password.randomness"))]
pub struct NoRandomness;

/// A password of this length with at least one character of each class.
///
/// # Errors
/// If the operating system gives no random numbers, or there is no such password.
pub fn password(length: usize, classes: &[&[u8]]) -> Result<Secret, NoRandomness> {
    password_from(length, classes, &mut || {
        let mut byte = [0_u8];
        OsRng.try_fill_bytes(&mut byte).map_err(|_| NoRandomness)?;
        Ok(byte[0])
    })
}

type Bytes<'a> = &'a mut dyn FnMut() -> Result<u8, NoRandomness>;

/// Draws whole passwords until one has all classes: none is likelier than another that way.
fn password_from(length: usize, classes: &[&[u8]], random: Bytes<'_>) -> Result<Secret, NoRandomness> {
    let all = classes.concat();
    // Even a bad source ends: eight characters of four classes miss one in about two of three draws.
    for _ in 0..1000 {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            text.push(char::from(draw(&all, random)?));
        }
        if classes.iter().all(|set| text.bytes().any(|byte| set.contains(&byte))) {
            return Ok(Secret::new(text));
        }
        drop(Secret::new(text));
    }
    Err(NoRandomness)
}

/// One of `set`, each equally likely: bytes beyond the last full round are drawn again.
fn draw(set: &[u8], random: Bytes<'_>) -> Result<u8, NoRandomness> {
    let fair = 256 - 256_usize.checked_rem(set.len()).ok_or(NoRandomness)?;
    for _ in 0..1000 {
        let byte = usize::from(random()?);
        if byte < fair {
            return Ok(set[byte % set.len()]);
        }
    }
    Err(NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_there_and_no_other_character() {
        for length in [4, 8, 16, 48] {
            let password = password(length, &[b"abc", b"XYZ", b"123", b"#%"]).unwrap();
            let text = password.expose();
            assert_eq!(text.len(), length);
            for set in ["abc", "XYZ", "123", "#%"] {
                assert!(text.chars().any(|c| set.contains(c)), "{set}");
            }
            assert!(text.chars().all(|c| "abcXYZ123#%".contains(c)));
        }
    }

    #[test]
    fn a_dead_source_is_an_error_and_no_loop() {
        let failed = |source: Bytes<'_>| password_from(8, &[b"abc", b"1"], source).map(drop);
        assert_eq!(failed(&mut || Err(NoRandomness)), Err(NoRandomness));
        assert_eq!(failed(&mut || Ok(0)), Err(NoRandomness), "only one class ever comes");
        assert_eq!(password_from(8, &[b"abc"], &mut || Ok(255)).map(drop), Err(NoRandomness));
        assert_eq!(password(8, &[]).map(drop), Err(NoRandomness));
        assert_eq!(password(1, &[b"a", b"1"]).map(drop), Err(NoRandomness), "no room");
    }

    #[test]
    fn every_character_is_equally_likely() {
        let set = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut next = 0_u8;
        let mut counts = std::collections::BTreeMap::new();
        // 256 consecutive bytes hold every value once: seven full rounds of the set.
        let mut source = || {
            let byte = next;
            next = next.wrapping_add(1);
            Ok(byte)
        };
        for _ in 0..7 * set.len() {
            *counts.entry(draw(set, &mut source).unwrap()).or_insert(0) += 1;
        }
        assert!(counts.values().all(|n| *n == 7) && counts.len() == set.len());
    }
}
