//! Receivers on loopback: what reaches them, and what is remembered of it.

use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request as Received, ResponseTemplate};

use super::*;
use crate::clock::manual::ManualClock;
use crate::config::NotifyKind;
use crate::notify::message::tests::news;
use crate::secret::SecretRef;

mod servers;

const ZONE: Tz = Tz::Asia__Shanghai;

/// A webhook on loopback, whose status can be changed.
struct Group {
    server: MockServer,
    status: std::sync::Arc<AtomicU16>,
    env: Env,
}

impl Group {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let status = std::sync::Arc::new(AtomicU16::new(200));
        let answer = std::sync::Arc::clone(&status);
        Mock::given(wiremock::matchers::any())
            .respond_with(move |_: &Received| ResponseTemplate::new(answer.load(Ordering::Relaxed)))
            .mount(&server)
            .await;
        let env = Env::from_iter([("GROUP", server.uri()), ("OTHER", format!("{}/other", server.uri()))]);
        Self { server, status, env }
    }

    fn receiver(name: &str) -> NotifyConfig {
        let url = Some(SecretRef::Env(name.into()));
        NotifyConfig { kind: Some(NotifyKind::Webhook), url, ..NotifyConfig::default() }
    }

    /// Titles of what came since the last look.
    async fn heard(&self) -> Vec<String> {
        let all = self.server.received_requests().await.unwrap();
        self.server.reset().await;
        let answer = std::sync::Arc::clone(&self.status);
        Mock::given(wiremock::matchers::any())
            .respond_with(move |_: &Received| ResponseTemplate::new(answer.load(Ordering::Relaxed)))
            .mount(&self.server)
            .await;
        let title = |request: &Received| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            format!("{} {}", request.url.path(), body["event"].as_str().unwrap())
        };
        all.iter().map(title).collect()
    }
}

fn held() -> News {
    let by = json!([{ "guard": "max_missing", "limit": 0, "actual": 1.0, "detail": "waits" }]);
    news(true, json!({ "outcome": "held", "held_by": by }))
}

fn good() -> News {
    news(true, json!({}))
}

/// Two runs that share nothing but the database, as a timer starts them.
#[tokio::test]
async fn a_run_knows_what_the_one_before_it_said() {
    let group = Group::start().await;
    let (store, clock) = (Store::in_memory(None).await.unwrap(), ManualClock::default());
    let config = [Group::receiver("GROUP")];
    let base = std::path::Path::new(".");
    for (news, heard) in
        [(held(), vec!["/ held"]), (held(), vec![]), (good(), vec!["/ fixed"]), (good(), vec![])]
    {
        Notifier::new(&config, base, &group.env, clock.clone(), ZONE).tell(&store, news).await;
        assert_eq!(group.heard().await, heard);
    }
    assert_eq!(store.told().await.unwrap(), BTreeMap::new());
}

#[tokio::test]
async fn what_did_not_arrive_is_said_again_and_only_to_whom_it_did_not_reach() {
    let group = Group::start().await;
    let (store, clock) = (Store::in_memory(None).await.unwrap(), ManualClock::default());
    let base = std::path::Path::new(".");
    let one = [Group::receiver("GROUP")];
    let two = [Group::receiver("GROUP"), Group::receiver("OTHER")];
    let tell = async |config: &[NotifyConfig], news| {
        Notifier::new(config, base, &group.env, clock.clone(), ZONE).tell(&store, news).await;
        group.heard().await
    };
    group.status.store(404, Ordering::Relaxed);
    assert_eq!(tell(&one, held()).await, ["/ held"]);
    assert!(store.told().await.unwrap().is_empty(), "what was refused was not said");
    group.status.store(200, Ordering::Relaxed);
    assert_eq!(tell(&one, held()).await, ["/ held"]);
    assert_eq!(tell(&two, held()).await, ["/other held"], "who is new hears of it first");
    group.status.store(404, Ordering::Relaxed);
    assert_eq!(tell(&two, good()).await, ["/ fixed", "/other fixed"]);
    group.status.store(200, Ordering::Relaxed);
    assert_eq!(tell(&two, good()).await, ["/ fixed", "/other fixed"]);
    assert_eq!(tell(&two, held()).await.len(), 2);
    assert_eq!(tell(&one, held()).await, [""; 0]);
    assert_eq!(store.told().await.unwrap().len(), 1, "who is gone is forgotten");
}

#[tokio::test]
async fn a_database_that_takes_nothing_makes_no_service_repeat_itself() {
    let group = Group::start().await;
    let full: crate::store::FaultHook =
        std::sync::Arc::new(|doing, _| if doing == "told" { Ok(()) } else { Err(sqlx::Error::PoolClosed) });
    let store = Store::in_memory(Some(full)).await.unwrap();
    let config = [Group::receiver("GROUP")];
    let base = std::path::Path::new(".");
    let notifier = Notifier::new(&config, base, &group.env, ManualClock::default(), ZONE);
    for (news, heard) in
        [(held(), vec!["/ held"]), (held(), vec![]), (good(), vec!["/ fixed"]), (good(), vec![])]
    {
        notifier.tell(&store, news).await;
        assert_eq!(group.heard().await, heard);
    }
}
