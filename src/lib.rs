//! rosterd keeps the users of a Sangfor SSL VPN gateway in step with the company's HR roster.
//!
//! Data flows one way: roster → mapping → plan → sync → report. What decides is in the crate `rosterd-core`, what reads
//! and what sends in crates of their own; here are the engine (`sync`), the use cases (`app` and beside it) and the two
//! front ends, `cli` and `daemon`. `ARCHITECTURE.md` is the map.

pub mod app;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod existing;
pub mod handout;
pub mod heartbeat;
pub mod hooks;
pub mod notify;
pub mod report;
pub mod sync;

pub use rosterd_core::{mapping, model, pieces, plan, reason, sabotage};
pub use rosterd_host::{clock, randomness, sink, stop};
pub use {
    rosterd_cloud as cloud, rosterd_gateway as gateway, rosterd_http as http, rosterd_roster as roster,
    rosterd_store as store,
};

/// Keys and passwords, and reading them.
pub mod secret {
    pub use rosterd_host::secret::*;
}

rosterd_words::speak!();
