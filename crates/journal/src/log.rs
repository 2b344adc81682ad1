//! What a write leaves behind: who did what to which record, with before and after, and its place in the feed.

use crate::bulk::FEW;
use diesel::PgConnection;
use kith_kernel::{Bind, Column, Cx, Entry, Result, Row, Statement};
use serde_json::{Map, Value};

/// What happened to a record. Business verbs name themselves.
pub type Operation = &'static str;
/// A record was made.
pub const CREATED: Operation = "created";
/// Fields changed.
pub const UPDATED: Operation = "updated";
/// It was archived.
pub const ARCHIVED: Operation = "archived";
/// It came back.
pub const RESTORED: Operation = "restored";

/// The fields that every change touches; naming them says nothing.
const SILENT: [&str; 4] = ["version", "updatedAt", "updatedBy", "createdBy"];

/// All fields of a row as a JSON object, in the order of answers.
pub fn snapshot(entry: &Entry, row: &dyn Row) -> Value {
    let mut object = Map::new();
    for (index, field) in entry.shown.iter().filter_map(|index| Some((*index, entry.fields.get(*index)?))) {
        object.insert(field.name.to_owned(), field_value(row, index));
    }
    Value::Object(object)
}

/// One field of a row as JSON.
pub fn field_value(row: &dyn Row, index: usize) -> Value {
    let mut text = Vec::new();
    row.write_field(index, &mut text);
    serde_json::from_slice(&text).unwrap_or_default()
}

/// The names of the fields in which two rows differ, without those that every change touches.
pub fn changed(entry: &Entry, before: &dyn Row, after: &dyn Row) -> Vec<String> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let differs = |index: &usize| {
        old.clear();
        new.clear();
        before.write_field(*index, &mut old);
        after.write_field(*index, &mut new);
        old != new
    };
    let fields = entry.shown.iter().copied().filter(differs).filter_map(|index| entry.fields.get(index));
    fields.map(|field| field.name.to_owned()).filter(|name| !SILENT.contains(&name.as_str())).collect()
}

/// Most rows of one statement.
const PORTION: usize = 1_000;

/// What was done to a record, to be journalled.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    /// Its resource.
    pub entry: &'a Entry,
    /// What.
    pub operation: Operation,
    /// As it was; none: it is new.
    pub before: Option<&'a dyn Row>,
    /// As it is.
    pub after: &'a dyn Row,
}

/// Writes the audit row and the change-log row, in one statement.
pub fn record(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    operation: Operation,
    before: Option<&dyn Row>,
    after: &dyn Row,
) -> Result<()> {
    written(cx, &[Written { entry, operation, before, after }]).execute(conn)?;
    Ok(())
}

/// The same for many rows of any resources, in their order, in a few statements.
pub fn record_many<'a>(conn: &mut PgConnection, cx: &Cx, rows: impl Iterator<Item = Written<'a>>) -> Result<()> {
    let rows: Vec<_> = rows.collect();
    for some in rows.chunks(PORTION) {
        if some.len() > FEW { many(conn, cx, some)? } else { written(cx, some).execute(conn).map(drop)? }
    }
    Ok(())
}

/// A snapshot as text.
fn snapshot_text(entry: &Entry, row: &dyn Row) -> String {
    let mut out = Vec::with_capacity(64 * entry.shown.len());
    for (at, (index, key)) in entry.shown.iter().zip(&entry.keys).enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        out.extend_from_slice(key);
        row.write_field(*index, &mut out);
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

/// Writes the journal of many rows from arrays: a statement whose text is always the same.
fn many(conn: &mut PgConnection, cx: &Cx, rows: &[Written<'_>]) -> Result<()> {
    let text = |text: &str| Some(text.to_owned());
    // Names of fields hold no commas; an array of arrays cannot be taken apart.
    let fields = |row: &Written<'_>| row.before.map(|before| changed(row.entry, before, row.after).join(","));
    let snapshot_before = |row: &Written<'_>| row.before.map(|before| snapshot_text(row.entry, before));
    let mut columns = [
        Column::Uuid(rows.iter().map(|_| Some(cx.new_id())).collect()),
        Column::Text(rows.iter().map(|row| text(row.entry.name)).collect()),
        Column::Uuid(rows.iter().map(|row| Some(row.after.meta().id)).collect()),
        Column::Int(rows.iter().map(|row| Some(row.after.meta().version)).collect()),
        Column::Text(rows.iter().map(|row| text(row.operation)).collect()),
        Column::Text(rows.iter().map(fields).collect()),
        Column::Text(rows.iter().map(snapshot_before).collect()),
        Column::Text(rows.iter().map(|row| Some(snapshot_text(row.entry, row.after))).collect()),
    ];
    columns.iter_mut().for_each(Column::trim);
    let shared = [
        Bind::Uuid(Some(cx.tenant)),
        Bind::Time(Some(cx.now)),
        Bind::Text(text(cx.actor.kind.as_str())),
        Bind::Uuid(cx.actor.principal()),
        Bind::Uuid(cx.origin.request_id),
        Bind::Text(text(cx.origin.channel)),
        Bind::Text(cx.origin.address.map(|address| address.to_string())),
    ];
    let mut out = Statement::new(
        "WITH audit AS (INSERT INTO audit_log (tenant_id, at, actor_kind, actor_id, request_id, channel, address, id, \
         resource, record_id, version, operation, changed_fields, before, after) SELECT ",
    );
    list(&mut out, shared);
    out.sql(
        ", r.id, r.resource, r.record_id, r.version, r.operation, coalesce(string_to_array(r.fields, ','), '{}'), \
         r.before::jsonb, r.after::jsonb FROM (",
    );
    let names = ["id", "resource", "record_id", "version", "operation", "fields", "before", "after"];
    crate::bulk::unnest(&mut out, columns, names);
    out.sql(
        ") AS r RETURNING tenant_id, id, resource, record_id, version, operation, changed_fields) \
         INSERT INTO change_log (tenant_id, audit_id, resource, record_id, version, operation, changed_fields) \
         SELECT * FROM audit",
    );
    out.execute(conn)?;
    Ok(())
}

/// The statement that writes both rows for each record.
fn written(cx: &Cx, rows: &[Written<'_>]) -> Statement {
    let mut out = Statement::new(
        "WITH audit AS (INSERT INTO audit_log (tenant_id, id, at, actor_kind, actor_id, request_id, channel, address, \
         resource, record_id, version, operation, changed_fields, before, after) VALUES ",
    );
    let mut changes = Statement::default();
    for (at, Written { entry, operation, before, after }) in rows.iter().copied().enumerate() {
        let fields = before.map(|before| changed(entry, before, after)).unwrap_or_default();
        let audit_id = cx.new_id();
        let meta = after.meta();
        let separator = if at == 0 { "(" } else { ", (" };
        let audit = [
            Bind::Uuid(Some(cx.tenant)),
            Bind::Uuid(Some(audit_id)),
            Bind::Time(Some(cx.now)),
            Bind::Text(Some(cx.actor.kind.as_str().to_owned())),
            Bind::Uuid(cx.actor.principal()),
            Bind::Uuid(cx.origin.request_id),
            Bind::Text(Some(cx.origin.channel.to_owned())),
            Bind::Text(cx.origin.address.map(|address| address.to_string())),
            Bind::Text(Some(entry.name.to_owned())),
            Bind::Uuid(Some(meta.id)),
            Bind::Int(Some(meta.version)),
            Bind::Text(Some(operation.to_owned())),
            Bind::Texts(fields.clone()),
            Bind::Json(before.map(|row| (&snapshot(entry, row)).into())),
            Bind::Json(Some((&snapshot(entry, after)).into())),
        ];
        out.sql(separator);
        list(&mut out, audit);
        out.sql(")");
        let change = [
            Bind::Uuid(Some(cx.tenant)),
            Bind::Text(Some(entry.name.to_owned())),
            Bind::Uuid(Some(meta.id)),
            Bind::Int(Some(meta.version)),
            Bind::Text(Some(operation.to_owned())),
            Bind::Texts(fields),
            Bind::Uuid(Some(audit_id)),
        ];
        changes.sql(separator);
        list(&mut changes, change);
        changes.sql(")");
    }
    out.sql(
        ") INSERT INTO change_log (tenant_id, resource, record_id, version, operation, changed_fields, audit_id) VALUES ",
    );
    out.append(changes);
    out
}

/// Values with commas between them.
pub(crate) fn list(out: &mut Statement, values: impl IntoIterator<Item = Bind>) {
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            out.sql(", ");
        }
        out.bind(value);
    }
}
