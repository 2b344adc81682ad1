//! The shapes of the reports of customer value.

use async_graphql::SimpleObject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A part of a total.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueSum {
    /// How much, a decimal as a text.
    amount: String,
    /// Its share of the total; null where that is nothing, or a loss.
    share: Option<f64>,
}

/// What a report is about.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueModelName {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
}

/// What customers come to together.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueSums {
    /// How many accounts.
    count: i64,
    /// Their share of all accounts, 0 to 1.
    share: Option<f64>,
    /// Net revenue of the window.
    revenue: ValueSum,
    /// Profit of the window: revenue less the cost of the goods and the cost to serve.
    profit: ValueSum,
    /// Lifetime value.
    clv: ValueSum,
    /// Cost to serve in the window.
    cost_to_serve: ValueSum,
    /// Mean of the scores, a decimal as a text.
    mean_score: Option<String>,
}

/// The customer pyramid of the published value model: how many customers are in each layer, and what they bring and cost.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValuePyramid {
    /// The model.
    model: ValueModelName,
    /// The last day that the values know; null before the first run.
    as_of: Option<String>,
    /// OK; STALE: the values are still those of the model before, and a run is awaited; INSUFFICIENT_DATA: there was no run yet.
    state: String,
    /// The currency of all amounts, ISO 4217.
    currency: String,
    /// Those who bought in the window: the layers TOP to SMALL.
    active_customers: i64,
    /// The layers from the top.
    layers: Vec<ValuePyramidLayer>,
    /// Of all layers together.
    total: ValueSums,
}

/// A layer of the pyramid.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValuePyramidLayer {
    /// TOP, LARGE, MEDIUM, SMALL, INACTIVE, PROSPECT or SUSPECT.
    layer: String,
    /// How many accounts.
    count: i64,
    /// Their share of all accounts, 0 to 1.
    share: Option<f64>,
    /// Net revenue of the window.
    revenue: ValueSum,
    /// Profit of the window: revenue less the cost of the goods and the cost to serve.
    profit: ValueSum,
    /// Lifetime value.
    clv: ValueSum,
    /// Cost to serve in the window.
    cost_to_serve: ValueSum,
    /// Mean of the scores, a decimal as a text.
    mean_score: Option<String>,
    /// Its share of those who bought in the window, 0 to 1; null for the layers of those who did not.
    share_of_active: Option<f64>,
}

/// The quadrant of the published value model: present value against potential.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueQuadrant {
    /// The model.
    model: ValueModelName,
    /// The last day that the values know; null before the first run.
    as_of: Option<String>,
    /// OK; STALE: the values are still those of the model before, and a run is awaited; INSUFFICIENT_DATA: there was no run yet.
    state: String,
    /// The currency of all amounts, ISO 4217.
    currency: String,
    /// What present value is: PROFIT or SCORE.
    quadrant: String,
    /// From where present value is high.
    value_cut: ValueCut,
    /// From where potential is high.
    potential_cut: ValueCut,
    /// The classes.
    classes: Vec<ValueQuadrantClass>,
    /// Of all classes together.
    total: ValueSums,
    /// The largest customers by present value.
    points: Vec<ValuePoint>,
}

/// From where something is high; on the cut counts as high.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueCut {
    /// The border, a decimal as a text; null: nobody reaches it, or there was no run yet.
    value: Option<String>,
    /// CONFIGURED, PROFIT_80_PERCENT (the fewest customers who together make 80 % of the profit) or MEDIAN.
    source: String,
}

/// A class of the quadrant.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueQuadrantClass {
    /// LEAD, IRON, GOLD, PLATINUM or UNCLASSIFIED.
    value_class: String,
    /// How many accounts.
    count: i64,
    /// Their share of all accounts, 0 to 1.
    share: Option<f64>,
    /// Net revenue of the window.
    revenue: ValueSum,
    /// Profit of the window: revenue less the cost of the goods and the cost to serve.
    profit: ValueSum,
    /// Lifetime value.
    clv: ValueSum,
    /// Cost to serve in the window.
    cost_to_serve: ValueSum,
    /// Mean of the scores, a decimal as a text.
    mean_score: Option<String>,
}

/// A customer in the quadrant.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValuePoint {
    /// The account.
    account_id: Uuid,
    /// Its name; null where it may not be read.
    name: Option<String>,
    /// Present value, a decimal as a text.
    x: String,
    /// Potential, 0 to 100, a decimal as a text.
    y: String,
    /// Its class. A move across a cut changes it only when it is clear, or seen twice.
    value_class: String,
}

/// Who moved between two days. Rows sum to the sizes on the first day.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueMovements {
    /// layer or class.
    by: String,
    /// The first day that was asked for.
    from: String,
    /// The last day that was asked for.
    to: String,
    /// The day that is compared: the last stored one until then, or the first of all; null: nothing is stored.
    first_on: Option<String>,
    /// The day that it is compared with.
    last_on: Option<String>,
    /// A row for each layer or class of the first day, and one for those who were not customers then.
    rows: Vec<ValueMovementRow>,
}

/// Those who were in a layer or class on the first day.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueMovementRow {
    /// The layer or class; null: they were not customers then.
    place: Option<String>,
    /// How many.
    size: i64,
    /// Where they are on the last day.
    to: Vec<ValueMovementCell>,
}

/// Those of a row who are in a layer or class on the last day.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueMovementCell {
    /// The layer or class; null: they are customers no more, as the account was merged or all was refunded.
    place: Option<String>,
    /// How many.
    count: i64,
    /// Their share of the row, 0 to 1.
    share: Option<f64>,
}

/// What a value model would change: all accounts judged by it on the facts of today. Nothing is stored.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueSimulation {
    /// The model.
    model: ValueModelName,
    /// The last day that was looked at.
    as_of: String,
    /// Accounts that were judged.
    accounts: i64,
    /// Those of them whose layer or class would be another.
    moved: i64,
    /// From the layers as they are to those of the model.
    layers: Vec<ValueMoveRow>,
    /// From the classes as they are to those of the model.
    classes: Vec<ValueMoveRow>,
    /// Those who would move farthest: by layers, then by points of the score.
    movers: Vec<ValueMover>,
}

/// Those who are in a layer, class or stage now.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueMoveRow {
    /// The layer, class or stage; null: they are not valued yet.
    place: Option<String>,
    /// How many.
    size: i64,
    /// Where they would be put.
    to: Vec<ValueMoveCell>,
}

/// Those of a row who would be put somewhere.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueMoveCell {
    /// The layer, class or stage.
    place: String,
    /// How many.
    count: i64,
}

/// A customer who would move.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueMover {
    /// The account.
    account_id: Uuid,
    /// Its name; null where it may not be read.
    name: Option<String>,
    /// Where it stands.
    from: ValuePlace,
    /// Where the model would put it.
    to: ValuePlace,
}

/// Where a customer stands.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValuePlace {
    /// The layer.
    layer: String,
    /// The class.
    value_class: String,
    /// The score, a decimal as a text.
    score: Option<String>,
}

/// What a lifecycle policy would change: all relationships judged by it on the facts of today, from where they stand, as the
/// next run would if it were published. Nothing is stored.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleSimulation {
    /// The policy.
    policy: LifecyclePolicyName,
    /// The last day that was looked at.
    as_of: String,
    /// Relationships that were judged.
    accounts: i64,
    /// Those of them whose stage or loyalty stage would be another.
    moved: i64,
    /// From the stages as they are to those by the policy.
    stages: Vec<ValueMoveRow>,
    /// From the loyalty stages as they are to those by the policy.
    loyalty_stages: Vec<ValueMoveRow>,
    /// Those who would move: first those whose stage would change.
    movers: Vec<LifecycleMover>,
}

/// The policy that was tried.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecyclePolicyName {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
}

/// A customer whom the policy would move.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleMover {
    /// The account.
    account_id: Uuid,
    /// Its name; null: you may not read it.
    name: Option<String>,
    /// Where it stands.
    from: LifecyclePlace,
    /// Where the policy would put it.
    to: LifecyclePlace,
    /// The rule that says so.
    rule: String,
}

/// Where a relationship stands.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecyclePlace {
    /// The stage.
    stage: String,
    /// The class of the loyalty ladder.
    loyalty_stage: String,
}
