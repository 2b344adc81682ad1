//! Deliveries: what has to be told to an endpoint, or was.

use crate::AREA;
use crate::endpoint::WebhookEndpoint;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::feed::Change;
use kith_journal::{log, store, wake};
use kith_kernel::ids::{WebhookDeliveryId, WebhookEndpointId};
use kith_kernel::{
    Action, Bind, Command, Cx, Error, Nothing, Relation, Resource, Result, Row, Shape, Statement, Verb, codes,
    text_enum,
};
use kith_macros::resource;
use uuid::Uuid;

text_enum! {
    /// How far a delivery is.
    #[derive(Default)]
    pub enum DeliveryState {
        /// It waits for its next attempt, or for an earlier one of the same record.
        #[default]
        Pending = "PENDING",
        /// The endpoint answered 2xx.
        Delivered = "DELIVERED",
        /// It was given up; `redeliver` tries again.
        Dead = "DEAD",
    }
}

/// One event for one endpoint. Events about the same record are delivered in the order in which they happened: as long
/// as an earlier one is pending, later ones wait. What has ended is kept for 30 days.
#[resource(table = webhook_deliveries, id = WebhookDeliveryId)]
pub struct WebhookDelivery {
    /// To whom.
    #[field(filter, read_only)]
    pub endpoint_id: WebhookEndpointId,
    /// The event, as `webhook-id` and `id` of the body: the same in every attempt, in every replay, and for every endpoint.
    #[field(filter, read_only)]
    pub event_id: Uuid,
    /// Its type, such as `account.updated`.
    #[field(filter, read_only, example = "\"account.updated\"")]
    pub event_type: String,
    /// The resource of the record.
    #[field(filter, read_only, example = "\"accounts\"")]
    pub resource: String,
    /// The record.
    #[field(filter, read_only)]
    pub record_id: Uuid,
    /// The version that the change made.
    #[field(read_only)]
    pub record_version: i32,
    /// When it happened.
    #[field(filter, read_only)]
    pub occurred_at: DateTime<Utc>,
    /// How far it is.
    #[field(filter, read_only)]
    pub state: DeliveryState,
    /// How often it was tried since it was made or asked for again.
    #[field(filter, read_only)]
    pub attempts: i32,
    /// When it is tried next, at the earliest.
    #[field(filter, read_only)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was delivered or given up.
    #[field(filter, read_only)]
    pub finished_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer.
    #[field(filter, read_only)]
    pub last_status: Option<i32>,
    /// What was wrong with the last attempt; see `webhook-attempts`.
    #[field(filter, read_only)]
    pub last_error: Option<String>,
    /// Where the event stands in the change feed: a replay after it sends what came later.
    #[field(read_only)]
    pub cursor: Option<String>,
    /// Drawn anew by whoever claims it.
    #[field(hidden)]
    pub lease: Option<Uuid>,
    /// Until when it is theirs.
    #[field(hidden)]
    pub lease_until: Option<DateTime<Utc>>,
}

impl Resource for WebhookDelivery {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const RELATIONS: &'static [Relation] =
        &[Relation::many("log", "webhook-attempts", "delivery_id", "How its attempts went.")];

    fn commands() -> Vec<Command> {
        vec![Command::new(
            "redeliver",
            "Sends an event again that was delivered or given up, under the same event id.",
            |cx| cx.require(cx.entry(WebhookDelivery::NAME)?, Action::Update).map(drop),
            redeliver,
        )]
    }
}

fn redeliver(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    cx.require_version(seen)?;
    let entry = cx.entry(WebhookDelivery::NAME)?;
    let row = store::lock(conn, cx, entry, id, Action::Update)?;
    let before = row.any().downcast_ref::<WebhookDelivery>().cloned().ok_or_else(Error::not_found)?;
    if seen.is_some_and(|seen| seen != before.meta.version) {
        return Err(Error::new(&codes::VERSION_CONFLICT, "The record is at another version. Read it again."));
    }
    if before.state == DeliveryState::Pending {
        return Err(Error::new(&codes::ILLEGAL_TRANSITION, "The delivery is pending; it will be tried by itself."));
    }
    let mut after = before.clone();
    (after.state, after.attempts, after.next_attempt_at) = (DeliveryState::Pending, 0, Some(cx.now));
    after.finished_at = None;
    after.meta.version = before.meta.version.saturating_add(1);
    (after.meta.updated_at, after.meta.updated_by) = (cx.now, cx.actor.principal());
    let stored = store::save(conn, entry, &after, before.meta.version)?;
    log::record(conn, cx, entry, "redelivered", Some(&before), stored.as_ref())?;
    wake::now(conn, cx)?;
    Ok(stored)
}

const INSERT: &str = "INSERT INTO webhook_deliveries AS d (tenant_id, id, version, created_at, updated_at, endpoint_id, \
    event_id, event_type, resource, record_id, record_version, occurred_at, state, attempts, next_attempt_at, cursor, \
    change_xid, change_seq) VALUES ";

/// Makes deliveries of changes. What an endpoint was told before, and is read for it again, is told again.
pub(crate) fn put(conn: &mut PgConnection, cx: &Cx, endpoint: &WebhookEndpoint, changes: &[&Change]) -> Result<()> {
    for some in changes.chunks(500) {
        let mut out = Statement::new(INSERT);
        for (at, change) in some.iter().enumerate() {
            let position = &change.position;
            values(
                &mut out,
                cx,
                at,
                endpoint,
                &change.kind(cx.catalogue),
                change.id,
                (&change.resource, change.record_id),
            );
            out.sql(", ").bind(Bind::Int(Some(change.version))).sql(", ").bind(Bind::Time(Some(change.at)));
            out.sql(", 'PENDING', 0, ").bind(Bind::Time(Some(cx.now))).sql(", ");
            out.bind(Bind::Text(Some(position.encode(cx)))).sql(", ");
            out.bind(Bind::Text(Some(position.xid.to_string()))).sql("::xid8, ");
            out.bind(Bind::BigInt(Some(position.seq))).sql(")");
        }
        out.sql(
            " ON CONFLICT (tenant_id, endpoint_id, event_id) DO UPDATE SET version = d.version + 1, updated_at = excluded.updated_at, \
             state = 'PENDING', attempts = 0, next_attempt_at = excluded.next_attempt_at, finished_at = NULL WHERE d.state <> 'PENDING'",
        );
        if some.len() > 8 {
            out.once();
        }
        out.execute(conn)?;
    }
    Ok(())
}

fn values(
    out: &mut Statement,
    cx: &Cx,
    at: usize,
    endpoint: &WebhookEndpoint,
    kind: &str,
    event: Uuid,
    (resource, record): (&str, Uuid),
) {
    out.sql(if at == 0 { "(" } else { ", (" }).bind(Bind::Uuid(Some(cx.tenant))).sql(", ");
    out.bind(Bind::Uuid(Some(cx.new_id()))).sql(", 1, ").bind(Bind::Time(Some(cx.now))).sql(", ");
    out.bind(Bind::Time(Some(cx.now))).sql(", ").bind(Bind::Uuid(Some(endpoint.meta.id))).sql(", ");
    out.bind(Bind::Uuid(Some(event))).sql(", ").bind(Bind::Text(Some(kind.to_owned()))).sql(", ");
    out.bind(Bind::Text(Some(resource.to_owned()))).sql(", ").bind(Bind::Uuid(Some(record)));
}

/// The type of a test.
pub(crate) const TEST: &str = "webhookEndpoint.test";

/// Makes a delivery that says nothing but that it came.
pub(crate) fn put_test(conn: &mut PgConnection, cx: &Cx, endpoint: &WebhookEndpoint) -> Result<()> {
    let (event, about) = (cx.new_id(), (WebhookEndpoint::NAME, endpoint.meta.id));
    let mut out = Statement::new(INSERT);
    values(&mut out, cx, 0, endpoint, TEST, event, about);
    out.sql(", ").bind(Bind::Int(Some(endpoint.meta.version))).sql(", ").bind(Bind::Time(Some(cx.now)));
    out.sql(", 'PENDING', 0, ").bind(Bind::Time(Some(cx.now))).sql(", NULL, '0', 0)").execute(conn)?;
    Ok(())
}
