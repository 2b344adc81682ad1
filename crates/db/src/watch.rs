//! Sees every statement of a connection: whether it may have left something behind in the session, and whether it failed.

use diesel::connection::InstrumentationEvent;
use kith_kernel::{is_plain, is_plain_sql};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the statements of a connection did behind the pool's back.
#[derive(Default)]
pub(crate) struct Watch {
    /// The next statement comes from here or from diesel's transaction manager.
    pub(crate) ours: AtomicBool,
    /// A statement of somebody else may have left a transaction, a setting or a tenant behind.
    tainted: AtomicBool,
    /// A statement failed, so that PostgreSQL will answer COMMIT with a rollback, without calling that an error.
    pub(crate) failed: AtomicBool,
}

impl Watch {
    pub(crate) fn see(&self, event: &InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::BeginTransaction { .. } | InstrumentationEvent::CommitTransaction { .. } => {
                self.ours.store(true, Ordering::Relaxed);
            }
            // To a savepoint or to the start: what failed is undone.
            InstrumentationEvent::RollbackTransaction { .. } => {
                self.ours.store(true, Ordering::Relaxed);
                self.failed.store(false, Ordering::Relaxed);
            }
            InstrumentationEvent::FinishQuery { error: Some(_), .. } => self.failed.store(true, Ordering::Relaxed),
            InstrumentationEvent::StartQuery { query, .. } => {
                let ours = self.ours.swap(false, Ordering::Relaxed);
                if !ours && !harmless(query) {
                    self.tainted.store(true, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn is_tainted(&self) -> bool {
        self.tainted.load(Ordering::Relaxed)
    }
}

/// Whether a statement can leave nothing behind in the session.
fn harmless(query: &dyn std::fmt::Display) -> bool {
    struct First(Option<bool>);
    impl std::fmt::Write for First {
        fn write_str(&mut self, sql: &str) -> std::fmt::Result {
            self.0 = Some(is_plain_sql(sql));
            // The text comes first; nobody needs the binds.
            Err(std::fmt::Error)
        }
    }
    is_plain(query).unwrap_or_else(|| {
        let mut first = First(None);
        std::fmt::write(&mut first, format_args!("{query}")).ok();
        first.0.unwrap_or(false)
    })
}
