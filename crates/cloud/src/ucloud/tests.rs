//! The client against the simulated service, and against answers as the page has them.

use super::*;
use crate::clock::manual::ManualClock;
use crate::simulated::{CloudState, Direct, Fault, Service, Simulated};

const PATIENCE: Patience = Patience { retries: 2, seed: 1 };

fn access() -> Access {
    Access {
        region: "cn-bj2".into(),
        zone: "cn-bj2-05".into(),
        project: String::new(),
        id: Secret::new("simulated".into()),
        key: Secret::new("key-of-the-test".into()),
        token: None,
    }
}

type Simulation = (Client<Direct<ManualClock>, ManualClock>, Simulated<ManualClock>);

fn simulation(access: Access) -> Simulation {
    let clock = ManualClock::default();
    let cloud = Simulated::new(CloudState::sample("key-of-the-test"), clock.clone());
    let post = Direct { cloud: cloud.clone(), service: Service::Ucloud, host: "127.0.0.1".into() };
    (Client::new(post, clock, access, PATIENCE), cloud)
}

#[tokio::test]
async fn reads_all_domains_or_one() {
    let (client, _) = simulation(access());
    let all = client.auth_configs(None).await.unwrap();
    assert_eq!(
        all.iter().map(|d| d.domain.as_str()).collect::<Vec<_>>(),
        ["static.example.com", "www.example.com"]
    );
    let one = client.auth_configs(Some("www.example.com")).await.unwrap();
    assert_eq!(one[0].configs[1].kind, "ksc");
    assert_eq!(one[0].configs[1].keys[1].key.expose(), "555");
    assert!(
        client.auth_configs(Some("other.example.com")).await.unwrap().is_empty(),
        "the list may be missing"
    );
}

#[tokio::test]
async fn odd_keys_and_projects_are_signed_as_sent() {
    let id = "user+name@example.com1/2=";
    let odd = Access {
        id: Secret::new(id.into()),
        project: "org-simulated".into(),
        token: Some(Secret::new("张 +/=&%".into())),
        ..access()
    };
    let (client, cloud) = simulation(odd);
    cloud.with(|s| s.ucloud.keys.insert(id.into(), "key-of-the-test".into()));
    assert_eq!(client.auth_configs(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn codes_become_kinds() {
    for (code, word) in [
        (171, "signature"),
        (172, "no_user"),
        (153, "throttled"),
        (292, "project"),
        (2000, "product"),
        (7, "other"),
    ] {
        let (client, cloud) = simulation(access());
        cloud.fail_next(ACTION, [Fault::Code(code); 3]);
        assert_eq!(client.auth_configs(None).await.unwrap_err().kind(), word, "{code}");
    }
    let (client, cloud) = simulation(access());
    cloud.fail_next(ACTION, [Fault::Status(503), Fault::Status(429)]);
    assert!(client.auth_configs(None).await.is_ok(), "asked again");
    let (client, _) = simulation(Access { key: Secret::new("wrong".into()), ..access() });
    assert_eq!(client.auth_configs(None).await.unwrap_err().kind(), "signature");
    let (client, _) = simulation(Access { zone: "cn-zj-01".into(), ..access() });
    let error = client.auth_configs(None).await.unwrap_err();
    assert_eq!(error.kind(), "zone");
    assert!(error.to_string().contains("00000000-0000-4000-8000-"), "names the request: {error}");
}

fn reply(body: &str) -> Reply {
    Reply { status: 200, body: Secret::new(body.into()), request_id: None, date: None }
}

#[test]
fn reads_the_documents_sample_and_its_cousins() {
    let now = DateTime::UNIX_EPOCH;
    let sample = r#"{"Action":"GetAuthConfigResponse","AuthConfigs":[{"Config":[
        {"Keys":[{"Iv":"222","Key":"111"}],"Type":"pkey"},
        {"Keys":[{"Iv":"444","Key":"333"},{"Iv":"666","Key":"555"}],"Type":"ksc"}],"Domain":"www.xx.com"}],"RetCode":0}"#;
    let found = read(&reply(sample), &[], now).unwrap();
    assert_eq!(found[0].configs[1].keys[1].iv.expose(), "666");
    let odd = r#"{"RetCode":"0","AuthConfigs":[{"Domain":"a","Config":[{"Type":"new","Keys":null},{"Type":"b"}]},{"Domain":"c","Config":null}]}"#;
    assert_eq!(read(&reply(odd), &[], now).unwrap().len(), 2);
    assert!(read(&reply(r#"{"RetCode":0,"AuthConfigs":null}"#), &[], now).unwrap().is_empty());
    for bad in ["{}", r#"{"Action":"x"}"#, r#"{"RetCode":0,"AuthConfigs":{}}"#, "<html>", ""] {
        assert!(matches!(read(&reply(bad), &[], now), Err(CallError::Unusable { .. })), "{bad}");
    }
    let secret =
        r#"{"RetCode":0,"AuthConfigs":[{"Domain":"a","Config":[{"Type":"b","Keys":[{"Key":["s3cr3t"]}]}]}]}"#;
    let error = read(&reply(secret), &[], now).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
}
