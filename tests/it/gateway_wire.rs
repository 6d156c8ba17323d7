//! The client against a server that only records: method, path, query, headers, body and token of every call, byte for
//! byte, in both dialects, with odd names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use rosterd::clock::Clock;
use rosterd::config::TargetConfig;
use rosterd::gateway::{
    AddUser, Auth, Dialect, Gateway, HttpGateway, Mutation, Outcome, ReadError, RefusalKind, UpdateUser,
    WhyKind,
};
use rosterd::model::{GroupPath, Username};
use rosterd::secret::Secret;
use sha2::Digest;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers};

const NOW: i64 = 1_574_308_869;
const KEY: &str = "k&y=1+2";

/// A clock that stands still.
#[derive(Debug, Clone)]
struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _pause: Duration) {}
}

fn target(url: &str, dialect: &str) -> TargetConfig {
    serde_json::from_value(serde_json::json!({ "name": "hq", "url": url, "dialect": dialect })).unwrap()
}

fn client(url: &str, dialect: Dialect) -> HttpGateway<Still> {
    let key = Secret::new(KEY.into());
    HttpGateway::new(&target(url, dialect.as_str()), key, Path::new("/"), Still).unwrap()
}

async fn answering(body: &str) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(body.to_owned(), "text/html; charset=utf-8");
    Mock::given(matchers::any()).respond_with(answer).mount(&server).await;
    server
}

const DONE: &str = r#"{"code":0,"success":true,"message":"\u6210\u529f","readOnlyInfo":null,
    "result":{"id":"1","name":"u","totalUser":0,"totalCount":0,"data":[]}}"#;

/// The form as a server reads it, and the token that it would expect: written without the client's code.
fn read_form(request: &Request) -> (BTreeMap<String, String>, String) {
    let text = |s: &str| percent_encoding::percent_decode_str(s).decode_utf8().unwrap().into_owned();
    let pairs = |s: &str| -> Vec<(String, String)> {
        s.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(k, v)| (text(k), text(v))).collect()
    };
    let body = std::str::from_utf8(&request.body).unwrap();
    let mut form: BTreeMap<_, _> = pairs(body).into_iter().collect();
    assert_eq!(form.len(), body.split('&').count(), "no parameter twice");
    let token = form.remove("sinfor_apitoken").unwrap();
    let mut all = form.clone();
    all.extend(pairs(request.url.query().unwrap()));
    let params = all.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("&");
    let stamp = &form["timestamp"];
    let signed = format!("{params}{stamp}{KEY}");
    let expected = match token.len() {
        32 => hex::encode(md5::Md5::digest(&signed)),
        _ => hex::encode(sha2::Sha256::digest(&signed)),
    };
    assert_eq!(token, expected, "token of {params}");
    (form, token)
}

/// What every call has in common.
fn check_envelope(request: &Request, query: &str) {
    assert_eq!(request.method.as_str(), "POST");
    assert_eq!(request.url.path(), "/cgi-bin/php-cgi/html/delegatemodule/WebApi.php");
    assert_eq!(request.url.query(), Some(query));
    let headers: BTreeMap<_, _> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded; charset=UTF-8");
    assert_eq!(headers["content-length"], request.body.len().to_string());
    let names: BTreeSet<_> = headers.keys().copied().collect();
    assert_eq!(names, ["accept", "content-length", "content-type", "host"].into());
    assert!(request.body.is_ascii());
}

fn add(name: &str, group: &str, note: &str) -> Mutation {
    Mutation::Add(AddUser {
        name: Username::new(name).unwrap(),
        group: GroupPath::new(group).unwrap(),
        note: note.into(),
        phone: "13800138000".into(),
        roles: ["OA".to_owned(), "全员".to_owned()].into(),
        auth: Auth::Inherit,
        expires_on: NaiveDate::from_ymd_opt(2026, 12, 31),
        password: Some(Secret::new("p@ss w+rd%".into())),
    })
}

fn update(old: &str, new: &str) -> Mutation {
    Mutation::Update(UpdateUser {
        old_name: Username::new(old).unwrap(),
        new_name: Username::new(new).unwrap(),
        group: GroupPath::new("/总公司").unwrap(),
        note: "n".into(),
        phone: String::new(),
        roles: BTreeSet::new(),
        enabled: true,
        ext_auth: Some("LDAP-总部".into()),
        auth: None,
        expires_on: None,
    })
}

fn names(all: &[&str]) -> Vec<Username> {
    all.iter().map(|name| Username::new(name).unwrap()).collect()
}

/// Sends everything once and gives what the server saw.
async fn everything(dialect: Dialect) -> Vec<Request> {
    let server = answering(DONE).await;
    let client = client(&server.uri(), dialect);
    let name = Username::new("张 三").unwrap();
    client.user(&name).await.unwrap();
    client.group(&GroupPath::new("/总公司/R&D").unwrap()).await.unwrap();
    let mut mutations = vec![
        add("张三&x=1", "/总公司/R&D 50%", "a+b \"c\" ='d' 😀 ｅ"),
        update("a", "b"),
        Mutation::Delete(names(&["u1", "张三"])),
    ];
    if dialect == Dialect::Openapi {
        client.users(0, 200).await.unwrap();
        client.roles(25, 25).await.unwrap();
        mutations.push(Mutation::AddGroup(GroupPath::new("/总公司/新 部门").unwrap()));
        mutations.push(Mutation::Kick(names(&["u1", "u2"])));
    }
    for mutation in &mutations {
        assert_eq!(client.mutate(mutation).await, Outcome::Applied);
    }
    assert_eq!(client.commit().await, Outcome::Applied);
    server.received_requests().await.unwrap()
}

fn check(request: &Request, query: &str, body: &str) {
    check_envelope(request, query);
    let (_, token) = read_form(request);
    let sent = std::str::from_utf8(&request.body).unwrap();
    assert_eq!(sent, format!("{body}&timestamp={NOW}&sinfor_apitoken={token}").trim_start_matches('&'));
}

const ADD: &str = "name=%E5%BC%A0%E4%B8%89%26x%3D1&parent_group=%2F%E6%80%BB%E5%85%AC%E5%8F%B8%2FR%26D%2050%25\
    &note=a%2Bb%20%22c%22%20%3D%27d%27%20%F0%9F%98%80%20%EF%BD%85&passwd=p%40ss%20w%2Brd%25&phone=13800138000\
    &role_name=OA%2C%E5%85%A8%E5%91%98&b_inherit_auth=1&b_inherit_grpolicy=1&is_extauth=0&ext_auth_name=&is_pwd=1";
const UPDATE: &str = "old_name=a&new_name=b&parent_group=%2F%E6%80%BB%E5%85%AC%E5%8F%B8&note=n&phone=&role_name=\
    &is_enable=1&is_extauth=1&ext_auth_name=LDAP-%E6%80%BB%E9%83%A8";

#[tokio::test]
async fn updater_cloud_to_the_byte() {
    let requests = everything(Dialect::UpdaterCloud).await;
    let [user, group, add, update, delete, commit] = &requests[..] else { panic!("{}", requests.len()) };
    check(user, "controler=User&action=ExGetUserInfo", "username=%E5%BC%A0%20%E4%B8%89");
    check(group, "controler=Group&action=GetGroupInfo", "group_name=%2F%E6%80%BB%E5%85%AC%E5%8F%B8%2FR%26D");
    check(add, "controler=User&action=AddUserCloud", ADD);
    check(update, "controler=User&action=UpdateUserCloud", UPDATE);
    let list = "names=%5B%22u1%22%2C%22%E5%BC%A0%E4%B8%89%22%5D";
    check(delete, "controler=User&action=DelUserByNameCloud", list);
    check(commit, "controler=Updater&action=UpdaterCloud", "");
    assert_eq!(read_form(user).1.len(), 32, "MD5");
}

#[tokio::test]
async fn openapi_to_the_byte() {
    let requests = everything(Dialect::Openapi).await;
    let [user, group, users, roles, add, update, delete, add_group, kick, commit] = &requests[..] else {
        panic!("{}", requests.len())
    };
    check(user, "controler=User&action=ExGetUserInfo", "username=%E5%BC%A0%20%E4%B8%89");
    check(group, "controler=Group&action=GetGroupInfo", "group_name=%2F%E6%80%BB%E5%85%AC%E5%8F%B8%2FR%26D");
    check(users, "controler=User&action=GetSearchData", "offset=0&limit=200");
    check(roles, "controler=Role&action=GetRoleListDataCloud", "start=25&limit=25");
    let expiry = "&gqsj=0&ex_time=2026-12-31&delay_flush=1";
    check(add, "controler=User&action=AddUserCloud", &format!("{ADD}{expiry}"));
    check(update, "controler=User&action=UpdateUserCloud", &format!("{UPDATE}&delay_flush=1"));
    check(delete, "controler=User&action=DelUserByNameCloud", "names=u1%2C%E5%BC%A0%E4%B8%89&delay_flush=1");
    let group =
        "name=%E6%96%B0%20%E9%83%A8%E9%97%A8&parent_group=%2F%E6%80%BB%E5%85%AC%E5%8F%B8&delay_flush=1";
    check(add_group, "controler=Group&action=AddGroupCloud", group);
    check(kick, "controler=State&action=KillOnlineUserCloud", "users=u1%2Cu2");
    check(commit, "controler=Updater&action=DataSyncCloud", "");
    assert_eq!(read_form(user).1.len(), 64, "SHA-256");
}

#[tokio::test]
async fn names_at_the_devices_limit_arrive_whole() {
    let name = "张".repeat(16);
    let server = answering(DONE).await;
    let outcome = client(&server.uri(), Dialect::UpdaterCloud).mutate(&add(&name, "/", &name)).await;
    assert_eq!(outcome, Outcome::Applied);
    let requests = server.received_requests().await.unwrap();
    let (form, _) = read_form(&requests[0]);
    assert_eq!((form["name"].as_str(), form["note"].len()), (name.as_str(), 48));
}

#[tokio::test]
async fn what_a_call_cannot_carry_is_refused_unsent() {
    let server = answering(DONE).await;
    let (old, new) = (client(&server.uri(), Dialect::UpdaterCloud), client(&server.uri(), Dialect::Openapi));
    let refused = |outcome| matches!(outcome, Outcome::Refused(_));
    assert!(refused(new.mutate(&Mutation::Delete(names(&["a,b"]))).await));
    assert!(refused(old.mutate(&Mutation::Kick(names(&["a"]))).await));
    assert!(refused(old.mutate(&Mutation::AddGroup(GroupPath::new("/a").unwrap())).await));
    let no_call = |kind| kind == RefusalKind::NoSuchCall;
    assert!(matches!(old.users(0, 1).await, Err(ReadError::Refused(r)) if no_call(r.kind)));
    assert!(matches!(old.roles(0, 1).await, Err(ReadError::Refused(r)) if no_call(r.kind)));
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn secrets_stay_out_of_what_a_device_echoes() {
    let server = MockServer::start().await;
    Mock::given(matchers::any())
        .respond_with(|request: &Request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let raw = percent_encoding::percent_decode_str(&body).decode_utf8_lossy().into_owned();
            let text =
                serde_json::json!({ "code": -2, "success": false, "message": format!("{body} {raw} {KEY}") });
            ResponseTemplate::new(200).set_body_json(text)
        })
        .mount(&server)
        .await;
    let Outcome::Refused(refusal) = client(&server.uri(), Dialect::Openapi).mutate(&add("u", "/", "n")).await
    else {
        panic!()
    };
    let request = &server.received_requests().await.unwrap()[0];
    let (_, token) = read_form(request);
    for secret in [KEY, token.as_str(), "p@ss w+rd%", "p%40ss%20w%2Brd%25", "13800138000", "k%26y%3D1%2B2"] {
        assert!(!refusal.message.contains(secret), "{secret} in {}", refusal.message);
    }
}

#[tokio::test]
async fn answers_without_an_answer_are_unknown() {
    for (status, body, kind) in [
        (500, DONE, WhyKind::ServerError),
        (502, "<html>", WhyKind::ServerError),
        (200, "<html>", WhyKind::Unusable),
        (404, "<html>", WhyKind::Unusable),
        (302, "", WhyKind::Unusable),
        (200, r#"{"success":false,"error":"?"}"#, WhyKind::Unusable),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(matchers::any()).respond_with(answer).expect(1).mount(&server).await;
        match client(&server.uri(), Dialect::UpdaterCloud).commit().await {
            Outcome::Unknown(why) => assert_eq!(why.kind, kind, "{status} {body}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn settings_are_checked_before_anything_is_sent() {
    let make = |target: serde_json::Value, key: &str| {
        let target: TargetConfig = serde_json::from_value(target).unwrap();
        HttpGateway::new(&target, Secret::new(key.into()), Path::new("/"), Still)
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    let with = |more: serde_json::Value| {
        let mut target = serde_json::json!({ "name": "hq", "url": "https://10.1.1.1:4430" });
        target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        target
    };
    let json = |text: &str| serde_json::from_str(text).unwrap();
    assert_eq!(make(with(json("{}")), "k"), Ok(()));
    for (more, key, word) in [
        ("{}", "", "key"),
        (r#"{"url":"http://10.1.1.1"}"#, "k", "loopback"),
        (r#"{"url":"https://10.1.1.1/?x=1"}"#, "k", "query"),
        (r#"{"url":"embedded"}"#, "k", "https"),
        (r#"{"tls":{"pin_sha256":[]}}"#, "k", "pin"),
        (r#"{"tls":{"pin_sha256":["AAAA"]}}"#, "k", "pin"),
        (r#"{"tls":{"system":true,"insecure":true}}"#, "k", "tls"),
        (r#"{"tls":{"ca_file":"/nonexistent"}}"#, "k", "/nonexistent"),
        (r#"{"token":{"recipe":"{params}"}}"#, "k", "{key}"),
    ] {
        let error = make(with(json(more)), key).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}
