//! A pooled connection never carries anything over to whoever uses it next, whatever happens to it. Promise 12.
//!
//! Every statement here leaves out the tenant on purpose: what it sees is what the connection lets through.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_db::{Db, Options, TenantMode, Verdict};
use kith_kernel::{Error, Result};
use kith_testkit::{Scratch, Stage};
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = st::Uuid)]
    tenant_id: Uuid,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = st::BigInt)]
    number: i64,
}

fn number(conn: &mut PgConnection, query: &str) -> i64 {
    sql_query(query).get_result::<Number>(conn).unwrap().number
}

/// The tenants of all accounts that this connection shows.
fn visible(conn: &mut PgConnection) -> Result<Vec<Uuid>> {
    let rows: Vec<Seen> = sql_query("SELECT DISTINCT tenant_id FROM accounts").load(conn)?;
    Ok(rows.into_iter().map(|row| row.tenant_id).collect())
}

/// Two tenants with an account each, and a small pool of its own.
fn two_tenants(mode: TenantMode) -> (Stage, Db, [Uuid; 2]) {
    let stage = Stage::new();
    let tenants = [stage.tenant(), stage.tenant()];
    for tenant in &tenants {
        stage.make(tenant, "accounts", json!({"name": "Acme"}));
    }
    let wait = Duration::from_secs(20);
    let db = Db::open(Options { size: 2, wait, tenant_mode: mode, ..Options::new(stage.scratch.url.clone()) }).unwrap();
    (stage, db, tenants.map(|tenant| tenant.id))
}

/// Sessions of the application that wait inside a transaction, once those that are being closed are gone.
fn idle_in_transaction(scratch: &Scratch) -> i64 {
    let mut owner = scratch.owner();
    let query = "SELECT count(*) AS number FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    for _ in 0..100 {
        if number(&mut owner, query) == 0 {
            return 0;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    number(&mut owner, query)
}

/// What is sent by hand, past the pool. `{other}` is the other tenant.
const BY_HAND: &[&str] = &[
    "SET app.tenant = '{other}'",
    "SET SESSION app.tenant = '{other}'",
    "  set local app.tenant = '{other}'",
    "/* a comment */ SET app.tenant = '{other}'",
    "SELECT set_config('app.tenant', '{other}', false)",
    "SELECT 1; SET app.tenant = '{other}'",
    "BEGIN",
    "START TRANSACTION",
    "BEGIN; SET LOCAL app.tenant = '{other}'",
    "BEGIN; SET app.tenant = '{other}'",
    "COMMIT",
    "COMMIT; BEGIN",
    "ROLLBACK",
    "ROLLBACK; SET app.tenant = '{other}'",
    "END",
    "ABORT",
    "SAVEPOINT mine",
    "RESET app.tenant",
    "RESET ALL",
    "DISCARD ALL",
    "RESET ROLE",
    "DEALLOCATE ALL",
    "SET search_path = nowhere",
    "DO $$ BEGIN PERFORM set_config('app.tenant', '{other}', false); END $$",
    "PREPARE mine AS SELECT 1",
    "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
    "CREATE TEMPORARY TABLE accounts (tenant_id uuid)",
    "nonsense",
];

/// What is done with a connection.
type Way<'a> = dyn Fn(&mut PgConnection) -> Result<()> + 'a;

/// One request of `tenant` in one of many bad ways; it fails the test if it begins with a view of anything foreign.
fn request(db: &Db, url: &str, tenant: Uuid, other: Uuid, number: usize) {
    let look = |conn: &mut PgConnection| -> Result<()> {
        let seen = visible(conn)?;
        assert_eq!(seen, [tenant], "request {number} of {tenant}");
        Ok(())
    };
    let write = |work: &dyn Fn(&mut PgConnection) -> Result<()>| {
        db.write(tenant, |conn| {
            look(conn)?;
            work(conn).map(Verdict::Commit)
        })
    };
    let read = |work: &dyn Fn(&mut PgConnection) -> Result<()>| {
        db.read(tenant, |conn| {
            look(conn)?;
            work(conn)
        })
    };
    // Two good requests for each bad one, which also costs a new connection.
    let bad = number / 3;
    let sql = BY_HAND[bad % BY_HAND.len()].replace("{other}", &other.to_string());
    let by_hand = |conn: &mut PgConnection| Ok(conn.batch_execute(&sql)?);
    let swallowed = |conn: &mut PgConnection| {
        drop(conn.batch_execute(&sql));
        Ok(())
    };
    let typed = |conn: &mut PgConnection| {
        drop(sql_query(&sql).execute(conn));
        Ok(())
    };
    let nested = |conn: &mut PgConnection| {
        let inner = AssertUnwindSafe(|| conn.transaction(|_| -> Result<()> { resume_unwind(Box::new("on purpose")) }));
        drop(catch_unwind(inner));
        Ok(())
    };
    let killed = |conn: &mut PgConnection| {
        let pid = number_of(conn, "SELECT pg_backend_pid()::bigint AS number")?;
        let mut owner = PgConnection::establish(url).unwrap();
        sql_query(format!("SELECT pg_terminate_backend({pid})")).execute(&mut owner).unwrap();
        visible(conn).map(drop)
    };
    let failing = |_: &mut PgConnection| Err(Error::not_found());
    let panicking = |_: &mut PgConnection| resume_unwind(Box::new("on purpose"));
    let plain = |_: &mut PgConnection| Ok(());
    let ways: [&Way<'_>; 8] = [&plain, &by_hand, &swallowed, &typed, &nested, &killed, &failing, &panicking];
    let way = if number.is_multiple_of(3) { ways[1 + bad / BY_HAND.len() % (ways.len() - 1)] } else { ways[0] };
    let result = catch_unwind(AssertUnwindSafe(|| if bad.is_multiple_of(3) { read(way) } else { write(way) }));
    if let Err(cause) = result
        && cause.downcast_ref::<&str>() != Some(&"on purpose")
    {
        resume_unwind(cause);
    }
}

fn number_of(conn: &mut PgConnection, query: &str) -> Result<i64> {
    Ok(sql_query(query).get_result::<Number>(conn)?.number)
}

fn storm(mode: TenantMode, requests: usize) {
    let (stage, db, tenants) = two_tenants(mode);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    if number >= requests {
                        break;
                    }
                    // Neither in step with the ways nor with the statements.
                    let (tenant, other) = if (number % 7).is_multiple_of(2) { (0, 1) } else { (1, 0) };
                    request(&db, &stage.scratch.url, tenants[tenant], tenants[other], number);
                    let after = usize::from(number % 5 < 2);
                    let seen = db.read(tenants[after], visible);
                    assert!(seen.as_ref().is_ok_and(|seen| *seen == [tenants[after]]), "after {number}: {seen:?}");
                }
            });
        }
    });
    assert_eq!(idle_in_transaction(&stage.scratch), 0, "a session was left in a transaction");
    assert!(db.read(Uuid::nil(), visible).unwrap().is_empty(), "without a tenant nothing is visible");
}

#[test]
fn a_thousand_bad_requests_leave_nothing_behind() {
    storm(TenantMode::Session, 1_000);
}

#[test]
fn nor_do_they_where_each_read_is_a_transaction() {
    storm(TenantMode::Transaction, 700);
}

#[test]
fn a_killed_connection_costs_one_request() {
    for mode in [TenantMode::Session, TenantMode::Transaction] {
        let (stage, db, [tenant, other]) = two_tenants(mode);
        assert_eq!(db.read(tenant, visible).unwrap(), [tenant]);
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sql_query(kill).execute(&mut stage.scratch.owner()).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let failed = db.read(other, visible).unwrap_err();
        assert_eq!((failed.code.name, failed.retry_after), ("UNAVAILABLE", Some(1)));
        assert_eq!(db.read(other, visible).unwrap(), [other]);
    }
}

#[test]
fn what_is_not_committed_is_not_reported_as_done() {
    let (_stage, db, [tenant, _]) = two_tenants(TenantMode::Session);
    let rename = |conn: &mut PgConnection| sql_query("UPDATE accounts SET name = 'Changed'").execute(conn);
    let name =
        || db.read(tenant, |conn| number_of(conn, "SELECT count(*) AS number FROM accounts WHERE name = 'Changed'"));
    let left_open = db.write(tenant, |conn| {
        <AnsiTransactionManager as TransactionManager<PgConnection>>::begin_transaction(conn)?;
        rename(conn)?;
        Ok(Verdict::Commit(()))
    });
    assert_eq!(left_open.unwrap_err().code.name, "INTERNAL");
    assert_eq!(name().unwrap(), 0);
    let swallowed = db.write(tenant, |conn| {
        rename(conn)?;
        drop(sql_query("SELECT 1 / 0").execute(conn));
        Ok(Verdict::Commit(()))
    });
    assert!(swallowed.is_err(), "a failed statement ended the transaction");
    assert_eq!(name().unwrap(), 0);
    db.write(tenant, |conn| Ok(Verdict::RollBack(rename(conn)?))).unwrap();
    assert_eq!(name().unwrap(), 0);
    db.write(tenant, |conn| Ok(Verdict::Commit(rename(conn)?))).unwrap();
    assert_eq!(name().unwrap(), 1);
}

#[test]
fn good_requests_keep_their_connection_and_set_the_tenant_only_when_it_changes() {
    let (_stage, db, [one, two]) = two_tenants(TenantMode::Session);
    let pid = |tenant| db.read(tenant, |conn| number_of(conn, "SELECT pg_backend_pid()::bigint AS number")).unwrap();
    let first = pid(one);
    for tenant in [one, two, one, two] {
        assert_eq!(pid(tenant), first);
        db.write(tenant, |conn| visible(conn).map(Verdict::Commit)).unwrap();
        assert_eq!(db.write::<()>(tenant, |_| Err(Error::not_found())).unwrap_err().code.name, "NOT_FOUND");
        db.write(tenant, |conn| conn.transaction(visible).map(Verdict::Commit)).unwrap();
    }
    assert_eq!(pid(one), first, "nothing here was a reason to throw it away");
    drop(db.read(one, |conn| Ok(conn.batch_execute("SET app.tenant = ''")?)));
    assert_ne!(pid(one), first, "this was");
}
