//! Names, days and people for tests, here and in the other crates. Part of no release.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::device::UserRecord;
use crate::model::{Cell, GroupPath, PersonKey, Roles, RowRef, Username};
use crate::people::{Employment, Field, Person};
use crate::plan::AccountState;

/// What a test wrote is sound; where it is not, the test is wrong.
fn sound<T, E: std::fmt::Debug>(made: Result<T, E>) -> T {
    match made {
        Ok(value) => value,
        Err(error) => unreachable!("a test's own value: {error:?}"),
    }
}

/// A person key.
pub fn key(text: &str) -> PersonKey {
    sound(PersonKey::new(text))
}

/// A user name.
pub fn name(text: &str) -> Username {
    sound(Username::new(text))
}

/// A group path.
pub fn group(text: &str) -> GroupPath {
    sound(GroupPath::new(text))
}

/// A day, `2026-11-21`.
pub fn day(text: &str) -> NaiveDate {
    sound(text.parse())
}

/// A moment, `2026-11-21T02:30:00Z`.
pub fn moment(text: &str) -> DateTime<Utc> {
    sound(text.parse())
}

/// Role names.
pub fn roles(names: &[&str]) -> Roles {
    Arc::new(names.iter().map(|n| (*n).to_owned()).collect())
}

/// A row: active, in the sales department.
pub fn person(id: &str) -> Person {
    Person {
        key: key(id),
        sources: Arc::from([Arc::from("hr")]),
        rows: vec![RowRef { file: "a.csv".into(), line: 2 }],
        employment: Employment::Active,
        text: [
            (Field::EmployeeId, Cell::Value(id.to_owned())),
            (Field::Name, Cell::Value(format!("员工{id}"))),
            (Field::Position, Cell::Value("销售".to_owned())),
        ]
        .into(),
        departments: departments(&["/总公司/销售部"]),
        roles: Cell::Empty,
        phones: Cell::Value(vec!["13800138000".to_owned()]),
        hire_date: Cell::Unknown,
        leave_date: Cell::Unknown,
        expires_on: Cell::Unknown,
    }
}

/// The cell of a person's departments.
pub fn departments(paths: &[&str]) -> Cell<Arc<[Vec<String>]>> {
    let cut = |path: &&str| path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    Cell::Value(paths.iter().map(cut).collect())
}

/// What a look at the account of `state` shows.
pub fn record(username: &str, state: &AccountState) -> UserRecord {
    UserRecord {
        name: username.to_owned(),
        group: Some(state.group.to_string()),
        note: Some(state.note.clone()),
        phone: Some(state.phone.clone()),
        roles: Some(state.roles.as_ref().clone()),
        enabled: Some(state.enabled),
        expires_on: Some(state.expires_on),
        ..UserRecord::default()
    }
}
