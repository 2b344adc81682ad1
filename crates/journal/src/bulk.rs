//! Many rows of one resource at once: whoever knows what they shall be writes them, and what was done to them, in a few
//! statements. Rights, references and rules are the caller's.

use crate::log::{self, Operation};
use diesel::PgConnection;
use kith_kernel::{Bind, Cx, Entry, Error, Resource, Result, Row, Statement};

/// PostgreSQL takes 65,535 values a statement.
const MAX_BINDS: usize = 60_000;

/// A change to one row of many.
#[derive(Clone, Debug)]
pub struct Change<R> {
    /// As it was read.
    pub before: R,
    /// As it shall be; its version and who changed it are set on the way.
    pub after: R,
}

/// How many rows of `columns` values fit into a statement.
fn portion(columns: usize) -> usize {
    (MAX_BINDS / columns.max(1)).clamp(1, 1_000)
}

fn columns(entry: &Entry) -> Vec<&'static str> {
    entry.fields.iter().flat_map(|field| field.columns).copied().collect()
}

/// `(…), (…)`: all columns of some rows.
fn values(out: &mut Statement, entry: &Entry, rows: &[&dyn Row]) {
    for (at, row) in rows.iter().enumerate() {
        let mut binds = Vec::new();
        (0..entry.fields.len()).for_each(|index| row.binds(index, &mut binds));
        out.sql(if at == 0 { "(" } else { ", (" });
        log::list(out, binds);
        out.sql(")");
    }
}

/// A statement of so few rows comes again with the same text, so that it is worth keeping prepared.
pub(crate) const FEW: usize = 4;

/// Its text depends on how many rows it is of.
pub(crate) fn once(out: &mut Statement, rows: usize) {
    if rows > FEW {
        out.once();
    }
}

/// Stores new rows of one type with their journal.
pub fn insert_all<R: Resource>(conn: &mut PgConnection, cx: &Cx, rows: &[R]) -> Result<()> {
    let erased: Vec<&dyn Row> = rows.iter().map(erased).collect();
    insert(conn, cx, cx.entry(R::NAME)?, &erased)
}

/// A row whose type does not matter.
pub fn erased<R: Resource>(row: &R) -> &dyn Row {
    row
}

fn erased_mut<R: Resource>(row: &mut R) -> &mut dyn Row {
    row
}

/// Stores new rows with their journal.
pub fn insert(conn: &mut PgConnection, cx: &Cx, entry: &Entry, rows: &[&dyn Row]) -> Result<()> {
    let columns = columns(entry);
    for some in rows.chunks(portion(columns.len())) {
        let mut out = Statement::new(format!("INSERT INTO {} ({}) VALUES ", entry.table, columns.join(", ")));
        values(&mut out, entry, some);
        once(&mut out, some.len());
        out.execute(conn).map_err(|error| crate::store::refused(entry, error))?;
    }
    log::record_many(conn, cx, entry, log::CREATED, rows.iter().map(|row| (None, *row)))
}

/// Saves those of many rows that differ from what they were, with their journal; how many there were.
pub fn save<R: Resource>(
    conn: &mut PgConnection,
    cx: &Cx,
    operation: Operation,
    mut changes: Vec<Change<R>>,
) -> Result<usize> {
    let pairs = changes.iter_mut().map(|one| (erased(&one.before), erased_mut(&mut one.after))).collect();
    save_erased(conn, cx, cx.entry(R::NAME)?, operation, pairs)
}

/// The same for rows of whatever type: each as it was read, and as it shall be.
pub fn save_erased(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    operation: Operation,
    mut changes: Vec<(&dyn Row, &mut dyn Row)>,
) -> Result<usize> {
    changes.retain(|(before, after)| !log::changed(entry, *before, &**after).is_empty());
    for (before, after) in &mut changes {
        let meta = after.meta_mut();
        meta.version = before.meta().version.saturating_add(1);
        meta.updated_at = cx.now;
        meta.updated_by = cx.actor.principal();
    }
    let columns = columns(entry);
    let constant = ["id", "tenant_id", "created_at", "created_by"];
    let set: Vec<_> =
        columns.iter().filter(|name| !constant.contains(name)).map(|name| format!("{name} = v.{name}")).collect();
    let all: Vec<&dyn Row> = changes.iter().map(|(_, after)| &**after).collect();
    for some in all.chunks(portion(columns.len())) {
        let mut out = Statement::new(format!("UPDATE {} AS t SET {} FROM (VALUES ", entry.table, set.join(", ")));
        values(&mut out, entry, some);
        out.sql(format!(") AS v({}) WHERE t.tenant_id = ", columns.join(", ")));
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND t.id = v.id AND t.version = v.version - 1");
        once(&mut out, some.len());
        let saved = out.execute(conn).map_err(|error| crate::store::refused(entry, error))?;
        if saved != some.len() {
            return Err(Error::internal(format!(
                "{saved} of {} locked rows of {} were saved",
                some.len(),
                entry.table
            )));
        }
    }
    let rows = changes.iter().map(|(before, after)| (Some(*before), &**after));
    log::record_many(conn, cx, entry, operation, rows)?;
    Ok(changes.len())
}
