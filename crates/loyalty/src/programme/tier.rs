//! Tiers, and the history of who came to which. How they are reached is in [`super::levels`].

use crate::AREA;
use chrono::{DateTime, Utc};
use kith_kernel::ids::{LoyaltyMembershipId, LoyaltyProgramId, LoyaltyTierId, TierChangeId};
use kith_kernel::{Ownership, Relation, Resource, Verb, Violations, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// What a tier is reached by.
    #[derive(Default)]
    pub enum TierMeasure {
        /// Points earned, without those whose earning was reversed.
        #[default]
        PointsEarned = "POINTS_EARNED",
        /// Spending that points were earned for, in the currency of the programme.
        Spend = "SPEND",
        /// Orders that points were earned for.
        Orders = "ORDERS",
    }
}

text_enum! {
    /// The time over which a tier counts.
    #[derive(Default)]
    pub enum TierPeriod {
        /// The calendar year so far.
        #[default]
        CalendarYear = "CALENDAR_YEAR",
        /// The last periodMonths months.
        RollingMonths = "ROLLING_MONTHS",
    }
}

text_enum! {
    /// How long a tier is held at least.
    #[derive(Default)]
    pub enum TierHold {
        /// Until the end of the next calendar year.
        #[default]
        EndOfNextYear = "END_OF_NEXT_YEAR",
        /// For holdMonths months.
        Months = "MONTHS",
    }
}

/// A tier of a programme. A member comes to the highest tier whose threshold they reach as soon as they earn enough, and goes
/// down, when the programme is settled, once the hold is over and the period no longer suffices.
#[resource(table = loyalty_tiers, id = LoyaltyTierId)]
pub struct LoyaltyTier {
    /// The programme.
    #[field(filter, create_only)]
    pub program_id: LoyaltyProgramId,
    /// Its name.
    #[field(filter, max = 100, example = "\"Gold\"")]
    pub name: String,
    /// Its place: higher is better. Unique within the programme.
    #[field(filter, sort, example = "2")]
    pub rank: i32,
    /// What it is reached by.
    #[field(filter, default)]
    pub measure: TierMeasure,
    /// How much of that it takes.
    #[field(filter, example = "\"1000\"")]
    pub threshold: Decimal,
    /// Over which time.
    #[field(filter, default)]
    pub period: TierPeriod,
    /// How many months; with ROLLING_MONTHS only.
    #[field(example = "12")]
    pub period_months: Option<i32>,
    /// By how much the points for spending are multiplied; null: as they are.
    #[field(example = "\"1.5\"")]
    pub multiplier: Option<Decimal>,
    /// What else it gives.
    #[field(max = 5_000)]
    pub benefits: Option<String>,
    /// How long it is held at least.
    #[field(filter, default)]
    pub hold: TierHold,
    /// For how many months; with MONTHS only.
    #[field(example = "12")]
    pub hold_months: Option<i32>,
}

impl Resource for LoyaltyTier {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] =
        &[Relation::many("members", "loyalty-memberships", "tier_id", "The members who are in it.")];

    fn check(&self, violations: &mut Violations) {
        let positive = |value: Decimal| value > Decimal::ZERO;
        violations.ensure(positive(self.threshold), "/threshold", "OUT_OF_RANGE", "A threshold is more than 0.");
        let multiplier = self.multiplier.is_none_or(|by| positive(by) && by <= Decimal::ONE_THOUSAND);
        violations.ensure(multiplier, "/multiplier", "OUT_OF_RANGE", "Expected more than 0, and at most 1000.");
        for (pointer, months, wanted, with) in [
            ("/periodMonths", self.period_months, self.period == TierPeriod::RollingMonths, "period ROLLING_MONTHS"),
            ("/holdMonths", self.hold_months, self.hold == TierHold::Months, "hold MONTHS"),
        ] {
            let good = months.is_none_or(|months| (1..=1_200).contains(&months));
            violations.ensure(good, pointer, "OUT_OF_RANGE", "Expected 1 to 1200.");
            let detail = format!("It stands with {with}, and only there.");
            violations.ensure(months.is_some() == wanted, pointer, "INVALID", &detail);
        }
    }
}

text_enum! {
    /// Why a member came to another tier.
    #[derive(Default)]
    pub enum TierReason {
        /// They reached it.
        #[default]
        Reached = "REACHED",
        /// The hold of the one before was over, and the period no longer sufficed.
        Lost = "LOST",
    }
}

/// A member came to another tier.
#[resource(table = tier_changes, id = TierChangeId)]
pub struct TierChange {
    /// The member.
    #[field(filter, read_only)]
    pub membership_id: LoyaltyMembershipId,
    /// The tier before; null: none.
    #[field(filter, read_only)]
    pub from_tier_id: Option<LoyaltyTierId>,
    /// The tier since; null: none.
    #[field(filter, read_only)]
    pub to_tier_id: Option<LoyaltyTierId>,
    /// When.
    #[field(filter, sort, read_only)]
    pub changed_at: DateTime<Utc>,
    /// Why.
    #[field(filter, read_only, default)]
    pub reason: TierReason,
    /// What was measured: for the tier that was reached, or for the one that was lost.
    #[field(read_only, default)]
    pub measure: TierMeasure,
    /// How much there was of it in the period.
    #[field(read_only)]
    pub measured: Decimal,
    /// How much that tier takes.
    #[field(read_only)]
    pub threshold: Decimal,
    /// Until when the new tier is held at least.
    #[field(read_only)]
    pub held_until: Option<DateTime<Utc>>,
}

impl Resource for TierChange {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["membership"] };
}
