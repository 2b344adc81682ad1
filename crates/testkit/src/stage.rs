//! A whole API on a database of its own, with tenants and people.

use crate::cluster::Scratch;
use crate::http::Client;
use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use kith_api::auth::{brake::Brake, keys::SigningKeys, token::Tokens};
use kith_api::{App, Settings};
use kith_db::{Db, Options, Verdict};
use kith_identity::setup::NewTenant;
use kith_kernel::{Clock, Currency, Cx};
use kith_server::commands::{create_tenant, system_cx};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// The API with its database.
pub struct Stage {
    /// What all requests share.
    pub app: web::Data<App>,
    /// The database; dropped last.
    pub scratch: Scratch,
    statements: Arc<AtomicU64>,
    tenants: AtomicU64,
}

/// A tenant and somebody of each built-in role in it.
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// Short name.
    pub slug: String,
    /// User with the role ADMIN.
    pub admin: Uuid,
}

/// How long most tests wait for a connection or a place at work.
const PATIENCE: Duration = Duration::from_secs(10);

fn unlimited() -> Settings {
    Settings { rate_per_minute: 0, tenant_rate_per_minute: 0, ..Settings::default() }
}

/// The password of everybody on a stage.
pub const PASSWORD: &str = "correct horse battery";

impl Stage {
    /// A stage with a pool of two connections.
    pub fn new() -> Self {
        Stage::with_pool(2)
    }

    /// A stage with a larger pool.
    pub fn with_pool(size: u32) -> Self {
        Stage::with_app(size, |_| {})
    }

    /// A stage with settings of its own.
    pub fn with_settings(settings: Settings) -> Self {
        Stage::must(Stage::build(2, PATIENCE, settings, |_| {}))
    }

    /// A stage whose parts are changed before it is shared.
    pub fn with_app(size: u32, change: impl FnOnce(&mut App)) -> Self {
        Stage::must(Stage::build(size, PATIENCE, unlimited(), change))
    }

    /// A stage that waits for connections and for places at work no longer than the binary does.
    pub fn impatient(size: u32) -> Self {
        let second = Duration::from_secs(1);
        Stage::must(Stage::build(size, second, unlimited(), |_| {}))
    }

    fn must(built: anyhow::Result<Self>) -> Self {
        built.unwrap_or_else(|error| panic!("the stage could not be built: {error:#}"))
    }

    fn build(size: u32, wait: Duration, settings: Settings, change: impl FnOnce(&mut App)) -> anyhow::Result<Self> {
        let scratch = Scratch::new()?;
        let statements = Arc::new(AtomicU64::new(0));
        let db = Db::open(Options {
            size,
            wait,
            statements: Some(statements.clone()),
            ..Options::new(scratch.url.clone())
        })?;
        let instance = db.read(Uuid::nil(), kith_db::instance)?;
        let clock = Arc::new(Clock::default());
        let tokens = Tokens::new(SigningKeys::in_memory()?, "kith", "kith");
        let mut app = App::new(db, clock, instance, tokens, settings);
        // Every test comes from one address.
        app.brake = Brake::with(1_000, TimeDelta::minutes(10));
        // Many at once on a slow machine are not what most tests are about.
        app.work.queue = wait;
        change(&mut app);
        app.live.start(app.means(None))?;
        Ok(Stage { app: web::Data::new(app), scratch, statements, tenants: AtomicU64::new(0) })
    }

    /// The current time of the stage.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// Statements sent so far.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// A new tenant with an administrator.
    pub fn tenant(&self) -> Tenant {
        let slug = format!("tenant-{}", self.tenants.fetch_add(1, Ordering::Relaxed));
        let new = NewTenant {
            slug: slug.clone(),
            name: format!("Tenant {slug}"),
            currency: Currency::EUR,
            locale: "en".into(),
            time_zone: "UTC".into(),
        };
        let made = create_tenant(&self.app.db, &new, ("admin@example.com", "Admin", PASSWORD));
        let id = made.unwrap_or_else(|error| panic!("the tenant could not be made: {error:#}"));
        let found = self.app.db.read(id, |conn| kith_identity::login::find_login(conn, id, "admin@example.com"));
        let admin = found.ok().flatten().unwrap_or_else(|| panic!("the administrator is missing")).0;
        Tenant { id, slug, admin }
    }

    /// The context of Kith itself in a tenant.
    pub fn system(&self, tenant: &Tenant) -> Cx {
        let cx = system_cx(&self.app.db, tenant.id).unwrap_or_else(|error| panic!("no context: {error:#}"));
        Cx { now: self.now(), ..cx }
    }

    /// Makes a record past all rights, and returns its id.
    pub fn make(&self, tenant: &Tenant, resource: &str, body: Value) -> Uuid {
        let cx = self.system(tenant);
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let made = self.app.db.write(tenant.id, |conn| {
            kith_journal::verbs::create(conn, &cx, cx.entry(resource)?, &body).map(|row| Verdict::Commit(row.meta().id))
        });
        made.unwrap_or_else(|error| panic!("{resource} could not be made: {error}"))
    }

    /// A new user with one of the built-in roles, or one that was made before, by name.
    pub fn user(&self, tenant: &Tenant, role: &str) -> Uuid {
        let number = self.tenants.fetch_add(1, Ordering::Relaxed);
        let user = self.make(
            tenant,
            "users",
            json!({"name": format!("User {number}"), "email": format!("user-{number}@example.com")}),
        );
        let role = self.app.db.read(tenant.id, |conn| kith_identity::role::built_in(conn, tenant.id, role));
        let role = role.ok().flatten().unwrap_or_else(|| panic!("there is no such role"));
        self.make(tenant, "role-assignments", json!({"userId": user, "roleId": role.0}));
        user
    }

    /// A client with an access token of a user.
    pub fn client(&self, tenant: &Tenant, user: Uuid) -> Client {
        let family = self.system(tenant).new_id();
        let lifetime = TimeDelta::days(30);
        let now = self.now();
        let issued = self.app.db.write(tenant.id, |conn| {
            kith_identity::session::issue(conn, tenant.id, user, now, lifetime, family).map(Verdict::Commit)
        });
        issued.unwrap_or_else(|error| panic!("no session: {error}"));
        let token = self.app.tokens.issue(tenant.id, user, Some(family), now);
        let (token, _) = token.unwrap_or_else(|error| panic!("no token: {error}"));
        Client::new(self.app.clone(), Some(token))
    }

    /// A client of the tenant's administrator.
    pub fn admin(&self, tenant: &Tenant) -> Client {
        self.client(tenant, tenant.admin)
    }

    /// A client of a new user with a role.
    pub fn as_role(&self, tenant: &Tenant, role: &str) -> Client {
        let user = self.user(tenant, role);
        self.client(tenant, user)
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        Client::new(self.app.clone(), None)
    }
}

impl Default for Stage {
    fn default() -> Self {
        Stage::new()
    }
}
