//! One run on one target, from its first record to its last: open (begin, recover), plan (looks, guards), carry out,
//! commit, close. Who may run, and the roster, are the caller's business.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::caller::Caller;
use super::estimate;
use super::execute::{Executed, Executor, PasswordCheck};
use super::first;
use super::outcome;
use super::recovery::{OutOfReach, Patience, Recovery, recover};
use super::send::{Sender, Stopped};
use super::verify::{self, VERIFY_CHECK};
use super::{kick, words};
use crate::clock::Clock;
use crate::config::{AccountConfig, TargetConfig, Verify};
use crate::gateway::{Dialect, Gateway, Outcome, ReadError};
use crate::handout::FirstPasswords;
use crate::mapping::Wanted;
use crate::model::PersonKey;
use crate::plan::{self, AppliedRoster, Device, Looks, OverrideKind, Past, Plan, PlanInput, Snapshot};
use crate::report::{ApprovalRef, CommitState, ErrorReport, TargetReport};
use crate::roster::Roster;
use crate::sabotage::{Flaw, has};
use crate::stop::Stop;
use crate::store::audit::{Head, Record};
use crate::store::journal::{Actor, NewRun, RunEnd, RunId, Trigger};
use crate::store::memory::TargetRow;
use crate::store::plans::PlanId;
use crate::store::{Store, StoreError};

/// The check of `[target.auth] updates_erase_password`, as a quarantine names it.
pub const PASSWORD_CHECK: &str = "updates_erase_password";
/// Roles per page when the device lists them; it climbs over 5,000 rows at once.
const PAGE: u64 = 500;

/// What a run is asked to do, the same for all targets.
#[derive(Debug, Clone)]
pub struct Order {
    /// The day planned for.
    pub as_of: NaiveDate,
    /// Show only.
    pub dry: bool,
    /// Show only, and look at nothing.
    pub offline: bool,
    /// What set it off.
    pub trigger: Trigger,
    /// For whom.
    pub actor: Actor,
    /// Digest of the configuration.
    pub config_digest: String,
    /// Put back what this run changed, instead of doing what the roster says.
    pub undo: Option<RunId>,
    /// `--only`: nobody else gets an action.
    pub only: Option<BTreeSet<PersonKey>>,
    /// `--allow-guard`.
    pub allow_guards: BTreeSet<String>,
    /// Its reason.
    pub reason: String,
    /// Being asked to stop.
    pub stop: Stop,
}

/// A stored plan that a run must carry out, or refuse.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Its number.
    pub id: PlanId,
    /// Its digest.
    pub digest: String,
    /// Itself, to word what moved on.
    pub plan: Plan,
}

/// What a target's run stands on.
pub struct Ground<'a, G, C: Clock + Clone> {
    /// Database.
    pub store: &'a Store,
    /// Target.
    pub target: &'a TargetConfig,
    /// Mapping's configuration.
    pub account: &'a AccountConfig,
    /// The gateway; none for `--offline`.
    pub gateway: Option<&'a G>,
    /// Clock.
    pub clock: C,
    /// Progress: actions done.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// Why a run cannot go on before anything was planned or sent.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The device.
    #[error("{0:?}")]
    OutOfReach(OutOfReach),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored plan does not fit.
    #[error("{0}")]
    PlanMoved(String),
}

impl From<OutOfReach> for RunError {
    fn from(reason: OutOfReach) -> Self {
        Self::OutOfReach(reason)
    }
}

/// The record that a run begins with.
pub fn new_run(target: &TargetConfig, order: &Order) -> NewRun {
    NewRun {
        target: target.name.clone(),
        dry: order.dry,
        trigger: order.trigger,
        actor: order.actor.clone(),
        config_digest: order.config_digest.clone(),
        as_of: order.as_of,
    }
}

/// A run that has begun.
pub struct Run<'a, G, C: Clock + Clone> {
    ground: Ground<'a, G, C>,
    order: &'a Order,
    caller: Option<Caller<'a, G, C>>,
    id: RunId,
    began: Duration,
    row: TargetRow,
    recovery: Recovery,
    warnings: Vec<String>,
    loosened: Vec<String>,
    mutated: bool,
}

/// What planning gave.
struct Planned {
    plan: Plan,
    id: PlanId,
    digest: String,
    snapshot: Snapshot,
    facts: AppliedRoster,
}

/// How a commit went.
struct Committed {
    state: CommitState,
    trouble: Option<String>,
    /// It is confirmed and recorded, and nothing is left open.
    clean: bool,
    /// It went so, but that could not be recorded.
    store_error: Option<StoreError>,
}

impl Committed {
    const fn new(state: CommitState, trouble: Option<String>) -> Self {
        Self { state, trouble, clean: false, store_error: None }
    }
}

impl<'a, G: Gateway, C: Clock + Clone> Run<'a, G, C> {
    /// Begins the run's record. The caller holds the target's lock, unless the run is dry.
    ///
    /// # Errors
    /// If the database fails: then there is no run.
    pub async fn begin(ground: Ground<'a, G, C>, order: &'a Order) -> Result<Self, StoreError> {
        let new = new_run(ground.target, order);
        let began = ground.clock.monotonic();
        let (id, crashed) = ground.store.begin_run(new, ground.clock.now()).await?;
        let row = ground.store.target(&ground.target.name).await?;
        let limit = ground.target.max_duration.map(|d| d.as_duration());
        let caller = ground.gateway.map(|g| {
            let seed = id.0.unsigned_abs();
            Caller::new(g, ground.clock.clone(), &ground.target.pace, limit, order.stop.clone(), seed)
        });
        let mut run = Self {
            ground,
            order,
            caller,
            id,
            began,
            row,
            recovery: Recovery::default(),
            warnings: Vec::new(),
            loosened: Vec::new(),
            mutated: false,
        };
        run.recovery.words.extend(crashed.into_iter().map(words::crashed));
        run.loosened = run.note_config().await?;
        if run.ground.target.tls.insecure {
            run.warnings.push(rust_i18n::t!("sync.insecure", target = run.ground.target.name).into_owned());
        }
        Ok(run)
    }

    fn now(&self) -> DateTime<Utc> {
        self.ground.clock.now()
    }

    /// Remembers the target's configuration, and records which brakes were taken off since the last run.
    async fn note_config(&self) -> Result<Vec<String>, StoreError> {
        if self.order.dry {
            return Ok(Vec::new());
        }
        let (store, target) = (self.ground.store, self.ground.target);
        let text = crate::store::json(target)?;
        let before = store.note_config(&target.name, text).await?;
        let old: Option<TargetConfig> = before.and_then(|text| serde_json::from_str(&text).ok());
        let loosened = old.map(|old| crate::config::loosened(&old, target)).unwrap_or_default();
        if loosened.is_empty() {
            return Ok(loosened);
        }
        let body = serde_json::json!({ "loosened": loosened, "actor": self.order.actor });
        store.audit(Record::new("config_changed", self.now()).on(&target.name, self.id).body(body)).await?;
        Ok(loosened)
    }

    /// Looks at what earlier runs left open. A dry run keeps what it finds to itself.
    ///
    /// # Errors
    /// When the device is out of reach, or the database fails.
    pub async fn recover(&mut self) -> Result<(), RunError> {
        let Some(caller) = &self.caller else { return Ok(()) };
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let intents = store.open_intents(target).await?;
        if intents.is_empty() {
            return Ok(());
        }
        let snapshot = store.snapshot(target).await?;
        let mut found = recover(caller, &intents, &snapshot, self.now()).await?;
        if !self.order.dry {
            store
                .settle(
                    target,
                    self.id,
                    found.settled.clone(),
                    found.entries.clone(),
                    found.moved,
                    self.now(),
                )
                .await?;
            self.row = store.target(target).await?;
        }
        found.words.splice(0..0, std::mem::take(&mut self.recovery.words));
        self.recovery = found;
        Ok(())
    }

    /// Plans, and carries the plan out unless the run is dry. Ends the run's record whatever happens.
    ///
    /// A database that fails is told in the report: what was sent and not recorded leaves the target dirty.
    pub async fn carry_out(
        mut self,
        roster: &Roster,
        wanted: &BTreeMap<PersonKey, Wanted>,
        expected: Option<&Expected>,
    ) -> (TargetReport, Option<Head>) {
        let planned = match self.plan(roster, wanted, expected).await {
            Ok(planned) => planned,
            Err(error) => return self.fail(&error).await,
        };
        let mut report = outcome::report(&self.ground.target.name, self.id, &planned.plan);
        report.plan = Some(outcome::plan_ref(planned.id, &planned.digest));
        if self.order.dry {
            report.estimate = Some(estimate::of(self.ground.target, &planned.plan));
            outcome::dry(&mut report, &planned.plan);
        } else if let Err(error) = self.real(&mut report, &planned, roster).await {
            let dirty = self.is_dirty().await;
            outcome::failed(&mut report, words::store_failed(&error.to_string()), dirty);
        }
        self.close(report).await
    }

    async fn plan(
        &mut self,
        roster: &Roster,
        wanted: &BTreeMap<PersonKey, Wanted>,
        expected: Option<&Expected>,
    ) -> Result<Planned, RunError> {
        let (store, target, order) = (self.ground.store, self.ground.target, self.order);
        let mut snapshot = store.snapshot(&target.name).await?;
        if order.dry {
            self.recovery.overlay(&mut snapshot);
        }
        let now = self.now();
        let sources = store.sources().await?;
        let missing = plan::missing(&snapshot, roster, &sources);
        if !order.dry {
            store.note_missing(&target.name, roster.digest.clone(), missing.clone(), now).await?;
        }
        let past = store.past(&target.name, &roster.digest, Some(&missing), order.as_of, now).await?;
        let undone = expected.and_then(|e| e.plan.undo_of.map(RunId)).or(order.undo);
        let undo = match undone {
            Some(run) => Some(store.changes_of(run, &target.name).await?),
            None => None,
        };
        let past = Past { sources, undo, in_flight: self.recovery.in_flight.clone(), ..past };
        let mut looks = Looks { offline: order.offline, ..Looks::default() };
        let nothing = Looks::default();
        let input = PlanInput {
            as_of: order.as_of,
            now,
            target,
            account: self.ground.account,
            roster,
            wanted,
            snapshot: &snapshot,
            looks: &nothing,
            past: &past,
            only: order.only.as_ref(),
            allow_guards: &order.allow_guards,
        };
        loop {
            let needs = plan::needs(&PlanInput { looks: &looks, ..input });
            let Some(caller) = self.caller.as_ref().filter(|_| !needs.is_empty()) else { break };
            self.look(caller, &needs, &mut looks).await?;
        }
        let plan = plan::plan(&PlanInput { looks: &looks, ..input });
        let digest = plan.digest();
        let id = store.store_plan(self.id, &plan, digest.clone(), roster.digest.clone(), now).await?;
        if let Some(expected) = expected.filter(|e| e.digest != digest) {
            return Err(RunError::PlanMoved(outcome::what_moved(&expected.plan, &plan)));
        }
        if !order.dry && roster.sources.len() > 1 {
            store.note_people(roster, now).await?;
        }
        let facts = AppliedRoster::of(roster, wanted, target);
        Ok(Planned { plan, id, digest, snapshot, facts })
    }

    /// Looks at what planning needs. A name or group that gives no usable answer counts as not looked at, and the
    /// planner leaves its people alone.
    async fn look(
        &self,
        caller: &Caller<'_, G, C>,
        needs: &plan::Needs,
        looks: &mut Looks,
    ) -> Result<(), RunError> {
        let mut patience = Patience::default();
        let mut groups = BTreeMap::new();
        for path in &needs.groups {
            patience.still_on(caller)?;
            let found = patience.take(caller.group(path).await)?;
            groups.insert(path.clone(), found.is_some_and(|g| g.is_some()));
        }
        for name in &needs.users {
            patience.still_on(caller)?;
            let found = patience.take(caller.user(name).await)?;
            looks.users.insert(name.clone(), found.flatten());
        }
        if needs.roles {
            looks.roles = Some(all_roles(caller).await?);
        }
        if !self.order.dry && !groups.is_empty() {
            self.ground.store.note_groups(&self.ground.target.name, groups.clone(), self.now()).await?;
        }
        looks.groups.extend(groups);
        Ok(())
    }

    async fn real(
        &mut self,
        report: &mut TargetReport,
        planned: &Planned,
        roster: &Roster,
    ) -> Result<(), StoreError> {
        let (store, target) = (self.ground.store, self.ground.target);
        let plan = &planned.plan;
        if self.row.device.is_none() && !plan.held_as_a_whole() {
            let device = Device { url: target.url.clone(), dialect: target.dialect.as_str().into() };
            store.note_device(&target.name, device).await?;
        }
        let quarantine = self.standing_quarantine().await?;
        let may_send = !plan.held_as_a_whole() && quarantine.is_none();
        let sender = self.caller.as_ref().map(|c| Sender::new(c, store, &target.name, self.id));
        let mut executed = Executed::default();
        if let Some(sender) = sender.as_ref().filter(|_| may_send && (plan.has_work() || self.row.dirty)) {
            match self.probe(sender, planned).await {
                Err(stopped) => executed.stopped = Some(stopped),
                Ok(()) if plan.has_work() => {
                    report.approval = self.use_approvals(plan).await?;
                    match first::issue(target, self.id, plan, roster) {
                        Ok(issued) => {
                            let first =
                                first::told(store, target, self.id, self.now(), issued, report).await?;
                            executed = self.execute(sender, planned, first).await;
                        }
                        Err(error) => executed.stopped = Some(Stopped::NoPasswords(error.to_string())),
                    }
                }
                Ok(()) => {}
            }
        }
        self.mutated = sender.as_ref().is_some_and(Sender::may_be_dirty);
        if may_send && let Some(sender) = &sender {
            report.warnings.extend(self.verify(sender, &mut executed).await?);
        }
        outcome::merge(report, &executed);
        self.hold_undone(plan, &executed).await?;
        let leaving =
            if target.leavers.kick_online { store.uncommitted(&target.name).await? } else { Vec::new() };
        let commit = self.settle_up(plan, &executed, quarantine, sender).await?;
        report.commit = commit.state;
        if commit.clean {
            (self.row.dirty, self.mutated) = (false, false);
        }
        if let Some(caller) = self.caller.as_ref().filter(|_| commit.state == CommitState::Confirmed) {
            let names = kick::names(&leaving);
            report.warnings.extend(kick::kick(caller, store, &target.name, self.id, names).await?);
        }
        if let Some(error) = commit.store_error {
            return Err(error);
        }
        report.warnings.extend(executed.stopped.as_ref().map(words::stopped));
        report.warnings.extend(commit.trouble);
        let blocked = report.blocked.iter().map(|b| (b.person.clone(), b.reason.clone(), b.since)).collect();
        store.note_blocked(&target.name, self.id, blocked).await?;
        self.row = store.target(&target.name).await?;
        outcome::judge(report, plan, &executed, self.row.dirty);
        self.name_the_stop(report, &executed);
        let whole_roster = self.order.only.is_none() && !roster.partial && plan.undo_of.is_none();
        if whole_roster && outcome::counts_as_applied(report, plan) {
            store.note_applied(&target.name, self.id, planned.facts.clone(), self.now()).await?;
        }
        Ok(())
    }

    /// Proves what was written, where the target wants that; what is not as written must not take effect. What an earlier
    /// run was quarantined for is looked at as a whole, unless a person let it pass.
    async fn verify(
        &self,
        sender: &Sender<'_, G, C>,
        executed: &mut Executed,
    ) -> Result<Option<String>, StoreError> {
        let (store, target) = (self.ground.store, self.ground.target);
        let out_of_reach = matches!(executed.stopped, Some(Stopped::Refused(_) | Stopped::Unanswered(_)));
        let due = sender.has_mutated() || self.row.dirty;
        if !due || out_of_reach || executed.quarantine.is_some() || executed.store_error.is_some() {
            return Ok(None);
        }
        let failed_before = self.row.quarantined_by.as_deref() == Some(VERIFY_CHECK);
        if failed_before && self.is_let_pass(VERIFY_CHECK).await? {
            return Ok(None);
        }
        let how = if failed_before && target.verify != Verify::None { Verify::All } else { target.verify };
        let trouble = verify::check(sender, store, &target.name, how).await?;
        if trouble.is_some() {
            executed.quarantine = Some(VERIFY_CHECK);
        }
        Ok(trouble)
    }

    /// Whoever was put back must not be taken along by the next roster.
    async fn hold_undone(&self, plan: &Plan, executed: &Executed) -> Result<(), StoreError> {
        let Some(run) = plan.undo_of.filter(|_| executed.ran) else { return Ok(()) };
        let people = plan.to_send().map(|action| action.person.clone()).collect();
        let reason = rust_i18n::t!("sync.undo_hold", run = run).into_owned();
        let hold = Some((OverrideKind::Hold, None));
        self.ground.store.say(people, hold, reason, self.order.actor.clone(), self.now()).await
    }

    /// Whether the target is dirty, as the database says; where it does not answer, as far as this process knows.
    async fn is_dirty(&self) -> bool {
        let row = self.ground.store.target(&self.ground.target.name).await;
        row.map_or(self.row.dirty || self.mutated, |row| row.dirty)
    }

    fn name_the_stop(&self, report: &mut TargetReport, executed: &Executed) {
        let (name, url) = (self.ground.target.name.as_str(), self.ground.target.url.as_str());
        let reason = match &executed.stopped {
            Some(Stopped::Refused(refusal)) => OutOfReach::Refused(refusal.clone()),
            Some(Stopped::Unanswered(why)) => OutOfReach::Failed(why.clone()),
            Some(Stopped::NoPasswords(cause)) => {
                report.error = Some(words::no_passwords(cause));
                return;
            }
            Some(Stopped::Store) => {
                report.error = executed.store_error.as_deref().map(words::store_failed);
                return;
            }
            _ => return,
        };
        report.error = Some(words::out_of_reach(name, url, &reason));
    }

    /// A quarantine that this run may not end by itself: the firmware erases passwords, and nobody accepted that.
    async fn standing_quarantine(&self) -> Result<Option<&'static str>, StoreError> {
        let accepted = self.row.quarantined_by.as_deref() != Some(PASSWORD_CHECK)
            || self.ground.target.auth.updates_erase_password
            || self.is_let_pass(PASSWORD_CHECK).await?;
        Ok((!accepted).then_some(PASSWORD_CHECK))
    }

    /// Whether a person let a quarantine pass; an approval of it is used up by that.
    async fn is_let_pass(&self, check: &str) -> Result<bool, StoreError> {
        if self.order.allow_guards.contains(check) {
            return Ok(true);
        }
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let approvals = store.open_approvals(target, self.now()).await?;
        let approved: BTreeSet<i64> =
            approvals.iter().filter(|a| a.sets.contains_key(check)).map(|a| a.id).collect();
        if approved.is_empty() {
            return Ok(false);
        }
        store.use_approvals(target, self.id, approved, None, self.now()).await?;
        Ok(true)
    }

    /// A run's first call is a read, so that a wrong key, clock or address costs nothing.
    async fn probe(&self, sender: &Sender<'_, G, C>, planned: &Planned) -> Result<(), Stopped> {
        if self.caller.as_ref().is_some_and(|c| c.counts().queries > 0) {
            return Ok(());
        }
        let of_plan = planned.plan.to_send().next().map(|a| &a.username);
        let of_snapshot = planned.snapshot.entries.values().next().map(|e| &e.username);
        let Some(name) = of_plan.or(of_snapshot) else { return Ok(()) };
        match sender.look(name).await {
            Ok(_) => Ok(()),
            Err(ReadError::Refused(refusal)) => Stopped::by(refusal).map_or(Ok(()), Err),
            Err(ReadError::Failed(why)) => Err(Stopped::Unanswered(why)),
        }
    }

    async fn execute(&self, sender: &Sender<'_, G, C>, planned: &Planned, first: FirstPasswords) -> Executed {
        let target = self.ground.target;
        let due = target.dialect == Dialect::UpdaterCloud
            && !self.row.update_checked
            && !target.auth.updates_erase_password;
        let executor = Executor::new(
            sender,
            target,
            &planned.plan,
            &planned.snapshot,
            &self.recovery.in_flight,
            self.id,
            if due { PasswordCheck::Due } else { PasswordCheck::NotNeeded },
            self.ground.progress,
        );
        executor.with_passwords(first).run().await
    }

    /// Uses up the approvals that let this plan pass, and says so in the trail, before anything is sent.
    async fn use_approvals(&self, plan: &Plan) -> Result<Option<ApprovalRef>, StoreError> {
        if plan.allowed.is_empty() {
            return Ok(None);
        }
        let (store, order) = (self.ground.store, self.order);
        let ids: BTreeSet<i64> = plan.allowed.iter().filter_map(|(_, id)| *id).collect();
        let flagged: BTreeSet<String> =
            plan.allowed.iter().filter(|(_, id)| id.is_none()).map(|(held, _)| held.guard.clone()).collect();
        let flag = (!flagged.is_empty()).then(|| (flagged, order.reason.clone(), order.actor.clone()));
        store.use_approvals(&self.ground.target.name, self.id, ids.clone(), flag, self.now()).await?;
        let guards = plan.allowed.iter().map(|(held, _)| held.guard.clone()).collect();
        let (id, by, reason) = match ids.first() {
            Some(id) => {
                let (actor, reason, _) = store.approval(*id).await?;
                (Some(id.to_string()), actor, reason)
            }
            None => (None, order.actor.clone(), order.reason.clone()),
        };
        Ok(Some(ApprovalRef { id, guards, by: by.name.unwrap_or_else(|| by.uid.to_string()), reason }))
    }

    /// The commit, if one is due and nothing withholds it.
    async fn settle_up(
        &self,
        plan: &Plan,
        executed: &Executed,
        standing: Option<&'static str>,
        sender: Option<Sender<'a, G, C>>,
    ) -> Result<Committed, StoreError> {
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let mutated = sender.as_ref().is_some_and(Sender::has_mutated);
        if executed.update_checked {
            store.note_update_checked(target).await?;
        }
        let none = Committed::new(CommitState::None, None);
        let Some(sender) = sender.filter(|_| mutated || (self.row.dirty && !has(Flaw::NoEmptyCommit))) else {
            return Ok(none);
        };
        if let Some(check) = executed.quarantine {
            store.quarantine(target, self.id, check, self.now()).await?;
        }
        let out_of_reach = matches!(executed.stopped, Some(Stopped::Refused(_) | Stopped::Unanswered(_)));
        let withheld_by = if plan.held_as_a_whole() {
            plan.held_by.first().map(|held| held.guard.clone())
        } else if let Some(check) = executed.quarantine.or(standing) {
            Some(check.to_owned())
        } else if self.order.stop.now() {
            Some("stop".to_owned())
        } else {
            (out_of_reach && !mutated).then(|| "gateway".to_owned())
        };
        store.audit_actions(target, self.id, self.now()).await?;
        if let Some(why) = withheld_by {
            let trouble = rust_i18n::t!("sync.commit_withheld", why = why).into_owned();
            return Ok(Committed::new(CommitState::Withheld, Some(trouble)));
        }
        let (outcome, recorded) = sender.commit().await?;
        let detail = match outcome {
            Outcome::Applied => None,
            Outcome::Refused(refusal) => Some(words::refused(&refusal)),
            Outcome::Unknown(why) | Outcome::NotSent(why) => Some(why.detail),
        };
        let state = if detail.is_none() { CommitState::Confirmed } else { CommitState::Unconfirmed };
        let trouble =
            detail.map(|detail| rust_i18n::t!("sync.commit_unconfirmed", detail = detail).into_owned());
        let clean = matches!(recorded, Ok(true));
        Ok(Committed { clean, store_error: recorded.err(), ..Committed::new(state, trouble) })
    }

    /// Ends a run that could not plan or send.
    pub async fn fail(self, error: &RunError) -> (TargetReport, Option<Head>) {
        let (name, url) = (&self.ground.target.name, &self.ground.target.url);
        let ended_early = matches!(error, RunError::OutOfReach(OutOfReach::Ended));
        let error = match error {
            RunError::OutOfReach(reason) => words::out_of_reach(name.as_str(), url, reason),
            RunError::Store(error) => words::store_failed(&error.to_string()),
            RunError::PlanMoved(what) => words::plan_moved(what),
        };
        let mut report = self.failed(error);
        if ended_early {
            outcome::ended_early(&mut report);
        }
        self.close(report).await
    }

    fn failed(&self, error: ErrorReport) -> TargetReport {
        let mut report = outcome::empty(&self.ground.target.name, self.id);
        outcome::failed(&mut report, error, self.row.dirty && !self.order.dry);
        report
    }

    /// Ends a run for a reason that its caller found (the roster cannot be read).
    pub async fn end_failed(self, error: ErrorReport) -> (TargetReport, Option<Head>) {
        let report = self.failed(error);
        self.close(report).await
    }

    /// Closes the run's record. If that fails, the report says so, and the next run finds this one crashed.
    async fn close(self, mut report: TargetReport) -> (TargetReport, Option<Head>) {
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let believed = TargetRow { dirty: self.row.dirty || self.mutated, ..self.row };
        let row = store.target(target).await.unwrap_or(believed);
        report.calls = self.caller.as_ref().map(Caller::counts).unwrap_or_default();
        let took = self.ground.clock.monotonic().saturating_sub(self.began);
        report.duration_ms = took.as_millis().try_into().unwrap_or(u64::MAX);
        report.state = outcome::state(&row, self.order.as_of);
        report.recovered = self.recovery.words;
        report.loosened = self.loosened;
        report.warnings.splice(0..0, self.warnings);
        let end = RunEnd {
            outcome: report.outcome,
            exit_code: report.exit_code,
            commit: report.commit,
            report: report.clone(),
        };
        match store.end_run(target, self.id, end, self.ground.clock.now()).await {
            Ok(head) => (report, Some(head)),
            Err(error) => {
                outcome::failed(&mut report, words::store_failed(&error.to_string()), row.dirty);
                (report, None)
            }
        }
    }
}

async fn all_roles<G: Gateway, C: Clock + Clone>(
    caller: &Caller<'_, G, C>,
) -> Result<BTreeSet<String>, OutOfReach> {
    let mut names = BTreeSet::new();
    let mut offset = 0;
    loop {
        Patience::default().still_on(caller)?;
        let page = match caller.roles(offset, PAGE).await {
            Ok(page) => page,
            Err(ReadError::Refused(refusal)) => return Err(OutOfReach::Refused(refusal)),
            Err(ReadError::Failed(why)) => return Err(OutOfReach::Failed(why)),
        };
        let got = page.items.len() as u64;
        names.extend(page.items.into_iter().map(|role| role.name));
        offset += got;
        if got == 0 || offset >= page.total {
            return Ok(names);
        }
    }
}
