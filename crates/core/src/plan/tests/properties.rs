//! What holds for every company: random rosters, snapshots and configurations. Every plan goes past the independent
//! checker on the way.

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::world::*;
use crate::config::{GuardConfig, Manage};
use crate::device::Dialect;
use crate::mapping::{Want, WantRoles, Wanted, map_roster};
use crate::model::{Cell, PersonKey, RowRef};
use crate::people::{Employment, Field, Person};
use crate::plan::*;
use crate::reason::Guard;

/// One person's row on one day.
#[derive(Debug, Clone)]
struct Row {
    id: usize,
    /// The login, from which the user name is made; logins may meet.
    login: usize,
    position: Cell<String>,
    department: Cell<usize>,
    phone: Cell<u32>,
    roles: Cell<Vec<usize>>,
    employment: Employment,
    last_day: Option<i64>,
    expires: Option<i64>,
    refused: bool,
}

const DEPARTMENTS: [&str; 4] = ["/总公司/销售部", "/总公司/信息部", "/总公司/信息部/一组", "/子公司"];
const ROLES: [&str; 3] = ["CRM", "OA", "堡垒机"];

fn cell<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Cell<T>> {
    prop_oneof![1 => Just(Cell::Unknown), 1 => Just(Cell::Empty), 6 => value.prop_map(Cell::Value)]
}

prop_compose! {
    fn row(names_meet: bool)(
        id in 0..14_usize,
        other in prop::option::weighted(0.3, 0..14_usize),
        position in cell("[销研]{0,2}"),
        department in cell(0..DEPARTMENTS.len()),
        phone in cell(0..3_u32),
        roles in cell(prop::collection::vec(0..ROLES.len(), 0..3)),
        employment in select(vec![
            Employment::Active, Employment::Active, Employment::Active, Employment::Active, Employment::Pending,
            Employment::Left,
        ]),
        last_day in prop::option::weighted(0.2, -3..3_i64),
        expires in prop::option::weighted(0.2, -3..3_i64),
        refused in prop::bool::weighted(0.1),
    ) -> Row {
        let login = other.filter(|_| names_meet).unwrap_or(id);
        Row { id, login, position, department, phone, roles, employment, last_day, expires, refused }
    }
}

fn rows(names_meet: bool) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(names_meet), 0..20)
}

fn to_person(row: &Row, world: &World) -> Person {
    let mut person = person(&format!("{}", 10_001 + row.id));
    person.text.set(Field::Login, Cell::Value(&format!("u{}", row.login)));
    match &row.position {
        Cell::Value(text) => person.text.set(Field::Position, Cell::Value(text)),
        Cell::Empty => person.text.set(Field::Position, Cell::Empty),
        Cell::Unknown => person.text.set(Field::Position, Cell::Unknown),
    }
    person.departments = match row.department {
        Cell::Value(i) => departments(&[DEPARTMENTS[i]]),
        Cell::Empty => Cell::Empty,
        Cell::Unknown => Cell::Unknown,
    };
    person.phones = row.phone.map(|n| vec![format!("1380013800{n}")]);
    person.roles = row.roles.map(|all| all.iter().map(|i| ROLES[*i].to_owned()).collect());
    person.employment = row.employment;
    let on = |days: i64| Cell::Value(world.as_of + TimeDelta::days(days));
    person.leave_date = row.last_day.map_or(Cell::Unknown, on);
    person.expires_on = row.expires.map_or(Cell::Unknown, on);
    person
}

fn read(world: &mut World, rows: &[Row]) {
    world.roster.people.clear();
    world.roster.blocked.clear();
    for row in rows {
        world.put(to_person(row, world));
    }
    for row in rows.iter().filter(|row| row.refused) {
        world.block_row(&format!("{}", 10_001 + row.id), no_status());
    }
}

/// What a configuration may say, and what people may have done to the accounts.
#[derive(Debug, Clone)]
struct Settings {
    openapi: bool,
    target: serde_json::Value,
    guards_off: bool,
    guard: serde_json::Value,
    adopted: Vec<usize>,
    disabled_by_hand: Vec<usize>,
    unreadable_key: bool,
    proves: bool,
    overrides: Vec<(usize, bool)>,
}

prop_compose! {
    fn settings(guards_off: bool)(
        openapi in any::<bool>(),
        action in select(vec!["delete", "disable"]),
        adopted_action in select(vec!["delete", "disable"]),
        roles in select(vec!["always", "add", "create", "never"]),
        note in select(vec!["always", "create", "never"]),
        enabled in select(vec!["own", "always", "never"]),
        delete_after in select(vec!["0s", "1d"]),
        protect in select(vec![vec![], vec!["u3", "U4"]]),
        figures in prop::collection::vec(0..8_u32, 6),
        hold in select(vec!["all", "removals"]),
        adopted in prop::collection::vec(0..14_usize, 0..4),
        disabled_by_hand in prop::collection::vec(0..14_usize, 0..3),
        unreadable_key in prop::bool::weighted(0.2),
        proves in prop::bool::weighted(0.9),
        overrides in prop::collection::vec((0..14_usize, any::<bool>()), 0..3),
    ) -> Settings {
        let target = json!({
            "name": "hq", "url": "embedded", "protect": protect,
            "leavers": { "action": action, "adopted": adopted_action, "delete_after": delete_after },
            "manage": { "roles": roles, "note": note, "enabled": enabled },
        });
        let guard = json!({
            "hold": hold, "max_missing": figures[0], "max_missing_percent": figures[1] * 10,
            "max_left_percent": figures[2] * 10, "max_change_percent": figures[3] * 10, "max_rename": figures[4],
            "max_deletes_24h": figures[5], "max_add": figures[5] * 2,
        });
        Settings {
            openapi, target, guards_off, guard, adopted, disabled_by_hand, unreadable_key, proves, overrides,
        }
    }
}

fn world(settings: &Settings) -> World {
    let mut world = World::empty();
    world.target = serde_json::from_value(settings.target.clone()).unwrap();
    world.account.username = "{login}".into();
    world.account.default_roles = vec!["全员".into()];
    world.snapshot.groups = DEPARTMENTS.map(group).into();
    if settings.openapi {
        world.target.dialect = Dialect::Openapi;
        world.looks.roles = Some(ROLES.iter().copied().chain(["全员"]).map(str::to_owned).collect());
    }
    world.allow_all_guards();
    world
}

/// A company that was in step with its gateway on the first day, with what people did by hand since.
fn first_day(settings: &Settings, rows: &[Row]) -> World {
    let mut world = world(settings);
    read(&mut world, rows);
    while world.carry_out().has_work() {}
    for (n, entry) in world.snapshot.entries.values_mut().enumerate() {
        if settings.adopted.contains(&n) {
            entry.origin = Origin::Adopted;
        }
        if settings.disabled_by_hand.contains(&n) && entry.state.enabled {
            entry.state.enabled = false;
        }
    }
    if !settings.guards_off {
        world.target.guard = serde_json::from_value::<GuardConfig>(settings.guard.clone()).unwrap();
    }
    world.roster.sources[0].unreadable_key = settings.unreadable_key;
    world.roster.sources[0].proves_missing = settings.proves;
    for (id, suspend) in &settings.overrides {
        let kind = if *suspend { OverrideKind::Suspend } else { OverrideKind::Hold };
        let given = Override { kind, until: None, reason: "x".into() };
        world.past.overrides.insert(key(&format!("{}", 10_001 + id)), given);
    }
    world
}

/// Whether the snapshot holds what the roster wants of everybody who is not left alone.
fn in_step(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    for (person, wanted) in map_roster(&world.roster, &world.account, world.as_of) {
        let alone = plan.blocked.iter().any(|blocked| blocked.person == person)
            || world.past.overrides.contains_key(&person)
            || world.roster.blocked.contains_key(&person);
        let Wanted::Account(account) = wanted else { continue };
        if alone {
            continue;
        }
        let entry = world.snapshot.entries.get(&person);
        prop_assert!(entry.is_some(), "{person} has no account");
        let Some(entry) = entry else { continue };
        prop_assert_eq!(&entry.username, &account.username);
        if let Want::Set(group) = &account.group {
            prop_assert_eq!(&entry.state.group, group);
        }
        if let (Want::Set(note), Manage::Always) = (&account.note, world.target.manage.note) {
            prop_assert_eq!(&entry.state.note, note);
        }
        match (&account.roles, world.target.manage.roles) {
            (WantRoles::Set(roles), Manage::Always) => prop_assert_eq!(&entry.state.roles, roles),
            (roles, Manage::Always | Manage::Add) => {
                prop_assert!(roles.for_new().is_subset(&entry.state.roles));
            }
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Carrying plans out gives the accounts, and then there is nothing left to do. Only a name that somebody waits for
    /// takes more than one run.
    #[test]
    fn carrying_out_gives_the_accounts_and_planning_again_gives_nothing(
        settings in settings(true), one in rows(true), two in rows(true),
    ) {
        let mut world = first_day(&settings, &one);
        world.now += TimeDelta::days(3);
        world.as_of += TimeDelta::days(1);
        read(&mut world, &two);
        let mut runs = 0;
        let last = loop {
            let plan = world.carry_out();
            if !plan.has_work() {
                break plan;
            }
            runs += 1;
            // A name that is waited for, or a disable after which the delete is due at once, takes another run each.
            prop_assert!(runs < 16, "no end to it: {:?}", lines(&plan));
            let waits = plan.blocked.iter().any(|b| b.reason.kind() == crate::reason::BlockKind::NameInUse);
            let due = plan.actions.iter().any(|a| a.kind == ActionKind::Disable);
            if !waits && !due {
                let again = world.plan();
                prop_assert!(!again.has_work(), "{:?} after {:?}", lines(&again), lines(&plan));
            }
        };
        in_step(&world, &last)?;
    }

    /// The checker, which runs on every plan, counts every limit again; here it meets limits of every size.
    #[test]
    fn no_plan_over_a_limit_passes(settings in settings(false), one in rows(true), two in rows(true)) {
        let mut world = first_day(&settings, &one);
        read(&mut world, &two);
        let plan = world.plan();
        // What was approved passes, whatever else is added to it, and nothing more than it does.
        let sets = plan.held_by.iter().map(|held| (held.by.guard, held.set.clone())).collect();
        world.past.approvals.push(Approval { id: 1, sets });
        let approved = world.plan();
        prop_assert!(approved.held_by.iter().all(|held| !held.by.guard.approvable()));
        world.hire("90001");
        let counted = |plan: &Plan| plan.held_by.iter().any(|h| h.by.guard != Guard::MaxAdd && h.by.guard.approvable());
        prop_assert!(!counted(&world.plan()));
    }

    /// Where a row stands decides nothing, and the same inputs give the same bytes.
    #[test]
    fn the_order_of_rows_does_not_matter(
        settings in settings(true), one in rows(false), two in rows(false).prop_shuffle(),
    ) {
        let mut world = first_day(&settings, &one);
        read(&mut world, &two);
        let plan = world.plan();
        prop_assert_eq!(plan.digest(), world.plan().digest());
        let as_json = |plan: &Plan| serde_json::to_string(plan).unwrap();
        prop_assert_eq!(as_json(&plan), as_json(&world.plan()));
        for (n, person) in world.roster.people.values_mut().enumerate() {
            person.rows = vec![RowRef { file: "b.csv".into(), line: n as u64 * 7 }];
        }
        let moved = world.plan();
        prop_assert_eq!(lines(&plan), lines(&moved));
        prop_assert_eq!(blocked(&plan), blocked(&moved));
    }

    /// Whatever a night did, an undo gives back what there was, but for whom it says that it leaves alone.
    #[test]
    fn an_undo_gives_back_what_there_was(
        settings in settings(true), one in rows(true), two in rows(true),
    ) {
        let mut world = first_day(&settings, &one);
        world.past.overrides.clear();
        read(&mut world, &two);
        let before = world.snapshot.clone();
        let night = world.carry_out();
        world.past.undo = Some(super::undo::undo_of(&before, &night, &world.snapshot));
        let mut runs = 0;
        let last = loop {
            let plan = world.carry_out();
            if !plan.has_work() {
                break plan;
            }
            runs += 1;
            prop_assert!(runs < 16, "no end to it: {:?}", lines(&plan));
        };
        let told = |person: &PersonKey| last.blocked.iter().any(|blocked| blocked.person == *person);
        for (person, was) in before.entries.iter().filter(|(person, _)| !told(person)) {
            let is = world.snapshot.entries.get(person).map(|entry| (&entry.username, &entry.state));
            prop_assert_eq!(is, Some((&was.username, &was.state)), "{}", person);
        }
        for (person, is) in world.snapshot.entries.iter().filter(|(person, _)| !told(person)) {
            prop_assert!(before.entries.contains_key(person) || !is.state.enabled, "{person} stays");
        }
    }

    /// Until something is due, time alone changes nothing.
    #[test]
    fn nothing_happens_before_it_is_due(
        settings in settings(true), rows in rows(true), lost in prop::collection::vec(0..14_usize, 0..4),
        hired in prop::collection::vec((0..14_usize, 0..4_i64), 0..4), missing_for in 0..4_i64, hours in 0..100_i64,
    ) {
        let mut world = first_day(&settings, &rows);
        world.target.leavers.missing_for = format!("{missing_for}d").try_into().unwrap();
        for (id, days) in hired {
            let first = Cell::Value(world.as_of + TimeDelta::days(days));
            if let Some(person) = world.roster.people.get_mut(&key(&format!("{}", 10_001 + id))) {
                person.hire_date = first;
            }
        }
        for id in lost {
            let (person, since) = (key(&format!("{}", 10_001 + id)), world.now - TimeDelta::days(1));
            world.roster.people.remove(&person);
            world.roster.blocked.remove(&person);
            world.past.missing.insert(person, MissingSeen { since, rosters: 1 });
        }
        for given in world.past.overrides.values_mut().skip(1) {
            given.until = Some(world.as_of + TimeDelta::days(1));
        }
        for _ in 0..16 {
            let _ = world.carry_out();
        }
        let (plan, due) = (world.plan(), world.with(due));
        world.later(TimeDelta::hours(hours));
        if !due.has_come(world.as_of, world.now) {
            let later = world.plan();
            prop_assert_eq!(lines(&later), lines(&plan), "due {:?}", due);
            prop_assert_eq!(blocked(&later), blocked(&plan), "due {:?}", due);
            prop_assert_eq!(later.counts, plan.counts, "due {:?}", due);
        }
    }

    /// A plan survives being stored.
    #[test]
    fn a_plan_is_the_same_after_json(settings in settings(false), one in rows(true), two in rows(true)) {
        let mut world = first_day(&settings, &one);
        read(&mut world, &two);
        let plan = world.plan();
        let stored: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        prop_assert_eq!(stored.digest(), plan.digest());
        prop_assert_eq!(stored, plan);
    }
}
