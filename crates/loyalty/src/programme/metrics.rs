//! The metrics of the programme. Points count on the day on which something happened, in the tenant's time zone.

use kith_kernel::{Besides, Dimension, Metric, Unit};

const PROGRAM: Dimension = Dimension {
    name: "program",
    key: "k.program_id",
    label: "SELECT p.name FROM loyalty_programs p WHERE p.tenant_id = t.tenant_id AND p.id = k.program_id",
    resource: Some("loyalty-programs"),
};
const TIER: Dimension = Dimension {
    name: "tier",
    key: "k.tier_id",
    label: "SELECT r.name FROM loyalty_tiers r WHERE r.tenant_id = t.tenant_id AND r.id = k.tier_id",
    resource: Some("loyalty-tiers"),
};
const SOURCE: Dimension = Dimension { name: "source", key: "e.source", label: "e.source", resource: None };
const STATUS: Dimension = Dimension { name: "status", key: "k.status", label: "k.status", resource: None };

const ITSELF: &str = "JOIN loyalty_memberships k ON k.tenant_id = t.tenant_id AND k.id = t.id";

/// What those over postings have in common.
const BASE: Metric = Metric {
    name: "",
    definition: "",
    unit: Unit::Count,
    resource: "point-postings",
    whole: &[Besides::Same("point-entries"), Besides::Same("loyalty-memberships")],
    joins: "JOIN point_entries e ON e.tenant_id = t.tenant_id AND e.id = t.entry_id \
            JOIN loyalty_memberships k ON k.tenant_id = t.tenant_id AND k.id = t.membership_id",
    only: "TRUE",
    at: Some("e.occurred_at"),
    value: "",
    count: "count(*)",
    money: None,
    kept_rate: None,
    by: &[PROGRAM, TIER, SOURCE],
};

/// What those over members have in common.
const OF_MEMBERS: Metric = Metric {
    resource: "loyalty-memberships",
    whole: &[],
    joins: ITSELF,
    at: None,
    by: &[PROGRAM, TIER, STATUS],
    ..BASE
};

/// All of them.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "points-issued",
        definition: "Points earned in the period, less those whose earning was reversed in it. Corrections do not count.",
        only: "t.ledger_account = 'ISSUED'",
        value: "coalesce(-sum(t.points), 0)",
        ..BASE
    },
    Metric {
        name: "points-redeemed",
        definition: "Points spent in the period, less those that went back in it.",
        only: "t.ledger_account = 'REDEEMED'",
        value: "coalesce(sum(t.points), 0)",
        ..BASE
    },
    Metric {
        name: "points-expired",
        definition: "Points that expired in the period.",
        only: "t.ledger_account = 'EXPIRED'",
        value: "coalesce(sum(t.points), 0)",
        ..BASE
    },
    Metric {
        name: "point-redemption-rate",
        definition: "points-redeemed ÷ points-issued × 100 of the period.",
        unit: Unit::Percent,
        only: "t.ledger_account IN ('ISSUED', 'REDEEMED')",
        value: "100.0 * coalesce(sum(t.points) FILTER (WHERE t.ledger_account = 'REDEEMED'), 0) \
                / nullif(-sum(t.points) FILTER (WHERE t.ledger_account = 'ISSUED'), 0)",
        by: &[PROGRAM, TIER],
        ..BASE
    },
    Metric {
        name: "active-members",
        definition: "Members who earned or spent points in the period.",
        only: "e.kind IN ('EARN', 'REDEEM')",
        value: "count(DISTINCT t.membership_id)",
        count: "count(DISTINCT t.membership_id)",
        by: &[PROGRAM, TIER],
        ..BASE
    },
    Metric {
        name: "points-outstanding",
        definition: "Points that members hold now, pending ones included: what is owed to them.",
        value: "coalesce(sum(t.balance + t.pending), 0)",
        ..OF_MEMBERS
    },
    Metric {
        name: "loyalty-members",
        definition: "Members whose membership is ACTIVE; by `tier`: how many are in which.",
        only: "t.status = 'ACTIVE'",
        value: "count(*)",
        ..OF_MEMBERS
    },
];
