//! Reports that are more than one number: how relationships moved, how long they stay and last, who was lost, and what was
//! achieved against it. Each answers with JSON of the shape that the API documents.

use crate::rules::DAYS_PER_MONTH;
use crate::{Lifecycle, RetentionPlan};
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::metric;
use kith_journal::purchase::{PAID_UNTIL, PERIOD_MONTHS};
use kith_kernel::{Action, Bind, Condition, Cx, Entry, Error, Result, RowScope, Shape, Statement};
use kith_statistics::{Tenure, kaplan_meier};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The accounts of other areas are read under their own rights.
const ACCOUNTS: &str = "accounts";

/// Two days, as they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Period {
    /// The first; a year before the last unless given.
    pub from: Option<String>,
    /// The last; today unless given.
    pub to: Option<String>,
    /// Where they stand in the request: `/query`, or nothing.
    pub at: &'static str,
}

impl Period {
    pub(crate) fn days(&self, cx: &Cx) -> Result<(NaiveDate, NaiveDate)> {
        let read = |name: &str, text: &Option<String>| -> Result<Option<NaiveDate>> {
            let wrong =
                |_| Error::invalid(format!("{}/{name}", self.at), "WRONG_TYPE", "Expected a date such as 2026-01-31.");
            text.as_ref().map(|text| text.parse().map_err(wrong)).transpose()
        };
        let to = read("to", &self.to)?.unwrap_or_else(|| cx.today());
        let before = to.checked_sub_days(chrono::Days::new(365)).unwrap_or(to);
        let from = read("from", &self.from)?.unwrap_or(before);
        if from > to {
            return Err(Error::invalid(format!("{}/to", self.at), "OUT_OF_RANGE", "The last day is before the first."));
        }
        Ok((from, to))
    }
}

/// ` AND …`: the lifecycles `l` that the actor may read.
fn lifecycles(cx: &Cx, out: &mut Statement) -> Result<()> {
    let entry = cx.entry(Lifecycle::NAME)?;
    let scope = cx.require(entry, Action::Read)?;
    out.bind(Bind::Uuid(Some(cx.tenant)));
    Condition::new(cx, false).scope(entry, "l", scope, out);
    Ok(())
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (part / whole * 10_000.0).round() / 10_000.0)
}

fn real(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Who was in which stage on one day, and is in which on another.
pub fn flow(conn: &mut PgConnection, cx: &Cx, period: &Period) -> Result<Value> {
    let (from, to) = period.days(cx)?;
    let last = |out: &mut Statement, day: NaiveDate| {
        out.sql(
            "(SELECT x.to_stage FROM lifecycle_transitions x WHERE x.tenant_id = l.tenant_id \
             AND x.account_id = l.account_id AND x.moved_on <= ",
        );
        out.bind(Bind::Date(Some(day))).sql(" ORDER BY x.moved_on DESC, x.id DESC LIMIT 1)");
    };
    let mut out = Statement::new("WITH s AS (SELECT ");
    last(&mut out, from);
    out.sql(" AS was, ");
    last(&mut out, to);
    out.sql(" AS now FROM lifecycles l WHERE l.tenant_id = ");
    lifecycles(cx, &mut out)?;
    out.sql(") SELECT was, now, count(*) FROM s WHERE now IS NOT NULL GROUP BY was, now ORDER BY was NULLS FIRST, now");
    type Sql = (st::Nullable<st::Text>, st::Text, st::BigInt);
    let found: Vec<(Option<String>, String, i64)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let rows = found.chunk_by(|a, b| a.0 == b.0).map(|cells| {
        let size: i64 = cells.iter().map(|(.., count)| *count).sum();
        let to = cells
            .iter()
            .map(|(_, now, count)| json!({"stage": now, "count": count, "share": share(real(*count), real(size))}));
        json!({"stage": cells.first().and_then(|cell| cell.0.clone()), "size": size, "to": to.collect::<Vec<_>>()})
    });
    Ok(json!({"from": from, "to": to, "rows": rows.collect::<Vec<_>>()}))
}

/// How long relationships stay in a stage.
pub fn dwell(conn: &mut PgConnection, cx: &Cx, period: &Period) -> Result<Value> {
    let (from, to) = period.days(cx)?;
    let mut out = Statement::new(
        "WITH stays AS (SELECT x.to_stage AS stage, x.moved_on, lead(x.moved_on) OVER (PARTITION BY x.account_id \
         ORDER BY x.moved_on, x.id) AS ended FROM lifecycle_transitions x JOIN lifecycles l ON l.tenant_id = x.tenant_id \
         AND l.id = x.account_id WHERE x.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND x.moved_on <= ").bind(Bind::Date(Some(to)));
    out.sql(" AND l.tenant_id = ");
    lifecycles(cx, &mut out)?;
    out.sql("), c AS (SELECT ").bind(Bind::Date(Some(from))).sql("::date AS first, ").bind(Bind::Date(Some(to)));
    out.sql(
        "::date AS last) SELECT stage, count(*) FILTER (WHERE ended >= c.first), \
         percentile_cont(0.5) WITHIN GROUP (ORDER BY ended - moved_on) FILTER (WHERE ended >= c.first), \
         count(*) FILTER (WHERE ended IS NULL), \
         percentile_cont(0.5) WITHIN GROUP (ORDER BY c.last - moved_on) FILTER (WHERE ended IS NULL) \
         FROM stays, c GROUP BY stage ORDER BY stage",
    );
    type Sql = (st::Text, st::BigInt, st::Nullable<st::Double>, st::BigInt, st::Nullable<st::Double>);
    type Found = (String, i64, Option<f64>, i64, Option<f64>);
    let found: Vec<Found> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let rows = found.into_iter().map(|(stage, left, median, here, so_far)| {
        json!({"stage": stage, "left": left, "medianDays": median, "here": here, "medianDaysSoFar": so_far})
    });
    Ok(json!({"from": from, "to": to, "rows": rows.collect::<Vec<_>>()}))
}

/// How long customers stay customers: Kaplan and Meier's estimate over months since the first purchase or contract.
pub fn survival(conn: &mut PgConnection, cx: &Cx) -> Result<Value> {
    let mut out = Statement::new(
        "SELECT greatest((CASE WHEN l.activity = 'CHURNED' THEN coalesce(l.churned_on, l.as_of) ELSE l.as_of END) \
         - d.first, 0), l.activity = 'CHURNED', count(*) FROM lifecycles l CROSS JOIN LATERAL (SELECT least((SELECT min(day) \
         FROM customer_days WHERE tenant_id = l.tenant_id AND account_id = l.account_id AND orders > 0), \
         (SELECT min(started_on) FROM subscriptions WHERE tenant_id = l.tenant_id AND account_id = l.account_id \
         AND status <> 'TRIAL' AND archived_at IS NULL AND started_on <= l.as_of)) AS first) d \
         WHERE d.first IS NOT NULL AND l.tenant_id = ",
    );
    lifecycles(cx, &mut out)?;
    out.sql(" GROUP BY 1, 2 ORDER BY 1, 2");
    type Sql = (st::Integer, st::Bool, st::BigInt);
    let found: Vec<(i32, bool, i64)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    // In whole months: nobody reads a curve by days, and the answer stays small.
    let tenures: Vec<Tenure> = found
        .iter()
        .flat_map(|(days, ended, count)| {
            let tenure = Tenure { time: (f64::from(*days) / DAYS_PER_MONTH).floor(), ended: *ended };
            std::iter::repeat_n(tenure, usize::try_from(*count).unwrap_or(0))
        })
        .collect();
    if tenures.is_empty() {
        return Ok(json!({"customers": 0, "lost": 0, "observedMonths": 0.0, "medianMonths": null, "steps": []}));
    }
    let curve = kaplan_meier(&tenures).map_err(Error::internal)?;
    let steps = curve.steps.iter().map(|step| {
        json!({"month": step.time, "atRisk": step.at_risk, "lost": step.ended, "survival": step.survival, "low": step.low, "high": step.high})
    });
    Ok(json!({
        "customers": tenures.len(), "lost": tenures.iter().filter(|tenure| tenure.ended).count(),
        "observedMonths": curve.observed, "medianMonths": curve.median(), "steps": steps.collect::<Vec<_>>(),
    }))
}

/// The gap of the peers, in days, that a customer's own gaps are drawn to while no value run has learned one.
const PEER_GAP: &str = "30";
/// The margin in per cent of what was sold at an unknown cost while no value model is published.
const DEFAULT_MARGIN: &str = "30";

/// SQL of what holds for all customers: the `first` day and the `last`, the gap of the `peers` that the last value run has
/// learned, and the `percent` of margin that the value model takes what was sold at an unknown cost to have.
fn common(cx: &Cx, (from, to): (NaiveDate, NaiveDate)) -> Statement {
    let tenant = || Bind::Uuid(Some(cx.tenant));
    let mut out = Statement::new("SELECT ");
    out.bind(Bind::Date(Some(from))).sql("::date AS first, ").bind(Bind::Date(Some(to))).sql("::date AS last, ");
    out.sql(
        "coalesce(nullif((SELECT (r.summary ->> 'typicalGapDays')::double precision FROM value_runs r \
         WHERE r.status = 'DONE' AND NOT r.is_history AND r.tenant_id = ",
    );
    out.bind(tenant()).sql(" ORDER BY r.finished_at DESC, r.id DESC LIMIT 1), 0), ").sql(PEER_GAP);
    out.sql(") AS peers, coalesce((SELECT m.default_margin FROM value_models m WHERE m.status = 'PUBLISHED'");
    out.sql(" AND m.tenant_id = ").bind(tenant()).sql("), ").sql(DEFAULT_MARGIN).sql(") AS percent");
    out
}

/// Who of the customers of one day was lost by another, by number and by value. Both days are judged by what was known on
/// them: by orders until then, by contracts, and by losses confirmed for days until then.
pub fn churn(conn: &mut PgConnection, cx: &Cx, period: &Period) -> Result<Value> {
    let (from, to) = period.days(cx)?;
    cx.require(cx.entry(Lifecycle::NAME)?, Action::Read)?;
    let accounts = cx.entry(ACCOUNTS)?;
    let scope = cx.require(accounts, Action::Read)?;
    let mut out = Statement::new("WITH c AS (");
    out.append(common(cx, (from, to)));
    out.sql(
        "), d AS (SELECT d.account_id, d.day, d.uncosted, \
         d.net - d.uncosted - d.cost + d.uncosted * c.percent * 0.01 AS margin, \
         CASE WHEN d.orders > 0 THEN d.day END AS bought, CASE WHEN d.orders > 0 THEN d.day - lag(d.day) OVER \
         (PARTITION BY d.account_id, d.orders > 0 ORDER BY d.day) END AS gap FROM c CROSS JOIN customer_days d \
         JOIN accounts a ON a.tenant_id = d.tenant_id AND a.id = d.account_id WHERE d.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND d.day <= ").bind(Bind::Date(Some(to)));
    Condition::new(cx, false).scope(accounts, "a", scope, &mut out);
    out.sql(format!(
        "), g AS (SELECT d.account_id, max(bought) FILTER (WHERE day <= c.first) AS was, max(bought) AS now, \
         {} AS was_gap, {} AS now_gap, \
         coalesce(sum(margin) FILTER (WHERE day <= c.first AND day > c.first - 365), 0) AS margin, \
         coalesce(sum(uncosted) FILTER (WHERE day <= c.first AND day > c.first - 365), 0) AS uncosted \
         FROM d, c GROUP BY d.account_id, c.peers), ",
        typical("day <= c.first"),
        typical("TRUE"),
    ));
    contracts(&mut out, cx, accounts, scope)?;
    // Who has a contract is a customer until its grace is over, whatever the orders say.
    out.sql(
        "s AS (SELECT CASE WHEN g.was IS NULL THEN k.margin ELSE g.margin END AS margin, \
         CASE WHEN g.was IS NULL THEN k.margin ELSE g.uncosted END AS uncosted, \
         (NOT coalesce(k.now, false) AND coalesce(c.last - g.now >= greatest(90, 2 * g.now_gap), true)) OR EXISTS (SELECT FROM \
         churn_events e WHERE e.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(
        " AND e.account_id = u.account_id AND e.status = 'CONFIRMED' AND e.archived_at IS NULL AND e.occurred_on > c.first \
         AND e.occurred_on <= c.last AND e.occurred_on >= coalesce(g.now, e.occurred_on)) AS lost FROM c CROSS JOIN \
         (SELECT account_id FROM g UNION SELECT account_id FROM k) u LEFT JOIN g ON g.account_id = u.account_id \
         LEFT JOIN k ON k.account_id = u.account_id \
         WHERE (coalesce(k.was, false) OR coalesce(c.first - g.was < greatest(90, 2 * g.was_gap), false)) \
         AND NOT EXISTS (SELECT FROM churn_events e WHERE e.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(
        " AND e.account_id = u.account_id AND e.status = 'CONFIRMED' AND e.archived_at IS NULL AND e.occurred_on <= c.first \
         AND e.occurred_on >= coalesce(greatest(g.was, k.begun), e.occurred_on))) SELECT count(*), count(*) FILTER (WHERE lost), \
         coalesce(sum(margin), 0), coalesce(sum(margin) FILTER (WHERE lost), 0), coalesce(sum(uncosted), 0) FROM s",
    );
    type Sql = (st::BigInt, st::BigInt, st::Numeric, st::Numeric, st::Numeric);
    let found: (i64, i64, Decimal, Decimal, Decimal) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
    Ok(churned(cx, (from, to), found))
}

/// `k AS (…), `: of accounts with contracts, whether one ran on each of the days or was in its grace, when the last began, and what
/// those of the first day bring a year, by the default margin.
fn contracts(out: &mut Statement, cx: &Cx, accounts: &Entry, scope: RowScope) -> Result<()> {
    let tenant = || Bind::Uuid(Some(cx.tenant));
    let runs = |day: &str, grace: &str| {
        format!("t.started_on <= {day} AND (o.over_on IS NULL OR o.over_on + {grace} > {day})")
    };
    out.sql(format!(
        "k AS (SELECT t.account_id, max(t.started_on) FILTER (WHERE t.started_on <= c.first) AS begun, bool_or({}) AS was, \
         bool_or({}) AS now, coalesce(sum(x.amount * 12 / every.months * c.percent * 0.01) FILTER (WHERE {}), 0) AS margin \
         FROM c CROSS JOIN subscriptions t JOIN accounts a ON a.tenant_id = t.tenant_id AND a.id = t.account_id CROSS JOIN LATERAL \
         (SELECT coalesce((SELECT y.grace_days FROM lifecycle_policies y WHERE y.status = 'PUBLISHED' AND y.tenant_id = ",
        runs("c.first", "grace.days"),
        runs("c.last", "grace.days"),
        runs("c.first", "0"),
    ));
    out.bind(tenant())
        .sql("), 30) AS days) grace CROSS JOIN LATERAL (SELECT ")
        .sql(PERIOD_MONTHS)
        .sql(" AS months) every ");
    out.sql("CROSS JOIN LATERAL (SELECT coalesce(t.ended_on, CASE t.status WHEN 'CANCELLED' THEN ").sql(PAID_UNTIL);
    out.sql(" END) AS over_on) o");
    metric::convert(out, ["t.amount_amount", "t.amount_currency", "c.first"], cx.currency);
    out.sql(" WHERE t.tenant_id = ").bind(tenant());
    out.sql(" AND t.archived_at IS NULL AND t.status <> 'TRIAL' AND t.started_on <= c.last");
    Condition::new(cx, false).scope(accounts, "a", scope, out);
    out.sql(" GROUP BY t.account_id), ");
    Ok(())
}

/// SQL of a customer's typical gap: the median of the own gaps, drawn to that of the peers, which counts as three.
fn typical(when: &str) -> String {
    format!(
        "(count(gap) FILTER (WHERE {when}) * coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) \
         FILTER (WHERE gap IS NOT NULL AND {when}), 0) + 3 * c.peers) / (count(gap) FILTER (WHERE {when}) + 3)"
    )
}

fn churned(
    cx: &Cx,
    (from, to): (NaiveDate, NaiveDate),
    (active, lost, margin, margin_lost, uncosted): (i64, i64, Decimal, Decimal, Decimal),
) -> Value {
    let rate = (active > 0).then(|| (Decimal::from(lost) / Decimal::from(active)).round_dp(4));
    // A share of what is no gain says nothing.
    let by_value = (margin > Decimal::ZERO).then(|| (margin_lost / margin).round_dp(4));
    let text = |number: Option<Decimal>| number.map(|number| number.normalize().to_string());
    let money = |amount: Decimal| amount.round_dp(4).normalize().to_string();
    let rest = |rate: Option<Decimal>| text(rate.map(|rate| Decimal::ONE - rate));
    json!({
        "from": from, "to": to, "activeAtStart": active, "lost": lost,
        "churnRate": text(rate), "retentionRate": rest(rate), "currency": cx.currency.code(),
        "marginAtStart": money(margin), "marginLost": money(margin_lost),
        "valueChurnRate": text(by_value), "valueRetentionRate": rest(by_value),
        "state": if active == 0 { "INSUFFICIENT_DATA" } else if uncosted.is_zero() { "OK" } else { "PARTIAL" },
    })
}

/// What campaigns to keep customers achieved: who of the treated bought during the plan, and who of those left alone.
pub fn uplift(conn: &mut PgConnection, cx: &Cx, campaign: Option<&str>) -> Result<Value> {
    let entry = cx.entry(RetentionPlan::NAME)?;
    let scope = cx.require(entry, Action::Read)?;
    let today = cx.today();
    let mut out = Statement::new(
        "SELECT p.campaign, count(*) FILTER (WHERE NOT p.is_control), count(*) FILTER (WHERE NOT p.is_control AND p.kept), \
         count(*) FILTER (WHERE p.is_control), count(*) FILTER (WHERE p.is_control AND p.kept) FROM (SELECT p.campaign, \
         p.is_control, EXISTS (SELECT FROM customer_days d WHERE d.tenant_id = p.tenant_id AND d.account_id = p.account_id \
         AND d.orders > 0 AND d.day BETWEEN p.starts_on AND p.ends_on) OR EXISTS (SELECT FROM subscriptions t WHERE \
         t.tenant_id = p.tenant_id AND t.account_id = p.account_id AND t.archived_at IS NULL AND t.status IN ('ACTIVE', 'PAST_DUE') \
         AND t.started_on <= p.ends_on) AS kept FROM retention_plans p \
         WHERE p.status <> 'ABANDONED' AND p.archived_at IS NULL AND p.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND p.ends_on < ").bind(Bind::Date(Some(today)));
    if let Some(campaign) = campaign {
        out.sql(" AND p.campaign = ").bind(Bind::Text(Some(campaign.to_owned())));
    }
    Condition::new(cx, false).scope(entry, "p", scope, &mut out);
    out.sql(") p GROUP BY p.campaign ORDER BY p.campaign");
    type Sql = (st::Text, st::BigInt, st::BigInt, st::BigInt, st::BigInt);
    let found: Vec<(String, i64, i64, i64, i64)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let rows = found.into_iter().map(|(campaign, treated, kept, alone, stayed)| {
        let group = |n: i64, kept: i64| json!({"customers": n, "kept": kept, "rate": share(real(kept), real(n))});
        let interval = difference((real(kept), real(treated)), (real(stayed), real(alone)));
        json!({
            "campaign": campaign, "treated": group(treated, kept), "control": group(alone, stayed),
            "uplift": interval.map(|all| all.0), "low": interval.map(|all| all.1), "high": interval.map(|all| all.2),
        })
    });
    Ok(json!({"rows": rows.collect::<Vec<_>>()}))
}

/// The difference of two shares with its 95 % interval (Agresti & Caffo 2000: one more of each outcome in each group keeps it
/// honest for small groups); none without both groups.
fn difference(a: (f64, f64), b: (f64, f64)) -> Option<(f64, f64, f64)> {
    if a.1 <= 0.0 || b.1 <= 0.0 {
        return None;
    }
    let share = |(kept, n): (f64, f64)| ((kept + 1.0) / (n + 2.0), n + 2.0);
    let ((p, m), (q, n)) = (share(a), share(b));
    let reach = 1.959_964 * (p * (1.0 - p) / m + q * (1.0 - q) / n).sqrt();
    let rounded = |x: f64| (x * 10_000.0).round() / 10_000.0;
    Some((rounded(a.0 / a.1 - b.0 / b.1), rounded((p - q - reach).max(-1.0)), rounded((p - q + reach).min(1.0))))
}
