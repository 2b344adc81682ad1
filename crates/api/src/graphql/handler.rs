//! `POST /graphql`.

use super::run::{self, Shared};
use super::{limits, socket, variables, writer};
use crate::caller::Caller;
use crate::http::body::Json;
use crate::http::headers;
use crate::http::problem::Handled;
use actix_web::{HttpRequest, guard, web};
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Name, Request, Response, ServerError, Variables};
use kith_kernel::{Error, Result, Violations, codes};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longest execution; the statements inside it have the same limit of their own.
const PATIENCE: Duration = Duration::from_secs(6);

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    let socket = web::get().guard(guard::fn_guard(|ctx| socket::is_asked(ctx.head()))).to(socket::open);
    config.service(
        web::resource("/graphql").post(graphql).route(socket).default_service(crate::rest::other_method("POST")),
    );
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
    let asked = Asked::read(body.object()?)?;
    let key = headers::idempotency_key(request.headers())?;
    let request_id = caller.origin.request_id;
    let text = match Document::of(&caller, &asked.query) {
        Ok(document) => {
            let chosen = document.chosen(asked.operation.as_deref());
            let keys = chosen.map(root_keys).unwrap_or_default();
            let shared = Arc::new(Shared::new(key, asked.query));
            let running = document.run(caller, &shared, chosen, asked.operation.as_deref(), asked.variables);
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

/// What is asked, read strictly.
pub struct Asked {
    /// The document.
    pub query: String,
    /// Values of its variables.
    pub variables: Value,
    /// Which operation.
    pub operation: Option<String>,
}

impl Asked {
    /// From the body of a request, or the message of a socket.
    pub fn read(mut body: Map<String, Value>) -> Result<Asked> {
        let mut violations = Violations::default();
        let [query, variables, operation] =
            ["query", "variables", "operationName"].map(|name| body.remove(name).unwrap_or_default());
        violations.ensure(query.is_string(), "/query", "REQUIRED", "query is a GraphQL document.");
        let fits = variables.is_object() || variables.is_null();
        violations.ensure(fits, "/variables", "WRONG_TYPE", "variables is an object.");
        let fits = operation.is_string() || operation.is_null();
        violations.ensure(fits, "/operationName", "WRONG_TYPE", "operationName is a text.");
        for name in body.keys().filter(|name| *name != "extensions") {
            violations.add(format!("/{name}"), "UNKNOWN_FIELD", "A request has query, variables and operationName.");
        }
        violations.into_result()?;
        let text = |value| if let Value::String(text) = value { Some(text) } else { None };
        Ok(Asked { query: text(query).unwrap_or_default(), variables, operation: text(operation) })
    }
}

fn failed(error: Error) -> Box<Response> {
    Box::new(Response::from_errors(vec![writer::wrap(error)]))
}

/// A parsed document within the limits.
pub struct Document {
    parsed: ExecutableDocument,
    /// Whether it can run without the library, once that has found it valid.
    plain: bool,
    /// Whether the library has.
    valid: AtomicBool,
}

impl Document {
    /// Parses, or finds parsed.
    pub fn of(caller: &Caller, text: &str) -> Result<Arc<Document>, Box<Response>> {
        if let Some(document) = caller.app.documents.get(text) {
            return Ok(document);
        }
        limits::text(text).map_err(failed)?;
        let parsed = async_graphql::parser::parse_query(text);
        let parsed = parsed.map_err(|error| Box::new(Response::from_errors(vec![ServerError::from(error)])))?;
        limits::document(&parsed).map_err(failed)?;
        let document = Arc::new(Document { plain: run::is_plain(&parsed), parsed, valid: AtomicBool::new(false) });
        caller.app.documents.insert(text.to_owned(), document.clone());
        Ok(document)
    }

    /// The operation that will run.
    pub fn chosen(&self, operation: Option<&str>) -> Option<&OperationDefinition> {
        self.named(operation).filter(|operation| operation.ty != OperationType::Subscription)
    }

    /// The operation, if it is one that goes on.
    pub fn subscription(&self, operation: Option<&str>) -> Option<&OperationDefinition> {
        self.named(operation).filter(|operation| operation.ty == OperationType::Subscription)
    }

    fn named(&self, operation: Option<&str>) -> Option<&OperationDefinition> {
        let fits = |name: Option<&Name>| operation.is_none() || name.map(|name| name.as_str()) == operation;
        self.parsed.operations.iter().find(|(name, _)| fits(*name)).map(|(_, operation)| &operation.node)
    }

    /// As it was parsed.
    pub fn parsed(&self) -> &ExecutableDocument {
        &self.parsed
    }

    /// Runs what was chosen.
    pub async fn run(
        &self,
        caller: Caller,
        shared: &Arc<Shared>,
        chosen: Option<&OperationDefinition>,
        name: Option<&str>,
        variables: Value,
    ) -> Response {
        if let Err(error) = chosen.map_or(Ok(()), |operation| variables::check(operation, &variables)) {
            return *failed(error);
        }
        let variables = Variables::from_json(variables);
        if let Some(operation) = chosen.filter(|_| self.plain && self.valid.load(Ordering::Relaxed)) {
            return run::direct(&caller, shared, operation, &self.parsed.fragments, &variables).await;
        }
        let schema = caller.app.schema.clone();
        let mut request = Request::new("").variables(variables).data(caller).data(shared.clone());
        if let Some(name) = name {
            request = request.operation_name(name);
        }
        request.set_parsed_query(self.parsed.clone());
        let response = schema.execute(request).await;
        self.valid.fetch_or(writer::ran(&response), Ordering::Relaxed);
        response
    }
}

/// The response keys that stand plainly at the root; one behind a directive or in a fragment is left to the library.
pub fn root_keys(operation: &OperationDefinition) -> Vec<String> {
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
