//! Customer value at a glance: the pyramid and the quadrant as data and as pictures, simulations, entitlements, and the
//! reports of movements, concentration and customer equity.

use super::forecast::answer;
use super::path_id;
use crate::caller::Caller;
use crate::http::problem::Handled;
use crate::http::query;
use crate::value::{
    AccountEntitlements, AccountGroupValue, AccountNextLayer, AccountProfit, CustomerEquity, LifecycleSimulation,
    ValueConcentration, ValueMovements, ValuePyramid, ValueQuadrant, ValueSimulation,
};
use actix_web::{HttpRequest, HttpResponse, web};
use kith_kernel::{Error, Result};
use kith_loyalty::value::reports::{Language, concentration, movements};

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = || super::other_method("GET, HEAD");
    config
        .service(web::resource("/v1/value-models/{id}/pyramid").get(pyramid).default_service(other()))
        .service(web::resource("/v1/value-models/{id}/pyramid.svg").get(pyramid_picture).default_service(other()))
        .service(web::resource("/v1/value-models/{id}/quadrant").get(quadrant).default_service(other()))
        .service(web::resource("/v1/value-models/{id}/quadrant.svg").get(quadrant_picture).default_service(other()))
        .service(web::resource("/v1/value-models/{id}/simulation").get(simulation).default_service(other()))
        .service(web::resource("/v1/lifecycle-policies/{id}/simulation").get(trial).default_service(other()))
        .service(web::resource("/v1/accounts/{id}/entitlements").get(entitled).default_service(other()))
        .service(web::resource("/v1/accounts/{id}/profit").get(earned).default_service(other()))
        .service(web::resource("/v1/accounts/{id}/next-layer").get(above).default_service(other()))
        .service(web::resource("/v1/accounts/{id}/group-value").get(grouped).default_service(other()))
        .service(web::resource("/v1/reports/value-movements").get(moved).default_service(other()))
        .service(web::resource("/v1/reports/concentration").get(concentrated).default_service(other()))
        .service(web::resource("/v1/reports/customer-equity").get(equity).default_service(other()));
}

/// A number of the query string.
fn number(asked: &mut query::Asked, name: &str) -> Result<Option<i64>> {
    let wrong = |_| Error::invalid(format!("/query/{name}"), "WRONG_TYPE", "Expected a number.");
    asked.more.remove(name).map(|text| text.parse().map_err(wrong)).transpose()
}

/// `limit` is one of the names that lists know, and has a usual value there.
pub(super) fn limit(request: &HttpRequest, asked: &query::Asked) -> Result<Option<i64>> {
    let given = query::pairs(request.query_string())?.iter().any(|(name, _)| name == "limit");
    Ok(given.then(|| i64::try_from(asked.list.limit).unwrap_or(i64::MAX)))
}

fn language(asked: &mut query::Asked) -> Result<Language> {
    Language::read(asked.more.remove("lang").as_deref(), "/query/lang")
}

fn picture(drawn: String) -> HttpResponse {
    HttpResponse::Ok().content_type("image/svg+xml; charset=utf-8").body(drawn)
}

/// The customer pyramid.
///
/// How many accounts are in each layer, what they bring and cost, and their mean score, by the published value model: for
/// another one see the simulation. Accounts that may not be read are not counted.
#[utoipa::path(
    get, path = "/v1/value-models/{id}/pyramid", operation_id = "pyramid_value_model", tag = "loyalty",
    params(("id" = uuid::Uuid, Path, description = "The value model's id.")),
    responses((status = 200, description = "The pyramid.", body = ValuePyramid)),
    security(("bearer" = []))
)]
pub async fn pyramid(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    query::read(request.query_string(), &[])?;
    Ok(answer(&ValuePyramid::ask(&caller, id).await?)?)
}

/// The customer pyramid as a picture.
///
/// SVG that stands by itself, with labels in English and Chinese.
#[utoipa::path(
    get, path = "/v1/value-models/{id}/pyramid.svg", operation_id = "draw_value_pyramid", tag = "loyalty",
    params(
        ("id" = uuid::Uuid, Path, description = "The value model's id."),
        ("lang" = Option<String>, Query, description = "Language of the labels: en, zh or both; both unless given."),
    ),
    responses((status = 200, description = "The picture.", body = String, content_type = "image/svg+xml")),
    security(("bearer" = []))
)]
pub async fn pyramid_picture(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let mut asked = query::read(request.query_string(), &["lang"])?;
    Ok(picture(ValuePyramid::draw(&caller, id, language(&mut asked)?).await?))
}

/// The quadrant of value and potential.
///
/// The classes LEAD, IRON, GOLD and PLATINUM with what they come to, the two cuts and where they come from, and the largest
/// customers as points, by the published value model.
#[utoipa::path(
    get, path = "/v1/value-models/{id}/quadrant", operation_id = "quadrant_value_model", tag = "loyalty",
    params(
        ("id" = uuid::Uuid, Path, description = "The value model's id."),
        ("limit" = Option<u32>, Query, description = "Points, 1 to 2000; 500 unless given."),
    ),
    responses((status = 200, description = "The quadrant.", body = ValueQuadrant)),
    security(("bearer" = []))
)]
pub async fn quadrant(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let asked = query::read(request.query_string(), &["limit"])?;
    Ok(answer(&ValueQuadrant::ask(&caller, id, limit(&request, &asked)?, "/query").await?)?)
}

/// The quadrant as a picture.
///
/// SVG that stands by itself: a scatter of the largest customers, cut into the four classes, with labels in English and
/// Chinese. The axis of present value is linear about zero and logarithmic far from it.
#[utoipa::path(
    get, path = "/v1/value-models/{id}/quadrant.svg", operation_id = "draw_value_quadrant", tag = "loyalty",
    params(
        ("id" = uuid::Uuid, Path, description = "The value model's id."),
        ("limit" = Option<u32>, Query, description = "Points, 1 to 2000; 500 unless given."),
        ("lang" = Option<String>, Query, description = "Language of the labels: en, zh or both; both unless given."),
    ),
    responses((status = 200, description = "The picture.", body = String, content_type = "image/svg+xml")),
    security(("bearer" = []))
)]
pub async fn quadrant_picture(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let mut asked = query::read(request.query_string(), &["limit", "lang"])?;
    let limit = limit(&request, &asked)?;
    Ok(picture(ValueQuadrant::draw(&caller, id, limit, language(&mut asked)?).await?))
}

/// What a value model would change.
///
/// All accounts are judged by it on the facts of today, and nothing is stored: who would move from which layer and class to
/// which, and who moves farthest. Beyond 50,000 accounts it is refused; publish the model instead.
#[utoipa::path(
    get, path = "/v1/value-models/{id}/simulation", operation_id = "simulate_value_model", tag = "loyalty",
    params(
        ("id" = uuid::Uuid, Path, description = "The value model's id."),
        ("movers" = Option<u32>, Query, description = "Customers that are named, 1 to 200; 20 unless given."),
    ),
    responses((status = 200, description = "What would change.", body = ValueSimulation)),
    security(("bearer" = []))
)]
pub async fn simulation(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let mut asked = query::read(request.query_string(), &["movers"])?;
    let movers = number(&mut asked, "movers")?;
    Ok(answer(&ValueSimulation::ask(&caller, id, movers, "/query").await?)?)
}

/// What a lifecycle policy would change.
///
/// All relationships are judged by it on the facts of today, from where they stand, as the next run would if it were published:
/// who would move from which stage to which. Nothing is stored. Beyond 50,000 accounts it is refused.
#[utoipa::path(
    get, path = "/v1/lifecycle-policies/{id}/simulation", operation_id = "simulate_lifecycle_policy", tag = "lifecycle",
    params(
        ("id" = uuid::Uuid, Path, description = "The lifecycle policy's id."),
        ("movers" = Option<u32>, Query, description = "Customers that are named, 1 to 200; 20 unless given."),
    ),
    responses((status = 200, description = "What would change.", body = LifecycleSimulation)),
    security(("bearer" = []))
)]
pub async fn trial(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let mut asked = query::read(request.query_string(), &["movers"])?;
    let movers = number(&mut asked, "movers")?;
    Ok(answer(&LifecycleSimulation::ask(&caller, id, movers, "/query").await?)?)
}

/// What an account is entitled to.
///
/// Its class and layer, what the resource policy of the class gives it, and when it is to hear from us again.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/entitlements", operation_id = "entitlements_account", tag = "loyalty",
    params(("id" = uuid::Uuid, Path, description = "The account's id.")),
    responses((status = 200, description = "Its entitlements.", body = AccountEntitlements)),
    security(("bearer" = []))
)]
pub async fn entitled(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    query::read(request.query_string(), &[])?;
    Ok(answer(&AccountEntitlements::ask(&caller, id).await?)?)
}

/// How the profit of an account comes about.
///
/// From what its purchases would cost by the list, over discounts, returns and the cost of the goods and of serving it, to what is
/// left, in the window of the published value model, and how many customers bring less.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/profit", operation_id = "profit_account", tag = "loyalty",
    params(("id" = uuid::Uuid, Path, description = "The account's id.")),
    responses((status = 200, description = "Its profit, step by step.", body = AccountProfit)),
    security(("bearer" = []))
)]
pub async fn earned(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    query::read(request.query_string(), &[])?;
    Ok(answer(&AccountProfit::ask(&caller, id).await?)?)
}

/// What is missing to the next layer of the pyramid.
///
/// The distance of an account to the layer above, and how far each indicator alone would have to move to get there: so much more
/// revenue, so many days sooner.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/next-layer", operation_id = "next_layer_account", tag = "loyalty",
    params(("id" = uuid::Uuid, Path, description = "The account's id.")),
    responses((status = 200, description = "What is missing.", body = AccountNextLayer)),
    security(("bearer" = []))
)]
pub async fn above(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    query::read(request.query_string(), &[])?;
    Ok(answer(&AccountNextLayer::ask(&caller, id).await?)?)
}

/// What an account and its subsidiaries are worth together.
///
/// The account and all that belong to it by `parentId`, at any depth: sums of what each is worth, and the largest of them.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/group-value", operation_id = "group_value_account", tag = "loyalty",
    params(
        ("id" = uuid::Uuid, Path, description = "The id of the account at the top."),
        ("limit" = Option<u32>, Query, description = "Accounts that are named, 1 to 200; 20 unless given."),
    ),
    responses((status = 200, description = "What they are worth.", body = AccountGroupValue)),
    security(("bearer" = []))
)]
pub async fn grouped(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let asked = query::read(request.query_string(), &["limit"])?;
    Ok(answer(&AccountGroupValue::ask(&caller, id, limit(&request, &asked)?, "/query").await?)?)
}

/// Who moved between layers or classes.
///
/// Between two days of which values are kept, or one and now; the answer names them. Rows sum to the sizes on the first day; who became a
/// customer since has a row without a place.
#[utoipa::path(
    get, path = "/v1/reports/value-movements", operation_id = "report_value_movements", tag = "loyalty",
    params(
        ("from" = Option<String>, Query, description = "First day; a year before the last unless given.", example = "2026-01-01"),
        ("to" = Option<String>, Query, description = "Last day; today unless given.", example = "2026-12-31"),
        ("by" = Option<String>, Query, description = "layer or class; layer unless given."),
    ),
    responses((status = 200, description = "The report.", body = ValueMovements)),
    security(("bearer" = []))
)]
pub async fn moved(caller: Caller, request: HttpRequest) -> Handled {
    let mut asked = query::read(request.query_string(), &["from", "to", "by"])?;
    let mut take = |name: &str| asked.more.remove(name);
    let question = movements::Question { from: take("from"), to: take("to"), by: take("by"), at: "/query" };
    Ok(answer(&ValueMovements::ask(&caller, question).await?)?)
}

/// How much few customers or products weigh.
///
/// ABC, Gini, shares of the top, the long tail and the whale curve. Of accounts it needs the right to read all value
/// profiles; of products, all orders and their lines. Revenue and profit are of the window of the value model.
#[utoipa::path(
    get, path = "/v1/reports/concentration", operation_id = "report_concentration", tag = "loyalty",
    params(
        ("of" = Option<String>, Query, description = "revenue, profit, lifetimeRevenue or clv; revenue unless given."),
        ("by" = Option<String>, Query, description = "accounts or products; accounts unless given."),
        ("limit" = Option<u32>, Query, description = "Rows of the largest, 1 to 100; 10 unless given."),
    ),
    responses((status = 200, description = "The report.", body = ValueConcentration)),
    security(("bearer" = []))
)]
pub async fn concentrated(caller: Caller, request: HttpRequest) -> Handled {
    let mut asked = query::read(request.query_string(), &["of", "by", "limit"])?;
    let limit = limit(&request, &asked)?;
    let mut take = |name: &str| asked.more.remove(name);
    let question = concentration::Question { of: take("of"), by: take("by"), limit, at: "/query" };
    Ok(answer(&ValueConcentration::ask(&caller, question).await?)?)
}

/// Customer equity.
///
/// The lifetime values of all customers together, by layer and class, with what they rest on, how far off they may be, and
/// what winning the customers cost. It needs the right to read all value profiles and lifetime values.
#[utoipa::path(
    get, path = "/v1/reports/customer-equity", operation_id = "report_customer_equity", tag = "loyalty",
    responses((status = 200, description = "The report.", body = CustomerEquity)),
    security(("bearer" = []))
)]
pub async fn equity(caller: Caller, request: HttpRequest) -> Handled {
    query::read(request.query_string(), &[])?;
    Ok(answer(&CustomerEquity::ask(&caller).await?)?)
}
