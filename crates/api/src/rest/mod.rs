//! The REST door: the standard routes of every resource, and the few written by hand.

pub mod auth;
pub mod bulk;
pub mod capture;
pub mod changes;
pub mod connectors;
pub mod documents;
pub mod export;
pub mod forecast;
pub mod metrics;
pub mod overview;
pub mod pictures;
pub mod push;
pub mod reconciliation;
pub mod reports;
pub mod select;
pub mod shapes;
pub mod standard;
pub mod stream;
pub mod sync;
pub mod system;
mod timeline;
pub mod transactions;
pub mod value;

use crate::caller::Answer;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use kith_kernel::{Error, codes};

/// Media type of every answer but problems.
pub const JSON: &str = "application/json";

/// All routes.
pub fn routes(config: &mut web::ServiceConfig) {
    standard::first(config);
    system::routes(config);
    auth::routes(config);
    bulk::routes(config);
    capture::routes(config);
    connectors::routes(config);
    changes::routes(config);
    sync::routes(config);
    documents::routes(config);
    push::routes(config);
    metrics::routes(config);
    overview::routes(config);
    forecast::routes(config);
    pictures::routes(config);
    reconciliation::routes(config);
    reports::routes(config);
    transactions::routes(config);
    value::routes(config);
    crate::graphql::routes(config);
    standard::routes(config);
    config.default_service(web::to(nowhere));
}

async fn nowhere() -> crate::http::problem::Handled {
    Err(nothing_here().into())
}

/// A path that does not exist.
pub(crate) fn nothing_here() -> Error {
    Error::new(&codes::NOT_FOUND, "There is nothing at this path. The paths are listed at /openapi.json.")
}

/// A path that exists, with another method.
pub(crate) fn other_method(allow: &'static str) -> actix_web::Route {
    web::to(move || async move {
        let error = Error::new(&codes::METHOD_NOT_ALLOWED, format!("This path takes {allow}."));
        crate::http::problem::Handled::Err(crate::http::problem::Problem { error, allow: Some(allow.to_owned()) })
    })
}

/// A JSON answer with its version.
pub(crate) fn json(status: u16, body: Vec<u8>, version: Option<i32>) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    response.content_type(JSON);
    if let Some(version) = version {
        response.insert_header((header::ETAG, format!("\"{version}\"")));
    }
    response.body(body)
}

/// The answer to a write as HTTP.
pub(crate) fn answer(answer: Answer) -> HttpResponse {
    let mut response = match answer.status {
        204 => HttpResponse::NoContent().finish(),
        status => json(status, answer.body, answer.version),
    };
    let headers = response.headers_mut();
    if let Some(location) = answer.location.and_then(|location| header::HeaderValue::from_str(&location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    if answer.stale {
        headers.insert(header::HeaderName::from_static("kith-stale"), header::HeaderValue::from_static("true"));
    }
    if answer.replayed {
        headers
            .insert(header::HeaderName::from_static("idempotency-replayed"), header::HeaderValue::from_static("true"));
    }
    response
}

/// A path id; what is no id is not found.
pub(crate) fn path_id(request: &HttpRequest) -> kith_kernel::Result<uuid::Uuid> {
    let plain = || standard::record(request.path()).map(|(_, id)| id);
    let text = request.match_info().get("id").or_else(plain).unwrap_or_default();
    (text.len() == 36).then(|| uuid::Uuid::try_parse(text).ok()).flatten().ok_or_else(Error::not_found)
}
