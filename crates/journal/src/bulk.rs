//! Many rows of one resource at once, each with its journal row, in a handful of statements: for what follows from another
//! write or from the passing of time. No rights are asked, and no rules of the resource run: who calls this has made rows
//! that keep them.

use crate::log::{self, Operation};
use diesel::PgConnection;
use kith_kernel::{Bind, Cx, Entry, Resource, Result, Row, Statement};

/// Rows of one statement; PostgreSQL takes 65,535 values.
const CHUNK: usize = 500;
/// A statement for so few rows comes again with the same text.
const FEW: usize = 4;

/// Stores new rows.
pub fn insert<R: Resource>(conn: &mut PgConnection, cx: &Cx, rows: &[R]) -> Result<()> {
    let entry = cx.entry(R::NAME)?;
    for chunk in rows.chunks(CHUNK) {
        let mut out = Statement::new(format!("INSERT INTO {} ({}) VALUES ", entry.table, columns(entry)));
        values(&mut out, entry, chunk.iter());
        prepared(out, chunk.len()).execute(conn)?;
        let written: Vec<_> = chunk.iter().map(|row| (None, erased(row))).collect();
        record(conn, cx, entry, log::CREATED, &written)?;
    }
    Ok(())
}

/// Saves rows that are locked: each as it was and as it is to be. Those that did not change are left out; the others get
/// their next version.
pub fn save<R: Resource>(conn: &mut PgConnection, cx: &Cx, operation: Operation, rows: &mut [(R, R)]) -> Result<()> {
    let entry = cx.entry(R::NAME)?;
    let mut changed: Vec<&mut (R, R)> =
        rows.iter_mut().filter(|(before, after)| !log::changed(entry, before, after).is_empty()).collect();
    for (before, after) in changed.iter_mut().map(|pair| (&pair.0, &mut pair.1)) {
        let version = before.meta().version.saturating_add(1);
        let meta = after.meta_mut();
        (meta.version, meta.updated_at, meta.updated_by) = (version, cx.now, cx.actor.principal());
    }
    let names: Vec<_> = entry.fields.iter().flat_map(|field| field.columns).copied().collect();
    let fixed = ["id", "tenant_id", "created_at", "created_by"];
    let sets: Vec<_> =
        names.iter().filter(|name| !fixed.contains(name)).map(|name| format!("{name} = v.{name}")).collect();
    for chunk in changed.chunks(CHUNK) {
        let mut out = Statement::new(format!("UPDATE {} AS t SET {} FROM (VALUES ", entry.table, sets.join(", ")));
        values(&mut out, entry, chunk.iter().map(|pair| &pair.1));
        out.sql(format!(
            ") AS v ({}) WHERE t.tenant_id = v.tenant_id AND t.id = v.id AND t.tenant_id = ",
            names.join(", ")
        ));
        out.bind(Bind::Uuid(Some(cx.tenant)));
        prepared(out, chunk.len()).execute(conn)?;
        let written: Vec<_> = chunk.iter().map(|pair| (Some(erased(&pair.0)), erased(&pair.1))).collect();
        record(conn, cx, entry, operation, &written)?;
    }
    Ok(())
}

fn erased<R: Resource>(row: &R) -> &dyn Row {
    row
}

fn columns(entry: &Entry) -> String {
    entry.fields.iter().flat_map(|field| field.columns).copied().collect::<Vec<_>>().join(", ")
}

/// `(…), (…)`: all columns of each row, in the order of the fields.
fn values<'a, R: Resource>(out: &mut Statement, entry: &Entry, rows: impl Iterator<Item = &'a R>) {
    for (at, row) in rows.enumerate() {
        let mut binds = Vec::new();
        (0..entry.fields.len()).for_each(|index| erased(row).binds(index, &mut binds));
        tuple(out, at, binds);
    }
}

fn tuple(out: &mut Statement, at: usize, binds: impl IntoIterator<Item = Bind>) {
    out.sql(if at == 0 { "(" } else { ", (" });
    log::list(out, binds);
    out.sql(")");
}

/// The text of a statement depends on how many rows it holds; only that of few is worth keeping.
fn prepared(mut out: Statement, rows: usize) -> Statement {
    if rows > FEW {
        out.once();
    }
    out
}

/// The audit rows and the change-log rows of a chunk.
fn record(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    operation: Operation,
    rows: &[(Option<&dyn Row>, &dyn Row)],
) -> Result<()> {
    let (mut audit, mut change) = (Statement::default(), Statement::default());
    for (at, (before, after)) in rows.iter().enumerate() {
        let [left, right] = log::journal(cx, entry, operation, *before, *after);
        tuple(&mut audit, at, left);
        tuple(&mut change, at, right);
    }
    let mut out = Statement::new(format!("WITH audit AS (INSERT INTO audit_log ({}) VALUES ", log::AUDIT));
    out.append(audit).sql(format!(") INSERT INTO change_log ({}) VALUES ", log::CHANGE)).append(change);
    prepared(out, rows.len()).execute(conn)?;
    Ok(())
}
