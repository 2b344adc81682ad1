//! `POST /v1/transactions`: several writes over any resources, all or nothing.

use super::{answer, other_method};
use crate::caller::{Caller, Manner};
use crate::http::body::Json;
use crate::http::problem::Handled;
use crate::transactions::{self, Transaction, TransactionResults};
use actix_web::{HttpRequest, web};
use kith_journal::transaction;

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/v1/transactions").post(run).default_service(other_method("POST")));
}

/// Does several things over any resources in one transaction.
///
/// Up to 100 operations are done in their order, all or none. A later one refers to the record of an earlier one by
/// `{"$ref": "name"}`, as its id or anywhere in its body. The first that fails ends it with its own problem, whose pointers
/// begin with the place of the operation, such as `/operations/3/body/name`; nothing is kept then. Each operation needs the
/// rights that it needs alone.
#[utoipa::path(
    post, path = "/v1/transactions", operation_id = "run_transaction", tag = "transactions",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "A key of your own; the same request with the same key is done once."),
        ("dryRun" = Option<bool>, Query, description = "Answer as if it were done, and keep nothing."),
    ),
    request_body(content = Transaction, example = json!({"operations": [
        {"op": "create", "resource": "accounts", "name": "company", "body": {"name": "Alfreds Futterkiste"}},
        {"op": "upsert", "resource": "contacts", "externalId": {"system": "erp", "externalId": "C-4711"},
         "body": {"familyName": "Anders", "givenName": "Maria"}}
    ]})),
    responses(
        (status = 200, description = "All of it was done.", body = TransactionResults,
         example = json!({"results": [{"index": 0, "name": "company", "resource": "accounts", "id": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c",
            "status": 201, "data": {"id": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c", "version": 1, "name": "Alfreds Futterkiste"}}]})),
        (status = 409, description = "The state of a record forbids an operation, or another record has a value already.", body = serde_json::Value, content_type = "application/problem+json"),
        (status = 412, description = "A record is not at the version that an operation names.", body = serde_json::Value, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub async fn run(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let manner = Manner::of(&request, &body.bytes)?;
    let keyed = manner.key.is_some() || manner.dry_run;
    let answered = caller.write(manner, move |conn, cx| {
        transaction::may(cx)?;
        transactions::run(conn, cx, transaction::read(&body.object()?)?, keyed)
    });
    Ok(answer(answered.await?))
}
