//! Offline changes over GraphQL: the same as over REST.

use super::run::Shared;
use super::writer::raise;
use crate::caller::Caller;
use crate::push::{Pushed, SyncChange, SyncResult, SyncResults};
use async_graphql::{Context, Object};
use kith_journal::transaction;
use kith_kernel::Error;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The part of the mutation root that takes offline changes.
#[derive(Default)]
pub struct PushMutation;

#[Object]
impl PushMutation {
    /// Takes up to 500 changes that a client made while it was offline; what others did meanwhile is merged field by field.
    async fn sync_push(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The installation of the client, chosen by it once.")] client_id: Uuid,
        #[graphql(desc = "The changes, in the order in which they are to be taken.")] changes: Vec<SyncChange>,
        #[graphql(desc = "REPORT (unless given), THEIRS or OURS.")] on_conflict: Option<String>,
        #[graphql(desc = "Idempotency key of this field: the same again gives the same answer.")]
        client_mutation_id: Option<String>,
        #[graphql(desc = "Answer as if it were done, and keep nothing.")] dry_run: Option<bool>,
    ) -> async_graphql::Result<Vec<SyncResult>> {
        let asked =
            json!({"clientId": client_id, "changes": serde_json::to_value(&changes)?, "onConflict": on_conflict});
        let Value::Object(asked) = asked else { return Ok(Vec::new()) };
        let mut arguments: Map<String, Value> = asked.clone();
        arguments.insert("clientMutationId".to_owned(), json!(client_mutation_id));
        arguments.insert("dryRun".to_owned(), json!(dry_run));
        let key = ctx.item.node.response_key().node.to_string();
        let manner = ctx.data::<Arc<Shared>>()?.manner(&key, &arguments, "syncPush").map_err(raise)?;
        let caller = ctx.data::<Caller>()?;
        transaction::may(&caller.cx()).map_err(raise)?;
        let pushed = Pushed::read(&asked).map_err(raise)?;
        caller.charge(u64::try_from(pushed.count()).unwrap_or(u64::MAX)).map_err(raise)?;
        let answer = caller.write(manner, move |conn, cx| pushed.take(conn, cx)).await.map_err(raise)?;
        let results: SyncResults =
            serde_json::from_slice(&answer.body).map_err(|error| raise(Error::internal(error)))?;
        Ok(results.results)
    }
}
