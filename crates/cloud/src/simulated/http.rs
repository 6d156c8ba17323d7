//! The simulated providers over HTTP: `/v2/index.php` is Tencent, `/` is UCloud.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::stream;
use serde_json::Value;

use super::{Answered, Asked, Service, Simulated};
use crate::clock::Clock;
use crate::params::Params;

/// The two addresses. Both take GET with a query and POST with a form; UCloud takes JSON too.
pub fn router<C: Clock + Clone>(cloud: Simulated<C>) -> Router {
    Router::new().route("/v2/index.php", any(tencent::<C>)).route("/", any(ucloud::<C>)).with_state(cloud)
}

async fn tencent<C: Clock + Clone>(
    State(cloud): State<Simulated<C>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    serve(&cloud, Service::Tencent, &method, &uri, &headers, &body)
}

async fn ucloud<C: Clock + Clone>(
    State(cloud): State<Simulated<C>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    serve(&cloud, Service::Ucloud, &method, &uri, &headers, &body)
}

fn serve<C: Clock>(
    cloud: &Simulated<C>,
    service: Service,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    // GET takes parameters from the query only, POST from the body only.
    let params = match *method {
        Method::GET => Params::parse(uri.query().unwrap_or_default()),
        Method::POST => posted(service, headers, body),
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let Some(params) = params else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let asked = Asked {
        method: method.as_str().to_owned(),
        host: without_port(host).to_ascii_lowercase(),
        path: uri.path().to_owned(),
        params,
    };
    respond(cloud.answer(service, &asked))
}

fn posted(service: Service, headers: &HeaderMap, body: &[u8]) -> Option<Params> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|k| k.to_str().ok()).unwrap_or_default();
    if service == Service::Ucloud && kind.starts_with("application/json") {
        return from_json(body);
    }
    Params::parse(std::str::from_utf8(body).ok()?)
}

/// The fields of one flat object; numbers and truth as they are printed.
fn from_json(body: &[u8]) -> Option<Params> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return None };
    fields.iter().try_fold(Params::new(), |params, (name, value)| {
        Some(match value {
            Value::String(text) => params.with(name, text),
            Value::Number(number) => params.with(name, number),
            Value::Bool(truth) => params.with(name, truth),
            _ => return None,
        })
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn respond(answered: Answered) -> Response {
    match answered {
        Answered::Json { body, request_id } => {
            let mut response =
                ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string())
                    .into_response();
            if let Some(id) = request_id.and_then(|id| id.parse().ok()) {
                response.headers_mut().insert("x-ucloud-request-uuid", id);
            }
            response
        }
        Answered::Html(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, "text/html")], "<html><body>trouble</body></html>")
                .into_response()
        }
        // The head is sent, then the connection breaks: nobody can tell what became of the request.
        Answered::Nothing(_) => {
            let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("simulated")) });
            Response::new(Body::from_stream(broken))
        }
    }
}
