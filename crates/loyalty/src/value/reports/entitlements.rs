//! What an account is entitled to: what its class gets by the resource policies, and when it is to hear from us again.

use crate::value::clv::ValueState;
use crate::value::number::text;
use crate::value::profile::{Layer, ValueClass};
use crate::value::{ResourcePolicy, ValueProfile};
use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{log, store};
use kith_kernel::{Action, Bind, Condition, Cx, ErrorKind, Result, Row, Shape, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

/// Accounts and touches of other areas are read under their own rights.
const ACCOUNTS: &str = "accounts";
const INTERACTIONS: &str = "interactions";

/// Looks them up.
pub fn entitlements(conn: &mut PgConnection, cx: &Cx, account: Uuid) -> Result<Value> {
    let mark = mark(cx, store::get(conn, cx, cx.entry(ACCOUNTS)?, account)?.as_ref())?;
    let profile = profile(conn, cx, account)?;
    let ruled = profile.as_ref().map(|profile| profile.importance.as_str().to_owned());
    let class = profile.as_ref().map_or(ValueClass::Unclassified, |profile| profile.value_class);
    let policy = policy(conn, cx, class)?;
    let reason = match (&profile, &policy) {
        (_, Some(_)) => None,
        (None, _) => Some("NOT_VALUED"),
        (Some(_), None) if class == ValueClass::Unclassified => Some("UNCLASSIFIED"),
        _ => Some("NO_POLICY"),
    };
    let every = policy.as_ref().and_then(|policy| policy.care_every_days);
    let care = match every {
        Some(days) => {
            let (last, on, today) = last_care(conn, cx, account)?;
            // Who never heard from us is due at once.
            let due =
                on.and_then(|on| on.checked_add_days(Days::new(crate::value::facts::days(days)))).unwrap_or(today);
            Some(json!({"lastOn": on, "lastAt": last, "everyDays": days, "dueOn": due, "isOverdue": due < today}))
        }
        None => None,
    };
    Ok(json!({
        "accountId": account,
        "valueClass": class.as_str(),
        "layer": profile.as_ref().map(|profile| layer(profile.layer)),
        "importanceSource": if mark.is_some() { "MANUAL" } else { "RULE" },
        "importance": mark.or(ruled),
        "policy": policy.as_ref().map(shown),
        "reason": reason,
        "discountCeiling": policy.as_ref().and_then(|policy| policy.discount_ceiling).map(text),
        "care": care,
        "source": {
            "modelId": profile.as_ref().and_then(|profile| profile.model_id).map(|id| id.0),
            "asOf": profile.as_ref().map(|profile| profile.as_of),
            "state": profile.as_ref().map_or(ValueState::NotApplicable, |profile| profile.state).as_str(),
            "score": profile.as_ref().and_then(|profile| profile.score).map(text),
            "potential": profile.as_ref().and_then(|profile| profile.potential).map(text),
        },
    }))
}

fn layer(layer: Layer) -> &'static str {
    layer.as_str()
}

fn shown(policy: &ResourcePolicy) -> Value {
    json!({
        "id": policy.meta.id, "strategy": policy.strategy.as_str(), "serviceLevel": policy.service_level,
        "responseHours": policy.response_hours, "benefits": policy.benefits,
    })
}

/// How important somebody says that it is, as long as that holds.
fn mark(cx: &Cx, account: &dyn Row) -> Result<Option<String>> {
    let entry = cx.entry(ACCOUNTS)?;
    let text = |name: &str| match log::field_value(account, entry.field(name)?.0) {
        Value::String(text) => Some(text),
        _ => None,
    };
    let until = text("importanceUntil").and_then(|day| day.parse::<NaiveDate>().ok());
    Ok(until.filter(|until| *until >= cx.today()).and_then(|_| text("importanceClass")))
}

/// What is known of its value, if anything.
pub(super) fn profile(conn: &mut PgConnection, cx: &Cx, account: Uuid) -> Result<Option<ValueProfile>> {
    match store::get(conn, cx, cx.entry(ValueProfile::NAME)?, account) {
        Ok(row) => Ok(row.any().downcast_ref::<ValueProfile>().filter(|row| row.meta.archived_at.is_none()).cloned()),
        Err(error) if error.code.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The policy of a class.
fn policy(conn: &mut PgConnection, cx: &Cx, class: ValueClass) -> Result<Option<ResourcePolicy>> {
    cx.require(cx.entry(ResourcePolicy::NAME)?, Action::Read)?;
    let found = store::rows::<ResourcePolicy>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND t.value_class = ").bind(Bind::Text(Some(class.as_str().to_owned())));
        out.sql(" ORDER BY t.id LIMIT 1");
    })?;
    Ok(found.into_iter().next())
}

/// When it last heard from us, on which of the tenant's days that was, and which day it is.
fn last_care(
    conn: &mut PgConnection,
    cx: &Cx,
    account: Uuid,
) -> Result<(Option<DateTime<Utc>>, Option<NaiveDate>, NaiveDate)> {
    let entry = cx.entry(INTERACTIONS)?;
    let scope = cx.require(entry, Action::Read)?;
    let mut out = Statement::new("SELECT l.at, (l.at AT TIME ZONE n.time_zone)::date, (");
    out.bind(Bind::Time(Some(cx.now))).sql("::timestamptz AT TIME ZONE n.time_zone)::date FROM tenants n ");
    out.sql(
        "CROSS JOIN LATERAL (SELECT max(i.occurred_at) AS at FROM interactions i WHERE i.tenant_id = n.tenant_id \
             AND i.archived_at IS NULL AND i.direction = 'OUTBOUND' AND i.account_id = ",
    );
    out.bind(Bind::Uuid(Some(account))).sql(" AND i.occurred_at <= ").bind(Bind::Time(Some(cx.now)));
    Condition::new(cx, false).scope(entry, "i", scope, &mut out);
    out.sql(") l WHERE n.id = n.tenant_id AND n.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    type Sql = (st::Nullable<st::Timestamptz>, st::Nullable<st::Date>, st::Date);
    Ok(RunQueryDsl::get_result(out.typed::<Sql>(), conn)?)
}
