//! The metrics of relationships. Each says in its definition what it counts; the runner does the rest.

use kith_kernel::{Besides, Dimension, Metric, Unit};

const fn plain(name: &'static str, key: &'static str) -> Dimension {
    Dimension { name, key, label: key, resource: None }
}

const OWNER: Dimension = Dimension {
    name: "owner",
    key: "a.owner_id",
    label: "SELECT u.name FROM users u WHERE u.tenant_id = t.tenant_id AND u.id = a.owner_id",
    resource: Some("users"),
};
const COMPETITOR: Dimension = Dimension {
    name: "competitor",
    key: "t.competitor_id",
    label: "SELECT c.name FROM competitors c WHERE c.tenant_id = t.tenant_id AND c.id = t.competitor_id",
    resource: Some("competitors"),
};
const WITH_ACCOUNT: &str =
    "JOIN accounts a ON a.tenant_id = t.tenant_id AND a.id = t.account_id AND a.archived_at IS NULL";
const WITH_EVENT: &str = "JOIN accounts a ON a.tenant_id = t.tenant_id AND a.id = t.account_id JOIN churn_events e ON e.tenant_id = t.tenant_id AND e.id = t.churn_event_id";
const WITH_PLAN: &str = "JOIN retention_plans p ON p.tenant_id = t.tenant_id AND p.id = t.retention_plan_id";

const BASE: Metric = Metric {
    name: "",
    definition: "",
    unit: Unit::Count,
    resource: "lifecycles",
    whole: &[Besides::Same("accounts")],
    joins: WITH_ACCOUNT,
    only: "TRUE",
    at: None,
    value: "count(*)",
    count: "count(*)",
    money: None,
    kept_rate: None,
    by: &[],
};

const STAGES: &[Dimension] = &[
    plain("stage", "t.stage"),
    plain("loyaltyStage", "t.loyalty_stage"),
    plain("activity", "t.activity"),
    plain("source", "t.source"),
    OWNER,
];
const EVENTS: &[Dimension] = &[
    plain("kind", "t.kind"),
    plain("initiative", "t.initiative"),
    plain("source", "t.source"),
    plain("status", "t.status"),
    COMPETITOR,
    OWNER,
];
const CASES: &[Dimension] = &[plain("kind", "e.kind"), plain("initiative", "e.initiative"), OWNER];
const LOST: &str = "(t.occurred_on::timestamp AT TIME ZONE c.zone)";

/// All of them.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "stage-population",
        definition: "Accounts, by the `stage` of the relationship, by `loyaltyStage` or by `activity`, as they stand now.",
        by: STAGES,
        ..BASE
    },
    Metric {
        name: "churn-events",
        definition: "Losses of the period that are SUSPECTED or CONFIRMED, by the day on which they occurred.",
        resource: "churn-events",
        only: "t.status <> 'REVERSED'",
        at: Some(LOST),
        by: EVENTS,
        ..BASE
    },
    Metric {
        name: "churned-value",
        definition: "Sum of what was lost by CONFIRMED losses of the period. Rates of the day of the loss.",
        unit: Unit::Money,
        resource: "churn-events",
        only: "t.status = 'CONFIRMED'",
        at: Some(LOST),
        value: "coalesce(sum(x.amount), 0)",
        money: Some(["t.value_lost_amount", "t.value_lost_currency", "t.occurred_on"]),
        by: EVENTS,
        ..BASE
    },
    Metric {
        name: "churn-unexplained",
        definition: "Of the losses of the period that are SUSPECTED or CONFIRMED, the share whose kind is OTHER, × 100: what nobody can tell.",
        unit: Unit::Percent,
        resource: "churn-events",
        only: "t.status <> 'REVERSED'",
        at: Some(LOST),
        value: "100.0 * count(*) FILTER (WHERE t.kind = 'OTHER') / nullif(count(*), 0)",
        by: EVENTS,
        ..BASE
    },
    Metric {
        name: "win-back-save-rate",
        definition: "Of the attempts to win back that were decided in the period (SAVED or LOST), the share that was SAVED, × 100.",
        unit: Unit::Percent,
        resource: "win-back-cases",
        whole: &[Besides::Same("accounts"), Besides::Same("churn-events")],
        joins: WITH_EVENT,
        only: "t.status IN ('SAVED', 'LOST')",
        at: Some("t.decided_at"),
        value: "100.0 * count(*) FILTER (WHERE t.status = 'SAVED') / nullif(count(*), 0)",
        by: CASES,
        ..BASE
    },
    Metric {
        name: "win-back-saved-value",
        definition: "Sum of targetValue of the attempts to win back that were SAVED in the period: what second lifetimes are expected to be worth. Rates of the day of the decision.",
        unit: Unit::Money,
        resource: "win-back-cases",
        whole: &[Besides::Same("accounts"), Besides::Same("churn-events")],
        joins: WITH_EVENT,
        only: "t.status = 'SAVED'",
        at: Some("t.decided_at"),
        value: "coalesce(sum(x.amount), 0)",
        money: Some(["t.target_value_amount", "t.target_value_currency", "(t.decided_at AT TIME ZONE c.zone)::date"]),
        by: CASES,
        ..BASE
    },
    Metric {
        name: "retention-actions",
        definition: "Actions to keep customers that were done in the period, by `outcome` or `lever`.",
        resource: "retention-actions",
        whole: &[Besides::Same("retention-plans")],
        joins: WITH_PLAN,
        only: "t.done_at IS NOT NULL",
        at: Some("t.done_at"),
        by: &[plain("outcome", "t.outcome"), plain("lever", "t.lever"), plain("campaign", "p.campaign")],
        ..BASE
    },
    Metric {
        name: "value-at-risk",
        definition: "Sum over customers of probability × lifetime value. Rates of the day as of which it was computed.",
        unit: Unit::Money,
        resource: "churn-risks",
        only: "t.value_at_risk_amount IS NOT NULL",
        value: "coalesce(sum(x.amount), 0)",
        money: Some(["t.value_at_risk_amount", "t.value_at_risk_currency", "t.as_of"]),
        by: &[plain("state", "t.state"), plain("model", "t.model"), OWNER],
        ..BASE
    },
];
