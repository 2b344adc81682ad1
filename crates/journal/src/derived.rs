//! Rows that follow from other rows, such as scores: written a set at a time by whoever computes them. Nobody decided
//! them, so they leave nothing in the journal; what they follow from does.

use crate::bulk;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Column, Cx, Entry, Error, Field, Resource, Result, Row, Statement};
use std::collections::HashSet;
use uuid::Uuid;

/// Accounts that are computed together.
#[derive(Clone, Debug)]
pub enum Group {
    /// All with ids beyond the first of these, up to and with the second.
    Between(Uuid, Uuid),
    /// These.
    These(Vec<Uuid>),
}

impl Group {
    /// The condition that a column names one of them.
    pub fn limit(&self, out: &mut Statement, column: &str) {
        match self {
            Group::Between(after, last) => {
                out.sql(format!("{column} > ")).bind(Bind::Uuid(Some(*after)));
                out.sql(format!(" AND {column} <= ")).bind(Bind::Uuid(Some(*last)))
            }
            Group::These(ids) => out.sql(format!("{column} = ANY(")).bind(Bind::Uuids(ids.clone())).sql(")"),
        };
    }
}

/// Rows in one statement.
const AT_ONCE: usize = 5_000;

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// To their table, where everybody sees them.
    Readers,
    /// To the drafts of it, where nobody does until they are published. An id may be drafted once.
    Drafts,
}

impl To {
    /// Stores rows by their ids, as a run publishes them or somebody computes them alone: new ones are added, others get the
    /// new values, and those that have them already stay as they are, whatever the time of the row says. An archived one
    /// comes back. Drafts are only added. The number of rows that changed.
    pub fn put<R: Resource>(self, conn: &mut PgConnection, rows: &[R]) -> Result<usize> {
        let (table, conflict) = match self {
            To::Readers => (R::TABLE.to_owned(), unless_known(R::FIELDS)),
            To::Drafts => (format!("{}_drafts", R::TABLE), String::new()),
        };
        let names = names(R::FIELDS);
        let into = format!("INSERT INTO {table} AS t ({}) ", names.join(", "));
        let mut changed = 0;
        for some in rows.chunks(AT_ONCE) {
            let mut out = Statement::new(into.clone());
            bulk::unnest(&mut out, columns(some)?, names.iter().copied());
            changed += out.sql(conflict.clone()).execute(conn)?;
        }
        Ok(changed)
    }
}

/// Stores rows where everybody sees them, as [`To::put`] does.
pub fn put<R: Resource>(conn: &mut PgConnection, rows: &[R]) -> Result<usize> {
    To::Readers.put(conn, rows)
}

/// Stores what was drafted of a resource, as [`put`] would have. The drafts stay.
pub fn publish(conn: &mut PgConnection, cx: &Cx, entry: &Entry) -> Result<usize> {
    let (table, names) = (entry.table, names(entry.fields).join(", "));
    let mut out = Statement::new(format!(
        "INSERT INTO {table} AS t ({names}) SELECT {names} FROM {table}_drafts WHERE tenant_id = "
    ));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" ORDER BY id").sql(unless_known(entry.fields));
    Ok(out.execute(conn)?)
}

/// Takes drafts of a resource away: those of some ids, or else some thousands of all. How many.
pub fn discard(conn: &mut PgConnection, cx: &Cx, entry: &Entry, ids: Option<&[Uuid]>) -> Result<usize> {
    let mut out = Statement::new(format!("DELETE FROM {}_drafts WHERE tenant_id = ", entry.table));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ANY(");
    match ids {
        Some(ids) => out.bind(Bind::Uuids(ids.to_vec())),
        None => {
            out.sql(format!("ARRAY(SELECT id FROM {}_drafts WHERE tenant_id = ", entry.table));
            out.bind(Bind::Uuid(Some(cx.tenant))).sql(format!(" ORDER BY id LIMIT {AT_ONCE})"))
        }
    };
    Ok(out.sql(")").execute(conn)?)
}

/// Adds rows, but for those whose ids are known; which were added.
pub fn begin<R: Resource>(conn: &mut PgConnection, rows: &[R]) -> Result<HashSet<Uuid>> {
    let names = names(R::FIELDS);
    let mut begun = HashSet::new();
    for some in rows.chunks(AT_ONCE) {
        let mut out = Statement::new(format!("INSERT INTO {} ({}) ", R::TABLE, names.join(", ")));
        bulk::unnest(&mut out, columns(some)?, names.iter().copied());
        out.sql(" ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id");
        begun.extend(ids(conn, &out)?);
    }
    Ok(begun)
}

/// Saves rows that were read and have their next version, unless somebody else has changed them meanwhile; which were saved.
pub fn follow<R: Resource>(conn: &mut PgConnection, cx: &Cx, rows: &[R]) -> Result<HashSet<Uuid>> {
    let erased: Vec<&dyn Row> = rows.iter().map(bulk::erased).collect();
    let mut saved = HashSet::new();
    for (_, mut out) in bulk::replacing(cx, cx.entry(R::NAME)?, &erased) {
        saved.extend(ids(conn, out.sql(" RETURNING t.id"))?);
    }
    Ok(saved)
}

fn ids(conn: &mut PgConnection, out: &Statement) -> Result<impl Iterator<Item = Uuid> + use<>> {
    let rows: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(rows.into_iter().map(|(id,)| id))
}

fn names(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().flat_map(|field| field.columns).copied().collect()
}

/// What to do with a row whose id is known.
fn unless_known(fields: &[Field]) -> String {
    // The id and the tenant are the key; when and by whom it was made stays; the version counts.
    let kept = ["id", "tenant_id", "version", "created_at", "created_by"];
    let moving = ["updated_at", "updated_by"];
    let set: Vec<_> = names(fields).into_iter().filter(|name| !kept.contains(name)).collect();
    let told: Vec<_> = set.iter().filter(|name| !moving.contains(name)).collect();
    let list = |of: &str| told.iter().map(|name| format!("{of}.{name}")).collect::<Vec<_>>().join(", ");
    let new: Vec<_> = set.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        " ON CONFLICT (tenant_id, id) DO UPDATE SET version = t.version + 1, {} WHERE ({}) IS DISTINCT FROM ({})",
        new.join(", "),
        list("t"),
        list("excluded")
    )
}

/// What the rows have in each column.
fn columns<R: Resource>(rows: &[R]) -> Result<Vec<Column>> {
    let mut all: Vec<Column> = Vec::new();
    let mut binds = Vec::new();
    for row in rows {
        (0..R::FIELDS.len()).for_each(|index| Row::binds(row, index, &mut binds));
        for (at, bind) in binds.drain(..).enumerate() {
            let fits = match all.get_mut(at) {
                Some(column) => column.push(bind),
                None => Column::of(bind, rows.len()).map(|column| all.push(column)).is_some(),
            };
            if !fits {
                return Err(Error::internal(format!("a column of {} has values of several types", R::TABLE)));
            }
        }
    }
    all.iter_mut().for_each(Column::trim);
    Ok(all)
}

/// The id of what is kept of an account for a day: the same however often the day is computed.
pub fn of_day(account: Uuid, day: NaiveDate) -> Uuid {
    let number = u128::try_from((day - NaiveDate::default()).num_days()).unwrap_or(0);
    uuid::Builder::from_u128(account.as_u128() ^ number).with_version(uuid::Version::Custom).into_uuid()
}

/// Notes that the facts of accounts changed, so that what follows from them is computed again.
pub fn touch(conn: &mut PgConnection, cx: &Cx, accounts: &[Uuid]) -> Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let mut out = Statement::new("INSERT INTO customer_touches (tenant_id, id, account_id, touched_at) SELECT ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql("::uuid, u.id, u.account_id, ").bind(Bind::Time(Some(cx.now)));
    out.sql("::timestamptz FROM unnest(").bind(Bind::Uuids(accounts.iter().map(|_| cx.new_id()).collect()));
    out.sql(", ").bind(Bind::Uuids(accounts.to_vec())).sql(") AS u(id, account_id)");
    out.execute(conn)?;
    crate::wake::at(conn, cx, cx.now)
}
