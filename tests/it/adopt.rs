//! Users who were on a gateway before rosterd: found, reviewed, taken over, and kept as they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rosterd::app::App;
use rosterd::app::existing::{Reviewed, Wish};
use rosterd::app::sync::Request;
use rosterd::clock::{Clock as _, SystemClock};
use rosterd::existing::links;
use rosterd::existing::review::ReviewError;
use rosterd::gateway::embedded::{UserView, lock};
use rosterd::gateway::{Dialect, UserRecord};
use rosterd::model::{PersonKey, Username};
use rosterd::plan::{AccountState, ActionKind, Origin, Reason};
use rosterd::reason::BlockKind;
use rosterd::report::RunOutcome;
use rosterd::stop::Stop;
use rosterd::store::Store;
use rosterd::store::journal::{Actor, Intent, IntentState, NewCall, NewRun, Settlement, Trigger};
use serde_json::json;

use crate::by_hand::{self, ByHand, Site, as_wanted, hq, row, sync};

async fn review(app: &App, store: &Store) -> Reviewed {
    let target = hq();
    let wish = Wish {
        target: &target,
        links: BTreeMap::new(),
        with_groups: true,
        stop: Stop::new(),
        progress: &|_| {},
    };
    app.review(store, wish).await.unwrap()
}

const BOTH: [Dialect; 2] = [Dialect::UpdaterCloud, Dialect::Openapi];

#[tokio::test]
async fn five_thousand_users_of_whom_three_thousand_are_in_the_roster() {
    let site = Site::new(Dialect::Openapi, &[]).await;
    let users: Vec<ByHand> = (0..5000)
        .map(|n| match n {
            // Fields that differ: nobody else's may be touched.
            n if n % 100 == 7 => {
                ByHand { note: "made by hand".into(), ..as_wanted(n, "/总公司/研发部") }
            }
            n => as_wanted(n, "/总公司/研发部"),
        })
        .collect();
    site.make(&users);
    let roster: String = (0..3000).map(|n| row(n, "/总公司/研发部")).collect();
    let app = site.configure(&roster, "", "");
    let store = app.store().await.unwrap();
    let before = site.users();

    let reviewed = review(&app, &store).await;
    let review = reviewed.file.review();
    assert_eq!((review.people.len(), review.absent.len()), (3000, 0));
    assert_eq!(review.strangers.as_ref().unwrap().len(), 2000);
    let changing: Vec<_> = review.people.iter().filter(|one| !one.changes.is_empty()).collect();
    assert_eq!(changing.len(), 30);
    assert!(changing.iter().all(|one| one.changes.keys().eq(["note"])));
    let path = site.path("review.json");
    reviewed.file.write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("13800000042"), "phones are masked in what people see");
    let sent: Vec<_> =
        site.actions().into_iter().filter(|a| a != "GetSearchData" && a != "ExGetUserInfo").collect();
    assert_eq!(sent, Vec::<String>::new(), "a review only looks");

    lock(&site.device).trim_log(0);
    let (report, taken) = app.take_over(&store, &path, "they are ours").await.unwrap();
    assert_eq!((taken, report.counts.adopt, report.outcome), (3000, 3000, RunOutcome::Applied));
    assert_eq!(site.actions(), Vec::<String>::new(), "taking over sends nothing");

    let planned = sync(&app, &store, true).await;
    let plan = &planned.report.targets[0];
    assert_eq!(plan.held_by, Vec::new(), "{plan:#?}");
    let counts = plan.counts;
    assert_eq!((counts.update, counts.unchanged), (30, 2970));
    assert_eq!((counts.add, counts.delete, counts.disable, counts.rename), (0, 0, 0, 0));

    let done = sync(&app, &store, false).await;
    assert_eq!(done.report.targets[0].outcome, RunOutcome::Applied, "{done:#?}");
    let after = site.users();
    assert_eq!(after.len(), 5000);
    for (name, user) in &before {
        let n: usize = name.parse().unwrap();
        let expected = match n % 100 == 7 && n < 3000 {
            true => UserView { note: format!("员工{n}-工程师"), ..user.clone() },
            false => user.clone(),
        };
        assert_eq!(after[name], expected);
    }
    assert!(store.target(&hq()).await.unwrap().contacted);
    let whole = store.audit_verify(Vec::new()).await.unwrap();
    assert_eq!(whole.broken, Vec::new());
}

/// 4,800 users made by hand, half of them in groups that HR does not know, some on LDAP, some disabled, some with roles and
/// phones of their own. What the plan says changes, and nothing else.
async fn first_contact(dialect: Dialect, people: usize) {
    let site = Site::new(dialect, &[]).await;
    let department =
        |n: usize| if n.is_multiple_of(3) { "/总公司/销售部" } else { "/总公司/研发部" };
    let users: Vec<ByHand> = (0..people)
        .map(|n| {
            let mut user = as_wanted(n, department(n));
            if n.is_multiple_of(2) {
                user.group = if n.is_multiple_of(3) { "/Sales/east" } else { "/rnd" }.into();
            }
            if n % 50 == 1 {
                user.server = Some("LDAP-总部");
            }
            if n % 60 == 5 {
                user.enabled = false;
            }
            if n % 70 == 3 {
                user.roles = vec!["全员", "CRM", "堡垒机"];
            }
            if n % 80 == 9 {
                user.note = "vip".into();
            }
            user
        })
        .collect();
    site.make(&users);
    let roster: String = (0..people).map(|n| row(n, department(n))).collect();
    let app = site.configure(&roster, "[target.auth]\nservers = { \"1\" = \"LDAP-总部\" }", "");
    let store = app.store().await.unwrap();
    let before = site.users();

    let found = rosterd::doctor::examine(&app, &[], None).await;
    assert!(found.iter().all(|f| f.status != rosterd::doctor::Mark::Fail), "{found:#?}");
    // Nothing is ours yet: a sync is held, or finds that every name exists.
    let held = sync(&app, &store, false).await;
    assert_eq!(held.report.targets[0].outcome, RunOutcome::Held);
    assert_eq!(site.users(), before);

    let reviewed = review(&app, &store).await;
    let review = reviewed.file.review();
    assert_eq!((review.people.len(), review.left_alone.len()), (people, 0), "{:#?}", review.left_alone);
    let path = site.path("review.json");
    reviewed.file.write(&path).unwrap();
    app.take_over(&store, &path, "first contact").await.unwrap();
    assert_eq!(site.users(), before);

    let planned = sync(&app, &store, true).await;
    let announced: BTreeMap<_, _> = planned.report.targets[0]
        .actions
        .clone()
        .unwrap()
        .into_iter()
        .map(|action| (action.username.to_string(), action.changes))
        .collect();
    let reviewed: BTreeMap<_, _> = review
        .people
        .iter()
        .filter(|one| !one.changes.is_empty())
        .map(|one| (one.username.to_string(), one.changes.clone()))
        .collect();
    assert_eq!(announced, reviewed, "the review says what the plan says");

    // Half of the company would move at once: that waits for a person, who has read the plan.
    let waits = sync(&app, &store, false).await;
    let target = &waits.report.targets[0];
    assert_eq!((target.outcome, target.calls.mutations), (RunOutcome::Held, 0), "{target:#?}");
    assert_eq!(site.users(), before);
    let allow_guards = target.held_by.iter().map(|held| held.guard.to_string()).collect();
    let request = Request { allow_guards, reason: "read the plan".to_owned(), ..by_hand::request(false) };
    let done = by_hand::ask(&app, &store, request).await;
    let target = &done.report.targets[0];
    assert_eq!((target.outcome, target.failures.len()), (RunOutcome::Applied, 0), "{target:#?}");
    let after = site.users();
    assert_eq!(after.len(), before.len(), "nobody lost the login");
    for (name, was) in &before {
        let is = &after[name];
        assert_eq!((is.enabled, &is.ext_auth), (was.enabled, &was.ext_auth), "{name}");
        let changed = |field: &str| announced.get(name).is_some_and(|changes| changes.contains_key(field));
        assert!(is.group == was.group || changed("group"), "{name}");
        assert!(is.note == was.note || changed("note"), "{name}");
        assert!(is.phone == was.phone || changed("phone"), "{name}");
        assert!(is.roles == was.roles || changed("roles"), "{name}");
        let said_nothing = !announced.contains_key(name);
        assert!(!said_nothing || is == was, "{name}");
    }
    let again = sync(&app, &store, false).await;
    assert_eq!(again.report.targets[0].calls.mutations, 0, "and the next run finds nothing to do");
}

#[tokio::test]
async fn the_first_contact_takes_nothing_from_anybody_on_the_new_dialect() {
    first_contact(Dialect::Openapi, 480).await;
}

#[tokio::test]
async fn the_first_contact_takes_nothing_from_anybody_on_the_old_dialect() {
    first_contact(Dialect::UpdaterCloud, 4800).await;
}

#[tokio::test]
async fn a_review_that_was_edited_is_refused_and_crossing_people_out_is_not() {
    for dialect in BOTH {
        let site = Site::new(dialect, &[]).await;
        site.make(&(0..3).map(|n| as_wanted(n, "/总公司")).collect::<Vec<_>>());
        let roster: String = (0..4).map(|n| row(n, "/总公司")).collect();
        let app = site.configure(&roster, "protect = [\"00002\"]", "");
        let store = app.store().await.unwrap();
        let reviewed = review(&app, &store).await;
        let said = reviewed.file.review();
        assert_eq!(said.people.len(), 2);
        assert_eq!(said.absent[0].person.as_str(), "00003");
        assert_eq!(said.left_alone[0].reason.kind(), BlockKind::Protected);
        let path = site.path("review.json");
        reviewed.file.write(&path).unwrap();
        let file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for (key, value) in [
            ("/people/0/username", json!("00002")),
            ("/people/0/person", json!("00003")),
            ("/people/0/look", json!("0")),
            ("/url", json!("https://10.1.1.1:4430")),
            ("/version", json!(2)),
        ] {
            let mut edited = file.clone();
            *edited.pointer_mut(key).unwrap() = value;
            site.write("edited.json", &edited.to_string());
            let error = app.take_over(&store, &site.path("edited.json"), "x").await.unwrap_err();
            assert!(!error.to_string().is_empty());
            assert!(store.snapshot(&hq()).await.unwrap().entries.is_empty(), "{key}");
        }
        let mut crossed = file.clone();
        crossed["people"][0]["take"] = json!(false);
        site.write("crossed.json", &crossed.to_string());
        let (_, taken) = app.take_over(&store, &site.path("crossed.json"), "x").await.unwrap();
        assert_eq!(taken, 1);
        let entries = store.snapshot(&hq()).await.unwrap().entries;
        assert_eq!(entries.keys().map(|key| key.as_str()).collect::<Vec<_>>(), ["00001"]);
        // A second time it fits no more.
        app.take_over(&store, &site.path("crossed.json"), "x").await.unwrap_err();
    }
}

/// Somebody else's add, of which a look said that it did not happen; `may_land`: it may all the same.
async fn lost_add(store: &Store, username: &str, may_land: bool) {
    let (target, now) = (hq(), SystemClock::new().now());
    let new = NewRun {
        target: target.clone(),
        dry: false,
        trigger: Trigger::Cli,
        actor: Actor::default(),
        config_digest: String::new(),
        as_of: now.date_naive(),
    };
    let run = store.begin_run(new, now).await.unwrap().0;
    let (person, name) = (PersonKey::new("99999").unwrap(), Username::new(username).unwrap());
    let record = UserRecord { group: Some("/总公司".into()), ..UserRecord::default() };
    let intent = Intent {
        run,
        seq: 1,
        person: person.clone(),
        username: name.clone(),
        new_username: name,
        kind: ActionKind::Add,
        reason: Reason::Joined,
        before: None,
        after: AccountState::from_record(&record),
        origin: Origin::Created,
        source: None,
        state: IntentState::Sending,
        unsettled: false,
        last_sent_at: now,
    };
    let call = NewCall { run, seq: 1, kind: "add", payload: String::new(), intents: vec![intent] };
    store.journal(&target, call, now).await.unwrap();
    let state = IntentState::Undone;
    let settled = vec![Settlement { run, seq: 1, person, state, unsettled: may_land }];
    store.settle(&target, run, settled, Vec::new(), false, now).await.unwrap();
}

#[tokio::test]
async fn nobody_is_taken_over_while_a_call_that_names_them_may_still_land() {
    for may_land in [true, false] {
        let site = Site::new(Dialect::UpdaterCloud, &[]).await;
        site.make(&[as_wanted(0, "/总公司"), as_wanted(1, "/总公司")]);
        let app = site.configure(&(row(0, "/总公司") + &row(1, "/总公司")), "", "");
        let store = app.store().await.unwrap();
        let path = site.path("review.json");
        review(&app, &store).await.file.write(&path).unwrap();
        lost_add(&store, "00001", may_land).await;
        let taken = app.take_over(&store, &path, "they are ours").await;
        let entries = store.snapshot(&hq()).await.unwrap().entries;
        if may_land {
            // The user may be the one whom the add made: then they are not this person's.
            let person = PersonKey::new("00001").unwrap();
            let why = ReviewError::MayLand { person, username: Username::new("00001").unwrap() };
            assert_eq!((taken.unwrap_err().to_string(), entries.len()), (why.to_string(), 0));
        } else {
            assert_eq!((taken.unwrap().1, entries.len()), (2, 2));
        }
    }
}

#[tokio::test]
async fn names_that_follow_no_template_are_tied_and_stay_tied() {
    let site = Site::new(Dialect::UpdaterCloud, &[]).await;
    site.make(&[ByHand { name: "wangfang".into(), ..as_wanted(1, "/总公司") }]);
    let app = site.configure(&row(1, "/总公司"), "", "");
    let store = app.store().await.unwrap();
    site.write("links.csv", "工号,用户名\n00001,wangfang\n");
    let target = hq();
    let links = links::read(&site.path("links.csv")).unwrap();
    let wish = Wish { target: &target, links, with_groups: false, stop: Stop::new(), progress: &|_| {} };
    let reviewed = app.review(&store, wish).await.unwrap();
    let one = &reviewed.file.review().people[0];
    assert_eq!((one.username.as_str(), one.linked, one.changes.len()), ("wangfang", true, 0));
    let path = site.path("review.json");
    reviewed.file.write(&path).unwrap();
    app.take_over(&store, &path, "she was there first").await.unwrap();
    let done = sync(&app, &store, false).await;
    let counts = done.report.targets[0].counts;
    assert_eq!((counts.unchanged, counts.add, counts.rename), (1, 0, 0), "{done:#?}");
}

#[tokio::test]
async fn a_review_goes_on_where_it_was_stopped() {
    let site = Site::new(Dialect::UpdaterCloud, &[]).await;
    site.make(&(0..120).map(|n| as_wanted(n, "/总公司")).collect::<Vec<_>>());
    let roster: String = (0..120).map(|n| row(n, "/总公司")).collect();
    let app = site.configure(&roster, "", "");
    let store = app.store().await.unwrap();
    let (target, stop) = (hq(), Stop::new());
    let asked = std::sync::atomic::AtomicU64::new(0);
    let progress = |more| {
        if asked.fetch_add(more, std::sync::atomic::Ordering::Relaxed) + more == 70 {
            stop.ask();
        }
    };
    let wish = Wish {
        target: &target,
        links: BTreeMap::new(),
        with_groups: false,
        stop: stop.clone(),
        progress: &progress,
    };
    let first = app.review(&store, wish).await.unwrap();
    assert_eq!((first.left, first.calls.queries), (50, 70));
    assert_eq!((first.file.review().people.len(), first.file.review().unanswered), (70, 50));
    assert_eq!(first.file.review().absent, Vec::new(), "nobody is absent who was not asked for");
    let second = review(&app, &store).await;
    assert_eq!((second.left, second.calls.queries), (0, 50));
    assert_eq!(second.file.review().people.len(), 120);
}

#[tokio::test]
async fn groups_are_suggested_and_names_that_nearly_fit_are_shown() {
    let site = Site::new(Dialect::Openapi, &[]).await;
    let mut users: Vec<ByHand> =
        (0..10).map(|n| ByHand { group: "/Sales".into(), ..as_wanted(n, "") }).collect();
    users.push(ByHand { name: "ABC".into(), ..ByHand::new("") });
    site.make(&users);
    let mut roster: String = (0..10).map(|n| row(n, "/总公司/销售部")).collect();
    let _ = writeln!(roster, "abc,某人,/总公司,工程师,,");
    let app = site.configure(&roster, "", "");
    let store = app.store().await.unwrap();
    let reviewed = review(&app, &store).await;
    let said = reviewed.file.review();
    assert_eq!(said.absent[0].similar.as_deref(), Some("ABC"));
    let groups = &said.suggested_groups;
    assert_eq!((groups[0].department.as_str(), groups[0].group.as_str()), ("/总公司/销售部", "/Sales"));
    // With the lines in the configuration nobody is moved.
    let map = rosterd::existing::suggest::lines(groups);
    let app = site.configure(&roster, "", &map);
    let again = review(&app, &store).await;
    assert!(again.file.review().people.iter().all(|one| one.changes.is_empty()), "{:#?}", again.file);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_writes_a_review_and_applies_it() {
    let site = Site::new(Dialect::UpdaterCloud, &[]).await;
    site.make(&[as_wanted(1, "/总公司"), ByHand { note: "old".into(), ..as_wanted(2, "/总公司") }]);
    let roster: String = (1..4).map(|n| row(n, "/总公司")).collect();
    drop(site.configure(&roster, "", ""));
    let run = site.program();
    let (shown, refused, applied, json) = tokio::task::spawn_blocking(move || {
        (
            run(&["adopt", "--suggest-map"]),
            run(&["adopt", "--apply", "adopt-hq.json"]),
            run(&["adopt", "--apply", "adopt-hq.json", "--reason", "ours"]),
            run(&["adopt", "--output", "json"]),
        )
    })
    .await
    .unwrap();
    assert_eq!(shown.0, Some(0));
    assert!(shown.1.contains("00002 (00002) note: old → 员工2-工程师"), "{}", shown.1);
    assert_eq!(refused.0, Some(2), "a reason is needed");
    assert_eq!(applied.0, Some(0), "{}", applied.1);
    let json: serde_json::Value = serde_json::from_str(&json.1).unwrap();
    assert_eq!((&json["ours"], &json["people"], &json["strangers"]), (&json!(2), &json!([]), &json!(null)));
    assert_eq!(json["absent"][0]["person"], "00003");
}
