//! What customers are like whom a customer is compared with: learned once a run from all of them, used until the next.

use super::inputs::{TOUCH, window};
use super::sign::LoyaltySign;
use crate::value::number::real;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Customers of an age that tell what is usual at that age.
const LEAST: i64 = 20;
/// Days since the first purchase at which the next age begins.
const AGES: [i32; 5] = [30, 90, 180, 365, 730];

/// What is usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Peers {
    /// Mean repeat purchases of a year, by age; none where few customers have it.
    pub repeats: Vec<Option<f64>>,
    /// Repeat purchases a day of all customers older than a month.
    pub repeat_rate: Option<f64>,
    /// Per cent of a year's bookings that was bought at a discount.
    pub discounted: Option<f64>,
    /// Whether any channel is connected: somebody once called or wrote.
    pub is_connected: bool,
    /// Weighted touches a month of a customer.
    pub touches: Option<f64>,
    /// Median days from the beginning of an opportunity to its win.
    pub days_to_win: Option<f64>,
    /// Mean of the share of need that the last run found.
    pub share_of_need: Option<f64>,
    /// Mean stance on competitors of those who closed.
    pub stance: Option<f64>,
    /// Mean of what was said of products, from 1 to 5.
    pub approval: Option<f64>,
    /// Mean of the intentions, from 1 to 5.
    pub intention: Option<f64>,
    /// Mean points that other systems give, by sign.
    pub given: BTreeMap<String, f64>,
}

impl Peers {
    /// Learns it from all customers.
    pub fn learn(conn: &mut PgConnection, cx: &Cx, as_of: NaiveDate) -> Result<Peers> {
        let mut peers = Peers { given: given(conn, cx, as_of)?, ..Peers::default() };
        let customers = peers.bought(conn, cx, as_of)?;
        peers.others(conn, cx, as_of, customers)?;
        Ok(peers)
    }

    /// Repeat purchases that customers of an age make within a year.
    pub fn expected(&self, age: i32) -> Option<f64> {
        let at = AGES.iter().filter(|from| age >= **from).count();
        let pooled = self.repeat_rate.map(|rate| rate * f64::from(age.min(365)));
        self.repeats.get(at).copied().flatten().or(pooled).filter(|expected| *expected > 0.0)
    }

    /// Mean points that other systems give for a sign.
    pub(super) fn given(&self, sign: LoyaltySign) -> Option<f64> {
        self.given.get(sign.as_str()).copied()
    }

    /// Repeats and discounts; how many customers there are.
    fn bought(&mut self, conn: &mut PgConnection, cx: &Cx, as_of: NaiveDate) -> Result<i64> {
        let mut out = Statement::new("WITH ");
        window(&mut out, cx, as_of);
        out.sql(
            ", c AS (SELECT min(d.day) FILTER (WHERE d.orders > 0) AS first, count(*) FILTER (WHERE d.orders > 0 AND d.day > w.before) AS days, \
             sum(d.booked) FILTER (WHERE d.day > w.before) AS booked, sum(d.discounted) FILTER (WHERE d.day > w.before) AS discounted \
             FROM w JOIN customer_days d ON d.tenant_id = w.tenant AND d.day <= w.last GROUP BY d.account_id) \
             SELECT width_bucket(w.last - c.first, ARRAY[30, 90, 180, 365, 730]), count(*), \
             coalesce(sum(c.days - CASE WHEN c.first > w.before THEN 1 ELSE 0 END), 0)::float8, coalesce(sum(least(w.last - c.first, 365)), 0)::float8, \
             coalesce(sum(c.booked), 0), coalesce(sum(c.discounted), 0) FROM w CROSS JOIN c WHERE c.first IS NOT NULL GROUP BY 1",
        );
        type Row = (i32, i64, f64, f64, Decimal, Decimal);
        type Sql = (st::Integer, st::BigInt, st::Double, st::Double, st::Numeric, st::Numeric);
        let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        self.repeats = vec![None; AGES.len() + 1];
        let (mut customers, mut repeats, mut days) = (0_i64, 0.0, 0.0);
        let (mut booked, mut discounted) = (Decimal::ZERO, Decimal::ZERO);
        for (age, count, of_age, exposed, all, cheaper) in rows {
            customers = customers.saturating_add(count);
            booked += all;
            discounted += cheaper;
            if let Some(slot) = usize::try_from(age).ok().and_then(|age| self.repeats.get_mut(age)) {
                *slot = (count >= LEAST).then(|| of_age / real(Decimal::from(count)));
            }
            if age > 0 {
                repeats += of_age;
                days += exposed;
            }
        }
        self.repeat_rate = (days > 0.0).then(|| repeats / days);
        self.discounted = discounted.checked_div(booked).map(|share| 100.0 * real(share));
        Ok(customers)
    }

    /// What has nothing to do with orders.
    fn others(&mut self, conn: &mut PgConnection, cx: &Cx, as_of: NaiveDate, customers: i64) -> Result<()> {
        let mut out = Statement::new("WITH ");
        window(&mut out, cx, as_of);
        out.sql(
            "SELECT EXISTS (SELECT FROM interactions i WHERE i.tenant_id = w.tenant AND i.direction = 'INBOUND' AND i.archived_at IS NULL AND i.occurred_at < w.until), ",
        );
        out.sql(format!(
            "(SELECT sum({TOUCH}) FROM interactions t WHERE t.tenant_id = w.tenant AND t.direction = 'INBOUND' AND t.archived_at IS NULL \
             AND t.occurred_at >= w.half AND t.occurred_at < w.until \
             AND EXISTS (SELECT FROM customer_days d WHERE d.tenant_id = w.tenant AND d.account_id = t.account_id AND d.day <= w.last))::float8, "
        ));
        out.sql(OTHERS);
        type Row = (bool, Option<f64>, Option<f64>, Option<f64>, Option<f64>, Option<f64>, Option<f64>);
        type Real = st::Nullable<st::Double>;
        let (connected, touches, days, share, stance, approval, intention): Row =
            RunQueryDsl::get_result(out.typed::<(st::Bool, Real, Real, Real, Real, Real, Real)>(), conn)?;
        self.is_connected = connected;
        // Six months.
        let monthly = || touches.unwrap_or_default() / real(Decimal::from(customers)) / 6.0;
        self.touches = (connected && customers > 0).then(monthly);
        (self.days_to_win, self.share_of_need, self.stance) = (days, share, stance);
        (self.approval, self.intention) = (approval, intention);
        Ok(())
    }
}

const OTHERS: &str = "(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM o.closed_at - o.opened_at)::float8 / 86400) \
     FROM opportunities o WHERE o.tenant_id = w.tenant AND o.status = 'WON' AND o.account_id IS NOT NULL AND o.archived_at IS NULL \
     AND o.closed_at >= w.two_years AND o.closed_at < w.until), \
     (SELECT avg(v.share_of_wallet)::float8 FROM value_profiles v WHERE v.tenant_id = w.tenant AND v.archived_at IS NULL), \
     (SELECT avg(x.stance)::float8 FROM (SELECT 1 - 2 * coalesce(count(*) FILTER (WHERE o.status = 'LOST' AND o.competitor_id IS NOT NULL)::numeric \
     / nullif(count(*) FILTER (WHERE o.status = 'LOST'), 0), 0) AS stance FROM opportunities o WHERE o.tenant_id = w.tenant \
     AND o.account_id IS NOT NULL AND o.archived_at IS NULL AND o.closed_at >= w.year AND o.closed_at < w.until GROUP BY o.account_id) x), \
     (SELECT avg(CASE e.kind WHEN 'RECOMMENDATION' THEN 1 + 0.4 * e.value ELSE e.value END)::float8 FROM loyalty_evidence e WHERE e.tenant_id = w.tenant \
     AND e.archived_at IS NULL AND e.kind IN ('SATISFACTION', 'QUALITY_ANSWER', 'RECOMMENDATION') AND e.answered_on <= w.last AND e.answered_on > w.before), \
     (SELECT avg(e.value)::float8 FROM loyalty_evidence e WHERE e.tenant_id = w.tenant AND e.archived_at IS NULL AND e.kind = 'INTENTION' \
     AND e.answered_on <= w.last AND e.answered_on > w.before) FROM w";

fn given(conn: &mut PgConnection, cx: &Cx, as_of: NaiveDate) -> Result<BTreeMap<String, f64>> {
    let mut out =
        Statement::new("SELECT t.kind, avg(t.normalized)::float8 FROM loyalty_indicators t WHERE t.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)))
        .sql(" AND t.archived_at IS NULL AND t.normalized IS NOT NULL AND t.observed_on <= ");
    out.bind(Bind::Date(Some(as_of))).sql(" AND t.observed_on > ").bind(Bind::Date(Some(as_of)));
    out.sql("::date - t.window_days GROUP BY t.kind");
    Ok(RunQueryDsl::load::<(String, f64)>(out.typed::<(st::Text, st::Double)>(), conn)?.into_iter().collect())
}
