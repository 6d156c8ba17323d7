//! The simulated services are as strict as the documents say.

use super::tencent::TencentState;
use super::*;
use crate::clock::manual::ManualClock;
use crate::tencent::sign;
use rosterd_core::config::cloud::SignatureMethod;

fn cloud() -> (Simulated<ManualClock>, ManualClock) {
    let clock = ManualClock::default();
    (Simulated::new(CloudState::sample("key"), clock.clone()), clock)
}

/// A request signed as any client would, for `host`.
fn signed(clock: &ManualClock, method: &str, host: &str, nonce: u32, own: &[(&str, &str)]) -> Asked {
    let mut params = Params::new()
        .with("SecretId", "simulated")
        .with("Nonce", nonce)
        .with("Timestamp", clock.now().timestamp())
        .with("Region", "gz");
    for (name, value) in own {
        params = params.with(name, value);
    }
    let scope = sign::Scope { method, host, path: "/v2/index.php" };
    let key = Secret::new("key".into());
    let signature = sign::sign(SignatureMethod::HmacSha1, &key, scope, &params);
    Asked {
        method: method.into(),
        host: host.into(),
        path: "/v2/index.php".into(),
        params: params.with("Signature", signature),
    }
}

fn ask(cloud: &Simulated<ManualClock>, asked: &Asked) -> serde_json::Value {
    match cloud.answer(Service::Tencent, asked) {
        Answered::Json { body, .. } => body,
        other => panic!("{other:?}"),
    }
}

const INFO: &[(&str, &str)] = &[("Action", "GetOutBandVPNAuthInfo"), ("zoneId", "1000100003")];

#[test]
fn takes_get_and_post_signed_for_either_name() {
    let (cloud, clock) = cloud();
    for (n, method, host) in
        [(1, "GET", "bm.api.qcloud.com"), (2, "POST", "bm.api.qcloud.com"), (3, "POST", "127.0.0.1")]
    {
        let answer = ask(&cloud, &signed(&clock, method, host, n, INFO));
        assert_eq!(answer["code"], 0, "{answer}");
        assert_eq!(answer["data"]["authInfo"]["be_first"], true);
    }
}

#[test]
fn tells_a_wrong_signature_an_old_request_a_replay_and_a_quota_apart() {
    let (cloud, clock) = cloud();
    let good = signed(&clock, "POST", "bm.api.qcloud.com", 1, INFO);
    let mut forged = good.clone();
    forged.params = good.params.clone().with("zoneId", "2");
    assert_eq!(ask(&cloud, &forged)["code"], 4100);
    assert_eq!(ask(&cloud, &good)["code"], 0);
    assert_eq!(ask(&cloud, &good)["code"], 4500);
    clock.advance(std::time::Duration::from_secs(301));
    assert_eq!(ask(&cloud, &good)["code"], 4200);
    let mut other = good.clone();
    other.params = Params::parse("Action=X&SecretId=nobody&Signature=a&Nonce=1&Timestamp=1").unwrap();
    assert_eq!(ask(&cloud, &other)["code"], 4104);
    let codes: Vec<_> = (10..115)
        .map(|n| ask(&cloud, &signed(&clock, "GET", "bm.api.qcloud.com", n, INFO))["code"].clone())
        .collect();
    assert_eq!(codes.iter().filter(|c| **c == 4400).count(), 5);
}

#[test]
fn a_password_is_created_once_and_then_updated() {
    let (cloud, clock) = cloud();
    let set = |n, word: &str, password: &str| {
        let own = [("Action", "SetOutBandVPNAuthPwd"), ("createOrUpdate", word), ("password", password)];
        ask(&cloud, &signed(&clock, "POST", "bm.api.qcloud.com", n, &own))["code"].clone()
    };
    assert_eq!(set(1, "update", "tencentV%89"), 10004);
    assert_eq!(set(2, "create", "short1"), 4000);
    assert_eq!(set(3, "create", "tencentV%89"), 0);
    assert_eq!(set(4, "create", "tencentV%90"), 10004);
    assert_eq!(set(5, "update", "tencentV%90"), 0);
    assert_eq!(set(6, "replace", "tencentV%91"), 4000);
    let vpn = cloud.with(|s| s.tencent.vpn.clone()).unwrap();
    assert_eq!((vpn.password.as_deref(), vpn.changes), (Some("tencentV%90"), 2));
}

#[test]
fn the_state_outlives_the_process_and_may_be_edited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.json");
    let clock = ManualClock::default();
    let cloud = Simulated::open(&path, "key", clock.clone()).unwrap();
    let own = [("Action", "SetOutBandVPNAuthPwd"), ("createOrUpdate", "create"), ("password", "tencentV%89")];
    ask(&cloud, &signed(&clock, "POST", "bm.api.qcloud.com", 1, &own));
    let again = Simulated::open(&path, "other", clock.clone()).unwrap();
    assert_eq!(again.with(|s| s.tencent.clone()), cloud.with(|s| s.tencent.clone()));
    let mut edited: CloudState = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edited.tencent = TencentState { vpn: None, ..edited.tencent };
    fs::write(&path, serde_json::to_vec(&edited).unwrap()).unwrap();
    assert_eq!(ask(&cloud, &signed(&clock, "POST", "bm.api.qcloud.com", 2, INFO))["code"], 10105);
}

#[test]
fn a_late_call_arrives_after_others() {
    let (cloud, clock) = cloud();
    cloud.fail_next("SetOutBandVPNAuthPwd", [Fault::Late { later: 1 }]);
    let own = [("Action", "SetOutBandVPNAuthPwd"), ("createOrUpdate", "create"), ("password", "tencentV%89")];
    let asked = signed(&clock, "POST", "bm.api.qcloud.com", 1, &own);
    assert!(matches!(cloud.answer(Service::Tencent, &asked), Answered::Nothing(_)));
    let first = |n| {
        ask(&cloud, &signed(&clock, "GET", "bm.api.qcloud.com", n, INFO))["data"]["authInfo"]["be_first"]
            .clone()
    };
    assert_eq!(first(2), true);
    assert_eq!(first(3), false);
}
