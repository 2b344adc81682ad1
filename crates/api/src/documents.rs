//! Order documents as both APIs take them: the shapes, which are their documentation, and the taking. What a document may
//! hold is read by commerce, once for both.

use crate::caller::Answer;
use crate::http::problem;
use async_graphql::{InputObject, InputType, InputValueError, InputValueResult, Json, SimpleObject};
use diesel::PgConnection;
use kith_commerce::documents::{self, MAX_DOCUMENTS};
use kith_kernel::{Cx, Error, Result, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use utoipa::ToSchema;
use utoipa::openapi::{Ref, RefOr, Schema};
use uuid::Uuid;

/// A value whose GraphQL type follows from the catalogue; commerce reads it.
macro_rules! borrowed {
    ($($(#[doc = $doc:literal])+ $name:ident = $graphql:literal;)+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Deserialize, Serialize)]
        pub struct $name(Value);

        impl InputType for $name {
            type RawValueType = Self;
            fn type_name() -> Cow<'static, str> {
                $graphql.into()
            }
            fn create_type_info(_: &mut async_graphql::registry::Registry) -> String {
                $graphql.to_owned()
            }
            fn parse(value: Option<async_graphql::Value>) -> InputValueResult<Self> {
                let value = value.unwrap_or_default();
                value.into_json().map($name).map_err(|error| InputValueError::custom(error.to_string()))
            }
            fn to_value(&self) -> async_graphql::Value {
                async_graphql::Value::from_json(self.0.clone()).unwrap_or_default()
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }
    )+ };
}
borrowed! {
    /// An amount.
    Amount = "MoneyInput";
    /// A decimal as a text.
    Figure = "Decimal";
    /// A point in time.
    Moment = "DateTime";
    /// How far an order is.
    Status = "OrderStatus";
}

fn amount() -> RefOr<Schema> {
    Ref::from_schema_name("Money").into()
}

fn status() -> RefOr<Schema> {
    Ref::from_schema_name("OrderStatus").into()
}

/// A whole order as another system knows it, to be taken as it is.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "OrderDocumentInput")]
pub struct OrderDocument {
    /// Short name of the other system: lower-case letters, digits, `-`, `_` and `.`.
    #[schema(example = "erp", max_length = 64)]
    system: String,
    /// The key of the order there.
    #[schema(example = "SO-4711", max_length = 200)]
    external_id: String,
    /// Counts up with every change in the other system: one lower than is stored is STALE. Null: it is taken for newer.
    #[schema(example = 3)]
    source_version: Option<i64>,
    /// Who ordered.
    account: OrderDocumentAccount,
    /// Its number; the next free one unless given.
    #[schema(example = "SO-4711", max_length = 64)]
    number: Option<String>,
    /// The currency of the order and of everything in it, as in ISO 4217.
    #[schema(example = "EUR")]
    currency: String,
    /// When it was ordered.
    #[schema(value_type = chrono::DateTime<chrono::Utc>, example = "2026-11-02T09:30:00Z")]
    ordered_at: Moment,
    /// How far it is, whatever it was before.
    #[schema(schema_with = status)]
    status: Status,
    /// Our own, or a test: it is no business with a customer, and counts nowhere. False unless given.
    is_internal: Option<bool>,
    /// What the other system says it comes to; it is refused if its lines add up to something else.
    #[schema(schema_with = amount)]
    stated_gross: Option<Amount>,
    /// What else there is to say.
    notes: Option<String>,
    /// All of its lines. Those that are not here any more are archived.
    lines: Vec<OrderDocumentLine>,
    /// All refunds that the other system knows; those of its that are missing are archived. Null: it says nothing of them.
    refunds: Option<Vec<OrderDocumentRefund>>,
}

/// Who ordered: an id, or a key in the system of the document.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "OrderDocumentAccountInput")]
pub struct OrderDocumentAccount {
    /// The account.
    id: Option<Uuid>,
    /// Its key in the system of the document.
    #[schema(example = "ALFKI")]
    external_id: Option<String>,
}

/// A product: an id, or its stock-keeping unit.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[graphql(name = "OrderDocumentProductInput")]
pub struct OrderDocumentProduct {
    /// The product.
    id: Option<Uuid>,
    /// Its stock-keeping unit.
    #[schema(example = "CH-0001")]
    sku: Option<String>,
}

/// A line of an order document.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "OrderDocumentLineInput")]
pub struct OrderDocumentLine {
    /// Its key within the document, by which it is the same line next time; without one, its place among those without.
    #[schema(example = "10")]
    external_id: Option<String>,
    /// The product; without one, the description says what it is.
    product: Option<OrderDocumentProduct>,
    /// What it is, in free text; required without a product.
    description: Option<String>,
    /// How many units.
    #[schema(value_type = String, example = "12")]
    quantity: Figure,
    /// The price of one unit, without tax.
    #[schema(schema_with = amount)]
    unit_price: Amount,
    /// Discount in percent; 0 unless given.
    #[schema(value_type = Option<String>, example = "5")]
    discount_percent: Option<Figure>,
    /// Tax in percent; 0 unless given.
    #[schema(value_type = Option<String>, example = "19")]
    tax_rate: Option<Figure>,
    /// What one unit costs us; the product's cost when the line first came, unless given.
    #[schema(schema_with = amount)]
    unit_cost: Option<Amount>,
}

/// A refund of an order document.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "OrderDocumentRefundInput")]
pub struct OrderDocumentRefund {
    /// Its key in the system of the document.
    #[schema(example = "CN-0815")]
    external_id: String,
    /// How much, without tax.
    #[schema(schema_with = amount)]
    net: Amount,
    /// The tax that was paid back with it.
    #[schema(schema_with = amount)]
    tax: Option<Amount>,
    /// When it was paid back.
    #[schema(value_type = chrono::DateTime<chrono::Utc>, example = "2026-11-09T09:30:00Z")]
    refunded_at: Moment,
    /// Why.
    reason: Option<String>,
}

/// Several order documents.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct OrderDocuments {
    /// Up to 500. They are taken in their order.
    #[schema(max_items = 500)]
    documents: Vec<OrderDocument>,
    /// All or nothing; false unless given.
    atomic: Option<bool>,
}

/// What became of an order document.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderDocumentResult {
    /// Its place in the request, from 0.
    index: usize,
    /// CREATED, UPDATED, UNCHANGED (it was there as it is), STALE (one with a higher sourceVersion came before) or FAILED.
    #[schema(example = "CREATED")]
    status: String,
    /// The order; null where it failed.
    pub id: Option<Uuid>,
    /// The problem document of what failed.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    problem: Option<Json<Value>>,
}

/// What became of order documents.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct OrderDocumentResults {
    /// One a document.
    pub results: Vec<OrderDocumentResult>,
}

/// Reads `{documents, atomic}`.
pub fn body(body: &Map<String, Value>) -> Result<(Vec<Value>, bool)> {
    let mut violations = Violations::default();
    for name in body.keys().filter(|name| !["documents", "atomic"].contains(&name.as_str())) {
        violations.add(format!("/{name}"), "UNKNOWN_FIELD", "Allowed: documents, atomic.");
    }
    let atomic = body.get("atomic").is_some_and(|value| *value == Value::Bool(true));
    let given = body.get("atomic").is_none_or(|value| value.is_boolean() || value.is_null());
    violations.ensure(given, "/atomic", "WRONG_TYPE", "Expected true or false.");
    let documents = body.get("documents").and_then(Value::as_array);
    violations.ensure(documents.is_some(), "/documents", "REQUIRED", "Expected a list of documents.");
    let few = documents.is_none_or(|documents| documents.len() <= MAX_DOCUMENTS);
    violations.ensure(few, "/documents", "TOO_MANY", &format!("At most {MAX_DOCUMENTS} documents."));
    violations.into_result()?;
    Ok((documents.cloned().unwrap_or_default(), atomic))
}

/// Takes them.
pub fn take(conn: &mut PgConnection, cx: &Cx, documents: &[Value], atomic: bool) -> Result<Answer> {
    let outcomes = documents::take(conn, cx, documents, atomic)?;
    let result = |(index, outcome): (usize, documents::Outcome)| {
        let problem = outcome.error.map(|error| problem::document(&error, cx.origin.request_id));
        json!({"index": index, "status": outcome.status.as_str(), "id": outcome.id, "problem": problem})
    };
    let results: Vec<Value> = outcomes.into_iter().enumerate().map(result).collect();
    let body = serde_json::to_vec(&json!({"results": results})).map_err(Error::internal)?;
    Ok(Answer { status: if atomic { 200 } else { 207 }, body, ..Answer::default() })
}
