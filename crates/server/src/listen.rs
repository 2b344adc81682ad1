//! Connections: how many there may be, and how long each may take over a head, over reading an answer, and over nothing.
//!
//! The framework limits only the first head of a connection. So the stream under it keeps the time of every head, as
//! [`Pulse`] tells it when one has come whole, and of an answer that nobody reads. Bodies have their limit in
//! [`kith_api::http::work`].

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{AppConfig, Response, Server, ServiceResponse};
use actix_web::rt::net::TcpStream;
use anyhow::{Context as _, Result};
use kith_api::http::edge::PROBLEM;
use kith_api::http::problem::document;
use kith_api::http::pulse::Pulse;
use kith_kernel::{Error, codes};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpSocket;
use tokio::time::{Sleep, sleep_until};
use uuid::Uuid;

/// Connections that wait until somebody takes them.
const BACKLOG: u32 = 1_024;

/// How long what may take, and how many connections there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The head of a request, the first and every later one.
    pub head: Duration,
    /// A connection on which nothing happens.
    pub idle: Duration,
    /// How long a client that was refused may go on sending, so that it comes to read why.
    pub linger: Duration,
    /// Connections.
    pub most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Limits { head: seconds(10), idle: seconds(75), linger: seconds(5), most: 1_024 }
    }
}

/// Lets the process open as many files as there may be connections, and some for the database, where the usual limit is
/// lower than the highest that it may set itself.
pub fn make_room(limits: Limits) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(limits.most).unwrap_or(u64::MAX).saturating_add(512);
    let wanted = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if limit.current.is_some_and(|current| current < wanted) {
        // Tolerated: then connections wait until others end.
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).ok();
    }
}

/// Begins to listen. Needs a runtime around it.
pub fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Who handles requests, and how many at once.
#[derive(Clone, Copy, Debug)]
pub struct Workers {
    /// Threads that handle requests.
    pub count: usize,
    /// Threads for each of them that wait for the database.
    pub blocking: usize,
    /// Seconds that requests in flight are given at shutdown.
    pub shutdown: u64,
}

/// A server on `listener`, at work as soon as it is awaited. `app` makes the application, once a worker.
pub fn server<A, I, S, B>(listener: TcpListener, limits: Limits, workers: Workers, app: A) -> Result<Server>
where
    A: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, actix_http::Request>,
    S: ServiceFactory<actix_http::Request, Config = AppConfig, Response = ServiceResponse<B>, InitError = ()> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::Future: 'static,
    <S::Service as Service<actix_http::Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let builder = Server::build()
        .workers(workers.count)
        .worker_max_blocking_threads(workers.blocking)
        // The framework counts for each worker.
        .max_concurrent_connections(limits.most.checked_div(workers.count).unwrap_or(1).max(1))
        .shutdown_timeout(workers.shutdown)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let connections = move || {
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(limits.idle)
            // Kept by the stream, for every head.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(limits.linger)
            .on_connect_ext(|stream: &Timed, data| {
                data.insert(stream.pulse.clone());
            })
            .h1(map_config(app().into_factory().map_err(refusal), |()| AppConfig::default()));
        let take = move |stream: TcpStream| async move {
            let peer = stream.peer_addr().ok();
            Ok::<_, DispatchError>((Timed::new(stream, limits), peer))
        };
        fn_service(take).and_then(http)
    };
    Ok(builder.listen("kith", listener, connections).context("The server cannot be set up")?.run())
}

fn refusal(error: impl Into<actix_web::Error>) -> Response<BoxBody> {
    error.into().error_response().into()
}

/// A stream that keeps the time.
struct Timed {
    stream: TcpStream,
    limits: Limits,
    pulse: Rc<Pulse>,
    /// Since when the client has not read what it asked for.
    unread_since: Option<Instant>,
    /// Wakes whoever waits here. Seldom set anew: one that comes too early costs less than one a request.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    fn new(stream: TcpStream, limits: Limits) -> Self {
        let pulse = Rc::<Pulse>::default();
        pulse.head_begins();
        Timed { stream, limits, pulse, unread_since: None, alarm: None }
    }

    /// Whether what began then has taken too long; if not, there will be a wake-up when it has.
    fn overdue(&mut self, cx: &mut Context<'_>, since: Option<Instant>, patience: Duration) -> bool {
        let Some(end) = since.and_then(|since| since.checked_add(patience)) else { return false };
        if Instant::now() >= end {
            return true;
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(end.into())));
        if alarm.is_elapsed() || alarm.deadline() > end.into() {
            alarm.as_mut().reset(end.into());
        }
        alarm.as_mut().poll(cx).is_ready()
    }

    /// Says why the connection ends, if the client reads and has not been told already.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        if self.unread_since.is_some() || self.pulse.was_refused() {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "the id of a request that never was one")]
        let id = Uuid::now_v7();
        let error = Error::new(&codes::REQUEST_TIMEOUT, "The head of the request did not arrive in time.");
        let body = document(&error, Some(id)).to_string();
        let text = format!(
            "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: {PROBLEM}\r\nx-request-id: {id}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // Tolerated: whoever is too slow to ask may be too slow to listen.
        drop(Pin::new(&mut self.stream).poll_write(cx, text.as_bytes()));
    }
}

impl AsyncRead for Timed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pulse.head_begins();
        }
        let (since, patience) = (self.pulse.head_since(), self.limits.head);
        if read.is_pending() && self.overdue(cx, since, patience) {
            self.give_up(cx);
            // As if the client had hung up.
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.unread_since = None;
            return written;
        }
        let (since, patience) = (*self.unread_since.get_or_insert_with(Instant::now), self.limits.idle);
        if self.overdue(cx, Some(since), patience) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { written }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
