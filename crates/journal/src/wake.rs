//! Tells the workers when to look at a tenant. Rows are only added here, so that writers never wait for each other; the
//! workers take them away. What waits to be done stands elsewhere: a wake is nothing but a reason to look.

use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use uuid::Uuid;

/// The channel on which workers that wait hear of what is due now. The payload is nothing to rely on.
pub const CHANNEL: &str = "kith_work";

/// Has the tenant looked at as soon as this transaction is committed.
pub fn now(conn: &mut PgConnection, cx: &Cx) -> Result<()> {
    at(conn, cx, cx.now)?;
    let mut out = Statement::new("SELECT pg_notify(");
    out.bind(Bind::Text(Some(CHANNEL.to_owned()))).sql(", '')").execute(conn)?;
    Ok(())
}

/// Has the tenant looked at from a time on, within the pause of the workers.
pub fn at(conn: &mut PgConnection, cx: &Cx, due: DateTime<Utc>) -> Result<()> {
    let mut out = Statement::new("INSERT INTO job_wakes (tenant_id, due_at) VALUES (");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Time(Some(due))).sql(")").execute(conn)?;
    Ok(())
}

/// A tenant to look at.
#[derive(Clone, Debug)]
pub struct Due {
    /// Whom.
    pub tenant: Uuid,
    /// What says so.
    wakes: Vec<i64>,
}

/// The tenants to look at, those first that wait longest; at most about `limit`. Needs no tenant.
pub fn due(conn: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>> {
    let mut out = Statement::new(
        "SELECT tenant_id, array_agg(id) FROM (SELECT id, tenant_id, due_at FROM job_wakes WHERE due_at <= ",
    );
    out.bind(Bind::Time(Some(now))).sql(" ORDER BY due_at LIMIT ").bind(Bind::BigInt(Some(limit)));
    out.sql(") w GROUP BY tenant_id ORDER BY min(due_at)");
    let rows: Vec<(Uuid, Vec<i64>)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Array<st::BigInt>)>(), conn)?;
    Ok(rows.into_iter().map(|(tenant, wakes)| Due { tenant, wakes }).collect())
}

/// Takes away what said that a tenant has to be looked at, after it was; `next` is when to look again. In one transaction
/// with whatever found that time, so that nothing that was committed in between is forgotten: its wake stays.
pub fn settle(conn: &mut PgConnection, cx: &Cx, seen: &Due, next: Option<DateTime<Utc>>) -> Result<()> {
    let mut out = Statement::new("DELETE FROM job_wakes WHERE id = ANY(");
    out.bind(Bind::Column(kith_kernel::Column::BigInt(seen.wakes.iter().copied().map(Some).collect())));
    out.sql(")").execute(conn)?;
    match next {
        Some(next) => at(conn, cx, next),
        None => Ok(()),
    }
}
