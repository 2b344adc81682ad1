//! Connectors over GraphQL: the same as over REST.

use super::run::Shared;
use super::writer::raise;
use crate::caller::Caller;
use crate::connectors::{
    self, ConnectorBucket, ConnectorDifferences, ConnectorDrift, ConnectorRecord, ConnectorResult, ConnectorResults,
};
use async_graphql::{Context, Object};
use kith_connectors::Connector;
use kith_connectors::drift::Question;
use kith_kernel::Error;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The part of the query root that compares both sides.
#[derive(Default)]
pub struct ConnectorQuery;

#[Object]
impl ConnectorQuery {
    /// The hash tree over the records that are linked to a connector's system, or a part of it.
    async fn connector_drift(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector.")] id: Uuid,
        #[graphql(desc = "The resource.")] resource: String,
        #[graphql(desc = "The fields to hash; those that have connector fields unless given.")] fields: Option<
            Vec<String>,
        >,
        #[graphql(desc = "None, one or two lower-case hexadecimal digits: all, a group or a bucket.")] prefix: Option<
            String,
        >,
    ) -> async_graphql::Result<ConnectorDrift> {
        let question = Question { connector: id, resource, fields, at: "" };
        ConnectorDrift::ask(ctx.data::<Caller>()?, question, prefix.unwrap_or_default()).await.map_err(raise)
    }

    /// Where what another system has differs from what is here.
    async fn connector_differences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector.")] id: Uuid,
        #[graphql(desc = "The resource.")] resource: String,
        #[graphql(desc = "The fields that were hashed; those that have connector fields unless given.")] fields: Option<
            Vec<String>,
        >,
        #[graphql(desc = "What it has in some or all buckets.")] buckets: Vec<ConnectorBucket>,
    ) -> async_graphql::Result<ConnectorDifferences> {
        let asked = json!({"resource": resource, "fields": fields, "buckets": serde_json::to_value(&buckets)?});
        let Value::Object(asked) = asked else { return Err(raise(Error::internal("an object that is none"))) };
        ConnectorDifferences::ask(ctx.data::<Caller>()?, id, Box::new(move || Ok(asked))).await.map_err(raise)
    }
}

/// The part of the mutation root that takes what another system sends.
#[derive(Default)]
pub struct ConnectorMutation;

#[Object]
impl ConnectorMutation {
    /// Takes up to 500 records of another system, by the authority of each field; what was left aside is told.
    async fn connector_receive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connector.")] id: Uuid,
        #[graphql(desc = "The records, in the order in which they are to be taken.")] records: Vec<ConnectorRecord>,
        #[graphql(desc = "Idempotency key of this field: the same again gives the same answer.")]
        client_mutation_id: Option<String>,
        #[graphql(desc = "Answer as if it were done, and keep nothing.")] dry_run: Option<bool>,
    ) -> async_graphql::Result<Vec<ConnectorResult>> {
        let caller = ctx.data::<Caller>()?;
        Connector::may_send(&caller.cx()).map_err(raise)?;
        let asked = Map::from_iter([("records".to_owned(), serde_json::to_value(&records)?)]);
        let mut arguments = asked.clone();
        arguments.insert("id".to_owned(), json!(id));
        arguments.insert("clientMutationId".to_owned(), json!(client_mutation_id));
        arguments.insert("dryRun".to_owned(), json!(dry_run));
        let key = ctx.item.node.response_key().node.to_string();
        let manner = ctx.data::<Arc<Shared>>()?.manner(&key, &arguments, "connectorReceive").map_err(raise)?;
        let records = connectors::records(&asked).map_err(raise)?;
        caller.charge(u64::try_from(records.len()).unwrap_or(u64::MAX)).map_err(raise)?;
        let answer =
            caller.write(manner, move |conn, cx| connectors::take(conn, cx, id, &records)).await.map_err(raise)?;
        let results: ConnectorResults =
            serde_json::from_slice(&answer.body).map_err(|error| raise(Error::internal(error)))?;
        Ok(results.results)
    }
}
