//! The outermost layer: gives each request an id, refuses what is over a limit before anyone reads it, renders every
//! refusal (the framework's too) as a problem document, and measures.

use super::problem::{self, Problem};
use super::rate::Budget;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse};
use kith_kernel::{Code, Error, ErrorKind, codes};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;
use uuid::Uuid;

const MAX_URL: usize = 8 * 1024;
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;

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
    let response = match refuse(&request) {
        // Not `into_response`, which forgets the error that is to be rendered.
        Some(error) => ServiceResponse::new(request.into_parts().0, HttpResponse::from_error(Problem::from(error))),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let mut response = render(response, id);
    let budget = response.request().extensions().get::<Budget>().copied();
    decorate(response.headers_mut(), id, budget);
    let status = response.status().as_u16();
    // Not the matched pattern: finding it again costs as much as routing did.
    let resource = response.request().match_info().get("resource").and_then(|name| crate::catalogue().get(name));
    let resource = resource.map_or("other", |entry| entry.name);
    let seconds = began.elapsed().as_secs_f64();
    measure(&method, resource, status, seconds);
    // The path carries ids and names of systems, never the query string, which may carry personal data. What went well
    // is told by the metrics; a line for each would cost as much as the rest of this layer.
    let milliseconds = seconds * 1e3;
    if status < 400 {
        tracing::debug!(request_id = %id, %method, path = response.request().path(), status, milliseconds, "request");
    } else {
        tracing::info!(request_id = %id, %method, path = response.request().path(), status, milliseconds, "refused");
    }
    Ok(response)
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
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Some(Error::new(&codes::UNSUPPORTED_MEDIA_TYPE, "Send the body without Content-Encoding."));
    }
    let api = request.path().starts_with("/v1/") || request.path() == "/graphql";
    if api && !acceptable(headers) {
        return Some(Error::new(&codes::NOT_ACCEPTABLE, "This API answers application/json."));
    }
    None
}

/// Whether JSON is among what the client takes.
fn acceptable(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else { return true };
    let fits = |range: &str| {
        let essence = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "*/*"
            || essence == "application/*"
            || (essence.starts_with("application/") && essence.ends_with("json"))
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

fn decorate(headers: &mut HeaderMap, id: Uuid, budget: Option<Budget>) {
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", id.to_string());
    set("x-content-type-options", "nosniff".into());
    if let Some(budget) = budget {
        set("ratelimit-policy", format!("\"default\";q={};w=60", budget.limit));
        set("ratelimit", format!("\"default\";r={};t=60", budget.remaining));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
