//! JSON bodies, read strictly (see [`kith_kernel::json`]).

use super::problem::Problem;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use kith_kernel::{Error, Result, codes, json::parse};
use serde_json::{Map, Value};

/// Most bytes of a body.
pub const MAX_BODY: usize = 1024 * 1024;

/// A JSON body. Reading it never refuses a request by itself: whoever may not write at all is told so first, whatever
/// was sent.
#[derive(Debug)]
pub struct Json {
    /// As sent, for the fingerprint of an idempotent request.
    pub bytes: web::Bytes,
    flaw: Option<Flaw>,
}

/// Why there is nothing to parse.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    MediaType,
    TooLarge,
    BrokenOff,
}

impl Json {
    /// The object that most bodies are, or what is wrong with it.
    pub fn object(&self) -> Result<Map<String, Value>> {
        match self.flaw {
            Some(Flaw::MediaType) => {
                let detail = "Send the body as application/json in UTF-8.";
                return Err(Error::new(&codes::UNSUPPORTED_MEDIA_TYPE, detail));
            }
            Some(Flaw::TooLarge) => {
                return Err(Error::new(&codes::PAYLOAD_TOO_LARGE, format!("The body may have {MAX_BODY} bytes.")));
            }
            Some(Flaw::BrokenOff) => {
                return Err(Error::new(&codes::MALFORMED_REQUEST, "The body could not be read to its end."));
            }
            None => {}
        }
        match parse(&self.bytes)? {
            Value::Object(object) => Ok(object),
            _ => Err(Error::invalid("", "WRONG_TYPE", "The body is a JSON object.")),
        }
    }
}

impl FromRequest for Json {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let typed = is_json(request);
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let read = bytes.await.map_err(|error| match error.as_response_error().status_code().as_u16() {
                413 => Flaw::TooLarge,
                _ => Flaw::BrokenOff,
            });
            let flaw = if typed { read.as_ref().err().copied() } else { Some(Flaw::MediaType) };
            Ok(Json { bytes: read.unwrap_or_default(), flaw })
        })
    }
}

/// `application/json` or a `+json` type, in UTF-8.
fn is_json(request: &HttpRequest) -> bool {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(header) = header else { return false };
    let mut parts = header.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json = essence == "application/json" || essence == "application/merge-patch+json";
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim_matches(['"', ' ']).eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    json && utf8
}
