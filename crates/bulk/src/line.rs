//! From a line to a record that is to be loaded, and from what came of it to the line that tells.

use crate::decode::MAX_LINE;
use crate::part::{Flaw, Line};
use kith_journal::keys::{self, ExternalKey};
use kith_journal::load::{Item, Outcome};
use kith_kernel::{Entry, Error, FieldType, Kind, Result, Violations, codes, json, problem};
use serde_json::{Map, Value};
use std::io::Write;
use uuid::Uuid;

/// Reads one. `system` is that of keys that name none.
pub fn read(entry: &Entry, system: Option<&str>, line: &Line<'_>) -> Result<Item> {
    let text = line.text.map_err(flawed)?;
    let Value::Object(mut body) = json::parse(text)? else {
        return Err(Error::invalid("", "WRONG_TYPE", "A line is a JSON object."));
    };
    let mut violations = Violations::default();
    let mut own = |name: &str, violations: &mut Violations| -> Option<String> {
        let value = if entry.field(name).is_some() { Value::Null } else { body.remove(name).unwrap_or_default() };
        violations.ensure(value.is_string() || value.is_null(), &format!("/{name}"), "WRONG_TYPE", "Expected a text.");
        value.as_str().map(str::to_owned)
    };
    let external_id = own("externalId", &mut violations);
    let of = own("system", &mut violations).or_else(|| system.map(str::to_owned));
    let source_version = body.remove("sourceVersion").unwrap_or_default();
    let source_version = keys::source_version(&source_version, "/sourceVersion", &mut violations);
    let seen = body.remove("ifVersion").filter(|value| !value.is_null()).and_then(|value| match i32::parse(&value) {
        Ok(version) => Some(version),
        Err(expected) => {
            violations.add("/ifVersion", "WRONG_TYPE", format!("Expected {expected}."));
            None
        }
    });
    let key = match (of.clone(), external_id) {
        (Some(system), Some(key)) => Some(ExternalKey { source_version, ..ExternalKey::new(system, key) }),
        (None, Some(_)) => {
            violations.add("/system", "REQUIRED", "Say which system the externalId is of, here or in the query.");
            None
        }
        (_, None) => None,
    };
    if let Some(system) = of {
        complete(entry, &system, &mut body);
    }
    violations.into_result()?;
    Ok(Item { key, seen, body, flaws: Violations::default() })
}

/// Names the system of references that are given by a key alone.
fn complete(entry: &Entry, system: &str, body: &mut Map<String, Value>) {
    for (name, value) in body.iter_mut() {
        let Value::Object(object) = value else { continue };
        let reference = entry.field(name).is_some_and(|(_, field)| matches!(field.kind, Kind::Id(Some(_))));
        if reference && object.len() == 1 && object.contains_key("externalId") {
            object.insert("system".to_owned(), Value::from(system));
        }
    }
}

fn flawed(flaw: Flaw) -> Error {
    match flaw {
        Flaw::TooLong => Error::new(&codes::PAYLOAD_TOO_LARGE, format!("A line may have {MAX_LINE} bytes.")),
        Flaw::Ragged => Error::invalid("", "RAGGED", "The row has more or fewer cells than there are columns."),
        Flaw::Encoding => Error::new(&codes::MALFORMED_REQUEST, "The line is not UTF-8."),
    }
}

/// How many lines came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made.
    pub created: i32,
    /// Changed.
    pub updated: i32,
    /// There as they are, or newer.
    pub unchanged: i32,
    /// Refused.
    pub failed: i32,
}

impl Counts {
    /// All of them.
    pub fn lines(&self) -> i32 {
        [self.created, self.updated, self.unchanged, self.failed].into_iter().fold(0, i32::saturating_add)
    }
}

/// Writes what came of a line.
pub fn tell(
    out: &mut Vec<u8>,
    counts: &mut Counts,
    number: u32,
    key: Option<&str>,
    outcome: &Outcome,
    request: Option<Uuid>,
) {
    let (status, count, id, error) = match outcome {
        Outcome::Created(id) => ("CREATED", &mut counts.created, Some(id), None),
        Outcome::Updated(id) => ("UPDATED", &mut counts.updated, Some(id), None),
        Outcome::Unchanged(id) => ("UNCHANGED", &mut counts.unchanged, Some(id), None),
        Outcome::Stale(id) => ("STALE", &mut counts.unchanged, Some(id), None),
        Outcome::Failed(error) => ("FAILED", &mut counts.failed, None, Some(error)),
    };
    *count = count.saturating_add(1);
    // A Vec takes everything.
    write!(out, "{{\"line\":{number},\"status\":\"{status}\"").ok();
    if let Some(id) = id {
        write!(out, ",\"id\":\"{id}\"").ok();
    }
    if let Some(key) = key {
        write!(out, ",\"externalId\":{}", Value::from(key)).ok();
    }
    if let Some(error) = error {
        write!(out, ",\"problem\":{}", problem::document(error, request)).ok();
    }
    out.extend_from_slice(b"}\n");
}
