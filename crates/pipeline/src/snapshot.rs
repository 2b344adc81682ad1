//! Snapshots of a forecast: what was open and expected in a period, as it stood. What has changed since is in
//! [`crate::changes`].

use crate::period::Period;
use crate::{AREA, ForecastCategory, Opportunity, OpportunityStatus, Stage};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::{
    ForecastSnapshotId, ForecastSnapshotLineId, OpportunityId, PipelineId, StageId, TeamId, UserId,
};
use kith_kernel::{
    Action, Bind, Condition, Cx, Error, Money, Ownership, Relation, Resource, Result, Shape, Statement, Verb,
    Violations,
};
use kith_macros::resource;
use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::HashMap;

/// Most opportunities of a snapshot.
const MAX_LINES: usize = 10_000;

/// A forecast as it stood when it was made: making one keeps every opportunity that is open and has its closeDate in the
/// period, or was won in it, as a line.
#[resource(table = forecast_snapshots, id = ForecastSnapshotId)]
pub struct ForecastSnapshot {
    /// What it is called.
    #[field(filter, create_only, max = 200, example = "\"Monday meeting\"")]
    pub name: Option<String>,
    /// The first day of the period.
    #[field(filter, sort, create_only, example = "\"2026-10-01\"")]
    pub starts_on: NaiveDate,
    /// The last day of the period.
    #[field(filter, sort, create_only, example = "\"2026-12-31\"")]
    pub ends_on: NaiveDate,
    /// The pipeline it is about; all of them unless given.
    #[field(filter, create_only)]
    pub pipeline_id: Option<PipelineId>,
    /// When it was made.
    #[field(filter, sort, read_only)]
    pub taken_at: DateTime<Utc>,
    /// How many opportunities it keeps.
    #[field(filter, read_only)]
    pub line_count: i32,
}

impl Resource for ForecastSnapshot {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read, Verb::Create, Verb::Archive];
    const RELATIONS: &'static [Relation] =
        &[Relation::many("lines", "forecast-snapshot-lines", "snapshot_id", "The opportunities as they stood.")];

    fn check(&self, violations: &mut Violations) {
        let order = self.starts_on <= self.ends_on;
        violations.ensure(order, "/endsOn", "OUT_OF_RANGE", "The last day is before the first.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            self.taken_at = cx.now;
            let many = self.opportunities(conn, cx)?.len();
            let detail =
                format!("There are more than {MAX_LINES} opportunities. Take a shorter period or one pipeline.");
            let fits = i32::try_from(many).ok().filter(|_| many <= MAX_LINES);
            self.line_count = fits.ok_or_else(|| Error::invalid("/endsOn", "TOO_MANY", detail))?;
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_some() {
            return Ok(());
        }
        let stages: HashMap<StageId, Stage> =
            store::rows::<Stage>(conn, cx, |_| {})?.into_iter().map(|stage| (stage.id(), stage)).collect();
        let system = cx.as_system();
        for opportunity in self.opportunities(conn, cx)? {
            let Some(stage) = stages.get(&opportunity.stage_id) else { continue };
            verbs::make(conn, &system, |line: &mut ForecastSnapshotLine| line.keep(cx, self, &opportunity, stage))?;
        }
        Ok(())
    }
}

/// An opportunity as a forecast saw it.
#[resource(table = forecast_snapshot_lines, id = ForecastSnapshotLineId)]
pub struct ForecastSnapshotLine {
    /// The snapshot.
    #[field(filter, read_only)]
    pub snapshot_id: ForecastSnapshotId,
    /// The opportunity.
    #[field(filter, read_only)]
    pub opportunity_id: OpportunityId,
    /// OPEN, or WON in the period before the snapshot was made.
    #[field(filter, read_only, default)]
    pub status: OpportunityStatus,
    /// What it was worth.
    #[field(filter, read_only, money)]
    pub amount: Option<Money>,
    /// amount × probability ÷ 100, rounded to four places, halves away from zero.
    #[field(filter, read_only, money)]
    pub weighted: Option<Money>,
    /// How likely it was won, in percent: its own probability, or else its stage's; 100 for what was won.
    #[field(filter, read_only)]
    pub probability: i32,
    /// How it counted: its own category, or else its stage's; CLOSED for what was won.
    #[field(filter, read_only, default)]
    pub forecast_category: ForecastCategory,
    /// When the decision was expected; for what was won, the day it was.
    #[field(filter, sort, read_only)]
    pub close_date: Option<NaiveDate>,
    /// The pipeline it was in.
    #[field(filter, read_only)]
    pub pipeline_id: PipelineId,
    /// The stage it was in.
    #[field(filter, read_only)]
    pub stage_id: StageId,
    /// The user who was responsible.
    #[field(filter, read_only)]
    pub owner_id: Option<UserId>,
    /// The team that was responsible.
    #[field(filter, read_only)]
    pub team_id: Option<TeamId>,
}

impl Resource for ForecastSnapshotLine {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["opportunity"] };
}

impl ForecastSnapshot {
    /// Its period.
    pub fn period(&self) -> Period {
        Period { first: self.starts_on, last: self.ends_on }
    }

    fn opportunities(&self, conn: &mut PgConnection, cx: &Cx) -> Result<Vec<Opportunity>> {
        store::rows(conn, cx, |out| {
            out.sql(" AND t.archived_at IS NULL AND ");
            in_period(cx, out, self.period(), self.pipeline_id);
            out.sql(format!(" ORDER BY t.id LIMIT {}", MAX_LINES + 1));
        })
    }
}

/// The condition on `opportunities t` that they are expected or won in a period.
pub(crate) fn in_period(cx: &Cx, out: &mut Statement, period: Period, pipeline: Option<PipelineId>) {
    let start = |day: NaiveDate| Bind::Time(Some(cx.start_of(day)));
    let (first, last) = (Bind::Date(Some(period.first)), Bind::Date(Some(period.last)));
    out.sql("((t.status = 'OPEN' AND t.close_date BETWEEN ").bind(first).sql(" AND ").bind(last);
    out.sql(") OR (t.status = 'WON' AND t.closed_at >= ").bind(start(period.first));
    out.sql(" AND t.closed_at < ").bind(start(period.last.succ_opt().unwrap_or(period.last))).sql("))");
    if let Some(pipeline) = pipeline {
        out.sql(" AND t.pipeline_id = ").bind(Bind::Uuid(Some(pipeline.0)));
    }
}

impl ForecastSnapshotLine {
    fn keep(&mut self, cx: &Cx, snapshot: &ForecastSnapshot, opportunity: &Opportunity, stage: &Stage) {
        let won = opportunity.status == OpportunityStatus::Won;
        self.snapshot_id = snapshot.id();
        self.opportunity_id = opportunity.id();
        self.status = opportunity.status;
        self.amount = opportunity.amount;
        self.probability = if won { 100 } else { opportunity.probability.unwrap_or(stage.probability) };
        let share = Decimal::from(self.probability) / Decimal::ONE_HUNDRED;
        self.weighted = opportunity.amount.map(|money| {
            let amount = (money.amount * share).round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
            Money { amount, ..money }
        });
        let category = opportunity.forecast_category.unwrap_or(stage.forecast_category);
        self.forecast_category = if won { ForecastCategory::Closed } else { category };
        let decided = opportunity.closed_at.map(|at| cx.day_of(at));
        self.close_date = if won { decided } else { opportunity.close_date };
        (self.pipeline_id, self.stage_id) = (opportunity.pipeline_id, opportunity.stage_id);
        (self.owner_id, self.team_id) = (opportunity.owner_id, opportunity.team_id);
    }

    /// Those of a snapshot that the actor may read.
    pub(crate) fn of_snapshot(
        conn: &mut PgConnection,
        cx: &Cx,
        snapshot: ForecastSnapshotId,
    ) -> Result<Vec<ForecastSnapshotLine>> {
        let entry = cx.entry(Self::NAME)?;
        let scope = cx.require(entry, Action::Read)?;
        store::rows(conn, cx, |out| {
            out.sql(" AND t.snapshot_id = ").bind(Bind::Uuid(Some(snapshot.0)));
            Condition::new(cx, false).scope(entry, "t", scope, out);
        })
    }
}
