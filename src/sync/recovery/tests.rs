//! What a look says of a call, case by case; and what the looks at the start of a run conclude.

use std::time::Duration;

use super::*;
use crate::clock::manual::ManualClock;
use crate::config::PaceConfig;
use crate::gateway::{Dialect, GroupRecord, Mutation, Outcome, Page, RoleRecord};
use crate::model::RowRef;
use crate::plan::{Origin, OwnDisable, Reason};
use crate::sabotage::Broken;
use crate::stop::Stop;
use crate::store::journal::RunId;
use rosterd_core::samples::{day, group, key, moment, name, record, roles};

mod conclusions;

const SENT: &str = "2026-11-21T02:30:00Z";

fn state(note: &str) -> AccountState {
    AccountState {
        group: group("/总公司/销售部"),
        note: note.into(),
        phone: "13800138000".into(),
        roles: roles(&["全员"]),
        enabled: true,
        expires_on: None,
    }
}

fn off(note: &str) -> AccountState {
    AccountState { enabled: false, ..state(note) }
}

/// Somebody's account under this name; the device's number for it is the name's with a `#`.
fn entry(username: &str, state: AccountState) -> Entry {
    Entry {
        username: name(username),
        origin: Origin::Created,
        state,
        gateway_id: Some(format!("#{username}")),
        disabled: None,
        unknown: false,
    }
}

fn ours(reason: Reason) -> Option<OwnDisable> {
    Some(OwnDisable { reason, confirmed_at: None })
}

/// Something sent for person 1, with its outcome unknown.
fn intent(kind: ActionKind, names: [&str; 2], before: Option<Entry>, after: Option<AccountState>) -> Intent {
    Intent {
        run: RunId(1),
        seq: 1,
        person: key("1"),
        username: name(names[0]),
        new_username: name(names[1]),
        kind,
        reason: Reason::Left,
        before,
        after,
        origin: Origin::Created,
        source: Some(RowRef { file: "a.csv".into(), line: 2 }),
        state: IntentState::Unknown,
        unsettled: true,
        last_sent_at: moment(SENT),
    }
}

fn add(username: &str) -> Intent {
    intent(ActionKind::Add, [username, username], None, Some(state("new")))
}

fn update() -> Intent {
    intent(ActionKind::Update, ["li", "li"], Some(entry("li", state("old"))), Some(state("new")))
}

fn rename() -> Intent {
    intent(ActionKind::Rename, ["li", "wang"], Some(entry("li", state("new"))), Some(state("new")))
}

fn disable() -> Intent {
    intent(ActionKind::Disable, ["li", "li"], Some(entry("li", state("x"))), Some(off("x")))
}

fn delete() -> Intent {
    intent(ActionKind::Delete, ["li", "li"], Some(entry("li", off("x"))), None)
}

/// A user with this number.
fn user(id: &str, username: &str, state: &AccountState) -> UserRecord {
    UserRecord { id: Some(id.into()), ..record(username, state) }
}

fn shown(users: &[UserRecord]) -> BTreeMap<Username, Option<UserRecord>> {
    let mut looked: BTreeMap<_, _> = ["li", "wang", "zhang"].map(|n| (name(n), None)).into();
    looked.extend(users.iter().map(|user| (name(&user.name), Some(user.clone()))));
    looked
}

/// The judgement of an intent when these users are there and no name is somebody else's.
fn says(intent: &Intent, users: &[UserRecord]) -> (IntentState, Option<Entry>) {
    judge(intent, &shown(users), &|_| false)
}

const DONE: IntentState = IntentState::Done;
const UNDONE: IntentState = IntentState::Undone;

#[test]
fn what_a_look_leaves_out_stays_as_it_was() {
    let known = AccountState { expires_on: Some(day("2027-01-01")), ..off("x") };
    assert_eq!(state_of(&UserRecord::default(), &known), known);
    let wanted = state("y");
    assert_eq!(state_of(&record("li", &wanted), &known), wanted);
    let nowhere = UserRecord { group: Some("no path".into()), ..record("li", &wanted) };
    assert_eq!(state_of(&nowhere, &known), AccountState { group: known.group, ..wanted });
}

#[test]
fn a_user_made_again_is_another_one() {
    let (known, other) = ("#li".to_owned(), "#2".to_owned());
    let there = user("#li", "li", &state("x"));
    assert!(same_user(Some(&known), &there) && !same_user(Some(&other), &there));
    // Who has no number, or never showed one, may be the same.
    assert!(same_user(None, &there) && same_user(Some(&known), &record("li", &state("x"))));
}

#[test]
fn a_delete_is_done_when_the_user_or_their_number_is_gone() {
    assert_eq!(says(&delete(), &[]), (DONE, None));
    assert_eq!(says(&delete(), &[user("#2", "li", &state("by hand"))]), (DONE, None));
    let there = says(&delete(), &[user("#li", "li", &off("moved"))]);
    assert_eq!(there, (UNDONE, Some(entry("li", off("moved")))));
}

#[test]
fn an_engine_that_is_broken_on_purpose_takes_an_absent_user_for_a_failure() {
    let _broken = Broken::by(Flaw::AbsentDeleteFails);
    assert_eq!(says(&delete(), &[]), (UNDONE, Some(entry("li", off("x")))));
}

#[test]
fn an_add_is_done_when_the_user_is_as_wanted() {
    let there = user("#9", "li", &state("new"));
    let made = Entry { gateway_id: Some("#9".into()), ..entry("li", state("new")) };
    assert_eq!(says(&add("li"), std::slice::from_ref(&there)), (DONE, Some(made)));
    assert_eq!(says(&add("li"), &[]), (UNDONE, None));
    assert_eq!(says(&add("li"), &[user("#9", "li", &state("by hand"))]), (UNDONE, None));
}

#[test]
fn a_user_under_a_name_that_is_somebody_elses_by_now_is_not_theirs() {
    let there = [user("#9", "wang", &state("new"))];
    let taken = |wanted: &Username| wanted.as_str() == "wang";
    assert_eq!(judge(&add("wang"), &shown(&there), &taken), (UNDONE, None));
    let renamed =
        Intent { before: Some(Entry { gateway_id: None, ..entry("li", state("new")) }), ..rename() };
    assert_eq!(judge(&renamed, &shown(&there), &taken), (UNDONE, None));
    assert_eq!(judge(&renamed, &shown(&there), &|_| false).0, DONE);
    // The same of calls that are settled, and land late.
    for late in [add("wang"), renamed] {
        assert_eq!(landed(None, &[&late], &shown(&there), &taken), None);
        assert!(landed(None, &[&late], &shown(&there), &|_| false).is_some());
    }
}

#[test]
fn a_rename_is_done_when_the_same_user_has_the_new_name() {
    let done = Entry { username: name("wang"), ..entry("li", state("new")) };
    assert_eq!(says(&rename(), &[user("#li", "wang", &state("new"))]), (DONE, Some(done)));
    let still = says(&rename(), &[user("#li", "li", &state("new"))]);
    assert_eq!(still, (UNDONE, Some(entry("li", state("new")))));
    // The old name went to somebody new; the new name is somebody else's, or holds something else.
    let passed_on = [user("#2", "li", &state("x")), user("#li", "wang", &state("new"))];
    assert_eq!(says(&rename(), &passed_on).0, DONE);
    assert_eq!(says(&rename(), &[user("#2", "wang", &state("new"))]), (UNDONE, None));
    assert_eq!(says(&rename(), &[user("#li", "wang", &state("by hand"))]), (UNDONE, None));
    assert_eq!(says(&rename(), &[]), (UNDONE, None));
}

#[test]
fn an_update_is_done_when_the_user_is_as_wanted() {
    let there = says(&update(), &[user("#li", "li", &state("new"))]);
    assert_eq!(there, (DONE, Some(entry("li", state("new")))));
    let there = says(&update(), &[user("#li", "li", &state("old"))]);
    assert_eq!(there, (UNDONE, Some(entry("li", state("old")))));
    assert_eq!(says(&update(), &[user("#2", "li", &state("new"))]), (UNDONE, None));
    assert_eq!(says(&update(), &[]), (UNDONE, None));
}

#[test]
fn a_look_that_does_not_show_who_is_enabled_confirms_no_disable() {
    let hidden = |state: &AccountState| UserRecord { enabled: None, ..user("#li", "li", state) };
    assert_eq!(says(&disable(), &[hidden(&state("x"))]), (UNDONE, Some(entry("li", state("x")))));
    assert_eq!(says(&disable(), &[user("#li", "li", &off("x"))]).0, DONE);
    // It says enough of a change that leaves that alone.
    assert_eq!(says(&update(), &[hidden(&state("new"))]).0, DONE);
}

#[test]
fn a_disable_is_ours_until_a_look_shows_the_user_enabled() {
    let before = Entry { disabled: ours(Reason::Left), unknown: true, ..entry("li", off("x")) };
    let again = Intent { before: Some(before.clone()), ..update() };
    let there = says(&again, &[user("#li", "li", &off("x"))]).1;
    assert_eq!(there, Some(Entry { unknown: false, ..before }));
    let there = says(&again, &[record("li", &state("x"))]).1;
    assert_eq!(there, Some(entry("li", state("x"))));
    let moved = Intent { before: Some(Entry { gateway_id: None, ..entry("li", state("x")) }), ..update() };
    assert_eq!(says(&moved, &[user("#7", "li", &state("x"))]).1.unwrap().gateway_id.as_deref(), Some("#7"));
}
