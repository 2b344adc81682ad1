//! The standard verbs. Each requires the right first, then the version where the tenant wants one, then loads, applies,
//! checks the whole record, stores and journals it, in the transaction that its caller opened.

use crate::{log, store};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{
    Action, Bind, Cx, Entry, Error, Kind, Mode, Resource, Result, Row, RowScope, Statement, Violation, Violations,
    apply, codes, missing,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Makes a record from a body.
pub fn create(conn: &mut PgConnection, cx: &Cx, entry: &Entry, body: &Map<String, Value>) -> Result<Box<dyn Row>> {
    let scope = cx.require(entry, Action::Create)?;
    let mut violations = Violations::default();
    let row = draft(cx, entry, body, scope, &mut violations);
    if body.contains_key("id") && violations.0.is_empty() {
        refuse_archived(conn, cx, entry, row.meta().id)?;
    }
    finish(conn, cx, entry, None, row, violations, log::CREATED, scope)
}

/// A new row with what a body says, not stored yet.
pub(crate) fn draft(
    cx: &Cx,
    entry: &Entry,
    body: &Map<String, Value>,
    scope: RowScope,
    violations: &mut Violations,
) -> Box<dyn Row> {
    let mut row = (entry.blank)(cx);
    apply(entry, row.as_mut(), body, Mode::Create, violations);
    missing(entry.fields, body, violations);
    // An actor who may only make own records owns what it makes.
    let owner = entry.ownership.owner.and_then(|column| entry.field_of_column(column));
    if let Some(owner) = owner.filter(|owner| scope != RowScope::All && row.uuid(*owner).is_none()) {
        row.set(owner, &json!(cx.actor.id)).ok();
    }
    row
}

/// Makes a record as a business verb does: with what no body may set.
pub fn make<R: Resource>(conn: &mut PgConnection, cx: &Cx, edit: impl FnOnce(&mut R)) -> Result<Box<dyn Row>> {
    let entry = cx.entry(R::NAME)?;
    let scope = cx.require(entry, Action::Create)?;
    let mut row = (entry.blank)(cx);
    edit(row.any_mut().downcast_mut::<R>().ok_or_else(|| Error::internal("a row of another resource"))?);
    finish(conn, cx, entry, None, row, Violations::default(), log::CREATED, scope)
}

/// A client that makes a record anew under the id of one that it archived is told so, instead of a mere duplicate.
fn refuse_archived(conn: &mut PgConnection, cx: &Cx, entry: &Entry, id: Uuid) -> Result<()> {
    let known = store::get(conn, cx, entry, id).ok();
    match known.and_then(|row| row.meta().archived_at) {
        Some(_) => Err(archived(entry, id)),
        None => Ok(()),
    }
}

/// The refusal of a change to a record that is archived.
pub fn archived(entry: &Entry, id: Uuid) -> Error {
    let detail = format!("The record {id} is archived. Restore it first: POST /v1/{}/{id}/restore.", entry.name);
    Error::new(&codes::CONFLICT, detail)
}

/// Applies a merge patch. `seen` is the version the caller knew; when it is stale, the write still succeeds as long as
/// nobody touched the fields it writes.
pub fn update(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    id: Uuid,
    seen: Option<i32>,
    body: &Map<String, Value>,
) -> Result<Box<dyn Row>> {
    let scope = cx.require(entry, Action::Update)?;
    cx.require_version(seen)?;
    patch(conn, cx, entry, id, seen, body, scope)
}

pub(crate) fn patch(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    id: Uuid,
    seen: Option<i32>,
    body: &Map<String, Value>,
    scope: RowScope,
) -> Result<Box<dyn Row>> {
    let before = store::lock(conn, cx, entry, id, Action::Update)?;
    let mut row = before.copy();
    let mut violations = Violations::default();
    let given = apply(entry, row.as_mut(), body, Mode::Update, &mut violations);
    if let Some(seen) = seen {
        merge(conn, cx, entry, (before.as_ref(), row.as_ref()), seen, &given)?;
    }
    if before.meta().archived_at.is_some() {
        return Err(archived(entry, id));
    }
    finish(conn, cx, entry, Some(before), row, violations, log::UPDATED, scope)
}

/// Edits a record as a business verb does: lock, compare, edit, check, save, journal under the verb's own name.
pub fn change<R: Resource>(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    operation: log::Operation,
    edit: impl FnOnce(&mut PgConnection, &mut R) -> Result<()>,
) -> Result<Box<dyn Row>> {
    let entry = cx.entry(R::NAME)?;
    let scope = cx.require(entry, Action::Update)?;
    cx.require_version(seen)?;
    let before = store::lock(conn, cx, entry, id, Action::Update)?;
    exact(before.as_ref(), seen)?;
    if before.meta().archived_at.is_some() {
        return Err(archived(entry, id));
    }
    let mut row = before.copy();
    let typed = row.any_mut().downcast_mut::<R>().ok_or_else(|| Error::internal("a row of another resource"))?;
    edit(conn, typed)?;
    finish(conn, cx, entry, Some(before), row, Violations::default(), operation, scope)
}

/// Makes a record that follows from another write, with what no body may set. It asks for no right.
pub fn follow<R: Resource>(conn: &mut PgConnection, cx: &Cx, row: R) -> Result<Box<dyn Row>> {
    let (system, entry) = (cx.as_system(), cx.entry(R::NAME)?);
    finish(conn, &system, entry, None, Box::new(row), Violations::default(), log::CREATED, RowScope::All)
}

/// Archives a record; archiving it again changes nothing.
pub fn archive(conn: &mut PgConnection, cx: &Cx, entry: &Entry, id: Uuid, seen: Option<i32>) -> Result<Box<dyn Row>> {
    shelve(conn, cx, entry, id, seen, true)
}

/// Brings an archived record back; bringing it back again changes nothing.
pub fn restore(conn: &mut PgConnection, cx: &Cx, entry: &Entry, id: Uuid, seen: Option<i32>) -> Result<Box<dyn Row>> {
    shelve(conn, cx, entry, id, seen, false)
}

fn shelve(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    id: Uuid,
    seen: Option<i32>,
    away: bool,
) -> Result<Box<dyn Row>> {
    let scope = cx.require(entry, Action::Archive)?;
    cx.require_version(seen)?;
    let before = store::lock(conn, cx, entry, id, Action::Archive)?;
    if before.meta().archived_at.is_some() == away {
        return Ok(before);
    }
    exact(before.as_ref(), seen)?;
    let mut row = before.copy();
    row.meta_mut().archived_at = away.then_some(cx.now);
    let operation = if away { log::ARCHIVED } else { log::RESTORED };
    finish(conn, cx, entry, Some(before), row, Violations::default(), operation, scope)
}

/// A business verb or an archive does not merge: the version must be the current one.
fn exact(row: &dyn Row, seen: Option<i32>) -> Result<()> {
    let current = row.meta().version;
    match seen {
        Some(seen) if seen != current => Err(Error::new(
            &codes::VERSION_CONFLICT,
            format!("The record is at version {current}, not {seen}. Read it again."),
        )),
        _ => Ok(()),
    }
}

type Since = (Vec<String>, chrono::DateTime<chrono::Utc>, Option<Uuid>);

/// A stale version is fine as long as no field that is now written changed since to another value.
fn merge(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    (before, row): (&dyn Row, &dyn Row),
    seen: i32,
    given: &[usize],
) -> Result<()> {
    let current = before.meta().version;
    if seen == current {
        return Ok(());
    }
    let refuse = |violations| Error {
        violations,
        ..Error::new(&codes::VERSION_CONFLICT, format!("The record is at version {current}, not {seen}."))
    };
    if seen > current || seen < 1 {
        return Err(refuse(Vec::new()));
    }
    let mut out = Statement::new("SELECT changed_fields, at, actor_id FROM audit_log WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND record_id = ").bind(Bind::Uuid(Some(before.meta().id)));
    out.sql(" AND resource = ").bind(Bind::Text(Some(entry.name.to_owned())));
    out.sql(" AND version > ").bind(Bind::Int(Some(seen))).sql(" ORDER BY version DESC");
    type Sql = (st::Array<st::Text>, st::Timestamptz, st::Nullable<st::Uuid>);
    let since: Vec<Since> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let mut conflicts = Vec::new();
    for index in given {
        let Some(field) = entry.fields.get(*index) else { continue };
        let Some((_, at, by)) = since.iter().find(|(fields, ..)| fields.iter().any(|name| name == field.name)) else {
            continue;
        };
        // Both as they are stored: one value may be written in several ways.
        let (yours, theirs) = (log::field_value(row, *index), log::field_value(before, *index));
        if yours != theirs {
            conflicts.push(Violation {
                pointer: format!("/{}", field.name),
                code: "VERSION_CONFLICT",
                detail: format!("{} was changed since version {seen}.", field.name),
                more: Some(json!({"yours": yours, "current": theirs, "changedAt": at, "changedBy": by})),
            });
        }
    }
    if conflicts.is_empty() { Ok(()) } else { Err(refuse(conflicts)) }
}

#[expect(clippy::too_many_arguments, reason = "the one place where every write ends")]
fn finish(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    before: Option<Box<dyn Row>>,
    mut row: Box<dyn Row>,
    mut violations: Violations,
    operation: log::Operation,
    scope: RowScope,
) -> Result<Box<dyn Row>> {
    let before = before.as_deref();
    if violations.0.is_empty() {
        // Before what follows by itself: nobody needs a right to what a rule of the tenant points to.
        references(conn, cx, entry, before, row.as_ref())?;
        row.prepare(conn, cx, before)?;
    }
    row.check(&mut violations);
    violations.into_result()?;
    let stored = match before {
        None => store::insert(conn, entry, row.as_ref())?,
        Some(before) => {
            if log::changed(entry, before, row.as_ref()).is_empty() {
                return Ok(row);
            }
            let meta = row.meta_mut();
            meta.version = meta.version.saturating_add(1);
            meta.updated_at = cx.now;
            meta.updated_by = cx.actor.principal();
            store::save(conn, entry, row.as_ref(), before.meta().version)?
        }
    };
    // Nobody may make a record, or move one, to where they could not have written it.
    let action = match before {
        None => Action::Create,
        Some(_) if [log::ARCHIVED, log::RESTORED].contains(&operation) => Action::Archive,
        Some(_) => Action::Update,
    };
    if scope != RowScope::All
        && !entry.ownership.is_none()
        && !store::exists(conn, cx, entry, stored.meta().id, action)?
    {
        return Err(store::outside(entry, action, scope));
    }
    log::record(conn, cx, entry, operation, before, stored.as_ref())?;
    stored.stored(conn, cx, before)?;
    Ok(stored)
}

/// Foreign keys refuse what is not in the tenant. Where the actor sees only part of the target, this refuses the rest,
/// with the same answer.
fn references(conn: &mut PgConnection, cx: &Cx, entry: &Entry, before: Option<&dyn Row>, row: &dyn Row) -> Result<()> {
    let mut violations = Violations::default();
    for (index, field) in entry.fields.iter().enumerate() {
        let Kind::Id(Some(target)) = field.kind else { continue };
        let Some(id) = row.uuid(index).filter(|id| before.and_then(|before| before.uuid(index)) != Some(*id)) else {
            continue;
        };
        let target = cx.entry(target)?;
        let whole = cx.actor.grants.scope(target.name, target.administrative, Action::Read) == Some(RowScope::All);
        // Naming oneself needs no right to read users.
        if !whole && id != cx.actor.id && !store::exists(conn, cx, target, id, Action::Read)? {
            violations.add(
                format!("/{}", field.name),
                "UNKNOWN_REFERENCE",
                format!("{} points to nothing that you can see.", field.name),
            );
        }
    }
    violations.into_result()
}
