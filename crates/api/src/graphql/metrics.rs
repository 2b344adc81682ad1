//! Metrics over GraphQL: the same questions and answers as over REST.

use super::writer::raise;
use crate::caller::Caller;
use async_graphql::{Context, Json, Object, SimpleObject};
use kith_journal::metric::{self, Question};
use kith_kernel::Error;
use serde::Serialize;
use serde_json::{Map, Value};

/// A metric, as both APIs tell of it.
#[derive(SimpleObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricDefinition {
    /// Its name.
    name: &'static str,
    /// What it counts or adds up.
    definition: &'static str,
    /// MONEY, COUNT, PERCENT, DAYS, MINUTES or MONEY_PER_DAY.
    unit: &'static str,
    /// The resource that its filter is about.
    resource: &'static str,
    /// What it can be grouped by.
    group_by: Vec<&'static str>,
    /// Whether it has a period; else it is about now.
    has_period: bool,
}

impl MetricDefinition {
    /// Of all metrics.
    pub fn all() -> Vec<Self> {
        let described = |metric: &'static kith_kernel::Metric| MetricDefinition {
            name: metric.name,
            definition: metric.definition,
            unit: metric.unit.as_str(),
            resource: metric.resource,
            group_by: metric.dimensions(),
            has_period: metric.at.is_some(),
        };
        crate::resources::metrics().into_iter().map(described).collect()
    }
}

/// The answer of a metric.
pub struct MetricResult(Value);

/// The answer of a metric.
#[Object]
impl MetricResult {
    /// The metric's name.
    async fn metric(&self) -> Option<&str> {
        self.text("metric")
    }
    /// What it counts or adds up.
    async fn definition(&self) -> Option<&str> {
        self.text("definition")
    }
    /// MONEY, COUNT, PERCENT, DAYS, MINUTES or MONEY_PER_DAY.
    async fn unit(&self) -> Option<&str> {
        self.text("unit")
    }
    /// The currency of the values, where they are money.
    async fn currency(&self) -> Option<&str> {
        self.text("currency")
    }
    /// The value over all rows, as a decimal; null: there is nothing to divide by.
    async fn value(&self) -> Option<&str> {
        self.0.pointer("/total/value").and_then(Value::as_str)
    }
    /// How many rows it rests on.
    async fn count(&self) -> Option<i64> {
        self.0.pointer("/total/count").and_then(Value::as_i64)
    }
    /// The groups, largest value first: `[{group: {owner: {key, label}}, value, count}]`.
    async fn rows(&self) -> Json<Value> {
        Json(self.0.get("rows").cloned().unwrap_or_default())
    }
}

impl MetricResult {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// The part of the query root that is about metrics.
#[derive(Default)]
pub struct MetricQuery;

#[Object]
impl MetricQuery {
    /// The metrics there are.
    async fn metrics(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<MetricDefinition>> {
        ctx.data::<Caller>()?;
        Ok(MetricDefinition::all())
    }

    /// One metric.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the API")]
    async fn metric(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its name, as in `metrics`.")] name: String,
        #[graphql(desc = "First day, YYYY-MM-DD, in the tenant's time zone.")] from: Option<String>,
        #[graphql(desc = "Last day, YYYY-MM-DD, in the tenant's time zone.")] to: Option<String>,
        #[graphql(desc = "Dimensions, at most three.")] group_by: Option<Vec<String>>,
        #[graphql(desc = "The currency of the answer; that of all amounts if they share one, else the tenant's.")]
        currency: Option<String>,
        #[graphql(desc = "The filter tree over the metric's resource.")] filter: Option<Json<Map<String, Value>>>,
    ) -> async_graphql::Result<MetricResult> {
        let caller = ctx.data::<Caller>()?;
        let metric = crate::resources::metric(&name).ok_or_else(|| raise(Error::not_found()))?;
        let question = Question {
            from,
            to,
            group_by: group_by.unwrap_or_default(),
            currency,
            filter: filter.map(|filter| filter.0),
            text: false,
            at: "",
        };
        let found = caller.read(move |conn, cx| metric::run(conn, cx, metric, &question)).await;
        found.map(MetricResult).map_err(raise)
    }
}
