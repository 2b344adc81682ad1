//! Health, metrics, limits and documentation: what needs no credentials, and is reviewed for that reason.

use super::{capture, changes, sync};
use crate::app::App;
use crate::caller::RECORDS_A_REQUEST;
use crate::graphql_limits as graphql;
use crate::http::problem::{Handled, kebab, status};
use crate::http::work::blocking;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::{RunQueryDsl, sql_types as st};
use kith_kernel::{Error, Statement, codes};
use serde_json::json;
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// Everything that may be asked for without credentials. A test walks the contract and the routes in the code against
/// this list.
pub const OPEN: &[&str] = &[
    "GET /",
    "GET /docs",
    "GET /docs/{_:.*}",
    "GET /graphiql",
    "GET /graphiql/{file}",
    "GET /openapi.json",
    "GET /schema.graphql",
    "GET /metrics",
    "GET /healthz",
    "GET /readyz",
    "GET /v1/limits",
    "GET /problems/{type}",
    "GET /.well-known/jwks.json",
    "POST /v1/auth/login",
    "POST /v1/auth/refresh",
    "POST /v1/auth/logout",
    "POST /v1/auth/token",
    "POST /v1/capture/{publicKey}",
    "POST /v1/capture/{publicKey}/confirm",
];

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let get = "GET, HEAD";
    let resource = |path: &'static str| web::resource(path).default_service(super::other_method(get));
    config
        .service(resource("/healthz").get(health))
        .service(resource("/readyz").get(ready))
        .service(resource("/metrics").get(metrics))
        .service(resource("/v1/limits").get(limits))
        .service(resource("/problems/{type}").get(problem_page))
        .service(resource("/openapi.json").get(openapi))
        .service(resource("/schema.graphql").get(schema))
        .service(resource("/").get(|| see("/docs/")))
        .service(resource("/docs").get(|| see("/docs/")))
        .service(resource("/graphiql").get(graphiql))
        .service(resource("/graphiql/{file}").get(graphiql_file))
        .service(
            utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").config(utoipa_swagger_ui::Config::from("/openapi.json")),
        );
}

async fn see(place: &'static str) -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, place)).finish()
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", operation_id = "health", tag = "system", responses((status = 200, description = "It is.", body = serde_json::Value)))]
pub async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Whether requests can be served: the database answers and the process is not shutting down.
#[utoipa::path(get, path = "/readyz", operation_id = "ready", tag = "system", responses((status = 200, description = "Yes.", body = serde_json::Value)))]
pub async fn ready(app: web::Data<App>) -> Handled {
    if !app.ready.load(Ordering::Relaxed) {
        return Err(
            Error { retry_after: Some(5), ..Error::new(&codes::UNAVAILABLE, "The process is shutting down.") }.into()
        );
    }
    let db = app.db.clone();
    let check = move || {
        db.read(Uuid::nil(), |conn| {
            let statement = Statement::new("SELECT true");
            Ok(RunQueryDsl::get_result::<(bool,)>(statement.typed::<(st::Bool,)>(), conn)?)
        })
    };
    blocking(check).await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}

async fn metrics(app: web::Data<App>) -> HttpResponse {
    let (busy, idle) = app.db.connections();
    metrics::gauge!("kith_db_connections", "state" => "busy").set(f64::from(busy));
    metrics::gauge!("kith_db_connections", "state" => "idle").set(f64::from(idle));
    let text = app.metrics.as_ref().map(|metrics| metrics.render()).unwrap_or_default();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}

/// The limits of this API.
#[utoipa::path(get, path = "/v1/limits", operation_id = "limits", tag = "system", responses((status = 200, description = "Every limit.", body = serde_json::Value)))]
pub async fn limits(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "bodyBytes": crate::http::body::MAX_BODY,
        "pageSize": {"default": kith_kernel::DEFAULT_LIMIT, "max": kith_kernel::MAX_LIMIT},
        "batchItems": kith_journal::batch::MAX_STEPS,
        "transactionOperations": kith_journal::transaction::MAX_OPERATIONS,
        "filter": {"depth": kith_kernel::MAX_DEPTH, "conditions": kith_kernel::MAX_NODES, "listValues": kith_kernel::MAX_LIST},
        "graphql": {
            "documentBytes": graphql::DOCUMENT, "tokens": graphql::TOKENS, "depth": graphql::DEPTH, "aliases": graphql::ALIASES,
            "rootFields": graphql::ROOT_FIELDS, "operations": graphql::OPERATIONS, "directives": graphql::DIRECTIVES, "cost": graphql::COST
        },
        "requestsPerMinute": app.settings.rate_per_minute,
        "tenantRequestsPerMinute": app.settings.tenant_rate_per_minute,
        "recordsPerRequest": RECORDS_A_REQUEST,
        "bulk": {"lineBytes": kith_bulk::decode::MAX_LINE},
        "changes": {"pageSize": kith_journal::feed::MAX_PAGE, "waitSeconds": changes::MAX_WAIT, "followers": crate::live::MAX_FOLLOWERS},
        "sync": {"pullResources": sync::MAX_RESOURCES, "pullRecords": kith_kernel::MAX_LIMIT, "pushChanges": kith_journal::push::MAX_CHANGES},
        "capture": {"bodyBytes": capture::FORM_BYTES, "perMinuteFromAnAddress": capture::A_MINUTE_FROM_AN_ADDRESS, "perMinute": capture::A_MINUTE},
        "idempotencyHours": 48
    }))
}

/// What an error code means and what to do about it.
#[utoipa::path(
    get, path = "/problems/{type}", operation_id = "problem", tag = "system",
    params(("type" = String, Path, description = "The last part of a problem's `type`.")),
    responses((status = 200, description = "A page about the code.", body = String, content_type = "text/html"))
)]
pub async fn problem_page(request: HttpRequest) -> Handled {
    let name = request.match_info().query("type");
    let code = crate::all_codes().into_iter().find(|code| kebab(code) == name).ok_or_else(Error::not_found)?;
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title><h1>{title}</h1><p><code>{name}</code>, HTTP {status}</p><p>{doc}</p></html>",
        name = code.name,
        title = code.title,
        status = status(code.kind),
        doc = code.doc.trim(),
    );
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

async fn openapi(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().content_type(super::JSON).body(app.contracts.openapi.clone())
}

async fn schema(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(app.contracts.sdl.clone())
}

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! asset {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/graphiql/", $name)).as_slice()
    };
}

async fn graphiql() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(asset!("index.html"))
}

async fn graphiql_file(request: HttpRequest) -> Handled {
    let (kind, bytes) = match request.match_info().query("file") {
        "app.js" => ("text/javascript", asset!("app.js")),
        "app.css" => ("text/css", asset!("app.css")),
        "graphiql.min.js" => ("text/javascript", asset!("graphiql.min.js")),
        "graphiql.min.css" => ("text/css", asset!("graphiql.min.css")),
        "react.production.min.js" => ("text/javascript", asset!("react.production.min.js")),
        "react-dom.production.min.js" => ("text/javascript", asset!("react-dom.production.min.js")),
        _ => return Err(Error::not_found().into()),
    };
    Ok(HttpResponse::Ok().content_type(kind).insert_header((header::CACHE_CONTROL, "max-age=3600")).body(bytes))
}
