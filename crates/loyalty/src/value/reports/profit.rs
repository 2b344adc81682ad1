//! How the profit of an account comes about: from what its purchases would cost by the list down to what is left, in steps that
//! add up to the last digit.

use super::entitlements::profile;
use crate::value::facts::{self, Facts, Reading, Which};
use crate::value::indicator::IndicatorSource;
use crate::value::number::{real, shown, text};
use crate::value::{Borders, ValueModel, ValueProfile, ValueRun};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::{Action, Bind, Cx, Error, Result, RowScope, Shape, Statement};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

/// Accounts are read under their own rights.
const ACCOUNTS: &str = "accounts";

/// Adds it up, by the published value model, from what is known today.
pub fn profit(conn: &mut PgConnection, cx: &Cx, account: Uuid) -> Result<Value> {
    store::get(conn, cx, cx.entry(ACCOUNTS)?, account)?;
    // What it is worth is read under the right to value profiles: who may read some of them finds it by its profile.
    let scope = cx.require(cx.entry(ValueProfile::NAME)?, Action::Read)?;
    if profile(conn, cx, account)?.is_none() && scope != RowScope::All {
        return Err(Error::not_found());
    }
    let model = ValueModel::published(conn, cx)?.unwrap_or_else(|| ValueModel::usual(cx));
    let terms = model.terms();
    let as_of = cx.today();
    let reading = Reading {
        as_of,
        window_days: terms.window_days,
        default_margin: terms.default_margin,
        zone: cx.zone.name().to_owned(),
        families: Vec::new(),
        windows: Vec::new(),
    };
    let page = facts::read(conn, cx, Which::These(&[account]), &reading)?;
    let facts = page.facts.into_iter().next().unwrap_or_default();
    let (discount, orders) = window(conn, cx, account, &reading)?;
    let unconverted = if facts.occasions.is_empty() { orders + facts.unpriced() } else { orders };
    // Of all customers only whoever may read all of them is told.
    let run = if scope == RowScope::All { ValueRun::current(conn, cx)? } else { None };
    let borders = run.and_then(|run| Borders::read(run.borders.0));
    let profit = facts.margin - facts.cost_to_serve;
    let scale = borders.as_ref().and_then(|borders| borders.scale(IndicatorSource::Profit));
    let is_ranked = facts.window_occasions > 0;
    Ok(json!({
        "accountId": account, "asOf": as_of, "windowDays": terms.window_days, "currency": cx.currency.code(),
        "steps": steps(&facts, discount, facts.estimated(&reading)), "profit": text(profit.round_dp(4)),
        "state": if facts.uncosted > Decimal::ZERO || unconverted > 0 { "PARTIAL" } else { "OK" },
        "unconverted": unconverted,
        "percentile": scale.filter(|_| is_ranked).and_then(|scale| scale.percentile(real(profit))).and_then(shown),
        "median": scale.and_then(|scale| scale.median()).and_then(shown),
        "customers": borders.map(|borders| borders.active),
    }))
}

/// The steps with the sum so far after each. The last sum is the profit.
fn steps(facts: &Facts, discount: Decimal, estimate: Decimal) -> Value {
    let estimated = facts.uncosted - facts.uncosted * estimate;
    let goods = facts.revenue - facts.margin - estimated;
    let all = [
        ("LIST", facts.booked + discount),
        ("DISCOUNTS", -discount),
        ("RETURNS", facts.revenue - facts.subscribed - facts.booked),
        ("SUBSCRIPTIONS", facts.subscribed),
        ("GOODS", -goods),
        ("GOODS_ESTIMATED", -estimated),
        ("SERVICE", -facts.cost_to_serve),
    ];
    let mut sum = Decimal::ZERO;
    let told = all.into_iter().map(|(step, amount)| {
        let before = sum.round_dp(4);
        sum += amount;
        // What is rounded away in one step is not lost: it shows in the next.
        json!({"step": step, "amount": text(sum.round_dp(4) - before), "sum": text(sum.round_dp(4))})
    });
    told.collect()
}

/// What was taken off the list in the window, in the reporting currency, and the orders and refunds without a rate.
fn window(conn: &mut PgConnection, cx: &Cx, account: Uuid, reading: &Reading) -> Result<(Decimal, i64)> {
    let mut out = Statement::new(
        "SELECT coalesce(sum(d.discount), 0), coalesce(sum(d.unconverted), 0) FROM customer_days d WHERE d.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND d.account_id = ").bind(Bind::Uuid(Some(account)));
    out.sql(" AND d.day <= ").bind(Bind::Date(Some(reading.as_of))).sql(" AND d.day > ");
    let window = chrono::Days::new(facts::days(reading.window_days));
    out.bind(Bind::Date(Some(reading.as_of - window)));
    Ok(RunQueryDsl::get_result(out.typed::<(st::Numeric, st::BigInt)>(), conn)?)
}
