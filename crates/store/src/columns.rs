//! What a column holds, as a value: a word or a name of the core, a day, a moment. The core's types know no database, so
//! the way from a column to each of them is said here, once, for `#[sqlx(try_from = …)]`. JSON is sqlx's own business.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as NotAValue;

use super::ids::{IntentState, RunId, Trigger};
use super::time;
use crate::model::{GroupPath, PersonKey, TargetName, Username};
use crate::plan::{ActionKind, Origin, OverrideKind, Reason};
use crate::reason::{BlockKind, Guard};
use crate::report::CommitState;

/// A text that stands for a value: a name, a stable word, a day as ISO date.
#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(transparent)]
pub struct Word(pub String);

/// The same where there may be none.
#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(transparent)]
pub struct MaybeWord(pub Option<String>);

/// A moment in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, sqlx::Type)]
#[sqlx(transparent)]
pub struct Millis(pub i64);

/// The same where there may be none.
#[derive(Debug, Clone, Copy, sqlx::Type)]
#[sqlx(transparent)]
pub struct MaybeMillis(pub Option<i64>);

impl From<Millis> for DateTime<Utc> {
    fn from(at: Millis) -> Self {
        time(at.0)
    }
}

impl From<MaybeMillis> for Option<DateTime<Utc>> {
    fn from(at: MaybeMillis) -> Self {
        at.0.map(time)
    }
}

impl From<i64> for RunId {
    fn from(run: i64) -> Self {
        Self(run)
    }
}

/// Reads values from their words as serde does, which is how they were written.
macro_rules! words {
    ($($value:ty),* $(,)?) => {$(
        impl TryFrom<Word> for $value {
            type Error = NotAValue;
            fn try_from(word: Word) -> Result<Self, NotAValue> {
                Self::deserialize(word.0.into_deserializer())
            }
        }

        impl TryFrom<MaybeWord> for Option<$value> {
            type Error = NotAValue;
            fn try_from(word: MaybeWord) -> Result<Self, NotAValue> {
                word.0.map(|word| Word(word).try_into()).transpose()
            }
        }
    )*};
}

words!(
    ActionKind,
    BlockKind,
    CommitState,
    GroupPath,
    Guard,
    IntentState,
    NaiveDate,
    Origin,
    OverrideKind,
    PersonKey,
    Reason,
    TargetName,
    Trigger,
    Username,
);

/// A person in a list of people.
#[derive(sqlx::FromRow)]
pub(super) struct Somebody {
    #[sqlx(try_from = "Word")]
    pub(super) person: PersonKey,
}

#[cfg(test)]
mod tests {
    use crate::store::{Store, StoreError};

    #[derive(Debug, sqlx::FromRow)]
    struct Row {
        #[sqlx(try_from = "super::Word")]
        kind: super::ActionKind,
        #[sqlx(try_from = "super::MaybeWord")]
        until: Option<super::NaiveDate>,
    }

    async fn ask(sql: &'static str) -> Result<Row, StoreError> {
        let store = Store::in_memory(None).await.unwrap();
        store.read("ask", |c| Box::pin(async move { Ok(sqlx::query_as(sql).fetch_one(c).await?) })).await
    }

    #[tokio::test]
    async fn a_column_is_a_value_or_damage() {
        let row = ask("SELECT 'add' AS kind, NULL AS until").await.unwrap();
        assert_eq!((row.kind, row.until), (super::ActionKind::Add, None));
        let row = ask("SELECT '2026-11-27' AS until, 'delete' AS kind").await.unwrap();
        assert_eq!(row.until.unwrap().to_string(), "2026-11-27");
        for damaged in ["SELECT 'ad' AS kind, NULL AS until", "SELECT 'add' AS kind, 'tomorrow' AS until"] {
            let error = ask(damaged).await.unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        }
    }
}
