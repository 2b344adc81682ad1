//! The shapes of the reports that are about all customers together: concentration and customer equity.

use async_graphql::SimpleObject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How much few customers, or few products, weigh. Only positive values add to the total; the others take part as those who have nothing.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueConcentration {
    /// revenue, profit, lifetimeRevenue or clv.
    of: String,
    /// accounts or products.
    by: String,
    /// The last day that the values know; null before the first run.
    as_of: Option<String>,
    /// The currency of all amounts, ISO 4217.
    currency: String,
    /// How many take part.
    count: i64,
    /// Sum of all values, a decimal as a text.
    sum: String,
    /// How many are positive.
    positive: i64,
    /// Sum of those.
    positive_sum: String,
    /// Gini's coefficient: 0 if all have the same, towards 1 if one has everything.
    gini: Option<f64>,
    /// The smallest share of all that makes 80 % of the total.
    makes80_percent: Option<f64>,
    /// Share of the long tail: of all but the largest fifth.
    tail: Option<f64>,
    /// What the largest 1, 5 and 20 % have.
    top_shares: Vec<TopShare>,
    /// What the 1, 10 and 100 largest have.
    top_counts: Vec<TopCount>,
    /// The classes A, B, C and N.
    classes: Vec<AbcClass>,
    /// The largest, in their order.
    largest: Vec<LargestValue>,
    /// Running sums, the largest first: its peak is what there would be without those who cost more than they bring.
    whale_curve: Vec<WhalePoint>,
    /// Sold on lines that name no product; null for accounts, and where there are none.
    unassigned: Option<String>,
}

/// What the largest part has.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopShare {
    /// The part, 0 to 1.
    top: f64,
    /// What it has of the total.
    share: Option<f64>,
}

/// What the largest have.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopCount {
    /// How many.
    top: i64,
    /// What they have of the total.
    share: Option<f64>,
}

/// A class of the ABC analysis.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbcClass {
    /// A: those before it make less than 80 % of the total; B: less than 95 %; C: the rest; N: nothing, or a loss.
    class: String,
    /// How many.
    count: i64,
    /// What they come to, a decimal as a text.
    amount: String,
    /// Its share of the total; null for N.
    share: Option<f64>,
}

/// One of the largest.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LargestValue {
    /// The account or product.
    id: Uuid,
    /// Its name; null where it may not be read.
    name: Option<String>,
    /// Its value, a decimal as a text.
    amount: String,
    /// Its share of the total.
    share: Option<f64>,
    /// The share of it and those before it.
    cumulative: Option<f64>,
    /// Its class.
    class: String,
}

/// A point of the whale curve.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhalePoint {
    /// How many of the largest.
    customers: i64,
    /// Their share of all, 0 to 1.
    share: f64,
    /// What they come to, a decimal as a text.
    amount: String,
    /// That over the sum of all; null where that is nothing, or a loss.
    of_total: Option<f64>,
}

/// Customer equity: the lifetime values of all customers together. What winning customers cost is not taken off; it stands beside.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerEquity {
    /// The last day that the values know; null before the first run.
    as_of: Option<String>,
    /// The currency of all amounts, ISO 4217.
    currency: String,
    /// Customers with a lifetime value.
    customers: i64,
    /// Sum of their values, a decimal as a text.
    value: String,
    /// Months looked ahead.
    horizon_months: i64,
    /// Discount in per cent a month, a decimal as a text.
    monthly_discount: String,
    /// The fit that PROBABILISTIC values rest on; null: too few customers came back.
    purchase_model: Option<EquityModel>,
    /// Where the sum of the PROBABILISTIC values lies in eight of ten draws of the fit; null without one.
    interval: Option<EquityInterval>,
    /// What winning customers cost, and what they will bring.
    acquisition: EquityAcquisition,
    /// By the way the values were made.
    methods: Vec<EquityMethod>,
    /// By layer.
    layers: Vec<EquityLayer>,
    /// By class.
    classes: Vec<EquityClass>,
}

/// The fit of a purchase model.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EquityModel {
    /// Its id.
    id: Uuid,
    /// BG/NBD, MBG/NBD, Pareto/NBD or NBD.
    kind: String,
    /// The last day that it knows.
    fitted_on: String,
}

/// How far off a sum may be.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EquityInterval {
    /// The 10 % point, a decimal as a text.
    low: String,
    /// The 90 % point.
    high: String,
    /// The sum that it is about.
    of: String,
}

/// What winning customers cost, of those customers for whom it is known.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EquityAcquisition {
    /// How many those are.
    customers: i64,
    /// What winning them cost, a decimal as a text.
    cost: String,
    /// Their lifetime value.
    value: String,
    /// value ÷ cost; null where nothing is known.
    ratio: Option<String>,
}

/// Values that were made in one way.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EquityMethod {
    /// PROBABILISTIC, SIMPLE or HISTORIC.
    method: String,
    /// How many customers.
    customers: i64,
    /// Sum of their lifetime values, a decimal as a text.
    value: String,
    /// Its share of all.
    share: Option<f64>,
    /// What winning them cost.
    acquisition: EquityAcquisition,
}

/// Values of a layer.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EquityLayer {
    /// The layer.
    layer: String,
    /// How many customers.
    customers: i64,
    /// Sum of their lifetime values, a decimal as a text.
    value: String,
    /// Its share of all.
    share: Option<f64>,
    /// What winning them cost.
    acquisition: EquityAcquisition,
}

/// Values of a class.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EquityClass {
    /// The class.
    value_class: String,
    /// How many customers.
    customers: i64,
    /// Sum of their lifetime values, a decimal as a text.
    value: String,
    /// Its share of all.
    share: Option<f64>,
    /// What winning them cost.
    acquisition: EquityAcquisition,
}
