//! Keeps the horizon of the feed moving: a transaction that has written and does not end holds back everything that was
//! committed after it. PostgreSQL ends sessions that are idle in a transaction; before version 17 it has nothing against
//! those that are busy for too long.

use diesel::{PgConnection, QueryResult, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Statement};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Remembers which transactions it saw, and since when.
#[derive(Debug, Default)]
pub struct Watchdog {
    seen: HashMap<(i32, String), Instant>,
}

/// How far behind the horizon is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Horizon {
    /// For how long the oldest transaction that holds it back has been seen.
    pub age: Duration,
    /// Transactions begun since the oldest one; what they commit cannot be served yet.
    pub waiting: u64,
    /// Sessions that were ended now.
    pub ended: usize,
}

impl Watchdog {
    /// Looks at every transaction that has written and is not quiet, and ends those of this database, and of the role that
    /// Kith connects as, that have been open for longer than `patience`.
    pub fn look(&mut self, conn: &mut PgConnection, patience: Duration) -> QueryResult<Horizon> {
        let now = Instant::now();
        let sql = "SELECT a.pid, a.backend_xid::text, a.usename = current_user AND a.datname = current_database() \
                   FROM pg_stat_activity a WHERE a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid() \
                   AND a.backend_xid::text::bigint % 2147483648 NOT IN (SELECT kith_quiet_transactions())";
        type Sql = (st::Integer, st::Text, st::Bool);
        let open: Vec<(i32, String, bool)> = RunQueryDsl::load(Statement::new(sql).typed::<Sql>(), conn)?;
        self.seen.retain(|(pid, xid), _| open.iter().any(|(known, its, ..)| known == pid && its == xid));
        let mut horizon = Horizon { waiting: waiting(conn)?, ..Horizon::default() };
        for (pid, xid, ours) in open {
            let since = *self.seen.entry((pid, xid.clone())).or_insert(now);
            let age = now.saturating_duration_since(since);
            horizon.age = horizon.age.max(age);
            if ours && age >= patience {
                horizon.ended += usize::from(end(conn, pid, &xid)?);
            }
        }
        Ok(horizon)
    }
}

fn waiting(conn: &mut PgConnection) -> QueryResult<u64> {
    let sql = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint - kith_horizon()::text::bigint";
    let (waiting,): (i64,) = RunQueryDsl::get_result(Statement::new(sql).typed::<(st::BigInt,)>(), conn)?;
    Ok(u64::try_from(waiting).unwrap_or(0))
}

/// Ends a session, if it is still in that transaction.
fn end(conn: &mut PgConnection, pid: i32, xid: &str) -> QueryResult<bool> {
    let mut out = Statement::new("SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.pid = ");
    out.bind(Bind::Int(Some(pid))).sql(" AND a.backend_xid::text = ").bind(Bind::Text(Some(xid.to_owned())));
    let ended: Vec<(bool,)> = RunQueryDsl::load(out.typed::<(st::Bool,)>(), conn)?;
    Ok(ended.first().is_some_and(|(ended,)| *ended))
}
