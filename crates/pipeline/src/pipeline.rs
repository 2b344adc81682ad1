//! Pipelines.

use crate::{AREA, Stage};
use diesel::PgConnection;
use kith_journal::{log, store, verbs};
use kith_kernel::ids::PipelineId;
use kith_kernel::{Action, Bind, Command, Custom, Cx, Error, FieldType, Relation, Resource, Result, Row, Shape};
use kith_macros::{input, resource};
use serde_json::{Map, json};
use uuid::Uuid;

/// A way in which business is won, as a row of stages.
#[resource(table = pipelines, id = PipelineId)]
pub struct Pipeline {
    /// Its name, unique without regard to case.
    #[field(filter, sort, max = 100, example = "\"New business\"")]
    pub name: String,
    /// What goes through it.
    #[field(max = 2_000)]
    pub description: Option<String>,
    /// Opportunities go here unless they say otherwise. At most one pipeline is.
    #[field(filter, default)]
    pub is_default: bool,
    /// Winning and losing need a reason.
    #[field(filter, default)]
    pub requires_reason: bool,
}

impl Resource for Pipeline {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("stages", "stages", "pipeline_id", "Its stages."),
        Relation::many("opportunities", "opportunities", "pipeline_id", "What goes through it."),
    ];

    fn commands() -> Vec<Command> {
        let doc = "Puts the stages of a pipeline into a new order. Opportunities stay where they are.";
        vec![Command::new(
            "reorder-stages",
            doc,
            |cx| cx.require(cx.entry("stages")?, Action::Update).map(drop),
            reorder,
        )]
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_some_and(|before| before.meta.archived_at.is_none()) && self.meta.archived_at.is_some() {
            let open = |out: &mut kith_kernel::Statement| {
                out.sql(" AND t.archived_at IS NULL AND t.status = 'OPEN' AND t.pipeline_id = ");
                out.bind(Bind::Uuid(Some(self.meta.id))).sql(" LIMIT 1");
            };
            crate::stage::refuse_if_used(!store::rows::<crate::Opportunity>(conn, cx, open)?.is_empty())?;
        }
        Ok(())
    }
}

/// The new order of the stages of a pipeline.
#[input]
pub struct ReorderStages {
    /// The ids of all its stages that are not archived, first stage first.
    #[field(example = "[\"01980000-0000-7000-8000-000000000001\"]")]
    pub stage_ids: Custom,
}

fn reorder(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    input: ReorderStages,
) -> Result<Box<dyn Row>> {
    let row = verbs::change::<Pipeline>(conn, cx, id, seen, log::UPDATED, |_, _| Ok(()))?;
    let wanted: Option<Vec<Uuid>> =
        input.stage_ids.0.as_array().map(|ids| ids.iter().map(|id| Uuid::parse(id).ok()).collect()).unwrap_or_default();
    let wanted = wanted.ok_or_else(|| Error::invalid("/stageIds", "WRONG_TYPE", "Expected a list of ids."))?;
    let stages = Stage::of_pipeline(conn, cx, PipelineId(id))?;
    let sorted = |mut ids: Vec<Uuid>| {
        ids.sort_unstable();
        ids
    };
    if sorted(wanted.clone()) != sorted(stages.iter().map(|stage| stage.meta.id).collect()) {
        let detail = "Name every stage of the pipeline that is not archived, each once.";
        return Err(Error::invalid("/stageIds", "INVALID", detail));
    }
    for (at, stage) in wanted.iter().enumerate() {
        let body = Map::from_iter([("position".to_owned(), json!(at + 1))]);
        verbs::update(conn, &cx.as_system(), cx.entry(Stage::NAME)?, *stage, None, &body)?;
    }
    Ok(row)
}
