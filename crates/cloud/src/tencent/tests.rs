//! The client against the simulated service, and against answers as the pages and the field have them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::*;
use crate::clock::manual::ManualClock;
use crate::http::{Failure, FailureKind};
use crate::simulated::{CloudState, Direct, Fault, Service, Simulated};

fn access() -> Access {
    Access {
        host: "bm.api.qcloud.com".into(),
        path: "/v2/index.php".into(),
        region: "ap-guangzhou".into(),
        method: SignatureMethod::HmacSha256,
        id: Secret::new("simulated".into()),
        key: Secret::new("key-of-the-test".into()),
        token: None,
    }
}

const PATIENCE: Patience = Patience { retries: 4, seed: 1 };

type Simulation = (Client<Direct<ManualClock>, ManualClock>, Simulated<ManualClock>, ManualClock);

fn simulation(access: Access) -> Simulation {
    let clock = ManualClock::default();
    let cloud = Simulated::new(CloudState::sample("key-of-the-test"), clock.clone());
    let post = Direct { cloud: cloud.clone(), service: Service::Tencent, host: "127.0.0.1".into() };
    (Client::new(post, clock.clone(), access, PATIENCE), cloud, clock)
}

/// Answers everything with one text, and keeps what it was sent.
#[derive(Clone)]
struct Canned {
    status: u16,
    body: String,
    seen: Arc<Mutex<Vec<Params>>>,
}

impl Post for Canned {
    async fn post(&self, form: Secret) -> Result<Reply, Failure> {
        self.seen.lock().unwrap().push(Params::parse(form.expose()).unwrap());
        Ok(Reply { status: self.status, body: Secret::new(self.body.clone()), request_id: None, date: None })
    }
}

fn canned(status: u16, body: impl Into<String>) -> (Client<Canned, ManualClock>, Canned) {
    let post = Canned { status, body: body.into(), seen: Arc::default() };
    (Client::new(post.clone(), ManualClock::default(), access(), PATIENCE), post)
}

#[tokio::test]
async fn every_call_is_understood_by_the_service() {
    for method in [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256] {
        let token = Some(Secret::new("tok en+/=&%".into()));
        let (client, cloud, _) = simulation(Access { method, token, ..access() });
        let info = client.vpn_info(1_000_100_003).await.unwrap();
        assert!(info.be_first);
        assert_eq!((info.gateway.as_str(), info.user.as_str()), ("192.0.2.10:443", "1251001002"));
        let password = Secret::new("tencentV%89".into());
        assert_eq!(client.set_password(&password, Mode::Create).await, Outcome::Applied);
        assert!(!client.vpn_info(1_000_100_003).await.unwrap().be_first);
        assert_eq!(cloud.with(|s| s.tencent.vpn.clone().unwrap().password.unwrap()), "tencentV%89");
        let device = client.device("cpm-an5a9wv4").await.unwrap();
        assert_eq!((device.ip.as_str(), device.user.as_str()), ("100.68.134.36", "albert"));
        let zones = client.zones().await.unwrap();
        assert_eq!(zones.iter().map(|z| z.id).collect::<Vec<_>>(), [1_000_100_003, 1_000_800_001]);
        assert_eq!(zones[0].name, "广州物理机一区", "the blank at the end is gone");
    }
}

#[tokio::test]
async fn every_repeat_has_a_new_number_and_a_new_time() {
    let (client, post) = canned(200, r#"{"code":6000,"message":"later"}"#);
    let error = client.vpn_info(1).await.unwrap_err();
    let seen = post.seen.lock().unwrap();
    assert_eq!(seen.len(), 5);
    for name in ["Nonce", "Timestamp", "Signature"] {
        let values: BTreeSet<_> = seen.iter().map(|p| p.get(name).unwrap().to_owned()).collect();
        assert!(values.len() >= 4, "{name}: {values:?}");
    }
    let CloudError::Call(call) = &error else { panic!("{error}") };
    assert_eq!((call.attempts, call.error.word()), (5, "server"));
}

#[tokio::test]
async fn what_the_pages_disagree_about_is_read() {
    for be_first in ["true", "\"true\""] {
        let body = format!(
            r#"{{"code":"0","codeDesc":"Success","message":null,"data":{{"authInfo":
                {{"vpnGwAddr":"a:1","userName":1251001002,"userGroup":"bm1","be_first":{be_first}}}}}}}"#
        );
        let info = canned(200, body).0.vpn_info(1).await.unwrap();
        assert!(info.be_first && info.user == "1251001002");
    }
    for odd in ["1", "\"True\"", "null", "\"\"", "\"yes\""] {
        let body = format!(
            r#"{{"code":0,"data":{{"authInfo":{{"vpnGwAddr":"a","userName":"b","userGroup":"c","be_first":{odd}}}}}}}"#
        );
        let error = canned(200, body).0.vpn_info(1).await.unwrap_err();
        assert_eq!(error.kind(), "unusable", "{odd} is never guessed");
    }
    let body = r#"{"code":0,"data":{"outbandInfo":{"dhcp_ip":"1.2.3.4","password":"h4vBbEz9","sn":"S","userName":"a"}}}"#;
    assert_eq!(canned(200, body).0.device("cpm-1").await.unwrap().user, "a");
    let body = r#"{"code":0,"message":"OK","data":{"19":{"regionId":19,"zones":{"7":{"zoneId":"7","zoneName":"z "}}}}}"#;
    let zones = canned(200, body).0.zones().await.unwrap();
    assert_eq!((zones[0].region.as_str(), zones[0].id), ("ap-chongqing", 7));
}

#[tokio::test]
async fn an_answer_without_its_data_is_no_answer() {
    for body in [r#"{"code":0}"#, r#"{"code":0,"data":null}"#, r#"{"message":"x"}"#, "", "[]", "<html>"] {
        let error = canned(200, body).0.vpn_info(1).await.unwrap_err();
        assert_eq!(error.kind(), "unusable", "{body}");
    }
    let (client, _) = canned(200, r#"{"code":0,"message":"","codeDesc":"Success","data":null}"#);
    let password = Secret::new("tencentV%89".into());
    assert_eq!(client.set_password(&password, Mode::Update).await, Outcome::Applied);
}

#[tokio::test]
async fn the_outcome_of_a_change_is_never_guessed() {
    let password = Secret::new("tencentV%89".into());
    let unknown = [
        Fault::Code(6000),
        Fault::Code(5100),
        Fault::Code(10100),
        Fault::Code(4500),
        Fault::Code(77),
        Fault::Status(502),
        Fault::Status(404),
        Fault::LostBefore,
        Fault::LostAfter,
    ];
    for fault in unknown {
        let (client, cloud, _) = simulation(access());
        cloud.fail_next("SetOutBandVPNAuthPwd", [fault]);
        let outcome = client.set_password(&password, Mode::Create).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{fault:?}: {outcome:?}");
    }
    for code in [4000, 4100, 4104, 10004, 5300, 6100] {
        let (client, cloud, _) = simulation(access());
        cloud.fail_next("SetOutBandVPNAuthPwd", [Fault::Code(code)]);
        let outcome = client.set_password(&password, Mode::Create).await;
        assert!(matches!(outcome, Outcome::Unchanged(_)), "{code}: {outcome:?}");
        assert!(cloud.with(|s| s.tencent.vpn.clone().unwrap().password.is_none()));
    }
    let (client, cloud, clock) = simulation(access());
    cloud.fail_next("SetOutBandVPNAuthPwd", [Fault::Refused, Fault::Code(4200), Fault::Code(4400)]);
    assert_eq!(client.set_password(&password, Mode::Create).await, Outcome::Applied);
    assert_eq!(clock.slept().len(), 3, "proved harmless each time");
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let echo = r#"{"code":4000,"message":"bad password tencentV%89 from simulated, key key-of-the-test"}"#;
    let (client, _) = canned(200, echo);
    let Outcome::Unchanged(error) =
        client.set_password(&Secret::new("tencentV%89".into()), Mode::Update).await
    else {
        panic!("a refusal");
    };
    let shown = format!("{error} {error:?} {client:?}", client = client.access);
    assert!(!shown.contains("tencentV%89") && !shown.contains("key-of-the-test"), "{shown}");
    let device =
        r#"{"code":0,"data":{"outbandInfo":{"dhcp_ip":"1.2.3.4","password":{"x":"h4vBbEz9"},"sn":"S"}}}"#;
    let error = canned(200, device).0.device("cpm-1").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("h4vBbEz9"));
    let body = r#"{"code":0,"data":{"outbandInfo":{"dhcp_ip":"1.2.3.4","password":"h4vBbEz9","sn":"S","username":"a"}}}"#;
    let device = canned(200, body).0.device("cpm-1").await.unwrap();
    assert!(!format!("{device:?}").contains("h4vBbEz9"));
}

#[tokio::test]
async fn an_impossible_id_is_not_sent() {
    let (client, post) = canned(200, "");
    for id in ["", "@cpm", "cpm 1", "cpm-1&x=y", &"c".repeat(65)] {
        assert!(matches!(client.device(id).await, Err(CloudError::Instance { .. })), "{id}");
    }
    assert!(post.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_connection_says_what_to_check() {
    let (client, cloud, _) = simulation(access());
    cloud.fail_next("DescribeRegions", [Fault::Refused; 5]);
    let error = client.zones().await.unwrap_err();
    let CloudError::Call(call) = &error else { panic!("{error}") };
    assert!(matches!(&call.error, CallError::Failed(f) if f.kind == FailureKind::Connect));
    assert_eq!(call.attempts, 5);
    assert!(!error.next().is_empty());
}
