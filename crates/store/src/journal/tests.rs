//! The journal: what is on disk before a call is sent, what an answer or a look makes of it, and what the trail keeps.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::*;
use crate::model::{PersonKey, Username};
use crate::plan::{ActionKind, Device, Entry, Origin, Reason};
use crate::report::{CommitState, RunOutcome, TargetReport};
use crate::sabotage::Broken;
use crate::store::existing::{TakeOver, Taken};
use crate::store::memory::TargetRow;
use rosterd_core::samples::{day, group, key, moment, name, roles};

const NOW: &str = "2026-11-21T02:30:00Z";

struct World {
    store: Store,
    target: TargetName,
    now: DateTime<Utc>,
}

fn state(phone: &str) -> AccountState {
    AccountState {
        group: group("/总公司/销售部"),
        note: "销售".into(),
        phone: phone.into(),
        roles: roles(&["全员"]),
        enabled: true,
        expires_on: None,
    }
}

fn entry(username: &str) -> Entry {
    Entry {
        username: name(username),
        origin: Origin::Created,
        state: state("13800138000"),
        gateway_id: None,
        disabled: None,
        unknown: false,
    }
}

fn change(person: &str, entry: Option<Entry>) -> EntryChange {
    EntryChange { person: key(person), entry }
}

/// An add for this person, under this name.
fn add(person: &str, username: &str) -> Intent {
    Intent {
        run: RunId(0),
        seq: 0,
        person: key(person),
        username: name(username),
        new_username: name(username),
        kind: ActionKind::Add,
        reason: Reason::Joined,
        before: None,
        after: Some(state("13800138000")),
        origin: Origin::Created,
        source: None,
        state: IntentState::Sending,
        unsettled: false,
        last_sent_at: moment(NOW),
    }
}

fn call(run: RunId, seq: i64, kind: &'static str, intents: Vec<Intent>) -> NewCall {
    NewCall { run, seq, kind, payload: format!("{kind} {seq}"), intents }
}

/// What an answer says.
fn answer(run: RunId, seq: i64, state: IntentState) -> Completion {
    Completion {
        run,
        seq,
        state,
        code: Some(0),
        message: None,
        people: Vec::new(),
        entries: Vec::new(),
        groups: Vec::new(),
    }
}

impl World {
    async fn new() -> Self {
        let store = Store::in_memory(None).await.unwrap();
        Self { store, target: TargetName::new("hq").unwrap(), now: moment(NOW) }
    }

    async fn begin_on(&self, target: &str, dry: bool) -> (RunId, Vec<RunId>) {
        let new = NewRun {
            target: TargetName::new(target).unwrap(),
            dry,
            trigger: Trigger::Cli,
            actor: Actor::default(),
            config_digest: "c".into(),
            as_of: day("2026-11-21"),
        };
        self.store.begin_run(new, self.now).await.unwrap()
    }

    async fn begin(&self) -> RunId {
        self.begin_on("hq", false).await.0
    }

    async fn journal(&self, call: NewCall) {
        self.store.journal(&self.target, call, self.now).await.unwrap();
    }

    async fn answered(&self, done: Completion) {
        self.store.complete(&self.target, done.run, done, self.now).await.unwrap();
    }

    /// An add, answered so.
    async fn added(&self, run: RunId, seq: i64, state: IntentState) {
        self.journal(call(run, seq, "add", vec![add("1", "li")])).await;
        let entries = vec![change("1", Some(entry("li")))];
        self.answered(Completion { entries, ..answer(run, seq, state) }).await;
    }

    /// A commit that the gateway confirms. Whether the target is clean.
    async fn commits(&self, run: RunId, seq: i64) -> bool {
        self.journal(call(run, seq, "commit", Vec::new())).await;
        let done = answer(run, seq, IntentState::Applied);
        self.store.complete_commit(&self.target, done, self.now).await.unwrap()
    }

    async fn row(&self) -> TargetRow {
        self.store.target(&self.target).await.unwrap()
    }

    async fn settle(&self, settled: Vec<Settlement>, entries: Vec<EntryChange>, moved: bool) {
        self.store.settle(&self.target, RunId(1), settled, entries, moved, self.now).await.unwrap();
    }

    /// What somebody does to the database by hand.
    async fn alter(&self, sql: &'static str) {
        let altered = self.store.write("alter", move |c| {
            Box::pin(async move {
                sqlx::query(sql).execute(c).await?;
                Ok(())
            })
        });
        altered.await.unwrap();
    }

    async fn names(&self) -> BTreeMap<PersonKey, Username> {
        let snapshot = self.store.snapshot(&self.target).await.unwrap();
        snapshot.entries.into_iter().map(|(person, entry)| (person, entry.username)).collect()
    }
}

#[tokio::test]
async fn what_changes_the_gateway_dirties_the_target_before_it_is_sent() {
    for kind in ["add", "update", "delete", "add_group"] {
        let world = World::new().await;
        let run = world.begin().await;
        world.journal(call(run, 1, kind, Vec::new())).await;
        assert!(world.row().await.dirty, "{kind}");
        assert_eq!(world.row().await.dirty_since, Some(world.now));
    }
    // A commit makes what is there take effect; a kick ends sessions.
    for kind in ["commit", "kick"] {
        let world = World::new().await;
        let run = world.begin().await;
        world.journal(call(run, 1, kind, Vec::new())).await;
        world.answered(answer(run, 1, IntentState::Applied)).await;
        assert!(!world.row().await.dirty, "{kind}");
    }
}

#[tokio::test]
async fn a_confirmed_commit_clears_dirty_unless_an_outcome_is_unknown() {
    let mut world = World::new().await;
    let run = world.begin().await;
    world.added(run, 1, IntentState::Unknown).await;
    assert!(!world.commits(run, 2).await && world.row().await.dirty);
    world.now += TimeDelta::minutes(1);
    let done = IntentState::Done;
    let settled = Settlement { run, seq: 1, person: key("1"), state: done, unsettled: true };
    world.settle(vec![settled], Vec::new(), false).await;
    assert!(world.commits(run, 3).await && !world.row().await.dirty);
    assert_eq!(world.row().await.committed_at, Some(world.now));
    // One that is not confirmed clears nothing.
    world.added(run, 4, IntentState::Applied).await;
    world.journal(call(run, 5, "commit", Vec::new())).await;
    let unknown = answer(run, 5, IntentState::Unknown);
    assert!(!world.store.complete_commit(&world.target, unknown, world.now).await.unwrap());
    assert!(world.row().await.dirty);
}

#[tokio::test]
async fn a_run_that_never_ended_is_closed_by_the_next_real_one_of_its_target() {
    let world = World::new().await;
    let first = world.begin().await;
    let (_, crashed) = world.begin_on("branch", false).await;
    assert_eq!(crashed, []);
    // A dry run holds no lock: the one that is open may be running.
    let (dry, crashed) = world.begin_on("hq", true).await;
    assert_eq!((crashed, world.store.run(first).await.unwrap().outcome), (vec![], None));
    let (_, crashed) = world.begin_on("hq", false).await;
    assert_eq!(crashed, [first]);
    assert_eq!(world.store.run(first).await.unwrap().outcome.as_deref(), Some("crashed"));
    assert_eq!(world.store.run(dry).await.unwrap().outcome, None);
}

#[tokio::test]
async fn a_call_sent_again_is_open_again_and_may_land_for_longer() {
    let mut world = World::new().await;
    let run = world.begin().await;
    world.added(run, 1, IntentState::Unknown).await;
    world.now += TimeDelta::minutes(3);
    world.store.journal_again(run, 1, world.now).await.unwrap();
    let sent = world.store.calls(run).await.unwrap().remove(0);
    assert_eq!((sent.attempts, sent.state, sent.answered_at), (2, IntentState::Sending, None));
    assert_eq!((sent.first_sent_at, sent.last_sent_at), (moment(NOW), world.now));
    let open = world.store.open_intents(&world.target).await.unwrap().remove(0);
    assert_eq!((open.state, open.unsettled, open.last_sent_at), (IntentState::Unknown, true, world.now));
    // The answer counts, and the first attempt may land all the same.
    world.answered(answer(run, 1, IntentState::Refused)).await;
    let late = world.store.open_intents(&world.target).await.unwrap().remove(0);
    assert_eq!((late.state, late.unsettled), (IntentState::Refused, true));
}

/// What was signed before the clock was put back lives as long as it did.
#[tokio::test]
async fn a_clock_that_is_put_back_between_two_attempts_ends_no_ones_time() {
    let mut world = World::new().await;
    let run = world.begin().await;
    world.added(run, 1, IntentState::Unknown).await;
    let signed = world.store.calls(run).await.unwrap().remove(0).last_sent_at;
    world.now -= TimeDelta::hours(1);
    world.store.journal_again(run, 1, world.now).await.unwrap();
    assert_eq!(world.store.calls(run).await.unwrap().remove(0).last_sent_at, signed);
}

#[tokio::test]
async fn names_may_pass_from_one_person_to_another_in_one_settlement() {
    let world = World::new().await;
    let _ = world.begin().await;
    let owners = |a: &str, b: &str| vec![change("1", Some(entry(a))), change("2", Some(entry(b)))];
    world.settle(Vec::new(), owners("li", "wang"), false).await;
    assert!(!world.row().await.dirty);
    world.settle(Vec::new(), owners("wang", "li"), true).await;
    assert_eq!(world.names().await, [(key("1"), name("wang")), (key("2"), name("li"))].into());
    assert!(world.row().await.dirty, "what moved needs a commit");
    world.settle(Vec::new(), vec![change("1", None), change("2", Some(entry("wang")))], false).await;
    assert_eq!(world.names().await, [(key("2"), name("wang"))].into());
}

#[tokio::test]
async fn every_known_outcome_is_in_the_trail_once_with_its_phones_masked() {
    let world = World::new().await;
    let run = world.begin().await;
    let audit = || world.store.audit_actions(&world.target, run, world.now);
    assert_eq!(audit().await.unwrap(), 0);
    world.added(run, 1, IntentState::Unknown).await;
    assert_eq!(audit().await.unwrap(), 0, "nothing is known yet");
    let update = Intent {
        kind: ActionKind::Update,
        before: Some(Entry { state: state("13900139001"), ..entry("wang") }),
        ..add("2", "wang")
    };
    world.journal(call(run, 2, "update", vec![update])).await;
    world.answered(answer(run, 2, IntentState::Applied)).await;
    assert_eq!(audit().await.unwrap(), 1);
    assert_eq!(audit().await.unwrap(), 0, "once");
    let trail = world.store.audit_page(0).await.unwrap();
    let action = trail.iter().find(|record| record.kind == "action").unwrap();
    assert_eq!((&action.body["state"], &action.body["seq"]), (&json!("applied"), &json!(2)));
    let personal = action.personal.as_ref().unwrap();
    let phones = [&personal["before"]["phone"], &personal["after"]["phone"]].map(|p| p.as_str().unwrap());
    assert_eq!(phones, ["13900139001", "13800138000"].map(crate::model::mask_phone));
}

#[tokio::test]
async fn the_trail_covers_the_journal_of_a_run_that_ended() {
    let world = World::new().await;
    let run = world.begin().await;
    world.added(run, 1, IntentState::Applied).await;
    assert!(world.commits(run, 2).await);
    let report = TargetReport::empty(&world.target, run);
    let end = RunEnd { outcome: RunOutcome::Applied, exit_code: 0, commit: CommitState::Confirmed, report };
    world.store.end_run(&world.target, run, end, world.now).await.unwrap();
    let broken = async || world.store.audit_verify(Vec::new()).await.unwrap().broken;
    assert_eq!(broken().await, []);
    for (there, back) in [
        ("UPDATE calls SET payload = 'x' WHERE seq = 1", "UPDATE calls SET payload = 'add 1' WHERE seq = 1"),
        ("UPDATE calls SET kind = 'delete' WHERE seq = 1", "UPDATE calls SET kind = 'add' WHERE seq = 1"),
    ] {
        world.alter(there).await;
        assert_eq!(broken().await.iter().map(|found| found.what).collect::<Vec<_>>(), ["journal", "rows"]);
        world.alter(back).await;
        assert_eq!(broken().await, []);
    }
}

#[tokio::test]
async fn the_trail_covers_names_that_were_tied_to_people_by_hand() {
    let world = World::new().await;
    let run = world.begin().await;
    let taken =
        Taken { person: key("1"), entry: Entry { origin: Origin::Adopted, ..entry("li") }, linked: true };
    let device = Device { url: "https://a".into(), dialect: "openapi".into() };
    let what = TakeOver { taken: vec![taken], device, reason: "his".into(), actor: Actor::default() };
    world.store.take_over(&world.target, run, what, world.now).await.unwrap();
    let broken = async || world.store.audit_verify(Vec::new()).await.unwrap().broken;
    assert_eq!(broken().await, []);
    for (there, back) in [
        ("UPDATE links SET username = 'root'", "UPDATE links SET username = 'li'"),
        ("UPDATE links SET person = '2'", "UPDATE links SET person = '1'"),
        ("DELETE FROM links", "INSERT INTO links (target, person, username) VALUES ('hq', '1', 'li')"),
    ] {
        world.alter(there).await;
        assert!(broken().await.iter().any(|found| found.what == "links"), "{there}");
        world.alter(back).await;
        assert_eq!(broken().await, []);
    }
    world
        .store
        .release(&world.target, run, key("1"), "no".into(), Actor::default(), world.now)
        .await
        .unwrap();
    assert_eq!(broken().await, []);
}

/// What became of a call that nobody answered is sealed once a look settled it, and not before.
#[tokio::test]
async fn outcomes_are_sealed_when_they_are_settled() {
    let world = World::new().await;
    let end = async |run| {
        let report = TargetReport::empty(&world.target, run);
        let end =
            RunEnd { outcome: RunOutcome::Unconfirmed, exit_code: 6, commit: CommitState::None, report };
        world.store.end_run(&world.target, run, end, world.now).await.unwrap();
    };
    let broken = async || -> Vec<&'static str> {
        world.store.audit_verify(Vec::new()).await.unwrap().broken.iter().map(|found| found.what).collect()
    };
    let first = world.begin().await;
    world.added(first, 1, IntentState::Unknown).await;
    end(first).await;
    assert_eq!(broken().await, [""; 0]);
    world.alter("UPDATE intents SET reason = 'changed'").await;
    assert_eq!(broken().await, ["rows"], "what was meant is sealed at once");
    world.alter("UPDATE intents SET reason = 'joined'").await;

    let second = world.begin().await;
    let looked =
        Settlement { run: first, seq: 1, person: key("1"), state: IntentState::Undone, unsettled: false };
    world.store.settle(&world.target, second, vec![looked], Vec::new(), false, world.now).await.unwrap();
    assert_eq!(broken().await, [""; 0]);
    end(second).await;
    assert_eq!(broken().await, [""; 0]);
    world.alter("UPDATE intents SET state = 'done'").await;
    assert_eq!(broken().await, ["outcomes"]);
}

/// An engine that is broken in this way, one added person on, with this answer to the add.
async fn broken(flaw: Flaw, state: IntentState) -> (World, RunId, Broken) {
    let (world, broken) = (World::new().await, Broken::by(flaw));
    let run = world.begin().await;
    world.journal(call(run, 1, "add", vec![add("1", "li")])).await;
    world.answered(answer(run, 1, state)).await;
    (world, run, broken)
}

#[tokio::test]
async fn engines_that_are_broken_on_purpose_are_broken_where_they_say() {
    // Dirty only once a call succeeded.
    for (state, dirty) in [(IntentState::Refused, false), (IntentState::Applied, true)] {
        let (world, ..) = broken(Flaw::DirtyOnSuccess, state).await;
        assert_eq!(world.row().await.dirty, dirty, "{state:?}");
    }
    // In the snapshot before the answer, which says no.
    let (world, ..) = broken(Flaw::SnapshotFirst, IntentState::Refused).await;
    assert_eq!(world.names().await, [(key("1"), name("li"))].into());
    // Clean before the answer to a commit, and to nothing else.
    let (world, run, _broken) = broken(Flaw::CleanBeforeAnswer, IntentState::Applied).await;
    assert!(world.row().await.dirty);
    world.journal(call(run, 2, "commit", Vec::new())).await;
    assert!(!world.row().await.dirty);
    // Nobody is unknown while a call is out.
    let (world, run, _broken) = broken(Flaw::NotUnknown, IntentState::Applied).await;
    world.journal(call(run, 2, "add", vec![add("2", "wang")])).await;
    assert_eq!(world.store.open_intents(&world.target).await.unwrap(), []);
}

#[tokio::test]
async fn an_engine_that_is_broken_on_purpose_takes_a_look_in_the_same_run_for_final() {
    for (looked, may_land) in [(false, true), (true, false)] {
        let (world, run, _broken) = broken(Flaw::LookIsFinal, IntentState::Unknown).await;
        let people = if looked { vec![(key("1"), IntentState::Done)] } else { Vec::new() };
        world.answered(Completion { people, ..answer(run, 1, IntentState::Applied) }).await;
        assert_eq!(!world.store.open_intents(&world.target).await.unwrap().is_empty(), may_land);
    }
}
