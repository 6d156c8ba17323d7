//! One run on one target, from its first record to its last: open (begin, recover), plan (looks, guards), close. What
//! is sent in between is in `real`. Who may run, and the roster, are the caller's business.

mod gate;
mod real;
mod rest;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::caller::Caller;
use super::estimate;
use super::outcome;
use super::recovery::{OutOfReach, Patience, Recovery, recover};
use super::words;
use crate::clock::Clock;
use crate::config::{AccountConfig, TargetConfig};
use crate::gateway::{Gateway, ReadError};
use crate::hooks::Gate;
use crate::mapping::Wanted;
use crate::model::PersonKey;
use crate::plan::{self, AppliedRoster, Looks, Past, Plan, PlanInput, Planner, Snapshot};
use crate::reason::Guard;
use crate::report::{ErrorReport, TargetReport};
use crate::roster::{FileMark, Roster};
use crate::stop::Stop;
use crate::store::audit::{Head, Record};
use crate::store::journal::{Actor, NewRun, RunEnd, RunId, Trigger};
use crate::store::memory::TargetRow;
use crate::store::plans::PlanId;
use crate::store::quiet::Rest;
use crate::store::{Store, StoreError};

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
    pub allow_guards: BTreeSet<Guard>,
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
    /// Who is asked before the first change.
    pub gate: Option<&'a dyn Gate>,
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
    /// That row was read at the end: nothing that is written after it changes how the target stands.
    row_is_fresh: bool,
    recovery: Recovery,
    warnings: Vec<String>,
    loosened: Vec<String>,
    /// The target may be dirty for all that this process knows: something was sent, or a write failed whose record may be
    /// there all the same.
    in_doubt: bool,
    planner: Planner,
    /// The run that this one may rest on, should the roster's bytes be the same.
    rest: Option<Rest>,
    /// The files that its roster was read from, if their bytes say all there is to say.
    files: Option<Vec<FileMark>>,
}

/// What planning gave.
struct Planned {
    plan: Plan,
    id: PlanId,
    digest: String,
    snapshot: Snapshot,
    facts: AppliedRoster,
    /// The database says of somebody that they are blocked.
    blocked_before: bool,
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
        let planner = Planner::of(ground.target);
        let mut run = Self {
            ground,
            order,
            caller,
            id,
            began,
            row,
            row_is_fresh: false,
            recovery: Recovery::default(),
            warnings: Vec::new(),
            loosened: Vec::new(),
            in_doubt: false,
            planner,
            rest: None,
            files: None,
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
        let before = self.row.config.as_deref();
        if before == Some(text.as_str()) {
            return Ok(Vec::new());
        }
        store.note_config(&target.name, &text).await?;
        let old: Option<TargetConfig> = before.and_then(|text| serde_json::from_str(text).ok());
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
            self.in_doubt |= found.moved;
            let (settled, entries) = (found.settled.clone(), found.entries.clone());
            store.settle(target, self.id, settled, entries, found.moved, self.now()).await?;
            self.row = store.target(target).await?;
            self.in_doubt = false;
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
        let mut planned = match self.plan(roster, wanted, expected).await {
            Ok(planned) => planned,
            Err(error) => return self.fail(&error).await,
        };
        if let Err(error) = self.ask_gate(&mut planned, roster).await {
            return self.fail(&error.into()).await;
        }
        let mut report = outcome::report(&self.ground.target.name, self.id, &planned.plan);
        report.plan = Some(outcome::plan_ref(planned.id, &planned.digest));
        if self.order.dry {
            report.estimate = Some(estimate::of(self.ground.target, &planned.plan));
            outcome::dry(&mut report, &planned.plan);
        } else if let Err(error) = self.real(&mut report, &planned, roster).await {
            let dirty = self.is_dirty().await;
            outcome::failed(&mut report, words::store_failed(&error.to_string()), dirty);
        } else {
            drop(planned);
            self.note_quiet(&report, roster, wanted).await;
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
        let missing = |sources: &_| plan::missing(&snapshot, roster, sources);
        let past = store.past(&target.name, &roster.digest, missing, order.as_of, now).await?;
        if !order.dry && (past.missing_before || !past.missing.is_empty()) {
            let missing = past.missing.keys().cloned().collect();
            store.note_missing(&target.name, roster.digest.clone(), missing, now).await?;
        }
        let undone = expected.and_then(|e| e.plan.undo_of.map(RunId)).or(order.undo);
        let undo = match undone {
            Some(run) => Some(store.changes_of(run, &target.name).await?),
            None => None,
        };
        let past = Past { undo, in_flight: self.recovery.in_flight.clone(), ..past };
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
            let needs = self.planner.needs(&PlanInput { looks: &looks, ..input });
            let Some(caller) = self.caller.as_ref().filter(|_| !needs.is_empty()) else { break };
            self.look(caller, &needs, &mut looks).await?;
        }
        let plan = self.planner.plan(&PlanInput { looks: &looks, ..input });
        self.warnings.extend(roster.doubts.iter().map(ToString::to_string));
        let digest = plan.digest();
        let id = store.store_plan(self.id, &plan, digest.clone(), roster.digest.clone(), now).await?;
        if let Some(expected) = expected.filter(|e| e.digest != digest) {
            return Err(RunError::PlanMoved(outcome::what_moved(&expected.plan, &plan)));
        }
        if !order.dry && roster.sources.len() > 1 {
            store.note_people(roster.people.values().map(|p| (&p.key, &p.sources)), now).await?;
        }
        let facts = AppliedRoster::of(roster, wanted, target);
        let blocked_before = !past.blocked_since.is_empty();
        Ok(Planned { plan, id, digest, snapshot, facts, blocked_before })
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

    /// Whether the target is dirty, as the database says; where it does not answer, as far as this process knows.
    async fn is_dirty(&self) -> bool {
        let row = self.ground.store.target(&self.ground.target.name).await;
        row.map_or(self.row.dirty || self.in_doubt, |row| row.dirty)
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
        let mut report = self.failed(error).await;
        if ended_early {
            outcome::ended_early(&mut report);
        }
        self.close(report).await
    }

    async fn failed(&self, error: ErrorReport) -> TargetReport {
        let mut report = TargetReport::empty(&self.ground.target.name, self.id);
        let dirty = !self.order.dry && self.is_dirty().await;
        outcome::failed(&mut report, error, dirty);
        report
    }

    /// Ends a run for a reason that its caller found (the roster cannot be read).
    pub async fn end_failed(self, error: ErrorReport) -> (TargetReport, Option<Head>) {
        let report = self.failed(error).await;
        self.close(report).await
    }

    /// Closes the run's record. If that fails, the report says so, and the next run finds this one crashed.
    async fn close(self, mut report: TargetReport) -> (TargetReport, Option<Head>) {
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let row = if self.row_is_fresh {
            self.row
        } else {
            let believed = TargetRow { dirty: self.row.dirty || self.in_doubt, ..self.row };
            store.target(target).await.unwrap_or(believed)
        };
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
            Err(ReadError::Failed(why)) => return Err(OutOfReach::without_answer(why)),
        };
        let got = page.items.len() as u64;
        names.extend(page.items.into_iter().map(|role| role.name));
        offset += got;
        if got == 0 || offset >= page.total {
            return Ok(names);
        }
    }
}
