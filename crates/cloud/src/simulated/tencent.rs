//! The simulated side of Tencent: signature, clock, numbers used once, quota, and the four calls.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Asked;
use crate::params::Params;
use crate::password;
use crate::secret::Secret;
use crate::tencent::sign::{Scope, sign};
use rosterd_core::config::cloud::SignatureMethod;

/// Calls of one kind in a minute.
const QUOTA: usize = 100;

/// What the simulated service knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TencentState {
    /// The host it knows itself by.
    pub host: String,
    /// A request older or newer than this is refused, in seconds. The pages say five minutes, or two hours.
    #[serde(default = "five_minutes")]
    pub tolerance: i64,
    /// SecretId to SecretKey.
    pub keys: BTreeMap<String, String>,
    /// The VPN account; absent: this account has no VPN.
    pub vpn: Option<Vpn>,
    /// Zone id to zone.
    pub zones: BTreeMap<u64, SimulatedZone>,
    /// Instance id to machine.
    pub devices: BTreeMap<String, Device>,
    /// Numbers used in the last minutes, with their time stamps.
    #[serde(default)]
    pub nonces: BTreeSet<(i64, String)>,
    /// Calls of the last minute: second, kind.
    #[serde(default)]
    pub recent: Vec<(i64, String)>,
}

const fn five_minutes() -> i64 {
    300
}

/// A VPN account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpn {
    /// Gateway.
    pub gateway: String,
    /// User name.
    pub user: String,
    /// Group.
    pub group: String,
    /// Password; none as long as `be_first` is true.
    pub password: Option<String>,
    /// How often a password was set.
    pub changes: u64,
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedZone {
    /// Number of the region.
    pub region_id: u32,
    /// Name of the region.
    pub region_name: String,
    /// Region as calls name it.
    pub set_name: String,
    /// Name.
    pub name: String,
    /// English name.
    pub ename: String,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Address of the management interface.
    pub ip: String,
    /// Serial number.
    pub sn: String,
    /// User.
    pub username: String,
    /// Password.
    pub password: String,
}

/// An answer that says no.
pub(super) fn refusal(code: i64, message: &str) -> Value {
    let desc = match code {
        4000 => "InvalidParameter",
        4100 => "AuthFailure",
        4104 => "InvalidSecretId",
        4200 => "RequestExpired",
        4400 => "RequestLimitExceeded",
        4500 => "ReplayAttack",
        6100 => "InvalidAction",
        9001 => "InternalError.DbError",
        10004 => "OperationDenied",
        10100 => "InternalError.ObAuthAccessError",
        10101 => "InternalError.ObAuthError",
        10105 => "InvalidResource.ObAuthNoConfig",
        10106 => "InternalError.TocQueryError",
        11041 => "InvalidInstanceId",
        _ => "Failure",
    };
    json!({ "code": code, "message": message, "codeDesc": desc })
}

fn success(data: Value) -> Value {
    json!({ "code": 0, "message": "", "codeDesc": "Success", "data": data })
}

type Refused = (i64, &'static str);

impl TencentState {
    /// An account with two zones, three machines and a VPN that was never used.
    pub fn sample(key: &str) -> Self {
        let zone = |region_id, region_name: &str, set: &str, name: &str| SimulatedZone {
            region_id,
            region_name: region_name.into(),
            set_name: set.into(),
            name: name.into(),
            ename: format!("{set}-bls-1"),
        };
        let device = |ip: &str, sn: &str, username: &str, password: &str| Device {
            ip: ip.into(),
            sn: sn.into(),
            username: username.into(),
            password: password.into(),
        };
        Self {
            host: "bm.api.qcloud.com".into(),
            tolerance: five_minutes(),
            keys: [("simulated".to_owned(), key.to_owned())].into(),
            vpn: Some(Vpn {
                gateway: "192.0.2.10:443".into(),
                user: "1251001002".into(),
                group: "bm1251001002".into(),
                password: None,
                changes: 0,
            }),
            zones: [
                (1_000_100_003, zone(1, "华南地区（广州）", "ap-guangzhou", "广州物理机一区 ")),
                (1_000_800_001, zone(8, "华北地区（北京）", "ap-beijing", "北京物理机一区")),
            ]
            .into(),
            devices: [
                ("cpm-an5a9wv4".to_owned(), device("100.68.134.36", "06BCYMX", "albert", "h4vBbEz9ocn8h8")),
                ("cpm-7d2k1m0q".to_owned(), device("100.68.134.37", "06BCYMY", "albert", "Zk3#tTq0)vLw2n")),
                ("cpm-p90x3c5e".to_owned(), device("100.68.135.4", "07DKQ2A", "root", "w8&Rr1sX!c")),
            ]
            .into(),
            nonces: BTreeSet::new(),
            recent: Vec::new(),
        }
    }

    pub(super) fn answer(&mut self, asked: &Asked, now: DateTime<Utc>) -> Value {
        match self.admit(asked, now).and_then(|()| self.act(&asked.params)) {
            Ok(data) => success(data),
            Err((code, message)) => refusal(code, message),
        }
    }

    /// Common parameters, signature, clock, number used once, quota.
    fn admit(&mut self, asked: &Asked, now: DateTime<Utc>) -> Result<(), Refused> {
        let params = &asked.params;
        let need = |name| params.get(name).filter(|v| !v.is_empty()).ok_or((4000, "parameter missing"));
        let action = need("Action")?;
        let id = need("SecretId")?;
        let signature = need("Signature")?;
        let nonce = need("Nonce")?;
        let time: i64 = need("Timestamp")?.parse().map_err(|_| (4000, "Timestamp is not a number"))?;
        if nonce.parse::<u64>().map_or(true, |n| n == 0) {
            return Err((4000, "Nonce is not a positive integer"));
        }
        let key = Secret::new(self.keys.get(id).ok_or((4104, "SecretId不存在"))?.clone());
        let method = match params.get("SignatureMethod") {
            Some("HmacSHA256") => SignatureMethod::HmacSha256,
            _ => SignatureMethod::HmacSha1,
        };
        // The service knows itself by one name; here it is also known by the address it was called at.
        let signed_as = |host: &str| {
            let scope = Scope { method: &asked.method, host, path: &asked.path };
            sign(method, &key, scope, params) == signature
        };
        if !signed_as(&self.host) && !signed_as(&asked.host) {
            return Err((4100, "签名验证失败"));
        }
        let now = now.timestamp();
        if (now - time).abs() > self.tolerance {
            return Err((4200, "请求过期"));
        }
        let tolerance = self.tolerance;
        self.nonces.retain(|(at, _)| (now - at).abs() <= tolerance);
        if !self.nonces.insert((time, nonce.to_owned())) {
            return Err((4500, "重放攻击"));
        }
        self.recent.retain(|(at, _)| now - at < 60);
        self.recent.push((now, action.to_owned()));
        if self.recent.iter().filter(|(_, kind)| kind == action).count() > QUOTA {
            return Err((4400, "超出配额"));
        }
        Ok(())
    }

    fn act(&mut self, params: &Params) -> Result<Value, Refused> {
        match params.get("Action") {
            Some("GetOutBandVPNAuthInfo") => self.vpn_info(params),
            Some("SetOutBandVPNAuthPwd") => self.set_password(params),
            Some("GetDeviceOutBandInfo") => self.device(params),
            Some("DescribeRegions") => self.regions(params),
            _ => Err((6100, "接口不存在")),
        }
    }

    fn vpn_info(&self, params: &Params) -> Result<Value, Refused> {
        let zone = params.get("zoneId").and_then(|z| z.parse::<u64>().ok()).ok_or((4000, "zoneId"))?;
        if !self.zones.contains_key(&zone) {
            return Err((4000, "(100004)zoneId不正确"));
        }
        let vpn = self.vpn.as_ref().ok_or((10105, "系统无此用户的VPN设置信息"))?;
        Ok(json!({ "authInfo": { "vpnGwAddr": vpn.gateway, "userName": vpn.user, "userGroup": vpn.group,
                                 "be_first": vpn.password.is_none() } }))
    }

    fn set_password(&mut self, params: &Params) -> Result<Value, Refused> {
        let vpn = self.vpn.as_mut().ok_or((10004, "没有操作权限"))?;
        let new = params.get("password").ok_or((4000, "password"))?;
        password::check(new).map_err(|_| (4000, "password不符合要求"))?;
        match (params.get("createOrUpdate"), &vpn.password) {
            (Some("create"), None) | (Some("update"), Some(_)) => {
                vpn.password = Some(new.to_owned());
                vpn.changes += 1;
                Ok(Value::Null)
            }
            (Some("create" | "update"), _) => Err((10004, "没有操作权限")),
            _ => Err((4000, "createOrUpdate")),
        }
    }

    fn device(&self, params: &Params) -> Result<Value, Refused> {
        let id = params.get("instanceId").ok_or((4000, "instanceId"))?;
        let device = self.devices.get(id).ok_or((11041, "设备不存在"))?;
        Ok(json!({ "outbandInfo": { "dhcp_ip": device.ip, "password": device.password, "sn": device.sn,
                                    "username": device.username } }))
    }

    /// Objects keyed by id; the ids inside are printed as texts.
    fn regions(&self, params: &Params) -> Result<Value, Refused> {
        let only: Option<u32> = match params.get("regionId") {
            None => None,
            Some(id) => Some(id.parse().map_err(|_| (4000, "regionId"))?),
        };
        let mut regions = serde_json::Map::new();
        for (id, zone) in &self.zones {
            if only.is_some_and(|only| only != zone.region_id) {
                continue;
            }
            let region = regions.entry(zone.region_id.to_string()).or_insert_with(|| {
                json!({ "regionId": zone.region_id.to_string(), "regionName": zone.region_name,
                        "setName": zone.set_name, "zones": {} })
            });
            if let Some(zones) = region.get_mut("zones").and_then(Value::as_object_mut) {
                let shown =
                    json!({ "zoneId": id.to_string(), "zoneName": zone.name, "zoneEname": zone.ename });
                zones.insert(id.to_string(), shown);
            }
        }
        Ok(Value::Object(regions))
    }
}
