//! The threads: one that looks at tenants, some that do jobs, and one that keeps the leases of what they do.

use crate::Worker;
use crate::sender::{Lookup, Sender};
use chrono::TimeDelta;
use kith_db::Verdict;
use kith_jobs::queue::{self, Came, Heard};
use kith_jobs::{Handler, Job, Stop, Work};
use kith_journal::wake::{self, Due};
use kith_kernel::{Cx, Error, ErrorKind, Result};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Tenants to look at that are read at once.
const WAKES: i64 = 500;
/// Between two words to the queue about a job in hand.
const BEAT: Duration = Duration::from_secs(1);

/// How work is shared out.
pub struct Crew {
    /// Jobs that are done at once.
    pub threads: usize,
    /// What does each kind of job.
    pub handlers: Vec<Box<dyn Handler>>,
    /// How long a job belongs to a worker that gives no sign of life.
    pub lease: TimeDelta,
    /// The longest time before it is looked whether there is something to do.
    pub pause: Duration,
    /// Finds the addresses of those whom webhooks are sent to.
    pub lookup: Lookup,
}

impl Crew {
    /// So many threads for every kind of job there is.
    pub fn of(worker: &Worker, threads: usize) -> Self {
        Crew {
            threads,
            handlers: crate::handlers(worker),
            lease: TimeDelta::seconds(30),
            pause: BEAT,
            lookup: crate::sender::system(),
        }
    }
}

/// What the threads share.
struct Shared {
    worker: Worker,
    crew: Crew,
    ending: AtomicBool,
    rest: Condvar,
    resting: Mutex<()>,
    sender: Sender,
    /// Jobs in hand; at most one a thread.
    in_hand: Mutex<Vec<(Job, Work)>>,
}

/// Workers at work. When this is dropped they give back what they can and end with the rest.
pub struct Running {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({} threads)", self.threads.len())
    }
}

impl Running {
    /// Has them end: handlers stop where they can, and their jobs go back into the queue. Whoever has not ended by then is
    /// left behind, and its job to whoever finds the lease over. Whether all have ended.
    pub fn end(mut self, within: Duration) -> bool {
        self.tell();
        let until = Instant::now() + within;
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            if Instant::now() >= until {
                self.threads.clear();
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.shared.sender.end(until.saturating_duration_since(Instant::now()))
    }

    fn tell(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        for (_, work) in held(&self.shared.in_hand).iter() {
            work.stop(Stop::Ending);
        }
        self.shared.rest.notify_all();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tell();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// What a panic left behind is as good as before: whole values are put in and taken out.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Starts working in threads of their own.
    pub fn start(self, crew: Crew) -> std::io::Result<Running> {
        let threads = crew.threads;
        let sender = Sender::start(crew.lookup.clone())?;
        let shared = Arc::new(Shared {
            worker: self,
            crew,
            ending: AtomicBool::new(false),
            rest: Condvar::new(),
            resting: Mutex::new(()),
            sender,
            in_hand: Mutex::default(),
        });
        let mut running = Running { shared: shared.clone(), threads: Vec::new() };
        let spawn = |name: String, work: fn(&Shared)| {
            let shared = shared.clone();
            std::thread::Builder::new().name(name).spawn(move || work(&shared))
        };
        for number in 0..threads {
            running.threads.push(spawn(format!("worker {number}"), Shared::work)?);
        }
        if threads > 0 {
            running.threads.push(spawn("leases".to_owned(), Shared::keep_leases)?);
            running.threads.push(spawn("rounds".to_owned(), Shared::look_around)?);
            let told = Arc::downgrade(&shared);
            shared.sender.tell(move || {
                if let Some(shared) = told.upgrade() {
                    shared.nudge();
                }
            });
        }
        Ok(running)
    }
}

impl Shared {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Until there may be something to do.
    fn pause(&self, longest: Duration) {
        let guard = held(&self.resting);
        if !self.is_ending() {
            drop(self.rest.wait_timeout(guard, longest));
        }
    }

    /// Has the threads look at once.
    fn nudge(&self) {
        self.rest.notify_all();
    }

    /// Looks at every tenant that is due, again and again: the one thread that does is never kept by a job.
    fn look_around(&self) {
        while !self.is_ending() {
            if let Err(error) = self.round() {
                tracing::warn!(%error, "the worker cannot see what there is to do");
            }
            self.nudge();
            self.pause(self.crew.pause);
        }
    }

    fn round(&self) -> Result<()> {
        let kinds = self.kinds();
        for seen in self.due()? {
            if self.is_ending() {
                break;
            }
            let looked = self.worker.cx(seen.tenant).and_then(|cx| {
                self.worker.look(&cx, &self.sender)?;
                self.worker.rest(&cx, &seen, &kinds)
            });
            if let Err(error) = looked {
                tracing::warn!(%error, tenant = %seen.tenant, "a look at a tenant failed");
                self.worker.put_off(&self.worker.blank(seen.tenant), &seen)?;
            }
        }
        Ok(())
    }

    fn due(&self) -> Result<Vec<Due>> {
        let now = self.worker.clock.now();
        self.worker.db.read(Uuid::nil(), |conn| wake::due(conn, now, WAKES))
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.crew.handlers.iter().map(|handler| handler.kind()).collect()
    }

    /// Does jobs, one after another.
    fn work(&self) {
        while !self.is_ending() {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => self.pause(self.crew.pause),
                Err(error) => {
                    tracing::warn!(%error, "the worker cannot see what there is to do");
                    self.pause(self.crew.pause.max(BEAT));
                }
            }
        }
    }

    /// At most one job for each tenant that is due, so that none waits for all of another's. Whether there was one.
    fn turn(&self) -> Result<bool> {
        let (kinds, mut busy) = (self.kinds(), false);
        for Due { tenant, .. } in self.due()? {
            if self.is_ending() {
                break;
            }
            let cx = self.worker.cx(tenant)?;
            let claimed = self
                .worker
                .db
                .write(tenant, |conn| queue::claim(conn, &cx, &kinds, self.crew.lease).map(Verdict::Commit))?;
            if let Some(job) = claimed {
                self.perform(job, cx);
                busy = true;
            }
        }
        Ok(busy)
    }

    /// Does a job that was claimed.
    fn perform(&self, job: Job, cx: Cx) {
        let Some(handler) = self.crew.handlers.iter().find(|handler| handler.kind() == job.kind) else { return };
        let work = Work::new(cx);
        held(&self.in_hand).push((job.clone(), work.clone()));
        if self.is_ending() {
            work.stop(Stop::Ending);
        }
        let began = Instant::now();
        let done = std::panic::catch_unwind(AssertUnwindSafe(|| handler.run(&job, &work)));
        held(&self.in_hand).retain(|(other, _)| other.lease != job.lease);
        let came = match (done, work.stopped()) {
            (_, Some(Stop::Lost)) => return,
            (Ok(Ok(result)), _) => Came::Done(result),
            (Ok(Err(_)), Some(Stop::Cancelled)) => Came::Cancelled,
            (Ok(Err(_)), Some(Stop::Ending)) => Came::GivenBack,
            (Ok(Err(error)), None) => failed(&job, error),
            (Err(_), _) => Came::Failed { why: "It ended in a way that was not foreseen.".to_owned(), for_good: false },
        };
        tracing::debug!(kind = %job.kind, tenant = %job.meta.tenant_id, took = ?began.elapsed(), ?came, "job");
        // As of now, not of when it began.
        let cx = self.worker.blank(job.meta.tenant_id);
        let news = work.news();
        let told = self.worker.db.write(cx.tenant, |conn| {
            queue::conclude(conn, &cx, &job, came.clone(), news.as_ref()).map(Verdict::Commit)
        });
        if let Err(error) = told {
            // Its lease will end, and somebody will do it again.
            tracing::warn!(%error, job = %job.meta.id, "what became of a job could not be written down");
        }
    }

    /// Says once a second of every job in hand that it is, how far it is, and hears whether it shall stop.
    fn keep_leases(&self) {
        let in_hand = || held(&self.in_hand).clone();
        while !self.is_ending() || !in_hand().is_empty() {
            std::thread::sleep(if self.is_ending() { BEAT / 10 } else { BEAT });
            for (job, work) in in_hand() {
                let (cx, news) = (self.worker.blank(job.meta.tenant_id), work.news());
                let heard = self.worker.db.write(cx.tenant, |conn| {
                    queue::keep(conn, &cx, &job, self.crew.lease, news.as_ref()).map(Verdict::Commit)
                });
                match heard {
                    Ok(Heard::GoOn) => {}
                    Ok(Heard::Cancel) => work.stop(Stop::Cancelled),
                    // It may just have been concluded.
                    Ok(Heard::Lost) => work.stop(Stop::Lost),
                    Err(error) => tracing::warn!(%error, job = %job.meta.id, "the lease of a job could not be kept"),
                }
            }
        }
    }
}

/// What a failure means. Where the cause lies in what the job is about, it would fail again.
fn failed(job: &Job, error: Error) -> Came {
    let ours = matches!(error.code.kind, ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::TimedOut);
    let passes = ours || matches!(error.code.kind, ErrorKind::RateLimited);
    tracing::warn!(%error, kind = %job.kind, job = %job.meta.id, "a job failed");
    let why = if ours { error.code.title.to_owned() } else { error.detail };
    Came::Failed { why, for_good: !passes }
}
