//! What a provider's "no" means and whether asking again can help: one list of kinds for both providers. Which code is
//! of which kind stands in each provider's `codes`; the words are translations under `cloud.refusal`.

use serde::Serialize;

/// Why a provider said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A parameter is missing or malformed.
    Parameter,
    /// No such resource, or somebody else's.
    Resource,
    /// The signature is wrong.
    Signature,
    /// This key may not use the call or the resource.
    Permission,
    /// The account is blocked.
    Blocked,
    /// No such key, or it is disabled.
    Key,
    /// The token of the temporary keys is not accepted.
    Token,
    /// The account asks for a second factor.
    SecondFactor,
    /// The request came too late by the service's clock.
    Expired,
    /// The service has seen this request before.
    Replay,
    /// Too many calls.
    Throttled,
    /// Plain HTTP.
    PlainHttp,
    /// There is no such call here.
    NoSuchCall,
    /// The operation failed for reasons of the service.
    Failed,
    /// Something about money or verification.
    Billing,
    /// Only a part was done.
    Partly,
    /// An error inside the service.
    Server,
    /// The service is under maintenance or unavailable.
    Maintenance,
    /// The service's database.
    Database,
    /// The VPN's authentication module cannot be reached.
    AuthUnreachable,
    /// The VPN's authentication module answered with an error.
    AuthFailed,
    /// The management data of a machine cannot be read.
    OutOfBandData,
    /// The operation is not allowed.
    Denied,
    /// The account has no VPN settings.
    NoVpn,
    /// No such machine.
    NoDevice,
    /// The service did not finish in time.
    ServerTimeout,
    /// The signature is missing.
    NoSignature,
    /// No such user: the public key.
    NoUser,
    /// No such project.
    Project,
    /// The zone is not allowed.
    Zone,
    /// The caller's address is refused.
    Address,
    /// A security lock.
    Lock,
    /// The product's own error.
    Product,
    /// Not in any list.
    Other,
}

/// Every kind, for tests that none is without words.
pub const ALL: [Kind; 34] = [
    Kind::Parameter,
    Kind::Resource,
    Kind::Signature,
    Kind::Permission,
    Kind::Blocked,
    Kind::Key,
    Kind::Token,
    Kind::SecondFactor,
    Kind::Expired,
    Kind::Replay,
    Kind::Throttled,
    Kind::PlainHttp,
    Kind::NoSuchCall,
    Kind::Failed,
    Kind::Billing,
    Kind::Partly,
    Kind::Server,
    Kind::Maintenance,
    Kind::Database,
    Kind::AuthUnreachable,
    Kind::AuthFailed,
    Kind::OutOfBandData,
    Kind::Denied,
    Kind::NoVpn,
    Kind::NoDevice,
    Kind::ServerTimeout,
    Kind::NoSignature,
    Kind::NoUser,
    Kind::Project,
    Kind::Zone,
    Kind::Address,
    Kind::Lock,
    Kind::Product,
    Kind::Other,
];

/// Whether and when a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It would be refused again.
    Never,
    /// Once, signed anew.
    Once,
    /// When the next minute has begun.
    NextMinute,
    /// With growing pauses.
    Later,
}

impl Kind {
    /// The stable word for scripts and translations.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Resource => "resource",
            Self::Signature => "signature",
            Self::Permission => "permission",
            Self::Blocked => "blocked",
            Self::Key => "key",
            Self::Token => "token",
            Self::SecondFactor => "second_factor",
            Self::Expired => "expired",
            Self::Replay => "replay",
            Self::Throttled => "throttled",
            Self::PlainHttp => "plain_http",
            Self::NoSuchCall => "no_such_call",
            Self::Failed => "failed",
            Self::Billing => "billing",
            Self::Partly => "partly",
            Self::Server => "server",
            Self::Maintenance => "maintenance",
            Self::Database => "database",
            Self::AuthUnreachable => "auth_unreachable",
            Self::AuthFailed => "auth_failed",
            Self::OutOfBandData => "out_of_band_data",
            Self::Denied => "denied",
            Self::NoVpn => "no_vpn",
            Self::NoDevice => "no_device",
            Self::ServerTimeout => "server_timeout",
            Self::NoSignature => "no_signature",
            Self::NoUser => "no_user",
            Self::Project => "project",
            Self::Zone => "zone",
            Self::Address => "address",
            Self::Lock => "lock",
            Self::Product => "product",
            Self::Other => "other",
        }
    }

    /// What it means and what to do, in the user's language.
    pub fn advice(self) -> String {
        rust_i18n::t!(format!("cloud.refusal.{}", self.word())).into_owned()
    }

    /// Whether a reading request may be sent again.
    pub const fn again(self) -> Again {
        match self {
            Self::Expired | Self::Replay => Again::Once,
            Self::Throttled => Again::NextMinute,
            Self::Failed
            | Self::Server
            | Self::Maintenance
            | Self::Database
            | Self::AuthUnreachable
            | Self::AuthFailed
            | Self::OutOfBandData
            | Self::ServerTimeout
            | Self::Product => Again::Later,
            _ => Again::Never,
        }
    }

    /// Whether the answer proves that a change was not made. The service's own troubles prove nothing, and a replay is
    /// refused *because* the same request has come before.
    pub const fn proves_nothing_happened(self) -> bool {
        matches!(
            self,
            Self::Parameter
                | Self::Resource
                | Self::Signature
                | Self::Permission
                | Self::Blocked
                | Self::Key
                | Self::Token
                | Self::SecondFactor
                | Self::Expired
                | Self::Throttled
                | Self::PlainHttp
                | Self::NoSuchCall
                | Self::Billing
                | Self::Denied
                | Self::NoVpn
        )
    }

    /// Whether our clock may be the cause.
    pub const fn may_be_the_clock(self) -> bool {
        matches!(self, Self::Signature | Self::Expired | Self::Replay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_advice_in_both_languages() {
        for kind in ALL {
            let key = format!("cloud.refusal.{}", kind.word());
            for language in ["en", "zh"] {
                let text = rust_i18n::t!(key.as_str(), locale = language);
                assert!(!text.contains("cloud.refusal"), "{key} in {language}");
            }
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }

    #[test]
    fn what_is_asked_again_later_proves_nothing_about_a_change() {
        for kind in ALL {
            let doubtful = kind.again() == Again::Later && kind != Kind::Throttled;
            assert!(!(doubtful && kind.proves_nothing_happened()), "{kind:?}");
        }
    }
}
