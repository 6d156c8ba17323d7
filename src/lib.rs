//! rosterd keeps the users of a Sangfor SSL VPN gateway in step with the company's HR roster.
//!
//! Data flows one way: `roster` → `mapping` → `plan` → `sync` → `report`. `mapping` and `plan` are pure; `sync`
//! carries a plan out through the `gateway` trait and records everything in the `store`. `ARCHITECTURE.md` is the map.

pub mod app;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod existing;
pub mod gateway;
pub mod handout;
pub mod http;
pub mod mapping;
pub mod model;
pub mod notify;
pub mod pieces;
pub mod plan;
pub mod randomness;
pub mod report;
pub mod roster;
#[doc(hidden)]
pub mod sabotage;
pub mod secret;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
pub mod sink;
pub mod stop;
pub mod store;
pub mod sync;

/// The translations, embedded at compile time; `rust_i18n::t!` finds them through the crate's root.
#[expect(clippy::disallowed_types, reason = "the generated look-up table is a HashMap; nothing walks it")]
mod translations {
    rust_i18n::i18n!("src/locales", fallback = "en");
}
use translations::*;
