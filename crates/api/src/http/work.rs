//! How much is at work at once, and when a request gets there: with its whole body, when there is a place or one comes
//! free within a second. Who drips a body has a connection and nothing else.

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use kith_kernel::{Error, Result, codes};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Requests at work for each connection to the database: one is served, the others wait beside it.
const PLACES: u32 = 4;
/// How long work waits for a thread, and with it for a connection.
const CONNECTION: Duration = Duration::from_secs(1);
/// Where files of any length come in: their bodies are read as they come, by who has limits of their own.
pub const STREAMS: &str = "/v1/bulk/";
/// What has to answer whatever else goes on.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// See the module.
#[derive(Clone, Debug)]
pub struct Work {
    places: Arc<Semaphore>,
    /// How long a request waits for a place.
    pub queue: Duration,
    /// How long a body may take.
    pub body: Duration,
}

/// A place at work, given back when the request ends or goes to wait elsewhere.
#[derive(Clone)]
pub struct Place(Rc<Cell<Option<OwnedSemaphorePermit>>>);

impl Place {
    /// Gives the place to somebody else.
    pub fn give_up(&self) {
        self.0.take();
    }
}

impl Work {
    /// For so many connections to the database.
    pub fn new(connections: u32) -> Self {
        let places = usize::try_from(connections.saturating_mul(PLACES)).unwrap_or(usize::MAX);
        Work {
            places: Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))),
            queue: Duration::from_secs(1),
            body: Duration::from_secs(30),
        }
    }

    /// Places that are free.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Waits for the whole body and then for a place, which a probe does without.
    pub async fn admit(&self, request: &mut ServiceRequest) -> Result<Place> {
        if request.path().starts_with(STREAMS) {
            return Ok(Place(Rc::default()));
        }
        self.whole_body(request).await?;
        if PROBES.contains(&request.path()) {
            return Ok(Place(Rc::default()));
        }
        let permit = match self.places.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => match timeout(self.queue, self.places.clone().acquire_owned()).await {
                Ok(permit) => permit.map_err(Error::internal)?,
                Err(_) => return Err(busy()),
            },
        };
        Ok(Place(Rc::new(Cell::new(Some(permit)))))
    }

    /// Reads the body and puts it back in one piece. What is wrong with it is told by whoever needs it, after the
    /// rights: a flaw is put back as well.
    async fn whole_body(&self, request: &mut ServiceRequest) -> Result<()> {
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        // One that is announced as too large is refused without being read.
        // That of a socket has no end.
        let socket = crate::graphql::is_socket(request.head());
        if socket
            || matches!(request.parts().1, Payload::None)
            || length.is_some_and(|length| length > super::body::MAX_BODY)
        {
            return Ok(());
        }
        let payload = request.parts_mut().1.take();
        let read = timeout(self.body, collect(payload)).await;
        let detail = "The body did not arrive in time. Send it again.";
        let read = read.map_err(|_| Error::new(&codes::REQUEST_TIMEOUT, detail))?;
        request.set_payload(match read {
            Ok(bytes) => Payload::from(bytes),
            Err(flaw) => Payload::Stream { payload: Box::pin(stream::iter([Err(flaw)])) },
        });
        Ok(())
    }
}

/// Runs work that waits for the database on a thread for such work. There are as many threads as connections, so the
/// wait for one is the wait for the other, and ends after a second like that. A panic there is our fault and is logged
/// as such.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let taken = Arc::new(AtomicBool::new(false));
    let mine = taken.clone();
    let mut running = tokio::task::spawn_blocking(move || {
        let given_up = mine.swap(true, Ordering::AcqRel);
        if given_up { Err(busy()) } else { work() }
    });
    let done = match timeout(CONNECTION, &mut running).await {
        Ok(done) => done,
        // Not to be waited for: it takes a thread even to end what has not begun.
        Err(_) if !taken.swap(true, Ordering::AcqRel) => return Err(busy()),
        // What has begun has limits of its own.
        Err(_) => running.await,
    };
    done.map_err(Error::internal)?
}

async fn collect(mut payload: Payload) -> Result<Bytes, PayloadError> {
    // Most bodies come in one piece, which needs no copy.
    let first = payload.next().await.transpose()?.unwrap_or_default();
    let Some(second) = payload.next().await.transpose()? else { return Ok(first) };
    let mut all = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(more) = next {
        if all.len() + more.len() > super::body::MAX_BODY {
            return Err(PayloadError::Overflow);
        }
        all.extend_from_slice(&more);
        next = payload.next().await.transpose()?;
    }
    Ok(all.freeze())
}

fn busy() -> Error {
    Error { retry_after: Some(1), ..Error::new(&codes::OVERLOADED, "There are more requests than can be answered.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_that_finds_no_thread_is_sent_away_and_never_begins() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        let began = Instant::now();
        let (slow, waiting) = runtime.block_on(async {
            let slow = blocking(|| {
                std::thread::sleep(Duration::from_millis(1_600));
                Ok(1)
            });
            futures_util::future::join(slow, blocking(|| -> Result<i32> { panic!("it began") })).await
        });
        assert_eq!(slow.unwrap(), 1, "what has begun is finished");
        let refused = waiting.unwrap_err();
        assert_eq!((refused.code.name, refused.retry_after), ("OVERLOADED", Some(1)));
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(
            runtime.block_on(blocking(|| -> Result<i32> { panic!("on purpose") })).unwrap_err().code.name,
            "INTERNAL"
        );
    }
}
