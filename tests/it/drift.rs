//! What somebody changed behind rosterd's back is found, field by field, and put right by a normal plan.

use rosterd::app::App;
use rosterd::app::drift::Wish;
use rosterd::app::plan_file::PlanFile;
use rosterd::app::sync::Request;
use rosterd::clock::{Clock as _, SystemClock};
use rosterd::existing::drift::DriftReport;
use rosterd::gateway::embedded::lock;
use rosterd::gateway::{Dialect, Mutation, Outcome, UpdateUser};
use rosterd::model::{GroupPath, Username};
use rosterd::plan::Reason;
use rosterd::report::RunOutcome;
use rosterd::stop::Stop;
use rosterd::store::Store;

use crate::by_hand::{ByHand, Site, ask, hq, request, row, sync};

const BOTH: [Dialect; 2] = [Dialect::UpdaterCloud, Dialect::Openapi];

async fn drift(app: &App, store: &Store, repair: bool) -> DriftReport {
    let target = hq();
    app.drift(store, Wish { target: &target, repair, stop: Stop::new(), progress: &|_| {} }).await.unwrap()
}

/// Ten people whom rosterd added.
async fn site(dialect: Dialect, target: &str) -> (Site, App, Store) {
    let site = Site::new(dialect, &[]).await;
    let roster: String = (0..10).map(|n| row(n, "/总公司")).collect();
    let app = site.configure(&roster, target, "");
    let store = app.store().await.unwrap();
    let done = sync(&app, &store, false).await;
    assert_eq!(done.report.targets[0].outcome, RunOutcome::Applied, "{done:#?}");
    (site, app, store)
}

/// A person at the console.
fn at_the_console(site: &Site, mutations: &[Mutation]) {
    let now = SystemClock::new().now();
    let mut device = lock(&site.device);
    for mutation in mutations {
        assert_eq!(device.mutate(mutation, now), Outcome::Applied, "{mutation:?}");
    }
    assert_eq!(device.commit(now), Outcome::Applied);
    device.trim_log(0);
}

fn update(n: usize, change: impl FnOnce(&mut UpdateUser)) -> Mutation {
    let name = Username::new(&format!("{n:05}")).unwrap();
    let mut update = UpdateUser {
        old_name: name.clone(),
        new_name: name,
        group: GroupPath::new("/总公司").unwrap(),
        note: format!("员工{n}-工程师"),
        phone: format!("138{n:08}"),
        roles: ["全员".to_owned()].into(),
        enabled: true,
        ext_auth: None,
        auth: None,
        expires_on: None,
    };
    change(&mut update);
    Mutation::Update(update)
}

fn delete(n: usize) -> Mutation {
    Mutation::Delete(vec![Username::new(&format!("{n:05}")).unwrap()])
}

#[tokio::test]
async fn what_was_changed_removed_and_made_again_by_hand_is_found_and_put_right() {
    for dialect in BOTH {
        let (site, app, store) = site(dialect, "").await;
        assert!(drift(&app, &store, false).await.is_clean());
        // So that a user who was made again can be told from the one that rosterd added.
        assert!(drift(&app, &store, true).await.is_clean());
        let before = site.users();
        at_the_console(
            &site,
            &[
                update(1, |u| u.note = "changed".into()),
                update(2, |u| u.phone = "13900000000".into()),
                update(3, |u| u.roles = ["全员", "CRM"].map(str::to_owned).into()),
                update(4, |u| u.enabled = false),
                delete(5),
                delete(6),
            ],
        );
        site.make(&[ByHand::new("00006"), ByHand::new("stranger")]);
        let found = drift(&app, &store, false).await;
        let named = |all: &[rosterd::existing::drift::Drifted]| -> Vec<String> {
            all.iter().map(|one| format!("{} {:?}", one.person, one.changes.keys())).collect()
        };
        assert_eq!(
            named(&found.changed),
            ["00001 [\"note\"]", "00002 [\"phone\"]", "00003 [\"roles\"]", "00004 [\"enabled\"]"]
        );
        assert_eq!(named(&found.removed), ["00005 []"]);
        assert_eq!(named(&found.replaced), ["00006 []"]);
        let strangers = found.unmanaged.as_ref().map(|all| all.len());
        assert_eq!(strangers, dialect.capabilities().lists_users.then_some(1));
        let phone = &found.changed[1].changes["phone"];
        assert!(!format!("{phone:?}").contains("13900000000"), "phones are masked");
        // Looking changes nothing, neither there nor here.
        let again = drift(&app, &store, false).await;
        assert_eq!(again, found);

        let there = site.users();
        drift(&app, &store, true).await;
        assert_eq!(site.users(), there, "a repair plans, and sends nothing");
        let planned = sync(&app, &store, true).await;
        let target = &planned.report.targets[0];
        let lines: Vec<_> =
            target.actions.as_ref().unwrap().iter().map(|a| (a.username.as_str(), a.reason)).collect();
        let by_hand = |name| (name, Reason::Drift);
        // Whom a human disabled is not enabled again: that is not rosterd's to decide.
        assert_eq!(lines, [by_hand("00001"), by_hand("00002"), by_hand("00003"), by_hand("00005")]);
        // The plan is as good as any other: kept in a file, and carried out as it was shown.
        let path = site.path("repair.json");
        PlanFile::of(&planned.report, None).write(&path).unwrap();
        let expected = PlanFile::read(&path).unwrap().stored(&path, &store).await.unwrap();
        let done = ask(&app, &store, Request { expected, ..request(false) }).await;
        assert_eq!(done.report.targets[0].outcome, RunOutcome::Applied, "{done:#?}");
        let after = site.users();
        for n in [0, 1, 2, 3, 7, 8, 9] {
            let name = format!("{n:05}");
            assert_eq!(after[&name], before[&name], "{name}");
        }
        assert!(!after["00004"].enabled);
        assert!(after.contains_key("00005"));
        assert_eq!((after["00006"].note.as_str(), after.contains_key("stranger")), ("", true));
        // What follows is no drift any more.
        let rest = drift(&app, &store, false).await;
        assert_eq!((rest.changed.len(), rest.removed.len(), rest.replaced.len()), (0, 0, 1));
        let roster: String = (0..10).map(|n| row(n, "/总公司").replace("工程师", "经理")).collect();
        let app = site.configure(&roster, "", "");
        let later = sync(&app, &store, true).await;
        let actions = later.report.targets[0].actions.clone().unwrap();
        assert!(!actions.is_empty() && actions.iter().all(|a| a.reason == Reason::Changed), "{actions:#?}");
    }
}

#[tokio::test]
async fn what_is_not_managed_is_no_drift() {
    let manage = "[target.manage]\nnote = \"never\"\nphone = \"create\"\nroles = \"add\"";
    let (site, app, store) = site(Dialect::Openapi, manage).await;
    at_the_console(
        &site,
        &[
            update(1, |u| u.note = "changed".into()),
            update(2, |u| u.phone = "13900000000".into()),
            update(3, |u| u.roles = ["全员", "CRM"].map(str::to_owned).into()),
            update(4, |u| u.roles.clear()),
        ],
    );
    let found = drift(&app, &store, false).await;
    let people: Vec<_> = found.changed.iter().map(|one| one.person.as_str()).collect();
    assert_eq!(people, ["00004"], "a role that was taken away counts, one that was given does not");
}

#[tokio::test]
async fn guards_hold_a_repair_like_anything_else() {
    let (site, app, store) = site(Dialect::UpdaterCloud, "[target.guard]\nmax_change_percent = 50.0").await;
    let all: Vec<_> = (0..8).map(|n| update(n, |u| u.note = "changed".into())).collect();
    at_the_console(&site, &all);
    drift(&app, &store, true).await;
    let held = sync(&app, &store, false).await;
    assert_eq!(held.report.targets[0].outcome, RunOutcome::Held);
    assert_eq!(held.report.targets[0].held_by[0].guard.as_str(), "max_change_percent");
    assert_eq!(site.users()["00000"].note, "changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_shows_and_writes_the_plan() {
    let (site, _app, store) = site(Dialect::UpdaterCloud, "").await;
    drop(store);
    at_the_console(&site, &[update(1, |u| u.note = "changed".into())]);
    let run = site.program();
    let (shown, json, repaired, done) = tokio::task::spawn_blocking(move || {
        (
            run(&["drift"]),
            run(&["drift", "--output", "json"]),
            run(&["drift", "--repair", "-o", "plan.json"]),
            run(&["sync", "--plan", "plan.json", "--output", "json"]),
        )
    })
    .await
    .unwrap();
    assert_eq!(shown.0, Some(0));
    assert!(shown.1.contains("00001 (00001) note: 员工1-工程师 → changed"), "{}", shown.1);
    let json: serde_json::Value = serde_json::from_str(&json.1).unwrap();
    assert_eq!((json["drift"]["looked_at"].as_u64(), json["drift"]["same"].as_u64()), (Some(10), Some(9)));
    assert_eq!(repaired.0, Some(0), "{}", repaired.1);
    assert_eq!(done.0, Some(0), "{}", done.1);
    assert_eq!(site.users()["00001"].note, "员工1-工程师");
}
