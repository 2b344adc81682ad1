//! All records of a resource that the actor may see, page by page in the order of their ids. An id never changes, so no
//! record that is there from beginning to end is missed, whatever happens meanwhile; what happens stands in the feed.

use crate::external::EXTERNAL_IDS;
use crate::store;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Entry, ListArgs, MAX_LIMIT, Plan, Result, Row, Rows, Segment};
use std::collections::HashMap;
use uuid::Uuid;

/// A part of an export.
pub struct Page {
    /// The records.
    pub rows: Box<dyn Rows>,
    /// Where the next page begins; none: there is no more.
    pub next: Option<String>,
    /// Keys in another system by record, if they were asked for.
    pub keys: HashMap<Uuid, String>,
}

/// The page at `args.cursor`. `system` is the one whose keys are asked for.
pub fn page(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &'static Entry,
    args: &ListArgs,
    system: Option<&str>,
) -> Result<Page> {
    let args = ListArgs { sort: vec!["id".to_owned()], limit: MAX_LIMIT, ..args.clone() };
    let plan = Plan::new(cx, entry, &args, None)?;
    let mut rows = (entry.load)(conn, &plan.rows(Segment::Whole, MAX_LIMIT + 1)?)?;
    let more = rows.len() > MAX_LIMIT;
    rows.truncate(MAX_LIMIT);
    let last = rows.row(rows.len().saturating_sub(1)).filter(|_| more);
    let next = last.map(|row| plan.cursor_at(row, false));
    let keys = system.map(|system| keys(conn, cx, entry, system, rows.as_ref())).transpose()?.unwrap_or_default();
    Ok(Page { rows, next, keys })
}

fn keys(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    system: &str,
    rows: &dyn Rows,
) -> Result<HashMap<Uuid, String>> {
    let ids: Vec<Uuid> = (0..rows.len()).filter_map(|at| rows.row(at)).map(|row: &dyn Row| row.meta().id).collect();
    let links = cx.entry(EXTERNAL_IDS)?;
    let mut out = store::looked_up(cx, links, "t.subject_id, t.external_id", "subject_id", Bind::Uuids(ids), |out| {
        out.sql(" AND t.subject_type = ").bind(Bind::Text(Some(entry.subject.clone()))).sql(" AND t.system = ");
        out.bind(Bind::Text(Some(system.to_owned()))).sql(" AND t.archived_at IS NULL");
    });
    out.sql(" ORDER BY t.subject_id, t.external_id DESC");
    // Of several keys in one system the first in their order.
    let found = RunQueryDsl::load::<(Uuid, String)>(out.typed::<(st::Uuid, st::Text)>(), conn)?;
    Ok(found.into_iter().collect())
}
