//! Any bytes as any answer of a gateway: nothing may panic, and nothing but a whole JSON object may be taken for a yes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rosterd::gateway::answer::read_anything;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    let usable = read_anything(status, body);
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(
        body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body),
    );
    assert!(usable == 0 || object.is_ok(), "taken for an answer: {body:?}");
});
