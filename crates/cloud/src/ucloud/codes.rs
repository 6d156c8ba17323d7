//! UCloud's `RetCode`: below 2000 common to all products, from there the product's own.

use crate::refusal::Kind;

const CODES: [(i64, Kind); 17] = [
    (110, Kind::ServerTimeout),
    (130, Kind::Server),
    (150, Kind::Maintenance),
    (153, Kind::Throttled),
    (160, Kind::Parameter),
    (161, Kind::NoSuchCall),
    (170, Kind::NoSignature),
    (171, Kind::Signature),
    (172, Kind::NoUser),
    (174, Kind::Token),
    (220, Kind::Parameter),
    (230, Kind::Parameter),
    (292, Kind::Project),
    (293, Kind::Zone),
    (294, Kind::Address),
    (295, Kind::Lock),
    (299, Kind::Permission),
];

/// What a code means.
pub fn kind(code: i64) -> Kind {
    match CODES.iter().find(|(c, _)| *c == code) {
        Some((_, kind)) => *kind,
        None if code >= 2000 => Kind::Product,
        None => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Again;

    #[test]
    fn every_documented_code_is_known() {
        for (code, _) in CODES {
            assert_ne!(kind(code), Kind::Other, "{code}");
        }
        for code in [110, 130, 150, 2000, 33_000] {
            assert_eq!(kind(code).again(), Again::Later, "{code}");
        }
        assert_eq!(kind(153).again(), Again::NextMinute);
        for code in [160, 161, 170, 171, 172, 174, 292, 293, 294, 295, 299, 1999, -1] {
            assert_eq!(kind(code).again(), Again::Never, "{code}");
        }
    }
}
