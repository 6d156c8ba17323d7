//! Groups and roles that are not there (yet).

use std::collections::BTreeSet;

use super::world::*;
use crate::config::{Allow, OnAbsent};
use crate::model::Cell;
use crate::plan::*;

fn newcomers(paths: &[(&str, &str)]) -> World {
    let mut world = World::empty();
    for (id, department) in paths {
        world.hire(id);
        world.edit(id, |p| p.departments = departments(&[department]));
    }
    world
}

fn states(plan: &Plan) -> Vec<String> {
    let state = |s: GroupState| serde_json::to_value(s).unwrap().as_str().unwrap().to_owned();
    plan.groups.iter().map(|g| format!("{} {} {}", g.path, state(g.state), g.people)).collect()
}

#[test]
fn groups_that_nothing_confirmed_are_looked_at() {
    let mut world = newcomers(&[("1", "/总公司/销售部"), ("2", "/总公司/新部"), ("3", "/总公司")]);
    assert_eq!(world.needs().groups, [group("/总公司/新部")].into());
    let plan = world.plan();
    assert_eq!(states(&plan), ["/总公司 exists 1", "/总公司/新部 unchecked 1", "/总公司/销售部 exists 1"]);
    assert_eq!(plan.counts.add, 3);
    world.looks.offline = true;
    assert!(world.needs().is_empty());
}

#[test]
fn people_of_a_missing_group_are_blocked_and_the_others_go_on() {
    let mut world = newcomers(&[("1", "/总公司/销售部"), ("2", "/总公司/新部")]);
    world.looks.groups.insert(group("/总公司/新部"), false);
    let plan = world.plan();
    assert_eq!(lines(&plan), ["add 1 joined"]);
    assert_eq!(blocked(&plan), ["2 missing_group!"]);
    assert_eq!(states(&plan), ["/总公司/新部 missing 1", "/总公司/销售部 exists 1"]);
    world.target.on_missing_group = OnAbsent::Stop;
    let plan = world.plan();
    assert_eq!(held(&plan), ["on_missing_group"]);
    assert!(plan.held_as_a_whole());
}

#[test]
fn a_look_wins_over_what_was_believed() {
    let mut world = newcomers(&[("1", "/总公司/销售部")]);
    world.looks.groups.insert(group("/总公司/销售部"), false);
    assert_eq!(blocked(&world.plan()), ["1 missing_group!"]);
}

#[test]
fn missing_groups_are_created_parents_first_where_that_is_allowed() {
    let mut world = newcomers(&[("1", "/总公司/新部/一组"), ("2", "/子公司/新部")]).openapi();
    world.looks.roles = Some(BTreeSet::new());
    world.target.create_groups = true;
    world.target.create_groups_below = vec![group("/总公司")];
    let asked = ["/总公司/新部", "/总公司/新部/一组", "/子公司/新部"];
    assert_eq!(world.needs().groups, asked.map(group).into());
    world.looks.groups = asked.map(|path| (group(path), false)).into();
    assert!(world.needs().is_empty());
    let plan = world.carry_out();
    assert_eq!(plan.create_groups, [group("/总公司/新部"), group("/总公司/新部/一组")]);
    assert_eq!(lines(&plan), ["add 1 joined"]);
    assert_eq!(blocked(&plan), ["2 missing_group!"]);
    assert_eq!(states(&plan), ["/子公司/新部 missing 1", "/总公司/新部/一组 create 1"]);
    world.looks.groups.clear();
    assert_eq!(lines(&world.plan()), ["add 2 joined"]);
}

#[test]
fn the_old_dialect_creates_no_groups() {
    let mut world = newcomers(&[("1", "/总公司/新部")]);
    world.target.create_groups = true;
    world.looks.groups.insert(group("/总公司/新部"), false);
    assert_eq!(blocked(&world.plan()), ["1 missing_group!"]);
}

#[test]
fn no_group_is_created_for_somebody_who_is_not_added() {
    let mut world = newcomers(&[("1", "/总公司/新部")]).openapi();
    world.looks.roles = Some(BTreeSet::new());
    world.target.create_groups = true;
    world.target.allow = vec![Allow::Update];
    world.looks.groups.insert(group("/总公司/新部"), false);
    let plan = world.plan();
    assert_eq!((plan.create_groups.len(), lines(&plan)), (0, vec!["add 1 joined [allow]".to_owned()]));
}

#[test]
fn somebody_without_a_department_is_not_added_and_not_moved() {
    let mut world = World::of(1);
    world.edit("10001", |p| p.departments = Cell::Empty);
    world.hire("10002");
    world.edit("10002", |p| p.departments = Cell::Empty);
    let plan = world.plan();
    assert_eq!((lines(&plan), blocked(&plan)), (vec![], vec!["10002 no_group".to_owned()]));
}

#[test]
fn nobody_is_put_into_the_anonymous_group() {
    let world = newcomers(&[("1", "/匿名用户组")]);
    assert_eq!(blocked(&world.plan()), ["1 bad_group"]);
    let mut world = World::of(1);
    world.edit("10001", |p| p.departments = departments(&["/匿名用户组"]));
    assert_eq!(blocked(&world.plan()), ["10001 bad_group"]);
}

#[test]
fn roles_that_are_not_there_block_whom_they_would_be_given() {
    let mut world = World::of(2).openapi();
    world.edit("10001", |p| p.roles = Cell::Value(["OA".to_owned()].into()));
    world.edit("10002", |p| p.roles = Cell::Value(["CRM".to_owned()].into()));
    assert!(!world.needs().roles, "the embedded device takes any role");
    world.target.url = "https://10.1.1.1:4430".into();
    assert!(world.needs().roles);
    world.looks.roles = Some(["OA".to_owned()].into());
    assert!(world.needs().is_empty());
    let plan = world.plan();
    assert_eq!(lines(&plan), ["update 10001 changed"]);
    assert_eq!(blocked(&plan), ["10002 missing_role!"]);
    world.target.on_missing_role = OnAbsent::Stop;
    assert_eq!(held(&world.plan()), ["on_missing_role"]);
}

#[test]
fn the_old_dialect_cannot_list_roles() {
    let mut world = World::of(1);
    world.edit("10001", |p| p.roles = Cell::Value(["OA".to_owned()].into()));
    assert!(world.needs().is_empty());
    assert_eq!(lines(&world.plan()), ["update 10001 changed"]);
}
