//! The reports of relationships as both APIs answer them: the shapes, which are their documentation, and the asking.

use crate::caller::Caller;
use async_graphql::SimpleObject;
use diesel::PgConnection;
use kith_kernel::{Cx, Error, Result};
use kith_lifecycle::backtest::backtest;
use kith_lifecycle::reports::{self, Period};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// How relationships moved between two days. Rows sum to the sizes of the stages on the first day.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct StageFlow {
    /// The first day.
    from: String,
    /// The last day.
    to: String,
    /// A row for each stage of the first day.
    rows: Vec<StageFlowRow>,
}

/// Those who were in a stage on the first day.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct StageFlowRow {
    /// The stage; null: they were not there yet.
    stage: Option<String>,
    /// How many.
    size: i64,
    /// Where they are on the last day.
    to: Vec<StageFlowCell>,
}

/// Those of a row who are in a stage on the last day.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct StageFlowCell {
    /// The stage.
    stage: String,
    /// How many.
    count: i64,
    /// Their share of the row, from 0 to 1.
    share: Option<f64>,
}

/// How long relationships stay in each stage.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct StageDwell {
    /// The first day.
    from: String,
    /// The last day.
    to: String,
    /// A row for each stage.
    rows: Vec<StageDwellRow>,
}

/// How long relationships stay in a stage.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageDwellRow {
    /// The stage.
    stage: String,
    /// How many left it in the period.
    left: i64,
    /// The median of the days that those stayed.
    median_days: Option<f64>,
    /// How many are in it on the last day.
    here: i64,
    /// The median of the days that those have stayed so far.
    median_days_so_far: Option<f64>,
}

/// How long customers stay customers: the estimate of Kaplan and Meier over whole months since the first purchase or contract.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerSurvival {
    /// Customers.
    customers: i64,
    /// Those of them who count as lost.
    lost: i64,
    /// The longest time observed, in months; nothing is known beyond it.
    observed_months: f64,
    /// The month by which half are lost; null: more than half are still there.
    median_months: Option<f64>,
    /// The curve: a step for each month in which somebody was lost.
    steps: Vec<CustomerSurvivalStep>,
}

/// A step of a survival curve.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerSurvivalStep {
    /// Months since the first purchase or contract.
    month: f64,
    /// Customers who had come so far.
    at_risk: i64,
    /// Those of them who were lost then.
    lost: i64,
    /// The chance to stay longer.
    survival: f64,
    /// Lower end of its 95 % interval.
    low: f64,
    /// Upper end of its 95 % interval.
    high: f64,
}

/// Who of the customers of the first day was lost by the last, by number and by value.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChurnReport {
    /// The first day.
    from: String,
    /// The last day.
    to: String,
    /// Customers who were active on the first day: not silent for 90 days and twice their typical gap, and no loss confirmed.
    active_at_start: i64,
    /// Those of them who are not on the last day. Who came in the period counts in neither.
    lost: i64,
    /// lost ÷ activeAtStart, a decimal as a text.
    churn_rate: Option<String>,
    /// 1 − churnRate.
    retention_rate: Option<String>,
    /// The currency of the margins, ISO 4217.
    currency: String,
    /// The margin of the year until the first day, of all who were active.
    margin_at_start: String,
    /// The same of those who were lost.
    margin_lost: String,
    /// marginLost ÷ marginAtStart; null where that is no gain.
    value_churn_rate: Option<String>,
    /// 1 − valueChurnRate.
    value_retention_rate: Option<String>,
    /// OK; PARTIAL: of some sales nobody knows the cost; INSUFFICIENT_DATA: nobody was active.
    state: String,
}

/// What was told of customers on past days against what they did. Only days whose horizon is over count.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct ChurnBacktest {
    /// The first day.
    from: String,
    /// The last day.
    to: String,
    /// The chance from which on a customer counts as an alert.
    threshold: f64,
    /// Customers and days of which a chance was kept.
    customers: i64,
    /// Those of them who bought nothing within the horizon.
    left: i64,
    /// What was told.
    model: ChurnBacktestSide,
    /// What recency alone would have told.
    baseline: ChurnBacktestSide,
    /// What was told against what came of it, in tenths.
    bins: Vec<ChurnBacktestBin>,
    /// The same day by day.
    days: Vec<ChurnBacktestDay>,
    /// OK, or INSUFFICIENT_DATA: nothing was kept whose horizon is over.
    state: String,
}

/// How good chances were.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct ChurnBacktestSide {
    /// Customers whose chance reached the threshold.
    alerts: i64,
    /// Those of them who left.
    hits: i64,
    /// hits ÷ alerts.
    precision: Option<f64>,
    /// hits ÷ all who left.
    recall: Option<f64>,
    /// precision ÷ the share of all who left: how many times better than alerting at random.
    lift: Option<f64>,
    /// The area under the ROC curve: the chance that somebody who left was told a higher one than somebody who stayed.
    auc: Option<f64>,
    /// The mean squared error of the chances.
    brier: Option<f64>,
}

/// Customers who were told about the same chance.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct ChurnBacktestBin {
    /// Which tenth: 0 is up to 0.1.
    bin: i32,
    /// How many.
    customers: i64,
    /// The mean of what was told.
    told: Option<f64>,
    /// The share of those who left.
    left: Option<f64>,
}

/// What was told on a day.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChurnBacktestDay {
    /// The day.
    as_of: String,
    /// Customers.
    customers: i64,
    /// Those of them who bought nothing within the horizon.
    left: i64,
    /// What was told.
    model: ChurnBacktestSide,
    /// What recency alone would have told.
    baseline: ChurnBacktestSide,
}

/// What campaigns to keep customers achieved.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct RetentionUplift {
    /// A row for each campaign that has plans which are over.
    rows: Vec<RetentionUpliftRow>,
}

/// What a campaign achieved: the share of the treated who bought during their plan, over that of those left alone.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct RetentionUpliftRow {
    /// The campaign.
    campaign: String,
    /// Customers for whom something was done.
    treated: RetentionGroup,
    /// Customers who were left alone.
    control: RetentionGroup,
    /// The difference of their rates; null without both groups.
    uplift: Option<f64>,
    /// Lower end of its 95 % interval (Agresti and Caffo).
    low: Option<f64>,
    /// Upper end of its 95 % interval.
    high: Option<f64>,
}

/// One group of a campaign.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct RetentionGroup {
    /// How many.
    customers: i64,
    /// How many of them bought during their plan.
    kept: i64,
    /// Their share, from 0 to 1.
    rate: Option<f64>,
}

/// A report costs what a list of so many records does.
const COST: u64 = 50;

/// Asks for a report.
pub async fn ask<T: DeserializeOwned>(
    caller: &Caller,
    report: impl FnOnce(&mut PgConnection, &Cx) -> Result<Value> + Send + 'static,
) -> Result<T> {
    caller.charge(COST)?;
    serde_json::from_value(caller.read(report).await?).map_err(Error::internal)
}

impl StageFlow {
    /// Asks for it.
    pub async fn ask(caller: &Caller, period: Period) -> Result<Self> {
        ask(caller, move |conn, cx| reports::flow(conn, cx, &period)).await
    }
}

impl StageDwell {
    /// Asks for it.
    pub async fn ask(caller: &Caller, period: Period) -> Result<Self> {
        ask(caller, move |conn, cx| reports::dwell(conn, cx, &period)).await
    }
}

impl CustomerSurvival {
    /// Asks for it.
    pub async fn ask(caller: &Caller) -> Result<Self> {
        ask(caller, reports::survival).await
    }
}

impl ChurnReport {
    /// Asks for it.
    pub async fn ask(caller: &Caller, period: Period) -> Result<Self> {
        ask(caller, move |conn, cx| reports::churn(conn, cx, &period)).await
    }
}

impl ChurnBacktest {
    /// Asks for it.
    pub async fn ask(caller: &Caller, period: Period, threshold: Option<String>) -> Result<Self> {
        ask(caller, move |conn, cx| backtest(conn, cx, &period, threshold.as_deref())).await
    }
}

impl RetentionUplift {
    /// Asks for it.
    pub async fn ask(caller: &Caller, campaign: Option<String>) -> Result<Self> {
        ask(caller, move |conn, cx| reports::uplift(conn, cx, campaign.as_deref())).await
    }
}
