//! Several verbs in one transaction: all or nothing, or each for itself behind a savepoint. A step is data, so that
//! batches, transactions ([`crate::transaction`]), bulk loads and offline pushes are the same thing.

use crate::external::{self, Upserted};
use crate::keys::{self, ExternalKey};
use crate::verbs;
use diesel::{Connection, PgConnection};
use kith_kernel::{Command, Cx, Entry, Error, FieldType, Result, Row, Verb, Violations, codes};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Most steps of one batch.
pub const MAX_STEPS: usize = 1_000;

/// What a step does.
#[derive(Clone, Debug)]
pub enum Op {
    /// Make a record.
    Create,
    /// Merge-patch the record `id`.
    Update(Uuid),
    /// Create or update by a key of another system.
    Upsert(ExternalKey),
    /// Archive the record `id`.
    Archive(Uuid),
    /// Restore the record `id`.
    Restore(Uuid),
    /// A business verb of the resource on the record `id`.
    Command(&'static Command, Uuid),
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What.
    pub op: Op,
    /// The version the caller knew.
    pub if_version: Option<i32>,
    /// The body.
    pub data: Map<String, Value>,
}

/// What came of a step.
pub struct Outcome {
    /// The record as it is now.
    pub row: Box<dyn Row>,
    /// It is new.
    pub created: bool,
    /// It is a message that came late, after one with a higher source version; nothing changed.
    pub stale: bool,
}

/// An error of a step that ran, whose pointers stand in its data, with pointers relative to the step.
pub fn in_data(mut error: Error) -> Error {
    for violation in &mut error.violations {
        violation.pointer = format!("/data{}", violation.pointer);
    }
    error
}

/// Reads `{"system", "externalId", "sourceVersion"}`.
fn external(value: &Value, violations: &mut Violations) -> Option<ExternalKey> {
    let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    let version = value.get("sourceVersion").unwrap_or(&Value::Null);
    let source_version = keys::source_version(version, "/externalId/sourceVersion", violations);
    Some(ExternalKey { system: text("system")?, key: text("externalId")?, source_version })
}

impl Step {
    /// Reads `{"op", "id" | "externalId", "ifVersion", "data"}`; every mistake at once, pointers relative to the step.
    /// `commands` are the business verbs that it may name.
    pub fn parse(value: &Value, commands: &'static [Command]) -> Result<Step> {
        let mut violations = Violations::default();
        let empty = Map::new();
        let object = value.as_object().unwrap_or(&empty);
        violations.ensure(value.is_object(), "", "WRONG_TYPE", "A step is an object.");
        for name in
            object.keys().filter(|name| !["op", "id", "externalId", "ifVersion", "data"].contains(&name.as_str()))
        {
            violations.add(format!("/{name}"), "UNKNOWN_FIELD", "A step has op, id, externalId, ifVersion and data.");
        }
        let data = match object.get("data") {
            None => Map::new(),
            Some(Value::Object(data)) => data.clone(),
            Some(_) => {
                violations.add("/data", "WRONG_TYPE", "Expected an object.");
                Map::new()
            }
        };
        let if_version =
            object.get("ifVersion").filter(|value| !value.is_null()).and_then(|value| match i32::parse(value) {
                Ok(version) => Some(version),
                Err(expected) => {
                    violations.add("/ifVersion", "WRONG_TYPE", format!("Expected {expected}."));
                    None
                }
            });
        let id = object.get("id").map(Uuid::parse).and_then(Result::ok);
        let key = object.get("externalId").and_then(|key| external(key, &mut violations));
        let op = match (object.get("op").and_then(Value::as_str), id, key) {
            (Some("create"), None, None) => Some(Op::Create),
            (Some("update"), Some(id), None) => Some(Op::Update(id)),
            (Some("archive"), Some(id), None) => Some(Op::Archive(id)),
            (Some("restore"), Some(id), None) => Some(Op::Restore(id)),
            (Some("upsert"), None, Some(key)) => Some(Op::Upsert(key)),
            (Some("create" | "update" | "archive" | "restore" | "upsert"), ..) => None,
            (Some(name), id, None) if commands.iter().any(|command| command.name == name) => commands
                .iter()
                .find(|command| command.name == name)
                .zip(id)
                .map(|(command, id)| Op::Command(command, id)),
            _ => {
                let mut known = vec!["create", "update", "upsert", "archive", "restore"];
                known.extend(commands.iter().map(|command| command.name));
                violations.add("/op", "WRONG_TYPE", format!("Expected one of {}.", known.join(", ")));
                None
            }
        };
        if op.is_none() && violations.0.is_empty() {
            let detail =
                "upsert needs `externalId: {system, externalId}`; create takes its id in `data`; all others need `id`.";
            violations.add("/op", "WRONG_TYPE", detail);
        }
        violations.into_result()?;
        let op = op.ok_or_else(|| Error::internal("a step without an operation passed its checks"))?;
        Ok(Step { op, if_version, data })
    }

    /// Runs it.
    pub fn run(&self, conn: &mut PgConnection, cx: &Cx, entry: &Entry) -> Result<Outcome> {
        let verb = match self.op {
            Op::Create | Op::Upsert(..) => Some(Verb::Create),
            Op::Update(_) => Some(Verb::Update),
            Op::Archive(_) | Op::Restore(_) => Some(Verb::Archive),
            Op::Command(..) => None,
        };
        if verb.is_some_and(|verb| !entry.offers(verb)) {
            return Err(Error::new(&codes::METHOD_NOT_ALLOWED, format!("{} does not offer this.", entry.name)));
        }
        let mut stale = false;
        let (row, created) = match &self.op {
            Op::Create => (verbs::create(conn, cx, entry, &self.data)?, true),
            Op::Update(id) => (verbs::update(conn, cx, entry, *id, self.if_version, &self.data)?, false),
            Op::Upsert(key) => {
                let (row, done) = external::upsert(conn, cx, entry, key, self.if_version, &self.data)?;
                stale = done == Upserted::Stale;
                (row, done == Upserted::Created)
            }
            Op::Archive(id) => (verbs::archive(conn, cx, entry, *id, self.if_version)?, false),
            Op::Restore(id) => (verbs::restore(conn, cx, entry, *id, self.if_version)?, false),
            Op::Command(command, id) => ((command.run)(conn, cx, *id, self.if_version, &self.data)?, false),
        };
        Ok(Outcome { row, created, stale })
    }

    /// Runs it behind a savepoint, so that its failure leaves the others alone.
    pub fn run_alone(&self, conn: &mut PgConnection, cx: &Cx, entry: &Entry) -> Result<Outcome> {
        conn.transaction(|conn| self.run(conn, cx, entry))
    }
}
