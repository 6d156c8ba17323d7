//! The program from end to end, over real loopback HTTP: sync, plan, guards, approvals, and what people see.

use serde_json::{Value, json};

use crate::cli_world::{Said, World};

const ZHANG: &str = "10023,张三,/总公司/销售部,销售,13800001111,在职";
const LI: &str = "10024,李四,/总公司/财务部,会计,13800002222,在职";
const WANG: &str = "10025,王芳,/总公司/销售部,经理,13800003333,在职";

fn world() -> World {
    let world = World::new("");
    world.roster(&[ZHANG, LI, WANG]);
    world
}

/// The only target of a report.
fn target(said: &Said) -> Value {
    said.json()["targets"][0].clone()
}

fn sync(world: &World, args: &[&str]) -> Said {
    world.run(&[&["sync", "--output", "json"], args].concat())
}

#[test]
fn a_roster_becomes_users_with_one_commit_and_a_second_run_finds_nothing() {
    let world = world();
    let first = target(&sync(&world, &[]).expect(0));
    assert_eq!(first["outcome"], "applied");
    assert_eq!(first["counts"]["add"], 3);
    assert_eq!((&first["calls"]["mutations"], &first["calls"]["commits"]), (&json!(3), &json!(1)));
    assert_eq!((&first["commit"], &first["state"]), (&json!("confirmed"), &json!("clean")));

    let second = target(&sync(&world, &[]).expect(0));
    assert_eq!(second["outcome"], "no_changes");
    assert_eq!(second["counts"]["unchanged"], 3);
    assert_eq!((&second["calls"]["mutations"], &second["calls"]["commits"]), (&json!(0), &json!(0)));
}

#[test]
fn a_days_changes_are_the_smallest_actions() {
    let world = world();
    sync(&world, &[]).expect(0);
    world.roster(&[
        "10023,张三,/总公司/财务部,销售,13800001111,在职",
        "10025,王芳,/总公司/销售部,经理,13800003333,离职",
        "10026,赵六,/总公司/销售部,销售,,在职",
        "10024,李四,/总公司/财务部,会计,13800002222,在职",
    ]);
    let done = target(&sync(&world, &[]).expect(0));
    assert_eq!(done["outcome"], "applied");
    let counts = &done["counts"];
    assert_eq!((&counts["add"], &counts["update"], &counts["delete"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!((&done["calls"]["mutations"], &done["calls"]["commits"]), (&json!(3), &json!(1)));
    assert_eq!(done["changed_fields"], json!({ "group": 1 }));
}

#[test]
fn looking_sends_nothing_and_the_plan_that_was_shown_is_the_plan_that_runs() {
    let world = world();
    let dry = target(&sync(&world, &["--dry-run"]).expect(0));
    assert_eq!((&dry["outcome"], &dry["calls"]["mutations"]), (&json!("planned"), &json!(0)));
    assert_eq!(dry["actions"].as_array().unwrap().len(), 3);
    assert!(!dry.to_string().contains("13800001111"), "phones are masked");

    world.run(&["plan", "--detailed-exitcode"]).expect(10);
    let planned = world.run(&["plan", "-o", "plan.json"]).expect(0);
    assert!(planned.err.contains("plan.json"), "{}", planned.err);
    let done = target(&sync(&world, &["--plan", "plan.json"]).expect(0));
    assert_eq!((&done["outcome"], &done["counts"]["add"]), (&json!("applied"), &json!(3)));
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn a_plan_file_that_does_not_fit_is_refused() {
    let world = world();
    world.run(&["plan", "-o", "plan.json"]).expect(0);
    let text = std::fs::read_to_string(world.path("plan.json")).unwrap();
    world.write("edited.json", &text.replacen("10023", "10029", 1));
    let edited = sync(&world, &["--plan", "edited.json"]).expect(1).json();
    assert_eq!(edited["error"]["kind"], "plan_file");
    assert_eq!(edited["targets"], json!([]));

    let other = World::new("");
    other.roster(&[ZHANG]);
    other.write("plan.json", &text);
    assert_eq!(sync(&other, &["--plan", "plan.json"]).expect(1).json()["error"]["kind"], "plan_file");

    world.roster(&[ZHANG, LI]);
    let moved = sync(&world, &["--plan", "plan.json"]).expect(1);
    assert_eq!(target(&moved)["calls"]["mutations"], 0);
    assert_eq!(target(&moved)["outcome"], "failed");
}

/// A world in which two people left at once, and that is one too many.
fn held() -> World {
    let world = World::new("[target.guard]\nmax_missing = 1\n");
    world.roster(&[ZHANG, LI, WANG]);
    sync(&world, &[]).expect(0);
    world.roster(&[ZHANG]);
    world
}

#[test]
fn a_guard_holds_and_an_approval_lets_exactly_that_set_pass() {
    let world = held();
    let stopped = target(&sync(&world, &[]).expect(4));
    assert_eq!((&stopped["outcome"], &stopped["calls"]["mutations"]), (&json!("held"), &json!(0)));
    assert_eq!(stopped["held_by"][0]["guard"], "max_missing");
    assert_eq!(
        (&stopped["held_by"][0]["limit"], &stopped["held_by"][0]["actual"]),
        (&json!(1.0), &json!(2.0))
    );

    let status = world.run(&["status"]).expect(0);
    assert!(status.out.contains("max_missing"), "{}", status.out);
    let run = stopped["run_id"].as_str().unwrap();
    assert!(status.out.contains(&format!("rosterd approve {run}")), "{}", status.out);
    world.run(&["approve", run, "--reason", "the branch was sold"]).expect(0);

    world.roster(&[ZHANG, "10030,孙七,/总公司/销售部,销售,,在职"]);
    let done = target(&sync(&world, &[]).expect(0));
    assert_eq!((&done["counts"]["delete"], &done["counts"]["add"]), (&json!(2), &json!(1)));
    assert_eq!(done["approval"]["reason"], "the branch was sold");
}

#[test]
fn a_flag_lets_a_guard_pass_and_is_recorded() {
    let world = held();
    let args = ["--allow-guard", "max_missing", "--reason", "HR confirmed"];
    let done = target(&sync(&world, &args).expect(0));
    assert_eq!(done["counts"]["delete"], 2);
    assert_eq!(done["approval"]["reason"], "HR confirmed");
    let trail = world.run(&["audit", "export"]).expect(0).out;
    assert!(trail.lines().any(|l| l.contains("HR confirmed") && l.contains("max_missing")), "{trail}");
    world.write(
        "rosterd.toml",
        &(std::fs::read_to_string(world.path("rosterd.toml")).unwrap()
            + "[approval]\nallow_guard_flag = false\n"),
    );
    sync(&world, &args).expect(2);
}

#[test]
fn only_one_person_is_changed_and_an_unknown_target_is_wrong_usage() {
    let world = world();
    let done = target(&sync(&world, &["--only", "10024"]).expect(0));
    assert_eq!(done["counts"]["add"], 1);
    let unknown = sync(&world, &["--target", "branch"]).expect(2);
    assert!(unknown.err.contains("branch") && unknown.err.contains("hq"), "{}", unknown.err);
}

#[test]
fn a_given_roster_makes_nobody_missing_unless_it_is_complete() {
    let world = world();
    sync(&world, &[]).expect(0);
    world.write(
        "other.csv",
        "工号,姓名,部门,岗位,手机,状态\n10023,张三,/总公司/销售部,销售,13800001111,在职\n",
    );
    let part = target(&sync(&world, &["--roster", "other.csv", "--dry-run"]).expect(0));
    assert_eq!(part["counts"]["delete"], 0);
    let whole = target(&sync(&world, &["--roster", "other.csv", "--authoritative", "--dry-run"]));
    assert_eq!(whole["counts"]["delete"], 2);
}

#[test]
fn a_target_that_is_busy_is_left_to_the_other_run() {
    let world = world();
    sync(&world, &["--dry-run"]).expect(0);
    let name = rosterd::model::TargetName::new("hq").unwrap();
    let held = rosterd::sync::lock::TargetLock::take(&world.database(), &name).unwrap();
    let busy = target(&sync(&world, &[]).expect(5));
    assert_eq!(busy["outcome"], "locked");
    sync(&world, &["--dry-run"]).expect(0);
    drop(held);
    sync(&world, &[]).expect(0);
}

#[test]
fn a_roster_that_cannot_be_read_changes_nothing_and_says_where() {
    let world = world();
    sync(&world, &[]).expect(0);
    world.write("hr/staff.csv", "工号,姓名,部门,岗位,手机,状态\n10023,张三,/总公司/销");
    let failed = sync(&world, &[]).expect(1);
    let report = failed.json();
    assert_eq!((&report["exit_code"], &report["targets"]), (&json!(1), &json!([])));
    assert!(report["error"]["kind"].as_str().unwrap().starts_with("roster_"), "{report}");
    assert!(failed.err.contains("staff.csv"), "{}", failed.err);
    world.roster(&[ZHANG, LI, WANG]);
    assert_eq!(target(&sync(&world, &[]).expect(0))["outcome"], "no_changes");
}

#[test]
fn a_wrong_configuration_names_everything_that_is_wrong() {
    let world = World::new("protct = []\n");
    world.roster(&[ZHANG]);
    let said = sync(&world, &[]).expect(1);
    assert_eq!(said.json()["targets"], json!([]));
    assert!(said.err.contains("protct") && said.err.contains("protect"), "{}", said.err);
}

#[test]
fn people_see_what_happened() {
    let world = World::with("max_invalid_percent = 50.0\n", "");
    world.roster(&[
        ZHANG,
        LI,
        WANG,
        "10031,周八,/总公司/销售部,销售,,请假中",
        "10032,吴九,/总公司/销售部,,12,在职",
    ]);
    world.settings().bind(|| {
        insta::assert_snapshot!("sync_dry_run_en", world.run(&["sync", "--dry-run"]).expect(0).out);
        insta::assert_snapshot!(
            "sync_dry_run_zh",
            world.run(&["--lang", "zh", "sync", "--dry-run"]).expect(0).out
        );
        insta::assert_snapshot!("sync_en", world.run(&["sync"]).expect(0).out);
        insta::assert_snapshot!("sync_again_zh", world.run(&["--lang", "zh", "sync"]).expect(0).out);
        insta::assert_snapshot!("status_en", world.run(&["status", "--next", "0"]).expect(0).out);
        insta::assert_snapshot!("explain_en", world.run(&["explain", "10023"]).expect(0).out);
        insta::assert_snapshot!(
            "explain_blocked_zh",
            world.run(&["--lang", "zh", "explain", "10031"]).expect(0).out
        );
        insta::assert_snapshot!("roster_check_en", world.run(&["roster", "check"]).expect(0).out);
        insta::assert_snapshot!("history_en", world.run(&["history", "10023"]).expect(0).out);
        insta::assert_snapshot!("runs_one_en", world.run(&["runs", "3"]).expect(0).out);
        insta::assert_snapshot!("config_check_en", world.run(&["config", "check"]).expect(0).out);
    });
}

#[test]
fn people_see_what_holds() {
    let world = held();
    world.settings().bind(|| {
        insta::assert_snapshot!("sync_held_en", world.run(&["sync"]).expect(4).out);
        insta::assert_snapshot!("status_held_zh", world.run(&["--lang", "zh", "status"]).expect(0).out);
    });
}

#[test]
fn the_audit_trail_shows_any_change() {
    let world = world();
    sync(&world, &[]).expect(0);
    let whole = world.run(&["audit", "verify", "--output", "json"]).expect(0).json();
    assert_eq!((&whole["whole"], &whole["heads"]), (&json!(true), &json!(1)));
    let head = whole["head"]["digest"].as_str().unwrap().to_owned();
    world.run(&["audit", "verify", "--head", &head]).expect(0);
    world.run(&["audit", "verify", "--head", &"0".repeat(64)]).expect(1);
    world.run(&["audit", "verify", "--head", "nonsense"]).expect(2);

    let csv = world.run(&["audit", "export", "--format", "csv", "-o", "trail.csv"]).expect(0);
    assert_eq!(csv.out, "");
    let text = std::fs::read_to_string(world.path("trail.csv")).unwrap();
    assert!(text.starts_with("seq,at,kind,"), "{text}");
    assert_eq!(world.run(&["audit", "export", "--since", "2999-01-01"]).expect(0).out, "");

    alter(&world, "UPDATE audit SET body = replace(body, 'applied', 'failed')");
    let broken = world.run(&["audit", "verify"]).expect(1);
    assert!(broken.out.contains("the record was changed"), "{}", broken.out);
}

/// Does to the database what nobody should.
fn alter(world: &World, sql: &'static str) {
    use sqlx::{Connection as _, Executor as _};
    let url = format!("sqlite://{}", world.database().display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        connection.execute(sql).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn nothing_is_known_before_the_first_run_and_looking_makes_no_database() {
    let world = world();
    let status = world.run(&["status", "--max-age", "26h", "--output", "json"]).expect(1).json();
    assert_eq!(status["targets"][0]["last_run"], Value::Null);
    assert_eq!(world.run(&["runs", "--output", "json"]).expect(0).json()["runs"], json!([]));
    world.run(&["runs", "7"]).expect(1);
    world.run(&["history", "10023"]).expect(1);
    world.run(&["audit", "verify"]).expect(0);
    assert!(!world.database().exists());
}
