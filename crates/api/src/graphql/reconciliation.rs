//! The reconciliation of a programme's ledger over GraphQL.

use super::writer::raise;
use crate::caller::Caller;
use crate::reconciliation::Reconciliation;
use async_graphql::{Context, Object};
use uuid::Uuid;

/// The part of the query root that is about ledgers.
#[derive(Default)]
pub struct LedgerQuery;

#[Object]
impl LedgerQuery {
    /// Whether the ledger of a programme adds up: balances, entries and lots compared with the sums of the postings.
    async fn loyalty_program_reconciliation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The programme.")] id: Uuid,
    ) -> async_graphql::Result<Reconciliation> {
        Reconciliation::ask(ctx.data::<Caller>()?, id).await.map_err(raise)
    }
}
