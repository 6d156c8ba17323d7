//! Statements that go to SQLite's thread together: the way there and back is what a small statement costs. What they say
//! is the business of whoever gathers them.

use futures_util::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteQueryResult, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Either, Encode, Executor as _, Sqlite, Type};

use super::StoreError;

/// The rows that each statement of a batch gave.
pub type Rows = Vec<Vec<SqliteRow>>;

/// The rows of the last `N` statements.
///
/// # Errors
/// If there were fewer: an answer that is not there is never taken for an empty one.
pub fn last_of<const N: usize>(mut rows: Rows) -> Result<[Vec<SqliteRow>; N], StoreError> {
    let last = rows.split_off(rows.len().saturating_sub(N));
    last.try_into().map_err(|_| unanswered())
}

/// The row of a statement that always gives one.
///
/// # Errors
/// If it gave none.
pub fn only(rows: &[SqliteRow]) -> Result<&SqliteRow, StoreError> {
    rows.first().ok_or_else(unanswered)
}

fn unanswered() -> StoreError {
    StoreError::Damaged { what: "SQLite gave less than was asked".to_owned() }
}

/// Of larger ones, such as the answer for a batch of leavers, no prepared form is kept: hardly two are the same.
const KEPT: usize = 16;

/// Statements with their values, in order. Each value stands for one `?`; numbered ones would count anew in every
/// statement and are not for here.
#[derive(Default)]
pub struct Batch {
    sql: String,
    statements: usize,
    values: SqliteArguments,
    trouble: Option<sqlx::error::BoxDynError>,
}

impl Batch {
    /// A batch that begins with this statement.
    pub fn new(statement: &'static str) -> Self {
        Self::default().and(statement)
    }

    /// One more statement.
    pub fn and(mut self, statement: &'static str) -> Self {
        if !self.sql.is_empty() {
            self.sql.push(';');
        }
        self.sql.push_str(statement);
        self.statements += 1;
        self
    }

    /// The same behind the beginning of a transaction.
    pub fn in_transaction(mut self) -> Self {
        self.sql.insert_str(0, if self.sql.is_empty() { "BEGIN IMMEDIATE" } else { "BEGIN IMMEDIATE;" });
        self
    }

    /// The value of the next `?`.
    pub fn bind<'v>(mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        if let Err(trouble) = self.values.add(value) {
            self.trouble.get_or_insert(trouble);
        }
        self
    }

    fn query(self) -> Result<Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
        if let Some(trouble) = self.trouble {
            return Err(sqlx::Error::Encode(trouble));
        }
        // Every statement is a literal of this program.
        Ok(sqlx::query_with(AssertSqlSafe(self.sql), self.values).persistent(self.statements <= KEPT))
    }

    /// Carries them out; the first that fails is the last.
    ///
    /// # Errors
    /// Its error.
    pub async fn execute(self, c: &mut SqliteConnection) -> Result<SqliteQueryResult, sqlx::Error> {
        if self.sql.is_empty() {
            return Ok(SqliteQueryResult::default());
        }
        self.query()?.execute(c).await
    }

    /// Asks them, and gives the rows of each.
    ///
    /// # Errors
    /// That of the first that fails.
    pub async fn rows(self, c: &mut SqliteConnection) -> Result<Rows, sqlx::Error> {
        let mut answers = c.fetch_many(self.query()?);
        let (mut all, mut rows) = (Vec::new(), Vec::new());
        while let Some(answer) = answers.try_next().await? {
            match answer {
                Either::Right(row) => rows.push(row),
                Either::Left(_) => all.push(std::mem::take(&mut rows)),
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::store::Store;

    const ADD: &str = "INSERT INTO people (person, sources, seen_at) VALUES (?, '[]', ?)";
    const ALL: &str = "SELECT person, seen_at FROM people ORDER BY seen_at";

    async fn all(store: &Store) -> Vec<(String, i64)> {
        let rows =
            store.read("all", |c| Box::pin(async move { Ok(Batch::new(ALL).rows(c).await?) })).await.unwrap();
        rows[0].iter().map(|row| (row.get("person"), row.get("seen_at"))).collect()
    }

    #[tokio::test]
    async fn values_go_to_their_statements_in_order_and_rows_come_back_by_statement() {
        let store = Store::in_memory(None).await.unwrap();
        let batch = Batch::new(ADD).bind("a").bind(1).and(ALL).and(ADD).bind("b").bind(2).and(ALL);
        let rows = store.read("batch", |c| Box::pin(async move { Ok(batch.rows(c).await?) })).await.unwrap();
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0, 2]);
        assert_eq!(all(&store).await, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    }

    #[test]
    fn an_answer_that_is_missing_is_not_an_empty_one() {
        assert!(last_of::<2>(vec![Vec::new()]).is_err());
        assert!(last_of::<1>(vec![Vec::new(), Vec::new()]).is_ok());
        assert!(only(&[]).is_err());
    }

    #[tokio::test]
    async fn a_batch_that_fails_halfway_leaves_nothing() {
        let store = Store::in_memory(None).await.unwrap();
        let twice = Batch::new(ADD).bind("a").bind(1).and(ADD).bind("a").bind(2);
        assert!(store.write_batch("twice", twice).await.is_err());
        assert!(store.is_broken());
        store.write_batch("once", Batch::new(ADD).bind("b").bind(3)).await.unwrap();
        assert_eq!(all(&store).await, [("b".to_owned(), 3)]);
    }

    #[tokio::test]
    async fn a_large_batch_is_carried_out_like_a_small_one() {
        let store = Store::in_memory(None).await.unwrap();
        let many = (0..100).fold(Batch::default(), |batch, n| batch.and(ADD).bind(n.to_string()).bind(n));
        store.write_batch("many", many).await.unwrap();
        assert_eq!(all(&store).await.len(), 100);
    }
}
