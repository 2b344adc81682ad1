//! The metrics of the pipeline. Each says in its definition what it counts; the runner does the rest.

use kith_kernel::{Besides, Dimension, Metric, Unit};

pub(crate) const OWNER: Dimension = Dimension {
    name: "owner",
    key: "t.owner_id",
    label: "SELECT u.name FROM users u WHERE u.tenant_id = t.tenant_id AND u.id = t.owner_id",
    resource: Some("users"),
};
pub(crate) const TEAM: Dimension = Dimension {
    name: "team",
    key: "t.team_id",
    label: "SELECT u.name FROM teams u WHERE u.tenant_id = t.tenant_id AND u.id = t.team_id",
    resource: Some("teams"),
};
const ACCOUNT: Dimension = Dimension {
    name: "account",
    key: "t.account_id",
    label: "SELECT a.name FROM accounts a WHERE a.tenant_id = t.tenant_id AND a.id = t.account_id",
    resource: Some("accounts"),
};
pub(crate) const SOURCE: Dimension = Dimension { name: "source", key: "t.source", label: "t.source", resource: None };
pub(crate) const PIPELINE: Dimension = Dimension {
    name: "pipeline",
    key: "t.pipeline_id",
    label: "SELECT p.name FROM pipelines p WHERE p.tenant_id = t.tenant_id AND p.id = t.pipeline_id",
    resource: Some("pipelines"),
};
pub(crate) const STAGE: Dimension = Dimension { name: "stage", key: "s.id", label: "s.name", resource: Some("stages") };
const COMPETITOR: Dimension = Dimension {
    name: "competitor",
    key: "t.competitor_id",
    label: "SELECT c.name FROM competitors c WHERE c.tenant_id = t.tenant_id AND c.id = t.competitor_id",
    resource: Some("competitors"),
};
const REASON: Dimension = Dimension {
    name: "reason",
    key: "t.close_reason_id",
    label: "SELECT r.name FROM close_reasons r WHERE r.tenant_id = t.tenant_id AND r.id = t.close_reason_id",
    resource: Some("close-reasons"),
};
const CATEGORY: Dimension = Dimension {
    name: "forecastCategory",
    key: "coalesce(t.forecast_category, s.forecast_category)",
    label: "coalesce(t.forecast_category, s.forecast_category)",
    resource: None,
};
const CLOSE_MONTH: Dimension = Dimension {
    name: "closeMonth",
    key: "to_char(t.close_date, 'YYYY-MM')",
    label: "to_char(t.close_date, 'YYYY-MM')",
    resource: None,
};
const PRODUCT: Dimension = Dimension {
    name: "product",
    key: "t.product_id",
    label: "SELECT p.name FROM products p WHERE p.tenant_id = t.tenant_id AND p.id = t.product_id",
    resource: Some("products"),
};

pub(crate) const WITH_STAGE: &str = "JOIN stages s ON s.tenant_id = t.tenant_id AND s.id = t.stage_id";
/// Of the opportunity that a row belongs to.
const ITS_OWNER: Dimension = Dimension {
    key: "o.owner_id",
    label: "SELECT u.name FROM users u WHERE u.tenant_id = t.tenant_id AND u.id = o.owner_id",
    ..OWNER
};
const ITS_TEAM: Dimension = Dimension {
    key: "o.team_id",
    label: "SELECT u.name FROM teams u WHERE u.tenant_id = t.tenant_id AND u.id = o.team_id",
    ..TEAM
};
const ITS_SOURCE: Dimension = Dimension { key: "o.source", label: "o.source", ..SOURCE };
const STEPS: &[Dimension] = &[PIPELINE, STAGE, ITS_OWNER, ITS_TEAM, ITS_SOURCE];

const WITH_OPPORTUNITY: &str =
    "JOIN opportunities o ON o.tenant_id = t.tenant_id AND o.id = t.opportunity_id AND o.archived_at IS NULL";
/// How an opportunity counts in a forecast: what is won has come.
pub(crate) const CATEGORY_NOW: &str =
    "(CASE t.status WHEN 'WON' THEN 'CLOSED' ELSE coalesce(t.forecast_category, s.forecast_category) END)";
/// Amount, currency, and the day of the rate: of the decision, or of today for what is open.
pub(crate) const AMOUNT: [&str; 3] = [
    "t.amount_amount",
    "t.amount_currency",
    "coalesce((t.closed_at AT TIME ZONE c.zone)::date, (c.now AT TIME ZONE c.zone)::date)",
];
const DECIDED: &str = "t.status <> 'OPEN'";
const ALL: &[Dimension] = &[OWNER, TEAM, ACCOUNT, SOURCE, PIPELINE, STAGE, COMPETITOR, REASON];
const NOW: &[Dimension] = &[OWNER, TEAM, ACCOUNT, SOURCE, PIPELINE, STAGE, CATEGORY, CLOSE_MONTH];

/// What most metrics of opportunities have in common.
pub(crate) const BASE: Metric = Metric {
    name: "",
    definition: "",
    unit: Unit::Count,
    resource: "opportunities",
    whole: &[],
    joins: WITH_STAGE,
    only: DECIDED,
    at: Some("t.closed_at"),
    value: "count(*)",
    count: "count(*)",
    money: None,
    kept_rate: None,
    by: ALL,
};

/// All of them.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "open-pipeline",
        definition: "Sum of the amounts of open opportunities. Rates of today.",
        unit: Unit::Money,
        only: "t.status = 'OPEN'",
        at: None,
        value: "coalesce(sum(x.amount), 0)",
        money: Some(AMOUNT),
        by: NOW,
        ..BASE
    },
    Metric {
        name: "weighted-pipeline",
        definition: "Sum over open opportunities of amount × probability ÷ 100; the probability is the opportunity's own, or else its stage's. Rates of today.",
        unit: Unit::Money,
        only: "t.status = 'OPEN'",
        at: None,
        value: "coalesce(sum(x.amount * coalesce(t.probability, s.probability) / 100), 0)",
        money: Some(AMOUNT),
        by: NOW,
        ..BASE
    },
    Metric { name: "won", definition: "Number of opportunities won in the period.", only: "t.status = 'WON'", ..BASE },
    Metric {
        name: "lost",
        definition: "Number of opportunities lost in the period. By `reason`: why; by `competitor`: to whom.",
        only: "t.status = 'LOST'",
        ..BASE
    },
    Metric {
        name: "won-value",
        definition: "Sum of the amounts of opportunities won in the period. Rates of the day they were won.",
        unit: Unit::Money,
        only: "t.status = 'WON'",
        value: "coalesce(sum(x.amount), 0)",
        money: Some(AMOUNT),
        ..BASE
    },
    Metric {
        name: "average-won-value",
        definition: "Mean amount of opportunities won in the period; those without an amount do not count. Rates of the day they were won.",
        unit: Unit::Money,
        only: "t.status = 'WON'",
        value: "avg(x.amount)",
        count: "count(x.amount)",
        money: Some(AMOUNT),
        ..BASE
    },
    Metric {
        name: "win-rate",
        definition: "Opportunities won in the period ÷ opportunities won or lost in the period × 100.",
        unit: Unit::Percent,
        value: "100.0 * count(*) FILTER (WHERE t.status = 'WON') / nullif(count(*), 0)",
        ..BASE
    },
    Metric {
        name: "cycle-length",
        definition: "Mean time from openedAt to closedAt of opportunities won in the period, in days.",
        unit: Unit::Days,
        only: "t.status = 'WON'",
        value: "avg(extract(epoch FROM t.closed_at - t.opened_at)) / 86400",
        ..BASE
    },
    Metric {
        name: "velocity",
        definition: "Opportunities decided in the period × win rate × mean amount won ÷ mean days from openedAt to closedAt of those won: what is won a day of a sales cycle. Rates of the day of the decision.",
        unit: Unit::MoneyPerDay,
        value: "count(*) * (count(*) FILTER (WHERE t.status = 'WON'))::numeric / nullif(count(*), 0) \
                * avg(x.amount) FILTER (WHERE t.status = 'WON') \
                / nullif(avg(extract(epoch FROM t.closed_at - t.opened_at)) FILTER (WHERE t.status = 'WON') / 86400, 0)",
        money: Some(AMOUNT),
        ..BASE
    },
    Metric {
        name: "rotting",
        definition: "Number of open opportunities that are in their stage for longer than its rottingDays.",
        only: "t.status = 'OPEN' AND s.rotting_days IS NOT NULL AND t.stage_since < c.now - make_interval(days => s.rotting_days)",
        at: None,
        by: NOW,
        ..BASE
    },
    Metric {
        name: "time-in-stage",
        definition: "Mean time that opportunities spent in a stage before they left it, in days, of those that left it in the period; by `stage`: the stage they left.",
        unit: Unit::Days,
        resource: "stage-changes",
        whole: &[Besides::Same("opportunities")],
        joins: "JOIN stages s ON s.tenant_id = t.tenant_id AND s.id = t.from_stage_id \
                JOIN opportunities o ON o.tenant_id = t.tenant_id AND o.id = t.opportunity_id",
        only: "TRUE",
        at: Some("t.changed_at"),
        value: "avg(t.seconds_before) / 86400.0",
        by: STEPS,
        ..BASE
    },
    Metric {
        name: "stage-conversion",
        definition: "Of the opportunities that entered an open stage in the period, the share that later reached an open stage further on or was won, × 100; by `stage`: the stage they entered. The count is that of the opportunities that entered.",
        unit: Unit::Percent,
        resource: "stage-changes",
        whole: &[Besides::Same("opportunities")],
        joins: "JOIN stages s ON s.tenant_id = t.tenant_id AND s.id = t.to_stage_id AND s.kind = 'OPEN' \
                JOIN opportunities o ON o.tenant_id = t.tenant_id AND o.id = t.opportunity_id \
                CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM stage_changes n JOIN stages z ON z.tenant_id = n.tenant_id AND z.id = n.to_stage_id \
                WHERE n.tenant_id = t.tenant_id AND n.opportunity_id = t.opportunity_id AND (n.changed_at, n.id) > (t.changed_at, t.id) \
                AND (z.kind = 'WON' OR (z.kind = 'OPEN' AND z.position > s.position))) AS onward) later",
        only: "TRUE",
        at: Some("t.changed_at"),
        value: "100.0 * count(DISTINCT t.opportunity_id) FILTER (WHERE later.onward) / nullif(count(DISTINCT t.opportunity_id), 0)",
        count: "count(DISTINCT t.opportunity_id)",
        by: STEPS,
        ..BASE
    },
    Metric {
        name: "product-won-value",
        definition: "Sum of the totals of the lines of opportunities won in the period, by `product`. Rates of the day they were won.",
        unit: Unit::Money,
        resource: "opportunity-lines",
        whole: &[Besides::Same("opportunities")],
        joins: WITH_OPPORTUNITY,
        only: "o.status = 'WON'",
        at: Some("o.closed_at"),
        value: "coalesce(sum(x.amount), 0)",
        money: Some(["t.total_amount", "t.total_currency", "(o.closed_at AT TIME ZONE c.zone)::date"]),
        by: &[PRODUCT],
        ..BASE
    },
    Metric {
        name: "competitor-win-rate",
        definition: "Of the opportunities decided in the period in which a competitor took part, the share that we won, × 100; by `competitor`.",
        unit: Unit::Percent,
        resource: "opportunity-competitors",
        whole: &[Besides::Same("opportunities")],
        joins: WITH_OPPORTUNITY,
        only: "o.status <> 'OPEN'",
        at: Some("o.closed_at"),
        value: "100.0 * count(*) FILTER (WHERE o.status = 'WON') / nullif(count(*), 0)",
        by: &[COMPETITOR],
        ..BASE
    },
    Metric {
        name: "competitor-pipeline",
        definition: "Sum over the open opportunities in which a competitor takes part of amount × probability ÷ 100; by `competitor`. One with several competitors counts for each of them, and in the total too. Rates of today.",
        unit: Unit::Money,
        resource: "opportunity-competitors",
        whole: &[Besides::Same("opportunities")],
        joins: WITH_OPPORTUNITY,
        only: "o.status = 'OPEN'",
        at: None,
        value: "coalesce(sum(x.amount * coalesce(o.probability, (SELECT s.probability FROM stages s WHERE s.tenant_id = o.tenant_id AND s.id = o.stage_id)) / 100), 0)",
        money: Some(["o.amount_amount", "o.amount_currency", "(c.now AT TIME ZONE c.zone)::date"]),
        by: &[COMPETITOR],
        ..BASE
    },
];
