//! The metrics of forecasts, targets and products.

use crate::metrics::{AMOUNT, BASE, OWNER, PIPELINE, SOURCE, TEAM};
use kith_kernel::{Besides, Dimension, Metric, Unit};

const STAGE: Dimension = Dimension {
    name: "stage",
    key: "t.stage_id",
    label: "SELECT s.name FROM stages s WHERE s.tenant_id = t.tenant_id AND s.id = t.stage_id",
    resource: Some("stages"),
};
const CATEGORY: Dimension =
    Dimension { name: "forecastCategory", key: "t.forecast_category", label: "t.forecast_category", resource: None };
const SNAPSHOT: Dimension = Dimension {
    name: "snapshot",
    key: "f.id",
    label: "coalesce(f.name, to_char(f.taken_at AT TIME ZONE c.zone, 'YYYY-MM-DD'))",
    resource: Some("forecast-snapshots"),
};
const USER: Dimension = Dimension {
    name: "user",
    key: "t.user_id",
    label: "SELECT u.name FROM users u WHERE u.tenant_id = t.tenant_id AND u.id = t.user_id",
    resource: Some("users"),
};
/// Of the rows that a join brings as `v`.
const THEIR_OWNER: Dimension = Dimension {
    key: "v.owner_id",
    label: "SELECT u.name FROM users u WHERE u.tenant_id = t.tenant_id AND u.id = v.owner_id",
    ..OWNER
};
const THEIR_TEAM: Dimension = Dimension {
    key: "v.team_id",
    label: "SELECT u.name FROM teams u WHERE u.tenant_id = t.tenant_id AND u.id = v.team_id",
    ..TEAM
};
const THEIR_PRODUCT: Dimension = Dimension {
    name: "product",
    key: "v.product_id",
    label: "SELECT p.name FROM products p WHERE p.tenant_id = t.tenant_id AND p.id = v.product_id",
    resource: Some("products"),
};

/// What a snapshot expected (`forecast`) and what was won in its period after all.
const FORECAST_AND_WON: &str = "JOIN forecast_snapshots f ON f.tenant_id = t.tenant_id AND f.id = t.id CROSS JOIN LATERAL (\
     SELECT TRUE AS forecast, l.amount_amount AS amount, l.amount_currency AS currency, l.probability, l.forecast_category AS category, \
     l.owner_id, l.team_id, (f.taken_at AT TIME ZONE c.zone)::date AS day \
     FROM forecast_snapshot_lines l WHERE l.tenant_id = f.tenant_id AND l.snapshot_id = f.id UNION ALL \
     SELECT FALSE, o.amount_amount, o.amount_currency, 100, 'CLOSED', o.owner_id, o.team_id, (o.closed_at AT TIME ZONE c.zone)::date \
     FROM opportunities o WHERE o.tenant_id = f.tenant_id AND o.archived_at IS NULL AND o.status = 'WON' \
     AND o.closed_at >= f.starts_on::timestamp AT TIME ZONE c.zone AND o.closed_at < (f.ends_on + 1)::timestamp AT TIME ZONE c.zone \
     AND (f.pipeline_id IS NULL OR o.pipeline_id = f.pipeline_id)) v";

/// A target, and what was won for it.
const TARGET_AND_WON: &str = "CROSS JOIN LATERAL (\
     SELECT TRUE AS target, t.amount_amount AS amount, t.amount_currency AS currency, least(t.starts_on, (c.now AT TIME ZONE c.zone)::date) AS day UNION ALL \
     SELECT FALSE, o.amount_amount, o.amount_currency, (o.closed_at AT TIME ZONE c.zone)::date \
     FROM opportunities o WHERE o.tenant_id = t.tenant_id AND o.archived_at IS NULL AND o.status = 'WON' \
     AND o.closed_at >= t.starts_on::timestamp AT TIME ZONE c.zone AND o.closed_at < (t.ends_on + 1)::timestamp AT TIME ZONE c.zone \
     AND (t.pipeline_id IS NULL OR o.pipeline_id = t.pipeline_id) AND (t.user_id IS NULL OR o.owner_id = t.user_id) \
     AND (t.team_id IS NULL OR o.team_id IN (WITH RECURSIVE below AS (SELECT t.team_id AS id UNION \
     SELECT n.id FROM teams n JOIN below ON n.parent_id = below.id WHERE n.tenant_id = t.tenant_id) SELECT id FROM below))) v";

/// The products of an opportunity, each with its share of the lines. The parts of the amount are differences of rounded
/// running sums, so that they add up to the amount exactly.
const PRODUCTS: &str = "JOIN stages s ON s.tenant_id = t.tenant_id AND s.id = t.stage_id CROSS JOIN LATERAL (\
     SELECT w.product_id, w.total / w.whole AS share, \
     round(t.amount_amount * w.upto / w.whole, 4) - round(t.amount_amount * (w.upto - w.total) / w.whole, 4) AS amount \
     FROM (SELECT g.product_id, g.total, sum(g.total) OVER () AS whole, sum(g.total) OVER (ORDER BY g.product_id) AS upto \
     FROM (SELECT n.product_id, sum(n.total_amount) AS total FROM opportunity_lines n WHERE n.tenant_id = t.tenant_id \
     AND n.opportunity_id = t.id AND n.archived_at IS NULL GROUP BY n.product_id) g) w WHERE w.whole > 0 UNION ALL \
     SELECT NULL::uuid, 1::numeric, t.amount_amount WHERE NOT EXISTS (SELECT FROM opportunity_lines n WHERE n.tenant_id = t.tenant_id \
     AND n.opportunity_id = t.id AND n.archived_at IS NULL AND n.total_amount > 0)) v";
const PRODUCT_AMOUNT: [&str; 3] = ["v.amount", AMOUNT[1], AMOUNT[2]];
const BY_PRODUCT: Metric = Metric {
    whole: &[Besides::Same("opportunity-lines")],
    joins: PRODUCTS,
    count: "count(DISTINCT t.id)",
    by: &[THEIR_PRODUCT, OWNER, TEAM, SOURCE, PIPELINE],
    ..BASE
};

/// Those of snapshots.
const OF_SNAPSHOTS: Metric = Metric {
    unit: Unit::Percent,
    resource: "forecast-snapshots",
    whole: &[Besides::All("opportunities"), Besides::All("forecast-snapshot-lines")],
    joins: FORECAST_AND_WON,
    only: "t.ends_on < (c.now AT TIME ZONE c.zone)::date",
    at: Some("t.taken_at"),
    count: "count(DISTINCT t.id)",
    money: Some(["v.amount", "v.currency", "v.day"]),
    by: &[SNAPSHOT, PIPELINE, THEIR_OWNER, THEIR_TEAM],
    ..BASE
};

/// All of them.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "slippage",
        definition: "Of the opportunities that were open in forecast snapshots taken in the period, the share that was not decided in the snapshot's own period, × 100: its close date has moved behind that period or is gone, it was decided later, or the period is over and it is still open.",
        unit: Unit::Percent,
        resource: "forecast-snapshot-lines",
        whole: &[Besides::Same("opportunities"), Besides::Same("forecast-snapshots")],
        joins: "JOIN forecast_snapshots f ON f.tenant_id = t.tenant_id AND f.id = t.snapshot_id AND f.archived_at IS NULL \
                JOIN opportunities o ON o.tenant_id = t.tenant_id AND o.id = t.opportunity_id AND o.archived_at IS NULL",
        only: "t.status = 'OPEN'",
        at: Some("f.taken_at"),
        value: "100.0 * count(*) FILTER (WHERE CASE WHEN o.status = 'OPEN' THEN o.close_date IS NULL OR o.close_date > f.ends_on OR f.ends_on < (c.now AT TIME ZONE c.zone)::date \
                ELSE (o.closed_at AT TIME ZONE c.zone)::date > f.ends_on END) / nullif(count(*), 0)",
        by: &[SNAPSHOT, OWNER, TEAM, PIPELINE, STAGE, CATEGORY],
        ..BASE
    },
    Metric {
        name: "forecast-accuracy",
        definition: "100 × (1 − |forecast − won| ÷ won), at least 0, over forecast snapshots taken in the period whose own period is over. The forecast is what a snapshot had as CLOSED and COMMIT; won is what was won in its period. Rates of the day of the snapshot, and of the day of winning.",
        value: "CASE WHEN sum(x.amount) FILTER (WHERE NOT v.forecast) <> 0 THEN 100 * greatest(0, 1 - abs(coalesce(sum(x.amount) FILTER (WHERE v.forecast AND v.category IN ('CLOSED', 'COMMIT')), 0) \
                - coalesce(sum(x.amount) FILTER (WHERE NOT v.forecast), 0)) / sum(x.amount) FILTER (WHERE NOT v.forecast)) END",
        ..OF_SNAPSHOTS
    },
    Metric {
        name: "weighted-forecast-accuracy",
        definition: "The same as forecast-accuracy, with amount × probability ÷ 100 of everything that the snapshot had and that was not OMITTED as the forecast.",
        value: "CASE WHEN sum(x.amount) FILTER (WHERE NOT v.forecast) <> 0 THEN 100 * greatest(0, 1 - abs(coalesce(sum(x.amount * v.probability / 100) FILTER (WHERE v.forecast AND v.category <> 'OMITTED'), 0) \
                - coalesce(sum(x.amount) FILTER (WHERE NOT v.forecast), 0)) / sum(x.amount) FILTER (WHERE NOT v.forecast)) END",
        ..OF_SNAPSHOTS
    },
    Metric {
        name: "target-attainment",
        definition: "What was won in the periods of targets ÷ the targets × 100, over targets that end in the period. A team's target counts what the team and those below it won. Rates of the day of winning; of targets, of their first day, or of today where that is to come. Targets of teams contain those of their members: group by user or team, or filter.",
        unit: Unit::Percent,
        resource: "targets",
        whole: &[Besides::All("opportunities")],
        joins: TARGET_AND_WON,
        only: "TRUE",
        at: Some("t.ends_on::timestamp AT TIME ZONE c.zone"),
        value: "100 * coalesce(sum(x.amount) FILTER (WHERE NOT v.target), 0) / nullif(sum(x.amount) FILTER (WHERE v.target), 0)",
        count: "count(DISTINCT t.id)",
        money: Some(["v.amount", "v.currency", "v.day"]),
        kept_rate: None,
        by: &[USER, TEAM, PIPELINE],
    },
    Metric {
        name: "won-value-by-product",
        definition: "Sum of the amounts of opportunities won in the period, each amount divided among its products in proportion to the totals of their lines; what has no lines, or none with a price, has no product. The groups add up to won-value. Rates of the day they were won.",
        unit: Unit::Money,
        only: "t.status = 'WON'",
        value: "coalesce(sum(x.amount), 0)",
        money: Some(PRODUCT_AMOUNT),
        ..BY_PRODUCT
    },
    Metric {
        name: "open-pipeline-by-product",
        definition: "Sum of the amounts of open opportunities, divided among their products as in won-value-by-product. The groups add up to open-pipeline. Rates of today.",
        unit: Unit::Money,
        only: "t.status = 'OPEN'",
        at: None,
        value: "coalesce(sum(x.amount), 0)",
        money: Some(PRODUCT_AMOUNT),
        ..BY_PRODUCT
    },
    Metric {
        name: "weighted-pipeline-by-product",
        definition: "Sum over open opportunities, divided among their products as in won-value-by-product, of amount × probability ÷ 100; the probability is the opportunity's own, or else its stage's. The groups add up to weighted-pipeline.",
        unit: Unit::Money,
        only: "t.status = 'OPEN'",
        at: None,
        value: "coalesce(sum(x.amount * coalesce(t.probability, (SELECT s.probability FROM stages s WHERE s.tenant_id = t.tenant_id AND s.id = t.stage_id)) / 100), 0)",
        money: Some(PRODUCT_AMOUNT),
        ..BY_PRODUCT
    },
    Metric {
        name: "win-rate-by-product",
        definition: "Opportunities won in the period ÷ opportunities won or lost in it × 100, where each counts for its products in proportion to the totals of their lines. Over all products it is win-rate. The count is that of the opportunities in which the product has a part.",
        unit: Unit::Percent,
        value: "100.0 * coalesce(sum(v.share) FILTER (WHERE t.status = 'WON'), 0) / nullif(sum(v.share), 0)",
        ..BY_PRODUCT
    },
];
