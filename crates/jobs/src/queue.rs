//! The queue. A job is put in by the transaction that wants it done, and belongs to one worker at a time: whoever claims
//! it draws a lease, and every later word about the job names that lease, so that a worker that was believed dead cannot
//! speak for a job that somebody else does by now.

use crate::{Job, JobState, Progress};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{log, store, wake};
use kith_kernel::{Bind, Custom, Cx, Meta, Result, Shape, Statement};
use rand::Rng;
use serde_json::Value;

/// How a job is to be done.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Names it among those of its kind: the same job is not put in twice, not even after it has ended.
    pub key: Option<String>,
    /// Not before.
    pub run_after: Option<DateTime<Utc>>,
    /// After so many attempts it is given up.
    pub max_attempts: i32,
}

impl Default for Asked {
    fn default() -> Self {
        Asked { key: None, run_after: None, max_attempts: 5 }
    }
}

impl Asked {
    /// Once for each key.
    pub fn once(key: impl Into<String>) -> Self {
        Asked { key: Some(key.into()), ..Asked::default() }
    }
}

/// The wait after the first failure; it doubles with every other.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(5);
/// The longest wait.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// Puts a job in, in the transaction of whoever wants it done: there is a job exactly if that commits. With a key that is
/// known, the job that has it.
pub fn enqueue(conn: &mut PgConnection, cx: &Cx, kind: &str, payload: Value, asked: Asked) -> Result<Job> {
    if let Some(key) = &asked.key {
        store::one_at_a_time(conn, cx, &format!("jobs|{kind}|{key}"))?;
        if let Some(known) = by_key(conn, cx, kind, key)? {
            return Ok(known);
        }
    }
    let mut job = Job::blank(Meta::new(cx));
    (job.kind, job.payload, job.unique_key) = (kind.to_owned(), Custom(payload), asked.key);
    (job.state, job.max_attempts) = (JobState::Queued, asked.max_attempts.max(1));
    job.run_after = asked.run_after.unwrap_or(cx.now);
    let entry = cx.entry(Job::NAME)?;
    let stored = store::insert(conn, entry, &job)?;
    if job.meta.created_by.is_some() {
        log::record(conn, cx, entry, log::CREATED, None, stored.as_ref())?;
    }
    match job.run_after <= cx.now {
        true => wake::now(conn, cx)?,
        false => wake::at(conn, cx, job.run_after)?,
    }
    Ok(job)
}

fn by_key(conn: &mut PgConnection, cx: &Cx, kind: &str, key: &str) -> Result<Option<Job>> {
    let found = store::rows::<Job>(conn, cx, |out| {
        out.sql(" AND t.kind = ").bind(Bind::Text(Some(kind.to_owned())));
        out.sql(" AND t.unique_key = ").bind(Bind::Text(Some(key.to_owned())));
    })?;
    Ok(found.into_iter().next())
}

/// Claims the job of these kinds that is due longest, or whose worker is gone, for as long as `lease`. Workers do not wait
/// for each other: what one is claiming, the others step over.
pub fn claim(conn: &mut PgConnection, cx: &Cx, kinds: &[&str], lease: TimeDelta) -> Result<Option<Job>> {
    loop {
        let found = store::rows::<Job>(conn, cx, |out| {
            claimable(cx, kinds, out);
            out.sql(" ORDER BY t.run_after, t.id LIMIT 1 FOR UPDATE SKIP LOCKED");
        })?;
        let Some(before) = found.into_iter().next() else { return Ok(None) };
        let mut job = before.clone();
        // Its worker is gone, and nobody is to do it again.
        if before.cancel_requested_at.is_some() {
            job.end(cx, JobState::Cancelled);
            job.save(conn, cx, &before, "cancelled")?;
            continue;
        }
        if before.attempts >= before.max_attempts {
            job.error = Some(job.error.unwrap_or_else(|| "Its worker was gone before it had ended.".to_owned()));
            job.end(cx, JobState::Failed);
            job.save(conn, cx, &before, "failed")?;
            continue;
        }
        (job.state, job.started_at, job.attempts) = (JobState::Running, Some(cx.now), job.attempts.saturating_add(1));
        (job.lease, job.lease_until) = (Some(cx.new_id()), Some(cx.now + lease));
        job.progress = Custom::default();
        let stored = job.save(conn, cx, &before, "started")?;
        return Ok(stored.any().downcast_ref::<Job>().cloned());
    }
}

/// What a worker hears when it says that it is still at a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Go on.
    GoOn,
    /// Somebody wants the job to end.
    Cancel,
    /// It belongs to somebody else.
    Lost,
}

/// Keeps a claimed job for another `lease`, and writes down how far it is. Nobody decided that, so it makes no version and
/// leaves nothing in the journal: a job of an hour would put thousands of rows into everybody's feed.
pub fn keep(conn: &mut PgConnection, cx: &Cx, job: &Job, lease: TimeDelta, news: Option<&Progress>) -> Result<Heard> {
    let mut out = Statement::new("UPDATE jobs SET lease_until = ");
    out.bind(Bind::Time(Some(cx.now + lease)));
    if let Some(news) = news {
        out.sql(", progress = ").bind(Bind::Json(Some((&news.json()).into())));
    }
    out.sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ");
    out.bind(Bind::Uuid(Some(job.meta.id))).sql(" AND lease = ").bind(Bind::Uuid(job.lease));
    out.sql(" RETURNING cancel_requested_at IS NOT NULL");
    let rows: Vec<(bool,)> = RunQueryDsl::load(out.typed::<(st::Bool,)>(), conn)?;
    Ok(match rows.first() {
        Some((true,)) => Heard::Cancel,
        Some((false,)) => Heard::GoOn,
        None => Heard::Lost,
    })
}

/// What became of a claimed job.
#[derive(Clone, Debug)]
pub enum Came {
    /// It was done, with this result.
    Done(Value),
    /// It failed for this reason; it is tried again while attempts are left, unless that is of no use.
    Failed {
        /// Why, for users.
        why: String,
        /// It would fail again.
        for_good: bool,
    },
    /// It stopped because somebody cancelled it.
    Cancelled,
    /// It stopped because the process ends; that was no attempt.
    GivenBack,
}

/// Writes down what became of a claimed job, with the last word about its progress. False: it belonged to somebody else by
/// then, and nothing was written.
pub fn conclude(conn: &mut PgConnection, cx: &Cx, claimed: &Job, came: Came, news: Option<&Progress>) -> Result<bool> {
    let found = store::rows::<Job>(conn, cx, |out| {
        out.sql(" AND t.id = ").bind(Bind::Uuid(Some(claimed.meta.id)));
        out.sql(" AND t.lease = ").bind(Bind::Uuid(claimed.lease)).sql(" FOR UPDATE");
    })?;
    let Some(before) = found.into_iter().next() else { return Ok(false) };
    let mut job = before.clone();
    if let Some(news) = news {
        job.progress = Custom(news.json());
    }
    let step = match came {
        Came::Done(result) => {
            (job.result, job.error) = (Some(Custom(result)).filter(|result| !result.0.is_null()), None);
            job.end(cx, JobState::Succeeded);
            "succeeded"
        }
        Came::Cancelled => {
            job.end(cx, JobState::Cancelled);
            "cancelled"
        }
        Came::GivenBack => {
            job.attempts = job.attempts.saturating_sub(1);
            job.wait(cx.now);
            wake::now(conn, cx)?;
            "given-back"
        }
        Came::Failed { why, for_good } => {
            job.error = Some(why);
            if for_good || job.attempts >= job.max_attempts {
                job.end(cx, JobState::Failed);
                "failed"
            } else {
                job.wait(cx.now + backoff(job.attempts, FIRST_WAIT, LONGEST_WAIT));
                wake::at(conn, cx, job.run_after)?;
                "put-off"
            }
        }
    };
    job.save(conn, cx, &before, step)?;
    Ok(true)
}

/// The wait after so many failures: it doubles each time up to the longest, and up to a half more is drawn, so that what
/// failed together does not come back together.
pub fn backoff(failures: i32, first: TimeDelta, longest: TimeDelta) -> TimeDelta {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(30);
    let wait = first.num_milliseconds().saturating_mul(1 << doublings).min(longest.num_milliseconds());
    TimeDelta::milliseconds(wait.saturating_add(rand::rng().random_range(0..=wait / 2)))
}

/// Whether there is a job of these kinds to claim now.
pub fn waits(conn: &mut PgConnection, cx: &Cx, kinds: &[&str]) -> Result<bool> {
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM jobs t WHERE t.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    claimable(cx, kinds, &mut out);
    out.sql(")");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// The condition on jobs that can be claimed now.
fn claimable(cx: &Cx, kinds: &[&str], out: &mut Statement) {
    out.sql(" AND t.state IN ('QUEUED', 'RUNNING') AND t.run_after <= ").bind(Bind::Time(Some(cx.now)));
    out.sql(" AND (t.lease_until IS NULL OR t.lease_until <= ").bind(Bind::Time(Some(cx.now)));
    out.sql(") AND t.kind = ANY(").bind(Bind::Texts(kinds.iter().map(|kind| (*kind).to_owned()).collect())).sql(")");
}

/// When the tenant's next unfinished job is due: by its time, or by the end of its worker's lease.
pub fn next_due(conn: &mut PgConnection, cx: &Cx) -> Result<Option<DateTime<Utc>>> {
    let mut out = Statement::new("SELECT min(greatest(run_after, lease_until)) FROM jobs WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND state IN ('QUEUED', 'RUNNING')");
    Ok(RunQueryDsl::get_result::<(Option<DateTime<Utc>>,)>(out.typed::<(st::Nullable<st::Timestamptz>,)>(), conn)?.0)
}

/// Deletes jobs that ended before a time, and those of which nobody will ask, as they were nobody's and ended well, before
/// another; at most `limit`. How many.
pub fn prune(
    conn: &mut PgConnection,
    cx: &Cx,
    before: DateTime<Utc>,
    routine_before: DateTime<Utc>,
    limit: i64,
) -> Result<usize> {
    let tenant = Bind::Uuid(Some(cx.tenant));
    let mut out = Statement::new("DELETE FROM jobs WHERE tenant_id = ");
    out.bind(tenant.clone()).sql(" AND id IN (SELECT id FROM jobs WHERE tenant_id = ").bind(tenant);
    out.sql(" AND finished_at < ").bind(Bind::Time(Some(before.max(routine_before))));
    out.sql(" AND (finished_at < ").bind(Bind::Time(Some(before)));
    out.sql(" OR created_by IS NULL AND state = 'SUCCEEDED' AND finished_at < ");
    out.bind(Bind::Time(Some(routine_before))).sql(")");
    out.sql(" ORDER BY finished_at LIMIT ").bind(Bind::BigInt(Some(limit))).sql(")");
    Ok(out.execute(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ() {
        for (failures, least) in [(1, 5), (2, 10), (3, 20), (9, 1_280), (10, 2_560), (11, 3_600), (500, 3_600)] {
            let drawn: Vec<_> = (0..50).map(|_| backoff(failures, FIRST_WAIT, LONGEST_WAIT)).collect();
            let (least, most) = (TimeDelta::seconds(least), TimeDelta::milliseconds(least * 1_500));
            assert!(drawn.iter().all(|wait| (least..=most).contains(wait)), "{failures}: {drawn:?}");
            assert!(drawn.iter().any(|wait| *wait != drawn[0]), "{failures}: no two differ");
        }
    }
}
