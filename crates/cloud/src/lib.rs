//! The other doors of the jump host: Tencent Cloud's out-of-band VPN for bare-metal servers, and the CDN
//! authentication keys of UCloud. One signer and one client per provider over the same HTTP foundation as the gateway
//! client. Nothing here knows rosters, accounts or gateways.
//!
//! `params` is what a call carries, `call` sends it and repeats what may be repeated, `refusal` says what a "no" means,
//! `tencent` and `ucloud` are the two providers. `rotate` changes the VPN's password so that the one that works is never
//! lost; it writes through `sink` and remembers in `store`.

pub mod call;
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

use rosterd_core::{model, secret};
use rosterd_host::{clock, randomness, sink};
use rosterd_http as http;

mod config {
    pub use rosterd_core::config::*;
    pub use rosterd_host::env::Env;
}

rosterd_words::speak!();
