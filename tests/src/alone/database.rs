//! A PostgreSQL of a test's own that keeps what it has confirmed, to be stopped, killed and started again; and Kith on it
//! as the binary puts it together.

use actix_web::web;
use kith_api::App;
use kith_identity::setup::NewTenant;
use kith_kernel::Currency;
use kith_server::commands::create_tenant;
use kith_server::database::{self, Database};
use kith_server::settings::Settings;
use kith_testkit::{PASSWORD, Served};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// See the module.
pub struct Own {
    /// Of the binary, with a folder of its own.
    pub settings: Settings,
    /// As the binary finds it.
    pub database: Database,
}

impl Own {
    /// Starts one, migrates it and makes a tenant.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("kith-own-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let settings = Settings {
            data_dir: std::env::temp_dir().join(name),
            rate_limit_per_minute: 0,
            rate_limit_tenant_per_minute: 0,
            ..Settings::defaults()
        };
        let database = database::find(&settings).unwrap();
        database::migrate(&database, &settings).unwrap();
        let own = Own { settings, database };
        let db = database::open(&own.database, &own.settings).unwrap();
        let new = NewTenant {
            slug: "acme".into(),
            name: "Acme".into(),
            currency: Currency::EUR,
            locale: "en".into(),
            time_zone: "UTC".into(),
        };
        create_tenant(&db, &new, ("admin@example.com", "Admin", PASSWORD)).unwrap();
        own
    }

    /// Kith on it, in this process.
    pub fn app(&self) -> web::Data<App> {
        web::Data::new(kith_server::serve::app(&self.database, &self.settings).unwrap())
    }

    /// Ends the sessions and stops.
    pub fn stop(&mut self) {
        drop(self.database.embedded.take());
    }

    /// Stops as a crash would, and clears away what is left of it.
    pub fn kill(&mut self) {
        let file = self.settings.data_dir.join("postgres/postmaster.pid");
        let pid = std::fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned();
        assert!(Command::new("kill").args(["-QUIT", &pid]).status().unwrap().success());
        self.stop();
    }

    /// Starts again what was stopped, under the same URL.
    pub fn start_again(&mut self) {
        let url = self.database.url.clone();
        self.database = database::find(&self.settings).unwrap();
        assert_eq!(self.database.url, url);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.stop();
        std::fs::remove_dir_all::<&PathBuf>(&self.settings.data_dir).ok();
    }
}

/// What logs in to the tenant.
pub fn credentials() -> Value {
    json!({"tenant": "acme", "email": "admin@example.com", "password": PASSWORD})
}

/// An access token of the tenant's administrator.
pub fn token(served: &Served) -> String {
    let reply = served.connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.at("/accessToken").as_str().unwrap().to_owned()
}
