//! What an update leaves as it was: fields that rosterd does not manage, logins that a human took away, authentication
//! servers, passwords. On firmware that erases what an update leaves out, and on firmware that does not.

use rosterd::gateway::Dialect;
use rosterd::gateway::embedded::{Quirk, UserView};
use rosterd::reason::BlockKind;
use rosterd::report::{CommitState, RunOutcome, TargetReport, TargetState};

use crate::by_hand::{ByHand, Site, as_wanted, row, sync};

const BOTH: [Dialect; 2] = [Dialect::UpdaterCloud, Dialect::Openapi];

async fn run(site: &Site, roster: &str, target: &str) -> TargetReport {
    let app = site.configure(roster, target, "");
    let store = app.store().await.unwrap();
    let mut done = sync(&app, &store, false).await;
    assert_eq!(done.roster_error, None);
    done.report.targets.remove(0)
}

/// The user, without the number that the device gives.
fn seen(site: &Site, n: usize) -> UserView {
    UserView { id: 0, ..site.users()[&format!("{n:05}")].clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_changed_field_leaves_all_the_others_on_firmware_that_erases() {
    for dialect in BOTH {
        let site = Site::new(dialect, &[Quirk::OpenapiErases]).await;
        // Made by hand as the roster wants them, with a server of their own; one was disabled by somebody.
        let by_hand: Vec<_> = (1..=3)
            .map(|n| ByHand {
                roles: vec!["全员", "CRM"],
                server: Some("LDAP-总部"),
                enabled: n != 2,
                ..as_wanted(n, "/总公司")
            })
            .collect();
        site.make(&by_hand);
        let target = "existing = \"adopt\"\nauth = { servers = { \"3\" = \"LDAP-总部\" } }\nguard = { first_contact = \"off\" }\n";
        let everybody: String = (1..=3).map(|n| row(n, "/总公司")).collect();
        let adopted = run(&site, &everybody, target).await;
        assert_eq!(adopted.outcome, RunOutcome::Applied, "{dialect:?} {adopted:#?}");
        let before: Vec<_> = (1..=3).map(|n| seen(&site, n)).collect();
        assert!(!before[1].enabled && before.iter().all(|user| user.ext_auth.is_some()), "{before:#?}");

        let moved: String = (1..=3).map(|n| row(n, "/总公司").replace("138", "139")).collect();
        let report = run(&site, &moved, target).await;
        assert_eq!(
            (report.outcome, report.counts.update),
            (RunOutcome::Applied, 3),
            "{dialect:?} {report:#?}"
        );
        for (n, before) in (1..=3).zip(before) {
            let phone = format!("139{n:08}");
            assert_eq!(seen(&site, n), UserView { phone, ..before }, "{dialect:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_with_a_server_that_the_settings_do_not_name_is_left_alone() {
    // Such a device tells the server's number only.
    let site = Site::new(Dialect::UpdaterCloud, &[Quirk::MissingIsEnable]).await;
    site.make(&[ByHand { server: Some("RADIUS"), ..as_wanted(1, "/总公司") }, as_wanted(2, "/总公司")]);
    let target = "existing = \"adopt\"\nguard = { first_contact = \"off\" }\n";
    let everybody: String = (1..=2).map(|n| row(n, "/总公司").replace("138", "139")).collect();
    let before = seen(&site, 1);
    let report = run(&site, &everybody, target).await;
    let blocked: Vec<_> = report.blocked.iter().map(|b| (b.person.as_str(), b.reason.kind())).collect();
    assert_eq!(blocked, [("00001", BlockKind::ExternalAuth)], "{report:#?}");
    assert_eq!(seen(&site, 1), before);
    assert_eq!(seen(&site, 2).phone, "13900000002");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_users_log_in_as_the_settings_say() {
    for dialect in BOTH {
        for (auth, inherits, server) in [
            ("{ mode = \"inherit\" }", true, None),
            ("{ mode = \"password\" }", false, None),
            ("{ mode = \"external\", server = \"LDAP-总部\" }", false, Some("LDAP-总部")),
        ] {
            let site = Site::new(dialect, &[]).await;
            let report = run(&site, &row(1, "/总公司"), &format!("auth = {auth}\n")).await;
            assert_eq!(report.outcome, RunOutcome::Applied, "{dialect:?} {auth} {report:#?}");
            let user = seen(&site, 1);
            assert_eq!(
                (user.inherits_auth, user.ext_auth.as_deref()),
                (inherits, server),
                "{dialect:?} {auth}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firmware_whose_updates_erase_passwords_is_found_at_the_first_update() {
    let site = Site::new(Dialect::UpdaterCloud, &[Quirk::UpdatesErasePassword]).await;
    let settings = "auth = { mode = \"password\" }\n[target.initial_password]\nmode = \"random\"\nsink = \"file:first.csv\"\n";
    let three = |phone: &str| (1..=3).map(|n| row(n, "/总公司").replace("138", phone)).collect::<String>();
    let added = run(&site, &three("138"), settings).await;
    assert_eq!(added.outcome, RunOutcome::Applied, "{added:#?}");
    assert!((1..=3).all(|n| seen(&site, n).has_password));

    let report = run(&site, &three("139"), settings).await;
    assert_eq!((report.outcome, report.exit_code), (RunOutcome::Partial, 6), "{report:#?}");
    assert_eq!((report.commit, report.state), (CommitState::Withheld, TargetState::Quarantined));
    assert_eq!(report.counts.update, 1, "nothing more is sent after the first");
    assert!((1..=3).all(|n| seen(&site, n).has_password), "nothing took effect");
    assert!(report.warnings.iter().any(|words| words.contains("00001")), "{:?}", report.warnings);

    // Only who accepts that may go on.
    let still = run(&site, &three("139"), settings).await;
    assert_eq!((still.exit_code, still.state), (6, TargetState::Quarantined), "{still:#?}");
    let accepting =
        settings.replace("mode = \"password\"", "mode = \"password\", updates_erase_password = true");
    let done = run(&site, &three("139"), &accepting).await;
    assert_eq!((done.exit_code, done.state), (0, TargetState::Clean), "{done:#?}");
    assert_eq!(seen(&site, 3).phone, "13900000003");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_run_side_by_side_each_with_its_own_people_and_result() {
    let (north, south) =
        (Site::new(Dialect::UpdaterCloud, &[]).await, Site::new(Dialect::Openapi, &[]).await);
    let roster: String =
        (1..=6).map(|n| row(n, if n % 2 == 0 { "/总公司/北京" } else { "/总公司/上海" })).collect();
    let others = |url: &str| {
        format!(
            "select = {{ department = \"/总公司/北京\" }}\n[[target]]\nname = \"south\"\nurl = \"{url}\"\nkey = \"file:key\"\n\
             dialect = \"openapi\"\nselect = {{ department = \"/总公司/上海\" }}\npace = {{ retries = 0, timeout = \"1s\" }}\n"
        )
    };
    let down = others("http://127.0.0.1:9");
    let app = north.configure(&roster, &down, "");
    let store = app.store().await.unwrap();
    let done = sync(&app, &store, false).await;
    let outcomes: Vec<_> =
        done.report.targets.iter().map(|t| (t.target.as_str(), t.outcome, t.exit_code)).collect();
    assert_eq!(outcomes, [("hq", RunOutcome::Applied, 0), ("south", RunOutcome::Failed, 1)], "{done:#?}");
    assert_eq!(north.users().keys().map(String::as_str).collect::<Vec<_>>(), ["00002", "00004", "00006"]);

    let app = north.configure(&roster, &others(&south.url), "");
    let store = app.store().await.unwrap();
    let done = sync(&app, &store, false).await;
    let outcomes: Vec<_> =
        done.report.targets.iter().map(|t| (t.target.as_str(), t.outcome, t.counts.add)).collect();
    assert_eq!(outcomes, [("hq", RunOutcome::NoChanges, 0), ("south", RunOutcome::Applied, 3)], "{done:#?}");
    assert_eq!(south.users().keys().map(String::as_str).collect::<Vec<_>>(), ["00001", "00003", "00005"]);

    // Somebody moves from one to the other: gone here, new there, each under its own guards.
    let moved = roster.replace("00001,员工1,/总公司/上海", "00001,员工1,/总公司/北京");
    let app = north.configure(&moved, &others(&south.url), "");
    let store = app.store().await.unwrap();
    let done = sync(&app, &store, false).await;
    assert_eq!(done.report.targets[0].counts.add, 1, "{done:#?}");
    assert_eq!(done.report.targets[1].counts.delete, 1, "{done:#?}");
    assert_eq!((north.users().len(), south.users().len()), (4, 2));
}
