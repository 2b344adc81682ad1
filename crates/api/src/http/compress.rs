//! Compression of answers, for who asks for it: gzip at its fastest level, of texts that are worth it. Knows nothing of
//! what the texts say.
//!
//! The whole body is compressed before it is sent, so that its length is told as ever, to HEAD and to old proxies too.
//! Its `ETag` stays the version of the record, as `If-Match` takes it: no cache may keep an answer and mix it up.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, AcceptEncoding, Encoding, HeaderMap, HeaderValue};
use actix_web::{HttpMessage, web::Bytes};
use flate2::{Compression, write::GzEncoder};
use kith_kernel::{Error, Result, codes};
use std::io::Write;

/// Less than this is sent sooner than it is compressed.
const WORTH_IT: u64 = 1024;
/// More than this (some 200 µs) would hold up the other requests of a thread.
const AT_ONCE: usize = 64 * 1024;

/// What a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The body as it is, or nothing was said.
    Plain,
    /// Rather gzip.
    Gzip,
    /// Gzip and nothing else, not even as it is.
    OnlyGzip,
}

/// Reads `Accept-Encoding`. Who takes neither gzip nor plain bodies can be told nothing.
pub fn wanted(request: &impl HttpMessage) -> Result<Wanted> {
    if !request.headers().contains_key(header::ACCEPT_ENCODING) {
        return Ok(Wanted::Plain);
    }
    let Some(accepted) = request.get_header::<AcceptEncoding>() else { return Ok(Wanted::Plain) };
    let (plain, gzip) = (Encoding::identity(), Encoding::gzip());
    match accepted.negotiate([&plain, &gzip].into_iter()) {
        None => Err(Error::new(&codes::NOT_ACCEPTABLE, "This API answers plainly or in gzip.")),
        Some(chosen) if chosen != gzip => Ok(Wanted::Plain),
        Some(_) if accepted.negotiate([&plain].into_iter()).is_none() => Ok(Wanted::OnlyGzip),
        Some(_) => Ok(Wanted::Gzip),
    }
}

/// Compresses the body, if it is wanted and worth it, and says where the answer depends on what was wanted.
pub async fn compress(mut response: ServiceResponse) -> ServiceResponse {
    let wanted = wanted(response.request()).unwrap_or(Wanted::Plain);
    let BodySize::Sized(size @ 1..) = response.response().body().size() else {
        // It says what the answer would have said.
        if response.status() == StatusCode::NOT_MODIFIED {
            vary(response.headers_mut());
        }
        return response;
    };
    let worth_it = size >= WORTH_IT && is_text(response.headers());
    if response.headers().contains_key(header::CONTENT_ENCODING) || !(worth_it || wanted == Wanted::OnlyGzip) {
        return response;
    }
    vary(response.headers_mut());
    if wanted == Wanted::Plain {
        return response;
    }
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(plain) => {
            let body = plain.clone();
            let zipped = if body.len() <= AT_ONCE {
                gzip(&body).ok()
            } else {
                tokio::task::spawn_blocking(move || gzip(&body)).await.ok().and_then(Result::ok)
            };
            if zipped.is_some() {
                head.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            // If it could not be done, the answer stands as it is: the work behind it is done.
            BoxBody::new(zipped.unwrap_or(plain))
        }
        Err(stream) => stream,
    };
    ServiceResponse::new(request, head.set_body(body))
}

/// Beside what CORS says there.
fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
}

/// JSON in any of its types, or a text; what else there is, is small or compressed already.
fn is_text(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/") || (essence.starts_with("application/") && essence.ends_with("json"))
}

fn gzip(body: &[u8]) -> Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).map(Bytes::from).map_err(Error::internal)
}
