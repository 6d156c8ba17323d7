//! The independent checker must itself be good for something: it finds each kind of broken plan.

use super::world::*;
use crate::config::Allow;
use crate::model::Cell;
use crate::people::Field;
use crate::plan::*;

/// A plan with one action of most kinds.
fn busy() -> World {
    let mut world = World::of(6);
    world.target.protect = vec!["root".into()];
    world.target.leavers.action = crate::config::LeaverAction::Disable;
    world.edit("10001", |p| p.text.set(Field::Position, Cell::Value("经理")));
    world.edit("10002", |p| p.text.set(Field::EmployeeId, Cell::Value("20002")));
    world.leave("10003");
    world.hire("20009");
    world
        .past
        .overrides
        .insert(key("10004"), Override { kind: OverrideKind::Hold, until: None, reason: "x".into() });
    world
}

fn rules(world: &World, tamper: impl FnOnce(&mut Plan)) -> Vec<&'static str> {
    world.with(|input| {
        let mut plan = plan(input);
        assert_eq!(check(&plan, input), vec![]);
        tamper(&mut plan);
        check(&plan, input).into_iter().map(|violation| violation.rule).collect()
    })
}

fn of(plan: &mut Plan, kind: ActionKind) -> &mut Action {
    plan.actions.iter_mut().find(|action| action.kind == kind).unwrap()
}

#[track_caller]
fn finds(rule: &str, tamper: impl FnOnce(&mut Plan)) {
    let found = rules(&busy(), tamper);
    assert!(found.contains(&rule), "{rule} is not among {found:?}");
}

#[test]
fn it_finds_people_and_names_that_come_twice() {
    finds("one action per person", |p| {
        let twice = p.actions[0].clone();
        p.actions.insert(0, twice);
    });
    finds("blocked people are left alone", |p| p.blocked[0].person = key("10001"));
    finds("no name twice", |p| of(p, ActionKind::Add).new_username = name("10003"));
    finds("no name of somebody else's account", |p| {
        let add = of(p, ActionKind::Add);
        (add.username, add.new_username) = (name("10005"), name("10005"));
    });
}

#[test]
fn it_finds_hands_on_what_is_not_ours() {
    finds("nothing protected", |p| of(p, ActionKind::Rename).new_username = name("ROOT"));
    finds("nothing is touched that is not ours", |p| of(p, ActionKind::Update).person = key("77"));
    finds("the name we know", |p| of(p, ActionKind::Update).username = name("77"));
    finds("an add needs an absence", |p| of(p, ActionKind::Add).person = key("10005"));
    finds("who is held or suspended is left alone", |p| of(p, ActionKind::Update).person = key("10004"));
    finds("adopting is an explicit act", |p| of(p, ActionKind::Add).kind = ActionKind::Adopt);
}

#[test]
fn it_finds_actions_without_a_cause() {
    finds("every action has its cause", |p| of(p, ActionKind::Disable).person = key("10005"));
    finds("every action has its cause", |p| of(p, ActionKind::Disable).reason = Reason::Missing);
    finds("reasons fit kinds", |p| of(p, ActionKind::Update).reason = Reason::Left);
    finds("deleted only after a confirmed disable of ours", |p| {
        of(p, ActionKind::Disable).kind = ActionKind::Delete
    });
}

#[test]
fn it_finds_a_wrong_order_and_groups_without_parents() {
    finds("deletes last, within a kind by person", |p| p.actions.reverse());
    finds("parents before children", |p| p.create_groups = vec![group("/a/b"), group("/a")]);
    finds("groups are created only where that is allowed", |p| p.create_groups = vec![group("/a")]);
    finds("no group twice", |p| p.create_groups = vec![group("/总公司")]);
}

#[test]
fn it_finds_changes_that_are_not_what_they_say() {
    finds("changes say what changes", |p| of(p, ActionKind::Update).after.phone.push('1'));
    finds("no action that does nothing", |p| {
        let update = of(p, ActionKind::Update);
        update.after.note = "员工10001-销售".into();
        update.changes.clear();
    });
    finds("enable only whom we disabled", |p| {
        let update = of(p, ActionKind::Update);
        update.after.enabled = false;
        update.changes.insert(AccountField::Enabled, (Some("true".into()), Some("false".into())));
    });
    finds("the device's limit for notes", |p| of(p, ActionKind::Add).after.note = "注".repeat(17));
    finds("counts are people", |p| p.counts.add = 7);
}

#[test]
fn it_finds_brakes_that_were_let_go() {
    let mut world = busy();
    world.target.allow = vec![Allow::Update];
    let found = rules(&world, |p| of(p, ActionKind::Add).withheld_by = None);
    assert!(found.contains(&"what is not allowed is withheld"), "{found:?}");
    let mut world = busy();
    world.target.guard.max_add = crate::config::Limit::at(0.0);
    let found = rules(&world, |p| p.held_by.clear());
    assert_eq!(found, ["no plan over a limit passes"]);
}
