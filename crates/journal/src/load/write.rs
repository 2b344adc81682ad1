//! Writes rows as a set: all new ones, all changed ones, their external ids and their journal. A set that the database
//! refuses is halved until the row is found that it refuses, so that one bad row costs only itself.

use super::round::Draft;
use super::{Item, Mode, Outcome, alone, keys, of_the_row};
use crate::log::Written;
use crate::{bulk, log, store};
use diesel::{Connection, PgConnection};
use kith_kernel::{Action, Cx, Entry, Result, Row, RowScope};

type Asked<'a> = (Mode, &'a mut [Item]);

/// Writes all of them, and notes what came of each.
pub(super) fn all(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    asked: Asked<'_>,
    mut drafts: Vec<Draft<'_>>,
    outcomes: &mut [Option<Outcome>],
) -> Result<()> {
    for draft in &mut drafts {
        if let Some(before) = draft.before {
            bulk::touch(cx, before, draft.row.as_mut());
        }
    }
    halved(conn, cx, entry, asked, &drafts, outcomes)
}

fn halved(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    asked: Asked<'_>,
    drafts: &[Draft<'_>],
    outcomes: &mut [Option<Outcome>],
) -> Result<()> {
    let Some(first) = drafts.first() else { return Ok(()) };
    let error = match conn.transaction(|conn| together(conn, cx, entry, drafts)) {
        Ok(()) => {
            for draft in drafts {
                let id = draft.row.meta().id;
                let outcome = if draft.before.is_some() { Outcome::Updated(id) } else { Outcome::Created(id) };
                note(outcomes, draft.at, outcome);
            }
            return Ok(());
        }
        Err(error) if of_the_row(&error) => error,
        Err(error) => return Err(error),
    };
    if drafts.len() > 1 {
        let ((mode, items), (left, right)) = (asked, drafts.split_at(drafts.len() / 2));
        halved(conn, cx, entry, (mode, items), left, outcomes)?;
        return halved(conn, cx, entry, (mode, items), right, outcomes);
    }
    let (mode, items) = asked;
    let outcome = match items.get_mut(first.at).filter(|_| first.link.is_some()) {
        // Its key may have been taken since it was looked up, and then there is a record to be updated.
        Some(item) => alone(conn, cx, entry, mode, item)?,
        None => Outcome::Failed(error),
    };
    note(outcomes, first.at, outcome);
    Ok(())
}

fn note(outcomes: &mut [Option<Outcome>], at: usize, outcome: Outcome) {
    if let Some(place) = outcomes.get_mut(at) {
        *place = Some(outcome);
    }
}

fn together(conn: &mut PgConnection, cx: &Cx, entry: &Entry, drafts: &[Draft<'_>]) -> Result<()> {
    let new: Vec<&dyn Row> =
        drafts.iter().filter(|draft| draft.before.is_none()).map(|draft| draft.row.as_ref()).collect();
    let changed: Vec<&dyn Row> =
        drafts.iter().filter(|draft| draft.before.is_some()).map(|draft| draft.row.as_ref()).collect();
    let linked: Vec<&dyn Row> = drafts.iter().filter_map(|draft| draft.link.as_deref()).collect();
    let links = keys::links(cx)?;
    if !new.is_empty() {
        bulk::store(conn, entry, &new)?;
        within(conn, cx, entry, &new, Action::Create)?;
    }
    if !linked.is_empty() {
        bulk::store(conn, links, &linked)?;
    }
    if !changed.is_empty() {
        bulk::replace(conn, cx, entry, &changed)?;
        within(conn, cx, entry, &changed, Action::Update)?;
    }
    let written = drafts.iter().flat_map(|draft| {
        let operation = if draft.before.is_some() { log::UPDATED } else { log::CREATED };
        let record = Written { entry, operation, before: draft.before, after: draft.row.as_ref() };
        let link = draft.link.as_deref();
        let link = link.map(|after| Written { entry: links, operation: log::CREATED, before: None, after });
        std::iter::once(record).chain(link)
    });
    log::record_many(conn, cx, written)
}

/// Nobody may make records, or move them, to where they could not have written them.
fn within(conn: &mut PgConnection, cx: &Cx, entry: &Entry, rows: &[&dyn Row], action: Action) -> Result<()> {
    let scope = cx.require(entry, action)?;
    if scope == RowScope::All || entry.ownership.is_none() {
        return Ok(());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.meta().id).collect();
    let inside = store::within(conn, cx, entry, ids, action)?;
    if inside.len() == rows.len() { Ok(()) } else { Err(store::outside(entry, action, scope)) }
}
