//! The proof before the commit, and sessions that end after it.

use rosterd::clock::{Clock as _, SystemClock};
use rosterd::gateway::embedded::{Furniture, lock};
use rosterd::gateway::{Dialect, Mutation, Outcome, UpdateUser};
use rosterd::model::{GroupPath, Username};
use rosterd::report::{CommitState, RunOutcome, TargetState};

use crate::by_hand::{Site, ask, hq, request, row, sync};

const BOTH: [Dialect; 2] = [Dialect::UpdaterCloud, Dialect::Openapi];

/// A device that leaves out roles which it does not know: what it says is a yes, and what it holds is something else.
async fn forgetful(dialect: Dialect) -> Site {
    let furniture = Furniture { any_group: true, roles: vec!["CRM".into()], ..Furniture::default() };
    Site::with(dialect, &[], furniture).await
}

#[tokio::test]
async fn what_is_not_as_written_does_not_take_effect() {
    for how in ["sample", "all"] {
        let site = forgetful(Dialect::UpdaterCloud).await;
        let roster: String = (0..60).map(|n| row(n, "/总公司")).collect();
        let app = site.configure(&roster, &format!("verify = \"{how}\""), "");
        let store = app.store().await.unwrap();
        let first = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!((first.commit, first.state), (CommitState::Withheld, TargetState::Quarantined));
        assert_eq!(first.exit_code, 6);
        assert!(first.warnings.iter().any(|line| line.contains("00000")), "{:?}", first.warnings);
        assert!(site.users().is_empty(), "nobody can log in yet");
        // The next run looks again, at all of it, and still commits nothing.
        let second = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!((second.commit, second.calls.mutations), (CommitState::Withheld, 0), "{second:#?}");
        assert!(site.users().is_empty());
        // The roster is corrected: what is written then is as believed, and all of it takes effect.
        let roster = roster.replace("全员", "CRM");
        let app = site.configure(
            &roster,
            &format!("verify = \"{how}\"\n[target.guard]\nmax_change_percent = \"off\""),
            "",
        );
        let third = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!((third.commit, third.state), (CommitState::Confirmed, TargetState::Clean), "{third:#?}");
        let users = site.users();
        assert!(users.len() == 60 && users.values().all(|user| user.roles.contains("CRM")));
    }
}

#[tokio::test]
async fn a_person_may_let_it_pass_and_what_is_as_written_passes_by_itself() {
    for dialect in BOTH {
        let site = Site::new(dialect, &[]).await;
        let roster: String = (0..5).map(|n| row(n, "/总公司")).collect();
        let app = site.configure(&roster, "verify = \"all\"", "");
        let store = app.store().await.unwrap();
        let added = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!(
            (added.outcome, added.commit),
            (RunOutcome::Applied, CommitState::Confirmed),
            "{added:#?}"
        );
        assert!(added.calls.queries >= 5);
        let app = site.configure(&row(0, "/总公司"), "verify = \"all\"\n[target.guard]\nmax_missing = 10\nmax_missing_percent = \"off\"\nmax_department_loss_percent = \"off\"\nmax_shrink_percent = \"off\"", "");
        let removed = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!((removed.counts.delete, removed.commit), (4, CommitState::Confirmed), "{removed:#?}");
        let idle = sync(&app, &store, false).await.report.targets.remove(0);
        assert_eq!((idle.calls.queries, idle.calls.commits), (0, 0), "nothing written, nothing to prove");
    }
    let site = forgetful(Dialect::Openapi).await;
    let app = site.configure(&row(1, "/总公司"), "verify = \"all\"\non_missing_role = \"block\"", "");
    let store = app.store().await.unwrap();
    // openapi lists its roles, so the person is blocked before anything is written.
    let blocked = sync(&app, &store, false).await.report.targets.remove(0);
    assert_eq!((blocked.counts.blocked, blocked.calls.mutations), (1, 0), "{blocked:#?}");

    let site = forgetful(Dialect::UpdaterCloud).await;
    let app = site.configure(&row(1, "/总公司"), "verify = \"all\"", "");
    let store = app.store().await.unwrap();
    sync(&app, &store, false).await;
    let allowed = rosterd::app::sync::Request {
        allow_guards: ["verify".to_owned()].into(),
        reason: "the role comes later".into(),
        ..request(false)
    };
    let passed = ask(&app, &store, allowed).await.report.targets.remove(0);
    assert_eq!((passed.commit, passed.state), (CommitState::Confirmed, TargetState::Clean), "{passed:#?}");
    assert_eq!(site.users().len(), 1);
}

#[tokio::test]
async fn sessions_of_leavers_end_after_the_commit_and_only_theirs() {
    let site = Site::new(Dialect::Openapi, &[]).await;
    let roster: String = (0..6).map(|n| row(n, "/总公司")).collect();
    let kick = "[target.leavers]\nkick_online = true";
    let app = site.configure(&roster, kick, "");
    let store = app.store().await.unwrap();
    sync(&app, &store, false).await;
    let today = app.today();
    let online = ["00000", "00002", "00003"];
    for name in online {
        assert!(lock(&site.device).log_in(name, today));
    }
    lock(&site.device).trim_log(0);
    // 00000 and 00001 leave; 00002 moves. 00001 is not online: no reason to complain.
    let roster: String = (2..6).map(|n| row(n, if n == 2 { "/总公司/销售部" } else { "/总公司" })).collect();
    let app = site.configure(&roster, kick, "");
    let done = sync(&app, &store, false).await.report.targets.remove(0);
    assert_eq!((done.outcome, done.counts.delete), (RunOutcome::Applied, 2), "{done:#?}");
    assert_eq!(done.warnings, Vec::<String>::new());
    let actions = site.actions();
    let commit = actions.iter().position(|action| action == "DataSyncCloud").unwrap();
    let kicks: Vec<_> = (0..actions.len()).filter(|n| actions[*n] == "KillOnlineUserCloud").collect();
    assert!(kicks.len() == 2 && kicks.iter().all(|n| *n > commit), "{actions:?}");
    assert!(lock(&site.device).online().iter().eq(["00002", "00003"]));
    assert!(!store.target(&hq()).await.unwrap().dirty, "ending sessions needs no commit");
    let idle = sync(&app, &store, false).await.report.targets.remove(0);
    assert_eq!((idle.calls.mutations, idle.calls.commits), (0, 0));
}

#[tokio::test]
async fn a_difference_that_somebody_made_meanwhile_is_shown_by_drift_and_put_right_by_a_repair() {
    let site = forgetful(Dialect::UpdaterCloud).await;
    let roster = row(1, "/总公司").replace("全员", "CRM");
    let app = site.configure(&roster, "verify = \"all\"", "");
    let store = app.store().await.unwrap();
    assert_eq!(sync(&app, &store, false).await.report.targets[0].commit, CommitState::Confirmed);
    // rosterd believes in a role that the device left out: a repair learns what is there, and the plan writes it again.
    let now = SystemClock::new().now();
    let name = Username::new("00001").unwrap();
    let update = UpdateUser {
        old_name: name.clone(),
        new_name: name,
        group: GroupPath::new("/总公司").unwrap(),
        note: "x".into(),
        phone: String::new(),
        roles: Default::default(),
        enabled: true,
        ext_auth: None,
        auth: None,
        expires_on: None,
    };
    assert_eq!(lock(&site.device).mutate(&Mutation::Update(update), now), Outcome::Applied);
    let target = hq();
    let wish = rosterd::app::drift::Wish {
        target: &target,
        repair: true,
        stop: rosterd::stop::Stop::new(),
        progress: &|_| {},
    };
    let found = app.drift(&store, wish).await.unwrap();
    assert_eq!(found.changed[0].changes.keys().collect::<Vec<_>>(), ["note", "phone", "roles"]);
    let done = sync(&app, &store, false).await.report.targets.remove(0);
    assert_eq!((done.outcome, done.commit), (RunOutcome::Applied, CommitState::Confirmed), "{done:#?}");
    assert!(site.users()["00001"].roles.contains("CRM"));
}
