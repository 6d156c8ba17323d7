//! The HTTP foundation of every client in here: one request, one answer, a limit on everything, and an honest word on
//! whether a byte of the request may have left. No redirects, proxies, decompression, cookies or repeats live here;
//! trust in certificates is in `tls`. What a call means is its client's business.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use reqwest::{Method, Url};

use crate::secret::Secret;

mod pool;
pub mod tls;

use pool::{Patience, Started};
pub use tls::{Pin, Trust};

/// Everything but the unreserved characters of RFC 3986 is encoded, so `+`, `&`, `=` and blanks can never be taken for syntax.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Largest answer that is read, unless a client says otherwise.
pub const MAX_BODY: usize = 1 << 20;

/// An idle connection is given up after this time: devices close theirs after about five seconds, and a call on a
/// connection that is just being closed has no known outcome.
const IDLE: Duration = Duration::from_secs(4);

/// Most header lines of an answer; their bytes are capped by the HTTP library (about 400 kB).
const MAX_HEADERS: usize = 100;

/// Percent-encodes a text: unreserved characters (RFC 3986) stay, every other byte becomes `%XX` in capitals.
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Joins pairs as `k=v&k=v`, names and values percent-encoded. For a query as well as for a form body.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.extend(utf8_percent_encode(name, RESERVED));
        out.push('=');
        out.extend(utf8_percent_encode(value, RESERVED));
    }
    out
}

/// Why a transport cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not an address that may be called.
    #[error("{}", rust_i18n::t!("http.bad_url", url = url, cause = cause))]
    BadUrl {
        /// The address, without query and user.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Pinning was asked for without a pin.
    #[error("{}", rust_i18n::t!("http.no_pins"))]
    NoPins,
    /// Not the base64 of 32 bytes.
    #[error("{}", rust_i18n::t!("http.bad_pin", pin = pin))]
    BadPin {
        /// The text.
        pin: String,
    },
    /// The file with the certificates cannot be read.
    #[error("{}", rust_i18n::t!("http.ca_unreadable", path = path.display(), cause = cause))]
    CaUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The file holds no certificate.
    #[error("{}", rust_i18n::t!("http.ca_empty", path = path.display()))]
    CaEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The library refuses its settings.
    #[error("{}", rust_i18n::t!("http.setup", cause = cause))]
    Setup {
        /// Why.
        cause: String,
    },
}

/// Sorts of trouble with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// No connection, or not in time.
    Connect,
    /// The TLS handshake failed: certificate, pin or protocol.
    Tls,
    /// No complete answer in time; the request may have arrived.
    Timeout,
    /// The connection broke, or what came is no HTTP; the request may have arrived.
    Broken,
    /// The answer is larger than allowed; the request did arrive.
    TooLarge,
}

/// What became of a request without a complete answer. Holds no query, body or header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// Sort of trouble.
    pub kind: FailureKind,
    /// The cause in words.
    pub detail: String,
}

impl Failure {
    /// Whether not one byte of the request left this process. `false` when that cannot be proved.
    pub const fn not_sent(&self) -> bool {
        matches!(self.kind, FailureKind::Connect | FailureKind::Tls)
    }
}

/// One request. It has no `Debug`: query and body may hold secrets.
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Secret>,
}

impl Request {
    /// A `POST` of a form that is already encoded (see [`encode_pairs`]).
    pub fn post_form(url: Url, form: Secret) -> Self {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
        let headers = HeaderMap::from_iter([(reqwest::header::CONTENT_TYPE, kind)]);
        Self { method: Method::POST, url, headers, body: Some(form) }
    }

    /// A `GET`.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: None }
    }

    /// Adds a header, or replaces the one of that name.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// A complete answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header lines.
    pub headers: HeaderMap,
    /// Body, at most the transport's cap.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// How a transport behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which certificates are trusted.
    pub trust: Trust,
    /// For the whole call: connecting, sending, waiting, reading.
    pub timeout: Duration,
    /// Largest body of an answer.
    pub max_body: usize,
}

impl Options {
    /// The usual limits.
    pub const fn new(trust: Trust, timeout: Duration) -> Self {
        Self { trust, timeout, max_body: MAX_BODY }
    }
}

/// Checks an address: `https`, or `http` to a loopback address; with a host, without a user or a fragment.
pub fn check_url(text: &str) -> Result<Url, HttpError> {
    let refuse = |cause: &str| {
        let shown = text.split(['?', '#']).next().unwrap_or_default();
        let shown = shown.rsplit_once('@').map_or(shown, |(_, host)| host);
        HttpError::BadUrl { url: shown.to_owned(), cause: rust_i18n::t!(cause).into_owned() }
    };
    let url = Url::parse(text).map_err(|_| refuse("http.url_unreadable"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("http.url_no_host"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(refuse("http.url_extra"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(refuse("http.url_plain")),
        _ => Err(refuse("http.url_scheme")),
    }
}

/// Whether an address names this machine.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Sends requests to one server. Connections are kept and used again; cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    patience: Patience,
    timeout: Duration,
    max_body: usize,
}

impl Transport {
    /// A transport with these options. Reads the file of certificates, if there is one.
    pub fn new(options: &Options) -> Result<Self, HttpError> {
        let patience = Patience::default();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .http1_max_headers(MAX_HEADERS)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            // Shorter than the whole: what runs out while connecting can then be told from a lost answer.
            .connect_timeout(options.timeout * 4 / 5)
            .connector_layer(patience.clone());
        if let Some(config) = tls::client_config(&options.trust)? {
            builder = builder.tls_backend_preconfigured(config);
        }
        let client = builder.build().map_err(|e| HttpError::Setup { cause: chain(&e.without_url()) })?;
        Ok(Self { client, patience, timeout: options.timeout, max_body: options.max_body })
    }

    /// Sends one request and reads the whole answer. Nothing is repeated.
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let answer = self.patience.accompany(|started| self.exchange(request, started)).await;
        let kept = answer.as_ref().is_ok_and(|answer| answer.header("connection") != Some("close"));
        self.patience.expect_free_connection(kept);
        answer
    }

    async fn exchange(&self, request: Request, started: Started) -> Result<Answer, Failure> {
        let Request { method, url, headers, body } = request;
        let mut builder = self.client.request(method, url).headers(headers).timeout(self.timeout);
        if let Some(body) = body {
            builder = builder.body(reqwest::Body::wrap(started.with(body)));
        }
        let mut response = builder.send().await.map_err(failure)?;
        let too_large = || Failure {
            kind: FailureKind::TooLarge,
            detail: rust_i18n::t!("http.too_large", limit = self.max_body).into_owned(),
        };
        if response.content_length().is_some_and(|n| n > self.max_body as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status().as_u16();
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
    }
}

fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_connect() {
        return match tls::explain(&error) {
            Some(detail) => Failure { kind: FailureKind::Tls, detail },
            None => Failure { kind: FailureKind::Connect, detail: chain(&error) },
        };
    }
    let kind = if error.is_timeout() { FailureKind::Timeout } else { FailureKind::Broken };
    Failure { kind, detail: chain(&error) }
}

/// The innermost words of an error: the outer ones ("error sending request") say nothing.
fn chain(error: &dyn StdError) -> String {
    let mut last = error.to_string();
    let mut before = None;
    let mut source = error.source();
    while let Some(e) = source {
        before = Some(std::mem::replace(&mut last, e.to_string()));
        source = e.source();
    }
    match before {
        Some(before) if !before.contains(&last) => format!("{before}: {last}"),
        Some(before) => before,
        None => last,
    }
}

#[cfg(test)]
mod tests;
