//! Every kind of job there is. A kind of another area is a struct with its `Handler` and a line in [`handlers`].

use crate::Worker;
use chrono::TimeDelta;
use kith_db::Verdict;
use kith_jobs::{Cadence, Handler, Job, Plan, Progress, Work, queue};
use kith_journal::{feed, push};
use kith_kernel::{Bind, Cx, Result, Statement};
use kith_webhooks::dispatch;
use serde_json::{Value, json};

/// Computes the values of all customers that a run waits for, and every night anyway, when marks of importance end, too.
pub(crate) const VALUES: &str = "values.compute";
const POINTS: &str = "points.settle";
const HOUSEKEEPING: &str = "housekeeping";

/// The schedules that every tenant has.
pub const PLANS: &[Plan] = &[
    Plan { kind: VALUES, cadence: Cadence::Nightly },
    Plan { kind: POINTS, cadence: Cadence::Minutes(10) },
    Plan { kind: HOUSEKEEPING, cadence: Cadence::Minutes(60) },
];

/// What does each kind.
pub fn handlers(worker: &Worker) -> Vec<Box<dyn Handler>> {
    let worker = || worker.clone();
    vec![
        Box::new(Values(worker())),
        Box::new(crate::bulk::Bulk(worker())),
        Box::new(Points(worker())),
        Box::new(Housekeeping(worker())),
    ]
}

struct Values(Worker);

impl Handler for Values {
    fn kind(&self) -> &'static str {
        VALUES
    }
    fn run(&self, _: &Job, work: &Work) -> Result<Value> {
        let cx = self.0.cx(work.cx.tenant)?;
        let accounts = self.0.compute(&cx, |accounts| {
            work.told(Progress { done: u64::try_from(accounts).unwrap_or(u64::MAX), total: None, unit: "accounts" });
            work.go_on()
        })?;
        let marks = self.0.expire_marks(&cx, || work.go_on())?;
        Ok(json!({"accounts": accounts, "marks": marks}))
    }
}

struct Points(Worker);

impl Handler for Points {
    fn kind(&self) -> &'static str {
        POINTS
    }
    fn run(&self, _: &Job, work: &Work) -> Result<Value> {
        let cx = self.0.cx(work.cx.tenant)?;
        Ok(json!({"members": self.0.settle_points(&cx, || work.go_on())?}))
    }
}

/// Rows that one statement deletes, so that none takes long.
const AT_ONCE: i64 = 5_000;
/// How long an answer is kept under its idempotency key.
const KEYS: TimeDelta = TimeDelta::hours(48);
/// How long it is remembered what came of an offline change.
const PUSHES: TimeDelta = TimeDelta::days(30);
/// How long a job is kept that somebody asked for or that did not end well.
const JOBS: TimeDelta = TimeDelta::days(30);
/// How long any other is.
const ROUTINE: TimeDelta = TimeDelta::days(1);

struct Housekeeping(Worker);

impl Housekeeping {
    /// Deletes until there is nothing left to delete.
    fn all(&self, work: &Work, some: impl Fn(&mut diesel::PgConnection, &Cx) -> Result<usize>) -> Result<usize> {
        let mut gone = 0;
        loop {
            work.go_on()?;
            match self.0.db.write(work.cx.tenant, |conn| some(conn, &work.cx).map(Verdict::Commit))? {
                0 => return Ok(gone),
                some => gone += some,
            }
        }
    }
}

impl Handler for Housekeeping {
    fn kind(&self) -> &'static str {
        HOUSEKEEPING
    }
    fn run(&self, _: &Job, work: &Work) -> Result<Value> {
        let keys = self.all(work, prune_keys)?;
        let jobs = self.all(work, |conn, cx| queue::prune(conn, cx, cx.now - JOBS, cx.now - ROUTINE, AT_ONCE))?;
        let deliveries = self.all(work, |conn, cx| dispatch::prune(conn, cx, cx.now - JOBS, AT_ONCE))?;
        let pushes = self.all(work, |conn, cx| push::forget(conn, cx, PUSHES))?;
        let changes = self.all(work, |conn, cx| feed::prune(conn, cx, self.0.keep_changes))?;
        Ok(json!({
            "idempotencyKeys": keys, "jobs": jobs, "webhookDeliveries": deliveries, "pushedChanges": pushes, "changes": changes,
        }))
    }
}

fn prune_keys(conn: &mut diesel::PgConnection, cx: &Cx) -> Result<usize> {
    let tenant = Bind::Uuid(Some(cx.tenant));
    let mut out = Statement::new("DELETE FROM idempotency_keys WHERE tenant_id = ");
    out.bind(tenant.clone())
        .sql(" AND (principal_id, key) IN (SELECT principal_id, key FROM idempotency_keys WHERE tenant_id = ");
    out.bind(tenant).sql(" AND created_at <= ").bind(Bind::Time(Some(cx.now - KEYS)));
    out.sql(" LIMIT ").bind(Bind::BigInt(Some(AT_ONCE))).sql(")");
    Ok(out.execute(conn)?)
}
