//! What was put right about losses.

use crate::AREA;
use crate::churn_event::ChurnEventStatus;
use crate::rules::churn::{ChurnInitiative, ChurnKind};
use kith_kernel::ids::{ChurnEventCorrectionId, ChurnEventId};
use kith_kernel::{Ownership, Resource, Verb};
use kith_macros::resource;

/// A churn event was put right: what it was, what it became, and why. It is history and never changes; `createdBy` and
/// `createdAt` tell who did it and when.
#[resource(table = churn_event_corrections, id = ChurnEventCorrectionId)]
pub struct ChurnEventCorrection {
    /// The churn event.
    #[field(filter, read_only)]
    pub churn_event_id: ChurnEventId,
    /// Its status before.
    #[field(filter, read_only)]
    pub from_status: ChurnEventStatus,
    /// Its status since.
    #[field(filter, read_only)]
    pub to_status: ChurnEventStatus,
    /// Its initiative before.
    #[field(filter, read_only)]
    pub from_initiative: Option<ChurnInitiative>,
    /// Its initiative since.
    #[field(filter, read_only)]
    pub to_initiative: Option<ChurnInitiative>,
    /// Its kind before.
    #[field(filter, read_only)]
    pub from_kind: ChurnKind,
    /// Its kind since.
    #[field(filter, read_only)]
    pub to_kind: ChurnKind,
    /// Why.
    #[field(read_only)]
    pub reason: String,
}

impl Resource for ChurnEventCorrection {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["churnEvent"] };
}
