//! What the program itself makes of the settings: the one check that needs more than the values.

use rosterd_core::config::check::{Findings, only_cloud};
use rosterd_core::mapping::MappingRules;
use rosterd_core::plan::TargetRules;
use rosterd_host::sink::bad_recipient;

use rosterd_http::{HAS_OPENSSL, HttpError};

use super::{Config, TlsBackend};
use crate::report::words;

/// What the program itself makes of the settings when it runs: whatever the other checks let through must come to
/// light here, and not at night. Told alone, for it would only repeat what they say.
pub(super) fn compiled(config: &Config, findings: &mut Findings) {
    if !findings.problems.is_empty() {
        return;
    }
    if !only_cloud(config)
        && let Err(error) = crate::roster::check(&config.roster)
    {
        findings.say("roster", error.to_string());
    }
    if let Some(sink) = config.oob.as_ref().and_then(|oob| oob.sink.as_ref())
        && let Some(problem) = bad_recipient(sink)
    {
        findings.say("oob.sink", problem);
    }
    if let Err(error) = MappingRules::compile(&config.account) {
        findings.say("account", words::unusable(&error));
    }
    for target in &config.target {
        if let Some(sink) = &target.initial_password.sink
            && let Some(problem) = bad_recipient(sink)
        {
            findings.say(format!("target[{}].initial_password.sink", target.name), problem);
        }
        if target.tls.backend == TlsBackend::Openssl && !HAS_OPENSSL {
            findings.say(format!("target[{}].tls.backend", target.name), HttpError::NoOpenssl.to_string());
        }
        if let Err(error) = TargetRules::compile(target) {
            findings.say(format!("target[{}]", target.name), words::unusable(&error));
        }
    }
}
