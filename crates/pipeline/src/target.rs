//! Targets: what shall be won. What became of them is in [`crate::forecast`].

use crate::{AREA, period::Period};
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::metric;
use kith_kernel::ids::{PipelineId, TargetId, TeamId, UserId};
use kith_kernel::{
    Action, Bind, Condition, Currency, Cx, Money, Ownership, Resource, Result, Shape, Statement, Violations,
};
use kith_macros::resource;
use rust_decimal::Decimal;
use std::collections::HashMap;
use uuid::Uuid;

/// What a user, a team or the whole tenant shall win in a period. Neither user nor team: the whole tenant. A team's target
/// is for the team and all teams below it.
#[resource(table = targets, id = TargetId)]
pub struct Target {
    /// The user whose target it is.
    #[field(filter)]
    pub user_id: Option<UserId>,
    /// The team whose target it is; not beside a user.
    #[field(filter)]
    pub team_id: Option<TeamId>,
    /// The pipeline that counts; all of them unless given.
    #[field(filter)]
    pub pipeline_id: Option<PipelineId>,
    /// The first day of its period.
    #[field(filter, sort, example = "\"2026-10-01\"")]
    pub starts_on: NaiveDate,
    /// The last day of its period.
    #[field(filter, sort, example = "\"2026-12-31\"")]
    pub ends_on: NaiveDate,
    /// What shall be won.
    #[field(filter, money)]
    pub amount: Money,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

impl Resource for Target {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const OWNERSHIP: Ownership = Ownership { owner: Some("user_id"), team: Some("team_id"), via: &[] };

    fn check(&self, violations: &mut Violations) {
        let one = self.user_id.is_none() || self.team_id.is_none();
        violations.ensure(one, "/teamId", "INVALID", "A target is of a user or of a team, not of both.");
        let order = self.starts_on <= self.ends_on;
        violations.ensure(order, "/endsOn", "OUT_OF_RANGE", "The last day is before the first.");
        let positive = self.amount.amount.is_sign_positive() && !self.amount.amount.is_zero();
        violations.ensure(positive, "/amount", "OUT_OF_RANGE", "A target is more than 0.");
    }
}

/// Amounts by user and team; neither: the whole tenant.
pub(crate) type Sums = HashMap<(Option<Uuid>, Option<Uuid>), Decimal>;

/// Sums of targets, each at the rate of its first day, or of today where that is to come. Of the targets
/// that lie within the period, one that another of the same user or team covers does not count besides it: neither the
/// months beside their quarter, nor a pipeline beside all pipelines.
pub(crate) fn sums(
    conn: &mut PgConnection,
    cx: &Cx,
    period: Period,
    pipeline: Option<Uuid>,
    currency: Currency,
) -> Result<Sums> {
    let entry = cx.entry(Target::NAME)?;
    let scope = cx.require(entry, Action::Read)?;
    let mut out = Statement::new(
        "SELECT t.user_id, t.team_id, sum(x.amount), coalesce(array_agg(DISTINCT t.amount_currency) FILTER (WHERE x.rate IS NULL), '{}') \
         FROM targets t CROSS JOIN (SELECT ",
    );
    out.bind(Bind::Time(Some(cx.now))).sql("::timestamptz AS now, ").bind(Bind::Date(Some(period.first)));
    out.sql("::date AS first, ").bind(Bind::Date(Some(period.last))).sql("::date AS last, ");
    out.bind(Bind::Uuid(pipeline))
        .sql("::uuid AS pipeline, ")
        .bind(Bind::Text(Some(cx.zone.name().to_owned())))
        .sql("::text AS zone) c");
    let day = "least(t.starts_on, (c.now AT TIME ZONE c.zone)::date)";
    metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", day], currency);
    let within = |alias: &str| {
        format!(
            "{alias}.tenant_id = t.tenant_id AND {alias}.archived_at IS NULL AND {alias}.starts_on >= c.first \
             AND {alias}.ends_on <= c.last AND (c.pipeline IS NULL OR {alias}.pipeline_id = c.pipeline)"
        )
    };
    out.sql(" WHERE t.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(format!(
        " AND {} AND NOT EXISTS (SELECT FROM targets u WHERE {} AND u.id <> t.id \
         AND u.user_id IS NOT DISTINCT FROM t.user_id AND u.team_id IS NOT DISTINCT FROM t.team_id \
         AND u.starts_on <= t.starts_on AND u.ends_on >= t.ends_on \
         AND (u.pipeline_id IS NULL OR u.pipeline_id = t.pipeline_id))",
        within("t"),
        within("u")
    ));
    Condition::new(cx, false).scope(entry, "t", scope, &mut out);
    out.sql(" GROUP BY t.user_id, t.team_id");
    type Sql = (st::Nullable<st::Uuid>, st::Nullable<st::Uuid>, st::Nullable<st::Numeric>, st::Array<st::Text>);
    type Sum = (Option<Uuid>, Option<Uuid>, Option<Decimal>, Vec<String>);
    let rows: Vec<Sum> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let mut sums = Sums::new();
    for (user, team, amount, unknown) in rows {
        metric::known(&unknown, Some(currency))?;
        sums.insert((user, team), amount.unwrap_or_default());
    }
    Ok(sums)
}
