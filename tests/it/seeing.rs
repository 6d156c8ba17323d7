//! What people see of runs, plans, accounts and people, through the program; and names that do not exist.

use std::collections::BTreeSet;

use rosterd::model::TargetName;
use rosterd::sync::lock::TargetLock;
use serde_json::{Value, json};

use crate::cli_world::World;

const ZHANG: &str = "10023,张三,/总公司/销售部,销售,13800001111,在职";
const LI: &str = "10024,李四,/总公司/财务部,会计,13800002222,在职";
const WANG: &str = "10031,李四,/总公司/销售部,销售,13800003333,在职";

fn json_of(world: &World, args: &[&str], code: i32) -> Value {
    world.run(&[args, &["--output", "json"]].concat()).expect(code).json()
}

/// Two accounts were made; then both people are missing, which a guard holds.
fn held() -> World {
    let world = World::new("guard = { max_missing = 1, max_missing_percent = \"off\" }\n");
    world.roster(&[ZHANG, LI, WANG]);
    assert_eq!(json_of(&world, &["sync"], 0)["targets"][0]["counts"]["add"], 3);
    world.roster(&[WANG]);
    world
}

#[test]
fn a_run_says_who_what_by_which_call_and_by_which_command() {
    let world = World::new("");
    world.roster(&[ZHANG]);
    let _ = world.run(&["sync", "--only", "10023"]).expect(0);
    let moved = ZHANG.replace("销售部", "财务部");
    world.roster(&[&moved]);
    let _ = world.run(&["sync"]).expect(0);
    let run = json_of(&world, &["runs", "2"], 0);
    assert_eq!(run["run"]["actor"]["command"], "rosterd sync");
    assert_eq!(run["changes"][0]["person"], "10023");
    assert_eq!(run["changes"][0]["before"]["group"], "/总公司/销售部");
    assert_eq!(run["changes"][0]["after"]["group"], "/总公司/财务部");
    assert_eq!(run["changes"][0]["seq"], run["calls"][0]["seq"]);
    let first = world.run(&["runs", "1"]).expect(0).out;
    assert!(first.contains("Command: rosterd sync --only …"), "{first}");
    let text = world.run(&["runs", "2", "--full"]).expect(0).out;
    for said in ["10023", "/总公司/销售部 → /总公司/财务部", "change user", "commit", "code 0"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    let chinese = world.run(&["--lang", "zh", "runs", "2", "--full"]).expect(0).out;
    for said in ["命令：rosterd sync", "修改用户", "提交", "账号变更（1）"] {
        assert!(chinese.contains(said), "{said}: {chinese}");
    }
}

#[test]
fn a_held_run_shows_who_is_behind_each_guard_wherever_it_is_named() {
    let world = held();
    let synced = world.run(&["sync"]).expect(4).out;
    for args in [&["runs", "2"][..], &["status"], &["plan", "--show", "2"]] {
        let out = world.run(args).expect(0).out;
        assert!(out.contains("10023, 10024"), "{args:?}: {out}");
    }
    assert!(synced.contains("10023, 10024"), "{synced}");
    for args in [&["runs", "2"][..], &["status"], &["plan", "--show", "2"]] {
        let behind = match json_of(&world, args, 0) {
            answer if args[0] == "runs" => answer["behind"].clone(),
            answer => answer["targets"][0]["behind"].clone(),
        };
        let group = &behind[0]["groups"][0];
        assert_eq!((&behind[0]["guard"], &group["count"]), (&json!("max_missing"), &json!(2)), "{args:?}");
        assert_eq!(group["first"][0]["person"], "10023", "{args:?}");
    }
}

#[test]
fn what_is_kept_of_a_held_run_names_nobody_a_second_time() {
    let world = held();
    let _ = world.run(&["sync"]).expect(4);
    let run = json_of(&world, &["runs", "2"], 0);
    assert_eq!(run["run"]["report"]["behind"], Value::Null);
    assert_ne!(run["behind"], json!([]));
}

#[test]
fn status_shows_approvals_with_their_giver_overrides_and_a_run_at_work() {
    let world = held();
    let _ = world.run(&["sync"]).expect(4);
    let _ = world.run(&["approve", "2", "--reason", "really gone"]).expect(0);
    let _ = world.run(&["hold", "10031", "--reason", "on leave"]).expect(0);
    let status = json_of(&world, &["status"], 0);
    let approval = &status["approvals"][0];
    assert_eq!((&approval["n"], &approval["run"]), (&json!(1), &json!(2)));
    assert_eq!(approval["guards"], json!(["max_missing"]));
    assert!(approval["by"].is_string() && approval["expires"].is_string(), "{approval}");
    let said = &status["overrides"][0];
    assert_eq!(
        (&said["person"], &said["kind"], &said["reason"]),
        (&json!("10031"), &json!("hold"), &json!("on leave"))
    );
    assert_eq!(status["targets"][0]["running"], Value::Null);
    {
        let _lock = TargetLock::take(&world.database(), &TargetName::new("hq").unwrap()).unwrap();
        assert!(json_of(&world, &["status"], 0)["targets"][0]["running"].is_object());
        assert!(world.run(&["--lang", "zh", "status"]).expect(0).out.contains("正在运行"));
    }
    let text = world.run(&["status"]).expect(0).out;
    assert!(text.contains("really gone") && text.contains("on leave"), "{text}");
    // The approval lets the guard pass, and is pending no more.
    let _ = world.run(&["sync"]).expect(0);
    assert_eq!(json_of(&world, &["status"], 0)["approvals"], json!([]));
}

#[test]
fn explain_takes_a_name_and_lists_whom_it_may_mean() {
    let world = World::new("");
    world.roster(&[ZHANG, LI, WANG]);
    let _ = world.run(&["sync"]).expect(0);
    assert_eq!(json_of(&world, &["explain", "张三"], 0)["person"], "10023");
    let several = json_of(&world, &["explain", "李四"], 0);
    let keys: BTreeSet<_> = several["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| &hit["person"])
        .map(Value::to_string)
        .collect();
    assert_eq!(keys, ["\"10024\"", "\"10031\""].map(str::to_owned).into());
    assert!(world.run(&["--lang", "zh", "explain", "李四"]).expect(0).out.contains("可能是以下人员（2）"));
}

#[test]
fn explain_says_what_nobody_has_looked_at() {
    let world = World::new("");
    world.roster(&[ZHANG]);
    let first = json_of(&world, &["explain", "10023"], 0);
    let on = &first["targets"][0];
    assert_eq!(on["not_looked_at"]["group"], "/总公司/销售部");
    assert_eq!(on["seen"], Value::Null);
    let out = world.run(&["--lang", "zh", "explain", "10023"]).expect(0).out;
    assert!(out.contains("尚未查看：网关上是否有用户组 /总公司/销售部"), "{out}");
}

#[test]
fn accounts_are_rows_now_and_at_a_time() {
    let world = World::new("");
    assert!(world.run(&["accounts"]).expect(0).out.contains("No accounts"));
    world.roster(&[ZHANG]);
    let _ = world.run(&["sync"]).expect(0);
    let now = json_of(&world, &["accounts"], 0);
    assert_eq!(
        (&now["accounts"][0]["person"], &now["accounts"][0]["fields"]["phone"]),
        (&json!("10023"), &json!("138******11"))
    );
    let csv = world.run(&["accounts", "--output", "csv"]).expect(0).out;
    let mut lines = csv.lines();
    assert_eq!(
        lines.next().unwrap(),
        "target,person,username,group,note,phone,roles,enabled,expires_on,since,run"
    );
    assert!(
        lines.next().unwrap().starts_with("hq,10023,10023,/总公司/销售部,张三-销售,138******11,,true,,"),
        "{csv}"
    );
    assert!(world.run(&["--lang", "zh", "accounts"]).expect(0).out.contains("用户组"));
    assert_eq!(json_of(&world, &["accounts", "--at", "2020-01-01"], 0)["accounts"], json!([]));
}

#[test]
fn a_name_that_does_not_exist_is_an_error_with_the_nearest_that_does() {
    let world = World::new("");
    world.roster(&[ZHANG, LI]);
    let _ = world.run(&["sync"]).expect(0);
    let _ = world.run(&["plan", "-o", "plan.json"]).expect(0);
    world.write("links.csv", "person,username\n10032,wang\n");
    let cases: &[(&[&str], &str, &str)] = &[
        (&["history", "1002"], "unknown_person", "1002"),
        (&["explain", "10025"], "unknown_person", "1002"),
        (&["sync", "--only", "10025"], "unknown_person", "1002"),
        (&["sync", "--dry-run", "--only", "10025"], "unknown_person", "1002"),
        (&["hold", "10025", "--reason", "x"], "unknown_person", "1002"),
        (&["suspend", "10025", "--reason", "x"], "unknown_person", "1002"),
        (&["resume", "10025", "--reason", "x"], "unknown_person", "1002"),
        (&["release", "10025", "--reason", "x"], "unknown_person", "1002"),
        (&["person", "10025", "--erase", "--reason", "x"], "unknown_person", "1002"),
        (&["adopt", "--link", "links.csv"], "unknown_person", "1002"),
        (&["sync", "--allow-guard", "max_misssing", "--reason", "x"], "unknown_guard", "max_missing"),
        (&["runs", "99"], "unknown_run", "4"),
        (&["undo", "99"], "unknown_run", "4"),
        (&["approve", "99", "--reason", "x"], "unknown_run", "4"),
        (&["plan", "--show", "99"], "unknown_run", "4"),
        (&["sync", "--plan", "plam.json"], "plan_file", "plan.json"),
        (&["plan", "--show", "plam.json"], "plan_file", "plan.json"),
        (&["sync", "--roster", "hrr"], "roster_not_there", "hr"),
    ];
    for (args, kind, nearest) in cases {
        let said = json_of(&world, args, 1);
        assert_eq!(said["error"]["kind"], *kind, "{args:?}");
        let next = said["error"]["next"].as_str().unwrap();
        assert!(next.contains(nearest), "{args:?}: {next}");
    }
    // Somebody who is known and to whom nothing was done is no error.
    world.roster(&[ZHANG, LI, WANG]);
    let _ = world.run(&["hold", "10031", "--reason", "x"]).expect(0);
}

#[test]
fn a_database_that_was_named_and_is_not_there_is_an_error_for_whoever_only_reads() {
    let world = World::new("");
    world.roster(&[ZHANG]);
    let _ = world.run(&["sync"]).expect(0);
    for args in [
        &["status"][..],
        &["runs"],
        &["history", "10023"],
        &["explain", "10023"],
        &["accounts"],
        &["audit", "verify"],
    ] {
        let said = json_of(&world, &[&["--state", "state/rosterd.dd"], args].concat(), 1);
        assert_eq!(said["error"]["kind"], "unknown_database", "{args:?}");
        assert!(said["error"]["next"].as_str().unwrap().contains("state/rosterd.db"), "{said}");
        assert!(!world.path("state/rosterd.dd").exists());
    }
}

#[test]
fn help_is_a_command_and_csv_is_for_rows() {
    let world = World::new("");
    assert!(world.run(&["help"]).expect(0).out.contains("accounts"));
    let roster = world.run(&["--lang", "zh", "help", "roster", "check"]).expect(0).out;
    assert!(roster.contains("用法：rosterd roster check") && roster.contains("--html"), "{roster}");
    assert!(world.run(&["help", "rooster"]).expect(2).err.contains("roster"));
    let _ = world.run(&["status", "--output", "csv"]).expect(2);
}
