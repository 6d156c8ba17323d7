//! The gateway knows people only by name: two must never meet in one.

use super::world::*;
use crate::model::Cell;
use crate::people::Field;
use crate::plan::*;

#[test]
fn two_people_who_want_one_name_are_both_blocked() {
    let mut world = World::of(2);
    world.hire("10003");
    login(&mut world, "10003", "１０００1");
    let plan = world.plan();
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert_eq!(blocked(&plan), ["10001 duplicate_username", "10003 duplicate_username"]);
}

#[test]
fn a_joiner_waits_until_the_leavers_removal_is_committed() {
    let mut world = World::of(2);
    world.leave("10001");
    world.hire("20001");
    login(&mut world, "20001", "10001");
    let plan = world.carry_out();
    assert_eq!(lines(&plan), ["delete 10001 left"]);
    assert_eq!(blocked(&plan), ["20001 name_in_use"]);
    world.past.uncommitted_names = [(name("10001"), key("10001"))].into();
    assert_eq!(blocked(&world.plan()), ["20001 name_in_use"]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
    world.past.uncommitted_names = [(name("10001"), key("20001"))].into();
    assert_eq!(lines(&world.plan()), ["add 10001 joined"], "their own name comes back at once");
    world.past.uncommitted_names.clear();
    assert_eq!(lines(&world.carry_out()), ["add 10001 joined"]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_chain_of_renames_goes_one_link_per_run() {
    let mut world = World::of(2);
    login(&mut world, "10001", "10002");
    login(&mut world, "10002", "10003");
    let plan = world.carry_out();
    assert_eq!(lines(&plan), ["rename 10002>10003 changed"]);
    assert_eq!(blocked(&plan), ["10001 name_in_use"]);
    assert_eq!(lines(&world.carry_out()), ["rename 10001>10002 changed"]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn two_people_who_swap_names_are_left_alone() {
    let mut world = World::of(2);
    login(&mut world, "10001", "10002");
    login(&mut world, "10002", "10001");
    let plan = world.plan();
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert_eq!(blocked(&plan), ["10001 name_in_use", "10002 name_in_use"]);
}

#[test]
fn a_removal_is_refused_when_the_name_belongs_to_somebody_else_too() {
    let mut world = World::of(2);
    world.hire("30001");
    let _ = world.carry_out();
    world.entry("30001").username = name("10001");
    world.past.links.insert(key("30001"), name("10001"));
    world.leave("10001");
    let plan = world.plan();
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert_eq!(blocked(&plan), ["10001 name_shared"]);
}

#[test]
fn a_link_comes_before_the_template() {
    let mut world = World::of(1);
    world.hire("10009");
    world.past.links.insert(key("10009"), name("zhangsan"));
    assert_eq!(lines(&world.carry_out()), ["add zhangsan joined"]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_rename_comes_with_the_other_changes_of_the_same_person() {
    let mut world = World::of(1);
    login(&mut world, "10001", "20001");
    world.edit("10001", |p| p.text.set(Field::Position, Cell::Value("经理")));
    let plan = world.carry_out();
    assert_eq!(lines(&plan), ["rename 10001>20001 changed"]);
    let fields: Vec<_> = plan.actions[0].changes.keys().copied().collect();
    assert_eq!(fields, [AccountField::Username, AccountField::Note]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn a_name_in_a_call_that_may_still_land_is_nobody_elses() {
    let mut world = World::of(1);
    world.hire("20001");
    let calls = InFlight { names: [name("20001")].into(), ..InFlight::default() };
    world.past.in_flight = [(key("30001"), calls)].into();
    assert_eq!(blocked(&world.plan()), ["20001 name_in_use!"]);
    world.past.in_flight.clear();
    assert_eq!(lines(&world.plan()), ["add 20001 joined"]);
}

#[test]
fn nobody_is_added_or_renamed_while_an_add_under_another_name_may_land() {
    let mut world = World::of(1);
    world.hire("20001");
    login(&mut world, "20001", "b");
    login(&mut world, "10001", "c");
    let added =
        |of: &str| InFlight { names: [name(of)].into(), added: [name(of)].into(), ..InFlight::default() };
    world.past.in_flight = [(key("10001"), added("10001")), (key("20001"), added("a"))].into();
    assert_eq!(blocked(&world.plan()), ["10001 unknown_outcome!", "20001 unknown_outcome!"]);
    world.past.in_flight = [(key("20001"), added("b"))].into();
    assert_eq!(lines(&world.plan()), ["rename 10001>c changed", "add b joined"]);
}

#[test]
fn nobody_is_added_where_a_rename_may_take_them_away() {
    let mut world = World::of(1);
    world.hire("20001");
    let renamed = |from: &str, to: &str| InFlight {
        names: [name(from), name(to)].into(),
        renamed: [name(from)].into(),
        ..InFlight::default()
    };
    world.past.in_flight = [(key("20001"), renamed("20001", "b"))].into();
    assert_eq!(blocked(&world.plan()), ["20001 unknown_outcome!"]);
    // Where it would bring a user is no matter: it finds none to rename.
    world.past.in_flight = [(key("20001"), renamed("b", "20001"))].into();
    assert_eq!(lines(&world.plan()), ["add 20001 joined"]);
    // Nor for whoever has an account: it is one user, wherever it goes.
    world.past.in_flight = [(key("10001"), renamed("10001", "b"))].into();
    world.edit("10001", |p| p.text.set(Field::Position, Cell::Value("经理")));
    assert_eq!(lines(&world.plan()), ["update 10001 changed", "add 20001 joined"]);
}
