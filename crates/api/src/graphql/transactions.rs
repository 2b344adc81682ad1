//! Transactions over GraphQL: the same as over REST.

use super::run::Shared;
use super::writer::raise;
use crate::caller::Caller;
use crate::transactions::{self, Transaction, TransactionResult, TransactionResults};
use async_graphql::{Context, Object};
use kith_journal::transaction;
use kith_kernel::Error;
use serde_json::{Value, json};
use std::sync::Arc;

/// The part of the mutation root that does several things at once.
#[derive(Default)]
pub struct TransactionMutation;

#[Object]
impl TransactionMutation {
    /// Does up to 100 operations over any resources in one transaction, all or none; later ones may refer to earlier ones.
    async fn transaction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do, in order.")] input: Transaction,
        #[graphql(desc = "Idempotency key of this field: the same again gives the same answer.")]
        client_mutation_id: Option<String>,
        #[graphql(desc = "Answer as if it were done, and keep nothing.")] dry_run: Option<bool>,
    ) -> async_graphql::Result<Vec<TransactionResult>> {
        let input = serde_json::to_value(&input)?;
        let arguments = json!({"input": input, "clientMutationId": client_mutation_id, "dryRun": dry_run});
        let Value::Object(arguments) = arguments else { return Ok(Vec::new()) };
        let key = ctx.item.node.response_key().node.to_string();
        let manner = ctx.data::<Arc<Shared>>()?.manner(&key, &arguments, "transaction").map_err(raise)?;
        let keyed = manner.key.is_some() || manner.dry_run;
        let answered = ctx.data::<Caller>()?.write(manner, move |conn, cx| {
            transaction::may(cx)?;
            let Some(Value::Object(input)) = arguments.get("input") else {
                return Err(Error::internal("a transaction without its input"));
            };
            transactions::run(conn, cx, transaction::read(input)?, keyed)
        });
        let answer = answered.await.map_err(raise)?;
        let results: TransactionResults =
            serde_json::from_slice(&answer.body).map_err(|error| raise(Error::internal(error)))?;
        Ok(results.results)
    }
}
