//! Brings a database up to date, and reads what it says about itself.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, RunQueryDsl, sql_types as st};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use kith_kernel::{CursorKey, Statement};
use std::fmt;
use uuid::Uuid;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The role the server works as: no owner, no superuser, bound by row-level security.
pub const APP_ROLE: &str = "kith_app";

/// One process migrates at a time; the others wait.
const LOCK: &str = "SELECT pg_advisory_lock(7015842396341)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7015842396341)";

/// Why a database cannot be used. The text says what to do.
#[derive(Debug)]
pub struct MigrateError(pub String);

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MigrateError {}

fn refuse(what: &str, error: impl fmt::Display) -> MigrateError {
    MigrateError(format!("{what}: {error}"))
}

/// A setting of the database.
fn setting(conn: &mut PgConnection, name: &'static str) -> Result<String, MigrateError> {
    let statement = Statement::new(format!("SELECT current_setting('{name}')"));
    let row: Result<(String,), _> = RunQueryDsl::get_result(statement.typed::<(st::Text,)>(), conn);
    row.map(|(value,)| value).map_err(|error| refuse("The database does not answer", error))
}

/// Refuses a database that may lose what it has confirmed: a 2xx means committed.
pub fn check_durability(url: &str) -> Result<(), MigrateError> {
    let mut conn = PgConnection::establish(url).map_err(|error| refuse("The database cannot be reached", error))?;
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        if setting(&mut conn, name)? == "off" {
            let what = format!("The database has {name} off, so it may lose what it has confirmed. Turn it on.");
            return Err(MigrateError(what));
        }
    }
    Ok(())
}

/// Checks the server, makes the application's role, runs what migrations are missing. The names of those run.
pub fn migrate(url: &str) -> Result<Vec<String>, MigrateError> {
    let mut conn = PgConnection::establish(url).map_err(|error| refuse("The database cannot be reached", error))?;
    let version: u32 = setting(&mut conn, "server_version_num")?.parse().unwrap_or(0);
    if !(150_000..190_000).contains(&version) {
        return Err(MigrateError(format!("PostgreSQL {} is not supported; Kith runs on 15 to 18.", version / 10_000)));
    }
    conn.batch_execute(LOCK).map_err(|error| refuse("The migration lock cannot be taken", error))?;
    let run = prepare(&mut conn).and_then(|()| {
        let run = conn.run_pending_migrations(MIGRATIONS).map_err(|error| refuse("A migration failed", error))?;
        let names = run.iter().map(ToString::to_string).collect();
        recognise(&mut conn).map_err(|error| refuse("The database cannot be told from its copies", error))?;
        Ok(names)
    });
    conn.batch_execute(UNLOCK).map_err(|error| refuse("The migration lock cannot be given back", error))?;
    run
}

/// Roles belong to the cluster, so this cannot be a migration: two databases may need it at once.
fn prepare(conn: &mut PgConnection) -> Result<(), MigrateError> {
    let sql = format!(
        "DO $$ BEGIN
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
                 CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
             END IF;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
         END $$;
         DO $$ BEGIN
             IF NOT pg_has_role(current_user, '{APP_ROLE}', 'MEMBER') THEN EXECUTE 'GRANT {APP_ROLE} TO ' || quote_ident(current_user); END IF;
         END $$;
         GRANT USAGE ON SCHEMA public TO {APP_ROLE};
         SET lock_timeout = '2s';"
    );
    conn.batch_execute(&sql).map_err(|error| {
        let help = format!("The role {APP_ROLE} cannot be prepared (an administrator can: CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO <user>)");
        refuse(&help, error)
    })
}

/// Begins another epoch in a database that was restored: positions in the change log are made of transaction ids, which
/// mean nothing in another cluster, in another database, or on another timeline, where those after the point of recovery
/// are used again. What the log holds goes to its beginning, in the order of its numbers, before every change to come.
fn recognise(conn: &mut PgConnection) -> diesel::QueryResult<()> {
    conn.batch_execute(
        "DO $$
         DECLARE
             known text := (SELECT identity FROM instance);
             found text := format('%s/%s/%s', (SELECT system_identifier FROM pg_control_system()),
                 (SELECT oid FROM pg_database WHERE datname = current_database()), (SELECT timeline_id FROM pg_control_checkpoint()));
         BEGIN
             IF known IS NOT DISTINCT FROM found THEN RETURN; END IF;
             UPDATE instance SET identity = found;
             IF known IS NULL THEN RETURN; END IF;
             UPDATE instance SET epoch = gen_random_uuid();
             ALTER TABLE change_log NO FORCE ROW LEVEL SECURITY;
             ALTER TABLE change_log_floors NO FORCE ROW LEVEL SECURITY;
             UPDATE change_log SET xid = '0' WHERE xid <> '0';
             DELETE FROM change_log_floors;
             ALTER TABLE change_log FORCE ROW LEVEL SECURITY;
             ALTER TABLE change_log_floors FORCE ROW LEVEL SECURITY;
         END $$;",
    )
}

/// What the database says about this installation.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Changes when a dump is restored.
    pub epoch: Uuid,
    /// Signs cursors.
    pub cursor_key: CursorKey,
}

/// Reads it.
pub fn instance(conn: &mut PgConnection) -> kith_kernel::Result<Instance> {
    let statement = Statement::new("SELECT epoch, cursor_secret FROM instance");
    let (epoch, secret): (Uuid, Vec<u8>) = RunQueryDsl::get_result(statement.typed::<(st::Uuid, st::Binary)>(), conn)?;
    let key = <[u8; 32]>::try_from(secret.as_slice()).map_err(kith_kernel::Error::internal)?;
    Ok(Instance { epoch, cursor_key: CursorKey::new(key) })
}
