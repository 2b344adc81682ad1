//! One row of any resource: read, lock, insert, save. Every statement carries the tenant and the row scope.

use crate::{bulk, log};
use diesel::result::{DatabaseErrorKind, Error as DbError};
use diesel::{PgConnection, QueryResult, RunQueryDsl, sql_types as st};
use kith_kernel::{
    Action, Bind, Condition, Cx, Entry, Error, Field, Resource, Result, Row, RowScope, Rows, Statement, Violations,
    codes,
};
use std::collections::HashSet;
use uuid::Uuid;

/// Rows of a table whose `column` is one of many keys, found by one look-up each, in the order of the keys. `= ANY(…)` would
/// leave the planner the choice to read all rows of the tenant and compare each with every key, and it takes it where the
/// table has grown since it was last analysed. `tail` goes on after the conditions.
pub fn looked_up(
    cx: &Cx,
    entry: &Entry,
    columns: &str,
    column: &'static str,
    mut keys: Bind,
    tail: impl FnOnce(&mut Statement),
) -> Statement {
    fn distinct<T: Ord>(keys: &mut Vec<T>) -> usize {
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }
    let count = match &mut keys {
        Bind::Uuids(keys) => distinct(keys),
        Bind::Texts(keys) => distinct(keys),
        _ => 1,
    };
    let mut out = Statement::new(format!("SELECT {columns} FROM unnest("));
    out.bind(keys).sql(format!(
        ") AS wanted(key) CROSS JOIN LATERAL (SELECT * FROM {} t WHERE t.{column} = wanted.key AND t.tenant_id = ",
        entry.table
    ));
    out.bind(Bind::Uuid(Some(cx.tenant)));
    tail(&mut out);
    out.sql(" OFFSET 0) AS t");
    // Planned each time, for the size that the table has by now.
    bulk::once(&mut out, count);
    out
}

/// The columns of those of many records that a scope covers; `tail` goes on after the conditions.
fn each(cx: &Cx, entry: &Entry, columns: &str, scope: RowScope, ids: Vec<Uuid>, tail: &'static str) -> Statement {
    looked_up(cx, entry, columns, "id", Bind::Uuids(ids), |out| {
        Condition::new(cx, false).scope(entry, "t", scope, out);
        out.sql(tail);
    })
}

fn select(cx: &Cx, entry: &Entry, scope: RowScope, ids: &[Uuid]) -> Statement {
    let mut out = Statement::new(entry.select);
    out.bind(Bind::Uuid(Some(cx.tenant)));
    match ids {
        [id] => out.sql(" AND t.id = ").bind(Bind::Uuid(Some(*id))),
        ids => out.sql(" AND t.id = ANY(").bind(Bind::Uuids(ids.to_vec())).sql(")"),
    };
    Condition::new(cx, false).scope(entry, "t", scope, &mut out);
    out
}

/// One record that the actor may read, archived or not.
pub fn get(conn: &mut PgConnection, cx: &Cx, entry: &Entry, id: Uuid) -> Result<Box<dyn Row>> {
    let scope = cx.require(entry, Action::Read)?;
    (entry.load)(conn, &select(cx, entry, scope, &[id]))?.into_first().ok_or_else(Error::not_found)
}

/// Those of many records that the actor may read, archived or not.
pub fn find_many(conn: &mut PgConnection, cx: &Cx, entry: &Entry, ids: &[Uuid]) -> Result<Box<dyn Rows>> {
    let scope = cx.require(entry, Action::Read)?;
    Ok((entry.load)(conn, &select(cx, entry, scope, ids))?)
}

/// The same for more than a page of them, of a table that may be growing: with one look-up in the index each.
pub fn find_each(conn: &mut PgConnection, cx: &Cx, entry: &Entry, ids: Vec<Uuid>) -> Result<Box<dyn Rows>> {
    let scope = cx.require(entry, Action::Read)?;
    Ok((entry.load)(conn, &each(cx, entry, &entry.columns, scope, ids, ""))?)
}

/// The ids of those records that a scope covers, whatever rights the actor has.
pub(crate) fn covered(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    scope: RowScope,
    ids: Vec<Uuid>,
) -> Result<HashSet<Uuid>> {
    let out = each(cx, entry, "t.id", scope, ids, "");
    let found: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// A record that the actor may `action`, locked. One that may only be read is `FORBIDDEN`, any other not found.
pub fn lock(conn: &mut PgConnection, cx: &Cx, entry: &Entry, id: Uuid, action: Action) -> Result<Box<dyn Row>> {
    let scope = cx.require(entry, action)?;
    let mut statement = select(cx, entry, scope, &[id]);
    statement.sql(" FOR UPDATE OF t");
    match (entry.load)(conn, &statement)?.into_first() {
        Some(row) => Ok(row),
        None if scope == RowScope::All => Err(Error::not_found()),
        None => {
            get(conn, cx, entry, id).map_err(|_| Error::not_found())?;
            Err(outside(entry, action, scope))
        }
    }
}

/// A record that the actor sees and may not do this to.
pub(crate) fn outside(entry: &Entry, action: Action, scope: RowScope) -> Error {
    let detail = format!("Your right {}:{} covers {} records only.", entry.name, action.as_str(), scope.as_str());
    Error::new(&codes::FORBIDDEN, detail)
}

/// Those of many records that the actor may `action`, locked in the order of their ids, so that two who lock the same do
/// it in the same order.
pub fn lock_many(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    ids: Vec<Uuid>,
    action: Action,
) -> Result<Box<dyn Rows>> {
    let scope = cx.require(entry, action)?;
    Ok((entry.load)(conn, &each(cx, entry, &entry.columns, scope, ids, " FOR UPDATE OF t"))?)
}

/// Those of many ids whose records the actor may `action`.
pub(crate) fn within(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    ids: Vec<Uuid>,
    action: Action,
) -> Result<HashSet<Uuid>> {
    match cx.actor.grants.scope(entry.name, entry.administrative, action) {
        Some(scope) => covered(conn, cx, entry, scope, ids),
        None => Ok(HashSet::new()),
    }
}

/// An error that has the whole transaction run again.
pub(crate) fn again(why: &'static str) -> Error {
    Error::unavailable(DbError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(why.to_owned())))
}

/// The record that a part of it belongs to, locked until the end, so that two who write its parts add up: who writes a
/// part of it changes it, and needs the right to. None: a new part names what is not there, which the foreign key
/// refuses; what is there and out of sight was refused as a reference before.
pub fn lock_whole<R: Resource>(conn: &mut PgConnection, cx: &Cx, id: Uuid, new_part: bool) -> Result<Option<R>> {
    match lock(conn, cx, cx.entry(R::NAME)?, id, Action::Update) {
        Ok(row) => Ok(row.any().downcast_ref::<R>().cloned()),
        Err(error) if new_part && error.code.name == codes::NOT_FOUND.name => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the actor may see a record of that id.
pub fn exists(conn: &mut PgConnection, cx: &Cx, entry: &Entry, id: Uuid, action: Action) -> Result<bool> {
    let Some(scope) = cx.actor.grants.scope(entry.name, entry.administrative, action) else { return Ok(false) };
    let mut out = Statement::new("SELECT EXISTS (");
    out.append(select(cx, entry, scope, &[id])).sql(")");
    Ok(flag(conn, &out)?)
}

/// A statement that answers with one truth value.
fn flag(conn: &mut PgConnection, statement: &Statement) -> QueryResult<bool> {
    RunQueryDsl::get_result::<(bool,)>(statement.typed::<(st::Bool,)>(), conn).map(|(value,)| value)
}

/// Rows of a resource whatever the actor may see, for the rules of other rows: `tail` goes on after the tenant's
/// condition. They never reach an answer by themselves.
pub fn rows<R: Resource>(conn: &mut PgConnection, cx: &Cx, tail: impl FnOnce(&mut Statement)) -> Result<Vec<R>> {
    let entry = cx.entry(R::NAME)?;
    let mut out = Statement::new(entry.select);
    out.bind(Bind::Uuid(Some(cx.tenant)));
    tail(&mut out);
    Ok(R::load(conn, &out)?)
}

/// Such rows by many keys, with one look-up in an index for each of them, in the order of the keys: `column` is what they
/// are keys of, and `tail` goes on after the conditions.
pub fn rows_by<R: Resource>(
    conn: &mut PgConnection,
    cx: &Cx,
    column: &'static str,
    keys: Bind,
    tail: &'static str,
) -> Result<Vec<R>> {
    let entry = cx.entry(R::NAME)?;
    let statement = looked_up(cx, entry, &entry.columns, column, keys, |out| {
        out.sql(tail);
    });
    Ok(R::load(conn, &statement)?)
}

/// One such row.
pub fn find<R: Resource>(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<Option<R>> {
    let found = rows(conn, cx, |out| {
        out.sql(" AND t.id = ").bind(Bind::Uuid(Some(id)));
    });
    Ok(found?.into_iter().next())
}

/// Lets only one transaction of the tenant past this at a time for each `what`, until that transaction ends: for rules
/// that two writes, each fine by itself, could break together.
pub fn one_at_a_time(conn: &mut PgConnection, cx: &Cx, what: &str) -> Result<()> {
    let mut out = Statement::new("SELECT pg_advisory_xact_lock(hashtextextended(");
    out.bind(Bind::Text(Some(format!("{}|{what}", cx.tenant)))).sql(", 0))").execute(conn)?;
    Ok(())
}

/// A row as a table `t` of one row, so that filters can be asked about it before it is stored.
pub fn as_table(entry: &Entry, row: &dyn Row) -> Statement {
    let mut out = Statement::new("(SELECT ");
    let mut separator = "";
    for (index, field) in entry.fields.iter().enumerate() {
        let mut binds = Vec::new();
        row.binds(index, &mut binds);
        for (column, bind) in field.columns.iter().zip(binds) {
            out.sql(separator).bind(bind).sql(format!(" AS {column}"));
            separator = ", ";
        }
    }
    out.sql(") t");
    out
}

/// Stores a new row and returns it as the database has it.
pub fn insert(conn: &mut PgConnection, entry: &Entry, row: &dyn Row) -> Result<Box<dyn Row>> {
    let columns = entry.fields.iter().flat_map(|field| field.columns).copied().collect::<Vec<_>>().join(", ");
    let mut binds = Vec::new();
    (0..entry.fields.len()).for_each(|index| row.binds(index, &mut binds));
    let mut out = Statement::new(format!("INSERT INTO {} AS t ({columns}) VALUES (", entry.table));
    log::list(&mut out, binds);
    out.sql(format!(") RETURNING {}", entry.columns));
    first(conn, entry, &out)
}

/// Saves all columns of a row that had `version` when it was read.
pub fn save(conn: &mut PgConnection, entry: &Entry, row: &dyn Row, version: i32) -> Result<Box<dyn Row>> {
    let mut out = Statement::new(format!("UPDATE {} AS t SET ", entry.table));
    let mut separator = "";
    for (index, field) in entry.fields.iter().enumerate().filter(|(_, field)| !constant(field)) {
        let mut binds = Vec::new();
        row.binds(index, &mut binds);
        for (column, bind) in field.columns.iter().zip(binds) {
            out.sql(format!("{separator}{column} = ")).bind(bind);
            separator = ", ";
        }
    }
    let meta = row.meta();
    out.sql(" WHERE t.tenant_id = ").bind(Bind::Uuid(Some(meta.tenant_id)));
    out.sql(" AND t.id = ").bind(Bind::Uuid(Some(meta.id)));
    out.sql(" AND t.version = ").bind(Bind::Int(Some(version)));
    out.sql(format!(" RETURNING {}", entry.columns));
    first(conn, entry, &out)
}

fn constant(field: &Field) -> bool {
    matches!(field.column(), "id" | "tenant_id" | "created_at" | "created_by")
}

fn first(conn: &mut PgConnection, entry: &Entry, statement: &Statement) -> Result<Box<dyn Row>> {
    let rows = (entry.load)(conn, statement).map_err(|error| refused(entry, error))?;
    rows.into_first().ok_or_else(|| Error::internal(format!("a locked row of {} vanished", entry.table)))
}

/// Turns the refusal of a constraint into what the client did wrong. Constraints are named `<table>_<columns>_<kind>`.
pub(crate) fn refused(entry: &Entry, error: DbError) -> Error {
    let DbError::DatabaseError(kind, info) = &error else { return error.into() };
    let constraint = info.constraint_name().unwrap_or_default();
    let middle = constraint.strip_prefix(entry.table).and_then(|rest| rest.strip_prefix('_')).unwrap_or_default();
    let columns = middle.rsplit_once('_').map(|(columns, _)| columns).unwrap_or_default();
    // The last column named is the one that tells: the key itself after what it is unique within.
    let named = |field: &&Field| field.columns.iter().any(|column| columns.ends_with(column));
    let field = entry.fields.iter().filter(named).max_by_key(|field| field.column().len());
    let name = field.map(|field| field.name).unwrap_or("id");
    let mut violations = Violations::default();
    let at = format!("/{name}");
    match kind {
        DatabaseErrorKind::UniqueViolation => {
            violations.add(at, "DUPLICATE", format!("Another record of {} has this {name} already.", entry.name));
            let detail = format!("Another record of {} has this {name} already.", entry.name);
            Error { violations: violations.0, ..Error::new(&codes::DUPLICATE, detail) }
        }
        DatabaseErrorKind::ForeignKeyViolation => {
            violations.add(at, "UNKNOWN_REFERENCE", format!("{name} points to nothing that you can see."));
            violations.into()
        }
        DatabaseErrorKind::CheckViolation => {
            violations.add(at, "INVALID", format!("{name} is not valid together with the rest of the record."));
            violations.into()
        }
        _ => error.into(),
    }
}
