//! The other doors of the jump host: Tencent Cloud's out-of-band VPN for bare-metal servers, and the CDN
//! authentication keys of UCloud. One signer and one client per provider over the same HTTP foundation as the gateway
//! client. Nothing here knows rosters, accounts or gateways.
//!
//! `params` is what a call carries, `call` sends it and repeats what may be repeated, `refusal` says what a "no" means,
//! `tencent` and `ucloud` are the two providers. `rotate` changes the VPN's password so that the one that works is never
//! lost; it writes through `sink` and remembers in `store`.

pub mod call;
pub mod config;
mod error;
pub mod jobs;
pub mod look;
pub mod open;
pub mod params;
pub mod password;
pub mod refusal;
pub mod rotate;
pub mod simulated;
pub mod store;
pub mod tencent;
mod tolerant;
pub mod ucloud;
pub mod watch;

pub use error::{Call, CloudError, Provider};
