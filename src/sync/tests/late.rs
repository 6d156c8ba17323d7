//! Calls that land when nobody looks, and devices that do not show what they did.

use super::*;
use crate::gateway::embedded::Quirk;
use crate::gateway::{AddUser, Auth};

/// A late add and a late delete of one user, the add before the last commit and the delete after it: what was written is
/// right all the time, and log-ins see a user who should not be there until somebody commits.
#[tokio::test]
async fn what_two_late_calls_did_to_each_other_ends_with_one_commit() {
    let mut world = World::new().await;
    world.set("pace", serde_json::json!({ "retries": 1 }));
    world.set("leavers", serde_json::json!({ "action": "delete" }));
    world.sync_with(&roster(staff(1), "d1"), vec![Fault::LostBefore], None).await;
    let mut gone = left();
    let report = world.sync_with(&roster(gone.clone(), "d2"), vec![Fault::LostBefore], None).await;
    assert_eq!((report.counts.delete, report.commit), (1, CommitState::Confirmed), "{report:#?}");
    let name = Username::new("10001").unwrap();
    let add = Mutation::Add(AddUser {
        name: name.clone(),
        group: GroupPath::new("/销售部").unwrap(),
        note: String::new(),
        phone: String::new(),
        roles: Default::default(),
        auth: Auth::Inherit,
        expires_on: None,
        password: None,
    });
    let land =
        |call: &Mutation| assert_eq!(lock(&world.device).mutate(call, world.clock.now()), Outcome::Applied);
    gone.push(person("10002", "销售部"));
    world.sync_watched(&roster(gone.clone(), "d3"), &|_| land(&add)).await;
    land(&Mutation::Delete(vec![name]));
    assert_eq!(world.effective(), ["10001", "10002"], "the add was committed, the delete was not");

    world.clock.advance(Duration::from_secs(12 * 60));
    let report = world.sync(&roster(gone.clone(), "d3")).await;
    assert_eq!((report.calls.mutations, report.calls.commits), (0, 1), "{report:#?}");
    assert_eq!(world.effective(), ["10002"]);
    let quiet = world.sync(&roster(gone, "d3")).await;
    assert_eq!((quiet.calls.queries, quiet.calls.commits), (0, 0), "{quiet:#?}");
}

/// One call that stays unanswered costs no commit of its own, however often it was sent.
#[tokio::test]
async fn a_call_that_was_only_repeated_is_looked_at_and_not_committed_again() {
    let mut world = World::new().await;
    world.set("pace", serde_json::json!({ "retries": 2 }));
    let lost = vec![Fault::LostBefore, Fault::LostAfter];
    let report = world.sync_with(&roster(staff(1), "d1"), lost, None).await;
    assert_eq!((report.exit_code, report.calls.commits), (0, 1), "{report:#?}");
    world.clock.advance(Duration::from_secs(12 * 60));
    let quiet = world.sync(&roster(staff(1), "d1")).await;
    assert_eq!((quiet.calls.mutations, quiet.calls.commits), (0, 0), "{quiet:#?}");
}

/// A company with a device that does not show who is enabled, and leavers who are disabled; no call is repeated.
async fn hiding() -> World {
    let mut world = World::new().await;
    let furniture = Furniture { any_group: true, ..Furniture::default() };
    let habits = [Quirk::MissingIsEnable].into();
    world.device = Arc::new(Mutex::new(Device::new(Dialect::UpdaterCloud, habits, &furniture)));
    world.set("leavers", serde_json::json!({ "action": "disable" }));
    world.set("pace", serde_json::json!({ "retries": 0 }));
    world
}

/// The first of the staff, who left.
fn left() -> Vec<Person> {
    staff(1).into_iter().map(|person| Person { employment: Employment::Left, ..person }).collect()
}

/// A device that does not show who is enabled, and a disable whose answer is lost.
async fn who_returns_after(lost: Fault) {
    let world = hiding().await;
    let gone = left();
    world.sync(&roster(staff(1), "d1")).await;
    let report = world.sync_with(&roster(gone, "d2"), vec![lost], None).await;
    assert_eq!(report.exit_code, 3, "{report:#?}");
    world.clock.advance(Duration::from_secs(12 * 60));
    let report = world.sync(&roster(staff(1), "d1")).await;
    assert_eq!((report.counts.enable, report.exit_code), (1, 0), "{lost:?} {report:#?}");
    assert!(lock(&world.device).effective_users()["10001"].enabled);
    let quiet = world.sync(&roster(staff(1), "d1")).await;
    assert_eq!((quiet.calls.mutations, quiet.calls.commits), (0, 0), "{quiet:#?}");
}

#[tokio::test]
async fn whoever_may_have_been_disabled_unseen_is_enabled_when_they_return() {
    who_returns_after(Fault::LostAfter).await;
    who_returns_after(Fault::LostBefore).await;
}

#[tokio::test]
async fn whoever_may_not_have_been_disabled_unseen_is_disabled_again_while_gone() {
    let world = hiding().await;
    let gone = left();
    world.sync(&roster(staff(1), "d1")).await;
    world.sync_with(&roster(gone.clone(), "d2"), vec![Fault::LostBefore], None).await;
    let report = world.sync(&roster(gone.clone(), "d2")).await;
    assert_eq!((report.counts.disable, report.exit_code), (1, 0), "{report:#?}");
    assert!(!lock(&world.device).effective_users()["10001"].enabled);
    let quiet = world.sync(&roster(gone, "d2")).await;
    assert_eq!((quiet.calls.mutations, quiet.calls.commits), (0, 0), "{quiet:#?}");
}

/// The same device; somebody leaves, returns and leaves again, and the answer to what enabled them is lost.
#[tokio::test]
async fn whoever_may_have_been_enabled_unseen_is_disabled_again_when_they_leave() {
    let world = hiding().await;
    let gone = left();
    world.sync(&roster(staff(1), "d1")).await;
    world.sync(&roster(gone.clone(), "d2")).await;
    world.sync_with(&roster(staff(1), "d3"), vec![Fault::LostAfter], None).await;
    assert!(lock(&world.device).effective_users()["10001"].enabled);
    world.clock.advance(Duration::from_secs(12 * 60));
    let report = world.sync(&roster(gone.clone(), "d4")).await;
    assert_eq!((report.counts.disable, report.exit_code), (1, 0), "{report:#?}");
    assert!(!lock(&world.device).effective_users()["10001"].enabled);
    let quiet = world.sync(&roster(gone, "d4")).await;
    assert_eq!((quiet.calls.mutations, quiet.calls.commits), (0, 0), "{quiet:#?}");
}

/// The acknowledgement of what a look found is lost, and the database does not say how the target stands: the run fears
/// the worst, which is true.
#[tokio::test]
async fn a_run_that_cannot_read_how_its_target_stands_fears_the_worst() {
    use crate::store::FaultPoint;

    let mut world = World::new().await;
    world.set("pace", serde_json::json!({ "retries": 0 }));
    world.set("leavers", serde_json::json!({ "action": "delete" }));
    world.sync(&roster(staff(1), "d1")).await;
    let gone = left();
    world.sync_with(&roster(gone.clone(), "d2"), vec![Fault::LostBefore], None).await;
    let late = Mutation::Delete(vec![Username::new("10001").unwrap()]);
    assert_eq!(lock(&world.device).mutate(&late, world.clock.now()), Outcome::Applied);
    let blind = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let fails = move |doing: &'static str, point| {
        let settled = doing == "settle intents" && point == FaultPoint::AfterCommit;
        let blind = blind.fetch_or(settled, std::sync::atomic::Ordering::Relaxed);
        let fails = settled || (blind && doing == "target");
        if fails { Err(sqlx::Error::Io(std::io::Error::other("simulated"))) } else { Ok(()) }
    };
    let path = world.store.path().to_owned();
    world.store = Store::open(&path).await.unwrap().with_faults(Some(Arc::new(fails))).await.unwrap();
    let report = world.sync(&roster(gone, "d2")).await;
    assert_eq!((report.exit_code, report.outcome), (6, RunOutcome::Failed), "{report:#?}");
    world.store = Store::open(&path).await.unwrap();
    assert!(world.store.target(&world.target.name).await.unwrap().dirty);
}
