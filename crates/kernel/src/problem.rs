//! Problem documents (RFC 9457): the one rendering of an error for people outside. The code's kind alone decides the status.

use crate::{Code, Error, ErrorKind, Violation};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The HTTP status of a kind.
pub fn status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::Malformed => 400,
        ErrorKind::Unauthenticated => 401,
        ErrorKind::Forbidden => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::MethodNotAllowed => 405,
        ErrorKind::NotAcceptable => 406,
        ErrorKind::TimedOut => 408,
        ErrorKind::Conflict => 409,
        ErrorKind::Gone => 410,
        ErrorKind::Stale => 412,
        ErrorKind::PayloadTooLarge => 413,
        ErrorKind::UriTooLong => 414,
        ErrorKind::UnsupportedMediaType => 415,
        ErrorKind::Invalid => 422,
        ErrorKind::PreconditionRequired => 428,
        ErrorKind::RateLimited => 429,
        ErrorKind::HeadersTooLarge => 431,
        ErrorKind::Internal => 500,
        ErrorKind::Unavailable => 503,
    }
}

/// The last part of `type`: `VERSION_CONFLICT` → `version-conflict`.
pub fn kebab(code: &Code) -> String {
    code.name.to_ascii_lowercase().replace('_', "-")
}

/// The places of an error as both APIs show them.
pub fn places(violations: &[Violation]) -> Vec<Value> {
    let place = |violation: &Violation| {
        let mut object = Map::new();
        object.insert("pointer".into(), json!(violation.pointer));
        object.insert("code".into(), json!(violation.code));
        object.insert("detail".into(), json!(violation.detail));
        if let Some(Value::Object(more)) = &violation.more {
            object.extend(more.clone());
        }
        Value::Object(object)
    };
    violations.iter().map(place).collect()
}

/// The document of an error.
pub fn document(error: &Error, request_id: Option<Uuid>) -> Value {
    let mut document = json!({
        "type": format!("/problems/{}", kebab(error.code)),
        "title": error.code.title,
        "status": status(error.code.kind),
        "detail": error.detail,
        "code": error.code.name,
    });
    if let Some(object) = document.as_object_mut() {
        if let Some(id) = request_id {
            object.insert("instance".into(), json!(format!("urn:uuid:{id}")));
            object.insert("requestId".into(), json!(id));
        }
        if !error.violations.is_empty() {
            object.insert("errors".into(), Value::Array(places(&error.violations)));
        }
    }
    document
}
