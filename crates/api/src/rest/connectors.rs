//! `/v1/connectors/{id}/records` and `/v1/connectors/{id}/drift`: taking what another system sends, and comparing both sides.

use super::forecast::answer as shown;
use super::{answer, other_method, path_id};
use crate::caller::{Caller, Manner};
use crate::connectors::{
    self, ConnectorComparison, ConnectorDifferences, ConnectorDrift, ConnectorRecords, ConnectorResults,
};
use crate::http::body::Json;
use crate::http::problem::Handled;
use crate::http::query;
use actix_web::{HttpRequest, web};
use kith_connectors::Connector;
use kith_connectors::drift::Question;
use kith_connectors::receive::MAX_RECORDS;

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let drifts = web::resource("/v1/connectors/{id}/drift").get(drift).post(compare);
    config
        .service(web::resource("/v1/connectors/{id}/records").post(send).default_service(other_method("POST")))
        .service(drifts.default_service(other_method("GET, HEAD, POST")));
}

/// Takes records of another system.
///
/// Each is made or changed under its key there, by the authority of each field: EXTERNAL fields get what is sent, CRM fields
/// keep what they have, NEWEST fields have what was changed last, by `changedAt`. What was left aside is told. A new record
/// takes of a CRM field only what it cannot be made without. Each record stands for itself, in the order of the list; sent
/// again, nothing happens. It needs the right to update the connector, and the usual rights over what is sent.
#[utoipa::path(
    post, path = "/v1/connectors/{id}/records", operation_id = "send_connector_records", tag = "connectors",
    params(
        ("id" = uuid::Uuid, Path, description = "The connector's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "A key of your own; the same request with the same key is done once."),
        ("dryRun" = Option<bool>, Query, description = "Answer as if it were done, and keep nothing."),
    ),
    request_body(content = ConnectorRecords, example = json!({"records": [
        {"resource": "accounts", "externalId": "ALFKI", "changedAt": "2026-11-09T09:30:00Z", "data": {"name": "Alfreds Futterkiste", "importanceClass": "KEY"}}
    ]})),
    responses((status = 207, description = "Each record has its own result.", body = ConnectorResults,
        example = json!({"results": [{
            "index": 0, "status": "UPDATED", "id": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c", "version": 4,
            "leftAside": [{"field": "importanceClass", "authority": "CRM", "reason": "DECIDED_HERE", "current": "VIP", "changedAt": null}],
            "problem": null
        }]}))),
    security(("bearer" = []))
)]
pub async fn send(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    Connector::may_send(&caller.cx())?;
    let id = path_id(&request)?;
    let manner = Manner::of(&request, &body.bytes)?;
    let records = connectors::records(&body.object()?)?;
    caller.charge(u64::try_from(records.len().min(MAX_RECORDS)).unwrap_or(u64::MAX))?;
    Ok(answer(caller.write(manner, move |conn, cx| connectors::take(conn, cx, id, &records)).await?))
}

/// The hash tree over the records that are linked to a connector's system.
///
/// Without a prefix: the root, its 16 groups and all 256 buckets. With one digit: a group and its buckets. With two: a bucket
/// and its records. How every hash is computed is told in the documentation of connectors, so that the other side computes
/// the same and goes down only where they differ. Archived records do not count. It needs the right to read all records of
/// the resource, and is charged as 2,000 records.
#[utoipa::path(
    get, path = "/v1/connectors/{id}/drift", operation_id = "get_connector_drift", tag = "connectors",
    params(
        ("id" = uuid::Uuid, Path, description = "The connector's id."),
        ("resource" = String, Query, description = "The resource.", example = "accounts"),
        ("fields" = Option<String>, Query, description = "The fields to hash, comma-separated; those that have connector fields unless given.", example = "legalName,name"),
        ("prefix" = Option<String>, Query, description = "None, one or two lower-case hexadecimal digits.", example = "a3"),
    ),
    responses((status = 200, description = "That part of the tree.", body = ConnectorDrift)),
    security(("bearer" = []))
)]
pub async fn drift(caller: Caller, request: HttpRequest) -> Handled {
    let connector = path_id(&request)?;
    let mut asked = query::read(request.query_string(), &["resource", "fields", "prefix"])?;
    let mut take = |name: &str| asked.more.remove(name);
    let (resource, prefix) = (take("resource").unwrap_or_default(), take("prefix").unwrap_or_default());
    let fields = asked.fields.map(|names| names.split(',').map(str::to_owned).collect());
    let question = Question { connector, resource, fields, at: "/query" };
    Ok(shown(&ConnectorDrift::ask(&caller, question, prefix).await?)?)
}

/// Compares what another system has with what is here.
///
/// Send the hashes of all buckets to learn which of them differ, then the records of those that do, to learn which records
/// are missing on a side or different. Buckets that are not named are not compared. It changes nothing.
#[utoipa::path(
    post, path = "/v1/connectors/{id}/drift", operation_id = "compare_connector_drift", tag = "connectors",
    params(("id" = uuid::Uuid, Path, description = "The connector's id.")),
    request_body(content = ConnectorComparison, example = json!({
        "resource": "accounts", "fields": ["name"],
        "buckets": [{"bucket": "a3", "leaves": [{"externalId": "ALFKI", "hash": "0000000000000000000000000000000000000000000000000000000000000000"}]}]
    })),
    responses((status = 200, description = "Where both sides differ.", body = ConnectorDifferences)),
    security(("bearer" = []))
)]
pub async fn compare(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let id = path_id(&request)?;
    query::read(request.query_string(), &[])?;
    Ok(shown(&ConnectorDifferences::ask(&caller, id, Box::new(move || body.object())).await?)?)
}
