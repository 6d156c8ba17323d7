//! The simulated side of UCloud: signature, project, zone, and `GetAuthConfig`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::params::Params;
use crate::secret::Secret;
use crate::ucloud::sign::sign;

/// What the simulated service knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UcloudState {
    /// PublicKey to PrivateKey.
    pub keys: BTreeMap<String, String>,
    /// Projects; the first is the default one.
    pub projects: Vec<String>,
    /// Zones that may be named.
    pub zones: BTreeSet<String>,
    /// The settings, in the order they are answered.
    pub domains: Vec<SimulatedDomain>,
    /// Requests so far; numbers them.
    #[serde(default)]
    pub requests: u64,
}

/// A domain's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedDomain {
    /// The domain.
    pub domain: String,
    /// Type and its keys (`Key`, `Iv`).
    pub configs: Vec<(String, Vec<(String, String)>)>,
}

/// An answer that says no.
pub(super) fn refusal(code: i64, message: &str) -> Value {
    json!({ "Action": "GetAuthConfigResponse", "RetCode": code, "Message": message })
}

impl UcloudState {
    /// An account with one project, one zone and two domains.
    pub fn sample(key: &str) -> Self {
        let domain = |domain: &str, configs: &[(&str, &[(&str, &str)])]| SimulatedDomain {
            domain: domain.into(),
            configs: configs
                .iter()
                .map(|(kind, keys)| {
                    let keys = keys.iter().map(|(k, iv)| ((*k).to_owned(), (*iv).to_owned())).collect();
                    ((*kind).to_owned(), keys)
                })
                .collect(),
        };
        Self {
            keys: [("simulated".to_owned(), key.to_owned())].into(),
            projects: vec!["org-simulated".into()],
            zones: ["cn-bj2-05".to_owned()].into(),
            domains: vec![
                domain(
                    "www.example.com",
                    &[("pkey", &[("111", "222")]), ("ksc", &[("333", "444"), ("555", "666")])],
                ),
                domain("static.example.com", &[("typeA", &[("c3RhdGljLWtleS0wMQ", "aXYtMDE")])]),
            ],
            requests: 0,
        }
    }

    pub(super) fn answer(&mut self, params: &Params) -> (Value, String) {
        self.requests += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.requests);
        let body = match self.admit(params) {
            Ok(()) => self.configs(params),
            Err((code, message)) => refusal(code, message),
        };
        (body, id)
    }

    fn admit(&self, params: &Params) -> Result<(), (i64, &'static str)> {
        let given = |name| params.get(name).filter(|v| !v.is_empty());
        let action = given("Action").ok_or((160, "Action Missing"))?;
        let signature = given("Signature").ok_or((170, "Signature Missing"))?;
        let id = given("PublicKey").ok_or((172, "User Not Exists"))?;
        let key = self.keys.get(id).ok_or((172, "User Not Exists"))?;
        if sign(&Secret::new(key.clone()), params) != signature {
            return Err((171, "Signature VerifyAC Error"));
        }
        if action != "GetAuthConfig" {
            return Err((161, "Action Not Exists"));
        }
        if given("ProjectId").is_some_and(|p| !self.projects.iter().any(|known| known == p)) {
            return Err((292, "Project Not Exists"));
        }
        given("Region").ok_or((230, "Params [Region] not available"))?;
        let zone = given("Zone").ok_or((230, "Params [Zone] not available"))?;
        if !self.zones.contains(zone) {
            return Err((293, "Zone not allowed"));
        }
        Ok(())
    }

    fn configs(&self, params: &Params) -> Value {
        let only = params.get("Domain").filter(|d| !d.is_empty());
        let shown: Vec<Value> = self
            .domains
            .iter()
            .filter(|d| only.is_none_or(|only| only == d.domain))
            .map(|d| {
                let configs: Vec<Value> = d
                    .configs
                    .iter()
                    .map(|(kind, keys)| {
                        let keys: Vec<Value> =
                            keys.iter().map(|(key, iv)| json!({ "Key": key, "Iv": iv })).collect();
                        json!({ "Type": kind, "Keys": keys })
                    })
                    .collect();
                json!({ "Domain": d.domain, "Config": configs })
            })
            .collect();
        let mut answer = json!({ "Action": "GetAuthConfigResponse", "RetCode": 0 });
        // The list is missing when there is nothing in it, as the page allows.
        if !shown.is_empty() {
            answer["AuthConfigs"] = Value::Array(shown);
        }
        answer
    }
}
