//! Why customers were lost, as far as there are signs of it in what Kith knows: in contracts, contacts, answers and lost deals.
//! What a person says of it afterwards counts for more.

use chrono::{Days, NaiveDate};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use kith_lifecycle::rules::churn::Grounds;
use kith_lifecycle::{Suspicion, rules};
use std::collections::HashMap;
use uuid::Uuid;

/// Days before the last order in which a bad answer or tone counts.
const BEFORE: i32 = 90;
/// Days in which a lost deal or a contact does.
const LATELY: Days = Days::new(180);

/// Finds the grounds of some suspicions.
pub(super) fn find(conn: &mut PgConnection, cx: &Cx, suspicions: &mut [Suspicion], as_of: NaiveDate) -> Result<()> {
    if suspicions.is_empty() {
        return Ok(());
    }
    let tenant = || Bind::Uuid(Some(cx.tenant));
    let lately = || Bind::Date(Some(as_of - LATELY));
    let mut out = Statement::new("SELECT v.id, EXISTS (SELECT FROM subscriptions s WHERE s.tenant_id = ");
    out.bind(tenant()).sql(" AND s.account_id = v.id AND s.archived_at IS NULL AND s.status = 'PAST_DUE')");
    // Or one that was stopped after a payment had failed.
    out.sql(" OR EXISTS (SELECT FROM payments s WHERE s.tenant_id = ").bind(tenant());
    out.sql(" AND s.account_id = v.id AND s.archived_at IS NULL AND s.status = 'FAILED' AND s.paid_at > ")
        .bind(lately())
        .sql(")");
    out.sql(", EXISTS (SELECT FROM interactions i WHERE i.tenant_id = ").bind(tenant());
    out.sql(" AND i.account_id = v.id AND i.archived_at IS NULL AND i.direction = 'INBOUND' AND i.occurred_at > ");
    out.bind(lately()).sql("), EXISTS (SELECT FROM loyalty_evidence e WHERE e.tenant_id = ").bind(tenant());
    out.sql(" AND e.account_id = v.id AND e.archived_at IS NULL AND e.kind = 'SATISFACTION' AND e.value <= 2");
    out.sql(format!(
        " AND e.answered_on > v.last_order - {BEFORE}), EXISTS (SELECT FROM interactions i WHERE i.tenant_id = "
    ));
    out.bind(tenant()).sql(" AND i.account_id = v.id AND i.archived_at IS NULL AND i.sentiment <= -0.5");
    out.sql(format!(
        " AND i.occurred_at > v.last_order - {BEFORE}) OR EXISTS (SELECT FROM loyalty_evidence e WHERE e.tenant_id = "
    ));
    out.bind(tenant())
        .sql(" AND e.account_id = v.id AND e.archived_at IS NULL AND e.kind = 'SENTIMENT' AND e.value <= -0.5");
    out.sql(format!(
        " AND e.answered_on > v.last_order - {BEFORE}), EXISTS (SELECT FROM opportunities o WHERE o.tenant_id = "
    ));
    out.bind(tenant()).sql(" AND o.account_id = v.id AND o.archived_at IS NULL AND o.status = 'LOST'");
    out.sql(" AND o.competitor_id IS NOT NULL AND o.closed_at > ").bind(lately()).sql(") FROM unnest(");
    out.bind(Bind::Uuids(suspicions.iter().map(|one| one.account).collect())).sql("::uuid[], ");
    out.bind(Bind::Dates(suspicions.iter().map(|one| one.last_order).collect()));
    out.sql("::date[]) AS v(id, last_order)");
    type Row = (Uuid, bool, bool, bool, bool, bool);
    let rows: Vec<Row> =
        RunQueryDsl::load(out.typed::<(st::Uuid, st::Bool, st::Bool, st::Bool, st::Bool, st::Bool)>(), conn)?;
    let grounds = |(id, payment_failed, keeps_contact, was_dissatisfied, was_negative, named_competitor): Row| {
        let known = Grounds {
            payment_failed,
            keeps_contact,
            was_dissatisfied,
            was_negative,
            named_competitor,
            ..Grounds::default()
        };
        (id, known)
    };
    let found: HashMap<Uuid, Grounds> = rows.into_iter().map(grounds).collect();
    for one in suspicions {
        one.class = rules::classify(&found.get(&one.account).copied().unwrap_or_default());
    }
    Ok(())
}
