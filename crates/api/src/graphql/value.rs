//! The reports of customer value over GraphQL: the same questions and answers as over REST.

use super::writer::raise;
use crate::caller::Caller;
use crate::value::{
    AccountEntitlements, AccountGroupValue, AccountNextLayer, AccountProfit, CustomerEquity, LifecycleSimulation,
    ValueConcentration, ValueMovements, ValuePyramid, ValueQuadrant, ValueSimulation,
};
use async_graphql::{Context, Object};
use kith_loyalty::value::reports::{concentration, movements};
use uuid::Uuid;

/// The part of the query root that is about customer value.
#[derive(Default)]
pub struct ValueQuery;

#[Object]
impl ValueQuery {
    /// The customer pyramid of the published value model: how many accounts are in each layer, and what they bring and cost.
    async fn value_pyramid(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The value model.")] id: Uuid,
    ) -> async_graphql::Result<ValuePyramid> {
        ValuePyramid::ask(ctx.data::<Caller>()?, id).await.map_err(raise)
    }

    /// The quadrant of the published value model: present value against potential.
    async fn value_quadrant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The value model.")] id: Uuid,
        #[graphql(desc = "Points, 1 to 2000; 500 unless given.")] limit: Option<i64>,
    ) -> async_graphql::Result<ValueQuadrant> {
        ValueQuadrant::ask(ctx.data::<Caller>()?, id, limit, "").await.map_err(raise)
    }

    /// What a value model would change: all accounts judged by it on the facts of today, with nothing stored.
    async fn value_simulation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The value model.")] id: Uuid,
        #[graphql(desc = "Customers that are named, 1 to 200; 20 unless given.")] movers: Option<i64>,
    ) -> async_graphql::Result<ValueSimulation> {
        ValueSimulation::ask(ctx.data::<Caller>()?, id, movers, "").await.map_err(raise)
    }

    /// Who moved between layers or classes.
    async fn value_movements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "First day, YYYY-MM-DD; a year before the last unless given.")] from: Option<String>,
        #[graphql(desc = "Last day, YYYY-MM-DD; today unless given.")] to: Option<String>,
        #[graphql(desc = "layer or class; layer unless given.")] by: Option<String>,
    ) -> async_graphql::Result<ValueMovements> {
        let question = movements::Question { from, to, by, at: "" };
        ValueMovements::ask(ctx.data::<Caller>()?, question).await.map_err(raise)
    }

    /// How much few customers or products weigh: ABC, Gini, shares of the top, the long tail and the whale curve.
    async fn concentration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "revenue, profit, lifetimeRevenue or clv; revenue unless given.")] of: Option<String>,
        #[graphql(desc = "accounts or products; accounts unless given.")] by: Option<String>,
        #[graphql(desc = "Rows of the largest, 1 to 100; 10 unless given.")] limit: Option<i64>,
    ) -> async_graphql::Result<ValueConcentration> {
        let question = concentration::Question { of, by, limit, at: "" };
        ValueConcentration::ask(ctx.data::<Caller>()?, question).await.map_err(raise)
    }

    /// Customer equity: the lifetime values of all customers together.
    async fn customer_equity(&self, ctx: &Context<'_>) -> async_graphql::Result<CustomerEquity> {
        CustomerEquity::ask(ctx.data::<Caller>()?).await.map_err(raise)
    }

    /// What a lifecycle policy would change. Nothing is stored.
    async fn lifecycle_simulation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The lifecycle policy.")] id: Uuid,
        #[graphql(desc = "Customers that are named, 1 to 200; 20 unless given.")] movers: Option<i64>,
    ) -> async_graphql::Result<LifecycleSimulation> {
        LifecycleSimulation::ask(ctx.data::<Caller>()?, id, movers, "").await.map_err(raise)
    }

    /// What an account and its subsidiaries are worth together.
    async fn account_group_value(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account at the top.")] id: Uuid,
        #[graphql(desc = "Accounts that are named, 1 to 200; 20 unless given.")] limit: Option<i64>,
    ) -> async_graphql::Result<AccountGroupValue> {
        AccountGroupValue::ask(ctx.data::<Caller>()?, id, limit, "").await.map_err(raise)
    }

    /// How the profit of an account comes about, from the list price down.
    async fn account_profit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] id: Uuid,
    ) -> async_graphql::Result<AccountProfit> {
        AccountProfit::ask(ctx.data::<Caller>()?, id).await.map_err(raise)
    }

    /// What is missing to the next layer of the pyramid, in units that people know.
    async fn account_next_layer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] id: Uuid,
    ) -> async_graphql::Result<AccountNextLayer> {
        AccountNextLayer::ask(ctx.data::<Caller>()?, id).await.map_err(raise)
    }

    /// What an account is entitled to by its class.
    async fn account_entitlements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] id: Uuid,
    ) -> async_graphql::Result<AccountEntitlements> {
        AccountEntitlements::ask(ctx.data::<Caller>()?, id).await.map_err(raise)
    }
}
