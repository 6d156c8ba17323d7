//! What the machine gives, through one door each: time and waiting (`clock`), being asked to stop (`stop`), the
//! environment (`env`), files that decide or hold secrets (`access`, `secret`, `sink`) and randomness. Nothing here knows
//! a roster, a gateway or a plan.

pub mod access;
pub mod clock;
pub mod env;
pub mod randomness;
pub mod secret;
pub mod sink;
pub mod stop;

rosterd_words::speak!();
