//! Serving: workers and their blocking threads, CORS, and a shutdown that finishes what it began.

use crate::database::{self, Database};
use crate::listen::{self, Limits, Workers};
use crate::settings::Settings;
use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App as Actix, web};
use anyhow::{Context, Result};
use chrono::TimeDelta;
use kith_api::auth::{keys::SigningKeys, token::Tokens};
use kith_api::{App, Settings as ApiSettings};
use kith_kernel::Clock;
use kith_worker::{Crew, Worker};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

/// Puts the API together on a migrated database.
pub fn app(database: &Database, settings: &Settings) -> Result<App> {
    let db = database::open(database, settings)?;
    let instance = db.read(Uuid::nil(), kith_db::instance)?;
    let keys = SigningKeys::load_or_create(&settings.key_file())
        .with_context(|| format!("The signing keys in {} cannot be used", settings.key_file().display()))?;
    let api = ApiSettings {
        rate_per_minute: settings.rate_limit_per_minute,
        tenant_rate_per_minute: settings.rate_limit_tenant_per_minute,
        cors_origins: settings.cors_origins.clone(),
        ..ApiSettings::default()
    };
    let tokens = Tokens::new(keys, &settings.issuer, &settings.issuer);
    Ok(App::new(db, Arc::new(Clock::default()), instance, tokens, api))
}

/// Workers on connections of their own: what they do all night takes none from requests.
pub fn worker(database: &Database, settings: &Settings) -> Result<Worker> {
    let db = database::for_workers(database, settings)?;
    let cursor_key = db.read(Uuid::nil(), kith_db::instance)?.cursor_key;
    let keep_changes = TimeDelta::days(i64::try_from(settings.change_days)?);
    Ok(Worker { keep_changes, ..Worker::new(db, Arc::default(), kith_api::catalogue(), cursor_key) })
}

/// Works and serves nothing, until the process is told to stop.
pub async fn work(worker: Worker, settings: &Settings, ready: impl FnOnce()) -> Result<()> {
    let crew = Crew::of(&worker, settings.job_workers.max(1));
    let working = worker.start(crew).context("The workers cannot be started")?;
    ready();
    stop_signal().await;
    tracing::info!("stopping");
    working.end(Duration::from_secs(settings.shutdown_seconds));
    Ok(())
}

/// Where measurements go. Fixed buckets, so that what is kept does not grow.
fn metrics() -> Result<metrics_exporter_prometheus::PrometheusHandle> {
    let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new().set_buckets(&buckets);
    builder.context("The buckets cannot be used")?.install_recorder().context("The metrics cannot be set up")
}

/// Browsers may call from the listed origins, exactly; public forms may stand in any page.
fn cors(origins: &[String]) -> Cors {
    let expose = [
        "etag",
        "location",
        "idempotency-replayed",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "x-request-id",
        "feed-cursor",
        "content-disposition",
        "kith-stale",
    ];
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            "authorization",
            "content-type",
            "if-match",
            "if-none-match",
            "idempotency-key",
            "content-encoding",
            "prefer",
        ])
        .expose_headers(expose)
        .allowed_origin_fn(|origin, head| origin != "null" && head.uri.path().starts_with("/v1/capture/"))
        .max_age(3_600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// How long the process says that it will stop before it takes no more connections: whoever directs traffic here looks
/// once a second, or learns it from the first connection that is refused.
const NOTICE: Duration = Duration::from_secs(1);

/// The server on a listener, at work as soon as it is awaited.
pub fn server(
    app: web::Data<App>,
    listener: TcpListener,
    limits: Limits,
    workers: usize,
    shutdown: u64,
) -> Result<Server> {
    // As many blocking threads as connections: more would only queue for one.
    let blocking = usize::try_from(app.db.size()).unwrap_or(8).div_ceil(workers).max(1);
    listen::server(listener, limits, Workers { count: workers, blocking, shutdown }, move || {
        Actix::new()
            .app_data(app.clone())
            .app_data(web::PayloadConfig::new(kith_api::http::body::MAX_BODY))
            .wrap(cors(&app.settings.cors_origins))
            // The last one is the outermost.
            .wrap(from_fn(kith_api::http::edge::edge))
            .configure(kith_api::rest::routes)
    })
}

/// Serves until the process is told to stop.
pub async fn run(app: App, worker: Worker, settings: &Settings, ready: impl FnOnce()) -> Result<()> {
    let mut app = app;
    app.metrics = Some(metrics()?);
    let app = web::Data::new(app);
    let limits = Limits::default();
    listen::make_room(limits);
    let listener = listen::listener(settings.listen)
        .with_context(|| format!("{} cannot be listened on; set KITH_LISTEN to another address", settings.listen))?;
    let server = server(app.clone(), listener, limits, settings.worker_count(), settings.shutdown_seconds)?;
    let handle = server.handle();
    let stopping = app.clone();
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping");
        stopping.ready.store(false, Ordering::Relaxed);
        tokio::time::sleep(NOTICE).await;
        // Streams have no end of their own.
        stopping.live.stop();
        handle.stop(true).await;
    });
    let patience = Duration::from_secs(settings.transaction_seconds);
    app.live.start(app.means(Some(patience))).context("The change feed cannot be followed")?;
    let crew = Crew::of(&worker, settings.job_workers);
    let working = worker.start(crew).context("The workers cannot be started")?;
    let sweeping = app.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // Else what is measured piles up until somebody asks for it.
            sweeping.metrics.iter().for_each(|metrics| metrics.run_upkeep());
            sweeping.rate.sweep(sweeping.clock.now());
            sweeping.strangers.sweep(sweeping.clock.now());
        }
    });
    ready();
    let served = server.await.context("The server failed");
    working.end(Duration::from_secs(settings.shutdown_seconds));
    served
}

/// SIGTERM or Ctrl-C.
async fn stop_signal() {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
