//! Why somebody is left alone: the value that a decision carries until it is written into the plan.

use std::borrow::Cow;

use super::input::PlanInput;
use super::value::Blocked;
use crate::model::{PersonKey, RowRef, Username};
use crate::people::BlockedPerson;

/// Why somebody is blocked whose name is that of a user who is not ours.
pub(super) const NAME_EXISTS: &str = "name_exists";

/// Why somebody is left alone.
pub(super) struct Block {
    pub reason: Cow<'static, str>,
    pub detail: String,
    pub by_gateway: bool,
    pub username: Option<Username>,
    pub row: Option<RowRef>,
}

impl Block {
    pub(super) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            reason: Cow::Borrowed(reason),
            detail: detail.into(),
            by_gateway: false,
            username: None,
            row: None,
        }
    }

    pub(super) fn by_gateway(self) -> Self {
        Self { by_gateway: true, ..self }
    }

    pub(super) fn row(self, row: &RowRef) -> Self {
        Self { row: Some(row.clone()), ..self }
    }

    pub(super) fn name(self, name: &Username) -> Self {
        Self { username: self.username.or_else(|| Some(name.clone())), ..self }
    }

    pub(super) fn of(self, person: &PersonKey, input: &PlanInput<'_>) -> Blocked {
        let since = input.past.blocked_since.get(person).and_then(|all| all.get(self.reason.as_ref()));
        Blocked {
            person: person.clone(),
            username: self.username,
            detail: self.detail,
            by_gateway: self.by_gateway,
            file: self.row.as_ref().map(|row| row.file.clone()),
            line: self.row.map(|row| row.line),
            since: since.copied().unwrap_or(input.as_of),
            reason: self.reason.into_owned(),
        }
    }
}

/// The name of somebody new is there already.
pub(super) fn name_exists(name: &Username) -> Block {
    Block::new(NAME_EXISTS, rust_i18n::t!("plan.name_exists", name = name)).by_gateway()
}

/// A row that the roster refused.
pub(super) fn row_problem(blocked: &BlockedPerson) -> Block {
    // The serialised word is the stable one.
    let word = serde_json::to_value(blocked.problem).ok();
    let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or("row_refused").to_owned();
    let block = Block { reason: Cow::Owned(word), ..Block::new("", blocked.detail.clone()) };
    match blocked.rows.first() {
        Some(row) => block.row(row),
        None => block,
    }
}
