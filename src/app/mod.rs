//! Where settings, database, gateways and sync meet: what a command and the service both do. Knows no terminal and
//! decides nothing about people.

pub mod accept;
pub mod actor;
mod aftermath;
pub mod drift;
pub mod existing;
pub mod explain;
mod gateways;
mod heads;
pub mod metrics;
pub mod names;
pub mod people;
pub mod plan_file;
mod private_file;
pub mod prospect;
pub mod run_shown;
pub mod status;
pub mod sync;
pub mod witness;

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config, ConfigError, Env, Loaded, TargetConfig};
use crate::gateway::HttpGateway;
use crate::heartbeat::Heartbeat;
use crate::hooks::Hooks;
use crate::notify::Notifier;
use crate::reason::ErrorKind;
use crate::report::ErrorReport;
use crate::store::journal::Actor;
use crate::store::{Store, StoreError};
use names::{NameError, Unknown, What};
use witness::Witness;

/// Settings, environment, clock, and where the database is.
#[derive(Debug)]
pub struct App {
    /// The settings, and where they came from.
    pub loaded: Loaded,
    /// The environment, for keys.
    pub env: Env,
    /// The clock.
    pub clock: SystemClock,
    /// The command that this is for, with its options and without what was given to them: for the record of runs.
    pub command: Option<String>,
    state: PathBuf,
    /// The database was named on the command line.
    state_given: bool,
    witness: Witness,
}

impl App {
    /// Loads the settings at `config`, or in the usual places; `state` is used instead of the configured database.
    ///
    /// # Errors
    /// If there are no usable settings.
    pub fn load(config: Option<&Path>, state: Option<&Path>, env: Env) -> Result<Self, ConfigError> {
        let loaded = config::load(config, &env)?;
        let state_given = state.is_some();
        let state = match state {
            // What is typed begins where it is typed; what is configured begins at the configuration.
            Some(path) => path.to_owned(),
            None => loaded.resolve(&loaded.config.state.path),
        };
        let (clock, heads) = (SystemClock::new(), &loaded.config.audit.heads_file);
        let heads = (!heads.as_os_str().is_empty()).then(|| loaded.resolve(heads));
        let witness = Witness::new(heads, clock);
        Ok(Self { loaded, env, clock, command: None, state, state_given, witness })
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// The zone in which people read times and a day begins.
    pub const fn zone(&self) -> Tz {
        self.loaded.config.schedule.timezone
    }

    /// Who is told what happened.
    pub fn notifier(&self) -> Notifier<'_, SystemClock> {
        let loaded = &self.loaded;
        Notifier::new(&loaded.config.notify, loaded.base.as_path(), &self.env, self.clock, self.zone())
    }

    /// On whose behalf a run is, and by which command.
    pub(crate) fn actor(&self) -> Actor {
        Actor { command: self.command.clone(), ..actor::current() }
    }

    /// Who waits for signs of life.
    pub fn heartbeat(&self) -> Option<Heartbeat<'_, SystemClock>> {
        let config = self.config().heartbeat.as_ref()?;
        Some(Heartbeat::new(config, self.loaded.base.as_path(), &self.env, self.clock))
    }

    /// The programs around what a run sends.
    pub fn hooks(&self) -> Option<Hooks<'_>> {
        let config = self.config().hooks.as_ref()?;
        Some(Hooks::new(config, self.loaded.base.as_path(), &self.env))
    }

    /// The moment.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The day.
    pub fn today(&self) -> NaiveDate {
        self.config().schedule.day(self.now())
    }

    /// The database file.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Where heads of the audit chain are kept outside the database, if anywhere.
    pub fn heads_file(&self) -> Option<&Path> {
        self.witness.path()
    }

    /// Whom heads of the audit chain are handed to.
    pub const fn witness(&self) -> &Witness {
        &self.witness
    }

    /// The database.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn store(&self) -> Result<Store, StoreError> {
        let store = Store::open(&self.state).await?;
        self.witness.remember(&store).await?;
        Ok(store)
    }

    /// The client of a target, with its key; for a simulated device, the device too.
    ///
    /// # Errors
    /// If it cannot be made, in words.
    pub async fn gateway(&self, target: &TargetConfig) -> Result<HttpGateway<SystemClock>, ErrorReport> {
        let clients = gateways::Gateways::open(self, std::slice::from_ref(target), false).await;
        clients.of(&target.name)?.ok_or_else(|| ErrorReport {
            kind: ErrorKind::GatewaySettings,
            message: target.name.to_string(),
            next: String::new(),
        })
    }

    /// The database for whoever only reads. One that is not there yet is not made, for it would belong to whoever
    /// looked first and not to the service: an empty one in memory says the same.
    ///
    /// # Errors
    /// If it cannot be opened, or was named and is not there: an empty one would be no answer.
    pub async fn store_to_read(&self) -> Result<Store, NameError> {
        match self.state.exists() {
            true => Ok(Store::open_to_read(&self.state).await?),
            false if self.state_given => {
                let (what, given) = (What::Database, self.state.display().to_string());
                Err(Unknown { what, given, nearest: names::nearest_file(&self.state) }.into())
            }
            false => Ok(Store::in_memory(None).await?),
        }
    }
}
