//! `GET /v1/changes`: the feed, page by page.

use crate::caller::Caller;
use crate::http::problem::Handled;
use crate::http::query;
use crate::http::work::Place;
use crate::live;
use actix_web::{HttpMessage, HttpRequest, web};
use kith_journal::feed::{self, Asked, Position, Told};
use kith_kernel::{Cx, MAX_LIMIT, Result, Violations};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest wait for a change. Who keeps connections on the way gives up at a minute.
pub const MAX_WAIT: u64 = 50;

/// Its routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = || super::other_method("GET, HEAD");
    config
        .service(web::resource("/v1/changes").get(list).default_service(other()))
        .service(web::resource("/v1/changes/stream").get(super::stream::follow).default_service(other()));
}

/// Where to begin.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// With the oldest change that is kept.
    Start,
    /// With the next one.
    Now,
    /// Behind this cursor.
    Cursor(String),
}

impl After {
    /// As it was sent.
    pub fn read(text: Option<String>, otherwise: After) -> Self {
        match text.as_deref() {
            None => otherwise,
            Some("start") => After::Start,
            Some("now") => After::Now,
            Some(cursor) => After::Cursor(cursor.to_owned()),
        }
    }

    /// The position; none: the start.
    pub fn position(&self, conn: &mut diesel::PgConnection, cx: &Cx) -> Result<Option<Position>> {
        match self {
            After::Start => Ok(None),
            After::Now => feed::head(conn).map(Some),
            After::Cursor(cursor) => Position::decode(cx, cursor).map(Some),
        }
    }
}

/// What a feed is asked for, over REST.
pub fn asked(asked: &mut query::Asked) -> Result<Asked> {
    let resources = asked.more.remove("types").map(|text| text.split(',').map(str::to_owned).collect());
    Asked::read(resources, asked.list.filter.take().unwrap_or_default(), true, "/query/filter")
}

/// A page for a reader, ready to be sent: the changes, where to go on, and whether there is more.
pub struct Page {
    /// The changes.
    pub told: Vec<Told>,
    /// Where to go on.
    pub next: Position,
    /// There is more now.
    pub more: bool,
}

/// Reads a page with the rights of the caller.
pub async fn page(
    caller: &Caller,
    asked: &Asked,
    after: After,
    limit: usize,
    places: [&'static str; 3],
) -> Result<Page> {
    let asked = asked.clone();
    caller
        .read(move |conn, cx| {
            let [types, filter, at] = places;
            let detail = format!("The page size is 1 to {MAX_LIMIT}.");
            let mut violations = Violations::default();
            violations.ensure((1..=MAX_LIMIT).contains(&limit), at, "OUT_OF_RANGE", &detail);
            violations.into_result()?;
            asked.check(cx, types, filter)?;
            let after = after.position(conn, cx)?;
            let resources = asked.readable(cx);
            let page = feed::page(conn, cx, after.as_ref(), resources.as_deref(), limit)?;
            let told = feed::told(conn, cx, &asked, &page.changes)?;
            Ok(Page { told, next: page.next, more: page.more })
        })
        .await
}

/// Where somebody who follows begins; none: with the next change. What cannot be followed is refused now.
pub async fn begin(
    caller: &Caller,
    asked: &Asked,
    after: After,
    places: [&'static str; 3],
) -> Result<Option<Position>> {
    let asked = asked.clone();
    caller
        .read(move |conn, cx| {
            let [types, filter, _] = places;
            asked.check(cx, types, filter)?;
            match after {
                After::Now => Ok(None),
                After::Start => feed::oldest(conn, cx).map(Some),
                After::Cursor(_) => {
                    let position = after.position(conn, cx)?;
                    feed::page(conn, cx, position.as_ref(), Some(&[]), 1)?;
                    Ok(position)
                }
            }
        })
        .await
}

/// Where REST has what may be wrong.
pub const PLACES: [&str; 3] = ["/query/types", "/query/filter", "/query/limit"];

/// A page of the change feed.
///
/// Every committed change of every resource that you may read, in an order in which nothing is ever missed: archived
/// records, restored ones and business verbs included. Begin with `after=start`, the oldest change that is kept (the
/// default), or with `after=now`; go on with `page.nextCursor`, which is there even when the page is empty. With
/// `waitSeconds` an empty page is answered only after that time, or as soon as there is a change.
///
/// Each change has the record before and after (`before`, `data`). `presence` says where the record is for you: `PRESENT`;
/// `LEFT_FILTER`, when it no longer fits the filter; `ACCESS_LOST`, when you can no longer read it, in which case only its
/// id is told. A copy removes what is not `PRESENT` or has `data.archivedAt`.
///
/// A cursor that is no longer served answers 410 `CURSOR_EXPIRED`: the changes behind it are older than what is kept, or
/// the database was restored. Then take a new position, read the records once, and follow from there.
#[utoipa::path(
    get, path = "/v1/changes", operation_id = "changes", tag = "changes",
    params(
        ("after" = Option<String>, Query, description = "A cursor, `start` (the default) or `now`."),
        ("types" = Option<String>, Query, description = "Only changes of these resources, comma-separated.", example = "accounts,contacts"),
        ("filter" = Option<std::collections::HashMap<String, String>>, Query, style = DeepObject, explode,
            description = "A filter tree for each resource, as in its list: `filter[accounts][status]=ACTIVE`. A change is told if the record fits after it or did before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Page size; 50 unless given."),
        ("waitSeconds" = Option<u32>, Query, minimum = 0, maximum = 50, description = "Wait so long for a change, if there is none."),
    ),
    responses(
        (status = 200, description = "Changes, oldest first, and where to go on.", body = super::shapes::ChangePage, example = json!({
            "data": [{"cursor": "q2…", "id": "01939f3e-5a6b-7c8d-9e0f-1a2b3c4d5e6f", "type": "account.updated", "resource": "accounts",
                "recordId": "01939f3e-0000-7000-8000-000000000001", "version": 4, "operation": "updated", "presence": "PRESENT",
                "occurredAt": "2026-03-14T09:26:53.589793Z", "actor": {"kind": "USER", "id": "01939f3e-0000-7000-8000-000000000002"},
                "changedFields": ["name"], "before": {"name": "Acme"}, "data": {"name": "Acme Ltd"}}],
            "page": {"nextCursor": "q2…", "hasMore": false}})),
    ),
    security(("bearer" = []))
)]
pub async fn list(mut caller: Caller, request: HttpRequest) -> Handled {
    let allowed = ["after", "types", "filter", "limit", "waitSeconds"];
    let mut query = query::read(request.query_string(), &allowed)?;
    let asked = asked(&mut query)?;
    let wait = seconds(query.more.remove("waitSeconds"))?;
    let after = After::read(query.more.remove("after"), After::Start);
    let limit = query.list.limit;
    let mut found = page(&caller, &asked, after.clone(), limit, PLACES).await?;
    if found.told.is_empty() && !found.more && !wait.is_zero() {
        // Somebody else can have the place at work meanwhile.
        if let Some(place) = request.extensions().get::<Place>() {
            place.give_up();
        }
        let from = found.next;
        live::wait(&caller, asked.clone(), from, wait).await?;
        // Who was asking is not who is answered, if their rights were changed meanwhile.
        caller.renew_since(Instant::now()).await?;
        let cursor = After::Cursor(from.encode(&caller.cx()));
        found = page(&caller, &asked, cursor, limit, PLACES).await?;
    }
    let cx = caller.cx();
    let data: Vec<Value> = found.told.iter().map(|one| one.to_json(&cx)).collect();
    let next = found.next.encode(&cx);
    let body = json!({"data": data, "page": {"nextCursor": next, "hasMore": found.more}});
    Ok(super::json(200, body.to_string().into_bytes(), None))
}

fn seconds(text: Option<String>) -> Result<Duration> {
    let Some(text) = text else { return Ok(Duration::ZERO) };
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
    let refused = || {
        let detail = format!("Expected a number of seconds from 0 to {MAX_WAIT}.");
        kith_kernel::Error::invalid("/query/waitSeconds", "OUT_OF_RANGE", detail)
    };
    seconds.map(Duration::from_secs).ok_or_else(refused)
}
