//! What commands and schedules do with the other doors, put together from the settings. Talks to nobody: results are
//! values, and who shows or reveals them is the caller's business.

use serde::Serialize;

use super::call::HttpPost;
use super::look::{Look, WatchReport};
use super::open::{self, Place};
use super::rotate::{RotateReport, Rotator};
use super::store::{self, Order};
use super::tencent::{DeviceInfo, VpnInfo, Zone};
use super::ucloud::DomainAuth;
use super::watch::{KeyMark, Salt};
use super::{CloudError, tencent};
use crate::clock::Clock;
use crate::config::Config;
use crate::sink::Sink;
use rosterd_core::config::cloud::{OobConfig, UcloudConfig};
use rosterd_store::Store;

/// The doors of a configuration, for somebody.
#[derive(Debug, Clone)]
pub struct Doors<'a, C> {
    /// The settings.
    pub config: &'a Config,
    /// Where keys are read from.
    pub place: Place<'a>,
    /// Time.
    pub clock: C,
    /// Who wants it.
    pub order: Order,
}

/// One machine that was asked for.
#[derive(Debug)]
pub struct DeviceLine {
    /// Its id.
    pub id: String,
    /// Its management interface, or why it is not known.
    pub found: Result<DeviceInfo, CloudError>,
}

/// A key as it may be shown.
#[derive(Debug, Clone, Serialize)]
pub struct KeyLine {
    /// Domain.
    pub domain: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Marks of key and `Iv`.
    pub mark: KeyMark,
    /// Key and `Iv` themselves; only for whoever asked to see them.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub clear: Option<ClearKey>,
}

/// A key in clear. Leaves the program on purpose only, after its audit record.
#[derive(Clone, Serialize)]
pub struct ClearKey {
    /// The key.
    pub key: String,
    /// Its `Iv`.
    pub iv: String,
}

impl std::fmt::Debug for ClearKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl<C: Clock + Clone> Doors<'_, C> {
    fn oob_config(&self) -> Result<&OobConfig, CloudError> {
        self.config.oob.as_ref().ok_or(CloudError::NotConfigured { section: "oob" })
    }

    fn ucloud_config(&self) -> Result<&UcloudConfig, CloudError> {
        self.config.ucloud.as_ref().ok_or(CloudError::NotConfigured { section: "ucloud" })
    }

    fn oob(&self) -> Result<tencent::Client<HttpPost, C>, CloudError> {
        open::oob(self.oob_config()?, self.place, self.clock.clone())
    }

    /// Every zone of the account's regions.
    ///
    /// # Errors
    /// If the service cannot be asked.
    pub async fn zones(&self) -> Result<Vec<Zone>, CloudError> {
        self.oob()?.zones().await
    }

    /// Who logs in to the VPN of a zone, and where.
    ///
    /// # Errors
    /// If the service cannot be asked.
    pub async fn vpn(&self, zone: Option<u64>) -> Result<VpnInfo, CloudError> {
        let zone = open::zone(self.oob_config()?, zone)?;
        self.oob()?.vpn_info(zone).await
    }

    /// The management interfaces of these machines. One that cannot be had does not stop the others.
    ///
    /// # Errors
    /// If nothing can be asked at all.
    pub async fn devices(&self, ids: &[String]) -> Result<Vec<DeviceLine>, CloudError> {
        let client = self.oob()?;
        let mut lines = Vec::new();
        for id in ids {
            lines.push(DeviceLine { id: id.clone(), found: client.device(id).await });
        }
        Ok(lines)
    }

    /// Sets a new VPN password, or finishes what was begun.
    ///
    /// # Errors
    /// As [`Rotator::rotate`].
    pub async fn rotate(&self, store: &Store, zone: Option<u64>) -> Result<RotateReport, CloudError> {
        let (client, sink, zone) = self.rotation(zone)?;
        self.rotator(&client, store, &sink)?.rotate(zone).await
    }

    /// Finishes a change that an earlier process left in the middle, if there is one and the settings are complete.
    ///
    /// # Errors
    /// As [`Rotator::finish`].
    pub async fn finish(&self, store: &Store) -> Result<Option<RotateReport>, CloudError> {
        let config = self.oob_config()?;
        if config.sink.is_none() || config.zone.is_none() {
            return Ok(None);
        }
        let (client, sink, zone) = self.rotation(None)?;
        self.rotator(&client, store, &sink)?.finish(zone).await
    }

    /// What [`rotate`](Self::rotate) would do.
    ///
    /// # Errors
    /// As [`Rotator::preview`].
    pub async fn preview(&self, store: &Store, zone: Option<u64>) -> Result<RotateReport, CloudError> {
        let (client, sink, zone) = self.rotation(zone)?;
        self.rotator(&client, store, &sink)?.preview(zone).await
    }

    fn rotation(&self, zone: Option<u64>) -> Result<(tencent::Client<HttpPost, C>, Sink, u64), CloudError> {
        let config = self.oob_config()?;
        let sink = open::sink(config, self.place)?;
        Ok((self.oob()?, sink, open::zone(config, zone)?))
    }

    fn rotator<'r>(
        &self,
        client: &'r tencent::Client<HttpPost, C>,
        store: &'r Store,
        sink: &'r Sink,
    ) -> Result<Rotator<'r, HttpPost, C>, CloudError> {
        let config = self.oob_config()?;
        Ok(Rotator {
            client,
            store,
            sink,
            clock: self.clock.clone(),
            patience: open::patience(config.retries),
            length: config.password_length,
            order: self.order.clone(),
            checkpoint: None,
        })
    }

    /// UCloud's keys: one line each; in clear only if `reveal`.
    ///
    /// # Errors
    /// If the service cannot be asked or the database fails.
    pub async fn keys(
        &self,
        store: &Store,
        domain: Option<&str>,
        reveal: bool,
    ) -> Result<Vec<KeyLine>, CloudError> {
        let client = open::ucloud(self.ucloud_config()?, self.place, self.clock.clone())?;
        let domains = client.auth_configs(domain).await?;
        let salt = store::salt(store).await?;
        Ok(lines(salt, &domains, reveal))
    }

    /// Compares UCloud's keys with the last look.
    ///
    /// # Errors
    /// As [`Look::watch`].
    pub async fn watch(&self, store: &Store) -> Result<WatchReport, CloudError> {
        let config = self.ucloud_config()?;
        let client = open::ucloud(config, self.place, self.clock.clone())?;
        let scope = open::scope(config);
        let look =
            Look { client: &client, store, clock: self.clock.clone(), scope, order: self.order.clone() };
        look.watch().await
    }

    /// Writes the audit record of secrets that are about to be shown. They must not be shown if this fails.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_revealed(
        &self,
        store: &Store,
        what: &'static str,
        names: &[String],
    ) -> Result<(), CloudError> {
        Ok(store::audit_revealed(store, what, names, self.clock.now(), &self.order).await?)
    }
}

fn lines(salt: Salt, domains: &[DomainAuth], reveal: bool) -> Vec<KeyLine> {
    let mut all = Vec::new();
    for domain in domains {
        for config in &domain.configs {
            for key in &config.keys {
                let clear = reveal
                    .then(|| ClearKey { key: key.key.expose().to_owned(), iv: key.iv.expose().to_owned() });
                all.push(KeyLine {
                    domain: domain.domain.clone(),
                    kind: config.kind.clone(),
                    mark: KeyMark::of(salt, key),
                    clear,
                });
            }
        }
    }
    all
}
