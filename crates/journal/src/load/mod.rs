//! Many records of one resource at once, each created or updated as a single write would, with its rights, rules and
//! journal, in a few statements for all. One that fails costs only itself.
//!
//! A resource that is not written [`Resource::IN_SETS`](kith_kernel::Resource::IN_SETS), and a row that has to be written
//! alone, go the way of a single write, behind a savepoint.

mod keys;
mod round;
mod write;

use crate::external::{self, Upserted};
use crate::keys::ExternalKey;
use crate::{store, verbs};
use diesel::{Connection, PgConnection};
use kith_kernel::{Action, Cx, Entry, Error, ErrorKind, FieldType, Result, Verb, Violations, codes};
use serde_json::{Map, Value};
use std::collections::HashSet;
use uuid::Uuid;

/// What is done with a record that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is updated.
    Upsert,
    /// It is refused.
    Insert,
}

/// One record to be loaded.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Its key in another system.
    pub key: Option<ExternalKey>,
    /// The version the caller knew.
    pub seen: Option<i32>,
    /// The body. A reference may be given as `{"system", "externalId"}` instead of an id.
    pub body: Map<String, Value>,
    /// What is known to be wrong with it.
    pub flaws: Violations,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// It is new.
    Created(Uuid),
    /// It was changed.
    Updated(Uuid),
    /// It was there as it is.
    Unchanged(Uuid),
    /// A message with a higher source version came before; nothing changed.
    Stale(Uuid),
    /// Why not.
    Failed(Error),
}

/// Refuses a load that the actor may not do, or that the resource does not take.
pub fn may(cx: &Cx, entry: &Entry, mode: Mode) -> Result<()> {
    cx.require(entry, Action::Create)?;
    if mode == Mode::Upsert {
        cx.require(entry, Action::Update)?;
    }
    let offered = entry.offers(Verb::Create) && (mode == Mode::Insert || entry.offers(Verb::Update));
    if offered {
        return Ok(());
    }
    let detail = if entry.offers(Verb::Create) {
        format!("{} are never updated; load them with mode=insert.", entry.name)
    } else {
        format!("{} cannot be loaded: they follow from other records, or have a way of their own.", entry.name)
    };
    Err(Error::new(&codes::METHOD_NOT_ALLOWED, detail))
}

/// Whether an error is of the row, and not of the server or the moment.
pub(crate) fn of_the_row(error: &Error) -> bool {
    !matches!(error.code.kind, ErrorKind::Internal | ErrorKind::Unavailable)
}

/// Loads them in their order, in the transaction that the caller opened. What comes twice is written twice: the last wins.
pub fn load(conn: &mut PgConnection, cx: &Cx, entry: &Entry, mode: Mode, items: &mut [Item]) -> Result<Vec<Outcome>> {
    may(cx, entry, mode)?;
    let mut all = Vec::with_capacity(items.len());
    while let Some(rest) = items.get_mut(all.len()..).filter(|rest| !rest.is_empty()) {
        match rest.first_mut().filter(|first| !entry.in_sets || first.seen.is_some()) {
            Some(first) => all.push(alone(conn, cx, entry, mode, first)?),
            None => {
                let count = distinct(entry, rest);
                let (round, _) = rest.split_at_mut(count);
                all.extend(round::run(conn, cx, entry, mode, round)?);
            }
        }
    }
    Ok(all)
}

/// How many of the first items are each another record, can be written with the others, and do not refer to one of them
/// by a key that is not there yet.
fn distinct(entry: &Entry, items: &[Item]) -> usize {
    let (mut keys, mut ids) = (HashSet::new(), HashSet::new());
    let own: Vec<&str> = entry.references(entry.name).filter_map(|at| Some(entry.fields.get(at)?.name)).collect();
    for (count, item) in items.iter().enumerate() {
        let refers = |name: &&str| item.body.get(*name).and_then(keys::key_of).is_some_and(|key| keys.contains(&key));
        if item.seen.is_some() || own.iter().any(refers) {
            return count.max(1);
        }
        let id = item.body.get("id").and_then(Value::as_str).map(str::to_ascii_lowercase);
        let key = item.key.as_ref().map(|key| (key.system.as_str(), key.key.as_str()));
        if !(key.is_none_or(|key| keys.insert(key)) && id.is_none_or(|id| ids.insert(id))) {
            return count.max(1);
        }
    }
    items.len()
}

/// One item by itself: what is wrong with it is its outcome.
fn alone(conn: &mut PgConnection, cx: &Cx, entry: &Entry, mode: Mode, item: &mut Item) -> Result<Outcome> {
    match conn.transaction(|conn| one(conn, cx, entry, mode, item)) {
        Err(error) if of_the_row(&error) => Ok(Outcome::Failed(error)),
        outcome => outcome,
    }
}

fn one(conn: &mut PgConnection, cx: &Cx, entry: &Entry, mode: Mode, item: &mut Item) -> Result<Outcome> {
    keys::resolve(conn, cx, entry, std::slice::from_mut(item))?;
    item.flaws.clone().into_result()?;
    let Item { body, .. } = item;
    let given = body.get("id").and_then(|id| Uuid::parse(id).ok());
    let found = match &item.key {
        Some(key) => external::by_external_id(conn, cx, entry, &key.system, &key.key)?,
        None => given,
    };
    let before = found.map(|id| store::lock_many(conn, cx, entry, vec![id], action(mode))).transpose()?;
    let before = before.and_then(|rows| rows.into_first());
    if let (Mode::Insert, Some(_), Some(_)) = (mode, &before, &item.key) {
        return Err(keys::taken(entry, "externalId"));
    }
    let row = match (&item.key, &before) {
        (Some(key), _) => match external::upsert(conn, cx, entry, key, item.seen, body)? {
            (row, Upserted::Stale) => return Ok(Outcome::Stale(row.meta().id)),
            (row, _) => row,
        },
        (None, Some(before)) if mode == Mode::Upsert => {
            let body = external::changing(entry, before.as_ref(), body);
            verbs::update(conn, cx, entry, before.meta().id, item.seen, &body)?
        }
        (None, _) => verbs::create(conn, cx, entry, body)?,
    };
    let id = row.meta().id;
    Ok(match before {
        None => Outcome::Created(id),
        Some(before) if before.meta().version == row.meta().version => Outcome::Unchanged(id),
        Some(_) => Outcome::Updated(id),
    })
}

/// The right that is needed to see what is there already.
fn action(mode: Mode) -> Action {
    if mode == Mode::Upsert { Action::Update } else { Action::Create }
}
