//! What customers are worth: from what they bought and cost ([`facts`]) over what is learned from all of them together
//! ([`learn`], whose result is [`Borders`]) to what is said of each ([`assess`]).
//!
//! Tables: `value_models`, `value_indicators`, `purchase_models`, `value_runs`, `value_profiles`, `clv_estimates`,
//! `value_scores`, `cost_entries`, `cost_rates`, `wallet_estimates`, `resource_policies`. Invariants: one model is
//! published at a time, and a published one does not change; a profile has the id of its account; contributions add up
//! to the score. The mathematics is in `kith-statistics`; who runs it is elsewhere.

pub mod affinity;
pub mod assess;
pub mod borders;
pub mod clv;
pub mod contract;
pub mod cost;
pub mod entitlement;
pub mod facts;
pub mod families;
pub mod fit;
pub mod indicator;
pub mod learn;
pub mod model;
pub mod next_purchase;
pub(crate) mod number;
mod place;
pub mod potential;
pub mod profile;
pub mod purchase;
pub mod purchases;
pub mod reports;
pub mod rows;
pub mod run;
pub mod segment;
pub mod validation;
pub mod wallet;
mod weigh;

pub use borders::Borders;
pub use clv::ClvEstimate;
pub use cost::{CostEntry, CostRate};
pub use entitlement::ResourcePolicy;
pub use facts::Facts;
pub use indicator::ValueIndicator;
pub use model::ValueModel;
pub use profile::{ValueProfile, ValueScore};
pub use purchase::PurchaseModel;
pub use purchases::Purchases;
pub use run::ValueRun;
pub use wallet::WalletEstimate;
