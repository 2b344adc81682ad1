//! Which of several filters a lead meets, in one statement and before it is stored.

use super::Lead;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::{Condition, Custom, Cx, Error, Result, Shape, Statement};

/// A filter as a condition on the lead `t`, or what is wrong with it. Rules see what their makers may not.
fn condition(cx: &Cx, filter: &Custom, pointer: &str) -> Result<Statement> {
    let Some(filter) = filter.0.as_object() else {
        return Err(Error::invalid(pointer, "WRONG_TYPE", "Expected a filter, which is an object."));
    };
    let mut out = Statement::default();
    let system = cx.as_system();
    let mut condition = Condition::new(&system, false);
    condition.filter(cx.entry(Lead::NAME)?, "t", filter, pointer, &mut out);
    condition.violations.into_result()?;
    Ok(out)
}

/// Refuses a filter that is not one over leads.
pub(super) fn check(cx: &Cx, filter: &Custom) -> Result<()> {
    condition(cx, filter, "/filter").map(drop)
}

/// For each filter, in order, whether the lead meets it.
pub(super) fn met<'a>(
    conn: &mut PgConnection,
    cx: &Cx,
    lead: &Lead,
    filters: impl Iterator<Item = &'a Custom>,
) -> Result<Vec<bool>> {
    let mut out = Statement::new("SELECT ARRAY[");
    let mut separator = "";
    for filter in filters {
        out.sql(separator).sql("coalesce(").append(condition(cx, filter, "/filter")?).sql(", false)");
        separator = ", ";
    }
    if separator.is_empty() {
        return Ok(Vec::new());
    }
    out.sql("] FROM ").append(store::as_table(cx.entry(Lead::NAME)?, lead)).once();
    let (met,): (Vec<bool>,) = RunQueryDsl::get_result(out.typed::<(st::Array<st::Bool>,)>(), conn)?;
    Ok(met)
}
