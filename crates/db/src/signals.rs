//! Telling other processes that a tenant's data changed. A signal is a wake-up and nothing more: it may be lost, doubled or
//! late, and says nothing of what happened.
//!
//! It is not sent by the transactions that write: at their commits PostgreSQL lets only one of them past at a time, so that
//! every writer of every tenant would wait for every other's disk. One connection a process sends them, many at once.

use crate::pool::Db;
use diesel::connection::SimpleConnection;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Result, Statement};
use std::collections::HashSet;
use uuid::Uuid;

const CHANNEL: &str = "kith_changes";

/// A connection of its own that listens and sends.
pub struct Signals {
    conn: PgConnection,
    pid: i32,
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signals({})", self.pid)
    }
}

impl Signals {
    /// Begins to listen.
    pub fn open(db: &Db) -> Result<Self> {
        let mut conn = db.dedicated()?;
        conn.batch_execute(&format!("LISTEN {CHANNEL}"))?;
        let statement = Statement::new("SELECT pg_backend_pid()");
        let (pid,): (i32,) = RunQueryDsl::get_result(statement.typed::<(st::Integer,)>(), &mut conn)?;
        Ok(Signals { conn, pid })
    }

    /// Tells every process, this one aside, that these tenants changed.
    pub fn send(&mut self, tenants: Vec<Uuid>) -> Result<()> {
        let mut out = Statement::new(format!("SELECT pg_notify('{CHANNEL}', t::text) FROM unnest("));
        out.bind(Bind::Uuids(tenants)).sql(") AS t").execute(&mut self.conn)?;
        Ok(())
    }

    /// The tenants that other processes told of since this was asked last. It does not wait, and asks nothing of the
    /// database.
    pub fn received(&mut self) -> Result<HashSet<Uuid>> {
        let mut tenants = HashSet::new();
        for told in self.conn.notifications_iter() {
            let told = told?;
            if told.process_id != self.pid {
                tenants.extend(Uuid::try_parse(&told.payload));
            }
        }
        Ok(tenants)
    }

    /// The connection, for looking at the sessions of the database.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}
