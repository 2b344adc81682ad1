//! A run in steps: whoever takes it over goes on behind the last page, nobody sees any of it before all of it is there, and
//! what changes meanwhile is told at once and is right afterwards.

use super::Market;
use super::steady::{all, stages};
use chrono::TimeDelta;
use diesel::{RunQueryDsl, sql_query, sql_types as st};
use kith_flows::value;
use kith_journal::derived;
use kith_kernel::{Error, codes};
use kith_worker::Worker;
use serde_json::{Value, json};
use std::cell::Cell;

const CUSTOMERS: usize = 60;

/// Customers who bought at rates of their own, computed once.
async fn market() -> Market {
    let market = Market::on("2026-11-20");
    let keys: Vec<String> = (0..CUSTOMERS).map(|at| format!("c{at}")).collect();
    market.accounts(&keys).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "25"})).await;
    let order = |at: usize| {
        let (customer, day) = (at % CUSTOMERS, 1 + at % 28);
        let month = 1 + (at * 7 + customer) % 10;
        Market::order(
            &format!("c{customer}"),
            at,
            &format!("2026-{month:02}-{day:02}"),
            &format!("{}", 10 + customer * 7 + at),
        )
    };
    market.orders(&(0..CUSTOMERS * 4).map(order).collect::<Vec<_>>()).await;
    market.run(None).await;
    market
}

/// Computes pages of ten until so many accounts are drafted.
fn until(market: &Market, accounts: usize) -> kith_kernel::Result<usize> {
    let worker = Worker { page: 10, ..market.worker() };
    let cx = worker.cx(market.tenant.id).unwrap();
    worker.compute(&cx, |done| match done >= accounts {
        true => Err(Error::new(&codes::UNAVAILABLE, "Stopped.")),
        false => Ok(()),
    })
}

fn count(market: &Market, what: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = st::BigInt)]
        count: i64,
    }
    let mut owner = market.stage.scratch.owner();
    sql_query(format!("SELECT count(*) AS count FROM {what}")).get_result::<Count>(&mut owner).unwrap().count
}

async fn everything(market: &Market) -> Vec<Vec<Value>> {
    let mut found = vec![stages(market).await];
    for resource in ["value-profiles", "clv-estimates", "loyalty-assessments", "churn-risks"] {
        found.push(all(market, resource).await);
    }
    found
}

#[actix_web::test]
async fn a_run_that_is_cut_off_goes_on_behind_its_last_page() {
    let mut market = market().await;
    market.go_to("2026-11-21");
    let before = everything(&market).await;
    until(&market, 20).unwrap_err();
    let drafts = count(&market, "value_profiles_drafts");
    assert_eq!((drafts, count(&market, "value_runs WHERE status = 'RUNNING'")), (20, 1));
    assert_eq!(everything(&market).await[1..], before[1..], "nobody sees half of it");
    // The next one is told of pages that were not there yet, and of no other.
    let first = Cell::new(0);
    let worker = Worker { page: 10, ..market.worker() };
    let cx = worker.cx(market.tenant.id).unwrap();
    let told = |done: usize| {
        first.set(if first.get() == 0 { done } else { first.get() });
        Ok(())
    };
    let accounts = worker.compute(&cx, told).unwrap();
    assert!(accounts >= CUSTOMERS, "{accounts}");
    assert_eq!(first.get(), 30);
    assert_eq!(count(&market, "value_profiles_drafts"), 0);
    let resumed = everything(&market).await;
    assert_ne!(resumed[1], before[1], "another day, other values");
    // The same as if nothing had happened.
    market.run(None).await;
    assert_eq!(everything(&market).await, resumed);
    let run = market.admin.get("/v1/value-runs?sort=-finishedAt&limit=1").await.expect(200);
    assert_eq!(run.at("/data/0/accounts"), &json!(accounts));
}

#[actix_web::test]
async fn what_changes_during_a_run_is_told_at_once_and_is_right_afterwards() {
    let mut market = market().await;
    market.go_to("2026-11-21");
    until(&market, 30).unwrap_err();
    // Of one whose page is done and of one whose page is not.
    for (customer, key) in [("c0", 9_000), ("c59", 9_001)] {
        market.orders(&[Market::order(customer, key, "2026-11-20", "1000")]).await;
    }
    let revenue = |account: &Value| super::number(&account["valueProfile"]["revenue"]);
    let was =
        [revenue(&market.account("c0", "valueProfile").await), revenue(&market.account("c59", "valueProfile").await)];
    market.work(false);
    for (at, customer) in ["c0", "c59"].iter().enumerate() {
        assert_eq!(revenue(&market.account(customer, "valueProfile").await), was[at] + 1000.0, "{customer}");
    }
    assert_eq!(count(&market, "customer_touches WHERE status = 'AGAIN'"), 2);
    market.work(true);
    assert_eq!(count(&market, "customer_touches"), 0);
    let now = everything(&market).await;
    for (at, customer) in ["c0", "c59"].iter().enumerate() {
        assert_eq!(revenue(&market.account(customer, "valueProfile").await), was[at] + 1000.0, "{customer}");
    }
    // One by one against the same borders.
    let (db, cx) = (&market.stage.app.db, market.stage.system(&market.tenant));
    let rows =
        db.read(market.tenant.id, |conn| kith_journal::store::rows::<kith_loyalty::ValueProfile>(conn, &cx, |_| {}));
    let ids: Vec<_> = rows.unwrap().iter().map(|row| row.meta.id).collect();
    db.write(market.tenant.id, |conn| derived::touch(conn, &cx, &ids).map(kith_db::Verdict::Commit)).unwrap();
    market.work(false);
    assert_eq!(everything(&market).await[1..], now[1..]);
}

#[actix_web::test]
async fn a_run_that_is_cut_off_after_it_was_published_is_finished_by_the_next() {
    let mut market = market().await;
    market.go_to("2026-11-21");
    until(&market, CUSTOMERS).unwrap_err();
    let (db, tenant) = (&market.stage.app.db, market.tenant.id);
    let cx = market.stage.system(&market.tenant);
    let cx = kith_kernel::Cx { now: cx.now + TimeDelta::minutes(1), ..cx };
    let claim = db.write(tenant, |conn| value::claim(conn, &cx).map(kith_db::Verdict::Commit)).unwrap().unwrap();
    let rules = db.read(tenant, |conn| value::Rules::of(conn, &cx, claim.run)).unwrap();
    let draft = || db.write(tenant, |conn| value::draft(conn, &cx, &claim, &rules, 10).map(kith_db::Verdict::Commit));
    while draft().unwrap().is_some() {}
    let finish = || db.write(tenant, |conn| value::finish(conn, &cx, &claim, &rules).map(kith_db::Verdict::Commit));
    assert_eq!(finish().unwrap_err().code.name, "INTERNAL", "what was not published is not finished");
    let publish = || db.quietly(tenant, |conn| value::publish(conn, &cx, &claim, &rules));
    publish().unwrap();
    let published = everything(&market).await;
    assert_eq!(count(&market, "value_runs WHERE status = 'RUNNING' AND published > 0"), 1);
    // Cut off here. Whoever takes it over publishes nothing again, and says what was.
    db.write(tenant, |conn| value::let_go(conn, &cx, &claim).map(kith_db::Verdict::Commit)).unwrap();
    market.work(true);
    assert_eq!(everything(&market).await, published);
    let run = market.admin.get("/v1/value-runs?sort=-finishedAt&limit=1").await.expect(200);
    assert_eq!((run.at("/data/0/status"), run.at("/data/0/asOf")), (&json!("DONE"), &json!("2026-11-21")));
    assert!(run.at("/data/0/changed").as_i64().unwrap() > 0);
}

#[actix_web::test]
async fn a_run_is_computed_by_one_at_a_time() {
    let market = market().await;
    market.admin.post("/v1/value-runs", json!({})).await.expect(201);
    let (db, tenant) = (&market.stage.app.db, market.tenant.id);
    let cx = market.stage.system(&market.tenant);
    let claim =
        |cx: &kith_kernel::Cx| db.write(tenant, |conn| value::claim(conn, cx).map(kith_db::Verdict::Commit)).unwrap();
    let mine = claim(&cx).unwrap();
    assert!(claim(&cx).is_none(), "it has just been heard of");
    let later = kith_kernel::Cx { now: cx.now + TimeDelta::minutes(1), ..cx.clone() };
    let theirs = claim(&later).unwrap();
    let learned = db.survey(tenant, |conn| value::learn(conn, &later, theirs.run)).unwrap().unwrap();
    let keep =
        |claim| db.write(tenant, |conn| value::keep(conn, &later, claim, &learned).map(kith_db::Verdict::Commit));
    assert_eq!(keep(&mine).unwrap_err().code.name, "CONFLICT", "whoever lost it writes nothing");
    keep(&theirs).unwrap();
    assert!(claim(&later).is_none());
    let failed = db.write(tenant, |conn| value::fail(conn, &later, &mine, "x").map(kith_db::Verdict::Commit));
    assert_eq!(failed.unwrap_err().code.name, "CONFLICT");
    // Left on purpose, it can be had at once.
    db.write(tenant, |conn| value::let_go(conn, &later, &theirs).map(kith_db::Verdict::Commit)).unwrap();
    assert!(claim(&later).is_some());
}

#[test]
fn drafts_have_the_columns_of_their_tables() {
    let scratch = kith_testkit::Scratch::new().unwrap();
    #[derive(diesel::QueryableByName)]
    struct Name {
        #[diesel(sql_type = st::Text)]
        name: String,
    }
    let columns = "SELECT attname, atttypid, atttypmod, attnotnull FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid";
    let query = format!(
        "SELECT d.relname::text AS name FROM pg_class d JOIN pg_class t ON t.relname || '_drafts' = d.relname AND t.relkind = 'r' \
         WHERE EXISTS (({columns} = d.oid EXCEPT {columns} = t.oid) UNION ALL ({columns} = t.oid EXCEPT {columns} = d.oid))"
    );
    let found = sql_query(query).load::<Name>(&mut scratch.owner()).unwrap();
    assert_eq!(found.into_iter().map(|row| row.name).collect::<Vec<_>>(), Vec::<String>::new());
    let drafts =
        sql_query("SELECT relname::text AS name FROM pg_class WHERE relname LIKE '%\\_drafts' AND relkind = 'r'");
    assert_eq!(drafts.load::<Name>(&mut scratch.owner()).unwrap().len(), 6);
}
