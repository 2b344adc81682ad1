//! What customers cost besides the goods.

use crate::AREA;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::derived;
use kith_kernel::ids::{AccountId, CostEntryId, CostRateId};
use kith_kernel::{Cx, Money, Ownership, Resource, Result, Violations, text_enum};
use kith_macros::resource;

text_enum! {
    /// What a cost was for.
    pub enum CostKind {
        /// Winning the customer. It is never taken off the value of one who is there.
        Acquire = "ACQUIRE",
        /// Serving the customer: freight, fees of payments, what came back, service.
        Serve = "SERVE",
        /// Keeping the customer.
        Retain = "RETAIN",
    }
}

/// A cost that one customer caused, besides the goods. What touches over the channels cost follows from the cost rates.
#[resource(table = cost_entries, id = CostEntryId)]
pub struct CostEntry {
    /// The customer.
    #[field(filter)]
    pub account_id: AccountId,
    /// What it was for.
    #[field(filter, example = "\"SERVE\"")]
    pub kind: CostKind,
    /// How much. In another currency than the reporting currency it counts at the stored rate of its day; without one,
    /// not at all, and the values that it belongs to are PARTIAL.
    #[field(filter, sort, money)]
    pub amount: Money,
    /// The day it was incurred.
    #[field(filter, sort, example = "\"2026-10-01\"")]
    pub incurred_on: NaiveDate,
    /// What it was.
    #[field(max = 1_000)]
    pub description: Option<String>,
}

impl Resource for CostEntry {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };

    fn check(&self, violations: &mut Violations) {
        let fits = !self.amount.amount.is_sign_negative();
        violations.ensure(fits, "/amount", "OUT_OF_RANGE", "A cost is not negative.");
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let moved = before.map(|before| before.account_id.0).filter(|before| *before != self.account_id.0);
        derived::touch(conn, cx, &[Some(self.account_id.0), moved].into_iter().flatten().collect::<Vec<_>>())
    }
}

/// What a touch over a channel costs us (Kaplan & Narayanan 2001). Touches without a rate cost nothing.
#[resource(table = cost_rates, id = CostRateId)]
pub struct CostRate {
    /// The channel of interactions: PHONE, EMAIL, VISIT …
    #[field(filter, max = 20, example = "\"VISIT\"")]
    pub channel: String,
    /// What a touch costs, however long it takes. In the reporting currency.
    #[field(money)]
    pub per_touch: Money,
    /// What each minute of it costs besides. In the reporting currency.
    #[field(money)]
    pub per_minute: Money,
}

impl Resource for CostRate {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn check(&self, violations: &mut Violations) {
        let channels =
            ["PHONE", "IVR", "FAX", "EMAIL", "SMS", "CHAT", "SOCIAL", "WEB", "PUSH", "POST", "VISIT", "MEETING"];
        let known = channels.contains(&self.channel.as_str());
        violations.ensure(known, "/channel", "INVALID", &format!("Expected one of {}.", channels.join(", ")));
        for (at, money) in [("/perTouch", &self.per_touch), ("/perMinute", &self.per_minute)] {
            violations.ensure(!money.amount.is_sign_negative(), at, "OUT_OF_RANGE", "A cost is not negative.");
        }
    }

    fn prepare(&mut self, _: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        super::wallet::reporting(cx, &[("/perTouch", &self.per_touch), ("/perMinute", &self.per_minute)])
    }
}
