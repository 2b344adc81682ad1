//! The forecast as both APIs answer it: the shapes, which are their documentation, and the asking.

use crate::caller::Caller;
use async_graphql::SimpleObject;
use kith_kernel::{Error, Result};
use kith_pipeline::{changes, forecast};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What is won in a period, what is expected in it, and what was to be reached. Amounts are decimals as texts, in `currency`.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// First day of the period.
    from: String,
    /// Last day of the period.
    to: String,
    /// The currency of all amounts, ISO 4217.
    currency: String,
    /// What the rows are: owner, team or month; null: there are none.
    by: Option<String>,
    /// Of everything asked for.
    total: ForecastFigures,
    /// One for each owner, team (with the teams below it: these rows overlap) or month.
    rows: Vec<ForecastRow>,
}

/// The figures of a forecast.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastFigures {
    /// What was won in the period, at the rates of the day.
    won: String,
    /// How many opportunities that is.
    won_count: i64,
    /// CLOSED and COMMIT: what we commit to.
    commit: String,
    /// commit and BEST_CASE.
    best_case: String,
    /// bestCase and PIPELINE.
    pipeline: String,
    /// What was won, and amount × probability ÷ 100 of what is open and not OMITTED.
    weighted: String,
    /// What was to be won; null: there is no target, or it may not be seen, or a filter makes the figures a part of what it is about.
    target: Option<String>,
    /// target − won.
    gap: Option<String>,
    /// won ÷ target × 100.
    attainment: Option<String>,
    /// weighted ÷ target × 100.
    weighted_attainment: Option<String>,
    /// By forecast category. What was won is CLOSED.
    categories: Vec<ForecastCategoryFigures>,
}

/// The figures of one forecast category.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastCategoryFigures {
    /// OMITTED, PIPELINE, BEST_CASE, COMMIT or CLOSED.
    category: String,
    /// Sum of the amounts.
    amount: String,
    /// Sum of amount × probability ÷ 100; 100 for what was won.
    weighted: String,
    /// How many opportunities.
    count: i64,
}

/// One row of a forecast, of the owner, team or month that was asked for; where that is null, nobody is responsible.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastRow {
    /// Who is responsible.
    owner: Option<ForecastOwner>,
    /// The team, with those below it.
    team: Option<ForecastTeam>,
    /// The month, YYYY-MM.
    month: Option<String>,
    /// Its figures.
    figures: ForecastFigures,
}

/// A user of a forecast.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastOwner {
    /// Id of the user.
    id: Uuid,
    /// Name of the user.
    name: Option<String>,
}

/// A team of a forecast.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastTeam {
    /// Id of the team.
    id: Uuid,
    /// Name of the team.
    name: String,
    /// The team it is part of.
    parent_id: Option<Uuid>,
}

/// What became of a forecast.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastChanges {
    /// The snapshot that was asked about.
    snapshot: ForecastMoment,
    /// The later snapshot it is compared with; null: now.
    to: Option<ForecastMoment>,
    /// The currency of sums and differences. All at the rates of the day of the snapshot, so that only amounts make a difference.
    currency: String,
    /// How much of what happened; every kind is there.
    changes: Vec<ForecastChangeSum>,
    /// The opportunities, those that changed most first; at most 500.
    rows: Vec<ForecastChange>,
    /// There are more than 500.
    has_more: bool,
}

/// A snapshot that is compared.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastMoment {
    /// Id of the snapshot.
    id: Uuid,
    /// What it is called.
    name: Option<String>,
    /// When it was made.
    taken_at: String,
    /// First day of its period.
    starts_on: String,
    /// Last day of its period.
    ends_on: String,
}

/// How much of one kind of change there was.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastChangeSum {
    /// WON, LOST, SLIPPED (out of the period), PULLED_IN (before it), INCREASED, DECREASED, ADDED, REOPENED, REMOVED or UNCHANGED.
    change: String,
    /// How many opportunities.
    count: i64,
    /// What they were worth then.
    before: String,
    /// What they are worth at the later moment.
    after: String,
}

/// What became of one opportunity.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastChange {
    /// Which.
    opportunity_id: Uuid,
    /// Its name.
    name: String,
    /// See `changes`.
    change: String,
    /// What it is worth more, in the currency of the answer.
    difference: String,
    /// As the snapshot kept it; null: it was not in it.
    before: Option<ForecastState>,
    /// As it is at the later moment; null: it is gone.
    after: Option<ForecastState>,
}

/// An opportunity at one moment.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForecastState {
    /// OPEN, WON or LOST.
    status: String,
    /// What it was worth, in its own currency.
    amount: Option<String>,
    /// That currency.
    currency: Option<String>,
    /// When the decision was expected, or made.
    close_date: Option<String>,
    /// How it counted.
    forecast_category: String,
    /// The stage it was in.
    stage_id: Uuid,
    /// Who was responsible.
    owner_id: Option<Uuid>,
}

fn shaped<T: DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(Error::internal)
}

impl Forecast {
    /// Asks for it.
    pub async fn ask(caller: &Caller, question: forecast::Question) -> Result<Self> {
        shaped(caller.read(move |conn, cx| forecast::run(conn, cx, &question)).await?)
    }
}

impl ForecastChanges {
    /// Asks for it.
    pub async fn ask(caller: &Caller, id: Uuid, question: changes::Question) -> Result<Self> {
        shaped(caller.read(move |conn, cx| changes::run(conn, cx, id, &question)).await?)
    }
}
