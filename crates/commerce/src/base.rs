//! Amounts in the tenant's reporting currency. Each is taken at the rate of the day it belongs to, in the tenant's own time
//! zone, and then stays: rates that come later do not change history. One without a rate stays without an amount until
//! somebody stores the rate.

use crate::{Order, Refund};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::bulk::{self, Change};
use kith_kernel::ids::ExchangeRateId;
use kith_kernel::{Bind, Currency, Cx, Error, Money, Rate, Resource, Result, Statement};
use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::HashMap;
use uuid::Uuid;

/// What a row keeps of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Base {
    /// The reporting currency and what one unit of the row's currency was worth in it.
    pub(crate) known: Option<(Currency, Rate)>,
    /// The exchange rate it was taken from; none: the currency is the same.
    pub(crate) rate_id: Option<ExchangeRateId>,
}

/// A row that has an amount, a time and what it is worth in the reporting currency.
pub(crate) trait Based: Resource {
    /// The column of its time.
    const TIME: &'static str;
    /// What it keeps.
    fn base(&self) -> Base;
    /// Keeps this from now on.
    fn rebase(&mut self, base: Base) -> Result<()>;
}

/// An amount at a rate, in the places of the other currency.
pub(crate) fn converted(amount: Decimal, (currency, rate): (Currency, Rate)) -> Result<Money> {
    let exact = amount.checked_mul(rate.0);
    let detail = "The amount is too large in the reporting currency.";
    let exact = exact.ok_or_else(|| Error::invalid("/net", "OUT_OF_RANGE", detail))?;
    let mut amount = exact.round_dp_with_strategy(currency.places(), RoundingStrategy::MidpointAwayFromZero);
    amount.rescale(4);
    kith_kernel::sum_of_lines(amount, currency)
}

/// The newest rate between `w.code` and the reporting currency on or before `w.day`.
const RATE: &str = "SELECT e.id, CASE WHEN e.base_currency = w.code THEN e.rate ELSE round(1 / e.rate, 12) END AS rate \
    FROM exchange_rates e WHERE e.tenant_id = n.tenant_id AND e.archived_at IS NULL \
    AND ((e.base_currency = w.code AND e.quote_currency = n.reporting_currency) \
    OR (e.base_currency = n.reporting_currency AND e.quote_currency = w.code)) \
    AND e.valid_on <= w.day ORDER BY e.valid_on DESC, e.base_currency = w.code DESC LIMIT 1";

type Found = (String, bool, Option<Uuid>, Option<Decimal>);
type FoundSql = (st::Text, st::Bool, st::Nullable<st::Uuid>, st::Nullable<st::Numeric>);

/// What an amount of a currency at a time is worth. `before` is the time and the base that the row has already: it stays as
/// long as the local day does.
pub(crate) fn at(
    conn: &mut PgConnection,
    cx: &Cx,
    currency: Currency,
    time: DateTime<Utc>,
    before: Option<(DateTime<Utc>, Base)>,
) -> Result<Base> {
    if currency == cx.currency {
        return Ok(Base { known: Some((currency, Rate(Decimal::ONE))), rate_id: None });
    }
    let current = before.filter(|(_, base)| base.known.is_some_and(|(code, _)| code == cx.currency));
    if let Some((_, base)) = current.filter(|(then, _)| *then == time) {
        return Ok(base);
    }
    let mut out = Statement::new(
        "SELECT n.reporting_currency, coalesce(w.day = w.before, false), q.id, \
         CASE WHEN w.code = n.reporting_currency THEN 1 ELSE q.rate END FROM tenants n CROSS JOIN LATERAL (SELECT ",
    );
    out.bind(Bind::Text(Some(currency.code().to_owned()))).sql("::text AS code, (");
    out.bind(Bind::Time(Some(time))).sql("::timestamptz AT TIME ZONE n.time_zone)::date AS day, (");
    out.bind(Bind::Time(current.map(|(then, _)| then)))
        .sql("::timestamptz AT TIME ZONE n.time_zone)::date AS before) w ");
    out.sql(format!("LEFT JOIN LATERAL ({RATE}) q ON w.code <> n.reporting_currency WHERE n.tenant_id = "));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND n.id = n.tenant_id");
    let (code, same_day, id, rate): Found = RunQueryDsl::get_result(out.typed::<FoundSql>(), conn)?;
    if let Some((_, base)) = current.filter(|_| same_day) {
        return Ok(base);
    }
    Ok(Base { known: Currency::from_code(&code).zip(rate.map(Rate)), rate_id: id.map(ExchangeRateId) })
}

/// The same for many at once, by currency and time.
pub(crate) fn at_many(
    conn: &mut PgConnection,
    cx: &Cx,
    wanted: &[(Currency, DateTime<Utc>)],
) -> Result<HashMap<(String, DateTime<Utc>), Base>> {
    let foreign: Vec<_> = wanted.iter().filter(|(currency, _)| *currency != cx.currency).collect();
    let ours = Base { known: Some((cx.currency, Rate(Decimal::ONE))), rate_id: None };
    let own = wanted.iter().filter(|(currency, _)| *currency == cx.currency);
    let mut bases: HashMap<_, _> = own.map(|(currency, time)| ((currency.code().to_owned(), *time), ours)).collect();
    if foreign.is_empty() {
        return Ok(bases);
    }
    let mut out = Statement::new(
        "SELECT i.code, i.at, n.reporting_currency, q.id, CASE WHEN i.code = n.reporting_currency THEN 1 ELSE q.rate END \
         FROM tenants n CROSS JOIN (SELECT DISTINCT * FROM unnest(",
    );
    out.bind(Bind::Texts(foreign.iter().map(|(currency, _)| currency.code().to_owned()).collect())).sql(", ");
    out.bind(Bind::Times(foreign.iter().map(|(_, time)| *time).collect())).sql(") AS u(code, at)) i ");
    out.sql("CROSS JOIN LATERAL (SELECT i.code, (i.at AT TIME ZONE n.time_zone)::date AS day) w ");
    out.sql(format!("LEFT JOIN LATERAL ({RATE}) q ON w.code <> n.reporting_currency WHERE n.tenant_id = "));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND n.id = n.tenant_id");
    type Sql = (st::Text, st::Timestamptz, st::Text, st::Nullable<st::Uuid>, st::Nullable<st::Numeric>);
    type Row = (String, DateTime<Utc>, String, Option<Uuid>, Option<Decimal>);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    for (code, time, reporting, id, rate) in rows {
        let known = Currency::from_code(&reporting).zip(rate.map(Rate));
        bases.insert((code, time), Base { known, rate_id: id.map(ExchangeRateId) });
    }
    Ok(bases)
}

/// Gives amounts to the orders and refunds that have none and whose rate is known by now: those of one currency, or all of
/// them and those in another reporting currency than today's. The accounts whose days that changes.
pub(crate) fn fill(conn: &mut PgConnection, cx: &Cx, of: Option<Currency>) -> Result<Vec<Uuid>> {
    let mut accounts = fill_rows::<Order>(conn, cx, of, |order| order.account_id.0)?;
    accounts.extend(fill_rows::<Refund>(conn, cx, of, |refund| refund.account_id.0)?);
    accounts.sort_unstable();
    accounts.dedup();
    Ok(accounts)
}

/// Rows that are filled at a time.
const PORTION: i32 = 2_000;

fn fill_rows<R: Based>(
    conn: &mut PgConnection,
    cx: &Cx,
    of: Option<Currency>,
    account: fn(&R) -> Uuid,
) -> Result<Vec<Uuid>> {
    let mut accounts = Vec::new();
    loop {
        let found = findable::<R>(conn, cx, of)?;
        if found.is_empty() {
            return Ok(accounts);
        }
        let ids: Vec<Uuid> = found.keys().copied().collect();
        let rows = kith_journal::store::rows::<R>(conn, cx, |out| {
            out.sql(" AND t.id = ANY(").bind(Bind::Uuids(ids)).sql(") ORDER BY t.id FOR UPDATE OF t");
        })?;
        let mut changes = Vec::with_capacity(rows.len());
        for before in rows {
            let mut after = before.clone();
            after.rebase(found.get(&before.meta().id).copied().unwrap_or_default())?;
            accounts.push(account(&before));
            changes.push(Change { before, after });
        }
        // Nothing saved: somebody else was quicker.
        if bulk::save(conn, &cx.as_system(), "converted", changes)? == 0 {
            return Ok(accounts);
        }
    }
}

/// Rows without an amount in the reporting currency whose rate is known.
fn findable<R: Based>(conn: &mut PgConnection, cx: &Cx, of: Option<Currency>) -> Result<HashMap<Uuid, Base>> {
    let missing = if of.is_some() {
        "t.base_rate IS NULL"
    } else {
        "(t.base_rate IS NULL OR t.base_net_currency <> n.reporting_currency)"
    };
    let mut out = Statement::new(format!(
        "SELECT t.id, n.reporting_currency, q.id, CASE WHEN w.code = n.reporting_currency THEN 1 ELSE q.rate END \
         FROM {table} t JOIN tenants n ON n.tenant_id = t.tenant_id AND n.id = t.tenant_id \
         CROSS JOIN LATERAL (SELECT t.net_currency AS code, (t.{time} AT TIME ZONE n.time_zone)::date AS day) w \
         LEFT JOIN LATERAL ({RATE}) q ON w.code <> n.reporting_currency \
         WHERE {missing} AND (q.id IS NOT NULL OR w.code = n.reporting_currency) AND t.tenant_id = ",
        table = R::TABLE,
        time = R::TIME,
    ));
    out.bind(Bind::Uuid(Some(cx.tenant)));
    if let Some(of) = of {
        out.sql(" AND t.net_currency = ").bind(Bind::Text(Some(of.code().to_owned())));
    }
    out.sql(format!(" LIMIT {PORTION}"));
    type Sql = (st::Uuid, st::Text, st::Nullable<st::Uuid>, st::Numeric);
    type Row = (Uuid, String, Option<Uuid>, Decimal);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let base = |(id, code, rate_id, rate): Row| {
        let known = Currency::from_code(&code).map(|code| (code, Rate(rate)));
        (id, Base { known, rate_id: rate_id.map(ExchangeRateId) })
    };
    Ok(rows.into_iter().map(base).collect())
}
