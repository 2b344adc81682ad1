//! Which order a refund belongs to that names none. The rule looks at the facts alone, never at the order in which they came:
//! refunds by time, each to the customer's latest order that counts, was made before it, is in its currency, holds its
//! product if it names one, and has as much left; else to none. So no order is ever refunded beyond what it came to.

use crate::Refund;
use crate::days::{COUNTS, Which};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::bulk::{self, Change};
use kith_journal::store;
use kith_kernel::ids::OrderId;
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use std::collections::HashMap;
use uuid::Uuid;

/// An order that a refund may belong to.
struct Candidate {
    id: Uuid,
    ordered_at: DateTime<Utc>,
    currency: String,
    /// After the refunds that name it and those assigned so far.
    left: Decimal,
    products: Vec<Uuid>,
}

/// Assigns the unlinked refunds of some accounts, or of all. The caller holds the lock of their days.
pub(crate) fn assign(conn: &mut PgConnection, cx: &Cx, which: Which<'_>) -> Result<()> {
    let refunds = store::rows::<Refund>(conn, cx, |out| {
        out.sql(" AND t.order_id IS NULL AND (t.archived_at IS NULL OR t.assigned_order_id IS NOT NULL)");
        which.limit(out, "t.account_id");
        out.sql(" ORDER BY t.refunded_at, t.id");
    })?;
    if refunds.is_empty() {
        return Ok(());
    }
    let mut accounts: Vec<Uuid> = refunds.iter().map(|refund| refund.account_id.0).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let mut candidates = candidates(conn, cx, accounts)?;
    let mut changes = Vec::new();
    for before in refunds {
        let mut after = before.clone();
        let orders = candidates.get_mut(&before.account_id.0).map(Vec::as_mut_slice).unwrap_or_default();
        let live = before.meta.archived_at.is_none();
        after.assigned_order_id = if live { take(&before, orders).map(OrderId) } else { None };
        if after.assigned_order_id != before.assigned_order_id {
            changes.push(Change { before, after });
        }
    }
    bulk::save(conn, &cx.as_system(), "assigned", changes).map(drop)
}

/// The order that a refund goes to, latest first, with so much less left.
fn take(refund: &Refund, orders: &mut [Candidate]) -> Option<Uuid> {
    let fits = |order: &&mut Candidate| {
        order.ordered_at <= refund.refunded_at
            && order.currency == refund.net.currency.code()
            && order.left >= refund.net.amount
            && refund.product_id.is_none_or(|product| order.products.contains(&product.0))
    };
    let order = orders.iter_mut().find(fits)?;
    order.left -= refund.net.amount;
    Some(order.id)
}

/// The orders of accounts that count, latest first.
fn candidates(conn: &mut PgConnection, cx: &Cx, accounts: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<Candidate>>> {
    let mut out = Statement::new(format!(
        "SELECT o.account_id, o.id, o.ordered_at, o.currency, o.net_amount - o.refunded_amount, \
         ARRAY(SELECT DISTINCT l.product_id FROM order_lines l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id \
         AND l.archived_at IS NULL AND l.product_id IS NOT NULL) FROM orders o WHERE {COUNTS} AND o.tenant_id = ",
    ));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND o.account_id = ANY(").bind(Bind::Uuids(accounts));
    out.sql(") ORDER BY o.account_id, o.ordered_at DESC, o.id DESC");
    type Sql = (st::Uuid, st::Uuid, st::Timestamptz, st::Text, st::Numeric, st::Array<st::Uuid>);
    type Row = (Uuid, Uuid, DateTime<Utc>, String, Decimal, Vec<Uuid>);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let mut all: HashMap<Uuid, Vec<Candidate>> = HashMap::new();
    for (account, id, ordered_at, currency, left, products) in rows {
        all.entry(account).or_default().push(Candidate { id, ordered_at, currency, left, products });
    }
    Ok(all)
}
