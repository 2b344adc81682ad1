//! Schedules make their jobs once, and a tenant with nothing to do is left alone.

use super::{until, worker};
use chrono::TimeDelta;
use diesel::{RunQueryDsl, sql_types as st};
use kith_kernel::Statement;
use kith_testkit::{Stage, Tenant};
use kith_worker::Crew;
use serde_json::json;
use std::time::Duration;

/// The usual crew, but for its patience.
fn usual(stage: &Stage) -> kith_worker::Running {
    let worker = worker(stage);
    let crew = Crew { pause: Duration::from_millis(20), ..Crew::of(&worker, 2) };
    worker.start(crew).unwrap()
}

/// Jobs of each kind, and how many of them have not succeeded.
fn jobs(stage: &Stage, tenant: &Tenant) -> Vec<(String, i64, i64)> {
    let out = Statement::new(
        "SELECT kind, count(*), count(*) FILTER (WHERE state <> 'SUCCEEDED') FROM jobs GROUP BY kind ORDER BY kind",
    );
    stage
        .app
        .db
        .read(tenant.id, |conn| Ok(RunQueryDsl::load(out.typed::<(st::Text, st::BigInt, st::BigInt)>(), conn)?))
        .unwrap()
}

fn each(housekeeping: i64, points: i64, values: i64) -> Vec<(String, i64, i64)> {
    [("housekeeping", housekeeping), ("points.settle", points), ("values.compute", values)]
        .map(|(kind, number)| (kind.to_owned(), number, 0))
        .to_vec()
}

#[actix_web::test]
async fn each_schedule_makes_one_job_each_time_over_two_workers() {
    let stage = Stage::new();
    stage.app.clock.stop_at("2026-03-10T12:00:00Z".parse().unwrap());
    let tenant = stage.tenant();
    // Tenants are made in the present, whatever the clock of the stage says.
    let cx = stage.system(&tenant);
    let woken = stage.app.db.write(tenant.id, |conn| kith_journal::wake::now(conn, &cx).map(kith_db::Verdict::Commit));
    woken.unwrap();
    let crews = [usual(&stage), usual(&stage)];
    until("the first ones were not done", || jobs(&stage, &tenant) == each(1, 1, 1));
    for (now, expected) in [
        ("2026-03-10T12:09:59Z", each(1, 1, 1)),
        ("2026-03-10T12:10:00Z", each(1, 2, 1)),
        ("2026-03-10T13:00:00Z", each(2, 3, 1)),
        // What was missed is made up for once.
        ("2026-03-11T00:00:00Z", each(3, 4, 2)),
    ] {
        stage.app.clock.stop_at(now.parse().unwrap());
        until(&format!("{now}: {:?}", jobs(&stage, &tenant)), || jobs(&stage, &tenant) == expected);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(jobs(&stage, &tenant), expected, "{now}");
    }
    drop(crews);
    let seen = stage.admin(&tenant).get("/v1/schedules?filter[kind]=values.compute").await.expect(200);
    assert_eq!(seen.at("/data/0/cadence"), "at the beginning of each day");
    assert_eq!(seen.at("/data/0/nextRunAt"), "2026-03-12T00:00:00Z");
    assert_eq!(seen.at("/data/0/lastRunAt"), "2026-03-11T00:00:00Z");
    let last = seen.at("/data/0/lastJobId").as_str().unwrap().to_owned();
    let job = stage.admin(&tenant).get(&format!("/v1/jobs/{last}")).await.expect(200);
    assert_eq!((job.at("/kind"), job.at("/state")), (&json!("values.compute"), &json!("SUCCEEDED")));
}

#[actix_web::test]
async fn a_schedule_that_is_switched_off_makes_none() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let crew = usual(&stage);
    until("the first ones were not done", || jobs(&stage, &tenant) == each(1, 1, 1));
    let admin = stage.admin(&tenant);
    let found = admin.get("/v1/schedules?filter[kind]=points.settle").await.expect(200);
    let id = found.at("/data/0/id").as_str().unwrap().to_owned();
    admin.patch(&format!("/v1/schedules/{id}"), json!({"isEnabled": false})).await.expect(200);
    stage.app.clock.advance(TimeDelta::minutes(61));
    until("the other one was not done", || jobs(&stage, &tenant)[0].1 == 2);
    assert_eq!(jobs(&stage, &tenant)[1].1, 1);
    stage.admin(&tenant).patch(&format!("/v1/schedules/{id}"), json!({"isEnabled": true})).await.expect(200);
    until("it was not done again", || jobs(&stage, &tenant)[1].1 == 2);
    drop(crew);
}

#[test]
fn a_tenant_with_nothing_to_do_costs_nothing_until_its_next_time() {
    let stage = Stage::new();
    let tenants: Vec<_> = (0..20).map(|_| stage.tenant()).collect();
    let crew = usual(&stage);
    for tenant in &tenants {
        until("the first ones were not done", || jobs(&stage, tenant) == each(1, 1, 1));
    }
    let wakes = || {
        let out = Statement::new("SELECT count(*), count(*) FILTER (WHERE due_at <= now()) FROM job_wakes");
        let counted = stage.app.db.read(uuid::Uuid::nil(), |conn| {
            Ok(RunQueryDsl::get_result::<(i64, i64)>(out.typed::<(st::BigInt, st::BigInt)>(), conn)?)
        });
        counted.unwrap()
    };
    until("some are still looked at", || wakes().1 == 0);
    let left = wakes().0;
    assert!((20..=60).contains(&left), "{left} reasons to look at 20 tenants");
    drop(crew);
}

#[actix_web::test]
async fn housekeeping_deletes_what_is_old_and_nothing_else() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant).with("idempotency-key", "first");
    admin.post("/v1/tags", json!({"name": "first"})).await.expect(201);
    stage.app.clock.advance(TimeDelta::hours(47));
    let later = stage.admin(&tenant).with("idempotency-key", "later");
    later.post("/v1/tags", json!({"name": "later"})).await.expect(201);
    stage.app.clock.advance(TimeDelta::hours(2));
    let crew = usual(&stage);
    until("it was not done", || jobs(&stage, &tenant) == each(1, 1, 1));
    drop(crew);
    let left = || {
        let out = Statement::new("SELECT key FROM idempotency_keys");
        stage.app.db.read(tenant.id, |conn| Ok(RunQueryDsl::load::<(String,)>(out.typed::<(st::Text,)>(), conn)?))
    };
    assert_eq!(left().unwrap(), [("later".to_owned(),)]);
    let routine = || {
        let out = Statement::new("SELECT id FROM jobs WHERE state = 'SUCCEEDED'");
        let ids = stage
            .app
            .db
            .read(tenant.id, |conn| Ok(RunQueryDsl::load::<(uuid::Uuid,)>(out.typed::<(st::Uuid,)>(), conn)?));
        ids.unwrap().into_iter().collect::<std::collections::BTreeSet<_>>()
    };
    let first = routine();
    // A day later the routine of this day is gone, and that of then is there.
    stage.app.clock.advance(TimeDelta::hours(25));
    let crew = usual(&stage);
    until("it was not done again", || routine().len() == 3 && routine().is_disjoint(&first));
    drop(crew);
}
