//! What `audit verify` finds: each change of each column that says who had access, since when and by whom; records and
//! personal parts taken away; a witness that is gone. And what it does not cry about.

use std::fs;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqliteConnection};

use crate::cli_world::World;

/// The tables that answer the question, and the columns of them that are marks for the next run only: whether an intent has
/// its record yet. Names that are tied to people by hand have a test of their own, beside the store.
const TABLES: [(&str, &[&str]); 10] = [
    ("account_versions", &[]),
    ("approvals", &[]),
    ("audit", &[]),
    ("audit_personal", &[]),
    ("calls", &[]),
    ("entries", &[]),
    ("intents", &["audited"]),
    ("overrides", &[]),
    ("plans", &[]),
    ("runs", &[]),
];

/// A week in which everything happens that those tables can hold.
fn lived() -> World {
    let world = World::with(
        "max_invalid_percent = 90.0\n",
        "[target.leavers]\naction = \"disable\"\n[target.guard]\nmax_add = 2\n",
    );
    let wang = "00001,王芳,/总公司/销售部,经理,13800000001,在职";
    let li = "00002,李娜,/总公司/销售部,专员,13800000002,在职";
    world.roster(&[wang, li]);
    world.run(&["sync"]).expect(0);
    let moved = wang.replace("销售部", "市场部");
    let left = li.replace("在职", "离职");
    world.roster(&[&moved, &left]);
    world.run(&["sync"]).expect(0);
    let new = ["3", "4", "5"].map(|n| format!("0000{n},张{n},/总公司/财务部,会计,1380000000{n},在职"));
    let all: Vec<&str> = [&moved, &left].into_iter().chain(&new).map(String::as_str).collect();
    world.roster(&all);
    world.run(&["sync"]).expect(4);
    world.run(&["approve", "3", "--reason", "all three are expected"]).expect(0);
    world.run(&["sync"]).expect(0);
    world.run(&["hold", "00003", "--reason", "on leave", "--until", "2999-12-31"]).expect(0);
    world
}

/// The database, and verification in the program itself.
struct Trail {
    world: World,
    open: SqliteConnection,
}

impl Trail {
    async fn new() -> Self {
        let world = lived();
        let url = format!("sqlite://{}", world.database().display());
        let mut open = SqliteConnection::connect(&url).await.unwrap();
        // Somebody who can write the file is stopped by no constraint.
        for pragma in ["PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON"] {
            open.execute(pragma).await.unwrap();
        }
        // A program that ended may have left its log: the file alone is then not all there is.
        open.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
        Self { world, open }
    }

    /// The exit code: 1 where something was found, or a row cannot even be read any more.
    fn verify(&self) -> i32 {
        self.world.run(&["audit", "verify"]).code
    }

    async fn sql(&mut self, sql: &str) {
        self.open
            .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    async fn columns(&mut self, table: &str) -> Vec<(String, String)> {
        let sql = format!("SELECT name, type FROM pragma_table_info('{table}')");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.open).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

#[tokio::test]
async fn each_change_of_each_column_is_found() {
    let mut trail = Trail::new().await;
    assert_eq!(trail.verify(), 0);
    let original = fs::read(trail.world.database()).unwrap();
    let mut missed = Vec::new();
    for (table, marks) in TABLES {
        for (column, kind) in trail.columns(table).await {
            if marks.contains(&column.as_str()) {
                continue;
            }
            let changed = match kind.as_str() {
                "INTEGER" => format!("coalesce({column}, 0) + 1000"),
                // A blank behind JSON says nothing else.
                _ => format!(
                    "CASE WHEN json_valid({column}) AND substr({column}, 1, 1) IN ('{{', '[') THEN '[\"x\"]' \
                     ELSE coalesce({column}, '') || ' ' END"
                ),
            };
            // A version that is over, and one that is not.
            let orders: &[&str] = if table == "account_versions" { &["ASC", "DESC"] } else { &["DESC"] };
            for order in orders {
                let (key, row) =
                    (key(table), format!("SELECT {} FROM {table} ORDER BY 1 {order} LIMIT 1", key(table)));
                trail.sql(&format!("UPDATE {table} SET {column} = {changed} WHERE {key} = ({row})")).await;
                if trail.verify() == 0 {
                    missed.push(format!("{table}.{column} {order}"));
                }
                restore(&mut trail, &original).await;
            }
        }
    }
    assert_eq!(missed, Vec::<String>::new());
    assert_eq!(trail.verify(), 0);
}

/// What one row of a table is found by.
fn key(table: &str) -> &'static str {
    match table {
        "audit" | "audit_personal" => "seq",
        "approvals" | "plans" | "runs" => "id",
        "overrides" => "person",
        "entries" => "target || person",
        "calls" => "run * 1000 + seq",
        "intents" => "run || seq || person",
        _ => "target || person || from_at || from_run",
    }
}

async fn restore(trail: &mut Trail, original: &[u8]) {
    let url = format!("sqlite://{}", trail.world.database().display());
    std::mem::replace(&mut trail.open, SqliteConnection::connect("sqlite::memory:").await.unwrap())
        .close()
        .await
        .unwrap();
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{ending}", trail.world.database().display()));
    }
    fs::write(trail.world.database(), original).unwrap();
    trail.open = SqliteConnection::connect(&url).await.unwrap();
    for pragma in ["PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON"] {
        trail.open.execute(pragma).await.unwrap();
    }
}

#[tokio::test]
async fn rows_that_go_or_come_are_found() {
    let mut trail = Trail::new().await;
    let original = fs::read(trail.world.database()).unwrap();
    for sql in [
        "DELETE FROM account_versions WHERE to_run IS NOT NULL",
        "DELETE FROM entries WHERE person = '00001'",
        "DELETE FROM intents WHERE run = 2",
        "DELETE FROM calls WHERE run = 2",
        "DELETE FROM runs WHERE id = 2",
        "DELETE FROM seals WHERE run = 2",
        "DELETE FROM overrides",
        "DELETE FROM approvals",
        "DELETE FROM plans WHERE id = 1",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "DELETE FROM audit_personal WHERE seq = (SELECT min(seq) FROM audit_personal)",
        "DELETE FROM audit_personal",
        "INSERT INTO overrides (person, kind, until, reason, actor, created_at) VALUES ('00004', 'hold', NULL, 'x', '{}', 1)",
        "INSERT INTO account_versions (target, person, from_run, from_at, to_run, to_at, username, fields) \
         VALUES ('hq', '00009', 1, 1, 2, 2, '00009', '{}')",
        "INSERT INTO runs SELECT 99, target, dry, trigger, actor, version, config_digest, started_at, as_of, roster_digest, \
         plan_id, ended_at, outcome, exit_code, commit_state, report FROM runs WHERE id = 2",
        "UPDATE entries SET disabled_at = disabled_at - 1000 WHERE disabled_at IS NOT NULL",
    ] {
        trail.sql(sql).await;
        assert_eq!(trail.verify(), 1, "{sql}");
        restore(&mut trail, &original).await;
    }
}

/// A salt that is null hides a part that was changed; only a table made anew takes one.
#[tokio::test]
async fn a_salt_set_to_null_is_found() {
    let mut trail = Trail::new().await;
    trail
        .sql(
            "CREATE TABLE other (seq INTEGER PRIMARY KEY, salt TEXT, body TEXT); INSERT INTO other SELECT seq, NULL, \
             replace(body, '00001', '00002') FROM audit_personal; DROP TABLE audit_personal; \
             ALTER TABLE other RENAME TO audit_personal",
        )
        .await;
    let found = trail.world.run(&["audit", "verify", "--output", "json"]).expect(1).json();
    assert!(found["broken"].as_array().unwrap().iter().any(|b| b["what"] == "personal"), "{found}");
}

#[tokio::test]
async fn a_witness_that_is_gone_or_empty_is_a_failure() {
    let world = lived();
    let heads = fs::read_to_string(world.path("state/heads")).unwrap();
    for empty in [false, true] {
        match empty {
            true => fs::write(world.path("state/heads"), "").unwrap(),
            false => fs::remove_file(world.path("state/heads")).unwrap(),
        }
        let said = world.run(&["audit", "verify", "--output", "json"]).expect(1);
        assert_eq!(said.json()["broken"][0]["what"], "witness");
    }
    fs::write(world.path("state/heads"), heads).unwrap();
    world.run(&["audit", "verify"]).expect(0);
    // Before the first record there is nothing to witness.
    let fresh = World::new("");
    fresh.run(&["audit", "verify"]).expect(0);
}

/// Commands that record something, by hand and without a run.
#[test]
fn each_command_that_records_hands_the_head_out() {
    let world = lived();
    let last =
        || fs::read_to_string(world.path("state/heads")).unwrap().lines().last().map(ToOwned::to_owned);
    let head =
        || world.run(&["audit", "verify", "--output", "json"]).expect(0).json()["head"]["digest"].clone();
    for command in [
        &["suspend", "00004", "--reason", "lost laptop"][..],
        &["hold", "00004", "--reason", "on leave"],
        &["resume", "00004", "--reason", "back"],
        &["person", "00004", "--same", "--reason", "new phone"],
        &["release", "00005", "--reason", "theirs now"],
        &["target", "accept", "hq", "--reason", "same box"],
        &["drift"],
        &["sync"],
    ] {
        let before = last();
        let said = world.run(command);
        let after = last().unwrap();
        assert!(after.ends_with(head().as_str().unwrap()), "{command:?}: {} {}", said.out, said.err);
        let read_only = command[0] == "drift";
        assert!(
            read_only || Some(&after) != before.as_ref(),
            "{command:?} recorded nothing: {} {}",
            said.out,
            said.err
        );
    }
}

/// Giving a key away and forgetting somebody change rows of runs that are over, on purpose: they are sealed anew, and what
/// was altered before is still found.
#[tokio::test]
async fn what_is_changed_on_purpose_is_sealed_anew_and_nothing_else() {
    let mut trail = Trail::new().await;
    trail.world.run(&["person", "00001", "--different", "--reason", "the number was given away"]).expect(0);
    assert_eq!(trail.verify(), 0);
    trail.world.run(&["release", "00005", "--reason", "theirs now"]).expect(0);
    trail.world.run(&["person", "00005", "--erase", "--reason", "asked for it"]).expect(0);
    let found = trail.world.run(&["audit", "verify", "--output", "json"]).expect(0).json();
    assert!(found["erased"].as_u64() > Some(0), "{found}");

    trail.sql("UPDATE intents SET reason = 'returned' WHERE person = '00004'").await;
    assert_eq!(trail.verify(), 1);
    trail.world.run(&["release", "00004", "--reason", "theirs now"]).expect(0);
    trail.world.run(&["person", "00004", "--erase", "--reason", "asked for it"]).expect(0);
    assert_eq!(trail.verify(), 1, "an erasure launders nothing");
}

/// An older copy that was put back knows less than what was handed out: nothing is sent on its word.
#[tokio::test]
async fn an_older_copy_that_was_put_back_is_noticed() {
    let mut trail = Trail::new().await;
    let older = fs::read(trail.world.database()).unwrap();
    trail.world.run(&["hold", "00004", "--reason", "on leave"]).expect(0);
    restore(&mut trail, &older).await;
    let said = trail.world.run(&["sync"]).expect(1);
    assert!(said.err.contains("an older copy was put back"), "{}", said.err);
    assert_eq!(trail.verify(), 1);
    // Looking is allowed, and a person may say that it is meant.
    trail.world.run(&["runs"]).expect(0);
    fs::rename(trail.world.path("state/heads"), trail.world.path("state/heads.old")).unwrap();
    trail.world.run(&["sync"]).expect(0);
}
