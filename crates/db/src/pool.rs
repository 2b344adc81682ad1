//! The pool, and the only two ways to a connection: [`Db::read`] and [`Db::write`].
//!
//! A connection is given its tenant here and nowhere else. Reads let a connection keep the tenant it carries and set
//! it only when it differs, which saves a round trip; the tenant is remembered only after the statement that set it
//! succeeded outside any transaction, and a connection whose state is in doubt is thrown away, be it that a transaction
//! was left open or that somebody sent a statement of their own which may outlast the work. Writes depend on no
//! memory: `BEGIN; SET LOCAL` is one message. Where only `SET LOCAL` reaches the shards (Citus), reads do the same.

use crate::watch::Watch;
use diesel::connection::{AnsiTransactionManager, InstrumentationEvent, SimpleConnection, TransactionManager};
use diesel::r2d2::R2D2Connection;
use diesel::result::{DatabaseErrorKind, Error as DbError};
use diesel::{Connection, PgConnection};
use kith_kernel::{Error, Result, codes};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use uuid::Uuid;

/// How a connection is told its tenant for reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TenantMode {
    /// Once a connection, as long as it does not change.
    #[default]
    Session,
    /// In a transaction each time; needed on a distributed PostgreSQL.
    Transaction,
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// libpq URL.
    pub url: String,
    /// Most connections.
    pub size: u32,
    /// How long to wait for one.
    pub wait: Duration,
    /// Longest statement.
    pub statement_timeout: Duration,
    /// See there.
    pub tenant_mode: TenantMode,
    /// Counts statements, for tests.
    pub statements: Option<Arc<AtomicU64>>,
}

impl Options {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Options {
            url: url.into(),
            size: 8,
            wait: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(5),
            tenant_mode: TenantMode::Session,
            statements: None,
        }
    }
}

/// A connection and the tenant that its session carries.
struct Carrier {
    conn: PgConnection,
    /// None: in doubt. Nil: none.
    tenant: Option<Uuid>,
    /// Outages that were known when it was made or last looked at.
    outages: u64,
    watch: Arc<Watch>,
}

#[derive(Debug)]
struct Manager {
    options: Options,
    /// How often a connection was found dead.
    outages: Arc<AtomicU64>,
}

#[derive(Debug)]
struct ConnectError(String);

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectError {}

impl r2d2::ManageConnection for Manager {
    type Connection = Carrier;
    type Error = ConnectError;

    fn connect(&self) -> Result<Carrier, ConnectError> {
        let fail = |error: &dyn std::fmt::Display| ConnectError(error.to_string());
        let outages = self.outages.load(Ordering::Relaxed);
        let mut conn = PgConnection::establish(&impatient(&self.options.url)).map_err(|error| fail(&error))?;
        // Compiling a plan takes longer than most of ours run, and the planner's guesses of long ones are poor.
        let settings = format!(
            "SET ROLE {}; SET TIME ZONE 'UTC'; SET jit = off; SET statement_timeout = {}; SET lock_timeout = {};
             SET idle_in_transaction_session_timeout = '10s'; SET default_transaction_isolation = 'read committed'",
            crate::APP_ROLE,
            self.options.statement_timeout.as_millis(),
            self.options.statement_timeout.as_millis(),
        );
        conn.batch_execute(&settings).map_err(|error| fail(&error))?;
        let watch = Arc::new(Watch::default());
        let (watching, statements) = (watch.clone(), self.options.statements.clone());
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            watching.see(&event);
            if let Some(statements) =
                statements.as_ref().filter(|_| matches!(event, InstrumentationEvent::StartQuery { .. }))
            {
                statements.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Carrier { conn, tenant: Some(Uuid::nil()), outages, watch })
    }

    fn is_valid(&self, carrier: &mut Carrier) -> Result<(), ConnectError> {
        carrier.conn.ping().map_err(|error| ConnectError(error.to_string()))
    }

    fn has_broken(&self, carrier: &mut Carrier) -> bool {
        // Dropped while unwinding, in the middle of a transaction, with a tenant in doubt, or after a statement that may
        // have left something behind: not to be used again.
        std::thread::panicking() || carrier.tenant.is_none() || carrier.watch.is_tainted() || carrier.conn.is_broken()
    }
}

/// The URL with limits on how long a database that is gone without a word keeps anybody waiting: without them, for the
/// hours that TCP takes. Who sets one of them in the URL is left alone.
fn impatient(url: &str) -> String {
    let limits = [
        "connect_timeout=5",
        "tcp_user_timeout=5000",
        "keepalives_idle=2",
        "keepalives_interval=1",
        "keepalives_count=3",
    ];
    let named = |limit: &str| limit.split_once('=').is_some_and(|(name, _)| url.contains(name));
    limits.iter().filter(|limit| !named(limit)).fold(url.to_owned(), |url, limit| {
        let between = match url.contains("://") {
            true if url.contains('?') => '&',
            true => '?',
            false => ' ',
        };
        format!("{url}{between}{limit}")
    })
}

/// What becomes of a transaction whose work succeeded.
#[derive(Debug)]
pub enum Verdict<T> {
    /// Keep it.
    Commit(T),
    /// Answer, but keep nothing: a dry run.
    RollBack(T),
}

/// The database as the rest of Kith sees it. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Manager>,
    url: Arc<str>,
    mode: TenantMode,
    outages: Arc<AtomicU64>,
    committed: Arc<OnceLock<OnCommit>>,
}

/// Is told the tenant of every transaction that may have changed something, after its end.
type OnCommit = Box<dyn Fn(Uuid) + Send + Sync>;

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({:?})", self.pool.state())
    }
}

/// A failed transaction is tried again this often when another one stood in its way.
const RETRIES: u32 = 3;

impl Db {
    /// Opens a pool. Connections are made when first needed.
    pub fn open(options: Options) -> Result<Self> {
        let (mode, outages) = (options.tenant_mode, Arc::new(AtomicU64::new(0)));
        let url = options.url.as_str().into();
        let pool = r2d2::Pool::builder()
            .max_size(options.size)
            .min_idle(Some(0))
            .connection_timeout(options.wait)
            // A check at every check-out costs a round trip; a broken connection shows itself on first use.
            .test_on_check_out(false)
            .build_unchecked(Manager { options, outages: outages.clone() });
        Ok(Db { pool, url, mode, outages, committed: Arc::default() })
    }

    /// Has somebody told the tenant of every transaction that may have changed something, once it has ended. There is one
    /// who is told; whoever comes second is not.
    pub fn on_commit(&self, told: impl Fn(Uuid) + Send + Sync + 'static) {
        // Tolerated: see above.
        self.committed.set(Box::new(told)).ok();
    }

    /// A connection beside the pool, as the role that connects and for no tenant: for signals and for looking at sessions.
    pub(crate) fn dedicated(&self) -> Result<PgConnection> {
        let mut conn = PgConnection::establish(&impatient(&self.url)).map_err(Error::unavailable)?;
        conn.batch_execute("SET statement_timeout = '5s'; SET application_name = 'kith signals'")?;
        Ok(conn)
    }

    fn committed<T>(&self, tenant: Uuid, result: &Result<T>) {
        if let (Ok(_), Some(told)) = (result, self.committed.get()) {
            told(tenant);
        }
    }

    /// Most connections.
    pub fn size(&self) -> u32 {
        self.pool.max_size()
    }

    /// Connections in use and at rest.
    pub fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections.saturating_sub(state.idle_connections), state.idle_connections)
    }

    /// A connection. Once one was found dead, every other that may have died with it is looked at before its next use:
    /// an outage costs the requests that meet it, and none after it.
    fn take(&self) -> Result<r2d2::PooledConnection<Manager>> {
        loop {
            let mut carrier = self.pool.get().map_err(Error::unavailable)?;
            let outages = self.outages.load(Ordering::Relaxed);
            if carrier.outages == outages {
                return Ok(carrier);
            }
            carrier.watch.ours.store(true, Ordering::Relaxed);
            if carrier.conn.ping().is_ok() {
                carrier.outages = outages;
                return Ok(carrier);
            }
            // Not to be used again.
            carrier.tenant = None;
        }
    }

    /// Throws a dead connection away, and remembers that there was one. Diesel notices only inside a transaction.
    fn mourn<T>(&self, carrier: &mut Carrier, result: &Result<T>) {
        if result.as_ref().is_err_and(|error| std::ptr::eq(error.code, &codes::UNAVAILABLE)) {
            carrier.tenant = None;
            self.outages.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs reads of one tenant. Nil stands for no tenant: then no tenant's row is visible.
    pub fn read<T>(&self, tenant: Uuid, work: impl FnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        let mut carrier = self.take()?;
        let result = match self.mode {
            TenantMode::Session => read_in_session(&mut carrier, tenant, work),
            TenantMode::Transaction => read_in_transaction(&mut carrier, tenant, work),
        };
        self.mourn(&mut carrier, &result);
        result
    }

    /// Runs work in one transaction of one tenant. When a deadlock or a serialization failure ends it, it runs again
    /// from the start, so it must do nothing outside the database.
    pub fn write<T>(&self, tenant: Uuid, work: impl FnMut(&mut PgConnection) -> Result<Verdict<T>>) -> Result<T> {
        self.write_as(tenant, Transaction::Usual, work)
    }

    /// The same for work that writes many rows with each statement, which may take a minute.
    pub fn write_many<T>(&self, tenant: Uuid, work: impl FnMut(&mut PgConnection) -> Result<Verdict<T>>) -> Result<T> {
        self.write_as(tenant, Transaction::Many, work)
    }

    fn write_as<T>(
        &self,
        tenant: Uuid,
        transaction: Transaction,
        mut work: impl FnMut(&mut PgConnection) -> Result<Verdict<T>>,
    ) -> Result<T> {
        let mut carrier = self.take()?;
        let mut attempt = 0;
        loop {
            let result = write_once(&mut carrier, tenant, transaction, &mut work);
            self.mourn(&mut carrier, &result);
            self.committed(tenant, &result);
            match result {
                Err(error) if attempt < RETRIES && stood_in_the_way(&error) => {
                    attempt += 1;
                    // Different for every thread without a random source: where its stack lies.
                    let spread = u64::try_from(std::ptr::from_ref(&attempt).addr() >> 12).unwrap_or(0) % 20;
                    let jitter = u64::from(attempt) * (5 + spread);
                    std::thread::sleep(Duration::from_millis(jitter));
                }
                Err(error) if stood_in_the_way(&error) => {
                    return Err(Error { retry_after: Some(1), code: &codes::OVERLOADED, ..error });
                }
                result => return result,
            }
        }
    }

    /// Runs reads of one tenant that see the database as it was when they began, however many statements they are, and whose
    /// statements may take minutes.
    pub fn survey<T>(&self, tenant: Uuid, work: impl FnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        let mut carrier = self.take()?;
        let mut work = Some(work);
        let result = write_once(&mut carrier, tenant, Transaction::Survey, &mut |conn| {
            let work = work.take().ok_or_else(|| Error::internal("a survey that ran already"))?;
            work(conn).map(Verdict::RollBack)
        });
        self.mourn(&mut carrier, &result);
        result
    }

    /// Runs work that writes very much, and nothing to the journal, in one transaction of one tenant, whose statements may
    /// take long. It runs once: whoever stood in its way is reported. The change feed does not wait for it.
    pub fn quietly<T>(&self, tenant: Uuid, work: impl FnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        let mut carrier = self.take()?;
        let mut work = Some(work);
        let result = write_once(&mut carrier, tenant, Transaction::Quiet, &mut |conn| {
            let work = work.take().ok_or_else(|| Error::internal("quiet work that ran already"))?;
            work(conn).map(Verdict::Commit)
        });
        self.mourn(&mut carrier, &result);
        self.committed(tenant, &result);
        result
    }
}

/// What a transaction is like.
#[derive(Clone, Copy)]
enum Transaction {
    /// Short, and every statement sees what was committed before it.
    Usual,
    /// The same with statements that may take longer.
    Many,
    /// Long, and without a change for the feed.
    Quiet,
    /// Long, only reading, and on one snapshot.
    Survey,
}

fn read_in_session<T>(
    carrier: &mut Carrier,
    tenant: Uuid,
    work: impl FnOnce(&mut PgConnection) -> Result<T>,
) -> Result<T> {
    if carrier.tenant != Some(tenant) {
        carrier.tenant = None;
        carrier.watch.ours.store(true, Ordering::Relaxed);
        carrier.conn.batch_execute(&format!("SET app.tenant = '{}'", setting(tenant)))?;
        carrier.tenant = Some(tenant);
    }
    let result = work(&mut carrier.conn);
    if depth(&mut carrier.conn) != Some(0) {
        carrier.tenant = None;
    }
    result
}

fn read_in_transaction<T>(
    carrier: &mut Carrier,
    tenant: Uuid,
    work: impl FnOnce(&mut PgConnection) -> Result<T>,
) -> Result<T> {
    begin(carrier, tenant, Transaction::Usual)?;
    let result = work(&mut carrier.conn);
    // Why the work failed says more than why the end did.
    let ended = end(carrier, result.is_ok());
    result.and_then(|value| ended.map(|()| value))
}

fn write_once<T>(
    carrier: &mut Carrier,
    tenant: Uuid,
    transaction: Transaction,
    work: &mut impl FnMut(&mut PgConnection) -> Result<Verdict<T>>,
) -> Result<T> {
    begin(carrier, tenant, transaction)?;
    let (result, commit) = match work(&mut carrier.conn) {
        Ok(Verdict::Commit(value)) => (Ok(value), true),
        Ok(Verdict::RollBack(value)) => (Ok(value), false),
        Err(error) => (Err(error), false),
    };
    let ended = end(carrier, commit);
    match (result, ended) {
        (Err(error), _) | (Ok(_), Err(error)) => Err(error),
        (Ok(value), Ok(())) => Ok(value),
    }
}

/// The text of `app.tenant`: empty for none. A UUID has no character that needs escaping.
fn setting(tenant: Uuid) -> String {
    if tenant.is_nil() { String::new() } else { tenant.to_string() }
}

fn begin(carrier: &mut Carrier, tenant: Uuid, transaction: Transaction) -> Result<()> {
    let patient = |most| {
        format!("; SET LOCAL statement_timeout = '{most}'; SET LOCAL idle_in_transaction_session_timeout = '10min'")
    };
    let (kind, limits) = match transaction {
        Transaction::Usual => ("BEGIN", String::new()),
        Transaction::Many => ("BEGIN", "; SET LOCAL statement_timeout = '60s'".to_owned()),
        Transaction::Quiet => ("BEGIN", patient("1h") + "; SELECT kith_be_quiet()"),
        Transaction::Survey => ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", patient("10min")),
    };
    let sql = format!("{kind}; SET LOCAL app.tenant = '{}'{limits}", setting(tenant));
    let carried = carrier.tenant.take();
    carrier.watch.failed.store(false, Ordering::Relaxed);
    AnsiTransactionManager::begin_transaction_sql(&mut carrier.conn, &sql)?;
    // SET LOCAL ends with the transaction, and then what the session carried before holds again.
    carrier.tenant = carried;
    Ok(())
}

fn end(carrier: &mut Carrier, commit: bool) -> Result<()> {
    let carried = carrier.tenant.take();
    let failed = commit && carrier.watch.failed.load(Ordering::Relaxed);
    if commit && !failed {
        AnsiTransactionManager::commit_transaction(&mut carrier.conn)?;
    } else {
        AnsiTransactionManager::rollback_transaction(&mut carrier.conn)?;
    }
    if depth(&mut carrier.conn) != Some(0) {
        // Somebody left a savepoint open inside: what was ended is that, and the rest goes with the connection.
        return Err(Error::internal("a transaction was left open inside another"));
    }
    carrier.tenant = carried;
    if failed { Err(Error::internal("a statement failed, and the work went on as if it had not")) } else { Ok(()) }
}

/// How many transactions diesel believes are open; none when it has lost count.
fn depth(conn: &mut PgConnection) -> Option<u32> {
    let status = <AnsiTransactionManager as TransactionManager<PgConnection>>::transaction_manager_status_mut(conn);
    status.transaction_depth().ok().map(|depth| depth.map_or(0, std::num::NonZeroU32::get))
}

/// A deadlock, or a serialization failure.
fn stood_in_the_way(error: &Error) -> bool {
    let cause = error.source.as_ref().and_then(|source| source.downcast_ref::<DbError>());
    match cause {
        Some(DbError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(DbError::DatabaseError(_, info)) => info.message().contains("deadlock detected"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_the_limits_that_it_does_not_name() {
        let all = "connect_timeout=5&tcp_user_timeout=5000&keepalives_idle=2&keepalives_interval=1&keepalives_count=3";
        assert_eq!(impatient("postgresql://a@b/c"), format!("postgresql://a@b/c?{all}"));
        let rest = all.replace("connect_timeout=5&", "");
        assert_eq!(
            impatient("postgres://a@b/c?connect_timeout=60"),
            format!("postgres://a@b/c?connect_timeout=60&{rest}")
        );
        assert_eq!(impatient("host=b dbname=c"), format!("host=b dbname=c {}", all.replace('&', " ")));
    }
}
