//! The engine against the simulated device, without a wire: what a run does, says and leaves behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::NaiveDate;

use super::*;
use crate::clock::manual::ManualClock;
use crate::gateway::embedded::{Device, DeviceGateway, Furniture, SharedDevice, lock};
use crate::gateway::{
    Dialect, GroupRecord, Mutation, Outcome, Page, ReadError, Refusal, RefusalKind, RoleRecord, UserRecord,
    Why, WhyKind,
};
use crate::model::{Cell, GroupPath, RowRef, Username};
use crate::report::{CommitState, RunOutcome, TargetState};
use crate::roster::{Employment, Field, Person, SourceFacts, Texts};
use crate::stop::Stop;
use crate::store::journal::{Actor, Trigger};

mod gate;
mod late;
mod rest;

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
        sources: vec![SourceFacts::of_one_file("hr", "hr.csv", rows)],
        digest: digest.into(),
        partial: false,
        doubts: Vec::new(),
    }
}

struct World {
    store: Store,
    clock: ManualClock,
    device: SharedDevice,
    target: TargetConfig,
    account: AccountConfig,
    order: Order,
    gate: Option<gate::Answering>,
    _folder: tempfile::TempDir,
}

/// Everything, for real.
pub(super) fn order(as_of: NaiveDate) -> Order {
    Order {
        as_of,
        dry: false,
        offline: false,
        trigger: Trigger::Cli,
        actor: Actor::default(),
        config_digest: "c".into(),
        undo: None,
        only: None,
        allow_guards: Default::default(),
        reason: String::new(),
        stop: Stop::new(),
    }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let furniture = Furniture { any_group: true, ..Furniture::default() };
        let device = Arc::new(Mutex::new(Device::new(Dialect::UpdaterCloud, Default::default(), &furniture)));
        Self {
            store: Store::open(&folder.path().join("r.db")).await.unwrap(),
            device,
            target: serde_json::from_value(serde_json::json!({ "name": "hq", "url": "embedded" })).unwrap(),
            account: AccountConfig::default(),
            order: order(clock.now().date_naive()),
            clock,
            gate: None,
            _folder: folder,
        }
    }

    async fn sync(&self, roster: &Roster) -> TargetReport {
        self.sync_with(roster, Vec::new(), None).await
    }

    async fn sync_with(
        &self,
        roster: &Roster,
        faults: Vec<Fault>,
        expected: Option<Expected>,
    ) -> TargetReport {
        self.run(roster, faults, expected, &|_| ()).await
    }

    async fn sync_watched(&self, roster: &Roster, progress: &(dyn Fn(u64) + Send + Sync)) -> TargetReport {
        self.run(roster, Vec::new(), None, progress).await
    }

    async fn run(
        &self,
        roster: &Roster,
        faults: Vec<Fault>,
        expected: Option<Expected>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> TargetReport {
        let inner = DeviceGateway::new(Arc::clone(&self.device), self.clock.clone());
        let gateway = Scripted { inner, clock: self.clock.clone(), faults: Mutex::new(faults.into()) };
        let sites = [Site { target: &self.target, gateway: Ok(Some(gateway)), expected }];
        let work = Work {
            store: &self.store,
            account: &self.account,
            order: &self.order,
            clock: self.clock.clone(),
            progress,
            gate: self.gate.as_ref().map(|gate| gate as &dyn Gate),
        };
        let roster = roster.clone();
        let synced =
            sync(work, &sites, |_| async { Ok(Input::Roster(Box::new(roster), None)) }).await.unwrap();
        synced.report.targets.into_iter().next().unwrap()
    }

    fn effective(&self) -> Vec<String> {
        lock(&self.device).effective_users().into_keys().collect()
    }

    fn set(&mut self, part: &str, value: serde_json::Value) {
        let mut target = serde_json::to_value(&self.target).unwrap();
        target[part] = value;
        self.target = serde_json::from_value(target).unwrap();
    }
}

/// What goes wrong with one changing call or commit, in order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The request never arrives; nobody here can know.
    LostBefore,
    /// It arrives and is carried out; the answer does not.
    LostAfter,
    /// Code 4.
    TokenRefused,
    /// Code -13.
    NoGroup,
    /// No connection.
    NotSent,
    /// Carried out, but only after two seconds.
    Slow,
}

struct Scripted {
    inner: DeviceGateway<ManualClock>,
    clock: ManualClock,
    faults: Mutex<std::collections::VecDeque<Fault>>,
}

impl Scripted {
    async fn play(&self, call: impl Future<Output = Outcome>) -> Outcome {
        let why = |kind| Why { kind, detail: "scripted".into() };
        let refuse = |code, kind| Outcome::Refused(Refusal { code, kind, message: String::new() });
        let fault = self.faults.lock().unwrap().pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::None => call.await,
            Fault::LostBefore => Outcome::Unknown(why(WhyKind::Timeout)),
            Fault::LostAfter => {
                let _ = call.await;
                Outcome::Unknown(why(WhyKind::Timeout))
            }
            Fault::TokenRefused => refuse(4, RefusalKind::Token),
            Fault::NoGroup => refuse(-13, RefusalKind::NoSuchGroup),
            Fault::NotSent => Outcome::NotSent(why(WhyKind::Connect)),
            Fault::Slow => {
                self.clock.sleep(Duration::from_secs(2)).await;
                call.await
            }
        }
    }
}

impl Gateway for Scripted {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }
    async fn user(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        self.inner.user(name).await
    }
    async fn group(&self, path: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        self.inner.group(path).await
    }
    async fn users(&self, offset: u64, limit: u64) -> Result<Page<UserRecord>, ReadError> {
        self.inner.users(offset, limit).await
    }
    async fn roles(&self, offset: u64, limit: u64) -> Result<Page<RoleRecord>, ReadError> {
        self.inner.roles(offset, limit).await
    }
    async fn mutate(&self, mutation: &Mutation) -> Outcome {
        self.play(self.inner.mutate(mutation)).await
    }
    async fn commit(&self) -> Outcome {
        self.play(self.inner.commit()).await
    }
}

fn staff(n: usize) -> Vec<Person> {
    (0..n).map(|i| person(&format!("{}", 10_001 + i), "销售部")).collect()
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

#[tokio::test]
async fn an_add_whose_answer_was_lost_is_looked_at_and_not_sent_twice() {
    let world = World::new().await;
    let report = world.sync_with(&roster(staff(2), "d1"), vec![Fault::LostAfter], None).await;
    assert_eq!((report.outcome, report.exit_code), (RunOutcome::Applied, 0), "{report:#?}");
    assert_eq!((report.calls.mutations, report.calls.commits), (2, 1));
    assert_eq!(world.effective(), ["10001", "10002"]);
    let next = world.sync(&roster(staff(2), "d1")).await;
    assert_eq!((next.calls.mutations, next.calls.commits, next.exit_code), (0, 0, 0), "{next:#?}");
}

#[tokio::test]
async fn an_add_that_never_arrived_is_sent_again() {
    let world = World::new().await;
    let report =
        world.sync_with(&roster(staff(1), "d1"), vec![Fault::LostBefore, Fault::LostBefore], None).await;
    assert_eq!(
        (report.outcome, report.counts.add, report.calls.retries),
        (RunOutcome::Applied, 1, 2),
        "{report:#?}"
    );
    assert_eq!(world.effective(), ["10001"]);
}

#[tokio::test]
async fn an_unanswered_commit_is_not_sent_again_and_the_next_run_only_commits() {
    let world = World::new().await;
    let all = roster(staff(1), "d1");
    let report = world.sync_with(&all, vec![Fault::None, Fault::LostBefore], None).await;
    assert_eq!((report.outcome, report.exit_code), (RunOutcome::Unconfirmed, 6), "{report:#?}");
    assert_eq!(
        (report.commit, report.state, report.calls.commits),
        (CommitState::Unconfirmed, TargetState::Dirty, 1)
    );
    let next = world.sync(&all).await;
    assert_eq!(
        (next.commit, next.state, next.exit_code),
        (CommitState::Confirmed, TargetState::Clean, 0),
        "{next:#?}"
    );
    assert_eq!((next.calls.mutations, next.calls.commits), (0, 1));
    assert_eq!(world.effective(), ["10001"]);
}

#[tokio::test]
async fn a_token_refused_midway_stops_and_still_commits_what_was_sent() {
    let world = World::new().await;
    let faults = vec![Fault::None, Fault::TokenRefused];
    let report = world.sync_with(&roster(staff(4), "d1"), faults, None).await;
    assert_eq!((report.outcome, report.exit_code), (RunOutcome::Partial, 1), "{report:#?}");
    assert_eq!((report.calls.mutations, report.calls.commits), (2, 1));
    assert!(report.error.is_some_and(|e| e.kind == crate::reason::ErrorKind::Token));
}

#[tokio::test]
async fn one_account_that_is_refused_does_not_stop_the_others() {
    let world = World::new().await;
    let report = world.sync_with(&roster(staff(3), "d1"), vec![Fault::NoGroup], None).await;
    assert_eq!((report.exit_code, report.counts.add, report.counts.failed), (3, 2, 1), "{report:#?}");
    assert_eq!(report.failures[0].code, Some(-13));
    assert_eq!(report.commit, CommitState::Confirmed);
}

#[tokio::test]
async fn five_calls_in_a_row_without_an_answer_end_the_run() {
    let mut world = World::new().await;
    world.set("pace", serde_json::json!({ "retries": 0 }));
    world.set("guard", serde_json::json!({ "max_failed_percent": "off" }));
    let report = world.sync_with(&roster(staff(20), "d1"), vec![Fault::NotSent; 5], None).await;
    assert_eq!((report.outcome, report.calls.mutations), (RunOutcome::Failed, 5), "{report:#?}");
    assert_eq!(report.exit_code, 1);
}

#[tokio::test]
async fn too_many_failures_quarantine_and_the_next_good_run_commits() {
    let world = World::new().await;
    let all = roster(staff(10), "d1");
    let report = world.sync_with(&all, vec![Fault::NoGroup; 4], None).await;
    assert_eq!((report.state, report.exit_code), (TargetState::Quarantined, 6), "{report:#?}");
    assert_eq!((report.calls.mutations, report.calls.commits), (4, 0));
    let next = world.sync(&all).await;
    assert_eq!((next.state, next.exit_code, next.counts.add), (TargetState::Clean, 0, 10), "{next:#?}");
}

#[tokio::test]
async fn a_guard_holds_and_its_approval_lets_that_set_pass_later_too() {
    let mut world = World::new().await;
    world.set(
        "guard",
        serde_json::json!({ "max_missing": 2, "max_missing_percent": "off", "max_shrink_percent": "off" }),
    );
    world.sync(&roster(staff(20), "d1")).await;
    let held = world.sync(&roster(staff(15), "d2")).await;
    assert_eq!((held.outcome, held.exit_code, held.counts.delete), (RunOutcome::Held, 4, 5), "{held:#?}");
    assert_eq!((held.calls.mutations, held.calls.commits), (0, 0));

    let run = crate::store::journal::RunId(held.run_id.parse().unwrap());
    let (target, plan) = world.store.plan_of_run(run).await.unwrap();
    let sets = approve::sets(&plan, None).unwrap();
    let expires_at = world.clock.now() + chrono::TimeDelta::hours(24);
    let approval = crate::store::plans::NewApproval {
        target,
        run,
        sets,
        reason: "branch closed".into(),
        actor: Actor::default(),
        expires_at,
    };
    world.store.approve(approval, world.clock.now()).await.unwrap();
    // Tomorrow's roster has a joiner besides.
    let tomorrow = staff(15).into_iter().chain([person("20001", "销售部")]);
    let passed = world.sync(&roster(tomorrow, "d3")).await;
    assert_eq!(
        (passed.outcome, passed.counts.delete, passed.counts.add),
        (RunOutcome::Applied, 5, 1),
        "{passed:#?}"
    );
    assert!(passed.approval.is_some());
    // It is used up.
    let again = world.sync(&roster(staff(12), "d4")).await;
    assert_eq!(again.exit_code, 4, "{again:#?}");
}

#[tokio::test]
async fn a_new_user_name_is_a_rename_with_one_call() {
    let mut world = World::new().await;
    world.sync(&roster(staff(2), "d1")).await;
    world.account.username = "u{employee_id}".into();
    let report = world.sync(&roster(staff(2), "d1")).await;
    assert_eq!((report.counts.rename, report.calls.mutations), (2, 2), "{report:#?}");
    assert_eq!(world.effective(), ["u10001", "u10002"]);
}

#[tokio::test]
async fn a_leaver_is_disabled_and_deleted_when_the_time_is_over() {
    let mut world = World::new().await;
    world.set("leavers", serde_json::json!({ "action": "disable", "delete_after": "30d" }));
    world.sync(&roster(staff(2), "d1")).await;
    let mut gone = staff(2);
    gone[1].employment = Employment::Left;
    let report = world.sync(&roster(gone.clone(), "d2")).await;
    assert_eq!((report.counts.disable, report.counts.delete), (1, 0), "{report:#?}");
    assert!(!lock(&world.device).effective_users()["10002"].enabled);
    let quiet = world.sync(&roster(gone.clone(), "d2")).await;
    assert_eq!(quiet.calls.mutations, 0, "{quiet:#?}");
    world.clock.advance(Duration::from_secs(31 * 86_400));
    world.order.as_of = world.clock.now().date_naive();
    let report = world.sync(&roster(gone, "d2")).await;
    assert_eq!(report.counts.delete, 1, "{report:#?}");
    assert_eq!(world.effective(), ["10001"]);
}

#[tokio::test]
async fn a_stored_plan_is_carried_out_or_refused() {
    let mut world = World::new().await;
    world.order.dry = true;
    let shown = world.sync(&roster(staff(2), "d1")).await;
    assert_eq!((shown.outcome, shown.exit_code), (RunOutcome::Planned, 0));
    assert_eq!(lock(&world.device).log().iter().filter(|a| a.applied).count(), 0);
    let id = crate::store::plans::PlanId(shown.plan.unwrap().id.parse().unwrap());
    let (plan, digest) = world.store.plan(id).await.unwrap();
    let expected = Expected { id, digest, plan };
    world.order.dry = false;
    let refused = world.sync_with(&roster(staff(3), "d2"), Vec::new(), Some(expected.clone())).await;
    assert_eq!(
        (refused.outcome, refused.exit_code, refused.calls.mutations),
        (RunOutcome::Failed, 1, 0),
        "{refused:#?}"
    );
    let done = world.sync_with(&roster(staff(2), "d1"), Vec::new(), Some(expected)).await;
    assert_eq!((done.outcome, done.counts.add), (RunOutcome::Applied, 2), "{done:#?}");
}

#[tokio::test]
async fn an_empty_snapshot_before_a_gateway_that_has_our_names_stops_at_first_contact() {
    let world = World::new().await;
    let by_hand = World::new().await;
    by_hand.sync(&roster(staff(2), "d1")).await;
    *lock(&world.device) = lock(&by_hand.device).clone();
    let report = world.sync(&roster(staff(3), "d1")).await;
    assert_eq!(
        (report.outcome, report.exit_code, report.calls.mutations),
        (RunOutcome::Held, 4, 0),
        "{report:#?}"
    );
    assert!(report.held_by.iter().any(|h| h.guard == crate::reason::Guard::FirstContact));
}

#[tokio::test]
async fn somebody_disabled_by_hand_stays_disabled_when_their_note_changes() {
    let mut world = World::new().await;
    world.sync(&roster(staff(1), "d1")).await;
    let off = [
        ("old_name", "10001"),
        ("new_name", "10001"),
        ("parent_group", "/总公司/销售部"),
        ("is_enable", "0"),
        ("note", "员工10001-销售"),
        ("phone", "13800138000"),
        ("role_name", "全员"),
    ];
    let now = world.clock.now();
    assert_eq!(lock(&world.device).call("UpdateUserCloud", &off, now).code, 0);
    world.account.note = "{name}".into();
    let report = world.sync(&roster(staff(1), "d1")).await;
    assert_eq!(report.counts.update, 1, "{report:#?}");
    let user = lock(&world.device).effective_users()["10001"].clone();
    assert_eq!((user.note.as_str(), user.enabled), ("员工10001", false));
}

#[tokio::test]
async fn a_run_asked_to_stop_commits_what_it_sent() {
    let world = World::new().await;
    world.order.stop.ask();
    let report = world.sync(&roster(staff(2), "d1")).await;
    assert_eq!(
        (report.outcome, report.exit_code, report.calls.mutations),
        (RunOutcome::Partial, 3, 0),
        "{report:#?}"
    );
    // It planned nothing: no run to be content with.
    assert_eq!(report.error.unwrap().kind, crate::reason::ErrorKind::Stopped);
    assert_eq!(world.store.last_success(&world.target.name).await.unwrap(), None);
    let mut world = world;
    world.order.stop = Stop::new();
    let _ = world.sync(&roster(staff(2), "d1")).await;
    assert_eq!(world.store.last_success(&world.target.name).await.unwrap(), Some(world.clock.now()));
}

#[tokio::test]
async fn a_second_run_is_refused_recorded_and_asks_the_gateway_nothing() {
    let world = World::new().await;
    let held = TargetLock::take(world.store.path(), &world.target.name).unwrap();
    let report = world.sync(&roster(staff(1), "d1")).await;
    assert_eq!((report.outcome, report.exit_code), (RunOutcome::Locked, 5), "{report:#?}");
    assert!(lock(&world.device).log().is_empty());
    let id = crate::store::journal::RunId(report.run_id.parse().unwrap());
    assert_eq!(world.store.run(id).await.unwrap().outcome.as_deref(), Some("locked"));
    drop(held);
    assert_eq!(world.sync(&roster(staff(1), "d1")).await.exit_code, 0);
}

#[tokio::test]
async fn a_slow_pace_takes_as_long_as_was_said_and_a_stopped_run_goes_on_where_it_was() {
    const PEOPLE: usize = 300;
    let mut world = World::new().await;
    let _ = world.sync(&roster(staff(1), "d0")).await;
    world.set("pace", serde_json::json!({ "calls_per_minute": 15 }));
    world.set("max_duration", serde_json::json!("off"));
    let everybody = roster(staff(PEOPLE), "d1");
    world.order.dry = true;
    let planned = world.sync(&everybody).await.estimate.unwrap();
    assert_eq!((planned.calls, planned.seconds), (PEOPLE as u64 + 1, 1204));
    world.order.dry = false;

    // Somebody asks to stop after a third of the time.
    let began = world.clock.monotonic();
    let third = began + Duration::from_secs(planned.seconds / 3);
    let (clock, stop) = (world.clock.clone(), world.order.stop.clone());
    let ask = move |_| {
        if clock.monotonic() >= third && !stop.requested() {
            stop.ask();
        }
    };
    let first = world.sync_watched(&everybody, &ask).await;
    assert_eq!((first.outcome, first.exit_code), (RunOutcome::Partial, 3), "{first:#?}");
    assert_eq!((first.commit, first.state), (CommitState::Confirmed, TargetState::Clean));
    assert!((95..110).contains(&first.counts.add), "{}", first.counts.add);
    let left = words::left(PEOPLE as u64 - 1 - first.counts.add, PEOPLE as u64 - 1).unwrap();
    assert!(first.warnings.contains(&left), "{:?}", first.warnings);

    world.order.stop = Stop::new();
    let second = world.sync(&everybody).await;
    assert_eq!((second.outcome, second.exit_code), (RunOutcome::Applied, 0), "{second:#?}");
    assert_eq!(1 + first.counts.add + second.counts.add, PEOPLE as u64, "nobody twice");
    assert_eq!(world.effective().len(), PEOPLE);
    let took = (world.clock.monotonic() - began).as_secs();
    assert!(
        (planned.seconds..planned.seconds * 103 / 100).contains(&took),
        "{took} s, said {}",
        planned.seconds
    );
}

#[tokio::test]
async fn a_device_that_slows_down_is_given_time_to_breathe() {
    let world = World::new().await;
    let mut faults = vec![Fault::None; 5];
    faults.extend([Fault::Slow; 3]);
    let began = world.clock.monotonic();
    let report = world.sync_with(&roster(staff(20), "d1"), faults, None).await;
    assert_eq!((report.outcome, report.counts.add), (RunOutcome::Applied, 20), "{report:#?}");
    let spent = world.clock.monotonic() - began;
    // Six seconds are the device's own; the rest are pauses: 0.2, 0.4, 0.8, and then ever less.
    let breathing = spent.saturating_sub(Duration::from_secs(6));
    assert_eq!(breathing.as_millis(), 200 + 400 + 800 + 400 + 200);
}
