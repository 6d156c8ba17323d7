//! Statements that go to SQLite's thread together: the way there and back is what a small statement costs. What they say
//! is the business of whoever gathers them.

use std::marker::PhantomData;

use futures_util::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteQueryResult, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Either, Encode, Executor as _, FromRow, Sqlite, Type};

use super::StoreError;

/// A statement that gives rows, tied to what one of its rows is.
pub struct Question<T> {
    sql: &'static str,
    row: PhantomData<fn() -> T>,
}

impl<T> Question<T> {
    /// This statement, whose rows are read as `T`.
    pub const fn new(sql: &'static str) -> Self {
        Self { sql, row: PhantomData }
    }
}

/// What a question's rows are found by among the answers.
pub struct Asked<T> {
    /// Its place among the statements of its batch.
    at: usize,
    row: PhantomData<fn() -> T>,
}

/// A question in a batch, while its values are being given.
pub struct Asking<'b, T> {
    batch: &'b mut Batch,
    asked: Asked<T>,
}

impl<T> Asking<'_, T> {
    /// The value of the next `?`.
    pub fn bind<'v>(self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        self.batch.put(value);
        self
    }

    /// The question is complete.
    pub fn key(self) -> Asked<T> {
        self.asked
    }
}

/// The rows that each statement of a batch gave.
pub struct Answers(Vec<Vec<SqliteRow>>);

impl Answers {
    /// All rows of an answer.
    ///
    /// # Errors
    /// If there is no answer: it is never taken for an empty one; or if a row is damaged.
    pub fn all<T>(&self, asked: &Asked<T>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        let rows = self.0.get(asked.at).ok_or_else(unanswered)?;
        rows.iter().map(|row| T::from_row(row).map_err(StoreError::from)).collect()
    }

    /// The first row of an answer, if it has any.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub fn first<T>(&self, asked: &Asked<T>) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        let rows = self.0.get(asked.at).ok_or_else(unanswered)?;
        Ok(rows.first().map(T::from_row).transpose()?)
    }

    /// The row of a statement that always gives one.
    ///
    /// # Errors
    /// As [`Self::all`], and if it gave none.
    pub fn only<T>(&self, asked: &Asked<T>) -> Result<T, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        self.first(asked)?.ok_or_else(unanswered)
    }
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
        self.push(statement);
        self
    }

    /// One more statement, whose rows are wanted.
    pub fn ask<T>(&mut self, question: &Question<T>) -> Asking<'_, T> {
        let asked = Asked { at: self.statements, row: PhantomData };
        self.push(question.sql);
        Asking { batch: self, asked }
    }

    /// The value of the next `?`.
    pub fn bind<'v>(mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        self.put(value);
        self
    }

    fn push(&mut self, statement: &'static str) {
        if !self.sql.is_empty() {
            self.sql.push(';');
        }
        self.sql.push_str(statement);
        self.statements += 1;
    }

    fn put<'v>(&mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) {
        if let Err(trouble) = self.values.add(value) {
            self.trouble.get_or_insert(trouble);
        }
    }

    /// The same behind the beginning of a transaction, which gives no rows and has no place among the answers.
    fn begun(mut self) -> Self {
        self.sql.insert_str(0, if self.sql.is_empty() { "BEGIN IMMEDIATE" } else { "BEGIN IMMEDIATE;" });
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

    /// Begins a transaction, carries the statements out in it and ends it.
    ///
    /// # Errors
    /// That of the first that fails.
    pub async fn whole_transaction(self, c: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        self.begun().and("COMMIT").execute(c).await?;
        Ok(())
    }

    /// Asks them, and gives the rows of each.
    ///
    /// # Errors
    /// That of the first that fails.
    pub async fn answers(self, c: &mut SqliteConnection) -> Result<Answers, sqlx::Error> {
        self.gather(c, 0).await
    }

    /// The same, as the beginning of a transaction.
    ///
    /// # Errors
    /// As there.
    pub async fn answers_in_transaction(self, c: &mut SqliteConnection) -> Result<Answers, sqlx::Error> {
        self.begun().gather(c, 1).await
    }

    /// Runs all, and leaves out what the first `silent` statements gave.
    async fn gather(self, c: &mut SqliteConnection, silent: usize) -> Result<Answers, sqlx::Error> {
        if self.sql.is_empty() {
            return Ok(Answers(Vec::new()));
        }
        let mut gathered = c.fetch_many(self.query()?);
        let (mut all, mut rows) = (Vec::new(), Vec::new());
        while let Some(answer) = gathered.try_next().await? {
            match answer {
                Either::Right(row) => rows.push(row),
                Either::Left(_) => all.push(std::mem::take(&mut rows)),
            }
        }
        Ok(Answers(all.split_off(silent.min(all.len()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const ADD: &str = "INSERT INTO people (person, sources, seen_at) VALUES (?, '[]', ?)";
    const ALL: Question<Seen> = Question::new("SELECT person, seen_at FROM people ORDER BY seen_at");

    #[derive(Debug, PartialEq, Eq, FromRow)]
    struct Seen {
        person: String,
        seen_at: i64,
    }

    fn seen(person: &str, seen_at: i64) -> Seen {
        Seen { person: person.to_owned(), seen_at }
    }

    async fn answers(store: &Store, batch: Batch) -> Answers {
        store.read("batch", |c| Box::pin(async move { Ok(batch.answers(c).await?) })).await.unwrap()
    }

    async fn all(store: &Store) -> Vec<Seen> {
        let mut batch = Batch::default();
        let people = batch.ask(&ALL).key();
        answers(store, batch).await.all(&people).unwrap()
    }

    #[tokio::test]
    async fn values_go_to_their_statements_in_order_and_rows_come_back_to_who_asked() {
        let store = Store::in_memory(None).await.unwrap();
        let mut batch = Batch::new(ADD).bind("a").bind(1);
        let before = batch.ask(&ALL).key();
        let mut batch = batch.and(ADD).bind("b").bind(2);
        let after = batch.ask(&ALL).key();
        let answers = answers(&store, batch).await;
        assert_eq!(answers.all(&after).unwrap(), [seen("a", 1), seen("b", 2)]);
        assert_eq!(answers.all(&before).unwrap(), [seen("a", 1)]);
        assert_eq!(all(&store).await, [seen("a", 1), seen("b", 2)]);
    }

    #[tokio::test]
    async fn the_beginning_of_a_transaction_moves_no_answer() {
        let store = Store::in_memory(None).await.unwrap();
        let mut batch = Batch::new(ADD).bind("a").bind(1);
        let people = batch.ask(&ALL).key();
        let found = store.write_after("after", batch, move |_, answers| {
            Box::pin(async move { Ok((answers.only(&people)?, Batch::new(ADD).bind("b").bind(2))) })
        });
        assert_eq!(found.await.unwrap(), seen("a", 1));
        assert_eq!(all(&store).await.len(), 2);
    }

    #[tokio::test]
    async fn an_answer_that_is_missing_is_not_an_empty_one() {
        let store = Store::in_memory(None).await.unwrap();
        let mut batch = Batch::default();
        let (people, others) = (batch.ask(&ALL).key(), batch.ask(&ALL).key());
        let two = answers(&store, batch).await;
        assert!(two.first(&others).unwrap().is_none());
        assert!(two.only(&people).is_err());
        let Answers(mut rows) = two;
        rows.truncate(1);
        assert!(Answers(rows).first(&others).is_err());
    }

    #[tokio::test]
    async fn a_batch_that_fails_halfway_leaves_nothing() {
        let store = Store::in_memory(None).await.unwrap();
        let twice = Batch::new(ADD).bind("a").bind(1).and(ADD).bind("a").bind(2);
        assert!(store.write_batch("twice", twice).await.is_err());
        assert!(store.is_broken());
        store.write_batch("once", Batch::new(ADD).bind("b").bind(3)).await.unwrap();
        assert_eq!(all(&store).await, [seen("b", 3)]);
    }

    #[tokio::test]
    async fn a_large_batch_is_carried_out_like_a_small_one() {
        let store = Store::in_memory(None).await.unwrap();
        let many = (0..100).fold(Batch::default(), |batch, n| batch.and(ADD).bind(n.to_string()).bind(n));
        store.write_batch("many", many).await.unwrap();
        assert_eq!(all(&store).await.len(), 100);
    }
}
