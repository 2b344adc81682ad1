//! Endpoints: where changes are sent, and which.

use crate::{AREA, address, delivery, event, secret, signature};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::feed::{self, Position};
use kith_journal::{log, verbs, wake};
use kith_kernel::ids::WebhookEndpointId;
use kith_kernel::{
    Act, Action, Bind, Command, Custom, Cx, Error, Input, Nothing, PrincipalKind, Resource, Result, Row, Shape,
    Statement, Violations, codes, text_enum,
};
use kith_macros::{input, resource};
use serde_json::json;
use uuid::Uuid;

text_enum! {
    /// Whether an endpoint is sent anything.
    #[derive(Default)]
    pub enum EndpointState {
        /// It is.
        #[default]
        Enabled = "ENABLED",
        /// It is not; what happens meanwhile is sent once it is enabled again, as far as the feed goes back.
        Disabled = "DISABLED",
    }
}

/// Where webhooks are sent. A new endpoint is told of what happens from then on. Every request is signed as Standard
/// Webhooks has it; `rotate` shows the secret to verify it with. An endpoint sees what the user or API key may read
/// that made it or changed it last.
#[resource(table = webhook_endpoints, id = WebhookEndpointId)]
pub struct WebhookEndpoint {
    /// Where to: https, port 443 or 8443, a host of the public Internet. Every address of the host is checked again
    /// whenever something is sent.
    #[field(filter, max = 2_000, example = "\"https://erp.example.com/kith\"")]
    pub url: String,
    /// What it is for.
    #[field(max = 500, example = "\"ERP\"")]
    pub description: Option<String>,
    /// What it is told of: `account.updated`, `account.*` for all that happens to accounts, `*.archived`, or `*`.
    #[field(example = "[\"account.*\", \"order.created\"]")]
    pub event_types: Custom,
    /// A filter for each of some resources: of their records, only changes are sent after which the record meets the
    /// filter.
    #[field(example = "{\"accounts\": {\"status\": {\"eq\": \"ACTIVE\"}}}")]
    pub filters: Option<Custom>,
    /// Changes of existing records are sent only if one of these fields changed.
    #[field(example = "[\"name\", \"status\"]")]
    pub changed_fields: Option<Custom>,
    /// The only fields that `data` and `before` hold, beside `id` and `version`.
    #[field(example = "[\"name\", \"status\"]")]
    pub payload_fields: Option<Custom>,
    /// Whether it is sent anything.
    #[field(filter, read_only)]
    pub state: EndpointState,
    /// Why it is disabled: `REQUESTED`, `GONE` (it answered 410), `OWNER_GONE` (whoever set it up cannot work any more) or
    /// `FEED_EXPIRED` (it was disabled for longer than changes are kept).
    #[field(filter, read_only)]
    pub disabled_reason: Option<String>,
    /// Since when it is disabled.
    #[field(read_only)]
    pub disabled_at: Option<DateTime<Utc>>,
    /// How far the change feed was read for it. `replay` takes such a cursor.
    #[field(read_only)]
    pub cursor: Option<String>,
    /// The secret, in the answer to `rotate` and nowhere else.
    #[field(read_only)]
    pub secret: Option<String>,
    /// When the secret was last changed.
    #[field(read_only)]
    pub rotated_at: Option<DateTime<Utc>>,
    /// Whose rights it has.
    #[field(hidden)]
    pub acts_for: Option<Uuid>,
    /// Attempts that failed since one succeeded. While there are any, one delivery is tried at a time.
    #[field(filter, read_only)]
    pub failures: i32,
}

impl Resource for WebhookEndpoint {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn commands() -> Vec<Command> {
        fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
            Command::new(name, doc, |cx| cx.require(cx.entry(WebhookEndpoint::NAME)?, Action::Update).map(drop), run)
        }
        vec![
            one(
                "rotate",
                "Makes a new secret and shows it, in `secret` of this answer and never again. For 24 hours every request is signed with the old and the new one. An idempotency key does not keep this answer.",
                rotate,
            )
            .showing_a_secret(),
            one("enable", "Goes on sending, from where it stopped.", enable),
            one("disable", "Stops sending. What happens meanwhile is sent once it is enabled again.", disable),
            one("test", "Sends an event of the type `webhookEndpoint.test`.", test),
            one(
                "replay",
                "Reads the change feed again from a place or a time, and sends what the endpoint wants of it once more, under the same event ids.",
                replay,
            ),
        ]
    }

    fn check(&self, violations: &mut Violations) {
        if let Err(why) = address::check(&self.url) {
            violations.add("/url", "INVALID", why);
        }
        for (name, list) in [("/changedFields", &self.changed_fields), ("/payloadFields", &self.payload_fields)] {
            let fits = list.as_ref().is_none_or(|list| event::texts(list).is_some_and(|list| !list.is_empty()));
            violations.ensure(fits, name, "WRONG_TYPE", "Expected a list of 1 to 100 names of fields.");
        }
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        event::check_types(cx, &self.event_types)?;
        event::check_filters(cx, self.filters.as_ref())?;
        if before.is_none() {
            self.cursor = Some(feed::head(conn)?.encode(cx));
        }
        // Nobody can lead to elsewhere what others may read and they may not.
        if cx.actor.kind != PrincipalKind::System {
            self.acts_for = Some(cx.actor.id);
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            // There is always one to sign with. Nobody has seen it: `rotate` shows its successor.
            secret::renew(conn, cx, self.meta.id, TimeDelta::zero())?;
        }
        wake::now(conn, cx)
    }
}

impl WebhookEndpoint {
    /// Whether it is sent anything at present.
    pub fn is_active(&self) -> bool {
        self.state == EndpointState::Enabled && self.meta.archived_at.is_none()
    }
}

fn change(
    conn: &mut PgConnection,
    cx: &Cx,
    (id, seen): (Uuid, Option<i32>),
    step: log::Operation,
    edit: impl FnOnce(&mut PgConnection, &mut WebhookEndpoint) -> Result<()>,
) -> Result<Box<dyn Row>> {
    verbs::change::<WebhookEndpoint>(conn, cx, id, seen, step, edit)
}

fn rotate(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    let mut made = Vec::new();
    let mut row = change(conn, cx, (id, seen), "rotated", |conn, endpoint| {
        // The very first was never shown, so that nobody verifies with it.
        let overlap = if endpoint.rotated_at.is_some() { secret::OVERLAP } else { TimeDelta::zero() };
        made = secret::renew(conn, cx, id, overlap)?;
        endpoint.rotated_at = Some(cx.now);
        Ok(())
    })?;
    if let Some(endpoint) = row.any_mut().downcast_mut::<WebhookEndpoint>() {
        endpoint.secret = Some(signature::show(&made));
    }
    Ok(row)
}

fn enable(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    change(conn, cx, (id, seen), "enabled", |conn, endpoint| {
        if endpoint.disabled_reason.as_deref() == Some("FEED_EXPIRED") {
            endpoint.cursor = Some(feed::head(conn)?.encode(cx));
        }
        (endpoint.state, endpoint.disabled_reason, endpoint.disabled_at) = (EndpointState::Enabled, None, None);
        endpoint.failures = 0;
        Ok(())
    })
}

fn disable(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    change(conn, cx, (id, seen), "disabled", |_, endpoint| {
        endpoint.disable(cx, "REQUESTED");
        Ok(())
    })
}

impl WebhookEndpoint {
    fn disable(&mut self, cx: &Cx, why: &str) {
        if self.state == EndpointState::Enabled {
            (self.state, self.disabled_at) = (EndpointState::Disabled, Some(cx.now));
            self.disabled_reason = Some(why.to_owned());
        }
    }
}

/// Disables an endpoint by itself.
pub(crate) fn give_up(conn: &mut PgConnection, cx: &Cx, id: Uuid, why: &str) -> Result<()> {
    tracing::warn!(endpoint = %id, why, "a webhook endpoint is disabled");
    change(conn, cx, (id, None), "disabled", |_, endpoint| {
        endpoint.disable(cx, why);
        Ok(())
    })?;
    Ok(())
}

fn test(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    let entry = cx.entry(WebhookEndpoint::NAME)?;
    let row = kith_journal::store::lock(conn, cx, entry, id, Action::Update)?;
    let endpoint = row.any().downcast_ref::<WebhookEndpoint>().cloned().ok_or_else(Error::not_found)?;
    if seen.is_some_and(|seen| seen != endpoint.meta.version) {
        return Err(Error::new(&codes::VERSION_CONFLICT, "The record is at another version. Read it again."));
    }
    if endpoint.meta.archived_at.is_some() {
        return Err(verbs::archived(entry, id));
    }
    if !endpoint.is_active() {
        return Err(Error::new(&codes::ILLEGAL_TRANSITION, "The endpoint is disabled; enable it first."));
    }
    delivery::put_test(conn, cx, &endpoint)?;
    wake::now(conn, cx)?;
    Ok(row)
}

/// From where: a cursor or a time.
#[input]
pub struct Replay {
    /// A cursor of the change feed, such as `cursor` of a delivery; what comes after it is sent.
    #[field(max = 500)]
    pub after: Option<String>,
    /// A time; what happened from then on is sent.
    pub since: Option<DateTime<Utc>>,
}

fn replay(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, from: Replay) -> Result<Box<dyn Row>> {
    // The place has to be one that the feed still goes on from.
    let entry = cx.entry(WebhookEndpoint::NAME)?;
    kith_journal::store::lock(conn, cx, entry, id, Action::Update)?;
    let place = match (&from.after, from.since) {
        (Some(after), None) => {
            let place = Position::decode(cx, after).map_err(|_| {
                Error::invalid("/after", "INVALID", "Expected a cursor of the change feed as it was given.")
            })?;
            feed::page(conn, cx, Some(&place), None, 1)?;
            place
        }
        (None, Some(since)) => before(conn, cx, since)?,
        _ => return Err(Error::invalid("/after", "REQUIRED", "Expected either after or since.")),
    };
    change(conn, cx, (id, seen), "replayed", |_, endpoint| {
        endpoint.cursor = Some(place.encode(cx));
        Ok(())
    })
}

/// A place before everything that happened from a time on, as near as the feed tells it.
fn before(conn: &mut PgConnection, cx: &Cx, since: DateTime<Utc>) -> Result<Position> {
    let head = feed::head(conn)?;
    let mut out = Statement::new(
        "SELECT c.xid::text, c.seq FROM change_log c JOIN audit_log a ON a.tenant_id = c.tenant_id AND a.id = c.audit_id WHERE c.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND a.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND a.at >= ").bind(Bind::Time(Some(since))).sql(" ORDER BY c.xid, c.seq LIMIT 1");
    let found: Vec<(String, i64)> = RunQueryDsl::load(out.typed::<(st::Text, st::BigInt)>(), conn)?;
    let Some((xid, seq)) = found.into_iter().next() else { return Ok(head) };
    Ok(Position { epoch: head.epoch, xid: xid.parse().map_err(Error::internal)?, seq: seq - 1 })
}

/// The body of a test.
pub(crate) fn test_body(endpoint: &WebhookEndpoint) -> serde_json::Value {
    json!({"id": endpoint.meta.id, "url": endpoint.url})
}
