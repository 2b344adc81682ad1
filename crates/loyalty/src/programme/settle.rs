//! What falls due by itself: pending points are released, old ones expire, tiers whose hold is over are reviewed. Each call
//! takes the next members for whom something is due, locks them, and does it for all of them at once; whom somebody else
//! has locked it leaves out, so that any number of processes share the work, and twice is as good as once.

use super::book::{Book, Written};
use super::levels;
use super::lot::PointLot;
use super::member::LoyaltyMembership;
use super::program::LoyaltyProgram;
use diesel::PgConnection;
use kith_journal::{
    bulk::{self, Change},
    store,
};
use kith_kernel::ids::LoyaltyProgramId;
use kith_kernel::{Bind, Cx, Result};
use std::collections::HashMap;
use uuid::Uuid;

/// Members of one call.
const MEMBERS: usize = 200;

/// Releases the pending points that are due at `cx.now`, of at most 200 members of the tenant. Says of how many; 0: none is
/// left that nobody else works on.
pub fn release_due(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    batch(conn, cx, None, RELEASE, |book| book.release().map(drop))
}

/// Expires the points that are due at `cx.now`, in the same way. What is due to be released is to be released before.
pub fn expire_due(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    batch(conn, cx, None, EXPIRE, |book| book.expire().map(drop))
}

/// Reviews the tiers whose hold is over at `cx.now`, in the same way.
pub fn review_tiers(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    review(conn, cx, None)
}

/// All that is due in one programme.
pub(crate) fn program(conn: &mut PgConnection, cx: &Cx, program: LoyaltyProgramId) -> Result<()> {
    while batch(conn, cx, Some(program), RELEASE, |book| book.release().map(drop))? > 0 {}
    while batch(conn, cx, Some(program), EXPIRE, |book| book.expire().map(drop))? > 0 {}
    while review(conn, cx, Some(program))? > 0 {}
    Ok(())
}

const RELEASE: &str = "l.pending > 0 AND l.available_at <= ";
const EXPIRE: &str = "l.available > 0 AND l.expires_at <= ";

/// The next members for whom something is due, locked; the time of the request stands between the parts of `due`.
fn members(
    conn: &mut PgConnection,
    cx: &Cx,
    program: Option<LoyaltyProgramId>,
    due: (&str, &str),
) -> Result<Vec<LoyaltyMembership>> {
    store::rows(conn, cx, |out| {
        if let Some(program) = program {
            out.sql(" AND t.program_id = ").bind(Bind::Uuid(Some(program.0)));
        }
        out.sql(format!(" AND {}", due.0)).bind(Bind::Time(Some(cx.now)));
        out.sql(format!("{} ORDER BY t.id LIMIT {MEMBERS} FOR UPDATE OF t SKIP LOCKED", due.1));
    })
}

fn batch(
    conn: &mut PgConnection,
    cx: &Cx,
    program: Option<LoyaltyProgramId>,
    lots: &str,
    work: fn(&mut Book<'_>) -> Result<()>,
) -> Result<usize> {
    let due = format!(
        "EXISTS (SELECT FROM point_lots l WHERE l.tenant_id = t.tenant_id AND l.membership_id = t.id AND {lots}"
    );
    let before = members(conn, cx, program, (&due, ")"))?;
    let programs = programs(conn, cx, &before)?;
    let ids: Vec<_> = before.iter().map(|member| member.meta.id).collect();
    let mut lots: HashMap<Uuid, Vec<PointLot>> = HashMap::new();
    // Seen anew, now that nobody else moves them.
    for lot in PointLot::open(conn, cx, &ids, &[])? {
        lots.entry(lot.membership_id.0).or_default().push(lot);
    }
    let mut pairs: Vec<_> = before.into_iter().map(|member| Change { before: member.clone(), after: member }).collect();
    let mut written = Written::default();
    for member in pairs.iter_mut().map(|pair| &mut pair.after) {
        let (id, Some(program)) = (member.meta.id, programs.get(&member.program_id)) else { continue };
        let mut book = Book::new(cx, program, member, lots.remove(&id).unwrap_or_default());
        work(&mut book)?;
        written.extend(book.close());
    }
    written.store(conn, cx)?;
    let seen = pairs.len();
    bulk::save(conn, cx, "settled", pairs)?;
    Ok(seen)
}

fn review(conn: &mut PgConnection, cx: &Cx, program: Option<LoyaltyProgramId>) -> Result<usize> {
    let before = members(conn, cx, program, ("t.tier_id IS NOT NULL AND t.tier_held_until <= ", ""))?;
    let programs = programs(conn, cx, &before)?;
    let mut tiers = HashMap::new();
    for id in programs.keys() {
        tiers.insert(*id, levels::of_program(conn, cx, *id)?);
    }
    let mut pairs: Vec<_> = before.into_iter().map(|member| Change { before: member.clone(), after: member }).collect();
    for member in pairs.iter_mut().map(|pair| &mut pair.after) {
        let id = member.program_id;
        let (Some(program), Some(tiers)) = (programs.get(&id), tiers.get(&id)) else { continue };
        levels::review(conn, cx, program, member, tiers)?;
    }
    let seen = pairs.len();
    bulk::save(conn, cx, "reviewed", pairs)?;
    Ok(seen)
}

fn programs(
    conn: &mut PgConnection,
    cx: &Cx,
    members: &[LoyaltyMembership],
) -> Result<HashMap<LoyaltyProgramId, LoyaltyProgram>> {
    let ids: Vec<_> = members.iter().map(|member| member.program_id.0).collect();
    let found: Vec<LoyaltyProgram> = store::rows(conn, cx, |out| {
        out.sql(" AND t.id = ANY(").bind(Bind::Uuids(ids)).sql(")");
    })?;
    Ok(found.into_iter().map(|program| (program.id(), program)).collect())
}
