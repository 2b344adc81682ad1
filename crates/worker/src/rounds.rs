//! One look at a tenant: what its own signs say there is to do becomes jobs, or is done at once where that is quick.

use crate::Worker;
use crate::handlers::{PLANS, VALUES};
use chrono::{DateTime, TimeDelta, Utc};
use kith_db::Verdict;
use kith_jobs::{Asked, enqueue, queue, schedule};
use kith_journal::wake::{self, Due};
use kith_kernel::{Cx, Result, Shape};
use kith_loyalty::value::ValueRun;
use serde_json::json;

/// What waits for others, or could not be done, is looked at again after this.
const AGAIN: TimeDelta = TimeDelta::seconds(5);

impl Worker {
    /// Makes the jobs whose time has come, and brings up to date what has to be at once.
    pub(crate) fn look(&self, cx: &Cx) -> Result<()> {
        self.db.write(cx.tenant, |conn| {
            schedule::ensure(conn, cx, PLANS)?;
            schedule::tick(conn, cx, PLANS)?;
            if let Some(run) = ValueRun::pending(conn, cx)? {
                enqueue(
                    conn,
                    cx,
                    VALUES,
                    json!({"runId": run.meta().id}),
                    Asked::once(format!("run {}", run.meta().id)),
                )?;
            }
            Ok(Verdict::Commit(()))
        })?;
        self.refresh(cx)
    }

    /// After a look that found nothing more to do: when the next one is due.
    pub(crate) fn rest(&self, cx: &Cx, seen: &Due) -> Result<()> {
        self.db.write(cx.tenant, |conn| {
            let times = [queue::next_due(conn, cx)?, schedule::next_due(conn, cx)?];
            let next = times.into_iter().flatten().min().map(|next| not_at_once(cx, next));
            wake::settle(conn, cx, seen, next).map(Verdict::Commit)
        })
    }

    /// After a look that failed.
    pub(crate) fn put_off(&self, cx: &Cx, seen: &Due) -> Result<()> {
        self.db.write(cx.tenant, |conn| wake::settle(conn, cx, seen, Some(cx.now + AGAIN)).map(Verdict::Commit))
    }
}

/// What is due and was left by this look is for others, such as processes that know more kinds of jobs.
fn not_at_once(cx: &Cx, next: DateTime<Utc>) -> DateTime<Utc> {
    if next <= cx.now { cx.now + AGAIN } else { next }
}
