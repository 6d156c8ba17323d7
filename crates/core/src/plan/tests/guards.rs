//! Guards: one mechanism, and each count.

use std::collections::BTreeSet;

use serde_json::json;

use super::world::*;
use crate::config::{GuardHold, LeaverAction, Limit, Switch};
use crate::model::Cell;
use crate::people::{Doubt, DoubtKind, Field};
use crate::plan::*;
use crate::reason::{Behind, Guard};

/// So many of so many leave the roster without a word.
pub(super) fn lost(of: usize, people: usize) -> World {
    let mut world = World::of(of);
    world.target.guard.max_department_loss_percent = Limit::OFF;
    for n in 0..people {
        world.lose(&format!("{}", 10_001 + n));
    }
    world
}

fn approve(world: &mut World, plan: &Plan) {
    let sets = plan.held_by.iter().map(|held| (held.by.guard, held.set.clone())).collect();
    world.past.approvals.push(Approval { id: 7, sets });
}

#[test]
fn a_guard_trips_above_its_limit_and_not_at_it() {
    let mut world = lost(100, 5);
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.lose("10006");
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_missing_percent"]);
    assert_eq!((plan.held_by[0].by.limit, plan.held_by[0].by.actual), (Some(5.0), Some(6.0)));
    assert_eq!(plan.counts.delete, 6);
    assert!(plan.held_as_a_whole() && plan.held_something_back());
}

#[test]
fn a_percentage_needs_more_than_three_people() {
    assert_eq!(held(&lost(5, 3).plan()), Vec::<&str>::new());
    assert_eq!(held(&lost(5, 4).plan()), ["max_missing_percent"]);
}

#[test]
fn a_limit_of_zero_allows_none_and_off_is_off() {
    let mut world = World::of(5);
    world.hire("20001");
    world.target.guard.max_add = Limit::at(0.0);
    assert_eq!(held(&world.plan()), ["max_add"]);
    world.target.guard.max_add = Limit::OFF;
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
}

#[test]
fn hold_removals_lets_the_rest_go_on() {
    let mut world = lost(20, 6);
    world.hire("20001");
    world.leave("10020");
    world.target.guard.hold = GuardHold::Removals;
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_missing_percent"]);
    assert!(!plan.held_as_a_whole() && plan.held_something_back());
    // All removals, also the leaver's, whom the guard does not count.
    assert_eq!((plan.counts.add, plan.counts.delete, plan.counts.withheld), (1, 0, 7));
    assert!(plan.to_send().all(|action| action.kind == ActionKind::Add));
}

#[test]
fn hold_removals_is_not_enough_for_guards_of_other_things() {
    let mut world = World::of(5);
    world.hire("20001");
    world.target.guard.hold = GuardHold::Removals;
    world.target.guard.max_add = Limit::at(0.0);
    assert!(world.plan().held_as_a_whole());
}

#[test]
fn an_approval_covers_its_set_and_lets_other_actions_differ() {
    let mut world = lost(20, 6);
    let plan = world.plan();
    approve(&mut world, &plan);
    let passed = world.plan();
    assert_eq!((held(&passed), passed.allowed[0].1), (vec![], Some(7)));
    world.hire("20001");
    world.put(person("10001"));
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.lose("10010");
    assert_eq!(held(&world.plan()), ["max_missing_percent"]);
}

#[test]
fn allow_guard_lifts_only_the_named_guard() {
    let mut world = lost(100, 60);
    assert_eq!(held(&world.plan()), ["max_missing", "max_missing_percent"]);
    world.allow_guards = [Guard::MaxMissing].into();
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_missing_percent"]);
    assert_eq!((plan.allowed[0].0.by.guard, plan.allowed[0].1), (Guard::MaxMissing, None));
}

#[test]
fn a_pause_cannot_be_approved_and_holds_everything() {
    let mut world = World::of(2);
    world.leave("10001");
    world.past.paused = Some("migration".into());
    world.allow_guards = [Guard::Paused].into();
    let plan = world.plan();
    approve(&mut world, &plan);
    assert_eq!(held(&world.plan()), ["paused"]);
    assert!(world.plan().held_something_back());
    world.edit("10001", |p| p.employment = crate::people::Employment::Active);
    let idle = world.plan();
    assert_eq!(held(&idle), ["paused"]);
    assert!(!idle.held_something_back());
}

#[test]
fn leavers_and_missing_people_have_limits_of_their_own() {
    let mut world = World::of(20);
    world.target.guard.max_department_loss_percent = Limit::OFF;
    for n in 0..4 {
        world.leave(&format!("{}", 10_001 + n));
    }
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.leave("10005");
    assert_eq!(held(&world.plan()), ["max_left_percent"]);
}

#[test]
fn changes_and_renames_are_counted() {
    let mut world = World::of(30);
    for n in 0..21 {
        let id = format!("{}", 10_001 + n);
        world.edit(&id, |p| p.text.set(Field::EmployeeId, Cell::Value(&format!("v{id}"))));
    }
    assert_eq!(held(&world.plan()), ["max_change_percent", "max_rename"]);
    world.target.guard.fields = [(AccountField::Username, Limit::at(5.0))].into();
    assert!(held(&world.plan()).contains(&"fields.username"));
}

#[test]
fn the_first_accounts_of_an_empty_target_are_no_change() {
    let mut world = World::empty();
    for n in 0..200 {
        world.hire(&format!("{}", 10_001 + n));
    }
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.target.guard.max_accounts = Limit::at(199.0);
    assert_eq!(held(&world.plan()), ["max_accounts"]);
}

#[test]
fn too_many_accounts_hold_joiners_and_nobody_else() {
    let mut world = World::of(3);
    world.target.guard.max_accounts = Limit::at(1.0);
    world.leave("10001");
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.hire("20001");
    assert_eq!(held(&world.plan()), ["max_accounts"]);
}

#[test]
fn a_field_has_a_limit_of_its_own_that_joiners_and_leavers_do_not_touch() {
    let mut world = World::of(5);
    world.target.guard.fields = AccountField::ALL.map(|field| (field, Limit::at(0.0))).into();
    world.target.leavers.action = LeaverAction::Disable;
    world.hire("20001");
    world.leave("10001");
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.edit("10002", |p| p.phones = Cell::Value(vec!["13900139000".to_owned()]));
    let plan = world.plan();
    assert_eq!(held(&plan), ["fields.phone"]);
    let behind: Vec<_> =
        plan.held_by[0].set.iter().map(|item| (item.person.clone(), item.what.as_deref())).collect();
    assert_eq!(behind, [(Some(key("10002")), Some("phone"))]);
}

#[test]
fn removals_of_the_last_day_and_week_count_too() {
    let mut world = World::of(40);
    world.leave("10001");
    world.past.removals_24h = 99;
    world.past.removals_7d = 299;
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.past.removals_24h = 100;
    assert_eq!(held(&world.plan()), ["max_deletes_24h"]);
    world.past.removals_7d = 300;
    assert_eq!(held(&world.plan()), ["max_deletes_24h", "max_deletes_7d"]);
    world.edit("10001", |p| p.employment = crate::people::Employment::Active);
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
}

#[test]
fn a_deselection_has_a_limit_of_its_own() {
    let mut world = World::of(30);
    world.target.guard.max_department_loss_percent = Limit::OFF;
    world.target.select = serde_json::from_value(json!({ "department": "/别处/**" })).unwrap();
    assert_eq!(held(&world.plan()), ["max_deselected"]);
}

#[test]
fn a_department_that_vanishes_keeps_its_people_and_the_rest_goes_on() {
    let mut world = World::of(300);
    for n in 0..12 {
        world.edit(&format!("{}", 10_001 + n), |p| p.departments = departments(&["/总公司/信息部/一组"]));
    }
    world.snapshot.groups.insert(group("/总公司/信息部/一组"));
    let _ = world.carry_out();
    for n in 0..7 {
        world.lose(&format!("{}", 10_001 + n));
    }
    world.leave("10100");
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_department_loss_percent"]);
    assert_eq!((plan.counts.delete, plan.counts.withheld), (1, 7));
    assert!(!plan.held_as_a_whole() && plan.held_something_back());
    let withheld = plan.actions.iter().filter(|a| a.withheld_by.is_some());
    assert!(withheld.map(|a| &a.after.group).all(|g| *g == group("/总公司/信息部/一组")));
    approve(&mut world, &plan);
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
}

#[test]
fn a_department_is_judged_from_ten_people_on_and_above_its_limit() {
    let team = "/总公司/信息部/一组";
    let loses = |limit: f64, of: usize, losses: usize| {
        let mut world = World::of(100);
        for n in 0..of {
            world.edit(&format!("{}", 10_001 + n), |p| p.departments = departments(&[team]));
        }
        world.snapshot.groups.insert(group(team));
        world.allow_all_guards();
        let _ = world.carry_out();
        world.target.guard.max_department_loss_percent = Limit::at(limit);
        for n in 0..losses {
            world.lose(&format!("{}", 10_001 + n));
        }
        world.leave("10100");
        world.plan().held_by.first().map(|held| (held.by.limit.unwrap(), held.by.actual.unwrap()))
    };
    assert_eq!(loses(50.0, 12, 6), None);
    assert_eq!(loses(50.0, 12, 7), Some((50.0, 58.3)));
    // One of few is many percent: neither a small department nor a few people are judged.
    assert_eq!((loses(50.0, 9, 8), loses(50.0, 10, 8)), (None, Some((50.0, 80.0))));
    assert_eq!((loses(20.0, 10, 3), loses(20.0, 10, 4)), (None, Some((20.0, 40.0))));
}

#[test]
fn a_shrunken_roster_holds_with_our_people_without_a_row_behind_it() {
    let mut world = World::of(20);
    world.allow_all_guards();
    world.target.guard.max_shrink_percent = Limit::at(20.0);
    world.past.last_applied =
        Some(world.with(|input| AppliedRoster::of(input.roster, input.wanted, input.target)));
    for n in 0..5 {
        world.lose(&format!("{}", 10_001 + n));
    }
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_shrink_percent"]);
    assert_eq!((plan.held_by[0].set.len(), plan.held_by[0].by.actual), (5, Some(25.0)));
    approve(&mut world, &plan);
    world.hire("20001");
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.lose("10010");
    world.lose("10011");
    assert_eq!(held(&world.plan()), ["max_shrink_percent"]);
    world.roster.sources[0].frozen = true;
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
}

#[test]
fn a_column_that_suddenly_emptied_holds() {
    let mut world = World::of(20);
    world.roster.sources[0].fill = [(Field::Phone, 90.0), (Field::Roles, 10.0)].into();
    world.past.last_applied =
        Some(world.with(|input| AppliedRoster::of(input.roster, input.wanted, input.target)));
    world.roster.sources[0].fill.insert(Field::Phone, 75.0);
    world.roster.sources[0].fill.insert(Field::Roles, 0.0);
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.roster.sources[0].fill.insert(Field::Phone, 60.0);
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_fill_drop_percent"]);
    assert_eq!(plan.held_by[0].set.first().unwrap().what.as_deref(), Some("hr/phone"));
    assert!(!plan.held_something_back());
}

#[test]
fn only_columns_above_the_limit_and_by_more_than_three_cells_stand_behind_it() {
    let mut world = World::of(20);
    let fill = |world: &mut World, shares: [f64; 3]| {
        let fields = [Field::Phone, Field::Roles, Field::Position];
        world.roster.sources[0].fill = fields.into_iter().zip(shares).collect();
    };
    fill(&mut world, [90.0, 100.0, 30.0]);
    world.past.last_applied =
        Some(world.with(|input| AppliedRoster::of(input.roster, input.wanted, input.target)));
    // A third of the phones; a fifth of the roles, which is the limit; half of the positions, which are three.
    fill(&mut world, [60.0, 80.0, 15.0]);
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_fill_drop_percent"]);
    let behind: Vec<_> = plan.held_by[0].set.iter().filter_map(|item| item.what.as_deref()).collect();
    assert_eq!((behind, plan.held_by[0].by.actual), (vec!["hr/phone"], Some(33.3)));
    let behind = Behind::Things { first: vec!["hr/phone".into()], count: 1, people: 6 };
    assert_eq!(plan.held_by[0].by.behind, behind);
}

#[test]
fn a_file_of_the_last_roster_that_is_not_there_holds() {
    let mut world = World::of(2);
    world.leave("10001");
    let files = |world: &mut World, names: &[&str]| {
        world.roster.sources[0].files = names.iter().map(|n| (*n).into()).collect();
    };
    files(&mut world, &["hr_20261120.csv", "part1.csv", "part2.csv", "part3.csv"]);
    world.past.last_applied =
        Some(world.with(|input| AppliedRoster::of(input.roster, input.wanted, input.target)));
    files(&mut world, &["hr_20261121.csv", "part1.csv", "part2.csv", "part3.csv"]);
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    files(&mut world, &["hr_20261121.csv", "part1.csv", "part3.csv"]);
    let plan = world.plan();
    assert_eq!(held(&plan), ["missing_file"]);
    let what: BTreeSet<_> = plan.held_by[0].set.iter().filter_map(|item| item.what.as_deref()).collect();
    assert_eq!(what, ["hr: part2.csv"].into());
    world.target.guard.missing_file = Switch::Off;
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
}

#[test]
fn a_doubtful_roster_holds_until_it_was_applied_and_is_told_ever_after() {
    let doubt = |kind, what: &str, file: &str| Doubt {
        kind,
        source: "hr".into(),
        what: what.into(),
        file: file.into(),
    };
    let mut world = World::of(2);
    world.roster.doubts = vec![doubt(DoubtKind::Alike, "IT = It", "")];
    assert_eq!(held(&world.plan()), Vec::<&str>::new(), "this one is only told");
    world.roster.doubts.push(doubt(DoubtKind::UnusedStatus, "离职状态", "hr_20261120.csv"));
    let plan = world.plan();
    assert_eq!(held(&plan), ["roster_doubt"]);
    let doubts = world.roster.doubts[1..].to_vec();
    assert!(Guard::RosterDoubt.approvable());
    assert_eq!(plan.held_by[0].by.behind, Behind::Doubts { doubts });
    // Tomorrow's file has another name; the doubt is the same one.
    world.past.last_applied =
        Some(world.with(|input| AppliedRoster::of(input.roster, input.wanted, input.target)));
    world.roster.doubts = vec![doubt(DoubtKind::UnusedStatus, "离职状态", "hr_20261121.csv")];
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.roster.doubts.push(doubt(DoubtKind::CopiedFile, "a.csv, b.csv", "100"));
    assert_eq!(held(&world.plan()), ["roster_doubt"], "another doubt is new");
}

#[test]
fn another_device_holds_until_it_is_accepted() {
    let mut world = World::of(2);
    world.past.device = Some(Device { url: "embedded".into(), dialect: "updater-cloud".into() });
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.target.dialect = crate::device::Dialect::Openapi;
    world.allow_guards = [Guard::TargetChanged].into();
    assert_eq!(held(&world.plan()), ["target_changed"]);
}

#[test]
fn an_old_roster_that_comes_again_holds() {
    let mut world = World::of(2);
    world.past.replayed = true;
    let plan = world.plan();
    assert_eq!(held(&plan), ["replayed_roster"]);
    approve(&mut world, &plan);
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.past.replayed = false;
}

#[test]
fn grants_of_sensitive_roles_are_counted() {
    let mut world = World::of(10);
    world.target.guard.sensitive_roles = vec!["堡垒*".into()];
    world.target.guard.max_sensitive_grants = Limit::at(1.0);
    world.target.guard.max_change_percent = Limit::OFF;
    world.edit("10001", |p| p.roles = Cell::Value(["堡垒机".to_owned(), "OA".to_owned()].into()));
    let _ = world.carry_out();
    world.edit("10001", |p| p.roles = Cell::Value(["堡垒机".to_owned()].into()));
    world.edit("10002", |p| p.roles = Cell::Value(["堡垒机".to_owned()].into()));
    assert_eq!(held(&world.plan()), Vec::<&str>::new());
    world.edit("10003", |p| p.roles = Cell::Value(["堡垒机".to_owned()].into()));
    let plan = world.plan();
    assert_eq!(held(&plan), ["max_sensitive_grants"]);
    let behind: Vec<_> = plan.held_by[0].set.iter().map(|item| item.what.as_deref()).collect();
    assert_eq!(behind, [Some("堡垒机"); 2]);
}

#[test]
fn a_sensitive_role_in_another_spelling_is_counted() {
    for role in ["ERP", "erp", "ＥＲＰ"] {
        let mut world = World::of(10);
        world.target.guard.max_change_percent = Limit::OFF;
        world.edit("10001", |p| p.roles = Cell::Value(["OA".to_owned()].into()));
        let _ = world.carry_out();
        world.target.guard.max_sensitive_grants = Limit::at(0.0);
        world.edit("10001", |p| p.roles = Cell::Value([role.to_owned()].into()));
        for globs in [&["ERP"], &["*"]] {
            world.target.guard.sensitive_roles = globs.map(str::to_owned).to_vec();
            assert_eq!(held(&world.plan()), ["max_sensitive_grants"], "{role}");
        }
    }
}

#[test]
fn too_many_new_groups_hold() {
    let mut world = World::of(1).openapi();
    world.looks.roles = Some(BTreeSet::new());
    world.target.create_groups = true;
    for n in 0..11 {
        let (id, path) = (format!("2{n}"), format!("/总公司/新部{n}"));
        world.hire(&id);
        world.edit(&id, |p| p.departments = departments(&[&path]));
        world.looks.groups.insert(group(&path), false);
    }
    assert_eq!(held(&world.plan()), ["max_new_groups"]);
}

#[test]
fn a_configuration_that_cannot_be_read_holds_everything() {
    let mut world = World::of(2);
    world.leave("10001");
    world.target.protect = vec!["[".into()];
    let plan = world.with(plan);
    assert_eq!((held(&plan), plan.actions.len()), (vec!["configuration"], 0));
}

#[test]
fn with_every_guard_off_nothing_is_held() {
    let mut world = lost(100, 100);
    world.allow_all_guards();
    let plan = world.plan();
    assert_eq!((held(&plan), plan.counts.delete), (vec![], 100));
}
