//! Closed lists that several areas share.

use crate::text_enum;

text_enum! {
    /// The part a contact plays in the buying decisions of their account.
    pub enum BuyingRole {
        /// Decides.
        DecisionMaker = "DECISION_MAKER",
        /// Compares offers.
        Evaluator = "EVALUATOR",
        /// Is listened to.
        Influencer = "INFLUENCER",
        /// Uses what is bought.
        User = "USER",
        /// Lets others through, or not.
        Gatekeeper = "GATEKEEPER",
        /// Speaks for us.
        Champion = "CHAMPION",
    }
}
