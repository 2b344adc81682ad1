//! Finds the database: the one that is configured, or the embedded one, started if need be; then migrates it.

use crate::settings::Settings;
use anyhow::{Context, Result, bail};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use kith_db::embedded::{self, Embedded};
use kith_db::{Db, Options, TenantMode};
use std::time::Duration;

/// A database that is there, and the embedded one as long as it has to live.
pub struct Database {
    /// libpq URL.
    pub url: String,
    /// Stops when dropped, if this process started it.
    pub embedded: Option<Embedded>,
}

/// The embedded database's name.
const NAME: &str = "kith";

/// Finds or starts it.
pub fn find(settings: &Settings) -> Result<Database> {
    if let Some(url) = &settings.database_url {
        if ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"].iter().any(|mode| url.contains(mode)) {
            bail!(
                "DATABASE_URL asks for TLS, which this build of Kith has not got. Use a build with TLS, or a connection that needs none."
            );
        }
        return Ok(Database { url: url.clone(), embedded: None });
    }
    let options = embedded::Options {
        data_dir: settings.data_dir.clone(),
        bin_dir: settings.postgres_bin_dir.clone(),
        settings: Vec::new(),
    };
    let running = embedded::start(&options)?;
    let mut conn =
        PgConnection::establish(&running.url("postgres")).context("The embedded database does not answer")?;
    let known = conn.batch_execute(&format!("CREATE DATABASE {NAME}"));
    if let Err(error) = known
        && !error.to_string().contains("already exists")
    {
        return Err(error).context("The embedded database cannot be set up");
    }
    Ok(Database { url: running.url(NAME), embedded: Some(running) })
}

/// Makes sure that it keeps what it confirms, brings its schema up to date and says what was done.
pub fn migrate(database: &Database, settings: &Settings) -> Result<()> {
    if !settings.allow_unsafe_database {
        kith_db::check_durability(&database.url)?;
    }
    for name in kith_db::migrate(&database.url)? {
        tracing::info!(migration = %name, "migrated");
    }
    Ok(())
}

/// Opens the pool that requests share.
pub fn open(database: &Database, settings: &Settings) -> Result<Db> {
    pool(database, settings, settings.pool_size)
}

/// Opens the pool of the workers: what they do takes no connection from requests. Beside one for each there is one for
/// their leases, one for the look at tenants and one for what came of webhooks.
pub fn for_workers(database: &Database, settings: &Settings) -> Result<Db> {
    pool(database, settings, u32::try_from(settings.job_workers).unwrap_or(u32::MAX).saturating_add(3))
}

fn pool(database: &Database, settings: &Settings, size: u32) -> Result<Db> {
    let options = Options {
        size,
        statement_timeout: Duration::from_millis(settings.statement_timeout_ms),
        tenant_mode: if settings.tenant_context == "transaction" {
            TenantMode::Transaction
        } else {
            TenantMode::Session
        },
        ..Options::new(database.url.clone())
    };
    Ok(Db::open(options)?)
}
