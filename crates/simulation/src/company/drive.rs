//! One night of rosterd in a simulated company: the bytes in HR's folder through reader, identity, mapping, plan and
//! sync, as the service does it, and what people are told of it. Decides nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::scene::{Shared, Wire};
use super::sheet::File;
use rosterd::clock::Clock;
use rosterd::config::Config;
use rosterd::mapping;
use rosterd::model::PersonKey;
use rosterd::notify::{self, Message};
use rosterd::report::{ErrorReport, SyncReport, TargetReport};
use rosterd::roster::{self, FileMark, Person, Reading, RosterError, identity};
use rosterd::stop::Stop;
use rosterd::store::journal::{Actor, Trigger};
use rosterd::store::{Store, StoreError};
use rosterd::sync::{self, Ground, Order, Run};

/// What a night came to.
pub(super) struct Night {
    pub report: TargetReport,
    /// What people were told.
    pub messages: Vec<Message>,
    /// The roster could not be read.
    pub unread: bool,
}

/// rosterd with its settings and its database.
pub(super) struct Service {
    pub config: Config,
    pub store: Store,
    pub shared: Shared,
}

impl Service {
    /// The day that it takes the present for.
    pub(super) fn today(&self) -> NaiveDate {
        self.config.schedule.day(self.shared.now())
    }

    /// The record that a run of this service begins with.
    pub(super) fn order(&self) -> Order {
        Order {
            as_of: self.today(),
            dry: false,
            offline: false,
            trigger: Trigger::Schedule,
            actor: Actor::default(),
            config_digest: "simulated".into(),
            only: None,
            undo: None,
            allow_guards: BTreeSet::default(),
            reason: String::new(),
            stop: Stop::new(),
        }
    }

    /// One run on what lies in the folder.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) async fn night(&self, folder: &[File]) -> Result<Night, StoreError> {
        let order = self.order();
        let (shared, store, config) = (self.shared.clone(), self.store.clone(), self.config.clone());
        let Some(target) = config.target.first() else {
            return Err(StoreError::Damaged { what: "no target".into() });
        };
        let wire = Wire::new(shared.clone(), target.dialect);
        let ground = Ground {
            gate: None,
            store: &store,
            target,
            account: &config.account,
            gateway: Some(&wire),
            clock: shared.clone(),
            progress: &|_| (),
        };
        let mut run = Run::begin(ground, &order).await?;
        if let Err(error) = run.recover().await {
            let report = run.fail(&error).await.0;
            return Ok(self.told(report, None, &order));
        }
        run.look_for_rest().await;
        if let Some(error) = self.late(folder) {
            let report = run.end_failed(error.clone()).await.0;
            return Ok(self.told(report, Some(&error), &order));
        }
        if run.rest().is_some_and(|rest| same(&rest.quiet.files, folder)) {
            let report = run.end_resting().await.0;
            return Ok(self.told(report, None, &order));
        }
        let reading = match self.read(folder, order.as_of).await {
            Ok(reading) => reading,
            Err(error) => {
                let report = run.end_failed(error.clone()).await.0;
                return Ok(self.told(report, Some(&error), &order));
            }
        };
        let wanted = mapping::map_roster(&reading.roster, &config.account, order.as_of);
        let files = reading.marks();
        let report = run.read_from(files).carry_out(&reading.roster, &wanted, None).await.0;
        Ok(self.told(report, None, &order))
    }

    /// A folder in which the oldest file is too old, or nothing is.
    fn late(&self, folder: &[File]) -> Option<ErrorReport> {
        let Some(oldest) = folder.iter().min_by_key(|file| file.modified) else {
            return Some(words(&RosterError::NoFiles { path: "/srv/hr".into(), seen: String::new() }));
        };
        let limit = self.config.roster.max_age?;
        let age = (self.shared.now() - oldest.modified).to_std().unwrap_or_default();
        let stale = RosterError::Stale {
            file: oldest.name.as_str().into(),
            age: format!("{} s", age.as_secs()),
            limit: limit.to_string(),
        };
        (age > limit.as_duration()).then(|| words(&stale))
    }

    fn understood(&self, folder: &[File], as_of: NaiveDate) -> Result<Reading, RosterError> {
        let contents: Vec<(&str, Vec<u8>)> =
            folder.iter().map(|file| (file.name.as_str(), file.bytes.clone())).collect();
        roster::read_memory(&self.config.roster, &contents, as_of)
    }

    async fn read(&self, folder: &[File], as_of: NaiveDate) -> Result<Reading, ErrorReport> {
        let mut reading = self.understood(folder, as_of).map_err(|e| words(&e))?;
        let failed = |error: StoreError| sync::words::store_failed(&error.to_string());
        let salt = self.store.identity_salt().await.map_err(failed)?;
        let remembered = self.store.identities().await.map_err(failed)?;
        let news = identity::judge(&mut reading, &self.config.roster.identity, &salt, &remembered);
        self.store.remember(news, self.now()).await.map_err(failed)?;
        Ok(reading)
    }

    /// A person as the files say, also one who is blocked because their key seems to be somebody else's now.
    pub(super) fn unjudged(&self, person: &PersonKey, folder: &[File]) -> Option<Person> {
        let reading = self.understood(folder, self.today()).ok()?;
        reading.roster.people.get(person).cloned()
    }

    /// The moment, by its own clock.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.shared.now()
    }

    fn told(&self, report: TargetReport, error: Option<&ErrorReport>, order: &Order) -> Night {
        let whole = SyncReport {
            version: 1,
            dry_run: false,
            as_of: order.as_of,
            roster: Default::default(),
            targets: vec![report.clone()],
        };
        let messages = match error {
            Some(error) => notify::of_error(error),
            None => notify::of_sync(&whole, None, true),
        }
        .messages;
        Night { report, messages, unread: error.is_some() }
    }
}

/// Whether the folder holds, byte for byte, the files of an earlier reading.
fn same(marks: &[FileMark], folder: &[File]) -> bool {
    let mut seen: Vec<(Arc<str>, u64, String)> = folder
        .iter()
        .map(|f| (f.name.as_str().into(), f.bytes.len() as u64, blake3::hash(&f.bytes).to_hex().to_string()))
        .collect();
    seen.sort();
    seen.iter().map(|(n, b, d)| (n, *b, d)).eq(marks.iter().map(|m| (&m.file, m.bytes, &m.digest)))
}

fn words(error: &RosterError) -> ErrorReport {
    ErrorReport {
        kind: rosterd::reason::ErrorKind::roster(error.kind()),
        message: error.to_string(),
        next: error.next(),
    }
}
