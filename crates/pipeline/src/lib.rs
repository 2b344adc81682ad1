//! How business is won: leads, pipelines and their stages, opportunities and everything around them.
//!
//! Tables: `leads`, `lead_forms`, `lead_scoring_rules`, `lead_assignment_rules`, `lead_duplicates`, `pipelines`, `stages`, `close_reasons`, `competitors`, `price_observations`, `opportunities`, `stage_changes`,
//! `opportunity_lines`, `opportunity_members`, `opportunity_contacts`, `opportunity_competitors`. Invariants: a stage and
//! the history of stages change by the verbs of [`moves`] alone; an amount that comes from lines is their sum; the splits
//! of a team add up to 100; the status of a lead changes by its verbs alone, and the points of a score add up. Start with [`opportunity`].

pub mod close_reason;
pub mod competitor;
pub mod lead;
pub mod line;
pub mod metrics;
pub mod moves;
pub mod opportunity;
pub mod participants;
pub mod pipeline;
pub mod stage;
pub mod stage_change;
pub mod team;

pub use close_reason::CloseReason;
pub use competitor::{Competitor, PriceObservation};
pub use lead::{Lead, LeadAssignmentRule, LeadDuplicate, LeadForm, LeadScoringRule};
pub use line::OpportunityLine;
pub use opportunity::{Opportunity, OpportunityStatus};
pub use participants::{OpportunityCompetitor, OpportunityContact};
pub use pipeline::Pipeline;
pub use stage::{ForecastCategory, Stage, StageKind};
pub use stage_change::StageChange;
pub use team::OpportunityMember;

/// The area's name in documentation.
pub const AREA: &str = "pipeline";
