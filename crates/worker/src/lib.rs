//! What runs by itself: jobs, at their times and as they are asked for, and values of customers after their facts changed.
//! It decides when; what is done is elsewhere. Any number of threads and processes may do it side by side.

mod bulk;
mod crew;
mod handlers;
mod rounds;
mod sender;

pub use crew::{Crew, Running};
pub use handlers::{PLANS, handlers};
pub use sender::{Lookup, system};

use chrono::TimeDelta;
use kith_db::{Db, Verdict};
use kith_flows::value::{self, Outcome};
use kith_identity::Tenant;
use kith_kernel::{Actor, Catalogue, Clock, Currency, CursorKey, Cx, Error, Origin, Result};
use kith_loyalty::programme;
use std::sync::Arc;
use uuid::Uuid;

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
    /// How long the feed keeps changes.
    pub keep_changes: TimeDelta,
}

/// How long the feed keeps changes, unless told otherwise.
const KEEP_CHANGES: TimeDelta = TimeDelta::days(30);

impl Worker {
    /// With a database of its own or another's.
    pub fn new(db: Db, clock: Arc<Clock>, catalogue: &'static Catalogue, cursor_key: CursorKey) -> Self {
        Worker { db, clock, catalogue, cursor_key, keep_changes: KEEP_CHANGES }
    }

    /// Does at once what there is to do for one tenant: whatever changed; as a `whole` also the run that is due, and points.
    pub fn serve(&self, tenant: Uuid, whole: bool) -> Result<()> {
        let cx = self.cx(tenant)?;
        if whole {
            self.compute(&cx, |_| Ok(()))?;
            self.settle_points(&cx, || Ok(()))?;
        }
        self.refresh(&cx)
    }

    /// Computes the values of all customers of a tenant now. `told` is told how many accounts are done. None: somebody else
    /// computes them at this moment.
    pub fn recompute(&self, tenant: Uuid, told: impl FnMut(usize)) -> Result<Option<Outcome>> {
        let cx = self.cx(tenant)?;
        self.db.write(tenant, |conn| value::ask(conn, &cx).map(Verdict::Commit))?;
        self.run(&cx, told)
    }

    /// Computes the values of accounts whose facts changed.
    pub(crate) fn refresh(&self, cx: &Cx) -> Result<()> {
        while self.db.write(cx.tenant, |conn| value::refresh(conn, cx).map(Verdict::Commit))? > 0 {}
        Ok(())
    }

    /// Computes the runs that wait or are due, one after another; accounts that were computed.
    pub(crate) fn compute(&self, cx: &Cx, told: impl Fn(usize) -> Result<()>) -> Result<usize> {
        let mut accounts = 0;
        while let Some(outcome) = self.run(cx, |done| drop(told(accounts + done)))? {
            accounts += outcome.accounts;
            told(accounts)?;
        }
        Ok(accounts)
    }

    /// Releases and expires points, and reviews tiers, as far as they are due; members for whom something was.
    pub(crate) fn settle_points(&self, cx: &Cx, go_on: impl Fn() -> Result<()>) -> Result<usize> {
        let mut members = 0;
        // What was released may expire at once, and what expired may cost a tier.
        for settle in [programme::release_due, programme::expire_due, programme::review_tiers] {
            loop {
                go_on()?;
                match self.db.write(cx.tenant, |conn| settle(conn, cx).map(Verdict::Commit))? {
                    0 => break,
                    some => members += some,
                }
            }
        }
        Ok(members)
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
    pub fn cx(&self, tenant: Uuid) -> Result<Cx> {
        let cx = self.blank(tenant);
        let found = self.db.read(tenant, |conn| kith_journal::store::find::<Tenant>(conn, &cx, tenant))?;
        Ok(Cx { currency: found.ok_or_else(Error::not_found)?.reporting_currency, ..cx })
    }

    /// The same, for what no amount plays a part in.
    pub(crate) fn blank(&self, tenant: Uuid) -> Cx {
        Cx {
            tenant,
            actor: Arc::new(Actor::system()),
            now: self.clock.now(),
            origin: Origin { channel: "worker", ..Origin::default() },
            currency: Currency::EUR,
            requires_version: false,
            catalogue: self.catalogue,
            cursor_key: self.cursor_key.clone(),
        }
    }
}
