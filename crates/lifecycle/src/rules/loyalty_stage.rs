//! The ladder from a prospect to a loyal customer (D2).

use super::{Facts, Peers, Policy, churn};
use kith_kernel::text_enum;
use kith_statistics::typical_gap;

text_enum! {
    /// How far a customer has come, from prospect to loyal.
    #[derive(Default)]
    pub enum LoyaltyStage {
        /// No valid order yet.
        #[default]
        Prospect = "PROSPECT",
        /// One occasion, or a customer for less than one gap of the peers.
        New = "NEW",
        /// At least two occasions.
        Regular = "REGULAR",
        /// At least four occasions over at least four gaps of the peers.
        LongStanding = "LONG_STANDING",
        /// Long-standing, with a loyalty index of at least 70, and not at risk.
        Loyal = "LOYAL",
    }
}

/// The class of a customer. `loyalty` is the composite loyalty index, from 0 to 100, where it is known; whoever is silent for
/// half their patience, or likelier than not to leave by `risk`, is not loyal.
pub fn loyalty_stage(
    facts: &Facts<'_>,
    peers: &Peers,
    policy: &Policy,
    loyalty: Option<f64>,
    risk: Option<f64>,
) -> LoyaltyStage {
    let (age, gap) = (f64::from(facts.age), peers.median_gap);
    let typical = typical_gap(facts.gaps, gap).max(1.0);
    let activity = facts.activity(typical, policy);
    let at_risk = activity != churn::CustomerActivity::Active || risk.is_some_and(|risk| risk >= 0.5);
    if facts.occasions == 0 {
        LoyaltyStage::Prospect
    } else if facts.occasions < policy.regular_occasions || age < gap {
        LoyaltyStage::New
    } else if facts.occasions < policy.long_standing_occasions || age < policy.long_standing_gaps * gap {
        LoyaltyStage::Regular
    } else if !at_risk && loyalty.is_some_and(|index| index >= policy.loyal_index) {
        LoyaltyStage::Loyal
    } else {
        LoyaltyStage::LongStanding
    }
}
