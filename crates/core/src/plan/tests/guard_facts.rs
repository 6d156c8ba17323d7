//! What stands behind held guards, as far as people are told of it.

use super::guards::lost;
use super::world::*;
use crate::config::Limit;
use crate::plan::*;
use crate::reason::{Behind, Guard, HeldBy};

/// What holds this plan under that name.
fn by(world: &World, guard: Guard) -> HeldBy {
    world.plan().held_by.into_iter().map(|held| held.by).find(|by| by.guard == guard).unwrap()
}

fn things(first: &[&str], count: u64, people: u64) -> Behind {
    Behind::Things { first: first.iter().map(|name| (*name).to_owned()).collect(), count, people }
}

#[test]
fn figures_have_one_decimal_and_the_people_behind_them() {
    let world = lost(75, 52);
    let people = Behind::People { count: 52, keys_changed: false };
    assert_eq!(
        by(&world, Guard::MaxMissingPercent),
        HeldBy::figure(Guard::MaxMissingPercent, 5.0, 69.3, people.clone())
    );
    assert_eq!(by(&world, Guard::MaxMissing), HeldBy::figure(Guard::MaxMissing, 50.0, 52.0, people));
}

#[test]
fn a_field_is_named() {
    let mut world = World::of(5);
    world.target.guard.fields = [(AccountField::Note, Limit::at(0.0))].into();
    world.account.note = "{name}".into();
    assert_eq!(by(&world, Guard::FieldNote).actual, Some(5.0));
}

#[test]
fn changed_keys_are_called_by_their_name() {
    let changed = |missing: usize, added: usize| {
        let mut world = lost(20, missing);
        for n in 0..added {
            world.hire(&format!("0{}", 10_001 + n));
        }
        world.target.guard.max_add = Limit::at(1.0);
        let is_told = |guard| matches!(by(&world, guard).behind, Behind::People { keys_changed: true, .. });
        if added > 1 {
            assert!(!is_told(Guard::MaxAdd), "only the missing are explained by it");
        }
        is_told(Guard::MaxMissingPercent)
    };
    // Most are missing, and at least half as many are new.
    assert!(changed(20, 20) && changed(11, 6));
    assert!(!changed(10, 10) && !changed(11, 5) && !changed(12, 6) && !changed(20, 0) && !changed(4, 4));
}

#[test]
fn a_brake_names_five_at_most() {
    let names = ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv", "f.csv"];
    let without = |lost: usize| {
        let mut world = World::of(2);
        world.roster.sources[0].files = names.map(Into::into).into();
        world.past.last_applied =
            Some(world.with(|input| AppliedRoster::of(input.roster, input.wanted, input.target)));
        world.roster.sources[0].files = names[lost..].iter().map(|name| (*name).into()).collect();
        by(&world, Guard::MissingFile).behind
    };
    let five = ["hr: a.csv", "hr: b.csv", "hr: c.csv", "hr: d.csv", "hr: e.csv"];
    assert_eq!(without(5), things(&five, 5, 0));
    assert_eq!(without(6), things(&five, 6, 0));
}

#[test]
fn a_brake_has_its_reason_and_where_it_stands() {
    let mut world = World::of(2);
    world.past.paused = Some("migration".into());
    let target = world.target.name.clone();
    let paused = Behind::Pause { target: target.clone(), reason: "migration".into() };
    assert_eq!(by(&world, Guard::Paused).behind, paused);
    let (url, dialect) = ("https://old".to_owned(), "openapi".to_owned());
    world.past.device = Some(Device { url: url.clone(), dialect: dialect.clone() });
    assert_eq!(by(&world, Guard::TargetChanged).behind, Behind::Device { target, url, dialect });
}

#[test]
fn departments_are_named_five_at_most() {
    let lose = |teams: usize| {
        let mut world = World::of(200);
        world.allow_all_guards();
        let path = |team: usize| format!("/总公司/信息部/{team}组");
        for n in 0..teams * 10 {
            world.edit(&format!("{}", 10_001 + n), |p| p.departments = departments(&[&path(n / 10)]));
        }
        world.snapshot.groups.extend((0..teams).map(|team| group(&path(team))));
        let _ = world.carry_out();
        // Enough colleagues elsewhere in the division.
        for n in 100..180 {
            world.edit(&format!("{}", 10_001 + n), |p| p.departments = departments(&["/总公司/信息部"]));
        }
        let _ = world.carry_out();
        world.target.guard.max_department_loss_percent = Limit::at(50.0);
        for n in (0..teams * 10).filter(|n| n % 10 < 6) {
            world.lose(&format!("{}", 10_001 + n));
        }
        by(&world, Guard::MaxDepartmentLossPercent).behind
    };
    let five: Vec<String> = (0..5).map(|team| format!("/总公司/信息部/{team}组")).collect();
    let five: Vec<&str> = five.iter().map(String::as_str).collect();
    assert_eq!(lose(5), things(&five, 5, 30));
    assert_eq!(lose(6), things(&five, 6, 36));
}
