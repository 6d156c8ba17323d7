//! What held guards say.

use rust_i18n::t;

use super::guards::lost;
use super::world::*;
use crate::config::Limit;
use crate::plan::*;

/// What this guard says, and whether it says how to let the plan pass.
fn says(world: &World, guard: &str) -> (String, bool) {
    let plan = world.plan();
    let detail = &plan.held_by.iter().find(|held| held.guard == guard).unwrap().detail;
    let next = format!(" {}", t!("guard.next", guard = guard));
    (detail.strip_suffix(&next).unwrap_or(detail).to_owned(), detail.ends_with(&next))
}

#[test]
fn every_guard_of_the_configuration_has_words_in_both_languages() {
    let guards = serde_json::to_value(crate::config::GuardConfig::default()).unwrap();
    let settings = ["hold", "sensitive_roles", "max_failed_percent"];
    let named = guards.as_object().unwrap().keys().map(String::as_str).filter(|key| !settings.contains(key));
    for guard in
        named.chain(["paused", "roster_doubt", "unreadable_key", "on_missing_group", "on_missing_role"])
    {
        let key = format!("guard.{guard}");
        let words = |locale: &str| rust_i18n::t!(&key, locale = locale).into_owned();
        assert!(!words("en").contains("guard.") && !words("zh").contains("guard."), "{guard}");
        assert_ne!(words("en"), words("zh"), "{guard}");
    }
}

#[test]
fn figures_have_their_unit_and_one_decimal() {
    let world = lost(75, 52);
    let expected = t!("guard.max_missing_percent", people = 52, actual = "69.3 %", limit = "5 %");
    assert_eq!(says(&world, "max_missing_percent"), (expected.into_owned(), true));
    let expected = t!("guard.max_missing", actual = "52", limit = "50");
    assert_eq!(says(&world, "max_missing"), (expected.into_owned(), true));
}

#[test]
fn a_field_is_named() {
    let mut world = World::of(5);
    world.target.guard.fields = [(AccountField::Note, Limit::at(0.0))].into();
    world.account.note = "{name}".into();
    let expected = t!("guard.fields", field = "note", actual = "5", limit = "0");
    assert_eq!(says(&world, "fields.note").0, expected);
}

#[test]
fn changed_keys_are_called_by_their_name() {
    let (guard, keys) = ("max_missing_percent", t!("guard.keys_changed").into_owned());
    let changed = |missing: usize, added: usize| {
        let mut world = lost(20, missing);
        for n in 0..added {
            world.hire(&format!("0{}", 10_001 + n));
        }
        world.target.guard.max_add = Limit::at(1.0);
        if added > 1 {
            assert!(!says(&world, "max_add").0.contains(&keys), "only the missing are explained by it");
        }
        says(&world, guard).0.starts_with(&keys)
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
        says(&world, "missing_file")
    };
    let five = "hr: a.csv, hr: b.csv, hr: c.csv, hr: d.csv, hr: e.csv";
    let expected = t!("guard.missing_file", count = 5, names = five);
    assert_eq!(without(5), (expected.into_owned(), true));
    let expected = t!("guard.missing_file", count = 6, names = format!("{five}, …"));
    assert_eq!(without(6), (expected.into_owned(), true));
}

#[test]
fn a_brake_says_its_reason_and_where_it_stands() {
    let mut world = World::of(2);
    world.past.paused = Some("migration".into());
    let expected = t!("guard.paused", reason = "migration", target = "hq");
    assert_eq!(says(&world, "paused"), (expected.into_owned(), false));
    world.past.device = Some(Device { url: "https://old".into(), dialect: "openapi".into() });
    let expected = t!("guard.target_changed", was = "https://old (openapi)", target = "hq");
    assert_eq!(says(&world, "target_changed"), (expected.into_owned(), false));
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
        says(&world, "max_department_loss_percent")
    };
    let five = (0..5).map(|team| format!("/总公司/信息部/{team}组")).collect::<Vec<_>>().join(", ");
    let expected = t!("guard.max_department_loss_percent", departments = five, limit = 50, people = 30);
    assert_eq!(lose(5), (expected.into_owned(), true));
    let more = format!("{five}, …");
    let expected = t!("guard.max_department_loss_percent", departments = more, limit = 50, people = 36);
    assert_eq!(lose(6), (expected.into_owned(), true));
}
