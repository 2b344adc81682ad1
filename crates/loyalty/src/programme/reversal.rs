//! How an entry is undone: by another one, once. Entries themselves are never locked, as nobody can change them; their member
//! is.

use super::book::Cause;
use super::entry::{PointEntry, PointPosting, PointSource};
use super::verbs::{moving, with_book};
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::PointEntryId;
use kith_kernel::{Action, Bind, Command, Cx, Error, Result, Row, RowScope, Shape, codes};
use kith_macros::input;
use uuid::Uuid;

fn may_reverse(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(PointEntry::NAME)?, Action::Update).map(drop)
}

/// The verbs of entries.
pub(crate) fn commands() -> Vec<Command> {
    let doc = "Undoes an EARN, REDEEM or ADJUST, once. Points that were spent go back to where they came from; points that were earned are taken back, and if the member has spent too many of them it is refused with INSUFFICIENT_POINTS. What a redemption spent comes back by cancelling that. It needs the right point-entries:UPDATE.";
    vec![Command::new("reverse", doc, may_reverse, reverse).keyed()]
}

/// Why it is undone.
#[input]
pub struct Reverse {
    /// Why.
    #[field(max = 2_000, example = "\"The order came back\"")]
    pub reason: String,
}

fn reverse(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Reverse) -> Result<Box<dyn Row>> {
    let entry = cx.entry(PointEntry::NAME)?;
    let scope = cx.require(entry, Action::Update)?;
    let found = store::get(conn, &cx.as_system(), entry, id)?;
    if scope != RowScope::All && !store::exists(conn, cx, entry, id, Action::Update)? {
        return Err(Error::not_found());
    }
    let Some(original) = found.any().downcast_ref::<PointEntry>() else { return Err(Error::internal("not an entry")) };
    if seen.is_some_and(|seen| seen != original.meta.version) {
        return Err(Error::new(&codes::VERSION_CONFLICT, "An entry is at version 1, always."));
    }
    if original.source == Some(PointSource::Redemption) {
        return Err(Error::illegal("A redemption spent these points: cancel that.", &["redemptions/cancel"]));
    }
    if input.reason.trim().is_empty() {
        return Err(Error::invalid("/reason", "REQUIRED", "A reversal says why."));
    }
    undo(conn, cx, original, Some(input.reason))?;
    Ok(found)
}

/// Undoes an entry, once.
pub(crate) fn undo(conn: &mut PgConnection, cx: &Cx, entry: &PointEntry, reason: Option<String>) -> Result<()> {
    let system = cx.as_system();
    let postings: Vec<PointPosting> = store::rows(conn, cx, |out| {
        out.sql(" AND t.entry_id = ").bind(Bind::Uuid(Some(entry.meta.id))).sql(" ORDER BY t.id");
    })?;
    let lots: Vec<_> = postings.iter().filter_map(|posting| posting.lot_id.map(|lot| lot.0)).collect();
    moving(conn, &system, entry.membership_id.0, None, "reversed", |conn, member, program| {
        if reversal(conn, cx, entry.id())? {
            return Err(Error::illegal("This was reversed already.", &[]));
        }
        let cause = Cause { occurred_at: cx.now, reason, source: entry.source, ..Cause::default() };
        with_book(conn, &system, member, program, &lots, |book| book.reverse(entry, &postings, &cause))
    })
    .map(drop)
}

/// Whether an entry was reversed.
fn reversal(conn: &mut PgConnection, cx: &Cx, id: PointEntryId) -> Result<bool> {
    let found: Vec<PointEntry> = store::rows(conn, cx, |out| {
        out.sql(" AND t.reverses_id = ").bind(Bind::Uuid(Some(id.0)));
    })?;
    Ok(!found.is_empty())
}
