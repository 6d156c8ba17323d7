//! Keeps the number of connections at the number of calls in flight. The HTTP library puts a connection back a few
//! microseconds after the answer was read; a call that comes in between would make a second one (measured: about one
//! call in two hundred). So a connection that is about to be made waits a moment for one to become free.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio_util::sync::CancellationToken;
use tower_layer::Layer;
use tower_service::Service;

use rosterd_core::secret::Secret;

/// How long a new connection waits for an old one. Spent only when the server closed the old one silently.
const WAIT: Duration = Duration::from_millis(50);

tokio::task_local! {
    /// Fires when the call of this task has got a connection. The library asks for connections in the task that sends.
    static STARTED: CancellationToken;
}

/// A layer around the library's connector.
#[derive(Debug, Clone, Default)]
pub(super) struct Patience {
    /// Whether the last answer left a connection that can be used again.
    expected: Arc<AtomicBool>,
}

impl Patience {
    /// Runs a call so that connections made for it know whether they are still wanted.
    pub(super) async fn accompany<F: Future>(&self, call: impl FnOnce(Started) -> F) -> F::Output {
        let started = CancellationToken::new();
        STARTED.scope(started.clone(), call(Started(started))).await
    }

    /// Says whether a connection is about to become free.
    pub(super) fn expect_free_connection(&self, expected: bool) {
        self.expected.store(expected, Ordering::Relaxed);
    }
}

impl<S> Layer<S> for Patience {
    type Service = Patient<S>;

    fn layer(&self, connector: S) -> Patient<S> {
        Patient { connector, expected: self.expected.clone() }
    }
}

/// A connector that waits for a free connection first.
#[derive(Debug, Clone)]
pub(super) struct Patient<S> {
    connector: S,
    expected: Arc<AtomicBool>,
}

impl<S, R> Service<R> for Patient<S>
where
    S: Service<R, Error = Box<dyn StdError + Send + Sync>> + Clone + Send + 'static,
    S::Future: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let fresh = self.connector.clone();
        // The one that was asked whether it is ready is the one to use.
        let mut connector = std::mem::replace(&mut self.connector, fresh);
        let started = STARTED.try_with(CancellationToken::clone).ok();
        let started = started.filter(|_| self.expected.load(Ordering::Relaxed));
        Box::pin(async move {
            if let Some(started) = started
                && tokio::time::timeout(WAIT, started.cancelled()).await.is_ok()
            {
                return Err("a connection became free".into());
            }
            connector.call(request).await
        })
    }
}

/// Tells when a call has got its connection.
pub(super) struct Started(CancellationToken);

impl Started {
    /// The body whose first reading is the sign.
    pub(super) fn with(self, body: Secret) -> Telling {
        Telling { started: self.0, body: Some(Bytes::copy_from_slice(body.expose().as_bytes())) }
    }
}

/// A body in one piece that tells when it is read: the library does so once it has a connection, before the first byte.
pub(super) struct Telling {
    started: CancellationToken,
    body: Option<Bytes>,
}

impl Body for Telling {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.started.cancel();
        Poll::Ready(self.body.take().map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64))
    }
}
