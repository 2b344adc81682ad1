//! The history of stages.

use crate::AREA;
use crate::lifecycle::LifecycleSource;
use crate::rules::{LifecycleRule, LifecycleStage};
use chrono::NaiveDate;
use kith_kernel::ids::{AccountId, ChurnEventId, LifecycleTransitionId};
use kith_kernel::{Custom, Ownership, Resource, Verb};
use kith_macros::resource;

/// The relationship with an account reached a stage. It is history and never changes; `createdBy` tells who moved it.
#[resource(table = lifecycle_transitions, id = LifecycleTransitionId)]
pub struct LifecycleTransition {
    /// The account.
    #[field(filter, read_only)]
    pub account_id: AccountId,
    /// The stage before; null: it began here.
    #[field(filter, read_only)]
    pub from_stage: Option<LifecycleStage>,
    /// The stage it reached.
    #[field(filter, read_only)]
    pub to_stage: LifecycleStage,
    /// What moved it.
    #[field(filter, read_only, default)]
    pub trigger: LifecycleSource,
    /// The rule that fired.
    #[field(filter, read_only)]
    pub rule: LifecycleRule,
    /// Why, in the words of whoever moved it by hand.
    #[field(read_only)]
    pub reason: Option<String>,
    /// The numbers of the rule.
    #[field(read_only)]
    pub evidence: Custom,
    /// The day on which it moved: the day as of which the rules were asked.
    #[field(filter, sort, read_only)]
    pub moved_on: NaiveDate,
    /// The loss that moved it, if one did.
    #[field(filter, read_only)]
    pub churn_event_id: Option<ChurnEventId>,
}

impl Resource for LifecycleTransition {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
}
