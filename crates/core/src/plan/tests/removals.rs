//! How access ends, and what keeps it.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::world::*;
use crate::config::{Allow, LeaverAction, Span};
use crate::device::Dialect;
use crate::model::Cell;
use crate::people::Employment;
use crate::plan::*;
use crate::reason::{BlockReason, Exit};

fn nothing() -> Vec<String> {
    Vec::new()
}

fn suspend(world: &mut World, id: &str, kind: OverrideKind, until: Option<&str>) {
    let given = Override { kind, until: until.map(day), reason: "case 7".into() };
    world.past.overrides.insert(key(id), given);
}

#[test]
fn who_is_in_no_row_is_missing() {
    let mut world = World::of(3);
    world.lose("10002");
    assert_eq!(lines(&world.plan()), ["delete 10002 missing"]);
}

#[test]
fn a_part_of_a_roster_counts_nobody_as_missing() {
    let mut world = World::of(3);
    world.lose("10002");
    world.roster.partial = true;
    let plan = world.plan();
    assert_eq!((lines(&plan), blocked(&plan)), (nothing(), nothing()));
    assert_eq!(
        world.with(|input| missing(input.snapshot, input.roster, &input.past.sources)),
        BTreeSet::new()
    );
}

#[test]
fn under_an_unreadable_key_the_missing_are_planned_and_withheld() {
    let mut world = World::of(3);
    world.lose("10002");
    world.leave("10003");
    world.roster.sources[0].unreadable_key = true;
    let plan = world.plan();
    assert_eq!(lines(&plan), ["delete 10002 missing [unreadable_key]", "delete 10003 left"]);
    assert_eq!(held(&plan), ["unreadable_key"]);
    assert!(!plan.held_as_a_whole());
    assert!(plan.held_something_back());
    assert_eq!((plan.counts.delete, plan.counts.withheld), (1, 1));
    assert_eq!(
        world.with(|input| missing(input.snapshot, input.roster, &input.past.sources)),
        BTreeSet::new()
    );
}

#[test]
fn a_frozen_source_blocks_its_own_people_and_nobody_else() {
    let mut world = World::of(3);
    world.roster.sources.push(source("ldap"));
    world.roster.sources[1].frozen = true;
    for (id, from) in [("10001", "hr"), ("10002", "ldap")] {
        world.lose(id);
        world.past.sources.insert(key(id), [from.into()].into());
    }
    let plan = world.plan();
    assert_eq!(lines(&plan), ["delete 10001 missing"]);
    assert_eq!(blocked(&plan), ["10002 frozen_source"]);
}

#[test]
fn a_source_that_proves_nothing_makes_nobody_missing() {
    let mut world = World::of(2);
    world.lose("10001");
    world.roster.sources[0].proves_missing = false;
    let plan = world.plan();
    assert_eq!((lines(&plan), blocked(&plan)), (nothing(), vec!["10001 missing_not_proven".to_owned()]));
}

#[test]
fn people_of_a_source_that_is_configured_no_more_are_deselected() {
    let mut world = World::of(2);
    world.lose("10001");
    world.past.sources.insert(key("10001"), ["old".into()].into());
    assert_eq!(lines(&world.plan()), ["delete 10001 deselected"]);
}

#[test]
fn the_missing_wait_for_missing_runs_and_missing_for() {
    let mut world = World::of(2);
    world.lose("10001");
    world.target.leavers.missing_runs = 3;
    world.target.leavers.missing_for = Span::seconds(48 * 3600);
    let seen = |world: &mut World, rosters, hours| {
        let since = world.now - TimeDelta::hours(hours);
        world.past.missing.insert(key("10001"), MissingSeen { since, rosters });
        let plan = world.plan();
        (lines(&plan), blocked(&plan))
    };
    let waits = (nothing(), vec!["10001 missing_waiting".to_owned()]);
    assert_eq!(seen(&mut world, 1, 0), waits);
    assert_eq!(seen(&mut world, 3, 47), waits);
    assert_eq!(seen(&mut world, 2, 48), waits);
    assert_eq!(seen(&mut world, 3, 48), (vec!["delete 10001 missing".to_owned()], nothing()));
}

#[test]
fn rows_that_cannot_be_read_leave_their_people_alone() {
    let mut world = World::of(3);
    world.block_row("10001", no_status());
    world.block_row("10002", BlockReason::DuplicateKey { rows: Vec::new() });
    let plan = world.plan();
    assert_eq!(lines(&plan), nothing());
    assert_eq!(blocked(&plan), ["10001 unknown_status", "10002 duplicate_key"]);
    assert_eq!(plan.blocked[0].line, Some(9));
    assert_eq!(plan.blocked_exit(), Exit::Done);
}

#[test]
fn delete_after_counts_from_the_confirmed_disable() {
    let mut world = World::of(2);
    world.target.leavers.action = LeaverAction::Disable;
    world.target.leavers.delete_after = Some(Span::seconds(30 * 86_400));
    world.leave("10001");
    assert_eq!(lines(&world.carry_out()), ["disable 10001 left"]);
    world.later(TimeDelta::days(29));
    assert_eq!(lines(&world.plan()), nothing());
    world.later(TimeDelta::days(1));
    let due = world.plan();
    world.entry("10001").disabled.as_mut().unwrap().confirmed_at = None;
    assert_eq!(lines(&world.plan()), nothing());
    assert_eq!(lines(&due), ["delete 10001 left"]);
}

#[test]
fn an_adopted_leaver_is_disabled_once_and_nothing_after() {
    let mut world = World::of(2);
    world.target.leavers.delete_after = Some(Span::seconds(86_400));
    world.entry("10001").origin = Origin::Adopted;
    world.leave("10001");
    assert_eq!(lines(&world.carry_out()), ["disable 10001 left"]);
    world.later(TimeDelta::days(400));
    assert_eq!(lines(&world.plan()), nothing());
    world.target.leavers.adopted = LeaverAction::Delete;
    assert_eq!(lines(&world.plan()), ["delete 10001 left"]);
}

#[test]
fn an_account_that_expires_is_disabled_on_the_day_after_its_last() {
    let mut world = World::of(2);
    world.edit("10001", |p| p.expires_on = Cell::Value(day("2026-11-21")));
    assert_eq!(lines(&world.plan()), nothing());
    world.later(TimeDelta::days(1));
    assert_eq!(lines(&world.carry_out()), ["disable 10001 expired"]);
    assert_eq!(lines(&world.plan()), nothing());
}

#[test]
fn where_the_device_knows_the_last_day_it_is_sent_and_nothing_else_is_done() {
    let mut world = World::of(2).openapi();
    world.looks.roles = Some(BTreeSet::new());
    world.edit("10001", |p| p.expires_on = Cell::Value(day("2026-11-21")));
    let plan = world.carry_out();
    assert_eq!(lines(&plan), ["update 10001 changed"]);
    assert_eq!(plan.actions[0].after.expires_on, Some(day("2026-11-21")));
    world.later(TimeDelta::days(1));
    assert_eq!(lines(&world.plan()), nothing());
}

#[test]
fn a_leave_date_falls_due_while_the_row_stays_the_same() {
    let mut world = World::of(2);
    world.edit("10001", |p| p.leave_date = Cell::Value(day("2026-11-22")));
    assert_eq!(lines(&world.plan()), nothing());
    world.later(TimeDelta::days(1));
    assert_eq!(lines(&world.plan()), nothing());
    world.later(TimeDelta::days(1));
    assert_eq!(lines(&world.plan()), ["delete 10001 left"]);
}

#[test]
fn whoever_comes_back_is_enabled_or_added_as_returned() {
    let mut world = World::of(3);
    world.target.leavers.action = LeaverAction::Disable;
    world.leave("10001");
    assert_eq!(lines(&world.carry_out()), ["disable 10001 left"]);
    world.edit("10001", |p| p.employment = Employment::Active);
    assert_eq!(lines(&world.carry_out()), ["enable 10001 returned"]);
    assert_eq!(lines(&world.plan()), nothing());
    world.past.returned.insert(key("10009"));
    world.hire("10009");
    assert_eq!(lines(&world.plan()), ["add 10009 returned"]);
}

#[test]
fn only_whom_rosterd_disabled_is_enabled_again() {
    let mut world = World::of(2);
    world.entry("10001").state.enabled = false;
    assert_eq!(lines(&world.plan()), nothing());
    world.target.manage.enabled = crate::config::Manage::Always;
    assert_eq!(lines(&world.plan()), ["enable 10001 returned"]);
}

#[test]
fn whom_a_human_disabled_is_as_gone_as_disabling_makes_them() {
    let mut world = World::of(2);
    world.target.leavers.action = LeaverAction::Disable;
    world.target.leavers.delete_after = Some(Span::seconds(1));
    world.entry("10001").state.enabled = false;
    world.leave("10001");
    world.later(TimeDelta::days(9));
    assert_eq!(lines(&world.plan()), nothing());
}

#[test]
fn select_takes_away_what_it_no_longer_selects() {
    let mut world = World::of(3);
    world.target.select =
        serde_json::from_value(serde_json::json!({ "department": "/总公司/销售部/**" })).unwrap();
    world.edit("10001", |p| p.departments = departments(&["/总公司/信息部"]));
    world.edit("10002", |p| p.departments = Cell::Unknown);
    let mut elsewhere = person("10009");
    elsewhere.departments = departments(&["/总公司/信息部"]);
    world.put(elsewhere);
    let plan = world.plan();
    assert_eq!(lines(&plan), ["delete 10001 deselected"]);
    assert_eq!(blocked(&plan), ["10002 select_unknown"]);
    assert_eq!(plan.counts.unchanged, 1);
}

#[test]
fn suspended_people_are_disabled_whatever_the_roster_says() {
    let mut world = World::of(3);
    suspend(&mut world, "10001", OverrideKind::Suspend, None);
    suspend(&mut world, "10002", OverrideKind::Suspend, None);
    world.block_row("10002", no_status());
    assert_eq!(lines(&world.carry_out()), ["disable 10001 suspended", "disable 10002 suspended"]);
    let plan = world.plan();
    assert_eq!(lines(&plan), nothing());
    assert_eq!(blocked(&plan), ["10001 suspended", "10002 suspended"]);
    world.past.overrides.clear();
    assert_eq!(lines(&world.plan()), ["enable 10001 returned"]);
}

#[test]
fn held_people_are_left_alone_until_the_end_of_the_day() {
    let mut world = World::of(2);
    suspend(&mut world, "10001", OverrideKind::Hold, Some("2026-11-21"));
    world.leave("10001");
    assert_eq!(blocked(&world.plan()), ["10001 hold"]);
    world.later(TimeDelta::days(1));
    assert_eq!(lines(&world.plan()), ["delete 10001 left"]);
}

#[test]
fn protect_wins_over_everything() {
    let mut world = World::of(3);
    world.target.protect = vec!["admin".into(), "1000[12]".into()];
    world.leave("10001");
    suspend(&mut world, "10002", OverrideKind::Suspend, None);
    world.hire("Admin");
    let plan = world.plan();
    assert_eq!(lines(&plan), nothing());
    assert_eq!(blocked(&plan), ["10001 protected", "10002 protected", "Admin protected"]);
}

#[test]
fn a_note_with_the_keep_tag_is_left_alone_and_reported() {
    let mut world = World::of(2);
    world.target.keep_tag = "#keep".into();
    world.entry("10001").state.note = "#keep 张三".into();
    world.leave("10001");
    let plan = world.plan();
    assert_eq!((lines(&plan), blocked(&plan)), (nothing(), vec!["10001 keep_tag".to_owned()]));
}

#[test]
fn an_unknown_outcome_is_left_alone() {
    let mut world = World::of(3);
    world.entry("10001").unknown = true;
    world.entry("10002").unknown = true;
    world.leave("10001");
    world.lose("10002");
    let plan = world.plan();
    assert_eq!(lines(&plan), nothing());
    assert_eq!(blocked(&plan), ["10001 unknown_outcome!", "10002 unknown_outcome!"]);
    assert_eq!(plan.blocked_exit(), Exit::Partial);
}

#[test]
fn what_is_not_allowed_is_planned_and_withheld() {
    let mut world = World::of(3);
    world.target.allow = vec![Allow::Add, Allow::Update];
    world.leave("10001");
    world.hire("10009");
    let plan = world.plan();
    assert_eq!(lines(&plan), ["add 10009 joined", "delete 10001 left [allow]"]);
    assert_eq!((plan.counts.add, plan.counts.withheld), (1, 1));
    assert!(!plan.held_something_back());
}

#[test]
fn only_limits_the_plan_to_some_people() {
    let mut world = World::of(3);
    world.leave("10001");
    world.leave("10002");
    world.only = Some([key("10002")].into());
    assert_eq!(lines(&world.plan()), ["delete 10002 left"]);
}

#[test]
fn a_comma_in_a_name_is_never_sent_in_a_list_of_names() {
    let mut world = World::of(2);
    world.hire("a,b");
    assert_eq!(lines(&world.carry_out()), ["add a,b joined"]);
    world.target.dialect = Dialect::Openapi;
    world.leave("a,b");
    let plan = world.plan();
    assert_eq!((lines(&plan), blocked(&plan)), (nothing(), vec!["a,b bad_username".to_owned()]));
}
