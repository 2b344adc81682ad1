//! Sends webhooks. Whoever finds something to send hands it over and goes on: a receiver that is slow, or hangs, holds its
//! own places and nobody else's.

use crate::Worker;
use kith_db::Verdict;
use kith_webhooks::address;
use kith_webhooks::outbox::{self, Outgoing, Went};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use std::error::Error as StdError;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

/// Requests under way at once.
const PLACES: usize = 256;
/// The longest that a request may take, from the look-up of the name to the head of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Finds the addresses of a host; it may block.
pub type Lookup = Arc<dyn Fn(&str) -> std::io::Result<Vec<SocketAddr>> + Send + Sync>;

/// As the operating system finds them.
pub fn system() -> Lookup {
    Arc::new(|host| Ok((host, 0).to_socket_addrs()?.collect()))
}

/// Why a name leads nowhere, as attempts tell it.
#[derive(Debug)]
struct Nowhere(&'static str);

impl std::fmt::Display for Nowhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Nowhere {}

/// Resolves names to addresses that may be connected to. What it returns is what is connected to: nobody looks again.
struct Resolver {
    lookup: Lookup,
    is_guarded: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, is_guarded) = (self.lookup.clone(), self.is_guarded);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || lookup(&host)).await;
            let found = found.ok().and_then(Result::ok).filter(|found| !found.is_empty()).ok_or(Nowhere("RESOLVE"))?;
            let found = if is_guarded { address::all_public(found).ok_or(Nowhere("ADDRESS"))? } else { found };
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

type Told = Arc<Mutex<Option<Box<dyn Fn() + Send + Sync>>>>;

/// Sends what it is given.
pub(crate) struct Sender {
    /// None once it has ended.
    runtime: Option<Runtime>,
    guarded: reqwest::Client,
    open: reqwest::Client,
    places: Arc<Semaphore>,
    /// Who writes down what came of requests: one after another, as there is one connection for them.
    writing: Arc<Semaphore>,
    told: Told,
}

/// A client whose every request looks its receiver's addresses up anew.
fn client(lookup: Lookup, is_guarded: bool) -> std::io::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .dns_resolver(Resolver { lookup, is_guarded })
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(TIMEOUT)
        .no_proxy()
        .user_agent("Kith-Webhooks/1");
    builder.build().map_err(std::io::Error::other)
}

impl Sender {
    pub(crate) fn start(lookup: Lookup) -> std::io::Result<Self> {
        // Look-ups that hang take a thread each; more than these wait until the request's time is over.
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).max_blocking_threads(32).thread_name("webhooks").enable_all();
        Ok(Sender {
            runtime: Some(runtime.build()?),
            guarded: client(lookup.clone(), true)?,
            open: client(lookup, false)?,
            places: Arc::new(Semaphore::new(PLACES)),
            writing: Arc::new(Semaphore::new(1)),
            told: Told::default(),
        })
    }

    /// Whom to tell that something was sent, so that what waited for it can go.
    pub(crate) fn tell(&self, told: impl Fn() + Send + Sync + 'static) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(told));
    }

    /// How much more can be sent at present.
    pub(crate) fn room(&self) -> i64 {
        i64::try_from(self.places.available_permits()).unwrap_or(i64::MAX)
    }

    /// Sends something, beside whoever asks for it. Without a place it is left to the end of its lease.
    pub(crate) fn send(&self, worker: &Worker, outgoing: Outgoing) {
        let (Some(runtime), Ok(place)) = (&self.runtime, self.places.clone().try_acquire_owned()) else { return };
        let (guarded, open, worker) = (self.guarded.clone(), self.open.clone(), worker.clone());
        let (writing, told) = (self.writing.clone(), self.told.clone());
        runtime.spawn(async move {
            let began = Instant::now();
            let went = match outgoing.receiver() {
                Ok(receiver) => {
                    let client = if receiver.is_exempt { open } else { guarded };
                    attempt(&client, receiver.url.as_str(), &outgoing, &worker).await
                }
                Err(went) => went,
            };
            let took = i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX);
            let turn = writing.acquire_owned().await;
            let written = tokio::task::spawn_blocking(move || conclude(&worker, &outgoing, went, took)).await;
            drop((turn, place, written));
            if let Some(told) = &*told.lock().unwrap_or_else(PoisonError::into_inner) {
                told();
            }
        });
    }

    /// Waits for what is under way. Whether all of it came to its end.
    pub(crate) fn end(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        while self.places.available_permits() < PLACES {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // What is under way then is sent again after its lease.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Writes down what came of it. If that fails, the delivery is sent again after its lease: at least once.
fn conclude(worker: &Worker, outgoing: &Outgoing, went: Went, took: i32) {
    let cx = worker.blank(outgoing.delivery.meta.tenant_id);
    for pause in [100, 400, 0] {
        let written = worker
            .db
            .write(cx.tenant, |conn| outbox::conclude(conn, &cx, &outgoing.delivery, went, took).map(Verdict::Commit));
        match written {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "what came of a webhook could not be written down"),
        }
        std::thread::sleep(Duration::from_millis(pause));
    }
}

async fn attempt(client: &reqwest::Client, url: &str, outgoing: &Outgoing, worker: &Worker) -> Went {
    let Ok(headers) = outgoing.headers(worker.clock.now()) else { return Went::failed("CONNECTION") };
    let request = client.post(url).body(outgoing.body.clone());
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    match request.send().await {
        // The body is not read: nobody is shown it.
        Ok(answer) => Went::answered(answer.status().as_u16()),
        Err(error) if error.is_timeout() => Went::failed("TIMEOUT"),
        Err(error) => Went::failed(cause(&error)),
    }
}

/// What a failed request failed of.
fn cause(error: &reqwest::Error) -> &'static str {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(nowhere) = error.downcast_ref::<Nowhere>() {
            return nowhere.0;
        }
        let text = error.to_string();
        if ["certificate", "handshake", "TLS"].iter().any(|word| text.contains(word)) {
            return "TLS";
        }
        next = error.source();
    }
    "CONNECTION"
}
