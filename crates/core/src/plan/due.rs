//! When the same inputs may give another plan only because time goes by: the next first day, last day or end of a wait.
//! Rather too early than too late: what is named here need not change anything.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::input::PlanInput;
use super::removal::delta;
use crate::mapping::{Want, Wanted};
use crate::model::Cell;

/// Until when a plan stands; nothing: for as long as nothing else changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The first day on which it may differ.
    pub day: Option<NaiveDate>,
    /// The first moment at which it may differ.
    pub at: Option<DateTime<Utc>>,
}

impl Due {
    fn on(&mut self, day: NaiveDate) {
        self.day = Some(self.day.map_or(day, |known| known.min(day)));
    }

    fn at(&mut self, moment: DateTime<Utc>) {
        self.at = Some(self.at.map_or(moment, |known| known.min(moment)));
    }

    /// Whether it has come.
    pub fn has_come(&self, today: NaiveDate, now: DateTime<Utc>) -> bool {
        self.day.is_some_and(|day| day <= today) || self.at.is_some_and(|at| at <= now)
    }
}

/// When the plan of this input may be another one, though nothing but the date and the time has changed.
pub fn due(input: &PlanInput<'_>) -> Due {
    let mut due = Due::default();
    first_days(input, &mut due);
    last_days(input, &mut due);
    waits(input, &mut due);
    due
}

/// First days that are still to come.
fn first_days(input: &PlanInput<'_>, due: &mut Due) {
    let people = input.roster.people.values();
    let first =
        people.filter_map(|person| person.hire_date.value()).filter(|first| **first > input.as_of).min();
    first.into_iter().for_each(|first| due.on(*first));
}

/// The days after last days that are not over.
fn last_days(input: &PlanInput<'_>, due: &mut Due) {
    let people = input.roster.people.values();
    let said = people.flat_map(|p| [&p.leave_date, &p.expires_on]).filter_map(Cell::value).copied();
    let wanted = input.wanted.values().filter_map(|wanted| match wanted {
        Wanted::Account(account) => Some(&account.expires_on),
        _ => None,
    });
    let wanted = wanted.filter_map(|last| if let Want::Set(last) = last { *last } else { None });
    let held = input.snapshot.entries.values().filter_map(|entry| entry.state.expires_on);
    let overridden = input.past.overrides.values().filter_map(|given| given.until);
    let days = said.chain(wanted).chain(held).chain(overridden);
    let last = days.filter(|last| *last >= input.as_of).min();
    last.and_then(|last| last.succ_opt()).into_iter().for_each(|day| due.on(day));
}

/// The ends of `delete_after` and `missing_for` that are still to come.
fn waits(input: &PlanInput<'_>, due: &mut Due) {
    let leavers = &input.target.leavers;
    let entries = input.snapshot.entries.values();
    let disabled = entries.filter_map(|entry| entry.disabled.as_ref()?.confirmed_at);
    let deletes = leavers
        .delete_after
        .into_iter()
        .flat_map(|span| disabled.clone().filter_map(move |at| at.checked_add_signed(delta(span))));
    let missing = input.past.missing.values();
    let goes = missing.filter_map(|seen| seen.since.checked_add_signed(delta(leavers.missing_for)));
    deletes.chain(goes).filter(|end| *end > input.now).for_each(|end| due.at(end));
}
