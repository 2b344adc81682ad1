//! `customer_days`: what each customer bought on each day. The only reading of orders and refunds that anything about value
//! rests on, always made anew from them and never added up from changes, so that nothing can drift.
//!
//! An order counts if it is CONFIRMED or FULFILLED, not archived, not internal, and comes to more than nothing. `booked`,
//! `discount` and `discounted` are of all such orders. `orders`, `lines`, `net`, `cost` and `uncosted` are of those of which
//! something is left after refunds, whenever those were paid; cost is left in the proportion in which net is. `refunded` is
//! what was paid back on the day, unless it is for an order that does not count in the first place.

use crate::{assignment, base, products_owned};
use diesel::PgConnection;
use kith_kernel::{Bind, Cx, Result, Statement};
use uuid::Uuid;

/// Whose days.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Those of some accounts.
    Accounts(&'a [Uuid]),
    /// Those of all accounts of the tenant.
    All,
}

/// The condition that an order `o` counts, as far as it does not depend on refunds.
pub(crate) const COUNTS: &str =
    "o.archived_at IS NULL AND NOT o.is_internal AND o.status IN ('CONFIRMED', 'FULFILLED') AND o.net_amount > 0";

impl Which<'_> {
    /// Limits rows by their account's column.
    pub(crate) fn limit(self, out: &mut Statement, column: &'static str) {
        if let Which::Accounts(accounts) = self {
            out.sql(" AND ").sql(column).sql(" = ANY(").bind(Bind::Uuids(accounts.to_vec())).sql(")");
        }
    }
}

/// What follows for some accounts from a write that changed their facts: where their unlinked refunds belong, their days, and
/// a note that their value is to be computed. It belongs at the end of the transaction's work: it lets no other transaction
/// past that does the same for one of them.
pub fn touch(conn: &mut PgConnection, cx: &Cx, accounts: impl IntoIterator<Item = Uuid>) -> Result<()> {
    let mut accounts: Vec<Uuid> = accounts.into_iter().collect();
    accounts.sort_unstable();
    accounts.dedup();
    if accounts.is_empty() {
        return Ok(());
    }
    lock(conn, cx, Which::Accounts(&accounts))?;
    assignment::assign(conn, cx, Which::Accounts(&accounts))?;
    summarise(conn, cx, Which::Accounts(&accounts))
}

/// Makes the days of all accounts of a tenant anew, from the orders and refunds alone. Amounts that had no exchange rate get
/// the one that is known by now, and those in another reporting currency than today's are taken over into it.
pub fn rebuild(conn: &mut PgConnection, cx: &Cx) -> Result<()> {
    lock(conn, cx, Which::All)?;
    base::fill(conn, cx, None)?;
    assignment::assign(conn, cx, Which::All)?;
    summarise(conn, cx, Which::All)
}

/// Accounts one by one, in an order that all keep to; all accounts against every one of them.
pub(crate) fn lock(conn: &mut PgConnection, cx: &Cx, which: Which<'_>) -> Result<()> {
    let key = |out: &mut Statement| {
        out.sql("hashtextextended(").bind(Bind::Text(Some(format!("{}|customer_days|", cx.tenant))));
    };
    let mut out = Statement::default();
    match which {
        Which::All => {
            out.sql("SELECT pg_advisory_xact_lock(");
            key(&mut out);
            out.sql(", 0))");
        }
        Which::Accounts(accounts) => {
            out.sql("SELECT pg_advisory_xact_lock_shared(");
            key(&mut out);
            out.sql(", 0)), (SELECT count(*) FROM (SELECT pg_advisory_xact_lock(k.key) FROM (SELECT ");
            key(&mut out);
            out.sql(" || a, 0) AS key FROM unnest(").bind(Bind::Uuids(accounts.to_vec()));
            out.sql(") a ORDER BY 1 OFFSET 0) k OFFSET 0) l)");
        }
    }
    out.execute(conn)?;
    Ok(())
}

/// The orders that count, what of them is left, and what their lines say: looked up order by order, which is right for a few
/// and for all of them, whatever the planner believes of tables that are growing fast.
const ORDERS: &str = "b AS (SELECT v.*, v.net - r.refunded AS rest, l.lines, l.cost, l.uncosted, l.discount, l.discounted FROM v \
    CROSS JOIN LATERAL (SELECT coalesce(sum(f.net_amount), 0) AS refunded FROM refunds f WHERE f.tenant_id = v.tenant_id \
    AND f.assigned_order_id = v.id AND f.archived_at IS NULL) r \
    CROSS JOIN LATERAL (SELECT count(*) AS lines, coalesce(sum(round(i.quantity * i.unit_cost_amount, 4)), 0) AS cost, \
    coalesce(sum(i.net_amount) FILTER (WHERE i.unit_cost_amount IS NULL), 0) AS uncosted, coalesce(sum(i.discount_amount), 0) AS discount, \
    coalesce(sum(i.net_amount) FILTER (WHERE i.discount_percent > 0), 0) AS discounted FROM order_lines i \
    WHERE i.tenant_id = v.tenant_id AND i.order_id = v.id AND i.archived_at IS NULL) l), ";

/// One row an order, in the reporting currency.
const BOUGHT: &str = "facts AS (SELECT b.account_id, b.day, x.lives AS orders, \
    CASE WHEN x.live THEN round(b.rest * b.rate, n.places) ELSE 0 END AS net, \
    CASE WHEN x.live THEN round(b.cost * b.rest * b.rate / b.net, n.places) ELSE 0 END AS cost, \
    CASE WHEN x.live THEN round(b.uncosted * b.rest * b.rate / b.net, n.places) ELSE 0 END AS uncosted, \
    coalesce(round(b.discount * b.rate, n.places), 0) AS discount, \
    coalesce(round(b.discounted * b.rate, n.places), 0) AS discounted, \
    x.lives * b.lines AS lines, coalesce(round(b.net * b.rate, n.places), 0) AS booked, \
    0::numeric AS refunded, CASE WHEN b.rate IS NULL THEN 1 ELSE 0 END AS unconverted FROM b CROSS JOIN n \
    CROSS JOIN LATERAL (SELECT b.rest > 0 AND b.rate IS NOT NULL AS live, \
    CASE WHEN b.rest > 0 AND b.rate IS NOT NULL THEN 1 ELSE 0 END AS lives) x ";

/// One row a refund.
const REFUNDED: &str = "UNION ALL SELECT f.account_id, (f.refunded_at AT TIME ZONE n.time_zone)::date, 0, 0, 0, 0, 0, 0, 0, 0, \
    coalesce(c.amount, 0), CASE WHEN c.amount IS NULL THEN 1 ELSE 0 END FROM refunds f \
    CROSS JOIN n CROSS JOIN LATERAL (SELECT CASE WHEN f.base_net_currency = n.code THEN f.base_net_amount END AS amount) c \
    LEFT JOIN orders o ON o.tenant_id = f.tenant_id AND o.id = f.order_id WHERE f.archived_at IS NULL AND f.tenant_id = ";

const DAYS: &str = "), d AS (SELECT account_id, day, sum(orders)::integer AS orders, sum(net) AS net, sum(cost) AS cost, \
    sum(uncosted) AS uncosted, sum(discount) AS discount, sum(discounted) AS discounted, sum(lines)::integer AS lines, \
    sum(booked) AS booked, sum(refunded) AS refunded, sum(unconverted)::integer AS unconverted FROM facts GROUP BY 1, 2), ";

const KEEP: &str = "INSERT INTO customer_days AS k (tenant_id, account_id, day, orders, net, cost, uncosted, discount, discounted, \
    lines, booked, refunded, unconverted) SELECT n.tenant_id, d.account_id, d.day, d.orders, d.net, d.cost, d.uncosted, d.discount, \
    d.discounted, d.lines, d.booked, d.refunded, d.unconverted FROM d CROSS JOIN n ORDER BY 2, 3 \
    ON CONFLICT (tenant_id, account_id, day) DO UPDATE SET orders = excluded.orders, net = excluded.net, cost = excluded.cost, \
    uncosted = excluded.uncosted, discount = excluded.discount, discounted = excluded.discounted, lines = excluded.lines, \
    booked = excluded.booked, refunded = excluded.refunded, unconverted = excluded.unconverted \
    WHERE (k.orders, k.net, k.cost, k.uncosted, k.discount, k.discounted, k.lines, k.booked, k.refunded, k.unconverted) \
    IS DISTINCT FROM (excluded.orders, excluded.net, excluded.cost, excluded.uncosted, excluded.discount, excluded.discounted, \
    excluded.lines, excluded.booked, excluded.refunded, excluded.unconverted)";

/// Makes days anew, and with them what was bought of each product; takes those away that are gone, and notes whose they are:
/// one statement, the same for a few accounts and for all. Refunds count where they are assigned; [`touch`] and [`rebuild`] see to that first.
pub fn summarise(conn: &mut PgConnection, cx: &Cx, which: Which<'_>) -> Result<()> {
    statement(cx, which).execute(conn)?;
    kith_journal::wake::at(conn, cx, cx.now)
}

/// The statement that does.
pub fn statement(cx: &Cx, which: Which<'_>) -> Statement {
    let tenant = || Bind::Uuid(Some(cx.tenant));
    let places = i32::try_from(cx.currency.places()).unwrap_or(2);
    let mut out = Statement::new("WITH n AS (SELECT tenant_id, time_zone, reporting_currency AS code, ");
    out.bind(Bind::Int(Some(places))).sql("::integer AS places, ").bind(Bind::Time(Some(cx.now)));
    out.sql("::timestamptz AS now FROM tenants WHERE tenant_id = ").bind(tenant()).sql(" AND id = tenant_id), ");
    out.sql(
        "v AS MATERIALIZED (SELECT o.tenant_id, o.id, o.account_id, (o.ordered_at AT TIME ZONE n.time_zone)::date AS day, \
         o.net_amount AS net, CASE WHEN o.base_net_currency = n.code THEN o.base_rate END AS rate \
         FROM orders o CROSS JOIN n WHERE o.tenant_id = ",
    );
    out.bind(tenant()).sql(" AND ").sql(COUNTS);
    which.limit(&mut out, "o.account_id");
    out.sql("), ").sql(ORDERS).sql(BOUGHT).sql(REFUNDED).bind(tenant());
    out.sql(format!(" AND (f.order_id IS NULL OR ({COUNTS}))"));
    which.limit(&mut out, "f.account_id");
    out.sql(DAYS);
    products_owned::keep(&mut out, cx.tenant, which);
    out.sql("gone AS (DELETE FROM customer_days k WHERE k.tenant_id = ").bind(tenant());
    which.limit(&mut out, "k.account_id");
    out.sql(
        " AND NOT EXISTS (SELECT FROM d WHERE d.account_id = k.account_id AND d.day = k.day) RETURNING k.account_id), ",
    );
    out.sql(
        "touched AS (INSERT INTO customer_touches (tenant_id, id, account_id, touched_at) \
             SELECT n.tenant_id, gen_random_uuid(), a.id, n.now FROM n CROSS JOIN ",
    );
    match which {
        Which::Accounts(accounts) => out.sql("unnest(").bind(Bind::Uuids(accounts.to_vec())).sql(") AS a(id)) "),
        Which::All => out.sql("(SELECT account_id FROM d UNION SELECT account_id FROM gone) AS a(id)) "),
    };
    // A plan that was made while the tables were small would be kept while they grow.
    out.sql(KEEP).once();
    out
}
