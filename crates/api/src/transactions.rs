//! Transactions as both APIs take them: the shapes, which are their documentation, and the running.

use crate::caller::Answer;
use async_graphql::{InputObject, Json, SimpleObject};
use diesel::PgConnection;
use kith_journal::{read, transaction};
use kith_kernel::{Cx, Error, Result, Selection};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// Operations over any resources, to be done together or not at all.
#[derive(InputObject, Serialize, ToSchema)]
#[graphql(name = "TransactionInput")]
pub struct Transaction {
    /// Up to 100, done in their order.
    #[schema(max_items = 100)]
    operations: Vec<TransactionOperation>,
}

/// One operation of a transaction.
#[derive(InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionOperation {
    /// `create`, `update`, `upsert`, `archive`, `restore`, or the name of a business verb of the resource, such as `win`.
    #[schema(example = "create")]
    op: String,
    /// The resource, as in its path.
    #[schema(example = "contacts")]
    resource: String,
    /// A name of 1 to 64 letters, digits, `-` and `_`, by which later operations refer to the record with `$ref`.
    #[schema(example = "maria")]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The record, for every operation but create and upsert: an id or a reference.
    #[schema(value_type = Option<Value>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Json<Value>>,
    /// The record's key in another system, for upsert.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<TransactionKey>,
    /// The version that was read, as `If-Match` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    if_version: Option<i32>,
    /// What to write, or what the business verb takes. References may stand anywhere in it.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Json<Value>>,
}

/// A key in another system.
#[derive(InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionKey {
    /// Short name of the other system.
    #[schema(example = "erp")]
    system: String,
    /// The key there.
    #[schema(example = "C-4711")]
    external_id: String,
    /// Counts up there with every change of the record: an upsert with one lower than a message before it is stale, and
    /// changes nothing. Null: it is taken for newer.
    source_version: Option<i64>,
}

/// What came of an operation.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct TransactionResult {
    /// Its place in the request, from 0.
    index: usize,
    /// Its name.
    name: Option<String>,
    /// The resource.
    resource: String,
    /// The record.
    id: Uuid,
    /// As an HTTP status: 201 for a new record, else 200.
    status: u16,
    /// A message with a higher sourceVersion came before, and nothing changed.
    stale: bool,
    /// The record as it is then.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    data: Json<Value>,
}

/// What came of a transaction.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct TransactionResults {
    /// One an operation.
    pub results: Vec<TransactionResult>,
}

/// Runs it.
pub fn run(conn: &mut PgConnection, cx: &Cx, operations: &[Value], keyed: bool) -> Result<Answer> {
    let done = transaction::run(conn, cx, operations, keyed)?;
    let mut results = Vec::with_capacity(done.len());
    for (index, done) in done.iter().enumerate() {
        let row = done.outcome.row.as_ref();
        let text = read::render(conn, cx, row, &Selection::all(done.entry))?;
        let data: Value = serde_json::from_slice(&text).map_err(Error::internal)?;
        let status = if done.outcome.created { 201 } else { 200 };
        results.push(json!({"index": index, "name": done.name, "resource": done.entry.name, "id": row.meta().id,
            "status": status, "stale": done.outcome.stale, "data": data}));
    }
    let body = serde_json::to_vec(&json!({"results": results})).map_err(Error::internal)?;
    Ok(Answer { status: 200, body, ..Answer::default() })
}
