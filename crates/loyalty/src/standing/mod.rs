//! How loyal customers are: eight signs of it ([`sign`]), what they answered ([`evidence`]), what both come to
//! ([`rules`], [`layer`], [`driver`], which are pure), and who computes it ([`page`], against [`Peers`]).
//!
//! Tables: `loyalty_indicators`, `loyalty_evidence`, `loyalty_assessments`. Invariants: one indicator stands for each
//! account, sign and system, and it is the latest; an assessment has the id of its account; contributions add up to the
//! index; what is not known is not zero.

pub mod assessment;
pub mod driver;
pub mod evidence;
mod inputs;
pub mod layer;
mod measure;
pub mod page;
pub mod peers;
pub mod rules;
pub mod sign;

pub use assessment::LoyaltyAssessment;
pub use evidence::LoyaltyEvidenceItem;
pub use page::{assess_page, shares};
pub use peers::Peers;
pub use rules::Weights;
pub use sign::LoyaltyIndicator;
