//! Who moved between two days, by what was stored on them.

use super::{chosen, count, share};
use crate::value::ValueScore;
use crate::value::profile::{Layer, ValueClass};
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Action, Bind, Condition, Cx, Error, Result, Shape, Statement};
use kith_statistics as statistics;
use serde_json::{Value, json};

/// What is asked. Everything is as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The first day; a year before the last unless given.
    pub from: Option<String>,
    /// The last day; today unless given.
    pub to: Option<String>,
    /// `layer` or `class`.
    pub by: Option<String>,
    /// Where they stand in the request: `/query`, or nothing.
    pub at: &'static str,
}

impl Question {
    fn days(&self, cx: &Cx) -> Result<(NaiveDate, NaiveDate)> {
        let read = |name: &str, text: &Option<String>| -> Result<Option<NaiveDate>> {
            let wrong =
                |_| Error::invalid(format!("{}/{name}", self.at), "WRONG_TYPE", "Expected a date such as 2026-01-31.");
            text.as_ref().map(|text| text.parse().map_err(wrong)).transpose()
        };
        let to = read("to", &self.to)?.unwrap_or_else(|| cx.today());
        let from = read("from", &self.from)?;
        let from = from.unwrap_or_else(|| to.checked_sub_days(chrono::Days::new(365)).unwrap_or(to));
        if from > to {
            return Err(Error::invalid(format!("{}/to", self.at), "OUT_OF_RANGE", "The last day is before the first."));
        }
        Ok((from, to))
    }
}

/// The day that something is stored of, last before or on a day; else the first of all.
fn stored(conn: &mut PgConnection, cx: &Cx, day: NaiveDate) -> Result<Option<NaiveDate>> {
    let mut out = Statement::new("SELECT coalesce((SELECT max(as_of) FROM value_scores WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND as_of <= ").bind(Bind::Date(Some(day)));
    out.sql("), (SELECT min(as_of) FROM value_scores WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql("))");
    Ok(RunQueryDsl::get_result::<(Option<NaiveDate>,)>(out.typed::<(st::Nullable<st::Date>,)>(), conn)?.0)
}

/// The matrix.
pub fn movements(conn: &mut PgConnection, cx: &Cx, question: &Question) -> Result<Value> {
    let (from, to) = question.days(cx)?;
    let ways = [("layer", ("layer", Layer::ALL)), ("class", ("value_class", ValueClass::ALL))];
    let (column, places) = chosen(question.by.as_deref(), &ways, &format!("{}/by", question.at))?;
    let (first, last) = (stored(conn, cx, from)?, stored(conn, cx, to)?);
    let moves = match first.zip(last) {
        Some(days) => moves(conn, cx, column, days)?,
        None => {
            cx.require(cx.entry(ValueScore::NAME)?, Action::Read)?;
            Vec::new()
        }
    };
    let place = |name: &Option<String>| places.iter().position(|(other, _)| Some(*other) == name.as_deref());
    let each = moves.iter().flat_map(|(was, now, many)| {
        std::iter::repeat_n((place(was), place(now)), usize::try_from(*many).unwrap_or(0))
    });
    let table = statistics::movements(&each.collect::<Vec<_>>(), places.len());
    let name = |at: usize| places.get(at).map(|(name, _)| *name);
    let rows = table.iter().enumerate().map(|(at, cells)| {
        let sizes: Vec<i64> = cells.iter().map(|cell| i64::try_from(*cell).unwrap_or(i64::MAX)).collect();
        let size: i64 = sizes.iter().sum();
        let to = sizes
            .iter()
            .enumerate()
            .map(|(to, many)| json!({"place": name(to), "count": many, "share": share(count(*many), count(size))}));
        json!({"place": name(at), "size": size, "to": to.collect::<Vec<_>>()})
    });
    Ok(json!({
        "by": if column == "layer" { "layer" } else { "class" }, "from": from, "to": to,
        "firstOn": first, "lastOn": last, "rows": rows.collect::<Vec<_>>(),
    }))
}

type Move = (Option<String>, Option<String>, i64);

/// How many went from where to where.
fn moves(conn: &mut PgConnection, cx: &Cx, column: &str, (first, last): (NaiveDate, NaiveDate)) -> Result<Vec<Move>> {
    let entry = cx.entry(ValueScore::NAME)?;
    let scope = cx.require(entry, Action::Read)?;
    let mut condition = Condition::new(cx, false);
    let mut out = Statement::new("SELECT a.place, b.place, count(*) FROM ");
    for (alias, day) in [("a", first), ("b", last)] {
        out.sql(format!("(SELECT s.account_id, s.{column} AS place FROM value_scores s WHERE s.tenant_id = "));
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND s.as_of = ").bind(Bind::Date(Some(day)));
        condition.scope(entry, "s", scope, &mut out);
        out.sql(format!(") {alias}")).sql(if alias == "a" { " FULL JOIN " } else { " USING (account_id)" });
    }
    out.sql(" GROUP BY 1, 2");
    type Sql = (st::Nullable<st::Text>, st::Nullable<st::Text>, st::BigInt);
    Ok(RunQueryDsl::load(out.typed::<Sql>(), conn)?)
}
