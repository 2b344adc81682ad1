//! The history of stages. Moves write it, and nothing else does.

use crate::{AREA, Opportunity};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::verbs;
use kith_kernel::ids::{OpportunityId, PipelineId, StageChangeId, StageId};
use kith_kernel::{About, Cx, Moment, Money, Ownership, Resource, Result, Verb};
use kith_macros::resource;
use serde_json::{Value, json};

/// An opportunity reached a stage. `createdBy` tells who moved it.
#[resource(table = stage_changes, id = StageChangeId)]
pub struct StageChange {
    /// The opportunity.
    #[field(filter, create_only)]
    pub opportunity_id: OpportunityId,
    /// The pipeline it is in.
    #[field(filter, create_only)]
    pub pipeline_id: PipelineId,
    /// The stage it was in before; null: it began here.
    #[field(filter, create_only)]
    pub from_stage_id: Option<StageId>,
    /// The stage it reached.
    #[field(filter, create_only)]
    pub to_stage_id: StageId,
    /// When.
    #[field(filter, sort, create_only)]
    pub changed_at: DateTime<Utc>,
    /// How long it was in the stage before, in seconds.
    #[field(filter, create_only)]
    pub seconds_before: Option<i32>,
    /// What it was worth then.
    #[field(money, create_only)]
    pub amount: Option<Money>,
    /// What was said about it.
    #[field(create_only, max = 2_000)]
    pub note: Option<String>,
}

impl Resource for StageChange {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["opportunity"] };
    const MOMENT: Option<Moment> = Some(Moment {
        at: "t.changed_at",
        title: "(SELECT s.name FROM stages s WHERE s.tenant_id = t.tenant_id AND s.id = t.to_stage_id)",
        title_of: Some("stages"),
        channel: None,
        about: &[About::Column("opportunity_id")],
    });
}

/// Writes one down. `before` is the opportunity as it was; none: it is new.
pub(crate) fn record(
    conn: &mut PgConnection,
    cx: &Cx,
    before: Option<&Opportunity>,
    after: &Opportunity,
    note: Option<&str>,
) -> Result<()> {
    let seconds = before.map(|before| (after.stage_since - before.stage_since).num_seconds());
    let body = json!({
        "opportunityId": after.meta.id,
        "pipelineId": after.pipeline_id.0,
        "fromStageId": before.map(|before| before.stage_id.0),
        "toStageId": after.stage_id.0,
        "changedAt": after.stage_since,
        "secondsBefore": seconds.map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX)),
        "amount": after.amount.map(|money| json!({"amount": money.amount.to_string(), "currency": money.currency.code()})),
        "note": note,
    });
    let Value::Object(body) = body else { return Ok(()) };
    verbs::create(conn, &cx.as_system(), cx.entry("stage-changes")?, &body).map(drop)
}
