//! The other doors of the jump host: Tencent Cloud's out-of-band VPN for bare-metal servers, and the CDN
//! authentication keys of UCloud. One signer and one client per provider over the same HTTP foundation as the gateway
//! client. Nothing here knows rosters, accounts or gateways.
//!
//! `params` is what a call carries, `tencent` and `ucloud` are the two providers, `config` their sections.

pub mod config;
pub mod params;
pub mod password;
pub mod sink;
pub mod tencent;
pub mod ucloud;
