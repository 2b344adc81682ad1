//! The queue: each job is done once, by whoever is there, whatever becomes of the others; schedules tick once.

mod crew;
mod rules;
mod schedules;

use crate::tenancy::records::Ids;
use kith_db::Verdict;
use kith_jobs::{Asked, Handler, Job, Plan, Work, enqueue, schedule};
use kith_kernel::{Cx, Result};
use kith_testkit::{Stage, Tenant};
use kith_worker::{Crew, Worker};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A job and a schedule, as the walks over all resources need.
pub fn one_of_each(stage: &Stage, tenant: &Tenant, ids: &mut Ids) {
    let job = put(stage, tenant, "test", json!({}), Asked::default());
    ids.insert("jobs", job.meta.id.to_string());
    let cx = stage.system(tenant);
    let plans = [Plan { kind: "test", cadence: kith_jobs::Cadence::Minutes(10) }];
    let made = stage.app.db.write(tenant.id, |conn| {
        schedule::ensure(conn, &cx, &plans)?;
        let found = kith_journal::store::rows::<kith_jobs::Schedule>(conn, &cx, |_| {})?;
        Ok(Verdict::Commit(found[0].meta.id))
    });
    ids.insert("schedules", made.unwrap().to_string());
}

/// Puts a job in, as Kith itself.
pub fn put(stage: &Stage, tenant: &Tenant, kind: &str, payload: Value, asked: Asked) -> Job {
    put_as(stage, &stage.system(tenant), kind, payload, asked)
}

pub fn put_as(stage: &Stage, cx: &Cx, kind: &str, payload: Value, asked: Asked) -> Job {
    let put = stage
        .app
        .db
        .write(cx.tenant, |conn| enqueue(conn, cx, kind, payload.clone(), asked.clone()).map(Verdict::Commit));
    put.unwrap()
}

/// A worker as another process would have it: with a pool of its own, and the clock of the stage.
pub fn worker(stage: &Stage) -> Worker {
    let app = &stage.app;
    let options =
        kith_db::Options { size: 6, wait: Duration::from_secs(10), ..kith_db::Options::new(stage.scratch.url.clone()) };
    let db = kith_db::Db::open(options).unwrap();
    Worker::new(db, app.clock.clone(), kith_api::catalogue(), app.instance.cursor_key.clone())
}

/// Does jobs of the kind `test` as it is told.
pub struct Told<F>(pub F);

impl<F: Fn(&Job, &Work) -> Result<Value> + Send + Sync> Handler for Told<F> {
    fn kind(&self) -> &'static str {
        "test"
    }
    fn run(&self, job: &Job, work: &Work) -> Result<Value> {
        self.0(job, work)
    }
}

/// A crew that does nothing but jobs of the kind `test`.
pub fn crew(threads: usize, told: impl Fn(&Job, &Work) -> Result<Value> + Send + Sync + 'static) -> Crew {
    Crew {
        threads,
        handlers: vec![Box::new(Told(told))],
        lease: chrono::TimeDelta::seconds(30),
        pause: Duration::from_millis(20),
        lookup: kith_worker::system(),
    }
}

/// The ids of the jobs that were done, in order.
pub type Done = Arc<Mutex<Vec<Uuid>>>;

/// Waits until something holds.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A job as it is.
pub fn job(stage: &Stage, tenant: &Tenant, id: Uuid) -> Job {
    let cx = stage.system(tenant);
    stage.app.db.read(tenant.id, |conn| kith_journal::store::find::<Job>(conn, &cx, id)).unwrap().unwrap()
}
