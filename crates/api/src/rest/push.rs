//! `POST /v1/sync/push`: what a client did while it was offline.

use super::{answer, other_method};
use crate::caller::{Caller, Manner};
use crate::http::body::Json;
use crate::http::problem::Handled;
use crate::push::{Pushed, SyncPush, SyncResults};
use actix_web::{HttpRequest, web};
use kith_journal::transaction;

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/v1/sync/push").post(push).default_service(other_method("POST")));
}

/// Takes changes that a client made while it was offline.
///
/// Each change stands for itself, in the order of the list. It names the version that was changed: what others did since is
/// merged with it field by field, and where both changed the same field to different values, the answer has both. A change is
/// known by its `changeId` (kept for 30 days), so that a push whose answer was lost can simply be sent again. A change is
/// APPLIED (nobody else had changed the record), MERGED (others had), CONFLICT (not done, as others changed the same), GONE
/// (not done, as the record is archived or out of sight) or REFUSED (not done; the problem says why).
#[utoipa::path(
    post, path = "/v1/sync/push", operation_id = "sync_push", tag = "sync",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "A key of your own; the same request with the same key is done once."),
        ("dryRun" = Option<bool>, Query, description = "Answer as if it were done, and keep nothing."),
    ),
    request_body(content = SyncPush, example = json!({
        "clientId": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c",
        "changes": [{
            "changeId": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3d", "op": "UPDATE", "resource": "contacts",
            "recordId": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3e", "baseVersion": 3, "data": {"jobTitle": "Buyer"}
        }]
    })),
    responses((status = 200, description = "What came of each change.", body = SyncResults,
        example = json!({"results": [{
            "changeId": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3d", "status": "CONFLICT", "resource": "contacts",
            "recordId": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3e", "version": 4, "record": {"jobTitle": "Head of Purchasing"},
            "conflicts": [{"field": "jobTitle", "yours": "Buyer", "current": "Head of Purchasing", "changedAt": "2026-11-02T09:30:00Z", "changedBy": null}],
            "problem": null
        }]}))),
    security(("bearer" = []))
)]
pub async fn push(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let manner = Manner::of(&request, &body.bytes)?;
    transaction::may(&caller.cx())?;
    let pushed = Pushed::read(&body.object()?)?;
    caller.charge(u64::try_from(pushed.count()).unwrap_or(u64::MAX))?;
    Ok(answer(caller.write(manner, move |conn, cx| pushed.take(conn, cx)).await?))
}
