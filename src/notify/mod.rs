//! Telling people what happened, through the robots of their groups, webhooks, mail and syslog. What is worth a message is
//! decided in `message` from reports, what of it is news in `memory`; here is who is told, and the sending. A message that
//! does not arrive is logged, said again at the next run, and changes nothing else.

mod mail;
mod memory;
mod message;
mod robot;
mod syslog;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono_tz::Tz;
use rust_i18n::t;

use crate::clock::Clock;
use crate::config::{Env, NotifyConfig, Receiver, RobotKind};
use crate::http::{Options, Request, Transport, Trust, Url, check_url};
use crate::secret::{ReadSecret as _, Secret, SecretRef};
use crate::store::Store;
use crate::store::told::Told;

use memory::Step;
pub use message::{Message, News, of_error, of_sync, of_trail};

/// Time limit of one attempt.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the one repeat.
const PAUSE: Duration = Duration::from_secs(1);
/// Largest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// Certificates that are trusted besides the system's.
type Roots = Vec<rustls::pki_types::CertificateDer<'static>>;
/// What a receiver was told, by topic.
type Memory = BTreeMap<String, Told>;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// The receiver cannot be reached, or takes nothing for a while: further messages would fare no better.
    Away(String),
    /// It does not want this message.
    Refused(String),
}

impl Undelivered {
    fn cause(&self) -> &str {
        match self {
            Self::Away(cause) | Self::Refused(cause) => cause,
        }
    }
}

/// The receivers of a configuration.
#[derive(Debug)]
pub struct Notifier<'a, C> {
    config: &'a [NotifyConfig],
    base: &'a std::path::Path,
    env: &'a Env,
    clock: C,
    zone: Tz,
    roots: Roots,
    /// What was said and could not be written down, by receiver: a database that takes nothing must not make a service
    /// say the same at every tick.
    unwritten: Mutex<BTreeMap<String, Memory>>,
}

impl<'a, C: Clock> Notifier<'a, C> {
    /// `base` is the configuration's folder, `zone` the one in which a day begins.
    pub const fn new(
        config: &'a [NotifyConfig],
        base: &'a std::path::Path,
        env: &'a Env,
        clock: C,
        zone: Tz,
    ) -> Self {
        Self { config, base, env, clock, zone, roots: Vec::new(), unwritten: Mutex::new(BTreeMap::new()) }
    }

    /// The same, trusting these certificates too.
    #[cfg(test)]
    fn trusting(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }

    /// Tells everybody who wants to know what is news to them; `store` remembers what was said. Takes some seconds at
    /// most; never fails.
    pub async fn tell(&self, store: &Store, news: News) {
        if self.config.is_empty() {
            return;
        }
        let mut told = store.told().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was said before cannot be read");
            BTreeMap::new()
        });
        for (receiver, topics) in self.unwritten().iter() {
            told.entry(receiver.clone()).or_default().extend(topics.clone());
        }
        for (place, receiver) in self.config.iter().enumerate() {
            let name = digest(receiver);
            let before = told.remove(&name).unwrap_or_default();
            let steps = memory::steps(&news, &before, receiver, self.clock.now(), self.zone);
            for step in steps {
                if !self.take(store, (place, receiver, &name), step).await {
                    break;
                }
            }
        }
        for gone in told.keys() {
            note(store.forget_receiver(gone).await);
        }
    }

    /// Takes one step; false if the receiver is away.
    async fn take(
        &self,
        store: &Store,
        (place, receiver, name): (usize, &NotifyConfig, &str),
        step: Step,
    ) -> bool {
        let message = match &step {
            Step::Say(message, _) | Step::Fixed(message, _) => Some(message),
            Step::Forget(_) => None,
        };
        if let Some(message) = message {
            if let Err(why) = self.send(receiver, message).await {
                tracing::warn!(receiver = place, event = ?message.event, cause = why.cause(), "message not sent");
                return !matches!(why, Undelivered::Away(_));
            }
            tracing::info!(receiver = place, event = ?message.event, "message sent");
        }
        match step {
            Step::Say(_, None) => {}
            Step::Say(_, Some(told)) => {
                if !note(store.note_told(name, &told).await) {
                    self.unwritten().entry(name.to_owned()).or_default().insert(told.topic.clone(), told);
                }
            }
            Step::Fixed(_, topic) | Step::Forget(topic) => {
                if let Some(topics) = self.unwritten().get_mut(name) {
                    topics.remove(&topic);
                }
                note(store.forget_told(name, &topic).await);
            }
        }
        true
    }

    fn unwritten(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Memory>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, receiver: &NotifyConfig, message: &Message) -> Result<(), Undelivered> {
        let now = self.clock.now();
        match receiver.receiver().map_err(|problems| Undelivered::Away(worded(problems)))? {
            Receiver::Robot { kind, url, secret } => {
                let (url, secret) = (self.read(url)?, secret.map(|secret| self.read(secret)).transpose()?);
                self.call(kind, &robot::letter(kind, &url, secret.as_ref(), message, receiver.names, now))
                    .await
            }
            Receiver::Mail(mail) => {
                let password = mail.password.map(|password| self.read(password)).transpose()?;
                let post = mail::Post::new(&mail, password.as_ref(), &self.roots)?;
                post.send(&mail, &message.title, robot::plain(message, receiver.names), now).await
            }
            Receiver::Syslog(server) => {
                let text = robot::text(message, receiver.names);
                let line = syslog::line(message, &text, &syslog::host(), std::process::id(), now);
                syslog::send(&server, &line, &self.roots).await.map_err(Undelivered::Away)
            }
        }
    }

    /// Looks whether each receiver could be told, without telling it anything: its settings, its secrets, and, where
    /// that says nothing to anybody, the way there.
    pub async fn try_out(&self) -> Vec<Result<(), String>> {
        let mut found = Vec::new();
        for receiver in self.config {
            found.push(self.try_one(receiver).await);
        }
        found
    }

    async fn try_one(&self, receiver: &NotifyConfig) -> Result<(), String> {
        let read = |secret| self.read(secret).map_err(|error| error.cause().to_owned());
        match receiver.receiver().map_err(worded)? {
            Receiver::Robot { url, secret, .. } => {
                secret.map(read).transpose()?;
                reachable(&check_url(read(url)?.expose()).map_err(|_| t!("notify.bad_url").into_owned())?)
                    .await
            }
            Receiver::Mail(mail) => {
                let password = mail.password.map(read).transpose()?;
                let post = mail::Post::new(&mail, password.as_ref(), &self.roots);
                post.map_err(|error| error.cause().to_owned())?.try_out().await
            }
            Receiver::Syslog(server) => syslog::try_out(&server, &self.roots).await,
        }
    }

    fn read(&self, reference: &SecretRef) -> Result<Secret, Undelivered> {
        reference.read(self.base, self.env).map_err(|error| Undelivered::Away(error.to_string()))
    }

    async fn call(&self, kind: RobotKind, letter: &robot::Letter) -> Result<(), Undelivered> {
        // The address is the secret, so no error may quote it.
        let url = check_url(letter.url.expose())
            .map_err(|_| Undelivered::Away(t!("notify.bad_url").into_owned()))?;
        let options = Options { max_body: MAX_ANSWER, ..Options::new(Trust::System, TIMEOUT) };
        let transport = Transport::new(&options).map_err(|error| Undelivered::Away(error.to_string()))?;
        let mut again = true;
        loop {
            let cause = match transport.send(Request::post_json(url.clone(), letter.body.clone())).await {
                Ok(answer) if answer.status < 500 => return robot::taken(kind, answer.status, &answer.body),
                Ok(answer) => format!("HTTP {}", answer.status),
                Err(failure) => failure.detail,
            };
            if !std::mem::take(&mut again) {
                return Err(Undelivered::Away(cause));
            }
            self.clock.sleep(PAUSE).await;
        }
    }
}

/// Whether somebody listens at an address; nothing is sent there, for a call is a message.
///
/// # Errors
/// If nobody does. The address is a secret and is not named.
pub async fn reachable(url: &Url) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    match tokio::time::timeout(TIMEOUT, tokio::net::TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(t!("http.timeout", seconds = TIMEOUT.as_secs()).into_owned()),
    }
}

/// What is wrong with a receiver's settings.
fn worded(problems: Vec<(&'static str, String)>) -> String {
    problems.into_iter().map(|(key, words)| format!("{key} {words}")).collect::<Vec<_>>().join("; ")
}

/// Logs what could not be written down; whether it was.
fn note(result: Result<(), crate::store::StoreError>) -> bool {
    if let Err(error) = &result {
        tracing::warn!(%error, "what was said cannot be written down");
    }
    result.is_ok()
}

/// Who a receiver is: another address is somebody else, who was told nothing yet.
fn digest(receiver: &NotifyConfig) -> String {
    let NotifyConfig { kind, url, server, from, to, .. } = receiver;
    blake3::hash(format!("{kind:?} {url:?} {server:?} {from:?} {to:?}").as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests;
