//! `GET /v1/metrics` and `GET /v1/metrics/{metric}`: every number with its definition.

use super::json;
use crate::caller::Caller;
use crate::graphql::metrics::MetricDefinition;
use crate::http::problem::Handled;
use crate::http::query;
use actix_web::{HttpRequest, web};
use kith_journal::metric::{self, Question};
use kith_kernel::Error;
use serde_json::json as value;

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = || super::other_method("GET, HEAD");
    config
        .service(web::resource("/v1/metrics").get(list).default_service(other()))
        .service(web::resource("/v1/metrics/{metric}").get(one).default_service(other()));
}

/// The metrics there are.
///
/// Each with its definition, its unit, the resource that its filter is about, what it can be grouped by, and whether it
/// has a period or is about now.
#[utoipa::path(
    get, path = "/v1/metrics", operation_id = "list_metrics", tag = "metrics",
    responses((status = 200, description = "All metrics.", body = Value)),
    security(("bearer" = []))
)]
pub async fn list(_caller: Caller, request: HttpRequest) -> Handled {
    query::read(request.query_string(), &[])?;
    let all = MetricDefinition::all();
    Ok(json(200, value!({"data": all}).to_string().into_bytes(), None))
}

/// One metric.
///
/// Its value over all rows that the filter and the period choose, and for each group. Amounts of several currencies are
/// added up at the stored exchange rates, or refused with MIXED_CURRENCIES. Values are decimals as texts; null: there is
/// nothing to divide by.
#[utoipa::path(
    get, path = "/v1/metrics/{metric}", operation_id = "get_metric", tag = "metrics",
    params(
        ("metric" = String, Path, description = "Its name.", example = "win-rate"),
        ("from" = Option<String>, Query, description = "First day, in the tenant's time zone."),
        ("to" = Option<String>, Query, description = "Last day, in the tenant's time zone."),
        ("groupBy" = Option<String>, Query, description = "Dimensions, comma-separated, at most three."),
        ("currency" = Option<String>, Query, description = "The currency of the answer; that of all amounts if they share one, else the tenant's."),
        ("filter" = Option<Value>, Query, style = DeepObject, explode, description = "The filter tree over the metric's resource."),
    ),
    responses((status = 200, description = "The value of all, and of each group, largest first.", body = Value)),
    security(("bearer" = []))
)]
pub async fn one(caller: Caller, request: HttpRequest) -> Handled {
    let name = request.match_info().get("metric").unwrap_or_default();
    let metric = crate::resources::metric(name).ok_or_else(Error::not_found)?;
    let mut asked = query::read(request.query_string(), &["filter", "from", "to", "groupBy", "currency"])?;
    let mut take = |name: &str| asked.more.remove(name);
    let question = Question {
        from: take("from"),
        to: take("to"),
        group_by: take("groupBy").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        currency: take("currency"),
        filter: asked.list.filter,
        text: true,
        at: "/query",
    };
    let found = caller.read(move |conn, cx| metric::run(conn, cx, metric, &question)).await?;
    Ok(json(200, found.to_string().into_bytes(), None))
}
