//! What is read of a page of accounts: a statement for each source, however many accounts.

use super::driver::Bonds;
use super::evidence::LoyaltyEvidenceKind;
use super::layer::Answer;
use super::sign::LoyaltySign;
use crate::value::clv::ValueState;
use crate::value::number::real;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::Group;
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use std::collections::HashMap;
use uuid::Uuid;

/// What touches of a customer weigh, by the trouble that it takes them.
pub(super) const TOUCH: &str =
    "CASE t.channel WHEN 'VISIT' THEN 3 WHEN 'MEETING' THEN 3 WHEN 'PHONE' THEN 2 WHEN 'CHAT' THEN 2 ELSE 1 END";
/// What a referral weighs.
pub(super) const REFERRAL: f64 = 5.0;

/// What was read of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Inputs {
    /// Weighted touches that it began within 180 days, and how many.
    pub touch_weight: f64,
    pub touches: i64,
    /// Number and mean of the tones of a year.
    pub tones: (i64, f64),
    /// Members whom it brought within 180 days.
    pub referrals: i64,
    /// Opportunities won within two years, and the median of the days they took.
    pub decisions: (i64, Option<f64>),
    /// Opportunities closed within a year, those lost, and those lost to a competitor.
    pub closed: (i64, i64, i64),
    /// What binds it.
    pub bonds: Bonds,
    /// Where the relationship stands.
    pub stage: Option<String>,
    /// Answers of a year, oldest first.
    pub answers: Vec<Answer>,
    /// Signs as other systems measured them, the last ones first.
    pub given: Vec<Given>,
}

/// A sign as another system measured it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given {
    pub kind: LoyaltySign,
    pub system: String,
    pub raw: Option<f64>,
    pub points: Option<Decimal>,
    pub window_days: i32,
    pub observed_on: NaiveDate,
    pub evidence: Option<String>,
    pub state: ValueState,
}

/// The tenant, the last day, the moment after it, and the first moments of windows of half a year, one and two years.
pub(super) fn window(out: &mut Statement, cx: &Cx, as_of: NaiveDate) {
    out.sql("w AS (SELECT n.tenant_id AS tenant, n.last, (n.last + 1)::timestamp AT TIME ZONE n.time_zone AS until, ");
    for (days, name) in [(179, "half"), (364, "year"), (729, "two_years")] {
        out.sql(format!("(n.last - {days})::timestamp AT TIME ZONE n.time_zone AS {name}, "));
    }
    out.sql("n.last - 365 AS before FROM (SELECT tenant_id, time_zone, ").bind(Bind::Date(Some(as_of)));
    out.sql("::date AS last FROM tenants WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql(") n) ");
}

/// Whose inputs are read, and as of which day.
struct Source<'a> {
    cx: &'a Cx,
    group: &'a Group,
    as_of: NaiveDate,
}

/// Reads it. Accounts of which nothing is known are left out.
pub(super) fn read(conn: &mut PgConnection, cx: &Cx, group: &Group, as_of: NaiveDate) -> Result<HashMap<Uuid, Inputs>> {
    let source = Source { cx, group, as_of };
    let mut all = HashMap::new();
    source.touches(conn, &mut all)?;
    source.referrals(conn, &mut all)?;
    source.decisions(conn, &mut all)?;
    source.promises(conn, &mut all)?;
    source.contracts(conn, &mut all)?;
    source.stages(conn, &mut all)?;
    source.answers(conn, &mut all)?;
    source.given(conn, &mut all)?;
    Ok(all)
}

type All = HashMap<Uuid, Inputs>;
type Real = st::Nullable<st::Double>;

impl Source<'_> {
    fn tenant(&self) -> Bind {
        Bind::Uuid(Some(self.cx.tenant))
    }

    fn last(&self) -> Bind {
        Bind::Date(Some(self.as_of))
    }

    /// `WITH w`, what is selected, and the condition that `t` is of the tenant and `column` of the group.
    fn from(&self, what: &str, column: &str) -> Statement {
        let mut out = Statement::new("WITH ");
        window(&mut out, self.cx, self.as_of);
        out.sql(what.to_owned()).sql(" WHERE t.tenant_id = ").bind(self.tenant()).sql(" AND ");
        self.group.limit(&mut out, column);
        out.sql(" AND t.archived_at IS NULL");
        out
    }

    fn touches(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let begun = "FILTER (WHERE t.direction = 'INBOUND' AND t.occurred_at >= w.half)";
        let what = format!(
            "SELECT t.account_id, coalesce(sum({TOUCH}) {begun}, 0)::float8, count(*) {begun}, count(t.sentiment), \
             coalesce(avg(t.sentiment), 0)::float8 FROM interactions t CROSS JOIN w"
        );
        let mut out = self.from(&what, "t.account_id");
        out.sql(" AND t.occurred_at >= w.year AND t.occurred_at < w.until GROUP BY t.account_id");
        type Row = (Uuid, f64, i64, i64, f64);
        let rows: Vec<Row> =
            RunQueryDsl::load(out.typed::<(st::Uuid, st::Double, st::BigInt, st::BigInt, st::Double)>(), conn)?;
        for (account, weight, begun, tones, tone) in rows {
            let one = all.entry(account).or_default();
            (one.touch_weight, one.touches, one.tones) = (weight, begun, (tones, tone));
        }
        Ok(())
    }

    fn referrals(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let what = "SELECT m.account_id, count(*) FROM loyalty_memberships m JOIN referrals t ON t.tenant_id = m.tenant_id \
             AND t.referrer_membership_id = m.id CROSS JOIN w";
        let mut out = self.from(what, "m.account_id");
        out.sql(" AND m.tenant_id = ").bind(self.tenant());
        out.sql(
            " AND t.status <> 'REJECTED' AND t.created_at >= w.half AND t.created_at < w.until GROUP BY m.account_id",
        );
        let rows: Vec<(Uuid, i64)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::BigInt)>(), conn)?;
        rows.into_iter().for_each(|(account, referrals)| all.entry(account).or_default().referrals = referrals);
        Ok(())
    }

    fn decisions(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let what = "SELECT t.account_id, count(*) FILTER (WHERE t.status = 'WON'), percentile_cont(0.5) WITHIN GROUP \
             (ORDER BY extract(epoch FROM t.closed_at - t.opened_at)::float8 / 86400) FILTER (WHERE t.status = 'WON'), \
             count(*) FILTER (WHERE t.closed_at >= w.year), count(*) FILTER (WHERE t.closed_at >= w.year AND t.status = 'LOST'), \
             count(*) FILTER (WHERE t.closed_at >= w.year AND t.status = 'LOST' AND t.competitor_id IS NOT NULL) \
             FROM opportunities t CROSS JOIN w";
        let mut out = self.from(what, "t.account_id");
        out.sql(" AND t.closed_at >= w.two_years AND t.closed_at < w.until GROUP BY t.account_id");
        type Row = (Uuid, i64, Option<f64>, i64, i64, i64);
        type Sql = (st::Uuid, st::BigInt, Real, st::BigInt, st::BigInt, st::BigInt);
        let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        for (account, won, days, closed, lost, rival) in rows {
            let one = all.entry(account).or_default();
            (one.decisions, one.closed) = ((won, days), (closed, lost, rival));
        }
        Ok(())
    }

    /// Deliveries in time, and invoices that were right.
    fn promises(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let what = "SELECT t.account_id, count(*), count(*) FILTER (WHERE h.delivered_at <= h.promised_at AND h.status <> 'LOST') \
             FROM orders t JOIN shipments h ON h.tenant_id = t.tenant_id AND h.order_id = t.id CROSS JOIN w";
        let mut out = self.from(what, "t.account_id");
        out.sql(" AND t.status <> 'CANCELLED' AND h.archived_at IS NULL AND h.promised_at >= w.year");
        // What is promised for later today is not broken yet.
        out.sql(" AND h.promised_at < w.until AND h.promised_at <= ").bind(Bind::Time(Some(self.cx.now)));
        out.sql(" GROUP BY t.account_id");
        let rows: Vec<(Uuid, i64, i64)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::BigInt, st::BigInt)>(), conn)?;
        rows.into_iter()
            .for_each(|(account, due, kept)| all.entry(account).or_default().bonds.deliveries = (due, kept));
        let what = "SELECT t.account_id, count(*), count(*) FILTER (WHERE t.is_void) FROM invoices t CROSS JOIN w";
        let mut out = self.from(what, "t.account_id");
        out.sql(" AND t.issued_on <= w.last AND t.issued_on > w.before GROUP BY t.account_id");
        let rows: Vec<(Uuid, i64, i64)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::BigInt, st::BigInt)>(), conn)?;
        rows.into_iter()
            .for_each(|(account, all_of, void)| all.entry(account).or_default().bonds.invoices = (all_of, void));
        Ok(())
    }

    /// How long contracts bind them, and how many products they have.
    fn contracts(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let what = "SELECT t.account_id, (max(greatest(t.current_period_end - w.last, 0)) / 30.4375)::float8 \
             FROM subscriptions t CROSS JOIN w";
        let running = " AND t.status IN ('ACTIVE', 'PAST_DUE') AND t.started_on <= w.last";
        let mut out = self.from(what, "t.account_id");
        out.sql(running).sql(" GROUP BY t.account_id");
        let rows: Vec<(Uuid, Option<f64>)> = RunQueryDsl::load(out.typed::<(st::Uuid, Real)>(), conn)?;
        rows.into_iter().for_each(|(account, months)| all.entry(account).or_default().bonds.contract_months = months);
        let mut out = Statement::new("WITH ");
        window(&mut out, self.cx, self.as_of);
        out.sql(
            "SELECT p.account_id, count(DISTINCT p.product_id) FROM (SELECT t.account_id, t.product_id FROM customer_products t \
             CROSS JOIN w WHERE t.tenant_id = ",
        );
        out.bind(self.tenant()).sql(" AND ");
        self.group.limit(&mut out, "t.account_id");
        out.sql(
            " AND t.first_on <= w.last AND t.last_on > w.before UNION ALL SELECT t.account_id, t.product_id \
             FROM subscriptions t CROSS JOIN w WHERE t.tenant_id = ",
        );
        out.bind(self.tenant()).sql(" AND ");
        self.group.limit(&mut out, "t.account_id");
        out.sql(" AND t.archived_at IS NULL").sql(running).sql(") p GROUP BY p.account_id");
        let rows: Vec<(Uuid, i64)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::BigInt)>(), conn)?;
        rows.into_iter().for_each(|(account, products)| all.entry(account).or_default().bonds.products = products);
        Ok(())
    }

    fn stages(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let mut out = Statement::new("SELECT t.id, t.stage FROM lifecycles t WHERE t.tenant_id = ");
        out.bind(self.tenant()).sql(" AND ");
        self.group.limit(&mut out, "t.id");
        out.sql(" AND t.archived_at IS NULL");
        let rows: Vec<(Uuid, String)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Text)>(), conn)?;
        rows.into_iter().for_each(|(account, stage)| all.entry(account).or_default().stage = Some(stage));
        Ok(())
    }

    /// What others say of them up to the day.
    fn said(&self, what: &str, column: &str) -> Statement {
        let mut out = Statement::new(format!("SELECT {what} t WHERE t.tenant_id = "));
        out.bind(self.tenant()).sql(" AND ");
        self.group.limit(&mut out, "t.account_id");
        out.sql(format!(" AND t.archived_at IS NULL AND t.{column} <= ")).bind(self.last());
        out
    }

    fn answers(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let mut out = self.said("t.account_id, t.kind, t.value, t.answered_on FROM loyalty_evidence", "answered_on");
        out.sql(" AND t.answered_on > ").bind(self.last()).sql("::date - 365 ORDER BY t.answered_on, t.id");
        type Found = (Uuid, String, Decimal, NaiveDate);
        let rows: Vec<Found> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Text, st::Numeric, st::Date)>(), conn)?;
        for (account, kind, value, on) in rows {
            if let Some(kind) = LoyaltyEvidenceKind::from_text(&kind) {
                all.entry(account).or_default().answers.push(Answer { kind, value: real(value), on });
            }
        }
        Ok(())
    }

    fn given(&self, conn: &mut PgConnection, all: &mut All) -> Result<()> {
        let mut out = self.said(
        "t.account_id, t.kind, t.system, t.raw, t.normalized, t.window_days, t.observed_on, t.evidence, t.state FROM loyalty_indicators",
        "observed_on",
    );
        out.sql(" ORDER BY t.observed_on DESC, t.id DESC");
        type Found = (Uuid, String, String, Option<Decimal>, Option<Decimal>, i32, NaiveDate, Option<String>, String);
        type Typed = (
            st::Uuid,
            st::Text,
            st::Text,
            st::Nullable<st::Numeric>,
            st::Nullable<st::Numeric>,
            st::Integer,
            st::Date,
            st::Nullable<st::Text>,
            st::Text,
        );
        let rows: Vec<Found> = RunQueryDsl::load(out.typed::<Typed>(), conn)?;
        for (account, kind, system, raw, points, window_days, observed_on, evidence, state) in rows {
            let known = LoyaltySign::from_text(&kind).zip(ValueState::from_text(&state));
            if let Some((kind, state)) = known {
                let (raw, one) = (raw.map(real), all.entry(account).or_default());
                one.given.push(Given { kind, system, raw, points, window_days, observed_on, evidence, state });
            }
        }
        Ok(())
    }
}
