//! One request to a provider and what may come of it; and the loop that sends a request again when that is safe. What
//! is signed and what an answer means belong to the providers.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};

use super::refusal::{Again, Kind};
use crate::clock::Clock;
use crate::http::{Failure, FailureKind, Options, Request, Transport, Trust, Url, check_url};
use crate::model::{cut_bytes, is_deceptive};
use crate::secret::Secret;

/// Longest piece of a service's own words that is shown.
const MAX_MESSAGE: usize = 500;
/// Largest answer that is read: the settings of some ten thousand domains.
const MAX_ANSWER: usize = 8 << 20;
/// A service's quota is counted by the minute.
const MINUTE: Duration = Duration::from_secs(60);
/// A clock that is off by less than this is not worth a word.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Body; it may hold passwords and keys.
    pub body: Secret,
    /// The service's own number for the request, where it gives one.
    pub request_id: Option<String>,
    /// The service's clock (`Date`).
    pub date: Option<DateTime<Utc>>,
}

/// Sends one form body and reads the whole answer. The HTTP implementation is [`HttpPost`].
pub trait Post: Send + Sync {
    /// Sends `form` once; nothing is repeated in here.
    fn post(&self, form: Secret) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

/// Posts to one address over the common HTTP foundation.
#[derive(Debug, Clone)]
pub struct HttpPost {
    transport: Transport,
    url: Url,
}

impl HttpPost {
    /// A way to this address; the system's certificate authorities are trusted.
    ///
    /// # Errors
    /// If the address may not be called.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, crate::http::HttpError> {
        let options = Options { max_body: MAX_ANSWER, ..Options::new(Trust::System, timeout) };
        Ok(Self { transport: Transport::new(&options)?, url: check_url(url)? })
    }
}

impl Post for HttpPost {
    async fn post(&self, form: Secret) -> Result<Reply, Failure> {
        let answer = self.transport.send(Request::post_form(self.url.clone(), form)).await?;
        let date = answer.header("date").and_then(|d| DateTime::parse_from_rfc2822(d).ok()).map(Into::into);
        let request_id = answer.header("x-ucloud-request-uuid").map(|id| clean(id, &[]));
        let body = String::from_utf8(answer.body).map_err(|_| Failure {
            kind: FailureKind::Broken,
            detail: rust_i18n::t!("cloud.call.not_utf8").into_owned(),
        })?;
        Ok(Reply { status: answer.status, body: Secret::new(body), request_id, date })
    }
}

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The service answered no.
    Refused(Refusal),
    /// No connection, or no complete answer.
    Failed(Failure),
    /// An answer that is not what the service's pages describe. `detail` holds nothing of its body.
    Unusable {
        /// What is wrong with it.
        detail: String,
        /// Whether a proxy or a server in trouble may have answered, so that another try can help.
        passing: bool,
    },
}

/// A service's "no".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The service's code.
    pub code: i64,
    /// What it means.
    pub kind: Kind,
    /// The service's own words, cut, without secrets.
    pub message: String,
    /// The service's number for the request.
    pub request_id: Option<String>,
    /// How far our clock is ahead of the service's, in seconds, where that may be the cause.
    pub clock_ahead: Option<i64>,
}

impl Refusal {
    /// A refusal whose message has been cleaned of `secrets`.
    pub fn new(
        code: i64,
        kind: Kind,
        message: &str,
        secrets: &[&Secret],
        reply: &Reply,
        now: DateTime<Utc>,
    ) -> Self {
        let ahead = |date: DateTime<Utc>| (now - date).num_seconds();
        let clock_ahead = reply
            .date
            .filter(|_| kind.may_be_the_clock())
            .map(ahead)
            .filter(|seconds| seconds.unsigned_abs() > CLOCK_TOLERANCE.as_secs());
        let message = clean(message, secrets);
        Self { code, kind, message, request_id: reply.request_id.clone(), clock_ahead }
    }
}

impl CallError {
    /// Whether a *reading* request may be sent again.
    pub const fn again(&self) -> Again {
        match self {
            Self::Refused(refusal) => refusal.kind.again(),
            Self::Failed(failure) => match failure.kind {
                FailureKind::Tls | FailureKind::TooLarge => Again::Never,
                FailureKind::Connect | FailureKind::Timeout | FailureKind::Broken => Again::Later,
            },
            Self::Unusable { passing: true, .. } => Again::Later,
            Self::Unusable { passing: false, .. } => Again::Never,
        }
    }

    /// Whether a *change* may be sent again without looking: only when it is proved that nothing happened.
    pub const fn again_for_a_change(&self) -> Again {
        if self.proves_nothing_happened() { self.again() } else { Again::Never }
    }

    /// Whether the request certainly changed nothing.
    pub const fn proves_nothing_happened(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.kind.proves_nothing_happened(),
            Self::Failed(failure) => failure.not_sent(),
            Self::Unusable { .. } => false,
        }
    }

    /// The stable word for scripts.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.kind.word(),
            Self::Failed(failure) => match failure.kind {
                FailureKind::Connect => "connect",
                FailureKind::Tls => "tls",
                FailureKind::Timeout => "timeout",
                FailureKind::Broken => "broken",
                FailureKind::TooLarge => "too_large",
            },
            Self::Unusable { .. } => "unusable",
        }
    }

    /// What to do, in the user's language.
    pub fn advice(&self) -> String {
        match self {
            Self::Refused(refusal) => match refusal.clock_ahead {
                Some(ahead) if ahead > 0 => {
                    rust_i18n::t!("cloud.call.clock_ahead", seconds = ahead).into_owned()
                }
                Some(ahead) => rust_i18n::t!("cloud.call.clock_behind", seconds = -ahead).into_owned(),
                None => refusal.kind.advice(),
            },
            Self::Failed(failure) if failure.kind == FailureKind::Tls => {
                rust_i18n::t!("cloud.call.next_tls").into_owned()
            }
            Self::Failed(_) => rust_i18n::t!("cloud.call.next_network").into_owned(),
            Self::Unusable { .. } => rust_i18n::t!("cloud.call.next_unusable").into_owned(),
        }
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(r) if r.message.is_empty() => {
                f.write_str(&rust_i18n::t!("cloud.call.refused_mute", code = r.code))
            }
            Self::Refused(r) => {
                f.write_str(&rust_i18n::t!("cloud.call.refused", code = r.code, message = r.message))
            }
            Self::Failed(failure) => f.write_str(&rust_i18n::t!("cloud.call.failed", cause = failure.detail)),
            Self::Unusable { detail, .. } => {
                f.write_str(&rust_i18n::t!("cloud.call.unusable", detail = detail))
            }
        }
    }
}

/// An answer that is not JSON of the expected form: what stood in between, or what the service did not document.
pub(crate) fn not_the_form(reply: &Reply) -> CallError {
    let looks_like_html = reply.body.expose().trim_start().starts_with('<');
    let detail = match (reply.status, looks_like_html) {
        (200, true) => rust_i18n::t!("cloud.call.html").into_owned(),
        (200, false) => rust_i18n::t!("cloud.call.not_json").into_owned(),
        (status, _) => rust_i18n::t!("cloud.call.status", status = status).into_owned(),
    };
    // A wrong address answers with 3xx or 4xx however often it is asked; 408 and 429 say "later".
    let passing = !matches!(reply.status, 300..=499) || matches!(reply.status, 408 | 429);
    CallError::Unusable { detail, passing }
}

/// A service's text, fit to be shown: secrets and characters that deceive are taken out, the rest is cut.
pub(crate) fn clean(text: &str, secrets: &[&Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|s| s.expose().len() >= 4) {
        text = text.replace(secret.expose(), "[secret]");
    }
    let shown: String = text.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).collect();
    cut_bytes(shown.trim(), MAX_MESSAGE).to_owned()
}

/// How often and with which pauses requests are repeated.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Repeats at most.
    pub retries: u32,
    /// Makes the jitter of the pauses; another one for every process.
    pub seed: u64,
}

/// Sends a request until it succeeds, may not be sent again, or patience ends. `attempt` signs anew each time.
/// Returns how many requests were sent beside the last outcome.
pub async fn repeat<C, T, F, A>(
    clock: &C,
    patience: Patience,
    action: &'static str,
    again: fn(&CallError) -> Again,
    mut attempt: A,
) -> (u32, Result<T, CallError>)
where
    C: Clock,
    F: Future<Output = Result<T, CallError>>,
    A: FnMut() -> F,
{
    let mut pauses = pauses(patience);
    let mut once = true;
    let mut sent = 0;
    loop {
        sent += 1;
        let error = match attempt().await {
            Ok(value) => return (sent, Ok(value)),
            Err(error) => error,
        };
        let pause = match again(&error) {
            Again::Never => None,
            Again::Once => std::mem::take(&mut once).then_some(Duration::ZERO),
            Again::NextMinute => Some(MINUTE),
            Again::Later => pauses.next(),
        };
        match pause {
            Some(pause) if sent <= patience.retries => {
                tracing::info!(
                    action,
                    word = error.word(),
                    attempt = sent,
                    ?pause,
                    "asking the cloud API again"
                );
                clock.sleep(pause).await;
            }
            _ => return (sent, Err(error)),
        }
    }
}

/// Growing pauses with jitter: half a second, one, two, … at most thirty.
pub(crate) fn pauses(patience: Patience) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(30))
        .with_max_times(usize::try_from(patience.retries).unwrap_or(usize::MAX))
        .with_jitter()
        .with_jitter_seed(patience.seed)
        .build()
}

#[cfg(test)]
mod tests;
