//! Records by their keys in other systems: made or changed by the key, and left alone by messages that come late.

use crate::keys::{self, ExternalKey, Found};
use crate::{log, store, verbs};
use diesel::PgConnection;
use kith_kernel::{Access, Action, Cx, Entry, Error, Result, Row, codes, text};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The resource that keeps keys of other systems.
pub const EXTERNAL_IDS: &str = "external-ids";

/// What an upsert came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// There was no record with the key.
    Created,
    /// The record is as the message says.
    Updated,
    /// A message with a higher source version came before; nothing changed.
    Stale,
}

/// Creates or updates the record that has this key in another system.
/// Two at once with the same key wait for each other, so there is never a second record. It needs no version even where
/// the tenant wants them: the other system is the source of what it sends, and knows its own keys, not our versions.
/// Where it tells versions of its own, a message that comes after a newer one changes nothing.
pub fn upsert(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    key: &ExternalKey,
    seen: Option<i32>,
    body: &Map<String, Value>,
) -> Result<(Box<dyn Row>, Upserted)> {
    cx.require(entry, Action::Create)?;
    let scope = cx.require(entry, Action::Update)?;
    let (system, external_id) = (&part("/system", &key.system)?, &part("/externalId", &key.key)?);
    store::one_at_a_time(conn, cx, &format!("{}|{system}|{external_id}", entry.subject))?;
    let place = (entry.subject.as_str(), system.as_str(), external_id.as_str());
    let (row, done) = match keys::one(conn, cx, place)? {
        Some(Found { id, .. }) => {
            if key.source_version.is_some() {
                // A file may have brought a newer one since: nobody does any more once the record is locked.
                let row = store::lock(conn, cx, entry, id, Action::Update)?;
                if keys::one(conn, cx, place)?.is_some_and(|found| found.is_past(key.source_version)) {
                    return Ok((row, Upserted::Stale));
                }
            }
            let body = without_repeated(conn, cx, entry, id, body)?;
            (verbs::patch(conn, cx, entry, id, seen, &body, scope)?, Upserted::Updated)
        }
        None if seen.is_some() => {
            let detail = "There is no record with this external id yet, so it has no version.";
            return Err(Error::new(&codes::VERSION_CONFLICT, detail));
        }
        None => (made(conn, cx, entry, (system, external_id), body)?, Upserted::Created),
    };
    keys::note(conn, cx, key.source_version.map(|version| (place, version)).into_iter())?;
    Ok((row, done))
}

fn made(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    key: (&str, &str),
    body: &Map<String, Value>,
) -> Result<Box<dyn Row>> {
    let row = verbs::create(conn, cx, entry, body)?;
    let link = link(entry, row.meta().id, key);
    verbs::create(conn, &cx.as_system(), cx.entry(EXTERNAL_IDS)?, &link).map_err(|error| {
        // Somebody took the key without waiting here, such as a bulk load: the whole transaction finds it there next time.
        if std::ptr::eq(error.code, &codes::DUPLICATE) {
            store::again("the external id was taken meanwhile")
        } else {
            error
        }
    })?;
    Ok(row)
}

/// The body of an external id.
pub(crate) fn link(entry: &Entry, id: Uuid, (system, external_id): (&str, &str)) -> Map<String, Value> {
    let members = [
        ("subjectType", json!(entry.subject)),
        ("subjectId", json!(id)),
        ("system", json!(system)),
        ("externalId", json!(external_id)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Keys are stored clean, so they are looked up clean.
fn part(pointer: &str, value: &str) -> Result<String> {
    text::clean(value).map_err(|expected| Error::invalid(pointer, "WRONG_TYPE", format!("Expected {expected}.")))
}

/// A body without the members that can be set on create only and are what they were: the same upsert can come again.
fn without_repeated(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    id: Uuid,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>> {
    if !names_fixed(entry, body) {
        return Ok(body.clone());
    }
    let row = store::lock(conn, cx, entry, id, Action::Update)?;
    Ok(changing(entry, row.as_ref(), body))
}

fn fixed(entry: &Entry, name: &str) -> Option<usize> {
    entry.field(name).filter(|(_, field)| field.access == Access::CreateOnly).map(|(index, _)| index)
}

/// Whether a body has members that can be set on create only.
pub(crate) fn names_fixed(entry: &Entry, body: &Map<String, Value>) -> bool {
    body.keys().any(|name| fixed(entry, name).is_some())
}

/// A body without the members that can be set on create only and are what they are in `row`.
pub(crate) fn changing(entry: &Entry, row: &dyn Row, body: &Map<String, Value>) -> Map<String, Value> {
    let changes = |name: &str, value: &Value| {
        let Some(index) = fixed(entry, name) else { return true };
        let mut same = row.copy();
        let parsed = same.set(index, value);
        parsed.is_err() || log::field_value(same.as_ref(), index) != log::field_value(row, index)
    };
    body.iter()
        .filter(|(name, value)| changes(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The id of the record that has this key in another system.
pub fn by_external_id(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    system: &str,
    external_id: &str,
) -> Result<Option<Uuid>> {
    let (Ok(system), Ok(external_id)) = (text::clean(system), text::clean(external_id)) else { return Ok(None) };
    let found = keys::one(conn, cx, (entry.subject.as_str(), &system, &external_id))?;
    Ok(found.map(|found| found.id))
}
