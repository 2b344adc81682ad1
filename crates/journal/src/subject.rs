//! What a row is about where its subject may be of any resource: there is no foreign key to look after it.

use crate::store;
use diesel::PgConnection;
use kith_kernel::{Action, Cx, Error, Result, SubjectType};
use uuid::Uuid;

/// Refuses a subject that is not there or not visible.
pub fn require(conn: &mut PgConnection, cx: &Cx, subject_type: SubjectType, id: Uuid) -> Result<()> {
    let target = cx.catalogue.by_subject(subject_type.as_str());
    let known = target.map(|target| store::exists(conn, cx, target, id, Action::Read)).transpose()?.unwrap_or(false);
    if known {
        Ok(())
    } else {
        Err(Error::invalid("/subjectId", "UNKNOWN_REFERENCE", "subjectId points to nothing that you can see."))
    }
}

/// The record of resource `to` that a subject is, or points to, and that the actor can see; none if it points to
/// several.
pub fn leads_to(
    conn: &mut PgConnection,
    cx: &Cx,
    (subject_type, id): (SubjectType, Uuid),
    to: &str,
) -> Result<Option<Uuid>> {
    let Some(from) = cx.catalogue.by_subject(subject_type.as_str()) else { return Ok(None) };
    if from.name == to {
        return Ok(Some(id));
    }
    let mut columns = from.references(to);
    let (Some(index), None) = (columns.next(), columns.next()) else { return Ok(None) };
    let Some(found) = store::get(conn, cx, from, id)?.uuid(index) else { return Ok(None) };
    Ok(store::exists(conn, cx, cx.entry(to)?, found, Action::Read)?.then_some(found))
}
