//! Who moved between two days, by what was kept of them; where customers stand now is kept of no day yet.

use super::{chosen, count, share};
use crate::value::profile::{Layer, ValueClass};
use crate::value::{ValueProfile, ValueRun, ValueScore};
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

/// Where customers stood on a day.
#[derive(Clone, Copy)]
enum Place {
    /// Where they stand now.
    Now(NaiveDate),
    /// Where the history says.
    Kept(NaiveDate),
}

impl Place {
    /// What tells most nearly where they stood on a day: the last that is known of the time before, else the first of all.
    /// `now`: the day of the last run.
    fn on(conn: &mut PgConnection, cx: &Cx, now: Option<NaiveDate>, day: NaiveDate) -> Result<Option<Self>> {
        Ok(match (now.filter(|now| *now <= day), kept(conn, cx, day)?) {
            (Some(now), _) => Some(Place::Now(now)),
            (None, kept) => kept.map(Place::Kept).or(now.map(Place::Now)),
        })
    }

    fn day(self) -> NaiveDate {
        match self {
            Place::Now(day) | Place::Kept(day) => day,
        }
    }

    /// The customers that the caller may see, each with its place.
    fn read(self, cx: &Cx, column: &str, condition: &mut Condition<'_>, out: &mut Statement) -> Result<()> {
        let (name, table) = match self {
            Place::Now(_) => (ValueProfile::NAME, "value_profiles"),
            Place::Kept(_) => (ValueScore::NAME, "value_scores"),
        };
        let entry = cx.entry(name)?;
        let scope = cx.require(entry, Action::Read)?;
        out.sql(format!("SELECT s.account_id, s.{column} AS place FROM {table} s WHERE s.tenant_id = "));
        out.bind(Bind::Uuid(Some(cx.tenant)));
        match self {
            // Of those who never bought no history is kept.
            Place::Now(_) => out.sql(" AND s.archived_at IS NULL AND s.first_on IS NOT NULL"),
            Place::Kept(day) => out.sql(" AND s.as_of = ").bind(Bind::Date(Some(day))),
        };
        condition.scope(entry, "s", scope, out);
        Ok(())
    }
}

/// The last day before or on a day that history was kept of; else the first of all.
fn kept(conn: &mut PgConnection, cx: &Cx, day: NaiveDate) -> Result<Option<NaiveDate>> {
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
    let now = ValueRun::current(conn, cx)?.and_then(|run| run.as_of);
    let (first, last) = (Place::on(conn, cx, now, from)?, Place::on(conn, cx, now, to)?);
    let moves = match first.zip(last) {
        Some(places) => moves(conn, cx, column, places)?,
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
        "firstOn": first.map(Place::day), "lastOn": last.map(Place::day), "rows": rows.collect::<Vec<_>>(),
    }))
}

type Move = (Option<String>, Option<String>, i64);

/// How many went from where to where.
fn moves(conn: &mut PgConnection, cx: &Cx, column: &str, (first, last): (Place, Place)) -> Result<Vec<Move>> {
    let mut condition = Condition::new(cx, false);
    let mut out = Statement::new("SELECT a.place, b.place, count(*) FROM ");
    for (alias, place) in [("a", first), ("b", last)] {
        out.sql("(");
        place.read(cx, column, &mut condition, &mut out)?;
        out.sql(format!(") {alias}")).sql(if alias == "a" { " FULL JOIN " } else { " USING (account_id)" });
    }
    out.sql(" GROUP BY 1, 2");
    type Sql = (st::Nullable<st::Text>, st::Nullable<st::Text>, st::BigInt);
    Ok(RunQueryDsl::load(out.typed::<Sql>(), conn)?)
}
