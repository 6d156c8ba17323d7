//! What can go wrong with a directory. Each has a word, a text and a next step, like every error of a roster.

/// Why a directory cannot be used. Nothing of it counts then.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the values that the message names")]
pub enum LdapFault {
    /// The settings cannot be used.
    Setup { cause: String },
    /// The password cannot be read.
    Password { cause: String },
    /// Neither LDAPS nor StartTLS, and the server is another machine.
    Cleartext,
    /// No connection.
    Unreachable { cause: String },
    /// No TLS, or the certificate is not trusted.
    Tls { cause: String },
    /// The server does not know the account, or takes no such bind.
    Bind { code: u32, cause: String },
    /// The server refuses the search.
    Refused { code: u32, cause: String },
    /// The search filter is none.
    Filter { filter: String },
    /// A limit of the server: there are more entries than it gave.
    Limit { code: u32 },
    /// A part lies on another server.
    Referral { to: String },
    /// The connection broke before the end.
    Dropped { cause: String },
    /// More bytes than a roster can have.
    TooBig { megabytes: u64 },
    /// Nothing came for a long time.
    TooSlow { seconds: u64 },
    /// Nobody was found.
    NoEntries { base: String, filter: String },
    /// No entry has the attribute of the person key.
    NoKey { field: &'static str, seen: String },
}

impl LdapFault {
    /// The stable word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Setup { .. } => "ldap_setup",
            Self::Password { .. } => "ldap_password",
            Self::Cleartext => "ldap_cleartext",
            Self::Unreachable { .. } => "ldap_unreachable",
            Self::Tls { .. } => "ldap_tls",
            Self::Bind { .. } => "ldap_bind",
            Self::Refused { .. } => "ldap_refused",
            Self::Filter { .. } => "ldap_filter",
            Self::Limit { .. } => "ldap_limit",
            Self::Referral { .. } => "ldap_referral",
            Self::Dropped { .. } => "ldap_dropped",
            Self::TooBig { .. } => "ldap_too_big",
            Self::TooSlow { .. } => "ldap_too_slow",
            Self::NoEntries { .. } => "ldap_no_entries",
            Self::NoKey { .. } => "ldap_no_key",
        }
    }
}

impl std::fmt::Display for LdapFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use rust_i18n::t;
        // What a server says is for a log or a terminal: nothing in it may act.
        let shown = |text: &str| crate::model::visible(text).chars().take(300).collect::<String>();
        f.write_str(&match self {
            Self::Setup { cause } => t!("roster.ldap.setup", cause = shown(cause)),
            Self::Password { cause } => t!("roster.ldap.password", cause = cause),
            Self::Cleartext => t!("roster.ldap.cleartext"),
            Self::Unreachable { cause } => t!("roster.ldap.unreachable", cause = cause),
            Self::Tls { cause } => t!("roster.ldap.tls", cause = shown(cause)),
            Self::Bind { code, cause } => t!("roster.ldap.bind", code = code, cause = shown(cause)),
            Self::Refused { code, cause } => t!("roster.ldap.refused", code = code, cause = shown(cause)),
            Self::Filter { filter } => t!("roster.ldap.filter", filter = filter),
            Self::Limit { code } => t!("roster.ldap.limit", code = code),
            Self::Referral { to } => t!("roster.ldap.referral", to = shown(to)),
            Self::Dropped { cause } => t!("roster.ldap.dropped", cause = shown(cause)),
            Self::TooBig { megabytes } => t!("roster.ldap.too_big", megabytes = megabytes),
            Self::TooSlow { seconds } => t!("roster.ldap.too_slow", seconds = seconds),
            Self::NoEntries { base, filter } => {
                t!("roster.ldap.no_entries", base = base, filter = filter)
            }
            Self::NoKey { field, seen } => t!("roster.ldap.no_key", field = field, seen = shown(seen)),
        })
    }
}
