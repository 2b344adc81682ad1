//! Deliveries on their way: who may be sent what now, and what came of it. A delivery belongs to whoever claimed it until
//! its lease is over; a process that dies leaves it to the next one.

use crate::{DeliveryState, WebhookDelivery, WebhookEndpoint, address, delivery, endpoint, event, secret, signature};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::feed::{Change, Position};
use kith_journal::{store, wake};
use kith_kernel::{Bind, Cx, Error, PrincipalKind, Result, Statement};
use rand::Rng;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Deliveries on their way to one endpoint at once.
const AT_ONCE: i64 = 4;
/// How long a claimed delivery is left to whoever claimed it: longer than an attempt can take.
const LEASE: TimeDelta = TimeDelta::seconds(25);
/// The wait after each failed attempt, in seconds: ten attempts over three days.
const WAITS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 75_600];

/// Something to send.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What it is.
    pub delivery: WebhookDelivery,
    /// Where to, as the endpoint says.
    pub url: String,
    /// What.
    pub body: Vec<u8>,
    /// What it is signed with, the newest first.
    secrets: Vec<Vec<u8>>,
}

impl Outgoing {
    /// The headers of an attempt at a time.
    pub fn headers(&self, now: DateTime<Utc>) -> Result<[(&'static str, String); 4]> {
        let (id, at) = (self.delivery.event_id.to_string(), now.timestamp());
        let secrets = self.secrets.iter().map(Vec::as_slice);
        let signature = signature::header(secrets, &id, at, &self.body)?;
        Ok([
            ("content-type", "application/json".to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature),
            ("webhook-id", id),
        ])
    }

    /// Where to, if it may be sent there.
    pub fn receiver(&self) -> std::result::Result<address::Receiver, Went> {
        address::check(&self.url).map_err(|_| Went::failed("ADDRESS"))
    }
}

/// How an attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Went {
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What was wrong.
    pub error: Option<&'static str>,
}

impl Went {
    /// Without an answer.
    pub fn failed(error: &'static str) -> Self {
        Went { status: None, error: Some(error) }
    }

    /// With one.
    pub fn answered(status: u16) -> Self {
        let error = match status {
            200..=299 => None,
            300..=399 => Some("REDIRECT"),
            _ => Some("STATUS"),
        };
        Went { status: Some(status), error }
    }
}

/// Claims what can be sent to an endpoint now, at most `most`: not before its time, not before an earlier event about the
/// same record, and not more at once than the endpoint bears, which is one as long as it fails.
pub fn claim(conn: &mut PgConnection, cx: &Cx, endpoint: &WebhookEndpoint, most: i64) -> Result<Vec<Outgoing>> {
    let bound = if endpoint.failures > 0 { 1 } else { AT_ONCE };
    let room = (bound - under_way(conn, cx, endpoint)?).min(most);
    if room <= 0 {
        return Ok(Vec::new());
    }
    let now = || Bind::Time(Some(cx.now));
    let due = store::rows::<WebhookDelivery>(conn, cx, |out| {
        out.sql(" AND t.endpoint_id = ").bind(Bind::Uuid(Some(endpoint.meta.id)));
        out.sql(" AND t.state = 'PENDING' AND t.next_attempt_at <= ").bind(now());
        out.sql(" AND (t.lease_until IS NULL OR t.lease_until <= ").bind(now());
        out.sql(") AND NOT EXISTS (SELECT FROM webhook_deliveries e WHERE e.tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(
            " AND e.endpoint_id = t.endpoint_id AND e.record_id = t.record_id AND e.state = 'PENDING' \
             AND (e.change_xid, e.change_seq) < (t.change_xid, t.change_seq)) ORDER BY t.next_attempt_at, t.id LIMIT ",
        );
        out.bind(Bind::BigInt(Some(room))).sql(" FOR UPDATE SKIP LOCKED");
    })?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let secrets = secret::current(conn, cx, endpoint)?;
    let acting = event::acting(conn, cx, endpoint)?;
    let mut claimed = Vec::with_capacity(due.len());
    for mut delivery in due {
        let (resource, record) = (delivery.resource.as_str(), delivery.record_id);
        let sees = match &acting {
            Some(acting) => delivery.event_type == delivery::TEST || event::may_see(conn, acting, resource, record)?,
            None => false,
        };
        delivery.lease = Some(Uuid::new_v4());
        let mut out = Statement::new("UPDATE webhook_deliveries SET lease = ");
        out.bind(Bind::Uuid(delivery.lease)).sql(", lease_until = ").bind(Bind::Time(Some(cx.now + LEASE)));
        out.sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ");
        out.bind(Bind::Uuid(Some(delivery.meta.id))).execute(conn)?;
        if !sees {
            // Seen when it happened, and not any more.
            conclude_as(conn, cx, &delivery, Went::failed("FORBIDDEN"), 0, true)?;
            continue;
        }
        let change = change(conn, cx, &delivery, endpoint)?;
        let body = event::body(cx, endpoint, &change);
        claimed.push(Outgoing { delivery, url: endpoint.url.clone(), body, secrets: secrets.clone() });
    }
    Ok(claimed)
}

/// How many deliveries to an endpoint somebody is at.
fn under_way(conn: &mut PgConnection, cx: &Cx, endpoint: &WebhookEndpoint) -> Result<i64> {
    let mut out = Statement::new("SELECT count(*) FROM webhook_deliveries WHERE state = 'PENDING' AND tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND endpoint_id = ").bind(Bind::Uuid(Some(endpoint.meta.id)));
    out.sql(" AND lease_until > ").bind(Bind::Time(Some(cx.now)));
    Ok(RunQueryDsl::get_result::<(i64,)>(out.typed::<(st::BigInt,)>(), conn)?.0)
}

/// The change that a delivery tells of: before and after stand in the audit log, once for all endpoints.
fn change(conn: &mut PgConnection, cx: &Cx, delivery: &WebhookDelivery, endpoint: &WebhookEndpoint) -> Result<Change> {
    let object = |value: Option<Value>| if let Some(Value::Object(object)) = value { Some(object) } else { None };
    let none = Position { epoch: Uuid::nil(), xid: 0, seq: 0 };
    let made = |operation: &str, fields, before, after| Change {
        position: none,
        id: delivery.event_id,
        resource: delivery.resource.clone(),
        record_id: delivery.record_id,
        version: delivery.record_version,
        operation: operation.to_owned(),
        changed_fields: fields,
        at: delivery.occurred_at,
        actor_kind: PrincipalKind::System,
        actor_id: None,
        before,
        after,
    };
    if delivery.event_type == delivery::TEST {
        return Ok(made("test", Vec::new(), None, object(Some(endpoint::test_body(endpoint)))));
    }
    let mut out = Statement::new("SELECT operation, changed_fields, before, after FROM audit_log WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(delivery.event_id)));
    type Sql = (st::Text, st::Array<st::Text>, st::Nullable<st::Jsonb>, st::Nullable<st::Jsonb>);
    type Found = (String, Vec<String>, Option<Value>, Option<Value>);
    let rows: Vec<Found> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let (operation, fields, before, after) =
        rows.into_iter().next().ok_or_else(|| Error::internal("an event without its row in the audit log"))?;
    let as_object = |value| object(value).map(Map::from_iter);
    Ok(made(&operation, fields, as_object(before), as_object(after)))
}

/// Writes down how an attempt went, and what follows from that.
pub fn conclude(conn: &mut PgConnection, cx: &Cx, delivery: &WebhookDelivery, went: Went, took_ms: i32) -> Result<()> {
    conclude_as(conn, cx, delivery, went, took_ms, false)?;
    // The next one of the record may go now.
    wake::at(conn, cx, cx.now)
}

fn conclude_as(
    conn: &mut PgConnection,
    cx: &Cx,
    delivery: &WebhookDelivery,
    went: Went,
    took_ms: i32,
    for_good: bool,
) -> Result<()> {
    let number = delivery.attempts.saturating_add(1);
    let wait = usize::try_from(delivery.attempts).ok().and_then(|at| WAITS.get(at)).filter(|_| !for_good);
    let (state, next) = match (went.error, wait) {
        (None, _) => (DeliveryState::Delivered, None),
        (Some(_), Some(wait)) => (DeliveryState::Pending, Some(cx.now + jittered(*wait))),
        (Some(_), None) => (DeliveryState::Dead, None),
    };
    let status = Bind::Int(went.status.map(i32::from));
    let error = Bind::Text(went.error.map(str::to_owned));
    let mut out = Statement::new("UPDATE webhook_deliveries SET version = version + 1, updated_at = ");
    out.bind(Bind::Time(Some(cx.now))).sql(", state = ").bind(Bind::Text(Some(state.as_str().to_owned())));
    out.sql(", attempts = ").bind(Bind::Int(Some(number))).sql(", next_attempt_at = ").bind(Bind::Time(next));
    out.sql(", finished_at = ").bind(Bind::Time((state != DeliveryState::Pending).then_some(cx.now)));
    out.sql(", last_status = ").bind(status.clone()).sql(", last_error = ").bind(error.clone());
    out.sql(", lease = NULL, lease_until = NULL WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND id = ")
        .bind(Bind::Uuid(Some(delivery.meta.id)))
        .sql(" AND lease = ")
        .bind(Bind::Uuid(delivery.lease));
    if out.execute(conn)? == 0 {
        // It took longer than its lease, and is somebody else's by now.
        return Ok(());
    }
    let mut out = Statement::new(
        "INSERT INTO webhook_attempts (tenant_id, id, version, created_at, updated_at, delivery_id, endpoint_id, number, status, error, duration_ms) VALUES (",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Uuid(Some(cx.new_id()))).sql(", 1, ");
    out.bind(Bind::Time(Some(cx.now))).sql(", ").bind(Bind::Time(Some(cx.now))).sql(", ");
    out.bind(Bind::Uuid(Some(delivery.meta.id))).sql(", ").bind(Bind::Uuid(Some(delivery.endpoint_id.0))).sql(", ");
    out.bind(Bind::Int(Some(number))).sql(", ").bind(status).sql(", ").bind(error).sql(", ");
    out.bind(Bind::Int(Some(took_ms))).sql(")").execute(conn)?;
    count_failures(conn, cx, delivery, went)?;
    if went.status == Some(410) {
        endpoint::give_up(conn, cx, delivery.endpoint_id.0, "GONE")?;
    }
    Ok(())
}

/// How often in a row the endpoint failed. Only a change of it is written, so that deliveries that go well do not queue
/// for the endpoint's row.
fn count_failures(conn: &mut PgConnection, cx: &Cx, delivery: &WebhookDelivery, went: Went) -> Result<()> {
    let fine = went.error.is_none();
    let mut out = Statement::new(if fine {
        "UPDATE webhook_endpoints SET failures = 0 WHERE failures > 0 AND tenant_id = "
    } else {
        "UPDATE webhook_endpoints SET failures = failures + 1 WHERE failures < 1000000 AND tenant_id = "
    });
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(delivery.endpoint_id.0)));
    out.execute(conn)?;
    Ok(())
}

/// A wait with up to a tenth more, so that what failed together does not come back together.
fn jittered(seconds: i64) -> TimeDelta {
    TimeDelta::milliseconds(seconds * 1_000 + rand::rng().random_range(0..=seconds * 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_take_about_three_days() {
        let total: i64 = WAITS.iter().sum();
        assert_eq!(WAITS.len() + 1, 10);
        assert!((2 * 86_400 + 43_200..4 * 86_400).contains(&total), "{total} s");
        let drawn: Vec<_> = (0..50).map(|_| jittered(300)).collect();
        assert!(drawn.iter().all(|wait| (300_000..=330_000).contains(&wait.num_milliseconds())));
        assert!(drawn.iter().any(|wait| *wait != drawn[0]));
    }

    #[test]
    fn only_2xx_is_delivered() {
        for (status, error) in
            [(200, None), (204, None), (301, Some("REDIRECT")), (404, Some("STATUS")), (500, Some("STATUS"))]
        {
            assert_eq!(Went::answered(status).error, error, "{status}");
        }
    }
}
