//! From the settings to clients: reads the keys, checks what a command needs, and puts the parts together.

use std::path::Path;

use super::call::{HttpPost, Patience};
use super::{CloudError, tencent, ucloud};
use crate::clock::Clock;
use crate::config::Env;
use crate::secret::{Secret, SecretRef};
use crate::sink::Sink;
use rosterd_core::config::cloud::{OobConfig, UcloudConfig};
use rosterd_host::secret::ReadSecret as _;

/// Where keys are read from.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The configuration's folder: relative paths begin here.
    pub base: &'a Path,
    /// The environment.
    pub env: &'a Env,
}

impl Place<'_> {
    fn secret(self, key: &'static str, reference: &SecretRef) -> Result<Secret, CloudError> {
        reference
            .read(self.base, self.env)
            .map_err(|cause| CloudError::Secret { key, cause: cause.to_string() })
    }

    fn needed(self, key: &'static str, reference: Option<&SecretRef>) -> Result<Secret, CloudError> {
        match reference {
            Some(reference) => self.secret(key, reference),
            // The configuration was checked; this is for settings that were not read from a file.
            None => Err(CloudError::Config {
                problems_found: vec![rosterd_core::config::cloud::Problem::missing(key)],
            }),
        }
    }
}

/// A client of the out-of-band VPN with the keys as they are now.
///
/// # Errors
/// If a key cannot be read or the address cannot be called.
pub fn oob<C: Clock>(
    config: &OobConfig,
    place: Place<'_>,
    clock: C,
) -> Result<tencent::Client<HttpPost, C>, CloudError> {
    let access = tencent::Access {
        host: config.host_to_sign(),
        path: config.endpoint.path(),
        region: config.region.clone(),
        method: config.signature,
        id: place.needed("oob.id", config.id.as_ref())?,
        key: place.needed("oob.key", config.key.as_ref())?,
        token: config.token.as_ref().map(|t| place.secret("oob.token", t)).transpose()?,
    };
    let post = HttpPost::new(config.endpoint.as_str(), config.timeout.as_duration())?;
    Ok(tencent::Client::new(post, clock, access, patience(config.retries)))
}

/// A client of UCloud with the keys as they are now.
///
/// # Errors
/// If a key cannot be read or the address cannot be called.
pub fn ucloud<C: Clock>(
    config: &UcloudConfig,
    place: Place<'_>,
    clock: C,
) -> Result<ucloud::Client<HttpPost, C>, CloudError> {
    let access = ucloud::Access {
        region: config.region.clone(),
        zone: config.zone.clone(),
        project: config.project.clone(),
        id: place.needed("ucloud.id", config.id.as_ref())?,
        key: place.needed("ucloud.key", config.key.as_ref())?,
        token: config.token.as_ref().map(|t| place.secret("ucloud.token", t)).transpose()?,
    };
    let post = HttpPost::new(config.endpoint.as_str(), config.timeout.as_duration())?;
    Ok(ucloud::Client::new(post, clock, access, patience(config.retries)))
}

/// How often requests are repeated, with pauses of this process's own.
pub fn patience(retries: u32) -> Patience {
    Patience { retries, seed: rand::random() }
}

/// Where a new password goes.
///
/// # Errors
/// If the configuration names no place.
pub fn sink(config: &OobConfig, place: Place<'_>) -> Result<Sink, CloudError> {
    let mut sink = config.sink.clone().ok_or(CloudError::NoSink)?;
    sink.resolve(place.base);
    Ok(sink.into())
}

/// The zone that was given, or the configured one.
///
/// # Errors
/// If there is neither.
pub fn zone(config: &OobConfig, given: Option<u64>) -> Result<u64, CloudError> {
    given.or(config.zone).ok_or(CloudError::NoZone)
}

/// What two looks at UCloud's keys must have in common to be compared.
pub fn scope(config: &UcloudConfig) -> String {
    format!("{} {} {} {}", config.endpoint, config.region, config.zone, config.project).trim_end().to_owned()
}
