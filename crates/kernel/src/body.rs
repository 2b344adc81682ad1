//! Request bodies applied to a row through its field table: every mistake is found at once, with its pointer.

use crate::filter::escape;
use crate::{Access, Entry, Field, FieldType, Kind, Row, Violations};
use serde_json::{Map, Value};

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A new record: required fields must be there.
    Create,
    /// A merge patch (RFC 7396): what is absent stays, null clears.
    Update,
}

/// Sets every member of `body` on `row`. Returns the indices of the fields that were given.
pub fn apply(
    entry: &Entry,
    row: &mut dyn Row,
    body: &Map<String, Value>,
    mode: Mode,
    violations: &mut Violations,
) -> Vec<usize> {
    let mut given = Vec::new();
    for (name, value) in body {
        let at = format!("/{}", escape(name));
        let Some((index, field)) = entry.field(name) else {
            let allowed = entry.shown.iter().filter_map(|index| entry.fields.get(*index));
            let allowed: Vec<_> = allowed.filter(|f| writable(f.access, mode)).map(|f| f.name).collect();
            violations.add(
                at,
                "UNKNOWN_FIELD",
                format!("{} has no field {name:?} to write. Allowed: {}.", entry.type_name, allowed.join(", ")),
            );
            continue;
        };
        match member(field, value, mode, |value| row.set(index, value)) {
            Ok(()) => given.push(index),
            Err((code, detail)) => violations.add(at, code, detail),
        }
    }
    given
}

/// Sets one member, or says what is wrong with it.
pub(crate) fn member(
    field: &Field,
    value: &Value,
    mode: Mode,
    set: impl FnOnce(&Value) -> Result<(), String>,
) -> Result<(), (&'static str, String)> {
    let name = field.name;
    if !writable(field.access, mode) {
        let when = if field.access == Access::CreateOnly { "can be set on create only" } else { "is set by Kith" };
        return Err(("READ_ONLY", format!("{name} {when}.")));
    }
    if value.is_null() && !field.nullable {
        return Err(("REQUIRED", format!("{name} cannot be null; expected {}.", field.kind.expects())));
    }
    set(value).map_err(|expected| ("WRONG_TYPE", format!("Expected {expected}.")))?;
    // Nil stands for an id that was not given.
    if matches!(field.kind, Kind::Id(Some(_))) && uuid::Uuid::parse(value).is_ok_and(|id| id.is_nil()) {
        return Err(("UNKNOWN_REFERENCE", format!("{name} points to nothing that you can see.")));
    }
    if field.kind == Kind::Text && value.as_str().is_some_and(|text| text.chars().count() > field.max) {
        return Err(("TOO_LONG", format!("{name} takes at most {} characters.", field.max)));
    }
    if field.required && value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Err(("REQUIRED", format!("{name} cannot be empty.")));
    }
    Ok(())
}

fn writable(access: Access, mode: Mode) -> bool {
    access == Access::Write || (access == Access::CreateOnly && mode == Mode::Create)
}

/// Adds a violation for every required field that `body` leaves out.
pub fn missing(fields: &[Field], body: &Map<String, Value>, violations: &mut Violations) {
    for field in fields.iter().filter(|field| field.required && !body.contains_key(field.name)) {
        violations.add(
            format!("/{}", field.name),
            "REQUIRED",
            format!("{} is required; expected {}.", field.name, field.kind.expects()),
        );
    }
}
