//! What an older version left behind goes on under this one: nothing is done again, nothing is lost, and the way back is
//! there. The files in `upgrade/` are as that version wrote them; `upgrade/make` says how.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tempfile::TempDir;

/// The answer of a command: exit code, stdout, stderr.
struct Said(i32, String, String);

impl Said {
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.0, code, "{}\n{}", self.1, self.2);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.1).unwrap_or_else(|e| panic!("{e}: {} {}", self.1, self.2))
    }
}

/// A folder as the older version left it.
struct Old(TempDir);

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/upgrade").join(name)
}

async fn sql(database: &Path, script: &str) {
    let url = format!("sqlite://{}?mode=rwc", database.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(script.to_owned()))).await.unwrap();
    connection.close().await.unwrap();
}

impl Old {
    async fn new() -> Self {
        let old = Self(tempfile::tempdir().unwrap());
        for folder in ["hr", "state"] {
            fs::create_dir(old.path(folder)).unwrap();
        }
        for (from, to) in [
            ("rosterd.toml", "rosterd.toml"),
            ("heads", "heads"),
            ("device.json", "state/rosterd.db.hq.device"),
            ("applied.csv", "hr/staff.csv"),
        ] {
            fs::copy(kept(from), old.path(to)).unwrap();
        }
        sql(&old.path("state/rosterd.db"), &fs::read_to_string(kept("state.sql")).unwrap()).await;
        old
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Said {
        let mut command = Command::cargo_bin("rosterd").unwrap();
        command.env_clear().current_dir(self.0.path()).args(["--config", "rosterd.toml", "--lang", "en"]);
        let output = command.args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said(output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        self.run(&[args, &["--output", "json"]].concat()).expect(code).json()
    }

    fn copies(&self) -> Vec<PathBuf> {
        let all = fs::read_dir(self.path("state")).unwrap().map(|e| e.unwrap().path());
        all.filter(|path| path.to_string_lossy().contains(".before-")).collect()
    }
}

/// Whether everything in `old` is in `new`: keys may be added, none may go or say something else.
fn holds(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(key, old)| new.get(key).is_some_and(|new| holds(new, old)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| holds(new, old))
        }
        (new, old) => new == old,
    }
}

fn was(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(kept(name)).unwrap()).unwrap()
}

#[tokio::test]
async fn an_older_state_goes_on_where_it_was() {
    let old = Old::new().await;
    for (args, name) in [(&["history", "00001"][..], "history.json"), (&["runs"], "runs.json")] {
        let now = old.json(args, 0);
        assert!(holds(&now, &was(name)), "{now}\nwas\n{}", was(name));
    }
    let trail = old.json(&["audit", "verify"], 0);
    assert_eq!(trail["whole"], true);
    assert!(trail["heads"].as_u64() > Some(0), "{trail}");

    let synced = old.json(&["sync"], 0);
    let target = &synced["targets"][0];
    assert_eq!(
        (&target["outcome"], &target["calls"]["mutations"]),
        (&"no_changes".into(), &0.into()),
        "{synced}"
    );
    let blocked: Vec<_> =
        target["blocked"].as_array().unwrap().iter().map(|b| (&b["person"], &b["reason"])).collect();
    let reasons = [("00005", "suspended"), ("00006", "hold"), ("00008", "unknown_status")];
    for (person, reason) in reasons {
        assert!(blocked.contains(&(&person.into(), &reason.into())), "{person} {reason}: {blocked:?}");
    }
    old.run(&["audit", "verify"]).expect(0);
}

#[tokio::test]
async fn an_approval_that_was_pending_lets_its_joiners_pass() {
    let old = Old::new().await;
    fs::copy(kept("approved.csv"), old.path("hr/staff.csv")).unwrap();
    let synced = old.json(&["sync"], 0);
    let target = &synced["targets"][0];
    assert_eq!((&target["outcome"], &target["counts"]["add"]), (&"applied".into(), &2.into()), "{synced}");
    assert_eq!(target["approval"]["id"], "1", "{synced}");
    old.run(&["audit", "verify"]).expect(0);
}

/// Without a change of the schema since, nothing is copied; with one, the older program works on the copy.
#[tokio::test]
async fn a_copy_is_kept_before_the_schema_changes() {
    let old = Old::new().await;
    let migrations = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap();
    let newer = migrations
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.as_str() > "0011");
    let said = old.run(&["-v", "runs"]).expect(0);
    let copies = old.copies();
    assert_eq!(copies.len(), usize::from(newer.count() > 0), "{copies:?}");
    for copy in copies {
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(said.2.contains(&copy.file_name().unwrap().to_string_lossy().into_owned()), "{}", said.2);
        // The copy is the older database: its schema, its rows.
        let url = format!("sqlite://{}?mode=ro", copy.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let schema: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let runs: i64 =
            sqlx::query_scalar("SELECT count(*) FROM runs").fetch_one(&mut connection).await.unwrap();
        assert_eq!((schema, runs), (10, 4));
    }
    old.run(&["runs"]).expect(0);
    assert!(old.copies().len() <= 1, "one change of the schema, one copy");
}

/// What an older program says of this database, which for it is one of the future.
#[tokio::test]
async fn a_database_of_the_future_is_refused_and_left_as_it_is() {
    let old = Old::new().await;
    old.run(&["runs"]).expect(0);
    let future = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                  VALUES (99991231, 'later', 1, x'00', 0)";
    sql(&old.path("state/rosterd.db"), future).await;
    let before = old.copies();
    for args in [&["sync"][..], &["runs"], &["status"]] {
        let said = old.run(args).expect(1);
        assert!(said.2.contains("newer rosterd") && said.2.contains("99991231"), "{}", said.2);
    }
    assert_eq!(old.copies(), before);
}
