//! What does the jobs of a kind, and what it is told and tells while it does.

use crate::Job;
use kith_kernel::{Cx, Error, Result, codes};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Does all jobs of one kind. It may be called again for a job that it has done in part, or in full just before its worker
/// died: what it does twice must come to the same as once.
pub trait Handler: Send + Sync {
    /// Which kind, such as `values.nightly`.
    fn kind(&self) -> &'static str;
    /// Does one. Its result is shown to users. It asks [`Work::go_on`] wherever it can stop, and ends with what that says.
    fn run(&self, job: &Job, work: &Work) -> Result<Value>;
}

/// Why a handler shall stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody cancelled the job.
    Cancelled,
    /// The process ends; another will go on.
    Ending,
    /// The job belongs to another worker by now.
    Lost,
}

/// How much is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// So much.
    pub done: u64,
    /// Of this, where it is known.
    pub total: Option<u64>,
    /// Of what, such as `rows`.
    pub unit: &'static str,
}

impl Progress {
    /// As it is kept.
    pub fn json(&self) -> Value {
        json!({"done": self.done, "total": self.total, "unit": self.unit})
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// 0: go on.
    stop: AtomicU8,
    told: Mutex<Option<Progress>>,
}

/// What a handler is given beside its job. The worker keeps the lease, writes progress down and listens for the end in a
/// thread of its own, so that a handler can take its time over a statement.
#[derive(Clone, Debug)]
pub struct Work {
    /// Kith itself at work for the tenant. A handler that acts for whoever asked finds their rights by the job's
    /// `created_by`.
    pub cx: Cx,
    shared: Arc<Shared>,
}

impl Work {
    /// For one job.
    pub fn new(cx: Cx) -> Self {
        Work { cx, shared: Arc::default() }
    }

    /// Tells how much is done. It costs nothing: the last word is written down about once a second.
    pub fn told(&self, progress: Progress) {
        *self.shared.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    /// An error as soon as the work shall stop; a handler ends with it.
    pub fn go_on(&self) -> Result<()> {
        match self.stopped() {
            None => Ok(()),
            Some(stop) => Err(Error::new(&codes::CONFLICT, format!("The job shall stop: {stop:?}."))),
        }
    }

    /// Why it shall stop, if it shall.
    pub fn stopped(&self) -> Option<Stop> {
        match self.shared.stop.load(Ordering::Relaxed) {
            1 => Some(Stop::Cancelled),
            2 => Some(Stop::Ending),
            3 => Some(Stop::Lost),
            _ => None,
        }
    }

    /// For the worker: has the handler stop. That the job is lost outdoes everything, as nothing of it may be written then.
    pub fn stop(&self, why: Stop) {
        let code = match why {
            Stop::Cancelled => 1,
            Stop::Ending => 2,
            Stop::Lost => 3,
        };
        self.shared.stop.fetch_max(code, Ordering::Relaxed);
    }

    /// For the worker: what was told since it asked last.
    pub fn news(&self) -> Option<Progress> {
        self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
