//! The way to PostgreSQL: the pool and the one path by which a connection gets its tenant, transactions with their
//! retries, migrations, and the embedded database for when nobody configured one.
//!
//! It knows no table but `instance`, and nothing of who is asking beyond the tenant.

pub mod embedded;
mod migrate;
mod pool;
mod signals;
mod watch;
mod watchdog;

pub use migrate::{APP_ROLE, Instance, MigrateError, check_durability, instance, migrate};
pub use pool::{Db, Options, TenantMode, Verdict};
pub use signals::Signals;
pub use watchdog::{Horizon, Watchdog};
