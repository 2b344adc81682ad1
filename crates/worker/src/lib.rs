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
use kith_flows::value::{self, Claim, Outcome, Rules};
use kith_identity::Tenant;
use kith_kernel::{Actor, Catalogue, Clock, Currency, CursorKey, Cx, Error, Origin, Result, Tz};
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
    /// Accounts whose values one transaction of a run computes.
    pub page: usize,
}

/// Accounts of a page: those who follow the feed wait for as long as one takes, and more of them in one are hardly faster.
const PAGE: usize = 2_000;
/// How long the feed keeps changes, unless told otherwise.
const KEEP_CHANGES: TimeDelta = TimeDelta::days(30);

impl Worker {
    /// With a database of its own or another's.
    pub fn new(db: Db, clock: Arc<Clock>, catalogue: &'static Catalogue, cursor_key: CursorKey) -> Self {
        Worker { db, clock, catalogue, cursor_key, keep_changes: KEEP_CHANGES, page: PAGE }
    }

    /// Does at once what there is to do for one tenant: whatever changed; as a `whole` also the run that is due, and points.
    pub fn serve(&self, tenant: Uuid, whole: bool) -> Result<()> {
        let cx = self.cx(tenant)?;
        if whole {
            self.compute(&cx, |_| Ok(()))?;
            self.expire_marks(&cx, || Ok(()))?;
            self.settle_points(&cx, || Ok(()))?;
        }
        self.refresh(&cx)
    }

    /// Computes the values of all customers of a tenant now. `told` is told how many accounts are done. None: somebody else
    /// computes them at this moment.
    pub fn recompute(&self, tenant: Uuid, told: impl Fn(usize)) -> Result<Option<Outcome>> {
        let cx = self.cx(tenant)?;
        self.db.write(tenant, |conn| value::ask(conn, &cx).map(Verdict::Commit))?;
        self.run(&cx, |accounts| {
            told(accounts);
            Ok(())
        })
    }

    /// Computes the values of accounts whose facts changed.
    pub(crate) fn refresh(&self, cx: &Cx) -> Result<()> {
        while self.db.write(cx.tenant, |conn| value::refresh(conn, cx).map(Verdict::Commit))? > 0 {}
        Ok(())
    }

    /// Computes the runs that wait or are due, one after another; accounts that were computed. `told` is told how many are
    /// done, page by page; when it refuses to go on, the run is left to whoever comes next.
    pub fn compute(&self, cx: &Cx, told: impl Fn(usize) -> Result<()>) -> Result<usize> {
        let mut accounts = 0;
        while let Some(outcome) = self.run(cx, |done| told(accounts + done))? {
            accounts += outcome.accounts;
            told(accounts)?;
        }
        Ok(accounts)
    }

    /// Takes marks of importance away whose last day is over; of how many accounts.
    pub(crate) fn expire_marks(&self, cx: &Cx, go_on: impl Fn() -> Result<()>) -> Result<usize> {
        let mut accounts = 0;
        loop {
            go_on()?;
            match self.db.write(cx.tenant, |conn| kith_contacts::expire_marks(conn, cx).map(Verdict::Commit))? {
                0 => return Ok(accounts),
                some => accounts += some,
            }
        }
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

    /// Computes the run that waits or is due, if there is one. When `told` refuses to go on, or the database could not do
    /// it for the moment, the run is left to whoever comes next, behind the accounts that are done.
    fn run(&self, cx: &Cx, told: impl Fn(usize) -> Result<()>) -> Result<Option<Outcome>> {
        let tenant = cx.tenant;
        let Some(claim) = self.db.write(tenant, |conn| value::claim(conn, cx).map(Verdict::Commit))? else {
            return Ok(None);
        };
        let stopped = std::cell::Cell::new(false);
        let told = |accounts| told(accounts).inspect_err(|_| stopped.set(true));
        let error = match self.steps(cx, &claim, told) {
            Ok(outcome) => {
                tracing::info!(%tenant, accounts = outcome.accounts, changed = outcome.changed, "values computed");
                return Ok(Some(outcome));
            }
            Err(error) => error,
        };
        let (cx, why) = (&self.at_present(cx), error.code.title);
        self.db.write(tenant, |conn| {
            let goes_on = stopped.get() || error.retry_after.is_some();
            let done = if goes_on { value::let_go(conn, cx, &claim) } else { value::fail(conn, cx, &claim, why) };
            done.map(Verdict::Commit)
        })?;
        Err(error)
    }

    fn steps(&self, cx: &Cx, claim: &Claim, told: impl Fn(usize) -> Result<()>) -> Result<Outcome> {
        let tenant = cx.tenant;
        if let Some(learned) = self.db.survey(tenant, |conn| value::learn(conn, cx, claim.run))? {
            // What a run that failed has left.
            self.sweep(cx)?;
            let cx = &self.at_present(cx);
            self.db.write(tenant, |conn| value::keep(conn, cx, claim, &learned).map(Verdict::Commit))?;
        }
        let rules = self.db.read(tenant, |conn| Rules::of(conn, cx, claim.run))?;
        loop {
            let cx = &self.at_present(cx);
            match self
                .db
                .write_many(tenant, |conn| value::draft(conn, cx, claim, &rules, self.page).map(Verdict::Commit))?
            {
                Some(accounts) => told(accounts)?,
                None => break,
            }
        }
        let now = &self.at_present(cx);
        self.db.quietly(tenant, |conn| value::publish(conn, now, claim, &rules))?;
        let now = &self.at_present(cx);
        let outcome = self.db.write(tenant, |conn| value::finish(conn, now, claim, &rules).map(Verdict::Commit))?;
        self.sweep(cx)?;
        Ok(outcome)
    }

    /// Takes away the drafts that are left.
    fn sweep(&self, cx: &Cx) -> Result<()> {
        while self.db.write_many(cx.tenant, |conn| value::sweep(conn, cx).map(Verdict::Commit))? > 0 {}
        Ok(())
    }

    fn at_present(&self, cx: &Cx) -> Cx {
        Cx { now: self.clock.now(), ..cx.clone() }
    }

    /// Kith itself acts for a tenant.
    pub fn cx(&self, tenant: Uuid) -> Result<Cx> {
        let cx = self.blank(tenant);
        let found = self.db.read(tenant, |conn| kith_journal::store::find::<Tenant>(conn, &cx, tenant))?;
        let found = found.ok_or_else(Error::not_found)?;
        Ok(Cx { currency: found.reporting_currency, zone: found.zone()?, ..cx })
    }

    /// The same, for what no amount plays a part in.
    pub(crate) fn blank(&self, tenant: Uuid) -> Cx {
        Cx {
            tenant,
            actor: Arc::new(Actor::system()),
            now: self.clock.now(),
            origin: Origin { channel: "worker", ..Origin::default() },
            currency: Currency::EUR,
            zone: Tz::UTC,
            requires_version: false,
            catalogue: self.catalogue,
            cursor_key: self.cursor_key.clone(),
        }
    }
}
