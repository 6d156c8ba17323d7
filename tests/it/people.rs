//! An employee ID that another human has now, and people who want to be forgotten: through the program.

use serde_json::{Value, json};

use crate::cli_world::{Said, World};

const ZHANG: &str = "10023,张三,/总公司/销售部,销售,13800001111,在职";
const OTHER: &str = "10023,韩梅梅,/总公司/销售部,销售,13911112222,在职";
const LI: &str = "10024,李四,/总公司/财务部,会计,13800002222,在职";

fn sync(world: &World) -> Value {
    world.run(&["sync", "--output", "json"]).expect(0).json()["targets"][0].clone()
}

fn person(world: &World, args: &[&str]) -> Said {
    world.run(&[&["person"], args, &["--reason", "HR said so", "--output", "json"]].concat())
}

/// A world in which the ID of an account came to name somebody else.
fn reused() -> World {
    let world = World::new("");
    world.roster(&[ZHANG, LI]);
    assert_eq!(sync(&world)["counts"]["add"], 2);
    world.roster(&[OTHER, LI]);
    world
}

#[test]
fn another_human_under_an_id_is_blocked_until_somebody_says_what_happened() {
    let world = reused();
    for _ in 0..2 {
        let held = sync(&world);
        assert_eq!(held["calls"]["mutations"], 0);
        assert_eq!(held["blocked"][0]["reason"], "identity");
        assert!(held["blocked"][0]["detail"].as_str().unwrap().contains("name, phone"), "{held}");
    }
    let check = world.run(&["--lang", "zh", "roster", "check"]).expect(0).out;
    assert!(check.contains("rosterd person 工号 --same"), "{check}");
    assert!(world.run(&["explain", "10023"]).expect(0).out.contains("another human?"));

    person(&world, &["10023", "--same"]).expect(0);
    let done = sync(&world);
    assert_eq!((&done["counts"]["update"], &done["counts"]["blocked"]), (&json!(1), &json!(0)));
    world.run(&["audit", "verify"]).expect(0);
}

#[test]
fn the_new_human_gets_an_account_of_their_own_after_the_old_one_is_gone() {
    let world = reused();
    assert_eq!(sync(&world)["counts"]["blocked"], 1);
    let said = person(&world, &["10023", "--different"]).expect(0).json();
    let former = said["people"][0]["former"].as_str().unwrap().to_owned();
    assert!(former.starts_with("10023~"), "{former}");

    let first = sync(&world);
    assert_eq!((&first["counts"]["delete"], &first["counts"]["add"]), (&json!(1), &json!(0)), "{first}");
    assert_eq!(first["blocked"][0]["reason"], "name_in_use");
    let second = sync(&world);
    assert_eq!((&second["counts"]["add"], &second["counts"]["delete"]), (&json!(1), &json!(0)), "{second}");
    assert_eq!(second["blocked"], json!([]));
    assert_eq!(sync(&world)["outcome"], "no_changes");
    let history = world.run(&["history", &former, "--output", "json"]).expect(0).out;
    assert!(history.contains("张三") && !history.contains("韩梅梅"), "{history}");

    // The former can be forgotten; the newcomer has an account and cannot.
    assert_eq!(person(&world, &["10023", "--erase"]).expect(1).json()["error"]["kind"], "has_account");
    person(&world, &[&former, "--erase"]).expect(0);
    assert!(!stored(&world).contains("张三"), "nothing of them is left in the database");
    assert!(stored(&world).contains("韩梅梅"));
    assert_eq!(world.run(&["audit", "verify", "--output", "json"]).expect(0).json()["whole"], true);
    assert_eq!(sync(&world)["outcome"], "no_changes");
    world.run(&["runs"]).expect(0);
}

#[test]
fn where_leavers_are_disabled_the_former_keeps_the_name_and_the_newcomer_waits_for_it() {
    let world = World::new("leavers = { action = \"disable\" }\n");
    world.roster(&[ZHANG, LI]);
    assert_eq!(sync(&world)["counts"]["add"], 2);
    world.roster(&[OTHER, LI]);
    assert_eq!(sync(&world)["blocked"][0]["reason"], "identity");
    let said = person(&world, &["10023", "--different"]).expect(0).json();
    let former = said["people"][0]["former"].as_str().unwrap().to_owned();
    // The account is disabled, not the newcomer's; nobody gets into it.
    let first = sync(&world);
    assert_eq!((&first["counts"]["disable"], &first["counts"]["add"]), (&json!(1), &json!(0)), "{first}");
    let again = sync(&world);
    assert_eq!(again["calls"]["mutations"], 0, "{again}");
    assert_eq!(
        (&again["blocked"][0]["person"], &again["blocked"][0]["reason"]),
        (&json!("10023"), &json!("name_in_use"))
    );
    let history = world.run(&["history", &former, "--output", "json"]).expect(0).out;
    assert!(history.contains("张三") && !history.contains("韩梅梅"), "{history}");
    let _ = world.run(&["audit", "verify"]).expect(0);
}

/// Everything in the database file, as text.
fn stored(world: &World) -> String {
    let mut bytes = std::fs::read(world.database()).unwrap();
    for beside in ["-wal", "-shm"] {
        let mut path = world.database().into_os_string();
        path.push(beside);
        bytes.extend(std::fs::read(path).unwrap_or_default());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn somebody_who_left_can_be_forgotten_without_breaking_the_chain() {
    let world = World::new("");
    world.roster(&[ZHANG, LI]);
    sync(&world);
    world.roster(&["10023,张三,/总公司/销售部,销售,13800001111,离职", LI]);
    assert_eq!(sync(&world)["counts"]["delete"], 1);
    world.roster(&[LI]);
    sync(&world);
    assert!(stored(&world).contains("张三") && stored(&world).contains("13800001111"));
    let said = person(&world, &["10023", "--erase"]).expect(0).json();
    assert!(said["people"][0]["erased"]["records"].as_u64().unwrap() >= 2, "{said}");
    let stored = stored(&world);
    for gone in ["张三", "13800001111", "\"10023\""] {
        assert!(!stored.contains(gone), "{gone}");
    }
    let verified = world.run(&["audit", "verify", "--output", "json"]).expect(0).json();
    assert_eq!(verified["whole"], true);
    assert!(verified["erased"].as_u64().unwrap() >= 2);
    let trail = world.run(&["audit", "export"]).expect(0).out;
    assert!(
        trail.contains("\"erased\"") && trail.contains("HR said so") && !trail.contains("张三"),
        "{trail}"
    );
    assert_eq!(sync(&world)["outcome"], "no_changes");
}

#[test]
fn words_on_people_need_a_reason_and_one_meaning() {
    let world = reused();
    for args in [
        &["person", "10023", "--same"][..],
        &["person", "10023", "--reason", "x"],
        &["person", "10023", "--same", "--different", "--reason", "x"],
        &["person", "--same", "--reason", "x"],
    ] {
        world.run(args).expect(2);
    }
    assert_eq!(person(&world, &["77777", "--same"]).expect(1).json()["error"]["kind"], "unknown_person");
    let name = rosterd::model::TargetName::new("hq").unwrap();
    let _held = rosterd::sync::lock::TargetLock::take(&world.database(), &name).unwrap();
    person(&world, &["10023", "--different"]).expect(5);
}
