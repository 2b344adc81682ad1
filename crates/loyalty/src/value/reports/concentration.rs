//! How much few customers, or few products, weigh: ABC, Gini, shares of the top, the long tail and the whale curve.

use super::{chosen, limited, share};
use crate::value::number::{real, text};
use crate::value::{ValueModel, ValueRun};
use chrono::{Days, NaiveDate};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{metric, store};
use kith_kernel::{Bind, Cx, Error, Result, Statement};
use kith_statistics::{self as statistics, Class, Concentration};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

/// Rows of the largest unless asked otherwise, and the most.
pub const LARGEST: i64 = 10;
/// Most rows.
pub const MAX_LARGEST: i64 = 100;
/// Points of the whale curve, besides its beginning.
const POINTS: usize = 100;
/// How many of the largest are looked at together.
const TOPS: [usize; 3] = [1, 10, 100];

/// What is asked. Everything is as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// `revenue`, `profit`, `lifetimeRevenue` or `clv`.
    pub of: Option<String>,
    /// `accounts` or `products`.
    pub by: Option<String>,
    /// Rows of the largest.
    pub limit: Option<i64>,
    /// Where they stand in the request: `/query`, or nothing.
    pub at: &'static str,
}

/// What is distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Revenue,
    Profit,
    LifetimeRevenue,
    Clv,
}

/// The values in the order of their ids.
type Values = Vec<(Uuid, Decimal)>;

/// Measures it.
pub fn concentration(conn: &mut PgConnection, cx: &Cx, question: &Question) -> Result<Value> {
    let at = |name: &str| format!("{}/{name}", question.at);
    let measures = [
        ("revenue", Measure::Revenue),
        ("profit", Measure::Profit),
        ("lifetimeRevenue", Measure::LifetimeRevenue),
        ("clv", Measure::Clv),
    ];
    let of = chosen(question.of.as_deref(), &measures, &at("of"))?;
    let by = chosen(question.by.as_deref(), &[("accounts", "accounts"), ("products", "products")], &at("by"))?;
    let limit = limited(question.limit, LARGEST, MAX_LARGEST, &at("limit"))?;
    if by == "products" && of == Measure::Clv {
        return Err(Error::invalid(at("of"), "INVALID", "Products have no lifetime value."));
    }
    let run = ValueRun::current(conn, cx)?;
    let as_of = run.as_ref().and_then(|run| run.as_of);
    let (values, unassigned) = match by {
        "products" => products(conn, cx, of, run.as_ref())?,
        _ => (accounts(conn, cx, of)?, None),
    };
    let amounts: Vec<Decimal> = values.iter().map(|(_, value)| *value).collect();
    let sum: Decimal = amounts.iter().sum();
    // Where nothing is positive there is nothing to be concentrated.
    let found = statistics::concentration(&amounts).ok();
    let largest = largest(conn, cx, by, &values, found.as_ref(), usize::try_from(limit).unwrap_or(0))?;
    let curve = statistics::whale_curve(&amounts).map_err(Error::internal)?;
    let name = measures.iter().find(|(_, other)| *other == of).map(|(name, _)| *name);
    Ok(json!({
        "of": name, "by": by, "asOf": as_of, "currency": cx.currency.code(), "count": values.len(), "sum": text(sum),
        "positive": found.as_ref().map_or(0, |found| found.positive),
        "positiveSum": text(found.as_ref().map_or(Decimal::ZERO, |found| found.total)),
        "gini": found.as_ref().map(|found| rounded(found.gini)),
        "makes80Percent": found.as_ref().map(|found| rounded(found.makes_80_percent)),
        "tail": found.as_ref().map(|found| rounded(found.tail())),
        "topShares": tops(found.as_ref()), "topCounts": top_counts(found.as_ref()),
        "classes": classes(found.as_ref(), &values),
        "largest": largest, "whaleCurve": whale(&curve, sum), "unassigned": unassigned.map(text),
    }))
}

fn rounded(value: f64) -> f64 {
    (value * 100_000.0).round() / 100_000.0
}

fn tops(found: Option<&Concentration>) -> Value {
    let each = [0.01, 0.05, 0.2].map(|part| json!({"top": part, "share": found.map(|found| rounded(found.top(part)))}));
    json!(each)
}

fn top_counts(found: Option<&Concentration>) -> Value {
    let each = TOPS.map(|top| json!({"top": top, "share": found.map(|found| rounded(found.top_n(top)))}));
    json!(each)
}

fn label(class: Class) -> &'static str {
    match class {
        Class::A => "A",
        Class::B => "B",
        Class::C => "C",
        Class::N => "N",
    }
}

fn class_of(found: Option<&Concentration>, at: usize) -> Class {
    found.and_then(|found| found.classes.get(at).copied()).unwrap_or(Class::N)
}

fn classes(found: Option<&Concentration>, values: &Values) -> Value {
    let total = found.map_or(0.0, |found| real(found.total));
    let each = [Class::A, Class::B, Class::C, Class::N].map(|class| {
        let inside = values.iter().enumerate().filter(|(at, _)| class_of(found, *at) == class);
        let (count, amount) = inside.fold((0_i64, Decimal::ZERO), |(n, sum), (_, (_, value))| (n + 1, sum + value));
        let part = if class == Class::N { None } else { share(real(amount), total) };
        json!({"class": label(class), "count": count, "amount": text(amount), "share": part})
    });
    json!(each)
}

/// The largest, with their names.
fn largest(
    conn: &mut PgConnection,
    cx: &Cx,
    by: &str,
    values: &Values,
    found: Option<&Concentration>,
    limit: usize,
) -> Result<Value> {
    let mut order: Vec<(usize, &(Uuid, Decimal))> = values.iter().enumerate().collect();
    order.sort_by_key(|(_, value)| std::cmp::Reverse(value.1));
    order.truncate(limit);
    let ids: Vec<Uuid> = order.iter().map(|(_, (id, _))| *id).collect();
    let names = super::names(conn, cx, by, &ids)?;
    let total = found.map_or(0.0, |found| real(found.total));
    let rows = order.iter().enumerate().map(|(rank, (at, (id, value)))| {
        json!({
            "id": id, "name": names.get(id), "amount": text(*value), "share": share(real(*value), total),
            "cumulative": found.map(|found| rounded(found.top_n(rank + 1))), "class": label(class_of(found, *at)),
        })
    });
    Ok(Value::Array(rows.collect()))
}

/// Running sums at even steps, with the peak.
fn whale(curve: &[Decimal], sum: Decimal) -> Value {
    let last = curve.len();
    let highest = curve.iter().enumerate().rev().max_by_key(|(_, amount)| **amount).map(|(at, _)| at + 1);
    let mut places: Vec<usize> = (1..=POINTS).map(|step| (step * last).div_ceil(POINTS)).collect();
    places.extend(highest);
    places.retain(|place| (1..=last).contains(place));
    places.sort_unstable();
    places.dedup();
    let part = |place: usize| rounded(crate::value::borders::real(place) / crate::value::borders::real(last));
    let points = places.iter().filter_map(|place| {
        let amount = *curve.get(place - 1)?;
        Some(json!({"customers": place, "share": part(*place), "amount": text(amount), "ofTotal": share(real(amount), real(sum))}))
    });
    Value::Array(points.collect())
}

/// Of each customer: those who bought in the window, for what is of the window; for lifetime values those who have one;
/// else those who ever bought.
fn accounts(conn: &mut PgConnection, cx: &Cx, of: Measure) -> Result<Values> {
    metric::whole(cx, "value-profiles")?;
    let (value, who) = match of {
        Measure::Revenue => ("p.revenue_amount", "p.window_occasions > 0"),
        Measure::Profit => ("p.profit_amount", "(p.window_occasions > 0 OR p.profit_amount <> 0)"),
        Measure::LifetimeRevenue => ("p.lifetime_revenue_amount", "p.occasions > 0"),
        Measure::Clv => ("c.value_amount", "c.value_amount IS NOT NULL"),
    };
    if of == Measure::Clv {
        metric::whole(cx, "clv-estimates")?;
    }
    let mut out = Statement::new(format!("SELECT p.id, {value}"));
    super::profiles(cx, &mut out)?;
    out.sql(format!(" AND {who} ORDER BY p.id"));
    Ok(RunQueryDsl::load(out.typed::<(st::Uuid, st::Numeric)>(), conn)?)
}

/// What is left after refunds of the orders that count, line by line, in the proportion in which it is left of the order.
const LINES: &str = " FROM orders o CROSS JOIN LATERAL (SELECT o.net_amount - coalesce(sum(f.net_amount), 0) AS rest \
    FROM refunds f WHERE f.tenant_id = o.tenant_id AND f.assigned_order_id = o.id AND f.archived_at IS NULL) r \
    JOIN order_lines i ON i.tenant_id = o.tenant_id AND i.order_id = o.id AND i.archived_at IS NULL \
    CROSS JOIN LATERAL (SELECT i.net_amount * r.rest * o.base_rate / o.net_amount AS net, \
    CASE WHEN i.unit_cost_amount IS NULL THEN NULL ELSE i.quantity * i.unit_cost_amount * r.rest * o.base_rate / o.net_amount END AS cost) x \
    WHERE o.archived_at IS NULL AND NOT o.is_internal AND o.status IN ('CONFIRMED', 'FULFILLED') AND o.net_amount > 0 \
    AND r.rest > 0 AND o.tenant_id = ";

/// Of each product, and what was sold without naming one. Orders without an exchange rate are left out.
fn products(
    conn: &mut PgConnection,
    cx: &Cx,
    of: Measure,
    run: Option<&ValueRun>,
) -> Result<(Values, Option<Decimal>)> {
    for resource in ["orders", "order-lines"] {
        metric::whole(cx, resource)?;
    }
    let model = match run.and_then(|run| run.model_id) {
        Some(id) => store::find::<ValueModel>(conn, cx, id.0)?,
        None => None,
    };
    let terms = model.unwrap_or_else(|| ValueModel::usual(cx)).terms();
    let mut out = Statement::default();
    out.sql("SELECT i.product_id, sum(");
    match of {
        Measure::Profit => out
            .sql(
                "coalesce(x.net - x.cost, x.net * coalesce((SELECT f.default_margin FROM products p JOIN product_families f \
                 ON f.tenant_id = p.tenant_id AND f.id = p.family_id WHERE p.tenant_id = i.tenant_id AND p.id = i.product_id), ",
            )
            .bind(Bind::Decimal(Some(terms.default_margin)))
            .sql("::numeric) / 100)"),
        _ => out.sql("x.net"),
    };
    out.sql(")").sql(LINES).bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND o.base_net_currency = ").bind(Bind::Text(Some(cx.currency.code().to_owned())));
    let day = |out: &mut Statement, condition: &'static str, day: NaiveDate| {
        out.sql(" AND (o.ordered_at AT TIME ZONE (SELECT time_zone FROM tenants WHERE tenant_id = o.tenant_id AND id = o.tenant_id))::date ");
        out.sql(condition).bind(Bind::Date(Some(day)));
    };
    if let Some(last) = run.and_then(|run| run.as_of) {
        day(&mut out, "<= ", last);
        if of != Measure::LifetimeRevenue {
            day(&mut out, "> ", last - Days::new(crate::value::facts::days(terms.window_days)));
        }
    }
    out.sql(" GROUP BY i.product_id ORDER BY i.product_id");
    type Row = (Option<Uuid>, Decimal);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<(st::Nullable<st::Uuid>, st::Numeric)>(), conn)?;
    let money = |amount: Decimal| amount.round_dp(4);
    let unassigned = rows.iter().find(|(id, _)| id.is_none()).map(|(_, amount)| money(*amount));
    Ok((rows.into_iter().filter_map(|(id, amount)| Some((id?, money(amount)))).collect(), unassigned))
}
