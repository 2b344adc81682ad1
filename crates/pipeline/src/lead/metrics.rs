//! The metrics of leads.

use crate::metrics::{OWNER, SOURCE, TEAM};
use kith_kernel::{Dimension, Metric, Unit};

const CAMPAIGN: Dimension = Dimension { name: "campaign", key: "t.campaign", label: "t.campaign", resource: None };
const COUNTRY: Dimension = Dimension { name: "country", key: "t.country", label: "t.country", resource: None };
const STATUS: Dimension = Dimension { name: "status", key: "t.status", label: "t.status", resource: None };
const FORM: Dimension = Dimension {
    name: "form",
    key: "t.form_id",
    label: "SELECT f.name FROM lead_forms f WHERE f.tenant_id = t.tenant_id AND f.id = t.form_id",
    resource: Some("lead-forms"),
};
const REASON: Dimension =
    Dimension { name: "reason", key: "t.disqualify_reason", label: "t.disqualify_reason", resource: None };

/// What the metrics of leads share: the leads that came in during the period and are not waiting to be confirmed.
const BASE: Metric = Metric {
    name: "",
    definition: "",
    unit: Unit::Count,
    resource: "leads",
    joins: "",
    only: "t.opt_in <> 'PENDING'",
    at: Some("coalesce(t.confirmed_at, t.created_at)"),
    value: "count(*)",
    count: "count(*)",
    money: None,
    whole: &[],
    kept_rate: None,
    by: &[SOURCE, CAMPAIGN, FORM, OWNER, TEAM, COUNTRY, STATUS],
};

/// All of them.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "leads",
        definition: "Leads that came in during the period; those of a form with confirmation count when they are confirmed.",
        ..BASE
    },
    Metric {
        name: "lead-conversion-rate",
        definition: "Of the leads that came in during the period, the share that is converted by now, × 100.",
        unit: Unit::Percent,
        value: "100.0 * count(*) FILTER (WHERE t.status = 'CONVERTED') / nullif(count(*), 0)",
        ..BASE
    },
    Metric {
        name: "lead-response-time",
        definition: "Minutes from when a lead came in to its first response, on average, over the leads of the period that have one.",
        unit: Unit::Minutes,
        only: "t.opt_in <> 'PENDING' AND t.first_response_at IS NOT NULL",
        value: "avg(extract(epoch FROM greatest(t.first_response_at - coalesce(t.confirmed_at, t.created_at), interval '0'))) / 60",
        ..BASE
    },
    Metric {
        name: "lead-response-on-time",
        definition: "Of the leads of the period whose first response was due by now, the share that had it in time, × 100.",
        unit: Unit::Percent,
        only: "t.opt_in <> 'PENDING' AND t.respond_by IS NOT NULL AND (t.respond_by <= c.now OR t.first_response_at IS NOT NULL)",
        value: "100.0 * count(*) FILTER (WHERE t.first_response_at <= t.respond_by) / nullif(count(*), 0)",
        ..BASE
    },
    Metric {
        name: "lead-disqualification-reasons",
        definition: "Leads of the period that are disqualified by now, by `reason`.",
        only: "t.opt_in <> 'PENDING' AND t.status = 'DISQUALIFIED'",
        by: &[REASON, SOURCE, CAMPAIGN, FORM, OWNER, TEAM, COUNTRY],
        ..BASE
    },
];
