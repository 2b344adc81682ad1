//! The feed: every committed change of a tenant, in the order in which readers can be told of them without ever missing
//! one.
//!
//! A change stands at (transaction id, number). Numbers are drawn before commits, and transactions end in any order, so
//! neither alone says what has been seen. Readers are served only what lies below the horizon: no transaction with a
//! smaller id is still running, but for quiet ones, which add nothing, so nothing can appear before a place that was read.
//! The horizon, the changes and what is known about this database come from one statement, that is from one snapshot.

mod filter;
mod position;
mod prune;
mod view;

pub use filter::{Asked, fits};
pub use position::Position;
pub use prune::prune;
pub use view::{Presence, Told, looks_up, told, told_plainly};

use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Catalogue, Cx, Entry, Error, PrincipalKind, Result, Statement, codes};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Most changes of a page.
pub const MAX_PAGE: usize = 1_000;
/// Changes that are looked through for those of the types asked for, so that a page of a rare type ends in time. The
/// next page goes on behind them.
const LOOKED_THROUGH: usize = 5_000;

/// One committed change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it stands; a reader who has it goes on from here.
    pub position: Position,
    /// Names it for ever: the id of its row in the audit log.
    pub id: Uuid,
    /// Resource name: `accounts`.
    pub resource: String,
    /// The record.
    pub record_id: Uuid,
    /// The version that the change made.
    pub version: i32,
    /// What was done: `created`, `updated`, `archived`, `restored`, or the name of a business verb.
    pub operation: String,
    /// Fields that differ, by their API names.
    pub changed_fields: Vec<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// What kind of actor did it.
    pub actor_kind: PrincipalKind,
    /// User or API key; none for Kith itself.
    pub actor_id: Option<Uuid>,
    /// The record before, as answers show it; none when it was made.
    pub before: Option<Map<String, Value>>,
    /// The record after.
    pub after: Option<Map<String, Value>>,
}

impl Change {
    /// Its type: `account.updated`.
    pub fn kind(&self, catalogue: &Catalogue) -> String {
        let singular = catalogue.get(&self.resource).map_or(self.resource.as_str(), |entry| &entry.singular);
        format!("{singular}.{}", self.operation)
    }
}

/// A part of the feed.
#[derive(Clone, Debug)]
pub struct Page {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// Where to go on: behind the last change of the page, or, if it ends the feed, at the horizon.
    pub next: Position,
    /// There is more to be read at once.
    pub more: bool,
    /// Something is committed that cannot be served yet, because an older transaction is still running.
    pub held_back: bool,
}

type Head = (st::Uuid, st::Text, st::Text, st::Nullable<st::Text>, st::Nullable<st::BigInt>, st::Bool, st::BigInt);
type HeadRow = (Uuid, String, String, Option<String>, Option<i64>, bool, i64);
type Last = (st::Nullable<st::Text>, st::Nullable<st::BigInt>);
type LastRow = (Option<String>, Option<i64>);
type Body = (
    st::Nullable<st::Text>,
    st::Nullable<st::BigInt>,
    st::Nullable<st::Uuid>,
    st::Nullable<st::Text>,
    st::Nullable<st::Uuid>,
    st::Nullable<st::Integer>,
    st::Nullable<st::Text>,
    st::Nullable<st::Array<st::Text>>,
    st::Nullable<st::Timestamptz>,
    st::Nullable<st::Text>,
    st::Nullable<st::Uuid>,
    st::Nullable<st::Jsonb>,
    st::Nullable<st::Jsonb>,
);
type BodyRow = (
    Option<String>,
    Option<i64>,
    Option<Uuid>,
    Option<String>,
    Option<Uuid>,
    Option<i32>,
    Option<String>,
    Option<Vec<String>>,
    Option<DateTime<Utc>>,
    Option<String>,
    Option<Uuid>,
    Option<Value>,
    Option<Value>,
);

/// The part of the feed after a position, or from the oldest change that is kept: changes of these resources, or of all.
/// It asks for no right; whoever shows a page to somebody asks for theirs.
pub fn page(
    conn: &mut PgConnection,
    cx: &Cx,
    after: Option<&Position>,
    resources: Option<&[String]>,
    limit: usize,
) -> Result<Page> {
    let limit = limit.clamp(1, MAX_PAGE);
    let statement = statement(cx, after, resources, limit + 1);
    type Row = (HeadRow, LastRow, BodyRow);
    let rows: Vec<Row> = RunQueryDsl::load(statement.typed::<(Head, Last, Body)>(), conn)?;
    let broken = || Error::internal("the feed has no head");
    let ((epoch, low, high, floor_xid, floor_seq, held_back, looked), last, _) =
        rows.first().cloned().ok_or_else(broken)?;
    let place = |xid: &str, seq| Ok::<_, Error>(Position { epoch, xid: number(xid)?, seq });
    let horizon = place(&low, 0)?;
    let floor = floor_xid.zip(floor_seq).map(|(xid, seq)| place(&xid, seq)).transpose()?;
    if let Some(after) = after {
        still_good(after, floor.as_ref(), epoch, number(&high)?)?;
    }
    let read = |row: Row| -> Result<Option<Change>> { change(epoch, row.2) };
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        changes.extend(read(row)?);
    }
    let full = changes.len() > limit;
    changes.truncate(limit);
    // How far was looked without reaching the horizon, if not everything below it was looked at.
    let window = window(resources, limit + 1);
    let cut = usize::try_from(looked).unwrap_or(window) >= window;
    let next = match (full, changes.last(), last) {
        (true, Some(change), _) => change.position,
        (_, _, (Some(xid), Some(seq))) if cut => place(&xid, seq)?,
        _ => after.copied().map_or(horizon, |after| after.max(horizon)),
    };
    Ok(Page { changes, next, more: full || cut, held_back })
}

/// The place from which only later changes follow, and with them what is committed but held back at this moment: who
/// takes it, and then reads records, misses nothing.
pub fn head(conn: &mut PgConnection) -> Result<Position> {
    let sql = "SELECT epoch, kith_horizon()::text FROM instance";
    let (epoch, xid): (Uuid, String) =
        RunQueryDsl::get_result(Statement::new(sql).typed::<(st::Uuid, st::Text)>(), conn)?;
    Ok(Position { epoch, xid: number(&xid)?, seq: 0 })
}

/// The place before the oldest change that is kept.
pub fn oldest(conn: &mut PgConnection, cx: &Cx) -> Result<Position> {
    let mut out = Statement::new(
        "SELECT i.epoch, f.xid::text, f.seq FROM instance i LEFT JOIN change_log_floors f ON f.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant)));
    type Sql = (st::Uuid, st::Nullable<st::Text>, st::Nullable<st::BigInt>);
    let (epoch, xid, seq): (Uuid, Option<String>, Option<i64>) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
    let xid = xid.as_deref().map(number).transpose()?;
    Ok(Position { epoch, xid: xid.unwrap_or(0), seq: seq.unwrap_or(0) })
}

/// Refuses a position that the feed cannot go on from without a gap.
fn still_good(after: &Position, floor: Option<&Position>, epoch: Uuid, next_xid: u64) -> Result<()> {
    let gone = |why: &str| {
        let detail = format!(
            "{why} Take a new position (after=now), read the records once (GET /v1/<resource>, page by page, archived=any), and \
             follow the feed from that position."
        );
        Err(Error::new(&codes::CURSOR_EXPIRED, detail))
    };
    if after.epoch != epoch || after.xid > next_xid {
        return gone("The database was restored since this cursor was given, so it names no place in this feed.");
    }
    if floor.is_some_and(|floor| after < floor) {
        return gone("Changes after this cursor are no longer kept.");
    }
    Ok(())
}

/// How many changes are looked through for a page.
fn window(resources: Option<&[String]>, wanted: usize) -> usize {
    if resources.is_some() { LOOKED_THROUGH.max(wanted) } else { wanted }
}

fn statement(cx: &Cx, after: Option<&Position>, resources: Option<&[String]>, wanted: usize) -> Statement {
    let tenant = || Bind::Uuid(Some(cx.tenant));
    let most = |rows: usize| Bind::BigInt(i64::try_from(rows).ok());
    let after = after.map_or((0, 0), |after| (after.xid, after.seq));
    let mut out = Statement::new(
        "WITH h AS MATERIALIZED (SELECT kith_horizon() AS low, pg_snapshot_xmax(pg_current_snapshot()) AS high), \
         w AS MATERIALIZED (SELECT c.xid, c.seq, c.resource, c.record_id, c.version, c.operation, c.changed_fields, c.audit_id \
         FROM change_log c WHERE c.tenant_id = ",
    );
    out.bind(tenant()).sql(" AND (c.xid, c.seq) > (");
    out.bind(Bind::Text(Some(after.0.to_string()))).sql("::xid8, ").bind(Bind::BigInt(Some(after.1)));
    out.sql(") AND c.xid < (SELECT low FROM h) ORDER BY c.xid, c.seq LIMIT ").bind(most(window(resources, wanted)));
    out.sql(
        "), p AS (SELECT w.*, a.at, a.actor_kind, a.actor_id, a.before, a.after FROM w JOIN audit_log a ON a.tenant_id = ",
    );
    out.bind(tenant()).sql(" AND a.id = w.audit_id");
    if let Some(resources) = resources {
        out.sql(" WHERE w.resource = ANY(").bind(Bind::Texts(resources.to_vec())).sql(")");
    }
    out.sql(" ORDER BY w.xid, w.seq LIMIT ").bind(most(wanted));
    out.sql(
        ") SELECT i.epoch, h.low::text, h.high::text, f.xid::text, f.seq, \
         coalesce((SELECT c.xid FROM change_log c WHERE c.tenant_id = ",
    );
    out.bind(tenant());
    // The last one alone: asked whether any is held back, PostgreSQL would look at all of them.
    out.sql(
        " ORDER BY c.xid DESC, c.seq DESC LIMIT 1) >= h.low, false), (SELECT count(*) FROM w), l.xid::text, l.seq, \
         p.xid::text, p.seq, p.audit_id, p.resource, p.record_id, p.version, p.operation, p.changed_fields, p.at, p.actor_kind, p.actor_id, p.before, p.after \
         FROM h CROSS JOIN instance i LEFT JOIN change_log_floors f ON f.tenant_id = ",
    );
    out.bind(tenant());
    out.sql(
        " LEFT JOIN (SELECT w.xid, w.seq FROM w ORDER BY w.xid DESC, w.seq DESC LIMIT 1) l ON true LEFT JOIN p ON true \
         ORDER BY p.xid, p.seq",
    );
    out
}

fn number(xid: &str) -> Result<u64> {
    xid.parse().map_err(Error::internal)
}

/// A change out of its columns; none where the page is empty.
fn change(epoch: Uuid, row: BodyRow) -> Result<Option<Change>> {
    let (xid, seq, id, resource, record_id, version, operation, fields, at, kind, actor_id, before, after) = row;
    let Some(xid) = xid else { return Ok(None) };
    let missing = || Error::internal("a change without its columns");
    let object = |value: Option<Value>| if let Some(Value::Object(object)) = value { Some(object) } else { None };
    Ok(Some(Change {
        position: Position { epoch, xid: number(&xid)?, seq: seq.ok_or_else(missing)? },
        id: id.ok_or_else(missing)?,
        resource: resource.ok_or_else(missing)?,
        record_id: record_id.ok_or_else(missing)?,
        version: version.ok_or_else(missing)?,
        operation: operation.ok_or_else(missing)?,
        changed_fields: fields.ok_or_else(missing)?,
        at: at.ok_or_else(missing)?,
        actor_kind: kind.as_deref().and_then(PrincipalKind::from_text).ok_or_else(missing)?,
        actor_id,
        before: object(before),
        after: object(after),
    }))
}

/// A stored record in the order in which answers show its fields; what the resource no longer has is left out.
pub fn in_order(entry: &Entry, record: &Map<String, Value>) -> Map<String, Value> {
    let fields = entry.shown.iter().filter_map(|index| entry.fields.get(*index));
    fields.filter_map(|field| Some((field.name.to_owned(), record.get(field.name)?.clone()))).collect()
}
