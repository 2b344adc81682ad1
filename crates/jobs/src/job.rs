//! Jobs as users see them.

use crate::AREA;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::{log, store, wake};
use kith_kernel::ids::JobId;
use kith_kernel::{
    Action, Command, Custom, Cx, Error, Nothing, Ownership, Resource, Result, Row, Shape, Verb, codes, text_enum,
};
use kith_macros::resource;
use uuid::Uuid;

text_enum! {
    /// How far a job is.
    #[derive(Default)]
    pub enum JobState {
        /// It waits for its time or for a worker.
        #[default]
        Queued = "QUEUED",
        /// A worker is doing it.
        Running = "RUNNING",
        /// It was done.
        Succeeded = "SUCCEEDED",
        /// It was given up.
        Failed = "FAILED",
        /// Somebody did not want it any more.
        Cancelled = "CANCELLED",
    }
}

/// A piece of work that is done in the background, by whichever worker is free. A job that fails is tried again, later
/// each time, until its attempts are used up; a job whose worker is gone is taken over by another. What has ended is kept
/// for 30 days, or for one if nobody asked for it and it was done. Changes of state stand in the change feed where somebody asked for the job; those of jobs that Kith makes
/// by itself do not, nor does progress.
#[resource(table = jobs, id = JobId)]
pub struct Job {
    /// What is done, such as `values.nightly`.
    #[field(filter, read_only, example = "\"values.nightly\"")]
    pub kind: String,
    /// How far it is.
    #[field(filter, read_only)]
    pub state: JobState,
    /// What it is about; its form depends on the kind.
    #[field(read_only)]
    pub payload: Custom,
    /// How much of it is done: `done`, of `total` where that is known, counted in `unit`. It is brought up to date about
    /// once a second, without a new version of the job.
    #[field(read_only)]
    pub progress: Custom,
    /// What came of it; its form depends on the kind.
    #[field(read_only)]
    pub result: Option<Custom>,
    /// Why the last attempt failed.
    #[field(read_only)]
    pub error: Option<String>,
    /// How often it was begun.
    #[field(filter, read_only)]
    pub attempts: i32,
    /// After how many attempts it is given up.
    #[field(read_only)]
    pub max_attempts: i32,
    /// Before when it is not begun.
    #[field(filter, read_only)]
    pub run_after: DateTime<Utc>,
    /// When the last attempt began.
    #[field(filter, read_only)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, one way or another.
    #[field(filter, read_only)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Since when somebody wants it to end. Its worker stops at the next good place.
    #[field(filter, read_only)]
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Names it among those of its kind: asked for again under the same key, it is the same job.
    #[field(filter, read_only)]
    pub unique_key: Option<String>,
    /// Drawn anew by whoever claims it: tells a worker that still has it from one that lost it.
    #[field(hidden)]
    pub lease: Option<Uuid>,
    /// Until when it belongs to that worker.
    #[field(read_only)]
    pub lease_until: Option<DateTime<Utc>>,
}

impl Resource for Job {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: Some("created_by"), team: None, via: &[] };

    fn commands() -> Vec<Command> {
        let may = |cx: &Cx| cx.require(cx.entry(Job::NAME)?, Action::Update).map(drop);
        vec![
            Command::new(
                "cancel",
                "Ends a job that has not ended. One that waits is cancelled at once; one that runs stops at the next good place, and what it has done until then stays done.",
                may,
                cancel,
            ),
            Command::new(
                "retry",
                "Has a job done again that failed or was cancelled. Its attempts count from the start.",
                may,
                retry,
            ),
        ]
    }
}

impl Job {
    /// Whether it is over.
    pub fn has_ended(&self) -> bool {
        !matches!(self.state, JobState::Queued | JobState::Running)
    }

    /// Ends it in a state.
    pub(crate) fn end(&mut self, cx: &Cx, state: JobState) {
        (self.state, self.finished_at) = (state, Some(cx.now));
        self.let_go();
    }

    /// Puts it back into the queue.
    pub(crate) fn wait(&mut self, until: DateTime<Utc>) {
        (self.state, self.run_after, self.finished_at) = (JobState::Queued, until, None);
        self.let_go();
    }

    pub(crate) fn let_go(&mut self) {
        (self.lease, self.lease_until) = (None, None);
    }

    /// Saves what became of it. What somebody asked for leaves its steps in the journal; what Kith does by itself, every
    /// few minutes and for ever, would fill the feed with nothing that anybody decided.
    pub(crate) fn save(
        &self,
        conn: &mut PgConnection,
        cx: &Cx,
        before: &Self,
        step: log::Operation,
    ) -> Result<Box<dyn Row>> {
        let entry = cx.entry(Self::NAME)?;
        let mut row = self.clone();
        row.meta.version = before.meta.version.saturating_add(1);
        (row.meta.updated_at, row.meta.updated_by) = (cx.now, cx.actor.principal());
        let stored = store::save(conn, entry, &row, before.meta.version)?;
        if self.meta.created_by.is_some() || cx.actor.principal().is_some() {
            log::record(conn, cx, entry, step, Some(before), stored.as_ref())?;
        }
        Ok(stored)
    }
}

/// The job, locked, for somebody who may change it.
fn locked(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>) -> Result<Job> {
    cx.require_version(seen)?;
    let row = store::lock(conn, cx, cx.entry(Job::NAME)?, id, Action::Update)?;
    let current = row.meta().version;
    if seen.is_some_and(|seen| seen != current) {
        let detail = format!("The record is at version {current}. Read it again.");
        return Err(Error::new(&codes::VERSION_CONFLICT, detail));
    }
    row.any().downcast_ref::<Job>().cloned().ok_or_else(|| Error::internal("a row of another resource"))
}

fn cancel(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    let before = locked(conn, cx, id, seen)?;
    let mut job = before.clone();
    match before.state {
        JobState::Cancelled => return Ok(Box::new(before)),
        JobState::Running if before.cancel_requested_at.is_some() => return Ok(Box::new(before)),
        JobState::Queued => {
            job.cancel_requested_at = Some(cx.now);
            job.end(cx, JobState::Cancelled);
            job.save(conn, cx, &before, "cancelled")
        }
        JobState::Running => {
            job.cancel_requested_at = Some(cx.now);
            job.save(conn, cx, &before, "cancel-requested")
        }
        JobState::Succeeded | JobState::Failed => {
            Err(Error::new(&codes::ILLEGAL_TRANSITION, "The job has ended; there is nothing to cancel."))
        }
    }
}

fn retry(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    let before = locked(conn, cx, id, seen)?;
    if !matches!(before.state, JobState::Failed | JobState::Cancelled) {
        let detail =
            format!("The job is {}; only one that is FAILED or CANCELLED can be done again.", before.state.as_str());
        return Err(Error::new(&codes::ILLEGAL_TRANSITION, detail));
    }
    let mut job = before.clone();
    (job.attempts, job.error, job.cancel_requested_at) = (0, None, None);
    job.wait(cx.now);
    wake::now(conn, cx)?;
    job.save(conn, cx, &before, "retried")
}
