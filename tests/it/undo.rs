//! Putting back what a run changed: a plan under the same guards, carried out by `sync --plan`, and held against the
//! next roster.

use std::path::PathBuf;

use rosterd::app::App;
use rosterd::app::plan_file::PlanFile;
use rosterd::app::sync::{Answer, Request};
use rosterd::gateway::Dialect;
use rosterd::gateway::embedded::UserView;
use rosterd::plan::Reason;
use rosterd::reason::BlockKind;
use rosterd::report::{RunOutcome, TargetReport};
use rosterd::store::Store;
use rosterd::store::journal::RunId;

use crate::by_hand::{Site, ask, hq, request, row, sync};

const BOTH: [Dialect; 2] = [Dialect::UpdaterCloud, Dialect::Openapi];

async fn plan_undo(app: &App, store: &Store, of: &TargetReport) -> Answer {
    let undo = Some(RunId(of.run_id.parse().unwrap()));
    ask(app, store, Request { undo, ..request(true) }).await
}

async fn carry_out(site: &Site, app: &App, store: &Store, planned: &Answer) -> TargetReport {
    let path: PathBuf = site.path("undo.json");
    PlanFile::of(&planned.report, None).write(&path).unwrap();
    let expected = PlanFile::read(&path).unwrap().stored(&path, store).await.unwrap();
    let done = ask(app, store, Request { expected, ..request(false) }).await;
    done.report.targets.into_iter().next().unwrap()
}

/// Everything but the number: who was deleted comes back as another user.
fn shown(user: &UserView) -> UserView {
    UserView { id: 0, ..user.clone() }
}

/// A night in which HR's export was wrong: two are gone, one is new, one moved, one was renamed.
#[tokio::test]
async fn a_wrong_night_is_put_back_and_stays_so() {
    for dialect in BOTH {
        let site = Site::new(dialect, &[]).await;
        let good: String = (0..30).map(|n| row(n, "/总公司/研发部")).collect();
        let template = "[account]\nusername = \"{employee_id}\"";
        let app = site.configure(&good, "", template);
        let store = app.store().await.unwrap();
        sync(&app, &store, false).await;
        let before = site.users();
        let wrong: String = (2..31)
            .map(|n| match n {
                2 => row(n, "/总公司/销售部"),
                3 => row(n, "/总公司/研发部").replace("工程师", "总裁").replace("全员", "CRM"),
                n => row(n, "/总公司/研发部"),
            })
            .collect();
        let app = site.configure(&wrong, "", template);
        let night = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!((night.outcome, night.counts.delete, night.counts.add), (RunOutcome::Applied, 2, 1));
        let there = site.users();

        let planned = plan_undo(&app, &store, &night).await;
        let target = &planned.report.targets[0];
        assert_eq!(target.outcome, RunOutcome::Planned, "{target:#?}");
        let counts = target.counts;
        assert_eq!((counts.add, counts.update, counts.delete), (2, 2, 1), "{target:#?}");
        assert!(target.actions.as_ref().unwrap().iter().all(|action| action.reason == Reason::Undo));
        assert_eq!(site.users(), there, "planning sends nothing");

        let undone = carry_out(&site, &app, &store, &planned).await;
        assert_eq!(undone.outcome, RunOutcome::Applied, "{undone:#?}");
        let after = site.users();
        assert_eq!(
            after.values().map(shown).collect::<Vec<_>>(),
            before.values().map(shown).collect::<Vec<_>>()
        );
        // The same wrong roster again: those people are left alone until somebody says otherwise.
        let next = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!((next.calls.mutations, next.counts.blocked), (0, 5), "{next:#?}");
        assert!(next.blocked.iter().all(|one| one.reason.kind() == BlockKind::Hold), "{:#?}", next.blocked);
        assert_eq!(site.users(), after);
        let held = store.said(app.today()).await.unwrap();
        assert_eq!(held.len(), 5);
        // An undo can be undone.
        let back = plan_undo(&app, &store, &undone).await;
        let back = carry_out(&site, &app, &store, &back).await;
        assert_eq!(back.outcome, RunOutcome::Applied, "{back:#?}");
        assert_eq!(
            site.users().values().map(shown).collect::<Vec<_>>(),
            there.values().map(shown).collect::<Vec<_>>()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_again_since_is_left_as_it_is() {
    let site = Site::new(Dialect::Openapi, &[]).await;
    let roster = |note: &str, phone: &str| {
        let one = |n| row(n, "/总公司").replace("工程师", note).replace(&format!("138{n:08}"), phone);
        (0..4).map(one).collect::<String>()
    };
    let off = "[target.guard]\nmax_change_percent = \"off\"";
    let app = site.configure(&roster("工程师", "13800000000"), off, "");
    let store = app.store().await.unwrap();
    sync(&app, &store, false).await;
    let app = site.configure(&roster("经理", "13900000000"), off, "");
    let first = sync(&app, &store, false).await.report.targets.remove(0);
    // The note is changed once more, the phone is not.
    let app = site.configure(&roster("总裁", "13900000000"), off, "");
    sync(&app, &store, false).await;
    let planned = plan_undo(&app, &store, &first).await;
    let actions = planned.report.targets[0].actions.clone().unwrap();
    assert_eq!(actions.len(), 4);
    assert!(actions.iter().all(|action| action.changes.keys().eq(["phone"])), "{actions:#?}");
    let (run, of) = (site.program(), first.run_id.clone());
    let said = tokio::task::spawn_blocking(move || {
        [run(&["undo", &of]).1, run(&["undo", &of, "--output", "json"]).1]
    });
    let [text, json] = said.await.unwrap();
    assert!(text.contains("Changed again since") && text.contains("00001 (00001): note"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kept"][0]["person"], &json["kept"][0]["fields"]), (&"00000".into(), &["note"].into()));
    let undone = carry_out(&site, &app, &store, &planned).await;
    assert_eq!(undone.outcome, RunOutcome::Applied);
    let user = &site.users()["00001"];
    assert_eq!((user.note.as_str(), user.phone.as_str()), ("员工1-总裁", "13800000000"));
    // A second time there is nothing left but what changed since.
    let again = plan_undo(&app, &store, &first).await;
    let target = &again.report.targets[0];
    assert_eq!(target.actions.as_ref().unwrap().len(), 0);
    assert!(target.blocked.iter().all(|one| one.reason.kind() == BlockKind::UndoMoved), "{target:#?}");
}

#[tokio::test]
async fn guards_and_allow_hold_an_undo_too_and_the_disabled_stay_so() {
    let site = Site::new(Dialect::UpdaterCloud, &[]).await;
    let roster: String = (0..10).map(|n| row(n, "/总公司")).collect();
    let app = site.configure(&roster, "", "");
    let store = app.store().await.unwrap();
    let night = sync(&app, &store, false).await.report.targets.remove(0);
    // Undoing the first night would delete everybody.
    let strict = "[target.guard]\nmax_deletes_24h = 5";
    let app = site.configure(&roster, strict, "");
    let held = plan_undo(&app, &store, &night).await;
    assert_eq!(held.report.targets[0].held_by[0].guard.as_str(), "max_deletes_24h");
    let refused = carry_out(&site, &app, &store, &held).await;
    assert_eq!((refused.outcome, refused.calls.mutations), (RunOutcome::Held, 0));
    let app = site.configure(&roster, "allow = [\"add\", \"update\"]", "");
    let withheld = plan_undo(&app, &store, &night).await;
    assert_eq!(withheld.report.targets[0].counts.withheld, 10);
    assert!(store.said(app.today()).await.unwrap().is_empty(), "nobody was put back, nobody is held");
    assert_eq!(store.snapshot(&hq()).await.unwrap().entries.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_undo_hold_and_resume() {
    let site = Site::new(Dialect::UpdaterCloud, &[]).await;
    let good: String = (0..4).map(|n| row(n, "/总公司")).collect();
    let app = site.configure(&good, "", "");
    let store = app.store().await.unwrap();
    sync(&app, &store, false).await;
    let short: String = (1..4).map(|n| row(n, "/总公司")).collect();
    drop(site.configure(&short, "", ""));
    let night = sync(&app, &store, false).await.report.targets.remove(0);
    assert_eq!(night.counts.delete, 1, "{night:#?}");
    drop(store);
    let run = site.program();
    let of = night.run_id.clone();
    let (shown, json, done, held, resumed, twice, suspended, gone, released, not_ours, after) =
        tokio::task::spawn_blocking(move || {
            (
                run(&["undo", &of, "-o", "undo.json"]),
                run(&["undo", &of, "--output", "json"]),
                run(&["sync", "--plan", "undo.json"]),
                run(&["sync", "--output", "json"]),
                run(&["resume", "00000", "--reason", "HR corrected it"]),
                run(&["resume", "00000", "--reason", "again"]),
                run(&["suspend", "00001", "--reason", "lost laptop", "--until", "2999-01-01"]),
                run(&["sync", "--output", "json"]),
                run(&["release", "00002", "--reason", "a service account by now"]),
                run(&["release", "00002", "--reason", "again"]),
                run(&["sync", "--output", "json"]),
            )
        })
        .await
        .unwrap();
    assert_eq!(shown.0, Some(0), "{}", shown.1);
    assert!(shown.1.contains("00000 (00000)") && shown.1.contains("password"), "{}", shown.1);
    let json: serde_json::Value = serde_json::from_str(&json.1).unwrap();
    assert_eq!(json["lost"][0]["username"], "00000");
    assert_eq!(json["lost"][0]["what"][0], "password");
    assert_eq!(json["plan"]["targets"][0]["counts"]["add"], 1);
    assert_eq!(done.0, Some(0), "{}", done.1);
    let held: serde_json::Value = serde_json::from_str(&held.1).unwrap();
    assert_eq!(held["targets"][0]["blocked"][0]["reason"], "hold", "{held}");
    assert_eq!((resumed.0, twice.0, suspended.0), (Some(0), Some(1), Some(0)));
    let gone: serde_json::Value = serde_json::from_str(&gone.1).unwrap();
    let counts = &gone["targets"][0]["counts"];
    assert_eq!((counts["delete"].as_u64(), counts["disable"].as_u64()), (Some(1), Some(1)), "{gone}");
    assert!(!site.users()["00001"].enabled);
    assert_eq!((released.0, not_ours.0), (Some(0), Some(1)));
    let after: serde_json::Value = serde_json::from_str(&after.1).unwrap();
    // The name is taken, and somebody should know; nobody touches the user.
    let told =
        |list: &str| after["targets"][0][list].as_array().unwrap().iter().any(|one| one["person"] == "00002");
    assert!(told("blocked") || told("failures"), "{after}");
    assert!(site.users().contains_key("00002"));
}
