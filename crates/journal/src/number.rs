//! Numbers that people read to each other: `Q-00000012`.

use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Error, Result, Statement};

/// The next number of a table's `number` column that begins with `prefix`. Whoever asks waits for who asked before, so
/// that no number is given twice; one that was not kept is given again.
pub fn next(conn: &mut PgConnection, cx: &Cx, table: &'static str, prefix: &'static str) -> Result<String> {
    let mut lock = Statement::new("SELECT pg_advisory_xact_lock(hashtextextended(");
    lock.bind(Bind::Text(Some(format!("{}|{table}|number", cx.tenant)))).sql(", 0))").execute(conn)?;
    // Always eight digits, so that the greatest text is the greatest number. Archived ones keep theirs.
    let mut out = Statement::new(format!("SELECT max(number) FROM {table} WHERE tenant_id = "));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(format!(" AND number ~ '^{prefix}-[0-9]{{8}}$'"));
    let (last,): (Option<String>,) = RunQueryDsl::get_result(out.typed::<(st::Nullable<st::Text>,)>(), conn)?;
    let digits = last.as_deref().and_then(|last| last.rsplit('-').next()).unwrap_or("0");
    let number: u32 = digits.parse().map_err(Error::internal)?;
    Ok(format!("{prefix}-{:08}", number.saturating_add(1)))
}
