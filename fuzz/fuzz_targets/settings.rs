//! Any text as a configuration: nothing may panic, and what is refused is refused with a place.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rosterd::config::{Env, parse};

fuzz_target!(|text: &str| {
    let nothing: Env = std::iter::empty::<(&str, &str)>().collect();
    if let Err(refused) = parse(text, Path::new("rosterd.toml"), &nothing) {
        assert!(refused.to_string().contains("rosterd.toml"));
    }
});
