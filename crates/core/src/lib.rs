//! What decides, and the words it decides in: names, settings, people, accounts, plans and reports as values, and the
//! two pure steps from one to the next (`mapping`, `plan`). Values in, values out: nothing here knows a clock, a file,
//! the network, a database or a runtime, and the manifest names no crate that does.

pub mod address;
pub mod config;
pub mod device;
pub mod doubt;
pub mod field;
pub mod mapping;
pub mod model;
pub mod people;
pub mod pieces;
pub mod plan;
pub mod reason;
pub mod report;
#[doc(hidden)]
pub mod sabotage;
#[cfg(any(test, feature = "simulation"))]
#[doc(hidden)]
pub mod samples;
pub mod secret;
pub mod sink;

rosterd_words::speak!();
