//! The client: the [`Gateway`] trait over HTTP. One method is one request, signed at the moment it is sent; what came
//! back is sorted into applied, refused, unknown and not sent. Nothing is repeated or decided here.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::answer::{self, Scrub};
use super::embedded::{self, Running, SharedDevice};
use super::token::Recipe;
use super::wire::{self, Form};
use super::{
    Dialect, Gateway, GatewayError, GroupRecord, Mutation, Outcome, Page, ReadError, Refusal, RefusalKind,
    RoleRecord, UserRecord, Why, WhyKind,
};
use crate::clock::Clock;
use crate::config::{TargetConfig, TlsConfig};
use crate::http::{
    self, Answer, Failure, FailureKind, HttpError, Options, Pin, Request, Transport, Trust, Url,
};
use crate::model::{GroupPath, Username};
use crate::secret::Secret;

/// The address of a target whose device lives inside this process.
pub const EMBEDDED: &str = "embedded";

/// A gateway behind HTTP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpGateway<C> {
    transport: Transport,
    address: Url,
    dialect: Dialect,
    recipe: Recipe,
    key: Secret,
    clock: C,
    /// What the device last asked for with `Retry-After`, until somebody takes it.
    asked_to_wait: Arc<Mutex<Option<Duration>>>,
    /// The device itself, where it lives in this process.
    running: Option<Running>,
}

impl<C: Clock + Clone> HttpGateway<C> {
    /// A client for a target. Relative paths of its settings are relative to `base_dir`.
    pub fn new(target: &TargetConfig, key: Secret, base_dir: &Path, clock: C) -> Result<Self, GatewayError> {
        let name = || target.name.to_string();
        let http = |source| GatewayError::Http { target: name(), source };
        if key.expose().is_empty() {
            return Err(GatewayError::NoKey { target: name() });
        }
        let trust = trust(&target.tls, base_dir).map_err(http)?;
        let trust = trust.ok_or_else(|| GatewayError::TrustTwice { target: name() })?;
        let mut options = Options::new(trust, target.pace.timeout.as_duration());
        options.backend = target.tls.backend;
        Ok(Self {
            transport: Transport::new(&options).map_err(http)?,
            address: address(&target.url).map_err(http)?,
            dialect: target.dialect,
            recipe: Recipe::new(&target.token, target.dialect)?,
            key,
            clock,
            asked_to_wait: Arc::default(),
            running: None,
        })
    }

    /// The client of a target: of the device at its address, or of one inside this process, with its state in
    /// `embedded_data`, when the address is `embedded`. That one needs no key.
    pub async fn open(
        target: &TargetConfig,
        key: Option<Secret>,
        base_dir: &Path,
        embedded_data: &Path,
        clock: C,
    ) -> Result<Self, GatewayError> {
        if target.url == EMBEDDED {
            return embedded::start(target, embedded_data, clock).await;
        }
        let key = key.ok_or_else(|| GatewayError::NoKey { target: target.name.to_string() })?;
        Self::new(target, key, base_dir, clock)
    }

    /// The device itself, where it lives in this process.
    pub fn embedded_device(&self) -> Option<&SharedDevice> {
        self.running.as_ref().map(|running| &running.device)
    }

    pub(super) fn keeping(self, running: Running) -> Self {
        Self { running: Some(running), ..self }
    }

    /// The same client with another recipe for tokens.
    pub fn with_recipe(&self, recipe: Recipe) -> Self {
        Self { recipe, ..self.clone() }
    }

    pub(super) const fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Signs and sends one call.
    async fn send(&self, form: &Form<'_>) -> Result<(Answer, Scrub), Failure> {
        self.send_signed(form, &self.recipe, self.now().timestamp()).await
    }

    /// Sends one call with another recipe, or at another time, than usual.
    pub(super) async fn ask(
        &self,
        form: &Form<'_>,
        recipe: &Recipe,
        at: i64,
    ) -> Result<(Answer, Scrub), ReadError> {
        self.send_signed(form, recipe, at).await.map_err(|failure| ReadError::Failed(why(failure)))
    }

    async fn send_signed(
        &self,
        form: &Form<'_>,
        recipe: &Recipe,
        at: i64,
    ) -> Result<(Answer, Scrub), Failure> {
        let signed = form.sign(recipe, &self.key, at);
        let mut url = self.address.clone();
        url.set_query(Some(&signed.query));
        let mut scrub = Scrub::new().secret(self.key.expose()).secret(signed.token.expose());
        for (name, value) in form.all() {
            scrub = match name {
                "passwd" => scrub.secret(value),
                "phone" => scrub.phone(value),
                _ => scrub,
            };
        }
        let answer = self.transport.send(Request::post_form(url, signed.body)).await?;
        if let Some(wait) = retry_after(&answer, self.now()) {
            let mut asked = self.asked_to_wait.lock().unwrap_or_else(PoisonError::into_inner);
            *asked = Some(asked.map_or(wait, |before| before.max(wait)));
        }
        Ok((answer, scrub))
    }

    async fn change(&self, form: &Form<'_>) -> Outcome {
        match self.send(form).await {
            Ok((answer, scrub)) => answer::outcome(form.call, answer.status, &answer.body, &scrub),
            Err(failure) if failure.not_sent() => Outcome::NotSent(why(failure)),
            Err(failure) => Outcome::Unknown(why(failure)),
        }
    }

    async fn read(&self, form: &Form<'_>) -> Result<(Answer, Scrub), ReadError> {
        if !form.call.exists(self.dialect) {
            let message = rust_i18n::t!("gateway.no_such_call", dialect = self.dialect.as_str()).into_owned();
            return Err(ReadError::Refused(Refusal { code: 1, kind: RefusalKind::NoSuchCall, message }));
        }
        self.send(form).await.map_err(|failure| ReadError::Failed(why(failure)))
    }
}

/// The address of the interface on the device at `url`; a path in `url` is taken for a prefix.
fn address(url: &str) -> Result<Url, HttpError> {
    let mut address = http::check_url(url)?;
    if address.query().is_some() {
        let cause = rust_i18n::t!("http.url_query").into_owned();
        let shown = url.split('?').next().unwrap_or_default().to_owned();
        return Err(http::BadUrl { url: shown, cause }.into());
    }
    if !address.path().ends_with(wire::PATH) {
        let path = format!("{}{}", address.path().trim_end_matches('/'), wire::PATH);
        address.set_path(&path);
    }
    Ok(address)
}

/// The one way to trust that is configured; `None` when there are several.
fn trust(tls: &TlsConfig, base_dir: &Path) -> Result<Option<Trust>, HttpError> {
    let pins = tls.pin_sha256.as_deref().map(Pin::parse_all).transpose()?.map(Trust::Pins);
    let file = tls.ca_file.as_ref().map(|path| Trust::CaFile(base_dir.join(path)));
    let system = tls.system.then_some(Trust::System);
    let insecure = tls.insecure.then_some(Trust::Insecure);
    let mut ways = [pins, file, system, insecure].into_iter().flatten();
    let first = ways.next().unwrap_or(Trust::System);
    Ok(if ways.next().is_some() { None } else { Some(first) })
}

/// How long an answer asks to be left alone: `Retry-After`, in seconds or as a moment, with a status that it goes with.
fn retry_after(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    if !matches!(answer.status, 429 | 503) {
        return None;
    }
    let text = answer.header("retry-after")?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().ok(),
    }
}

fn why(failure: Failure) -> Why {
    let kind = match failure.kind {
        FailureKind::Connect => WhyKind::Connect,
        FailureKind::Tls => WhyKind::Tls,
        FailureKind::Timeout => WhyKind::Timeout,
        FailureKind::Broken => WhyKind::Broken,
        FailureKind::TooLarge => WhyKind::Unusable,
    };
    Why { kind, detail: failure.detail }
}

impl<C: Clock + Clone> Gateway for HttpGateway<C> {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    async fn user(&self, name: &Username) -> Result<Option<UserRecord>, ReadError> {
        let (answer, scrub) = self.read(&Form::user(self.dialect, name)).await?;
        answer::user(answer.status, &answer.body, &scrub)
    }

    async fn group(&self, path: &GroupPath) -> Result<Option<GroupRecord>, ReadError> {
        let (answer, scrub) = self.read(&Form::group(self.dialect, path)).await?;
        answer::group(path, answer.status, &answer.body, &scrub)
    }

    async fn users(&self, offset: u64, limit: u64) -> Result<Page<UserRecord>, ReadError> {
        let (answer, scrub) = self.read(&Form::users(self.dialect, offset, limit)).await?;
        answer::users(answer.status, &answer.body, &scrub)
    }

    async fn roles(&self, offset: u64, limit: u64) -> Result<Page<RoleRecord>, ReadError> {
        let (answer, scrub) = self.read(&Form::roles(self.dialect, offset, limit)).await?;
        answer::roles(answer.status, &answer.body, &scrub)
    }

    async fn mutate(&self, mutation: &Mutation) -> Outcome {
        match Form::mutation(self.dialect, mutation) {
            Ok(form) => self.change(&form).await,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn asked_to_wait(&self) -> Option<Duration> {
        self.asked_to_wait.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn commit(&self) -> Outcome {
        self.change(&Form::commit(self.dialect)).await
    }
}
