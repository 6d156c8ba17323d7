//! Putting back what a run changed: what is done, what is left alone, and why.

use std::collections::BTreeMap;

use super::world::*;
use crate::config::LeaverAction;
use crate::device::Auth;
use crate::model::Cell;
use crate::people::Employment;
use crate::plan::*;
use crate::reason::Brake;

/// What a run that carried `plan` out on `before` changed.
pub(super) fn undo_of(before: &Snapshot, plan: &Plan, after: &Snapshot) -> Undo {
    let restore = |action: &Action| {
        let was = before.entries.get(&action.person).cloned();
        let is = after.entries.get(&action.person);
        Restore {
            adopted: action.kind == ActionKind::Adopt
                || is.or(was.as_ref()).is_some_and(|entry| entry.origin == Origin::Adopted),
            after: is.map(|entry| (entry.username.clone(), entry.state.clone())),
            before: was,
        }
    };
    let people: BTreeMap<_, _> =
        plan.to_send().map(|action| (action.person.clone(), restore(action))).collect();
    Undo { run: 7, people }
}

/// Carries out a night, and then plans to put it back.
fn night(world: &mut World) -> Plan {
    world.allow_all_guards();
    let before = world.snapshot.clone();
    let plan = world.carry_out();
    world.past.undo = Some(undo_of(&before, &plan, &world.snapshot));
    world.plan()
}

#[test]
fn the_deleted_come_back_the_added_go_and_fields_are_as_before() {
    let mut world = World::of(4);
    let before = world.snapshot.clone();
    world.lose("10001");
    world.edit("10002", |p| p.departments = departments(&["/总公司/信息部"]));
    world.hire("20001");
    let undo = night(&mut world);
    assert_eq!(lines(&undo), ["update 10002 undo", "add 10001 undo", "delete 20001 undo"]);
    assert_eq!(undo.actions[1].auth, Some(Auth::Inherit));
    assert_eq!(undo.undo_of, Some(7));
    let _ = world.carry_out();
    assert_eq!(world.snapshot.entries, before.entries);
    // What is put back is put back once; and without the undo the roster would do it all again.
    assert_eq!((lines(&world.plan()), blocked(&world.plan())), (vec![], vec![]));
    world.past.undo = None;
    assert_eq!(lines(&world.plan()).len(), 3);
}

#[test]
fn a_rename_and_a_disable_are_taken_back() {
    let mut world = World::of(3);
    world.target.leavers.action = LeaverAction::Disable;
    world.leave("10001");
    world.account.username = "{employee_id}".into();
    world.past.links = [(key("10002"), name("li"))].into();
    let undo = night(&mut world);
    assert_eq!(lines(&undo), ["rename li>10002 undo", "enable 10001 undo"]);
}

#[test]
fn a_disable_and_a_rename_are_never_put_back_in_one_call() {
    let mut world = World::of(1);
    world.target.leavers.action = LeaverAction::Disable;
    world.leave("10001");
    let _ = world.carry_out();
    world.edit("10001", |p| p.employment = Employment::Active);
    world.past.links = [(key("10001"), name("li"))].into();
    let undo = night(&mut world);
    assert_eq!(lines(&undo), ["disable li undo"]);
    // Whoever reads the journal after a lost answer knows that this disable is ours.
    let _ = world.carry_out();
    assert!(world.entry("10001").disabled.is_some());
    assert_eq!(lines(&world.carry_out()), ["rename li>10001 undo"]);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn what_was_changed_since_stays_and_the_rest_is_put_back() {
    let mut world = World::of(1);
    world.edit("10001", |p| {
        p.phones = Cell::Value(vec!["13900000000".into()]);
        p.departments = departments(&["/总公司/信息部"]);
    });
    let _ = night(&mut world);
    world.entry("10001").state.phone = "13700000000".into();
    let undo = world.plan();
    assert_eq!(undo.actions[0].changes.keys().collect::<Vec<_>>(), [&AccountField::Group]);
    world.entry("10001").state.group = group("/总公司/信息部/一组");
    assert_eq!(blocked(&world.plan()), ["10001 undo_moved"]);
    world.snapshot.entries.clear();
    assert_eq!(blocked(&world.plan()), ["10001 undo_moved"]);
}

#[test]
fn nobody_gets_more_than_there_was_and_nobody_elses_user_goes() {
    // Disabled before the delete: an add would enable.
    let mut world = World::of(2);
    world.entry("10001").state.enabled = false;
    world.lose("10001");
    let undo = night(&mut world);
    assert_eq!((lines(&undo), blocked(&undo)), (vec![], vec!["10001 undo_disabled".to_owned()]));

    // Taken over by the run: the user was there before.
    let mut world = World::of(2);
    world.hire("20001");
    let _ = night(&mut world);
    world.past.undo.as_mut().unwrap().people.get_mut(&key("20001")).unwrap().adopted = true;
    assert_eq!(blocked(&world.plan()), ["20001 undo_adopted"]);

    // Suspended since: stays so. Held since, by an undo for one: that is no obstacle.
    let mut world = World::of(2);
    world.edit("10001", |p| p.phones = Cell::Value(vec!["13900000000".into()]));
    let _ = night(&mut world);
    let mut given = Override { kind: OverrideKind::Hold, until: None, reason: "x".into() };
    world.past.overrides.insert(key("10001"), given.clone());
    assert_eq!(lines(&world.plan()), ["update 10001 undo"]);
    given.kind = OverrideKind::Suspend;
    world.past.overrides.insert(key("10001"), given);
    assert_eq!(blocked(&world.plan()), ["10001 suspended"]);
}

#[test]
fn protect_allow_names_and_guards_hold_an_undo_too() {
    let mut world = World::of(6);
    for id in ["10001", "10002", "10003", "10004"] {
        world.lose(id);
    }
    let _ = night(&mut world);
    world.target.protect = vec!["10001".into()];
    world.target.allow = vec![];
    let undo = world.plan();
    assert_eq!(blocked(&undo), ["10001 protected"]);
    assert!(undo.actions.iter().all(|action| action.withheld_by == Some(Brake::Allow)));
    world.target = serde_json::from_value(serde_json::json!({
        "name": "hq", "url": "embedded", "guard": { "max_add": 2 }
    }))
    .unwrap();
    assert!(held(&world.plan()).contains(&"max_add"));
    // Somebody else has the name by now.
    let mut other = world.entry("10005").clone();
    other.username = name("10002");
    world.snapshot.entries.insert(key("30001"), other);
    assert_eq!(blocked(&world.plan()), ["10002 name_in_use"]);
}

#[test]
fn what_somebody_did_by_hand_is_the_reason_of_what_follows() {
    let mut world = World::of(3);
    world.entry("10001").state.note = "by hand".into();
    world.snapshot.entries.remove(&key("10002"));
    world.entry("10003").state.note = "older".into();
    world.past.drifted = [key("10001"), key("10002")].into();
    world.allow_all_guards();
    assert_eq!(lines(&world.plan()), ["update 10001 drift", "update 10003 changed", "add 10002 drift"]);
}

#[test]
fn nothing_is_put_back_that_a_call_on_its_way_would_leave_with_two_users() {
    let calls = |added: &[&str], renamed: &[&str]| InFlight {
        added: added.iter().copied().map(name).collect(),
        renamed: renamed.iter().copied().map(name).collect(),
        ..InFlight::default()
    };
    let mut world = World::of(4);
    world.lose("10001");
    login(&mut world, "10002", "20002");
    let _ = night(&mut world);
    world.past.in_flight =
        [(key("10001"), calls(&[], &["10001"])), (key("10002"), calls(&["20002"], &[]))].into();
    assert_eq!(blocked(&world.plan()), ["10001 unknown_outcome!", "10002 unknown_outcome!"]);
    world.past.in_flight =
        [(key("10001"), calls(&["b"], &[])), (key("10002"), calls(&["10002"], &[]))].into();
    assert_eq!(blocked(&world.plan()), ["10001 unknown_outcome!"]);
    assert_eq!(lines(&world.plan()), ["rename 20002>10002 undo"]);
}
