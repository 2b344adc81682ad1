//! How jobs are put in, put off, cancelled, retried and seen.

use super::{crew, job, put, put_as, until, worker};
use chrono::TimeDelta;
use kith_db::Verdict;
use kith_jobs::{Asked, JobState, enqueue};
use kith_kernel::{Actor, Cx, Error, PrincipalKind, codes};
use kith_testkit::Stage;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[test]
fn a_job_is_there_exactly_if_its_transaction_is_and_once_for_each_key() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let cx = stage.system(&tenant);
    let dropped = stage.app.db.write(tenant.id, |conn| {
        enqueue(conn, &cx, "test", json!({}), Asked::default()).map(|job| Verdict::RollBack(job.meta.id))
    });
    let found =
        stage.app.db.read(tenant.id, |conn| kith_journal::store::find::<kith_jobs::Job>(conn, &cx, dropped.unwrap()));
    assert!(found.unwrap().is_none());
    let ids: Vec<_> = std::thread::scope(|scope| {
        let put = |_| scope.spawn(|| put(&stage, &tenant, "test", json!({}), Asked::once("one")).meta.id);
        let all: Vec<_> = (0..8).map(put).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let other = put(&stage, &tenant, "other", json!({}), Asked::once("one")).meta.id;
    assert_ne!(other, ids[0], "keys are those of a kind");
}

#[test]
fn a_job_that_fails_is_put_off_longer_each_time_until_it_is_given_up() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let id = put(&stage, &tenant, "test", json!({}), Asked { max_attempts: 3, ..Asked::default() }).meta.id;
    let tried = Arc::new(AtomicU32::new(0));
    let count = tried.clone();
    let running = worker(&stage).start(crew(1, move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Err(Error::unavailable("gone"))
    }));
    for (attempts, least) in [(1, 5), (2, 10)] {
        until("it was not tried", || {
            let job = job(&stage, &tenant, id);
            job.attempts == attempts && job.state == JobState::Queued
        });
        let wait = job(&stage, &tenant, id).run_after - stage.now();
        assert!(wait > TimeDelta::seconds(least - 2) && wait <= TimeDelta::milliseconds(least * 1_500), "{wait}");
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(tried.load(Ordering::Relaxed), u32::try_from(attempts).unwrap(), "it waits");
        stage.app.clock.advance(wait);
    }
    until("it was not given up", || job(&stage, &tenant, id).state == JobState::Failed);
    drop(running);
    let ended = job(&stage, &tenant, id);
    assert_eq!(ended.attempts, 3);
    assert_eq!(ended.error.as_deref(), Some(codes::UNAVAILABLE.title));
    assert!(ended.finished_at.is_some());
}

#[test]
fn a_job_that_can_never_be_done_is_not_tried_again() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let id = put(&stage, &tenant, "test", json!({}), Asked::default()).meta.id;
    let running = worker(&stage).start(crew(1, |_, _| Err(Error::invalid("/x", "INVALID", "Never."))));
    until("it was not given up", || job(&stage, &tenant, id).state == JobState::Failed);
    drop(running);
    assert_eq!(job(&stage, &tenant, id).attempts, 1);
}

#[actix_web::test]
async fn jobs_are_seen_cancelled_and_done_again_over_both_apis() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let waits = put(&stage, &tenant, "test", json!({"a": 1}), Asked::default()).meta.id;
    let seen = admin.get(&format!("/v1/jobs/{waits}")).await.expect(200);
    assert_eq!(
        (seen.at("/state"), seen.at("/payload/a"), seen.at("/attempts")),
        (&json!("QUEUED"), &json!(1), &json!(0))
    );
    assert!(seen.body.get("lease").is_none());
    let path = format!("/v1/jobs/{waits}");
    assert_eq!(admin.post(&format!("{path}/retry"), json!({})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    let cancelled = admin.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!(cancelled.at("/state"), "CANCELLED");
    admin.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    let again =
        admin.graphql("mutation($id: UUID!) { jobRetry(id: $id) { state attempts } }", json!({"id": waits})).await;
    assert_eq!(again.at("/data/jobRetry"), &json!({"state": "QUEUED", "attempts": 0}), "{}", again.body);
    // One that runs stops where it can.
    let running = worker(&stage).start(crew(1, |_, work| {
        loop {
            work.go_on()?;
            std::thread::sleep(Duration::from_millis(10));
        }
    }));
    until("it did not begin", || job(&stage, &tenant, waits).state == JobState::Running);
    let asked = admin.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!(asked.at("/state"), "RUNNING");
    until("it did not stop", || job(&stage, &tenant, waits).state == JobState::Cancelled);
    drop(running);
    let listed = admin.get("/v1/jobs?filter[state]=CANCELLED&filter[kind]=test").await.expect(200);
    assert_eq!(listed.at("/data/0/id"), &json!(waits));
    admin.post("/v1/jobs", json!({})).await.expect(405);
}

#[actix_web::test]
async fn a_member_cancels_what_they_asked_for_and_nothing_else() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let user = stage.user(&tenant, "MEMBER");
    let member = stage.client(&tenant, user);
    let actor = Actor { kind: PrincipalKind::User, id: user, ..Actor::system() };
    let cx = Cx { actor: Arc::new(actor), ..stage.system(&tenant) };
    let mine = put_as(&stage, &cx, "test", json!({}), Asked::default()).meta.id;
    let ours = put(&stage, &tenant, "test", json!({}), Asked::default()).meta.id;
    member.post(&format!("/v1/jobs/{mine}/cancel"), json!({})).await.expect(200);
    member.post(&format!("/v1/jobs/{ours}/cancel"), json!({})).await.expect(403);
    // What somebody asked for stands in the journal; what Kith does by itself does not.
    let count = |id: uuid::Uuid| {
        let mut out = kith_kernel::Statement::new("SELECT count(*) FROM change_log WHERE tenant_id = ");
        out.bind(kith_kernel::Bind::Uuid(Some(tenant.id))).sql(" AND record_id = ");
        out.bind(kith_kernel::Bind::Uuid(Some(id)));
        stage.app.db.read(tenant.id, |conn| {
            use diesel::{RunQueryDsl, sql_types as st};
            Ok(RunQueryDsl::get_result::<(i64,)>(out.typed::<(st::BigInt,)>(), conn)?.0)
        })
    };
    assert_eq!((count(mine).unwrap(), count(ours).unwrap()), (2, 0));
}
