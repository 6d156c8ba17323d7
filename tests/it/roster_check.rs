//! `roster check` through the program: what people, scripts and HR are told, and what is compared with last time.

use serde_json::json;

use crate::cli_world::World;

const ZHANG: &str = "10023,张三,/总公司/销售部,销售,13800001111,在职";
const LI: &str = "10024,李四,/总公司/财务部,会计,13800002222,在职";
const WANG: &str = "10025,王芳,/总公司/财务部,经理,13800003333,在职";

#[test]
fn a_department_that_vanished_is_seen_in_every_form() {
    let world = World::new("");
    world.roster(&[ZHANG, LI, WANG]);
    let first = world.run(&["roster", "check", "--output", "json"]).expect(0).json();
    assert_eq!(first.get("groups"), None, "nothing to compare with yet");
    assert_eq!(first["departments"], json!({ "/总公司/销售部": 1, "/总公司/财务部": 2 }));
    world.run(&["sync"]).expect(0);

    world.roster(&[ZHANG, "10026,赵六,/总公司/研发部,开发,,在职"]);
    let next = world.run(&["roster", "check", "--output", "json", "--html", "hr.html"]).expect(0);
    assert!(next.err.contains("hr.html"), "{}", next.err);
    assert_eq!(
        next.json()["groups"],
        json!({
            "/总公司/研发部": { "now": 1, "before": 0 },
            "/总公司/财务部": { "now": 0, "before": 2 },
            "/总公司/销售部": { "now": 1, "before": 1 },
        })
    );
    let page = std::fs::read_to_string(world.path("hr.html")).unwrap();
    assert!(page.contains("/总公司/财务部 — nobody any more"), "{page}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(world.path("hr.html")).unwrap().permissions().mode() & 0o777, 0o600);
    let table = world.run(&["--lang", "zh", "roster", "check"]).expect(0).out;
    assert!(table.contains("/总公司/财务部") && table.contains("2 → 0"), "{table}");
}

#[test]
fn people_for_whom_no_target_is_are_in_no_count() {
    let world = World::new("select = { department = \"/总公司/销售部/**\" }\n");
    world.roster(&[ZHANG, LI, WANG]);
    world.run(&["sync"]).expect(0);
    let groups = world.run(&["roster", "check", "--output", "json"]).expect(0).json();
    assert_eq!(groups["groups"], json!({ "/总公司/销售部": { "now": 1, "before": 1 } }));
}

#[test]
fn somebody_whose_row_is_blocked_counts_where_they_are() {
    let world = World::with("max_invalid_percent = 50.0\n", "");
    world.roster(&[ZHANG, LI, WANG]);
    world.run(&["sync"]).expect(0);
    world.roster(&[ZHANG, LI, "10025,王芳,/总公司/财务部,经理,13800003333,停职"]);
    let groups = world.run(&["roster", "check", "--output", "json"]).expect(0).json();
    assert_eq!(groups["groups"]["/总公司/财务部"], json!({ "now": 2, "before": 2 }));
}

#[test]
fn a_roster_that_a_run_would_refuse_is_reported_row_by_row() {
    let world = World::new("");
    let bad: Vec<String> = (0..12).map(|n| format!("1{n:04},甲,/总公司/财务部,会计,,停职")).collect();
    let mut rows = vec![ZHANG, LI];
    rows.extend(bad.iter().map(String::as_str));
    world.roster(&rows);
    let json = world.run(&["roster", "check", "--output", "json", "--html", "hr.html"]).expect(1).json();
    assert_eq!((json["exit_code"].as_u64(), json["refused"].as_u64()), (Some(1), Some(12)));
    assert_eq!(json["error"]["kind"], "roster_too_many_invalid");
    assert_eq!(json["sources"][0]["files"][0]["problems"].as_array().unwrap().len(), 12);
    let page = std::fs::read_to_string(world.path("hr.html")).unwrap();
    assert!(page.contains("max_invalid_percent"), "{page}");
    assert_eq!(page.matches("停职").count(), 12 + 3, "every row, and three in the error");
    let table = world.run(&["--lang", "zh", "roster", "check"]).expect(1);
    assert_eq!(table.out.matches("停职").count(), 12, "{}", table.out);
    assert!(table.err.contains("max_invalid_percent"), "{}", table.err);
}

#[test]
fn a_doubtful_roster_stops_the_first_run_and_is_named_in_every_plan() {
    let world = World::new("");
    let roster =
        "工号,姓名,部门,离职状态\n10023,张三,/总公司/销售部,在职\n10024,李四,/总公司/财务部,已离职\n";
    world.write("hr/staff.csv", roster);
    let held = world.run(&["sync", "--output", "json"]).expect(4).json();
    let target = &held["targets"][0];
    assert_eq!(target["held_by"][0]["guard"], "roster_doubt");
    assert_eq!(target["calls"]["mutations"], 0);
    assert!(target["warnings"].to_string().contains("离职状态"), "{target}");
    let table = world.run(&["--lang", "zh", "roster", "check"]).expect(0).out;
    assert!(table.contains("离职状态") && table.contains("[roster.columns]"), "{table}");
    let run = target["run_id"].to_string().trim_matches('"').to_owned();
    world.run(&["approve", &run, "--reason", "no status"]).expect(0);
    world.run(&["sync"]).expect(0);
    world.write("hr/staff.csv", &roster.replace("李四", "李思"));
    let plan = world.run(&["plan", "--output", "json"]).expect(0).json();
    assert_eq!(plan["targets"][0]["held_by"], json!([]), "{plan}");
    assert!(plan["targets"][0]["warnings"].to_string().contains("离职状态"), "{plan}");
}

#[test]
fn hr_gets_a_page_too_when_nothing_can_be_read() {
    let world = World::new("");
    world.write("hr/staff.csv", "<html><body>登录</body></html>");
    let said = world.run(&["--lang", "zh", "roster", "check", "--html", "hr.html"]).expect(1);
    let page = std::fs::read_to_string(world.path("hr.html")).unwrap();
    assert!(page.contains("staff.csv") && page.contains("lang=\"zh\""), "{page}");
    assert!(said.err.contains("staff.csv"), "{}", said.err);
    let said = world.run(&["roster", "check", "--html", "no/such/folder.html"]).expect(1);
    assert!(said.err.contains("no/such/folder.html"), "{}", said.err);
}
