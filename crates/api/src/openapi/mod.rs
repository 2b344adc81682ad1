//! The contract of REST: what utoipa collected from the hand-written operations, and what follows from the catalogue.

mod operations;
mod schemas;

use crate::http::problem;
use kith_kernel::{Catalogue, ErrorKind};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kith",
        description = "Headless CRM: customer data and the science of customer value, over REST and GraphQL.\n\n\
Send `Authorization: Bearer` with an access token (`POST /v1/auth/login`) or an API key. Every refusal is a problem \
document (RFC 9457) with a stable `code`. Lists take one filter tree, several sort keys and keyset cursors; writes take \
`If-Match`, `Idempotency-Key` and `?dryRun=true`.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        crate::rest::auth::login,
        crate::rest::auth::refresh,
        crate::rest::auth::logout,
        crate::rest::auth::token,
        crate::rest::auth::change_password,
        crate::rest::auth::set_password,
        crate::rest::auth::create_api_key,
        crate::rest::auth::jwks,
        crate::rest::auth::viewer,
        crate::rest::bulk::load,
        crate::rest::bulk::results_of,
        crate::rest::export::export,
        crate::rest::capture::capture,
        crate::rest::capture::confirm,
        crate::rest::connectors::send,
        crate::rest::connectors::drift,
        crate::rest::connectors::compare,
        crate::rest::changes::list,
        crate::rest::stream::follow,
        crate::rest::sync::pull,
        crate::rest::documents::take,
        crate::rest::push::push,
        crate::rest::metrics::list,
        crate::rest::metrics::one,
        crate::rest::overview::overview,
        crate::rest::forecast::one,
        crate::rest::forecast::compared,
        crate::rest::pictures::board,
        crate::rest::pictures::funnel,
        crate::rest::reconciliation::one,
        crate::rest::reports::flow,
        crate::rest::reports::dwell,
        crate::rest::reports::survival,
        crate::rest::reports::churn,
        crate::rest::reports::backtest,
        crate::rest::reports::receivable,
        crate::rest::reports::uplift,
        crate::rest::transactions::run,
        crate::rest::value::pyramid,
        crate::rest::value::pyramid_picture,
        crate::rest::value::quadrant,
        crate::rest::value::quadrant_picture,
        crate::rest::value::simulation,
        crate::rest::value::trial,
        crate::rest::value::entitled,
        crate::rest::value::above,
        crate::rest::value::earned,
        crate::rest::value::grouped,
        crate::rest::value::moved,
        crate::rest::value::concentrated,
        crate::rest::value::equity,
        crate::rest::system::health,
        crate::rest::system::ready,
        crate::rest::system::limits,
        crate::rest::system::problem_page,
        crate::graphql::graphql,
    ),
    tags(
        (name = "auth", description = "Logging in, tokens and keys."),
        (name = "contacts", description = "Accounts, contacts and what hangs on them."),
        (name = "commerce", description = "What is sold and ordered, and exchange rates."),
        (name = "pipeline", description = "Leads, pipelines, opportunities, competitors, quotes."),
        (name = "interactions", description = "Touches over every channel, and tasks."),
        (name = "loyalty", description = "What customers are worth, how loyal they are, and the programme that rewards it."),
        (name = "lifecycle", description = "Stages of the relationship, churn, retention and win-back."),
        (name = "sync", description = "Clients that work offline: what they did, and what they missed."),
        (name = "connectors", description = "Other systems whose records are kept in step: who decides which field, and where both sides differ."),
        (name = "identity", description = "Tenant, users, teams, roles and API keys."),
        (name = "changes", description = "Every committed change, in order: to be read, followed, or kept a copy by."),
        (name = "metrics", description = "Numbers with their definitions."),
        (name = "bulk", description = "Files of records, in and out."),
        (name = "transactions", description = "Several writes at once, all or nothing."),
        (name = "graphql", description = "The same over GraphQL."),
        (name = "system", description = "Health, limits and documentation."),
    )
)]
struct Written;

/// The document.
pub fn document(catalogue: &'static Catalogue) -> Value {
    let mut document = serde_json::to_value(Written::openapi()).unwrap_or_default();
    let errors = responses();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(|path| path.values_mut()) {
            with_errors(operation);
        }
        for entry in catalogue.entries() {
            operations::add(paths, entry);
        }
        paths.sort_keys();
    }
    let schemas = schemas::all(catalogue);
    if let Some(root) = document.as_object_mut() {
        root.insert("servers".into(), json!([{"url": "/"}]));
        let components = root.entry("components").or_insert_with(|| json!({})).as_object_mut();
        if let Some(components) = components {
            let all = components.entry("schemas").or_insert_with(|| json!({}));
            if let Some(all) = all.as_object_mut() {
                all.extend(schemas);
                all.sort_keys();
            }
            components.insert("responses".into(), Value::Object(errors));
            let bearer = json!({"type": "http", "scheme": "bearer", "description": "An access token (JWT) or an API key (`kith_live_…`)."});
            components.insert("securitySchemes".into(), json!({"bearer": bearer}));
        }
    }
    document
}

/// The document as it is served and checked in.
pub fn text(catalogue: &'static Catalogue) -> String {
    let mut text = serde_json::to_string_pretty(&document(catalogue)).unwrap_or_default();
    text.push('\n');
    text
}

/// Refusals by status, for `$ref`.
fn responses() -> Map<String, Value> {
    let mut by_status: Vec<(u16, Vec<&str>)> = Vec::new();
    for code in crate::all_codes() {
        let status = problem::status(code.kind);
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, names)) => names.push(code.name),
            None => by_status.push((status, vec![code.name])),
        }
    }
    by_status.sort_unstable();
    let response = |(status, names): (u16, Vec<&str>)| {
        let content = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        (format!("E{status}"), json!({"description": format!("{}.", names.join(", ")), "content": content}))
    };
    by_status.into_iter().map(response).collect()
}

/// The refusals any operation may answer with, added where it does not name its own.
fn with_errors(operation: &mut Value) {
    let secured = operation.get("security").is_some();
    let writes = operation.get("requestBody").is_some();
    // Cursors of the feed are the only ones that end.
    let feed = operation.pointer("/tags/0").is_some_and(|tag| tag == "changes");
    let others: &[u16] = if feed { &[410] } else { &[] };
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for status in statuses(secured, writes, others) {
        answers
            .entry(status.to_string())
            .or_insert_with(|| json!({"$ref": format!("#/components/responses/E{status}")}));
    }
}

/// Statuses of refusals: of every operation, of those with a token, of those with a body, and others.
fn statuses(secured: bool, body: bool, others: &[u16]) -> Vec<u16> {
    let always = [
        ErrorKind::Malformed,
        ErrorKind::UriTooLong,
        ErrorKind::HeadersTooLarge,
        ErrorKind::Internal,
        ErrorKind::Unavailable,
    ];
    let mut all: Vec<u16> = always.into_iter().map(problem::status).collect();
    if secured {
        all.extend([401, 403, 404, 406, 422, 429]);
    }
    if body {
        all.extend([408, 413, 415, 422]);
    }
    all.extend(others);
    all.sort_unstable();
    all.dedup();
    all
}
