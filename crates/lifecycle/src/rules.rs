//! The rules as plain functions: facts of a customer in, a verdict with its evidence out. No database, no clock.

pub mod churn;
pub mod contract;
pub mod loyalty_stage;
mod moves;
mod policy;
pub mod risk;
mod series;
pub mod stage;
pub mod win_back;

pub use churn::{Grounds, activity, churned_on, classify};
pub use contract::{Contract, contract_churned_on};
pub use loyalty_stage::{LoyaltyStage, loyalty_stage};
pub use moves::LifecycleStage;
pub use policy::Policy;
pub use stage::{Before, Facts, LifecycleRule, Peers, Verdict, stage};

/// Days of an average month of the Gregorian calendar.
pub const DAYS_PER_MONTH: f64 = 30.436_875;

/// A count as a number to calculate with.
fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A number of whole days, from a number that is not too large for a calendar.
fn days(number: f64) -> chrono::Days {
    use rust_decimal::prelude::ToPrimitive;
    chrono::Days::new(number.clamp(0.0, 36_500.0).to_u64().unwrap_or_default())
}

/// For evidence: four places are enough for anybody who reads it.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
