//! Request headers that mean something here.

use actix_web::HttpRequest;
use actix_web::http::header::{AsHeaderName, HeaderMap};
use kith_kernel::{Error, Result, codes};
use std::fmt::Display;

fn malformed(detail: &str) -> Error {
    Error::new(&codes::MALFORMED_REQUEST, detail)
}

/// One header as text; twice or not ASCII is malformed.
pub fn single(headers: &HeaderMap, name: impl AsHeaderName + Display + Copy) -> Result<Option<&str>> {
    let mut values = headers.get_all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(malformed(&format!("The header {name} stands twice.")));
    }
    first.map(|value| value.to_str().map_err(|_| malformed(&format!("The header {name} is not ASCII.")))).transpose()
}

/// The version in `If-Match: "3"`; none for `*` or no header.
pub fn if_match(request: &HttpRequest) -> Result<Option<i32>> {
    let Some(text) = single(request.headers(), "if-match")? else { return Ok(None) };
    if text.trim() == "*" {
        return Ok(None);
    }
    let version =
        text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    version
        .map(Some)
        .ok_or_else(|| malformed("If-Match takes one strong entity tag as it was given, such as \"3\", or *."))
}

/// Whether `If-None-Match` names this version, or any.
pub fn none_match(request: &HttpRequest, version: i32) -> bool {
    let header = request.headers().get("if-none-match").and_then(|value| value.to_str().ok());
    let tag = format!("\"{version}\"");
    header
        .is_some_and(|text| text.trim() == "*" || text.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
}

/// `Idempotency-Key`: 1 to 255 visible ASCII characters.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(key) = single(headers, "idempotency-key")? else { return Ok(None) };
    let good = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if good {
        Ok(Some(key.to_owned()))
    } else {
        Err(malformed("Idempotency-Key takes 1 to 255 visible ASCII characters."))
    }
}
