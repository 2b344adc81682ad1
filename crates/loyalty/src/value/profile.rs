//! What an account is worth now, and what it was worth.

use super::clv::ValueState;
use super::segment::RfmSegment;
use crate::AREA;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::ids::{AccountId, ValueModelId, ValueProfileId, ValueScoreId};
use kith_kernel::{Bind, Custom, Cx, Money, Ownership, Resource, Result, Statement, Verb, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// A layer of the customer pyramid (Curry & Curry 2000), from the top.
    #[derive(Default, PartialOrd, Ord)]
    pub enum Layer {
        /// The best customers.
        Top = "TOP",
        /// Those after them.
        Large = "LARGE",
        /// Those in the middle.
        Medium = "MEDIUM",
        /// The rest of those who bought in the window.
        Small = "SMALL",
        /// Bought once, but not in the window.
        Inactive = "INACTIVE",
        /// Never bought, but somebody is trying to sell to them.
        Prospect = "PROSPECT",
        /// Never bought, and nobody tries.
        #[default]
        Suspect = "SUSPECT",
    }
}

text_enum! {
    /// Present value against potential: what is there, and what more could be.
    #[derive(Default, PartialOrd, Ord)]
    pub enum ValueClass {
        /// Low value, low potential: no investment; letting go is a suggestion, never an automatic act.
        Lead = "LEAD",
        /// Low value, high potential: measured investment, rebuild the relationship.
        Iron = "IRON",
        /// High value, low potential: invest to keep.
        Gold = "GOLD",
        /// High value, high potential: invest most, to grow.
        Platinum = "PLATINUM",
        /// Value or potential is not known.
        #[default]
        Unclassified = "UNCLASSIFIED",
    }
}

text_enum! {
    /// How much care an account should get by rule. What a person decided stands on the account itself.
    #[derive(Default)]
    pub enum RuledImportance {
        /// PLATINUM, or the TOP layer.
        Vip = "VIP",
        /// GOLD, or IRON with a rising trend, or the LARGE layer.
        Key = "KEY",
        /// Everybody else.
        #[default]
        Ordinary = "ORDINARY",
    }
}

/// What an account is worth now, by the published value model; its id is the account's. It is computed every night, and
/// again within seconds after orders, refunds or costs of the account changed. Amounts are in the reporting currency,
/// refunds are booked against the order they belong to. Who never ordered anything beside subscriptions buys once a month for
/// as long as one runs, for what it brings a month; who orders, too, is measured by the orders alone.
#[resource(table = value_profiles, id = ValueProfileId, derived)]
pub struct ValueProfile {
    /// The account.
    #[field(filter, read_only, id)]
    pub account_id: AccountId,
    /// The value model that counts; none: the usual one.
    #[field(filter, read_only)]
    pub model_id: Option<ValueModelId>,
    /// The last day that it knows.
    #[field(filter, read_only)]
    pub as_of: NaiveDate,
    /// How much it can be relied on.
    #[field(filter, read_only)]
    pub state: ValueState,
    /// Why it is not OK, as codes: NO_ORDERS, COST_ESTIMATED, UNCONVERTED, COVERAGE.
    #[field(read_only)]
    pub reasons: Custom,
    /// The first day of a purchase.
    #[field(filter, read_only)]
    pub first_on: Option<NaiveDate>,
    /// The last day of a purchase.
    #[field(filter, sort, read_only)]
    pub last_on: Option<NaiveDate>,
    /// Days with a purchase, ever; months paid for, of who has nothing but subscriptions.
    #[field(filter, read_only)]
    pub occasions: i32,
    /// Days with a purchase within the window.
    #[field(filter, read_only)]
    pub window_occasions: i32,
    /// Days between two purchases: the median of its own gaps, drawn to that of all customers, which counts as three.
    #[field(read_only)]
    pub typical_gap: Option<Decimal>,
    /// Regularity of the gaps: near 1 chance, above 2 clockwork; at least four gaps.
    #[field(read_only)]
    pub regularity: Option<Decimal>,
    /// Occasions a year; at least 30 days after the first purchase.
    #[field(filter, read_only)]
    pub frequency: Option<Decimal>,
    /// Net revenue of the window.
    #[field(filter, sort, read_only, money)]
    pub revenue: Money,
    /// Profit of the window: revenue less the cost of the goods and the cost to serve. A customer can cost money.
    #[field(filter, sort, read_only, money)]
    pub profit: Money,
    /// Profit in per cent of the revenue.
    #[field(filter, read_only)]
    pub profit_rate: Option<Decimal>,
    /// What touches (by the cost rates) and cost entries cost in the window.
    #[field(filter, read_only, money)]
    pub cost_to_serve: Money,
    /// Net revenue of the whole time.
    #[field(filter, read_only, money)]
    pub lifetime_revenue: Money,
    /// Margin of the whole time.
    #[field(filter, read_only, money)]
    pub lifetime_profit: Money,
    /// What winning the account cost.
    #[field(filter, read_only, money)]
    pub acquisition_cost: Money,
    /// Fifth by the days since the last purchase, 5 for the latest. Equal customers have equal scores.
    #[field(filter, read_only)]
    pub rfm_recency: Option<i32>,
    /// Fifth by the occasions of the window, 5 for the most.
    #[field(filter, read_only)]
    pub rfm_frequency: Option<i32>,
    /// Fifth by the revenue of the window, 5 for the most.
    #[field(filter, read_only)]
    pub rfm_monetary: Option<i32>,
    /// What the three together are called, by the map of the value model.
    #[field(filter, read_only)]
    pub rfm_segment: Option<RfmSegment>,
    /// A: those who make the first 80 % of the revenue; B: up to 95 %; C: the rest; N: no revenue.
    #[field(filter, read_only)]
    pub abc: Option<String>,
    /// What it needs a year, from whomever.
    #[field(read_only, money)]
    pub wallet: Option<Money>,
    /// Where that comes from: STATED, SURVEY, EXPERT, or PEERS (a guess: what the best fifth of its peers spends).
    #[field(filter, read_only)]
    pub wallet_source: Option<String>,
    /// Per cent of its need that we cover.
    #[field(filter, read_only)]
    pub share_of_wallet: Option<Decimal>,
    /// What more there is to gain, 0 to 100: the weighted mean of the parts that are known, at least two. Of an account that
    /// never bought (layers PROSPECT and SUSPECT) it is how well it fits.
    #[field(filter, sort, read_only)]
    pub potential: Option<Decimal>,
    /// The parts: walletGap, whiteSpace, trend, pipeline, each with its value, points, weight and source. whiteSpace is what the
    /// product families that it does not own would bring a year, each times the chance that it comes to own it, and names the
    /// three families that add most, with the chance (0 to 1), the margin a year that owners bring, and the value. Of an account
    /// that never bought: industry and size, whose value is the number of active customers that they rest on, and engagement.
    #[field(read_only)]
    pub potential_parts: Custom,
    /// The score, 0 to 100. Of an account that never bought, by the indicators for those, if the model has any.
    #[field(filter, sort, read_only)]
    pub score: Option<Decimal>,
    /// What a customer at the means of all would have. Score less reference is the sum of the contributions, exactly.
    #[field(read_only)]
    pub score_reference: Option<Decimal>,
    /// Share of the weight whose measures are known, 0 to 1; below 0.6 there is no score.
    #[field(read_only)]
    pub score_coverage: Option<Decimal>,
    /// For each indicator its code, source, window, value, points, reference, weight and contribution.
    #[field(read_only)]
    pub contributions: Custom,
    /// Its layer of the pyramid.
    #[field(filter, sort, read_only)]
    pub layer: Layer,
    /// The layer that the last run proposed, without effect yet.
    #[field(hidden)]
    pub layer_proposed: Option<Layer>,
    /// Its class.
    #[field(filter, sort, read_only)]
    pub value_class: ValueClass,
    /// The class that the last run proposed, without effect yet.
    #[field(hidden)]
    pub class_proposed: Option<ValueClass>,
    /// How much care it should get by rule.
    #[field(filter, read_only)]
    pub importance: RuledImportance,
}

impl Resource for ValueProfile {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
}

/// What an account was worth on a day, as it was computed then: by the first run of each month, or for a day that was asked
/// for (`value-runs`). What it is worth now stands in `value-profiles`.
#[resource(table = value_scores, id = ValueScoreId, derived)]
pub struct ValueScore {
    /// The account.
    #[field(filter, read_only)]
    pub account_id: AccountId,
    /// The model that counted; none: the usual one.
    #[field(filter, read_only)]
    pub model_id: Option<ValueModelId>,
    /// The day.
    #[field(filter, sort, read_only)]
    pub as_of: NaiveDate,
    /// The score.
    #[field(filter, read_only)]
    pub score: Option<Decimal>,
    /// Its layer.
    #[field(filter, read_only)]
    pub layer: Layer,
    /// Its class.
    #[field(filter, read_only)]
    pub value_class: ValueClass,
    /// What more there was to gain.
    #[field(read_only)]
    pub potential: Option<Decimal>,
    /// Net revenue of the window.
    #[field(filter, read_only, money)]
    pub revenue: Money,
    /// Profit of the window.
    #[field(filter, read_only, money)]
    pub profit: Money,
    /// Lifetime value.
    #[field(filter, read_only, money)]
    pub clv: Option<Money>,
}

impl Resource for ValueScore {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
}

impl ValueScore {
    /// Whether a run on a day is the first of its month: what it says becomes part of the history. A night that keeps
    /// nothing writes two tables less for every customer, and a month is as fine as the history gets anyway.
    pub fn are_due(conn: &mut PgConnection, cx: &Cx, day: NaiveDate) -> Result<bool> {
        let mut out = Statement::new("SELECT NOT EXISTS (SELECT FROM value_scores WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND as_of < ").bind(Bind::Date(Some(day)));
        out.sql(" AND as_of >= date_trunc('month', ").bind(Bind::Date(Some(day))).sql("::date)::date)");
        Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
    }
}
