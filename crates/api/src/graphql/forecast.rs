//! The forecast over GraphQL: the same questions and answers as over REST.

use super::writer::raise;
use crate::caller::Caller;
use crate::forecast::{Forecast, ForecastChanges};
use async_graphql::{Context, Json, Object};
use kith_pipeline::{changes, forecast, period, whose};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The part of the query root that is about the forecast.
#[derive(Default)]
pub struct ForecastQuery;

#[Object]
impl ForecastQuery {
    /// The forecast of a period: what was won, what is expected by category, and what was to be reached.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the API")]
    async fn forecast(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "A year, quarter or month: 2026, 2026-Q4, 2026-11; the current quarter unless from and to are given."
        )]
        period: Option<String>,
        #[graphql(desc = "First day, YYYY-MM-DD, in the tenant's time zone, with `to` instead of `period`.")]
        from: Option<String>,
        #[graphql(desc = "Last day, YYYY-MM-DD, in the tenant's time zone.")] to: Option<String>,
        #[graphql(desc = "Rows: owner, team or month (at most 24).")] by: Option<String>,
        #[graphql(desc = "Of one user alone.")] owner_id: Option<Uuid>,
        #[graphql(desc = "Of one team, with the teams below it.")] team_id: Option<Uuid>,
        #[graphql(desc = "Of one pipeline.")] pipeline_id: Option<Uuid>,
        #[graphql(desc = "The currency of the answer; that of all amounts if they share one, else the tenant's.")]
        currency: Option<String>,
        #[graphql(desc = "The filter tree over opportunities. With one, there are no targets: they are about all.")]
        filter: Option<Json<Map<String, Value>>>,
    ) -> async_graphql::Result<Forecast> {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string());
        let question = forecast::Question {
            period: period::Asked { period, from, to },
            by,
            whose: whose::Asked { owner_id: id(owner_id), team_id: id(team_id), pipeline_id: id(pipeline_id) },
            currency,
            filter: filter.map(|filter| filter.0),
            text: false,
            at: "",
        };
        Forecast::ask(ctx.data::<Caller>()?, question).await.map_err(raise)
    }

    /// What became of a forecast snapshot: its opportunities as they were, against now or a later snapshot of the same period.
    async fn forecast_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The snapshot.")] snapshot_id: Uuid,
        #[graphql(desc = "A later snapshot of the same period and pipeline; now unless given.")] to: Option<Uuid>,
        #[graphql(desc = "The currency of sums; that of all amounts if they share one, else the tenant's.")]
        currency: Option<String>,
    ) -> async_graphql::Result<ForecastChanges> {
        let question = changes::Question { to: to.map(|to| to.to_string()), currency, at: "" };
        ForecastChanges::ask(ctx.data::<Caller>()?, snapshot_id, question).await.map_err(raise)
    }
}
