//! The engine against the simulated device, without a wire: what a run does, says and leaves behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::*;
use crate::gateway::Dialect;
use crate::gateway::embedded::{Device, DeviceGateway, Furniture, SharedDevice, lock};
use crate::model::{Cell, RowRef};
use crate::roster::{Employment, Field, Person, SourceFacts, Texts};
use crate::stop::Stop;
use crate::store::journal::{Actor, Trigger};

/// A clock that moves only when somebody waits, or a test moves it.
#[derive(Debug, Clone)]
struct TestClock(Arc<Mutex<(DateTime<Utc>, Duration)>>);

impl TestClock {
    fn new() -> Self {
        let start = "2026-11-21T02:30:00Z".parse().unwrap();
        Self(Arc::new(Mutex::new((start, Duration::ZERO))))
    }

    fn pass(&self, time: Duration) {
        let mut at = self.0.lock().unwrap();
        at.0 += time;
        at.1 += time;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }

    async fn sleep(&self, pause: Duration) {
        self.pass(pause);
    }
}

fn person(id: &str, department: &str) -> Person {
    let row = RowRef { file: "hr.csv".into(), line: 2 };
    Person {
        key: PersonKey::new(id).unwrap(),
        sources: ["hr".into()].into(),
        rows: vec![row],
        employment: Employment::Active,
        text: Texts::from_iter([
            (Field::EmployeeId, Cell::Value(id.to_owned())),
            (Field::Name, Cell::Value(format!("员工{id}"))),
            (Field::Position, Cell::Value("销售".to_owned())),
        ]),
        departments: Cell::Value(vec![vec!["总公司".to_owned(), department.to_owned()]].into()),
        roles: Cell::Value(vec!["全员".to_owned()].into()),
        phones: Cell::Value(vec!["13800138000".to_owned()]),
        hire_date: Cell::Unknown,
        leave_date: Cell::Unknown,
        expires_on: Cell::Unknown,
    }
}

fn roster(people: impl IntoIterator<Item = Person>, digest: &str) -> Roster {
    let people: BTreeMap<_, _> = people.into_iter().map(|p| (p.key.clone(), p)).collect();
    let rows = people.len() as u64;
    Roster {
        people,
        blocked: BTreeMap::new(),
        sources: vec![SourceFacts {
            name: "hr".into(),
            files: vec!["hr.csv".into()],
            rows,
            accepted: rows,
            refused: 0,
            unreadable_key: false,
            frozen: false,
            proves_missing: true,
            fill: BTreeMap::new(),
        }],
        digest: digest.into(),
        partial: false,
    }
}

struct World {
    store: Store,
    clock: TestClock,
    device: SharedDevice,
    target: TargetConfig,
    account: AccountConfig,
    order: Order,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::new();
        let furniture = Furniture { any_group: true, ..Furniture::default() };
        let device = Arc::new(Mutex::new(Device::new(Dialect::UpdaterCloud, Default::default(), &furniture)));
        Self {
            store: Store::open(&folder.path().join("r.db")).await.unwrap(),
            device,
            target: serde_json::from_value(serde_json::json!({ "name": "hq", "url": "embedded" })).unwrap(),
            account: AccountConfig::default(),
            order: Order {
                as_of: clock.now().date_naive(),
                dry: false,
                offline: false,
                trigger: Trigger::Cli,
                actor: Actor::default(),
                config_digest: "c".into(),
                only: None,
                allow_guards: Default::default(),
                reason: String::new(),
                stop: Stop::new(),
            },
            clock,
            _folder: folder,
        }
    }

    async fn sync(&self, roster: &Roster) -> TargetReport {
        let gateway = DeviceGateway::new(Arc::clone(&self.device), self.clock.clone());
        let sites = [Site { target: &self.target, gateway: Ok(Some(gateway)), expected: None }];
        let work = Work {
            store: &self.store,
            account: &self.account,
            order: &self.order,
            clock: self.clock.clone(),
            progress: &|_| (),
        };
        let roster = roster.clone();
        let synced = sync(work, &sites, || async { Ok(roster) }).await.unwrap();
        synced.report.targets.into_iter().next().unwrap()
    }
}

#[tokio::test]
async fn people_are_added_with_one_commit_and_the_next_run_sends_nothing() {
    let world = World::new().await;
    let roster = roster((1..=5).map(|n| person(&format!("1000{n}"), "销售部")), "d1");
    let first = world.sync(&roster).await;
    assert_eq!((first.outcome, first.exit_code), (RunOutcome::Applied, 0), "{first:#?}");
    assert_eq!(first.counts.add, 5);
    assert_eq!((first.calls.mutations, first.calls.commits), (5, 1));
    assert_eq!(lock(&world.device).effective_users().len(), 5);

    let second = world.sync(&roster).await;
    assert_eq!((second.outcome, second.exit_code), (RunOutcome::NoChanges, 0), "{second:#?}");
    assert_eq!((second.calls.mutations, second.calls.commits), (0, 0));
    assert_eq!(second.counts.unchanged, 5);
}
