//! Several workers side by side.

use super::{Done, crew, job, put, until, worker};
use kith_db::Verdict;
use kith_jobs::queue::{self, Came, Heard};
use kith_jobs::{Asked, JobState, Progress};
use kith_testkit::Stage;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

#[test]
fn two_workers_do_five_hundred_jobs_of_three_tenants_each_once() {
    let stage = Stage::new();
    let tenants = [stage.tenant(), stage.tenant(), stage.tenant()];
    let mut put_in = BTreeSet::new();
    for (tenant, number) in tenants.iter().zip([400, 60, 40]) {
        let cx = stage.system(tenant);
        let ids = stage.app.db.write(tenant.id, |conn| {
            let one = |number| queue::enqueue(conn, &cx, "test", json!({"number": number}), Asked::default());
            (0..number).map(one).collect::<Result<Vec<_>, _>>().map(Verdict::Commit)
        });
        put_in.extend(ids.unwrap().into_iter().map(|job| job.meta.id));
    }
    let (done, by): (Done, [Done; 2]) = Default::default();
    let crews: Vec<_> = by
        .iter()
        .map(|mine| {
            let (done, mine) = (done.clone(), mine.clone());
            let told = move |job: &kith_jobs::Job, _: &kith_jobs::Work| {
                std::thread::sleep(Duration::from_millis(1));
                done.lock().unwrap().push(job.meta.id);
                mine.lock().unwrap().push(job.meta.id);
                Ok(json!({}))
            };
            worker(&stage).start(crew(2, told)).unwrap()
        })
        .collect();
    until("not all were done", || done.lock().unwrap().len() >= 500);
    // Whoever did one twice would be at it now.
    std::thread::sleep(Duration::from_millis(300));
    drop(crews);
    let done = done.lock().unwrap();
    assert_eq!(done.len(), 500);
    assert_eq!(done.iter().copied().collect::<BTreeSet<_>>(), put_in);
    assert!(by.iter().all(|mine| mine.lock().unwrap().len() > 50), "both had their share");
    // Few do not wait for many: those of the smallest tenant were not the last.
    let last = done.iter().rposition(|id| job_of(&stage, &tenants[2], *id)).unwrap();
    assert!(last < 400, "the last of the smallest tenant was number {last}");
}

fn job_of(stage: &Stage, tenant: &kith_testkit::Tenant, id: uuid::Uuid) -> bool {
    let cx = stage.system(tenant);
    stage.app.db.read(tenant.id, |conn| kith_journal::store::find::<kith_jobs::Job>(conn, &cx, id)).unwrap().is_some()
}

#[test]
fn a_job_whose_worker_is_gone_is_done_by_another_after_its_lease() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let id = put(&stage, &tenant, "test", json!({}), Asked::default()).meta.id;
    let lease = chrono::TimeDelta::seconds(30);
    // Claimed, and never heard of again.
    let cx = stage.system(&tenant);
    let gone = stage.app.db.write(tenant.id, |conn| queue::claim(conn, &cx, &["test"], lease).map(Verdict::Commit));
    let gone = gone.unwrap().unwrap();
    let done = Done::default();
    let mine = done.clone();
    let running = worker(&stage).start(crew(1, move |job, _| {
        mine.lock().unwrap().push(job.meta.id);
        Ok(json!({"by": "another"}))
    }));
    std::thread::sleep(Duration::from_millis(500));
    assert!(done.lock().unwrap().is_empty(), "it is still leased");
    stage.app.clock.advance(lease);
    until("nobody took it over", || job(&stage, &tenant, id).state == JobState::Succeeded);
    drop(running);
    assert_eq!((done.lock().unwrap().len(), job(&stage, &tenant, id).attempts), (1, 2));
    // Who comes back from the dead is not heard.
    let cx = stage.system(&tenant);
    let said = stage.app.db.write(tenant.id, |conn| {
        let kept = queue::keep(conn, &cx, &gone, lease, None)?;
        let came = Came::Failed { why: "Late.".into(), for_good: true };
        Ok(Verdict::Commit((kept, queue::conclude(conn, &cx, &gone, came, None)?)))
    });
    assert_eq!(said.unwrap(), (Heard::Lost, false));
    assert_eq!(job(&stage, &tenant, id).state, JobState::Succeeded);
}

#[test]
fn a_job_that_takes_longer_than_its_lease_stays_with_who_does_it() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let id = put(&stage, &tenant, "test", json!({}), Asked::default()).meta.id;
    let done = Done::default();
    let crews: Vec<_> = (0..2)
        .map(|_| {
            let mine = done.clone();
            let told = move |job: &kith_jobs::Job, work: &kith_jobs::Work| {
                for done in 0..40 {
                    work.go_on()?;
                    work.told(Progress { done, total: Some(40), unit: "steps" });
                    std::thread::sleep(Duration::from_millis(100));
                }
                mine.lock().unwrap().push(job.meta.id);
                Ok(json!({}))
            };
            let crew = kith_worker::Crew { lease: chrono::TimeDelta::milliseconds(2_500), ..crew(1, told) };
            worker(&stage).start(crew).unwrap()
        })
        .collect();
    until("no progress was seen", || job(&stage, &tenant, id).progress.0["done"].as_u64() > Some(5));
    let seen = job(&stage, &tenant, id);
    assert_eq!((seen.meta.version, &seen.progress.0["unit"]), (2, &json!("steps")), "progress makes no version");
    until("it did not end", || job(&stage, &tenant, id).has_ended());
    drop(crews);
    let ended = job(&stage, &tenant, id);
    assert_eq!((ended.state, ended.attempts, done.lock().unwrap().len()), (JobState::Succeeded, 1, 1));
    assert_eq!(ended.progress.0, json!({"done": 39, "total": 40, "unit": "steps"}));
}

#[test]
fn a_worker_that_is_told_to_end_gives_its_job_back() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let id = put(&stage, &tenant, "test", json!({}), Asked::default()).meta.id;
    let begun = Arc::new(Barrier::new(2));
    let met = begun.clone();
    let running = worker(&stage).start(crew(1, move |_, work| {
        met.wait();
        loop {
            work.go_on()?;
            std::thread::sleep(Duration::from_millis(10));
        }
    }));
    begun.wait();
    assert!(running.unwrap().end(Duration::from_secs(10)), "it ended in time");
    let back = job(&stage, &tenant, id);
    assert_eq!((back.state, back.attempts, back.lease_until), (JobState::Queued, 0, None));
    // The next one does it at once, without waiting for any lease.
    let again = worker(&stage).start(crew(1, |_, _| Ok(json!({}))));
    until("nobody took it up", || job(&stage, &tenant, id).state == JobState::Succeeded);
    drop(again);
}

#[test]
fn a_handler_that_panics_fails_and_the_worker_goes_on() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (bad, good) = (Asked { max_attempts: 1, ..Asked::default() }, Asked::default());
    let bad = put(&stage, &tenant, "test", json!({"bad": true}), bad).meta.id;
    let good = put(&stage, &tenant, "test", json!({"bad": false}), good).meta.id;
    let panicked = Arc::new(AtomicBool::new(false));
    let did = panicked.clone();
    let running = worker(&stage).start(crew(1, move |job, _| {
        if job.payload.0["bad"] == json!(true) {
            did.store(true, Ordering::Relaxed);
            panic!("not foreseen");
        }
        Ok(json!({}))
    }));
    until("the good one was not done", || job(&stage, &tenant, good).state == JobState::Succeeded);
    until("the bad one did not fail", || job(&stage, &tenant, bad).state == JobState::Failed);
    drop(running);
    assert!(panicked.load(Ordering::Relaxed));
    let error = job(&stage, &tenant, bad).error.unwrap();
    assert!(!error.contains("foreseen\""), "{error}");
}
