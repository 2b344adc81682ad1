//! `GET /v1/pipelines/{id}/board` and `GET /v1/pipelines/{id}/funnel.svg`: a pipeline at a glance.

use super::forecast::answer;
use super::path_id;
use crate::board::{Asked, PipelineBoard};
use crate::caller::Caller;
use crate::http::problem::Handled;
use crate::http::query;
use actix_web::{HttpRequest, HttpResponse, web};
use kith_kernel::Error;
use kith_pipeline::board::Question;
use kith_pipeline::{board as data, funnel as picture, whose};

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = || super::other_method("GET, HEAD");
    config
        .service(web::resource("/v1/pipelines/{id}/board").get(board).default_service(other()))
        .service(web::resource("/v1/pipelines/{id}/funnel.svg").get(funnel).default_service(other()));
}

/// What both take.
fn question(asked: &mut query::Asked) -> Question {
    let mut take = |name: &str| asked.more.remove(name);
    Question {
        whose: whose::Asked { owner_id: take("ownerId"), team_id: take("teamId"), pipeline_id: None },
        currency: take("currency"),
        filter: asked.list.filter.take(),
        text: true,
        at: "/query",
    }
}

/// The board of a pipeline.
///
/// A column a stage: how many opportunities there are, what they are worth, how many are rotting, and the first cards, each
/// with the fields and relations asked for. Amounts of several currencies are added up at the stored exchange rates, or
/// refused with MIXED_CURRENCIES.
#[utoipa::path(
    get, path = "/v1/pipelines/{id}/board", operation_id = "board_pipeline", tag = "pipeline",
    params(
        ("id" = uuid::Uuid, Path, description = "The pipeline's id."),
        ("cards" = Option<u32>, Query, description = "Cards of each column, 1 to 100; 10 unless given."),
        ("sort" = Option<String>, Query, description = "Order of the cards; by closeDate unless given."),
        ("fields" = Option<String>, Query, description = "Only these fields of the cards, comma-separated."),
        ("expand" = Option<String>, Query, description = "These relations of the cards too, comma-separated."),
        ("ownerId" = Option<uuid::Uuid>, Query, description = "Of one user alone."),
        ("teamId" = Option<uuid::Uuid>, Query, description = "Of one team, with the teams below it."),
        ("currency" = Option<String>, Query, description = "The currency of sums; that of all amounts if they share one, else the tenant's."),
        ("filter" = Option<serde_json::Value>, Query, style = DeepObject, explode, description = "The filter tree over opportunities."),
    ),
    responses((status = 200, description = "The board.", body = PipelineBoard)),
    security(("bearer" = []))
)]
pub async fn board(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let allowed = ["cards", "sort", "fields", "expand", "ownerId", "teamId", "currency", "filter"];
    let mut asked = query::read(request.query_string(), &allowed)?;
    let number = asked.more.remove("cards").map(|text| text.parse().map_err(|_| text));
    let wrong = |_| Error::invalid("/query/cards", "WRONG_TYPE", "Expected a number from 1 to 100.");
    let cards = Asked {
        fields: asked.fields.take(),
        expand: asked.expand.take(),
        sort: std::mem::take(&mut asked.list.sort),
        cards: number.transpose().map_err(wrong)?,
    };
    Ok(answer(&PipelineBoard::ask(&caller, id, question(&mut asked), cards).await?)?)
}

/// The funnel of a pipeline as a picture.
///
/// SVG: for each open stage how many opportunities came to it or beyond, and which share of them went on to the next; how
/// many are there now, and what they are worth; then what is won.
#[utoipa::path(
    get, path = "/v1/pipelines/{id}/funnel.svg", operation_id = "draw_pipeline_funnel", tag = "pipeline",
    params(
        ("id" = uuid::Uuid, Path, description = "The pipeline's id."),
        ("ownerId" = Option<uuid::Uuid>, Query, description = "Of one user alone."),
        ("teamId" = Option<uuid::Uuid>, Query, description = "Of one team, with the teams below it."),
        ("currency" = Option<String>, Query, description = "The currency of sums; that of all amounts if they share one, else the tenant's."),
        ("filter" = Option<serde_json::Value>, Query, style = DeepObject, explode, description = "The filter tree over opportunities."),
    ),
    responses((status = 200, description = "The picture.", body = String, content_type = "image/svg+xml")),
    security(("bearer" = []))
)]
pub async fn funnel(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let mut asked = query::read(request.query_string(), &["ownerId", "teamId", "currency", "filter"])?;
    let question = question(&mut asked);
    let drawn = caller.read(move |conn, cx| Ok(picture::draw(&data::funnel(conn, cx, id, &question)?))).await?;
    Ok(HttpResponse::Ok().content_type("image/svg+xml; charset=utf-8").body(drawn))
}
