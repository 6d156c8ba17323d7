//! Phone cells. A number that fits no rule makes the whole cell unknown: half a list must not overwrite a whole one.

use std::borrow::Cow;

use super::cell::{float_tail, half_width};
use super::facts::{NoteKind, Reason};
use crate::model::is_deceptive;

/// Reads a phone cell that is not empty: the numbers in order, without repetitions.
pub(super) fn phones(text: &str) -> Result<(Vec<String>, Option<NoteKind>), Reason> {
    if text.contains(['*', '＊', '●', '•']) {
        return Err(Reason::Masked);
    }
    let (text, _) = half_width(text);
    let text: Cow<'_, str> = if text.chars().any(is_deceptive) {
        text.chars().filter(|c| !is_deceptive(*c) || *c == '\n').collect::<String>().into()
    } else {
        text
    };
    let mut note = None;
    let mut numbers: Vec<String> = Vec::new();
    for part in parts(&text) {
        let part = match float_tail(part) {
            Some(whole) => {
                note = Some(NoteKind::FloatTail);
                whole
            }
            None => part,
        };
        let number = number(part).ok_or(Reason::BadPhone)?;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    if numbers.is_empty() { Err(Reason::BadPhone) } else { Ok((numbers, note)) }
}

/// Several numbers in a cell; blanks separate only where each part is a number by itself.
fn parts(text: &str) -> Vec<&str> {
    let parts = text.split([';', ',', '、', '/', '|', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts
        .flat_map(|part| {
            let words: Vec<&str> = part.split_whitespace().collect();
            if words.len() > 1 && words.iter().all(|word| number(word).is_some()) {
                words
            } else {
                vec![part]
            }
        })
        .collect()
}

/// One number in the form that the gateway gets: digits only; a mainland mobile number without its country code.
fn number(text: &str) -> Option<String> {
    let international = text.starts_with('+') || text.starts_with("00");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let foreign = |c: char| !c.is_ascii_digit() && !matches!(c, ' ' | '-' | '(' | ')' | '+' | '.' | '·');
    if text.chars().any(foreign) || text.rfind('+').is_some_and(|at| at > 0) {
        return None;
    }
    let bare = digits.strip_prefix("00").unwrap_or(&digits);
    let national = bare.strip_prefix("86").filter(|rest| international || rest.len() == 11).unwrap_or(bare);
    if is_mobile(national) && (national.len() == bare.len() || bare.starts_with("86")) {
        return Some(national.to_owned());
    }
    if international {
        return (7..=15).contains(&bare.len()).then(|| bare.to_owned());
    }
    is_landline(&digits).then_some(digits)
}

/// A mainland mobile number: 1, then 3 to 9, then nine digits.
pub(super) fn is_mobile(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    bytes.len() == 11
        && bytes.first() == Some(&b'1')
        && bytes.get(1).is_some_and(|second| (b'3'..=b'9').contains(second))
        && bytes.iter().all(u8::is_ascii_digit)
}

/// Area code with its zero, then seven or eight digits.
fn is_landline(digits: &str) -> bool {
    digits.starts_with('0') && !digits.starts_with("00") && (10..=12).contains(&digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<String, Reason> {
        phones(text).map(|(numbers, _)| numbers.join(";"))
    }

    #[test]
    fn numbers_take_one_form() {
        for (text, number) in [
            ("13800138000", "13800138000"),
            ("+86 138 0013 8000", "13800138000"),
            ("86-13800138000", "13800138000"),
            ("0086 138-0013-8000", "13800138000"),
            ("138-0013-8000", "13800138000"),
            ("１３８００１３８０００", "13800138000"),
            ("13800138000.0", "13800138000"),
            ("\u{202d}13800138000\u{202c}", "13800138000"),
            ("+86-13800138000", "13800138000"),
            ("+852-6123 4567", "85261234567"),
            ("+1 (650) 253-0000", "16502530000"),
            ("010-88886666", "01088886666"),
            ("0755-12345678", "075512345678"),
            ("13800138000；13900139000", "13800138000;13900139000"),
            ("13800138000 / 13900139000", "13800138000;13900139000"),
            ("13800138000 13900139000", "13800138000;13900139000"),
            ("13800138000,13800138000", "13800138000"),
        ] {
            assert_eq!(one(text).as_deref(), Ok(number), "{text}");
        }
    }

    #[test]
    fn what_fits_no_rule_is_unknown() {
        for text in
            ["1380013800", "12800138000", "abc", "13800138000;12", "88886666", "1380013800O", "138+00138000"]
        {
            assert_eq!(one(text), Err(Reason::BadPhone), "{text}");
        }
        assert_eq!(one("138****8000"), Err(Reason::Masked));
    }
}
