//! Reads a list or a record with everything that was selected of it: one statement for the rows, one for each
//! relation of each level, all on one connection, then JSON text straight from the rows.

use crate::{store, write};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{
    Count, Cx, EdgeItem, Entry, Item, Link, ListArgs, ListItem, ListSelect, PageItem, Plan, Relation, Result, Row,
    Rows, Selection, Statement,
};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// Related rows, ready to be written.
pub(crate) enum Child<'a> {
    /// Not a relation.
    None,
    /// Position by id, and the rows with what is selected of them.
    One {
        ours: usize,
        guard: Option<(usize, String)>,
        at: HashMap<Uuid, usize>,
        rows: Box<dyn Rows>,
        children: Vec<Child<'a>>,
    },
    /// Pages by the parent's id.
    Many { pages: HashMap<Uuid, View>, list: List<'a> },
}

/// Rows of one list, or of the lists of many parents.
pub(crate) struct List<'a> {
    pub plan: Plan<'a>,
    pub rows: Box<dyn Rows>,
    /// For each item of the selection of the list: the children of its rows, those of each node of an edge in turn.
    pub children: Vec<Vec<Child<'a>>>,
}

/// Which rows of a [`List`] make one page.
#[derive(Default)]
pub(crate) struct View {
    pub rows: Vec<usize>,
    pub more: bool,
    pub total: Option<i64>,
}

/// Answers a list.
pub fn list(conn: &mut PgConnection, cx: &Cx, args: &ListArgs, select: &ListSelect) -> Result<Vec<u8>> {
    let mut plan = Plan::new(cx, select.entry, args, None)?;
    let mut rows: Option<Box<dyn Rows>> = None;
    for segment in plan.segments() {
        let wanted = (plan.limit + 1).saturating_sub(rows.as_ref().map_or(0, |rows| rows.len()));
        if wanted == 0 {
            break;
        }
        let more = (select.entry.load)(conn, &plan.rows(segment, wanted)?)?;
        match rows.as_mut() {
            Some(rows) => rows.extend(more),
            None => rows = Some(more),
        }
    }
    let mut rows = rows.ok_or_else(|| kith_kernel::Error::internal("a list without segments"))?;
    let more = rows.len() > plan.limit;
    rows.truncate(plan.limit);
    if plan.backward() {
        rows.reverse();
    }
    let counted = if args.count == Count::None && wants_total(select) { Count::Exact } else { args.count };
    let total = match counted {
        Count::None => None,
        Count::Exact => Some(RunQueryDsl::get_result::<(i64,)>(plan.count().typed::<(st::BigInt,)>(), conn)?.0),
        Count::Estimated => estimate(conn, &plan.estimate())?,
    };
    let view = View { rows: (0..rows.len()).collect(), more, total };
    remember(conn, cx, &mut plan, rows.as_ref())?;
    let children = list_children(conn, cx, rows.as_ref(), select)?;
    let mut out = Vec::with_capacity(256 + rows.len() * 512);
    write::page(&mut out, &List { plan, rows, children }, &view, select);
    Ok(out)
}

/// Reads what is kept of the records of a page and sorted by, one statement each, so that cursors can name it. They are
/// read also when no cursor follows: the number of statements must not depend on the data.
fn remember(conn: &mut PgConnection, cx: &Cx, plan: &mut Plan<'_>, rows: &dyn Rows) -> Result<()> {
    let ids: Vec<Uuid> = (0..rows.len()).filter_map(|at| rows.row(at)).map(|row| row.meta().id).collect();
    for (at, target) in plan.kept().into_iter().enumerate() {
        plan.remember(at, store::find_many(conn, cx, target, &ids)?.as_ref());
    }
    Ok(())
}

/// GraphQL's `totalCount` asks by being selected.
fn wants_total(select: &ListSelect) -> bool {
    select.items.iter().any(|item| matches!(item, ListItem::Total(_)))
}

fn estimate(conn: &mut PgConnection, statement: &Statement) -> Result<Option<i64>> {
    let (plan,): (Value,) = RunQueryDsl::get_result(statement.typed::<(st::Json,)>(), conn)?;
    Ok(plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_i64))
}

/// Answers one record that the actor may read.
pub fn get(conn: &mut PgConnection, cx: &Cx, id: Uuid, select: &Selection) -> Result<(Vec<u8>, i32)> {
    let row = store::get(conn, cx, select.entry, id)?;
    Ok((render(conn, cx, row.as_ref(), select)?, row.meta().version))
}

/// Answers a record that is already there, as after a write.
pub fn render(conn: &mut PgConnection, cx: &Cx, row: &dyn Row, select: &Selection) -> Result<Vec<u8>> {
    let children = children(conn, cx, &[row], select)?;
    let mut out = Vec::with_capacity(1024);
    write::row(&mut out, row, select, &children);
    Ok(out)
}

/// Whether anything but fields is selected.
pub(crate) fn has_relations(select: &Selection) -> bool {
    select.items.iter().any(|item| matches!(item, Item::One { .. } | Item::Many { .. }))
}

fn list_children<'a>(
    conn: &mut PgConnection,
    cx: &'a Cx,
    rows: &dyn Rows,
    select: &'a ListSelect,
) -> Result<Vec<Vec<Child<'a>>>> {
    let mut all = Vec::with_capacity(select.items.len());
    for item in &select.items {
        let selections: Vec<&Selection> = match item {
            ListItem::Nodes(_, selection) => vec![selection],
            ListItem::Edges(_, items) => items.iter().filter_map(EdgeItem::selection).collect(),
            _ => Vec::new(),
        };
        let mut found = Vec::new();
        for selection in selections.into_iter().filter(|selection| has_relations(selection)) {
            let rows: Vec<&dyn Row> = (0..rows.len()).filter_map(|at| rows.row(at)).collect();
            found.append(&mut children(conn, cx, &rows, selection)?);
        }
        all.push(found);
    }
    Ok(all)
}

/// Loads the relations selected of some rows, one statement each, and theirs in turn.
pub(crate) fn children<'a>(
    conn: &mut PgConnection,
    cx: &'a Cx,
    rows: &[&dyn Row],
    select: &'a Selection,
) -> Result<Vec<Child<'a>>> {
    if !has_relations(select) {
        return Ok(Vec::new());
    }
    let mut all = Vec::with_capacity(select.items.len());
    for item in &select.items {
        all.push(match item {
            Item::One { relation, select: inner, .. } => one(conn, cx, rows, select.entry, relation, inner)?,
            Item::Many { relation, args, list, .. } => many(conn, cx, rows, relation, args, list)?,
            Item::Field { .. } | Item::Money { .. } | Item::Constant { .. } => Child::None,
        });
    }
    Ok(all)
}

fn one<'a>(
    conn: &mut PgConnection,
    cx: &'a Cx,
    rows: &[&dyn Row],
    entry: &Entry,
    relation: &'a Relation,
    select: &'a Selection,
) -> Result<Child<'a>> {
    debug_assert_eq!(relation.link, Link::One);
    let ours = entry.field_of_column(relation.ours).unwrap_or_default();
    let guard =
        relation.ours_is.and_then(|(column, value)| Some((entry.field_of_column(column)?, format!("\"{value}\""))));
    let mut ids: Vec<Uuid> =
        rows.iter().filter(|row| guarded(**row, guard.as_ref())).filter_map(|row| row.uuid(ours)).collect();
    ids.sort_unstable();
    ids.dedup();
    cx.require(select.entry, kith_kernel::Action::Read)?;
    // Also with no ids: the number of statements must not depend on the data, and an empty one costs next to nothing.
    let rows = store::find_many(conn, cx, select.entry, &ids)?;
    let found: Vec<&dyn Row> = (0..rows.len()).filter_map(|at| rows.row(at)).collect();
    let at = found.iter().enumerate().map(|(at, row)| (row.meta().id, at)).collect();
    let children = children(conn, cx, &found, select)?;
    Ok(Child::One { ours, guard, at, rows, children })
}

/// Whether a row's discriminating column has the value that a relation asks for.
pub(crate) fn guarded(row: &dyn Row, guard: Option<&(usize, String)>) -> bool {
    guard.is_none_or(|(index, value)| {
        let mut text = Vec::new();
        row.write_field(*index, &mut text);
        text == value.as_bytes()
    })
}

fn many<'a>(
    conn: &mut PgConnection,
    cx: &'a Cx,
    rows: &[&dyn Row],
    relation: &'a Relation,
    args: &'a ListArgs,
    list: &'a ListSelect,
) -> Result<Child<'a>> {
    let mut plan = Plan::new(cx, list.entry, args, Some(relation))?;
    let mut parents: Vec<Uuid> = rows.iter().map(|row| row.meta().id).collect();
    parents.sort_unstable();
    parents.dedup();
    let theirs = list.entry.field_of_column(relation.theirs).unwrap_or_default();
    let found = (list.entry.load)(conn, &plan.rows_of(relation, parents.clone(), plan.limit + 1)?)?;
    let mut pages: HashMap<Uuid, View> = parents.iter().map(|id| (*id, View::default())).collect();
    for at in 0..found.len() {
        let parent = found.row(at).and_then(|row| row.uuid(theirs)).and_then(|id| pages.get_mut(&id));
        if let Some(view) = parent {
            view.rows.push(at);
        }
    }
    for view in pages.values_mut() {
        view.more = view.rows.len() > plan.limit;
        view.rows.truncate(plan.limit);
        if plan.backward() {
            view.rows.reverse();
        }
    }
    if wants_total(list) || wants_page_total(list) {
        let counts: Vec<(Uuid, i64)> =
            RunQueryDsl::load(plan.count_of(relation, parents).typed::<(st::Uuid, st::BigInt)>(), conn)?;
        pages.values_mut().for_each(|view| view.total = Some(0));
        for (parent, count) in counts {
            if let Some(view) = pages.get_mut(&parent) {
                view.total = Some(count);
            }
        }
    }
    remember(conn, cx, &mut plan, found.as_ref())?;
    let children = list_children(conn, cx, found.as_ref(), list)?;
    Ok(Child::Many { pages, list: List { plan, rows: found, children } })
}

fn wants_page_total(list: &ListSelect) -> bool {
    list.items
        .iter()
        .any(|item| matches!(item, ListItem::Page(_, items) if items.iter().any(|(_, item)| *item == PageItem::Total)))
}
