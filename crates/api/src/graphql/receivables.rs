//! What customers owe over GraphQL: the same question and answer as over REST.

use super::writer::raise;
use crate::caller::Caller;
use crate::receivables::Receivables;
use async_graphql::{Context, Object};
use kith_commerce::receivables::Question;
use uuid::Uuid;

/// The part of the query root that is about what customers owe.
#[derive(Default)]
pub struct ReceivableQuery;

#[Object]
impl ReceivableQuery {
    /// What customers owe: the invoices that are open, longest overdue first, with the reminder that comes next.
    async fn receivables(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of one account alone.")] account_id: Option<Uuid>,
        #[graphql(desc = "Only what is overdue for as many days: 1 is all that is overdue.")] min_days: Option<i64>,
        #[graphql(desc = "Only those whose next reminder is due.")] to_remind: Option<bool>,
        #[graphql(desc = "`invoiceId` of the last row of the page before.")] after: Option<Uuid>,
        #[graphql(desc = "Rows, 1 to 500; 50 unless given.")] limit: Option<i64>,
    ) -> async_graphql::Result<Receivables> {
        let question =
            Question { account: account_id, min_days, to_remind: to_remind.unwrap_or(false), after, limit, at: "" };
        Receivables::ask(ctx.data::<Caller>()?, question).await.map_err(raise)
    }
}
