//! Records that follow from a rule, many at once: stored and journalled as [`crate::verbs::follow`] does with one, in a few
//! statements however many they are.

use crate::log;
use diesel::PgConnection;
use kith_kernel::{Bind, Cx, Resource, Result, Row, Statement};

/// Rows of one statement: a statement takes at most 65,535 values.
const ROWS: usize = 500;

/// Stores new rows as they are, and journals them. It asks for no right and checks nothing: they are not from outside.
pub fn follow<R: Resource>(conn: &mut PgConnection, cx: &Cx, rows: &[R]) -> Result<()> {
    let entry = cx.entry(R::NAME)?;
    let columns = entry.fields.iter().flat_map(|field| field.columns).copied().collect::<Vec<_>>().join(", ");
    for rows in rows.chunks(ROWS) {
        let mut out = Statement::new(format!("INSERT INTO {} ({columns}) VALUES ", entry.table));
        for (at, row) in rows.iter().enumerate() {
            let mut binds = Vec::new();
            (0..entry.fields.len()).for_each(|index| Row::binds(row, index, &mut binds));
            out.sql(if at == 0 { "(" } else { ", (" });
            log::list(&mut out, binds);
            out.sql(")");
        }
        // Only full statements are worth keeping.
        if rows.len() < ROWS {
            out.once();
        }
        out.execute(conn)?;
        journal(conn, cx, rows)?;
    }
    Ok(())
}

/// The audit rows and the change-log rows of new records.
fn journal<R: Resource>(conn: &mut PgConnection, cx: &Cx, rows: &[R]) -> Result<()> {
    let entry = cx.entry(R::NAME)?;
    let mut out = Statement::new("WITH made AS (SELECT * FROM unnest(");
    out.bind(Bind::Uuids(rows.iter().map(|_| cx.new_id()).collect())).sql("::uuid[], ");
    out.bind(Bind::Uuids(rows.iter().map(|row| Row::meta(row).id).collect())).sql("::uuid[], ");
    out.bind(Bind::Texts(rows.iter().map(|row| log::snapshot(entry, row).to_string()).collect()));
    out.sql("::text[]) AS made(audit_id, id, row)), audit AS (INSERT INTO audit_log (tenant_id, id, at, actor_kind, actor_id, request_id, channel, address, resource, record_id, version, operation, changed_fields, before, after) SELECT ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", audit_id, ").bind(Bind::Time(Some(cx.now))).sql("::timestamptz, ");
    out.bind(Bind::Text(Some(cx.actor.kind.as_str().to_owned()))).sql(", ").bind(Bind::Uuid(cx.actor.principal()));
    out.sql("::uuid, ").bind(Bind::Uuid(cx.origin.request_id)).sql("::uuid, ");
    out.bind(Bind::Text(Some(cx.origin.channel.to_owned()))).sql(", ");
    out.bind(Bind::Text(cx.origin.address.map(|address| address.to_string()))).sql("::text, ");
    out.bind(Bind::Text(Some(entry.name.to_owned()))).sql(", id, 1, ");
    out.bind(Bind::Text(Some(log::CREATED.to_owned()))).sql(", '{}', NULL, row::jsonb FROM made) ");
    out.sql(
        "INSERT INTO change_log (tenant_id, resource, record_id, version, operation, changed_fields, audit_id) SELECT ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Text(Some(entry.name.to_owned()))).sql(", id, 1, ");
    out.bind(Bind::Text(Some(log::CREATED.to_owned()))).sql(", '{}', audit_id FROM made");
    out.execute(conn)?;
    Ok(())
}
