//! What Tencent's calls answer, read tolerantly: the pages and the samples disagree on types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::tolerant;

/// The outer layer, without its `data`.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(deserialize_with = "tolerant::integer")]
    pub code: i64,
    #[serde(default, rename = "codeDesc", deserialize_with = "tolerant::text")]
    pub code_desc: String,
    #[serde(default, deserialize_with = "tolerant::text")]
    pub message: String,
}

/// The inner layer of a call that gives something.
#[derive(Debug, Deserialize)]
pub(super) struct Body<T> {
    pub data: T,
}

#[derive(Debug, Deserialize)]
pub(super) struct AuthInfo {
    #[serde(rename = "authInfo")]
    pub auth_info: VpnInfo,
}

/// Who logs in to the out-of-band VPN, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnInfo {
    /// Gateway, `host:port`.
    #[serde(rename(deserialize = "vpnGwAddr"), deserialize_with = "tolerant::text")]
    pub gateway: String,
    /// User name.
    #[serde(rename(deserialize = "userName"), deserialize_with = "tolerant::text")]
    pub user: String,
    /// What the VPN client calls domain.
    #[serde(rename(deserialize = "userGroup"), default, deserialize_with = "tolerant::text")]
    pub domain: String,
    /// Whether no password was ever set: the next one is created, not updated.
    #[serde(deserialize_with = "tolerant::truth")]
    pub be_first: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct OutbandInfo {
    #[serde(rename = "outbandInfo")]
    pub outband_info: DeviceInfo,
}

/// The management interface of one machine.
#[derive(Debug, Clone, Deserialize)]
pub struct DeviceInfo {
    /// Address.
    #[serde(rename = "dhcp_ip", deserialize_with = "tolerant::text")]
    pub ip: String,
    /// Serial number.
    #[serde(rename = "sn", default, deserialize_with = "tolerant::text")]
    pub serial: String,
    /// User name.
    #[serde(rename = "username", alias = "userName", deserialize_with = "tolerant::text")]
    pub user: String,
    /// Password.
    #[serde(deserialize_with = "tolerant::secret")]
    pub password: Secret,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRegion {
    #[serde(rename = "regionId", deserialize_with = "tolerant::integer")]
    pub region_id: i64,
    #[serde(default, rename = "regionName", deserialize_with = "tolerant::text")]
    pub region_name: String,
    #[serde(default, rename = "setName", deserialize_with = "tolerant::text")]
    pub set_name: String,
    #[serde(default)]
    pub zones: BTreeMap<String, RawZone>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawZone {
    #[serde(rename = "zoneId", deserialize_with = "tolerant::integer")]
    pub zone_id: i64,
    #[serde(default, rename = "zoneName", deserialize_with = "tolerant::text")]
    pub zone_name: String,
    #[serde(default, rename = "zoneEname", deserialize_with = "tolerant::text")]
    pub zone_ename: String,
}

/// A zone, in which machines stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Zone {
    /// Number, what `zone` in the configuration wants.
    pub id: u64,
    /// Name.
    pub name: String,
    /// English name, where there is one.
    pub english: String,
    /// Region, as `region` in the configuration wants it.
    pub region: String,
    /// Name of the region.
    pub region_name: String,
}

/// The zones of all regions, by number. Names may end in a blank in the original.
pub(super) fn zones(regions: BTreeMap<String, RawRegion>) -> Vec<Zone> {
    let mut all: Vec<Zone> = regions
        .into_values()
        .flat_map(|region| {
            let name = region.region_name.trim().to_owned();
            let set = match region.set_name.trim() {
                "" => region_word(region.region_id).to_owned(),
                set => set.to_owned(),
            };
            region.zones.into_values().filter_map(move |zone| {
                Some(Zone {
                    id: u64::try_from(zone.zone_id).ok()?,
                    name: zone.zone_name.trim().to_owned(),
                    english: zone.zone_ename.trim().to_owned(),
                    region: set.clone(),
                    region_name: name.clone(),
                })
            })
        })
        .collect();
    all.sort();
    all
}

/// The oldest answers have no `setName`.
const fn region_word(id: i64) -> &'static str {
    match id {
        1 => "ap-guangzhou",
        4 => "ap-shanghai",
        8 => "ap-beijing",
        19 => "ap-chongqing",
        _ => "",
    }
}
