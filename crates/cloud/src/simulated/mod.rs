//! Both providers, simulated: they verify signatures, keep state and answer with the documented codes. In memory behind
//! the same trait as the HTTP client, and as an axum router that other people's clients can use too, so nothing in here
//! relies on rosterd's own habits. Whatever is kept in the state is made up.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::call::{Post, Reply};
use super::params::Params;
use crate::clock::Clock;
use crate::http::{Failure, FailureKind};
use crate::secret::Secret;

mod http;
pub mod tencent;
pub mod ucloud;

pub use http::router;

/// Everything the simulated providers know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudState {
    /// Tencent's side.
    pub tencent: tencent::TencentState,
    /// UCloud's side.
    pub ucloud: ucloud::UcloudState,
}

impl CloudState {
    /// A small account at each provider. `key` signs for both; the ids are `simulated`.
    pub fn sample(key: &str) -> Self {
        Self { tencent: tencent::TencentState::sample(key), ucloud: ucloud::UcloudState::sample(key) }
    }
}

/// Whose API is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// `/v2/index.php`
    Tencent,
    /// `/`
    Ucloud,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused with this code; nothing is done.
    Code(i64),
    /// Another HTTP status with a page of HTML; nothing is done.
    Status(u16),
    /// No connection.
    Refused,
    /// The connection breaks before the service sees the request.
    LostBefore,
    /// It is done, and the answer is lost.
    LostAfter,
    /// No answer; it is done when `later` more calls have come.
    Late {
        /// Calls until then.
        later: u32,
    },
}

/// A request as a service sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub method: String,
    pub host: String,
    pub path: String,
    pub params: Params,
}

/// What is sent back.
#[derive(Debug)]
pub(crate) enum Answered {
    Json {
        body: serde_json::Value,
        request_id: Option<String>,
    },
    Html(u16),
    /// Nothing comes back.
    Nothing(FailureKind),
}

#[derive(Debug)]
struct Inner {
    state: CloudState,
    faults: BTreeMap<String, VecDeque<Fault>>,
    late: Vec<(u32, Service, Asked)>,
    path: Option<PathBuf>,
    written: Option<SystemTime>,
}

/// The simulated providers. Clones share one state.
#[derive(Debug, Clone)]
pub struct Simulated<C> {
    inner: Arc<Mutex<Inner>>,
    clock: C,
}

impl<C: Clock> Simulated<C> {
    /// Providers with this state, which lives in memory only.
    pub fn new(state: CloudState, clock: C) -> Self {
        let inner = Inner { state, faults: BTreeMap::new(), late: Vec::new(), path: None, written: None };
        Self { inner: Arc::new(Mutex::new(inner)), clock }
    }

    /// Providers whose state is kept in a file; where it is absent, it begins as the sample. The file may be edited
    /// while they run.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn open(path: &Path, key: &str, clock: C) -> io::Result<Self> {
        let state = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => CloudState::sample(key),
            Err(error) => return Err(error),
        };
        let new = Self::new(state, clock);
        {
            let mut inner = new.lock();
            inner.path = Some(path.to_owned());
            inner.save()?;
        }
        Ok(new)
    }

    /// Looks at the state, or changes it.
    pub fn with<T>(&self, work: impl FnOnce(&mut CloudState) -> T) -> T {
        let mut inner = self.lock();
        inner.reload();
        let value = work(&mut inner.state);
        inner.save_or_log();
        value
    }

    /// Lets the next calls of this action go wrong, one fault each.
    pub fn fail_next(&self, action: &str, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.entry(action.to_owned()).or_default().extend(faults);
    }

    /// Forgets faults that no call has met yet.
    pub fn calm(&self) {
        self.lock().faults.clear();
    }

    /// Lets every late call arrive now.
    pub fn deliver_late(&self) {
        let now = self.clock.now();
        let mut inner = self.lock();
        for (_, service, asked) in std::mem::take(&mut inner.late) {
            inner.state.answer(service, &asked, now);
        }
        inner.save_or_log();
    }

    pub(crate) fn answer(&self, service: Service, asked: &Asked) -> Answered {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.reload();
        inner.arrive(now);
        let action = asked.params.get("Action").unwrap_or_default();
        let fault = inner.faults.get_mut(action).and_then(VecDeque::pop_front);
        let answered = match fault {
            None => inner.state.answer(service, asked, now),
            Some(fault) => inner.fail(fault, service, asked, now),
        };
        inner.save_or_log();
        answered
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudState {
    fn answer(&mut self, service: Service, asked: &Asked, now: DateTime<Utc>) -> Answered {
        match service {
            Service::Tencent => Answered::Json { body: self.tencent.answer(asked, now), request_id: None },
            Service::Ucloud => {
                let (body, request_id) = self.ucloud.answer(&asked.params);
                Answered::Json { body, request_id: Some(request_id) }
            }
        }
    }
}

impl Inner {
    fn fail(&mut self, fault: Fault, service: Service, asked: &Asked, now: DateTime<Utc>) -> Answered {
        match fault {
            Fault::Code(code) => {
                let body = match service {
                    Service::Tencent => tencent::refusal(code, "simulated trouble"),
                    Service::Ucloud => ucloud::refusal(code, "simulated trouble"),
                };
                Answered::Json { body, request_id: None }
            }
            Fault::Status(status) => Answered::Html(status),
            Fault::Refused => Answered::Nothing(FailureKind::Connect),
            Fault::LostBefore => Answered::Nothing(FailureKind::Broken),
            Fault::LostAfter => {
                self.state.answer(service, asked, now);
                Answered::Nothing(FailureKind::Timeout)
            }
            Fault::Late { later } => {
                self.late.push((later, service, asked.clone()));
                Answered::Nothing(FailureKind::Timeout)
            }
        }
    }

    /// Late calls come nearer, and those whose time is up arrive.
    fn arrive(&mut self, now: DateTime<Utc>) {
        for (later, service, asked) in std::mem::take(&mut self.late) {
            match later {
                0 => drop(self.state.answer(service, &asked, now)),
                n => self.late.push((n - 1, service, asked)),
            }
        }
    }

    /// Takes over a file that somebody has edited.
    fn reload(&mut self) {
        let Some(path) = &self.path else { return };
        let modified = fs::metadata(path).and_then(|m| m.modified()).ok();
        if modified.is_some() && modified != self.written {
            match fs::read(path).and_then(|b| Ok(serde_json::from_slice(&b)?)) {
                Ok(state) => self.state = state,
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the state of the simulated cloud is not readable");
                }
            }
            self.written = modified;
        }
    }

    fn save(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let temporary = path.with_extension("tmp");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        serde_json::to_writer_pretty(&mut file, &self.state)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        self.written = Some(fs::metadata(path)?.modified()?);
        Ok(())
    }

    fn save_or_log(&mut self) {
        if let Err(error) = self.save() {
            tracing::warn!(%error, "the state of the simulated cloud could not be saved");
        }
    }
}

/// A client's way to a simulated service without a network.
#[derive(Debug, Clone)]
pub struct Direct<C> {
    /// The providers.
    pub cloud: Simulated<C>,
    /// Which of them.
    pub service: Service,
    /// The host that the client calls.
    pub host: String,
}

impl<C: Clock> Post for Direct<C> {
    async fn post(&self, form: Secret) -> Result<Reply, Failure> {
        let params = Params::parse(form.expose()).unwrap_or_default();
        let path = match self.service {
            Service::Tencent => "/v2/index.php",
            Service::Ucloud => "/",
        };
        let asked = Asked { method: "POST".into(), host: self.host.clone(), path: path.into(), params };
        let reply = |status, body: String, request_id| Reply {
            status,
            body: Secret::new(body),
            request_id,
            date: Some(self.cloud.clock.now()),
        };
        match self.cloud.answer(self.service, &asked) {
            Answered::Json { body, request_id } => Ok(reply(200, body.to_string(), request_id)),
            Answered::Html(status) => Ok(reply(status, "<html></html>".into(), None)),
            Answered::Nothing(kind) => Err(Failure { kind, detail: "simulated".into() }),
        }
    }
}

#[cfg(test)]
mod tests;
