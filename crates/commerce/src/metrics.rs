//! The metrics of what was sold and paid. Each says in its definition what it counts; the runner does the rest.

use kith_kernel::{Besides, Dimension, Metric, Unit};

const ACCOUNT_NAME: &str = "SELECT a.name FROM accounts a WHERE a.tenant_id = t.tenant_id AND a.id = t.account_id";
const ACCOUNT: Dimension =
    Dimension { name: "account", key: "t.account_id", label: ACCOUNT_NAME, resource: Some("accounts") };
const BUYER: Dimension = Dimension {
    name: "account",
    key: "o.account_id",
    label: "SELECT a.name FROM accounts a WHERE a.tenant_id = o.tenant_id AND a.id = o.account_id",
    resource: Some("accounts"),
};
const PRODUCT: Dimension = Dimension {
    name: "product",
    key: "t.product_id",
    label: "SELECT p.name FROM products p WHERE p.tenant_id = t.tenant_id AND p.id = t.product_id",
    resource: Some("products"),
};
const FAMILY: Dimension =
    Dimension { name: "family", key: "f.id", label: "f.name", resource: Some("product-families") };
const BAND: Dimension = Dimension { name: "age", key: "age.band", label: "age.band", resource: None };

/// A line with its order, what came back of that, and the family of its product.
const LINE: &str = "JOIN orders o ON o.tenant_id = t.tenant_id AND o.id = t.order_id \
    LEFT JOIN products i ON i.tenant_id = t.tenant_id AND i.id = t.product_id \
    LEFT JOIN product_families f ON f.tenant_id = i.tenant_id AND f.id = i.family_id \
    CROSS JOIN LATERAL (SELECT coalesce(sum(r.net_amount), 0) AS net FROM refunds r \
    WHERE r.tenant_id = o.tenant_id AND r.assigned_order_id = o.id AND r.archived_at IS NULL) back ";

const BASE: Metric = Metric {
    name: "",
    definition: "",
    unit: Unit::Money,
    resource: "invoices",
    whole: &[],
    joins: "",
    only: "TRUE",
    at: None,
    value: "coalesce(sum(x.amount), 0)",
    count: "count(*)",
    money: None,
    kept_rate: None,
    by: &[ACCOUNT],
};

/// They are part of the catalogue.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "revenue",
        definition: "Sum of the nets of the lines of orders that are CONFIRMED or FULFILLED and not internal, ordered in the period, less what came back of these orders whenever that was, in proportion to the lines; by `family` and `product`. Rates of the day of the order, as they were then. The count is that of the lines.",
        resource: "order-lines",
        whole: &[Besides::Same("orders"), Besides::Same("refunds")],
        joins: LINE,
        only: "o.archived_at IS NULL AND NOT o.is_internal AND o.status IN ('CONFIRMED', 'FULFILLED') AND o.net_amount > 0",
        at: Some("o.ordered_at"),
        money: Some([
            "(t.net_amount * (o.net_amount - back.net) / o.net_amount)",
            "t.net_currency",
            "(o.ordered_at AT TIME ZONE c.zone)::date",
        ]),
        kept_rate: Some("CASE WHEN o.base_net_currency = p.code THEN o.base_rate END"),
        by: &[FAMILY, PRODUCT, BUYER],
        ..BASE
    },
    Metric {
        name: "refund-rate",
        definition: "Of the nets of orders that are CONFIRMED or FULFILLED and not internal, ordered in the period, the share that came back, whenever that was, × 100. Rates of the day of the order, as they were then. The count is that of the orders.",
        unit: Unit::Percent,
        resource: "orders",
        whole: &[Besides::Same("refunds")],
        joins: "CROSS JOIN LATERAL (SELECT coalesce(sum(r.net_amount), 0) AS net FROM refunds r \
                WHERE r.tenant_id = t.tenant_id AND r.assigned_order_id = t.id AND r.archived_at IS NULL) back ",
        only: "NOT t.is_internal AND t.status IN ('CONFIRMED', 'FULFILLED') AND t.net_amount > 0",
        at: Some("t.ordered_at"),
        value: "100.0 * sum(back.net * x.rate) / nullif(sum(x.amount), 0)",
        money: Some(["t.net_amount", "t.net_currency", "(t.ordered_at AT TIME ZONE c.zone)::date"]),
        kept_rate: Some("CASE WHEN t.base_net_currency = p.code THEN t.base_rate END"),
        ..BASE
    },
    Metric {
        name: "refunds-unassigned",
        definition: "Sum of the nets of refunds of the period that fit no order of their customer: no figure of customers or products knows them, so it should be 0. Rates of their day.",
        resource: "refunds",
        only: "t.assigned_order_id IS NULL",
        at: Some("t.refunded_at"),
        money: Some(["t.net_amount", "t.net_currency", "(t.refunded_at AT TIME ZONE c.zone)::date"]),
        ..BASE
    },
    Metric {
        name: "receivables-overdue",
        definition: "Sum of the balances of OPEN invoices whose dueOn is past, by `age`: 1-30, 31-60, 61-90 days overdue, or 91+. Rates of today.",
        joins: "CROSS JOIN LATERAL (SELECT (c.now AT TIME ZONE c.zone)::date - t.due_on AS days) late CROSS JOIN LATERAL \
                (SELECT CASE WHEN late.days <= 30 THEN '1-30' WHEN late.days <= 60 THEN '31-60' WHEN late.days <= 90 THEN '61-90' ELSE '91+' END AS band) age ",
        only: "t.status = 'OPEN' AND t.due_on < (c.now AT TIME ZONE c.zone)::date",
        money: Some(["t.balance_amount", "t.balance_currency", "(c.now AT TIME ZONE c.zone)::date"]),
        by: &[BAND, ACCOUNT],
        ..BASE
    },
    Metric {
        name: "days-sales-outstanding",
        definition: "Sum of the balances of OPEN invoices ÷ gross of what was invoiced in the last 365 days × 365: for how many days of sales customers owe us. Rates of the day of issue.",
        unit: Unit::Days,
        only: "NOT t.is_void AND (t.status = 'OPEN' OR t.issued_on > (c.now AT TIME ZONE c.zone)::date - 365)",
        value: "365.0 * coalesce(sum(t.balance_amount * x.rate) FILTER (WHERE t.status = 'OPEN'), 0) \
                / nullif(sum(x.amount) FILTER (WHERE t.issued_on > (c.now AT TIME ZONE c.zone)::date - 365), 0)",
        money: Some(["t.gross_amount", "t.gross_currency", "t.issued_on"]),
        ..BASE
    },
    Metric {
        name: "monthly-recurring-revenue",
        definition: "Sum of what the subscriptions that run now cost a month: those ACTIVE or PAST_DUE, and those CANCELLED whose period is not over. Rates of today.",
        resource: "subscriptions",
        only: "t.started_on <= (c.now AT TIME ZONE c.zone)::date AND (t.status IN ('ACTIVE', 'PAST_DUE') \
               OR (t.status = 'CANCELLED' AND t.current_period_end > (c.now AT TIME ZONE c.zone)::date))",
        money: Some([
            "(t.amount_amount / CASE t.interval WHEN 'MONTH' THEN 1 WHEN 'QUARTER' THEN 3 ELSE 12 END)",
            "t.amount_currency",
            "(c.now AT TIME ZONE c.zone)::date",
        ]),
        by: &[PRODUCT, ACCOUNT],
        ..BASE
    },
];
