//! The key and the tokens: in no output, no log at any level, no database, in no form.

use std::path::Path;

use base64::Engine as _;
use wiremock::matchers::{any, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "c4nary+Key/of%the=device";

/// A secret as it is, and as it would look after the usual ways of writing bytes down.
pub fn every_form(secret: &str) -> Vec<String> {
    let percent =
        percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    vec![secret.to_owned(), hex::encode(secret), hex::encode_upper(secret), base64, percent]
}

pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

pub fn answer(code: i64) -> ResponseTemplate {
    let body = serde_json::json!({ "code": code, "success": code == 0, "message": "", "readOnlyInfo": null,
                                   "result": { "id": "7" } });
    ResponseTemplate::new(200).set_body_json(body)
}

/// Runs a sync against `server` with everything logged, and gives all that it left: output, log, database.
fn leavings(folder: &Path, server: &MockServer) -> Vec<u8> {
    std::fs::write(folder.join("hr.csv"), "工号,姓名,部门,状态\n0001,张三,/总公司/销售部,在职\n").unwrap();
    let config = format!(
        "[roster]\npath = \"hr.csv\"\nsettle = \"0s\"\n[state]\npath = \"r.db\"\n[[target]]\nname = \"hq\"\nurl = \"{}\"\nkey = \"env:CANARY\"\n",
        server.uri()
    );
    std::fs::write(folder.join("rosterd.toml"), config).unwrap();
    let mut all = Vec::new();
    for args in [&["sync", "-vv"][..], &["sync", "-vv", "--output", "json"], &["config", "check"], &["runs"]]
    {
        let output = std::process::Command::new(crate::program::path())
            .args(args)
            .arg("--config")
            .arg(folder.join("rosterd.toml"))
            .env("CANARY", KEY)
            .env("RUST_LOG", "trace")
            .output()
            .unwrap();
        all.extend([output.stdout, output.stderr].concat());
    }
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        all.extend(std::fs::read(entry.path()).unwrap());
    }
    all
}

async fn tokens(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let tokens = requests.iter().filter_map(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let (_, rest) = body.split_once("sinfor_apitoken=")?;
        Some(rest.split('&').next().unwrap_or_default().to_owned())
    });
    tokens.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_key_nor_token_is_in_any_output_log_or_database() {
    for refused in [false, true] {
        let server = MockServer::start().await;
        let look = if refused { 4 } else { -10 };
        Mock::given(query_param("action", "ExGetUserInfo")).respond_with(answer(look)).mount(&server).await;
        Mock::given(any()).respond_with(answer(if refused { 4 } else { 0 })).mount(&server).await;
        let folder = tempfile::tempdir().unwrap();
        let left = leavings(folder.path(), &server);
        let tokens = tokens(&server).await;
        assert!(!tokens.is_empty() && tokens.iter().all(|t| t.len() >= 32), "no token was seen: {tokens:?}");
        assert!(holds(&left, "TRACE") || holds(&left, "DEBUG"), "the log was not as talkative as it can be");
        for secret in tokens.iter().map(String::as_str).chain([KEY]) {
            for form in every_form(secret) {
                assert!(!holds(&left, &form), "refused={refused}: {form} was left behind");
            }
        }
    }
}
