//! What is known of each customer up to a day: read from the days on which he bought, and from what serving him cost.
//! Every account is read by the same statement, be it one that was touched or a page of all of them.

use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::metric;
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Which accounts are read.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Those with ids beyond this one, in the order of their ids, at most so many.
    After(Uuid, i64),
    /// These.
    These(&'a [Uuid]),
}

/// How they are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The last day that counts.
    pub as_of: NaiveDate,
    /// Days of the window, which ends with that day.
    pub window_days: i32,
    /// Margin in per cent where no cost is known.
    pub default_margin: Decimal,
    /// The time zone in which days are cut.
    pub zone: String,
    /// The families of products that are looked for, at most 64.
    pub families: Vec<Uuid>,
}

/// A day on which a customer bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occasion {
    /// Days since 1 January 1970.
    pub day: i32,
    /// What is left of it after refunds.
    pub net: f64,
    /// That less its cost.
    pub margin: f64,
}

/// What is known of one account. Amounts are in the reporting currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The account.
    pub account: Uuid,
    /// Industry and size, which peers share.
    pub peers: String,
    /// When he bought, oldest first.
    pub occasions: Vec<Occasion>,
    /// Net revenue of the window.
    pub revenue: Decimal,
    /// Margin of the window.
    pub margin: Decimal,
    /// Occasions of the window.
    pub window_occasions: i32,
    /// Of the whole time.
    pub lifetime_revenue: Decimal,
    /// Of the whole time.
    pub lifetime_margin: Decimal,
    /// Part of the window's revenue whose cost nobody knows.
    pub uncosted: Decimal,
    /// Part of the window's bookings that was bought at a discount.
    pub discounted: Decimal,
    /// The window's bookings before refunds.
    pub booked: Decimal,
    /// Orders, refunds and costs without an exchange rate.
    pub unconverted: i64,
    /// What serving and keeping him cost in the window.
    pub cost_to_serve: Decimal,
    /// What winning him cost.
    pub acquisition_cost: Decimal,
    /// What he needs a year, as somebody said, and who.
    pub wallet: Option<(Decimal, String)>,
    /// Open opportunities, each times its chance.
    pub pipeline: Decimal,
    /// Somebody is trying to sell to him.
    pub is_prospect: bool,
    /// Which of the families of the reading he owns: the first is the lowest bit.
    pub owned: u64,
}

type Row = (
    (Uuid, String),
    (Option<Vec<i32>>, Option<Vec<f64>>, Option<Vec<f64>>),
    (Option<Decimal>, Option<Decimal>, i64, Option<Decimal>, Option<Decimal>),
    (Option<Decimal>, Option<Decimal>, Option<Decimal>, Option<i64>),
    (Option<Decimal>, Option<Decimal>, Option<Decimal>, i64),
    (Option<Decimal>, Option<String>, Option<Decimal>, bool),
);
type Amount = st::Nullable<st::Numeric>;
type Sql = (
    (st::Uuid, st::Text),
    (st::Nullable<st::Array<st::Integer>>, st::Nullable<st::Array<st::Double>>, st::Nullable<st::Array<st::Double>>),
    (Amount, Amount, st::BigInt, Amount, Amount),
    (Amount, Amount, Amount, st::Nullable<st::BigInt>),
    (Amount, Amount, Amount, st::BigInt),
    (Amount, st::Nullable<st::Text>, Amount, st::Bool),
);

/// Reads them, in the order of their ids. Archived accounts are left out.
pub fn read(conn: &mut PgConnection, cx: &Cx, which: Which<'_>, reading: &Reading) -> Result<Vec<Facts>> {
    let mut out = Statement::new(
        "WITH page AS (SELECT a.id, coalesce(a.industry, '') || '|' || coalesce(a.size_band, '') AS peers FROM accounts a WHERE a.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND a.archived_at IS NULL AND a.id ");
    match which {
        Which::After(id, limit) => {
            out.sql("> ").bind(Bind::Uuid(Some(id))).sql(" ORDER BY a.id LIMIT ").bind(Bind::BigInt(Some(limit)))
        }
        Which::These(ids) => out.sql("= ANY(").bind(Bind::Uuids(ids.to_vec())).sql(")"),
    };
    out.sql("), w AS (SELECT ").bind(Bind::Uuid(Some(cx.tenant))).sql("::uuid AS tenant, ");
    out.bind(Bind::Date(Some(reading.as_of))).sql("::date AS last, ");
    out.bind(Bind::Date(Some(reading.as_of - chrono::Days::new(days(reading.window_days))))).sql("::date AS before, ");
    out.bind(Bind::Decimal(Some(reading.default_margin))).sql("::numeric / 100 AS share, ");
    out.bind(Bind::Text(Some(reading.zone.clone()))).sql("::text AS zone) ");
    out.sql(
        "SELECT page.id, page.peers, d.days, d.nets, d.margins, d.revenue, d.margin, d.occasions, d.life, d.life_margin, \
         d.uncosted, d.discounted, d.booked, d.unconverted, i.cost, c.serve, c.acquire, c.unknown, \
         n.amount, n.source, o.weighted, o.some OR EXISTS (SELECT FROM account_roles r WHERE r.tenant_id = w.tenant \
         AND r.account_id = page.id AND r.role = 'PROSPECT' AND r.archived_at IS NULL) FROM page CROSS JOIN w ",
    );
    out.sql(DAYS).sql(TOUCHES).sql("LEFT JOIN LATERAL (SELECT sum(x.amount) FILTER (WHERE t.kind <> 'ACQUIRE' AND t.incurred_on > w.before) AS serve, sum(x.amount) FILTER (WHERE t.kind = 'ACQUIRE') AS acquire, count(*) FILTER (WHERE x.amount IS NULL) AS unknown FROM cost_entries t");
    metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", "t.incurred_on"], cx.currency);
    out.sql(" WHERE t.tenant_id = w.tenant AND t.account_id = page.id AND t.archived_at IS NULL AND t.incurred_on <= w.last) c ON true ");
    out.sql(NEED).sql("LEFT JOIN LATERAL (SELECT sum(x.amount * t.probability / 100) AS weighted, count(*) > 0 AS some FROM opportunities t");
    metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", "w.last"], cx.currency);
    out.sql(" WHERE t.tenant_id = w.tenant AND t.account_id = page.id AND t.archived_at IS NULL AND t.status = 'OPEN') o ON true ORDER BY page.id");
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let mut facts: Vec<Facts> = rows.into_iter().map(Facts::from).collect();
    super::families::own(conn, cx, which, reading, &mut facts)?;
    Ok(facts)
}

/// The days on which he bought, which are read in the order of their key.
const DAYS: &str = "LEFT JOIN LATERAL (SELECT array_agg(d.day - DATE '1970-01-01' ORDER BY d.day) FILTER (WHERE d.orders > 0) AS days, \
     array_agg(d.net::float8 ORDER BY d.day) FILTER (WHERE d.orders > 0) AS nets, \
     array_agg(m.margin::float8 ORDER BY d.day) FILTER (WHERE d.orders > 0) AS margins, \
     sum(d.net) FILTER (WHERE d.day > w.before) AS revenue, sum(m.margin) FILTER (WHERE d.day > w.before) AS margin, \
     count(*) FILTER (WHERE d.day > w.before AND d.orders > 0) AS occasions, sum(d.net) AS life, sum(m.margin) AS life_margin, \
     sum(d.uncosted) FILTER (WHERE d.day > w.before) AS uncosted, sum(d.discounted) FILTER (WHERE d.day > w.before) AS discounted, \
     sum(d.booked) FILTER (WHERE d.day > w.before) AS booked, sum(d.unconverted) AS unconverted \
     FROM customer_days d CROSS JOIN LATERAL (SELECT d.net - d.uncosted - d.cost + d.uncosted * w.share AS margin) m \
     WHERE d.tenant_id = w.tenant AND d.account_id = page.id AND d.day <= w.last) d ON true ";
/// What touches cost by the rates of their channels.
const TOUCHES: &str = "LEFT JOIN LATERAL (SELECT sum(r.per_touch_amount + r.per_minute_amount * coalesce(t.duration_seconds, 0) / 60) AS cost \
     FROM cost_rates r JOIN interactions t ON t.tenant_id = r.tenant_id AND t.channel = r.channel WHERE r.tenant_id = w.tenant \
     AND r.archived_at IS NULL AND t.account_id = page.id AND t.archived_at IS NULL \
     AND t.occurred_at >= (w.before + 1)::timestamp AT TIME ZONE w.zone AND t.occurred_at < (w.last + 1)::timestamp AT TIME ZONE w.zone) i ON true ";
/// What he needs a year, by the best source of the last year.
const NEED: &str = "LEFT JOIN LATERAL (SELECT t.amount_amount AS amount, t.source FROM wallet_estimates t WHERE t.tenant_id = w.tenant \
     AND t.account_id = page.id AND t.archived_at IS NULL AND t.estimated_on <= w.last AND t.estimated_on > w.last - 365 \
     ORDER BY t.source = 'EXPERT', t.source = 'SURVEY', t.estimated_on DESC, t.id DESC LIMIT 1) n ON true ";

impl From<Row> for Facts {
    fn from(row: Row) -> Self {
        let ((account, peers), (days, nets, margins), window, bookings, costs, rest) = row;
        let (revenue, margin, occasions, life, life_margin) = window;
        let (uncosted, discounted, booked, unconverted) = bookings;
        let (touches, serve, acquire, unknown) = costs;
        let (wallet, source, pipeline, is_prospect) = rest;
        let or = Option::<Decimal>::unwrap_or_default;
        let parts = days.into_iter().flatten().zip(nets.into_iter().flatten().zip(margins.into_iter().flatten()));
        Facts {
            account,
            peers,
            occasions: parts.map(|(day, (net, margin))| Occasion { day, net, margin }).collect(),
            revenue: or(revenue),
            margin: or(margin),
            window_occasions: i32::try_from(occasions).unwrap_or(i32::MAX),
            lifetime_revenue: or(life),
            lifetime_margin: or(life_margin),
            uncosted: or(uncosted),
            discounted: or(discounted),
            booked: or(booked),
            unconverted: unconverted.unwrap_or_default() + unknown,
            cost_to_serve: or(touches) + or(serve),
            acquisition_cost: or(acquire),
            wallet: wallet.zip(source),
            pipeline: or(pipeline),
            is_prospect,
            owned: 0,
        }
    }
}

/// A number of days that is not negative.
pub(super) fn days(count: i32) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The number of a day.
pub fn number(day: NaiveDate) -> i32 {
    i32::try_from((day - NaiveDate::default()).num_days()).unwrap_or(i32::MAX)
}

/// The day of a number.
pub fn day(number: i32) -> NaiveDate {
    let days = chrono::TimeDelta::days(i64::from(number));
    NaiveDate::default().checked_add_signed(days).unwrap_or(NaiveDate::MAX)
}
