//! Reading the configuration: through the `config` crate, from a file and the environment, checked once. What comes out
//! is valid; everything after it may rely on that. The types and the checks of values are the core's; `load` reads,
//! `shape` knows which keys exist, `support` what is not built yet. No other module reads a configuration file.

mod compiled;
mod error;
mod init;
mod load;
mod path;
mod shape;
mod show;
mod support;
#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use init::init;
pub use load::{LOCAL_PATH, Loaded, SYSTEM_PATH, digest, load, parse};
pub use rosterd_core::config::*;
pub use rosterd_host::access::{AccessError, Guarded, check_program, read_guarded};
pub use rosterd_host::env::{Env, OVERRIDE_PREFIX};
pub use show::{Origin, Setting};
