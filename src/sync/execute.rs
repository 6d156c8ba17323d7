//! Walks a plan's actions: has each call built (`build`), looks right before it where the target's policy says so, and hands it to
//! `send`. A look can only narrow the plan. Which actions there are, and in which order, is the plan's business.

mod build;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use futures_util::StreamExt;

use super::recovery::{same_user, state_of};
use super::send::{Sender, Sent, Stopped};
use super::words;
use crate::clock::Clock;
use crate::config::{LookPolicy, TargetConfig};
use crate::gateway::{Gateway, ReadError, UserRecord};
use crate::handout::FirstPasswords;
use crate::model::{GroupPath, PersonKey, Username};
use crate::plan::{AccountState, Action, ActionKind, Counts, InFlight, Plan, Snapshot};
use crate::reason::{Block, BlockReason, Blocked, Guard};
use crate::report::Failure;
use crate::sabotage::{Flaw, has};
use crate::store::StoreError;
use crate::store::journal::RunId;
use crate::store::snapshot::EntryChange;

/// What walking the plan came to.
#[derive(Debug, Default)]
pub struct Executed {
    /// The plan was walked at all, be it only to find that nobody may be touched.
    pub ran: bool,
    /// People by what was done.
    pub counts: Counts,
    /// Accounts that failed.
    pub failures: Vec<Failure>,
    /// People whom a look right before the call made us leave alone.
    pub blocked: Vec<Blocked>,
    /// Why it ended early, if it did.
    pub stopped: Option<Stopped>,
    /// The check that a quarantine is for, if one tripped.
    pub quarantine: Option<Guard>,
    /// The first update of this device was looked at before and after, and did no harm.
    pub update_checked: bool,
    /// How the database failed, if it did.
    pub store_error: Option<String>,
}

impl Executed {
    /// How many of the plan's actions were not begun.
    pub fn left_of(&self, plan: &Plan) -> u64 {
        let told = self.failures.len() + self.blocked.len();
        (plan.to_send().count() as u64).saturating_sub(self.counts.acted_on() + told as u64)
    }
}

/// The password check of a device's first update, see [`Executor::compare_passwords`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Still to be done.
    Due,
    /// Done earlier, accepted by configuration, or not a matter on this dialect.
    NotNeeded,
}

/// Carries out one plan on one target.
pub struct Executor<'a, G, C: Clock + Clone> {
    sender: &'a Sender<'a, G, C>,
    target: &'a TargetConfig,
    plan: &'a Plan,
    planned: usize,
    snapshot: &'a Snapshot,
    in_flight: &'a BTreeMap<PersonKey, InFlight>,
    run: RunId,
    check_passwords: AtomicBool,
    first: FirstPasswords,
    state: Mutex<Executed>,
    missing_groups: Mutex<BTreeSet<GroupPath>>,
    progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// What became of one person's action before or after its call.
enum Step {
    Done,
    Failed { code: Option<i64>, message: String },
    Blocked(BlockReason),
    Skipped,
}

/// What an action needs to know of the account right before its call.
enum Ready {
    /// This is how the account looks (or is believed to look, where no look is made).
    Go(Option<Box<UserRecord>>),
    /// Leave it alone.
    No(Step),
}

impl<'a, G: Gateway, C: Clock + Clone> Executor<'a, G, C> {
    /// An executor for a plan that nothing holds as a whole.
    #[expect(
        clippy::too_many_arguments,
        reason = "one place builds it, from as many things as a run consists of"
    )]
    pub fn new(
        sender: &'a Sender<'a, G, C>,
        target: &'a TargetConfig,
        plan: &'a Plan,
        snapshot: &'a Snapshot,
        in_flight: &'a BTreeMap<PersonKey, InFlight>,
        run: RunId,
        passwords: PasswordCheck,
        progress: &'a (dyn Fn(u64) + Send + Sync),
    ) -> Self {
        Self {
            sender,
            target,
            plan,
            planned: plan.to_send().count(),
            snapshot,
            in_flight,
            run,
            check_passwords: AtomicBool::new(passwords == PasswordCheck::Due),
            first: FirstPasswords::default(),
            state: Mutex::default(),
            missing_groups: Mutex::default(),
            progress,
        }
    }

    /// With these passwords for the accounts that it makes.
    pub fn with_passwords(self, first: FirstPasswords) -> Self {
        Self { first, ..self }
    }

    fn state(&self) -> MutexGuard<'_, Executed> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Carries the plan out and says what it came to. If the database fails, nothing more is sent.
    pub async fn run(self) -> Executed {
        let walked = self.walk().await;
        let mut executed = self.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        executed.ran = true;
        if let Err(error) = walked {
            executed.stopped = Some(Stopped::Store);
            executed.store_error = Some(error.to_string());
        }
        executed
    }

    async fn walk(&self) -> Result<(), StoreError> {
        self.create_groups().await?;
        let of =
            |kind: ActionKind| -> Vec<&Action> { self.plan.to_send().filter(|a| a.kind == kind).collect() };
        self.phase(of(ActionKind::Update), self.width()).await?;
        // Renames go one after another: one may free the name that the next one takes.
        self.phase(of(ActionKind::Rename), 1).await?;
        for kind in [ActionKind::Enable, ActionKind::Adopt, ActionKind::Add, ActionKind::Disable] {
            self.phase(of(kind), self.width()).await?;
        }
        for batch in of(ActionKind::Delete).chunks(self.target.pace.delete_batch.max(1) as usize) {
            self.delete(batch).await?;
        }
        Ok(())
    }

    fn width(&self) -> usize {
        self.target.pace.concurrency.max(1) as usize
    }

    async fn phase(&self, actions: Vec<&Action>, width: usize) -> Result<(), StoreError> {
        let mut steps = futures_util::stream::iter(actions)
            .map(|action| async move { (action, self.step(action).await) })
            .buffer_unordered(width);
        let mut broken = None;
        while let Some((action, step)) = steps.next().await {
            match step {
                Ok(step) => self.note(action, step),
                Err(error) => {
                    self.stop(Stopped::Store);
                    broken = Some(error);
                }
            }
        }
        broken.map_or(Ok(()), Err)
    }

    fn stop(&self, why: Stopped) {
        self.state().stopped.get_or_insert(why);
    }

    /// Whether nothing more may be sent; asks for time and signals too.
    fn is_over(&self) -> bool {
        if self.state().stopped.is_some() {
            return true;
        }
        if let Some(why) = self.sender.must_stop() {
            self.stop(why);
            return true;
        }
        false
    }

    fn note(&self, action: &Action, step: Step) {
        let mut state = self.state();
        match step {
            Step::Done => bump(&mut state.counts, action.kind),
            Step::Skipped => {}
            Step::Failed { code, message } => state.failures.push(Failure {
                person: action.person.clone(),
                username: action.username.clone(),
                kind: action.kind,
                code,
                message,
            }),
            Step::Blocked(reason) => {
                let rows = action.source.iter().cloned().collect();
                let block = Block { reason, rows, username: Some(action.username.clone()) };
                state.blocked.push(block.of(&action.person, self.plan.as_of));
            }
        }
        self.judge_failures(&mut state);
        drop(state);
        (self.progress)(1);
    }

    /// `max_failed_percent`: a run in which too much fails stops, and what it wrote must not take effect.
    fn judge_failures(&self, state: &mut Executed) {
        let Some(limit) = self.target.guard.max_failed_percent.figure() else { return };
        let failed = state.failures.len();
        if failed > 3 && failed as f64 * 100.0 > limit * self.planned as f64 {
            state.quarantine.get_or_insert(Guard::MaxFailedPercent);
            state.stopped.get_or_insert(Stopped::TooManyFailed);
        }
    }

    async fn create_groups(&self) -> Result<(), StoreError> {
        for path in &self.plan.create_groups {
            let parent_missing = path.parent().is_some_and(|p| self.lacks(&p));
            if self.is_over() || parent_missing {
                self.groups_lacking().insert(path.clone());
                continue;
            }
            match self.sender.create_group(path).await? {
                Sent::Done => {}
                Sent::Failed { .. } => {
                    self.groups_lacking().insert(path.clone());
                }
                Sent::Stop(why) => {
                    self.groups_lacking().insert(path.clone());
                    self.stop(why);
                }
            }
        }
        Ok(())
    }

    fn groups_lacking(&self) -> MutexGuard<'_, BTreeSet<GroupPath>> {
        self.missing_groups.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn lacks(&self, group: &GroupPath) -> bool {
        self.groups_lacking().contains(group)
    }

    async fn step(&self, action: &Action) -> Result<Step, StoreError> {
        if self.is_over() {
            return Ok(Step::Skipped);
        }
        if self.lacks(&action.after.group) {
            let group = action.after.group.clone();
            return Ok(Step::Blocked(BlockReason::MissingGroup { group, creatable: false }));
        }
        let record = match self.ready(action).await? {
            Ready::Go(record) => record,
            Ready::No(step) => return Ok(step),
        };
        let (mutation, after) = match self.build(action, record.as_deref()) {
            Ok(built) => built,
            Err(step) => return Ok(step),
        };
        let Some(mutation) = mutation else {
            return self.adopt_as_it_is(action, record.as_deref(), after).await;
        };
        let intent = self.intent(action, Some(after), record.as_deref());
        let sent = self.sender.send(intent, mutation).await?;
        if let Some(step) = self.name_was_there(action, &sent).await {
            return Ok(step);
        }
        let step = self.after_sending(sent);
        if matches!(step, Step::Done)
            && let Some(before) = &record
        {
            self.compare_passwords(action, before).await;
        }
        Ok(step)
    }

    /// An add that was refused because somebody else has the name is no failure that the next run should repeat.
    async fn name_was_there(&self, action: &Action, sent: &Sent) -> Option<Step> {
        let refused = matches!(sent, Sent::Failed { code: Some(_), .. });
        if action.kind != ActionKind::Add || !refused || self.sender.must_stop().is_some() {
            return None;
        }
        match self.sender.look(&action.username).await {
            Ok(Some(record))
                if has(Flaw::ExistsIsOurs) && state_of(&record, &action.after) == action.after =>
            {
                let intent = self.intent(action, Some(action.after.clone()), None);
                let entry = intent.entry_if_applied(action.after.clone(), record.id, false);
                let change = EntryChange { person: action.person.clone(), entry: Some(entry) };
                self.sender.adopt(change).await.ok().map(|()| Step::Done)
            }
            Ok(Some(_)) => Some(name_exists(&action.username)),
            _ => None,
        }
    }

    fn after_sending(&self, sent: Sent) -> Step {
        match sent {
            Sent::Done => Step::Done,
            Sent::Failed { code, message } => Step::Failed { code, message },
            Sent::Stop(why) => {
                let failed = match &why {
                    Stopped::Refused(refusal) => {
                        Step::Failed { code: Some(refusal.code), message: words::refused(refusal) }
                    }
                    Stopped::Unanswered(detail) => {
                        Step::Failed { code: None, message: words::unknown(detail) }
                    }
                    _ => Step::Skipped,
                };
                self.stop(why);
                failed
            }
        }
    }

    fn wants_look(&self, action: &Action) -> bool {
        if self.in_flight.contains_key(&action.person) || action.kind == ActionKind::Adopt {
            return true;
        }
        match (action.kind, self.target.look) {
            (ActionKind::Add, _) | (_, LookPolicy::Never) => self.checks_passwords(action),
            // An update sends back what is not managed, and whether somebody disabled the user is never managed: so
            // even where nothing left out is erased, only a look tells what to send.
            (_, LookPolicy::Erasing | LookPolicy::Always) => true,
        }
    }

    fn checks_passwords(&self, action: &Action) -> bool {
        !matches!(action.kind, ActionKind::Add | ActionKind::Delete)
            && self.check_passwords.load(Ordering::Relaxed)
    }

    async fn ready(&self, action: &Action) -> Result<Ready, StoreError> {
        if action.new_username != action.username {
            match self.sender.look(&action.new_username).await {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(Ready::No(name_exists(&action.new_username))),
                Err(error) => return Ok(Ready::No(self.no_look(error))),
            }
        }
        if !self.wants_look(action) {
            return Ok(Ready::Go(None));
        }
        match self.sender.look(&action.username).await {
            Err(error) => Ok(Ready::No(self.no_look(error))),
            Ok(found) => self.narrow(action, found).await,
        }
    }

    fn no_look(&self, error: ReadError) -> Step {
        match error {
            ReadError::Refused(refusal) => {
                let step = Step::Failed { code: Some(refusal.code), message: words::refused(&refusal) };
                if let Some(why) = Stopped::by(refusal) {
                    self.stop(why);
                }
                step
            }
            ReadError::Failed(why) => {
                if let Some(stop) = self.sender.count_unanswered(&why) {
                    self.stop(stop);
                }
                Step::Failed { code: None, message: words::unknown(&why) }
            }
        }
    }

    /// What a look forbids.
    async fn narrow(&self, action: &Action, found: Option<UserRecord>) -> Result<Ready, StoreError> {
        let Some(record) = found else {
            return match action.kind {
                ActionKind::Add => Ok(Ready::Go(None)),
                kind => self.gone(action, kind).await,
            };
        };
        if action.kind == ActionKind::Add {
            return Ok(Ready::No(name_exists(&action.username)));
        }
        let known_id = self.entry(action).and_then(|e| e.gateway_id.as_ref());
        if !same_user(known_id, &record) {
            let name = action.username.clone();
            return Ok(Ready::No(Step::Blocked(BlockReason::MadeAgain { name })));
        }
        let tag = &self.target.keep_tag;
        if !tag.is_empty() && record.note.as_deref().is_some_and(|note| note.starts_with(tag.as_str())) {
            return Ok(Ready::No(Step::Blocked(BlockReason::KeepTag { tag: tag.clone() })));
        }
        Ok(Ready::Go(Some(Box::new(record))))
    }

    /// The account is not on the gateway any more: a delete is done, anything else cannot be. Either way the snapshot
    /// learns it, and the target becomes dirty, because log-ins may still see the user until a commit.
    async fn gone(&self, action: &Action, kind: ActionKind) -> Result<Ready, StoreError> {
        if kind == ActionKind::Delete && has(Flaw::AbsentDeleteFails) {
            let message = rust_i18n::t!("sync.not_on_gateway", name = action.username).into_owned();
            return Ok(Ready::No(Step::Failed { code: None, message }));
        }
        if kind != ActionKind::Adopt && has(Flaw::GoneForgotten) {
            self.sender.adopt(EntryChange { person: action.person.clone(), entry: None }).await?;
        } else if kind != ActionKind::Adopt {
            self.sender.learn(EntryChange { person: action.person.clone(), entry: None }).await?;
        }
        Ok(Ready::No(if kind == ActionKind::Delete {
            Step::Done
        } else {
            Step::Blocked(BlockReason::NotOnGateway { name: action.username.clone() })
        }))
    }

    /// An adoption that changes nothing on the gateway: the snapshot learns it, nothing is sent.
    async fn adopt_as_it_is(
        &self,
        action: &Action,
        record: Option<&UserRecord>,
        state: AccountState,
    ) -> Result<Step, StoreError> {
        let intent = self.intent(action, Some(state.clone()), record);
        let entry = intent.entry_if_applied(state, record.and_then(|r| r.id.clone()), false);
        self.sender.adopt(EntryChange { person: action.person.clone(), entry: Some(entry) }).await?;
        Ok(Step::Done)
    }

    /// On old firmware an update that carries no password may erase it. The first update that can tell is looked at
    /// before and after; if the password moved, nothing more is sent, and what was written must not take effect.
    async fn compare_passwords(&self, action: &Action, before: &UserRecord) {
        let has_password = |r: &UserRecord| {
            r.password_mark.as_deref().is_some_and(|mark| mark != blake3::hash(b"").to_hex().as_str())
        };
        if !self.checks_passwords(action) || !has_password(before) {
            return;
        }
        let Ok(Some(after)) = self.sender.look(&action.new_username).await else { return };
        self.check_passwords.store(false, Ordering::Relaxed);
        let moved =
            before.password_mark != after.password_mark || before.password_changed != after.password_changed;
        let mut state = self.state();
        if moved {
            state.quarantine.get_or_insert(Guard::UpdatesErasePassword);
            state.stopped.get_or_insert(Stopped::PasswordErased(action.username.clone()));
        } else {
            state.update_checked = true;
        }
    }

    async fn delete(&self, batch: &[&Action]) -> Result<(), StoreError> {
        let mut intents = Vec::new();
        let mut by_person: BTreeMap<PersonKey, &Action> = BTreeMap::new();
        for action in batch {
            if self.is_over() {
                break;
            }
            match self.ready(action).await? {
                Ready::Go(record) => {
                    intents.push(self.intent(action, None, record.as_deref()));
                    by_person.insert(action.person.clone(), action);
                }
                Ready::No(step) => self.note(action, step),
            }
        }
        if intents.is_empty() || self.is_over() {
            return Ok(());
        }
        let outcome = self.sender.delete(intents).await?;
        for (person, sent) in outcome.people {
            if let Some(action) = by_person.get(&person) {
                let step = self.after_sending(sent);
                self.note(action, step);
            }
        }
        if let Some(why) = outcome.stopped {
            self.stop(why);
        }
        Ok(())
    }
}

fn name_exists(name: &Username) -> Step {
    Step::Blocked(BlockReason::NameExists { name: name.clone() })
}

/// One more person of this kind.
fn bump(counts: &mut Counts, kind: ActionKind) {
    let figure = match kind {
        ActionKind::Add => &mut counts.add,
        ActionKind::Adopt => &mut counts.adopt,
        ActionKind::Update => &mut counts.update,
        ActionKind::Rename => &mut counts.rename,
        ActionKind::Enable => &mut counts.enable,
        ActionKind::Disable => &mut counts.disable,
        ActionKind::Delete => &mut counts.delete,
    };
    *figure += 1;
}
