//! `POST /graphql`.

use super::roots::Shared;
use super::{limits, writer};
use crate::caller::Caller;
use crate::http::body::Json;
use crate::http::headers;
use crate::http::problem::Handled;
use actix_web::{HttpRequest, web};
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Name, Request, Response, ServerError, Variables};
use kith_kernel::{Error, Result, Violations, codes};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Longest execution; the statements inside it have the same limit of their own.
const PATIENCE: Duration = Duration::from_secs(6);

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/graphql").post(graphql).default_service(crate::rest::other_method("POST")));
}

/// Runs a GraphQL operation.
///
/// The schema is at `/schema.graphql`. Errors carry the same codes as REST under `extensions.code`; the cost of the
/// request, in records, is under `extensions.cost`.
#[utoipa::path(
    post, path = "/graphql", operation_id = "graphql", tag = "graphql",
    request_body(content = GraphqlRequest, example = json!({"query": "{ accounts(first: 2) { nodes { id name } } }"})),
    responses((status = 200, description = "`data`, and `errors` if there were any.", body = serde_json::Value)),
    security(("bearer" = []))
)]
pub async fn graphql(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let asked = Asked::read(&body.object()?)?;
    let key = headers::idempotency_key(request.headers())?;
    let request_id = caller.origin.request_id;
    let shared = Arc::new(Shared::new(key, &asked.query));
    let text = match prepared(&caller, asked) {
        Ok((asked, keys)) => {
            let schema = caller.app.schema.clone();
            let running = schema.execute(asked.data(caller).data(shared.clone()));
            let response = tokio::time::timeout(PATIENCE, running).await.unwrap_or_else(|_| {
                *failed(Error {
                    retry_after: Some(1),
                    ..Error::new(&codes::OVERLOADED, "The query took longer than allowed.")
                })
            });
            writer::text(&response, &keys, shared.cost.load(Ordering::Relaxed), request_id, limits::ERRORS)
        }
        Err(error) => writer::text(&error, &[], 0, request_id, limits::ERRORS),
    };
    Ok(crate::rest::json(200, text, None))
}

/// A GraphQL request.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the body is read with the strict reader")]
pub struct GraphqlRequest {
    /// The document.
    query: String,
    /// Values of its variables.
    #[schema(value_type = Option<Object>)]
    variables: Option<Value>,
    /// Which operation, if there are several.
    operation_name: Option<String>,
}

struct Asked {
    query: String,
    variables: Value,
    operation: Option<String>,
}

impl Asked {
    fn read(body: &Map<String, Value>) -> Result<Asked> {
        let mut violations = Violations::default();
        let query = body.get("query").and_then(Value::as_str).map(str::to_owned);
        violations.ensure(query.is_some(), "/query", "REQUIRED", "query is a GraphQL document.");
        let variables = body.get("variables").cloned().unwrap_or_default();
        violations.ensure(
            variables.is_object() || variables.is_null(),
            "/variables",
            "WRONG_TYPE",
            "variables is an object.",
        );
        let operation = body.get("operationName").cloned().unwrap_or_default();
        violations.ensure(
            operation.is_string() || operation.is_null(),
            "/operationName",
            "WRONG_TYPE",
            "operationName is a text.",
        );
        for name in
            body.keys().filter(|name| !["query", "variables", "operationName", "extensions"].contains(&name.as_str()))
        {
            violations.add(format!("/{name}"), "UNKNOWN_FIELD", "A request has query, variables and operationName.");
        }
        violations.into_result()?;
        Ok(Asked { query: query.unwrap_or_default(), variables, operation: operation.as_str().map(str::to_owned) })
    }
}

fn failed(error: Error) -> Box<Response> {
    Box::new(Response::from_errors(vec![writer::wrap(error)]))
}

/// Parses, or finds parsed, and checks the limits. Also the response keys of the operation's root.
fn prepared(caller: &Caller, asked: Asked) -> Result<(Request, Vec<String>), Box<Response>> {
    let document = match caller.app.documents.get(&asked.query) {
        Some(document) => document,
        None => {
            limits::text(&asked.query).map_err(failed)?;
            let parsed = async_graphql::parser::parse_query(&asked.query);
            let parsed = parsed.map_err(|error| Box::new(Response::from_errors(vec![ServerError::from(error)])))?;
            limits::document(&parsed).map_err(failed)?;
            let document = Arc::new(parsed);
            caller.app.documents.insert(asked.query.clone(), document.clone());
            document
        }
    };
    let chosen = chosen(&document, asked.operation.as_deref());
    let keys = chosen.map(root_keys).unwrap_or_default();
    chosen.map_or(Ok(()), |operation| given(operation, &asked.variables)).map_err(failed)?;
    let mut request = Request::new("").variables(Variables::from_json(asked.variables));
    if let Some(operation) = asked.operation {
        request = request.operation_name(operation);
    }
    request.set_parsed_query(ExecutableDocument::clone(&document));
    Ok((request, keys))
}

/// The operation that will run.
fn chosen<'a>(document: &'a ExecutableDocument, operation: Option<&str>) -> Option<&'a OperationDefinition> {
    let fits = |name: Option<&Name>| operation.is_none() || name.map(|name| name.as_str()) == operation;
    let chosen = document.operations.iter().find(|(name, _)| fits(*name));
    chosen.map(|(_, operation)| &operation.node).filter(|operation| operation.ty != OperationType::Subscription)
}

/// Refuses a request that leaves out a variable which must be there; the library does not.
fn given(operation: &OperationDefinition, variables: &Value) -> Result<()> {
    let mut violations = Violations::default();
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        let name = definition.name.node.as_str();
        let missing = match variables.get(name) {
            None => definition.default_value.is_none(),
            Some(value) => value.is_null(),
        };
        let required = !definition.var_type.node.nullable;
        violations.ensure(
            !required || !missing,
            &format!("/variables/{name}"),
            "REQUIRED",
            "The variable is required.",
        );
    }
    violations.into_result()
}

/// The response keys that stand plainly at the root; one behind a directive or in a fragment is left to the library.
fn root_keys(operation: &OperationDefinition) -> Vec<String> {
    use async_graphql::parser::types::Selection;
    let key = |selection: &Selection| match selection {
        Selection::Field(field) if field.node.directives.is_empty() => Some(field.node.response_key().node.to_string()),
        _ => None,
    };
    let mut keys: Vec<String> = operation.selection_set.node.items.iter().filter_map(|item| key(&item.node)).collect();
    let mut seen = std::collections::HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    keys
}
