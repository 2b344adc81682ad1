//! Whoever sells against us, and what they ask for.

use crate::AREA;
use chrono::NaiveDate;
use kith_kernel::ids::{AccountId, CompetitorId, PriceObservationId, ProductId};
use kith_kernel::{Money, Relation, Resource, Violations};
use kith_macros::resource;

/// Whoever sells against us, with strengths, weaknesses, opportunities and threats (SWOT) as they are for us.
#[resource(table = competitors, id = CompetitorId)]
pub struct Competitor {
    /// Its name, unique without regard to case.
    #[field(filter, sort, max = 200, example = "\"Globex\"")]
    pub name: String,
    /// The account that it is, where we keep one.
    #[field(filter)]
    pub account_id: Option<AccountId>,
    /// Web site.
    #[field(max = 500, example = "\"https://example.com\"")]
    pub website: Option<String>,
    /// What it does better than we.
    #[field(max = 5_000)]
    pub strengths: Option<String>,
    /// What it does worse than we.
    #[field(max = 5_000)]
    pub weaknesses: Option<String>,
    /// What we could gain from it.
    #[field(max = 5_000)]
    pub opportunities: Option<String>,
    /// What we could lose to it.
    #[field(max = 5_000)]
    pub threats: Option<String>,
}

impl Resource for Competitor {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("priceObservations", "price-observations", "competitor_id", "What it asked for."),
        Relation::many("opportunityRoles", "opportunity-competitors", "competitor_id", "Where it stands against us."),
        Relation::many("lostOpportunities", "opportunities", "competitor_id", "What was lost to it."),
        Relation::about("externalIds", "external-ids", "COMPETITOR", "Its keys in other systems."),
    ];
}

/// A price of a competitor that somebody saw.
#[resource(table = price_observations, id = PriceObservationId)]
pub struct PriceObservation {
    /// Whose price.
    #[field(filter, create_only)]
    pub competitor_id: CompetitorId,
    /// The product of ours that it stands against.
    #[field(filter)]
    pub product_id: Option<ProductId>,
    /// What they call theirs.
    #[field(filter, max = 200)]
    pub product_name: Option<String>,
    /// The price.
    #[field(filter, money)]
    pub price: Money,
    /// When it was seen.
    #[field(filter, sort, example = "\"2026-01-31\"")]
    pub observed_on: NaiveDate,
    /// Where it was seen.
    #[field(max = 200)]
    pub source: Option<String>,
    /// What else there is to say.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

impl Resource for PriceObservation {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;

    fn check(&self, violations: &mut Violations) {
        violations.ensure(!self.price.amount.is_sign_negative(), "/price", "OUT_OF_RANGE", "A price is not negative.");
    }
}
