//! Order documents over GraphQL: the same as over REST.

use super::run::Shared;
use super::writer::raise;
use crate::caller::Caller;
use crate::documents::{self, OrderDocument, OrderDocumentResult, OrderDocumentResults};
use async_graphql::{Context, Object};
use kith_kernel::Error;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The part of the mutation root that takes whole orders.
#[derive(Default)]
pub struct DocumentMutation;

#[Object]
impl DocumentMutation {
    /// Takes up to 500 whole orders: each is made or brought to exactly this state. The same again, or an older one, does nothing.
    async fn order_documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The orders, in the order in which they are to be taken.")] documents: Vec<OrderDocument>,
        #[graphql(desc = "All or nothing.")] atomic: Option<bool>,
        #[graphql(desc = "Idempotency key of this field: the same again gives the same answer.")]
        client_mutation_id: Option<String>,
        #[graphql(desc = "Answer as if it were done, and keep nothing.")] dry_run: Option<bool>,
    ) -> async_graphql::Result<Vec<OrderDocumentResult>> {
        let documents = serde_json::to_value(&documents)?;
        let arguments = json!({"documents": documents, "atomic": atomic, "clientMutationId": client_mutation_id, "dryRun": dry_run});
        let Value::Object(arguments) = arguments else { return Ok(Vec::new()) };
        let key = ctx.item.node.response_key().node.to_string();
        let manner = ctx.data::<Arc<Shared>>()?.manner(&key, &arguments, "orderDocuments").map_err(raise)?;
        let asked: Map<String, Value> =
            arguments.into_iter().filter(|(name, _)| ["documents", "atomic"].contains(&name.as_str())).collect();
        let answered = ctx.data::<Caller>()?.write(manner, move |conn, cx| {
            kith_commerce::documents::may(cx)?;
            let (documents, atomic) = documents::body(&asked)?;
            documents::take(conn, cx, &documents, atomic)
        });
        let answer = answered.await.map_err(raise)?;
        let results: OrderDocumentResults =
            serde_json::from_slice(&answer.body).map_err(|error| raise(Error::internal(error)))?;
        Ok(results.results)
    }
}
