//! Databases for tests: a template is migrated once, each test clones it and drops its clone.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types::Text};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where `with-postgres` says the cluster is: a URL ending in the database `postgres`.
pub const VARIABLE: &str = "KITH_TEST_DATABASE_URL";
const TEMPLATE: &str = "kith_template";

/// The URL of the cluster that tests run on.
pub fn cluster_url() -> Result<String> {
    #[expect(clippy::disallowed_methods, reason = "the wrapper passes the address on this way")]
    std::env::var(VARIABLE).context("Tests need a PostgreSQL: run them with `make test`, which starts one")
}

/// URL of another database of the cluster.
fn url_of(url: &str, name: &str) -> Result<String> {
    url.strip_suffix("/postgres")
        .map(|base| format!("{base}/{name}"))
        .context("The URL of the cluster ends in /postgres")
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    datname: String,
}

/// Makes the template anew and drops what crashed tests left behind.
pub fn prepare(url: &str) -> Result<()> {
    let mut conn = PgConnection::establish(url)?;
    let left: Vec<Name> =
        sql_query("SELECT datname::text FROM pg_database WHERE datname LIKE 'kith\\_%'").load(&mut conn)?;
    for database in left {
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.datname))?;
    }
    conn.batch_execute(&format!("CREATE DATABASE {TEMPLATE}"))?;
    kith_db::migrate(&url_of(url, TEMPLATE)?)?;
    Ok(())
}

/// A database of one test's own.
#[derive(Debug)]
pub struct Scratch {
    name: String,
    /// Its URL.
    pub url: String,
}

impl Scratch {
    /// Clones the template.
    pub fn new() -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("kith_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::establish(&cluster_url()?)?;
        // Cloning wants the template to itself for a moment; others who clone at the same time wait their turn.
        conn.batch_execute("SELECT pg_advisory_lock(4711)")?;
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))?;
        conn.batch_execute("SELECT pg_advisory_unlock(4711)")?;
        Ok(Scratch { url: url_of(&cluster_url()?, &name)?, name })
    }

    /// A connection as the owner of everything, past row-level security.
    pub fn owner(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap_or_else(|error| panic!("the test's database: {error}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Ok(mut conn) = cluster_url().and_then(|url| Ok(PgConnection::establish(&url)?)) {
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).ok();
        }
    }
}
