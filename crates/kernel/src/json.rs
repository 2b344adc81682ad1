//! JSON from outside, read strictly: one document, no duplicate members, bounded depth and width, and nothing else.

use crate::{Error, Result, codes};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

const MAX_DEPTH: usize = 64;
const MAX_MEMBERS: usize = 1_000;
const MAX_ELEMENTS: usize = 10_000;

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
