//! Answers as devices have been seen to give them, and as hostile ones might.

use proptest::prelude::*;

use super::*;

fn outcome_of(call: Call, body: &str) -> Outcome {
    outcome(call, 200, body.as_bytes(), &Scrub::new())
}

fn refused(call: Call, body: &str) -> (i64, RefusalKind, String) {
    match outcome_of(call, body) {
        Outcome::Refused(Refusal { code, kind, message }) => (code, kind, message),
        other => panic!("{other:?}"),
    }
}

fn unknown(status: u16, body: &[u8]) -> WhyKind {
    match outcome(Call::Add, status, body, &Scrub::new()) {
        Outcome::Unknown(why) => why.kind,
        other => panic!("{other:?} for {}", String::from_utf8_lossy(body)),
    }
}

const DONE: &str =
    r#"{"code":0,"success":true,"message":"\u6dfb\u52a0\u7528\u6237\u6210\u529f","readOnlyInfo":null}"#;

#[test]
fn only_success_with_code_0_is_a_yes() {
    for yes in [
        DONE,
        r#"{"code":"0","success":"true"}"#,
        r#"{"code":0,"success":1}"#,
        "\u{feff}{\"code\":0,\"success\":true}",
        " \n{\"success\":true,\"code\":0,\"unheard\":{\"of\":[1]}}\n",
    ] {
        assert_eq!(outcome_of(Call::Add, yes), Outcome::Applied, "{yes}");
    }
}

#[test]
fn codes_mean_different_things_in_different_calls() {
    let (code, kind, message) =
        refused(Call::Add, r#"{"code":-9,"success":false,"message":"\u7528\u6237\u5df2\u5b58\u5728"}"#);
    assert_eq!((code, kind, message.as_str()), (-9, RefusalKind::NameTaken, "用户已存在"));
    for (call, code, kind) in [
        (Call::Add, -13, RefusalKind::NoSuchGroup),
        (Call::Add, -2, RefusalKind::BadRequest),
        (Call::Add, 4, RefusalKind::Token),
        (Call::Update, 10, RefusalKind::NoSuchName),
        (Call::Update, -13, RefusalKind::NoSuchGroup),
        (Call::Delete, -2, RefusalKind::BadRequest),
        (Call::AddGroup, -9, RefusalKind::NameTaken),
        (Call::Kick, -13, RefusalKind::NoSuchName),
        (Call::Commit, 1, RefusalKind::NoSuchCall),
        (Call::Commit, 404, RefusalKind::NoSuchCall),
        (Call::Commit, -13, RefusalKind::BadRequest),
    ] {
        let text = format!(r#"{{"code":"{code}","error":"no"}}"#);
        assert_eq!(refused(call, &text), (code, kind, "no".to_owned()));
    }
}

#[test]
fn everything_else_is_no_answer() {
    let deep = "[".repeat(100_000);
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(500), "}".repeat(500));
    for body in [
        "",
        "null",
        "[]",
        "\"text\"",
        r#"{"success":true}"#,
        r#"{"success":false,"error":"no code"}"#,
        r#"{"code":0}"#,
        r#"{"code":0,"success":false}"#,
        r#"{"code":-9,"success":true}"#,
        r#"{"code":null,"success":true}"#,
        r#"{"code":0.0,"success":true}"#,
        r#"{"code":1e400,"success":true}"#,
        r#"{"code":99999999999999999999,"success":false}"#,
        r#"{"code":-9,"code":0,"success":true}"#,
        r#"{"code":0,"success":true,"result":{"a":1,"a":2}}"#,
        r#"{"code":0,"success":true} trailing"#,
        r#"{"code":0,"success":true,"message":"\u12"}"#,
        "<html><body>404</body></html>",
        "<?php echo 1; ?>{\"code\":0,\"success\":true}",
        &deep,
        &deep_object,
    ] {
        assert_eq!(unknown(200, body.as_bytes()), WhyKind::Unusable);
    }
    assert_eq!(unknown(200, b"{\"code\":0,\"success\":true,\"message\":\"\xff\"}"), WhyKind::Unusable);
    for status in [201, 204, 302, 403, 404] {
        assert_eq!(unknown(status, DONE.as_bytes()), WhyKind::Unusable);
    }
    for status in [500, 502, 599] {
        assert_eq!(unknown(status, DONE.as_bytes()), WhyKind::ServerError);
    }
}

#[test]
fn an_answer_cut_anywhere_is_no_answer() {
    for whole in [DONE, r#"{"code":-9,"success":false,"message":"\u7528"}"#] {
        for end in 0..whole.len() {
            assert_eq!(unknown(200, &whole.as_bytes()[..end]), WhyKind::Unusable);
        }
    }
    for end in 0..SEED.len() {
        let cut = user(200, &SEED.as_bytes()[..end], &Scrub::new());
        assert!(matches!(cut, Err(ReadError::Failed(_))), "{end}");
    }
}

/// The vendor's own sample, with the layout's line breaks and the slip in `grpname` put right.
const SEED: &str = r#"{"code":0,"success":true,"result":
{"id":"25","name":"user1","note":"","passwd":"\u2642\u2640\u263a\u266a\u266b\u25d9\u2642\u2640","phone":"",
"cert_sn":"","grpid":"-1","grpname":"\/user","roleid":"1,3","role_name":"test,gg","crypto_key":"","allocateip":"0",
"b_inherit_auth":"1","b_inherit_grpolicy":"1","auth_methods":"1","auth_type":"0","ext_auth_id":"0","expire":"0",
"attributes":"1","pwd_last_change":"1527699600","token_svr_id":"0","is_first_login":"1","lastlogin_time":"1527699600",
"last_active_time":"1527642000","grpolicy_id":"0","caid":"-1","create_time":"152764368391",
"sec_key":"A211E2D9E95BE32F08C15B30963448BB","is_bind_key":"0"},
"message":"\u6dfb\u52a0\u7528\u6237\u6210\u529f","readOnlyInfo":null}"#;

fn look(body: &str) -> UserRecord {
    user(200, body.as_bytes(), &Scrub::new()).unwrap().unwrap()
}

#[test]
fn the_vendors_sample_user() {
    let record = look(SEED);
    assert_eq!(record.id.as_deref(), Some("25"));
    assert_eq!(record.name, "user1");
    assert_eq!(record.group.as_deref(), Some("/user"));
    assert_eq!(record.note.as_deref(), Some(""));
    assert_eq!(record.roles, Some(["gg".to_owned(), "test".to_owned()].into()));
    assert_eq!(record.enabled, None);
    assert_eq!((record.inherits_auth, record.inherits_policy), (Some(true), Some(true)));
    assert_eq!((record.ext_auth_id.as_deref(), record.ext_auth_name.as_deref()), (None, None));
    assert_eq!(record.expires_on, Some(None));
    assert_eq!(record.password_changed.as_deref(), Some("1527699600"));
    assert!(record.password_mark.is_some());
    assert!(!record.other.contains_key("sec_key") && !record.other.contains_key("passwd"));
    assert_eq!(record.other["roleid"], "1,3");
    assert!(!format!("{record:?}").contains('\u{2642}'));
}

#[test]
fn the_vendors_slip_is_no_answer() {
    let slip = SEED.replace(r"\/user", r"/\user");
    assert!(matches!(user(200, slip.as_bytes(), &Scrub::new()), Err(ReadError::Failed(_))));
}

#[test]
fn a_result_may_be_text_and_values_may_be_numbers() {
    let result = r#"{"id":7,"name":"u","is_enable":0,"b_inherit_auth":true,"note":null,"role_name":" a , ,b",
                     "parent_path":"/x","grpname":"x","ext_auth_id":3,"ext_auth_name":"L","extra":[1],"expire":"2026-12-31"}"#;
    let plain = format!(r#"{{"code":0,"success":true,"result":{result}}}"#);
    let text = format!(r#"{{"code":0,"success":true,"result":{}}}"#, serde_json::to_string(result).unwrap());
    assert_eq!(look(&plain), look(&text));
    let record = look(&plain);
    assert_eq!(
        (record.id.as_deref(), record.enabled, record.inherits_auth),
        (Some("7"), Some(false), Some(true))
    );
    assert_eq!((record.note.as_deref(), record.phone), (Some(""), None));
    assert_eq!(record.roles, Some(["a".to_owned(), "b".to_owned()].into()));
    assert_eq!(record.group.as_deref(), Some("/x"));
    assert_eq!((record.ext_auth_id.as_deref(), record.ext_auth_name.as_deref()), (Some("3"), Some("L")));
    assert_eq!(record.expires_on, Some(NaiveDate::from_ymd_opt(2026, 12, 31)));
    assert!(record.other.is_empty(), "{:?}", record.other);
}

#[test]
fn expiry_in_all_its_forms() {
    let shown = |fields: &str| {
        look(&format!(r#"{{"code":0,"success":true,"result":{{"name":"u",{fields}}}}}"#)).expires_on
    };
    let day = NaiveDate::from_ymd_opt(2026, 12, 31);
    assert_eq!(shown(r#""gqsj":"1","ex_time":"2026-12-31""#), Some(None));
    assert_eq!(shown(r#""gqsj":0,"ex_time":"2026-12-31 00:00:00""#), Some(day));
    assert_eq!(shown(r#""expire":"1798646400""#), Some(day));
    assert_eq!(shown(r#""expire":0"#), Some(None));
    assert_eq!(shown(r#""expire":"soon""#), None);
    assert_eq!(shown(r#""gqsj":"0""#), None);
    assert_eq!(shown(r#""note":"""#), None);
}

#[test]
fn nobody_there_is_an_answer_too() {
    let absent = br#"{"code":-10,"success":false,"message":"x"}"#;
    let root = GroupPath::new("/").unwrap();
    assert_eq!(user(200, absent, &Scrub::new()), Ok(None));
    assert_eq!(group(&root, 200, absent, &Scrub::new()), Ok(None));
    let token = br#"{"code":4,"success":false,"message":"x"}"#;
    assert!(
        matches!(user(200, token, &Scrub::new()), Err(ReadError::Refused(r)) if r.kind == RefusalKind::Token)
    );
    for body in ["null", "\"\"", "\"{\"", "[]", "{}", r#"{"name":""}"#, r#"{"id":"1"}"#] {
        let text = format!(r#"{{"code":0,"success":true,"result":{body}}}"#);
        assert!(matches!(user(200, text.as_bytes(), &Scrub::new()), Err(ReadError::Failed(_))), "{body}");
    }
}

#[test]
fn lists_need_a_total_and_whole_items() {
    let body = br#"{"code":0,"success":true,"result":{"totalUser":"2","data":[
        {"id":"1","name":"a","parent_path":"/","is_enable":"1"},{"id":2,"name":"b"}]}}"#;
    let page = users(200, body, &Scrub::new()).unwrap();
    assert_eq!(page.total, 2);
    assert_eq!(page.items.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(page.items[0].phone, None);
    let body = br#"{"code":0,"success":true,"result":{"totalCount":1,"data":[{"_id":"5","name":"CRM","enable":"1"}]}}"#;
    let page = roles(200, body, &Scrub::new()).unwrap();
    assert_eq!(page.items, [RoleRecord { id: Some("5".into()), name: "CRM".into() }]);
    for bad in [
        &br#"{"code":0,"success":true,"result":{"data":[]}}"#[..],
        br#"{"code":0,"success":true,"result":{"totalUser":-1,"data":[]}}"#,
        br#"{"code":0,"success":true,"result":{"totalUser":1}}"#,
        br#"{"code":0,"success":true,"result":{"totalUser":1,"data":[{"id":"1"}]}}"#,
        br#"{"code":0,"success":true,"result":{"totalUser":1,"data":["a"]}}"#,
    ] {
        assert!(users(200, bad, &Scrub::new()).is_err());
    }
}

#[test]
fn messages_are_scrubbed_and_cut() {
    let scrub = Scrub::new().secret("k&y").secret("").phone("13800138000;13900139000");
    let long = "x".repeat(2000);
    let body = format!(
        r#"{{"code":-2,"message":"bad k&y k%26y\u0007\u202e 13800138000 13800138000;13900139000 {long}"}}"#
    );
    let Outcome::Refused(refusal) = outcome(Call::Add, 200, body.as_bytes(), &scrub) else { panic!() };
    assert!(
        refusal.message.starts_with("bad [secret] [secret] 138******00 138******00;139******00 xxx"),
        "{}",
        refusal.message
    );
    assert!(refusal.message.len() <= 500);
}

proptest! {
    #[test]
    fn nothing_panics(status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_anything(status, &body);
    }

    /// One damaged byte never turns a no into a yes.
    #[test]
    fn damage_never_makes_a_yes(at in 0usize..60, byte in any::<u8>()) {
        let mut body = br#"{"code":-9,"success":false,"message":"\u7528\u6237"}"#.to_vec();
        let at = at % body.len();
        body[at] = byte;
        prop_assert_ne!(outcome(Call::Add, 200, &body, &Scrub::new()), Outcome::Applied);
    }
}
