//! Schedules: when jobs are made by themselves. A worker that looks at a tenant makes the jobs whose time has come, under
//! the lock of the schedule's row and a key that names the time, so that each comes once, however many workers look.

use crate::{AREA, Asked, enqueue};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{store, wake};
use kith_kernel::ids::{JobId, ScheduleId};
use kith_kernel::{Bind, Cx, Meta, Resource, Result, Statement, Verb};
use kith_macros::resource;
use serde_json::json;

/// How often.
#[derive(Clone, Copy, Debug)]
pub enum Cadence {
    /// Each time so many minutes have passed.
    Minutes(i32),
    /// At the beginning of each day of the tenant.
    Nightly,
}

impl Cadence {
    /// For users.
    fn text(self) -> String {
        match self {
            Cadence::Minutes(minutes) => format!("every {minutes} minutes"),
            Cadence::Nightly => "at the beginning of each day".to_owned(),
        }
    }
}

/// A schedule that every tenant has.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The kind of its jobs.
    pub kind: &'static str,
    /// How often.
    pub cadence: Cadence,
}

/// Work that Kith does by itself, again and again. Each time it is due there is one job of its kind, whichever worker
/// makes it. What was missed while no worker ran is made up for once.
#[resource(table = schedules, id = ScheduleId)]
pub struct Schedule {
    /// The kind of its jobs, such as `values.nightly`.
    #[field(filter, read_only, example = "\"values.nightly\"")]
    pub kind: String,
    /// How often there is one, in words.
    #[field(read_only, example = "\"at the beginning of each day\"")]
    pub cadence: String,
    /// Whether it runs at all.
    #[field(filter)]
    pub is_enabled: bool,
    /// When there is the next one.
    #[field(filter, sort, read_only)]
    pub next_run_at: DateTime<Utc>,
    /// When there was the last one.
    #[field(filter, read_only)]
    pub last_run_at: Option<DateTime<Utc>>,
    /// The last one.
    #[field(read_only)]
    pub last_job_id: Option<JobId>,
}

impl Resource for Schedule {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read, Verb::Update];

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _before: Option<&Self>) -> Result<()> {
        wake::now(conn, cx)
    }
}

/// Makes the schedules that the tenant has not got yet; the first time of each is now.
pub fn ensure(conn: &mut PgConnection, cx: &Cx, plans: &[Plan]) -> Result<()> {
    let known = store::rows::<Schedule>(conn, cx, |_| {})?;
    let missing = |plan: &&Plan| !known.iter().any(|schedule| schedule.kind == plan.kind);
    if !plans.iter().any(|plan| missing(&plan)) {
        return Ok(());
    }
    for plan in plans.iter().filter(missing) {
        let meta = Meta::new(cx);
        let mut out = Statement::new(
            "INSERT INTO schedules (tenant_id, id, version, created_at, updated_at, kind, cadence, is_enabled, next_run_at) VALUES (",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Uuid(Some(meta.id))).sql(", 1, ");
        out.bind(Bind::Time(Some(cx.now))).sql(", ").bind(Bind::Time(Some(cx.now))).sql(", ");
        out.bind(Bind::Text(Some(plan.kind.to_owned()))).sql(", ").bind(Bind::Text(Some(plan.cadence.text())));
        out.sql(", true, ").bind(Bind::Time(Some(cx.now))).sql(") ON CONFLICT (tenant_id, kind) DO NOTHING");
        out.execute(conn)?;
    }
    Ok(())
}

/// Makes the jobs of the schedules whose time has come. How many.
pub fn tick(conn: &mut PgConnection, cx: &Cx, plans: &[Plan]) -> Result<usize> {
    let due = store::rows::<Schedule>(conn, cx, |out| {
        out.sql(" AND t.is_enabled AND t.next_run_at <= ").bind(Bind::Time(Some(cx.now)));
        out.sql(" AND t.kind = ANY(").bind(Bind::Texts(plans.iter().map(|plan| plan.kind.to_owned()).collect()));
        out.sql(") ORDER BY t.id FOR UPDATE SKIP LOCKED");
    })?;
    for schedule in &due {
        let Some(plan) = plans.iter().find(|plan| plan.kind == schedule.kind) else { continue };
        let key = format!("schedule {}", schedule.next_run_at.to_rfc3339());
        let job = enqueue(conn, cx, plan.kind, json!({}), Asked::once(key))?;
        let next = match plan.cadence {
            Cadence::Minutes(minutes) => cx.now + TimeDelta::minutes(minutes.into()),
            Cadence::Nightly => midnight(conn, cx)?,
        };
        let mut out = Statement::new("UPDATE schedules SET version = version + 1, updated_at = ");
        out.bind(Bind::Time(Some(cx.now))).sql(", last_run_at = ").bind(Bind::Time(Some(cx.now)));
        out.sql(", last_job_id = ").bind(Bind::Uuid(Some(job.meta.id)));
        out.sql(", next_run_at = ").bind(Bind::Time(Some(next)));
        out.sql(", cadence = ").bind(Bind::Text(Some(plan.cadence.text())));
        out.sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ");
        out.bind(Bind::Uuid(Some(schedule.meta.id))).execute(conn)?;
    }
    Ok(due.len())
}

/// When the tenant's next day begins.
fn midnight(conn: &mut PgConnection, cx: &Cx) -> Result<DateTime<Utc>> {
    let mut out = Statement::new("SELECT ((");
    out.bind(Bind::Time(Some(cx.now)));
    out.sql("::timestamptz AT TIME ZONE time_zone)::date + 1)::timestamp AT TIME ZONE time_zone FROM tenants WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    Ok(RunQueryDsl::get_result::<(DateTime<Utc>,)>(out.typed::<(st::Timestamptz,)>(), conn)?.0)
}

/// When the next of the tenant's schedules is due.
pub fn next_due(conn: &mut PgConnection, cx: &Cx) -> Result<Option<DateTime<Utc>>> {
    let mut out = Statement::new("SELECT min(next_run_at) FROM schedules WHERE is_enabled AND tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    Ok(RunQueryDsl::get_result::<(Option<DateTime<Utc>>,)>(out.typed::<(st::Nullable<st::Timestamptz>,)>(), conn)?.0)
}
