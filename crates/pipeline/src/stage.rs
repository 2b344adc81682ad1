//! The stages of a pipeline.

use crate::{AREA, Opportunity};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::{PipelineId, StageId};
use kith_kernel::{
    Action, Bind, Command, Condition, Custom, Cx, Error, Relation, Resource, Result, Row, Shape, Statement, Violations,
    codes, text_enum,
};
use kith_macros::{input, resource};
use uuid::Uuid;

text_enum! {
    /// What it means to be in a stage.
    #[derive(Default)]
    pub enum StageKind {
        /// Work goes on.
        #[default]
        Open = "OPEN",
        /// We got the business.
        Won = "WON",
        /// We did not.
        Lost = "LOST",
    }
}

text_enum! {
    /// How an opportunity counts in a forecast.
    #[derive(Default)]
    pub enum ForecastCategory {
        /// Not at all.
        Omitted = "OMITTED",
        /// As something that may come.
        #[default]
        Pipeline = "PIPELINE",
        /// As something that comes if all goes well.
        BestCase = "BEST_CASE",
        /// As something that we commit to.
        Commit = "COMMIT",
        /// As something that has come.
        Closed = "CLOSED",
    }
}

/// A step of a pipeline.
#[resource(table = stages, id = StageId)]
pub struct Stage {
    /// The pipeline.
    #[field(filter, create_only)]
    pub pipeline_id: PipelineId,
    /// Its name, unique in the pipeline without regard to case.
    #[field(filter, sort, max = 100, example = "\"Proposal\"")]
    pub name: String,
    /// Its place in the row, from 1.
    #[field(filter, sort, example = "1")]
    pub position: i32,
    /// What it means to be here.
    #[field(filter, create_only, default)]
    pub kind: StageKind,
    /// How likely opportunities here are won, in percent.
    #[field(filter, example = "40")]
    pub probability: i32,
    /// How opportunities here count in a forecast.
    #[field(filter, default)]
    pub forecast_category: ForecastCategory,
    /// A filter over opportunities; one that leaves this stage forwards or is won has to fit it.
    #[field(example = "{\"amount\": {\"isNull\": false}}")]
    pub exit_criteria: Option<Custom>,
    /// After this many days here, an opportunity is rotting.
    #[field(filter, example = "14")]
    pub rotting_days: Option<i32>,
}

impl Resource for Stage {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] =
        &[Relation::many("opportunities", "opportunities", "stage_id", "The opportunities that are here.")];

    fn commands() -> Vec<Command> {
        let doc = "Archives a stage and moves the opportunities that are in it to another one of the same kind.";
        vec![Command::new("retire", doc, |cx| cx.require(cx.entry(Stage::NAME)?, Action::Archive).map(drop), retire)]
    }

    fn check(&self, violations: &mut Violations) {
        violations.ensure((0..=100).contains(&self.probability), "/probability", "OUT_OF_RANGE", "Expected 0 to 100.");
        violations.ensure(self.position >= 1, "/position", "OUT_OF_RANGE", "Positions count from 1.");
        let positive = self.rotting_days.is_none_or(|days| days >= 1);
        violations.ensure(positive, "/rottingDays", "OUT_OF_RANGE", "Expected at least 1 day.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none_or(|before| before.exit_criteria != self.exit_criteria) {
            self.criteria(cx)?;
        }
        let archived =
            self.meta.archived_at.is_some() && before.is_some_and(|before| before.meta.archived_at.is_none());
        refuse_if_used(archived && !self.opportunities(conn, cx)?.is_empty())
    }
}

/// What still has work in it cannot be put away.
pub(crate) fn refuse_if_used(used: bool) -> Result<()> {
    let detail = "There are opportunities here. Move them first, or retire the stage.";
    if used { Err(Error::new(&codes::CONFLICT, detail)) } else { Ok(()) }
}

impl Stage {
    /// The stages of a pipeline that are not archived, in order.
    pub fn of_pipeline(conn: &mut PgConnection, cx: &Cx, pipeline: PipelineId) -> Result<Vec<Stage>> {
        store::rows(conn, cx, |out| {
            out.sql(" AND t.archived_at IS NULL AND t.pipeline_id = ").bind(Bind::Uuid(Some(pipeline.0)));
            out.sql(" ORDER BY t.position, t.id");
        })
    }

    fn opportunities(&self, conn: &mut PgConnection, cx: &Cx) -> Result<Vec<Opportunity>> {
        store::rows(conn, cx, |out| {
            out.sql(" AND t.archived_at IS NULL AND t.stage_id = ").bind(Bind::Uuid(Some(self.meta.id)));
            out.sql(" ORDER BY t.id FOR UPDATE");
        })
    }

    /// The exit criteria as a condition on `opportunities t`; none: there are none.
    pub(crate) fn criteria(&self, cx: &Cx) -> Result<Option<Statement>> {
        let Some(criteria) = &self.exit_criteria else { return Ok(None) };
        let Some(criteria) = criteria.0.as_object() else {
            return Err(Error::invalid("/exitCriteria", "WRONG_TYPE", "Expected a filter, which is an object."));
        };
        let mut out = Statement::default();
        let system = cx.as_system();
        let mut condition = Condition::new(&system, false);
        condition.filter(cx.entry(Opportunity::NAME)?, "t", criteria, "/exitCriteria", &mut out);
        condition.violations.into_result()?;
        out.once();
        Ok(Some(out))
    }
}

/// Where the opportunities of a stage go that is no longer needed.
#[input]
pub struct Retire {
    /// The stage that takes them: of the same pipeline and kind. Needed if there are any.
    pub to_stage_id: Option<StageId>,
}

fn retire(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Retire) -> Result<Box<dyn Row>> {
    let entry = cx.entry(Stage::NAME)?;
    let locked = store::lock(conn, cx, entry, id, Action::Archive)?;
    let Some(stage) = locked.any().downcast_ref::<Stage>() else { return Err(Error::internal("not a stage")) };
    let moving = stage.opportunities(conn, cx)?;
    if !moving.is_empty() {
        let target = input.to_stage_id.map(|id| store::find::<Stage>(conn, cx, id.0)).transpose()?.flatten();
        let fits = |target: &Stage| {
            target.pipeline_id == stage.pipeline_id
                && target.kind == stage.kind
                && target.meta.archived_at.is_none()
                && target.meta.id != stage.meta.id
        };
        let target = target.filter(fits).ok_or_else(|| {
            let detail = "Expected another stage of the same pipeline and kind that is not archived.";
            Error::invalid("/toStageId", "INVALID", detail)
        })?;
        for opportunity in moving {
            crate::moves::relocate(conn, &cx.as_system(), opportunity.meta.id, &target)?;
        }
    }
    verbs::archive(conn, cx, entry, id, seen)
}
