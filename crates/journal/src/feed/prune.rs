//! How the feed forgets: its oldest part, for good, in portions.

use chrono::TimeDelta;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};

/// Changes that one call forgets at most, so that no transaction is long.
pub const PORTION: i32 = 5_000;

/// Forgets the oldest changes of the tenant that are older than `keep` (a day at least), at most [`PORTION`] of them; how
/// many there were. Call it in a transaction of its own until nothing is left to forget. Cursors that stood before them
/// are expired from then on; the audit log keeps everything.
pub fn prune(conn: &mut PgConnection, cx: &Cx, keep: TimeDelta) -> Result<usize> {
    let mut out = Statement::new("SELECT kith_prune_changes(");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Time(Some(cx.now - keep)));
    out.sql(format!(", {PORTION})"));
    let (gone,): (i32,) = RunQueryDsl::get_result(out.typed::<(st::Integer,)>(), conn)?;
    Ok(usize::try_from(gone).unwrap_or(0))
}
