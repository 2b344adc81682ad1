//! The signs of loyalty, what they are measured in, and the values that other systems give for them.

use crate::AREA;
use crate::value::clv::ValueState;
use crate::value::number::{decimal, real};
use chrono::{Days, NaiveDate};
use diesel::PgConnection;
use kith_journal::derived;
use kith_kernel::ids::{AccountId, LoyaltyIndicatorId};
use kith_kernel::{Cx, Ownership, Resource, Result, Violations, text_enum};
use kith_macros::resource;
use kith_statistics::Anchors;
use rust_decimal::Decimal;

text_enum! {
    /// A sign of loyalty. Points run from 0 to 100 in straight lines between the raw values named here, flat beyond them.
    pub enum LoyaltySign {
        /// Repeat purchases of a year over what customers of the same age make: 0 gives 0 points, 1 gives 50, 2 gives 100.
        RepeatPurchase = "REPEAT_PURCHASE",
        /// Per cent of its need that it buys from us: 0 gives 0 points, 100 gives 100.
        ShareOfNeed = "SHARE_OF_NEED",
        /// Weighted touches that it began, a month: 0 gives 0 points, 1 gives 50, 4 gives 100.
        BrandConcern = "BRAND_CONCERN",
        /// Days to decide over those of others: 0.5 gives 100 points, 1 gives 50, 2 gives 0.
        TimeToChoose = "TIME_TO_CHOOSE",
        /// Per cent bought at a discount less that of all customers: -50 gives 100 points, 0 gives 50, 50 gives 0.
        PriceSensitivity = "PRICE_SENSITIVITY",
        /// Whom it prefers, from -1 (competitors) to 1 (us): -1 gives 0 points, 1 gives 100.
        CompetitorStance = "COMPETITOR_STANCE",
        /// Spend of 90 days after a severe fault of ours over that before: 0 gives 0 points, 1 gives 75, 1.5 gives 100.
        FailureTolerance = "FAILURE_TOLERANCE",
        /// What it says of the product, from 1 to 5: 1 gives 0 points, 5 gives 100.
        ProductApproval = "PRODUCT_APPROVAL",
    }
}

/// Which half of loyalty something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// What it does.
    Behaviour,
    /// What it thinks.
    Attitude,
}

impl LoyaltySign {
    /// All of them, in their order.
    pub fn all() -> impl Iterator<Item = LoyaltySign> {
        Self::ALL.iter().filter_map(|(name, _)| Self::from_text(name))
    }

    /// Which half of loyalty it belongs to.
    pub fn axis(self) -> Axis {
        match self {
            LoyaltySign::BrandConcern | LoyaltySign::CompetitorStance | LoyaltySign::ProductApproval => Axis::Attitude,
            _ => Axis::Behaviour,
        }
    }

    /// Points of a raw value.
    pub fn points(self, raw: f64) -> Option<f64> {
        let anchors: &[(f64, f64)] = match self {
            LoyaltySign::RepeatPurchase => &[(0.0, 0.0), (1.0, 50.0), (2.0, 100.0)],
            LoyaltySign::ShareOfNeed => &[(0.0, 0.0), (100.0, 100.0)],
            LoyaltySign::BrandConcern => &[(0.0, 0.0), (1.0, 50.0), (4.0, 100.0)],
            LoyaltySign::TimeToChoose => &[(0.5, 100.0), (1.0, 50.0), (2.0, 0.0)],
            LoyaltySign::PriceSensitivity => &[(-50.0, 100.0), (50.0, 0.0)],
            LoyaltySign::CompetitorStance => &[(-1.0, 0.0), (1.0, 100.0)],
            LoyaltySign::FailureTolerance => &[(0.0, 0.0), (1.0, 75.0), (1.5, 100.0)],
            LoyaltySign::ProductApproval => &[(1.0, 0.0), (5.0, 100.0)],
        };
        Anchors::new(anchors.to_vec()).ok()?.score(raw)
    }
}

/// The value of a sign of loyalty as another system measures it: the latest one for each account, sign and system. It
/// stands in for what Kith would compute, until it is older than its window. An observation that comes late, after a newer
/// one, changes nothing; one dated too late is put right by archiving it and sending it anew.
#[resource(table = loyalty_indicators, id = LoyaltyIndicatorId)]
pub struct LoyaltyIndicator {
    /// The account.
    #[field(filter, create_only)]
    pub account_id: AccountId,
    /// The sign.
    #[field(filter, create_only, example = "\"FAILURE_TOLERANCE\"")]
    pub kind: LoyaltySign,
    /// The system that measured it.
    #[field(filter, create_only, max = 100, example = "\"helpdesk\"")]
    pub system: String,
    /// What was measured, in the unit of the sign.
    #[field(filter, example = "\"0.9\"")]
    pub raw: Option<Decimal>,
    /// Points from 0 to 100, more for more loyalty. Left out, they follow from the raw value.
    #[field(filter, sort)]
    pub normalized: Option<Decimal>,
    /// Days that it looks back on, 365 unless told otherwise. It counts for as many days after the day of observation.
    #[field(default)]
    pub window_days: i32,
    /// The last day that it knows.
    #[field(filter, sort, example = "\"2026-10-01\"")]
    pub observed_on: NaiveDate,
    /// What it rests on.
    #[field(max = 1_000)]
    pub evidence: Option<String>,
    /// How much it can be relied on. Without a value it is INSUFFICIENT_DATA or NOT_APPLICABLE.
    #[field(filter, default)]
    pub state: ValueState,
}

/// Days of a window that nobody named.
const YEAR: i32 = 365;

impl Resource for LoyaltyIndicator {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };

    fn check(&self, violations: &mut Violations) {
        let points = self.normalized.is_none_or(|points| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&points));
        violations.ensure(points, "/normalized", "OUT_OF_RANGE", "Points run from 0 to 100.");
        // 0 stands for one that was not given; it is filled in before anything is stored.
        let days = (0..=3_650).contains(&self.window_days);
        violations.ensure(days, "/windowDays", "OUT_OF_RANGE", "A window has 1 to 3650 days.");
        let known = matches!(self.state, ValueState::Ok | ValueState::Partial | ValueState::Stale);
        let told = self.normalized.is_some() || self.raw.is_some() || !known;
        violations.ensure(told, "/raw", "REQUIRED", "A sign that is known has a raw value or points.");
    }

    fn prepare(&mut self, _: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        past("/observedOn", self.observed_on, cx)?;
        if let Some(before) = before.filter(|before| self.observed_on < before.observed_on) {
            *self = Self { meta: self.meta.clone(), ..before.clone() };
        }
        if self.window_days == 0 {
            self.window_days = YEAR;
        }
        let follows = before.is_none_or(|before| before.raw != self.raw && before.normalized == self.normalized);
        if let Some(raw) = self.raw.filter(|_| self.normalized.is_none() || (before.is_some() && follows)) {
            self.normalized = self.kind.points(real(raw)).and_then(decimal);
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        derived::touch(conn, cx, &[self.account_id.0])
    }
}

/// Refuses days to come; anywhere on earth it may be tomorrow.
pub(super) fn past(at: &str, day: NaiveDate, cx: &Cx) -> Result<()> {
    let mut violations = Violations::default();
    let latest = cx.today().checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    violations.ensure(day <= latest, at, "OUT_OF_RANGE", "A day to come cannot have been observed.");
    violations.into_result()
}
