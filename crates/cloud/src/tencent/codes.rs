//! The codes of Tencent's old API: 4000 to 6200 are common to all calls, the others belong to the out-of-band VPN.

use crate::refusal::Kind;

/// Every documented code.
const CODES: [(i64, Kind); 30] = [
    (4000, Kind::Parameter),
    (4100, Kind::Signature),
    (4101, Kind::Permission),
    (4102, Kind::Permission),
    (4103, Kind::Permission),
    (4104, Kind::Key),
    (4105, Kind::Token),
    (4106, Kind::SecondFactor),
    (4110, Kind::Permission),
    (4200, Kind::Expired),
    (4300, Kind::Blocked),
    (4400, Kind::Throttled),
    (4500, Kind::Replay),
    (4600, Kind::PlainHttp),
    (5000, Kind::Resource),
    (5100, Kind::Failed),
    (5200, Kind::Billing),
    (5300, Kind::Billing),
    (5400, Kind::Partly),
    (5500, Kind::Billing),
    (6000, Kind::Server),
    (6100, Kind::NoSuchCall),
    (6200, Kind::Maintenance),
    (9001, Kind::Database),
    (10004, Kind::Denied),
    (10100, Kind::AuthUnreachable),
    (10101, Kind::AuthFailed),
    (10105, Kind::NoVpn),
    (10106, Kind::OutOfBandData),
    (11041, Kind::NoDevice),
];

/// What a code means.
pub fn kind(code: i64) -> Kind {
    CODES.iter().find_map(|(c, kind)| (*c == code).then_some(*kind)).unwrap_or(Kind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Again;

    #[test]
    fn every_documented_code_is_known_and_has_its_own_retry() {
        for (code, _) in CODES {
            assert_ne!(kind(code), Kind::Other, "{code}");
        }
        for code in [4200, 4500] {
            assert_eq!(kind(code).again(), Again::Once, "{code}");
        }
        assert_eq!(kind(4400).again(), Again::NextMinute);
        for code in [5100, 6000, 6200, 9001, 10100, 10101, 10106] {
            assert_eq!(kind(code).again(), Again::Later, "{code}");
        }
        for code in [4000, 4100, 4101, 4104, 4600, 5000, 5200, 5400, 6100, 10004, 10105, 11041, 7, -1] {
            assert_eq!(kind(code).again(), Again::Never, "{code}");
        }
    }

    #[test]
    fn a_wrong_signature_a_late_request_and_a_quota_are_told_apart() {
        let words = [4100, 4200, 4500, 4400].map(|code| kind(code).advice());
        let different: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(different.len(), 4);
    }
}
