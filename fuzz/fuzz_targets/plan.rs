//! Any bytes as a plan file, and as a stored plan: nothing may panic, and no file passes that was not written so.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rosterd::app::plan_file::PlanFile;
use rosterd::plan::Plan;

fuzz_target!(|bytes: &[u8]| {
    let _ = PlanFile::parse(bytes, Path::new("plan"));
    if let Ok(plan) = serde_json::from_slice::<Plan>(bytes) {
        let again: Plan = serde_json::from_slice(&serde_json::to_vec(&plan).unwrap()).unwrap();
        assert_eq!(plan.digest(), again.digest());
    }
});
