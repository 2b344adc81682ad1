//! Writes a GraphQL answer. Planned fields travel as [`Value::Binary`], which no request can bring about, and are
//! copied as the JSON text they are.

use crate::http::problem;
use async_graphql::indexmap::IndexMap;
use async_graphql::{PathSegment, Response, ServerError, Value};
use kith_kernel::Error;
use serde_json::{Map, json};
use std::sync::Arc;
use uuid::Uuid;

/// An error of ours inside one of the library's.
pub fn wrap(error: Error) -> ServerError {
    let mut wrapped = ServerError::new(error.detail.clone(), None);
    wrapped.source = Some(Arc::new(error));
    wrapped
}

/// The same as what a resolver written by hand answers with.
pub fn raise(error: Error) -> async_graphql::Error {
    let ServerError { message, source, .. } = wrap(error);
    async_graphql::Error { message, source, extensions: None }
}

/// The whole answer. `keys` are the response keys of the operation's root, so that a failed one reads null.
pub fn text(response: &Response, keys: &[String], cost: u64, request_id: Option<Uuid>, most: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    out.extend_from_slice(b"{\"data\":");
    match &response.data {
        // The library answers in the order in which fields got ready, and with nothing at all when every one failed.
        data if matches!(data, Value::Object(_)) || (!keys.is_empty() && ran(response)) => {
            let empty = IndexMap::new();
            let object = if let Value::Object(object) = data { object } else { &empty };
            let plain = keys.iter().map(|key| (key.as_str(), object.get(key.as_str())));
            let rest = object.iter().filter(|(name, _)| !keys.iter().any(|key| key == name.as_str()));
            let members = plain.chain(rest.map(|(name, value)| (name.as_str(), Some(value))));
            out.push(b'{');
            for (at, (name, member)) in members.enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(json!(name).to_string().as_bytes());
                out.push(b':');
                match member {
                    Some(member) => value(&mut out, member),
                    None => out.extend_from_slice(b"null"),
                }
            }
            out.push(b'}');
        }
        other => value(&mut out, other),
    }
    if !response.errors.is_empty() {
        let errors: Vec<_> = response.errors.iter().take(most).map(|failure| error(failure, request_id)).collect();
        out.extend_from_slice(b",\"errors\":");
        out.extend_from_slice(json!(errors).to_string().as_bytes());
    }
    out.extend_from_slice(format!(",\"extensions\":{{\"cost\":{cost}}}}}").as_bytes());
    out
}

/// Whether anything was executed: what is refused before names no field.
pub fn ran(response: &Response) -> bool {
    response.errors.iter().all(|error| !error.path.is_empty())
}

fn value(out: &mut Vec<u8>, member: &Value) {
    match member {
        Value::Binary(text) => out.extend_from_slice(text),
        Value::Object(object) => {
            out.push(b'{');
            for (at, (name, member)) in object.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(json!(name.as_str()).to_string().as_bytes());
                out.push(b':');
                value(out, member);
            }
            out.push(b'}');
        }
        Value::List(list) => {
            out.push(b'[');
            for (at, member) in list.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                value(out, member);
            }
            out.push(b']');
        }
        plain => out.extend_from_slice(serde_json::to_string(plain).unwrap_or_else(|_| "null".into()).as_bytes()),
    }
}

/// One error with code, request id and places. What the library refused by itself is a failed validation.
fn error(failure: &ServerError, request_id: Option<Uuid>) -> serde_json::Value {
    let ours = failure.source.as_ref().and_then(|source| source.downcast_ref::<Error>());
    let mut extensions = Map::new();
    extensions.insert("code".into(), json!(ours.map_or("VALIDATION_FAILED", |error| error.code.name)));
    extensions.insert("requestId".into(), json!(request_id));
    if let Some(error) = ours.filter(|error| !error.violations.is_empty()) {
        extensions.insert("errors".into(), problem::places(&error.violations).into());
    }
    let mut object = Map::new();
    object.insert("message".into(), json!(failure.message));
    if !failure.locations.is_empty() {
        let locations = failure.locations.iter().map(|at| json!({"line": at.line, "column": at.column}));
        object.insert("locations".into(), locations.collect());
    }
    if !failure.path.is_empty() {
        let path = failure.path.iter().map(|segment| match segment {
            PathSegment::Field(name) => json!(name),
            PathSegment::Index(index) => json!(index),
        });
        object.insert("path".into(), path.collect());
    }
    object.insert("extensions".into(), extensions.into());
    object.into()
}
