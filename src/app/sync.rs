//! From settings to a sync: which targets, with which key, on which roster; afterwards the audit chain's head leaves
//! the database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use rust_i18n::t;

use super::names::{self, Unknown, What};
use super::{App, aftermath, gateways};
use crate::config::{Span, TargetConfig};
use crate::heartbeat::Beat;
use crate::hooks::Gate;
use crate::model::{PersonKey, TargetName};
use crate::notify::{self, News};
use crate::reason::ErrorKind;
use crate::report::{ErrorReport, SyncReport};
use crate::roster::identity::{self, Identity};
use crate::roster::{
    self, FileMark, ProgressSink, ReadOptions, Roster, RosterError, RosterOverride, RosterReport,
};
use crate::stop::Stop;
use crate::store::journal::{RunId, Trigger};
use crate::store::{Store, StoreError};
use crate::sync::{self, Expected, Input, Order, Site, Work};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Show only.
    pub dry: bool,
    /// Show only, and ask the gateway nothing.
    pub offline: bool,
    /// What set it off.
    pub trigger: Trigger,
    /// Put back what this run changed.
    pub undo: Option<RunId>,
    /// Only these people; empty: everybody.
    pub only: BTreeSet<PersonKey>,
    /// Only these targets; empty: all.
    pub targets: Vec<TargetName>,
    /// A roster instead of the configured one.
    pub roster: Option<RosterOverride>,
    /// Guards that may pass.
    pub allow_guards: BTreeSet<String>,
    /// Why they may.
    pub reason: String,
    /// Stored plans that must be carried out.
    pub expected: Vec<(TargetName, Expected)>,
    /// Being asked to stop.
    pub stop: Stop,
}

impl Request {
    /// Everything that is configured, set off by `trigger`.
    pub fn all(trigger: Trigger, stop: Stop) -> Self {
        Self {
            dry: false,
            offline: false,
            trigger,
            undo: None,
            only: BTreeSet::new(),
            targets: Vec::new(),
            roster: None,
            allow_guards: BTreeSet::new(),
            reason: String::new(),
            expected: Vec::new(),
            stop,
        }
    }

    /// Whether it is over the whole roster and for everybody, so that it speaks for all of them.
    pub fn is_whole(&self) -> bool {
        let authoritative = self.roster.as_ref().is_none_or(|given| given.authoritative);
        let undo = self.undo.is_some() || self.expected.iter().any(|(_, given)| given.plan.undo_of.is_some());
        self.only.is_empty() && !undo && authoritative && !self.dry
    }
}

/// Whoever shows progress: of the reading, and of actions done.
pub struct Watcher<'a> {
    /// Told how far the reading is.
    pub reading: Option<ProgressSink>,
    /// Told how many more actions are done.
    pub actions: &'a (dyn Fn(u64) + Send + Sync),
}

/// What it came to.
#[derive(Debug)]
pub struct Answer {
    /// The report; its roster is empty when there is none.
    pub report: SyncReport,
    /// What was read, row by row, where a roster was read.
    pub reading: Option<RosterReport>,
    /// Why there is no roster.
    pub roster_error: Option<ErrorReport>,
    /// It was over the whole roster and for everybody.
    pub whole: bool,
}

impl Answer {
    /// What people should be told of it.
    pub fn news(&self) -> News {
        match &self.roster_error {
            Some(error) => notify::of_error(error),
            None => notify::of_sync(&self.report, self.reading.as_ref(), self.whole),
        }
    }
}

/// Why a sync did not even begin, or could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// No such target.
    #[error("{}", t!("app.unknown_target", name = name, known = known))]
    UnknownTarget {
        /// The name given.
        name: TargetName,
        /// The names there are.
        known: String,
    },
    /// A guard that does not exist.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// `[approval] allow_guard_flag = false`.
    #[error("{}", t!("app.guard_flag_off"))]
    GuardFlagOff,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a roster came to that was only checked.
pub enum Checked {
    /// It can be used.
    Read(Box<roster::Reading>),
    /// Too many of its rows cannot; why, in words.
    Refused(Box<RosterReport>, ErrorReport),
}

impl App {
    /// Runs on the targets asked for, and keeps the chain's head outside the database.
    ///
    /// # Errors
    /// If there is nothing to run on, or the database fails so that a run's record cannot be written.
    pub async fn sync(
        &self,
        store: &Store,
        request: Request,
        watcher: Watcher<'_>,
    ) -> Result<Answer, SyncError> {
        let (whole, dry) = (request.is_whole(), request.dry);
        let heartbeat = self.heartbeat().filter(|_| whole);
        if let Some(heartbeat) = &heartbeat {
            heartbeat.beat(Beat::Start).await;
        }
        let answer = self.carry_out(store, request, watcher).await;
        if let Some((heartbeat, beat)) = heartbeat.zip(aftermath::beat(answer.as_ref().ok())) {
            heartbeat.beat(beat).await;
        }
        if !dry {
            self.write_metrics(store, answer.as_ref().ok()).await;
        }
        answer
    }

    async fn carry_out(
        &self,
        store: &Store,
        request: Request,
        watcher: Watcher<'_>,
    ) -> Result<Answer, SyncError> {
        let targets = self.targets(&request)?;
        for guard in &request.allow_guards {
            names::guard(guard)?;
        }
        if !request.allow_guards.is_empty() && !self.config().approval.allow_guard_flag {
            return Err(SyncError::GuardFlagOff);
        }
        if !request.dry {
            self.witness().check(store).await?;
        }
        let order = self.order(&request);
        let hooks = self.hooks();
        let gateways = gateways::Gateways::open(self, &targets, request.offline).await;
        let sites: Vec<_> = targets
            .iter()
            .map(|target| Site {
                target,
                gateway: gateways.of(&target.name),
                expected: request
                    .expected
                    .iter()
                    .find(|(name, _)| *name == target.name)
                    .map(|(_, expected)| expected.clone()),
            })
            .collect();
        let work = Work {
            store,
            account: &self.config().account,
            order: &order,
            clock: self.clock,
            progress: watcher.actions,
            gate: hooks.as_ref().map(|hooks| hooks as &dyn Gate),
        };
        let kept = Mutex::new(None);
        let read = async |before: Option<Vec<FileMark>>| {
            let given = request.roster.is_some();
            let seen = self.see(request.roster.clone(), watcher.reading).await?;
            if let Some(before) = before.filter(|_| !given)
                && seen.is(&before).await
            {
                return Ok(Input::Same);
            }
            let reading = seen.read().await.map_err(|e| roster_failure(&e))?;
            let files = if given { None } else { reading.marks() };
            let (reading, news) = self.judged(store, reading).await?;
            self.know_all(store, &request.only, &reading.roster).await?;
            if !request.dry {
                store.remember(news, self.now()).await.map_err(|e| store_failure(&e))?;
            }
            *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(reading.report);
            Ok(Input::Roster(Box::new(reading.roster), files))
        };
        let synced = sync::sync(work, &sites, read).await?;
        let mut report = synced.report;
        let head = match &hooks {
            Some(hooks) => self.tell_hooks(store, hooks, &mut report).await.or(synced.head),
            None => synced.head,
        };
        if let Some(warning) = head.and_then(|head| self.witness().keep(&head)) {
            report.targets.iter_mut().for_each(|target| target.warnings.push(warning.clone()));
        }
        let reading = kept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Answer { report, reading, roster_error: synced.roster_error, whole: request.is_whole() })
    }

    /// Whether everybody who was named is in the roster or the database.
    async fn know_all(
        &self,
        store: &Store,
        only: &BTreeSet<PersonKey>,
        roster: &Roster,
    ) -> Result<(), ErrorReport> {
        for person in only {
            let in_roster = roster.people.contains_key(person) || roster.blocked.contains_key(person);
            if !in_roster && !store.knows_person(person).await.map_err(|e| store_failure(&e))? {
                let stored = store.known_people().await.map_err(|e| store_failure(&e))?;
                let keys = roster.people.keys().map(PersonKey::as_str);
                let known = keys.chain(stored.keys().map(String::as_str));
                return Err(Unknown::among(What::Person, person.as_str(), known).report());
            }
        }
        Ok(())
    }

    fn targets(&self, request: &Request) -> Result<Vec<TargetConfig>, SyncError> {
        let planned = request.expected.iter().map(|(name, _)| name);
        let wanted: BTreeSet<_> = request.targets.iter().chain(planned).collect();
        for name in &wanted {
            self.target(name)?;
        }
        let wanted = |target: &&TargetConfig| wanted.is_empty() || wanted.contains(&target.name);
        let mut targets: Vec<_> = self.config().target.iter().filter(wanted).cloned().collect();
        for sink in targets.iter_mut().filter_map(|target| target.initial_password.sink.as_mut()) {
            sink.resolve(&self.loaded.base);
        }
        Ok(targets)
    }

    fn order(&self, request: &Request) -> Order {
        Order {
            as_of: self.today(),
            dry: request.dry,
            offline: request.offline,
            trigger: request.trigger,
            actor: self.actor(),
            config_digest: self.loaded.digest.clone(),
            undo: request.undo,
            only: (!request.only.is_empty()).then(|| request.only.clone()),
            allow_guards: request.allow_guards.iter().filter_map(|name| name.parse().ok()).collect(),
            reason: request.reason.clone(),
            stop: request.stop.clone(),
        }
    }

    /// Looks for the roster's files: the configured ones, or the ones given.
    async fn see(
        &self,
        over: Option<RosterOverride>,
        progress: Option<ProgressSink>,
    ) -> Result<roster::Sighted, ErrorReport> {
        let options = ReadOptions {
            config: &self.config().roster,
            base: &self.loaded.base,
            over,
            env: &self.env,
            as_of: self.today(),
            zone: self.config().schedule.timezone,
            progress,
        };
        roster::see(options, &self.clock).await.map_err(|e| roster_failure(&e))
    }

    /// The configured roster's files as they are at this moment, without waiting until they stand still and without
    /// reading any: whether they are there, and not too old.
    ///
    /// # Errors
    /// If a run would stop for what is seen, in words.
    pub(super) async fn glance(&self) -> Result<Vec<roster::Seen>, ErrorReport> {
        let mut config = self.config().roster.clone();
        config.settle = Span::seconds(0);
        let options = ReadOptions {
            config: &config,
            base: &self.loaded.base,
            over: None,
            env: &self.env,
            as_of: self.today(),
            zone: self.zone(),
            progress: None,
        };
        Ok(roster::see(options, &self.clock).await.map_err(|e| roster_failure(&e))?.seen())
    }

    /// Reads the roster: the configured one, or the one given.
    ///
    /// # Errors
    /// If it cannot be used, in words.
    pub async fn read(
        &self,
        over: Option<RosterOverride>,
        progress: Option<ProgressSink>,
    ) -> Result<roster::Reading, ErrorReport> {
        self.see(over, progress).await?.read().await.map_err(|e| roster_failure(&e))
    }

    /// Reads the roster for whoever asks what is wrong with it: one with too many rows that cannot be used is told row by
    /// row, too.
    ///
    /// # Errors
    /// If there is nothing to tell about its rows, because it or the database cannot be read at all, in words.
    pub async fn check_roster(
        &self,
        store: &Store,
        over: Option<RosterOverride>,
        progress: Option<ProgressSink>,
    ) -> Result<Checked, ErrorReport> {
        match self.see(over, progress).await?.read().await {
            Ok(reading) => Ok(Checked::Read(Box::new(self.judged(store, reading).await?.0))),
            Err(error) => {
                let words = roster_failure(&error);
                match error {
                    RosterError::TooManyInvalid { report, .. } => Ok(Checked::Refused(report, words)),
                    _ => Err(words),
                }
            }
        }
    }

    /// Reads the roster and holds it against what is remembered of its people, see [`identity`]. Also what there is to
    /// remember anew, which is the caller's to store.
    ///
    /// # Errors
    /// If the roster or the database cannot be used, in words.
    pub async fn read_judged(
        &self,
        store: &Store,
        over: Option<RosterOverride>,
        progress: Option<ProgressSink>,
    ) -> Result<(roster::Reading, BTreeMap<PersonKey, Identity>), ErrorReport> {
        let reading = self.read(over, progress).await?;
        self.judged(store, reading).await
    }

    async fn judged(
        &self,
        store: &Store,
        mut reading: roster::Reading,
    ) -> Result<(roster::Reading, BTreeMap<PersonKey, Identity>), ErrorReport> {
        let fields = &self.config().roster.identity;
        let salt = store.identity_salt().await.map_err(|e| store_failure(&e))?;
        let remembered = store.identities().await.map_err(|e| store_failure(&e))?;
        let news = identity::judge(&mut reading, fields, &salt, &remembered);
        Ok((reading, news))
    }

    /// The settings of a target.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn target(&self, name: &TargetName) -> Result<&TargetConfig, SyncError> {
        let all = &self.config().target;
        all.iter().find(|target| target.name == *name).ok_or_else(|| {
            let known = all.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
            SyncError::UnknownTarget { name: name.clone(), known }
        })
    }
}

fn store_failure(error: &StoreError) -> ErrorReport {
    sync::words::store_failed(&error.to_string())
}

fn roster_failure(error: &RosterError) -> ErrorReport {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    let next = match error {
        RosterError::NotThere { path } => {
            let nearest = names::nearest_file(std::path::Path::new(path));
            let nearest = nearest.map(|nearest| t!("app.unknown.nearest", nearest = nearest).into_owned());
            nearest.unwrap_or_else(|| error.next())
        }
        _ => error.next(),
    };
    ErrorReport { kind: ErrorKind::roster(error.kind()), message, next }
}
