//! Runs: computations of the values of all customers.

use crate::AREA;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs, wake};
use kith_kernel::ids::{PurchaseModelId, ValueModelId, ValueRunId};
use kith_kernel::{Custom, Cx, Meta, Resource, Result, Shape, Verb, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// How far a run is.
    #[derive(Default)]
    pub enum RunStatus {
        /// It waits for its turn.
        #[default]
        Queued = "QUEUED",
        /// It is being computed. Readers see what was before.
        Running = "RUNNING",
        /// All values are those of this run.
        Done = "DONE",
        /// It ended without effect.
        Failed = "FAILED",
    }
}

/// A computation of the values of all customers. There is one every night; making one asks for another as soon as
/// possible. Everything it computes becomes visible at once, when it is done.
#[resource(table = value_runs, id = ValueRunId)]
pub struct ValueRun {
    /// The last day that counts; today by the tenant's clock unless given. What happened later is not looked at. A run for a
    /// day that is past adds that day to the history (`value-scores`) and leaves everything else as it is.
    #[field(filter, sort, create_only, example = "\"2026-10-31\"")]
    pub as_of: Option<NaiveDate>,
    /// How far it is.
    #[field(filter, read_only)]
    pub status: RunStatus,
    /// Its day was past when it ran: it only added that day to the history.
    #[field(filter, read_only)]
    pub is_history: bool,
    /// The value model that counted; none: the usual one.
    #[field(filter, read_only)]
    pub model_id: Option<ValueModelId>,
    /// The purchase model that counted; none: too few customers came back.
    #[field(filter, read_only)]
    pub purchase_model_id: Option<PurchaseModelId>,
    /// How far the purchases since the purchase model was fitted are off what it foretold, as a share of them: 0.1 is 10 % too
    /// many foretold. Beyond 0.15 either way the model is fitted anew; null: too little has come to tell.
    #[field(filter, read_only)]
    pub tracking_error: Option<Decimal>,
    /// When it began.
    #[field(read_only)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[field(filter, sort, read_only)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Accounts that were computed.
    #[field(read_only)]
    pub accounts: i32,
    /// Rows that changed by it.
    #[field(read_only)]
    pub changed: i32,
    /// What was learned from all customers.
    #[field(hidden)]
    pub borders: Custom,
    /// The cuts, means and rates that the customers were measured against.
    #[field(read_only)]
    pub summary: Custom,
    /// Why it failed.
    #[field(read_only)]
    pub problem: Option<String>,
}

impl Resource for ValueRun {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read, Verb::Create];

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _before: Option<&Self>) -> Result<()> {
        if self.status == RunStatus::Queued { wake::now(conn, cx) } else { Ok(()) }
    }
}

impl ValueRun {
    /// The last one that is done: the one whose borders count.
    pub fn current(conn: &mut PgConnection, cx: &Cx) -> Result<Option<Self>> {
        let found = store::rows::<Self>(conn, cx, |out| {
            out.sql(" AND t.status = 'DONE' AND t.is_history = false ORDER BY t.finished_at DESC, t.id DESC LIMIT 1");
        })?;
        Ok(found.into_iter().next())
    }

    /// The one that is being computed, or else the one that waits longest.
    pub fn pending(conn: &mut PgConnection, cx: &Cx) -> Result<Option<Self>> {
        let found = store::rows::<Self>(conn, cx, |out| {
            out.sql(" AND t.status IN ('QUEUED', 'RUNNING') ORDER BY t.status DESC, t.id LIMIT 1");
        })?;
        Ok(found.into_iter().next())
    }
}

/// Asks for a run, unless one waits already.
pub fn ask(conn: &mut PgConnection, cx: &Cx) -> Result<()> {
    store::one_at_a_time(conn, cx, ValueRun::TABLE)?;
    let waiting = store::rows::<ValueRun>(conn, cx, |out| {
        out.sql(" AND t.status = 'QUEUED' AND t.as_of IS NULL LIMIT 1");
    })?;
    if waiting.is_empty() {
        verbs::follow(conn, cx, ValueRun::blank(Meta::new(cx)))?;
    }
    Ok(())
}
