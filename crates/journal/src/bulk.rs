//! Many rows of one resource at once: whoever knows what they shall be writes them, and what was done to them, in a few
//! statements. Rights, references and rules are the caller's.

use crate::log::{self, Operation, Written};
use diesel::PgConnection;
use kith_kernel::{Bind, Column, Cx, Entry, Error, Resource, Result, Row, Statement};

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

/// Many rows column by column, each column an array: the statement's text does not depend on how many they are, so that
/// it stays prepared, and there is one value a column to send. None: a column is no scalar.
fn arrays(rows: &[&dyn Row], indices: &[usize]) -> Option<Vec<Column>> {
    let mut all: Vec<Column> = Vec::new();
    let mut binds = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        indices.iter().for_each(|index| row.binds(*index, &mut binds));
        if number == 0 {
            all = binds.drain(..).map(|bind| Column::of(bind, rows.len())).collect::<Option<_>>()?;
        } else {
            let fits = all.iter_mut().zip(binds.drain(..)).all(|(column, bind)| column.push(bind));
            fits.then_some(())?;
        }
    }
    all.iter_mut().for_each(Column::trim);
    Some(all)
}

/// `SELECT unnest($1) AS a, unnest($2) AS b, …`: rows out of arrays. Side by side in a select list they are read value by
/// value; `FROM unnest($1, $2, …)` would first write each of them to a store of its own. An array that is shorter than
/// the others goes on as null.
pub(crate) fn unnest<'a>(
    out: &mut Statement,
    columns: impl IntoIterator<Item = Column>,
    names: impl IntoIterator<Item = &'a str>,
) {
    let mut separator = "SELECT unnest(";
    for (column, name) in columns.into_iter().zip(names) {
        out.sql(separator).bind(Bind::Column(column)).sql(format!(") AS {name}"));
        separator = ", unnest(";
    }
}

/// The statements that save rows which have their next version, where it follows the one that is stored; each with its rows.
pub(crate) fn replacing<'a>(
    cx: &'a Cx,
    entry: &'a Entry,
    rows: &'a [&'a dyn Row],
) -> impl Iterator<Item = (&'a [&'a dyn Row], Statement)> {
    let indices = changing(entry);
    let columns = columns_of(entry, &indices);
    let set: Vec<_> = columns.iter().filter(|name| **name != "id").map(|name| format!("{name} = v.{name}")).collect();
    let (text, names) = (format!("UPDATE {} AS t SET {} FROM (", entry.table, set.join(", ")), columns.join(", "));
    rows.chunks(portion(columns.len())).map(move |some| {
        let mut out = Statement::new(text.clone());
        rows_of(&mut out, &indices, &columns, some);
        // Planned each time, for the size that the table has by now.
        once(&mut out, some.len());
        out.sql(format!(") AS v({names}) WHERE t.tenant_id = "));
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND t.id = v.id AND t.version = v.version - 1");
        (some, out)
    })
}

/// The fields of an entry that change, and the id by which a row is found.
fn changing(entry: &Entry) -> Vec<usize> {
    const CONSTANT: [&str; 3] = ["tenant_id", "created_at", "created_by"];
    let constant = |index: &usize| entry.fields.get(*index).is_some_and(|field| CONSTANT.contains(&field.column()));
    (0..entry.fields.len()).filter(|index| !constant(index)).collect()
}

fn columns_of(entry: &Entry, indices: &[usize]) -> Vec<&'static str> {
    indices.iter().filter_map(|index| entry.fields.get(*index)).flat_map(|field| field.columns).copied().collect()
}

/// `(…), (…)`: all columns of some rows.
fn values(out: &mut Statement, indices: &[usize], rows: &[&dyn Row]) {
    for (at, row) in rows.iter().enumerate() {
        let mut binds = Vec::new();
        indices.iter().for_each(|index| row.binds(*index, &mut binds));
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
    store(conn, entry, rows)?;
    log::record_many(
        conn,
        cx,
        rows.iter().map(|row| Written { entry, operation: log::CREATED, before: None, after: *row }),
    )
}

/// Stores new rows, whose journal is the caller's.
pub(crate) fn store(conn: &mut PgConnection, entry: &Entry, rows: &[&dyn Row]) -> Result<()> {
    let indices: Vec<usize> = (0..entry.fields.len()).collect();
    let columns = columns_of(entry, &indices);
    for some in rows.chunks(portion(columns.len())) {
        let mut out = Statement::new(format!("INSERT INTO {} ({}) ", entry.table, columns.join(", ")));
        rows_of(&mut out, &indices, &columns, some);
        out.execute(conn).map_err(|error| crate::store::refused(entry, error))?;
    }
    Ok(())
}

/// Some rows: as values where they are few, else as arrays.
fn rows_of(out: &mut Statement, indices: &[usize], columns: &[&'static str], rows: &[&dyn Row]) {
    match arrays(rows, indices).filter(|_| rows.len() > FEW) {
        Some(arrays) => unnest(out, arrays, columns.iter().copied()),
        None => {
            out.sql("VALUES ");
            values(out, indices, rows);
            once(out, rows.len());
        }
    }
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
    changes.iter_mut().for_each(|(before, after)| touch(cx, *before, &mut **after));
    let all: Vec<&dyn Row> = changes.iter().map(|(_, after)| &**after).collect();
    replace(conn, cx, entry, &all)?;
    let written =
        changes.iter().map(|(before, after)| Written { entry, operation, before: Some(*before), after: &**after });
    log::record_many(conn, cx, written)?;
    Ok(changes.len())
}

/// The next version of a row.
pub(crate) fn touch(cx: &Cx, before: &dyn Row, after: &mut dyn Row) {
    let meta = after.meta_mut();
    meta.version = before.meta().version.saturating_add(1);
    meta.updated_at = cx.now;
    meta.updated_by = cx.actor.principal();
}

/// Saves rows that are locked and have their next version, whose journal is the caller's.
pub(crate) fn replace(conn: &mut PgConnection, cx: &Cx, entry: &Entry, rows: &[&dyn Row]) -> Result<()> {
    for (some, out) in replacing(cx, entry, rows) {
        let saved = out.execute(conn).map_err(|error| crate::store::refused(entry, error))?;
        if saved != some.len() {
            return Err(Error::internal(format!(
                "{saved} of {} locked rows of {} were saved",
                some.len(),
                entry.table
            )));
        }
    }
    Ok(())
}
