//! The outermost layer: gives each request an id, refuses what is over a limit before anyone reads it, renders every
//! refusal (the framework's too) as a problem document, and measures.

use super::compress;
use super::problem::{self, Problem};
use super::pulse::{Handling, Pulse};
use super::rate::{Budget, Payer};
use super::work::{Place, STREAMS};
use crate::app::App;
use crate::rest::standard;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use kith_kernel::{Code, Error, ErrorKind, codes};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Instant;
use uuid::Uuid;

const MAX_URL: usize = 8 * 1024;
const MAX_HEAD: usize = 16 * 1024;
/// As many as the protocol layer reads; beyond that it refuses by itself.
const MAX_HEADERS: usize = 96;

/// The id of a request: in the log, in `X-Request-Id`, in problems and in the audit trail.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub Uuid);

/// See the module.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, actix_web::Error> {
    let began = Instant::now();
    #[expect(clippy::disallowed_methods, reason = "request ids name requests, not records; tests do not pin them")]
    let id = Uuid::now_v7();
    request.extensions_mut().insert(RequestId(id));
    let method = request.method().clone();
    if method == Method::HEAD {
        // Answered like a GET; the protocol layer has noted the HEAD already and sends no body.
        request.head_mut().method = Method::GET;
    }
    let handling = request.conn_data::<Rc<Pulse>>().cloned().map(Pulse::handle);
    let response = match admit(&mut request).await {
        // Not `into_response`, which forgets the error that is to be rendered.
        Err(error) => ServiceResponse::new(request.into_parts().0, HttpResponse::from_error(Problem::from(error))),
        Ok(place) => {
            request.extensions_mut().insert(place.clone());
            let response = next.call(request).await?.map_into_boxed_body();
            place.give_up();
            response
        }
    };
    let mut response = render(response, id);
    let budget = budget(response.request());
    decorate(response.headers_mut(), id, budget);
    let response = compress::compress(response).await;
    let status = response.status().as_u16();
    // Not the matched pattern: finding it again costs as much as routing did.
    let resource = standard::named(response.request()).map_or("other", |entry| entry.name);
    let seconds = began.elapsed().as_secs_f64();
    measure(&method, resource, status, seconds);
    // What went well is told by the metrics; a line for each would cost as much as the rest of this layer.
    let milliseconds = seconds * 1e3;
    handling.iter().filter(|_| status >= 400).for_each(Handling::refuse);
    handling.iter().filter(|_| status == 101).for_each(Handling::upgrade);
    if status < 400 {
        tracing::debug!(request_id = %id, %method, path = %Shown(response.request().path()), status, milliseconds, "request");
    } else {
        tracing::info!(request_id = %id, %method, path = %Shown(response.request().path()), status, milliseconds, "refused");
    }
    Ok(response)
}

/// A path as the log shows it: ids and plain words. The rest may be anything, the key that another system has for a
/// person, or a password in the wrong place; the query string is not even looked at.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut external = false;
        for part in self.0.split('/').skip(1).take(8) {
            let word =
                part.len() <= 24 && part.bytes().all(|byte| byte.is_ascii_lowercase() || b"-._1".contains(&byte));
            let plain = !external && (word || Uuid::try_parse(part).is_ok());
            write!(f, "/{}", if plain { part } else { "…" })?;
            external |= part == "external";
        }
        Ok(())
    }
}

/// Records how long a request took. The series are kept by each thread: finding one by its labels costs more than
/// recording.
fn measure(method: &Method, resource: &'static str, status: u16, seconds: f64) {
    type Series = HashMap<(&'static str, &'static str, u16), metrics::Histogram>;
    thread_local! {
        static SERIES: RefCell<Series> = RefCell::default();
    }
    // Anybody can make methods up; each would be a series of its own for ever.
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = known.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER");
    SERIES.with_borrow_mut(|series| {
        let histogram = series.entry((method, resource, status)).or_insert_with(|| {
            let labels =
                [("method", method.to_owned()), ("resource", resource.to_owned()), ("status", status.to_string())];
            metrics::histogram!("kith_http_request_seconds", &labels)
        });
        histogram.record(seconds);
    });
}

/// Lets a request through to its handler: nothing is wrong with its head, its body is there, and so is a place at work.
async fn admit(request: &mut ServiceRequest) -> Result<Place, Error> {
    if let Some(error) = refuse(request) {
        return Err(error);
    }
    let app = request.app_data::<web::Data<App>>().cloned();
    app.ok_or_else(|| Error::internal("the app is not configured"))?.work.admit(request).await
}

/// What is refused before anything is read.
fn refuse(request: &ServiceRequest) -> Option<Error> {
    let headers = request.headers();
    let url = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let head: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if url > MAX_URL {
        return Some(Error::new(&codes::URI_TOO_LONG, format!("The URL may have {MAX_URL} characters.")));
    }
    if head + url > MAX_HEAD || headers.len() > MAX_HEADERS {
        let detail = format!("The request head may have {MAX_HEAD} bytes and {MAX_HEADERS} fields.");
        return Some(Error::new(&codes::HEADERS_TOO_LARGE, detail));
    }
    let stream = request.path().starts_with(STREAMS);
    let gzip = || headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
    if headers.contains_key(header::CONTENT_ENCODING) && !(stream && gzip()) {
        return Some(Error::new(&codes::UNSUPPORTED_MEDIA_TYPE, "Send the body without Content-Encoding."));
    }
    let api = request.path().starts_with("/v1/") || request.path() == "/graphql";
    if api && !acceptable(headers, request.path()) {
        return Some(Error::new(&codes::NOT_ACCEPTABLE, "This API answers application/json."));
    }
    compress::wanted(request).err()
}

/// Whether JSON, or the picture, the table or the stream that was asked for, is among what the client takes.
fn acceptable(headers: &HeaderMap, path: &str) -> bool {
    let (picture, stream, table) = (path.ends_with(".svg"), path.ends_with("/stream"), path.starts_with(STREAMS));
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else { return true };
    let fits = |range: &str| {
        let essence = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "*/*"
            || essence == "application/*"
            || (essence.starts_with("application/") && essence.ends_with("json"))
            || (table && ["text/*", "text/csv"].contains(&essence.as_str()))
            || (stream && ["text/*", "text/event-stream"].contains(&essence.as_str()))
            || (picture && ["image/*", "image/svg+xml"].contains(&essence.as_str()))
    };
    accept.trim().is_empty() || accept.split(',').any(fits)
}

/// Turns a refusal into a problem document. Refusals that are not ours are named by their status.
fn render(response: ServiceResponse, id: Uuid) -> ServiceResponse {
    let status = response.status();
    let document = match response.response().error().and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => Some((log(&problem.error, id), problem.error.retry_after, problem.allow.clone())),
        None if status.is_client_error() || status.is_server_error() => {
            let typed = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == PROBLEM);
            if typed {
                return response;
            }
            let error = Error::new(foreign(status), codes_detail(status));
            Some((log(&error, id), None, None))
        }
        None => None,
    };
    let Some((document, retry_after, allow)) = document else { return response };
    let status =
        document.get("status").and_then(serde_json::Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status =
        status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    answer.content_type(PROBLEM);
    if status == StatusCode::UNAUTHORIZED {
        answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"kith\""));
    }
    if let Some(seconds) = retry_after {
        answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    if let Some(allow) = allow {
        answer.insert_header((header::ALLOW, allow));
    }
    let body = BoxBody::new(document.to_string());
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, answer.body(body))
}

/// Media type of problem documents.
pub const PROBLEM: &str = "application/problem+json";

/// Logs what is our fault with its cause, and renders.
fn log(error: &Error, id: Uuid) -> serde_json::Value {
    match error.code.kind {
        ErrorKind::Internal => tracing::error!(request_id = %id, %error, "failed"),
        ErrorKind::Unavailable => tracing::warn!(request_id = %id, %error, "unavailable"),
        _ => {}
    }
    problem::document(error, Some(id))
}

/// The code for a refusal of the framework.
fn foreign(status: StatusCode) -> &'static Code {
    match status.as_u16() {
        401 => &codes::UNAUTHENTICATED,
        403 => &codes::FORBIDDEN,
        404 => &codes::NOT_FOUND,
        405 => &codes::METHOD_NOT_ALLOWED,
        408 => &codes::REQUEST_TIMEOUT,
        413 => &codes::PAYLOAD_TOO_LARGE,
        414 => &codes::URI_TOO_LONG,
        415 => &codes::UNSUPPORTED_MEDIA_TYPE,
        431 => &codes::HEADERS_TOO_LARGE,
        400..=499 => &codes::MALFORMED_REQUEST,
        503 => &codes::OVERLOADED,
        _ => &codes::INTERNAL,
    }
}

fn codes_detail(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "There is nothing at this path. The paths are listed at /openapi.json.",
        400..=499 => "The request was refused before it reached the API.",
        _ => "The failure has been logged under the request id.",
    }
}

/// What is left to who asks, after all that this request has cost.
fn budget(request: &HttpRequest) -> Option<Budget> {
    let payer = request.extensions().get::<Payer>().copied()?;
    let app = request.app_data::<web::Data<App>>()?;
    app.rate.left(&payer, app.clock.now())
}

fn decorate(headers: &mut HeaderMap, id: Uuid, budget: Option<Budget>) {
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    if let Some(Budget { name, limit, remaining, full_in }) = budget {
        set("ratelimit-policy", &format!("\"{name}\";q={limit};w=60"));
        set("ratelimit", &format!("\"{name}\";r={remaining};t={full_in}"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
