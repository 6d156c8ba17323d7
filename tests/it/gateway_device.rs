//! One set of expectations for every gateway that is not a real one: the device in memory, and the same device behind
//! real HTTP. Both dialects go through all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rosterd::clock::Clock;
use rosterd::gateway::embedded::{Device, DeviceGateway, Furniture, Quirk, SharedDevice, lock};
use rosterd::gateway::{
    AddUser, Auth, Dialect, Gateway, Mutation, Outcome, ReadError, RefusalKind, UpdateUser, UserRecord,
};
use rosterd::model::{GroupPath, Username};
use rosterd::secret::Secret;

pub const DIALECTS: [Dialect; 2] = [Dialect::UpdaterCloud, Dialect::Openapi];

/// A clock that a test moves.
#[derive(Debug, Clone)]
pub struct Manual(Arc<Mutex<DateTime<Utc>>>);

impl Manual {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(DateTime::from_timestamp(1_795_000_000, 0).unwrap())))
    }
    pub fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for Manual {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.now().timestamp().unsigned_abs())
    }
    async fn sleep(&self, pause: Duration) {
        self.advance(i64::try_from(pause.as_secs()).unwrap());
    }
}

pub fn name(text: &str) -> Username {
    Username::new(text).unwrap()
}

pub fn path(text: &str) -> GroupPath {
    GroupPath::new(text).unwrap()
}

pub fn new_user(user: &str) -> AddUser {
    AddUser {
        name: name(user),
        group: path("/总公司/销售部"),
        note: "张三-销售".into(),
        phone: "13800138000".into(),
        roles: ["CRM".to_owned(), "OA".to_owned()].into(),
        auth: Auth::Inherit,
        expires_on: None,
        password: None,
    }
}

pub fn add(user: &str) -> Mutation {
    Mutation::Add(new_user(user))
}

/// An update that changes nothing of what [`add`] wrote.
pub fn same(user: &str) -> UpdateUser {
    UpdateUser {
        old_name: name(user),
        new_name: name(user),
        group: path("/总公司/销售部"),
        note: "张三-销售".into(),
        phone: "13800138000".into(),
        roles: ["CRM".to_owned(), "OA".to_owned()].into(),
        enabled: true,
        ext_auth: None,
        auth: None,
        expires_on: None,
    }
}

pub fn furniture() -> Furniture {
    Furniture {
        groups: vec![path("/总公司/销售部"), path("/总公司/研发部")], ..Furniture::default()
    }
}

/// A gateway and the device behind it.
pub struct World<G> {
    pub gateway: G,
    pub device: SharedDevice,
    pub clock: Manual,
}

fn in_memory(dialect: Dialect, quirks: &[Quirk], furniture: &Furniture) -> World<DeviceGateway<Manual>> {
    let quirks = quirks.iter().copied().collect();
    let device = Arc::new(Mutex::new(Device::new(dialect, quirks, furniture)));
    let clock = Manual::new();
    World { gateway: DeviceGateway::new(device.clone(), clock.clone()), device, clock }
}

impl<G: Gateway> World<G> {
    async fn apply(&self, mutation: Mutation) {
        assert_eq!(self.gateway.mutate(&mutation).await, Outcome::Applied, "{mutation:?}");
    }

    async fn refused(&self, mutation: Mutation) -> (i64, RefusalKind) {
        match self.gateway.mutate(&mutation).await {
            Outcome::Refused(refusal) => (refusal.code, refusal.kind),
            other => panic!("{other:?} to {mutation:?}"),
        }
    }

    async fn look(&self, user: &str) -> UserRecord {
        self.gateway.user(&name(user)).await.unwrap().unwrap()
    }

    async fn commit(&self) {
        assert_eq!(self.gateway.commit().await, Outcome::Applied);
    }

    fn effective(&self) -> BTreeSet<String> {
        lock(&self.device).effective_users().into_keys().collect()
    }

    fn stored(&self) -> BTreeSet<String> {
        lock(&self.device).stored_users().into_keys().collect()
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// Every expectation that holds with any set of quirks that this gateway was given.
pub async fn conforms<G: Gateway>(world: &World<G>) {
    layers(world).await;
    fields(world).await;
    refusals(world).await;
    renames_and_deletes(world).await;
    late_tokens(world).await;
}

/// What is written shows in looks at once and in log-ins after the commit.
async fn layers<G: Gateway>(world: &World<G>) {
    world.apply(add("l1")).await;
    world.apply(add("l2")).await;
    assert_eq!(world.look("l1").await.name, "l1");
    assert_eq!((world.stored(), world.effective()), (set(&["l1", "l2"]), set(&[])));
    world.commit().await;
    assert_eq!(world.effective(), set(&["l1", "l2"]));
    world.apply(Mutation::Delete(vec![name("l1"), name("l2")])).await;
    assert_eq!((world.stored(), world.effective()), (set(&[]), set(&["l1", "l2"])));
    world.commit().await;
    assert_eq!(world.effective(), set(&[]));
    let device = lock(&world.device);
    assert_eq!((device.counters().mutations, device.counters().commits), (3, 2));
    assert_eq!(device.counters().immediate_syncs, 0);
}

async fn fields<G: Gateway>(world: &World<G>) {
    let expires = world
        .gateway
        .dialect()
        .capabilities()
        .has_expiry
        .then(|| NaiveDate::from_ymd_opt(2026, 12, 31).unwrap());
    let user =
        AddUser { expires_on: expires, password: Some(Secret::new("pa55".into())), ..new_user("f&1=张 +%") };
    world.apply(Mutation::Add(user)).await;
    let seen = world.look("f&1=张 +%").await;
    assert_eq!(seen.name, "f&1=张 +%");
    assert_eq!(seen.group.as_deref(), Some("/总公司/销售部"));
    assert_eq!((seen.note.as_deref(), seen.phone.as_deref()), (Some("张三-销售"), Some("13800138000")));
    assert_eq!(seen.roles, Some(set(&["CRM", "OA"])));
    assert_eq!((seen.inherits_auth, seen.ext_auth_id.clone()), (Some(true), None));
    assert_eq!(seen.expires_on, Some(expires));
    let user = AddUser { auth: Auth::External { server: "LDAP".into() }, ..new_user("f2") };
    world.apply(Mutation::Add(user)).await;
    let seen = world.look("f2").await;
    assert_eq!((seen.inherits_auth, seen.ext_auth_id.is_some()), (Some(false), true));
    world
        .apply(Mutation::Update(UpdateUser {
            group: path("/总公司/研发部"), enabled: false, ..same("f2")
        }))
        .await;
    world.commit().await;
    let device = lock(&world.device);
    let user = &device.effective_users()["f2"];
    assert_eq!((user.group.as_str(), user.enabled, user.ext_auth.clone()), ("/总公司/研发部", false, None));
    let day = |d| NaiveDate::from_ymd_opt(2027, 1, d).unwrap();
    assert!(!device.can_log_in("f2", day(1)));
    assert_eq!(device.can_log_in("f&1=张 +%", day(1)), expires.is_none());
}

async fn refusals<G: Gateway>(world: &World<G>) {
    world.apply(add("r1")).await;
    let group = |path_: &str| Mutation::Add(AddUser { group: path(path_), ..new_user("r2") });
    assert_eq!(world.refused(add("r1")).await, (-9, RefusalKind::NameTaken));
    assert_eq!(world.refused(group("/无此部门")).await, (-13, RefusalKind::NoSuchGroup));
    assert_eq!(world.refused(group("/匿名用户组")).await, (-2, RefusalKind::BadRequest));
    assert_eq!(world.refused(add("anonymous")).await, (-2, RefusalKind::BadRequest));
    for (note, phone) in [("张".repeat(17), String::new()), (String::new(), "1".repeat(31))] {
        let user = AddUser { note, phone, ..new_user("r2") };
        assert_eq!(world.refused(Mutation::Add(user)).await, (-2, RefusalKind::BadRequest));
    }
    for password in ["密码".to_owned(), "x".repeat(49)] {
        let user = AddUser { password: Some(Secret::new(password)), ..new_user("r2") };
        assert_eq!(world.refused(Mutation::Add(user)).await, (-2, RefusalKind::BadRequest));
    }
    let at_the_limit =
        AddUser { note: "张".repeat(16), phone: "1".repeat(30), ..new_user(&"名".repeat(16)) };
    world.apply(Mutation::Add(at_the_limit)).await;
    assert_eq!(world.refused(Mutation::Update(same("r9"))).await, (10, RefusalKind::NoSuchName));
    let moved = UpdateUser { group: path("/无此部门"), ..same("r1") };
    assert_eq!(world.refused(Mutation::Update(moved)).await, (-13, RefusalKind::NoSuchGroup));
    assert_eq!(world.gateway.user(&name("r9")).await, Ok(None));
    assert_eq!(world.gateway.group(&path("/无此部门")).await, Ok(None));
    for there in ["/", "/默认用户组", "/总公司/销售部"] {
        let seen = world.gateway.group(&path(there)).await.unwrap().unwrap();
        assert_eq!(seen.path, path(there));
    }
}

async fn renames_and_deletes<G: Gateway>(world: &World<G>) {
    world.apply(add("n1")).await;
    world.apply(add("n2")).await;
    let id = world.look("n1").await.id;
    world.apply(Mutation::Update(UpdateUser { new_name: name("n3"), ..same("n1") })).await;
    assert_eq!(world.gateway.user(&name("n1")).await, Ok(None));
    assert_eq!(world.look("n3").await.id, id, "a rename keeps the user");
    let onto = UpdateUser { new_name: name("n2"), ..same("n3") };
    assert_eq!(world.refused(Mutation::Update(onto)).await.1, RefusalKind::BadRequest);
    world.apply(Mutation::Delete(vec![name("n3")])).await;
    world.apply(add("n3")).await;
    assert_ne!(world.look("n3").await.id, id, "made again is somebody else");
}

/// Tokens live five minutes by the device's clock.
async fn late_tokens<G: Gateway>(world: &World<G>) {
    for (skew, good) in [(299, true), (-299, true), (301, false), (-301, false), (3600, false), (0, true)] {
        lock(&world.device).set_clock_skew(skew);
        let answer = world.gateway.user(&name("nobody")).await;
        match answer {
            Ok(None) => assert!(good, "{skew}"),
            Err(ReadError::Refused(refusal)) => assert_eq!((refusal.kind, good), (RefusalKind::Token, false)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_device_in_memory_conforms() {
    for dialect in DIALECTS {
        conforms(&in_memory(dialect, &[], &furniture())).await;
    }
}

/// What an update leaves out, called as somebody else's client might.
#[test]
fn updates_erase_what_they_leave_out_where_the_manual_says_so() {
    let left = |dialect, quirks: &[Quirk], params: &[(&str, &str)]| {
        let world = in_memory(dialect, quirks, &furniture());
        let mut device = lock(&world.device);
        let user = AddUser {
            auth: Auth::External { server: "LDAP".into() },
            password: Some(Secret::new("pa55".into())),
            ..new_user("u")
        };
        assert_eq!(device.mutate(&Mutation::Add(user), world.clock.now()), Outcome::Applied);
        let off = UpdateUser { enabled: false, ext_auth: Some("LDAP".into()), ..same("u") };
        assert_eq!(device.mutate(&Mutation::Update(off), world.clock.now()), Outcome::Applied);
        let mut all = vec![("old_name", "u"), ("new_name", "u"), ("parent_group", "/"), ("delay_flush", "1")];
        all.extend(params);
        assert_eq!(device.call("UpdateUserCloud", &all, world.clock.now()).code, 0);
        let user = device.stored_users().remove("u").unwrap();
        (user.note, user.phone, user.roles.len(), user.enabled, user.ext_auth.is_some(), user.has_password)
    };
    let kept = ("张三-销售".to_owned(), "13800138000".to_owned());
    let none = (String::new(), String::new());
    assert_eq!(left(Dialect::Openapi, &[], &[]), (kept.0.clone(), kept.1.clone(), 2, false, true, true));
    assert_eq!(
        left(Dialect::Openapi, &[Quirk::OpenapiErases], &[]),
        (none.0.clone(), none.1.clone(), 2, false, true, true)
    );
    assert_eq!(left(Dialect::UpdaterCloud, &[], &[]), (none.0.clone(), none.1.clone(), 0, true, false, true));
    assert_eq!(
        left(Dialect::UpdaterCloud, &[Quirk::UpdatesErasePassword], &[("note", "n")]),
        ("n".to_owned(), none.1, 0, true, false, false)
    );
}

#[test]
fn a_change_that_does_not_ask_for_delay_takes_effect_at_once() {
    let world = in_memory(Dialect::Openapi, &[], &furniture());
    let mut device = lock(&world.device);
    for (delay, effective) in [("1", false), ("0", true)] {
        let params = [("name", delay), ("parent_group", "/"), ("delay_flush", delay)];
        assert_eq!(device.call("AddUserCloud", &params, world.clock.now()).code, 0);
        assert_eq!(device.effective_users().contains_key(delay), effective);
    }
    assert_eq!((device.counters().immediate_syncs, device.counters().commits), (1, 0));
}

#[test]
fn restarts_load_or_drop_what_was_not_committed() {
    let world = in_memory(Dialect::UpdaterCloud, &[], &furniture());
    let now = world.clock.now();
    let mut device = lock(&world.device);
    assert_eq!(device.mutate(&add("a"), now), Outcome::Applied);
    let mut other = device.clone();
    device.restart_loading();
    assert!(device.effective_users().contains_key("a"));
    other.restart_dropping();
    assert!(other.stored_users().is_empty() && !other.is_dirty());
}

#[test]
fn a_call_that_lands_too_late_is_refused_and_logged() {
    let world = in_memory(Dialect::UpdaterCloud, &[], &furniture());
    let now = world.clock.now();
    let mut device = lock(&world.device);
    let signed = now.timestamp();
    assert_eq!(device.mutate_signed(&add("a"), signed, now + TimeDelta::seconds(299)), Outcome::Applied);
    let late = device.mutate_signed(&add("b"), signed, now + TimeDelta::seconds(301));
    assert!(matches!(late, Outcome::Refused(refusal) if refusal.kind == RefusalKind::Token));
    let log: Vec<_> = device.log().iter().map(|asked| (asked.seq, asked.code, asked.applied)).collect();
    assert_eq!(log, [(1, 0, true), (2, 4, false)]);
}

#[test]
fn the_log_names_everything_but_passwords() {
    let world = in_memory(Dialect::UpdaterCloud, &[], &furniture());
    let mut device = lock(&world.device);
    let user = AddUser { password: Some(Secret::new("hunter2".into())), ..new_user("a") };
    let _ = device.mutate(&Mutation::Add(user), world.clock.now());
    let asked = &device.log()[0];
    assert_eq!((asked.params["name"].as_str(), asked.params["passwd"].as_str()), ("a", "[secret]"));
    assert!(!format!("{device:?}").contains("hunter2"));
}

#[tokio::test]
async fn openapi_lists_groups_roles_and_sessions() {
    let furniture = Furniture { roles: vec!["CRM".into(), "OA".into(), "VPN".into()], ..furniture() };
    let world = in_memory(Dialect::Openapi, &[], &furniture);
    for n in 0..7 {
        world.apply(add(&format!("u{n}"))).await;
    }
    let first = world.gateway.users(0, 5).await.unwrap();
    let second = world.gateway.users(5, 5).await.unwrap();
    assert_eq!((first.total, first.items.len(), second.items.len()), (7, 5, 2));
    let user = &second.items[1];
    assert_eq!((user.name.as_str(), user.phone.as_deref(), user.enabled), ("u6", None, Some(true)));
    assert_eq!(user.group.as_deref(), Some("/总公司/销售部"));
    let roles = world.gateway.roles(1, 25).await.unwrap();
    assert_eq!((roles.total, roles.items.len(), roles.items[0].name.as_str()), (3, 2, "OA"));

    world.apply(Mutation::AddGroup(path("/总公司/新部"))).await;
    assert_eq!(world.refused(Mutation::AddGroup(path("/总公司/新部"))).await.1, RefusalKind::NameTaken);
    assert_eq!(world.refused(Mutation::AddGroup(path("/无/新部"))).await.1, RefusalKind::BadRequest);
    assert!(world.gateway.group(&path("/总公司/新部")).await.unwrap().is_some());

    world.commit().await;
    let day = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
    assert!(lock(&world.device).log_in("u1", day));
    let kick = |user| Mutation::Kick(vec![name(user)]);
    assert_eq!(world.refused(kick("u2")).await, (-13, RefusalKind::NoSuchName));
    world.apply(kick("u1")).await;
    assert!(lock(&world.device).online().is_empty());
}

#[tokio::test]
async fn unknown_roles_are_left_out_or_refused() {
    let furniture = Furniture { roles: vec!["OA".into()], servers: vec!["LDAP".into()], ..furniture() };
    let world = in_memory(Dialect::UpdaterCloud, &[], &furniture);
    world.apply(add("a")).await;
    assert_eq!(world.look("a").await.roles, Some(set(&["OA"])));
    let user = AddUser { auth: Auth::External { server: "RADIUS".into() }, ..new_user("b") };
    assert_eq!(world.refused(Mutation::Add(user)).await, (-13, RefusalKind::NoSuchGroup));
    let world = in_memory(Dialect::UpdaterCloud, &[Quirk::UnknownRoleRefused], &furniture);
    assert_eq!(world.refused(add("a")).await, (-2, RefusalKind::BadRequest));
}

#[tokio::test]
async fn any_group_exists_where_the_device_is_told_so() {
    let furniture = Furniture { any_group: true, ..Furniture::default() };
    let world = in_memory(Dialect::UpdaterCloud, &[], &furniture);
    assert!(world.gateway.group(&path("/x/y")).await.unwrap().is_some());
    assert_eq!(lock(&world.device).stored_groups().len(), 3, "asking makes none");
    world.apply(add("a")).await;
    assert_eq!(world.look("a").await.group.as_deref(), Some("/总公司/销售部"));
}

#[tokio::test]
async fn deleting_who_is_not_there_succeeds_or_not() {
    let gone = || Mutation::Delete(vec![name("a"), name("b")]);
    let world = in_memory(Dialect::UpdaterCloud, &[], &furniture());
    world.apply(add("a")).await;
    world.apply(gone()).await;
    assert_eq!(world.stored(), set(&[]));
    let world = in_memory(Dialect::UpdaterCloud, &[Quirk::DeleteAbsentRefused], &furniture());
    world.apply(add("a")).await;
    assert_eq!(world.refused(gone()).await, (-2, RefusalKind::BadRequest));
    assert_eq!(world.stored(), set(&["a"]));
}

/// A device brought back from its steps is the same device, in both layers.
#[test]
fn steps_bring_a_device_back() {
    let world = in_memory(Dialect::Openapi, &[], &furniture());
    let (now, mut device) = (world.clock.now(), lock(&world.device));
    device.keep_changes();
    let mut steps = vec![device.whole()];
    let mut copies = BTreeMap::new();
    for n in 0..20 {
        let user = format!("u{}", n % 7);
        let _ = match n % 5 {
            0 | 1 => device.mutate(&add(&user), now),
            2 => {
                device.mutate(&Mutation::Update(UpdateUser { new_name: name("renamed"), ..same(&user) }), now)
            }
            3 => device.mutate(&Mutation::Delete(vec![name(&user)]), now),
            _ => device.commit(now),
        };
        if n == 13 {
            device.restart_dropping();
        }
        steps.extend(device.take_changes());
        let mut back = Device::new(Dialect::Openapi, BTreeSet::new(), &Furniture::default());
        steps.iter().cloned().for_each(|step| back.replay(step));
        assert_eq!(back.stored_users(), device.stored_users());
        assert_eq!(back.effective_users(), device.effective_users());
        assert_eq!(back.stored_groups(), device.stored_groups());
        copies.insert(n, back);
    }
    assert_ne!(copies[&0].stored_users(), copies[&19].stored_users());
}
