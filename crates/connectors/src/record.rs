//! One record as another system sends it.

use crate::field::{linkable, resources};
use chrono::{DateTime, TimeDelta, Utc};
use kith_kernel::{Cx, Entry, FieldType, Result, Violations, escape, text};
use serde_json::{Map, Value};

/// How far the clock of another system may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// See the module.
#[derive(Debug)]
pub(crate) struct Record {
    /// Of which resource.
    pub entry: &'static Entry,
    /// Its key there.
    pub external_id: String,
    /// When it was changed there.
    pub changed_at: Option<DateTime<Utc>>,
    /// What is sent of it.
    pub data: Map<String, Value>,
}

impl Record {
    /// Reads `{resource, externalId, changedAt, data}`; every mistake at once, with pointers relative to the record.
    pub fn parse(cx: &Cx, value: &Value) -> Result<Self> {
        let mut violations = Violations::default();
        let empty = Map::new();
        let object = value.as_object().unwrap_or(&empty);
        violations.ensure(value.is_object(), "", "WRONG_TYPE", "A record is an object.");
        for name in object.keys() {
            if !["resource", "externalId", "changedAt", "data"].contains(&name.as_str()) {
                let at = format!("/{}", escape(name));
                violations.add(at, "UNKNOWN_FIELD", "A record has resource, externalId, changedAt and data.");
            }
        }
        let entry = object.get("resource").and_then(Value::as_str).and_then(|name| linkable(cx, name));
        violations.ensure(entry.is_some(), "/resource", "UNKNOWN_RESOURCE", &resources(cx));
        let key = object.get("externalId").and_then(Value::as_str).and_then(|key| text::clean(key).ok());
        let key = key.filter(|key| !key.trim().is_empty());
        violations.ensure(key.is_some(), "/externalId", "WRONG_TYPE", "Expected the key of the record in that system.");
        let changed_at = match <Option<DateTime<Utc>>>::parse(object.get("changedAt").unwrap_or(&Value::Null)) {
            Ok(at) => at,
            Err(expected) => {
                violations.add("/changedAt", "WRONG_TYPE", format!("Expected {expected}."));
                None
            }
        };
        let known = changed_at.is_none_or(|at| at <= cx.now + AHEAD);
        // It would win over every change that is made until then.
        violations.ensure(known, "/changedAt", "OUT_OF_RANGE", "Expected a time that is not in the future.");
        let data = object.get("data").and_then(Value::as_object);
        violations.ensure(data.is_some(), "/data", "WRONG_TYPE", "Expected an object of fields.");
        violations.into_result()?;
        match (entry, key, data) {
            (Some(entry), Some(external_id), Some(data)) => {
                Ok(Record { entry, external_id, changed_at, data: data.clone() })
            }
            _ => Err(kith_kernel::Error::internal("a record passed its checks without what they ask for")),
        }
    }
}
