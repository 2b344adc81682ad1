//! From the change feed to deliveries. An endpoint's cursor moves on in the transaction that makes its deliveries, so
//! that none is missed and none made twice, whoever dies when.

use crate::{WebhookDelivery, WebhookEndpoint, delivery, endpoint, event};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::feed::{self, Position};
use kith_journal::store;
use kith_kernel::{Bind, Cx, Error, Result, Shape, Statement, codes};

/// Changes that are read at once.
const PAGE: usize = 500;
/// How often the feed is looked at for a tenant that has endpoints, even if nobody says that there is something.
const LOOK: TimeDelta = TimeDelta::seconds(1);

/// The endpoints of the tenant that are sent something at present.
pub fn active(conn: &mut PgConnection, cx: &Cx) -> Result<Vec<WebhookEndpoint>> {
    store::rows::<WebhookEndpoint>(conn, cx, |out| {
        out.sql(" AND t.state = 'ENABLED' AND t.archived_at IS NULL ORDER BY t.id");
    })
}

/// Reads the next part of the feed for one endpoint, in a transaction of its own. Whether there may be more. An endpoint
/// that another process reads for, or that somebody is changing, is left to the next look.
pub fn advance(conn: &mut PgConnection, cx: &Cx, of: &WebhookEndpoint) -> Result<bool> {
    let found = store::rows::<WebhookEndpoint>(conn, cx, |out| {
        out.sql(" AND t.id = ").bind(Bind::Uuid(Some(of.meta.id))).sql(" FOR UPDATE SKIP LOCKED");
    })?;
    let Some(endpoint) = found.into_iter().next().filter(WebhookEndpoint::is_active) else { return Ok(false) };
    let id = endpoint.meta.id;
    let Some(acting) = event::acting(conn, cx, &endpoint)? else {
        return endpoint::give_up(conn, cx, id, "OWNER_GONE").map(|()| false);
    };
    let after = match &endpoint.cursor {
        Some(cursor) => Position::decode(cx, cursor)?,
        None => feed::head(conn)?,
    };
    let resources = event::resources(cx, &endpoint);
    let page = match feed::page(conn, cx, Some(&after), resources.as_deref(), PAGE) {
        // What it missed is gone from the feed. Going on as if nothing were would hide that.
        Err(error) if std::ptr::eq(error.code, &codes::CURSOR_EXPIRED) => {
            return endpoint::give_up(conn, cx, id, "FEED_EXPIRED").map(|()| false);
        }
        page => page?,
    };
    let mut wanted = Vec::new();
    for change in &page.changes {
        if event::wants(conn, &acting, &endpoint, change)? {
            wanted.push(change);
        }
    }
    delivery::put(conn, cx, &endpoint, &wanted)?;
    if page.next != after {
        let mut out = Statement::new("UPDATE webhook_endpoints SET cursor = ");
        out.bind(Bind::Text(Some(page.next.encode(cx)))).sql(" WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(id))).execute(conn)?;
    }
    Ok(page.more)
}

/// When the tenant has to be looked at next for its webhooks; none if it has none.
pub fn next_look(conn: &mut PgConnection, cx: &Cx) -> Result<Option<DateTime<Utc>>> {
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM webhook_endpoints WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND state = 'ENABLED' AND archived_at IS NULL)");
    let (any,): (bool,) = RunQueryDsl::get_result(out.typed::<(st::Bool,)>(), conn)?;
    Ok(any.then(|| cx.now + LOOK))
}

/// Deletes deliveries that ended before a time, with their attempts; at most `limit`. How many.
pub fn prune(conn: &mut PgConnection, cx: &Cx, before: DateTime<Utc>, limit: i64) -> Result<usize> {
    let tenant = Bind::Uuid(Some(cx.tenant));
    let mut out = Statement::new(format!("DELETE FROM {} WHERE tenant_id = ", WebhookDelivery::TABLE));
    out.bind(tenant.clone()).sql(" AND id IN (SELECT id FROM webhook_deliveries WHERE tenant_id = ").bind(tenant);
    out.sql(" AND finished_at < ").bind(Bind::Time(Some(before)));
    out.sql(" ORDER BY finished_at LIMIT ").bind(Bind::BigInt(Some(limit))).sql(")");
    out.execute(conn).map_err(Error::from)
}
