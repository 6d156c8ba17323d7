//! What moves a digest, and what does not.

use chrono::TimeDelta;

use super::world::*;
use crate::model::Cell;
use crate::people::Field;
use crate::plan::*;
use crate::reason::{BlockKind, BlockReason, Brake};

fn changed() -> World {
    let mut world = World::of(3);
    world.edit("10001", |p| p.text.set(Field::Position, Cell::Value("经理")));
    world.block_row("10003", no_status());
    world
}

#[test]
fn the_day_and_words_for_people_are_not_part_of_a_plan() {
    let mut world = changed();
    let plan = world.plan();
    world.later(TimeDelta::days(1));
    assert_eq!(world.plan().digest(), plan.digest());
    let mut reworded = plan.clone();
    let (kind, by_gateway) = (BlockKind::UnknownStatus, Some(false));
    reworded.blocked[0].reason = BlockReason::Told { kind, detail: "other words".into(), by_gateway };
    assert_eq!(reworded.digest(), plan.digest());
}

#[test]
fn every_edit_of_a_plan_shows() {
    let plan = changed().plan();
    let edits: [fn(&mut Plan); 8] = [
        |p| p.actions[0].after.phone = "13900139000".into(),
        |p| p.actions[0].kind = ActionKind::Delete,
        |p| p.actions[0].withheld_by = Some(Brake::Allow),
        |p| drop(p.actions.pop()),
        |p| drop(p.blocked.pop()),
        |p| p.create_groups.push(group("/x")),
        |p| p.inputs.roster = "d2".into(),
        |p| p.counts.update = 2,
    ];
    for (n, edit) in edits.into_iter().enumerate() {
        let mut edited = plan.clone();
        edit(&mut edited);
        assert_ne!(edited.digest(), plan.digest(), "edit {n}");
    }
}

#[test]
fn each_input_has_a_digest_of_its_own() {
    let mut world = changed();
    let before = world.plan().inputs;
    world.entry("10002").disabled = Some(OwnDisable { reason: Reason::Left, confirmed_at: None });
    let moved = world.plan().inputs;
    assert_eq!(moved, InputDigests { snapshot: moved.snapshot.clone(), ..before.clone() });
    assert_ne!(moved.snapshot, before.snapshot);
    world.target.pace.retries = 9;
    assert_ne!(world.plan().inputs.config, before.config);
    world.account.default_roles = vec!["全员".into()];
    assert_ne!(world.plan().inputs.config, before.config);
    world.past.paused = Some("x".into());
    assert_ne!(world.plan().inputs.overrides, before.overrides);
    world.roster.digest = "d2".into();
    assert_eq!(world.plan().inputs.roster, "d2");
}

#[test]
fn a_group_confirmed_by_a_look_or_before_is_the_same_snapshot() {
    let mut world = changed();
    world.looks.groups.insert(group("/总公司/新部"), true);
    let looked = world.plan().inputs.snapshot;
    world.looks.groups.clear();
    world.snapshot.groups.insert(group("/总公司/新部"));
    assert_eq!(world.plan().inputs.snapshot, looked);
}
