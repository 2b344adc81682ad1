//! `GET /v1/reports/…`: relationships over time, and what customers owe.

use super::forecast::answer;
use crate::caller::Caller;
use crate::http::problem::Handled;
use crate::http::query;
use crate::lifecycle::{ChurnBacktest, ChurnReport, CustomerSurvival, RetentionUplift, StageDwell, StageFlow};
use crate::receivables::Receivables;
use actix_web::{HttpRequest, web};
use kith_commerce::receivables::Question;
use kith_kernel::{Error, Result};
use kith_lifecycle::reports::Period;

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = || super::other_method("GET, HEAD");
    config
        .service(web::resource("/v1/reports/stage-flow").get(flow).default_service(other()))
        .service(web::resource("/v1/reports/stage-dwell").get(dwell).default_service(other()))
        .service(web::resource("/v1/reports/customer-survival").get(survival).default_service(other()))
        .service(web::resource("/v1/reports/churn").get(churn).default_service(other()))
        .service(web::resource("/v1/reports/churn-backtest").get(backtest).default_service(other()))
        .service(web::resource("/v1/reports/receivables").get(receivable).default_service(other()))
        .service(web::resource("/v1/reports/retention-uplift").get(uplift).default_service(other()));
}

fn period(request: &HttpRequest) -> Result<Period> {
    let mut asked = query::read(request.query_string(), &["from", "to"])?;
    Ok(Period { from: asked.more.remove("from"), to: asked.more.remove("to"), at: "/query" })
}

/// How relationships moved between stages.
///
/// Who was in which stage on the first day, and is in which on the last. Rows sum to the sizes of the stages on the first day; who has begun since has a row without a stage.
#[utoipa::path(
    get, path = "/v1/reports/stage-flow", operation_id = "report_stage_flow", tag = "lifecycle",
    params(
        ("from" = Option<String>, Query, description = "First day; a year before the last unless given.", example = "2026-01-01"),
        ("to" = Option<String>, Query, description = "Last day; today unless given.", example = "2026-12-31"),
    ),
    responses((status = 200, description = "The report.", body = StageFlow)),
    security(("bearer" = []))
)]
pub async fn flow(caller: Caller, request: HttpRequest) -> Handled {
    Ok(answer(&StageFlow::ask(&caller, period(&request)?).await?)?)
}

/// How long relationships stay in a stage.
///
/// The median of the days, of those who left a stage in the period and of those who are in it on the last day.
#[utoipa::path(
    get, path = "/v1/reports/stage-dwell", operation_id = "report_stage_dwell", tag = "lifecycle",
    params(
        ("from" = Option<String>, Query, description = "First day; a year before the last unless given.", example = "2026-01-01"),
        ("to" = Option<String>, Query, description = "Last day; today unless given.", example = "2026-12-31"),
    ),
    responses((status = 200, description = "The report.", body = StageDwell)),
    security(("bearer" = []))
)]
pub async fn dwell(caller: Caller, request: HttpRequest) -> Handled {
    Ok(answer(&StageDwell::ask(&caller, period(&request)?).await?)?)
}

/// How long customers stay customers.
///
/// The estimate of Kaplan and Meier over months since the first purchase or contract, with 95 % intervals.
#[utoipa::path(
    get, path = "/v1/reports/customer-survival", operation_id = "report_customer_survival", tag = "lifecycle",
    responses((status = 200, description = "The report.", body = CustomerSurvival)),
    security(("bearer" = []))
)]
pub async fn survival(caller: Caller, request: HttpRequest) -> Handled {
    query::read(request.query_string(), &[])?;
    Ok(answer(&CustomerSurvival::ask(&caller).await?)?)
}

/// Churn and retention, by number and by value.
///
/// Who of the customers of the first day was lost by the last. It reads orders, not what was computed at the time, and nothing later than each of the days.
#[utoipa::path(
    get, path = "/v1/reports/churn", operation_id = "report_churn", tag = "lifecycle",
    params(
        ("from" = Option<String>, Query, description = "First day; a year before the last unless given.", example = "2026-01-01"),
        ("to" = Option<String>, Query, description = "Last day; today unless given.", example = "2026-12-31"),
    ),
    responses((status = 200, description = "The report.", body = ChurnReport)),
    security(("bearer" = []))
)]
pub async fn churn(caller: Caller, request: HttpRequest) -> Handled {
    Ok(answer(&ChurnReport::ask(&caller, period(&request)?).await?)?)
}

/// Past churn alerts against what came of them.
///
/// What was told of each customer on past days (the first run of each month is kept) against who bought nothing within the horizon, beside what recency alone would have told. Days whose horizon is not over do not count yet. A value run as of a past day adds that day, with the model that could be known then.
#[utoipa::path(
    get, path = "/v1/reports/churn-backtest", operation_id = "report_churn_backtest", tag = "lifecycle",
    params(
        ("from" = Option<String>, Query, description = "First day; a year before the last unless given.", example = "2026-01-01"),
        ("to" = Option<String>, Query, description = "Last day; today unless given.", example = "2026-12-31"),
        ("threshold" = Option<String>, Query, description = "The chance from which on a customer counts as an alert; 0.5 unless given.", example = "0.5"),
    ),
    responses((status = 200, description = "The report.", body = ChurnBacktest)),
    security(("bearer" = []))
)]
pub async fn backtest(caller: Caller, request: HttpRequest) -> Handled {
    let mut asked = query::read(request.query_string(), &["from", "to", "threshold"])?;
    let period = Period { from: asked.more.remove("from"), to: asked.more.remove("to"), at: "/query" };
    Ok(answer(&ChurnBacktest::ask(&caller, period, asked.more.remove("threshold")).await?)?)
}

/// What campaigns to keep customers achieved.
///
/// For each campaign with plans that are over: who of the treated bought during their plan, who of the control group, and the
/// difference with its 95 % interval.
#[utoipa::path(
    get, path = "/v1/reports/retention-uplift", operation_id = "report_retention_uplift", tag = "lifecycle",
    params(("campaign" = Option<String>, Query, description = "Of one campaign alone.")),
    responses((status = 200, description = "The report.", body = RetentionUplift)),
    security(("bearer" = []))
)]
pub async fn uplift(caller: Caller, request: HttpRequest) -> Handled {
    let mut asked = query::read(request.query_string(), &["campaign"])?;
    Ok(answer(&RetentionUplift::ask(&caller, asked.more.remove("campaign")).await?)?)
}

/// What customers owe.
///
/// The invoices that are open, longest overdue first: for how many days each is overdue today, in the tenant's time zone, and
/// which reminder comes next. `remind` on an invoice takes that step. The sums are of all that is meant, not of the page.
#[utoipa::path(
    get, path = "/v1/reports/receivables", operation_id = "report_receivables", tag = "commerce",
    params(
        ("accountId" = Option<uuid::Uuid>, Query, description = "Of one account alone."),
        ("minDays" = Option<u32>, Query, description = "Only what is overdue for as many days: 1 is all that is overdue.", example = 1),
        ("toRemind" = Option<bool>, Query, description = "Only those whose next reminder is due."),
        ("after" = Option<uuid::Uuid>, Query, description = "`invoiceId` of the last row of the page before."),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 unless given.", example = 50),
    ),
    responses((status = 200, description = "The report.", body = Receivables)),
    security(("bearer" = []))
)]
pub async fn receivable(caller: Caller, request: HttpRequest) -> Handled {
    let mut asked = query::read(request.query_string(), &["accountId", "minDays", "toRemind", "after", "limit"])?;
    let question = Question {
        account: read(&mut asked, "accountId", "Expected an id.")?,
        min_days: read(&mut asked, "minDays", "Expected a whole number.")?,
        to_remind: read(&mut asked, "toRemind", "Expected true or false.")?.unwrap_or(false),
        after: read(&mut asked, "after", "Expected an id.")?,
        limit: super::value::limit(&request, &asked)?,
        at: "/query",
    };
    Ok(answer(&Receivables::ask(&caller, question).await?)?)
}

/// A parameter of the query string.
fn read<T: std::str::FromStr>(asked: &mut query::Asked, name: &str, expected: &str) -> Result<Option<T>> {
    let wrong = |_| Error::invalid(format!("/query/{name}"), "WRONG_TYPE", expected);
    asked.more.remove(name).map(|text| text.parse().map_err(wrong)).transpose()
}
