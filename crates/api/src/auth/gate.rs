//! Keeps password hashing from taking the machine: few at once, a short queue, and a quick "not now" after that.

use kith_kernel::{Error, Result, codes};
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};

/// Hashes at once.
const AT_ONCE: usize = 2;
/// How many may wait.
const WAITING: usize = 32;

/// See the module.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Those at work and those who wait.
    inside: Arc<Semaphore>,
    /// Those at work.
    working: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Gate::new()
    }
}

impl Gate {
    /// Two at work, 32 waiting.
    pub fn new() -> Self {
        Gate { inside: Arc::new(Semaphore::new(AT_ONCE + WAITING)), working: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Runs `work` on a thread of its own, in turn; `OVERLOADED` at once when too many wait. A caller who goes away
    /// gives up the place in the queue, but work that has begun keeps its place until it is done.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let inside = self.inside.clone().try_acquire_owned().map_err(|_| overloaded())?;
        let working = self.working.clone().acquire_owned().await.map_err(Error::internal)?;
        let (answer, answered) = oneshot::channel();
        let thread = move || {
            let done = work();
            drop((working, inside));
            // Nobody may be waiting any more.
            answer.send(done).ok();
        };
        std::thread::Builder::new()
            .name("password".into())
            .spawn(thread)
            .map_err(|error| Error { source: Some(Box::new(error)), ..overloaded() })?;
        answered.await.map_err(|_| Error::internal("the hashing of a password did not end well"))
    }
}

fn overloaded() -> Error {
    Error {
        retry_after: Some(1),
        ..Error::new(&codes::OVERLOADED, "Too many passwords are being checked at the moment.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn two_work_thirty_two_wait_and_the_next_is_sent_away() {
        let gate = Gate::new();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..40 {
            let (gate, now, most) = (gate.clone(), now.clone(), most.clone());
            tasks.push(tokio::spawn(async move {
                gate.run(move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    now.fetch_sub(1, Ordering::SeqCst);
                })
                .await
            }));
        }
        let mut refused = 0;
        for task in tasks {
            if let Err(error) = task.await.unwrap() {
                assert_eq!((error.code.name, error.retry_after), ("OVERLOADED", Some(1)));
                refused += 1;
            }
        }
        assert_eq!((refused, most.load(Ordering::SeqCst)), (6, 2));
        assert_eq!(gate.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn who_goes_away_or_panics_leaves_no_place_taken() {
        let gate = Gate::new();
        for _ in 0..3 {
            assert_eq!(gate.run(|| panic!("on purpose")).await.map(|()| 0).unwrap_err().code.name, "INTERNAL");
        }
        for _ in 0..100 {
            let slow = gate.run(|| std::thread::sleep(Duration::from_millis(1)));
            tokio::time::timeout(Duration::from_micros(1), slow).await.ok();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!((gate.inside.available_permits(), gate.working.available_permits()), (AT_ONCE + WAITING, AT_ONCE));
    }
}
