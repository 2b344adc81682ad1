//! JSON bodies, read strictly: one document, no duplicate members, bounded depth and width, and nothing else.

use super::problem::Problem;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use kith_kernel::{Error, Result, codes};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Most bytes of a body.
pub const MAX_BODY: usize = 1024 * 1024;
const MAX_DEPTH: usize = 64;
const MAX_MEMBERS: usize = 1_000;
const MAX_ELEMENTS: usize = 10_000;

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

/// Parses one JSON document.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(0).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        let text = error.to_string();
        if text.contains(TOO_MANY) {
            return Error::invalid("", "TOO_MANY", text);
        }
        Error::new(&codes::MALFORMED_REQUEST, format!("The body is not valid JSON: {text}."))
    })
}

const TOO_MANY: &str = "more members than allowed";

/// Reads a value at some depth.
struct Strict(usize);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0 > MAX_DEPTH {
            return Err(de::Error::custom(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| de::Error::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Strict(self.0 + 1))? {
            if list.len() == MAX_ELEMENTS {
                return Err(de::Error::custom(format!("a list with {TOO_MANY} ({MAX_ELEMENTS})")));
            }
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.len() == MAX_MEMBERS {
                return Err(de::Error::custom(format!("an object with {TOO_MANY} ({MAX_MEMBERS})")));
            }
            if object.contains_key(&name) {
                return Err(de::Error::custom(format!("the member {name:?} stands twice")));
            }
            object.insert(name, members.next_value_seed(Strict(self.0 + 1))?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_clean_document_is_read() {
        let bad: [&[u8]; 14] = [
            b"",
            b"{",
            b"{\"a\":1,}",
            b"{\"a\":1 /*c*/}",
            b"{} {}",
            b"{\"a\":1,\"a\":2}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\xc0\xaf\"}",
            b"NaN",
            b"0x10",
            b"007",
            b"{\"a\":\"\x00\"}",
            b"{\"a\":\"\\ud800\"}",
        ];
        for bytes in bad {
            assert_eq!(parse(bytes).unwrap_err().code.name, "MALFORMED_REQUEST", "{bytes:?}");
        }
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(64).as_bytes()).is_ok());
        assert_eq!(parse(deep(66).as_bytes()).unwrap_err().code.name, "MALFORMED_REQUEST");
        assert_eq!(parse("[".repeat(100_000).as_bytes()).unwrap_err().code.name, "MALFORMED_REQUEST");
        let wide: String = (0..1_001).map(|n| format!("\"{n}\":0,")).collect();
        assert_eq!(
            parse(format!("{{{}}}", wide.trim_end_matches(',')).as_bytes()).unwrap_err().code.name,
            "VALIDATION_FAILED"
        );
    }
}
