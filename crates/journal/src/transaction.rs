//! Operations over any resources, all or nothing. A later one refers to what an earlier one made or changed by
//! `{"$ref": "name"}`, which stands for its id, or `{"$ref": "name.field"}`.

use crate::batch::{Op, Outcome, Step};
use crate::log;
use diesel::PgConnection;
use kith_kernel::{Action, Cx, Entry, Error, Result, Row, Violation, Violations, codes, escape};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Most operations of one transaction.
pub const MAX_OPERATIONS: usize = 100;
/// Longest name of an operation.
const MAX_NAME: usize = 64;
const MEMBERS: [&str; 7] = ["op", "resource", "name", "id", "externalId", "ifVersion", "body"];

/// What came of an operation.
pub struct Done {
    /// Its resource.
    pub entry: &'static Entry,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The record.
    pub outcome: Outcome,
}

/// The records of earlier operations, by name.
type Known = HashMap<String, (&'static Entry, Box<dyn Row>)>;

/// Whether the actor may write anything at all.
pub fn may(cx: &Cx) -> Result<()> {
    let actions = [Action::Create, Action::Update, Action::Archive];
    let any = |entry: &Entry| actions.iter().any(|action| cx.require(entry, *action).is_ok());
    if cx.catalogue.entries().iter().any(any) {
        Ok(())
    } else {
        Err(Error::new(&codes::FORBIDDEN, "This needs a right to create, update or archive something."))
    }
}

/// Reads `{"operations": […]}`.
pub fn read(body: &Map<String, Value>) -> Result<&[Value]> {
    let mut violations = Violations::default();
    for name in body.keys().filter(|name| *name != "operations") {
        violations.add(format!("/{}", escape(name)), "UNKNOWN_FIELD", "Allowed: operations.");
    }
    let operations = body.get("operations").and_then(Value::as_array);
    violations.ensure(operations.is_some(), "/operations", "REQUIRED", "Expected a list of operations.");
    let operations = operations.map(Vec::as_slice).unwrap_or_default();
    let few = operations.len() <= MAX_OPERATIONS;
    violations.ensure(few, "/operations", "TOO_MANY", &format!("At most {MAX_OPERATIONS} operations."));
    violations.into_result()?;
    Ok(operations)
}

/// Runs the operations in order. The first failure ends it; its pointers stand in the whole request. `keyed` tells
/// whether the request may be sent again without doing it twice.
pub fn run(conn: &mut PgConnection, cx: &Cx, operations: &[Value], keyed: bool) -> Result<Vec<Done>> {
    let mut known = Known::new();
    let mut all = Vec::with_capacity(operations.len());
    for (index, operation) in operations.iter().enumerate() {
        let done = one(conn, cx, operation, &known, keyed).map_err(|error| within(error, index))?;
        if let Some(name) = &done.name {
            known.insert(name.clone(), (done.entry, done.outcome.row.copy()));
        }
        all.push(done);
    }
    Ok(all)
}

fn one(conn: &mut PgConnection, cx: &Cx, operation: &Value, known: &Known, keyed: bool) -> Result<Done> {
    let mut violations = Violations::default();
    let object = operation.as_object().ok_or_else(|| Error::invalid("", "WRONG_TYPE", "An operation is an object."))?;
    for member in object.keys().filter(|member| !MEMBERS.contains(&member.as_str())) {
        let detail = format!("An operation has {}.", MEMBERS.join(", "));
        violations.add(format!("/{}", escape(member)), "UNKNOWN_FIELD", detail);
    }
    let name = object.get("name").filter(|name| !name.is_null()).map(|name| name.as_str().unwrap_or_default());
    if let Some(name) = name {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let good = (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain);
        violations.ensure(good, "/name", "INVALID", "Expected 1 to 64 letters, digits, `-` and `_`.");
        let new = !known.contains_key(name);
        violations.ensure(new, "/name", "DUPLICATE", "An earlier operation has this name already.");
    }
    let entry = object.get("resource").and_then(Value::as_str).and_then(|name| cx.catalogue.get(name));
    violations.ensure(entry.is_some(), "/resource", "REQUIRED", "Expected the name of a resource, such as accounts.");
    let mut step = Map::new();
    for (member, value) in object.iter().filter(|(member, _)| !["resource", "name"].contains(&member.as_str())) {
        let place = format!("/{}", escape(member));
        let inner = if member == "body" { "data" } else { member.as_str() };
        step.insert(inner.to_owned(), resolved(value, known, &place, &mut violations));
    }
    violations.into_result()?;
    let entry = entry.ok_or_else(|| Error::internal("an operation without a resource passed its checks"))?;
    let step = Step::parse(&Value::Object(step), &entry.commands).map_err(in_body)?;
    if let Op::Command(command, _) = &step.op {
        (command.may)(cx)?;
        command.require_key(keyed, false)?;
    }
    let outcome = step.run(conn, cx, entry).map_err(|mut error| {
        if std::ptr::eq(error.code, &codes::METHOD_NOT_ALLOWED) {
            return Error::invalid("/op", "NOT_OFFERED", error.detail);
        }
        error.violations.iter_mut().for_each(|violation| violation.pointer.insert_str(0, "/body"));
        error
    })?;
    Ok(Done { entry, name: name.map(str::to_owned), outcome })
}

/// A value with what its references stand for in their places.
fn resolved(value: &Value, known: &Known, place: &str, violations: &mut Violations) -> Value {
    match value {
        Value::Object(object) if object.len() == 1 && object.contains_key("$ref") => {
            let text = object.get("$ref").and_then(Value::as_str).unwrap_or_default();
            target(text, known).unwrap_or_else(|detail| {
                violations.add(place, "UNKNOWN_REFERENCE", detail);
                Value::Null
            })
        }
        Value::Object(object) => {
            let member = |(name, value): (&String, &Value)| {
                (name.clone(), resolved(value, known, &format!("{place}/{}", escape(name)), violations))
            };
            Value::Object(object.iter().map(member).collect())
        }
        Value::Array(list) => {
            let element = |(at, value)| resolved(value, known, &format!("{place}/{at}"), violations);
            Value::Array(list.iter().enumerate().map(element).collect())
        }
        plain => plain.clone(),
    }
}

/// What `name` or `name.field` stands for.
fn target(text: &str, known: &Known) -> Result<Value, String> {
    let (name, field) = text.split_once('.').unwrap_or((text, "id"));
    let Some((entry, row)) = known.get(name) else {
        return Err(format!("No earlier operation is named {name:?}."));
    };
    match entry.field(field) {
        Some((index, _)) => Ok(log::field_value(row.as_ref(), index)),
        None => Err(format!("{} has no field {field:?}.", entry.name)),
    }
}

/// The steps of a batch call it `data`.
fn in_body(mut error: Error) -> Error {
    for violation in &mut error.violations {
        if let Some(rest) = violation.pointer.strip_prefix("/data") {
            violation.pointer = format!("/body{rest}");
        }
        violation.detail = violation.detail.replace("`data`", "`body`").replace("and data", "and body");
    }
    error
}

/// An operation's error, with pointers into the whole request. One that names no place names the operation.
fn within(mut error: Error, index: usize) -> Error {
    let place = format!("/operations/{index}");
    for violation in &mut error.violations {
        violation.pointer.insert_str(0, &place);
    }
    if error.violations.is_empty() {
        let detail = error.detail.clone();
        error.violations.push(Violation { pointer: place, code: error.code.name, detail, more: None });
    }
    error.detail = format!("Operation {index}: {}", error.detail);
    error
}
