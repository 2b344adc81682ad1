//! `GET /v1/forecast`, and what became of a snapshot of it.

use super::{json, path_id};
use crate::caller::Caller;
use crate::forecast::{Forecast, ForecastChanges};
use crate::http::problem::Handled;
use crate::http::query;
use actix_web::{HttpRequest, HttpResponse, web};
use kith_kernel::Error;
use kith_pipeline::{changes, forecast, period, whose};
use serde::Serialize;

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = || super::other_method("GET, HEAD");
    config
        .service(web::resource("/v1/forecast").get(one).default_service(other()))
        .service(web::resource("/v1/forecast-snapshots/{id}/changes").get(compared).default_service(other()));
}

pub(super) fn answer(value: &impl Serialize) -> Result<HttpResponse, Error> {
    Ok(json(200, serde_json::to_vec(value).map_err(Error::internal)?, None))
}

/// The forecast of a period.
///
/// What was won in the period, what is open and has its closeDate in it by forecast category, weighted and not, and what was
/// to be reached. Amounts of several currencies are added up at the stored exchange rates, or refused with
/// MIXED_CURRENCIES. A team counts with all teams below it. Of the targets within the period, one that another of the same
/// user or team covers does not count besides it.
#[utoipa::path(
    get, path = "/v1/forecast", operation_id = "get_forecast", tag = "metrics",
    params(
        ("period" = Option<String>, Query, description = "A year, quarter or month: 2026, 2026-Q4, 2026-11; the current quarter unless from and to are given.", example = "2026-Q4"),
        ("from" = Option<String>, Query, description = "First day, in the tenant's time zone, with `to` instead of `period`."),
        ("to" = Option<String>, Query, description = "Last day, in the tenant's time zone."),
        ("by" = Option<String>, Query, description = "Rows: owner, team or month (at most 24)."),
        ("ownerId" = Option<uuid::Uuid>, Query, description = "Of one user alone."),
        ("teamId" = Option<uuid::Uuid>, Query, description = "Of one team, with the teams below it."),
        ("pipelineId" = Option<uuid::Uuid>, Query, description = "Of one pipeline."),
        ("currency" = Option<String>, Query, description = "The currency of the answer; that of all amounts if they share one, else the tenant's."),
        ("filter" = Option<Value>, Query, style = DeepObject, explode, description = "The filter tree over opportunities. With one, there are no targets: they are about all."),
    ),
    responses((status = 200, description = "The forecast.", body = Forecast)),
    security(("bearer" = []))
)]
pub async fn one(caller: Caller, request: HttpRequest) -> Handled {
    let allowed = ["period", "from", "to", "by", "ownerId", "teamId", "pipelineId", "currency", "filter"];
    let mut asked = query::read(request.query_string(), &allowed)?;
    let mut take = |name: &str| asked.more.remove(name);
    let question = forecast::Question {
        period: period::Asked { period: take("period"), from: take("from"), to: take("to") },
        by: take("by"),
        whose: whose::Asked { owner_id: take("ownerId"), team_id: take("teamId"), pipeline_id: take("pipelineId") },
        currency: take("currency"),
        filter: asked.list.filter,
        text: true,
        at: "/query",
    };
    Ok(answer(&Forecast::ask(&caller, question).await?)?)
}

/// What became of a forecast snapshot.
///
/// Its opportunities as they were, against what they are now or were in a later snapshot of the same period: won, lost, slipped
/// out of the period, worth more or less, and which have come into it since.
#[utoipa::path(
    get, path = "/v1/forecast-snapshots/{id}/changes", operation_id = "compare_forecast_snapshot", tag = "metrics",
    params(
        ("id" = uuid::Uuid, Path, description = "The snapshot's id."),
        ("to" = Option<uuid::Uuid>, Query, description = "A later snapshot of the same period and pipeline; now unless given."),
        ("currency" = Option<String>, Query, description = "The currency of sums; that of all amounts if they share one, else the tenant's."),
    ),
    responses((status = 200, description = "What became of it.", body = ForecastChanges)),
    security(("bearer" = []))
)]
pub async fn compared(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let mut asked = query::read(request.query_string(), &["to", "currency"])?;
    let mut take = |name: &str| asked.more.remove(name);
    let question = changes::Question { to: take("to"), currency: take("currency"), at: "/query" };
    Ok(answer(&ForecastChanges::ask(&caller, id, question).await?)?)
}
