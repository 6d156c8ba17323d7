//! Statements that go to SQLite's thread together: the way there and back is what a small statement costs. What they say
//! is the business of whoever gathers them.

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteQueryResult, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Either, Encode, Executor as _, Sqlite, Type};

/// The rows that each statement of a batch gave.
pub(crate) type Rows = Vec<Vec<SqliteRow>>;

/// Statements with their values, in order. Each value stands for one `?`; numbered ones would count anew in every
/// statement and are not for here.
#[derive(Default)]
pub(crate) struct Batch {
    sql: String,
    values: SqliteArguments,
    trouble: Option<sqlx::error::BoxDynError>,
}

impl Batch {
    /// A batch that begins with this statement.
    pub(crate) fn new(statement: &'static str) -> Self {
        Self::default().and(statement)
    }

    /// One more statement.
    pub(crate) fn and(mut self, statement: &'static str) -> Self {
        if !self.sql.is_empty() {
            self.sql.push(';');
        }
        self.sql.push_str(statement);
        self
    }

    /// The same behind the beginning of a transaction.
    pub(crate) fn in_transaction(mut self) -> Self {
        self.sql.insert_str(0, if self.sql.is_empty() { "BEGIN IMMEDIATE" } else { "BEGIN IMMEDIATE;" });
        self
    }

    /// The value of the next `?`.
    pub(crate) fn bind<'v>(mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        if let Err(trouble) = self.values.add(value) {
            self.trouble.get_or_insert(trouble);
        }
        self
    }

    /// Carries them out; the first that fails is the last.
    ///
    /// # Errors
    /// Its error.
    pub(crate) async fn execute(self, c: &mut SqliteConnection) -> Result<SqliteQueryResult, sqlx::Error> {
        if let Some(trouble) = self.trouble {
            return Err(sqlx::Error::Encode(trouble));
        }
        if self.sql.is_empty() {
            return Ok(SqliteQueryResult::default());
        }
        // Every statement is a literal of this program.
        sqlx::query_with(AssertSqlSafe(self.sql), self.values).execute(c).await
    }

    /// Asks them, and gives the rows of each.
    ///
    /// # Errors
    /// That of the first that fails.
    pub(crate) async fn rows(self, c: &mut SqliteConnection) -> Result<Rows, sqlx::Error> {
        if let Some(trouble) = self.trouble {
            return Err(sqlx::Error::Encode(trouble));
        }
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.values);
        let mut answers = c.fetch_many(query);
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
