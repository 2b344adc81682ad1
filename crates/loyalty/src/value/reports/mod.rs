//! Customer value at a glance: the pyramid and the quadrant as data and as pictures, who moved, how much few customers
//! weigh, what all of them will bring, what an account and its subsidiaries come to, and what it is entitled to. Each answers for the rows that the actor may
//! read; what rests on all of them asks for the right to read all.

pub mod concentration;
pub mod entitlements;
pub mod equity;
pub mod group;
pub mod movements;
pub mod next_layer;
pub mod profit;
pub mod pyramid;
pub mod pyramid_picture;
pub mod quadrant;
pub mod quadrant_picture;
mod words;

pub use words::Language;

use super::model::ModelStatus;
use super::number::{real, text};
use super::{ClvEstimate, ValueModel, ValueProfile, ValueRun};
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::{Action, Bind, Condition, Cx, Error, Result, Shape, Statement, codes};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Part of a total.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// How much.
    pub amount: Decimal,
    /// Of the total; none where that is nothing, or a loss.
    pub share: Option<f64>,
}

/// What some customers come to together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// How many.
    pub count: i64,
    /// Of all.
    pub share: Option<f64>,
    /// Net revenue of the window.
    pub revenue: Part,
    /// Profit of the window.
    pub profit: Part,
    /// Lifetime value.
    pub clv: Part,
    /// Cost to serve in the window.
    pub cost_to_serve: Part,
    /// Mean of the scores.
    pub mean_score: Option<Decimal>,
}

impl Part {
    /// As JSON.
    pub fn shown(&self) -> Value {
        json!({"amount": text(self.amount), "share": self.share})
    }

    fn of(&mut self, total: Part) {
        self.share = share(real(self.amount), real(total.amount));
    }
}

impl Sums {
    /// As JSON.
    pub fn shown(&self) -> Value {
        json!({
            "count": self.count, "share": self.share, "revenue": self.revenue.shown(), "profit": self.profit.shown(),
            "clv": self.clv.shown(), "costToServe": self.cost_to_serve.shown(), "meanScore": self.mean_score.map(text),
        })
    }

    fn of(&mut self, total: &Sums) {
        self.share = share(count(self.count), count(total.count));
        self.revenue.of(total.revenue);
        self.profit.of(total.profit);
        self.clv.of(total.clv);
        self.cost_to_serve.of(total.cost_to_serve);
    }
}

/// A part of a whole, to four places; none where the whole is nothing or less.
pub(super) fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (part / whole * 10_000.0).round() / 10_000.0)
}

pub(super) fn count(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX))
}

/// What the values are those of.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// The last day that they know; none before the first run.
    pub as_of: Option<NaiveDate>,
    /// Whether they are still those of the model before, or none at all.
    pub state: &'static str,
}

/// The model of an id, which has to be the one that counts, and what the stored values are those of.
fn counting(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<(ValueModel, Basis)> {
    let row = store::get(conn, cx, cx.entry(ValueModel::NAME)?, id)?;
    let model = row.any().downcast_ref::<ValueModel>().cloned();
    let model = model.ok_or_else(|| Error::internal("not a value model"))?;
    if model.status != ModelStatus::Published {
        let detail = format!(
            "Values are those of the published model, and this one is {}. GET /v1/value-models/{id}/simulation says what it \
             would change.",
            model.status.as_str()
        );
        return Err(Error::new(&codes::CONFLICT, detail));
    }
    let run = ValueRun::current(conn, cx)?;
    let state = match &run {
        None => "INSUFFICIENT_DATA",
        Some(run) if run.model_id.map(|id| id.0) == Some(id) => "OK",
        Some(_) => "STALE",
    };
    Ok((model, Basis { as_of: run.and_then(|run| run.as_of), state }))
}

/// ` FROM …`: the profiles `p` that the actor may read, with the lifetime values `c` of those whose value they may read.
/// What was computed in another reporting currency than today's is left out: the next run computes it anew.
fn profiles(cx: &Cx, out: &mut Statement) -> Result<()> {
    let (profiles, values) = (cx.entry(ValueProfile::NAME)?, cx.entry(ClvEstimate::NAME)?);
    let (scope, theirs) = (cx.require(profiles, Action::Read)?, cx.require(values, Action::Read)?);
    let mut condition = Condition::new(cx, false);
    let currency = || Bind::Text(Some(cx.currency.code().to_owned()));
    out.sql(" FROM value_profiles p LEFT JOIN clv_estimates c ON c.tenant_id = p.tenant_id AND c.id = p.id");
    out.sql(" AND c.archived_at IS NULL AND c.value_currency = ").bind(currency());
    condition.scope(values, "c", theirs, out);
    out.sql(" WHERE p.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND p.archived_at IS NULL AND p.revenue_currency = ").bind(currency());
    condition.scope(profiles, "p", scope, out);
    Ok(())
}

/// The sums of the customers by a column of their profiles, in the order of `all`, and those of all together.
fn sums(
    conn: &mut PgConnection,
    cx: &Cx,
    column: &str,
    all: &[(&'static str, &str)],
) -> Result<(Vec<(&'static str, Sums)>, Sums)> {
    let mut out = Statement::new(format!(
        "SELECT p.{column}, count(*), sum(p.revenue_amount), sum(p.profit_amount), coalesce(sum(c.value_amount), 0), \
         sum(p.cost_to_serve_amount), coalesce(sum(p.score), 0), count(p.score)"
    ));
    profiles(cx, &mut out)?;
    out.sql(format!(" GROUP BY p.{column}"));
    type Sql = (st::Text, st::BigInt, (st::Numeric, st::Numeric, st::Numeric, st::Numeric, st::Numeric), st::BigInt);
    type Row = (String, i64, (Decimal, Decimal, Decimal, Decimal, Decimal), i64);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let (mut total, mut scores, mut scored) = (Sums::default(), Decimal::ZERO, 0);
    let part = |amount| Part { amount, share: None };
    let mut found = HashMap::new();
    for (name, count, (revenue, profit, clv, cost, score), known) in rows {
        total.count += count;
        (scores, scored) = (scores + score, scored + known);
        for (sum, amount) in [
            (&mut total.revenue, revenue),
            (&mut total.profit, profit),
            (&mut total.clv, clv),
            (&mut total.cost_to_serve, cost),
        ] {
            sum.amount += amount;
        }
        let (revenue, profit, clv, cost_to_serve) = (part(revenue), part(profit), part(clv), part(cost));
        let mean_score = mean(score, known);
        found.insert(name, Sums { count, revenue, profit, clv, cost_to_serve, mean_score, share: None });
    }
    total.mean_score = mean(scores, scored);
    let whole = total.clone();
    total.of(&whole);
    let each = all.iter().map(|(name, _)| {
        let mut sums = found.remove(*name).unwrap_or_default();
        sums.of(&whole);
        (*name, sums)
    });
    Ok((each.collect(), total))
}

fn mean(sum: Decimal, count: i64) -> Option<Decimal> {
    sum.checked_div(Decimal::from(count)).map(|mean| mean.round_dp(1))
}

/// Names of records, as far as the actor may read them.
pub fn names(conn: &mut PgConnection, cx: &Cx, resource: &str, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let entry = cx.entry(resource)?;
    let Some(scope) = cx.actor.grants.scope(entry.name, entry.administrative, Action::Read) else {
        return Ok(HashMap::new());
    };
    let mut out = Statement::new(format!("SELECT t.id, t.name FROM {} t WHERE t.tenant_id = ", entry.table));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND t.id = ANY(").bind(Bind::Uuids(ids.to_vec())).sql(")");
    Condition::new(cx, false).scope(entry, "t", scope, &mut out);
    let rows: Vec<(Uuid, String)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Text)>(), conn)?;
    Ok(rows.into_iter().collect())
}

/// A number of rows that was asked for.
pub fn limited(asked: Option<i64>, usual: i64, most: i64, at: &str) -> Result<i64> {
    let limit = asked.unwrap_or(usual);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::invalid(at, "OUT_OF_RANGE", format!("Expected 1 to {most}.")))
}

/// One of the values of an enumeration that was asked for, or the first.
fn chosen<T: Copy>(asked: Option<&str>, all: &[(&str, T)], at: &str) -> Result<T> {
    let first = all.first().map(|(_, value)| *value).ok_or_else(|| Error::internal("nothing to choose from"))?;
    let Some(asked) = asked else { return Ok(first) };
    let found = all.iter().find(|(name, _)| *name == asked).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        Error::invalid(at, "INVALID", format!("Expected one of {}.", names.join(", ")))
    })
}
