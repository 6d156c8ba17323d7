//! Tests of the mapping: one per rule, named after it.

use chrono::NaiveDate;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{AccountRule, OnEmpty};
use crate::model::Cell;
use crate::people::{Employment, Field};
use crate::samples::{day, departments, group, person, roles};

fn today() -> NaiveDate {
    day("2026-11-21")
}

fn map(person: &Person, config: &AccountConfig) -> Wanted {
    map_person(person, config, today())
}

fn account(person: &Person, config: &AccountConfig) -> Account {
    match map(person, config) {
        Wanted::Account(account) => account,
        other => panic!("no account but {other:?}"),
    }
}

fn reason(person: &Person, config: &AccountConfig) -> &'static str {
    match map(person, config) {
        Wanted::Blocked(block) => block.reason.kind().as_str(),
        other => panic!("not blocked but {other:?}"),
    }
}

fn with(change: impl FnOnce(&mut Person)) -> Person {
    let mut person = person("10001");
    change(&mut person);
    person
}

fn config(change: impl FnOnce(&mut AccountConfig)) -> AccountConfig {
    let mut config = AccountConfig::default();
    change(&mut config);
    config
}

fn note(template: &str, cells: &[(Field, Cell<&str>)]) -> Want<String> {
    let person = with(|p| cells.iter().for_each(|(field, cell)| p.text.set(*field, cell.clone())));
    account(&person, &config(|c| c.note = template.into())).note
}

fn set(text: &str) -> Want<String> {
    Want::Set(text.into())
}

#[test]
fn an_empty_part_of_a_note_takes_its_separator_along() {
    use Field::{Name, Position};
    let zhang = (Name, Cell::Value("张三"));
    let cases = [
        ("{name}-{position}", Cell::Value("销售"), "张三-销售"),
        ("{name}-{position}", Cell::Empty, "张三"),
        ("{position}-{name}", Cell::Empty, "张三"),
        ("{name}({position})", Cell::Value("销售"), "张三(销售)"),
        ("{name}({position})", Cell::Empty, "张三"),
        ("{name}（{position}） VPN", Cell::Empty, "张三 VPN"),
        ("VPN-{position}-{name}", Cell::Empty, "VPN-张三"),
        ("{name}-{position}-{key}", Cell::Empty, "张三-10001"),
        ("{name}({position})-{key}", Cell::Empty, "张三-10001"),
        ("{position}", Cell::Empty, ""),
        ("外包", Cell::Empty, "外包"),
        ("\\{{name}\\}", Cell::Empty, "{张三}"),
    ];
    for (template, position, expected) in cases {
        assert_eq!(note(template, &[zhang.clone(), (Position, position)]), set(expected), "{template}");
    }
}

#[test]
fn an_unknown_part_of_a_note_counts_for_new_accounts_only() {
    use Field::{Name, Position};
    let zhang = (Name, Cell::Value("张三"));
    let unknown = (Position, Cell::Unknown);
    assert_eq!(note("{name}-{position}", &[zhang, unknown.clone()]), Want::IfNew("张三".into()));
    assert_eq!(note("{position}", &[unknown]), Want::Keep);
}

#[test]
fn on_empty_says_what_an_empty_cell_does() {
    let person = with(|p| {
        p.phones = Cell::Empty;
        p.text.set(Field::Name, Cell::Empty);
        p.text.set(Field::Position, Cell::Empty);
    });
    let usual = account(&person, &AccountConfig::default());
    assert_eq!((usual.phone, usual.note), (Want::Keep, set("")));
    assert_eq!(usual.roles, WantRoles::Set(roles(&[])));
    let other = account(
        &person,
        &config(|c| {
            c.on_empty.phone = OnEmpty::Set;
            c.on_empty.note = OnEmpty::Keep;
            c.on_empty.roles = OnEmpty::Keep;
            c.default_roles = vec!["全员".into()];
        }),
    );
    assert_eq!((other.phone, other.note), (set(""), Want::Keep));
    assert_eq!(other.roles, WantRoles::AtLeast(roles(&["全员"])));
}

#[test]
fn a_note_is_cut_at_48_bytes_between_characters() {
    let long = "张".repeat(20);
    assert_eq!(note("{name}", &[(Field::Name, Cell::Value(&long))]), set(&"张".repeat(16)));
    let odd = format!("a{long}");
    assert_eq!(note("{name}", &[(Field::Name, Cell::Value(&odd))]), set(&format!("a{}", "张".repeat(15))));
}

#[test]
fn a_user_name_needs_every_part_and_must_be_one() {
    let login = config(|c| c.username = "{login}".into());
    assert_eq!(reason(&person("10001"), &login), "bad_username");
    let by_login = |login: &str| with(|p| p.text.set(Field::Login, Cell::Value(login)));
    assert_eq!(account(&by_login("zhang.san"), &login).username.as_str(), "zhang.san");
    assert_eq!(reason(&by_login(",zhang"), &login), "bad_username");
    assert_eq!(reason(&by_login(&"张".repeat(17)), &login), "bad_username");
    let key = account(&person("10001"), &config(|c| c.username = "u{key}".into()));
    assert_eq!(key.username.as_str(), "u10001");
}

#[test]
fn the_first_department_is_the_group_and_group_map_replaces_its_longest_prefix() {
    let config = config(|c| {
        c.group_map = [("/总公司", "/HQ"), ("/总公司/信息部", "/IT"), ("/子公司", "/")]
            .map(|(from, to)| (from.into(), to.into()))
            .into();
    });
    let in_group = |paths: &[&str]| account(&with(|p| p.departments = departments(paths)), &config).group;
    assert_eq!(in_group(&["/总公司/信息部/运维组", "/总公司"]), Want::Set(group("/IT/运维组")));
    assert_eq!(in_group(&["/总公司/信息部"]), Want::Set(group("/IT")));
    assert_eq!(in_group(&["/总公司/信息部二"]), Want::Set(group("/HQ/信息部二")));
    assert_eq!(in_group(&["/子公司/财务部"]), Want::Set(group("/财务部")));
    assert_eq!(in_group(&["/别处"]), Want::Set(group("/别处")));
}

#[test]
fn without_a_department_the_group_is_kept() {
    for departments in [Cell::Unknown, Cell::Empty] {
        let person = with(|p| p.departments = departments);
        assert_eq!(account(&person, &AccountConfig::default()).group, Want::Keep);
    }
    let fixed = config(|c| c.group = "/员工".into());
    let person = with(|p| p.departments = Cell::Empty);
    assert_eq!(account(&person, &fixed).group, Want::Set(group("/员工")));
}

#[test]
fn a_department_that_makes_no_group_blocks() {
    let slash = with(|p| p.departments = Cell::Value([vec!["IT/信息部".to_owned()]].into()));
    assert_eq!(reason(&slash, &AccountConfig::default()), "bad_group");
    let long = with(|p| p.departments = Cell::Value([vec!["部".repeat(33)]].into()));
    assert_eq!(reason(&long, &AccountConfig::default()), "bad_group");
    let relative = config(|c| c.group = "员工".into());
    assert_eq!(reason(&person("10001"), &relative), "bad_group");
}

#[test]
fn roles_are_checked_then_mapped_then_joined_by_departments_rules_and_defaults() {
    let config = config(|c| {
        c.default_roles = vec!["全员".into()];
        c.roster_roles = vec!["销*".into(), "OA".into()];
        c.role_map = serde_json::from_value(json!({
            "销售": ["CRM", "OA"], "/总公司/信息部": ["IT"], "/总公司/销售部": ["门店"], "全员": ["无关"]
        }))
        .unwrap();
        c.rule = vec![AccountRule {
            when: serde_json::from_value(json!({ "department": "/总公司/销售部/**" })).unwrap(),
            add_roles: vec!["堡垒机".into()],
            ..AccountRule::default()
        }];
    });
    let person = with(|p| {
        p.roles = Cell::Value(["销售".to_owned()].into());
        p.departments = departments(&["/总公司/销售部", "/总公司/信息部/运维组", "/别处"]);
    });
    let expected = roles(&["CRM", "OA", "IT", "全员", "堡垒机"]);
    assert_eq!(account(&person, &config).roles, WantRoles::Set(expected));
    let other = with(|p| p.roles = Cell::Value(["财务".to_owned()].into()));
    assert_eq!(reason(&other, &config), "role_not_allowed");
}

#[test]
fn a_word_spelled_differently_passes_no_rule() {
    let config = config(|c| c.roster_roles = vec!["[!E]*".into()]);
    for role in ["ERP", "erp", "ＥＲＰ", "ｅｒｐ"] {
        let person = with(|p| p.roles = Cell::Value([role.to_owned()].into()));
        assert_eq!(reason(&person, &config), "role_not_allowed", "{role}");
    }
    let select = serde_json::from_value(json!({ "department": "/总公司/IT/**" })).unwrap();
    let select = Condition::compile(&select, "select").unwrap();
    for (path, verdict) in
        [("/总公司/IT/运维", Verdict::Yes), ("/总公司/ｉｔ", Verdict::Yes), ("/总公司/ITX", Verdict::No)]
    {
        let person = with(|p| p.departments = departments(&[path]));
        assert_eq!(select.judge(&person), verdict, "{path}");
    }
    for path in ["/总公司/../VIP", "/./VIP", "/总公司/．．/VIP", "/总公司/…/VIP"] {
        let person = with(|p| p.departments = departments(&[path]));
        assert_eq!(reason(&person, &AccountConfig::default()), "bad_group", "{path}");
    }
}

#[test]
fn unknown_roles_take_nothing_away_and_defaults_are_given_all_the_same() {
    let config = config(|c| c.default_roles = vec!["全员".into()]);
    let person = with(|p| p.roles = Cell::Unknown);
    assert_eq!(account(&person, &config).roles, WantRoles::AtLeast(roles(&["全员"])));
    let none = super::tests::config(|c| {
        c.default_roles = vec!["全员".into()];
        c.roles = String::new();
    });
    assert_eq!(account(&person, &none).roles, WantRoles::Set(roles(&["全员"])));
}

#[test]
fn a_role_whose_name_has_a_comma_cannot_be_given() {
    let person = with(|p| p.roles = Cell::Value(["甲,乙".to_owned()].into()));
    assert_eq!(reason(&person, &AccountConfig::default()), "bad_role");
    let default = config(|c| c.default_roles = vec!["甲,乙".into()]);
    assert!(matches!(MappingRules::compile(&default), Err(MappingConfigError::CommaInRole { .. })));
}

#[test]
fn phones_are_joined_as_far_as_whole_numbers_fit() {
    let phones = |numbers: &[&str]| {
        let person = with(|p| p.phones = Cell::Value(numbers.iter().map(|n| (*n).to_owned()).collect()));
        let account = account(&person, &AccountConfig::default());
        (account.phone, account.phones_dropped)
    };
    assert_eq!(phones(&["13800138000", "13900139000"]), (set("13800138000;13900139000"), 0));
    assert_eq!(phones(&["13800138000", "13800138000"]), (set("13800138000"), 0));
    let three = ["13800138000", "13900139000", "13700137000", "12345"];
    assert_eq!(phones(&three), (set("13800138000;13900139000;12345"), 1));
    let long = with(|p| p.phones = Cell::Value(vec!["1".repeat(31)]));
    let Wanted::Blocked(block) = map(&long, &AccountConfig::default()) else { panic!("not blocked") };
    let phone = format!("111{}11", "*".repeat(26));
    assert_eq!(block.reason, BlockReason::PhoneTooLong { phone, limit: 30 });
    let prefixed = config(|c| c.phone = "+86{phone}".into());
    assert_eq!(account(&person("10001"), &prefixed).phone, set("+8613800138000"));
}

#[test]
fn whoever_left_leaves_even_with_a_broken_phone() {
    let gone = with(|p| {
        p.employment = Employment::Left;
        p.phones = Cell::Value(vec!["1".repeat(31)]);
        p.text.set(Field::EmployeeId, Cell::Empty);
    });
    assert!(matches!(map(&gone, &AccountConfig::default()), Wanted::Gone(Gone::Left, _)));
}

#[test]
fn dates_count_whole_days() {
    let on = |field: fn(&mut Person) -> &mut Cell<NaiveDate>, date: &str| {
        map(&with(|p| *field(p) = Cell::Value(day(date))), &AccountConfig::default())
    };
    let hire: fn(&mut Person) -> &mut Cell<NaiveDate> = |p| &mut p.hire_date;
    let leave: fn(&mut Person) -> &mut Cell<NaiveDate> = |p| &mut p.leave_date;
    let expires: fn(&mut Person) -> &mut Cell<NaiveDate> = |p| &mut p.expires_on;
    assert!(matches!(on(hire, "2026-11-22"), Wanted::NotYet(_)));
    assert!(matches!(on(hire, "2026-11-21"), Wanted::Account(_)));
    assert!(matches!(on(leave, "2026-11-21"), Wanted::Account(_)));
    assert!(matches!(on(leave, "2026-11-20"), Wanted::Gone(Gone::Left, _)));
    assert!(matches!(on(expires, "2026-11-21"), Wanted::Account(_)));
    assert!(matches!(on(expires, "2026-11-20"), Wanted::Gone(Gone::Expired, _)));
    let pending = with(|p| p.employment = Employment::Pending);
    assert!(matches!(map(&pending, &AccountConfig::default()), Wanted::NotYet(_)));
}

#[test]
fn a_last_day_before_the_first_one_is_a_contradiction() {
    let back = with(|p| {
        p.leave_date = Cell::Value(day("2025-05-31"));
        p.hire_date = Cell::Value(day("2026-03-01"));
    });
    assert_eq!(reason(&back, &AccountConfig::default()), "dates_conflict");
}

#[test]
fn the_first_rule_that_sets_a_field_wins_and_an_earlier_end_counts() {
    let rules = json!([
        { "when": { "position": "*外包*" }, "group": "/外包", "expires_on": "2026-12-31", "auth": "external" },
        { "when": {}, "group": "/其他", "expires_on": "2027-12-31", "add_roles": ["全员"] }
    ]);
    let config = config(|c| c.rule = serde_json::from_value(rules).unwrap());
    let position = |text: &str| with(|p| p.text.set(Field::Position, Cell::Value(text)));
    let contractor = account(&position("软件外包"), &config);
    assert_eq!(contractor.group, Want::Set(group("/外包")));
    assert_eq!(contractor.expires_on, Want::Set(Some(day("2026-12-31"))));
    assert_eq!(contractor.auth, Want::Set(Some(AuthMode::External)));
    assert_eq!(contractor.roles, WantRoles::Set(roles(&["全员"])));
    assert_eq!(account(&position("经理"), &config).group, Want::Set(group("/其他")));
    let earlier = with(|p| {
        p.text.set(Field::Position, Cell::Value("外包"));
        p.expires_on = Cell::Value(day("2026-12-01"));
    });
    assert_eq!(account(&earlier, &config).expires_on, Want::Set(Some(day("2026-12-01"))));
}

#[test]
fn a_rule_that_cannot_be_judged_decides_nothing() {
    let rules = json!([
        { "when": { "position": "外包" }, "group": "/外包", "auth": "external", "expires_on": "2026-12-31",
          "add_roles": ["外包"] },
        { "when": {}, "group": "/其他" }
    ]);
    let config = config(|c| c.rule = serde_json::from_value(rules).unwrap());
    let account = account(&with(|p| p.text.set(Field::Position, Cell::Unknown)), &config);
    assert_eq!((account.group, account.auth, account.expires_on), (Want::Keep, Want::Keep, Want::Keep));
    assert_eq!(account.roles, WantRoles::AtLeast(roles(&[])));
}

#[test]
fn conditions_read_globs_over_paths() {
    let judge = |glob: &str, paths: &[&str]| {
        let when = serde_json::from_value(json!({ "department": glob })).unwrap();
        Condition::compile(&when, "test").unwrap().judge(&with(|p| p.departments = departments(paths)))
    };
    assert_eq!(judge("/总公司/*", &["/总公司/销售部"]), Verdict::Yes);
    assert_eq!(judge("/总公司/*", &["/总公司/销售部/一组"]), Verdict::No);
    assert_eq!(judge("/总公司/**", &["/总公司/销售部/一组"]), Verdict::Yes);
    assert_eq!(judge("/总公司/**", &["/总公司"]), Verdict::Yes);
    assert_eq!(judge("/总公司/**", &["/总公司二/销售部"]), Verdict::No);
    assert_eq!(judge("/总公司/**", &["/别处", "/总公司/销售部"]), Verdict::No);
    assert_eq!(judge("**/销售部", &["/总公司/华东/销售部"]), Verdict::Yes);
    let when = serde_json::from_value(json!({ "department": "/总公司/**" })).unwrap();
    let nowhere = with(|p| p.departments = Cell::Empty);
    assert_eq!(Condition::compile(&when, "test").unwrap().judge(&nowhere), Verdict::Unknown);
}

#[test]
fn a_condition_is_refuted_by_one_field_whatever_is_unknown() {
    let when = serde_json::from_value(json!({ "position": "外包", "email": "*@x.cn" })).unwrap();
    let condition = Condition::compile(&when, "test").unwrap();
    assert_eq!(condition.judge(&person("10001")), Verdict::No);
    let unknown = with(|p| p.text.set(Field::Position, Cell::Value("外包")));
    assert_eq!(condition.judge(&unknown), Verdict::Unknown);
}

#[test]
fn what_is_wrong_with_a_configuration_is_named_with_its_key() {
    let error = |change: fn(&mut AccountConfig)| MappingRules::compile(&config(change)).err().unwrap();
    let unknown = error(|c| c.note = "{nmae}".into());
    assert!(matches!(&unknown, MappingConfigError::UnknownField { nearest, .. } if nearest == "name"));
    assert_eq!(error(|c| c.note = "{name".into()).place(), "account.note");
    assert_eq!(error(|c| c.roster_roles = vec!["[".into()]).place(), "account.roster_roles");
    let map = error(|c| c.group_map = [("总公司".into(), "/a".into())].into());
    assert!(map.place().contains("account.group_map"), "{map:?}");
    let broken = config(|c| c.note = "{nmae}".into());
    assert_eq!(reason(&person("10001"), &broken), "bad_template");
}

fn cell(text: impl Strategy<Value = String>) -> impl Strategy<Value = Cell<String>> {
    prop_oneof![Just(Cell::Unknown), Just(Cell::Empty), text.prop_map(Cell::Value)]
}

proptest! {
    /// Whatever a row holds, an account keeps to the device's limits, and nothing panics.
    #[test]
    fn accounts_keep_to_the_limits_of_the_device(
        id in cell("[a-z0-9张,]{1,30}"),
        name in cell("[张李a·() -]{0,40}"),
        position in cell(".{0,30}"),
        numbers in proptest::collection::vec("[0-9+]{0,33}", 0..5),
        given in proptest::collection::vec("[A-C,销]{0,4}", 0..4),
        path in proptest::collection::vec("[总司/部 ]{0,40}", 0..4),
        template in "(\\{name\\}|\\{position\\}|\\{key\\}|[-()（）a ]){0,6}",
    ) {
        let person = with(|p| {
            p.text = [(Field::EmployeeId, id), (Field::Name, name), (Field::Position, position)].into();
            p.phones = Cell::Value(numbers);
            p.roles = Cell::Value(given.into());
            p.departments = Cell::Value([path].into());
        });
        if let Wanted::Account(account) = map(&person, &config(|c| c.note = template)) {
            prop_assert!(account.username.as_str().len() <= 48);
            prop_assert!(account.note.for_new().is_none_or(|note| note.len() <= 48));
            prop_assert!(account.phone.for_new().is_none_or(|phone| phone.len() <= 30));
            prop_assert!(account.roles.for_new().iter().all(|role| !role.contains(',')));
        }
    }
}
