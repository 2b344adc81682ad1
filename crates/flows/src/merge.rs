//! Two records of the same company or person become one: whatever points to the one points to the other then, its keys
//! in other systems included, and the one is archived and says where it went. Which tables those are follows from the
//! catalogue. Rows that are computed stay where they are: they are computed again.

use diesel::{Connection, PgConnection};
use kith_commerce::days;
use kith_contacts::account::{AccountStatus, ImportanceClass};
use kith_contacts::{Account, Contact};
use kith_journal::{bulk, log, store, verbs};
use kith_kernel::ids::{AccountId, ContactId};
use kith_kernel::{
    Access, Action, Bind, Command, Cx, Entry, Error, Kind, META_FIELDS, Resource, Result, Row, Statement, Verb, codes,
};
use kith_macros::input;
use serde_json::json;
use uuid::Uuid;

/// What happens to a record that becomes part of another.
const MERGED: log::Operation = "merged";
/// What happens to a record that hung on it.
const MOVED: log::Operation = "moved";
/// Rows that are moved at once.
const AT_ONCE: i64 = 1_000;

/// Which account becomes part of this one.
#[input]
pub struct MergeAccount {
    /// The account that becomes part of this one. It is archived, with this one's id as its `mergedIntoId`.
    pub from_id: AccountId,
}

/// Which contact becomes part of this one.
#[input]
pub struct MergeContact {
    /// The contact that becomes part of this one. It is archived, with this one's id as its `mergedIntoId`.
    pub from_id: ContactId,
}

const DOC: &str = "Makes another record part of this one: whatever belongs to the other belongs to this one afterwards, \
                   its keys in other systems included, and what this one does not say is taken over from it. What \
                   would be there twice then (the same tag, the same role) is archived instead. The other one stays \
                   readable, archived. It cannot be undone.";

/// The verb `merge` of accounts.
pub fn accounts() -> Command {
    Command::new("merge", DOC, may::<Account>, |conn, cx, id, seen, input: MergeAccount| {
        let (into, from) = (AccountId(id), input.from_id);
        // Nobody moves a branch of the tree meanwhile.
        store::one_at_a_time(conn, cx, "accounts|tree")?;
        let below = Account::is_below(conn, cx, into, from)?;
        let away = |gone: &mut Account| {
            gone.status = AccountStatus::Merged;
            gone.merged_into_id = Some(into);
        };
        let row = merge(conn, cx, (id, from.0), seen, away, |kept: &mut Account, gone: &Account| {
            if below {
                kept.parent_id = gone.parent_id;
            }
            // What somebody said of its importance goes together.
            if kept.importance_class == ImportanceClass::Ordinary {
                kept.importance_class = gone.importance_class;
                kept.importance_until = gone.importance_until;
                kept.importance_reason = gone.importance_reason.clone();
            }
        })?;
        days::touch(conn, cx, [into.0, from.0])?;
        Ok(row)
    })
}

/// The verb `merge` of contacts.
pub fn contacts() -> Command {
    Command::new("merge", DOC, may::<Contact>, |conn, cx, id, seen, input: MergeContact| {
        let away = |gone: &mut Contact| gone.merged_into_id = Some(ContactId(id));
        merge(conn, cx, (id, input.from_id.0), seen, away, |kept: &mut Contact, gone: &Contact| {
            if kept.reports_to_id == Some(input.from_id) {
                kept.reports_to_id = gone.reports_to_id.filter(|boss| boss.0 != id);
            }
        })
    })
}

fn may<R: Resource>(cx: &Cx) -> Result<()> {
    let entry = cx.entry(R::NAME)?;
    cx.require(entry, Action::Update)?;
    cx.require(entry, Action::Archive).map(drop)
}

/// Makes `from` part of `into`. `away` marks the one that goes; `above` settles where the one that stays hangs, if it hung
/// on the other.
fn merge<R: Resource>(
    conn: &mut PgConnection,
    cx: &Cx,
    (into, from): (Uuid, Uuid),
    seen: Option<i32>,
    away: impl FnOnce(&mut R),
    above: impl FnOnce(&mut R, &R),
) -> Result<Box<dyn Row>> {
    cx.require_version(seen)?;
    let entry = cx.entry(R::NAME)?;
    let gone = both::<R>(conn, cx, entry, (into, from))?;
    for target in cx.catalogue.entries() {
        for index in pointers(entry, target) {
            move_all(conn, cx, (entry, target, index), (into, from))?;
        }
    }
    // First of all it makes room: two that are there may not have the same registration number.
    verbs::change::<R>(conn, cx, from, Some(gone.meta().version), MERGED, |_, row| {
        row.meta_mut().archived_at = Some(cx.now);
        away(row);
        Ok(())
    })?;
    let seen = seen.or(current::<R>(conn, cx, into)?);
    verbs::change::<R>(conn, cx, into, seen, log::UPDATED, |_, row| {
        fill(entry, row, &gone);
        above(row, &gone);
        Ok(())
    })
}

/// Locks both, in an order that all keep to; the one that is to go.
fn both<R: Resource>(conn: &mut PgConnection, cx: &Cx, entry: &Entry, (into, from): (Uuid, Uuid)) -> Result<R> {
    let first = if into <= from { Some(store::lock(conn, cx, entry, into, Action::Update)?) } else { None };
    let gone = store::lock(conn, cx, entry, from, Action::Archive);
    let kept = first.map_or_else(|| store::lock(conn, cx, entry, into, Action::Update), Ok)?;
    if kept.meta().archived_at.is_some() {
        return Err(verbs::archived(entry, into));
    }
    if into == from {
        return Err(Error::invalid("/fromId", "CYCLE", "A record cannot become part of itself."));
    }
    let gone = gone.map_err(|error| match error.code.name {
        name if name == codes::NOT_FOUND.name => {
            Error::invalid("/fromId", "UNKNOWN_REFERENCE", "fromId points to nothing that you can see.")
        }
        _ => error,
    })?;
    if gone.meta().archived_at.is_some() {
        return Err(Error::invalid(
            "/fromId",
            "ARCHIVED",
            "The record that is to become part of this one is archived.",
        ));
    }
    gone.any().downcast_ref::<R>().cloned().ok_or_else(|| Error::internal("a row of another resource"))
}

/// The version of a record that is locked.
fn current<R: Resource>(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<Option<i32>> {
    Ok(store::find::<R>(conn, cx, id)?.map(|row| row.meta().version))
}

/// What the one that stays does not say is taken over, except where it hangs.
fn fill<R: Resource>(entry: &Entry, kept: &mut R, gone: &R) {
    for (index, field) in entry.fields.iter().enumerate().skip(META_FIELDS.len()) {
        let hangs = matches!(field.kind, Kind::Id(Some(to)) if to == entry.name);
        let open = field.access == Access::Write && field.nullable && !hangs;
        if open && log::field_value(kept, index).is_null() {
            // It was good where it comes from.
            Row::set(kept, index, &log::field_value(gone, index)).ok();
        }
    }
}

/// The fields of a resource that may point to a record of another, if its rows are written by somebody and not computed.
fn pointers(entry: &Entry, target: &Entry) -> Vec<usize> {
    if !(target.offers(Verb::Create) || target.offers(Verb::Update)) {
        return Vec::new();
    }
    let about = entry.relations.iter().any(|to| to.target == target.name && to.theirs == "subject_id");
    let subject = about.then(|| target.field_of_column("subject_id")).flatten();
    target.references(entry.name).chain(subject).collect()
}

/// Lets every record that points to `from` in a field point to `into`.
fn move_all(
    conn: &mut PgConnection,
    cx: &Cx,
    (entry, target, index): (&Entry, &Entry, usize),
    (into, from): (Uuid, Uuid),
) -> Result<()> {
    let Some(field) = target.fields.get(index) else { return Ok(()) };
    let mut last = Uuid::nil();
    loop {
        let mut out = Statement::new(target.select);
        out.bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(format!(" AND t.{} = ", field.column())).bind(Bind::Uuid(Some(from)));
        if field.column() == "subject_id" {
            out.sql(" AND t.subject_type = ").bind(Bind::Text(Some(entry.subject.clone())));
        }
        out.sql(" AND t.id > ").bind(Bind::Uuid(Some(last))).sql(" ORDER BY t.id LIMIT ");
        out.bind(Bind::BigInt(Some(AT_ONCE))).sql(" FOR UPDATE OF t");
        let rows = (target.load)(conn, &out)?;
        let all: Vec<&dyn Row> = (0..rows.len()).filter_map(|at| rows.row(at)).collect();
        let Some(end) = all.last() else { return Ok(()) };
        last = end.meta().id;
        // The one that stays is no part of itself.
        let all: Vec<&dyn Row> = all.into_iter().filter(|row| row.meta().id != into).collect();
        match conn.transaction(|conn| move_some(conn, cx, (target, index), &all, into)) {
            Err(error) if error.code.name == codes::DUPLICATE.name => {
                for row in all {
                    move_one(conn, cx, (target, index), row, into)?;
                }
            }
            moved => moved?,
        }
    }
}

fn move_some(
    conn: &mut PgConnection,
    cx: &Cx,
    (target, index): (&Entry, usize),
    rows: &[&dyn Row],
    into: Uuid,
) -> Result<()> {
    let mut moved: Vec<Box<dyn Row>> = rows.iter().map(|row| row.copy()).collect();
    for row in &mut moved {
        row.set(index, &json!(into)).map_err(Error::internal)?;
    }
    let moved = moved.iter_mut().map(|row| -> &mut dyn Row { row.as_mut() });
    let pairs = rows.iter().copied().zip(moved).collect();
    bulk::save_erased(conn, cx, target, MOVED, pairs).map(drop)
}

/// One whose like is there already is archived instead, if it can be: points, for one, cannot.
fn move_one(
    conn: &mut PgConnection,
    cx: &Cx,
    (target, index): (&Entry, usize),
    row: &dyn Row,
    into: Uuid,
) -> Result<()> {
    match conn.transaction(|conn| move_some(conn, cx, (target, index), &[row], into)) {
        Err(error) if error.code.name == codes::DUPLICATE.name && row.meta().archived_at.is_none() => {
            if !target.offers(Verb::Archive) {
                let detail =
                    format!("Both have a record of {} where there can be one only; join those first.", target.name);
                return Err(Error::new(&codes::CONFLICT, detail));
            }
            let mut shelved = row.copy();
            shelved.meta_mut().archived_at = Some(cx.now);
            bulk::save_erased(conn, cx, target, log::ARCHIVED, vec![(row, shelved.as_mut())]).map(drop)
        }
        moved => moved,
    }
}
