//! What runs by itself: values of customers, computed again after their facts changed and every night; points that become
//! spendable or expire, and tiers that end. It decides when; what is done is elsewhere. Several processes may run it side by side: what one computes, the others leave alone.

use kith_db::{Db, Verdict};
use kith_flows::value::{self, Outcome};
use kith_identity::Tenant;
use kith_kernel::{Actor, Catalogue, Clock, Currency, CursorKey, Cx, Error, Origin, Result};
use kith_loyalty::programme;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use uuid::Uuid;

/// Time between two looks at what changed.
const PAUSE: Duration = Duration::from_secs(2);
/// Looks after which it is asked whether a run is due.
const ROUND: u32 = 15;

/// All that work needs.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<Clock>,
    /// Every resource.
    pub catalogue: &'static Catalogue,
    /// Signs cursors.
    pub cursor_key: CursorKey,
}

/// A worker at work. It ends with the work in hand when this is dropped.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    wake: mpsc::Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A worker that is gone has nothing to be woken from, nor to be waited for.
        self.wake.send(()).ok();
        self.thread.take().and_then(|thread| thread.join().ok());
    }
}

impl Worker {
    /// Starts working in a thread of its own.
    pub fn start(self) -> std::io::Result<Running> {
        let stop = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::channel();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("worker".into()).spawn(move || {
            let mut round = 0;
            while !stopped.load(Ordering::Relaxed) {
                self.look(round % ROUND == 0, &stopped);
                round += 1;
                woken.recv_timeout(PAUSE).ok();
            }
        })?;
        Ok(Running { stop, wake, thread: Some(thread) })
    }

    /// Looks after every tenant once. What fails is logged, and tried again at the next look.
    fn look(&self, whole: bool, stop: &AtomicBool) {
        let tenants = match self.db.read(Uuid::nil(), kith_identity::tenant::every) {
            Ok(tenants) => tenants,
            Err(error) => return tracing::warn!(%error, "the worker cannot read the tenants"),
        };
        for tenant in tenants {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = self.serve(tenant, whole) {
                tracing::warn!(%error, %tenant, "values were not computed");
            }
        }
    }

    /// What there is to do for one tenant: whatever changed; as a `whole` also the run that is due, and points.
    pub fn serve(&self, tenant: Uuid, whole: bool) -> Result<()> {
        let cx = self.cx(tenant)?;
        if whole {
            while self.run(&cx, |_| {})?.is_some() {}
            // What was released may expire at once, and what expired may cost a tier.
            for settle in [programme::release_due, programme::expire_due, programme::review_tiers] {
                while self.db.write(tenant, |conn| settle(conn, &cx).map(Verdict::Commit))? > 0 {}
            }
        }
        while self.db.write(tenant, |conn| value::refresh(conn, &cx).map(Verdict::Commit))? > 0 {}
        Ok(())
    }

    /// Computes the values of all customers of a tenant now. `told` is told how many accounts are done. None: somebody else
    /// computes them at this moment.
    pub fn recompute(&self, tenant: Uuid, told: impl FnMut(usize)) -> Result<Option<Outcome>> {
        let cx = self.cx(tenant)?;
        self.db.write(tenant, |conn| value::ask(conn, &cx).map(Verdict::Commit))?;
        self.run(&cx, told)
    }

    /// Computes the run that waits or is due, if there is one.
    fn run(&self, cx: &Cx, told: impl FnMut(usize)) -> Result<Option<Outcome>> {
        let claimed = self.db.write(cx.tenant, |conn| value::claim(conn, cx).map(Verdict::Commit))?;
        let Some(run) = claimed else { return Ok(None) };
        match self.db.compute(cx.tenant, |conn| value::finish(conn, cx, run, told)) {
            Ok(outcome) => {
                tracing::info!(tenant = %cx.tenant, accounts = outcome.accounts, changed = outcome.changed, "values computed");
                Ok(Some(outcome))
            }
            Err(error) => {
                let why = error.code.title;
                self.db.write(cx.tenant, |conn| value::fail(conn, cx, run, why).map(Verdict::Commit))?;
                Err(error)
            }
        }
    }

    /// Kith itself acts for a tenant.
    fn cx(&self, tenant: Uuid) -> Result<Cx> {
        let cx = Cx {
            tenant,
            actor: Arc::new(Actor::system()),
            now: self.clock.now(),
            origin: Origin { channel: "worker", ..Origin::default() },
            currency: Currency::EUR,
            requires_version: false,
            catalogue: self.catalogue,
            cursor_key: self.cursor_key.clone(),
        };
        let found = self.db.read(tenant, |conn| kith_journal::store::find::<Tenant>(conn, &cx, tenant))?;
        Ok(Cx { currency: found.ok_or_else(Error::not_found)?.reporting_currency, ..cx })
    }
}
