//! What is read of a page of accounts: three statements, however many accounts.

use super::driver::Bonds;
use super::evidence::LoyaltyEvidenceKind;
use super::layer::Answer;
use super::sign::LoyaltySign;
use crate::value::clv::ValueState;
use crate::value::number::real;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use std::collections::HashMap;
use uuid::Uuid;

/// What touches of a customer weigh, by the trouble that it takes them.
pub(super) const TOUCH: &str =
    "CASE i.channel WHEN 'VISIT' THEN 3 WHEN 'MEETING' THEN 3 WHEN 'PHONE' THEN 2 WHEN 'CHAT' THEN 2 ELSE 1 END";
/// What a referral weighs.
pub(super) const REFERRAL: f64 = 5.0;

/// What was read of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Inputs {
    /// Order lines of a year, what was booked, and the part of it that was bought at a discount.
    pub lines: i64,
    pub booked: Decimal,
    pub discounted: Decimal,
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

type Row = (
    Uuid,
    (i64, Decimal, Decimal),
    (f64, i64, i64, f64, i64),
    (i64, Option<f64>, i64, i64, i64),
    (i64, i64, i64, i64),
    (Option<f64>, i64, Option<String>),
);
type Sql = (
    st::Uuid,
    (st::BigInt, st::Numeric, st::Numeric),
    (st::Double, st::BigInt, st::BigInt, st::Double, st::BigInt),
    (st::BigInt, st::Nullable<st::Double>, st::BigInt, st::BigInt, st::BigInt),
    (st::BigInt, st::BigInt, st::BigInt, st::BigInt),
    (st::Nullable<st::Double>, st::BigInt, st::Nullable<st::Text>),
);

/// The tenant, the last day, the moment after it, and the first moments of windows of half a year, one and two years.
pub(super) fn window(out: &mut Statement, cx: &Cx, as_of: NaiveDate) {
    out.sql("w AS (SELECT n.tenant_id AS tenant, n.last, (n.last + 1)::timestamp AT TIME ZONE n.time_zone AS until, ");
    for (days, name) in [(179, "half"), (364, "year"), (729, "two_years")] {
        out.sql(format!("(n.last - {days})::timestamp AT TIME ZONE n.time_zone AS {name}, "));
    }
    out.sql("n.last - 365 AS before FROM (SELECT tenant_id, time_zone, ").bind(Bind::Date(Some(as_of)));
    out.sql("::date AS last FROM tenants WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql(") n) ");
}

const COLUMNS: &str = "SELECT page.id, coalesce(d.lines, 0), coalesce(d.booked, 0), coalesce(d.discounted, 0), \
     coalesce(i.weight, 0)::float8, i.begun, i.tones, coalesce(i.tone, 0)::float8, r.referrals, \
     o.won, o.days, o.closed, o.lost, o.rival, s.due, s.kept, v.invoices, v.void, \
     b.months::float8, (SELECT count(DISTINCT x.id) FROM unnest(b.products || p.products) AS x(id) WHERE x.id IS NOT NULL), \
     (SELECT l.stage FROM lifecycles l WHERE l.tenant_id = w.tenant AND l.id = page.id AND l.archived_at IS NULL) \
     FROM page CROSS JOIN w ";
const BOUGHT: &str = "LEFT JOIN LATERAL (SELECT sum(d.lines) AS lines, sum(d.booked) AS booked, sum(d.discounted) AS discounted \
     FROM customer_days d WHERE d.tenant_id = w.tenant AND d.account_id = page.id AND d.day <= w.last AND d.day > w.before) d ON true ";
const REFERRED: &str = "LEFT JOIN LATERAL (SELECT count(*) AS referrals FROM loyalty_memberships m JOIN referrals f \
     ON f.tenant_id = m.tenant_id AND f.referrer_membership_id = m.id WHERE m.tenant_id = w.tenant AND m.account_id = page.id \
     AND f.archived_at IS NULL AND f.status <> 'REJECTED' AND f.created_at >= w.half AND f.created_at < w.until) r ON true ";
const DECIDED: &str = "LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE c.status = 'WON') AS won, \
     percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM c.closed_at - c.opened_at)::float8 / 86400) FILTER (WHERE c.status = 'WON') AS days, \
     count(*) FILTER (WHERE c.closed_at >= w.year) AS closed, count(*) FILTER (WHERE c.closed_at >= w.year AND c.status = 'LOST') AS lost, \
     count(*) FILTER (WHERE c.closed_at >= w.year AND c.status = 'LOST' AND c.competitor_id IS NOT NULL) AS rival \
     FROM opportunities c WHERE c.tenant_id = w.tenant AND c.account_id = page.id AND c.archived_at IS NULL \
     AND c.closed_at >= w.two_years AND c.closed_at < w.until) o ON true ";
const PROMISED: &str = "LEFT JOIN LATERAL (SELECT count(*) AS due, count(*) FILTER (WHERE h.delivered_at <= h.promised_at AND h.status <> 'LOST') AS kept \
     FROM orders q JOIN shipments h ON h.tenant_id = q.tenant_id AND h.order_id = q.id WHERE q.tenant_id = w.tenant \
     AND q.account_id = page.id AND q.archived_at IS NULL AND h.archived_at IS NULL AND h.promised_at >= w.year AND h.promised_at < w.until) s ON true \
     LEFT JOIN LATERAL (SELECT count(*) AS invoices, count(*) FILTER (WHERE k.is_void) AS void FROM invoices k \
     WHERE k.tenant_id = w.tenant AND k.account_id = page.id AND k.archived_at IS NULL AND k.issued_on <= w.last AND k.issued_on > w.before) v ON true ";
const BOUND: &str = "LEFT JOIN LATERAL (SELECT max(greatest(u.current_period_end - w.last, 0)) / 30.4375 AS months, array_agg(u.product_id) AS products \
     FROM subscriptions u WHERE u.tenant_id = w.tenant AND u.account_id = page.id AND u.archived_at IS NULL \
     AND u.status IN ('ACTIVE', 'PAST_DUE') AND u.started_on <= w.last) b ON true \
     LEFT JOIN LATERAL (SELECT array_agg(z.product_id) AS products FROM customer_products z WHERE z.tenant_id = w.tenant \
     AND z.account_id = page.id AND z.first_on <= w.last AND z.last_on > w.before) p ON true";

/// Reads it.
pub(super) fn read(
    conn: &mut PgConnection,
    cx: &Cx,
    accounts: &[Uuid],
    as_of: NaiveDate,
) -> Result<HashMap<Uuid, Inputs>> {
    let mut out = Statement::new("WITH page AS (SELECT x.id FROM unnest(");
    out.bind(Bind::Uuids(accounts.to_vec())).sql(") AS x(id)), ");
    window(&mut out, cx, as_of);
    out.sql(COLUMNS).sql(BOUGHT);
    out.sql(format!(
        "LEFT JOIN LATERAL (SELECT sum({TOUCH}) FILTER (WHERE i.direction = 'INBOUND' AND i.occurred_at >= w.half) AS weight, \
         count(*) FILTER (WHERE i.direction = 'INBOUND' AND i.occurred_at >= w.half) AS begun, count(i.sentiment) AS tones, \
         avg(i.sentiment) AS tone FROM interactions i WHERE i.tenant_id = w.tenant AND i.account_id = page.id \
         AND i.archived_at IS NULL AND i.occurred_at >= w.year AND i.occurred_at < w.until) i ON true "
    ));
    out.sql(REFERRED).sql(DECIDED).sql(PROMISED).sql(BOUND);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let mut all: HashMap<Uuid, Inputs> = rows.into_iter().map(Inputs::of).collect();
    answers(conn, cx, accounts, as_of, &mut all)?;
    given(conn, cx, accounts, as_of, &mut all)?;
    Ok(all)
}

impl Inputs {
    fn of(row: Row) -> (Uuid, Inputs) {
        let (account, bought, touched, decided, promised, bound) = row;
        let (lines, booked, discounted) = bought;
        let (touch_weight, touches, tones, tone, referrals) = touched;
        let (won, days, closed, lost, rival) = decided;
        let (due, kept, invoices, void) = promised;
        let (contract_months, products, stage) = bound;
        let bonds = Bonds { deliveries: (due, kept), invoices: (invoices, void), contract_months, products };
        let inputs = Inputs {
            lines,
            booked,
            discounted,
            touch_weight,
            touches,
            tones: (tones, tone),
            referrals,
            decisions: (won, days),
            closed: (closed, lost, rival),
            bonds,
            stage,
            ..Inputs::default()
        };
        (account, inputs)
    }
}

/// Of these accounts, up to a day.
fn of_page(out: &mut Statement, cx: &Cx, accounts: &[Uuid], (column, as_of): (&str, NaiveDate)) {
    out.sql(" WHERE t.tenant_id = ")
        .bind(Bind::Uuid(Some(cx.tenant)))
        .sql(" AND t.archived_at IS NULL AND t.account_id = ANY(");
    out.bind(Bind::Uuids(accounts.to_vec())).sql(format!(") AND t.{column} <= ")).bind(Bind::Date(Some(as_of)));
}

fn answers(
    conn: &mut PgConnection,
    cx: &Cx,
    accounts: &[Uuid],
    as_of: NaiveDate,
    all: &mut HashMap<Uuid, Inputs>,
) -> Result<()> {
    let mut out = Statement::new("SELECT t.account_id, t.kind, t.value, t.answered_on FROM loyalty_evidence t");
    of_page(&mut out, cx, accounts, ("answered_on", as_of));
    out.sql(" AND t.answered_on > ").bind(Bind::Date(Some(as_of))).sql("::date - 365 ORDER BY t.answered_on, t.id");
    type Found = (Uuid, String, Decimal, NaiveDate);
    let rows: Vec<Found> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Text, st::Numeric, st::Date)>(), conn)?;
    for (account, kind, value, on) in rows {
        if let Some((inputs, kind)) = all.get_mut(&account).zip(LoyaltyEvidenceKind::from_text(&kind)) {
            inputs.answers.push(Answer { kind, value: real(value), on });
        }
    }
    Ok(())
}

fn given(
    conn: &mut PgConnection,
    cx: &Cx,
    accounts: &[Uuid],
    as_of: NaiveDate,
    all: &mut HashMap<Uuid, Inputs>,
) -> Result<()> {
    let mut out = Statement::new(
        "SELECT t.account_id, t.kind, t.system, t.raw, t.normalized, t.window_days, t.observed_on, t.evidence, t.state FROM loyalty_indicators t",
    );
    of_page(&mut out, cx, accounts, ("observed_on", as_of));
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
        if let Some((inputs, (kind, state))) = all.get_mut(&account).zip(known) {
            let raw = raw.map(real);
            inputs.given.push(Given { kind, system, raw, points, window_days, observed_on, evidence, state });
        }
    }
    Ok(())
}
