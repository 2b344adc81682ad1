//! What was told of customers in the past against what they did: who was called likely to leave, and who left. It reads what
//! was kept at the time, so it cannot flatter itself with what was learnt later.

use crate::ChurnScore;
use crate::reports::Period;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Action, Bind, Condition, Cx, Error, Result, Shape, Statement};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Bins of the table that holds chances against shares.
const BINS: usize = 10;

/// Customers of whom the same was told on a day.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    chance: f64,
    customers: f64,
    left: f64,
}

/// Past alerts against what came of them. `threshold` is the chance from which on a customer counts as an alert; half unless
/// given.
pub fn backtest(conn: &mut PgConnection, cx: &Cx, period: &Period, threshold: Option<&str>) -> Result<Value> {
    let (from, to) = period.days(cx)?;
    let wrong = || {
        let detail = "Expected a chance between 0 and 1, such as 0.5.";
        Error::invalid(format!("{}/threshold", period.at), "OUT_OF_RANGE", detail)
    };
    let threshold: f64 = threshold.map_or(Ok(0.5), |text| text.parse().map_err(|_| wrong()))?;
    if !(0.0..=1.0).contains(&threshold) {
        return Err(wrong());
    }
    let (model, baseline) = (told(conn, cx, "probability", (from, to))?, told(conn, cx, "baseline", (from, to))?);
    let none = Vec::new();
    let days = model.iter().map(|(day, rows)| {
        let (customers, left) = sums(rows);
        let other = baseline.get(day).unwrap_or(&none);
        json!({
            "asOf": day, "customers": whole(customers), "left": whole(left),
            "model": judged(rows, threshold), "baseline": judged(other, threshold),
        })
    });
    let days: Vec<_> = days.collect();
    let all = |days: &BTreeMap<NaiveDate, Vec<Told>>| days.values().flatten().copied().collect::<Vec<_>>();
    let (model, baseline) = (all(&model), all(&baseline));
    let (customers, left) = sums(&model);
    Ok(json!({
        "from": from, "to": to, "threshold": threshold, "customers": whole(customers), "left": whole(left),
        "model": judged(&model, threshold), "baseline": judged(&baseline, threshold),
        "bins": bins(&model), "days": days,
        "state": if model.is_empty() { "INSUFFICIENT_DATA" } else { "OK" },
    }))
}

/// What was told on each day whose horizon is over, and how many of those it was told of bought nothing until then.
fn told(
    conn: &mut PgConnection,
    cx: &Cx,
    what: &'static str,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<BTreeMap<NaiveDate, Vec<Told>>> {
    let entry = cx.entry(ChurnScore::NAME)?;
    let scope = cx.require(entry, Action::Read)?;
    let mut out = Statement::new(format!(
        "SELECT s.as_of, s.{what}, count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM customer_days d \
         WHERE d.tenant_id = s.tenant_id AND d.account_id = s.account_id AND d.orders > 0 AND d.day > s.as_of \
         AND d.day <= s.as_of + s.horizon_days)) FROM churn_scores s WHERE s.archived_at IS NULL AND s.tenant_id = "
    ));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND s.as_of >= ").bind(Bind::Date(Some(from)));
    out.sql(" AND s.as_of <= ").bind(Bind::Date(Some(to))).sql(" AND s.as_of + s.horizon_days < ");
    out.bind(Bind::Date(Some(cx.today())));
    Condition::new(cx, false).scope(entry, "s", scope, &mut out);
    out.sql(" GROUP BY 1, 2 ORDER BY 1, 2");
    type Sql = (st::Date, st::Numeric, st::BigInt, st::BigInt);
    let rows: Vec<(NaiveDate, Decimal, i64, i64)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let mut days: BTreeMap<NaiveDate, Vec<Told>> = BTreeMap::new();
    for (day, chance, customers, left) in rows {
        let real = |count: i64| count.to_f64().unwrap_or_default();
        let row = Told { chance: chance.to_f64().unwrap_or_default(), customers: real(customers), left: real(left) };
        days.entry(day).or_default().push(row);
    }
    Ok(days)
}

fn sums(rows: &[Told]) -> (f64, f64) {
    rows.iter().fold((0.0, 0.0), |(customers, left), row| (customers + row.customers, left + row.left))
}

/// How good the chances were: their ranking, their error, and what alerts from the threshold on were worth.
fn judged(rows: &[Told], threshold: f64) -> Value {
    let (customers, left) = sums(rows);
    let error = |row: &Told| row.left * (1.0 - row.chance).powi(2) + (row.customers - row.left) * row.chance.powi(2);
    let (alerts, hits) = sums(&rows.iter().filter(|row| row.chance >= threshold).copied().collect::<Vec<_>>());
    let (precision, rate) = (share(hits, alerts), share(left, customers));
    json!({
        "alerts": whole(alerts), "hits": whole(hits),
        "precision": precision.map(rounded), "recall": share(hits, left).map(rounded),
        "lift": precision.zip(rate.filter(|rate| *rate > 0.0)).map(|(precision, rate)| rounded(precision / rate)),
        "auc": auc(rows).map(rounded),
        "brier": share(rows.iter().map(error).sum(), customers).map(rounded),
    })
}

/// The chance that somebody who left was told a higher one than somebody who stayed; equals count half.
fn auc(rows: &[Told]) -> Option<f64> {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| a.chance.total_cmp(&b.chance));
    let (customers, left) = sums(&rows);
    let (mut below, mut pairs, mut at) = (0.0, 0.0, 0.0_f64);
    let mut equal = (0.0, 0.0);
    for row in &rows {
        if row.chance > at {
            (below, pairs) = (below + equal.1, pairs + equal.0 * (below + equal.1 / 2.0));
            (equal, at) = ((0.0, 0.0), row.chance);
        }
        equal = (equal.0 + row.left, equal.1 + row.customers - row.left);
    }
    pairs += equal.0 * (below + equal.1 / 2.0);
    share(pairs, left * (customers - left))
}

/// Chances against shares, in tenths.
fn bins(rows: &[Told]) -> Vec<Value> {
    let mut bins = [Told::default(); BINS];
    for row in rows {
        let place = (row.chance * 10.0).floor().to_usize().unwrap_or_default().min(BINS - 1);
        if let Some(bin) = bins.get_mut(place) {
            bin.chance += row.chance * row.customers;
            bin.customers += row.customers;
            bin.left += row.left;
        }
    }
    let shown = bins.iter().enumerate().filter(|(_, bin)| bin.customers > 0.0).map(|(place, bin)| {
        json!({
            "bin": place, "customers": whole(bin.customers),
            "told": share(bin.chance, bin.customers).map(rounded), "left": share(bin.left, bin.customers).map(rounded),
        })
    });
    shown.collect()
}

fn whole(count: f64) -> i64 {
    count.to_i64().unwrap_or_default()
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranking_counts_equals_half_whatever_the_order() {
        let told = |chance, customers, left| Told { chance, customers, left };
        // 0.9: two left. 0.5: one left, one stayed. 0.1: one stayed.
        let rows = [told(0.5, 2.0, 1.0), told(0.1, 1.0, 0.0), told(0.9, 2.0, 2.0)];
        assert_eq!(auc(&rows), Some(5.5 / 6.0));
        assert_eq!(auc(&[told(0.5, 4.0, 2.0)]), Some(0.5));
        assert_eq!(auc(&[told(0.5, 4.0, 4.0)]), None, "nobody stayed");
        // The same customers in two days are the same customers.
        let twice = [told(0.5, 1.0, 1.0), told(0.5, 1.0, 0.0), told(0.1, 1.0, 0.0), told(0.9, 2.0, 2.0)];
        assert_eq!(auc(&twice), Some(5.5 / 6.0));
    }
}
