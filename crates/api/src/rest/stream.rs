//! `GET /v1/changes/stream`: the feed as server-sent events.

use super::changes::{After, PLACES, asked, begin};
use crate::caller::Caller;
use crate::http::headers;
use crate::http::problem::{Handled, document};
use crate::http::query;
use crate::live::{Follower, Heard};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use futures_util::stream;
use kith_journal::feed::{Position, Told};
use kith_kernel::Result;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Time between two signs of life. Whoever keeps connections on the way gives up on silent ones after a minute or so.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Frames that wait for a client that does not read; after them the parts of the tail do, and then it is let go.
const WAITING: usize = 8;
/// The longest life of a stream whose token has no end.
const LIFE: Duration = Duration::from_secs(86_400);

/// The change feed as server-sent events.
///
/// Each event has the change as `data`, its `type` as `event` and its cursor as `id`: a browser's `EventSource`, and every
/// other client, goes on behind the last one it saw by sending it as `Last-Event-ID`. Without that header and without
/// `after` the stream begins now; its first event, `ready`, brings the cursor to go on from. A comment comes every 15
/// seconds as a sign of life.
///
/// The stream ends with an event `end`, whose data say why and have the cursor: when the token expires or is revoked, when
/// the client reads too slowly, and when the server stops. Connect again with the last cursor; nothing is missed.
#[utoipa::path(
    get, path = "/v1/changes/stream", operation_id = "follow_changes", tag = "changes",
    params(
        ("after" = Option<String>, Query, description = "A cursor, `start` or `now` (the default)."),
        ("types" = Option<String>, Query, description = "Only changes of these resources, comma-separated.", example = "accounts,contacts"),
        ("filter" = Option<std::collections::HashMap<String, String>>, Query, style = DeepObject, explode,
            description = "A filter tree for each resource, as for `GET /v1/changes`."),
        ("Last-Event-ID" = Option<String>, Header, description = "The last cursor seen; it counts more than `after`."),
    ),
    responses(
        (status = 200, description = "Events without end.", body = String, content_type = "text/event-stream",
            example = "event: ready\nid: q2…\ndata: {\"cursor\":\"q2…\"}\n\nevent: account.updated\nid: q3…\ndata: {\"type\":\"account.updated\"}\n\n"),
    ),
    security(("bearer" = []))
)]
pub async fn follow(caller: Caller, request: HttpRequest) -> Handled {
    let mut query = query::read(request.query_string(), &["after", "types", "filter"])?;
    let asked = asked(&mut query)?;
    let last = headers::single(request.headers(), "last-event-id")?.map(str::to_owned);
    let after = After::read(last.or_else(|| query.more.remove("after")), After::Now);
    let position = begin(&caller, &asked, after, PLACES).await?;
    let follower = Follower::join(caller, asked, position).await?;
    let (sender, receiver) = mpsc::channel(WAITING);
    actix_web::rt::spawn(run(follower, sender));
    let frames = stream::unfold(receiver, async |mut receiver| {
        let frame = match timeout(HEARTBEAT, receiver.recv()).await {
            Ok(frame) => frame?,
            Err(_) => Bytes::from_static(b": still there\n\n"),
        };
        Some((Ok::<_, std::convert::Infallible>(frame), receiver))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Proxies that collect answers would hold events back.
        .insert_header((header::HeaderName::from_static("x-accel-buffering"), "no"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(frames)))
}

/// Follows until the client hangs up or has to go.
async fn run(mut follower: Follower, sender: mpsc::Sender<Bytes>) {
    let first = frame("ready", &cursor(&follower, follower.position()), &json!({}));
    if sender.send(Bytes::from(format!("retry: 2000\n{first}"))).await.is_err() {
        return;
    }
    let expires = follower.caller.expires();
    loop {
        let left = expires.map(|expires| (expires - follower.caller.app.clock.now()).to_std().unwrap_or_default());
        let left = left.unwrap_or(LIFE).min(LIFE);
        let heard = tokio::select! {
            () = sender.closed() => return,
            heard = timeout(left, follower.next()) => heard,
        };
        let sent = match heard {
            Ok(Ok(Heard::Changes(told, _))) => send(&follower, &sender, &told).await,
            Ok(Ok(Heard::TooSlow)) => Err(ending("SLOW_READER", "The client reads too slowly.")),
            Ok(Ok(Heard::Ended)) => Err(ending("STOPPING", "The server stops, or has lost its place.")),
            Ok(Err(error)) => Err(document(&error, None)),
            Err(_) => match follower.caller.renew().await {
                Ok(()) => Err(ending("RECONNECT", "A stream lives for a day at most.")),
                Err(error) => Err(document(&error, None)),
            },
        };
        match sent {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => {
                let text = frame("end", &cursor(&follower, follower.position()), &why);
                // Who does not read the end either has the cursor of the last event.
                sender.send_timeout(Bytes::from(text), HEARTBEAT).await.ok();
                return;
            }
        }
    }
}

fn ending(code: &str, detail: &str) -> Value {
    json!({"code": code, "detail": detail})
}

fn cursor(follower: &Follower, position: Position) -> String {
    position.encode(&follower.caller.cx())
}

/// Sends events; false: the client is gone.
async fn send(follower: &Follower, sender: &mpsc::Sender<Bytes>, told: &[Told]) -> Result<bool, Value> {
    let cx = follower.caller.cx();
    // In portions, so that a page is never one large frame.
    for some in told.chunks(20) {
        let mut text = String::new();
        for one in some {
            let data = one.to_json(&cx);
            let cursor = one.change.position.encode(&cx);
            text.push_str(&format!("event: {}\nid: {cursor}\ndata: {data}\n\n", one.change.kind(cx.catalogue)));
        }
        if sender.send(Bytes::from(text)).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An event of the stream's own.
fn frame(event: &str, cursor: &str, about: &Value) -> String {
    let mut data = about.clone();
    if let Some(data) = data.as_object_mut() {
        data.insert("cursor".to_owned(), json!(cursor));
    }
    format!("event: {event}\nid: {cursor}\ndata: {data}\n\n")
}
