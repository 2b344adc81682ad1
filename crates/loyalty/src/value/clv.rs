//! What an account is expected to bring.

use crate::AREA;
use chrono::NaiveDate;
use kith_kernel::ids::{AccountId, ClvEstimateId, PurchaseModelId};
use kith_kernel::{Custom, Money, Ownership, Resource, Verb, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// How a lifetime value was made.
    #[derive(Default)]
    pub enum ClvMethod {
        /// Expected purchases times expected spend times margin, month by month, discounted (Fader, Hardie & Lee 2005).
        Probabilistic = "PROBABILISTIC",
        /// Margin of a year, month by month within the horizon, times the share of customers who stay so long, discounted.
        Simple = "SIMPLE",
        /// Margins of running subscriptions times the chance that they still run then, discounted (Gupta et al. 2004).
        Contract = "CONTRACT",
        /// What was earned so far: nothing else is known.
        #[default]
        Historic = "HISTORIC",
    }
}

text_enum! {
    /// How much a value can be relied on.
    #[derive(Default)]
    pub enum ValueState {
        /// All of its inputs are known.
        #[default]
        Ok = "OK",
        /// Some inputs were estimated or left out; the reasons say which.
        Partial = "PARTIAL",
        /// There is too little to go by.
        InsufficientData = "INSUFFICIENT_DATA",
        /// It makes no sense here: the account never bought.
        NotApplicable = "NOT_APPLICABLE",
        /// It is older than its inputs.
        Stale = "STALE",
    }
}

text_enum! {
    /// By which rule the next purchase is expected.
    pub enum NextPurchaseRule {
        /// The customer's own rhythm, which is regular: last purchase plus the typical gap.
        Rhythm = "RHYTHM",
        /// The purchase model: the day by which half of such customers will have bought, if they are alive.
        Model = "MODEL",
    }
}

/// What an account is expected to bring from now on, and when it will buy next; its id is the account's. A value means
/// nothing without its method, horizon, discount and margin, which stand beside it. The cost of winning the customer is
/// not in it. Where running subscriptions bring at least half of what a customer buys, they tell what it is worth.
#[resource(table = clv_estimates, id = ClvEstimateId, derived)]
pub struct ClvEstimate {
    /// The account.
    #[field(filter, read_only, id)]
    pub account_id: AccountId,
    /// The fit that it rests on.
    #[field(filter, read_only)]
    pub purchase_model_id: Option<PurchaseModelId>,
    /// The last day that it knows.
    #[field(filter, read_only)]
    pub as_of: NaiveDate,
    /// How much it can be relied on.
    #[field(filter, read_only)]
    pub state: ValueState,
    /// Why it is not OK, as codes.
    #[field(read_only)]
    pub reasons: Custom,
    /// How it was made.
    #[field(filter, read_only)]
    pub method: ClvMethod,
    /// Months looked ahead.
    #[field(read_only)]
    pub horizon_months: i32,
    /// Discount in per cent a month.
    #[field(read_only)]
    pub monthly_discount: Decimal,
    /// Margin in per cent of the spend.
    #[field(read_only)]
    pub margin: Option<Decimal>,
    /// The value.
    #[field(filter, sort, read_only, money)]
    pub value: Option<Money>,
    /// Chance that the account still buys, 0 to 1. BG/NBD gives 1 to everybody without a repeat (`factors.alive` is then
    /// BY_CONSTRUCTION): rank by the chance of a purchase instead. None where nobody is seen leaving (NOT_IDENTIFIED).
    #[field(filter, read_only)]
    pub probability_alive: Option<Decimal>,
    /// Chance of a purchase within 30 days, 0 to 1.
    #[field(filter, read_only)]
    pub probability_buy30: Option<Decimal>,
    /// Chance of a purchase within 90 days, 0 to 1.
    #[field(filter, read_only)]
    pub probability_buy90: Option<Decimal>,
    /// Chance of a purchase within 365 days, 0 to 1.
    #[field(filter, read_only)]
    pub probability_buy365: Option<Decimal>,
    /// Occasions expected within the horizon.
    #[field(read_only)]
    pub expected_purchases: Option<Decimal>,
    /// Spend expected at each.
    #[field(read_only, money)]
    pub expected_spend: Option<Money>,
    /// Where the expected spend comes from: MODEL, POPULATION (no repeat yet), SHRUNK or GROUP.
    #[field(read_only)]
    pub spend_basis: Option<String>,
    /// The day on which the next purchase is expected, if the account is alive; none beyond two years.
    #[field(filter, sort, read_only)]
    pub next_purchase_on: Option<NaiveDate>,
    /// One in ten of such purchases comes before this day.
    #[field(read_only)]
    pub next_purchase_from: Option<NaiveDate>,
    /// One in ten of them comes after this day; null: beyond ten years.
    #[field(read_only)]
    pub next_purchase_to: Option<NaiveDate>,
    /// The rule that names that day.
    #[field(read_only)]
    pub next_purchase_rule: Option<NextPurchaseRule>,
    /// What it is made of: occasions, days since the last, age, mean repeat spend, and what one more purchase today would
    /// add to it. Of contracts: how many run, what they bring a month, for how many months the oldest has run, and the chance
    /// that this one still runs in a year.
    #[field(read_only)]
    pub factors: Custom,
}

impl Resource for ClvEstimate {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
}
