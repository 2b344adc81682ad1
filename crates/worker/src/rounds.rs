//! One look at a tenant: what its own signs say there is to do becomes jobs, or is done at once where that is quick.

use crate::Worker;
use crate::handlers::{PLANS, VALUES};
use crate::sender::Sender;
use chrono::{DateTime, TimeDelta, Utc};
use kith_db::Verdict;
use kith_jobs::{Asked, enqueue, queue, schedule};
use kith_journal::wake::{self, Due};
use kith_kernel::{Cx, Result, Shape};
use kith_loyalty::value::ValueRun;
use kith_webhooks::{dispatch, outbox};
use serde_json::json;

/// What waits for others, or could not be done, is looked at again after this.
const AGAIN: TimeDelta = TimeDelta::seconds(5);
/// Parts of the feed that are read for an endpoint before others have their turn.
const PARTS: usize = 20;

impl Worker {
    /// Makes the jobs whose time has come, brings up to date what has to be at once, and sends what has to be sent.
    pub(crate) fn look(&self, cx: &Cx, sender: &Sender) -> Result<()> {
        self.db.write(cx.tenant, |conn| {
            schedule::ensure(conn, cx, PLANS)?;
            schedule::tick(conn, cx, PLANS)?;
            if let Some(run) = ValueRun::pending(conn, cx)? {
                let id = run.meta().id;
                enqueue(conn, cx, VALUES, json!({"runId": id}), Asked::once(format!("run {id}")))?;
            }
            Ok(Verdict::Commit(()))
        })?;
        self.dispatch(cx, sender)?;
        self.refresh(cx)
    }

    /// Reads the feed for the tenant's webhooks, and hands out what can be sent now.
    pub(crate) fn dispatch(&self, cx: &Cx, sender: &Sender) -> Result<()> {
        for endpoint in self.db.read(cx.tenant, |conn| dispatch::active(conn, cx))? {
            for _ in 0..PARTS {
                if !self.db.write(cx.tenant, |conn| dispatch::advance(conn, cx, &endpoint).map(Verdict::Commit))? {
                    break;
                }
            }
            let room = sender.room();
            let claimed =
                self.db.write(cx.tenant, |conn| outbox::claim(conn, cx, &endpoint, room).map(Verdict::Commit))?;
            claimed.into_iter().for_each(|outgoing| sender.send(self, outgoing));
        }
        Ok(())
    }

    /// After a look: when the next one is due. As long as jobs wait for a worker, the reason to look stays.
    pub(crate) fn rest(&self, cx: &Cx, seen: &Due, kinds: &[&str]) -> Result<()> {
        self.db.write(cx.tenant, |conn| {
            if !queue::waits(conn, cx, kinds)? {
                let times = [queue::next_due(conn, cx)?, schedule::next_due(conn, cx)?, dispatch::next_look(conn, cx)?];
                let next = times.into_iter().flatten().min().map(|next| not_at_once(cx, next));
                wake::settle(conn, cx, seen, next)?;
            }
            Ok(Verdict::Commit(()))
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
