//! Opportunities: what they hold. How they move is in [`crate::moves`].

use crate::stage::{ForecastCategory, Stage, StageKind};
use crate::{AREA, Pipeline, line, moves, stage_change, team};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::{
    AccountId, CloseReasonId, CompetitorId, ContactId, OpportunityId, PipelineId, StageId, TeamId, UserId,
};
use kith_kernel::{Command, Cx, Error, Money, Ownership, Relation, Resource, Result, Violations, codes, text_enum};
use kith_macros::resource;

text_enum! {
    /// Whether it is decided.
    #[derive(Default)]
    pub enum OpportunityStatus {
        /// Work goes on.
        #[default]
        Open = "OPEN",
        /// We got the business.
        Won = "WON",
        /// We did not.
        Lost = "LOST",
    }
}

impl From<StageKind> for OpportunityStatus {
    fn from(kind: StageKind) -> Self {
        match kind {
            StageKind::Open => OpportunityStatus::Open,
            StageKind::Won => OpportunityStatus::Won,
            StageKind::Lost => OpportunityStatus::Lost,
        }
    }
}

/// A chance to sell. It moves through the stages of one pipeline by `move`, `win`, `lose` and `reopen`; one that ended in
/// the past is created in its last stage.
#[resource(table = opportunities, id = OpportunityId)]
pub struct Opportunity {
    /// What it is about.
    #[field(filter, sort, max = 200, example = "\"Chai for 40 shops\"")]
    pub name: String,
    /// Who would buy.
    #[field(filter)]
    pub account_id: Option<AccountId>,
    /// The person we deal with.
    #[field(filter)]
    pub contact_id: Option<ContactId>,
    /// The pipeline; that of the stage, or the default one.
    #[field(filter, create_only, default)]
    pub pipeline_id: PipelineId,
    /// The stage; the first open one of the pipeline unless given. Afterwards the verbs change it.
    #[field(filter, create_only, default)]
    pub stage_id: StageId,
    /// Whether it is decided; it follows from the stage.
    #[field(filter, read_only, default)]
    pub status: OpportunityStatus,
    /// What it is worth.
    #[field(filter, sort, money)]
    pub amount: Option<Money>,
    /// The amount is the sum of the lines, and cannot be set.
    #[field(filter, default)]
    pub amount_from_lines: bool,
    /// How likely it is won, in percent, where that differs from the stage's.
    #[field(filter)]
    pub probability: Option<i32>,
    /// How it counts in a forecast, where that differs from the stage's.
    #[field(filter)]
    pub forecast_category: Option<ForecastCategory>,
    /// When we expect the decision.
    #[field(filter, sort, example = "\"2026-06-30\"")]
    pub close_date: Option<NaiveDate>,
    /// Since when we are after it; now unless given.
    #[field(filter, sort, create_only, default)]
    pub opened_at: DateTime<Utc>,
    /// Since when it is in its stage.
    #[field(filter, sort, read_only, default)]
    pub stage_since: DateTime<Utc>,
    /// When it was decided.
    #[field(filter, sort, create_only)]
    pub closed_at: Option<DateTime<Utc>>,
    /// Why it was won or lost.
    #[field(filter, create_only)]
    pub close_reason_id: Option<CloseReasonId>,
    /// What else there is to say about the end.
    #[field(create_only, max = 2_000)]
    pub close_note: Option<String>,
    /// Whom it was lost to.
    #[field(filter, create_only)]
    pub competitor_id: Option<CompetitorId>,
    /// Where it came from.
    #[field(filter, max = 100, example = "\"trade fair\"")]
    pub source: Option<String>,
    /// What to do next.
    #[field(max = 500)]
    pub next_step: Option<String>,
    /// When to do it.
    #[field(filter)]
    pub next_step_on: Option<NaiveDate>,
    /// The user who is responsible.
    #[field(filter)]
    pub owner_id: Option<UserId>,
    /// The team that is responsible.
    #[field(filter)]
    pub team_id: Option<TeamId>,
}

impl Resource for Opportunity {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: Some("owner_id"), team: Some("team_id"), via: &[] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("lines", "opportunity-lines", "opportunity_id", "What it is about, line by line."),
        Relation::many("members", "opportunity-members", "opportunity_id", "Who works on it."),
        Relation::many("contacts", "opportunity-contacts", "opportunity_id", "The people who have a say."),
        Relation::many("competitors", "opportunity-competitors", "opportunity_id", "Who competes for it."),
        Relation::many("stageChanges", "stage-changes", "opportunity_id", "The stages it went through."),
        Relation::many("leads", "leads", "opportunity_id", "The leads that became it."),
        Relation::many("quotes", "quotes", "opportunity_id", "What was offered for it."),
        Relation::about("externalIds", "external-ids", "OPPORTUNITY", "Its keys in other systems."),
        Relation::about("taggings", "taggings", "OPPORTUNITY", "Its tags."),
        Relation::about("notes", "notes", "OPPORTUNITY", "Notes about it."),
        Relation::about("interactions", "interactions", "OPPORTUNITY", "Touches about it, over every channel."),
        Relation::about("tasks", "tasks", "OPPORTUNITY", "What there is to do for it."),
    ];

    fn commands() -> Vec<Command> {
        let mut all = moves::commands();
        all.push(team::command());
        all
    }

    fn check(&self, violations: &mut Violations) {
        let fits = self.probability.is_none_or(|probability| (0..=100).contains(&probability));
        violations.ensure(fits, "/probability", "OUT_OF_RANGE", "Expected 0 to 100.");
        let positive = self.amount.as_ref().is_none_or(|money| !money.amount.is_sign_negative());
        violations.ensure(positive, "/amount", "OUT_OF_RANGE", "An amount is not negative.");
        let closed = self.status != OpportunityStatus::Open;
        violations.ensure(closed || self.closed_at.is_none(), "/closedAt", "INVALID", "The stage is an open one.");
        let ended = closed || (self.close_reason_id.is_none() && self.close_note.is_none());
        violations.ensure(ended, "/closeReasonId", "INVALID", "Only what is decided has a reason.");
        let lost = self.status == OpportunityStatus::Lost || self.competitor_id.is_none();
        violations.ensure(lost, "/competitorId", "INVALID", "Only what is lost is lost to somebody.");
        let order = self.closed_at.is_none_or(|closed| closed >= self.opened_at);
        violations.ensure(order, "/closedAt", "OUT_OF_RANGE", "It cannot end before it began.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            self.begin(conn, cx)?;
        }
        if !self.amount_from_lines {
            return Ok(());
        }
        let sum = line::sum(conn, cx, self.id())?;
        let kept = before.map_or(self.amount.is_none(), |before| before.amount == self.amount);
        if !kept && self.amount != sum {
            return Err(Error::invalid("/amount", "READ_ONLY", "The amount is the sum of the lines."));
        }
        self.amount = sum;
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() { stage_change::record(conn, cx, None, self, None) } else { Ok(()) }
    }
}

impl Opportunity {
    /// Finds the stage a new one begins in, and what follows from it.
    fn begin(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let (pipeline, stage) = (self.pipeline_id, self.stage_id);
        let found = if stage == StageId::default() {
            let pipeline = if pipeline == PipelineId::default() { default_pipeline(conn, cx)? } else { pipeline };
            let stages = Stage::of_pipeline(conn, cx, pipeline)?;
            let detail = "This pipeline is not there, or has no open stage.";
            let first = stages.into_iter().find(|stage| stage.kind == StageKind::Open);
            first.ok_or_else(|| Error::invalid("/pipelineId", "UNKNOWN_REFERENCE", detail))?
        } else {
            let found = store::find::<Stage>(conn, cx, stage.0)?.filter(|found| found.meta.archived_at.is_none());
            let detail = "stageId points to nothing that you can see.";
            let found = found.ok_or_else(|| Error::invalid("/stageId", "UNKNOWN_REFERENCE", detail))?;
            if pipeline != PipelineId::default() && found.pipeline_id != pipeline {
                return Err(Error::invalid("/pipelineId", "UNKNOWN_REFERENCE", "The stage is of another pipeline."));
            }
            found
        };
        self.pipeline_id = found.pipeline_id;
        self.stage_id = found.id();
        self.status = found.kind.into();
        // The beginning of Unix time stands for a time that was not given.
        if self.opened_at == DateTime::<Utc>::default() {
            self.opened_at = self.closed_at.map_or(cx.now, |closed| closed.min(cx.now));
        }
        if self.status != OpportunityStatus::Open {
            self.closed_at = self.closed_at.or(Some(cx.now));
        }
        self.stage_since = self.closed_at.unwrap_or(self.opened_at);
        let mut violations = Violations::default();
        for (pointer, time) in [("/openedAt", Some(self.opened_at)), ("/closedAt", self.closed_at)] {
            let past = time.is_none_or(|time| time <= cx.now);
            violations.ensure(past, pointer, "OUT_OF_RANGE", "This is in the future.");
        }
        violations.into_result()
    }
}

fn default_pipeline(conn: &mut PgConnection, cx: &Cx) -> Result<PipelineId> {
    let found = store::rows::<Pipeline>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND t.is_default");
    })?;
    let detail = "There is no default pipeline. Name a pipeline or a stage.";
    found.first().map(Pipeline::id).ok_or_else(|| Error::invalid("/pipelineId", "REQUIRED", detail))
}

/// Closed ones are history: what an error says who tries to move one.
pub(crate) fn closed(opportunity: &Opportunity) -> Error {
    let detail = format!("It is {}. Reopen it first.", opportunity.status.as_str());
    Error::new(&codes::ILLEGAL_TRANSITION, detail)
}
