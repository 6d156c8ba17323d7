//! What each call carries, in both dialects.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::config::TokenConfig;

fn name(text: &str) -> Username {
    Username::new(text).unwrap()
}

fn path(text: &str) -> GroupPath {
    GroupPath::new(text).unwrap()
}

fn new_user() -> AddUser {
    AddUser {
        name: name("10023"),
        group: path("/总公司/销售部"),
        note: "张三-销售".into(),
        phone: "13800138000;13900139000".into(),
        roles: ["b".to_owned(), "a".to_owned()].into(),
        auth: Auth::Inherit,
        expires_on: None,
        password: None,
    }
}

fn change() -> UpdateUser {
    UpdateUser {
        old_name: name("10023"),
        new_name: name("10024"),
        group: path("/"),
        note: String::new(),
        phone: String::new(),
        roles: BTreeSet::new(),
        enabled: false,
        ext_auth: None,
        auth: None,
        expires_on: None,
    }
}

/// The parameters as `k=v` in order, for comparing at a glance.
fn shown(dialect: Dialect, mutation: &Mutation) -> String {
    let form = Form::mutation(dialect, mutation).unwrap();
    form.params.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_add_sends_every_field() {
    let own = "name=10023 parent_group=/总公司/销售部 note=张三-销售 phone=13800138000;13900139000 role_name=a,b \
               b_inherit_auth=1 b_inherit_grpolicy=1 is_extauth=0 ext_auth_name= is_pwd=1";
    let add = Mutation::Add(new_user());
    assert_eq!(shown(Dialect::UpdaterCloud, &add), own);
    assert_eq!(shown(Dialect::Openapi, &add), format!("{own} gqsj=1 delay_flush=1"));
}

#[test]
fn an_add_with_a_password_an_expiry_and_an_external_server() {
    let server = "LDAP-总部".to_owned();
    let user = AddUser {
        auth: Auth::External { server },
        expires_on: NaiveDate::from_ymd_opt(2026, 12, 31),
        password: Some(Secret::new("p&w".into())),
        ..new_user()
    };
    let text = shown(Dialect::Openapi, &Mutation::Add(user.clone()));
    for part in [
        "passwd=p&w",
        "b_inherit_auth=0",
        "is_extauth=1",
        "ext_auth_name=LDAP-总部",
        "is_pwd=0",
        "gqsj=0 ex_time=2026-12-31 delay_flush=1",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = shown(Dialect::UpdaterCloud, &Mutation::Add(user));
    assert!(!text.contains("gqsj") && !text.contains("delay_flush"), "{text}");
    let user = AddUser { auth: Auth::Password, ..new_user() };
    let text = shown(Dialect::UpdaterCloud, &Mutation::Add(user));
    assert!(text.contains("b_inherit_auth=0") && text.contains("is_pwd=1"), "{text}");
}

#[test]
fn an_update_carries_everything_but_a_password() {
    let own = "old_name=10023 new_name=10024 parent_group=/ note= phone= role_name= is_enable=0 is_extauth=0 ext_auth_name=";
    let update = Mutation::Update(change());
    assert_eq!(shown(Dialect::UpdaterCloud, &update), own);
    assert_eq!(shown(Dialect::Openapi, &update), format!("{own} delay_flush=1"));
    let user = UpdateUser {
        ext_auth: Some("S".into()),
        enabled: true,
        expires_on: Some(NaiveDate::from_ymd_opt(2027, 1, 2)),
        ..change()
    };
    let text = shown(Dialect::Openapi, &Mutation::Update(user.clone()));
    assert!(
        text.ends_with("is_enable=1 is_extauth=1 ext_auth_name=S gqsj=0 ex_time=2027-01-02 delay_flush=1"),
        "{text}"
    );
    // The whole of the authentication, where a target manages it, wins over what a look showed.
    let user = UpdateUser { auth: Some(Auth::Password), expires_on: Some(None), ..user };
    let text = shown(Dialect::Openapi, &Mutation::Update(user.clone()));
    assert!(text.ends_with("is_extauth=0 ext_auth_name= b_inherit_auth=0 gqsj=1 delay_flush=1"), "{text}");
    let text = shown(Dialect::UpdaterCloud, &Mutation::Update(user));
    assert!(text.ends_with("is_enable=1 is_extauth=0 ext_auth_name="), "{text}");
}

#[test]
fn deletes_list_names_in_the_dialects_way() {
    let delete = Mutation::Delete(vec![name("user1"), name("a\"b")]);
    assert_eq!(shown(Dialect::UpdaterCloud, &delete), r#"names=["user1","a\"b"]"#);
    assert_eq!(shown(Dialect::Openapi, &delete), r#"names=user1,a"b delay_flush=1"#);
    let comma = Mutation::Delete(vec![name("user1,admin")]);
    assert_eq!(shown(Dialect::UpdaterCloud, &comma), r#"names=["user1,admin"]"#);
    let refused = |dialect, mutation: &Mutation| Form::mutation(dialect, mutation).err().map(|r| r.kind);
    assert_eq!(refused(Dialect::Openapi, &comma), Some(RefusalKind::BadRequest));
    for dialect in [Dialect::Openapi, Dialect::UpdaterCloud] {
        assert_eq!(refused(dialect, &Mutation::Delete(vec![])), Some(RefusalKind::BadRequest));
    }
}

#[test]
fn groups_and_sessions_only_where_they_exist() {
    let group = Mutation::AddGroup(path("/a/b"));
    let kick = Mutation::Kick(vec![name("x"), name("y")]);
    assert_eq!(shown(Dialect::Openapi, &group), "name=b parent_group=/a delay_flush=1");
    assert_eq!(
        shown(Dialect::Openapi, &Mutation::AddGroup(path("/a"))),
        "name=a parent_group=/ delay_flush=1"
    );
    assert_eq!(shown(Dialect::Openapi, &kick), "users=x,y");
    for mutation in [group, kick] {
        let refused = Form::mutation(Dialect::UpdaterCloud, &mutation).err();
        assert_eq!(refused.map(|r| r.kind), Some(RefusalKind::NoSuchCall));
    }
    assert!(Form::mutation(Dialect::Openapi, &Mutation::AddGroup(path("/"))).is_err());
}

#[test]
fn a_role_with_a_comma_is_not_sent() {
    let user = AddUser { roles: ["a,b".to_owned()].into(), ..new_user() };
    assert!(Form::mutation(Dialect::Openapi, &Mutation::Add(user)).is_err());
}

/// The form body as any server reads it.
fn decode(body: &str) -> BTreeMap<String, String> {
    let text = |s: &str| percent_encoding::percent_decode_str(s).decode_utf8().unwrap().into_owned();
    body.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (text(k), text(v))).collect()
}

#[test]
fn a_signed_call_is_exact() {
    let recipe = Recipe::new(&TokenConfig::default(), Dialect::Openapi).unwrap();
    let zsan = name("zsan");
    let signed =
        Form::user(Dialect::Openapi, &zsan).sign(&recipe, &Secret::new("my-key".into()), 1_574_308_869);
    assert_eq!(signed.query, "controler=User&action=ExGetUserInfo");
    assert_eq!(
        signed.body.expose(),
        "username=zsan&timestamp=1574308869&sinfor_apitoken=0d86d5867140f153aa642a0149c7f4c0fbc1d80cbea48130b3c04bc3557cd8c9"
    );
    let config = TokenConfig { send_timestamp: Some(false), ..TokenConfig::default() };
    let recipe = Recipe::new(&config, Dialect::UpdaterCloud).unwrap();
    let signed = Form::commit(Dialect::UpdaterCloud).sign(&recipe, &Secret::new("k".into()), 1);
    assert_eq!(signed.query, "controler=Updater&action=UpdaterCloud");
    assert_eq!(signed.body.expose(), "sinfor_apitoken=c8d72dbfae94adbb355c82caeff6c5a1");
}

proptest! {
    /// Whatever a value holds, it arrives byte for byte and cannot become a parameter of its own.
    #[test]
    fn values_arrive_byte_for_byte(note in ".{0,40}", phone in "[&=%+#'\"\n 0-9]{0,20}", role in "[^,]{1,12}") {
        let user = AddUser { note: note.clone(), phone: phone.clone(), roles: [role.clone()].into(), ..new_user() };
        let add = Mutation::Add(user);
        let recipe = Recipe::new(&TokenConfig::default(), Dialect::Openapi).unwrap();
        let form = Form::mutation(Dialect::Openapi, &add).unwrap();
        let signed = form.sign(&recipe, &Secret::new("k".into()), 7);
        let back = decode(signed.body.expose());
        prop_assert_eq!(back.len(), form.params.len() + 2);
        prop_assert_eq!(&back["note"], &note);
        prop_assert_eq!(&back["phone"], &phone);
        prop_assert_eq!(&back["role_name"], &role);
        prop_assert!(signed.body.expose().is_ascii());
    }
}
