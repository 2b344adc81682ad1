//! What customers are worth to us and how loyal they are: value, its pyramid and its quadrant, lifetime value, indicators
//! and levels of loyalty, and the programme that rewards it.
//!
//! Start with [`value`], [`standing`] and [`programme`].

pub mod programme;
pub mod standing;
pub mod value;

pub use standing::{LoyaltyAssessment, LoyaltyEvidenceItem, LoyaltyIndicator};
pub use value::{
    ClvEstimate, CostEntry, CostRate, PurchaseModel, ResourcePolicy, ValueIndicator, ValueModel, ValueProfile,
    ValueRun, ValueScore, WalletEstimate,
};

/// The area's name in documentation.
pub const AREA: &str = "loyalty";
