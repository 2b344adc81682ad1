//! Changes that a client made while it was offline: each is applied, merged with what others did meanwhile field by field,
//! or answered with both values. Each stands for itself behind a savepoint; sent again, it gets its answer again.
//!
//! It knows nothing of devices: a client is an id that says which changes come from the same place.

use crate::{log, store, verbs};
use diesel::{Connection, PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{
    Action, Bind, Cx, Entry, Error, Result, Row, Statement, Verb, Violation, Violations, codes, text_enum,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

/// Most changes of one push.
pub const MAX_CHANGES: usize = 500;

/// How often a change is tried again that somebody else may have overtaken.
const RACES: usize = 3;

text_enum! {
    /// What is done about a field that somebody else changed meanwhile.
    #[derive(Default)]
    pub enum Resolution {
        /// Nothing: the change is answered with both values.
        #[default]
        Report = "REPORT",
        /// Theirs stays; the rest of the change is applied.
        Theirs = "THEIRS",
        /// Ours replaces it.
        Ours = "OURS",
    }
}

text_enum! {
    /// What came of a change.
    pub enum Fate {
        /// It was done; nobody else had changed the record.
        Applied = "APPLIED",
        /// It was done to a record that others had changed meanwhile.
        Merged = "MERGED",
        /// It was not done: others changed the same, and both values are told.
        Conflict = "CONFLICT",
        /// It was not done: the record is archived, or out of sight.
        Gone = "GONE",
        /// It was not done: it is not valid or not allowed; the problem says why.
        Refused = "REFUSED",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Create,
    Update,
    Archive,
    Restore,
}

/// One change, as the client made it.
#[derive(Debug)]
struct Change {
    id: Uuid,
    op: Op,
    entry: &'static Entry,
    record: Uuid,
    base: Option<i32>,
    data: Map<String, Value>,
    fingerprint: Vec<u8>,
}

/// What came of one.
struct Done {
    fate: Fate,
    row: Option<Box<dyn Row>>,
    conflicts: Vec<Violation>,
    error: Option<Error>,
}

impl Done {
    fn new(fate: Fate, row: Option<Box<dyn Row>>) -> Self {
        Done { fate, row, conflicts: Vec::new(), error: None }
    }
}

/// How an error is told: as a problem document.
pub type Tell<'a> = &'a dyn Fn(&Error) -> Value;

/// Takes the changes of a client in their order; what came of each. The whole push is refused only if its own form is wrong.
pub fn push(
    conn: &mut PgConnection,
    cx: &Cx,
    client: Uuid,
    changes: &[Value],
    resolution: Resolution,
    tell: Tell<'_>,
) -> Result<Vec<Value>> {
    let changes = read(cx, changes)?;
    // One push of a client at a time, or the second of two would do again what the first is doing.
    store::one_at_a_time(conn, cx, &format!("push|{}|{client}", cx.actor.id))?;
    let mut known = known(conn, cx, client, &changes)?;
    let mut results = Vec::with_capacity(changes.len());
    for change in &changes {
        if let Some((fingerprint, result)) = known.get(&change.id) {
            results.push(match *fingerprint == change.fingerprint {
                true => result.clone(),
                false => reused(change, tell),
            });
            continue;
        }
        let mut done = conn.transaction(|conn| run(conn, cx, change, resolution));
        for _ in 0..RACES {
            if !done.as_ref().is_err_and(may_be_a_race) {
                break;
            }
            done = conn.transaction(|conn| run(conn, cx, change, resolution));
        }
        let done = done.or_else(|error| refusal(conn, cx, change, error))?;
        let result = told(change, done, tell);
        remember(conn, cx, client, change, &result)?;
        known.insert(change.id, (change.fingerprint.clone(), result.clone()));
        results.push(result);
    }
    Ok(results)
}

/// Reads all changes; every mistake of form at once.
fn read(cx: &Cx, changes: &[Value]) -> Result<Vec<Change>> {
    let mut violations = Violations::default();
    let mut all = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        let mut wrong = |name: &str, code: &'static str, detail: &str| {
            violations.add(format!("/changes/{at}{name}"), code, detail);
        };
        let empty = Map::new();
        let object = change.as_object().unwrap_or(&empty);
        for name in object.keys() {
            if !["changeId", "op", "resource", "recordId", "baseVersion", "data"].contains(&name.as_str()) {
                wrong(
                    &format!("/{}", kith_kernel::escape(name)),
                    "UNKNOWN_FIELD",
                    "A change has changeId, op, resource, recordId, baseVersion and data.",
                );
            }
        }
        let uuid = |name: &str| object.get(name).and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
        let (id, record) = (uuid("changeId"), uuid("recordId"));
        let op = match object.get("op").and_then(Value::as_str) {
            Some("CREATE") => Some(Op::Create),
            Some("UPDATE") => Some(Op::Update),
            Some("ARCHIVE") => Some(Op::Archive),
            Some("RESTORE") => Some(Op::Restore),
            _ => None,
        };
        let name = object.get("resource").and_then(Value::as_str).unwrap_or_default();
        let entry = cx.catalogue.get(name);
        let base = object.get("baseVersion").and_then(Value::as_i64).and_then(|version| i32::try_from(version).ok());
        let based = base.is_some() == (op != Some(Op::Create)) || op.is_none();
        let data = object
            .get("data")
            .filter(|data| !data.is_null())
            .map_or(Some(empty.clone()), |data| data.as_object().cloned());
        for (good, name, detail) in [
            (id.is_some(), "/changeId", "Expected a UUID of the client's own for each change."),
            (record.is_some(), "/recordId", "Expected the UUID of the record; a new one's is chosen by the client."),
            (op.is_some(), "/op", "Expected CREATE, UPDATE, ARCHIVE or RESTORE."),
            (entry.is_some(), "/resource", "Expected the name of a resource, such as contacts."),
            (based, "/baseVersion", "Expected the version that was changed, and none for CREATE."),
            (data.is_some(), "/data", "Expected an object."),
        ] {
            if !good {
                wrong(name, "WRONG_TYPE", detail);
            }
        }
        let (Some(id), Some(record), Some(op), Some(entry), Some(data)) = (id, record, op, entry, data) else {
            continue;
        };
        let fingerprint = Sha256::digest(change.to_string().as_bytes()).to_vec();
        all.push(Change { id, op, entry, record, base, data, fingerprint });
    }
    violations.into_result()?;
    Ok(all)
}

/// What was answered before.
fn known(
    conn: &mut PgConnection,
    cx: &Cx,
    client: Uuid,
    changes: &[Change],
) -> Result<HashMap<Uuid, (Vec<u8>, Value)>> {
    let mut out = Statement::new("SELECT t.change_id, t.fingerprint, t.result FROM unnest(");
    out.bind(Bind::Uuids(changes.iter().map(|change| change.id).collect()));
    out.sql(") AS wanted(id) CROSS JOIN LATERAL (SELECT * FROM pushed_changes c WHERE c.change_id = wanted.id");
    out.sql(" AND c.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql(" AND c.principal_id = ");
    out.bind(Bind::Uuid(Some(cx.actor.id))).sql(" AND c.client_id = ").bind(Bind::Uuid(Some(client)));
    out.sql(" OFFSET 0) AS t");
    // Planned each time, for the size that the table has by now.
    crate::bulk::once(&mut out, changes.len());
    type Sql = (st::Uuid, st::Binary, st::Jsonb);
    let rows: Vec<(Uuid, Vec<u8>, Value)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    Ok(rows.into_iter().map(|(id, fingerprint, result)| (id, (fingerprint, result))).collect())
}

fn remember(conn: &mut PgConnection, cx: &Cx, client: Uuid, change: &Change, result: &Value) -> Result<()> {
    let mut out = Statement::new(
        "INSERT INTO pushed_changes (tenant_id, principal_id, client_id, change_id, fingerprint, result, created_at) VALUES (",
    );
    let values = [
        Bind::Uuid(Some(cx.tenant)),
        Bind::Uuid(Some(cx.actor.id)),
        Bind::Uuid(Some(client)),
        Bind::Uuid(Some(change.id)),
        Bind::Bytes(Some(change.fingerprint.clone())),
        Bind::Json(Some(result.into())),
        Bind::Time(Some(cx.now)),
    ];
    log::list(&mut out, values);
    out.sql(")").execute(conn)?;
    Ok(())
}

/// Forgets answers that are older than `keep`; whoever was offline for longer is told by the records themselves.
pub fn forget(conn: &mut PgConnection, cx: &Cx, keep: chrono::TimeDelta) -> Result<usize> {
    let mut out = Statement::new("DELETE FROM pushed_changes WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND created_at < ").bind(Bind::Time(Some(cx.now - keep)));
    Ok(out.execute(conn)?)
}

/// The record, if the actor may see it.
fn seen(conn: &mut PgConnection, cx: &Cx, change: &Change) -> Result<Option<Box<dyn Row>>> {
    match store::get(conn, cx, change.entry, change.record) {
        Ok(row) => Ok(Some(row)),
        Err(error) if error.code.name == codes::NOT_FOUND.name => Ok(None),
        Err(error) => Err(error),
    }
}

fn run(conn: &mut PgConnection, cx: &Cx, change: &Change, resolution: Resolution) -> Result<Done> {
    let verb = match change.op {
        Op::Create => Verb::Create,
        Op::Update => Verb::Update,
        Op::Archive | Op::Restore => Verb::Archive,
    };
    if !change.entry.offers(verb) {
        return Err(Error::new(&codes::METHOD_NOT_ALLOWED, format!("{} does not offer this.", change.entry.name)));
    }
    if change.op == Op::Create {
        return create(conn, cx, change);
    }
    let Some(before) = seen(conn, cx, change)? else { return Ok(Done::new(Fate::Gone, None)) };
    let (version, archived) = (before.meta().version, before.meta().archived_at.is_some());
    match change.op {
        Op::Update if archived => Ok(Done::new(Fate::Gone, Some(before))),
        Op::Update => update(conn, cx, change, version, resolution),
        // It is as the client wants it, whoever did it.
        _ if archived == (change.op == Op::Archive) => Ok(Done::new(Fate::Applied, Some(before))),
        _ if change.base != Some(version) && resolution != Resolution::Ours => {
            Ok(Done::new(Fate::Conflict, Some(before)))
        }
        _ => {
            let act = if change.op == Op::Archive { verbs::archive } else { verbs::restore };
            let fate = if change.base == Some(version) { Fate::Applied } else { Fate::Merged };
            Ok(Done::new(fate, Some(act(conn, cx, change.entry, change.record, Some(version))?)))
        }
    }
}

fn create(conn: &mut PgConnection, cx: &Cx, change: &Change) -> Result<Done> {
    cx.require(change.entry, Action::Create)?;
    if let Some(there) = seen(conn, cx, change)? {
        // Our own, from a push whose answer was forgotten meanwhile; another's would be a client that gives ids twice.
        let ours = there.meta().created_by == cx.actor.principal();
        return Ok(Done::new(if ours { Fate::Applied } else { Fate::Conflict }, Some(there)));
    }
    let mut data = change.data.clone();
    data.insert("id".to_owned(), json!(change.record));
    Ok(Done::new(Fate::Applied, Some(verbs::create(conn, cx, change.entry, &data)?)))
}

fn update(conn: &mut PgConnection, cx: &Cx, change: &Change, version: i32, resolution: Resolution) -> Result<Done> {
    let mut try_with = |base: Option<i32>, data: &Map<String, Value>| {
        conn.transaction(|conn| verbs::update(conn, cx, change.entry, change.record, base, data))
    };
    let fate = if change.base == Some(version) { Fate::Applied } else { Fate::Merged };
    let error = match try_with(change.base, &change.data) {
        Ok(row) => return Ok(Done::new(fate, Some(row))),
        Err(error) if error.code.name == codes::VERSION_CONFLICT.name && !error.violations.is_empty() => error,
        Err(error) => return Err(error),
    };
    let row = match resolution {
        Resolution::Report => None,
        Resolution::Ours => Some(try_with(Some(version), &change.data)?),
        Resolution::Theirs => {
            let mut data = change.data.clone();
            for place in &error.violations {
                data.remove(place.pointer.trim_start_matches('/'));
            }
            Some(try_with(Some(version), &data)?)
        }
    };
    let conflicts = error.violations;
    Ok(match row {
        Some(row) => Done { conflicts, ..Done::new(Fate::Merged, Some(row)) },
        None => Done { conflicts, ..Done::new(Fate::Conflict, seen(conn, cx, change)?) },
    })
}

/// The record may have been changed, archived or moved out of sight between the look at it and the write: then another look
/// finds what really became of it. What is refused for good is refused again.
fn may_be_a_race(error: &Error) -> bool {
    [codes::CONFLICT.name, codes::VERSION_CONFLICT.name, codes::NOT_FOUND.name].contains(&error.code.name)
}

/// What a failure means. One that is nobody's fault, or ours, is the whole push's.
fn refusal(conn: &mut PgConnection, cx: &Cx, change: &Change, error: Error) -> Result<Done> {
    use kith_kernel::ErrorKind::{Internal, Unavailable};
    if matches!(error.code.kind, Internal | Unavailable) {
        return Err(error);
    }
    let row = seen(conn, cx, change).unwrap_or(None);
    Ok(Done { error: Some(crate::batch::in_data(error)), ..Done::new(Fate::Refused, row) })
}

/// The answer to a change whose id was used for another one.
fn reused(change: &Change, tell: Tell<'_>) -> Value {
    let error = Error::new(&codes::IDEMPOTENCY_KEY_REUSED, "This changeId was used for another change. Use a new one.");
    told(change, Done { error: Some(error), ..Done::new(Fate::Refused, None) }, tell)
}

fn told(change: &Change, done: Done, tell: Tell<'_>) -> Value {
    let conflicts = done.conflicts.iter().map(|place| {
        let more = |name: &str| place.more.as_ref().and_then(|more| more.get(name)).cloned().unwrap_or_default();
        json!({
            "field": place.pointer.trim_start_matches('/'), "yours": more("yours"), "current": more("current"),
            "changedAt": more("changedAt"), "changedBy": more("changedBy"),
        })
    });
    json!({
        "changeId": change.id, "status": done.fate.as_str(), "resource": change.entry.name, "recordId": change.record,
        "version": done.row.as_ref().map(|row| row.meta().version),
        "record": done.row.as_ref().map(|row| log::snapshot(change.entry, row.as_ref())),
        "conflicts": conflicts.collect::<Vec<_>>(),
        "problem": done.error.as_ref().map(tell),
    })
}
