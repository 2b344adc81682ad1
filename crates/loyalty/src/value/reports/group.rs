//! What an account and all that belong to it, at any depth, are worth together: sums of what each is worth, and never means of
//! scores, which would let a small subsidiary count as much as a large one.

use super::{names, profiles};
use crate::value::ValueRun;
use crate::value::number::text;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

/// Members that are named unless asked otherwise.
pub const MEMBERS: i64 = 20;
/// The most.
pub const MAX_MEMBERS: i64 = 200;

/// Accounts are read under the rights of their area.
const ACCOUNTS: &str = "accounts";

/// Adds it up for those of the accounts that the actor may read, and names the largest of them.
pub fn group(conn: &mut PgConnection, cx: &Cx, account: Uuid, limit: i64) -> Result<Value> {
    store::get(conn, cx, cx.entry(ACCOUNTS)?, account)?;
    let run = ValueRun::current(conn, cx)?;
    let (mut sums, members) = (sums(conn, cx, account)?, members(conn, cx, account, limit)?);
    if let Some(sums) = sums.as_object_mut() {
        sums.insert("accountId".to_owned(), json!(account));
        sums.insert("currency".to_owned(), json!(cx.currency.code()));
        sums.insert("asOf".to_owned(), json!(run.and_then(|run| run.as_of)));
        sums.insert("members".to_owned(), members);
    }
    Ok(sums)
}

/// `WITH tree …`: the account and what belongs to it. The walk is bounded, so that a tree broken by other means cannot hang
/// it.
fn tree(cx: &Cx, account: Uuid) -> Statement {
    let mut out = Statement::new("WITH RECURSIVE tree (id, depth) AS (SELECT ");
    out.bind(Bind::Uuid(Some(account))).sql("::uuid, 0 UNION SELECT a.id, t.depth + 1 FROM accounts a JOIN tree t ");
    out.sql("ON a.parent_id = t.id WHERE a.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND a.archived_at IS NULL AND t.depth < 100) ");
    out
}

fn sums(conn: &mut PgConnection, cx: &Cx, account: Uuid) -> Result<Value> {
    let mut out = tree(cx, account);
    let sum = |column: &str| format!("coalesce(sum({column}), 0)");
    let columns = ["revenue", "profit", "cost_to_serve", "lifetime_revenue", "lifetime_profit", "acquisition_cost"];
    let columns = columns.map(|column| sum(&format!("p.{column}_amount")));
    out.sql(format!(
        "SELECT count(*), count(*) FILTER (WHERE p.occasions > 0), count(*) FILTER (WHERE p.window_occasions > 0), \
         min(p.first_on), max(p.last_on), {}, {}, count(c.value_amount)",
        columns.join(", "),
        sum("c.value_amount"),
    ));
    profiles(cx, &mut out)?;
    out.sql(" AND p.id IN (SELECT id FROM tree)");
    type Sql = (
        (st::BigInt, st::BigInt, st::BigInt),
        (st::Nullable<st::Date>, st::Nullable<st::Date>),
        (st::Numeric, st::Numeric, st::Numeric, st::Numeric, st::Numeric, st::Numeric),
        (st::Numeric, st::BigInt),
    );
    type Row = (
        (i64, i64, i64),
        (Option<NaiveDate>, Option<NaiveDate>),
        (Decimal, Decimal, Decimal, Decimal, Decimal, Decimal),
        (Decimal, i64),
    );
    let row: Row = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
    let ((accounts, customers, active), (first_on, last_on), amounts, (clv, known)) = row;
    let (revenue, profit, cost_to_serve, lifetime_revenue, lifetime_profit, acquisition_cost) = amounts;
    let rate = (revenue > Decimal::ZERO).then(|| (profit * Decimal::ONE_HUNDRED / revenue).round_dp(2));
    Ok(json!({
        "accounts": accounts, "customers": customers, "active": active, "firstOn": first_on, "lastOn": last_on,
        "revenue": text(revenue), "profit": text(profit), "profitRate": rate.map(text), "costToServe": text(cost_to_serve),
        "lifetimeRevenue": text(lifetime_revenue), "lifetimeProfit": text(lifetime_profit),
        "acquisitionCost": text(acquisition_cost), "clv": (known > 0).then(|| text(clv)),
    }))
}

/// The largest of them by revenue.
fn members(conn: &mut PgConnection, cx: &Cx, account: Uuid, limit: i64) -> Result<Value> {
    let mut out = tree(cx, account);
    out.sql(
        "SELECT p.id, (SELECT min(t.depth) FROM tree t WHERE t.id = p.id), p.layer, p.value_class, p.revenue_amount, \
         p.profit_amount, c.value_amount",
    );
    profiles(cx, &mut out)?;
    out.sql(" AND p.id IN (SELECT id FROM tree) ORDER BY p.revenue_amount DESC, p.id LIMIT ");
    out.bind(Bind::BigInt(Some(limit)));
    type Sql = ((st::Uuid, st::Integer), (st::Text, st::Text), (st::Numeric, st::Numeric, st::Nullable<st::Numeric>));
    type Row = ((Uuid, i32), (String, String), (Decimal, Decimal, Option<Decimal>));
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let ids: Vec<Uuid> = rows.iter().map(|((id, _), ..)| *id).collect();
    let names = names(conn, cx, ACCOUNTS, &ids)?;
    let member = |((id, depth), (layer, class), (revenue, profit, clv)): Row| {
        json!({
            "accountId": id, "name": names.get(&id), "depth": depth, "layer": layer, "valueClass": class,
            "revenue": text(revenue), "profit": text(profit), "clv": clv.map(text),
        })
    };
    Ok(Value::Array(rows.into_iter().map(member).collect()))
}
