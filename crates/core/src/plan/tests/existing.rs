//! Users that others made: reported, adopted, and written to only as far as `manage` says.

use super::world::*;
use crate::config::{AuthMode, Existing, Manage};
use crate::device::{Auth, UserRecord};
use crate::model::Cell;
use crate::people::Field;
use crate::plan::*;

/// A gateway that already has a hand-made user for `10001`.
fn hand_made(note: &str) -> (World, UserRecord) {
    let mut world = World::empty();
    world.hire("10001");
    let state = AccountState {
        group: group("/默认用户组"),
        note: note.into(),
        phone: "13900139000".into(),
        roles: roles(&["VIP"]),
        enabled: true,
        expires_on: None,
    };
    let record = UserRecord { id: Some("25".into()), ..record("10001", &state) };
    world.looks.users.insert(name("10001"), Some(record.clone()));
    (world, record)
}

#[test]
fn a_name_that_is_there_is_reported_by_default() {
    let (world, _) = hand_made("张三");
    let plan = world.plan();
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert_eq!(blocked(&plan), ["10001 name_exists!"]);
    // It holds a first contact, and only that.
    assert_eq!(held(&plan), Vec::<&str>::new());
}

#[test]
fn adopting_shows_field_by_field_what_would_change() {
    let (mut world, _) = hand_made("张三");
    world.target.existing = Existing::Adopt;
    world.target.manage.adopted.roles = Some(Manage::Add);
    world.target.manage.adopted.phone = Some(Manage::Never);
    world.account.default_roles = vec!["全员".into()];
    let plan = world.plan();
    assert_eq!(lines(&plan), ["adopt 10001 joined"]);
    let text = |t: &str| Some(t.to_owned());
    let expected = [
        (AccountField::Group, (text("/默认用户组"), text("/总公司/销售部"))),
        (AccountField::Note, (text("张三"), text("员工10001-销售"))),
        (AccountField::Roles, (text("VIP"), text("VIP,全员"))),
    ];
    assert_eq!(plan.actions[0].changes, expected.into());
    let _ = world.carry_out();
    assert_eq!(world.entry("10001").origin, Origin::Adopted);
    assert_eq!(lines(&world.plan()), Vec::<String>::new());
}

#[test]
fn adopting_leaves_kept_and_unreadable_users_alone() {
    let (mut world, record) = hand_made("#keep 张三");
    world.target.existing = Existing::Adopt;
    world.target.keep_tag = "#keep".into();
    assert_eq!(blocked(&world.plan()), ["10001 keep_tag"]);
    world.looks.users.insert(name("10001"), Some(UserRecord { group: None, ..record }));
    assert_eq!(blocked(&world.plan()), ["10001 look_incomplete!"]);
}

#[test]
fn a_user_who_was_made_again_by_hand_is_not_overwritten() {
    let (mut world, record) = hand_made("张三");
    world.target.existing = Existing::Adopt;
    let _ = world.carry_out();
    world.entry("10001").gateway_id = Some("25".into());
    world.edit("10001", |p| p.text.set(Field::Position, Cell::Value("经理")));
    assert_eq!(lines(&world.plan()), ["update 10001 changed"]);
    world.looks.users.insert(name("10001"), Some(UserRecord { id: Some("99".into()), ..record }));
    assert_eq!(blocked(&world.plan()), ["10001 replaced_on_gateway!"]);
}

#[test]
fn what_is_managed_at_creation_only_is_never_written_again() {
    let mut world = World::of(1);
    world.target.manage.note = Manage::Create;
    world.target.manage.group = Manage::Never;
    world.target.manage.roles = Manage::Add;
    world.edit("10001", |p| {
        p.text.set(Field::Name, Cell::Value("别名"));
        p.departments = departments(&["/总公司/信息部"]);
        p.roles = Cell::Value(["OA".to_owned()].into());
    });
    let plan = world.carry_out();
    assert_eq!(plan.actions[0].changes.keys().copied().collect::<Vec<_>>(), [AccountField::Roles]);
    world.edit("10001", |p| p.roles = Cell::Value(["CRM".to_owned()].into()));
    assert_eq!(world.plan().actions[0].after.roles, roles(&["CRM", "OA"]));
}

#[test]
fn new_accounts_get_the_targets_authentication_or_a_rules() {
    let mut world = World::empty();
    world.target.auth.mode = AuthMode::Password;
    world.hire("10001");
    world.hire("10002");
    world.edit("10002", |p| p.text.set(Field::Position, Cell::Value("外包")));
    world.hire("10003");
    world.edit("10003", |p| p.text.set(Field::Position, Cell::Unknown));
    world.account.rule = vec![crate::config::AccountRule {
        when: serde_json::from_value(serde_json::json!({ "position": "外包" })).unwrap(),
        auth: Some(AuthMode::External),
        ..Default::default()
    }];
    let plan = world.plan();
    assert_eq!(plan.actions.iter().map(|a| a.auth.clone()).collect::<Vec<_>>(), [Some(Auth::Password)]);
    assert_eq!(blocked(&plan), ["10002 no_auth_server", "10003 auth_unknown"]);
    world.target.auth.server = Some("LDAP-总部".into());
    let external = Some(Auth::External { server: "LDAP-总部".into() });
    assert_eq!(world.plan().actions[1].auth, external);
}

#[test]
fn updates_carry_authentication_only_under_always() {
    let mut world = World::of(1);
    world.edit("10001", |p| p.text.set(Field::Position, Cell::Value("经理")));
    assert_eq!(world.plan().actions[0].auth, None);
    world.target.manage.auth = Manage::Always;
    assert_eq!(world.plan().actions[0].auth, Some(Auth::Inherit));
}

#[test]
fn all_new_names_are_looked_at_where_users_may_be_adopted() {
    let mut world = World::empty();
    world.target.existing = Existing::Adopt;
    for n in 0..80 {
        world.hire(&format!("{}", 10_001 + n));
    }
    assert_eq!(world.needs().users.len(), 80);
    for user in world.needs().users {
        world.looks.users.insert(user, None);
    }
    assert!(world.needs().is_empty());
    assert_eq!(world.plan().counts.add, 80);
}

#[test]
fn first_contact_looks_at_up_to_fifty_names_spread_over_all() {
    let mut world = World::empty();
    for n in 0..80 {
        world.hire(&format!("{}", 10_001 + n));
    }
    assert!(world.needs().is_empty());
    world.past.first_contact = true;
    let needs = world.needs();
    assert_eq!(needs.users.len(), 50);
    assert!(needs.users.contains(&name("10001")) && needs.users.iter().any(|n| *n > name("10070")));
    for (i, user) in needs.users.into_iter().enumerate() {
        let state = AccountState::from_record(&UserRecord { group: Some("/".into()), ..Default::default() });
        world.looks.users.insert(user, (i < 3).then(|| record("x", &state.clone().unwrap())));
    }
    assert!(world.needs().is_empty());
    let plan = world.plan();
    assert_eq!(held(&plan), ["first_contact"]);
    assert!(
        plan.held_as_a_whole()
            && plan.held_something_back()
            && plan.blocked_exit() == crate::reason::Exit::Partial
    );
    assert_eq!((plan.counts.add, plan.counts.blocked), (77, 3));
    world.looks.offline = true;
    world.looks.users.clear();
    assert!(world.needs().is_empty());
}

#[test]
fn a_name_that_was_refused_once_is_looked_at_before_it_is_tried_again() {
    let (mut world, record) = hand_made("张三");
    world.looks = Looks::default();
    world.past.blocked_since =
        [(key("10001"), [(crate::reason::BlockKind::NameExists, "2026-11-01".parse().unwrap())].into())]
            .into();
    assert_eq!(world.needs().users, [name("10001")].into());
    world.looks.users.insert(name("10001"), Some(record));
    assert_eq!(blocked(&world.plan()), ["10001 name_exists!"]);
    world.looks.users.insert(name("10001"), None);
    assert_eq!(lines(&world.plan()), ["add 10001 joined"]);
}
