//! UCloud's `GetAuthConfig`: the authentication keys of CDN domains.

pub mod sign;
