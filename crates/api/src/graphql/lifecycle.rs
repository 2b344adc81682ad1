//! The reports of relationships over GraphQL: the same questions and answers as over REST.

use super::writer::raise;
use crate::caller::Caller;
use crate::lifecycle::{ChurnBacktest, ChurnReport, CustomerSurvival, RetentionUplift, StageDwell, StageFlow};
use async_graphql::{Context, Object};
use kith_lifecycle::reports::Period;

/// The part of the query root that is about relationships over time.
#[derive(Default)]
pub struct LifecycleQuery;

#[Object]
impl LifecycleQuery {
    /// How relationships moved between stages: who was in which on the first day, and is in which on the last.
    async fn stage_flow(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "First day, YYYY-MM-DD; a year before the last unless given.")] from: Option<String>,
        #[graphql(desc = "Last day, YYYY-MM-DD; today unless given.")] to: Option<String>,
    ) -> async_graphql::Result<StageFlow> {
        let period = Period { from, to, at: "" };
        StageFlow::ask(ctx.data::<Caller>()?, period).await.map_err(raise)
    }

    /// How long relationships stay in a stage.
    async fn stage_dwell(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "First day, YYYY-MM-DD; a year before the last unless given.")] from: Option<String>,
        #[graphql(desc = "Last day, YYYY-MM-DD; today unless given.")] to: Option<String>,
    ) -> async_graphql::Result<StageDwell> {
        let period = Period { from, to, at: "" };
        StageDwell::ask(ctx.data::<Caller>()?, period).await.map_err(raise)
    }

    /// How long customers stay customers: Kaplan and Meier's estimate.
    async fn customer_survival(&self, ctx: &Context<'_>) -> async_graphql::Result<CustomerSurvival> {
        CustomerSurvival::ask(ctx.data::<Caller>()?).await.map_err(raise)
    }

    /// Churn and retention, by number and by value.
    async fn churn_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "First day, YYYY-MM-DD; a year before the last unless given.")] from: Option<String>,
        #[graphql(desc = "Last day, YYYY-MM-DD; today unless given.")] to: Option<String>,
    ) -> async_graphql::Result<ChurnReport> {
        let period = Period { from, to, at: "" };
        ChurnReport::ask(ctx.data::<Caller>()?, period).await.map_err(raise)
    }

    /// Past churn alerts against what came of them, beside what recency alone would have told.
    async fn churn_backtest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "First day, YYYY-MM-DD; a year before the last unless given.")] from: Option<String>,
        #[graphql(desc = "Last day, YYYY-MM-DD; today unless given.")] to: Option<String>,
        #[graphql(desc = "The chance from which on a customer counts as an alert; 0.5 unless given.")]
        threshold: Option<f64>,
    ) -> async_graphql::Result<ChurnBacktest> {
        let (period, threshold) = (Period { from, to, at: "" }, threshold.map(|chance| chance.to_string()));
        ChurnBacktest::ask(ctx.data::<Caller>()?, period, threshold).await.map_err(raise)
    }

    /// What campaigns to keep customers achieved, over their control groups.
    async fn retention_uplift(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of one campaign alone.")] campaign: Option<String>,
    ) -> async_graphql::Result<RetentionUplift> {
        RetentionUplift::ask(ctx.data::<Caller>()?, campaign).await.map_err(raise)
    }
}
