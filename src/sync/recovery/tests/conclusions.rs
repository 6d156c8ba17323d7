//! The looks at the start of a run, against a device of which only the looks matter.

use super::*;

/// A gateway that shows users, or fails to.
#[derive(Default)]
struct Shown {
    users: BTreeMap<Username, UserRecord>,
    failing: BTreeMap<Username, ReadError>,
}

impl Gateway for Shown {
    fn dialect(&self) -> Dialect {
        Dialect::UpdaterCloud
    }
    async fn user(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        match self.failing.get(name) {
            Some(error) => Err(error.clone()),
            None => Ok(self.users.get(name).cloned()),
        }
    }
    async fn group(&self, _: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        Err(ReadError::Failed(no_answer(WhyKind::Timeout)))
    }
    async fn users(&self, _: u64, _: u64) -> Result<Page<UserRecord>, ReadError> {
        Err(ReadError::Failed(no_answer(WhyKind::Timeout)))
    }
    async fn roles(&self, _: u64, _: u64) -> Result<Page<RoleRecord>, ReadError> {
        Err(ReadError::Failed(no_answer(WhyKind::Timeout)))
    }
    async fn mutate(&self, _: &Mutation) -> Outcome {
        Outcome::NotSent(no_answer(WhyKind::Connect))
    }
    async fn commit(&self) -> Outcome {
        Outcome::NotSent(no_answer(WhyKind::Connect))
    }
}

fn no_answer(kind: WhyKind) -> Why {
    Why { kind, detail: "scripted".into() }
}

fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { code: 1, kind, message: String::new() }
}

/// No repeats, so that each look is one.
fn pace() -> PaceConfig {
    PaceConfig { retries: 0, ..PaceConfig::default() }
}

fn shows(users: &[UserRecord]) -> Shown {
    let users = users.iter().map(|user| (name(&user.name), user.clone())).collect();
    Shown { users, ..Shown::default() }
}

fn snapshot<const N: usize>(entries: [(&str, Entry); N]) -> Snapshot {
    Snapshot { entries: entries.map(|(person, entry)| (key(person), entry)).into(), ..Snapshot::default() }
}

async fn looks(shown: &Shown, intents: &[Intent], snapshot: &Snapshot, now: &str) -> Recovery {
    let (pace, clock) = (pace(), ManualClock::at(now));
    let caller = Caller::new(shown, clock, &pace, None, Stop::new(), 0);
    recover(&caller, intents, snapshot, moment(now)).await.unwrap()
}

const SOON: &str = "2026-11-21T02:31:00Z";

fn settled(intent: Intent, state: IntentState) -> Intent {
    Intent { state, ..intent }
}

fn of(person: &str, intent: Intent) -> Intent {
    Intent { person: key(person), ..intent }
}

/// The entry as it is marked while its intent is open.
fn open(entry: Entry) -> Entry {
    Entry { unknown: true, ..entry }
}

fn changes(found: &Recovery) -> Vec<(&str, Option<&Entry>)> {
    found.entries.iter().map(|change| (change.person.as_str(), change.entry.as_ref())).collect()
}

#[tokio::test]
async fn a_call_may_land_for_eleven_minutes_and_no_longer() {
    let there = shows(&[user("#li", "li", &state("new"))]);
    let snapshot = snapshot([("1", open(entry("li", state("old"))))]);
    for (now, may_land) in [
        (SENT, true),
        ("2026-11-21T02:40:59Z", true),
        ("2026-11-21T02:41:00Z", false),
        ("2026-11-21T03:30:00Z", false),
    ] {
        let found = looks(&there, &[update()], &snapshot, now).await;
        assert_eq!(found.settled[0].unsettled, may_land, "{now}");
        assert_eq!(found.in_flight.contains_key(&key("1")), may_land, "{now}");
        assert_eq!(found.settled[0].state, DONE);
    }
}

#[tokio::test]
async fn an_open_call_is_settled_and_dirties_the_target_whatever_the_look_shows() {
    for there in ["old", "new"] {
        let snapshot = snapshot([("1", open(entry("li", state("old"))))]);
        let found = looks(&shows(&[user("#li", "li", &state(there))]), &[update()], &snapshot, SOON).await;
        assert_eq!(changes(&found), [("1", Some(&entry("li", state(there))))]);
        assert!(found.moved && found.unresolved.is_empty());
        let state = if there == "new" { DONE } else { UNDONE };
        assert_eq!(found.settled[0].state, state);
        assert_eq!(found.words, [words::settled(&update(), state)]);
    }
}

#[tokio::test]
async fn a_settled_call_is_looked_at_again_and_says_nothing_unless_it_moved() {
    let intents = [settled(update(), UNDONE)];
    let snapshot = snapshot([("1", entry("li", state("old")))]);
    let still = looks(&shows(&[user("#li", "li", &state("old"))]), &intents, &snapshot, SOON).await;
    assert_eq!((changes(&still), still.moved, still.words.len()), (vec![], false, 0));
    assert_eq!((still.settled[0].state, still.settled[0].unsettled), (UNDONE, true));
    let late = looks(&shows(&[user("#li", "li", &state("new"))]), &intents, &snapshot, SOON).await;
    assert_eq!((changes(&late), late.moved), (vec![("1", Some(&entry("li", state("new"))))], true));
    // Somebody else under the name: the person has no account any more.
    let other = looks(&shows(&[user("#2", "li", &state("old"))]), &intents, &snapshot, SOON).await;
    assert_eq!((changes(&other), other.moved), (vec![("1", None)], true));
}

#[tokio::test]
async fn a_number_learnt_is_kept_and_needs_no_commit() {
    let nameless = Entry { gateway_id: None, ..entry("li", state("old")) };
    let intents = [settled(update(), UNDONE)];
    let there = shows(&[user("#li", "li", &state("old"))]);
    let found = looks(&there, &intents, &snapshot([("1", nameless)]), SOON).await;
    assert_eq!((changes(&found), found.moved), (vec![("1", Some(&entry("li", state("old"))))], false));
    // A look without a number takes none away.
    let there = shows(&[record("li", &state("new"))]);
    let found = looks(&there, &intents, &snapshot([("1", entry("li", state("old")))]), SOON).await;
    assert_eq!(changes(&found), [("1", Some(&entry("li", state("new"))))]);
}

#[tokio::test]
async fn names_in_flight_say_which_of_them_an_add_would_make_or_a_rename_leave() {
    let intents = [of("2", add("zhang")), rename()];
    let snapshot = snapshot([("1", open(entry("li", state("new"))))]);
    let found = looks(&shows(&[]), &intents, &snapshot, SOON).await;
    let renamed = InFlight {
        names: [name("li"), name("wang")].into(),
        renamed: [name("li")].into(),
        ..InFlight::default()
    };
    let added =
        InFlight { names: [name("zhang")].into(), added: [name("zhang")].into(), ..InFlight::default() };
    assert_eq!(found.in_flight, [(key("1"), renamed), (key("2"), added)].into());
}

#[tokio::test]
async fn who_cannot_be_looked_at_stays_unknown() {
    let snapshot = snapshot([("1", open(entry("li", state("old")))), ("2", entry("zhang", state("x")))]);
    let mut there = shows(&[user("#zhang", "zhang", &state("x"))]);
    there.failing = [(name("li"), ReadError::Failed(no_answer(WhyKind::Timeout)))].into();
    let found = looks(&there, &[update()], &snapshot, SOON).await;
    assert_eq!(found.unresolved, [key("1")].into());
    assert_eq!((changes(&found), found.settled.len(), found.moved), (vec![], 0, false));
    assert_eq!(found.words, [words::still_unknown(&key("1"))]);
    assert_eq!(found.in_flight[&key("1")].names, [name("li")].into());
    // Nor who has a call that names somebody who cannot be looked at.
    there.failing = [(name("li"), ReadError::Refused(refusal(RefusalKind::BadRequest)))].into();
    let found = looks(&there, &[update(), of("2", settled(delete(), UNDONE))], &snapshot, SOON).await;
    assert_eq!(found.unresolved, [key("1"), key("2")].into());
}

#[tokio::test]
async fn an_add_that_lands_after_the_look_is_theirs() {
    let there = [user("#9", "li", &state("new"))];
    let made = Entry { gateway_id: Some("#9".into()), ..entry("li", state("new")) };
    let late = settled(add("li"), UNDONE);
    let found = looks(&shows(&there), std::slice::from_ref(&late), &Snapshot::default(), SOON).await;
    assert_eq!((changes(&found), found.moved), (vec![("1", Some(&made))], true));
    // Also where they were removed meanwhile: whom an add makes has another number.
    let gone = Intent { seq: 2, ..delete() };
    let snapshot = snapshot([("1", open(entry("li", off("x"))))]);
    let found = looks(&shows(&there), &[late.clone(), gone.clone()], &snapshot, SOON).await;
    assert_eq!(changes(&found), [("1", Some(&made))]);
    assert_eq!(found.settled[1].state, DONE);
    // Not a user who is not as the add would have made them.
    let by_hand = shows(&[user("#9", "li", &state("by hand"))]);
    assert_eq!(changes(&looks(&by_hand, &[late, gone], &snapshot, SOON).await), [("1", None)]);
}

#[tokio::test]
async fn a_rename_that_lands_after_the_look_is_theirs_if_the_number_is() {
    let intents = [settled(rename(), UNDONE)];
    let snapshot = snapshot([("1", entry("li", state("new")))]);
    let found = looks(&shows(&[user("#li", "wang", &state("new"))]), &intents, &snapshot, SOON).await;
    let renamed = Entry { username: name("wang"), ..entry("li", state("new")) };
    assert_eq!((changes(&found), found.moved), (vec![("1", Some(&renamed))], true));
    let found = looks(&shows(&[user("#2", "wang", &state("new"))]), &intents, &snapshot, SOON).await;
    assert_eq!((changes(&found), found.moved), (vec![("1", None)], true));
}

#[tokio::test]
async fn where_the_last_call_did_not_happen_an_earlier_one_may_have() {
    let earlier = settled(rename(), UNDONE);
    let last = Intent { seq: 2, ..update() };
    let snapshot = snapshot([("1", open(entry("li", state("new"))))]);
    let there = shows(&[user("#li", "wang", &state("new"))]);
    let found = looks(&there, &[earlier, last], &snapshot, SOON).await;
    let renamed = Entry { username: name("wang"), ..entry("li", state("new")) };
    assert_eq!(changes(&found), [("1", Some(&renamed))]);
}

#[tokio::test]
async fn a_late_add_under_a_name_that_is_somebody_elses_by_now_is_not_theirs() {
    let there = shows(&[user("#9", "li", &state("new"))]);
    let theirs = Entry { gateway_id: Some("#9".into()), ..entry("li", state("new")) };
    for late in [add("li"), settled(add("li"), UNDONE)] {
        let found = looks(&there, &[late], &snapshot([("2", theirs.clone())]), SOON).await;
        assert!(changes(&found).iter().all(|(_, entry)| entry.is_none()), "{found:?}");
        assert_eq!(found.settled[0].state, UNDONE);
    }
    // What is only wished for is nobody's yet, but one user is never two people's.
    let wished = snapshot([("1", open(theirs.clone())), ("2", open(theirs.clone()))]);
    let found = looks(&there, &[add("li"), of("2", add("li"))], &wished, SOON).await;
    assert_eq!(changes(&found), [("1", Some(&theirs)), ("2", None)]);
}

#[tokio::test]
async fn a_name_given_up_in_the_same_looks_is_free_for_the_next() {
    let there = shows(&[user("#9", "li", &state("new"))]);
    let made = Entry { gateway_id: Some("#9".into()), ..entry("li", state("new")) };
    let before = snapshot([("1", open(entry("li", off("x"))))]);
    let found = looks(&there, &[delete(), of("2", add("li"))], &before, SOON).await;
    assert_eq!(changes(&found), [("1", None), ("2", Some(&made))]);
}

#[tokio::test]
async fn a_disable_that_lands_late_is_ours() {
    let late = settled(disable(), UNDONE);
    let believed = snapshot([("1", entry("li", state("x")))]);
    let there = shows(&[user("#li", "li", &off("x"))]);
    let found = looks(&there, std::slice::from_ref(&late), &believed, SOON).await;
    let disabled = Entry { disabled: ours(Reason::Left), ..entry("li", off("x")) };
    assert_eq!(changes(&found), [("1", Some(&disabled))]);
    // Somebody else's is theirs; and what was ours before keeps its reason.
    let found = looks(&there, &[settled(update(), UNDONE)], &believed, SOON).await;
    assert_eq!(changes(&found), [("1", Some(&entry("li", off("x"))))]);
    let missing = Entry { disabled: ours(Reason::Missing), ..entry("li", off("x")) };
    let before = snapshot([("1", missing)]);
    let found = looks(&there, std::slice::from_ref(&late), &before, SOON).await;
    assert_eq!((changes(&found), found.moved), (vec![], false));
    let enabled = shows(&[user("#li", "li", &state("x"))]);
    let found = looks(&enabled, &[late], &before, SOON).await;
    assert_eq!(changes(&found), [("1", Some(&entry("li", state("x"))))]);
}

#[test]
fn what_was_found_can_be_laid_over_a_snapshot() {
    let changes = [("1", None), ("2", Some(entry("zhang", state("y"))))];
    let entries = changes.map(|(person, entry)| EntryChange { person: key(person), entry });
    let found = Recovery { entries: entries.into(), ..Recovery::default() };
    let mut before = snapshot([("1", entry("li", state("x"))), ("3", entry("wang", state("z")))]);
    found.overlay(&mut before);
    let after = snapshot([("2", entry("zhang", state("y"))), ("3", entry("wang", state("z")))]);
    assert_eq!(before, after);
}

#[test]
fn patience_ends_after_five_in_a_row_or_at_once_where_it_is_hopeless() {
    let fail = |kind| Err::<(), _>(ReadError::Failed(no_answer(kind)));
    let mut patience = Patience::default();
    for _ in 1..OUT_OF_REACH_AFTER {
        assert_eq!(patience.take(fail(WhyKind::Timeout)), Ok(None));
    }
    assert_eq!(patience.take(Ok(())), Ok(Some(())));
    for _ in 1..OUT_OF_REACH_AFTER {
        assert_eq!(patience.take(fail(WhyKind::Timeout)), Ok(None));
    }
    let end = OutOfReach::Failed(no_answer(WhyKind::Timeout));
    assert_eq!(patience.take(fail(WhyKind::Timeout)), Err(end));
    for kind in [WhyKind::Connect, WhyKind::Tls] {
        assert_eq!(Patience::default().take(fail(kind)), Err(OutOfReach::Failed(no_answer(kind))));
    }
    for kind in [RefusalKind::Token, RefusalKind::NoSuchCall] {
        let refused = Patience::default().take(Err::<(), _>(ReadError::Refused(refusal(kind))));
        assert_eq!(refused, Err(OutOfReach::Refused(refusal(kind))));
    }
    let one = Patience::default().take(Err::<(), _>(ReadError::Refused(refusal(RefusalKind::BadRequest))));
    assert_eq!(one, Ok(None));
    // Nobody waited for it: that says nothing of the device.
    let given_up = Patience::default().take(Err::<(), _>(ReadError::Failed(no_answer(WhyKind::GivenUp))));
    assert_eq!(given_up, Err(OutOfReach::Ended));
}

#[test]
fn reading_ends_with_the_runs_time_and_names_what_did_not_answer() {
    let (shown, pace, clock) = (shows(&[]), pace(), ManualClock::default());
    let limit = Some(Duration::from_secs(60));
    let caller = Caller::new(&shown, clock.clone(), &pace, limit, Stop::new(), 0);
    let mut patience = Patience::default();
    let _ = patience.take(Err::<(), _>(ReadError::Failed(no_answer(WhyKind::Timeout))));
    assert_eq!(patience.still_on(&caller), Ok(()));
    clock.advance(Duration::from_secs(60));
    assert_eq!(patience.still_on(&caller), Err(OutOfReach::Failed(no_answer(WhyKind::Timeout))));
    assert_eq!(Patience::default().still_on(&caller), Err(OutOfReach::Ended));
}
