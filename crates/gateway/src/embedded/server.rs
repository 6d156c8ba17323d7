//! The device behind HTTP. Takes any client that follows the manual: parameters in the query or in the body, in any order,
//! any headers. Tokens are checked as the manual says. Faults, latency and the cost of a commit are added here; what the
//! device itself does is in `device`.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{Extensions, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use super::GatewayError;
use super::device::{Device, Furniture, Reply};
use super::direct::{SharedDevice, lock};
use super::fault::{Dice, Fate, FaultSpec};
use super::quirk::Quirk;
use super::render;
use super::saved::Saved;
use crate::clock::Clock;
use crate::config::{TokenConfig, TokenDigest};
use crate::gateway::Dialect;
use crate::gateway::token::Recipe;
use crate::gateway::wire::{PATH, TIMESTAMP, TOKEN};
use crate::secret::Secret;

/// How many calls the state page remembers at least, once there were so many.
const LOG: usize = 100_000;
/// How many more it lets come before the oldest are forgotten, all at once: to make room for each call costs more than
/// the call.
const LOG_SLACK: usize = LOG / 8;
/// As long as "never" has to be for a client that gives up.
const NEVER: Duration = Duration::from_secs(3600);

/// What kind of device to be.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The dialect to speak.
    pub dialect: Dialect,
    /// The key that tokens are made with.
    pub key: Secret,
    /// How tokens are made, where it is not the dialect's habit.
    pub token: TokenConfig,
    /// Where the state is kept; `None`: in memory only.
    pub data: Option<PathBuf>,
    /// Groups, roles and servers to begin with.
    pub furniture: Furniture,
    /// What every call takes.
    pub latency: Duration,
    /// What a commit takes on top, and every change that is not deferred.
    pub commit_cost: Duration,
    /// Behaviour beside the manual.
    pub quirks: BTreeSet<Quirk>,
    /// What goes wrong.
    pub faults: Vec<FaultSpec>,
    /// Where chance begins.
    pub seed: u64,
}

impl ServerOptions {
    /// A well-behaved device in memory.
    pub const fn new(dialect: Dialect, key: Secret) -> Self {
        Self {
            dialect,
            key,
            token: TokenConfig { digest: None, recipe: None, send_timestamp: None },
            data: None,
            furniture: Furniture {
                groups: Vec::new(),
                any_group: false,
                roles: Vec::new(),
                servers: Vec::new(),
            },
            latency: Duration::ZERO,
            commit_cost: Duration::ZERO,
            quirks: BTreeSet::new(),
            faults: Vec::new(),
            seed: 0,
        }
    }
}

/// A device that waits for calls. Cheap to clone.
pub struct Server<C> {
    inner: Arc<Inner<C>>,
}

impl<C> Clone for Server<C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

struct Inner<C> {
    device: SharedDevice,
    saved: Option<Mutex<Saved>>,
    dice: Mutex<Dice>,
    recipe: Recipe,
    key: Secret,
    latency: Duration,
    commit_cost: Duration,
    clock: C,
    late: TaskTracker,
    connections: AtomicU64,
}

/// One call as it came in.
struct Arrived {
    controler: String,
    action: String,
    token: String,
    /// All parameters but the token, sorted by name; where one stands twice, the last.
    signed: BTreeMap<String, String>,
}

/// Marks an answer that is never given: the connection is closed instead.
#[derive(Clone)]
struct HangUp;

impl<C: Clock + Clone> Server<C> {
    /// Makes the device, or brings it back from its file.
    pub fn new(options: ServerOptions, clock: C) -> Result<Self, GatewayError> {
        let recipe = recipe(&options)?;
        let mut device = Device::new(options.dialect, options.quirks, &options.furniture);
        device.set_clock_skew(options.faults.iter().map(|spec| spec.skew).sum());
        let saved = options.data.map(|path| Saved::open(&path, &mut device)).transpose()?;
        let inner = Inner {
            device: Arc::new(Mutex::new(device)),
            saved: saved.map(Mutex::new),
            dice: Mutex::new(Dice::new(options.faults, options.seed)),
            recipe,
            key: options.key,
            latency: options.latency,
            commit_cost: options.commit_cost,
            clock,
            late: TaskTracker::new(),
            connections: AtomicU64::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The device behind it.
    pub fn device(&self) -> SharedDevice {
        self.inner.device.clone()
    }

    /// How many connections have been made to it.
    pub fn connections(&self) -> u64 {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Serves until told to stop. Calls in hand are then cut off, as when a device is switched off.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        self.serve_with(Router::new(), listener, stop).await;
    }

    /// Like [`serve`](Self::serve), with other services at addresses of their own.
    pub async fn serve_with(self, others: Router, listener: TcpListener, stop: CancellationToken) {
        let router = Router::new().fallback(answer::<C>).with_state(self.clone()).merge(others);
        let serve = async {
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        self.inner.connections.fetch_add(1, Ordering::Relaxed);
                        let one =
                            stop.clone().run_until_cancelled_owned(connection(stream, peer, router.clone()));
                        tokio::spawn(one);
                    }
                    // Out of file descriptors, most likely: they come back.
                    Err(_) => self.inner.clock.sleep(Duration::from_millis(50)).await,
                }
            }
        };
        stop.run_until_cancelled(serve).await;
    }

    /// Runs `call` on the device and saves what it changed.
    fn with<T>(&self, call: impl FnOnce(&mut Device) -> T) -> Result<T, GatewayError> {
        let mut device = lock(&self.inner.device);
        match &self.inner.saved {
            None => Ok(call(&mut device)),
            Some(saved) => saved.lock().unwrap_or_else(PoisonError::into_inner).with(&mut device, call),
        }
    }

    /// Checks the address and the token, then carries the call out.
    fn carry_out(&self, call: &Arrived) -> Result<(Reply, String), GatewayError> {
        let now = self.inner.clock.now();
        self.with(|device| {
            let own: Vec<(&str, &str)> = call
                .signed
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .filter(|(name, _)| !["controler", "action", TIMESTAMP].contains(name))
                .collect();
            let reply = match self.refusal(device, call) {
                None => device.call(&call.action, &own, now),
                Some(reply) => {
                    device.refused(&call.action, &own, now, &reply);
                    reply
                }
            };
            if device.log().len() > LOG + LOG_SLACK {
                device.trim_log(LOG);
            }
            let body = render::body(device, &reply);
            (reply, body)
        })
    }

    /// Why a call is not let in.
    fn refusal(&self, device: &Device, call: &Arrived) -> Option<Reply> {
        if call.action.is_empty() || call.controler.is_empty() {
            return Some(Reply::refuse(404, "请求地址错误"));
        }
        if device.controler(&call.action) != Some(call.controler.as_str()) {
            return Some(Reply::refuse(1, "请求地址中的action或者controler不存在"));
        }
        (!self.token_is_good(device, call)).then_some(TOKEN_REFUSED)
    }

    fn token_is_good(&self, device: &Device, call: &Arrived) -> bool {
        let stamp = call.signed.get(TIMESTAMP).map_or("", String::as_str);
        let needs_stamp = self.inner.recipe.sends_timestamp();
        if needs_stamp && !(stamp.is_empty() && device.dialect() == Dialect::UpdaterCloud) {
            match stamp.parse() {
                Ok(signed) if !device.is_stale(signed, self.inner.clock.now()) => {}
                _ => return false,
            }
        }
        let params = call.signed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let expected = self.inner.recipe.sign(params, if needs_stamp { stamp } else { "" }, &self.inner.key);
        expected.expose().eq_ignore_ascii_case(&call.token)
    }

    async fn meet_fate(&self, call: Arrived) -> Response<Body> {
        let fate = self.inner.dice.lock().unwrap_or_else(PoisonError::into_inner).roll(&call.action);
        match fate {
            Fate::DropBefore => return hang_up(),
            Fate::TimeoutBefore => {
                self.inner.clock.sleep(NEVER).await;
                return hang_up();
            }
            Fate::Http500Before => return page(StatusCode::INTERNAL_SERVER_ERROR),
            Fate::HtmlBefore => return page(StatusCode::OK),
            Fate::Late(by) => {
                let server = self.clone();
                self.inner.late.spawn(async move {
                    server.inner.clock.sleep(by).await;
                    server.carry_out(&call)
                });
                return hang_up();
            }
            _ => {}
        }
        let (call, restarted) = self.prepare(call, fate);
        let done = restarted.and_then(|()| self.carry_out(&call));
        let Ok((reply, body)) = done else { return page(StatusCode::INTERNAL_SERVER_ERROR) };
        self.finish(fate, &reply, body).await
    }

    /// What a fate does before the call is carried out.
    fn prepare(&self, mut call: Arrived, fate: Fate) -> (Arrived, Result<(), GatewayError>) {
        let done = match fate {
            Fate::RestartLoad => self.with(Device::restart_loading),
            Fate::RestartDrop => self.with(Device::restart_dropping),
            Fate::Token => {
                call.token.clear();
                Ok(())
            }
            Fate::Half => {
                self.halve(&mut call);
                Ok(())
            }
            _ => Ok(()),
        };
        (call, done)
    }

    /// Leaves the first half of a delete's names, and a token for it. A call with a wrong token stays as it is.
    fn halve(&self, call: &mut Arrived) {
        if !self.token_is_good(&lock(&self.inner.device), call) {
            return;
        }
        let Some(names) = call.signed.get_mut("names") else { return };
        if let Ok(list) = serde_json::from_str::<Vec<String>>(names) {
            *names = serde_json::to_string(&list[..list.len().div_ceil(2)]).unwrap_or_default();
        } else {
            let list: Vec<_> = names.split(',').collect();
            *names = list[..list.len().div_ceil(2)].join(",");
        }
        let stamp = call.signed.get(TIMESTAMP).cloned().unwrap_or_default();
        let stamp = if self.inner.recipe.sends_timestamp() { stamp } else { String::new() };
        let params = call.signed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.inner.recipe.sign(params, &stamp, &self.inner.key).expose().clone_into(&mut call.token);
    }

    /// Lets the time pass that a call takes, and answers as the fate says.
    async fn finish(&self, fate: Fate, reply: &Reply, body: String) -> Response<Body> {
        let mut pause = self.inner.latency;
        if reply.synced {
            pause += self.inner.commit_cost;
        }
        if let Fate::Slow(by) = fate {
            pause += by;
        }
        if fate == Fate::TimeoutAfter {
            pause += NEVER;
        }
        if !pause.is_zero() {
            self.inner.clock.sleep(pause).await;
        }
        match fate {
            Fate::DropAfter | Fate::TimeoutAfter | Fate::Half => hang_up(),
            Fate::Http500After => page(StatusCode::INTERNAL_SERVER_ERROR),
            Fate::HtmlAfter => page(StatusCode::OK),
            Fate::Truncated => json(body[..body.len() / 2].to_owned()),
            Fate::NoCode => json(r#"{"success":false,"error":"error"}"#.to_owned()),
            _ if matches!(reply.code, 1 | 404) && lock(&self.inner.device).has(Quirk::HtmlErrors) => {
                page(StatusCode::NOT_FOUND)
            }
            _ => json(body),
        }
    }

    /// The device's clock as the header of an answer.
    fn date(&self) -> String {
        let time = lock(&self.inner.device).clock(self.inner.clock.now());
        time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Both layers, for tests and curious people.
    fn state(&self) -> Response<Body> {
        let text = self.with(|device| {
            serde_json::json!({
                "dialect": device.dialect().as_str(),
                "dirty": device.is_dirty(),
                "database": { "users": device.stored_users(), "groups": device.stored_groups() },
                "effective": { "users": device.effective_users() },
                "online": device.online(),
                "counters": device.counters(),
                "connections": self.connections(),
                "log": device.log(),
            })
            .to_string()
        });
        text.map_or_else(|_| page(StatusCode::INTERNAL_SERVER_ERROR), json)
    }
}

const TOKEN_REFUSED: Reply = Reply::refuse(4, "sinfor_apitoken接口认证错误");

/// The recipe that the device checks tokens by.
fn recipe(options: &ServerOptions) -> Result<Recipe, GatewayError> {
    let mut token = options.token.clone();
    for quirk in &options.quirks {
        match quirk {
            Quirk::TokenMd5 => token.digest = Some(TokenDigest::Md5),
            Quirk::TokenSha256 => token.digest = Some(TokenDigest::Sha256),
            Quirk::TokenNoTimestamp => token.send_timestamp = Some(false),
            _ => {}
        }
    }
    Recipe::new(&token, options.dialect)
}

async fn answer<C: Clock + Clone>(
    State(server): State<Server<C>>,
    method: Method,
    uri: Uri,
    extensions: Extensions,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response<Body> {
    let here = extensions.get::<SocketAddr>().is_some_and(|peer| peer.ip().is_loopback());
    if method == Method::GET && uri.path() == "/__state" && here {
        return server.state();
    }
    if uri.path() != PATH {
        return page(StatusCode::NOT_FOUND);
    }
    let mut signed = BTreeMap::new();
    pairs(query.as_deref().unwrap_or_default().as_bytes(), &mut signed);
    pairs(&body, &mut signed);
    let token = signed.remove(TOKEN).unwrap_or_default();
    let text = |name: &str| signed.get(name).cloned().unwrap_or_default();
    let (controler, action) = (text("controler"), text("action"));
    let mut answer = server.meet_fate(Arrived { controler, action, token, signed }).await;
    if let Ok(date) = header::HeaderValue::from_str(&server.date()) {
        answer.headers_mut().insert(header::DATE, date);
    }
    answer
}

/// Reads a query or a form.
fn pairs(text: &[u8], into: &mut BTreeMap<String, String>) {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
        percent_decode(&spaced).decode_utf8_lossy().into_owned()
    };
    for pair in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|b| *b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &b""[..]),
        };
        into.insert(decode(name), decode(value));
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let answer: Result<Response<Body>, Infallible> = router.call(request).await;
            match answer {
                Ok(answer) if answer.extensions().get::<HangUp>().is_none() => Ok(answer),
                _ => Err(io::Error::other("hangs up on purpose")),
            }
        }
    });
    // A client that goes away, or that we hang up on, is no error of ours.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn hang_up() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    answer.extensions_mut().insert(HangUp);
    answer
}

fn with_type(body: String, kind: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

/// JSON, which the real thing calls HTML.
fn json(body: String) -> Response<Body> {
    with_type(body, "text/html; charset=utf-8")
}

fn page(status: StatusCode) -> Response<Body> {
    let mut answer =
        with_type(format!("<html><body><h1>{status}</h1></body></html>"), "text/html; charset=utf-8");
    *answer.status_mut() = status;
    answer
}
