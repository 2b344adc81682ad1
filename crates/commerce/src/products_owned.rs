//! `customer_products`: what each customer ever bought of each product. Made anew by the statement that makes
//! [`crate::days`], from the same orders, so that both always tell of the same purchases.
//!
//! A row is there as long as one order counts that has a line with the product and of which something is left after refunds.
//! `net`, `cost` and `uncosted` are those of the lines with the product, left in the proportion in which their order is left:
//! nobody says which line a refund was for. They are rounded once an order and product, so that their sum over products can
//! differ by cents from the day's. Lines without a product are in no row. Which family a product belongs to is looked up when
//! it is read: it may change.

use crate::days::Which;
use kith_kernel::{Bind, Statement};
use uuid::Uuid;

/// One row an order and product, then one a customer and product. `b` are the orders that count and what is left of them, `n`
/// is the tenant.
const OWNED: &str = "goods AS (SELECT b.account_id, l.product_id, b.day, round(l.net * b.rest * b.rate / b.net, n.places) AS net, \
    round(l.cost * b.rest * b.rate / b.net, n.places) AS cost, round(l.uncosted * b.rest * b.rate / b.net, n.places) AS uncosted \
    FROM b CROSS JOIN n CROSS JOIN LATERAL (SELECT i.product_id, sum(i.net_amount) AS net, \
    coalesce(sum(round(i.quantity * i.unit_cost_amount, 4)), 0) AS cost, \
    coalesce(sum(i.net_amount) FILTER (WHERE i.unit_cost_amount IS NULL), 0) AS uncosted FROM order_lines i \
    WHERE i.tenant_id = b.tenant_id AND i.order_id = b.id AND i.archived_at IS NULL AND i.product_id IS NOT NULL \
    GROUP BY i.product_id) l WHERE b.rest > 0 AND b.rate IS NOT NULL), \
    owned AS (SELECT account_id, product_id, min(day) AS first_on, max(day) AS last_on, count(*)::integer AS orders, \
    sum(net) AS net, sum(cost) AS cost, sum(uncosted) AS uncosted FROM goods GROUP BY 1, 2), \
    owned_kept AS (INSERT INTO customer_products AS k (tenant_id, account_id, product_id, first_on, last_on, orders, net, cost, uncosted) \
    SELECT n.tenant_id, g.account_id, g.product_id, g.first_on, g.last_on, g.orders, g.net, g.cost, g.uncosted \
    FROM owned g CROSS JOIN n ORDER BY 2, 3 \
    ON CONFLICT (tenant_id, account_id, product_id) DO UPDATE SET first_on = excluded.first_on, last_on = excluded.last_on, \
    orders = excluded.orders, net = excluded.net, cost = excluded.cost, uncosted = excluded.uncosted \
    WHERE (k.first_on, k.last_on, k.orders, k.net, k.cost, k.uncosted) IS DISTINCT FROM (excluded.first_on, excluded.last_on, \
    excluded.orders, excluded.net, excluded.cost, excluded.uncosted)), ";

/// The part of the statement that keeps them: some of its common table expressions.
pub(crate) fn keep(out: &mut Statement, tenant: Uuid, which: Which<'_>) {
    out.sql(OWNED).sql("owned_gone AS (DELETE FROM customer_products k WHERE k.tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant)));
    which.limit(out, "k.account_id");
    out.sql(
        " AND NOT EXISTS (SELECT FROM owned g WHERE g.account_id = k.account_id AND g.product_id = k.product_id)), ",
    );
}
