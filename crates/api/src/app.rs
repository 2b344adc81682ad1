//! What all requests share.

use crate::auth::{brake::Brake, gate::Gate, token::Tokens};
use crate::http::rate::Rate;
use crate::http::work::Work;
use crate::rest::capture;
use kith_db::{Db, Instance};
use kith_kernel::{Catalogue, Clock};
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Settings of the API; the server's configuration fills them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Requests a minute a principal; 0: no limit.
    pub rate_per_minute: u32,
    /// Requests a minute a tenant; 0: no limit.
    pub tenant_rate_per_minute: u32,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// How long a refresh token is good for, if it is not used.
    pub refresh_days: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { rate_per_minute: 600, tenant_rate_per_minute: 6_000, cors_origins: Vec::new(), refresh_days: 30 }
    }
}

/// What all requests share. One a process.
pub struct App {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<Clock>,
    /// Every resource.
    pub catalogue: &'static Catalogue,
    /// Cursor key and epoch.
    pub instance: Instance,
    /// Access tokens.
    pub tokens: Tokens,
    /// Keeps password hashing from taking the machine.
    pub gate: Gate,
    /// Slows down guessing of passwords.
    pub brake: Brake,
    /// Request rates.
    pub rate: Rate,
    /// Request rates of the forms that anybody may send.
    pub strangers: Rate,
    /// How much is at work at once.
    pub work: Work,
    /// Files that come in or go out at once: each takes a connection again and again.
    pub streams: Arc<Semaphore>,
    /// Rights by tenant, principal and proof, at most five seconds old: a right taken away is gone after that.
    pub known: Cache<(Uuid, Uuid, Uuid), Arc<crate::caller::Principal>>,
    /// Who follows the feed.
    pub live: crate::live::Live,
    /// Settings.
    pub settings: Settings,
    /// False while shutting down.
    pub ready: AtomicBool,
    /// The GraphQL schema.
    pub schema: crate::graphql::Schema,
    /// Parsed GraphQL documents by text.
    pub documents: Cache<String, Arc<crate::graphql::Document>>,
    /// The contracts, rendered once.
    pub contracts: Contracts,
    /// Renders `/metrics`.
    pub metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
}

/// The contracts as texts.
pub struct Contracts {
    /// OpenAPI 3.1 as JSON.
    pub openapi: String,
    /// GraphQL SDL.
    pub sdl: String,
}

impl App {
    /// Puts everything together.
    pub fn new(db: Db, clock: Arc<Clock>, instance: Instance, tokens: Tokens, settings: Settings) -> Self {
        let catalogue = crate::catalogue();
        let schema = crate::graphql::schema();
        let contracts = Contracts { openapi: crate::openapi::text(catalogue), sdl: crate::graphql::sdl(&schema) };
        let work = Work::new(db.size());
        let streams = Arc::new(Semaphore::new(usize::try_from(db.size() / 2).unwrap_or(2).max(2)));
        App {
            db,
            clock,
            catalogue,
            instance,
            tokens,
            gate: Gate::new(),
            brake: Brake::new(),
            rate: Rate::per_minute(settings.rate_per_minute, settings.tenant_rate_per_minute),
            strangers: Rate::of_strangers(capture::A_MINUTE_FROM_AN_ADDRESS, capture::A_MINUTE),
            known: Cache::builder().max_capacity(50_000).time_to_live(Duration::from_secs(5)).build(),
            work,
            streams,
            live: crate::live::Live::default(),
            settings,
            ready: AtomicBool::new(true),
            schema,
            documents: Cache::builder().max_capacity(1_000).build(),
            contracts,
            metrics: None,
        }
    }

    /// What the tail of the feed needs of all this.
    pub fn means(&self, patience: Option<Duration>) -> crate::live::Means {
        crate::live::Means {
            db: self.db.clone(),
            clock: self.clock.clone(),
            catalogue: self.catalogue,
            cursor_key: self.instance.cursor_key.clone(),
            patience,
        }
    }
}
