//! The same bytes as last time, through the whole program: nothing is read as rows, planned or sent, and it is said.

use std::fs;

use serde_json::Value;

use crate::cli_world::World;

const ONE: &str = "10001,张一,/总公司/销售部,销售,13800138001,在职";
const TWO: &str = "10002,张二,/总公司/销售部,销售,13800138002,在职";

fn company() -> World {
    let world = World::new("");
    world.roster(&[ONE, TWO]);
    world
}

/// A sync; its target's part.
fn sync(world: &World) -> Value {
    world.run(&["sync", "--output", "json"]).expect(0).json()["targets"][0].clone()
}

#[test]
fn a_run_over_the_same_bytes_says_whose_bytes_they_are() {
    let world = company();
    let first = world.run(&["sync", "--output", "json"]).expect(0).json();
    assert_eq!(first["targets"][0]["same_as"], Value::Null);
    let again = world.run(&["sync", "--output", "json"]).expect(0).json();
    assert_eq!(again["roster"], first["roster"], "what was read is said as before");
    let target = &again["targets"][0];
    assert_eq!(target["same_as"]["run_id"], first["targets"][0]["run_id"]);
    assert_eq!(target["same_as"]["roster"], first["roster"]["digest"]);
    assert_eq!((&target["outcome"], &target["commit"]), (&"no_changes".into(), &"none".into()));
    assert_eq!(target["counts"]["unchanged"], 2);
    assert_eq!(target["plan"], Value::Null);
    assert!(target["calls"].as_object().unwrap().values().all(|calls| calls == 0), "{target}");
    // For people too, and for whoever looks it up later.
    let run = format!("run {}", first["targets"][0]["run_id"].as_str().unwrap());
    assert!(world.run(&["sync"]).expect(0).out.contains(&run));
    assert!(world.run(&["runs", "3"]).expect(0).out.contains(&run));
    assert!(world.run(&["--lang", "zh", "sync"]).expect(0).out.contains("逐字节相同"));
    let trail = world.run(&["audit", "export"]).expect(0).out;
    let ended = trail.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ended: Vec<_> = ended.filter(|r| r["kind"] == "run_ended" && r["run"] == 2).collect();
    assert_eq!(ended[0]["body"]["same_as"]["roster"], first["roster"]["digest"]);
    let _ = world.run(&["audit", "verify"]).expect(0);
}

#[test]
fn a_file_copied_again_is_the_same_and_one_of_another_name_is_not() {
    let world = company();
    sync(&world);
    let bytes = fs::read(world.path("hr/staff.csv")).unwrap();
    fs::remove_file(world.path("hr/staff.csv")).unwrap();
    fs::write(world.path("hr/staff.csv"), &bytes).unwrap();
    assert_ne!(sync(&world)["same_as"], Value::Null);
    fs::rename(world.path("hr/staff.csv"), world.path("hr/staff2.csv")).unwrap();
    let renamed = sync(&world);
    assert_eq!((&renamed["same_as"], &renamed["outcome"]), (&Value::Null, &"no_changes".into()));
    assert_ne!(sync(&world)["same_as"], Value::Null);
}

#[test]
fn a_dry_run_a_given_roster_and_some_people_are_never_rested_on() {
    let world = company();
    sync(&world);
    let path = world.path("hr/staff.csv");
    for args in [
        vec!["sync", "--dry-run"],
        vec!["plan"],
        vec!["sync", "--only", "10001"],
        vec!["sync", "--roster", path.to_str().unwrap()],
        vec!["sync", "--roster", path.to_str().unwrap(), "--authoritative"],
    ] {
        let said = world.run(&[args.clone(), vec!["--output", "json"]].concat()).expect(0).json();
        assert_eq!(said["targets"][0]["same_as"], Value::Null, "{args:?}");
        assert_ne!(said["targets"][0]["plan"], Value::Null, "{args:?}");
    }
}

#[test]
fn whatever_a_person_says_or_sets_is_looked_at_under_the_same_bytes() {
    let world = company();
    let reason = ["--reason", "x"];
    let said = |args: &[&str]| {
        let _ = world.run(&[args, &reason].concat()).expect(0);
        let report = world.run(&["sync", "--output", "json"]).json()["targets"][0].clone();
        assert_eq!(report["same_as"], Value::Null, "after {args:?}");
        report
    };
    sync(&world);
    assert_eq!(said(&["suspend", "10001"])["counts"]["disable"], 1);
    assert_eq!(said(&["resume", "10001"])["counts"]["enable"], 1);
    assert_eq!(said(&["hold", "10002"])["counts"]["blocked"], 1);
    said(&["resume", "10002"]);
    sync(&world);
    assert_ne!(sync(&world)["same_as"], Value::Null, "nothing was said since");
    let config = fs::read_to_string(world.path("rosterd.toml")).unwrap();
    fs::write(
        world.path("rosterd.toml"),
        config.replace("[[target]]", "[account]\nnote = \"{name}\"\n[[target]]"),
    )
    .unwrap();
    assert_eq!(sync(&world)["changed_fields"]["note"], 2);
    assert_ne!(sync(&world)["same_as"], Value::Null);
    // A user who is ours no more is in the way: that is the gateway's answer, and it is asked again.
    assert_eq!(said(&["release", "10002"])["exit_code"], 3);
    assert_eq!(said(&["hold", "10001"])["exit_code"], 3);
}

#[test]
fn a_checksum_that_is_wrong_is_not_passed_over_because_the_bytes_are_known() {
    let world =
        World::with("[[roster.source]]\nname = \"hr\"\npath = \"hr\"\nchecksum = \"{file}.sha256\"\n", "");
    world.roster(&[ONE, TWO]);
    let bytes = fs::read(world.path("hr/staff.csv")).unwrap();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
    world.write("hr/staff.csv.sha256", &hex::encode(digest));
    let config = fs::read_to_string(world.path("rosterd.toml")).unwrap();
    fs::write(world.path("rosterd.toml"), config.replacen("path = \"hr\"\n", "", 1)).unwrap();
    sync(&world);
    assert_ne!(sync(&world)["same_as"], Value::Null);
    world.write("hr/staff.csv.sha256", &"0".repeat(64));
    let error = world.run(&["sync", "--output", "json"]).expect(1).json()["error"].clone();
    assert_eq!(error["kind"], "roster_checksum");
}

#[test]
fn all_targets_rest_or_none_does() {
    let world = World::new("[[target]]\nname = \"b\"\nurl = \"embedded\"\n");
    world.roster(&[ONE, TWO]);
    sync(&world);
    let rested =
        |said: Value| said["targets"].as_array().unwrap().iter().filter(|t| !t["same_as"].is_null()).count();
    let all = |world: &World| rested(world.run(&["sync", "--output", "json"]).expect(0).json());
    assert_eq!(all(&world), 2);
    world.roster(&[ONE]);
    let _ = world.run(&["sync", "--target", "hq"]).expect(0);
    assert_eq!(all(&world), 0, "what one of them stands on is not what the other does");
    assert_eq!(all(&world), 2);
}
