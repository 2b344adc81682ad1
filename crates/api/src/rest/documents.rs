//! `POST /v1/orders/documents`: whole orders, as an ERP knows them.

use super::{answer, other_method};
use crate::caller::{Caller, Manner};
use crate::documents::{self, OrderDocumentResults, OrderDocuments};
use crate::http::body::Json;
use crate::http::problem::Handled;
use actix_web::{HttpRequest, web};

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/v1/orders/documents").post(take).default_service(other_method("POST")));
}

/// Takes whole orders.
///
/// Each document makes the order of its key, or brings it to exactly this state, with its lines and refunds, whatever its
/// status was. The same again is UNCHANGED and writes nothing; an older sourceVersion is STALE and changes nothing, so that
/// late, repeated and out-of-order messages do no harm. It needs no `If-Match`: the other system is the source of what it
/// sends. It needs the rights to create and update orders, to create, update and archive order-lines, and with refunds those.
/// Many documents in one request are much cheaper than many requests.
#[utoipa::path(
    post, path = "/v1/orders/documents", operation_id = "take_order_documents", tag = "commerce",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "A key of your own; the same request with the same key is done once."),
        ("dryRun" = Option<bool>, Query, description = "Answer as if it were done, and keep nothing."),
    ),
    request_body(content = OrderDocuments, example = json!({"documents": [{
        "system": "erp", "externalId": "SO-4711", "sourceVersion": 3, "account": {"externalId": "ALFKI"}, "number": "SO-4711",
        "currency": "EUR", "orderedAt": "2026-11-02T09:30:00Z", "status": "FULFILLED",
        "statedGross": {"amount": "203.49", "currency": "EUR"},
        "lines": [{"externalId": "10", "product": {"sku": "CH-0001"}, "quantity": "10",
                   "unitPrice": {"amount": "18.00", "currency": "EUR"}, "discountPercent": "5", "taxRate": "19"}],
        "refunds": [{"externalId": "CN-0815", "net": {"amount": "17.10", "currency": "EUR"}, "refundedAt": "2026-11-09T09:30:00Z", "reason": "One was broken"}]
    }]})),
    responses(
        (status = 200, description = "All of them were taken.", body = OrderDocumentResults,
         example = json!({"results": [{"index": 0, "status": "CREATED", "id": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c", "problem": null}]})),
        (status = 207, description = "Each document has its own result.", body = OrderDocumentResults,
         example = json!({"results": [{"index": 0, "status": "CREATED", "id": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c", "problem": null}]})),
    ),
    security(("bearer" = []))
)]
pub async fn take(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        kith_commerce::documents::may(cx)?;
        let (documents, atomic) = documents::body(&body.object()?)?;
        documents::take(conn, cx, &documents, atomic)
    });
    Ok(answer(answered.await?))
}
