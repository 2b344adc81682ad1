//! How an opportunity goes from stage to stage. Each move locks the opportunity, so that its history is linear.

use crate::opportunity::{Opportunity, OpportunityStatus, closed};
use crate::stage::{Stage, StageKind};
use crate::{CloseReason, Pipeline, close_reason::Outcome, stage_change};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{store, verbs};
use kith_kernel::ids::{CloseReasonId, CompetitorId, StageId};
use kith_kernel::{Act, Action, Bind, Command, Cx, Error, Input, Result, Row, Shape, Statement, Violation, codes};
use kith_macros::input;
use serde_json::json;
use uuid::Uuid;

/// The verbs.
pub(crate) fn commands() -> Vec<Command> {
    fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
        Command::new(name, doc, |cx| cx.require(cx.entry(Opportunity::NAME)?, Action::Update).map(drop), run)
    }
    vec![
        one(
            "move",
            "Moves an open opportunity to another open stage of its pipeline. Forwards, it has to meet the exit criteria of its stage. An illegal move answers with the legal ones.",
            go,
        ),
        one("win", "Wins an open opportunity: it goes to the pipeline's WON stage.", win),
        one("lose", "Loses an open opportunity: it goes to the pipeline's LOST stage.", lose),
        one("reopen", "Takes up again what was won or lost.", reopen),
    ]
}

/// Where to.
#[input]
pub struct Move {
    /// The stage to go to.
    pub stage_id: StageId,
    /// When it went there; now unless given. Not before it reached the stage it is in.
    pub at: Option<DateTime<Utc>>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

/// How it was won.
#[input]
pub struct Win {
    /// Why; required where the pipeline `requiresReason`.
    pub reason_id: Option<CloseReasonId>,
    /// When; now unless given. Not before it reached the stage it is in.
    pub at: Option<DateTime<Utc>>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

/// How it was lost.
#[input]
pub struct Lose {
    /// Why; required where the pipeline `requiresReason`.
    pub reason_id: Option<CloseReasonId>,
    /// To whom.
    pub competitor_id: Option<CompetitorId>,
    /// When; now unless given. Not before it reached the stage it is in.
    pub at: Option<DateTime<Utc>>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

/// Where it goes on.
#[input]
pub struct Reopen {
    /// The open stage to go on in; the one it was last in unless given.
    pub stage_id: Option<StageId>,
    /// When; now unless given. Not before it ended.
    pub at: Option<DateTime<Utc>>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

fn go(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Move) -> Result<Box<dyn Row>> {
    transition(conn, cx, (id, seen, "moved"), input.note.as_deref(), |conn, row| {
        let stages = open(conn, cx, row)?;
        let fits = |stage: &&Stage| {
            stage.kind == StageKind::Open && stage.id() == input.stage_id && stage.id() != row.stage_id
        };
        let target = stages.iter().find(fits).ok_or_else(|| illegal(row, &stages))?;
        let position = |id| stages.iter().find(|stage| stage.id() == id).map_or(0, |stage| stage.position);
        if target.position > position(row.stage_id) {
            criteria(conn, cx, row, &stages)?;
        }
        row.reach(cx, target, input.at)
    })
}

fn win(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Win) -> Result<Box<dyn Row>> {
    transition(conn, cx, (id, seen, "won"), input.note.as_deref(), |conn, row| {
        let stages = open(conn, cx, row)?;
        criteria(conn, cx, row, &stages)?;
        row.reach(cx, last(&stages, StageKind::Won)?, input.at)?;
        row.end(conn, cx, Outcome::Won, input.reason_id, input.note.as_deref())
    })
}

fn lose(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Lose) -> Result<Box<dyn Row>> {
    transition(conn, cx, (id, seen, "lost"), input.note.as_deref(), |conn, row| {
        let stages = open(conn, cx, row)?;
        row.reach(cx, last(&stages, StageKind::Lost)?, input.at)?;
        row.competitor_id = input.competitor_id;
        row.end(conn, cx, Outcome::Lost, input.reason_id, input.note.as_deref())
    })
}

fn reopen(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Reopen) -> Result<Box<dyn Row>> {
    transition(conn, cx, (id, seen, "reopened"), input.note.as_deref(), |conn, row| {
        if row.status == OpportunityStatus::Open {
            return Err(Error::new(&codes::ILLEGAL_TRANSITION, "It is open."));
        }
        let stages = Stage::of_pipeline(conn, cx, row.pipeline_id)?;
        let wanted = match input.stage_id {
            Some(stage) => Some(stage.0),
            None => before_end(conn, cx, row)?,
        };
        let mut choice = stages.iter().filter(|stage| stage.kind == StageKind::Open);
        let target = match wanted {
            Some(wanted) => choice.find(|stage| stage.meta.id == wanted),
            None => choice.next(),
        };
        let target = target.ok_or_else(|| illegal(row, &stages))?;
        (row.closed_at, row.close_reason_id, row.close_note, row.competitor_id) = (None, None, None, None);
        row.reach(cx, target, input.at)
    })
}

/// Runs a change of stage and writes the history.
fn transition(
    conn: &mut PgConnection,
    cx: &Cx,
    (id, seen, operation): (Uuid, Option<i32>, &'static str),
    note: Option<&str>,
    edit: impl FnOnce(&mut PgConnection, &mut Opportunity) -> Result<()>,
) -> Result<Box<dyn Row>> {
    let mut before = None;
    let row = verbs::change::<Opportunity>(conn, cx, id, seen, operation, |conn, row| {
        before = Some(row.clone());
        edit(conn, row)
    })?;
    if let (Some(before), Some(after)) = (before, row.any().downcast_ref::<Opportunity>()) {
        stage_change::record(conn, cx, Some(&before), after, note)?;
    }
    Ok(row)
}

/// Moves one out of a stage that is retired: no criteria, and closed ones too.
pub(crate) fn relocate(conn: &mut PgConnection, cx: &Cx, id: Uuid, target: &Stage) -> Result<()> {
    transition(conn, cx, (id, None, "moved"), None, |_, row| {
        row.stage_id = target.id();
        row.stage_since = row.stage_since.max(cx.now);
        Ok(())
    })
    .map(drop)
}

/// The stages of an open opportunity's pipeline.
fn open(conn: &mut PgConnection, cx: &Cx, row: &Opportunity) -> Result<Vec<Stage>> {
    if row.status != OpportunityStatus::Open {
        return Err(closed(row));
    }
    Stage::of_pipeline(conn, cx, row.pipeline_id)
}

fn last(stages: &[Stage], kind: StageKind) -> Result<&Stage> {
    let found = stages.iter().find(|stage| stage.kind == kind);
    found.ok_or_else(|| {
        let detail = format!("The pipeline has no {} stage.", kind.as_str());
        Error::new(&codes::ILLEGAL_TRANSITION, detail)
    })
}

/// A move that is not legal, with those that are.
fn illegal(row: &Opportunity, stages: &[Stage]) -> Error {
    let legal: Vec<_> = stages
        .iter()
        .filter(|stage| stage.kind == StageKind::Open && stage.id() != row.stage_id)
        .map(|stage| json!({"stageId": stage.meta.id, "name": stage.name}))
        .collect();
    let detail = "Expected another open stage of its pipeline; `win` and `lose` end it.";
    let violation = Violation {
        pointer: "/stageId".into(),
        code: "ILLEGAL_TRANSITION",
        detail: detail.into(),
        more: Some(json!({ "legal": legal })),
    };
    Error { violations: vec![violation], ..Error::new(&codes::ILLEGAL_TRANSITION, detail) }
}

/// Refuses what does not meet the exit criteria of the stage it is in.
fn criteria(conn: &mut PgConnection, cx: &Cx, row: &Opportunity, stages: &[Stage]) -> Result<()> {
    let Some(stage) = stages.iter().find(|stage| stage.id() == row.stage_id) else { return Ok(()) };
    let Some(condition) = stage.criteria(cx)? else { return Ok(()) };
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM opportunities t WHERE t.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND t.id = ").bind(Bind::Uuid(Some(row.meta.id))).sql(" AND ");
    out.append(condition).sql(")");
    let (met,): (bool,) = RunQueryDsl::get_result(out.typed::<(st::Bool,)>(), conn)?;
    if met {
        return Ok(());
    }
    let detail = format!("It does not meet the exit criteria of the stage {}.", stage.name);
    let violation = Violation {
        pointer: "/stageId".into(),
        code: "EXIT_CRITERIA",
        detail: detail.clone(),
        more: stage.exit_criteria.as_ref().map(|criteria| json!({"exitCriteria": criteria.0})),
    };
    Err(Error { violations: vec![violation], ..Error::new(&codes::ILLEGAL_TRANSITION, detail) })
}

/// The stage that a closed one was in before its end.
fn before_end(conn: &mut PgConnection, cx: &Cx, row: &Opportunity) -> Result<Option<Uuid>> {
    let mut out = Statement::new(
        "SELECT c.from_stage_id FROM stage_changes c JOIN stages s ON s.tenant_id = c.tenant_id AND s.id = c.from_stage_id \
         WHERE s.kind = 'OPEN' AND s.archived_at IS NULL AND c.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND c.opportunity_id = ").bind(Bind::Uuid(Some(row.meta.id)));
    out.sql(" AND c.pipeline_id = ").bind(Bind::Uuid(Some(row.pipeline_id.0)));
    out.sql(" ORDER BY c.changed_at DESC, c.id DESC LIMIT 1");
    let found: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(found.first().map(|(id,)| *id))
}

impl Opportunity {
    /// Puts it into a stage, at a time that its history allows.
    fn reach(&mut self, cx: &Cx, stage: &Stage, at: Option<DateTime<Utc>>) -> Result<()> {
        // What came in with a time ahead of this process's clock is not moved into the past.
        let at_least = self.stage_since;
        let at = match at {
            None => cx.now.max(at_least),
            Some(at) if at >= at_least && at <= cx.now => at,
            Some(_) => {
                let detail = "Expected a time from when it reached its stage until now.";
                return Err(Error::invalid("/at", "OUT_OF_RANGE", detail));
            }
        };
        (self.stage_id, self.status, self.stage_since) = (stage.id(), stage.kind.into(), at);
        self.closed_at = (stage.kind != StageKind::Open).then_some(at);
        Ok(())
    }

    /// Notes why it ended.
    fn end(
        &mut self,
        conn: &mut PgConnection,
        cx: &Cx,
        outcome: Outcome,
        reason: Option<CloseReasonId>,
        note: Option<&str>,
    ) -> Result<()> {
        let required =
            store::find::<Pipeline>(conn, cx, self.pipeline_id.0)?.is_some_and(|found| found.requires_reason);
        if required && reason.is_none() {
            return Err(Error::invalid("/reasonId", "REQUIRED", "This pipeline wants a reason."));
        }
        if let Some(reason) = reason {
            let fits = |found: &CloseReason| found.outcome == outcome && found.meta.archived_at.is_none();
            let known = store::find::<CloseReason>(conn, cx, reason.0)?.is_some_and(|found| fits(&found));
            if !known {
                let detail = format!("reasonId points to no reason for {} that you can see.", outcome.as_str());
                return Err(Error::invalid("/reasonId", "UNKNOWN_REFERENCE", detail));
            }
        }
        self.close_reason_id = reason;
        self.close_note = note.map(str::to_owned);
        Ok(())
    }
}
