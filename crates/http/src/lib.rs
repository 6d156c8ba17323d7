//! The HTTP foundation of every client in here: one request, one answer, a limit on everything, and an honest word on
//! whether a byte of the request may have left. No redirects, proxies, decompression, cookies or repeats live here;
//! trust in certificates is in `tls`. What a call means is its client's business.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "openssl")]
use hyper_util::client::legacy::Client as HyperClient;
#[cfg(feature = "openssl")]
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
pub use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Response};
pub use rosterd_core::address::{BadUrl, Url, check_url, is_loopback};
#[cfg(feature = "openssl")]
use tower_layer::Layer as _;

use rosterd_core::secret::Secret;

rosterd_words::speak!();

mod pool;
pub mod tls;

#[cfg(feature = "openssl")]
use pool::Patient;
use pool::{Patience, Started};
pub use rosterd_core::config::TlsBackend as Backend;
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

/// Whether this build can speak TLS through OpenSSL: the cargo feature `openssl`.
pub const HAS_OPENSSL: bool = cfg!(feature = "openssl");

/// Why a transport cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not an address that may be called.
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
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
    /// OpenSSL was asked for, and this build has none: see [`HAS_OPENSSL`].
    #[error("{}", rust_i18n::t!("http.no_openssl"))]
    NoOpenssl,
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

    /// A `POST` of JSON.
    pub fn post_json(url: Url, json: Secret) -> Self {
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        let headers = HeaderMap::from_iter([(reqwest::header::CONTENT_TYPE, kind)]);
        Self { method: Method::POST, url, headers, body: Some(json) }
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
    /// Which library speaks TLS.
    pub backend: Backend,
    /// For the whole call: connecting, sending, waiting, reading.
    pub timeout: Duration,
    /// Largest body of an answer.
    pub max_body: usize,
}

impl Options {
    /// The usual limits, and rustls.
    pub const fn new(trust: Trust, timeout: Duration) -> Self {
        Self { trust, backend: Backend::Rustls, timeout, max_body: MAX_BODY }
    }
}

/// Sends requests to one server. Connections are kept and used again; cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    engine: Engine,
    patience: Patience,
    timeout: Duration,
    max_body: usize,
}

/// The two libraries' clients. Both keep to the same limits, and neither repeats, redirects or asks for a proxy.
#[derive(Debug, Clone)]
enum Engine {
    Rustls(reqwest::Client),
    #[cfg(feature = "openssl")]
    Openssl(Box<HyperClient<Patient<tls::with_openssl::Connector>, Body>>),
}

impl Engine {
    fn new(options: &Options, patience: &Patience) -> Result<Self, HttpError> {
        // Shorter than the whole: what runs out while connecting can then be told from a lost answer.
        let connecting = options.timeout * 4 / 5;
        match options.backend {
            Backend::Rustls => rustls_client(&options.trust, connecting, patience).map(Self::Rustls),
            #[cfg(not(feature = "openssl"))]
            Backend::Openssl => Err(HttpError::NoOpenssl),
            #[cfg(feature = "openssl")]
            Backend::Openssl => {
                let connector = tls::with_openssl::Connector::new(&options.trust, connecting)?;
                let client = HyperClient::builder(TokioExecutor::new())
                    .pool_timer(TokioTimer::new())
                    .pool_idle_timeout(IDLE)
                    .http1_max_headers(MAX_HEADERS)
                    .build(patience.layer(connector));
                Ok(Self::Openssl(Box::new(client)))
            }
        }
    }

    async fn execute(&self, request: reqwest::Request) -> Result<Response, Failure> {
        match self {
            Self::Rustls(client) => client.execute(request).await.map_err(|e| failure(&e.without_url())),
            #[cfg(feature = "openssl")]
            Self::Openssl(client) => {
                let request = request.try_into().map_err(|e: reqwest::Error| failure(&e.without_url()))?;
                let answer = client.request(request).await.map_err(|e| classify(&e, e.is_connect()))?;
                Ok(answer.map(Body::wrap).into())
            }
        }
    }
}

fn rustls_client(
    trust: &Trust,
    connecting: Duration,
    patience: &Patience,
) -> Result<reqwest::Client, HttpError> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .connect_timeout(connecting)
        .connector_layer(patience.clone());
    if let Some(config) = tls::with_rustls::client_config(trust)? {
        builder = builder.tls_backend_preconfigured(config);
    }
    builder.build().map_err(|e| HttpError::Setup { cause: chain(&e.without_url()) })
}

impl Transport {
    /// A transport with these options. Reads the file of certificates, if there is one.
    pub fn new(options: &Options) -> Result<Self, HttpError> {
        if options.trust == Trust::Insecure {
            tracing::warn!(
                "TLS certificates are NOT verified (insecure = true): anybody in between can read the key's tokens and all data"
            );
        }
        let patience = Patience::default();
        let engine = Engine::new(options, &patience)?;
        Ok(Self { engine, patience, timeout: options.timeout, max_body: options.max_body })
    }

    /// Sends one request and reads the whole answer. Nothing is repeated.
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let answer = self.patience.accompany(|started| self.in_time(request, started)).await;
        let kept = answer.as_ref().is_ok_and(|answer| answer.header("connection") != Some("close"));
        self.patience.expect_free_connection(kept);
        answer
    }

    async fn in_time(&self, request: Request, started: Started) -> Result<Answer, Failure> {
        match tokio::time::timeout(self.timeout, self.exchange(request, started)).await {
            Ok(result) => result,
            Err(_) => Err(Failure {
                kind: FailureKind::Timeout,
                detail: rust_i18n::t!("http.timeout", seconds = self.timeout.as_secs_f32()).into_owned(),
            }),
        }
    }

    async fn exchange(&self, request: Request, started: Started) -> Result<Answer, Failure> {
        let Request { method, url, headers, body } = request;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        request.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        *request.body_mut() = body.map(|body| Body::wrap(started.with(body)));
        let mut response = self.engine.execute(request).await?;
        let body = self.read(&mut response).await?;
        let status = response.status().as_u16();
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
    }

    async fn read(&self, response: &mut Response) -> Result<Vec<u8>, Failure> {
        let too_large = || Failure {
            kind: FailureKind::TooLarge,
            detail: rust_i18n::t!("http.too_large", limit = self.max_body).into_owned(),
        };
        if response.content_length().is_some_and(|n| n > self.max_body as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(body),
                Err(error) if ends_at_close(response) && is_rude_end(&error) => return Ok(body),
                Err(error) => return Err(failure(&error.without_url())),
            };
            if body.len() + chunk.len() > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }
}

/// Whether only the end of the connection says where the answer ends.
fn ends_at_close(response: &Response) -> bool {
    use reqwest::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
    !response.headers().contains_key(CONTENT_LENGTH) && !response.headers().contains_key(TRANSFER_ENCODING)
}

/// A TLS connection that ends without the good-bye that tells an end from a cut: many devices close so. Whoever reads
/// the answer must be able to tell that it is whole; JSON can.
fn is_rude_end(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(e) = next {
        if e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::UnexpectedEof) {
            return true;
        }
        next = e.source();
    }
    false
}

fn failure(error: &reqwest::Error) -> Failure {
    classify(error, error.is_connect())
}

fn classify(error: &(dyn StdError + 'static), connecting: bool) -> Failure {
    if !connecting {
        return Failure { kind: FailureKind::Broken, detail: chain(error) };
    }
    match tls::explain(error) {
        Some(detail) => Failure { kind: FailureKind::Tls, detail },
        None => Failure { kind: FailureKind::Connect, detail: chain(error) },
    }
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
