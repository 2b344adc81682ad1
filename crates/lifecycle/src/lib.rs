//! Where the relationship with a customer stands, whether it is about to end, and what is done about that.
//!
//! [`rules`] decide, without a database, from facts that somebody else has gathered; [`apply`](mod@apply) writes what they
//! decided for many accounts at once, [`lifecycle`] what a person decides for one. Tables: `lifecycles` and
//! `lifecycle_transitions`, `lifecycle_policies`, `churn_risks`, `churn_scores` and `churn_models`, `churn_events` and
//! `churn_event_corrections`, `retention_plans` and `retention_actions`, `win_back_cases`. Invariants: a stage changes by a
//! legal move alone, and never without its transition; one policy is published at a time; what was put right keeps what was
//! there before.

pub mod apply;
pub mod backtest;
pub mod churn_event;
pub mod correction;
pub mod lifecycle;
pub mod metrics;
pub mod model;
pub mod policy;
pub mod reports;
pub mod retention;
pub mod risk;
pub mod rules;
pub mod score;
mod standing;
pub mod transition;
pub mod win_back;

pub use apply::{Applied, Ruling, apply, outlook, standing};
pub use churn_event::{ChurnEvent, Suspicion, suspect, unpreventable};
pub use correction::ChurnEventCorrection;
pub use lifecycle::Lifecycle;
pub use model::ChurnModel;
pub use policy::{LifecyclePolicy, current};
pub use retention::{RetentionAction, RetentionPlan};
pub use risk::{ChurnRisk, RiskRuling, apply_risks};
pub use score::ChurnScore;
pub use transition::LifecycleTransition;
pub use win_back::WinBackCase;

/// The area's name in documentation.
pub const AREA: &str = "lifecycle";

/// A number that a decimal column takes; none where it has no place in one.
fn decimal(number: f64) -> Option<rust_decimal::Decimal> {
    rust_decimal::Decimal::try_from(number).ok().map(|number| {
        let mut number = number.round_dp(4);
        number.rescale(4);
        number
    })
}
