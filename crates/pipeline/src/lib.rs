//! How business is won: leads, pipelines and their stages, opportunities and everything around them.
//!
//! Tables: `leads`, `lead_forms`, `lead_scoring_rules`, `lead_assignment_rules`, `lead_duplicates`, `pipelines`, `stages`,
//! `close_reasons`, `competitors`, `price_observations`, `opportunities`, `stage_changes`, `opportunity_lines`,
//! `opportunity_members`, `opportunity_contacts`, `opportunity_competitors`, `quotes`, `quote_lines`, `targets`,
//! `forecast_snapshots`, `forecast_snapshot_lines`.
//! Invariants: a stage and the history of stages change by the verbs of [`moves`] alone; an amount that comes from lines
//! is their sum; the splits of a team add up to 100; a quote's sums are those of its lines, and what was sent does not
//! change; the status of a lead changes by its verbs alone, and the points of a score add up. Start with [`opportunity`].

pub mod board;
pub mod changes;
pub mod close_reason;
pub mod competitor;
pub mod forecast;
pub mod forecast_metrics;
pub mod funnel;
pub mod lead;
pub mod line;
pub mod metrics;
pub mod moves;
mod offers;
pub mod opportunity;
pub mod participants;
pub mod period;
pub mod pipeline;
pub mod quote;
pub mod quote_line;
pub mod snapshot;
pub mod stage;
pub mod stage_change;
pub mod target;
pub mod team;
pub mod whose;

pub use close_reason::CloseReason;
pub use competitor::{Competitor, PriceObservation};
pub use lead::{Lead, LeadAssignmentRule, LeadDuplicate, LeadForm, LeadScoringRule};
pub use line::OpportunityLine;
pub use opportunity::{Opportunity, OpportunityStatus};
pub use participants::{OpportunityCompetitor, OpportunityContact};
pub use pipeline::Pipeline;
pub use quote::{Quote, QuoteStatus};
pub use quote_line::QuoteLine;
pub use snapshot::{ForecastSnapshot, ForecastSnapshotLine};
pub use stage::{ForecastCategory, Stage, StageKind};
pub use stage_change::StageChange;
pub use target::Target;
pub use team::OpportunityMember;

/// The area's name in documentation.
pub const AREA: &str = "pipeline";
