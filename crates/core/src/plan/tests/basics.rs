//! Joiners, changes, leavers: the smallest action for each.

use super::world::*;
use crate::model::Cell;
use crate::people::{Employment, Field};
use crate::plan::*;

#[test]
fn a_joiner_is_added_with_every_field() {
    let mut world = World::empty();
    world.hire("10001");
    let plan = world.plan();
    assert_eq!(lines(&plan), ["add 10001 joined"]);
    let add = &plan.actions[0];
    assert_eq!(add.after.group, group("/总公司/销售部"));
    assert_eq!(add.after.note, "员工10001-销售");
    assert_eq!(add.after.phone, "13800138000");
    assert!(add.after.enabled);
    assert_eq!(add.auth, Some(crate::device::Auth::Inherit));
    assert_eq!(plan.counts, Counts { add: 1, ..Counts::default() });
    let line = &crate::report::actions_for_report(&plan)[0];
    assert_eq!(line.changes["note"], (None, Some("员工10001-销售".into())));
    assert_eq!(line.changes["phone"], (None, Some("138******00".into())));
    assert_eq!(line.changes.keys().collect::<Vec<_>>(), ["group", "note", "phone"]);
}

#[test]
fn planning_again_from_the_result_gives_nothing() {
    let mut world = World::of(5);
    let plan = world.carry_out();
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert_eq!(plan.counts, Counts { unchanged: 5, ..Counts::default() });
    assert!(!plan.has_work());
}

#[test]
fn a_change_touches_only_the_fields_that_differ() {
    let mut world = World::of(3);
    world.edit("10002", |p| p.text.set(Field::Position, Cell::Value("经理")));
    let plan = world.plan();
    assert_eq!(lines(&plan), ["update 10002 changed"]);
    let note = (Some("员工10002-销售".to_owned()), Some("员工10002-经理".to_owned()));
    assert_eq!(plan.actions[0].changes, [(AccountField::Note, note)].into());
    assert_eq!(plan.changed_fields, [(AccountField::Note, 1)].into());
}

#[test]
fn an_unknown_cell_overwrites_nothing() {
    let mut world = World::of(1);
    world.edit("10001", |p| {
        p.phones = Cell::Unknown;
        p.departments = Cell::Unknown;
        p.roles = Cell::Unknown;
        p.text.set(Field::Position, Cell::Unknown);
    });
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_leaver_is_deleted_or_disabled_as_configured() {
    let mut world = World::of(2);
    world.leave("10001");
    assert_eq!(lines(&world.plan()), ["delete 10001 left"]);
    world.target.leavers.action = crate::config::LeaverAction::Disable;
    assert_eq!(lines(&world.carry_out()), ["disable 10001 left"]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_new_template_name_is_a_rename_never_delete_and_add() {
    let mut world = World::of(2);
    world.edit("10001", |p| p.text.set(Field::EmployeeId, Cell::Value("20001")));
    assert_eq!(lines(&world.carry_out()), ["rename 10001>20001 changed"]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn not_yet_and_unreadable_people_keep_their_accounts() {
    let mut world = World::of(3);
    world.edit("10001", |p| p.employment = Employment::Pending);
    world.edit("10002", |p| p.hire_date = Cell::Value(day("2026-12-01")));
    world.edit("10003", |p| p.text.set(Field::EmployeeId, Cell::Empty));
    let plan = world.plan();
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert_eq!(blocked(&plan), ["10003 bad_username"]);
}
