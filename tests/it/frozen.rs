//! Several sources of which one is late or not there, through the program: its own people stay as they are, and
//! everybody else goes on.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::cli_world::World;

const HEADER: &str = "工号,姓名,岗位,部门,状态\n";

/// Two sources, `hq` and `lab`, with two people each; `lab` has these settings too.
fn world(lab: &str) -> World {
    let world =
        World::new("guard = { max_missing_percent = \"off\", max_department_loss_percent = \"off\" }\n");
    let config = fs::read_to_string(world.path("rosterd.toml")).unwrap().replace("path = \"hr\"\n", "");
    let sources = format!(
        "[[roster.source]]\nname = \"hq\"\npath = \"hq.csv\"\n\
         [[roster.source]]\nname = \"lab\"\npath = \"lab.csv\"\n{lab}"
    );
    fs::write(world.path("rosterd.toml"), config + &sources).unwrap();
    write(&world, "hq.csv", &["1,张一,研究,/总部,在职", "2,张二,研究,/总部,在职"]);
    write(&world, "lab.csv", &["8,李八,研究,/实验室,在职", "9,李九,研究,/实验室,在职"]);
    assert_eq!(sync(&world, 0)["counts"]["add"], 4);
    world
}

fn write(world: &World, file: &str, rows: &[&str]) {
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    world.write(file, &format!("{HEADER}{rows}"));
}

fn sync(world: &World, code: i32) -> Value {
    world.run(&["sync", "--output", "json"]).expect(code).json()["targets"][0].clone()
}

fn make_old(world: &World, file: &str) {
    let file = fs::File::options().write(true).open(world.path(file)).unwrap();
    let old = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(3 * 86_400);
    file.set_modified(old).unwrap();
}

/// Changes both sources; only what `hq` says is done. `lab` is in the way as `freeze` makes it.
fn only_the_others_go_on(world: &World, freeze: impl Fn(&World)) {
    write(world, "hq.csv", &["1,张壹,研究,/总部,在职", "2,张二,研究,/总部,离职"]);
    write(world, "lab.csv", &["9,李玖,研究,/实验室,离职"]);
    freeze(world);
    let first = sync(world, 0);
    assert_eq!((&first["counts"]["update"], &first["counts"]["delete"]), (&1.into(), &1.into()), "{first}");
    let frozen: Vec<_> = first["blocked"].as_array().unwrap().iter().map(|b| &b["person"]).collect();
    assert!(frozen.contains(&&Value::from("8")) && frozen.contains(&&Value::from("9")), "{first}");
    for _ in 0..2 {
        let again = sync(world, 0);
        assert_eq!((&again["outcome"], &again["same_as"]), (&"no_changes".into(), &Value::Null), "{again}");
        assert!(again["blocked"].as_array().unwrap().iter().all(|b| b["reason"] == "frozen_source"));
    }
    for lang in ["en", "zh"] {
        let table = world.run(&["--lang", lang, "roster", "check"]).expect(0).out;
        assert!(table.contains("lab"), "{table}");
    }
    // The source is there again: what it says is done now.
    write(world, "lab.csv", &["9,李玖,研究,/实验室,离职"]);
    let done = sync(world, 0);
    assert_eq!(done["counts"]["delete"], 2, "one left, one is missing: {done}");
}

#[test]
fn a_late_source_freezes_its_own_people() {
    let world = world("max_age = \"36h\"\n");
    only_the_others_go_on(&world, |world| make_old(world, "lab.csv"));
}

#[test]
fn a_source_that_need_not_be_there_freezes_its_own_people() {
    let world = world("required = false\n");
    only_the_others_go_on(&world, |world| fs::remove_file(world.path("lab.csv")).unwrap());
}

/// The run stops because of `lab`, which has these settings and comes to this harm.
fn stops(settings: &str, harm: impl FnOnce(&World), kind: &str) {
    let world = world(settings);
    write(&world, "hq.csv", &["1,张一,研究,/总部,离职"]);
    harm(&world);
    let error = world.run(&["sync", "--output", "json"]).expect(1).json()["error"].clone();
    assert_eq!(error["kind"], kind);
    assert!(error["message"].as_str().unwrap().contains("lab.csv"), "{error}");
    assert!(!error["next"].as_str().unwrap().is_empty());
}

#[test]
fn a_source_stops_the_run_where_it_must_be_there_or_was_told_to() {
    let gone = |world: &World| fs::remove_file(world.path("lab.csv")).unwrap();
    stops("", gone, "roster_not_there");
    stops("required = false\non_stale = \"stop\"\n", gone, "roster_not_there");
    stops("max_age = \"36h\"\non_stale = \"stop\"\n", |world| make_old(world, "lab.csv"), "roster_stale");
}
