//! Rewards: what members can have for their points.

use super::tier::LoyaltyTier;
use crate::AREA;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::{LoyaltyProgramId, LoyaltyRewardId, LoyaltyTierId};
use kith_kernel::{Cx, Error, Relation, Resource, Result, Violations, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// Whether a reward can be had.
    #[derive(Default)]
    pub enum RewardStatus {
        /// It can be had.
        #[default]
        Active = "ACTIVE",
        /// Not for now.
        Paused = "PAUSED",
    }
}

/// Something that members can have for their points, by `redeem` of a membership.
#[resource(table = loyalty_rewards, id = LoyaltyRewardId)]
pub struct LoyaltyReward {
    /// The programme.
    #[field(filter, create_only)]
    pub program_id: LoyaltyProgramId,
    /// Its name, unique within the programme.
    #[field(filter, sort, max = 200, example = "\"A box of chai\"")]
    pub name: String,
    /// What it is.
    #[field(max = 5_000)]
    pub description: Option<String>,
    /// What it costs, in points.
    #[field(filter, sort, example = "\"250\"")]
    pub cost: Decimal,
    /// How many are left; null: any number. It goes down with each redemption, never below 0.
    #[field(filter, example = "100")]
    pub stock: Option<i32>,
    /// How many a member can have, those that were cancelled not counted; null: any number.
    #[field(example = "1")]
    pub member_limit: Option<i32>,
    /// From when on it can be had; null: from the beginning.
    #[field(filter)]
    pub valid_from: Option<DateTime<Utc>>,
    /// From when on it no longer can; null: never.
    #[field(filter)]
    pub valid_to: Option<DateTime<Utc>>,
    /// The tier, or a better one, that it takes; null: none.
    #[field(filter)]
    pub minimum_tier_id: Option<LoyaltyTierId>,
    /// Whether it can be had.
    #[field(filter, default)]
    pub status: RewardStatus,
}

impl Resource for LoyaltyReward {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[Relation::many("redemptions", "redemptions", "reward_id", "Who took it.")];

    fn check(&self, violations: &mut Violations) {
        violations.ensure(self.cost > Decimal::ZERO, "/cost", "OUT_OF_RANGE", "A cost is more than 0.");
        let stock = self.stock.is_none_or(|stock| stock >= 0);
        violations.ensure(stock, "/stock", "OUT_OF_RANGE", "A stock is not negative.");
        let limit = self.member_limit.is_none_or(|limit| limit >= 1);
        violations.ensure(limit, "/memberLimit", "OUT_OF_RANGE", "A limit is at least 1.");
        let order = self.valid_from.zip(self.valid_to).is_none_or(|(from, to)| from < to);
        violations.ensure(order, "/validTo", "OUT_OF_RANGE", "The end is not after the beginning.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        // One that is not there is refused by the foreign key.
        let tier = self.minimum_tier_id.map_or(Ok(None), |id| store::find::<LoyaltyTier>(conn, cx, id.0))?;
        match tier {
            Some(tier) if tier.program_id != self.program_id => {
                Err(Error::invalid("/minimumTierId", "INVALID", "This is a tier of another programme."))
            }
            _ => Ok(()),
        }
    }
}
