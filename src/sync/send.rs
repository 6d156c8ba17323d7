//! One call at a time: journal it, send it, understand the answer, look where there is none, journal what is known.
//! Nothing is sent that is not in the journal, and nothing is concluded that neither an answer nor a look confirmed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::caller::Caller;
use super::recovery::{OUT_OF_REACH_AFTER, judge};
use super::words;
use crate::clock::Clock;
use crate::gateway::{Gateway, Mutation, Outcome, ReadError, Refusal, RefusalKind, UserRecord, Why};
use crate::model::{GroupPath, PersonKey, TargetName, Username};
use crate::sabotage::{Flaw, has};
use crate::store::journal::{Completion, Intent, IntentState, NewCall, RunId};
use crate::store::snapshot::EntryChange;
use crate::store::{Store, StoreError};

/// Why a run sends nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The device refuses us altogether: token, or no such call.
    Refused(Refusal),
    /// Too many calls in a row without a usable answer.
    Unanswered(Why),
    /// The run's time is over.
    Late,
    /// Somebody asked to stop.
    Asked,
    /// `max_failed_percent`.
    TooManyFailed,
    /// The first update moved this user's password.
    PasswordErased(Username),
    /// The first passwords of new accounts could not be written down.
    NoPasswords(String),
    /// The database failed.
    Store,
}

impl Stopped {
    /// A refusal that concerns not one account but all of them.
    pub fn by(refusal: Refusal) -> Option<Self> {
        let ends = matches!(refusal.kind, RefusalKind::Token | RefusalKind::NoSuchCall);
        (ends && !has(Flaw::TokenGoesOn)).then_some(Self::Refused(refusal))
    }
}

/// What became of a call for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// It happened: the answer or a look says so.
    Done,
    /// It did not, or nobody knows.
    Failed {
        /// The device's code, if it gave one.
        code: Option<i64>,
        /// For people.
        message: String,
    },
    /// And nothing more may be sent.
    Stop(Stopped),
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct BatchSent {
    /// Per person.
    pub people: Vec<(PersonKey, Sent)>,
    /// Nothing more may be sent.
    pub stopped: Option<Stopped>,
}

/// Sends the calls of one run.
pub struct Sender<'a, G, C: Clock + Clone> {
    caller: &'a Caller<'a, G, C>,
    store: &'a Store,
    target: &'a TargetName,
    run: RunId,
    seq: AtomicI64,
    unanswered: AtomicU32,
    mutated: AtomicBool,
    in_doubt: AtomicBool,
}

/// Where the repeated sending of one call stands.
enum Answer {
    Applied,
    Refused(Refusal),
    NotSent(Why),
    Unknown(Why),
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::Refused(refusal) => Self::Refused(refusal),
            Outcome::NotSent(why) => Self::NotSent(why),
            Outcome::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// What looks at a call's people showed.
#[derive(Default)]
struct Looked {
    people: Vec<(PersonKey, IntentState)>,
    entries: Vec<EntryChange>,
    /// People whom no look could settle.
    open: Vec<PersonKey>,
}

impl<'a, G: Gateway, C: Clock + Clone> Sender<'a, G, C> {
    /// A sender for one run, whose first call has number 1.
    pub fn new(caller: &'a Caller<'a, G, C>, store: &'a Store, target: &'a TargetName, run: RunId) -> Self {
        Self {
            caller,
            store,
            target,
            run,
            seq: AtomicI64::new(0),
            unanswered: AtomicU32::new(0),
            mutated: AtomicBool::new(false),
            in_doubt: AtomicBool::new(false),
        }
    }

    /// Whether anything was journalled to be sent: then a commit is due.
    pub fn has_mutated(&self) -> bool {
        self.mutated.load(Ordering::Relaxed)
    }

    /// Whether the target may be dirty for all that this process knows.
    pub fn may_be_dirty(&self) -> bool {
        self.has_mutated() || self.in_doubt.load(Ordering::Relaxed)
    }

    /// The wall clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.caller.clock().now()
    }

    /// Why nothing new may begin, if so.
    pub fn must_stop(&self) -> Option<Stopped> {
        if self.caller.is_late() {
            Some(Stopped::Late)
        } else if self.caller.must_end() {
            Some(Stopped::Asked)
        } else {
            None
        }
    }

    /// Looks at a user.
    ///
    /// # Errors
    /// As the gateway says.
    pub async fn look(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        let looked = self.caller.user(name).await;
        if looked.is_ok() {
            self.unanswered.store(0, Ordering::Relaxed);
        }
        looked
    }

    /// Counts a call that stayed unanswered after all its repeats; the fifth in a row ends the run.
    pub fn count_unanswered(&self, why: &Why) -> Option<Stopped> {
        let in_a_row = self.unanswered.fetch_add(1, Ordering::Relaxed) + 1;
        (in_a_row >= OUT_OF_REACH_AFTER).then(|| Stopped::Unanswered(why.clone()))
    }

    fn next_seq(&self) -> i64 {
        self.seq.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn journal(
        &self,
        kind: &'static str,
        payload: String,
        mut intents: Vec<Intent>,
    ) -> Result<i64, StoreError> {
        let seq = self.next_seq();
        for intent in &mut intents {
            intent.seq = seq;
        }
        let call = NewCall { run: self.run, seq, kind, payload, intents };
        let journalled = self.store.journal(self.target, call, self.now()).await;
        // The record may be there all the same, and the target dirty with it.
        self.in_doubt.fetch_or(journalled.is_err(), Ordering::Relaxed);
        journalled?;
        Ok(seq)
    }

    fn completion(&self, seq: i64, state: IntentState) -> Completion {
        Completion {
            run: self.run,
            seq,
            state,
            code: None,
            message: None,
            people: Vec::new(),
            entries: Vec::new(),
            groups: Vec::new(),
        }
    }

    async fn complete(&self, done: Completion) -> Result<(), StoreError> {
        self.store.complete(self.target, self.run, done, self.now()).await
    }

    /// Sends one person's change.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn send(&self, intent: Intent, mutation: Mutation) -> Result<Sent, StoreError> {
        let person = intent.person.clone();
        let mut batch = self.send_batch(vec![intent], mutation).await?;
        let of_person = batch.people.pop().map(|(_, sent)| sent);
        Ok(match (batch.stopped, of_person) {
            (Some(why), _) => Sent::Stop(why),
            (None, Some(sent)) => sent,
            (None, None) => Sent::Failed { code: None, message: words::still_unknown(&person) },
        })
    }

    /// Deletes a batch of users. A batch that is refused is looked at and sent again name by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete(&self, intents: Vec<Intent>) -> Result<BatchSent, StoreError> {
        let names = intents.iter().map(|i| i.username.clone()).collect();
        let one_name = intents.len() == 1;
        let by_person: BTreeMap<_, _> = intents.iter().map(|i| (i.person.clone(), i.clone())).collect();
        let mut batch = self.send_batch(intents, Mutation::Delete(names)).await?;
        if one_name || batch.stopped.is_some() {
            return Ok(batch);
        }
        let refused = batch.people.iter().any(|(_, sent)| matches!(sent, Sent::Failed { code: Some(_), .. }));
        if !refused {
            return Ok(batch);
        }
        for (person, sent) in &mut batch.people {
            let Some(intent) = by_person.get(person).filter(|_| *sent != Sent::Done) else { continue };
            if let Some(why) = self.must_stop() {
                batch.stopped.get_or_insert(why);
                break;
            }
            *sent = self.send(intent.clone(), Mutation::Delete(vec![intent.username.clone()])).await?;
            if let Sent::Stop(why) = sent {
                batch.stopped = Some(why.clone());
                break;
            }
        }
        Ok(batch)
    }

    /// Journals one call for one or several people, sends it, and repeats it while that is safe.
    async fn send_batch(&self, intents: Vec<Intent>, mutation: Mutation) -> Result<BatchSent, StoreError> {
        // The turn comes first: what the journal says of a call's time must be the time at which it is signed.
        if let Some(why) = self.wait_for_turn().await {
            return Ok(BatchSent { people: Vec::new(), stopped: Some(why) });
        }
        let early =
            if has(Flaw::JournalAfterCall) { Some(self.caller.mutate(&mutation).await) } else { None };
        let seq = self.journal(kind_of(&mutation), payload(&mutation), intents.clone()).await?;
        self.mutated.store(true, Ordering::Relaxed);
        let mut pauses = self.caller.pauses();
        let mut was_unknown = false;
        let mut answer = Answer::from(match early {
            Some(outcome) => outcome,
            None => self.caller.mutate(&mutation).await,
        });
        loop {
            match answer {
                Answer::Applied => return self.all_applied(seq, &intents).await,
                Answer::Refused(refusal) => return self.refused(seq, &intents, refusal, was_unknown).await,
                Answer::Unknown(_) if has(Flaw::TimeoutIsSuccess) => {
                    return self.all_applied(seq, &intents).await;
                }
                Answer::Unknown(ref why) if has(Flaw::TimeoutIsFailure) => {
                    return self.not_sent(seq, &intents, why, false).await;
                }
                Answer::Unknown(ref why) => {
                    was_unknown = true;
                    let unknown = Completion {
                        message: Some(why.detail.clone()),
                        ..self.completion(seq, IntentState::Unknown)
                    };
                    self.complete(unknown).await?;
                    let looked = self.look_at(&intents).await;
                    let all_done =
                        looked.open.is_empty() && looked.people.iter().all(|(_, s)| *s == IntentState::Done);
                    let settled = looked.open.is_empty();
                    let results = self.record_looks(seq, looked, why).await?;
                    if all_done || !settled {
                        return Ok(self.finish(results, (!settled).then_some(why)));
                    }
                    if intents.len() > 1 {
                        return self.send_the_rest(intents, results).await;
                    }
                    if !self.go_on(&mut pauses).await {
                        return Ok(self.finish(results, Some(why)));
                    }
                }
                Answer::NotSent(ref why) => {
                    if why.kind == crate::gateway::WhyKind::Tls || !self.go_on(&mut pauses).await {
                        return self.not_sent(seq, &intents, why, was_unknown).await;
                    }
                }
            }
            self.store.journal_again(self.run, seq, self.now()).await?;
            answer = Answer::from(self.caller.mutate_again(&mutation).await);
        }
    }

    async fn wait_for_turn(&self) -> Option<Stopped> {
        if self.caller.turn().await { None } else { self.must_stop() }
    }

    async fn go_on(&self, pauses: &mut impl Iterator<Item = std::time::Duration>) -> bool {
        match pauses.next() {
            Some(pause) => self.caller.pause(pause).await,
            None => false,
        }
    }

    fn finish(&self, results: Vec<(PersonKey, Sent)>, unanswered: Option<&Why>) -> BatchSent {
        let stopped = unanswered.and_then(|why| self.count_unanswered(why));
        BatchSent { people: results, stopped }
    }

    async fn all_applied(&self, seq: i64, intents: &[Intent]) -> Result<BatchSent, StoreError> {
        self.unanswered.store(0, Ordering::Relaxed);
        let entries = intents
            .iter()
            .map(|i| EntryChange {
                person: i.person.clone(),
                entry: i.after.as_ref().map(|after| i.entry_if_applied(after.clone(), None, false)),
            })
            .collect();
        self.complete(Completion { code: Some(0), entries, ..self.completion(seq, IntentState::Applied) })
            .await?;
        let people = intents.iter().map(|i| (i.person.clone(), Sent::Done)).collect();
        Ok(BatchSent { people, stopped: None })
    }

    /// A usable no. After an unknown attempt it may be the echo of that attempt's success, and a batch may be half
    /// done: a look tells.
    async fn refused(
        &self,
        seq: i64,
        intents: &[Intent],
        refusal: Refusal,
        was_unknown: bool,
    ) -> Result<BatchSent, StoreError> {
        self.unanswered.store(0, Ordering::Relaxed);
        let failed = Sent::Failed { code: Some(refusal.code), message: words::refused(&refusal) };
        let fatal = Stopped::by(refusal.clone());
        let is_delete = intents.iter().all(|i| i.after.is_none());
        let looked = if fatal.is_none() && (was_unknown || is_delete) {
            self.look_at(intents).await
        } else {
            Looked::default()
        };
        // Whoever could not be looked at stays unknown if an earlier attempt was; a plain no is a no.
        let state = if was_unknown && (fatal.is_some() || !looked.open.is_empty()) {
            IntentState::Unknown
        } else {
            IntentState::Refused
        };
        if refusal.kind == RefusalKind::NoSuchGroup {
            // Somebody removed a group that we had seen: forget it, so that the next plan looks again.
            let groups =
                intents.iter().filter_map(|i| i.after.as_ref()).map(|a| (a.group.clone(), false)).collect();
            self.store.note_groups(self.target, groups, self.now()).await?;
        }
        let keep = |s: IntentState| s == IntentState::Done || was_unknown;
        let completion = Completion {
            code: Some(refusal.code),
            message: Some(refusal.message.clone()),
            people: looked.people.iter().filter(|(_, s)| keep(*s)).cloned().collect(),
            entries: looked.entries,
            ..self.completion(seq, state)
        };
        self.complete(completion).await?;
        let done: BTreeMap<_, _> = looked.people.into_iter().collect();
        let people = intents
            .iter()
            .map(|i| {
                let is_done = done.get(&i.person) == Some(&IntentState::Done);
                (i.person.clone(), if is_done { Sent::Done } else { failed.clone() })
            })
            .collect();
        Ok(BatchSent { people, stopped: fatal })
    }

    async fn not_sent(
        &self,
        seq: i64,
        intents: &[Intent],
        why: &Why,
        was_unknown: bool,
    ) -> Result<BatchSent, StoreError> {
        let state = if was_unknown { IntentState::Unknown } else { IntentState::NotSent };
        self.complete(Completion { message: Some(why.detail.clone()), ..self.completion(seq, state) })
            .await?;
        let failed = Sent::Failed { code: None, message: words::not_sent(why) };
        let people = intents.iter().map(|i| (i.person.clone(), failed.clone())).collect();
        Ok(self.finish(people, Some(why)))
    }

    /// Looks at everybody a call concerns.
    async fn look_at(&self, intents: &[Intent]) -> Looked {
        let mut looked = Looked::default();
        for intent in intents {
            let mut records = BTreeMap::new();
            for name in [&intent.username, &intent.new_username] {
                if records.contains_key(name) {
                    continue;
                }
                if let Ok(record) = self.look(name).await {
                    records.insert(name.clone(), record);
                } else if has(Flaw::BlindIsAbsent) {
                    records.insert(name.clone(), None);
                }
            }
            let complete =
                records.contains_key(&intent.username) && records.contains_key(&intent.new_username);
            if !complete {
                looked.open.push(intent.person.clone());
                continue;
            }
            // Names that somebody else of ours holds were refused when this was planned.
            let (state, entry) = judge(intent, &records, &|_| false);
            looked.people.push((intent.person.clone(), state));
            if entry != intent.before {
                looked.entries.push(EntryChange { person: intent.person.clone(), entry });
            }
        }
        looked
    }

    /// Journals what looks at an unanswered call showed.
    async fn record_looks(
        &self,
        seq: i64,
        looked: Looked,
        why: &Why,
    ) -> Result<Vec<(PersonKey, Sent)>, StoreError> {
        let mut results = Vec::new();
        for (person, state) in &looked.people {
            let sent = match state {
                IntentState::Done => Sent::Done,
                _ => Sent::Failed { code: None, message: words::did_not_happen(why) },
            };
            results.push((person.clone(), sent));
        }
        for person in &looked.open {
            results.push((person.clone(), Sent::Failed { code: None, message: words::unknown(why) }));
        }
        if !looked.people.is_empty() {
            let completion = Completion {
                message: Some(why.detail.clone()),
                people: looked.people,
                entries: looked.entries,
                ..self.completion(seq, IntentState::Unknown)
            };
            self.complete(completion).await?;
        }
        Ok(results)
    }

    /// A batch that is half done: those who are still there are sent as a new call.
    async fn send_the_rest(
        &self,
        intents: Vec<Intent>,
        results: Vec<(PersonKey, Sent)>,
    ) -> Result<BatchSent, StoreError> {
        let (done, _): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, sent)| *sent == Sent::Done);
        let rest: Vec<Intent> =
            intents.into_iter().filter(|i| !done.iter().any(|(person, _)| *person == i.person)).collect();
        let mut batch = BatchSent { people: done, stopped: None };
        for intent in rest {
            if let Some(why) = self.must_stop() {
                batch.stopped.get_or_insert(why);
                break;
            }
            let mutation = Mutation::Delete(vec![intent.username.clone()]);
            let person = intent.person.clone();
            let one = Box::pin(self.send_batch(vec![intent], mutation)).await?;
            batch.people.extend(one.people.into_iter().filter(|(p, _)| *p == person));
            if let Some(why) = one.stopped {
                batch.stopped = Some(why);
                break;
            }
        }
        Ok(batch)
    }

    /// Creates a group; that it exists already is as good.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn create_group(&self, path: &GroupPath) -> Result<Sent, StoreError> {
        let mutation = Mutation::AddGroup(path.clone());
        if let Some(why) = self.wait_for_turn().await {
            return Ok(Sent::Stop(why));
        }
        let seq = self.journal(kind_of(&mutation), payload(&mutation), Vec::new()).await?;
        self.mutated.store(true, Ordering::Relaxed);
        let mut pauses = self.caller.pauses();
        let mut answer = Answer::from(self.caller.mutate(&mutation).await);
        loop {
            let why = match answer {
                Answer::Applied => return self.group_there(seq, path, IntentState::Applied).await,
                Answer::Refused(r) if r.kind == RefusalKind::NameTaken => {
                    return self.group_there(seq, path, IntentState::Done).await;
                }
                Answer::Refused(refusal) => return self.group_refused(seq, refusal).await,
                Answer::NotSent(why) => why,
                Answer::Unknown(why) => {
                    if let Ok(Some(_)) = self.caller.group(path).await {
                        return self.group_there(seq, path, IntentState::Done).await;
                    }
                    why
                }
            };
            if !self.go_on(&mut pauses).await {
                let completion = Completion {
                    message: Some(why.detail.clone()),
                    ..self.completion(seq, IntentState::Unknown)
                };
                self.complete(completion).await?;
                let failed = Sent::Failed { code: None, message: words::unknown(&why) };
                return Ok(self.count_unanswered(&why).map_or(failed, Sent::Stop));
            }
            self.store.journal_again(self.run, seq, self.now()).await?;
            answer = Answer::from(self.caller.mutate_again(&mutation).await);
        }
    }

    async fn group_there(&self, seq: i64, path: &GroupPath, state: IntentState) -> Result<Sent, StoreError> {
        self.unanswered.store(0, Ordering::Relaxed);
        self.complete(Completion { groups: vec![path.clone()], ..self.completion(seq, state) }).await?;
        Ok(Sent::Done)
    }

    async fn group_refused(&self, seq: i64, refusal: Refusal) -> Result<Sent, StoreError> {
        let completion = Completion {
            code: Some(refusal.code),
            message: Some(refusal.message.clone()),
            ..self.completion(seq, IntentState::Refused)
        };
        self.complete(completion).await?;
        let failed = Sent::Failed { code: Some(refusal.code), message: words::refused(&refusal) };
        Ok(Stopped::by(refusal).map_or(failed, Sent::Stop))
    }

    /// The snapshot learns what a look showed; the target is dirty from then on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn learn(&self, change: EntryChange) -> Result<(), StoreError> {
        self.mutated.store(true, Ordering::Relaxed);
        self.store.settle(self.target, self.run, Vec::new(), vec![change], true, self.now()).await
    }

    /// An account becomes ours without a call.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn adopt(&self, change: EntryChange) -> Result<(), StoreError> {
        self.store.settle(self.target, self.run, Vec::new(), vec![change], false, self.now()).await
    }

    /// Sends the run's one commit. Consumes the sender: nothing can be sent after it. What the gateway said is told also
    /// when it cannot be recorded: then the target stays dirty.
    ///
    /// # Errors
    /// If the database fails before anything is sent.
    pub async fn commit(self) -> Result<(Outcome, Result<bool, StoreError>), StoreError> {
        let seq = self.journal("commit", "commit".into(), Vec::new()).await?;
        let mut outcome = self.caller.commit().await;
        if has(Flaw::CommitAgain) && matches!(outcome, Outcome::Unknown(_)) {
            outcome = self.caller.commit().await;
        }
        if has(Flaw::CommitTimeoutIsSuccess) && matches!(outcome, Outcome::Unknown(_)) {
            outcome = Outcome::Applied;
        }
        let mut done = self.completion(seq, IntentState::Unknown);
        match &outcome {
            Outcome::Applied => (done.state, done.code) = (IntentState::Applied, Some(0)),
            Outcome::Refused(refusal) => {
                done.state = IntentState::Refused;
                done.code = Some(refusal.code);
                done.message = Some(refusal.message.clone());
            }
            Outcome::Unknown(why) => done.message = Some(why.detail.clone()),
            Outcome::NotSent(why) => {
                done.state = IntentState::NotSent;
                done.message = Some(why.detail.clone());
            }
        }
        let recorded = self.store.complete_commit(self.target, done, self.now()).await;
        Ok((outcome, recorded))
    }
}

pub(super) const fn kind_of(mutation: &Mutation) -> &'static str {
    match mutation {
        Mutation::Add(_) => "add",
        Mutation::Update(_) => "update",
        Mutation::Delete(_) => "delete",
        Mutation::AddGroup(_) => "add_group",
        Mutation::Kick(_) => "kick",
    }
}

/// BLAKE3 of what is sent, password left out: the journal says what was sent without holding it.
pub(super) fn payload(mutation: &Mutation) -> String {
    let value = match mutation {
        Mutation::Add(a) => json!([a.name, a.group, a.note, a.phone, a.roles, a.auth, a.expires_on]),
        Mutation::Update(u) => json!(u),
        Mutation::Delete(names) | Mutation::Kick(names) => json!(names),
        Mutation::AddGroup(path) => json!(path),
    };
    blake3::hash(value.to_string().as_bytes()).to_hex().to_string()
}
