//! What the database remembers of people beyond their accounts: who they are, under which key; giving a key to another
//! human; and forgetting somebody. What tells humans apart is `roster::identity`'s business.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::columns::Word;
use super::journal::Actor;
use super::{Store, StoreError, audit, json, millis, seals};
use crate::model::{PersonKey, TargetName};
use crate::report::TargetReport;
use crate::roster::identity::Identity;

/// The tables in which a person stands under their key, besides the journal.
const BY_PERSON: [&str; 4] = [
    "UPDATE entries SET person = ?2 WHERE person = ?1",
    "UPDATE account_versions SET person = ?2 WHERE person = ?1",
    "UPDATE links SET person = ?2 WHERE person = ?1",
    "UPDATE intents SET person = ?2 WHERE person = ?1",
];
/// What is simply taken out when somebody is forgotten.
const FORGET: [&str; 8] = [
    "DELETE FROM account_versions WHERE person = ?",
    "DELETE FROM links WHERE person = ?",
    "DELETE FROM blocked WHERE person = ?",
    "DELETE FROM missing WHERE person = ?",
    "DELETE FROM overrides WHERE person = ?",
    "DELETE FROM people WHERE person = ?",
    "DELETE FROM drifted WHERE person = ?",
    // Looks that are kept for a review know users by name only; all of them can be made again.
    "DELETE FROM looks WHERE ? IS NOT NULL",
];
/// An account's fields with nothing in them: what stands in the journal for somebody who is forgotten.
const NOBODY: &str = r#"{"group":"/","note":"","phone":"","roles":[],"enabled":false,"expires_on":null}"#;
/// What stands for a plan that named somebody who is forgotten.
pub(super) const ERASED_PLAN: &str = r#"{"erased":true}"#;

/// What forgetting somebody came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// What stands for the person in the journal now.
    pub pseudonym: String,
    /// Personal parts of audit records.
    pub records: u64,
    /// Entries of the journal.
    pub intents: u64,
    /// Stored plans that named the person, and are gone.
    pub plans: u64,
}

/// Why somebody's records cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is in the way.
    Free,
    /// A call to a gateway about them has no known outcome, or could still arrive.
    Unsettled,
    /// They have an account of ours.
    HasAccount,
}

/// What is remembered of a person.
#[derive(FromRow)]
struct Remembered {
    #[sqlx(try_from = "Word")]
    person: PersonKey,
    #[sqlx(json)]
    identity: Identity,
}

/// A target on which somebody has an account.
#[derive(FromRow)]
struct OnTarget {
    #[sqlx(try_from = "Word")]
    target: TargetName,
}

async fn count(c: &mut SqliteConnection, sql: &'static str, person: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(sql).bind(person).fetch_one(c).await?)
}

impl Store {
    /// The key of the digests that tell humans apart; made when it is first asked for.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identity_salt(&self) -> Result<[u8; 32], StoreError> {
        let fresh = hex::encode(rand::random::<[u8; 32]>());
        self.write("identity salt", move |c| {
            Box::pin(async move {
                sqlx::query("INSERT OR IGNORE INTO meta (name, value) VALUES ('identity_salt', ?)")
                    .bind(fresh)
                    .execute(&mut *c)
                    .await?;
                let salt: String = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'identity_salt'")
                    .fetch_one(c)
                    .await?;
                let damaged = || StoreError::Damaged { what: "meta.identity_salt".into() };
                let bytes = hex::decode(salt).map_err(|_| damaged())?;
                bytes.try_into().map_err(|_| damaged())
            })
        })
        .await
    }

    /// Who is remembered, of the people who have an account of ours: the others have nothing that could be passed on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn identities(&self) -> Result<BTreeMap<PersonKey, Identity>, StoreError> {
        self.read("identities", |c| {
            Box::pin(async move {
                let all: Vec<Remembered> = sqlx::query_as(
                    "SELECT person, identity FROM people p WHERE identity <> '{}' \
                     AND EXISTS (SELECT 1 FROM entries e WHERE e.person = p.person)",
                )
                .fetch_all(c)
                .await?;
                Ok(all.into_iter().map(|row| (row.person, row.identity)).collect())
            })
        })
        .await
    }

    /// Remembers people.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remember(
        &self,
        people: BTreeMap<PersonKey, Identity>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if people.is_empty() {
            return Ok(());
        }
        self.write("remember people", move |c| {
            Box::pin(async move {
                for (person, identity) in &people {
                    put_identity(c, person, identity, now).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// A person said that a key still stands for the same human: this is remembered of them from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn same_person(
        &self,
        person: &PersonKey,
        identity: Identity,
        reason: String,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let person = person.clone();
        self.write("same person", move |c| {
            Box::pin(async move {
                put_identity(c, &person, &identity, now).await?;
                said(c, &person, json!({ "said": "same", "reason": reason, "actor": actor }), None, now).await
            })
        })
        .await
    }

    /// Gives a key to another human: the accounts of the one who had it go on under a key of their own, as somebody
    /// who has left, and the key is free. The caller holds the locks of all targets. Returns the key of the former.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn retire(
        &self,
        person: &PersonKey,
        newcomer: Identity,
        reason: String,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<PersonKey, StoreError> {
        let person = person.clone();
        self.write("retire person", move |c| {
            Box::pin(async move {
                let former = free_key(c, &person, now).await?;
                let runs = runs_of(c, person.as_str()).await?;
                let intact = seals::intact(c, runs).await?;
                for sql in BY_PERSON {
                    sqlx::query(sql).bind(person.as_str()).bind(former.as_str()).execute(&mut *c).await?;
                }
                // Waiting and blocks were the other's; the newcomer begins with none.
                for sql in ["DELETE FROM blocked WHERE person = ?", "DELETE FROM missing WHERE person = ?"] {
                    sqlx::query(sql).bind(person.as_str()).execute(&mut *c).await?;
                }
                sqlx::query("UPDATE targets SET generation = generation + 1").execute(&mut *c).await?;
                put_identity(c, &former, &Identity::gone(), now).await?;
                put_identity(c, &person, &newcomer, now).await?;
                let seals = seals::renew(c, intact).await?;
                let body = json!({ "said": "different", "reason": reason, "actor": actor, "seals": seals });
                said(c, &person, body, Some(&former), now).await?;
                Ok(former)
            })
        })
        .await
    }

    /// Whether a person's records may be changed now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn standing(&self, person: &PersonKey) -> Result<Standing, StoreError> {
        let person = person.to_string();
        self.read("standing", |c| {
            Box::pin(async move {
                let open = "SELECT count(*) FROM intents WHERE person = ? \
                            AND (unsettled = 1 OR state IN ('sending', 'unknown'))";
                if count(c, open, &person).await? > 0 {
                    return Ok(Standing::Unsettled);
                }
                let ours = count(c, "SELECT count(*) FROM entries WHERE person = ?", &person).await?;
                Ok(if ours > 0 { Standing::HasAccount } else { Standing::Free })
            })
        })
        .await
    }

    /// Forgets somebody who has no account of ours: what is personal leaves the database, the chain of the audit trail
    /// stays whole, and in the journal a pseudonym stands for them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn erase(
        &self,
        person: &PersonKey,
        reason: String,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<Erased, StoreError> {
        let person = person.to_string();
        let erased = self
            .write("erase person", move |c| {
                Box::pin(async move {
                    let spans = spans(c, &person).await?;
                    let mut runs = runs_of(c, &person).await?;
                    for span in &spans {
                        runs.extend(runs_that_name(c, span).await?);
                    }
                    let intact = seals::intact(c, runs).await?;
                    let Forgotten { erased, records, plans } = forget(c, &person, &spans).await?;
                    let seals = seals::renew(c, intact).await?;
                    let body = json!({ "erased": erased, "records": records, "plans": plans, "seals": seals,
                                       "reason": reason, "actor": actor });
                    audit::append(c, audit::Record::new("erased", now).body(body)).await?;
                    Ok(erased)
                })
            })
            .await?;
        // What was deleted, now or long ago, still stands in pages that are free: write the file anew without them.
        self.read("vacuum", |c| {
            Box::pin(async move {
                sqlx::query("VACUUM").execute(&mut *c).await?;
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(c).await?;
                Ok(())
            })
        })
        .await?;
        Ok(erased)
    }

    /// The targets on which a person has an account of ours.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn targets_of(&self, person: &PersonKey) -> Result<Vec<TargetName>, StoreError> {
        let person = person.to_string();
        self.read("targets of person", |c| {
            Box::pin(async move {
                let on: Vec<OnTarget> =
                    sqlx::query_as("SELECT target FROM entries WHERE person = ? ORDER BY target")
                        .bind(&person)
                        .fetch_all(c)
                        .await?;
                Ok(on.into_iter().map(|row| row.target).collect())
            })
        })
        .await
    }
}

async fn put_identity(
    c: &mut SqliteConnection,
    person: &PersonKey,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO people (person, identity, seen_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (person) DO UPDATE SET identity = ?2, seen_at = ?3 WHERE identity <> ?2",
    )
    .bind(person.as_str())
    .bind(json(identity)?)
    .bind(millis(now))
    .execute(c)
    .await?;
    Ok(())
}

/// Records what somebody said about a person.
async fn said(
    c: &mut SqliteConnection,
    person: &PersonKey,
    body: Value,
    former: Option<&PersonKey>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let personal = json!({ "person": person, "former": former });
    audit::append(c, audit::Record::new("person", now).body(body).personal(personal)).await
}

/// A key that nobody has or had, for whoever loses theirs.
async fn free_key(
    c: &mut SqliteConnection,
    person: &PersonKey,
    now: DateTime<Utc>,
) -> Result<PersonKey, StoreError> {
    let stem = crate::model::cut_bytes(person.as_str(), 200);
    for n in 1..1000 {
        let number = if n == 1 { String::new() } else { format!(".{n}") };
        let key = PersonKey::new(&format!("{stem}~{}{number}", now.format("%Y%m%d")))
            .map_err(|e| StoreError::Damaged { what: format!("retired key: {e}") })?;
        let taken = "SELECT (SELECT count(*) FROM people WHERE person = ?1) \
                     + (SELECT count(*) FROM intents WHERE person = ?1)";
        if count(c, taken, key.as_str()).await? == 0 {
            return Ok(key);
        }
    }
    Err(StoreError::Damaged { what: "retired keys".into() })
}

/// A run in a list of runs.
#[derive(FromRow)]
struct RunRow {
    run: i64,
}

/// The runs in whose rows a person stands under their key.
async fn runs_of(c: &mut SqliteConnection, person: &str) -> Result<BTreeSet<i64>, StoreError> {
    let runs: Vec<RunRow> = sqlx::query_as(
        "SELECT run FROM intents WHERE person = ?1 UNION SELECT from_run FROM account_versions WHERE person = ?1 \
         UNION SELECT to_run FROM account_versions WHERE person = ?1 AND to_run IS NOT NULL",
    )
    .bind(person)
    .fetch_all(c)
    .await?;
    Ok(runs.into_iter().map(|row| row.run).collect())
}

/// The runs whose reports name a key in its span of time.
async fn runs_that_name(c: &mut SqliteConnection, span: &Span) -> Result<BTreeSet<i64>, StoreError> {
    let runs: Vec<RunRow> = sqlx::query_as(
        "SELECT id AS run FROM runs WHERE instr(report, ?) > 0 AND started_at >= ? AND started_at <= ?",
    )
    .bind(json(&span.key)?)
    .bind(span.at.0)
    .bind(span.at.1)
    .fetch_all(c)
    .await?;
    Ok(runs.into_iter().map(|row| row.run).collect())
}

/// What was forgotten, and where the trail may lack something from now on.
#[derive(Default)]
struct Forgotten {
    erased: Erased,
    /// Audit records whose personal part is gone.
    records: BTreeSet<i64>,
    /// Plans whose body is gone.
    plans: BTreeSet<i64>,
}

async fn forget(c: &mut SqliteConnection, person: &str, spans: &[Span]) -> Result<Forgotten, StoreError> {
    let pseudonym = format!("erased-{}", hex::encode(rand::random::<[u8; 6]>()));
    // The device may have put the name into its answer.
    sqlx::query(
        "UPDATE calls SET message = NULL WHERE EXISTS \
         (SELECT 1 FROM intents i WHERE i.run = calls.run AND i.seq = calls.seq AND i.person = ?)",
    )
    .bind(person)
    .execute(&mut *c)
    .await?;
    sqlx::query(
        "DELETE FROM looks WHERE username IN (SELECT username FROM intents WHERE person = ?1 \
         UNION SELECT new_username FROM intents WHERE person = ?1)",
    )
    .bind(person)
    .execute(&mut *c)
    .await?;
    let intents = sqlx::query(
        "UPDATE intents SET person = ?2, username = ?2, new_username = ?2, before = NULL, \
         after = CASE WHEN after IS NULL THEN NULL ELSE ?3 END WHERE person = ?1",
    )
    .bind(person)
    .bind(&pseudonym)
    .bind(NOBODY)
    .execute(&mut *c)
    .await?
    .rows_affected();
    let mut forgotten = Forgotten::default();
    for span in spans {
        forget_in(c, span, &mut forgotten).await?;
    }
    for sql in FORGET {
        sqlx::query(sql).bind(person).execute(&mut *c).await?;
    }
    let (records, plans) = (forgotten.records.len() as u64, forgotten.plans.len() as u64);
    forgotten.erased = Erased { pseudonym, intents, records, plans };
    Ok(forgotten)
}

/// When somebody stood under which key.
struct Span {
    key: String,
    /// Numbers of audit records.
    seq: (i64, i64),
    /// Milliseconds.
    at: (i64, i64),
}

/// A key that was given to another human.
#[derive(FromRow)]
struct GivenAway {
    seq: i64,
    at: i64,
    /// The key.
    person: String,
    /// What its former owner stands under.
    former: String,
}

/// The keys that somebody stood under. Whoever was retired stood under the key that another human has now, until then
/// and since the one before.
async fn spans(c: &mut SqliteConnection, person: &str) -> Result<Vec<Span>, StoreError> {
    let mut spans = vec![Span { key: person.to_owned(), seq: (0, i64::MAX), at: (i64::MIN, i64::MAX) }];
    let given: Vec<GivenAway> = sqlx::query_as(
        "SELECT a.seq, a.at, json_extract(p.body, '$.person') AS person, json_extract(p.body, '$.former') AS former \
         FROM audit a JOIN audit_personal p ON p.seq = a.seq WHERE a.kind = 'person' AND former IS NOT NULL ORDER BY a.seq",
    )
    .fetch_all(c)
    .await?;
    let mut since: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for GivenAway { seq, at, person: key, former } in given {
        let (from_seq, from_at) = since.insert(key.clone(), (seq, at)).unwrap_or((0, i64::MIN));
        if former == person {
            spans.push(Span { key, seq: (from_seq, seq), at: (from_at, at) });
        }
    }
    Ok(spans)
}

/// A row that was changed or taken out.
#[derive(FromRow)]
struct Touched {
    n: i64,
}

/// Forgets what was recorded of a key in a span of time.
async fn forget_in(
    c: &mut SqliteConnection,
    span: &Span,
    forgotten: &mut Forgotten,
) -> Result<(), StoreError> {
    // As it stands in JSON, quotes included: another key that merely contains it is not meant.
    let quoted = json(&span.key)?;
    let records: Vec<Touched> = sqlx::query_as(
        "DELETE FROM audit_personal WHERE instr(body, ?) > 0 AND seq > ? AND seq < ? RETURNING seq AS n",
    )
    .bind(&quoted)
    .bind(span.seq.0)
    .bind(span.seq.1)
    .fetch_all(&mut *c)
    .await?;
    let plans: Vec<Touched> = sqlx::query_as(
        "UPDATE plans SET body = ?2 WHERE instr(body, ?1) > 0 AND created_at >= ?3 AND created_at <= ?4 RETURNING id AS n",
    )
    .bind(&quoted)
    .bind(ERASED_PLAN)
    .bind(span.at.0)
    .bind(span.at.1)
    .fetch_all(&mut *c)
    .await?;
    forgotten.records.extend(records.iter().map(|row| row.n));
    for Touched { n: plan } in plans {
        // What was in the plan could be guessed from its digest.
        let told: Vec<Touched> = sqlx::query_as(
            "DELETE FROM audit_personal WHERE seq IN (SELECT seq FROM audit WHERE kind = 'planned' AND body ->> '$.plan' = ?) \
             RETURNING seq AS n",
        )
        .bind(plan)
        .fetch_all(&mut *c)
        .await?;
        forgotten.records.extend(told.iter().map(|row| row.n));
        forgotten.plans.insert(plan);
    }
    sqlx::query(
        "UPDATE approvals SET sets = '[]' WHERE instr(sets, ?) > 0 AND created_at >= ? AND created_at <= ?",
    )
    .bind(&quoted)
    .bind(span.at.0)
    .bind(span.at.1)
    .execute(&mut *c)
    .await?;
    forget_in_reports(c, span, &quoted).await
}

/// A run and its report.
#[derive(FromRow)]
struct Reported {
    id: i64,
    #[sqlx(json)]
    report: TargetReport,
}

async fn forget_in_reports(c: &mut SqliteConnection, span: &Span, quoted: &str) -> Result<(), StoreError> {
    let person = span.key.as_str();
    let reports: Vec<Reported> = sqlx::query_as(
        "SELECT id, report FROM runs WHERE instr(report, ?) > 0 AND started_at >= ? AND started_at <= ?",
    )
    .bind(quoted)
    .bind(span.at.0)
    .bind(span.at.1)
    .fetch_all(&mut *c)
    .await?;
    for Reported { id, mut report } in reports {
        report.blocked.retain(|line| line.person.as_str() != person);
        report.failures.retain(|line| line.person.as_str() != person);
        report.recovered.retain(|line| !line.contains(person));
        report.warnings.retain(|line| !line.contains(person));
        sqlx::query("UPDATE runs SET report = ? WHERE id = ?")
            .bind(json(&report)?)
            .bind(id)
            .execute(&mut *c)
            .await?;
    }
    Ok(())
}
